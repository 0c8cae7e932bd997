use super::super::super::Controller;
use super::super::super::attachment::count;
use super::super::super::fixture::{LENIENT, World};
use super::super::tests::{describe, moment};
use super::*;

const WORLD: &str = r"
kind: Gateway
name: a/edge
metadata: {generation: 4}
spec:
  allowedListeners: {namespaces: {from: All}}
  listeners: [{name: http, port: 80, protocol: HTTP}LISTENERS]
---
kind: ListenerSet
name: a/good
spec: {parentRef: {name: edge}, listeners: [{name: x, port: 81, protocol: HTTP}]}
---
kind: ListenerSet
name: a/bad
spec: {parentRef: {name: edge}, listeners: [{name: x, port: 80, protocol: HTTPS}]}
---
kind: HTTPRoute
name: a/r
spec: {parentRefs: [{name: edge}]}
";

fn world(listeners: &str) -> World {
    World::read(&WORLD.replace("LISTENERS", listeners))
}

fn state(is_active: bool) -> LoadBalancerState {
    LoadBalancerState { arn: "arn".to_owned(), dns_name: "K8s-A.elb.amazonaws.com".to_owned(), is_active }
}

fn deployed(world: &World, old: &GatewayStatus, is_active: bool, second: i64) -> Option<GatewayStatus> {
    let offer = world.offer(Controller::Alb, LENIENT);
    let counts = count(world.outcomes(&offer, LENIENT).iter().flatten());
    let observed = Observed { offer: &offer, attached_routes: &counts, with_listener_sets: true };
    gateway_status(old, GatewayOutcome::Deployed(observed, &state(is_active)), moment(4, second))
}

#[test]
fn a_gateway_that_serves_says_so() {
    let world = world("");
    let status = deployed(&world, &GatewayStatus::default(), true, 10).unwrap();
    assert_eq!(
        describe(&status.conditions),
        ["Accepted=True ListenersNotValid \"\"", "Programmed=True Programmed \"arn\""]
    );
    assert_eq!(status.addresses[0].value, "k8s-a.elb.amazonaws.com");
    assert_eq!(status.addresses[0].type_.as_deref(), Some("Hostname"));
    assert_eq!(status.attached_listener_sets, Some(1));
    let listener = &status.listeners[0];
    assert_eq!((listener.name.as_str(), listener.attached_routes), ("http", 1));
    assert_eq!(
        describe(&listener.conditions),
        [
            "Conflicted=False NoConflicts \"Listener has no conflict.\"",
            "Accepted=True Accepted \"Listener is accepted.\"",
            "ResolvedRefs=True ResolvedRefs \"Listener has all refs resolved.\"",
            "Programmed=True Programmed \"Listener is programmed.\"",
        ]
    );
    assert!(
        status.conditions.iter().chain(&listener.conditions).all(|one| one.observed_generation == Some(4))
    );
}

#[test]
fn the_same_is_not_written_twice() {
    let world = world("");
    let mut status = deployed(&world, &GatewayStatus::default(), true, 10).unwrap();
    assert_eq!(deployed(&world, &status, true, 20), None);
    status.conditions.reverse();
    status.listeners[0].conditions.reverse();
    assert_eq!(deployed(&world, &status, true, 20), None, "the order does not count");
    status.listeners[0].attached_routes = 7;
    assert!(deployed(&world, &status, true, 20).is_some());
}

