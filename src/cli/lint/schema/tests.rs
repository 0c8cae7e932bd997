#![allow(clippy::needless_pass_by_value)] // why: manifests read best as literals
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::json;

fn said(kind: &'static str, spec: Value) -> Vec<String> {
    let name = ObjectRef { kind, namespace: String::new(), name: "edge".to_owned() };
    check(&json!({"spec": spec}), &name).iter().map(crate::admission::response::render).collect()
}

#[test]
fn values_that_the_definition_refuses_are_named_with_the_right_ones() {
    let cases = [
        (
            "LoadBalancerConfiguration",
            json!({"scheme": "internet-facng"}),
            "spec.scheme: \"internet-facng\" is not one of internal or internet-facing; did you mean `internet-facing`?",
        ),
        (
            "LoadBalancerConfiguration",
            json!({"listenerConfigurations": [{"sslPolicy": "a"}]}),
            "spec.listenerConfigurations[0].protocolPort: is missing",
        ),
        (
            "LoadBalancerConfiguration",
            json!({"tags": {"a": 5}}),
            "spec.tags.a: 5 is not a text; write \"5\" in quotes",
        ),
        (
            "LoadBalancerConfiguration",
            json!({"enableICMP": "yes"}),
            "spec.enableICMP: \"yes\" is not true or false",
        ),
        (
            "TargetGroupConfiguration",
            json!({"defaultConfiguration": {"targetType": "Instance"}}),
            "spec.defaultConfiguration.targetType: \"Instance\" is not one of instance or ip; did you mean `instance`?",
        ),
        (
            "TargetGroupConfiguration",
            json!({"defaultConfiguration": {"healthCheckConfig": {"healthCheckInterval": "10"}}}),
            "spec.defaultConfiguration.healthCheckConfig.healthCheckInterval: \"10\" is not a whole number",
        ),
        (
            "TargetGroupConfiguration",
            json!({"targetReference": "web"}),
            "spec.targetReference: \"web\" is not an object",
        ),
        ("ListenerRuleConfiguration", json!({"actions": {}}), "spec.actions: an object is not a list"),
    ];
    for (kind, spec, expected) in cases {
        assert_eq!(said(kind, spec), [expected]);
    }
}

#[test]
fn what_fits_and_what_is_null_is_passed_in_silence() {
    assert_eq!(
        said(
            "LoadBalancerConfiguration",
            json!({"scheme": "internal", "loadBalancerName": null, "tags": {"a": "b"}})
        ),
        [""; 0]
    );
    assert_eq!(said("Service", json!({"type": 5})), [""; 0], "no schema is known");
}
