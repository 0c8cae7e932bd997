#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Map, Value, json};

use super::*;
use crate::api::TargetGroupBindingSpec;

/// The contract: identity, versions, columns and schema of every definition, without descriptions.
const CONTRACT: &str = include_str!("contract.yaml");

#[test]
fn the_definitions_are_equal_to_the_contract() {
    let contract: Vec<Value> = serde_saphyr::from_multiple(CONTRACT).unwrap();
    let generated: Vec<Value> = crds()
        .iter()
        .map(|crd| normalise(&serde_json::to_value(without_annotations(crd)).unwrap()))
        .collect();
    let contract: Vec<Value> = contract.iter().map(normalise).collect();
    let mut found = Vec::new();
    differences("", &Value::Array(generated), &Value::Array(contract), &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn definitions_stay_when_a_release_or_an_application_goes() {
    for crd in crds() {
        let annotations = crd.metadata.annotations.unwrap_or_default();
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
        assert_eq!(annotations["argocd.argoproj.io/sync-options"], "Prune=false,Delete=false");
    }
}

#[test]
fn an_object_without_a_spec_can_be_read() {
    let read: TargetGroupBinding = serde_json::from_value(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": {"name": "a"},
    }))
    .unwrap();
    assert_eq!(read.spec, TargetGroupBindingSpec::default());
    let read: IngressClassParams = serde_json::from_value(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "IngressClassParams", "metadata": {"name": "a"}, "spec": null,
    }))
    .unwrap();
    assert_eq!(read.spec.group, None);
}

#[test]
fn a_binding_is_written_as_it_was_read() {
    let object = json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": "k8s-shop-cart-0123456789", "namespace": "shop"},
        "spec": {
            "targetGroupARN": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/b",
            "targetType": "ip",
            "targetGroupProtocol": "TCP_UDP",
            "ipAddressType": "ipv6",
            "multiClusterTargetGroup": false,
            "vpcID": "vpc-1",
            "serviceRef": {"name": "cart", "port": 80},
            "networking": {"ingress": [{
                "from": [{"securityGroup": {"groupID": "sg-1"}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}],
                "ports": [{"port": 8080, "protocol": "TCP"}, {"port": "http"}],
            }]},
            "nodeSelector": {"matchLabels": {"a": "b"}},
        },
        "status": {"observedGeneration": 3},
    });
    let read: TargetGroupBinding = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), object);
}

#[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the controller")]
#[test]
fn the_chart_ships_the_generated_definitions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/aws-load-balancer-controller/crds/crds.yaml");
    let printed = render_yaml().unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    let shipped = std::fs::read_to_string(path).unwrap();
    assert!(shipped == printed, "{path} is out of date, run the tests with UPDATE_GOLDEN=1");
}

/// Without descriptions and with numbers in one form; `required` and `enum` are sets.
/// Annotations are no part of the contract.
fn without_annotations(crd: &CustomResourceDefinition) -> CustomResourceDefinition {
    let mut crd = crd.clone();
    crd.metadata.annotations = None;
    crd
}

fn normalise(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(normalise_map(map)),
        Value::Array(list) => Value::Array(list.iter().map(normalise).collect()),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

fn normalise_map(map: &Map<String, Value>) -> Map<String, Value> {
    let kept = map.iter().filter(|(key, value)| !(key.as_str() == "description" && value.is_string()));
    kept.map(|(key, value)| {
        let mut value = normalise(value);
        if let (true, Value::Array(list)) = (matches!(key.as_str(), "required" | "enum"), &mut value) {
            list.sort_by_key(ToString::to_string);
        }
        (key.clone(), value)
    })
    .collect()
}

/// One line for every place where the values differ.
fn differences(path: &str, ours: &Value, contract: &Value, found: &mut Vec<String>) {
    match (ours, contract) {
        (Value::Object(ours), Value::Object(contract)) => {
            for key in ours.keys().chain(contract.keys().filter(|key| !ours.contains_key(*key))) {
                let [ours, contract] = [ours, contract].map(|map| map.get(key).unwrap_or(&Value::Null));
                differences(&format!("{path}.{key}"), ours, contract, found);
            }
        }
        (Value::Array(ours), Value::Array(contract)) if ours.len() == contract.len() => {
            for (index, (ours, contract)) in ours.iter().zip(contract).enumerate() {
                differences(&format!("{path}[{index}]"), ours, contract, found);
            }
        }
        _ if ours == contract => {}
        _ => found.push(format!("{path}: generated {ours}, contract {contract}")),
    }
}
