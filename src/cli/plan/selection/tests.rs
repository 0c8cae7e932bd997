#![allow(clippy::unwrap_used)]

use super::{Changed, Selection};
use crate::api::{ObjectKey, Service};
use crate::cluster::gateway_stores::GatewayKind;
use crate::cluster::manifests::read_manifests;
use crate::cluster::stores::Stores;
use crate::config::Config;
use serde_json::{Value, json};

/// Two Gateways with an ALB, one with an NLB, and one of a class of somebody else.
const CLUSTER: &str = "
- {kind: GatewayClass, metadata: {name: alb}, spec: {controllerName: gateway.k8s.aws/alb}}
- {kind: GatewayClass, metadata: {name: other}, spec: {controllerName: example.com/other}}
- kind: GatewayClass
  metadata: {name: nlb}
  spec:
    controllerName: gateway.k8s.aws/nlb
    parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, namespace: infra, name: nlbs}
- {kind: Gateway, metadata: {name: a, namespace: web}, spec: {gatewayClassName: alb, listeners: []}}
- {kind: Gateway, metadata: {name: b, namespace: web}, spec: {gatewayClassName: alb, listeners: []}}
- {kind: Gateway, metadata: {name: net, namespace: web}, spec: {gatewayClassName: nlb, listeners: []}}
- {kind: Gateway, metadata: {name: o, namespace: web}, spec: {gatewayClassName: other, listeners: []}}
- {kind: ListenerSet, metadata: {name: set, namespace: team}, spec: {parentRef: {name: b, namespace: web}, listeners: []}}
- kind: HTTPRoute
  metadata: {name: route, namespace: team, generation: 1}
  spec:
    parentRefs: [{name: set, kind: ListenerSet}]
    rules:
      - backendRefs: [{name: shop, port: 80}]
        filters: [{type: ExtensionRef, extensionRef: {group: gateway.k8s.aws, kind: ListenerRuleConfiguration, name: rule}}]
- kind: TCPRoute
  metadata: {name: tcp, namespace: web, generation: 1}
  spec: {parentRefs: [{name: net}, {name: gone}], rules: [{backendRefs: [{name: shop, namespace: team, port: 80}]}]}
";

fn stores() -> (Stores, Config) {
    let config = Config::default();
    let stores = Stores::new(&config);
    let objects: Vec<Value> = serde_saphyr::from_str(CLUSTER).unwrap();
    for object in objects {
        apply(&stores, object);
    }
    (stores, config)
}

fn apply(stores: &Stores, object: Value) -> Changed {
    let kind = object["kind"].as_str().unwrap();
    let group = if kind.ends_with("Configuration") { "gateway.k8s.aws" } else { "gateway.networking.k8s.io" };
    let kind = GatewayKind::of_manifest(group, kind).unwrap();
    Changed::Gateway(stores.gateways.apply(kind, object).unwrap())
}

/// The stacks that are planned once these manifests are in place.
fn selected(manifests: &str) -> Vec<String> {
    let (stores, config) = stores();
    let objects = read_manifests(manifests).unwrap();
    let changed = objects.into_iter().map(|object| apply(&stores, object)).collect();
    select(&stores, &config, changed)
}

fn select(stores: &Stores, config: &Config, changed: Vec<Changed>) -> Vec<String> {
    let mut selection = Selection { changed, ..Selection::default() };
    selection.select(stores, config);
    selection.stacks.iter().map(|id| id.name.clone()).collect()
}

#[test]
fn everything_is_planned_that_is_served_here() {
    let (stores, config) = stores();
    let everything = Selection::everything(&stores, &config);
    assert_eq!(everything.stacks.iter().map(|id| id.name.as_str()).collect::<Vec<_>>(), ["a", "b", "net"]);
    let mut without = config;
    without.features.nlb_gateway_api = false;
    assert_eq!(Selection::everything(&stores, &without).stacks.len(), 2);
}

#[test]
fn a_gateway_is_planned_itself_also_where_nothing_changes() {
    let same =
        "{kind: Gateway, metadata: {name: a, namespace: web}, spec: {gatewayClassName: alb, listeners: []}}";
    assert_eq!(selected(same), ["a"]);
    let foreign = "{kind: Gateway, metadata: {name: c, namespace: web}, spec: {gatewayClassName: other}}";
    assert_eq!(selected(foreign), [""; 0]);
}

#[test]
fn a_class_concerns_its_gateways() {
    let class = "{kind: GatewayClass, metadata: {name: alb}, spec: {controllerName: gateway.k8s.aws/alb}}";
    assert_eq!(selected(class), ["a", "b"]);
}

#[test]
fn a_route_concerns_the_gateways_that_it_names_and_those_that_it_named() {
    let moved = "{kind: HTTPRoute, metadata: {name: route, namespace: team, generation: 1},
                  spec: {parentRefs: [{name: a, namespace: web}]}}";
    assert_eq!(selected(moved), ["a", "b"]);
    let new = "{kind: GRPCRoute, metadata: {name: new, namespace: web}, spec: {parentRefs: [{name: b}]}}";
    assert_eq!(selected(new), ["b"]);
}

#[test]
fn a_listener_set_concerns_its_gateway_and_the_one_that_it_leaves() {
    let moved = "{kind: ListenerSet, metadata: {name: set, namespace: team}, spec: {parentRef: {name: a, namespace: web}}}";
    assert_eq!(selected(moved), ["a", "b"]);
}

#[test]
fn configurations_concern_the_gateways_that_use_them() {
    let of_class = "{kind: LoadBalancerConfiguration, metadata: {name: nlbs, namespace: infra}}";
    assert_eq!(selected(of_class), ["net"]);
    let of_rule = "{kind: ListenerRuleConfiguration, metadata: {name: rule, namespace: team}}";
    assert_eq!(selected(of_rule), ["b"]);
    let of_service = "{kind: TargetGroupConfiguration, metadata: {name: shop, namespace: team}, spec: {targetReference: {name: shop}}}";
    assert_eq!(selected(of_service), ["b", "net"]);
    let unused = "{kind: TargetGroupConfiguration, metadata: {name: x, namespace: web}, spec: {targetReference: {name: shop}}}";
    assert_eq!(selected(unused), [""; 0]);
}

#[test]
fn a_grant_concerns_the_gateways_of_the_routes_that_it_is_for() {
    let grant = "{kind: ReferenceGrant, metadata: {name: g, namespace: team}, spec: {
                   from: [{group: gateway.networking.k8s.io, kind: TCPRoute, namespace: web}], to: [{group: '', kind: Service}]}}";
    assert_eq!(selected(grant), ["net"]);
}

#[test]
fn a_service_and_a_namespace_concern_the_gateways_of_their_routes() {
    let (stores, config) = stores();
    let service: Service =
        serde_json::from_value(json!({"metadata": {"name": "shop", "namespace": "team"}})).unwrap();
    let key = ObjectKey::of(&service);
    stores.services.apply(key.clone(), service);
    assert_eq!(select(&stores, &config, vec![Changed::Service(key)]), ["b", "net"]);
    assert_eq!(select(&stores, &config, vec![Changed::Namespace(ObjectKey::cluster("team"))]), ["b"]);
}
