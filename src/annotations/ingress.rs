//! The structured annotations of Ingresses: JSON text to typed values, with the checks that need nothing but the text.
//!
//! Decoding follows Go's `encoding/json`, as upstream's `pkg/ingress` uses it: struct keys match without regard to case,
//! keys of plain maps are data and keep theirs, `null` is the zero value, unknown keys are ignored.

pub mod action;
pub mod auth;
pub mod condition;
pub mod jwt;
pub mod listen_ports;
pub mod mutual_tls;
pub mod transform;

use super::{ALB_PREFIX, AnnotationError, Annotations};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An annotation that cannot be used: which one, what is wrong with it, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidAnnotation {
    /// Full annotation key.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

impl InvalidAnnotation {
    /// Something wrong with the annotation of this full key.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<AnnotationError> for InvalidAnnotation {
    fn from(error: AnnotationError) -> Self {
        let problem = error.to_string();
        Self::new(error.key, problem)
    }
}

/// The annotations of an Ingress.
pub fn of(annotations: Option<&BTreeMap<String, String>>) -> Annotations<'_> {
    Annotations::new(ALB_PREFIX, annotations)
}

/// A JSON object read into a struct. Unlike serde, and like Go, it takes no array for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct GoObject<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for GoObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Map::<String, Value>::deserialize(deserializer)?;
        T::deserialize(Value::Object(entries)).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Decodes the JSON text of a suffix, if the annotation is there. `opaque` names the fields (in lower case) whose keys are data.
fn json<T: DeserializeOwned + Default>(
    annotations: &Annotations<'_>,
    suffix: &str,
    expected: &str,
    opaque: &[&str],
) -> Result<Option<T>, InvalidAnnotation> {
    let Some(text) = annotations.string(suffix) else { return Ok(None) };
    match decode(text, opaque) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            Err(InvalidAnnotation::new(annotations.key(suffix), format!("is not {expected}: {error}")))
        }
    }
}

fn decode<T: DeserializeOwned + Default>(text: &str, opaque: &[&str]) -> Result<T, serde_json::Error> {
    match fold(serde_json::from_str(text)?, opaque) {
        Value::Null => Ok(T::default()),
        value => serde_json::from_value(value),
    }
}

/// Lower-cases struct keys and drops nulls; below the `opaque` fields everything stays as it is.
fn fold(value: Value, opaque: &[&str]) -> Value {
    match value {
        Value::Object(entries) => {
            let present = entries.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                present
                    .map(|(key, value)| {
                        let key = key.to_lowercase();
                        let value = if opaque.contains(&key.as_str()) { value } else { fold(value, opaque) };
                        (key, value)
                    })
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| fold(item, opaque)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
