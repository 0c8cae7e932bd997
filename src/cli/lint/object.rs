//! What all objects have: texts at their top, and a name.

use crate::finding::{Finding, ObjectRef};
use serde_json::Value;

/// Something wrong with the shape of an object, with the id of its rule.
pub(super) type ShapeFinding = (&'static str, Finding);

pub(super) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn name_of(object: &Value, kind: &'static str) -> ObjectRef {
    let meta = |key: &str| object.get("metadata").map(|meta| text(meta, key).to_owned()).unwrap_or_default();
    ObjectRef { kind, namespace: meta("namespace"), name: meta("name") }
}
