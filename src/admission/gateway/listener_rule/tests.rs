#![allow(clippy::needless_pass_by_value)] // why: manifests read best as literals
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::told;
use serde_json::{Value, json};

fn said(spec: &Value) -> Vec<String> {
    let configuration = json!({"metadata": {"name": "login", "namespace": "shop"}, "spec": spec});
    told(&check(&Config::default(), &serde_json::from_value(configuration).unwrap()))
}

fn oidc() -> Value {
    json!({
        "issuer": "https://id.example.com",
        "authorizationEndpoint": "https://id.example.com/authorize",
        "tokenEndpoint": "https://id.example.com/token",
        "userInfoEndpoint": "https://id.example.com/me",
        "secret": {"name": "oidc"},
    })
}

fn merged(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn of_claim(claim: Value) -> Value {
    let config =
        json!({"issuer": "id", "jwksEndpoint": "https://id.example.com/keys", "additionalClaims": [claim]});
    json!({"actions": [{"type": "jwt-validation", "jwtValidationConfig": config}]})
}

fn of_oidc(key: &str, value: Value) -> Value {
    json!({"actions": [{"type": "authenticate-oidc", "authenticateOIDCConfig": merged(oidc(), key, value)}]})
}

fn of_source(config: Value) -> Value {
    json!({"conditions": [merged(config, "field", json!("source-ip"))]})
}

#[test]
fn what_works_is_passed_in_silence() {
    let full = json!({
        "actions": [
            {"type": "authenticate-oidc", "authenticateOIDCConfig": oidc()},
            {"type": "fixed-response", "fixedResponseConfig": {"statusCode": 503, "messageBody": "later"}},
        ],
        "conditions": [{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}, "matchIndexes": [0, 1]}],
        "tags": {"team": "shop"},
    });
    assert_eq!(said(&full), [""; 0]);
    assert_eq!(said(&json!({"tags": {"team": "shop"}})), [""; 0]);
}

