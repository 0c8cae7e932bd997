//! Whatever stands in the objects: nothing panics, and their order does not matter.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::attachment::{PortRoutes, by_port, count};
use super::backends::{LoadedRule, load};
use super::fixture::World;
use super::l4;
use super::route::{RouteId, RouteProblem};
use super::rules::{Loaded, Rule, RuleOrigin, expand};
use super::status::{
    GatewayOutcome, Knowledge, LoadBalancerState, Observed, StatusTime, gateway_status, report, route_status,
    set_outcomes, set_status,
};
use super::{Controller, GatewayOptions};
use crate::api::ObjectKey;
use crate::api::gateway::{GatewayStatus, ListenerSetStatus, RouteStatus};

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    proptest::sample::select(values.to_vec())
}

/// A value, or nothing.
fn perhaps(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    proptest::option::of(value).prop_map(|value| value.unwrap_or(Value::Null))
}

fn text(values: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    one_of(values).prop_map(Value::from)
}

fn namespaces() -> impl Strategy<Value = Value> {
    let selector = one_of(&[
        json!({"matchLabels": {"team": "red"}}),
        json!({"matchExpressions": [{"key": "team", "operator": "Like"}]}),
        Value::Null,
    ]);
    let from = text(&["All", "Same", "Selector", "None", "Odd"]);
    (perhaps(from), selector).prop_map(|(from, selector)| json!({"from": from, "selector": selector}))
}

fn hostname() -> impl Strategy<Value = Value> {
    text(&["a.com", "*.a.com", "x.a.com", "*.x.a.com", "b.com", "10.0.0.1", "", "*.", "ä.com"])
}

