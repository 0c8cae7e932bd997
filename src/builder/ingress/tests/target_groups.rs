use super::fixture::*;
use crate::aws_api::elbv2::{IpAddressType, Protocol, TargetType};
use crate::model::{BindingPeer, TargetGroup};
use serde_json::{Value, json};

const IP: (&str, &str) = ("target-type", "ip");

fn only_target_group(world: &mut World, annotations: &[(&str, &str)], port: &Value) -> TargetGroup {
    let rules = json!([{"http": {"paths": [path_to("Prefix", "/", "cart-api", port)]}}]);
    let stack = world.stack(&alone(ingress("web-frontend", annotations, rules)));
    assert_eq!(stack.target_groups.len(), 1);
    stack.target_groups.into_values().next().unwrap()
}

fn world(patch: &Value) -> World {
    World { services: vec![service("cart-api", patch)], ..World::new() }
}

#[test]
fn names_are_upstreams() {
    let control = [IP, ("target-control-port.cart-api.80", "3000")];
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "k8s-shop-cartapi-f603284b89"),
        (&[IP], "k8s-shop-cartapi-957b75fcfd"),
        (&control, "k8s-shop-cartapi-865dc1a411"),
    ];
    for (annotations, name) in cases {
        let found = only_target_group(&mut world(&json!({})), annotations, &json!({"number": 80}));
        assert_eq!(found.name, *name, "{annotations:?}");
    }
}

#[test]
fn one_port_written_in_two_ways_makes_two_target_groups() {
    let paths = [
        path_to("Exact", "/a", "web", &json!({"number": 80})),
        path_to("Exact", "/b", "web", &json!({"name": "http"})),
        path_to("Exact", "/c", "web", &json!({"number": 80})),
    ];
    let rules = json!([{"http": {"paths": paths}}]);
    let stack = World::new().stack(&alone(ingress("i", &[], rules)));
    let ids: Vec<&str> = stack.target_groups.keys().map(crate::model::ResourceId::as_str).collect();
    assert_eq!(ids, ["shop/i-web:80", "shop/i-web:http"]);
    assert_eq!(stack.bindings.keys().collect::<Vec<_>>(), stack.target_groups.keys().collect::<Vec<_>>());
}

#[test]
fn defaults_depend_on_the_protocol_version() {
    let found = only_target_group(&mut world(&json!({})), &[], &json!({"number": 80}));
    assert_eq!((&found.target_type, found.port), (&TargetType::Instance, Some(30080)));
    let check = found.health_check.unwrap();
    assert_eq!(check.path.as_deref(), Some("/"));
    assert_eq!(check.matcher.unwrap().http_code.as_deref(), Some("200"));
    assert_eq!((check.interval_seconds, check.timeout_seconds), (Some(15), Some(5)));
    assert_eq!(check.port.as_deref(), Some("traffic-port"));
    let grpc = [("backend-protocol-version", "GRPC"), ("backend-protocol", "HTTPS")];
    let check =
        only_target_group(&mut world(&json!({})), &grpc, &json!({"number": 80})).health_check.unwrap();
    assert_eq!(check.path.as_deref(), Some("/AWS.ALB/healthcheck"));
    assert_eq!(check.matcher.unwrap().grpc_code.as_deref(), Some("12"));
    assert_eq!(check.protocol, Some(Protocol::Https));
}

#[test]
fn the_services_annotations_win() {
    let patch = json!({"metadata": {"annotations": {
        "alb.ingress.kubernetes.io/healthcheck-path": "/svc",
        "alb.ingress.kubernetes.io/target-group-attributes": "a=svc",
        "alb.ingress.kubernetes.io/tags": "team=svc",
    }}});
    let annotations = [
        ("healthcheck-path", "/ing"),
        ("target-group-attributes", "a=ing,b=ing"),
        ("tags", "team=ing,cost=1"),
        ("success-codes", "200-299"),
    ];
    let found = only_target_group(&mut world(&patch), &annotations, &json!({"number": 80}));
    let check = found.health_check.unwrap();
    assert_eq!(check.path.as_deref(), Some("/svc"));
    assert_eq!(check.matcher.unwrap().http_code.as_deref(), Some("200-299"));
    assert_eq!(found.attributes, [("a".to_owned(), "svc".to_owned())].into(), "a map is replaced whole");
    let tags = [("cost".to_owned(), "1".to_owned()), ("team".to_owned(), "svc".to_owned())];
    assert_eq!(found.tags, tags.into(), "tags are merged key by key");
}

