#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::json;

fn object() -> Value {
    json!({
        "metadata": {"finalizers": ["a", "b"], "annotations": {"alb.ingress.kubernetes.io/scheme": "wrong", "other": "1"}},
        "spec": {"ports": [{"port": 80}]}
    })
}

#[test]
fn only_changes_of_spec_or_our_annotations_concern_us() {
    let cases: [(&str, Value, bool); 7] = [
        ("/metadata/finalizers", json!(["a"]), true),
        ("/metadata/annotations/other", json!("2"), true),
        ("/metadata/annotations/alb.ingress.kubernetes.io~1scheme", json!("internal"), false),
        ("/metadata/annotations", json!({}), false),
        (
            "/metadata/annotations",
            json!({"alb.ingress.kubernetes.io/scheme": "wrong", "kubernetes.io/ingress.class": "x"}),
            false,
        ),
        ("/spec/ports/0/port", json!(81), false),
        ("/spec", json!({"ports": [{"port": 80}]}), true),
    ];
    for (pointer, value, expected) in cases {
        let mut new = object();
        *new.pointer_mut(pointer).unwrap() = value;
        let is_of_no_concern = Change::update("shop", &new, &object()).is_of_no_concern();
        assert_eq!(is_of_no_concern, expected, "{pointer}: {new}");
    }
}

#[test]
fn an_object_on_its_way_out_and_other_operations_do_not_concern_us() {
    let mut leaving = object();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    leaving["spec"] = json!({});
    let (object, without_old) =
        (object(), |operation, object| Change { operation, namespace: "shop", object, old: None });
    assert!(Change::update("shop", &leaving, &object).is_of_no_concern());
    assert!(without_old(AdmissionOperation::Other, &object).is_of_no_concern());
    assert!(!without_old(AdmissionOperation::Create, &object).is_of_no_concern());
    assert!(!without_old(AdmissionOperation::Update, &object).is_of_no_concern());
}
