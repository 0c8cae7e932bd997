//! Where a setting is written.

use crate::annotations::AnnotationError;
use crate::annotations::value::ValueFinding;
use crate::finding::{Finding, ObjectRef, alternatives};

/// The object that holds a setting, and the annotation or field of it. Every finding about the setting names both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The object.
    pub object: ObjectRef,
    /// Annotation key or field path; `None`: the object as a whole.
    pub field: Option<String>,
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value of this origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

impl Origin {
    /// The object as a whole.
    pub fn object(object: &ObjectRef) -> Self {
        Self { object: object.clone(), field: None }
    }

    /// An annotation or field of an object.
    pub fn field(object: &ObjectRef, field: impl Into<String>) -> Self {
        Self { object: object.clone(), field: Some(field.into()) }
    }

    /// A warning: the setting is likely a mistake, but can be built.
    pub fn warning(&self, message: impl Into<String>) -> Finding {
        Finding { field: self.field.clone(), ..Finding::warning(&self.object, message) }
    }

    /// An error: the setting cannot be built.
    pub fn error(&self, message: impl Into<String>) -> Finding {
        Finding { field: self.field.clone(), ..Finding::error(&self.object, message) }
    }

    /// The error for a value outside of the allowed ones, with the nearest of them as a hint.
    pub fn not_one_of(&self, value: &str, allowed: &[&str]) -> Finding {
        self.error(format!("{value:?} is not one of {}", alternatives(allowed)))
            .suggest(value, allowed.iter().copied())
    }
}

impl AnnotationError {
    /// The error as a mistake of the object that carries the annotation.
    pub fn found_on(self, object: &ObjectRef) -> Finding {
        let ValueFinding { severity: _, problem, hint } = self.value_finding();
        let finding = Finding::error(object, problem).at(self.key);
        match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }
}
