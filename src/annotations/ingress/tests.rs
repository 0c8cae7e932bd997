#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::action::{ForwardTarget, IngressAction, parse_action};
use super::auth::{AuthType, parse_auth};
use super::condition::parse_conditions;
use super::listen_ports::parse_listen_ports;
use super::mutual_tls::{MutualTls, parse_mutual_tls};
use super::transform::parse_transforms;
use super::*;
use crate::aws_api::elbv2::{Protocol, RuleCondition};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

fn with<T>(suffix: &str, value: &str, read: impl FnOnce(&Annotations<'_>) -> T) -> T {
    let map = BTreeMap::from([(format!("{ALB_PREFIX}/{suffix}"), value.to_owned())]);
    read(&of(Some(&map)))
}

#[test]
fn decoding_follows_go() {
    let cases: &[(&str, Option<&str>)] = &[
        (r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}"#, Some("200")),
        (
            r#"{"TYPE": "fixed-response", "FixedResponseConfig": {"StatusCode": "201"}, "unknown": 1}"#,
            Some("201"),
        ),
        (
            r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "1", "statusCode": "2"}}"#,
            Some("2"),
        ),
        (
            r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "2", "messageBody": null}}"#,
            Some("2"),
        ),
        (r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 200}}"#, None),
        (r#"{"type": "fixed-response", "fixedResponseConfig": ["a", "b", "200"]}"#, None),
        (r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}} x"#, None),
        ("[]", None),
        ("null", None),
        ("", None),
    ];
    for (text, expected) in cases {
        let status = with("actions.a", text, |annotations| match parse_action(annotations, "a") {
            Ok(Some(IngressAction::FixedResponse(response))) => Some(response.status_code),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        });
        assert_eq!(status.as_deref(), *expected, "{text}");
    }
}

#[test]
fn ports_of_services_are_numbers_where_they_can_be() {
    let cases = [
        ("80", IntOrString::Int(80)),
        (r#""80""#, IntOrString::Int(80)),
        (r#""http""#, IntOrString::String("http".into())),
    ];
    for (port, expected) in cases {
        let text = format!(
            r#"{{"type": "forward", "forwardConfig": {{"targetGroups": [{{"serviceName": "s", "servicePort": {port}}}]}}}}"#
        );
        let action = with("actions.a", &text, |annotations| parse_action(annotations, "a")).unwrap().unwrap();
        let IngressAction::Forward(forward) = action else { panic!("{action:?}") };
        assert_eq!(forward.targets[0].target, ForwardTarget::Service { name: "s".into(), port: expected });
    }
    let fraction = r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "s", "servicePort": 80.5}]}}"#;
    assert!(with("actions.a", fraction, |annotations| parse_action(annotations, "a")).is_err());
}

