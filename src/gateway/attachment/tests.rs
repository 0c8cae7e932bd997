use super::super::fixture::{LENIENT, World};
use super::*;

const GATEWAY: &str = r"
kind: Namespace
name: infra
---
kind: Namespace
name: team
metadata: {labels: {team: a}}
---
kind: Gateway
name: infra/edge
spec:
  allowedListeners: {namespaces: {from: Same}}
  listeners:
  - {name: any, port: 80, protocol: HTTP}
  - {name: wild, port: 80, protocol: HTTP, hostname: '*.example.com', allowedRoutes: {namespaces: {from: All}}}
  - {name: exact, port: 8080, protocol: HTTP, hostname: a.example.com, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}}
  - {name: odd, port: 8081, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}}}
  - {name: address, port: 8082, protocol: HTTP, hostname: 10.0.0.1}
  - {name: bad, port: 0, protocol: HTTP}
  - {name: grpc, port: 8083, protocol: HTTPS, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}
---
kind: ListenerSet
name: infra/set
spec: {parentRef: {name: edge}, listeners: [{name: extra, port: 9000, protocol: HTTP, allowedRoutes: {namespaces: {from: Same}}}]}
---
kind: ListenerSet
name: team/stranger
spec: {parentRef: {name: edge, namespace: infra}, listeners: [{name: extra, port: 9001, protocol: HTTP}]}
";

/// What became of each entry: the listeners with their hosts, or reason and message.
fn outcomes(kind: &str, name: &str, hostnames: &str, parents: &str) -> Vec<String> {
    let route =
        format!("---\nkind: {kind}\nname: {name}\nspec: {{hostnames: {hostnames}, parentRefs: {parents}}}\n");
    let world = World::read(&format!("{GATEWAY}{route}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = world.outcomes(&offer, LENIENT);
    outcomes[0].iter().map(|outcome| describe(&offer, outcome)).collect()
}

fn describe(offer: &Offer<'_>, outcome: &ParentOutcome) -> String {
    let text = match &outcome.outcome {
        Outcome::Attached(attached) => {
            let one = |one: &Attached| {
                format!("{}{:?}", offer.listener(one.at).unwrap().listener.name, one.hostnames)
            };
            attached.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        Outcome::Refused(problems) => {
            let one = |problem: &RouteProblem| format!("{}: {}", problem.reason, problem.message);
            problems.iter().map(one).collect::<Vec<_>>().join("; ")
        }
        Outcome::Undecided(message) => format!("undecided: {message}"),
    };
    format!("{} {text}", outcome.index)
}

#[test]
fn routes_attach_to_listeners() {
    let no_host =
        "NoMatchingListenerHostname: Listener does not allow route attachment, no matching hostname";
    let no_kind = "NotAllowedByListeners: Listener does not allow route attachment, kind does not match between listener and route";
    let no_namespace = "NotAllowedByListeners: Listener does not allow route attachment, namespace does not match between listener and route";
    let no_parent = "NoMatchingParent: Route parentRef does not match listener";
    let cases: &[(&str, &str, &str, &str, &[String])] = &[
        // Who is meant.
        ("HTTPRoute", "infra/r", "[]", "[{name: other}, {name: edge, namespace: team}, {name: edge, kind: Service}]", &[]),
        ("HTTPRoute", "infra/r", "[]", "[{name: other}, {name: edge, sectionName: any}]", &["1 any[]".into()]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, kind: Gateway, group: x, port: 80}]", &["0 any[] wild[\"*.example.com\"]".into()]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: any, port: 81}, {name: edge, sectionName: none}, {name: edge, port: 1}]", &[format!("0 {no_parent}"), format!("1 {no_parent}"), format!("2 {no_parent}")]),
        ("HTTPRoute", "infra/r", "[]", "[{name: set, kind: ListenerSet}, {name: set, kind: ListenerSet, sectionName: any}]", &["0 extra[]".into(), format!("1 {no_parent}")]),
        ("HTTPRoute", "team/r", "[]", "[{name: set, namespace: infra, kind: ListenerSet}]", &[format!("0 {no_namespace}")]),
        ("HTTPRoute", "team/r", "[]", "[{name: stranger, kind: ListenerSet}, {name: nobody, kind: ListenerSet}]", &["0 NotAllowedByListeners: ListenerSet team/stranger is not allowed by its Gateway".into()]),
        // Namespaces.
        ("HTTPRoute", "team/r", "[]", "[{name: edge, namespace: infra, sectionName: any}]", &[format!("0 {no_namespace}")]),
        ("HTTPRoute", "team/r", "[]", "[{name: edge, namespace: infra, port: 80}]", &["0 wild[\"*.example.com\"]".into()]),
        ("HTTPRoute", "team/r", "[]", "[{name: edge, namespace: infra, sectionName: exact}]", &["0 exact[\"a.example.com\"]".into()]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: exact}]", &[format!("0 {no_namespace}")]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: odd}]", &["0 undecided: listener odd: label selector has operator `Like` for key `a`, expected In, NotIn, Exists or DoesNotExist".into()]),
        // Kinds.
        ("GRPCRoute", "infra/r", "[]", "[{name: edge, sectionName: any}, {name: edge, sectionName: grpc}]", &[format!("0 {no_kind}"), "1 grpc[]".into()]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: grpc}]", &[format!("0 {no_kind}")]),
        ("TCPRoute", "infra/r", "[]", "[{name: edge}, {name: other}]", &[format!("0 {no_kind}")]),
        // Hosts.
        ("HTTPRoute", "infra/r", "[b.example.com, a.example.com, x.org]", "[{name: edge, port: 80}]", &["0 any[] wild[\"a.example.com\", \"b.example.com\"]".into()]),
        ("HTTPRoute", "team/r", "[x.org]", "[{name: edge, namespace: infra, sectionName: wild}]", &[format!("0 {no_host}")]),
        ("HTTPRoute", "team/r", "['*.example.com']", "[{name: edge, namespace: infra, sectionName: exact}]", &["0 exact[\"a.example.com\"]".into()]),
        ("HTTPRoute", "infra/r", "[10.0.0.1, 'a..example.com', ok.example.com]", "[{name: edge, sectionName: wild}]", &["0 wild[\"ok.example.com\"]".into()]),
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: address}]", &["0 address[\"10.0.0.1\"]".into()]),
        ("HTTPRoute", "infra/r", "[x.org]", "[{name: edge, sectionName: address}]", &["0 NoMatchingListenerHostname: listener hostname 10.0.0.1 is not valid (listener name address): hostname can not be IP address".into()]),
        // Listeners that are not valid count as well.
        ("HTTPRoute", "infra/r", "[]", "[{name: edge, sectionName: bad}]", &["0 bad[]".into()]),
    ];
    for (kind, name, hostnames, parents, expected) in cases {
        assert_eq!(
            outcomes(kind, name, hostnames, parents),
            *expected,
            "{kind} {name} {hostnames} {parents}"
        );
    }
}

