use super::super::attachment::by_port;
use super::super::backends::load;
use super::super::fixture::{LENIENT, STRICT, World};
use super::super::{Controller, GatewayOptions};
use super::condition::Pattern;
use super::*;

/// Rules of a port, in order, as `host path action`.
fn rules(world: &World, port: i32, options: GatewayOptions) -> Vec<String> {
    expanded(world, port, options).rules.iter().map(describe).collect()
}

fn expanded(world: &World, port: i32, options: GatewayOptions) -> Expanded {
    let offer = world.offer(Controller::Alb, options);
    let ports = by_port(&offer, &world.outcomes(&offer, options));
    let routes = world.routes();
    let rules: Vec<Vec<LoadedRule>> = routes.iter().map(|route| load(route, None, world, options)).collect();
    let loaded: Vec<Loaded<'_>> =
        routes.iter().zip(&rules).map(|(route, rules)| Loaded { route, rules }).collect();
    expand(&ports[&port], &offer, &loaded, options)
}

fn describe(rule: &Rule) -> String {
    let text = |pattern: &Pattern| match pattern {
        Pattern::Values(values) | Pattern::Regex(values) => values.join("|"),
    };
    let of = |condition: &Condition| match condition {
        Condition::Host(value) | Condition::Path(value) | Condition::Header { value, .. } => text(value),
        Condition::Query { key, value } => format!("?{key}={value}"),
        Condition::Method(method) => method.clone(),
        Condition::SourceIp(ranges) => ranges.join("|"),
    };
    let action = match &rule.action {
        RuleAction::ForwardAsBefore { .. } => "forward as before".to_owned(),
        RuleAction::Forward { .. } => "forward".to_owned(),
        RuleAction::Redirect(_) => "redirect".to_owned(),
        RuleAction::FixedResponse(answer) => answer.status_code.to_string(),
    };
    let refused = if rule.refusal.is_some() { " refused" } else { "" };
    let conditions: Vec<String> = rule.conditions.iter().map(of).collect();
    format!("{} {action}{refused}", conditions.join(" "))
}

const GATEWAY: &str = r"
kind: Gateway
name: a/edge
spec: {listeners: [{name: any, port: 80, protocol: HTTP}]}
";

fn with_routes(routes: &[&str]) -> World {
    World::read(&format!("{GATEWAY}---\n{}", routes.join("\n---\n")))
}

const BACKEND: &str = "backendRefs: [{kind: TargetGroupName, name: x}]";

#[test]
fn every_match_and_host_is_a_rule() {
    let world = with_routes(&[
        &format!(
            "{{kind: HTTPRoute, name: a/r, spec: {{parentRefs: [{{name: edge}}], hostnames: [b.com, '*.a.com', b.com], rules: [{{matches: [{{path: {{value: /x}}}}, {{path: {{type: Exact, value: /y}}}}], {BACKEND}}}, {{{BACKEND}}}]}}}}"
        ),
        &format!(
            "{{kind: GRPCRoute, name: a/g, spec: {{parentRefs: [{{name: edge}}], rules: [{{{BACKEND}}}]}}}}"
        ),
    ]);
    assert_eq!(
        rules(&world, 80, LENIENT),
        [
            "b.com /y forward",
            "b.com /x|/x/* forward",
            "b.com forward",
            "*.a.com /y forward",
            "*.a.com /x|/x/* forward",
            "*.a.com forward",
        ]
    );
}

#[test]
fn a_rule_has_a_condition_at_least() {
    let world = with_routes(&[&format!(
        "{{kind: HTTPRoute, name: a/r, spec: {{parentRefs: [{{name: edge}}], rules: [{{{BACKEND}}}]}}}}"
    )]);
    assert_eq!(rules(&world, 80, LENIENT), ["/* forward"]);
}