#[test]
fn actions_and_conditions_are_those_that_aws_takes() {
    let answer = json!({"type": "fixed-response", "fixedResponseConfig": {"statusCode": 200}});
    let five: Vec<String> = (0..6).map(|at| format!("10.{at}.0.0/16")).collect();
    let cases = [
        (json!({}), "W spec: has neither actions nor conditions nor tags, so it does nothing"),
        (json!({"actions": []}), "E spec.actions: is empty, expected 1 or 2 actions, or no field"),
        (
            json!({"actions": [answer, answer]}),
            "E spec.actions: fixed-response and fixed-response both answer requests, expected at most one action that admits and one that answers",
        ),
        (json!({"actions": [answer, answer, answer]}), "E spec.actions: has 3 actions, expected at most 2"),
        (
            json!({"actions": [{"type": "redirect"}]}),
            "E spec.actions[0].redirectConfig: is missing, and type redirect needs it",
        ),
        (
            json!({"actions": [merged(answer.clone(), "redirectConfig", json!({}))]}),
            "E spec.actions[0].redirectConfig: is for type redirect, and the type is fixed-response",
        ),
        (
            json!({"actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 302}}]}),
            "E spec.actions[0].fixedResponseConfig.statusCode: 302 is out of range, expected 200 to 299 or 400 to 599",
        ),
        (
            json!({"actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 200, "messageBody": "x".repeat(1025)}}]}),
            "E spec.actions[0].fixedResponseConfig.messageBody: has 1025 bytes, expected at most 1024",
        ),
        (
            json!({"actions": [{"type": "forward", "forwardConfig": {"targetGroupStickinessConfig": {"durationSeconds": 0}}}]}),
            "E spec.actions[0].forwardConfig.targetGroupStickinessConfig.durationSeconds: 0 is out of range, expected 1 to 604800",
        ),
        (
            json!({"actions": [{"type": "redirect", "redirectConfig": {"query": "?a=b"}}]}),
            "W spec.actions[0].redirectConfig.query: \"?a=b\" starts with a question mark, which ALBs add themselves",
        ),
        (
            of_oidc("tokenEndpoint", json!("http://id.example.com")),
            "E spec.actions[0].authenticateOIDCConfig.tokenEndpoint: tokenEndpoint is \"http://id.example.com\", expected a URL with https://",
        ),
        (
            of_oidc("secret", json!({"name": ""})),
            "E spec.actions[0].authenticateOIDCConfig.secret.name: is empty, expected the name of a Secret",
        ),
        (
            of_oidc("scope", json!("openid  email")),
            "E spec.actions[0].authenticateOIDCConfig.scope: \"openid  email\" is not OAuth scopes with one blank in between",
        ),
        (
            of_oidc("sessionCookieName", json!("a b")),
            "E spec.actions[0].authenticateOIDCConfig.sessionCookieName: \"a b\" is not the name of a cookie",
        ),
        (
            of_oidc("sessionTimeout", json!(0)),
            "E spec.actions[0].authenticateOIDCConfig.sessionTimeout: 0 is out of range, expected 1 to 604800",
        ),
        (
            of_oidc("useExistingClientSecret", json!(true)),
            "W spec.actions[0].authenticateOIDCConfig.useExistingClientSecret: has no effect",
        ),
        (
            json!({"actions": [{"type": "authenticate-cognito", "authenticateCognitoConfig": {"userPoolArn": "pool", "userPoolClientId": "a", "userPoolDomain": "b"}}]}),
            "E spec.actions[0].authenticateCognitoConfig.userPoolArn: \"pool\" is not the ARN of a Cognito user pool",
        ),
        (
            json!({"actions": [{"type": "jwt-validation", "jwtValidationConfig": {"issuer": "id", "jwksEndpoint": "http://a"}}]}),
            "E spec.actions[0].jwtValidationConfig.jwksEndpoint: jwksEndpoint is \"http://a\", expected a URL with https://",
        ),
        (
            of_claim(json!({"format": "single-string", "name": "exp", "values": ["a"]})),
            "E spec.actions[0].jwtValidationConfig.additionalClaims[0]: claim \"exp\" is checked in any case, expected another",
        ),
        (
            of_claim(json!({"format": "space-separated-values", "name": "scope", "values": ["a b"]})),
            "E spec.actions[0].jwtValidationConfig.additionalClaims[0]: \"a b\" has a blank, which separates values",
        ),
        (
            of_source(json!({})),
            "E spec.conditions[0].sourceIPConfig: is missing, and field source-ip needs it",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": []}})),
            "E spec.conditions[0].sourceIPConfig.values: is empty, expected 1 CIDR or more",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": ["10.0.0.1"]}})),
            "E spec.conditions[0].sourceIPConfig.values[0]: \"10.0.0.1\" is not a CIDR; did you mean `10.0.0.1/32`?",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": five}})),
            "E spec.conditions: have 6 values for every match, expected at most 5",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": five}, "matchIndexes": [2]})),
            "E spec.conditions: have 6 values for match 2, expected at most 5",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": ["10.0.0.0/8"]}, "matchIndexes": [-1]})),
            "E spec.conditions[0].matchIndexes[0]: -1 is out of range, expected a whole number from 0",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": ["10.0.0.0/8"]}, "matchIndexes": [1, 1]})),
            "E spec.conditions[0].matchIndexes[1]: 1 is given twice, expected it once",
        ),
        (
            of_source(json!({"sourceIPConfig": {"values": ["10.0.0.0/8"]}, "matchIndexes": []})),
            "W spec.conditions[0].matchIndexes: is empty, so the condition is added to no match; without the field it is to all",
        ),
        (
            json!({"tags": {"aws:team": "shop"}}),
            "E spec.tags[aws:team]: tag key \"aws:team\" starts with aws:, which is reserved",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(said(&spec), [expected], "{spec}");
    }
}
