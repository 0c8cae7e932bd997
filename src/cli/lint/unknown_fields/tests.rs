#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::{Ingress, IngressClassParams, Service, TargetGroupBinding};
use serde_json::json;

fn paths(found: Vec<UnknownField>) -> Vec<String> {
    found.into_iter().map(|field| field.path).collect()
}

#[test]
fn fields_of_built_in_kinds_are_compared_at_every_depth() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "anotations": {}}, "spec": {
        "loadbalancerClass": "x", "ports": [{"port": 80}, {"port": 81, "targetport": 8080}], "selector": {"any": "thing"}}});
    let expected = ["metadata.anotations", "spec.loadbalancerClass", "spec.ports[1].targetport"];
    assert_eq!(paths(unknown_fields::<Service>(&service)), expected);
    let ingress = json!({"spec": {"rules": [{"http": {"paths": [{"backend": {"serviceName": "a", "servicePort": 80}}]}}]}});
    let backend = "spec.rules[0].http.paths[0].backend";
    assert_eq!(
        paths(unknown_fields::<Ingress>(&ingress)),
        [format!("{backend}.serviceName"), format!("{backend}.servicePort")]
    );
}

#[test]
fn fields_of_our_kinds_are_compared_and_the_right_ones_are_named() {
    let params = json!({"spec": {"loadbalancerAttributes": [], "group": {"nme": "a"}}});
    let found = unknown_fields::<IngressClassParams>(&params);
    assert_eq!(paths(found.clone()), ["spec.loadbalancerAttributes", "spec.group.nme"]);
    assert!(found[0].known.contains(&"loadBalancerAttributes"));
    let binding = json!({"spec": {"TargetType": "ip", "nodeSelector": {"matchLables": {}}}});
    assert_eq!(
        paths(unknown_fields::<TargetGroupBinding>(&binding)),
        ["spec.TargetType", "spec.nodeSelector.matchLables"]
    );
}

#[test]
fn sound_objects_and_objects_that_do_not_parse_have_none() {
    let sound = json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"ports": [{"port": 80, "targetPort": "http"}]}});
    assert_eq!(unknown_fields::<Service>(&sound), []);
    assert_eq!(unknown_fields::<Service>(&json!("text")), []);
    assert_eq!(unknown_fields::<Service>(&json!({"spec": {"ports": "none"}})), []);
}