fn listener() -> impl Strategy<Value = Value> {
    let kinds =
        proptest::collection::vec(text(&["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "Odd"]), 0..2);
    let kinds =
        kinds.prop_map(|kinds| kinds.into_iter().map(|kind| json!({"kind": kind})).collect::<Vec<_>>());
    let allowed = (perhaps(namespaces()), kinds);
    let allowed = allowed.prop_map(|(namespaces, kinds)| json!({"namespaces": namespaces, "kinds": kinds}));
    (
        text(&["one", "two", "three", "four"]),
        one_of(&[80, 443, 8080, 0, -1]),
        text(&["HTTP", "HTTPS", "TCP", "UDP", "TLS", "Odd"]),
        perhaps(hostname()),
        perhaps(text(&["Terminate", "Passthrough", "Odd"]).prop_map(|mode| json!({"mode": mode}))),
        perhaps(allowed),
    )
        .prop_map(|(name, port, protocol, hostname, tls, allowed)| {
            json!({"name": name, "port": port, "protocol": protocol, "hostname": hostname, "tls": tls, "allowedRoutes": allowed})
        })
}

fn listeners() -> impl Strategy<Value = Value> {
    proptest::collection::vec(listener(), 0..4).prop_map(Value::from)
}

fn parent() -> impl Strategy<Value = Value> {
    (
        text(&["edge", "set", "other"]),
        perhaps(text(&["Gateway", "ListenerSet", "Service"])),
        perhaps(text(&["home", "away"])),
        perhaps(text(&["one", "two", "five"])),
        perhaps(one_of(&[80, 443]).prop_map(Value::from)),
    )
        .prop_map(|(name, kind, namespace, section, port)| {
            json!({"name": name, "kind": kind, "namespace": namespace, "sectionName": section, "port": port})
        })
}

fn backend() -> impl Strategy<Value = Value> {
    (
        text(&["web", "edge", "gone", ""]),
        perhaps(text(&["Service", "Gateway", "TargetGroupName", "Odd"])),
        perhaps(text(&["home", "away"])),
        perhaps(one_of(&[80, 81, -1]).prop_map(Value::from)),
        perhaps(one_of(&[0, 1, 999, 1000, -1, i32::MAX]).prop_map(Value::from)),
    )
        .prop_map(|(name, kind, namespace, port, weight)| {
            json!({"name": name, "kind": kind, "namespace": namespace, "port": port, "weight": weight})
        })
}

fn filter() -> impl Strategy<Value = Value> {
    let path = one_of(&[
        Value::Null,
        json!({}),
        json!({"replaceFullPath": "/new"}),
        json!({"replacePrefixMatch": ""}),
        json!({"replacePrefixMatch": "/*"}),
    ]);
    let kinds = ["RequestRedirect", "URLRewrite", "ExtensionRef", "CORS", "RequestHeaderModifier", "Odd"];
    (text(&kinds), path, perhaps(text(&["https", "ftp"])), one_of(&[301, 302, 308, 0]), text(&["fine", "login", "gone"])).prop_map(
        |(type_, path, scheme, code, name)| {
            json!({
                "type": type_,
                "requestRedirect": {"path": path, "scheme": scheme, "statusCode": code},
                "urlRewrite": {"path": path, "hostname": scheme},
                "extensionRef": {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": name},
            })
        },
    )
}

fn match_() -> impl Strategy<Value = Value> {
    let path = (
        perhaps(text(&["Exact", "PathPrefix", "RegularExpression", "Odd"])),
        perhaps(text(&["/", "/a", "/a/", "/a*", "", "(["])),
    );
    let path = path.prop_map(|(type_, value)| json!({"type": type_, "value": value}));
    let method = one_of(&[Value::Null, json!("GET")]);
    let value = text(&["a,b", "\\", "a\\,b", "ä\\", ""]);
    (perhaps(path), method, perhaps(text(&["Exact", "RegularExpression", "Odd"])), value).prop_map(|(path, method, type_, value)| {
        json!({"path": path, "method": method, "headers": [{"name": "h", "type": type_, "value": value}], "queryParams": [{"name": "q", "type": type_, "value": value}]})
    })
}

fn grpc_match() -> impl Strategy<Value = Value> {
    let part = || perhaps(text(&["s", "long", ""]));
    (part(), part(), perhaps(text(&["Exact", "RegularExpression", "Odd"]))).prop_map(|(service, method, type_)| {
        json!({"method": {"service": service, "method": method, "type": type_}, "headers": [{"name": "h", "value": "v"}]})
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let some =
        |strategy: BoxedStrategy<Value>| proptest::collection::vec(strategy, 0..3).prop_map(Value::from);
    (some(match_().boxed()), some(grpc_match().boxed()), some(filter().boxed()), some(backend().boxed())).prop_map(
        |(http, grpc, filters, backends)| json!({"http": http, "grpc": grpc, "filters": filters, "backendRefs": backends}),
    )
}

fn route() -> impl Strategy<Value = Value> {
    (
        text(&["HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"]),
        text(&["home", "away"]),
        proptest::collection::vec(hostname(), 0..3),
        proptest::collection::vec(parent(), 0..3),
        proptest::collection::vec(rule(), 0..3),
        perhaps(one_of(&["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]).prop_map(Value::from)),
    )
        .prop_map(|(kind, namespace, hostnames, parents, mut rules, created)| {
            for rule in &mut rules {
                rule["matches"] = if kind == "GRPCRoute" { rule["grpc"].take() } else { rule["http"].take() };
            }
            json!({
                "kind": kind, "metadata": {"namespace": namespace, "creationTimestamp": created},
                "spec": {"hostnames": hostnames, "parentRefs": parents, "rules": rules},
            })
        })
}

fn set() -> impl Strategy<Value = Value> {
    (text(&["home", "away"]), listeners(), perhaps(one_of(&["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]).prop_map(Value::from))).prop_map(
        |(namespace, listeners, created)| {
            json!({
                "kind": "ListenerSet", "metadata": {"namespace": namespace, "name": "set", "creationTimestamp": created},
                "spec": {"parentRef": {"name": "edge", "namespace": "home"}, "listeners": listeners},
            })
        },
    )
}

const SURROUNDINGS: &str = r"
kind: Namespace
name: away
metadata: {labels: {team: red}}
---
kind: Service
name: home/web
spec: {ports: [{port: 80}]}
---
kind: Service
name: away/web
spec: {ports: [{port: 80}]}
---
kind: ReferenceGrant
name: away/grant
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: home}], to: [{group: '', kind: Service}]}
---
kind: ListenerRuleConfiguration
name: home/fine
spec: {conditions: [{field: source-ip, sourceIPConfig: {values: [10.0.0.0/8]}, matchIndexes: [0, 1, -1]}]}
status: {accepted: true}
---
kind: ListenerRuleConfiguration
name: home/login
spec: {actions: [{type: jwt-validation, jwtValidationConfig: {issuer: a, jwksEndpoint: b}}, {type: redirect, redirectConfig: {}}]}
status: {accepted: true}
";

/// Documents of a cluster: the Gateway first.
fn documents() -> impl Strategy<Value = Vec<Value>> {
    let gateway = (listeners(), perhaps(namespaces())).prop_map(|(listeners, namespaces)| {
        json!({
            "kind": "Gateway", "metadata": {"namespace": "home", "name": "edge"},
            "spec": {"listeners": listeners, "allowedListeners": {"namespaces": namespaces}},
        })
    });
    let routes = proptest::collection::vec(route(), 0..5);
    (gateway, proptest::collection::vec(set(), 0..2), routes).prop_map(|(gateway, sets, routes)| {
        let mut all = vec![gateway];
        for (number, mut object) in sets.into_iter().chain(routes).enumerate() {
            if object["metadata"]["name"].is_null() {
                object["metadata"]["name"] = format!("r{number}").into();
            }
            if object["kind"] == "ListenerSet" && number > 0 {
                object["metadata"]["name"] = "set-2".into();
            }
            all.push(object);
        }
        all
    })
}

fn world(documents: &[Value]) -> World {
    let documents: Vec<String> =
        documents.iter().map(|document| without_nulls(document).to_string()).collect();
    World::read(&format!("{SURROUNDINGS}---\n{}", documents.join("\n---\n")))
}

/// What the API server stores: it takes nulls out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Everything that is decided, without numbers of places in lists.
#[derive(Debug, PartialEq)]
struct Decisions {
    rules: Vec<(i32, RouteId, Rule)>,
    l4: Vec<(i32, RouteId)>,
    statuses: Vec<(RouteId, Option<RouteStatus>)>,
    sets: Vec<(ObjectKey, Option<ListenerSetStatus>)>,
    gateway: Option<GatewayStatus>,
}

fn decide(world: &World, controller: Controller, options: GatewayOptions) -> Decisions {
    let moment = StatusTime { generation: 1, now: jiff::Timestamp::UNIX_EPOCH };
    let offer = world.offer(controller, options);
    let outcomes = world.outcomes(&offer, options);
    let routes = world.routes();
    let rules: Vec<Vec<LoadedRule>> = routes.iter().map(|route| load(route, None, world, options)).collect();
    let loaded: Vec<Loaded<'_>> =
        routes.iter().zip(&rules).map(|(route, rules)| Loaded { route, rules }).collect();
    let mut problems: Vec<Vec<RouteProblem>> =
        rules.iter().map(|rules| rules.iter().flat_map(|rule| rule.problems.clone()).collect()).collect();
    let mut decisions =
        Decisions { rules: vec![], l4: vec![], statuses: vec![], sets: vec![], gateway: None };
    let ports = by_port(&offer, &outcomes);
    for (port, of_port) in &ports {
        let expanded = expand(of_port, &offer, &loaded, options);
        expanded.problems.into_iter().for_each(|(route, problem)| problems[route].push(problem));
        decisions.l4.extend(l4::winner(of_port, &routes).map(|route| (*port, routes[route].id.clone())));
        for mut rule in expanded.rules {
            assert!(!rule.conditions.is_empty());
            let RuleOrigin::Route { route, rule: number, match_ } = rule.origin else { continue };
            rule.origin = RuleOrigin::Route { route: 0, rule: number, match_ };
            decisions.rules.push((*port, routes[route].id.clone(), rule));
        }
        l4_backends(of_port, &rules);
    }
    for (route, (outcomes, problems)) in routes.iter().zip(outcomes.iter().zip(&problems)) {
        let reports = report(&offer, outcomes, problems);
        decisions.statuses.push((
            route.id.clone(),
            route_status(route, controller, &reports, Knowledge::Deployment, moment),
        ));
    }
    decisions.statuses.sort_by(|(one, _), (other, _)| one.cmp(other));
    let counts = count(outcomes.iter().flatten());
    let sets = world.sorted_sets(options);
    for (key, outcome) in set_outcomes(&offer, &sets) {
        decisions
            .sets
            .push((key, set_status(&ListenerSetStatus::default(), &outcome, &counts, true, moment)));
    }
    let state = LoadBalancerState { arn: "arn".to_owned(), dns_name: "dns".to_owned(), is_active: true };
    let observed = Observed { offer: &offer, attached_routes: &counts, with_listener_sets: true };
    decisions.gateway =
        gateway_status(&GatewayStatus::default(), GatewayOutcome::Deployed(observed, &state), moment);
    decisions
}

fn l4_backends(port: &PortRoutes, rules: &[Vec<LoadedRule>]) {
    for route in &port.routes {
        l4::backends(&rules[route.route]);
    }
}

proptest! {
    #[test]
    fn the_order_of_objects_does_not_matter(
        documents in documents(),
        order in any::<u64>(),
        strict in any::<bool>(),
    ) {
        let mut shuffled = documents.clone();
        let length = shuffled.len();
        for at in (2..length).rev() {
            // why: a permutation that follows from one number, which proptest can make smaller
            let with = 1 + usize::try_from(order.rotate_left(u32::try_from(at).unwrap()) % 997).unwrap() % at;
            shuffled.swap(at, with);
        }
        let options = GatewayOptions { strict, listener_sets: true, secret_certificates: true };
        for controller in [Controller::Alb, Controller::Nlb] {
            prop_assert_eq!(
                decide(&world(&documents), controller, options),
                decide(&world(&shuffled), controller, options)
            );
        }
    }

    #[test]
    fn a_second_status_is_never_written(documents in documents()) {
        let options = GatewayOptions { strict: false, listener_sets: true, secret_certificates: true };
        let first = world(&documents);
        let mut again = documents.clone();
        for (id, status) in decide(&first, Controller::Alb, options).statuses {
            let mut own = again.iter_mut().filter(|object| {
                object["kind"] == id.kind.as_str()
                    && object["metadata"]["name"] == id.key.name()
                    && object["metadata"]["namespace"] == id.key.namespace()
            });
            if let (Some(status), Some(object)) = (status, own.next()) {
                object["status"] = serde_json::to_value(status).unwrap();
            }
        }
        let second = decide(&world(&again), Controller::Alb, options);
        prop_assert!(second.statuses.iter().all(|(_, status)| status.is_none()), "{:?}", second.statuses);
    }
}
