//! What AWS takes in no account is told before it is asked, and takes nothing away from what serves.

use super::{cluster, gateway, http, http_route, route_conditions, route_conditions_of, tcp_route};
use crate::services::run;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::elbv2::ListenerAction;
use aws_sim::{Calls, Effect, Fault};
use rig::{Rig, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::time::Duration;

const REFUSED: &str = "False/UnsupportedValue";

/// What a route asks for, the weights that it gets, and whether that is all.
type Step = (&'static [(&'static str, i32)], &'static [i32], bool);

/// A route to `web` and `api` with these weights, those that are given.
fn weighted(weights: &[(&str, i32)]) -> Value {
    let mut route = http_route("web", "edge", "/", "web");
    let backend = |(name, weight): &(&str, i32)| json!({"name": name, "port": 80, "weight": weight});
    route["spec"]["rules"][0]["backendRefs"] = weights.iter().map(backend).collect();
    route
}

/// The weights of the only rule, `None`: it does not forward.
fn live_weights(rig: &Rig) -> Option<Vec<i32>> {
    let rules = rig.owned_resources().rules;
    let rule = rules.values().flatten().next()?;
    match rule.actions.last()? {
        ListenerAction::Forward(forward) => {
            Some(forward.target_groups.iter().filter_map(|tuple| tuple.weight).collect())
        }
        _ => None,
    }
}

#[test]
fn weights_that_cannot_be_had_stay_as_they_are() {
    run(async {
        let mut rig = cluster();
        rig.api.put(gateway("edge", "alb", &http(80)));
        rig.api.put(weighted(&[("web", 1000)]));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(live_weights(&rig), None, "there is nothing to keep");
        let steps: &[Step] = &[
            (&[("web", 3), ("api", 7)], &[3, 7], true),
            (&[("web", 5000), ("api", 5000)], &[3, 7], false),
            (&[("web", 3), ("api", 1000)], &[3, 7], false),
            (&[("web", 1000)], &[3], false),
            (&[("web", 999), ("api", 1)], &[999, 1], true),
        ];
        for (asked, expected, is_all) in steps {
            rig.api.put(weighted(asked));
            rig.run_until_idle().await;
            assert_eq!(live_weights(&rig).as_deref(), Some(*expected), "{asked:?}");
            let accepted = if *is_all { "True/Accepted" } else { REFUSED };
            assert_eq!(route_conditions(&rig, "web"), [accepted, "True/ResolvedRefs"], "{asked:?}");
            rig.aws.clear_calls();
            rig.restart().await;
            rig.run_until_idle().await;
            assert_eq!(rig.writes(), [], "{asked:?}");
        }
    });
}

#[test]
fn a_service_that_is_named_twice_has_both_shares() {
    run(async {
        let mut rig = cluster();
        rig.api.put(gateway("edge", "alb", &http(80)));
        rig.api.put(weighted(&[("web", 3), ("api", 7), ("web", 2)]));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(live_weights(&rig), Some(vec![5, 7]));
        assert_eq!(route_conditions(&rig, "web"), ["True/Accepted", "True/ResolvedRefs"]);
        rig.api.put(weighted(&[("web", 600), ("api", 7), ("web", 600)]));
        rig.run_until_idle().await;
        assert_eq!(live_weights(&rig), Some(vec![5, 7]), "more than the largest weight");
        assert_eq!(route_conditions(&rig, "web"), [REFUSED, "True/ResolvedRefs"]);
    });
}

#[test]
fn the_port_of_an_nlb_keeps_its_weights_too() {
    run(async {
        let mut rig = cluster();
        rig.api.put(gateway("edge", "nlb", &json!([{"name": "tcp", "port": 90, "protocol": "TCP"}])));
        rig.api.put(tcp_route("edge", "web"));
        rig.start().await;
        rig.run_until_idle().await;
        let before = rig.owned_resources().lines();
        let mut heavy = tcp_route("edge", "web");
        heavy["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1000.into();
        rig.api.put(heavy);
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().lines(), before);
        assert_eq!(route_conditions_of(&rig, "tcproutes", "edge"), [REFUSED, "True/ResolvedRefs"]);
    });
}

#[test]
fn what_aws_refuses_in_every_account_is_told_without_its_answer() {
    run(async {
        let mut rig = cluster();
        rig.aws.arm(Fault::on(Calls::Of(Action::CreateLoadBalancer), Effect::Delay(Duration::from_hours(1))));
        rig.api.put(gateway("edge", "alb", &http(80)));
        let mut full = http_route("web", "edge", "/web", "web");
        full["spec"]["rules"][0]["matches"][0]["headers"] = json!([{"name": "a", "value": "1,2,3,4"}]);
        rig.api.put(full);
        rig.api.put(http_route("api", "edge", "/api", "api"));
        rig.start().await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(route_conditions(&rig, "web"), [REFUSED, "True/ResolvedRefs"]);
        assert_eq!(route_conditions(&rig, "api"), ["True/Accepted", "True/ResolvedRefs"]);
        let route = rig.api.get("httproutes", NAMESPACE, "web").unwrap();
        let conditions = route.pointer("/status/parents/0/conditions").unwrap().to_string();
        let expected = "spec.rules[0].matches[0]: has 6 values in all, expected at most 5";
        assert!(conditions.contains(expected), "{conditions}");
    });
}
