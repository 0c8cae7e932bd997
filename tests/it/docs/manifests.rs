//! The manifests of the guide to Gateway API are served as they stand there.

use super::docs;
use aws_load_balancer_controller::api::gateway::{
    Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute, UdpRoute,
};
use aws_load_balancer_controller::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use aws_load_balancer_controller::api::{Namespace, ObjectKey, Service};
use aws_load_balancer_controller::cluster::gateway_stores::GatewayKind;
use aws_load_balancer_controller::cluster::manifests::read_manifests;
use aws_load_balancer_controller::cluster::stores::Stores;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::controller::gateway::options;
use aws_load_balancer_controller::controller::gateway::resolved::{NamingObjects, Resolved, Subject};
use aws_load_balancer_controller::gateway::Controller;
use aws_load_balancer_controller::gateway::attachment::Outcome;
use aws_load_balancer_controller::gateway::config::resolve;
use aws_load_balancer_controller::gateway::rules::{Loaded, expand};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The blocks of a page that are YAML.
fn manifests(page: &str) -> Vec<Vec<Value>> {
    let text = std::fs::read_to_string(docs().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.map(|block| read_manifests(block).unwrap()).collect()
}

/// Every field of a manifest is one that the controller reads.
fn assert_read(manifest: &Value) {
    fn read<K: Serialize + DeserializeOwned>(manifest: &Value) -> Value {
        let object: K = serde_json::from_value(manifest.clone()).unwrap();
        serde_json::to_value(object).unwrap()
    }
    let read = match manifest["kind"].as_str().unwrap() {
        "Namespace" => read::<Namespace>(manifest),
        "Service" => read::<Service>(manifest),
        "GatewayClass" => read::<GatewayClass>(manifest),
        "Gateway" => read::<Gateway>(manifest),
        "ListenerSet" => read::<ListenerSet>(manifest),
        "HTTPRoute" => read::<HttpRoute>(manifest),
        "GRPCRoute" => read::<GrpcRoute>(manifest),
        "TCPRoute" => read::<TcpRoute>(manifest),
        "UDPRoute" => read::<UdpRoute>(manifest),
        "TLSRoute" => read::<TlsRoute>(manifest),
        "ReferenceGrant" => read::<ReferenceGrant>(manifest),
        "LoadBalancerConfiguration" => read::<LoadBalancerConfiguration>(manifest),
        "TargetGroupConfiguration" => read::<TargetGroupConfiguration>(manifest),
        "ListenerRuleConfiguration" => read::<ListenerRuleConfiguration>(manifest),
        other => panic!("{other}"),
    };
    assert_part(&manifest["kind"].to_string(), manifest, &read);
}

fn assert_part(path: &str, part: &Value, whole: &Value) {
    match (part, whole) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                assert_part(&format!("{path}.{name}"), value, &whole[name]);
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            assert_eq!(items.len(), others.len(), "{path}");
            items.iter().zip(others).for_each(|(item, other)| assert_part(&format!("{path}[]"), item, other));
        }
        _ => assert_eq!(part, whole, "{path}"),
    }
}

fn apply(stores: &Stores, mut object: Value) {
    assert_read(&object);
    let kind = object["kind"].as_str().unwrap().to_owned();
    match kind.as_str() {
        "Namespace" => {
            let namespace: Namespace = serde_json::from_value(object).unwrap();
            stores.namespaces.apply(ObjectKey::of(&namespace), namespace);
        }
        "Service" => {
            let service: Service = serde_json::from_value(object).unwrap();
            stores.services.apply(ObjectKey::of(&service), service);
        }
        kind => {
            let version = object["apiVersion"].as_str().unwrap().to_owned();
            let kind = GatewayKind::of_manifest(version.split_once('/').unwrap().0, kind).unwrap();
            assert_eq!(kind.resource().api_version, version);
            // what the controller writes before Gateways use them
            match kind {
                GatewayKind::Class => {
                    object["status"] = json!({"conditions": [{"type": "Accepted", "status": "True",
                        "reason": "Accepted", "message": "", "lastTransitionTime": "2024-01-01T00:00:00Z"}]});
                }
                GatewayKind::ListenerRuleConfiguration => object["status"] = json!({"accepted": true}),
                _ => {}
            }
            stores.gateways.apply(kind, object).unwrap();
        }
    }
}

/// What is wrong with a Gateway, its listeners and its routes, and how many rules and routes it serves.
fn examine(stores: &Stores, config: &Config, gateway: &Gateway) -> (Vec<String>, usize) {
    let (key, gateways) = (ObjectKey::of(gateway), &*stores.gateways);
    let class = ObjectKey::cluster(gateway.spec.gateway_class_name.as_str());
    let class = gateways.classes.get(&class).unwrap_or_else(|| panic!("class of {key}"));
    let controller = Controller::of_name(&class.spec.controller_name).unwrap();
    let options = options(&config.features);
    let merged = resolve(&class, gateway, gateways, options).unwrap();
    let subject = Subject { stores: gateways, gateway, key: &key, controller, options };
    let named = NamingObjects::of(gateways, &key, options);
    let resolved = Resolved::new(subject, &merged, &named);
    let view = resolved.view();
    let mut wrong = Vec::new();
    for judged in view.offer.parents.iter().flat_map(|parent| &parent.listeners) {
        wrong.extend(judged.problem.as_ref().map(|problem| problem.message.clone()));
    }
    for (number, route) in view.routes.iter().enumerate() {
        let outcomes = resolved.outcomes_of(number);
        let is_attached = outcomes.iter().all(|one| matches!(one.outcome, Outcome::Attached(_)));
        if !is_attached || outcomes.is_empty() {
            wrong.push(format!("{:?}: {outcomes:?}", route.id));
        }
        let problems = view.loaded[number].iter().flat_map(|rule| &rule.problems);
        wrong.extend(problems.map(|problem| problem.message.clone()));
    }
    let loaded: Vec<Loaded<'_>> =
        view.routes.iter().zip(view.loaded).map(|(route, rules)| Loaded { route, rules }).collect();
    for port in view.ports.values().filter(|_| controller == Controller::Alb) {
        let expanded = expand(port, view.offer, &loaded, options);
        wrong.extend(expanded.problems.into_iter().map(|(_, problem)| problem.message));
    }
    (wrong, view.routes.len())
}

#[test]
fn every_example_of_gateways_is_served_as_it_stands() {
    let mut blocks = manifests("gateway-api.md").into_iter();
    let (classes, config) = (blocks.next().unwrap(), Config::default());
    let mut tasks = 0;
    for block in blocks {
        let stores = Stores::new(&config);
        classes.iter().chain(&block).for_each(|object| apply(&stores, object.clone()));
        let gateways = stores.gateways.gateways.list();
        assert_eq!(gateways.len(), 1, "one Gateway an example");
        for gateway in gateways {
            let (wrong, routes) = examine(&stores, &config, &gateway);
            assert_eq!(wrong, Vec::<String>::new(), "{}", ObjectKey::of(&*gateway));
            let written = block.iter().filter(|object| object["kind"].as_str().unwrap().ends_with("Route"));
            assert_eq!(routes, written.count(), "{}", ObjectKey::of(&*gateway));
        }
        tasks += 1;
    }
    assert!(tasks >= 11, "{tasks}");
}
