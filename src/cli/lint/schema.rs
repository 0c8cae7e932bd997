//! Objects of our kinds beside the schema of their definition: values of the wrong type, values outside of closed sets, and
//! fields that are missing. An object with one of these cannot be read at all, so that nothing else could be said about it.

use crate::api::crds::{gateway_crds, global_accelerator_crds};
use crate::finding::{Finding, ObjectRef, alternatives, compared};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Schemas of the specs, by kind.
static SPECS: LazyLock<BTreeMap<String, JSONSchemaProps>> = LazyLock::new(|| {
    let specs = gateway_crds().into_iter().chain(global_accelerator_crds()).filter_map(|definition| {
        let stored = definition.spec.versions.into_iter().find(|version| version.storage)?;
        let mut properties = stored.schema?.open_api_v3_schema?.properties?;
        Some((definition.spec.names.kind, properties.remove("spec")?))
    });
    specs.collect()
});

/// What keeps an object from being one of its kind.
pub(super) fn check(object: &Value, name: &ObjectRef) -> Vec<Finding> {
    let (Some(schema), Some(spec)) = (SPECS.get(name.kind), object.get("spec")) else { return Vec::new() };
    let mut walk = SchemaWalk { name, found: Vec::new() };
    walk.value("spec", spec, schema);
    walk.found
}

struct SchemaWalk<'n> {
    name: &'n ObjectRef,
    found: Vec<Finding>,
}

impl SchemaWalk<'_> {
    fn error(&mut self, path: &str, problem: String) {
        self.found.push(Finding::error(self.name, problem).at(path));
    }

    fn value(&mut self, path: &str, value: &Value, schema: &JSONSchemaProps) {
        if value.is_null() {
            return;
        }
        if let Some(expected) = expected_type(value, schema) {
            let finding = Finding::error(self.name, format!("{} is not {expected}", brief(value))).at(path);
            let is_unquoted = expected == TEXT && (value.is_number() || value.is_boolean());
            let hint = || format!("write \"{value}\" in quotes");
            self.found.push(if is_unquoted { finding.hint(hint()) } else { finding });
            return;
        }
        self.choice(path, value, schema);
        self.fields(path, value, schema);
        if let (Some(items), Some(JSONSchemaPropsOrArray::Schema(of_items))) =
            (value.as_array(), &schema.items)
        {
            for (index, item) in items.iter().enumerate() {
                self.value(&format!("{path}[{index}]"), item, of_items);
            }
        }
    }

    fn choice(&mut self, path: &str, value: &Value, schema: &JSONSchemaProps) {
        let allowed: Vec<&str> = schema.enum_.iter().flatten().filter_map(|known| known.0.as_str()).collect();
        let Some(text) = value.as_str().filter(|text| !allowed.is_empty() && !allowed.contains(text)) else {
            return;
        };
        let problem = format!("{text:?} is not one of {}", alternatives(&allowed));
        let suggested = compared(self.found.len(), allowed);
        self.found.push(Finding::error(self.name, problem).at(path).suggest(text, suggested));
    }

    fn fields(&mut self, path: &str, value: &Value, schema: &JSONSchemaProps) {
        let Some(fields) = value.as_object() else { return };
        for missing in schema.required.iter().flatten() {
            if fields.get(missing).is_none_or(Value::is_null) {
                self.error(&format!("{path}.{missing}"), "is missing".to_owned());
            }
        }
        let properties = schema.properties.as_ref();
        let others = match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(&**schema),
            _ => None,
        };
        for (key, value) in fields {
            let schema = properties.and_then(|properties| properties.get(key)).or(others);
            if let Some(schema) = schema {
                self.value(&format!("{path}.{key}"), value, schema);
            }
        }
    }
}

const TEXT: &str = "a text";

/// What a value should be, if it is of another type.
fn expected_type(value: &Value, schema: &JSONSchemaProps) -> Option<&'static str> {
    let (expected, is_right) = match schema.type_.as_deref()? {
        "string" => (TEXT, value.is_string()),
        "integer" => ("a whole number", value.is_i64() || value.is_u64()),
        "boolean" => ("true or false", value.is_boolean()),
        "object" => ("an object", value.is_object()),
        "array" => ("a list", value.is_array()),
        _ => return None,
    };
    (!is_right).then_some(expected)
}

/// A value, or what it is.
fn brief(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests;
