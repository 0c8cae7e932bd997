//! What an update changes, as far as it is any of our business.

use super::Operation;
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::api::meta::INGRESS_CLASS_ANNOTATION;
use serde_json::{Map, Value};

/// Whether there is nothing to check: no creation or update, an object on its way out, or an update that touches neither
/// the spec nor an annotation of ours (metadata, status, finalizers).
pub fn is_of_no_concern(operation: Operation, object: &Value, old: Option<&Value>) -> bool {
    let is_leaving = object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null());
    match operation {
        Operation::Create => is_leaving,
        Operation::Update => is_leaving || old.is_some_and(|old| !touches(object, old)),
        Operation::Other => true,
    }
}

fn touches(object: &Value, old: &Value) -> bool {
    object.get("spec") != old.get("spec") || !ours(object).eq(ours(old))
}

/// Annotations of ours, by key.
fn ours(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    annotations.into_iter().flat_map(Map::iter).filter(|(key, _)| is_ours(key))
}

fn is_ours(key: &str) -> bool {
    let prefix = key.split('/').next().unwrap_or_default();
    prefix == ALB_PREFIX || prefix == NLB_PREFIX || key == INGRESS_CLASS_ANNOTATION
}

#[cfg(test)]
mod tests;
