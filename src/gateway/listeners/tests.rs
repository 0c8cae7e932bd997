use super::super::fixture::{LENIENT, STRICT, World};
use super::*;

/// Reason and message of every listener, in order; `ok` for a valid one.
fn judged(listeners: &str, controller: Controller, options: GatewayOptions) -> Vec<String> {
    let world = World::read(&format!("kind: Gateway\nname: infra/edge\nspec: {{listeners: {listeners}}}"));
    results(&judge(&world.gateways[0], &[], controller, options))
}

fn results(parents: &[Parent<'_>]) -> Vec<String> {
    let problem = |judged: &Judged<'_>| match &judged.problem {
        None => "ok".to_owned(),
        Some(problem) => format!("{}: {}", problem.reason, problem.message),
    };
    parents.iter().flat_map(|parent| parent.listeners.iter().map(problem)).collect()
}

#[test]
fn listeners_are_judged() {
    use Controller::{Alb, Nlb};
    let cases: &[(Controller, &str, &[&str])] = &[
        (Alb, "[{name: a, port: 80, protocol: HTTP}, {name: b, port: 443, protocol: HTTPS}]", &["ok", "ok"]),
        (
            Nlb,
            "[{name: a, port: 80, protocol: TCP}, {name: b, port: 443, protocol: TLS}, {name: c, port: 53, protocol: UDP}]",
            &["ok", "ok", "ok"],
        ),
        (
            Alb,
            "[{name: a, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: GRPCRoute, group: x}]}}, {name: b, port: 81, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TCPRoute}]}}]",
            &["ok", "InvalidRouteKinds: Invalid route kind for listener b"],
        ),
        (
            Nlb,
            "[{name: a, port: 80, protocol: TCP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}, {name: b, port: 81, protocol: TCP, allowedRoutes: {kinds: [{kind: Foo}]}}]",
            &[
                "InvalidRouteKinds: Invalid route kind for listener a",
                "InvalidRouteKinds: Invalid route kind for listener b",
            ],
        ),
        (
            Alb,
            "[{name: a, port: 0, protocol: HTTP}, {name: b, port: 65536, protocol: HTTP}, {name: c, port: 65535, protocol: HTTP}]",
            &[
                "PortUnavailable: Port 0 is not available (listener name a)",
                "PortUnavailable: Port 65536 is not available (listener name b)",
                "ok",
            ],
        ),
        (
            Alb,
            "[{name: a, port: 80, protocol: TCP}, {name: b, port: 81, protocol: example.com/x}]",
            &[
                "UnsupportedProtocol: Unsupported protocol TCP for listener a",
                "UnsupportedProtocol: Unsupported protocol example.com/x for listener b",
            ],
        ),
        (
            Nlb,
            "[{name: a, port: 80, protocol: HTTP}]",
            &["UnsupportedProtocol: Unsupported protocol HTTP for listener a"],
        ),
        (
            Alb,
            "[{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTPS}, {name: c, port: 80, protocol: TCP}]",
            &[
                "ok",
                "ProtocolConflict: Protocol conflict for port 80",
                "ProtocolConflict: Protocol conflict for port 80",
            ],
        ),
        (
            Nlb,
            "[{name: a, port: 53, protocol: TCP}, {name: b, port: 53, protocol: UDP}, {name: c, port: 53, protocol: TLS}]",
            &["ok", "ok", "ProtocolConflict: Protocol conflict for port 53"],
        ),
        (
            Alb,
            "[{name: a, port: 80, protocol: HTTP, hostname: x.com}, {name: b, port: 80, protocol: HTTP, hostname: x.com}, {name: c, port: 81, protocol: HTTP, hostname: x.com}, {name: d, port: 80, protocol: HTTP}, {name: e, port: 80, protocol: HTTP}]",
            &["ok", "HostnameConflict: Hostname conflict for port 80 with hostname x.com", "ok", "ok", "ok"],
        ),
        // A listener that is not valid takes nothing from the others.
        (
            Alb,
            "[{name: a, port: 80, protocol: TCP, hostname: x.com}, {name: b, port: 80, protocol: HTTP, hostname: x.com}]",
            &["UnsupportedProtocol: Unsupported protocol TCP for listener a", "ok"],
        ),
        (
            Alb,
            "[{name: a, port: 80, protocol: HTTP, hostname: y.com}, {name: b, port: 80, protocol: HTTPS, hostname: x.com}, {name: c, port: 80, protocol: HTTP, hostname: x.com}]",
            &["ok", "ProtocolConflict: Protocol conflict for port 80", "ok"],
        ),
        // AWS has no listener that is TLS and TCP.
        (
            Nlb,
            "[{name: a, port: 443, protocol: TLS}, {name: b, port: 443, protocol: TLS, tls: {mode: Passthrough}, hostname: x.com}]",
            &["ok", "ProtocolConflict: Protocol conflict for port 443"],
        ),
    ];
    for (controller, listeners, expected) in cases {
        assert_eq!(judged(listeners, *controller, LENIENT), *expected, "{listeners}");
    }
}

