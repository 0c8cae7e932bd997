#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{gated, key, node, pod, yaml};
use crate::targets::view::GateView;
use std::collections::BTreeMap;

fn binding(name: &str, spec: &str) -> Arc<TargetGroupBinding> {
    Arc::new(yaml(&format!(
        "apiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}"
    )))
}

fn bindings() -> Vec<Arc<TargetGroupBinding>> {
    vec![
        binding("pods", "{targetType: ip, serviceRef: {name: web, port: 80}}"),
        binding("nodes", "{targetType: instance, serviceRef: {name: web, port: 80}}"),
        binding(
            "gpus",
            "{targetType: instance, nodeSelector: {matchLabels: {kind: gpu}}, serviceRef: {name: web, port: 80}}",
        ),
        binding(
            "odd",
            "{targetType: instance, nodeSelector: {matchExpressions: [{key: a, operator: Near}]}, serviceRef: {name: x, port: 80}}",
        ),
        binding("untyped", "{serviceRef: {name: web, port: 80}}"),
    ]
}

fn names(keys: impl IntoIterator<Item = ObjectKey>) -> Vec<String> {
    keys.into_iter().map(|key| key.name().to_owned()).collect()
}

#[test]
fn a_service_concerns_bindings_of_nodes_and_its_endpoints_those_of_pods() {
    assert_eq!(names(bindings_of_service(&bindings(), &key("web"))), ["nodes", "gpus"]);
    assert_eq!(names(bindings_of_endpoints(&bindings(), &key("web"))), ["pods"]);
    assert!(bindings_of_endpoints(&bindings(), &ObjectKey::namespaced("other", "web")).is_empty());
}

#[test]
fn only_ports_of_a_service_matter() {
    let a: Service = yaml("spec: {ports: [{port: 80}], selector: {app: a}}");
    let b: Service = yaml("spec: {ports: [{port: 80}], selector: {app: b}}");
    let c: Service = yaml("spec: {ports: [{port: 81}]}");
    assert!(!is_service_change(Some(&a), Some(&b)));
    assert!(is_service_change(Some(&a), Some(&c)));
    assert!(is_service_change(None, Some(&a)) && is_service_change(Some(&a), None));
}

#[test]
fn a_node_concerns_bindings_whose_targets_it_changes() {
    let gpu = NodeView { labels: BTreeMap::from([("kind".to_owned(), "gpu".to_owned())]), ..node("a") };
    let down = NodeView { ready: Readiness::False, ..gpu.clone() };
    let leaving = NodeView { is_leaving: true, ..gpu.clone() };
    let unlabelled = node("a");
    let cases: [(Option<&NodeView>, Option<&NodeView>, &[&str]); 8] = [
        (None, Some(&gpu), &["nodes", "gpus"]),
        (None, Some(&down), &[]),
        (Some(&gpu), Some(&gpu), &[]),
        (Some(&gpu), Some(&down), &["nodes", "gpus"]),
        (Some(&gpu), Some(&leaving), &["nodes", "gpus"]),
        (Some(&down), None, &[]),
        (Some(&gpu), Some(&unlabelled), &["gpus"]),
        (Some(&leaving), Some(&leaving), &[]),
    ];
    for (old, new, expected) in cases {
        assert_eq!(names(bindings_of_node(&bindings(), old, new)), expected, "{old:?} -> {new:?}");
    }
}

#[test]
fn a_pod_concerns_the_bindings_its_gates_name() {
    let mut subject = gated(pod(1), None);
    let gate = |name: &str| GateView { condition_type: name.into(), condition: None };
    subject.gates = [
        gate("target-health.elbv2.k8s.aws/bind"),
        gate("target-health.alb.ingress.k8s.aws/web_80"),
        gate("target-health.alb.ingress.k8s.aws/old.web"),
        gate("target-health.elbv2.k8s.aws/Bad"),
        gate("target-health.elbv2.k8s.aws/"),
    ]
    .into();
    assert_eq!(names(bindings_of_pod(&subject)), ["bind", "old.web"]);
}
