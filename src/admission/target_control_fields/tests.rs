#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn told(name: &str, changes: &Value) -> Vec<String> {
    let mut spec = json!({
        "image": "agent:1", "dataAddress": "0.0.0.0:80", "controlAddress": "0.0.0.0:3000",
        "destinationAddress": "127.0.0.1:8080"
    });
    for (key, value) in changes.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let settings = json!({"metadata": {"name": name}, "spec": spec});
    let findings = check(&serde_json::from_value(settings).unwrap());
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.field.as_deref().unwrap(), finding.message))
        .collect()
}

#[test]
fn settings_that_no_agent_can_use_are_found() {
    assert_eq!(told(CONFIG_NAME, &json!({})), [""; 0]);
    assert_eq!(told(CONFIG_NAME, &json!({"dataAddress": "[::]:80"})), [""; 0]);
    let cases = [
        ("other", json!({}), "metadata.name: has no effect"),
        (CONFIG_NAME, json!({"image": ""}), "spec.image: is empty"),
        (CONFIG_NAME, json!({"dataAddress": "localhost:80"}), "spec.dataAddress: \"localhost:80\" is not"),
        (CONFIG_NAME, json!({"destinationAddress": "127.0.0.1:0"}), "spec.destinationAddress: "),
        (CONFIG_NAME, json!({"controlAddress": "0.0.0.0:80"}), "has the port of spec.dataAddress"),
        (CONFIG_NAME, json!({"tlsCertPath": "/tls.crt"}), "need each other"),
    ];
    for (name, changes, expected) in cases {
        let told = told(name, &changes);
        assert!(told.len() == 1 && told[0].contains(expected), "{changes}: {told:?}, expected {expected}");
    }
}
