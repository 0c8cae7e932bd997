#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::admission::pod_bindings::selecting;
use crate::api::{Service, TargetGroupBinding};
use std::sync::Arc;

fn binding(name: &str, target_type: &str, service: &str) -> TargetGroupBinding {
    serde_json::from_value(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"targetType": target_type, "serviceRef": {"name": service, "port": 80}},
    }))
    .unwrap()
}

fn service(name: &str) -> Option<Arc<Service>> {
    let selector = match name {
        "web" => json!({"app": "web"}),
        "selectorless" => json!({}),
        _ => return None,
    };
    Some(Arc::new(
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"selector": selector}})).unwrap(),
    ))
}

fn gates(pod: &Value, bindings: &[TargetGroupBinding]) -> Option<Vec<String>> {
    let bindings = selecting(pod, bindings.iter().cloned().map(Arc::new), service);
    let admitted = inject_readiness_gates(&Config::default(), AdmissionOperation::Create, pod, bindings);
    let gates = admitted.object?["spec"]["readinessGates"].as_array().unwrap().clone();
    Some(gates.iter().map(|gate| gate["conditionType"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_pod_gets_a_gate_for_each_ip_binding_whose_service_selects_it() {
    let pod = json!({"metadata": {"labels": {"app": "web"}}, "spec": {}});
    let bindings = [
        binding("a", "ip", "web"),
        binding("b", "instance", "web"),
        binding("c", "ip", "missing"),
        binding("d", "ip", "selectorless"),
        binding("e", "ip", "web"),
    ];
    let expected = ["target-health.elbv2.k8s.aws/a", "target-health.elbv2.k8s.aws/e"];
    assert_eq!(gates(&pod, &bindings).unwrap(), expected);
}

#[test]
fn legacy_gates_go_when_new_ones_come_and_others_stay() {
    let pod = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"readinessGates": [
        {"conditionType": "target-health.alb.ingress.k8s.aws/old"},
        {"conditionType": "example.com/mine"},
        {"conditionType": "target-health.elbv2.k8s.aws/a"},
    ]}});
    assert_eq!(
        gates(&pod, &[binding("a", "ip", "web")]).unwrap(),
        ["example.com/mine", "target-health.elbv2.k8s.aws/a"]
    );
}

#[test]
fn an_unselected_pod_is_left_alone() {
    let pod = json!({"metadata": {"labels": {"app": "other"}}, "spec": {"readinessGates": [
        {"conditionType": "target-health.alb.ingress.k8s.aws/old"},
    ]}});
    assert_eq!(gates(&pod, &[binding("a", "ip", "web")]), None);
}
