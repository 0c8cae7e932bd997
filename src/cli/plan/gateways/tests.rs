#![allow(clippy::unwrap_used)]

use super::{foresee, route_findings};
use crate::api::ObjectKey;
use crate::api::gateway::true_condition;
use crate::cluster::gateway_stores::GatewayKind;
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::controller::gateway::resolved::{NamingObjects, Resolved, Subject};
use crate::finding::Severity;
use crate::gateway::config::GatewayConfig;
use crate::gateway::{Controller, GatewayOptions};
use crate::settings::gateway::GatewayReport;
use serde_json::{Value, json};

#[test]
fn new_classes_and_rule_configurations_are_accepted_as_the_controller_would_do() {
    let stores = Stores::new(&Config::default()).gateways;
    let class = |name: &str, parameters| json!({"metadata": {"name": name}, "spec": {"controllerName": "gateway.k8s.aws/alb", "parametersRef": parameters}});
    let missing = json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "namespace": "a", "name": "b"});
    stores.apply(GatewayKind::Class, class("usable", json!(null))).unwrap();
    stores.apply(GatewayKind::Class, class("waiting", missing)).unwrap();
    let rule = json!({"metadata": {"name": "rule", "namespace": "a"}, "spec": {}});
    stores.apply(GatewayKind::ListenerRuleConfiguration, rule).unwrap();
    foresee(&stores);
    let is_accepted = |name| {
        let class = stores.classes.get(&ObjectKey::cluster(name)).unwrap();
        let status = class.status.clone().unwrap_or_default();
        true_condition(&status.conditions, "Accepted").is_some()
    };
    assert!(is_accepted("usable"));
    assert!(!is_accepted("waiting"));
    let rule = stores.listener_rule_configurations.get(&ObjectKey::namespaced("a", "rule")).unwrap();
    assert_eq!(rule.status.as_ref().and_then(|status| status.accepted), Some(true));
}

#[test]
fn what_is_wrong_with_routes_is_told() {
    const CLUSTER: &str = "
- {kind: Gateway, metadata: {name: g, namespace: web}, spec: {gatewayClassName: alb, listeners: [{name: http, port: 80, protocol: HTTP}]}}
- {kind: HTTPRoute, metadata: {name: fine, namespace: web}, spec: {parentRefs: [{name: g}], rules: []}}
- kind: HTTPRoute
  metadata: {name: lost, namespace: web}
  spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: gone, port: 80}]}]}
- {kind: HTTPRoute, metadata: {name: elsewhere, namespace: web}, spec: {parentRefs: [{name: g, port: 81}], rules: []}}
";
    let stores = Stores::new(&Config::default()).gateways;
    let objects: Vec<Value> = serde_saphyr::from_str(CLUSTER).unwrap();
    for object in objects {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let kind = GatewayKind::of_manifest("gateway.networking.k8s.io", &kind).unwrap();
        stores.apply(kind, object).unwrap();
    }
    let key = ObjectKey::namespaced("web", "g");
    let gateway = stores.gateways.get(&key).unwrap();
    let (options, config) = (GatewayOptions::default(), GatewayConfig::default());
    let named = NamingObjects::of(&stores, &key, options);
    let subject =
        Subject { stores: &stores, gateway: &gateway, key: &key, controller: Controller::Alb, options };
    let resolved = Resolved::new(subject, &config, &named);
    let findings = route_findings(&resolved, &GatewayReport::default());
    let told: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.to_string())).collect();
    assert_eq!(
        told,
        [
            (Severity::Error, "httproute/web/elsewhere: Route parentRef does not match listener".to_owned()),
            (Severity::Warning, "httproute/web/lost: Service (web:gone) not found)".to_owned()),
        ]
    );
}
