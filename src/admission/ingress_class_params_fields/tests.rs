#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn told(spec: &Value) -> Vec<String> {
    let params = json!({"metadata": {"name": "alb"}, "spec": spec});
    let findings = check(&Config::default(), &serde_json::from_value(params).unwrap());
    let letter = |finding: &Finding| if finding.severity == Severity::Error { 'E' } else { 'W' };
    findings
        .iter()
        .map(|finding| format!("{} {}", letter(finding), crate::admission::response::render(finding)))
        .collect()
}

#[test]
fn what_works_is_passed_in_silence() {
    let full = json!({
        "loadBalancerName": "shop",
        "certificateArn": ["arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012"],
        "group": {"name": "shop"},
        "scheme": "internet-facing",
        "ipAddressType": "dualstack-without-public-ipv4",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "sslRedirectPort": "443",
        "tags": [{"key": "team", "value": "shop"}],
        "loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "60"}],
        "listeners": [{"protocol": "HTTP", "port": 80, "listenerAttributes": [{"key": "routing.http.response.server.enabled", "value": "true"}]}],
        "minimumLoadBalancerCapacity": {"capacityUnits": 100},
        "ipamConfiguration": {"ipv4IPAMPoolId": "ipam-pool-0123456789abcdef0"},
        "prefixListsIDs": ["pl-0123456789abcdef0"],
        "wafv2AclArn": "none",
        "wafv2AclName": ""
    });
    assert_eq!(told(&full), [""; 0]);
    assert_eq!(told(&json!({})), [""; 0]);
}

#[test]
fn every_field_that_aws_would_refuse_is_found() {
    let attribute = |key: &str, value: &str| json!([{"key": key, "value": value}]);
    let tags = |key: &str| json!({"tags": attribute(key, "x")});
    let cases = [
        (json!({"loadBalancerName": "internal-shop"}), "E spec.loadBalancerName: "),
        (json!({"certificateArn": ["shop"]}), "E spec.certificateArn[0]: "),
        (json!({"group": {"name": "Shop"}}), "E spec.group.name: "),
        (
            json!({"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-6"}),
            "did you mean `ELBSecurityPolicy-TLS13-1-2-2021-06`?",
        ),
        (json!({"sslRedirectPort": "https"}), "E spec.sslRedirectPort: "),
        (tags("aws:team"), "E spec.tags[0]: "),
        (tags("elbv2.k8s.aws/cluster"), "W spec.tags[0]: "),
        (
            json!({"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}),
            "E spec.tags[1]: \"a\" is given twice",
        ),
        (
            json!({"loadBalancerAttributes": attribute("idle_timeout.timeout_second", "60")}),
            "did you mean `idle_timeout.timeout_seconds`?",
        ),
        (
            json!({"loadBalancerAttributes": attribute("idle_timeout.timeout_seconds", "0")}),
            "E spec.loadBalancerAttributes[0]: ",
        ),
        (
            json!({"loadBalancerAttributes": attribute("dns_record.client_routing_policy", "x")}),
            "is an attribute of Network Load Balancers",
        ),
        (json!({"listeners": [{"protocol": "http", "port": 80}]}), "E spec.listeners[0].protocol: "),
        (json!({"listeners": [{"protocol": "HTTP"}]}), "E spec.listeners[0].port: "),
        (
            json!({"listeners": [{"protocol": "HTTP", "port": 80}, {"protocol": "HTTP", "port": 80}]}),
            "E spec.listeners[1]: ",
        ),
        (
            json!({"listeners": [{"protocol": "HTTP", "port": 80, "listenerAttributes": attribute("routing.http.response.server.enabled", "on")}]}),
            "E spec.listeners[0].listenerAttributes[0]: ",
        ),
        (
            json!({"minimumLoadBalancerCapacity": {"capacityUnits": -1}}),
            "E spec.minimumLoadBalancerCapacity.capacityUnits: ",
        ),
        (
            json!({"ipamConfiguration": {"ipv4IPAMPoolId": "pool"}}),
            "E spec.ipamConfiguration.ipv4IPAMPoolId: ",
        ),
        (json!({"prefixListsIDs": ["sg-1"]}), "E spec.prefixListsIDs[0]: "),
        (json!({"wafv2AclArn": "web"}), "E spec.wafv2AclArn: "),
        (json!({"wafv2AclArn": "none", "wafv2AclName": "web"}), "W spec.wafv2AclArn: has no effect beside"),
        (
            json!({"scheme": "internal", "ipAddressType": "dualstack-without-public-ipv4"}),
            "E spec.ipAddressType: ",
        ),
    ];
    for (spec, expected) in cases {
        let told = told(&spec);
        assert!(told.len() == 1 && told[0].contains(expected), "{spec}: {told:?}, expected {expected}");
    }
}