#[test]
fn a_named_health_check_port_is_the_services() {
    let patch = json!({"spec": {"ports": [
        {"name": "http", "port": 80, "targetPort": "web", "nodePort": 30080},
        {"name": "health", "port": 90, "targetPort": 9090, "nodePort": 30090},
    ]}});
    for (kind, expected) in [("instance", "30090"), ("ip", "9090")] {
        let annotations = [("target-type", kind), ("healthcheck-port", "health")];
        let found = only_target_group(&mut world(&patch), &annotations, &json!({"name": "http"}));
        assert_eq!(found.health_check.unwrap().port.as_deref(), Some(expected));
    }
    let found = only_target_group(&mut world(&patch), &[IP], &json!({"number": 80}));
    assert_eq!(found.port, Some(1), "every pod resolves a named target port for itself");
}

#[test]
fn bindings_open_the_ports_that_are_used() {
    let annotations = [IP, ("healthcheck-port", "9000"), ("target-control-port.web.80", "3000")];
    let stack = World::new().stack(&alone(ingress("i", &annotations, to_web("/"))));
    let binding = &stack.bindings[&id("shop/i-web:80")];
    let rules = binding.networking.as_ref().unwrap();
    let ports: Vec<String> = rules.iter().map(|rule| format!("{:?}", rule.ports[0].port)).collect();
    assert_eq!(ports, ["Some(Int(8080))", "Some(Int(9000))", "Some(Int(3000))"]);
    assert_eq!(rules[0].from, [BindingPeer::SecurityGroup("sg-backend".into())]);
    assert_eq!(binding.name, stack.target_groups[&id("shop/i-web:80")].name);
    assert_eq!(binding.vpc_id, "vpc-1");
}

#[test]
fn ipv6_services_need_a_dualstack_load_balancer() {
    let patch = json!({"spec": {"ipFamilies": ["IPv4", "IPv6"]}});
    let mut world = world(&patch);
    let dualstack = [IP, ("ip-address-type", "dualstack")];
    let found = only_target_group(&mut world, &dualstack, &json!({"number": 80}));
    assert_eq!(found.ip_address_type, IpAddressType::Ipv6);
    let rules = json!([rule("", &[("Prefix", "/", "cart-api")])]);
    let refusal = world.refusal(ingress("i", &[IP], rules));
    assert!(refusal.contains("uses IPv6, but the load balancer is ipv4"), "{refusal}");
}

#[test]
fn refusals_name_the_setting_and_what_is_allowed() {
    let cases: &[(&str, &str, &str)] = &[
        ("target-type", "pod", "is not one of instance or ip"),
        ("backend-protocol", "FTP", "is not one of HTTP or HTTPS"),
        ("backend-protocol-version", "HTTP3", "is not one of HTTP1, HTTP2 or GRPC"),
        ("healthcheck-protocol", "TCP", "is not one of HTTP or HTTPS"),
        (
            "healthcheck-interval-seconds",
            "15s",
            "is not a whole number, expected 5 to 300; did you mean `15`?",
        ),
        ("healthcheck-port", "ghost", "nor the name of a port of Service"),
        ("target-group-attributes", "a", "key=value pairs"),
        ("target-control-port.web.80", "3000", "only with ip"),
        ("multi-cluster-target-group", "yes", "a boolean"),
        ("target-node-labels", "x", "key=value pairs"),
        ("tags", "x", "key=value pairs"),
    ];
    for (suffix, value, invalid) in cases {
        let refusal = World::new().refusal(ingress("i", &[(suffix, value)], to_web("/")));
        assert!(refusal.contains(&format!("alb.ingress.kubernetes.io/{suffix}: ")), "{refusal}");
        assert!(refusal.contains(invalid), "{refusal}");
    }
}

#[test]
fn a_fault_on_the_service_is_told_of_the_service() {
    let patch = json!({"metadata": {"annotations": {"alb.ingress.kubernetes.io/target-type": "pod"}}});
    let mut world = World { services: vec![service("web", &patch)], ..World::new() };
    let refusal = world.refusal(ingress("i", &[], to_web("/")));
    assert!(refusal.starts_with("service/shop/web alb.ingress.kubernetes.io/target-type"), "{refusal}");
}

#[test]
fn ports_that_do_not_exist_are_named_with_those_that_do() {
    let rules = json!([{"http": {"paths": [path_to("Prefix", "/", "web", &json!({"number": 81}))]}}]);
    let refusal = World::new().refusal(ingress("i", &[], rules));
    assert!(refusal.contains("service shop/web has no port 81; its ports are http (80)"), "{refusal}");
    let mut world = world(&json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}));
    let rules = json!([rule("", &[("Prefix", "/", "cart-api")])]);
    assert!(world.refusal(ingress("i", &[], rules)).contains("has no node port"));
}
