//! Families of Gateway API: what may be long in Gateways, ListenerSets, HTTPRoutes and their configurations.

#![allow(clippy::needless_pass_by_value, reason = "manifests read best as literals")]

use super::{Family, answered, list, range};
use crate::fixtures::{self, GATEWAY_API, GATEWAY_CONFIGURATION, NAMESPACE};
use aws_load_balancer_controller::admission::gateway as checks;
use aws_load_balancer_controller::admission::permissive_facts::PermissiveAws;
use aws_load_balancer_controller::admission::{Admitted, Change, Denial};
use aws_load_balancer_controller::api::{ObjectKey, Service};
use aws_load_balancer_controller::builder;
use aws_load_balancer_controller::cluster::gateway_stores::GatewayKind;
use aws_load_balancer_controller::cluster::stores::Stores;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::controller::gateway::options;
use aws_load_balancer_controller::controller::gateway::resolved::{NamingObjects, Resolved, Subject};
use aws_load_balancer_controller::gateway::Controller;
use aws_load_balancer_controller::gateway::config::resolve;
use aws_load_balancer_controller::model::Stack;
use aws_load_balancer_controller::settings::gateway::AddOns;
use serde_json::{Value, json};

/// Kinds of these families.
const KINDS: [&str; 6] = [
    "Gateway",
    "ListenerSet",
    "HTTPRoute",
    "LoadBalancerConfiguration",
    "TargetGroupConfiguration",
    "ListenerRuleConfiguration",
];
/// The Gateway of all families.
const GATEWAY: &str = "edge";
/// The one Service.
const SERVICE: &str = "web";

pub(super) fn is_of(object: &Value) -> bool {
    object["kind"].as_str().is_some_and(|kind| KINDS.contains(&kind))
}

pub(super) fn families() -> Vec<Family> {
    of_routes().into_iter().chain(of_listeners()).chain(of_configurations()).collect()
}

fn path(at: usize) -> Value {
    json!({"path": {"type": "PathPrefix", "value": format!("/p{at}")}})
}

fn backend() -> Value {
    json!({"name": SERVICE, "port": 80})
}

fn route(spec: Value) -> Value {
    let mut route = fixtures::http_route("web", GATEWAY, "/", SERVICE);
    for (field, value) in spec.as_object().into_iter().flatten() {
        route["spec"][field] = value.clone();
    }
    route
}

fn rule(rule: Value) -> Value {
    route(json!({"rules": [rule]}))
}

fn of_routes() -> Vec<Family> {
    vec![
        Family::new("HTTPRoute rules", 4000, |size| {
            let one = |at| json!({"matches": [path(at)], "backendRefs": [backend()]});
            route(json!({"rules": list(size, one)}))
        }),
        Family::new("HTTPRoute matches", 4000, |size| {
            rule(json!({"matches": list(size, path), "backendRefs": [backend()]}))
        }),
        Family::new("HTTPRoute hostnames", 4000, |size| {
            route(json!({"hostnames": list(size, |at| format!("h{at}.example.com").into())}))
        }),
        Family::new("HTTPRoute headers", 8000, |size| {
            let header = |at| json!({"name": format!("x-{at}"), "value": "a"});
            rule(json!({"matches": [{"headers": list(size, header)}], "backendRefs": [backend()]}))
        }),
        Family::new("HTTPRoute backends", 8000, |size| {
            rule(json!({"backendRefs": list(size, |_| backend())}))
        }),
        Family::new("HTTPRoute backends that are none", 8000, |size| {
            rule(json!({"backendRefs": list(size, |at| json!({"name": format!("gone-{at}"), "port": 80}))}))
        }),
        Family::new("HTTPRoute filters", 2000, |size| {
            let filter = |at| json!({"type": if at % 2 == 0 { "URLRewrite" } else { "RequestMirror" }});
            rule(json!({"filters": list(size, filter), "backendRefs": [backend()]}))
        }),
        Family::new("HTTPRoute parents", 4000, |size| {
            let parent = |at| json!({"name": GATEWAY, "sectionName": if at == 0 { "http".to_owned() } else { format!("s{at}") }});
            route(json!({"parentRefs": list(size, parent)}))
        }),
    ]
}

