//! Patches.

use serde_json::{Map, Value};

/// JSON merge patch (RFC 7396).
pub(super) fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        object.clone_from(patch);
        return;
    };
    for (key, value) in patch {
        let fields = fields_of(object);
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Strategic merge patch, as far as status goes: conditions are merged by type.
pub(super) fn merge_status(status: &mut Value, patch: &Value) {
    let mut rest = patch.clone();
    let conditions = rest.as_object_mut().and_then(|rest| rest.remove("conditions"));
    merge(status, &rest);
    let Some(Value::Array(conditions)) = conditions else { return };
    let present = fields_of(status).entry("conditions").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(present) = present else { return };
    for condition in conditions {
        match present.iter_mut().find(|known| known["type"] == condition["type"]) {
            Some(known) => merge(known, &condition),
            None => present.push(condition),
        }
    }
}

fn fields_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("made an object above"),
    }
}