#[test]
fn what_is_wrong_with_a_rule_costs_that_rule() {
    let route = |name: &str, rule: &str| {
        format!(
            "{{kind: HTTPRoute, name: a/{name}, spec: {{parentRefs: [{{name: edge}}], rules: [{rule}, {{matches: [{{path: {{value: /fine-{name}}}}}], {BACKEND}}}]}}}}"
        )
    };
    let cases = [
        ("filter", format!("{{matches: [{{path: {{value: /x}}}}], filters: [{{type: CORS}}], {BACKEND}}}"), Some("/x|/x/* 500 refused")),
        ("weight", "{matches: [{path: {value: /x}}], backendRefs: [{kind: TargetGroupName, name: x, weight: 1000}]}".to_owned(), Some("/x|/x/* forward as before refused")),
        ("config", format!("{{matches: [{{path: {{value: /x}}}}], filters: [{{type: ExtensionRef, extensionRef: {{group: gateway.k8s.aws, kind: ListenerRuleConfiguration, name: gone}}}}], {BACKEND}}}"), Some("/x|/x/* 500 refused")),
        ("code", "{matches: [{path: {value: /x}}], filters: [{type: RequestRedirect, requestRedirect: {hostname: h.com, statusCode: 307}}]}".to_owned(), Some("/x|/x/* 500 refused")),
        ("path", format!("{{matches: [{{path: {{value: '/x*'}}}}], {BACKEND}}}"), None),
    ];
    for (name, rule, expected) in cases {
        let broken = route(name, &rule);
        let other = route("other", &format!("{{matches: [{{path: {{value: /z}}}}], {BACKEND}}}"));
        let world = with_routes(&[&broken, &other]);
        let found = rules(&world, 80, LENIENT);
        let mut wanted =
            [format!("/fine-{name}|/fine-{name}/* forward"), "/fine-other|/fine-other/* forward".to_owned()];
        wanted.sort_by_key(|text| std::cmp::Reverse(text.split('|').next().unwrap().len()));
        let mut all: Vec<String> = expected.map(str::to_owned).into_iter().collect();
        all.push("/z|/z/* forward".to_owned());
        assert!(wanted.iter().chain(&all).all(|rule| found.contains(rule)), "{name}: {found:?}");
        assert_eq!(found.len(), wanted.len() + all.len(), "{name}: {found:?}");
        let problems = expanded(&world, 80, LENIENT).problems;
        assert_eq!(problems.iter().map(|(route, _)| *route).collect::<Vec<_>>(), [0], "{name}");
    }
}

#[test]
fn older_routes_come_first_whatever_their_place_in_the_list() {
    let route = |name: &str, second: &str| {
        format!(
            "{{kind: HTTPRoute, name: {name}, metadata: {{creationTimestamp: '2026-01-01T00:00:{second}Z'}}, spec: {{parentRefs: [{{name: edge}}], rules: [{{matches: [{{headers: [{{name: from, value: {}}}]}}], {BACKEND}}}]}}}}",
            name.replace('/', "-")
        )
    };
    let (one, two, three) = (route("a/z", "01"), route("a/b", "02"), route("a/a", "03"));
    let expected = ["/* a-z forward", "/* a-b forward", "/* a-a forward"];
    for order in [[&one, &two, &three], [&three, &two, &one], [&two, &one, &three]] {
        let world = with_routes(&order.map(String::as_str));
        assert_eq!(rules(&world, 80, LENIENT), expected);
    }
}

