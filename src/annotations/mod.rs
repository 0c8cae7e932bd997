//! Layer 1: annotations, from text to typed values.
//!
//! The grammar is upstream's `pkg/annotations`: values are not trimmed unless said so, an annotation that is present with
//! an empty value counts as present.

pub mod attributes;
pub mod ingress;
pub mod parse;
pub mod service;
pub mod table;
pub mod value;

use std::collections::BTreeMap;
use value::ValueFinding;

/// Prefix of Ingress annotations.
pub const ALB_PREFIX: &str = "alb.ingress.kubernetes.io";
/// Prefix of Service annotations.
pub const NLB_PREFIX: &str = "service.beta.kubernetes.io";

/// A value that does not parse: names key, value and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct AnnotationError {
    /// Full annotation key.
    pub key: String,
    /// The offending value.
    pub value: String,
    /// What is allowed, for example "a boolean (true or false)".
    pub expected: String,
}

impl AnnotationError {
    /// What is wrong with the value, in the words of admission: those of the annotation's row in the table, if it refuses the
    /// value, too.
    pub fn value_finding(&self) -> ValueFinding {
        table::refusal_of(&self.key, &self.value).unwrap_or_else(|| ValueFinding::error(self.to_string()))
    }
}

/// The annotations of an object under one prefix, or an overlay of several objects' annotations.
///
/// With an overlay the first layer that has the key wins with its whole value (Service over Ingress).
#[derive(Clone, Debug)]
pub struct Annotations<'a> {
    prefix: &'static str,
    layers: Vec<&'a BTreeMap<String, String>>,
}

impl<'a> Annotations<'a> {
    /// The annotations of one object.
    pub fn new(prefix: &'static str, annotations: Option<&'a BTreeMap<String, String>>) -> Self {
        Self { prefix, layers: annotations.into_iter().collect() }
    }

    /// The same, but keys of `upper` win.
    #[must_use]
    pub fn overlaid_by(&self, upper: Option<&'a BTreeMap<String, String>>) -> Self {
        Self { prefix: self.prefix, layers: upper.into_iter().chain(self.layers.iter().copied()).collect() }
    }

    /// The full key of a suffix.
    pub fn key(&self, suffix: &str) -> String {
        format!("{}/{suffix}", self.prefix)
    }

    /// The raw value.
    pub fn string(&self, suffix: &str) -> Option<&'a str> {
        let key = self.key(suffix);
        self.layers.iter().find_map(|layer| layer.get(&key)).map(String::as_str)
    }

    /// A boolean in Go's spelling.
    pub fn boolean(&self, suffix: &str) -> Result<Option<bool>, AnnotationError> {
        self.parsed(suffix, "a boolean (true or false)", parse::boolean)
    }

    /// A 32-bit integer.
    pub fn int32(&self, suffix: &str) -> Result<Option<i32>, AnnotationError> {
        self.parsed(suffix, "a 32-bit integer", parse::int32)
    }

    /// A 64-bit integer.
    pub fn int64(&self, suffix: &str) -> Result<Option<i64>, AnnotationError> {
        self.parsed(suffix, "a 64-bit integer", parse::int64)
    }

    /// A comma-separated list; blanks around items and empty items are dropped.
    pub fn list(&self, suffix: &str) -> Option<Vec<String>> {
        self.string(suffix).map(parse::list)
    }

    /// A comma-separated list of `key=value` pairs.
    pub fn map(&self, suffix: &str) -> Result<Option<BTreeMap<String, String>>, AnnotationError> {
        self.parsed(suffix, "a list of key=value pairs", parse::map)
    }

    /// JSON text, read as [`parse::json`] reads it.
    pub fn json<T: serde::de::DeserializeOwned>(
        &self,
        suffix: &str,
        expected: &str,
    ) -> Result<Option<T>, AnnotationError> {
        self.parsed(suffix, expected, parse::json)
    }

    /// The error for a value of this key.
    pub fn error(&self, suffix: &str, expected: impl Into<String>) -> AnnotationError {
        AnnotationError {
            key: self.key(suffix),
            value: self.string(suffix).unwrap_or_default().to_owned(),
            expected: expected.into(),
        }
    }

    fn parsed<T>(
        &self,
        suffix: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, AnnotationError> {
        match self.string(suffix) {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| self.error(suffix, expected)),
        }
    }
}

#[cfg(test)]
mod tests;