#[test]
fn forward_actions_say_each_target_in_one_way() {
    let cases = [
        (r#"{"type": "forward"}"#, "needs targetGroupARN"),
        (r#"{"type": "forward", "targetGroupARN": "a", "forwardConfig": {}}"#, "expected one of them"),
        (r#"{"type": "forward", "forwardConfig": {"targetGroups": [{}]}}"#, "targetGroups[0] needs"),
        (
            r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroupName": "a", "serviceName": "b", "servicePort": 1}]}}"#,
            "has both",
        ),
        (
            r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroupARN": "a", "weight": 1}, {"targetGroupARN": "b"}]}}"#,
            "targetGroups[1] has no weight",
        ),
    ];
    for (text, invalid) in cases {
        let error = with("actions.a", text, |annotations| parse_action(annotations, "a")).unwrap_err();
        assert!(error.problem.contains(invalid), "{error}");
        assert_eq!(error.key, "alb.ingress.kubernetes.io/actions.a");
    }
    let empty = r#"{"type": "forward", "forwardConfig": {}}"#;
    assert!(with("actions.a", empty, |annotations| parse_action(annotations, "a")).is_ok());
}

#[test]
fn conditions_need_the_config_of_their_field() {
    let cases: &[(&str, Result<usize, &str>)] = &[
        ("null", Ok(0)),
        ("[]", Ok(0)),
        (r#"[{"field": "colour"}, {}]"#, Ok(0)),
        (
            r#"[{"field": "query-string", "queryStringConfig": {"values": [{"value": "v"}, {"key": "k", "value": "w"}]}}]"#,
            Ok(1),
        ),
        (
            r#"[{"field": "query-string", "queryStringConfig": {"values": [{"key": "k"}]}}]"#,
            Err("query string without a value"),
        ),
        (r#"[{"field": "host-header"}]"#, Err("[0] needs hostHeaderConfig")),
        (
            r#"[{"field": "host-header", "hostHeaderConfig": {"values": ["a"], "regexValues": ["b"]}}]"#,
            Err("has both"),
        ),
        (r#"[{"field": "path-pattern", "pathPatternConfig": {}}]"#, Err("has neither")),
        (
            r#"[{"field": "http-request-method", "httpRequestMethodConfig": {"values": []}}]"#,
            Err("has no values"),
        ),
        (r#"{"field": "source-ip"}"#, Err("is not a list of conditions")),
    ];
    for (text, expected) in cases {
        let found = with("conditions.a", text, |annotations| parse_conditions(annotations, "a"));
        match (found, expected) {
            (Ok(found), Ok(count)) => assert_eq!(found.len(), *count, "{text}"),
            (Err(error), Err(invalid)) => assert!(error.problem.contains(invalid), "{error}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }
    let text = r#"[{"field": "source-ip", "sourceIpConfig": {"Values": ["10.0.0.0/8"]}}]"#;
    let found = with("conditions.a", text, |annotations| parse_conditions(annotations, "a")).unwrap();
    assert_eq!(found, [RuleCondition::SourceIp(vec!["10.0.0.0/8".into()])]);
}

#[test]
fn transforms_keep_their_order() {
    let text = r#"[
        {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/a", "replace": "/b"}]}},
        {"type": "host-header-rewrite", "hostHeaderRewriteConfig": {"rewrites": [{"regex": "x"}]}}]"#;
    let found = with("transforms.a", text, |annotations| parse_transforms(annotations, "a")).unwrap();
    assert_eq!(found[0].rewrites, [("^/a".to_owned(), "/b".to_owned())]);
    assert_eq!(found[1].kind, "host-header-rewrite");
    for (text, invalid) in [
        (r#"[{"type": "x"}]"#, "expected url-rewrite"),
        (r#"[{"type": "url-rewrite"}]"#, "needs urlRewriteConfig"),
    ] {
        let error = with("transforms.a", text, |annotations| parse_transforms(annotations, "a")).unwrap_err();
        assert!(error.problem.contains(invalid), "{error}");
    }
}

#[test]
fn the_last_mention_of_a_port_counts() {
    let ports = |text| with("listen-ports", text, parse_listen_ports);
    let found = ports(r#"[{"HTTP": 80}, {"HTTPS": 80}, {}]"#).unwrap().unwrap();
    assert_eq!(found, [(80, Protocol::Https)].into());
    assert_eq!(ports("[{}]").unwrap().unwrap(), BTreeMap::new());
    for text in ["", "null", "[]", r#"[{"HTTP": 0}]"#, r#"[{"Http": 80}]"#, r#"[{"HTTP": "80"}]"#] {
        assert!(ports(text).is_err(), "{text}");
    }
    let modes = r#"[{"port": 443, "mode": "off"}, {"Port": 443, "Mode": "passthrough"}]"#;
    let modes = with("mutual-authentication", modes, parse_mutual_tls).unwrap();
    assert_eq!(modes, [(443, MutualTls::Passthrough)].into());
}

#[test]
fn log_in_has_defaults_and_keeps_the_keys_of_parameters() {
    let auth = with("auth-type", "cognito", parse_auth).unwrap();
    assert_eq!((auth.kind, auth.cognito, auth.session_timeout), (AuthType::Cognito, None, 604_800));
    assert_eq!((auth.scope.as_str(), auth.session_cookie.as_str()), ("openid", "AWSELBAuthSessionCookie"));
    let pool = r#"{"UserPoolArn": "arn", "userPoolClientID": "c", "authenticationRequestExtraParams": {"Display": "page", "display": "touch"}}"#;
    let pool = with("auth-idp-cognito", pool, parse_auth).unwrap().cognito.unwrap();
    assert_eq!((pool.user_pool_arn.as_str(), pool.extra_params.len()), ("arn", 2));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in r#"[\[\]{}":, a-zA-Z0-9.*-]{0,60}"#, other in ".*") {
        for text in [&text, &other] {
            with("actions.a", text, |annotations| drop(parse_action(annotations, "a")));
            with("conditions.a", text, |annotations| drop(parse_conditions(annotations, "a")));
            with("transforms.a", text, |annotations| drop(parse_transforms(annotations, "a")));
            with("listen-ports", text, |annotations| drop(parse_listen_ports(annotations)));
            with("mutual-authentication", text, |annotations| drop(parse_mutual_tls(annotations)));
            with("auth-idp-oidc", text, |annotations| drop(parse_auth(annotations)));
            with("jwt-validation", text, |annotations| drop(super::jwt::parse_jwt(annotations)));
        }
    }
}
