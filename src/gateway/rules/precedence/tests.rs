use super::super::super::route::RouteId;
use super::super::super::route::RouteRules;
use super::*;
use crate::api::ObjectKey;

fn http(found: &str) -> Specifics {
    Specifics::of_http(serde_saphyr::from_str::<Option<HttpRouteMatch>>(found).unwrap().as_ref())
}

fn grpc(found: &str) -> Specifics {
    Specifics::of_grpc(serde_saphyr::from_str::<Option<GrpcRouteMatch>>(found).unwrap().as_ref())
}

#[test]
fn the_more_specific_match_comes_first() {
    let sorted = [
        http("{path: {type: Exact, value: /abc}}"),
        grpc("{method: {service: ab, method: longer}}"),
        grpc("{method: {service: ab, method: m}, headers: [{name: a, value: b}]}"),
        grpc("{method: {service: ab, method: m}}"),
        grpc("{method: {service: ab}}"),
        http("{path: {type: Exact, value: /}, method: GET}"),
        http("{path: {type: Exact, value: /}, headers: [{name: a, value: b}, {name: c, value: d}]}"),
        http(
            "{path: {type: Exact, value: /}, headers: [{name: a, value: b}], queryParams: [{name: a, value: b}]}",
        ),
        http("{path: {type: Exact, value: /}, headers: [{name: a, value: b}]}"),
        http("{path: {type: Exact, value: /}, queryParams: [{name: a, value: b}]}"),
        http("{path: {type: PathPrefix, value: /abc}}"),
        http("{}"),
        http("{path: {type: RegularExpression, value: '/a.*'}}"),
        grpc("{method: {service: s, type: RegularExpression}}"),
        grpc("{headers: [{name: a, value: b}]}"),
        http("null"),
    ];
    for (at, pair) in sorted.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{at}");
    }
    assert_eq!(http("null"), grpc("null"));
    assert_eq!(http("{}"), http("{path: {type: PathPrefix, value: /}}"));
}

#[test]
fn what_is_equally_specific_is_in_the_order_of_routes() {
    let route = |created: i64, namespace: &str, kind: RouteKind| Route {
        id: RouteId { key: ObjectKey::namespaced(namespace, "a"), kind },
        generation: 1,
        created: Some(Timestamp::from_second(created).unwrap()),
        parents: &[],
        hostnames: &[],
        rules: RouteRules::Http(&[]),
        status: None,
    };
    let new = |route: &Route<'_>, rule, match_, hostname| {
        Precedence::new(route, rule, match_, hostname, http("{}"))
    };
    let (old, young) = (route(1, "z", RouteKind::Http), route(2, "a", RouteKind::Http));
    let sorted = [
        new(&young, 5, Some(5), Some("a.example.com")),
        new(&young, 5, Some(5), Some("*.example.com")),
        new(&old, 0, Some(0), None),
        new(&young, 0, Some(0), None),
        new(&young, 0, Some(1), None),
        new(&young, 0, None, None),
        new(&young, 1, Some(0), None),
        new(&route(2, "b", RouteKind::Http), 0, Some(0), None),
        new(&route(2, "b", RouteKind::Grpc), 0, Some(0), None),
    ];
    for (at, pair) in sorted.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{at}");
    }
    assert!(new(&young, 0, None, Some("a.com")) < new(&young, 0, None, Some("b.com")));
}