const LISTENERS: &str = r"
kind: Gateway
name: a/edge
spec:
  listeners:
  - {name: any, port: 80, protocol: HTTP}
  - {name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'}
  - {name: closer, port: 80, protocol: HTTP, hostname: '*.a.example.com'}
  - {name: exact, port: 80, protocol: HTTP, hostname: x.example.com}
---
kind: HTTPRoute
name: a/any
spec:
  parentRefs: [{name: edge, sectionName: any}]
  rules: [{matches: [{path: {value: /any}}], backendRefs: [{kind: TargetGroupName, name: x}]}]
---
kind: HTTPRoute
name: a/wild
spec:
  parentRefs: [{name: edge, sectionName: wild}]
  rules: [{matches: [{path: {value: /wild}}], backendRefs: [{kind: TargetGroupName, name: x}]}]
---
kind: HTTPRoute
name: a/exact
spec:
  parentRefs: [{name: edge, sectionName: exact}]
  rules: [{matches: [{path: {value: /e}}], backendRefs: [{kind: TargetGroupName, name: x}]}]
---
kind: HTTPRoute
name: a/all
spec:
  hostnames: [x.example.com, y.example.com, example.org]
  parentRefs: [{name: edge}]
  rules: [{matches: [{path: {value: /all}}], backendRefs: [{kind: TargetGroupName, name: x}]}]
";

#[test]
fn strictly_a_listener_answers_alone_for_its_host() {
    let world = World::read(LISTENERS);
    let host = |host: &str| format!("^{}(:[0-9]+)?$", host.replace('.', "\\.").replace('*', ".+"));
    let expected = [
        format!("{} /all|/all/* forward", host("x.example.com")),
        format!("{} /e|/e/* forward", host("x.example.com")),
        format!("{} 404", host("x.example.com")),
        format!("{} 404", host("*.a.example.com")),
        format!("{} /all|/all/* forward", host("y.example.com")),
        format!("{} /wild|/wild/* forward", host("*.example.com")),
        format!("{} 404", host("*.example.com")),
        format!("{} /all|/all/* forward", host("example.org")),
        "/any|/any/* forward".to_owned(),
    ];
    assert_eq!(rules(&world, 80, STRICT), expected);
}

#[test]
fn otherwise_the_listeners_of_a_port_share_their_rules() {
    let world = World::read(LISTENERS);
    assert_eq!(
        rules(&world, 80, LENIENT),
        [
            "x.example.com /all|/all/* forward",
            "y.example.com /all|/all/* forward",
            "x.example.com /e|/e/* forward",
            "*.example.com /wild|/wild/* forward",
            "/any|/any/* forward",
        ]
    );
}

#[test]
fn a_listener_that_nobody_else_covers_needs_no_end() {
    let world = World::read(
        "{kind: Gateway, name: a/edge, spec: {listeners: [{name: x, port: 80, protocol: HTTP, hostname: x.com}, {name: z, port: 80, protocol: HTTP, hostname: z.com}]}}",
    );
    assert_eq!(rules(&world, 80, STRICT), Vec::<String>::new());
}

#[test]
fn conditions_that_elb_cannot_have_together_close_the_rule() {
    let configuration = |conditions: &str| {
        format!(
            "{{kind: ListenerRuleConfiguration, name: a/c, spec: {{conditions: [{conditions}]}}, status: {{accepted: true}}}}"
        )
    };
    let route = format!(
        "{{kind: HTTPRoute, name: a/r, spec: {{parentRefs: [{{name: edge}}], rules: [{{matches: [{{path: {{value: /x}}}}, {{path: {{value: /longer}}}}], filters: [{{type: ExtensionRef, extensionRef: {{group: gateway.k8s.aws, kind: ListenerRuleConfiguration, name: c}}}}], {BACKEND}}}]}}}}"
    );
    let range = |range: &str, indexes: &str| {
        format!("{{field: source-ip, sourceIPConfig: {{values: [{range}]}}{indexes}}}")
    };
    let one = configuration(&range("10.0.0.0/8", ""));
    assert_eq!(
        rules(&with_routes(&[&route, &one]), 80, LENIENT),
        ["/longer|/longer/* 10.0.0.0/8 forward", "/x|/x/* 10.0.0.0/8 forward"]
    );
    let two =
        configuration(&[range("10.0.0.0/8", ""), range("192.0.2.0/24", ", matchIndexes: [1]")].join(", "));
    let world = with_routes(&[&route, &two]);
    assert_eq!(rules(&world, 80, LENIENT), ["/longer|/longer/* 500 refused", "/x|/x/* 10.0.0.0/8 forward"]);
    let [(route, problem)]: [_; 1] = expanded(&world, 80, LENIENT).problems.try_into().unwrap();
    assert_eq!(route, 0);
    assert!(problem.message.contains("one source-ip condition"), "{}", problem.message);
}
