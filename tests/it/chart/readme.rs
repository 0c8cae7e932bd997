//! The chart's README has a table of values that is written from the schema and the defaults.

use std::fmt::Write;

use serde_json::Value;

use super::{chart, compare, read_schema, read_yaml};

const START: &str = "<!-- values: written by a test from values.schema.json and values.yaml -->\n";
const END: &str = "<!-- end of values -->\n";

#[test]
fn the_readme_lists_every_value_with_its_default() {
    let path = chart().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut table = String::from("| Value | Default | Meaning |\n|---|---|---|\n");
    add_rows(&mut table, "", &read_schema(), &read_yaml("values.yaml"));
    compare(&path, &format!("{before}{START}\n{table}\n{END}{after}"));
}

fn add_rows(table: &mut String, path: &str, schema: &Value, defaults: &Value) {
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let (path, default) = (format!("{path}{key}"), &defaults[key]);
        if schema.get("properties").is_some() {
            add_rows(table, &format!("{path}."), schema, default);
        } else if !["enabled", "global"].contains(&key.as_str()) {
            let meaning = schema["description"].as_str().unwrap();
            writeln!(table, "| `{path}` | {} | {meaning} |", show(default)).unwrap();
        }
    }
}

fn show(default: &Value) -> String {
    match default {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => format!("`{text}`"),
        Value::Object(map) if map.len() > 2 => "see values.yaml".to_string(),
        other => format!("`{other}`"),
    }
}