#[test]
fn every_refusing_listener_is_a_reason() {
    let found = outcomes("HTTPRoute", "team/r", "[x.org]", "[{name: edge, namespace: infra, port: 80}]");
    assert_eq!(
        found,
        [
            "0 NotAllowedByListeners: Listener does not allow route attachment, namespace does not match between listener and route; NoMatchingListenerHostname: Listener does not allow route attachment, no matching hostname"
        ]
    );
}

const ROUTES: &str = r"
---
kind: HTTPRoute
name: infra/both
spec: {hostnames: [a.example.com, x.org], parentRefs: [{name: edge, port: 80}, {name: edge, sectionName: any}]}
---
kind: HTTPRoute
name: infra/bad-only
spec: {parentRefs: [{name: edge, sectionName: bad}]}
---
kind: HTTPRoute
name: infra/any
spec: {hostnames: [x.org], parentRefs: [{name: edge, sectionName: any}]}
---
kind: HTTPRoute
name: infra/none
spec: {parentRefs: [{name: edge, sectionName: any}]}
";

#[test]
fn a_port_serves_the_routes_of_its_valid_listeners() {
    let world = World::read(&format!("{GATEWAY}{ROUTES}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = world.outcomes(&offer, LENIENT);
    let ports = by_port(&offer, &outcomes);
    assert_eq!(ports.keys().copied().collect::<Vec<_>>(), [80, 8080, 8081, 8082, 8083, 9000]);
    let routes = world.routes();
    let hostnames: Vec<_> = ports[&80]
        .routes
        .iter()
        .map(|of_port| (of_port.route, of_port.hostnames(&routes[of_port.route])))
        .collect();
    let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(hostnames, [(0, hosts(&["a.example.com"])), (2, hosts(&["x.org"])), (3, vec![])]);
    assert_eq!(ports[&80].routes[0].listeners.len(), 2, "a listener counts once");
    assert!(ports[&8080].routes.is_empty());
}

#[test]
fn attached_routes_are_counted_by_parent() {
    let world = World::read(&format!("{GATEWAY}{ROUTES}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let counts = count(world.outcomes(&offer, LENIENT).iter().flatten());
    let of = |name: &str| {
        let at = offer.parents[0].listeners.iter().position(|judged| judged.listener.name == name).unwrap();
        counts.get(&ListenerIndex { parent: 0, listener: at }).copied().unwrap_or_default()
    };
    assert_eq!(["any", "wild", "bad", "exact"].map(of), [4, 1, 1, 0]);
}

#[test]
fn a_route_that_no_valid_listener_has_is_pending() {
    let world = World::read(&format!("{GATEWAY}{ROUTES}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = world.outcomes(&offer, LENIENT);
    let Outcome::Attached(attached) = &outcomes[1][0].outcome else { panic!() };
    assert_eq!(
        unserved(&offer, attached).unwrap().message,
        "No listener of the parent is valid: bad: Port 0 is not available (listener name bad)"
    );
    let Outcome::Attached(attached) = &outcomes[0][0].outcome else { panic!() };
    assert_eq!(unserved(&offer, attached), None);
}

#[test]
fn an_undecided_set_leaves_its_routes_undecided() {
    let text = GATEWAY.replace(
        "{namespaces: {from: Same}}\n",
        "{namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}}\n",
    );
    let route = "---\nkind: HTTPRoute\nname: infra/r\nspec: {parentRefs: [{name: set, kind: ListenerSet}]}\n";
    let world = World::read(&format!("{text}{route}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = world.outcomes(&offer, LENIENT);
    assert!(matches!(outcomes[0][0].outcome, Outcome::Undecided(_)));
    // The port of the other namespace's set too: the selector is for all of them.
    assert_eq!(undecided_ports(&offer, &outcomes), BTreeSet::from([9000, 9001]));
}

#[test]
fn a_port_is_undecided_if_one_of_its_listeners_is() {
    let route = "---\nkind: HTTPRoute\nname: infra/r\nspec: {parentRefs: [{name: edge}]}\n";
    let world = World::read(&format!("{GATEWAY}{route}"));
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = world.outcomes(&offer, LENIENT);
    assert!(matches!(outcomes[0][0].outcome, Outcome::Attached(_)), "the others decide");
    assert_eq!(undecided_ports(&offer, &outcomes), BTreeSet::from([8081]));
    assert_eq!(undecided_ports(&offer, &[]), BTreeSet::new());
}
