//! What AWS refuses of one route or listener of a Gateway costs that one, and is told there.

use super::{answers, cluster, condition, gateway, gateway_conditions, http_route, route_conditions};
use crate::services::run;
use aws_load_balancer_controller::aws_api::Request;
use aws_load_balancer_controller::aws_api::elbv2::RuleCondition;
use aws_sim::{Calls, Effect, Fault};
use rig::{Rig, fixtures::NAMESPACE};
use serde_json::json;
use std::time::Duration;

/// Longer than the longest pause between two tries.
const LATER: Duration = Duration::from_mins(20);

/// A Gateway with the routes `web` (`/`) and `api` (`/api`), of whose calls AWS refuses some.
async fn refusing(refuses: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Rig {
    let mut rig = cluster();
    let refusal =
        Effect::Fail { code: "ValidationError".to_owned(), message: "that is not possible".to_owned() };
    rig.aws.arm(Fault::on(Calls::matching(refuses), refusal));
    let listeners = json!([
        {"name": "first", "port": 80, "protocol": "HTTP"},
        {"name": "second", "port": 81, "protocol": "HTTP"},
    ]);
    rig.api.put(gateway("edge", "alb", &listeners));
    rig.api.put(http_route("web", "edge", "/", "web"));
    rig.api.put(http_route("api", "edge", "/api", "api"));
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

fn is_for_api(conditions: &[RuleCondition]) -> bool {
    format!("{conditions:?}").contains("/api")
}

/// Reasons of the events on an object, each once.
fn reasons(rig: &Rig, kind: &str, name: &str) -> Vec<String> {
    let events = rig.api.events().into_iter();
    let own = events.filter(|event| event.kind == kind && event.object.ends_with(&format!("/{name}")));
    let mut reasons: Vec<String> = own.map(|event| event.reason).collect();
    reasons.dedup();
    reasons
}

fn listener_conditions(rig: &Rig, name: &str) -> String {
    let found = rig.api.get("gateways", NAMESPACE, "edge").unwrap();
    let listeners = found["status"]["listeners"].as_array().cloned().unwrap_or_default();
    let listener = listeners.iter().find(|listener| listener["name"] == name).unwrap();
    condition(&listener["conditions"], "Programmed")
}

#[test]
fn a_refused_rule_costs_its_route_until_aws_takes_it() {
    run(async {
        let mut rig = refusing(|request| match request {
            Request::CreateRule(rule) => is_for_api(&rule.conditions),
            _ => false,
        })
        .await;
        let refused = ["False/UnsupportedValue", "True/ResolvedRefs"];
        let served = ["True/Accepted", "True/ResolvedRefs"];
        for _ in 0..2 {
            assert_eq!(gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
            assert_eq!(route_conditions(&rig, "web"), served);
            assert_eq!(route_conditions(&rig, "api"), refused);
            assert_eq!(answers(&rig).len(), 2, "the route that AWS takes is served by both listeners");
            let route = rig.api.get("httproutes", NAMESPACE, "api").unwrap();
            let conditions = route.pointer("/status/parents/0/conditions").unwrap();
            let message = conditions.to_string();
            assert!(message.contains("rule 1 of listener") && message.contains("not possible"), "{message}");
            rig.restart().await;
            rig.run_until_idle().await;
        }
        assert_eq!(reasons(&rig, "HTTPRoute", "api"), ["FailedDeployModel"]);
        assert_eq!(reasons(&rig, "HTTPRoute", "web"), [""; 0]);
        assert_eq!(reasons(&rig, "Gateway", "edge"), [""; 0]);

        rig.aws.disarm();
        tokio::time::sleep(LATER).await;
        rig.run_until_idle().await;
        assert_eq!(route_conditions(&rig, "api"), served);
        assert_eq!(answers(&rig).len(), 4);
        assert_eq!(reasons(&rig, "Gateway", "edge"), ["SuccessfullyReconciled"]);
    });
}

#[test]
fn a_refused_target_group_costs_its_route() {
    run(async {
        let rig = refusing(|request| match request {
            Request::CreateTargetGroup(group) => group.name.contains("api"),
            _ => false,
        })
        .await;
        assert_eq!(route_conditions(&rig, "web"), ["True/Accepted", "True/ResolvedRefs"]);
        assert_eq!(route_conditions(&rig, "api"), ["False/UnsupportedValue", "True/ResolvedRefs"]);
        assert_eq!(gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
        assert_eq!(answers(&rig).len(), 2);
    });
}

#[test]
fn a_refused_listener_costs_that_listener() {
    run(async {
        let rig = refusing(|request| match request {
            Request::CreateListener(listener) => listener.settings.port == 81,
            _ => false,
        })
        .await;
        assert_eq!(listener_conditions(&rig, "first"), "True/Programmed");
        assert_eq!(listener_conditions(&rig, "second"), "False/Invalid");
        assert_eq!(route_conditions(&rig, "web"), ["True/Accepted", "True/ResolvedRefs"]);
        assert_eq!(answers(&rig).len(), 2);
        assert_eq!(reasons(&rig, "Gateway", "edge"), ["FailedDeployModel"]);
    });
}

#[test]
fn what_is_refused_of_the_load_balancer_is_told_on_the_gateway() {
    run(async {
        let rig = refusing(|request| matches!(request, Request::CreateLoadBalancer(_))).await;
        let [_, programmed] = gateway_conditions(&rig, "edge");
        assert_ne!(programmed, "True/Programmed");
        assert_eq!(route_conditions(&rig, "web"), ["True/Accepted", "True/ResolvedRefs"]);
        assert_eq!(reasons(&rig, "Gateway", "edge"), ["FailedDeployModel"]);
    });
}
