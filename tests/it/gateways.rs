//! Gateways on simulators, from manifests to AWS and back to their status.

mod broken;
mod calls;
mod limits;
mod random;
mod refused_parts;
mod take_over;
mod told_routes;

use crate::services::run;
use aws_load_balancer_controller::aws_api::Ref;
use aws_load_balancer_controller::aws_api::elbv2::{DescribeTargetHealth, ListenerAction, RuleCondition};
use rig::fixtures::{
    GATEWAY_API, GATEWAY_CONFIGURATION as CONFIGURATION, NAMESPACE, gateway_class as class, http_route,
    target_type,
};
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};

/// An account and a cluster with Gateway API, the classes `alb` and `nlb`, and the Services `web` and `api` with a pod each.
fn cluster() -> Rig {
    cluster_with(Options::default())
}

fn cluster_with(options: Options) -> Rig {
    let rig = Rig::new(options);
    rig.api.install_gateway_api();
    rig.seed();
    for (name, controller) in [("alb", "gateway.k8s.aws/alb"), ("nlb", "gateway.k8s.aws/nlb")] {
        rig.api.put(class(name, controller));
    }
    for (number, service) in ["web", "api"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(service, &[80]));
        rig.serve(service, &[number]);
    }
    rig.api.put(target_type("web"));
    rig.api.put(target_type("api"));
    rig
}

fn gateway(name: &str, class: &str, listeners: &Value) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"gatewayClassName": class, "listeners": listeners},
    })
}

fn http(port: i32) -> Value {
    json!([{"name": "http", "port": port, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}])
}

/// A TCPRoute of the name of its Gateway.
fn tcp_route(gateway: &str, service: &str) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "TCPRoute", "metadata": {"name": gateway, "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": gateway}], "rules": [{"backendRefs": [{"name": service, "port": 80}]}]},
    })
}

/// `status/reason` of a condition.
fn condition(conditions: &Value, kind: &str) -> String {
    let found = conditions.as_array().into_iter().flatten().find(|condition| condition["type"] == kind);
    let text = |field: &str| found.and_then(|found| found[field].as_str()).unwrap_or("-").to_owned();
    format!("{}/{}", text("status"), text("reason"))
}

/// The conditions `Accepted` and `ResolvedRefs` of an HTTPRoute.
fn route_conditions(rig: &Rig, name: &str) -> [String; 2] {
    route_conditions_of(rig, "httproutes", name)
}

fn route_conditions_of(rig: &Rig, plural: &str, name: &str) -> [String; 2] {
    let route = rig.api.get(plural, NAMESPACE, name).unwrap();
    let conditions = &route["status"]["parents"][0]["conditions"];
    ["Accepted", "ResolvedRefs"].map(|kind| condition(conditions, kind))
}

fn gateway_conditions(rig: &Rig, name: &str) -> [String; 2] {
    let found = rig.api.get("gateways", NAMESPACE, name).unwrap();
    ["Accepted", "Programmed"].map(|kind| condition(&found["status"]["conditions"], kind))
}

/// What requests for each path come to: `forward`, or the status code.
fn answers(rig: &Rig) -> Vec<(String, String)> {
    let path = |conditions: &[RuleCondition]| {
        let patterns = conditions.iter().find_map(|condition| match condition {
            RuleCondition::PathPattern(patterns) => patterns.values.first().cloned(),
            _ => None,
        });
        patterns.unwrap_or_default()
    };
    let answer = |actions: &[ListenerAction]| match actions.last() {
        Some(ListenerAction::Forward(_)) => "forward".to_owned(),
        Some(ListenerAction::FixedResponse(answer)) => answer.status_code.clone(),
        other => format!("{other:?}"),
    };
    let rules = rig.owned_resources().rules;
    let rules = rules.values().flatten();
    rules.map(|rule| (path(&rule.conditions), answer(&rule.actions))).collect()
}

