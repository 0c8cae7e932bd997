use super::super::super::fixture::{LENIENT, STRICT};
use super::*;
use crate::gateway::route::RouteReason;

/// Conditions as short texts.
fn describe(conditions: &[Condition]) -> Vec<String> {
    let pattern = |pattern: &Pattern| match pattern {
        Pattern::Values(values) => format!("{values:?}"),
        Pattern::Regex(values) => format!("~{values:?}"),
    };
    let one = |condition: &Condition| match condition {
        Condition::Host(value) => format!("host {}", pattern(value)),
        Condition::Path(value) => format!("path {}", pattern(value)),
        Condition::Header { name, value } => format!("header {name} {}", pattern(value)),
        Condition::Query { key, value } => format!("query {key}={value}"),
        Condition::Method(method) => format!("method {method}"),
        Condition::SourceIp(ranges) => format!("source {ranges:?}"),
    };
    conditions.iter().map(one).collect()
}

fn check(found: Result<Vec<Condition>, RouteProblem>, expected: Result<&[&str], &str>, case: &str) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(describe(&found), expected, "{case}"),
        (Err(problem), Err(expected)) => {
            assert_eq!(
                (problem.reason, problem.message.as_str()),
                (RouteReason::UnsupportedValue, expected),
                "{case}"
            );
        }
        (found, expected) => panic!("{case}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn a_match_of_an_http_route_becomes_conditions() {
    let cases: &[(&str, Result<&[&str], &str>)] = &[
        ("{}", Ok(&[r#"path ["/*"]"#])),
        ("{path: {type: PathPrefix, value: /}}", Ok(&[r#"path ["/*"]"#])),
        ("{path: {value: /a}}", Ok(&[r#"path ["/a", "/a/*"]"#])),
        ("{path: {type: PathPrefix, value: /a/}}", Ok(&[r#"path ["/a", "/a/*"]"#])),
        ("{path: {type: PathPrefix, value: /a//}}", Ok(&[r#"path ["/a/", "/a//*"]"#])),
        ("{path: {type: PathPrefix, value: '/a*'}}", Err("prefix path shouldn't contain wildcards: /a*")),
        ("{path: {type: PathPrefix, value: '/a?'}}", Err("prefix path shouldn't contain wildcards: /a?")),
        ("{path: {type: Exact, value: '/a/*'}}", Ok(&[r#"path ["/a/*"]"#])),
        ("{path: {type: RegularExpression, value: '/a.*'}}", Ok(&[r#"path ~["/a.*"]"#])),
        ("{path: {type: Glob, value: /a}}", Err("Unsupported path match type: Glob")),
        ("{headers: [{name: x, value: 'a,b'}]}", Ok(&[r#"path ["/*"]"#, r#"header x ["a", "b"]"#])),
        (
            "{headers: [{name: x, value: 'bar\\,bat', type: Exact}]}",
            Ok(&[r#"path ["/*"]"#, r#"header x ["bar,bat"]"#]),
        ),
        ("{headers: [{name: x, value: 'a\\'}]}", Ok(&[r#"path ["/*"]"#, r#"header x ["a\\"]"#])),
        ("{headers: [{name: x, value: 'ä\\ö,'}]}", Ok(&[r#"path ["/*"]"#, r#"header x ["äö", ""]"#])),
        (
            "{headers: [{name: x, value: 'a,b', type: RegularExpression}]}",
            Ok(&[r#"path ["/*"]"#, r#"header x ~["a,b"]"#]),
        ),
        ("{headers: [{name: x, value: a, type: Prefix}]}", Err("Unsupported header match type: Prefix")),
        (
            "{method: GET, queryParams: [{name: a, value: b}, {name: c, value: d}], headers: [{name: x, value: y}], path: {type: Exact, value: /p}}",
            Ok(&[r#"path ["/p"]"#, r#"header x ["y"]"#, "query a=b", "query c=d", "method GET"]),
        ),
        (
            "{queryParams: [{name: a, value: 'b.*', type: RegularExpression}]}",
            Ok(&[r#"path ["/*"]"#, "query a=b.*"]),
        ),
    ];
    for (found, expected) in cases {
        check(http(&serde_saphyr::from_str(found).unwrap(), LENIENT), *expected, found);
    }
    let regex = "{queryParams: [{name: a, value: 'b.*', type: RegularExpression}]}";
    let expected = Err("Unsupported query parameter match type: RegularExpression");
    check(http(&serde_saphyr::from_str(regex).unwrap(), STRICT), expected, regex);
}

#[test]
fn a_match_of_a_grpc_route_becomes_conditions() {
    let cases: &[(&str, Result<&[&str], &str>)] = &[
        ("{}", Ok(&[r#"path ["/*"]"#])),
        ("{method: {service: s, method: m}}", Ok(&[r#"path ["/s/m"]"#])),
        ("{method: {service: s}}", Ok(&[r#"path ["/s/*"]"#])),
        ("{method: {method: m}}", Ok(&[r#"path ["/*/m"]"#])),
        ("{method: {}}", Err("Invalid grpc method match: neither service nor method is set")),
        ("{method: {service: 's.*', type: RegularExpression}}", Ok(&[r#"path ["/s.*/*"]"#])),
        (
            "{headers: [{name: x, value: 'a,b', type: RegularExpression}]}",
            Ok(&[r#"path ["/*"]"#, r#"header x ["a", "b"]"#]),
        ),
    ];
    for (found, expected) in cases {
        check(grpc(Some(&serde_saphyr::from_str(found).unwrap()), LENIENT), *expected, found);
    }
    check(grpc(None, STRICT), Ok(&[r#"path ["/*"]"#]), "no match");
    let strict = [
        (
            "{method: {service: 's.*', type: RegularExpression}}",
            "Unsupported method match type: RegularExpression",
        ),
        (
            "{headers: [{name: x, value: a, type: RegularExpression}]}",
            "Unsupported header match type: RegularExpression",
        ),
    ];
    for (found, expected) in strict {
        check(grpc(Some(&serde_saphyr::from_str(found).unwrap()), STRICT), Err(expected), found);
    }
}

#[test]
fn a_host_is_compared_as_upstream_does_unless_strict() {
    assert_eq!(describe(&[host("*.a.com", LENIENT)]), [r#"host ["*.a.com"]"#]);
    assert_eq!(describe(&[host("a.com", STRICT)]), [r#"host ~["^a\\.com(:[0-9]+)?$"]"#]);
}

#[test]
fn a_configuration_adds_addresses_to_the_matches_that_it_names() {
    let configuration: ListenerRuleConfiguration = serde_saphyr::from_str(
        r"
apiVersion: gateway.k8s.aws/v1
kind: ListenerRuleConfiguration
metadata: {}
spec:
  conditions:
  - {field: source-ip, sourceIPConfig: {values: [10.0.0.0/8, 11.0.0.0/8]}}
  - {field: source-ip, sourceIPConfig: {values: [12.0.0.0/8]}, matchIndexes: [1, 2, 1, -1]}
  - {field: source-ip}
",
    )
    .unwrap();
    let all = r#"source ["10.0.0.0/8", "11.0.0.0/8"]"#;
    let some = r#"source ["12.0.0.0/8"]"#;
    let cases: &[(Option<usize>, &[&str])] =
        &[(None, &[all]), (Some(0), &[all]), (Some(1), &[all, some, some]), (Some(2), &[all, some])];
    for (at, expected) in cases {
        assert_eq!(describe(&of_configuration(Some(&configuration), *at)), *expected, "{at:?}");
    }
    assert!(of_configuration(None, Some(0)).is_empty());
}
