#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::json;

#[test]
fn fields_are_found_wherever_they_stand_in_lists() {
    let object = json!({"spec": {"rules": [{}, {"retry": {"attempts": 1}}, {"retry": null}, 5]}});
    let found: Vec<String> =
        places(&object, "spec.rules[].retry").into_iter().map(|(place, _)| place).collect();
    assert_eq!(found, ["spec.rules[1].retry"]);
    let items = json!({"a": [{"b": [1, 2]}, {"b": {}}]});
    let found: Vec<String> = places(&items, "a[].b[]").into_iter().map(|(place, _)| place).collect();
    assert_eq!(found, ["a[0].b[0]", "a[0].b[1]"]);
}

#[test]
fn a_field_is_known_with_and_without_its_place() {
    assert!(is_unread("HTTPRoute", "spec.rules[12].retry"));
    assert!(is_unread("Gateway", "spec.listeners[].tls.options"));
    assert!(!is_unread("GRPCRoute", "spec.rules[0].retry"));
    assert!(!is_unread("HTTPRoute", "spec.rules[0].retries"));
}