fn listener(at: usize) -> Value {
    json!({"name": format!("l{at}"), "port": at % 65_535 + 1, "protocol": "HTTP"})
}

fn listener_of_host(at: usize) -> Value {
    json!({"name": format!("l{at}"), "port": 80, "protocol": "HTTP", "hostname": format!("h{at}.example.com")})
}

fn of_listeners() -> Vec<Family> {
    let gateway = |listeners: Value| {
        let mut gateway = fixtures::gateway(GATEWAY, 80);
        gateway["spec"]["listeners"] = listeners;
        gateway
    };
    let set = |listeners: Value| {
        json!({
            "apiVersion": GATEWAY_API, "kind": "ListenerSet", "metadata": {"name": "more", "namespace": NAMESPACE},
            "spec": {"parentRef": {"name": GATEWAY}, "listeners": listeners},
        })
    };
    vec![
        Family::new("Gateway listeners", 4000, move |size| gateway(list(size, listener))),
        Family::new("Gateway listeners of one port", 4000, move |size| gateway(list(size, listener_of_host))),
        Family::new("Gateway listeners that are the same", 4000, move |size| {
            gateway(list(size, |_| listener_of_host(0)))
        }),
        Family::new("ListenerSet listeners", 4000, move |size| set(list(size, listener))),
        Family::new("ListenerSet listeners of one port", 4000, move |size| set(list(size, listener_of_host))),
    ]
}

fn configuration(kind: &str, spec: Value) -> Value {
    let name = if kind == "TargetGroupConfiguration" { SERVICE } else { GATEWAY };
    json!({
        "apiVersion": GATEWAY_CONFIGURATION, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    })
}

/// A family of a configuration with a long list in one field.
fn long(kind: &'static str, field: &'static str, full: usize, item: fn(usize) -> Value) -> Family {
    Family::new(format!("{kind} {field}"), full, move |size| {
        let mut spec = json!({});
        if kind == "TargetGroupConfiguration" {
            spec = json!({"targetReference": {"name": SERVICE}});
        }
        spec[field] = list(size, item);
        configuration(kind, spec)
    })
}

fn of_configurations() -> Vec<Family> {
    const LOAD_BALANCER: &str = "LoadBalancerConfiguration";
    const TARGET_GROUP: &str = "TargetGroupConfiguration";
    const RULE: &str = "ListenerRuleConfiguration";
    let tags = |kind: &'static str| {
        Family::new(format!("{kind} tags"), 8000, move |size| {
            let tags = (0..size).map(|at| (format!("key-{at}"), Value::from("x")));
            let tags: Value = tags.collect::<serde_json::Map<_, _>>().into();
            let spec = match kind {
                TARGET_GROUP => {
                    json!({"targetReference": {"name": SERVICE}, "defaultConfiguration": {"tags": tags}})
                }
                _ => json!({"tags": tags}),
            };
            configuration(kind, spec)
        })
    };
    vec![
        tags(LOAD_BALANCER),
        tags(TARGET_GROUP),
        tags(RULE),
        long(
            LOAD_BALANCER,
            "listenerConfigurations",
            4000,
            |at| json!({"protocolPort": format!("HTTPS:{}", at + 1)}),
        ),
        long(
            LOAD_BALANCER,
            "loadBalancerSubnets",
            4000,
            |at| json!({"identifier": format!("subnet-{at:017x}")}),
        ),
        long(LOAD_BALANCER, "securityGroups", 8000, |at| format!("sg-{at:017x}").into()),
        long(LOAD_BALANCER, "sourceRanges", 8000, |at| range(at).into()),
        long(
            LOAD_BALANCER,
            "loadBalancerAttributes",
            8000,
            |at| json!({"key": format!("idle_timout.{at}"), "value": "1"}),
        ),
        Family::new("LoadBalancerConfiguration certificates", 8000, |size| {
            let arn = |at| format!("arn:aws:acm:us-west-2:123456789012:certificate/{at}").into();
            let listener = json!({"protocolPort": "HTTPS:443", "certificates": list(size, arn)});
            configuration(LOAD_BALANCER, json!({"listenerConfigurations": [listener]}))
        }),
        long(TARGET_GROUP, "routeConfigurations", 4000, |at| {
            let identifier = json!({"kind": "HTTPRoute", "namespace": NAMESPACE, "name": format!("r{at}")});
            json!({"routeIdentifier": identifier, "targetGroupProps": {"targetType": "ip"}})
        }),
        long(
            RULE,
            "conditions",
            4000,
            |at| json!({"field": "source-ip", "sourceIPConfig": {"values": [range(at)]}, "matchIndexes": [at]}),
        ),
        Family::new("ListenerRuleConfiguration ranges", 8000, |size| {
            let condition = json!({"field": "source-ip", "sourceIPConfig": {"values": list(size, |at| range(at).into())}});
            configuration(RULE, json!({"conditions": [condition]}))
        }),
    ]
}

