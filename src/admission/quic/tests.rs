#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

#[test]
fn ids_have_upstreams_layout() {
    assert_eq!(encode_id(1_700_000_000_000, 42, 5), "HHF+gAAAFQU=");
    assert_eq!(encode_id(1_767_225_600_000, 5, 17), "LBhzwAAAApE=");
}

#[test]
fn only_named_containers_without_the_variable_get_an_id() {
    let pod = json!({
        "metadata": {"annotations": {QUIC_CONTAINERS_ANNOTATION: "a,c,missing"}},
        "spec": {
            "containers": [{"name": "a"}, {"name": "b"}, {"name": "c", "env": [{"name": "ID", "value": "own"}]}],
            "initContainers": [{"name": "c"}],
        },
    });
    assert_eq!(needed_ids(AdmissionOperation::Create, &pod, "ID"), 2);
    let ids = ["one".to_owned(), "two".to_owned()];
    let spec = inject_server_ids(AdmissionOperation::Create, &pod, "ID", ids).object.unwrap()["spec"].clone();
    assert_eq!(spec["containers"][0]["env"], json!([{"name": "ID", "value": "one"}]));
    assert_eq!(spec["containers"][1].get("env"), None);
    assert_eq!(spec["containers"][2]["env"], json!([{"name": "ID", "value": "own"}]));
    assert_eq!(spec["initContainers"][0]["env"], json!([{"name": "ID", "value": "two"}]));
}

#[test]
fn updates_and_pods_without_the_annotation_are_left_alone() {
    let pod = json!({"metadata": {}, "spec": {"containers": [{"name": "a"}]}});
    assert_eq!(needed_ids(AdmissionOperation::Create, &pod, "ID"), 0);
    let annotated = json!({"metadata": {"annotations": {QUIC_CONTAINERS_ANNOTATION: "a"}}, "spec": {"containers": [{"name": "a"}]}});
    assert_eq!(needed_ids(AdmissionOperation::Update, &annotated, "ID"), 0);
}
