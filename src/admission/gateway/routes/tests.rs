#![allow(clippy::needless_pass_by_value)] // why: manifests read best as literals
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::{tests::Cluster, told};
use crate::api::gateway::{GrpcRoute, HttpRoute, TcpRoute, TlsRoute};
use crate::config::FeatureGates;
use serde::de::DeserializeOwned;
use serde_json::json;

fn said_by<R: DeserializeOwned>(
    config: &Config,
    cluster: &Cluster,
    parent: &str,
    rules: &Value,
) -> Vec<String>
where
    for<'a> Route<'a>: From<&'a R>,
{
    let mut spec = json!({"parentRefs": [{"name": parent}], "rules": rules});
    if rules.is_object() {
        spec = rules.clone();
        spec["parentRefs"] = json!([{"name": parent}]);
    }
    let object = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
    let typed: R = serde_json::from_value(object.clone()).unwrap();
    told(&check(config, &Route::from(&typed), &object, cluster).findings)
}

fn http(rules: &Value) -> Vec<String> {
    said_by::<HttpRoute>(&Config::default(), &Cluster::default(), "alb", rules)
}

fn strict() -> Config {
    let features = FeatureGates { gateway_api_strict: true, ..FeatureGates::default() };
    Config { features, ..Config::default() }
}

fn backend() -> Value {
    json!({"name": "web", "port": 80})
}

fn of_backend(key: &str, value: Value) -> Value {
    let mut backend = backend();
    backend[key] = value;
    json!([{"backendRefs": [backend]}])
}

fn of_shares(shares: &[(&str, i32)]) -> Value {
    let backend = |(name, weight): &(&str, i32)| json!({"name": name, "port": 80, "weight": weight});
    json!([{"backendRefs": shares.iter().map(backend).collect::<Vec<_>>()}])
}

fn of_filter(filter: Value) -> Value {
    json!([{"filters": [filter], "backendRefs": [backend()]}])
}

fn of_match(found: Value) -> Value {
    json!([{"matches": [found], "backendRefs": [backend()]}])
}

#[test]
fn what_works_is_passed_in_silence() {
    let full = json!({
        "hostnames": ["shop.example.com"],
        "rules": [
            {
                "name": "web",
                "matches": [{"path": {"type": "PathPrefix", "value": "/shop"}, "headers": [{"name": "a", "value": "b"}], "method": "GET"}],
                "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}],
                "backendRefs": [{"name": "web", "port": 80, "weight": 9}, {"name": "arn", "kind": "TargetGroupName"}],
            },
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]},
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}}}]},
            {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "login"}}], "backendRefs": [backend()]},
        ],
    });
    assert_eq!(http(&full), [""; 0]);
    let twice = of_shares(&[("web", 1), ("api", 2), ("web", 3), ("a", 4), ("b", 5), ("c", 6)]);
    assert_eq!(http(&twice), [""; 0], "five target groups");
    let network = json!([{"backendRefs": [{"name": "web", "port": 80}, {"name": "alb", "kind": "Gateway", "group": "gateway.networking.k8s.io", "port": 80}]}]);
    assert_eq!(said_by::<TcpRoute>(&Config::default(), &Cluster::default(), "nlb", &network), [""; 0]);
}

