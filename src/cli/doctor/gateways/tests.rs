#![allow(clippy::unwrap_used)]

use super::*;
use crate::cli::doctor::CheckResult;
use serde_json::json;

/// Everything is served, and nothing is there.
fn estate(features: &FeatureGates) -> GatewayEstate<'_> {
    GatewayEstate {
        features,
        served: GatewayKind::VARIANTS.iter().copied().collect(),
        bundle: None,
        classes: Vec::new(),
        gateways: Vec::new(),
        configurations: BTreeMap::new(),
    }
}

fn class(
    name: &str,
    controller: &str,
    accepted: Option<bool>,
    parameters: &serde_json::Value,
) -> GatewayClass {
    let conditions = accepted.map(|accepted| {
        let status = if accepted { "True" } else { "False" };
        json!([{"type": "Accepted", "status": status, "reason": "R", "message": "as said",
                "lastTransitionTime": "2024-01-01T00:00:00Z"}])
    });
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"controllerName": controller, "parametersRef": parameters},
        "status": {"conditions": conditions.unwrap_or_else(|| json!([]))},
    }))
    .unwrap()
}

fn gateway(name: &str, class: &str) -> Gateway {
    let object = json!({"metadata": {"name": name, "namespace": "web"}, "spec": {"gatewayClassName": class, "listeners": []}});
    serde_json::from_value(object).unwrap()
}

/// What is said, one line a check.
fn told(estate: &GatewayEstate<'_>) -> Vec<String> {
    let line = |check: Check| format!("{:?} {}: {}", check.result, check.subject, check.detail);
    estate.checks().into_iter().map(line).collect()
}

/// What is not as it should be.
fn complaints(estate: &GatewayEstate<'_>) -> Vec<String> {
    told(estate).into_iter().filter(|line| !line.starts_with("Ok")).collect()
}

#[test]
fn a_cluster_without_gateway_api_needs_nothing() {
    let features = FeatureGates::default();
    let nothing = GatewayEstate { served: BTreeSet::new(), ..estate(&features) };
    assert_eq!(told(&nothing), ["Ok Gateway API: not installed, so there are no Gateways"]);
    let own_kinds = BTreeSet::from([GatewayKind::LoadBalancerConfiguration]);
    let of_chart = GatewayEstate { served: own_kinds, ..estate(&features) };
    assert_eq!(complaints(&of_chart), [""; 0]);
}

#[test]
fn the_release_is_told_with_its_channel_and_kinds() {
    let features = FeatureGates::default();
    let mut found = estate(&features);
    found.bundle = Some(GatewayBundle { version: "v1.6.1".to_owned(), channel: "standard".to_owned() });
    let [line] = told(&found).try_into().unwrap();
    assert!(
        line.starts_with("Ok Gateway API: v1.6.1, standard channel: GatewayClass v1, Gateway v1,"),
        "{line}"
    );
    assert!(line.contains("ReferenceGrant v1beta1"), "{line}");
}

#[test]
fn a_gate_without_its_kinds_is_told_and_fails_where_a_class_wants_it() {
    let mut features = FeatureGates::default();
    let mut found = estate(&features);
    found.served.retain(|kind| ![GatewayKind::UdpRoute, GatewayKind::ListenerSet].contains(kind));
    let expected = "Gate NLBGatewayAPI: on, but the API server does not serve UDPRoute gateway.networking.k8s.io/v1, \
                    so no Gateway of a class of gateway.k8s.aws/nlb is served";
    let sets = "Warn Gate GatewayListenerSet: on, but the API server does not serve ListenerSet, so no ListenerSet adds listeners";
    assert_eq!(complaints(&found), [format!("Warn {expected}"), sets.to_owned()]);
    found.classes.push(class("nlb", "gateway.k8s.aws/nlb", Some(true), &json!(null)));
    assert_eq!(complaints(&found)[0], format!("Fail {expected}"));
    features.nlb_gateway_api = false;
    features.gateway_listener_set = false;
    let served = BTreeSet::from([GatewayKind::Gateway, GatewayKind::Class]);
    let without_nlb = GatewayEstate { served, ..estate(&features) };
    assert!(complaints(&without_nlb).iter().all(|line| line.contains("ALBGatewayAPI")));
}

#[test]
fn a_class_that_cannot_be_used_is_told_with_the_reason() {
    let features = FeatureGates::default();
    let mut found = estate(&features);
    let named = json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "namespace": "infra", "name": "c"});
    let nowhere = json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "c"});
    found.configurations.insert(ObjectKey::namespaced("infra", "c"), false);
    found.classes = vec![
        class("good", "gateway.k8s.aws/alb", Some(true), &json!(null)),
        class("missing", "gateway.k8s.aws/alb", Some(true), &named),
        class("nowhere", "gateway.k8s.aws/nlb", None, &nowhere),
        class("refused", "gateway.k8s.aws/nlb", Some(false), &json!(null)),
        class("untouched", "gateway.k8s.aws/nlb", None, &json!(null)),
        class("other", "example.com/other", None, &json!(null)),
    ];
    assert_eq!(
        complaints(&found),
        [
            "Fail GatewayClass missing: spec.parametersRef names LoadBalancerConfiguration infra/c, which does not exist",
            "Fail GatewayClass nowhere: spec.parametersRef names c without a namespace",
            "Fail GatewayClass refused: not accepted: as said",
            "Fail GatewayClass untouched: not accepted: it has no condition Accepted",
        ]
    );
    assert!(told(&found).contains(&"Ok GatewayClass good: accepted, of gateway.k8s.aws/alb".to_owned()));
}

#[test]
fn gateways_that_nobody_serves_are_named() {
    let features = FeatureGates { nlb_gateway_api: false, ..FeatureGates::default() };
    let mut found = estate(&features);
    found.classes = vec![
        class("alb", "gateway.k8s.aws/alb", Some(true), &json!(null)),
        class("nlb", "gateway.k8s.aws/nlb", Some(true), &json!(null)),
        class("other", "example.com/other", Some(true), &json!(null)),
        class("idle", "example.com/idle", None, &json!(null)),
    ];
    found.gateways = vec![gateway("a", "alb"), gateway("o", "other")];
    assert!(told(&found).contains(&"Ok Gateways: 2, each of a class that is served".to_owned()));
    found.gateways.extend([gateway("g", "gone"), gateway("n", "nlb"), gateway("i", "idle")]);
    let gateways = found.gateways_check().unwrap();
    assert_eq!(gateways.result, CheckResult::Warn);
    assert_eq!(
        gateways.detail,
        "nobody serves web/g: there is no GatewayClass gone, web/n: the gate NLBGatewayAPI is off, \
         web/i: GatewayClass idle is not accepted"
    );
}
