#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Map, Value, json};

use super::*;
use crate::api::TargetGroupBindingSpec;

/// The contract: identity, versions, columns and schema of every definition, without descriptions.
const CONTRACT: &str = include_str!("contract.yaml");
/// The same, of the definitions for Gateways.
const GATEWAY_CONTRACT: &str = include_str!("gateway-contract.yaml");

/// The same, of GlobalAccelerators.
const ACCELERATOR_CONTRACT: &str = include_str!("accelerator-contract.yaml");

/// Fields beyond the contract.
const OURS: &[&str] =
    &["/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/certificateSource"];

#[test]
fn the_definitions_are_equal_to_the_contract() {
    for (contract, definitions) in [
        (CONTRACT, crds()),
        (ACCELERATOR_CONTRACT, global_accelerator_crds()),
        (GATEWAY_CONTRACT, gateway_crds()),
    ] {
        let contract: Vec<Value> = serde_saphyr::from_multiple(contract).unwrap();
        let generated: Vec<Value> = definitions
            .iter()
            .map(|crd| normalise(&serde_json::to_value(without_annotations(crd)).unwrap()))
            .collect();
        let contract: Vec<Value> = contract.iter().map(normalise).collect();
        let (mut generated, mut found) = (generated, Vec::new());
        for pointer in OURS {
            let (object, field) = pointer.rsplit_once('/').unwrap();
            for schema in generated.iter_mut().filter_map(|one| one.pointer_mut(object)) {
                schema.as_object_mut().unwrap().remove(field);
            }
        }
        differences("", &Value::Array(generated), &Value::Array(contract), &mut found);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn definitions_stay_when_a_release_or_an_application_goes() {
    for crd in crds().into_iter().chain(global_accelerator_crds()).chain(gateway_crds()) {
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

#[test]
fn every_field_of_a_gateway_configuration_is_read() {
    let objects: Vec<Value> = serde_saphyr::from_multiple(include_str!("gateway-objects.yaml")).unwrap();
    assert_eq!(objects.len(), 6);
    for object in objects {
        let written = match object["kind"].as_str().unwrap() {
            "LoadBalancerConfiguration" => round_trip::<LoadBalancerConfiguration>(&object),
            "TargetGroupConfiguration" => round_trip::<TargetGroupConfiguration>(&object),
            "ListenerRuleConfiguration" => round_trip::<ListenerRuleConfiguration>(&object),
            other => panic!("{other}"),
        };
        // why: a type is written in the one version that it stands for
        let mut read = object;
        read["apiVersion"] = "gateway.k8s.aws/v1".into();
        assert_eq!(written, read);
    }
}

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

#[test]
fn the_full_objects_have_every_field_of_the_schemas() {
    let objects: Vec<Value> = serde_saphyr::from_multiple(include_str!("gateway-objects.yaml")).unwrap();
    for definition in gateway_crds() {
        let definition = serde_json::to_value(definition).unwrap();
        let own: Vec<&Value> =
            objects.iter().filter(|object| object["kind"] == definition["spec"]["names"]["kind"]).collect();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for part in ["spec", "status"] {
            let values: Vec<&Value> = own.iter().map(|object| &object[part]).collect();
            assert_covered(part, &schema["properties"][part], &values);
        }
    }
}

/// That one of the values, at least, has each field of a schema.
fn assert_covered(path: &str, schema: &Value, values: &[&Value]) {
    let items: Vec<&Value> = values.iter().flat_map(|value| value.as_array().into_iter().flatten()).collect();
    if schema["type"] == "array" {
        return assert_covered(path, &schema["items"], &items);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let fields: Vec<&Value> = values.iter().filter_map(|value| value.get(name)).collect();
        assert!(!fields.is_empty(), "{path}");
        assert_covered(&path, schema, &fields);
    }
}

#[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the controller")]
#[test]
fn the_chart_ships_the_generated_definitions() {
    for (file, definitions) in [
        ("crds.yaml", crds()),
        ("accelerator-crds.yaml", global_accelerator_crds()),
        ("gateway-crds.yaml", gateway_crds()),
    ] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/aws-load-balancer-controller/crds");
        let path = format!("{folder}/{file}");
        let printed = render(definitions).unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &printed).unwrap();
        }
        let shipped = std::fs::read_to_string(&path).unwrap();
        assert!(shipped == printed, "{path} is out of date, run the tests with UPDATE_GOLDEN=1");
    }
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
