#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::Severity;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/0123456789abcdef";

fn binding(name: &str, changes: &Value) -> TargetGroupBinding {
    let mut spec = json!({"targetGroupARN": ARN, "serviceRef": {"name": "web", "port": 80}});
    for (key, value) in changes.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({"metadata": {"namespace": "shop", "name": name}, "spec": spec})).unwrap()
}

fn told(changes: &Value) -> Vec<String> {
    check(&Config::default(), &binding("web", changes), None).iter().map(tell).collect()
}

fn tell(finding: &Finding) -> String {
    let letter = if finding.severity == Severity::Error { 'E' } else { 'W' };
    format!("{letter} {}: {}", finding.field.as_deref().unwrap(), crate::admission::response::render(finding))
}

fn rule(peer: &Value, port: &Value) -> Value {
    json!({"networking": {"ingress": [{"from": [peer], "ports": [{"port": port}]}]}})
}

#[test]
fn what_works_is_passed_in_silence() {
    let group = json!({"securityGroup": {"groupID": "sg-0123456789abcdef0"}});
    let cases = [
        json!({}),
        json!({"targetGroupName": "web"}),
        json!({"targetGroupARN": null, "targetGroupName": "web-1"}),
        json!({"targetGroupARN": "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/web/0123456789abcdef"}),
        json!({"serviceRef": {"name": "web", "port": "http"}}),
        json!({"targetType": "ip", "targetGroupProtocol": "QUIC"}),
        json!({"iamRoleArnToAssume": "arn:aws:iam::123456789012:role/path/web", "assumeRoleExternalId": "ab"}),
        json!({"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}),
        rule(&group, &json!("http")),
        rule(&json!({"ipBlock": {"cidr": "2001:db8::/32"}}), &json!(8080)),
    ];
    for changes in cases {
        assert_eq!(told(&changes), [""; 0], "{changes}");
    }
}

#[test]
fn every_field_that_nothing_could_use_is_found() {
    let web = json!({"ipBlock": {"cidr": "10.0.0.0/8"}});
    let cases = [
        (json!({"targetGroupARN": "web"}), "E spec.targetGroupARN: "),
        (
            json!({"targetGroupARN": "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/web/1"}),
            "E spec.targetGroupARN: ",
        ),
        (json!({"targetGroupName": "shop"}), "W spec.targetGroupName: "),
        (json!({"targetGroupARN": null, "targetGroupName": "web_1"}), "E spec.targetGroupName: "),
        (json!({"serviceRef": {"name": "Web", "port": 80}}), "E spec.serviceRef.name: "),
        (json!({"serviceRef": {"name": "web", "port": 0}}), "E spec.serviceRef.port: "),
        (json!({"serviceRef": {"name": "web", "port": "80"}}), "E spec.serviceRef.port: "),
        (
            json!({"targetType": "instance", "targetGroupProtocol": "TCP_QUIC"}),
            "E spec.targetGroupProtocol: ",
        ),
        (
            json!({"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            "E spec.nodeSelector: ",
        ),
        (json!({"iamRoleArnToAssume": "web"}), "E spec.iamRoleArnToAssume: "),
        (json!({"assumeRoleExternalId": "ab"}), "W spec.assumeRoleExternalId: "),
        (
            json!({"iamRoleArnToAssume": "arn:aws:iam::123456789012:role/web", "assumeRoleExternalId": "a b"}),
            "E spec.assumeRoleExternalId: ",
        ),
        (
            json!({"networking": {"ingress": [{"from": [], "ports": [{"port": 80}]}]}}),
            "W spec.networking.ingress[0].from: ",
        ),
        (rule(&json!({}), &json!(80)), "E spec.networking.ingress[0].from[0]: "),
        (
            rule(
                &json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "securityGroup": {"groupID": "sg-01234567"}}),
                &json!(80),
            ),
            "W spec.networking.ingress[0].from[0].ipBlock: ",
        ),
        (rule(&json!({"ipBlock": {"cidr": "10.0.0.1/8"}}), &json!(80)), "did you mean `10.0.0.0/8`?"),
        (rule(&json!({"ipBlock": {"cidr": "10.0.0.1"}}), &json!(80)), "did you mean `10.0.0.1/32`?"),
        (
            rule(&json!({"ipBlock": {"cidr": "everyone"}}), &json!(80)),
            "E spec.networking.ingress[0].from[0].ipBlock.cidr: ",
        ),
        (
            rule(&json!({"securityGroup": {"groupID": "web"}}), &json!(80)),
            "E spec.networking.ingress[0].from[0].securityGroup.groupID: ",
        ),
        (rule(&web, &json!(70000)), "E spec.networking.ingress[0].ports[0].port: "),
        (rule(&web, &json!("8080")), "E spec.networking.ingress[0].ports[0].port: "),
    ];
    for (changes, expected) in cases {
        let told = told(&changes);
        assert!(told.len() == 1 && told[0].contains(expected), "{changes}: {told:?}, expected {expected}");
    }
    let mut named = rule(&web, &json!("http"));
    named["targetType"] = json!("instance");
    assert!(told(&named)[0].contains("only targets of type ip have"));
}

#[test]
fn a_name_too_long_for_a_readiness_gate_is_doubted() {
    assert_eq!(check(&Config::default(), &binding(&"x".repeat(63), &json!({})), None), []);
    let findings = check(&Config::default(), &binding(&"x".repeat(64), &json!({})), None);
    assert!(tell(&findings[0]).starts_with("W metadata.name: "), "{findings:?}");
}

#[test]
fn a_binding_that_stops_sharing_is_warned() {
    let (shared, own) =
        (binding("web", &json!({"multiClusterTargetGroup": true})), binding("web", &json!({})));
    assert!(
        tell(&check(&Config::default(), &own, Some(&shared))[0])
            .contains("targets of other clusters are deregistered")
    );
    assert_eq!(check(&Config::default(), &shared, Some(&own)), []);
}