#[test]
fn backends_are_those_that_a_load_balancer_can_have() {
    let cases = [
        (
            of_backend("weight", json!(1000)),
            "E spec.rules[0].backendRefs[0].weight: Weight [1000] must be less than or equal to 999",
        ),
        (
            of_backend("weight", json!(-1)),
            "E spec.rules[0].backendRefs[0].weight: Weight [-1] must be less than or equal to 999",
        ),
        (
            of_backend("weight", json!(0)),
            "W spec.rules[0].backendRefs: all weights are 0, so that requests are answered with 500",
        ),
        (
            of_shares(&[("web", 600), ("web", 600), ("api", 1)]),
            "E spec.rules[0].backendRefs: the weights of Service shop/web, port 80 add up to 1200, expected at most 999",
        ),
        (of_backend("port", Value::Null), "E spec.rules[0].backendRefs[0].port: Port is required"),
        (
            of_backend("kind", json!("Servce")),
            "E spec.rules[0].backendRefs[0].kind: Unknown backend reference kind \"Servce\", expected Service, TargetGroupName or Gateway; did you mean `Service`?",
        ),
        (
            of_backend("group", json!("apps")),
            "W spec.rules[0].backendRefs[0].group: \"apps\" is not looked at, a Service is of group \"\"",
        ),
        (
            of_backend("kind", json!("TargetGroupName")),
            "W spec.rules[0].backendRefs[0].port: has no effect: the target group is found by its name",
        ),
        (
            json!([{"backendRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "alb", "port": 80}]}]),
            "E spec.rules[0].backendRefs[0].kind: a Gateway can be a backend of TCPRoutes, UDPRoutes and TLSRoutes, not of a HTTPRoute",
        ),
        (
            of_backend("filters", json!([{"type": "RequestMirror"}])),
            "W spec.rules[0].backendRefs: filters of backendRefs are not supported by load balancers, and have no effect",
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(http(&rules), [expected], "{rules}");
    }
}

#[test]
fn what_aws_refuses_in_every_account_is_an_error_and_what_it_may_allow_a_warning() {
    let from = |first: usize, count: usize| {
        let group = |at: usize| json!({"kind": "TargetGroupName", "name": format!("g{at}")});
        json!([{"backendRefs": (first..first + count).map(group).collect::<Vec<_>>()}])
    };
    let groups = |count: usize| from(0, count);
    assert_eq!(http(&groups(5)), [""; 0]);
    let many_groups = "forwards to 6 target groups, expected 1 to 5";
    assert_eq!(http(&groups(6)), [format!("E spec.rules[0].backendRefs: {many_groups}")]);
    let by_tcp = |rules: &Value| said_by::<TcpRoute>(&Config::default(), &Cluster::default(), "nlb", rules);
    assert_eq!(by_tcp(&groups(6)), [format!("E spec.rules[0].backendRefs: {many_groups}")]);
    let split = json!([groups(3)[0], from(3, 3)[0]]);
    assert_eq!(by_tcp(&split)[1], format!("E spec.rules: {many_groups}"));

    let path = |value: &str| json!([{"matches": [{"path": {"type": "RegularExpression", "value": value}}], "backendRefs": [backend()]}]);
    assert_eq!(http(&path("/[a-z]{3}")), [""; 0]);
    let exact = json!([{"matches": [{"path": {"type": "Exact", "value": "/*/*/*/*/*/*/*"}}], "backendRefs": [backend()]}]);
    assert_eq!(
        http(&exact).last().unwrap(),
        "E spec.rules[0].matches[0]: has 7 wildcards in all, expected at most 6"
    );
    let matches = |count: usize| {
        let one = |at: usize| json!({"path": {"type": "Exact", "value": format!("/{at}")}});
        json!([{"matches": (0..count).map(one).collect::<Vec<_>>(), "backendRefs": [backend()]}])
    };
    assert_eq!(http(&matches(100)), [""; 0]);
    assert_eq!(
        http(&matches(101)),
        ["W spec.rules: makes 101 rules on one listener, and AWS's usual limit is 100"]
    );
}

#[test]
fn filters_are_those_that_an_alb_has() {
    let redirect =
        |redirect: Value| of_filter(json!({"type": "RequestRedirect", "requestRedirect": redirect}));
    let extension = |kind: &str| {
        let reference = json!({"group": "gateway.k8s.aws", "kind": kind, "name": "a"});
        json!({"type": "ExtensionRef", "extensionRef": reference})
    };
    let two = json!([{"filters": [extension("ListenerRuleConfiguration"), extension("ListenerRuleConfiguration")], "backendRefs": [backend()]}]);
    let only = "Only request redirect is supported. To specify header modification, please configure it through LoadBalancerConfiguration.";
    let cases = [
        (of_filter(json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "a"}}})), format!("E spec.rules[0].filters: Unsupported filter type: RequestMirror. {only}")),
        (of_filter(json!({"type": "UrlRewrite"})), format!("E spec.rules[0].filters: Unsupported filter type: UrlRewrite. {only}; did you mean `URLRewrite`?")),
        (redirect(json!({"scheme": "ftp"})), "E spec.rules[0].filters: unsupported redirect scheme: FTP".to_owned()),
        (redirect(json!({"statusCode": 307})), "E spec.rules[0].filters: unsupported redirect status code: 307, expected 301 or 302".to_owned()),
        (redirect(json!({"path": {"replaceFullPath": "/a*"}})), "E spec.rules[0].filters: ReplaceFullPath shouldn't contain wildcards: /a*".to_owned()),
        (two, "E spec.rules[0].filters: Only one listener rule config can be referenced per route rule, found multiple".to_owned()),
        (of_filter(extension("ListenerRule")), "W spec.rules[0].filters[0].extensionRef.kind: \"ListenerRule\" is not ListenerRuleConfiguration, so the filter has no effect; write ListenerRuleConfiguration".to_owned()),
        (json!([{"matches": [{"path": {"type": "Exact", "value": "/a"}}], "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"replacePrefixMatch": "/b"}}}]}]), "E spec.rules[0].filters: ReplacePrefixMatch needs a path match of type PathPrefix, got Exact".to_owned()),
    ];
    for (rules, expected) in cases {
        assert_eq!(http(&rules), [expected], "{rules}");
    }
    let grpc = |rules| said_by::<GrpcRoute>(&Config::default(), &Cluster::default(), "alb", &rules);
    assert!(
        grpc(of_filter(json!({"type": "RequestMirror"})))[0]
            .starts_with("E spec.rules[0].filters: Unsupported filter type: RequestMirror.")
    );
}

#[test]
fn matches_are_those_that_an_alb_can_compare() {
    let many: Vec<Value> = (0..4).map(|at| json!({"name": format!("h{at}"), "value": "v"})).collect();
    let cases = [
        (
            json!({"path": {"value": "/a*"}}),
            "E spec.rules[0].matches[0]: prefix path shouldn't contain wildcards: /a*",
        ),
        (
            json!({"path": {"type": "Exact", "value": "/a*"}}),
            "W spec.rules[0].matches[0].path.value: \"/a*\" is not compared exactly: * and ? stand for any text in paths of an ALB",
        ),
        (
            json!({"path": {"type": "RegularExpression", "value": "/("}}),
            "E spec.rules[0].matches[0]: \"/(\" is not a regular expression that AWS takes: unclosed group",
        ),
        (
            json!({"queryParams": [{"type": "RegularExpression", "name": "a", "value": "b.*"}]}),
            "W spec.rules[0].matches[0].queryParams[0].type: RegularExpression is compared as a text: an ALB has no regular expressions for parameters of the query",
        ),
        (
            json!({"headers": many, "path": {"value": "/a"}}),
            "E spec.rules[0].matches[0]: has 6 values in all, expected at most 5",
        ),
        (
            json!({"path": {"type": "Exact", "value": format!("/{}", "a".repeat(128))}}),
            "has 129 characters, expected 1 to 128",
        ),
    ];
    for (found, expected) in cases {
        let told = http(&of_match(found));
        assert!(told.len() == 1 && told[0].ends_with(expected), "{told:#?}\nlacks {expected}");
    }
    let unknown = http(&of_match(json!({"path": {"type": "Prefix", "value": "/"}})));
    assert_eq!(
        unknown,
        [
            "E spec.rules[0].matches[0].path.type: \"Prefix\" is not one of Exact, PathPrefix or RegularExpression; did you mean `PathPrefix`?",
            "E spec.rules[0].matches[0]: Unsupported path match type: Prefix"
        ]
    );
    let grpc = of_match(json!({"method": {"type": "RegularExpression", "service": "a.*"}}));
    assert_eq!(
        said_by::<GrpcRoute>(&Config::default(), &Cluster::default(), "alb", &grpc),
        [
            "W spec.rules[0].matches[0].method.type: RegularExpression is compared as a text: an ALB has no regular expressions for services and methods"
        ]
    );
}

#[test]
fn ranges_of_a_rule_configuration_count_among_the_values() {
    let ranges: Vec<String> = (0..5).map(|at| format!("10.{at}.0.0/16")).collect();
    let configuration = json!({
        "metadata": {"name": "office"},
        "spec": {"conditions": [{"field": "source-ip", "sourceIPConfig": {"values": ranges}}]},
    });
    let cluster =
        Cluster { rules: vec![serde_json::from_value(configuration).unwrap()], ..Cluster::default() };
    let filter = json!({"type": "ExtensionRef", "extensionRef": {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "office"}});
    let rules =
        json!([{"matches": [{"path": {"value": "/"}}], "filters": [filter], "backendRefs": [backend()]}]);
    assert_eq!(
        said_by::<HttpRoute>(&Config::default(), &cluster, "alb", &rules),
        ["E spec.rules[0].matches[0]: has 6 values in all, expected at most 5"]
    );
}

#[test]
fn ignored_fields_are_warned_of() {
    let rule = json!([{"backendRefs": [backend()], "timeouts": {"request": "1s"}, "retry": {"attempts": 1}, "sessionPersistence": {"type": "Cookie"}}]);
    let fields: Vec<String> =
        http(&rule).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(
        fields,
        ["W spec.rules[0].timeouts", "W spec.rules[0].retry", "W spec.rules[0].sessionPersistence"]
    );
    let hostname = json!({"hostnames": ["10.0.0.1"], "rules": []});
    assert_eq!(
        http(&hostname),
        ["W spec.hostnames[0]: \"10.0.0.1\" is passed over: hostname can not be IP address"]
    );
}

#[test]
fn an_nlb_serves_one_rule() {
    let tls = |rules: &Value| said_by::<TlsRoute>(&Config::default(), &Cluster::default(), "nlb", rules);
    assert_eq!(
        tls(&json!([{"backendRefs": [backend()]}, {"backendRefs": [backend()]}])),
        [
            "W spec.rules: 2 rules are served as one, with the backends of all of them: an NLB cannot tell connections apart"
        ]
    );
    let nobody = of_backend("weight", json!(0));
    assert_eq!(tls(&nobody), ["W spec.rules: all weights are 0, so that there is no listener"]);
}

#[test]
fn a_route_needs_a_load_balancer_of_its_layer() {
    let rules = json!([{"backendRefs": [backend()]}]);
    assert_eq!(
        said_by::<TcpRoute>(&Config::default(), &Cluster::default(), "alb", &rules),
        ["W spec.parentRefs[0]: \"alb\" has an ALB, and a TCPRoute needs an NLB, so it is not served there"]
    );
}

#[test]
fn strictly_what_upstream_would_make_something_else_of_is_an_error() {
    let strictly = |rules: &Value| said_by::<HttpRoute>(&strict(), &Cluster::default(), "alb", rules);
    let query = of_match(json!({"queryParams": [{"type": "RegularExpression", "name": "a", "value": "b"}]}));
    assert_eq!(
        strictly(&query),
        ["E spec.rules[0].matches[0]: Unsupported query parameter match type: RegularExpression"]
    );
    let filters = of_backend("filters", json!([{"type": "RequestMirror"}]));
    assert_eq!(
        strictly(&filters),
        ["E spec.rules[0].backendRefs: filters of backendRefs are not supported by load balancers"]
    );
}
