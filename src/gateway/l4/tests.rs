use super::super::Controller;
use super::super::attachment::by_port;
use super::super::backends::{self, RouteBackend};
use super::super::fixture::{LENIENT, World};
use super::*;

#[test]
fn a_port_serves_the_oldest_route() {
    let route = |kind: &str, name: &str, second: &str| {
        format!(
            "---\nkind: {kind}\nname: {name}\nmetadata: {{creationTimestamp: '2026-01-01T00:00:{second}Z'}}\nspec: {{parentRefs: [{{name: edge, namespace: infra}}]}}\n"
        )
    };
    let gateway = "kind: Gateway\nname: infra/edge\nspec: {listeners: [{name: a, port: 443, protocol: TLS, allowedRoutes: {namespaces: {from: All}}}]}\n";
    let cases = [
        (vec![], None),
        (vec![route("TCPRoute", "b/x", "02"), route("TLSRoute", "z/x", "01")], Some("z/x")),
        (vec![route("TCPRoute", "b/x", "01"), route("TLSRoute", "a/x", "01")], Some("a/x")),
        (vec![route("TCPRoute", "b/y", "01"), route("TCPRoute", "b/x", "01")], Some("b/x")),
    ];
    for (routes, expected) in cases {
        let world = World::read(&format!("{gateway}{}", routes.concat()));
        let offer = world.offer(Controller::Nlb, LENIENT);
        let ports = by_port(&offer, &world.outcomes(&offer, LENIENT));
        let all = world.routes();
        let first = winner(&ports[&443], &all).map(|index| all[index].id.key.to_string());
        assert_eq!(first.as_deref(), expected, "{routes:?}");
    }
}

#[test]
fn all_rules_of_the_route_are_served_together() {
    let cases = [
        (
            "[{backendRefs: [{kind: TargetGroupName, name: a}, {kind: TargetGroupName, name: b, weight: 0}]}, {backendRefs: [{kind: TargetGroupName, name: c}]}]",
            vec!["a", "b", "c"],
        ),
        ("[{backendRefs: [{kind: TargetGroupName, name: a, weight: 0}]}]", vec!["a"]),
        (
            "[{backendRefs: [{kind: TargetGroupName, name: a, weight: 1000}]}, {backendRefs: [{kind: TargetGroupName, name: b}]}]",
            vec!["b"],
        ),
        ("[]", vec![]),
    ];
    for (rules, expected) in cases {
        let world = World::read(&format!("kind: TCPRoute\nname: a/b\nspec: {{rules: {rules}}}"));
        let loaded = backends::load(&world.routes()[0], None, &world, LENIENT);
        let names: Vec<&str> = super::backends(&loaded)
            .into_iter()
            .map(|weighted| match &weighted.backend {
                RouteBackend::TargetGroup { name } => name.as_str(),
                _ => panic!(),
            })
            .collect();
        assert_eq!(names, expected, "{rules}");
    }
}
