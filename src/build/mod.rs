//! Layer 2: from what users wrote to the AWS world they want.
//!
//! Builders are pure functions of Kubernetes objects, [`Facts`](crate::inputs::Facts) and [`Config`](crate::config::Config).
//! They never ask AWS: a missing fact stops the build with the question. The folders are one builder per source
//! ([`service`]); the files beside them are what builders share.
//!
//! Upstream: `pkg/service`, `pkg/ingress`, and the lookups of `pkg/networking`.

pub mod certificates;
pub mod ingress;
pub mod names;
pub mod ports;
pub mod security_groups;
pub mod service;
pub mod subnets;
pub mod tags;

use crate::annotations::AnnotationError;
use crate::finding::{Finding, Findings, ObjectRef};
use crate::model::Stack;

/// What a build yields: the wanted world, and what to tell the user about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The wanted world.
    pub stack: Stack,
    /// Mistakes that did not prevent it, in the order they were found.
    pub findings: Findings,
    /// Whether it uses the shared backend security group; if not, its source lets go of it once this is deployed.
    pub uses_backend_security_group: bool,
}

impl AnnotationError {
    /// The error as a mistake of the object that carries the annotation.
    pub fn found_on(self, object: &ObjectRef) -> Finding {
        let message = self.to_string();
        Finding::error(object, message).at(self.key)
    }
}

/// Where a setting stands: the object, and the annotation or field of it. Every finding about the setting names both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The object.
    pub object: ObjectRef,
    /// Annotation key or field path; `None`: the object as a whole.
    pub field: Option<String>,
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

    /// Something about the setting that is likely not meant so.
    pub fn warning(&self, message: impl Into<String>) -> Finding {
        Finding { field: self.field.clone(), ..Finding::warning(&self.object, message) }
    }

    /// Something about the setting that cannot be built.
    pub fn error(&self, message: impl Into<String>) -> Finding {
        Finding { field: self.field.clone(), ..Finding::error(&self.object, message) }
    }
}