#[test]
fn listeners_that_are_not_valid_say_why() {
    let cases = [
        (
            ", {name: b, port: 80, protocol: HTTPS}",
            [
                "True ProtocolConflict",
                "False ProtocolConflict",
                "True ResolvedRefs",
                "False ProtocolConflict",
            ],
        ),
        (
            ", {name: b, port: 82, protocol: TCP}",
            [
                "False NoConflicts",
                "False UnsupportedProtocol",
                "True ResolvedRefs",
                "False UnsupportedProtocol",
            ],
        ),
        (
            ", {name: b, port: 0, protocol: HTTP}",
            ["False NoConflicts", "False PortUnavailable", "True ResolvedRefs", "False PortUnavailable"],
        ),
        (
            ", {name: b, port: 82, protocol: HTTP, allowedRoutes: {kinds: [{kind: X}]}}",
            ["False NoConflicts", "True Accepted", "False InvalidRouteKinds", "False InvalidRouteKinds"],
        ),
    ];
    for (listeners, expected) in cases {
        let status = deployed(&world(listeners), &GatewayStatus::default(), true, 10).unwrap();
        let found = status.listeners[1].conditions.iter();
        let found: Vec<String> = found.map(|one| format!("{} {}", one.status, one.reason)).collect();
        assert_eq!(found, expected, "{listeners}");
        assert_eq!(status.listeners[1].conditions[3].message, "Listener is not accepted.");
    }
}

#[test]
fn a_load_balancer_that_is_being_made_is_waited_for() {
    let status = deployed(&world(""), &GatewayStatus::default(), false, 10).unwrap();
    assert_eq!(
        describe(&status.conditions)[1],
        "Programmed=Unknown Pending \"Waiting for load balancer to be active.\""
    );
    let programmed = &status.listeners[0].conditions[3];
    assert_eq!(
        (programmed.reason.as_str(), programmed.message.as_str()),
        ("Pending", "Listener is pending to be programmed.")
    );
}

#[test]
fn a_gateway_without_a_valid_listener_is_not_accepted() {
    let text = "{kind: Gateway, name: a/edge, spec: {listeners: [{name: a, port: 80, protocol: TCP}]}}";
    let status = deployed(&World::read(text), &GatewayStatus::default(), true, 10).unwrap();
    assert_eq!(describe(&status.conditions)[0], "Accepted=False ListenersNotValid \"\"");
    let text = "{kind: Gateway, name: a/edge, spec: {listeners: [{name: a, port: 80, protocol: HTTP}]}}";
    let status = deployed(&World::read(text), &GatewayStatus::default(), true, 10).unwrap();
    assert_eq!(describe(&status.conditions)[0], "Accepted=True Accepted \"\"");
}

#[test]
fn a_failure_takes_nothing_away_from_what_serves() {
    let world = world("");
    let before = deployed(&world, &GatewayStatus::default(), true, 10).unwrap();
    let status = gateway_status(&before, GatewayOutcome::Invalid("no such class"), moment(5, 20)).unwrap();
    assert_eq!(
        describe(&status.conditions),
        ["Accepted=False Invalid \"no such class\"", "Programmed=True Programmed \"arn\""]
    );
    assert!(status.conditions.iter().all(|one| one.observed_generation == Some(5)));
    assert_eq!((&status.listeners, &status.addresses), (&before.listeners, &before.addresses));

    let status = gateway_status(&before, GatewayOutcome::Failed, moment(5, 20)).unwrap();
    assert_eq!(
        describe(&status.conditions)[0],
        "Accepted=False Invalid \"Check Gateway Events for more information.\""
    );
    assert_eq!(status.listeners, before.listeners);

    let status =
        gateway_status(&GatewayStatus::default(), GatewayOutcome::Invalid("x"), moment(5, 20)).unwrap();
    assert_eq!(describe(&status.conditions)[1], "Programmed=False Invalid \"x\"");
}

#[test]
fn sets_are_counted_only_where_they_are_served() {
    let world = world("");
    let offer = world.offer(Controller::Alb, LENIENT);
    let counts = BTreeMap::new();
    let observed = Observed { offer: &offer, attached_routes: &counts, with_listener_sets: false };
    let status = gateway_status(
        &GatewayStatus::default(),
        GatewayOutcome::Deployed(observed, &state(true)),
        moment(1, 1),
    )
    .unwrap();
    assert_eq!(status.attached_listener_sets, None);
}
