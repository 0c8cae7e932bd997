#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value)] // why: manifests are written in place

use super::*;
use serde_json::{Value, json};

fn object(spec: Value) -> Value {
    json!({
        "apiVersion": "aga.k8s.aws/v1beta1", "kind": "GlobalAccelerator",
        "metadata": {"name": "edge", "namespace": "shop"}, "spec": spec,
    })
}

fn denial(spec: Value) -> Option<(&'static str, String)> {
    let object = object(spec);
    check(&Change::create("shop", &object)).err().map(|denial| (denial.check, denial.message))
}

fn ranges(protocol: Value, list: &[(i32, i32)]) -> Value {
    let list: Vec<Value> = list.iter().map(|(from, to)| json!({"fromPort": from, "toPort": to})).collect();
    json!({"protocol": protocol, "portRanges": list})
}

#[test]
fn an_endpoint_that_is_named_twice_in_a_group_is_refused() {
    let endpoints = |list: Value| json!({"listeners": [{"endpointGroups": [{}, {"endpoints": list}]}]});
    let place = "duplicate endpoint detected in listener[0].endpointGroups[1]: ";
    for (list, key) in [
        (
            json!([{"type": "Service", "name": "web"}, {"type": "Service", "name": "web", "namespace": "shop"}]),
            Some("Service/shop/web"),
        ),
        (
            json!([{"type": "EndpointID", "endpointID": "a"}, {"type": "EndpointID", "endpointID": "a"}]),
            Some("EndpointID/a"),
        ),
        (json!([{"type": "Service", "name": "web"}, {"type": "Ingress", "name": "web"}]), None),
        (
            json!([{"type": "Service", "name": "web"}, {"type": "Service", "name": "web", "namespace": "b"}]),
            None,
        ),
    ] {
        let expected = key.map(|key| ("checkForDuplicateEndpoints", format!("{place}{key}")));
        assert_eq!(denial(endpoints(list.clone())), expected, "{list}");
    }
}

#[test]
fn ranges_of_one_protocol_may_not_overlap() {
    let (tcp, udp) = (json!("TCP"), json!("UDP"));
    for (listeners, protocol) in [
        (vec![ranges(tcp.clone(), &[(80, 90)]), ranges(tcp.clone(), &[(90, 91)])], Some("TCP")),
        (vec![ranges(udp.clone(), &[(53, 53), (50, 60)])], Some("UDP")),
        (vec![ranges(tcp.clone(), &[(80, 80)]), ranges(udp, &[(80, 80)])], None),
        (vec![ranges(tcp.clone(), &[(80, 80)]), ranges(Value::Null, &[(80, 80)])], None),
        (vec![ranges(tcp, &[(80, 80), (81, 81)])], None),
    ] {
        let text = |protocol| {
            format!("overlapping port ranges detected for protocol {protocol}, which is not allowed")
        };
        let expected = protocol.map(|protocol| ("checkForOverlappingPortRanges", text(protocol)));
        assert_eq!(denial(json!({"listeners": listeners})), expected);
    }
}

#[test]
fn whoever_changes_addresses_is_told_that_they_stay() {
    let mut old = object(json!({"ipAddresses": ["198.51.100.1"]}));
    let new = object(json!({"ipAddresses": ["198.51.100.2"]}));
    assert_eq!(check(&Change::update("shop", &new, &old)).unwrap().warnings, Vec::<String>::new());
    old["status"] = json!({"acceleratorARN": "arn"});
    let warnings = check(&Change::update("shop", &new, &old)).unwrap().warnings;
    assert!(warnings[0].starts_with("spec.ipAddresses: "), "{warnings:?}");
}

#[test]
fn an_object_on_its_way_out_and_one_that_cannot_be_read_are_let_through() {
    let twice = json!({"listeners": [ranges(json!("TCP"), &[(1, 9), (2, 3)])]});
    let old = object(twice.clone());
    let mut new = old.clone();
    new["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert!(check(&Change::update("shop", &new, &old)).is_ok());
    assert!(check(&Change::update("shop", &old, &old)).is_ok());
    assert_eq!(denial(json!({"listeners": "none"})), None);
}