/// A cluster with one class, one Gateway with a route, and everything that these name, an object of a family among it.
fn cluster(object: &Value, config: &Config) -> Option<Stores> {
    let stores = Stores::new(config);
    let service: Service = serde_json::from_value(fixtures::cluster_service(SERVICE, &[80])).ok()?;
    stores.services.apply(ObjectKey::of(&service), service);
    let mut class = fixtures::gateway_class("alb", "gateway.k8s.aws/alb");
    class["status"]["conditions"][0]["status"] = "True".into();
    let mut gateway = fixtures::gateway(GATEWAY, 80);
    let mut route = fixtures::http_route("web", GATEWAY, "/", SERVICE);
    match object["kind"].as_str()? {
        "LoadBalancerConfiguration" => {
            let reference =
                json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": GATEWAY});
            gateway["spec"]["infrastructure"] = json!({"parametersRef": reference});
        }
        "ListenerSet" => gateway["spec"]["allowedListeners"] = json!({"namespaces": {"from": "Same"}}),
        "ListenerRuleConfiguration" => {
            let reference =
                json!({"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": GATEWAY});
            let filter = json!({"type": "ExtensionRef", "extensionRef": reference});
            route["spec"]["rules"][0]["filters"] = json!([filter]);
        }
        _ => {}
    }
    let mut object = object.clone();
    if object["kind"] == "ListenerRuleConfiguration" {
        object["status"] = json!({"accepted": true});
    }
    for object in [class, gateway, route, fixtures::target_type(SERVICE), object] {
        let group = object["apiVersion"].as_str()?.split('/').next()?.to_owned();
        let kind = GatewayKind::of_manifest(&group, object["kind"].as_str()?)?;
        stores.gateways.apply(kind, object).ok()?;
    }
    Some(stores)
}

pub(super) fn admit(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    match change.object["kind"].as_str() {
        Some("LoadBalancerConfiguration") => checks::check_load_balancer(config, change),
        Some("TargetGroupConfiguration") => checks::check_target_group(config, change),
        Some("ListenerRuleConfiguration") => checks::check_listener_rule(config, change),
        _ => match cluster(change.object, config) {
            Some(stores) => checks::check_foreign(config, change, &*stores.gateways),
            None => Ok(Admitted::unchanged()),
        },
    }
}

pub(super) fn built(object: &Value, config: &Config) -> Option<Stack> {
    let stores = cluster(object, config)?;
    let (stores, key) = (&*stores.gateways, ObjectKey::namespaced(NAMESPACE, GATEWAY));
    let (gateway, class) = (stores.gateways.get(&key)?, stores.classes.get(&ObjectKey::cluster("alb"))?);
    let options = options(&config.features);
    let subject = Subject { stores, gateway: &gateway, key: &key, controller: Controller::Alb, options };
    let merged = resolve(&class, &gateway, stores, options).ok()?;
    let named = NamingObjects::of(stores, &key, options);
    let resolved = Resolved::new(subject, &merged, &named);
    let build = |facts: &_| builder::gateway::build(resolved.view(), AddOns::default(), facts, config);
    Some(answered(&PermissiveAws::default(), config, build)?.stack)
}