#[test]
fn a_gateway_with_two_routes_becomes_an_alb_and_goes_without_a_trace() {
    run(async {
        let mut rig = cluster();
        rig.api.put(gateway("edge", "alb", &http(80)));
        rig.api.put(http_route("web", "edge", "/", "web"));
        rig.api.put(http_route("api", "edge", "/api", "api"));
        rig.start().await;
        rig.run_until_idle().await;
        let forward = "forward".to_owned();
        assert_eq!(answers(&rig), [("/api".to_owned(), forward.clone()), ("/*".to_owned(), forward)]);
        assert_eq!(gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
        for route in ["web", "api"] {
            assert_eq!(route_conditions(&rig, route), ["True/Accepted", "True/ResolvedRefs"]);
        }
        rig.aws.world(aws_sim::World::clear_calls);
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), []);

        assert!(rig.api.delete("gateways", NAMESPACE, "edge"));
        rig.run_until_idle().await;
        assert_eq!(rig.api.get("gateways", NAMESPACE, "edge"), None);
        let left = rig.owned_resources();
        assert!(left.load_balancers.is_empty() && left.target_groups.is_empty(), "{left:?}");
    });
}

#[test]
fn a_gateway_with_tcp_and_udp_on_one_port_becomes_an_nlb() {
    run(async {
        let mut rig = cluster();
        let listeners = json!([
            {"name": "tcp", "port": 53, "protocol": "TCP", "allowedRoutes": {"namespaces": {"from": "Same"}}},
            {"name": "udp", "port": 53, "protocol": "UDP", "allowedRoutes": {"namespaces": {"from": "Same"}}},
        ]);
        rig.api.put(gateway("dns", "nlb", &listeners));
        rig.api.put(tcp_route("dns", "web"));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(gateway_conditions(&rig, "dns"), ["True/Accepted", "True/Programmed"]);
        let listeners = rig.owned_resources().listeners;
        let protocols: Vec<String> = listeners.iter().map(|found| found.protocol.to_string()).collect();
        assert_eq!(protocols, ["TCP_UDP"]);
    });
}

/// Protocols of the listeners, each with how many targets it forwards to.
fn targets_by_protocol(rig: &Rig) -> Vec<(String, usize)> {
    let targets = |arn: &Ref| {
        let request = DescribeTargetHealth { arn: arn.clone(), targets: Vec::new() };
        rig.aws.world(|world| world.ask(request)).unwrap().len()
    };
    let of_action = |action: &ListenerAction| match action {
        ListenerAction::Forward(forward) => {
            forward.target_groups.iter().map(|tuple| targets(&tuple.target_group)).sum()
        }
        _ => 0,
    };
    let listeners = rig.owned_resources().listeners;
    listeners
        .iter()
        .map(|found| (found.protocol.to_string(), found.default_actions.iter().map(of_action).sum()))
        .collect()
}

#[test]
fn a_listener_without_a_usable_backend_closes_connections_in_strict_mode() {
    run(async {
        for (strict, expected) in [(false, vec![]), (true, vec![("TCP".to_owned(), 0)])] {
            let mut options = Options::default();
            options.config.features.gateway_api_strict = strict;
            let mut rig = cluster_with(options);
            rig.api.put(gateway("edge", "nlb", &json!([{"name": "tcp", "port": 90, "protocol": "TCP"}])));
            rig.api.put(tcp_route("edge", "nowhere"));
            rig.start().await;
            rig.run_until_idle().await;
            assert_eq!(
                route_conditions_of(&rig, "tcproutes", "edge"),
                ["True/Accepted", "False/BackendNotFound"]
            );
            assert_eq!(targets_by_protocol(&rig), expected, "strict: {strict}");

            rig.api.put(tcp_route("edge", "web"));
            rig.run_until_idle().await;
            assert_eq!(targets_by_protocol(&rig), [("TCP".to_owned(), 1)], "strict: {strict}");
            let groups = rig.owned_resources().target_groups.len();
            assert_eq!(groups, 1, "the target group without targets goes");
        }
    });
}

#[test]
fn kinds_that_are_installed_later_are_served_without_a_restart() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        rig.start().await;
        rig.run_until_idle().await;
        rig.api.install_gateway_api();
        rig.api.put(class("alb", "gateway.k8s.aws/alb"));
        rig.api.put(gateway("edge", "alb", &http(80)));
        rig.run_until_idle().await;
        assert_eq!(gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
    });
}