#[test]
fn strictly_both_of_two_modes_of_tls_conflict() {
    let listeners = "[{name: a, port: 443, protocol: TLS}, {name: b, port: 443, protocol: TLS, tls: {mode: Passthrough}}, {name: c, port: 8443, protocol: TLS, tls: {mode: Terminate}}]";
    let conflict = "ProtocolConflict: Protocol conflict for port 443";
    assert_eq!(judged(listeners, Controller::Nlb, LENIENT), ["ok", conflict, "ok"]);
    assert_eq!(judged(listeners, Controller::Nlb, STRICT), [conflict, conflict, "ok"]);
}

#[test]
fn a_listener_tells_the_kinds_that_it_supports() {
    use Controller::{Alb, Nlb};
    let cases: &[(Controller, GatewayOptions, &str, &[&str])] = &[
        (Alb, LENIENT, "{protocol: HTTP}", &["HTTPRoute"]),
        (Alb, LENIENT, "{protocol: HTTPS, allowedRoutes: {}}", &["GRPCRoute", "HTTPRoute"]),
        (Nlb, LENIENT, "{protocol: TCP}", &["TCPRoute"]),
        (Nlb, LENIENT, "{protocol: UDP}", &["UDPRoute"]),
        (Nlb, LENIENT, "{protocol: TLS}", &["TCPRoute", "TLSRoute"]),
        (Nlb, LENIENT, "{protocol: TLS, tls: {mode: Passthrough}}", &["TCPRoute", "TLSRoute"]),
        (Nlb, STRICT, "{protocol: TLS, tls: {mode: Passthrough}}", &["TLSRoute"]),
        (Nlb, STRICT, "{protocol: TLS, tls: {mode: Terminate}}", &["TCPRoute", "TLSRoute"]),
        (
            Nlb,
            STRICT,
            "{protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {kinds: [{kind: TCPRoute}, {kind: TLSRoute}]}}",
            &["TLSRoute"],
        ),
        (Alb, LENIENT, "{protocol: TLS}", &["TCPRoute", "TLSRoute"]),
        (Alb, LENIENT, "{protocol: SCTP}", &[]),
        (
            Alb,
            LENIENT,
            "{protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}, {kind: Foo}, {kind: HTTPRoute}]}}",
            &["GRPCRoute", "HTTPRoute"],
        ),
        (Alb, LENIENT, "{protocol: HTTP, allowedRoutes: {kinds: [{kind: TCPRoute}]}}", &[]),
    ];
    for (controller, options, listener, expected) in cases {
        let listener: Listener = serde_saphyr::from_str(listener).unwrap();
        let kinds = supported_kinds(&listener, *controller, *options);
        let names: Vec<&str> = kinds.iter().map(|kind| kind.kind.as_str()).collect();
        assert_eq!(names, *expected, "{listener:?}");
        assert!(kinds.iter().all(|kind| kind.group.as_deref() == Some(GROUP)));
    }
}

#[test]
fn strictly_tcp_routes_are_no_kind_of_a_passthrough_listener() {
    let listeners = "[{name: a, port: 443, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {kinds: [{kind: TCPRoute}]}}]";
    assert_eq!(judged(listeners, Controller::Nlb, LENIENT), ["ok"]);
    assert_eq!(
        judged(listeners, Controller::Nlb, STRICT),
        ["InvalidRouteKinds: Invalid route kind for listener a"]
    );
}

#[test]
fn the_gateway_comes_before_sets_and_older_sets_before_younger() {
    let world = World::read(
        r"
kind: Gateway
name: infra/edge
spec:
  allowedListeners: {namespaces: {from: All}}
  listeners: [{name: a, port: 80, protocol: HTTP, hostname: x.com}]
---
kind: ListenerSet
name: infra/young
metadata: {creationTimestamp: '2026-02-01T00:00:00Z', generation: 3}
spec: {parentRef: {name: edge}, listeners: [{name: a, port: 81, protocol: HTTPS}]}
---
kind: ListenerSet
name: infra/old
metadata: {creationTimestamp: '2026-01-01T00:00:00Z'}
spec:
  parentRef: {name: edge}
  listeners: [{name: a, port: 80, protocol: TCP}, {name: b, port: 80, protocol: HTTP, hostname: x.com}, {name: c, port: 81, protocol: HTTP}]
",
    );
    let offer = world.offer(Controller::Alb, LENIENT);
    let names: Vec<String> = offer.parents.iter().map(|parent| parent.id.key().to_string()).collect();
    assert_eq!(names, ["infra/edge", "infra/old", "infra/young"]);
    assert_eq!(
        results(&offer.parents),
        [
            "ok",
            "ProtocolConflict: Protocol conflict for port 80",
            "HostnameConflict: Hostname conflict for port 80 with hostname x.com",
            "ok",
            "ProtocolConflict: Protocol conflict for port 81",
        ]
    );
    assert_eq!(offer.parents[2].generation, 3);
}
