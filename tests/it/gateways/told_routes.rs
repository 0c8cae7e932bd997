//! Routes are told what is known of them before AWS is asked, nothing is told twice, and nothing is taken back only to be told
//! again.

use super::{cluster, gateway, http, http_route, route_conditions};
use crate::services::run;
use aws_load_balancer_controller::aws_api::{Action, Request};
use aws_sim::{Calls, Effect, Fault};
use rig::{Rig, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than the longest pause between two tries.
const LATER: Duration = Duration::from_mins(20);
const SERVED: [&str; 2] = ["True/Accepted", "True/ResolvedRefs"];
const REFUSED: [&str; 2] = ["False/UnsupportedValue", "True/ResolvedRefs"];

/// What was written to the status of a route, as `Accepted` and `ResolvedRefs`, in order; what a user wrote is left out.
fn told(rig: &Rig, name: &str) -> Vec<String> {
    let conditions = |route: &Value| -> Option<String> {
        let conditions = route.pointer("/status/parents/0/conditions")?;
        let of = |kind| super::condition(conditions, kind);
        Some(format!("{} {}", of("Accepted"), of("ResolvedRefs")))
    };
    let history = rig.api.history("httproutes", NAMESPACE, name);
    let mut last = Value::Null;
    let written = history
        .iter()
        .filter(|route| std::mem::replace(&mut last, route["status"].clone()) != route["status"]);
    written.filter_map(|route| conditions(route)).collect()
}

/// A Gateway with the sound route `web`, `api` whose filter no load balancer has, and `lost` without a Service.
fn put_estate(rig: &Rig) {
    rig.api.put(gateway("edge", "alb", &http(80)));
    rig.api.put(http_route("web", "edge", "/", "web"));
    let mut broken = http_route("api", "edge", "/api", "api");
    broken["spec"]["rules"][0]["filters"] = json!([{"type": "RequestMirror"}]);
    rig.api.put(broken);
    rig.api.put(http_route("lost", "edge", "/lost", "nowhere"));
}

const OF_ESTATE: [(&str, &str); 3] = [
    ("web", "True/Accepted True/ResolvedRefs"),
    ("api", "False/UnsupportedValue True/ResolvedRefs"),
    ("lost", "True/Accepted False/BackendNotFound"),
];

fn assert_told_once(rig: &Rig, when: &str) {
    for (name, expected) in OF_ESTATE {
        assert_eq!(told(rig, name), [expected], "{when}: {name}");
    }
}

#[test]
fn routes_are_told_while_aws_is_still_at_it() {
    run(async {
        let mut rig = cluster();
        let slow = Effect::Delay(Duration::from_hours(1));
        rig.aws.arm(Fault::on(Calls::Of(Action::CreateLoadBalancer), slow));
        put_estate(&rig);
        rig.start().await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(rig.owned_resources().load_balancers.is_empty());
        assert_told_once(&rig, "AWS is slow");
        rig.aws.disarm();
        tokio::time::sleep(Duration::from_hours(2)).await;
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
        assert_told_once(&rig, "AWS is done");
    });
}

#[test]
fn routes_are_told_once_while_aws_fails() {
    run(async {
        for action in [
            Action::CreateLoadBalancer,
            Action::CreateTargetGroup,
            Action::CreateListener,
            Action::CreateRule,
        ] {
            let mut rig = cluster();
            rig.aws.arm(Fault::on(Calls::Of(action), Effect::fail("InternalFailure")));
            put_estate(&rig);
            rig.start().await;
            tokio::time::sleep(LATER).await;
            assert_told_once(&rig, &format!("{action:?} fails"));
            rig.aws.disarm();
            tokio::time::sleep(LATER).await;
            rig.run_until_idle().await;
            assert_told_once(&rig, &format!("{action:?} works again"));
        }
    });
}

#[test]
fn what_a_build_found_stays_told_while_nothing_can_be_built() {
    run(async {
        let mut rig = cluster();
        put_estate(&rig);
        rig.start().await;
        rig.run_until_idle().await;
        assert_told_once(&rig, "before");
        rig.kill().await;
        rig.aws.arm(Fault::on(Calls::Reads, Effect::fail("InternalFailure")));
        rig.start().await;
        tokio::time::sleep(LATER).await;
        let failures = rig.calls().len();
        assert!(failures > 0, "AWS was asked");
        assert_told_once(&rig, "while AWS answers nothing");
    });
}

fn is_rule_for(request: &Request, path: &str) -> bool {
    let conditions = match request {
        Request::CreateRule(rule) => format!("{:?}", rule.conditions),
        Request::ModifyRule(rule) => format!("{:?}", rule.conditions),
        _ => return false,
    };
    conditions.contains(&format!("{path:?}"))
}

fn refuse_rule(rig: &Rig, path: &'static str) {
    let refusal = Effect::Fail { code: "ValidationError".to_owned(), message: "not possible".to_owned() };
    rig.aws.arm(Fault::on(Calls::matching(move |request| is_rule_for(request, path)), refusal));
}

/// A Gateway with a route whose rule AWS refuses.
async fn with_refused_rule() -> Rig {
    let mut rig = cluster();
    refuse_rule(&rig, "/api");
    rig.api.put(gateway("edge", "alb", &http(80)));
    rig.api.put(http_route("web", "edge", "/", "web"));
    rig.api.put(http_route("api", "edge", "/api", "api"));
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

#[test]
fn a_refused_route_is_told_once_however_often_it_is_tried() {
    run(async {
        let mut rig = with_refused_rule().await;
        let [served, refused] = [SERVED, REFUSED].map(|conditions| conditions.join(" "));
        assert_eq!(told(&rig, "api"), [served.clone(), refused.clone()]);
        // it is tried again, with other things that go wrong, and by another process
        rig.aws.clear_calls();
        tokio::time::sleep(Duration::from_hours(2)).await;
        assert!(rig.writes().len() > 1, "{:?}", rig.writes());
        rig.api.put(http_route("web", "edge", "/b", "web"));
        rig.aws.arm(Fault::on(Calls::Of(Action::ModifyRule), Effect::fail("InternalFailure")));
        tokio::time::sleep(LATER).await;
        rig.restart().await;
        tokio::time::sleep(LATER).await;
        assert_eq!(told(&rig, "api"), [served.clone(), refused.clone()]);
        rig.aws.disarm();
        tokio::time::sleep(LATER).await;
        rig.run_until_idle().await;
        assert_eq!(told(&rig, "api"), [served.clone(), refused, served]);
        assert_eq!(told(&rig, "web").len(), 2, "one for each edit: {:?}", told(&rig, "web"));
    });
}

#[test]
fn what_aws_refused_of_an_earlier_edit_says_nothing_of_a_route() {
    run(async {
        let mut rig = with_refused_rule().await;
        assert_eq!(route_conditions(&rig, "api"), REFUSED);
        rig.aws.arm(Fault::on(Calls::Writes, Effect::fail("InternalFailure")));
        rig.api.put(http_route("api", "edge", "/mended", "api"));
        tokio::time::sleep(LATER).await;
        assert_eq!(route_conditions(&rig, "api"), SERVED, "AWS was not asked about it");
        rig.aws.disarm();
        tokio::time::sleep(LATER).await;
        rig.run_until_idle().await;
        assert_eq!(route_conditions(&rig, "api"), SERVED);
        let [served, refused] = [SERVED, REFUSED].map(|conditions| conditions.join(" "));
        assert_eq!(told(&rig, "api"), [served.clone(), refused, served]);
    });
}
