use super::{merge, read_manifests};
use serde_json::json;

#[test]
fn lists_are_unfolded_and_empty_documents_skipped() {
    let text = "---\nkind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: List, items: [{kind: C}]}]\n";
    let kinds: Vec<_> = read_manifests(text).unwrap().iter().map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds, ["A", "B", "C"]);
}

#[test]
fn text_that_is_no_yaml_is_refused() {
    assert!(read_manifests("a: [b").is_err());
}

#[test]
fn annotations_that_leave_the_manifest_go_and_those_of_others_stay() {
    let last = json!({"metadata": {"annotations": {"gone": "1", "changed": "1"}}}).to_string();
    let live = json!({
        "metadata": {"name": "a", "uid": "u", "finalizers": ["f"], "annotations": {
            "gone": "1", "changed": "1", "others": "1",
            "kubectl.kubernetes.io/last-applied-configuration": last,
        }},
        "spec": {"a": 1, "b": 2}, "status": {"c": 3},
    });
    let manifest = json!({"metadata": {"name": "a", "annotations": {"changed": "2"}}, "spec": {"a": 2}});
    let mut merged = merge(live, manifest);
    let annotations = merged["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    let expected = json!({
        "metadata": {"name": "a", "uid": "u", "finalizers": ["f"], "labels": {},
                     "annotations": {"changed": "2", "others": "1"}},
        "spec": {"a": 2}, "status": {"c": 3},
    });
    assert_eq!(merged, expected);
}
