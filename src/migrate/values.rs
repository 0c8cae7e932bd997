//! Annotations as they are translated: what does not parse counts as absent, and is told.

use super::Notes;
use crate::annotations::{ALB_PREFIX, AnnotationError, Annotations, table};
use crate::api::ObjectMeta;
use crate::finding::{Finding, ObjectRef};
use std::collections::BTreeMap;

/// Annotations by full key.
pub type Map = BTreeMap<String, String>;

/// The annotations of an object, or what those of several come to.
#[derive(Clone, Debug)]
pub struct Values {
    /// Whose they are.
    pub object: ObjectRef,
    map: Map,
}

impl Values {
    /// Those of an object.
    pub fn of(object: ObjectRef, metadata: &ObjectMeta) -> Self {
        Self { object, map: metadata.annotations.clone().unwrap_or_default() }
    }

    /// Annotations that were merged or made, by full key. `object`: whom findings name.
    pub fn new(object: ObjectRef, map: Map) -> Self {
        Self { object, map }
    }

    /// The same, but annotations of load balancers of another object win.
    #[must_use]
    pub fn overlaid_by(&self, other: &Self) -> Self {
        let prefix = format!("{ALB_PREFIX}/");
        let mut map = self.map.clone();
        map.extend(
            other
                .map
                .iter()
                .filter(|(key, _)| key.starts_with(&prefix))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        Self { object: self.object.clone(), map }
    }

    /// All annotations, also those of other tools.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// As they are read.
    pub fn annotations(&self) -> Annotations<'_> {
        Annotations::new(ALB_PREFIX, Some(&self.map))
    }

    /// A text that is not empty.
    pub fn text(&self, suffix: &str) -> Option<&str> {
        self.annotations().string(suffix).filter(|text| !text.is_empty())
    }

    /// A text that has to be one of a few, by the table of annotations.
    pub fn choice(&self, suffix: &str, notes: &mut Notes) -> Option<&str> {
        let text = self.text(suffix)?;
        match table::refusal_of(&self.annotations().key(suffix), text) {
            None => Some(text),
            Some(refusal) => {
                let finding =
                    Finding::warning(&self.object, format!("{}: is not translated", refusal.problem));
                let finding = finding.at(self.annotations().key(suffix));
                notes.add(Finding { hint: refusal.hint, ..finding });
                None
            }
        }
    }

    /// A list; empty if there is none.
    pub fn list(&self, suffix: &str) -> Vec<String> {
        self.annotations().list(suffix).unwrap_or_default()
    }

    /// A boolean.
    pub fn boolean(&self, suffix: &str, notes: &mut Notes) -> Option<bool> {
        self.told(self.annotations().boolean(suffix), notes)
    }

    /// A number.
    pub fn int32(&self, suffix: &str, notes: &mut Notes) -> Option<i32> {
        self.told(self.annotations().int32(suffix), notes)
    }

    /// A long number.
    pub fn int64(&self, suffix: &str, notes: &mut Notes) -> Option<i64> {
        self.told(self.annotations().int64(suffix), notes)
    }

    /// Pairs; empty if there are none.
    pub fn pairs(&self, suffix: &str, notes: &mut Notes) -> Map {
        self.told(self.annotations().map(suffix), notes).unwrap_or_default()
    }

    fn told<T>(&self, read: Result<Option<T>, AnnotationError>, notes: &mut Notes) -> Option<T> {
        match read {
            Ok(value) => value,
            Err(error) => {
                let finding = Finding::warning(&self.object, format!("{error}: is not translated"));
                notes.add(finding.at(error.key));
                None
            }
        }
    }
}
