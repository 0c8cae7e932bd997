#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::told;
use serde_json::{Value, json};

fn said(spec: &Value) -> Vec<String> {
    let configuration = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
    told(&check(&Config::default(), &serde_json::from_value(configuration).unwrap()))
}

fn said_of(props: &Value) -> Vec<String> {
    said(&json!({"targetReference": {"name": "web"}, "defaultConfiguration": props}))
}

#[test]
fn what_works_is_passed_in_silence() {
    let full = json!({
        "targetReference": {"group": "", "kind": "Service", "name": "web"},
        "defaultConfiguration": {
            "targetGroupName": "web",
            "targetType": "ip",
            "protocol": "HTTP",
            "protocolVersion": "GRPC",
            "healthCheckConfig": {
                "healthyThresholdCount": 3, "unhealthyThresholdCount": 2, "healthCheckInterval": 10,
                "healthCheckTimeout": 5, "healthCheckPath": "/up", "healthCheckPort": "health",
                "healthCheckProtocol": "HTTP", "matcher": {"grpcCode": "0-12"},
            },
            "targetGroupAttributes": [{"key": "stickiness.enabled", "value": "true"}],
            "tags": {"team": "shop"},
        },
        "routeConfigurations": [
            {"routeIdentifier": {"kind": "HTTPRoute"}, "targetGroupProps": {"protocol": "HTTPS"}},
            {"routeIdentifier": {"kind": "TCPRoute", "namespace": "shop", "name": "web"}, "targetGroupProps": {
                "protocol": "TCP", "targetGroupAttributes": [{"key": "preserve_client_ip.enabled", "value": "true"}],
                "healthCheckConfig": {"healthCheckInterval": 10, "healthCheckTimeout": 10},
            }},
        ],
    });
    assert_eq!(said(&full), [""; 0]);
    assert_eq!(said(&json!({})), [""; 0]);
    assert_eq!(
        said(
            &json!({"targetReference": {"kind": "Gateway", "name": "web"}, "defaultConfiguration": {"protocol": "TCP"}})
        ),
        [""; 0]
    );
}

#[test]
fn settings_of_a_target_group_are_those_that_aws_takes() {
    let cases = [
        (json!({"targetGroupName": "a".repeat(33)}), "has 33 characters, expected 1 to 32"),
        (
            json!({"targetGroupName": "my_web"}),
            "E spec.defaultConfiguration.targetGroupName: \"my_web\" is not a name, expected letters, digits and hyphens",
        ),
        (
            json!({"targetGroupName": "web-"}),
            "E spec.defaultConfiguration.targetGroupName: \"web-\" is not a name, expected a letter or digit at either end",
        ),
        (
            json!({"ipAddressType": "ipv6"}),
            "W spec.defaultConfiguration.ipAddressType: has no effect: the address family follows from the Service",
        ),
        (
            json!({"targetType": "ip", "nodeSelector": {"matchLabels": {"a": "b"}}}),
            "W spec.defaultConfiguration.nodeSelector: has no effect beside targetType ip, only beside instance",
        ),
        (
            json!({"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}),
            "E spec.defaultConfiguration.nodeSelector: label selector has operator `Is` for key `a`, expected In, NotIn, Exists or DoesNotExist",
        ),
        (
            json!({"protocol": "TCP", "protocolVersion": "HTTP2"}),
            "W spec.defaultConfiguration.protocolVersion: has no effect beside protocol TCP, only beside HTTP and HTTPS",
        ),
        (
            json!({"targetControlPort": 80, "targetType": "instance"}),
            "E spec.defaultConfiguration.targetControlPort: target control port is not supported for instance target target group",
        ),
        (
            json!({"targetControlPort": 80, "protocol": "TCP"}),
            "E spec.defaultConfiguration.targetControlPort: target control port is only supported for HTTP and HTTPS protocols, got: TCP",
        ),
        (
            json!({"targetControlPort": 0}),
            "E spec.defaultConfiguration.targetControlPort: 0 is out of range, expected 1 to 65535",
        ),
        (
            json!({"targetControlPort": 80}),
            "W spec.defaultConfiguration.targetControlPort: becomes a part of the target group's generated name, and has no other effect",
        ),
        (
            json!({"targetGroupAttributes": [{"key": "stickiness.enabled", "value": "on"}]}),
            "E spec.defaultConfiguration.targetGroupAttributes[0]: stickiness.enabled is \"on\", expected true or false",
        ),
        (
            json!({"targetGroupAttributes": [{"key": "stickiness.enabled", "value": "true"}, {"key": "stickiness.enabled", "value": "true"}]}),
            "E spec.defaultConfiguration.targetGroupAttributes[1]: \"stickiness.enabled\" is given twice",
        ),
        (
            json!({"protocol": "HTTP", "targetGroupAttributes": [{"key": "preserve_client_ip.enabled", "value": "true"}]}),
            "is an attribute of target groups of Network Load Balancers, not of target groups of Application Load Balancers",
        ),
        (json!({"tags": {"a": "x".repeat(257)}}), "expected at most 128 and 256"),
    ];
    for (props, expected) in cases {
        let told = said_of(&props);
        assert!(told.iter().any(|line| line.contains(expected)), "{props}: {told:#?}\nlacks {expected}");
        assert_eq!(told.len(), 1, "{props}: {told:#?}");
    }
}

#[test]
fn health_checks_are_those_that_aws_takes() {
    let cases = [
        (
            json!({"healthCheckPort": "70000"}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckPort: \"70000\" is not traffic-port, a number from 1 to 65535, or the name of a port",
        ),
        (
            json!({"healthCheckInterval": 4, "healthCheckTimeout": 2}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckInterval: 4 is out of range, expected 5 to 300",
        ),
        (
            json!({"healthCheckTimeout": 121, "healthCheckInterval": 300}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckTimeout: 121 is out of range, expected 2 to 120",
        ),
        (
            json!({"healthyThresholdCount": 1}),
            "E spec.defaultConfiguration.healthCheckConfig.healthyThresholdCount: 1 is out of range, expected 2 to 10",
        ),
        (
            json!({"unhealthyThresholdCount": 11}),
            "E spec.defaultConfiguration.healthCheckConfig.unhealthyThresholdCount: 11 is out of range, expected 2 to 10",
        ),
        (
            json!({"healthCheckTimeout": 20, "healthCheckInterval": 10}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckTimeout: 20 is too long, expected less than healthCheckInterval, which is 10",
        ),
        (
            json!({"healthCheckTimeout": 20}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckTimeout: 20 is too long, expected less than healthCheckInterval, which is 15",
        ),
        (
            json!({"healthCheckPath": "up"}),
            "E spec.defaultConfiguration.healthCheckConfig.healthCheckPath: \"up\" is not a path: a slash and at most 1023 further characters, no blanks; did you mean `/up`?",
        ),
        (
            json!({"healthCheckProtocol": "TCP", "healthCheckPath": "/up"}),
            "W spec.defaultConfiguration.healthCheckConfig.healthCheckPath: has no effect beside healthCheckProtocol TCP, only beside HTTP and HTTPS",
        ),
        (
            json!({"healthCheckProtocol": "TCP", "matcher": {"httpCode": "200"}}),
            "W spec.defaultConfiguration.healthCheckConfig.matcher: has no effect beside healthCheckProtocol TCP, only beside HTTP and HTTPS",
        ),
        (
            json!({"matcher": {"httpCode": "OK"}}),
            "E spec.defaultConfiguration.healthCheckConfig.matcher.httpCode: \"OK\" is not a status code or range of them within 200 to 599",
        ),
        (
            json!({"matcher": {"grpcCode": "200"}}),
            "E spec.defaultConfiguration.healthCheckConfig.matcher.grpcCode: \"200\" is not a status code or range of them within 0 to 99",
        ),
        (
            json!({"matcher": {"httpCode": "200", "grpcCode": "0"}}),
            "W spec.defaultConfiguration.healthCheckConfig.matcher: has both httpCode and grpcCode, and a target group has one of them: grpcCode if it speaks GRPC",
        ),
    ];
    for (check, expected) in cases {
        let told = said_of(&json!({"healthCheckConfig": check}));
        assert!(told.iter().any(|line| line.contains(expected)), "{check}: {told:#?}\nlacks {expected}");
        assert_eq!(told.len(), 1, "{check}: {told:#?}");
    }
}

#[test]
fn what_it_is_for_is_there_and_named_once() {
    let of_routes = |identifiers: Value| {
        let routes = identifiers.as_array().unwrap().iter();
        let routes: Vec<Value> =
            routes.map(|one| json!({"routeIdentifier": one, "targetGroupProps": {}})).collect();
        json!({"targetReference": {"name": "web"}, "routeConfigurations": routes})
    };
    let cases = [
        (
            json!({"targetReference": {"kind": "service", "name": "web"}}),
            "E spec.targetReference.kind: \"service\" is not one of Service or Gateway; did you mean `Service`?",
        ),
        (
            json!({"targetReference": {"group": "apps", "name": "web"}}),
            "W spec.targetReference.group: \"apps\" is not the group of a Service, expected \"\"; it is not looked at",
        ),
        (json!({"targetReference": {"name": ""}}), "E spec.targetReference.name: is empty"),
        (
            json!({"targetReference": {"kind": "Gateway", "name": "web"}, "defaultConfiguration": {"targetType": "ip"}}),
            "W spec.defaultConfiguration.targetType: has no effect: the target is the load balancer of a Gateway",
        ),
        (
            json!({"defaultConfiguration": {"targetGroupName": "web"}}),
            "W spec.defaultConfiguration.targetGroupName: \"web\" is the name of one target group, and this is for many Services",
        ),
        (
            of_routes(json!([{"namespace": "shop"}])),
            "E spec.routeConfigurations[0].routeIdentifier.kind: is missing, so it is for no route, expected HTTPRoute, GRPCRoute, TCPRoute, UDPRoute or TLSRoute",
        ),
        (
            of_routes(json!([{"kind": "HttpRoute"}])),
            "E spec.routeConfigurations[0].routeIdentifier.kind: \"HttpRoute\" is not one of HTTPRoute, GRPCRoute, TCPRoute, UDPRoute or TLSRoute; did you mean `HTTPRoute`?",
        ),
        (
            of_routes(json!([{"kind": "HTTPRoute", "name": "web"}])),
            "E spec.routeConfigurations[0].routeIdentifier.name: \"web\" is the name of no route without a namespace",
        ),
        (
            of_routes(json!([{"kind": "HTTPRoute"}, {"kind": "HTTPRoute"}])),
            "E spec.routeConfigurations[1].routeIdentifier: is for the same routes as routeConfigurations[0], expected each once",
        ),
        (
            json!({"targetReference": {"name": "web"}, "routeConfigurations": [{"routeIdentifier": {"kind": "HTTPRoute"}, "targetGroupProps": {"protocol": "TCP"}}]}),
            "E spec.routeConfigurations[0].targetGroupProps.protocol: backend protocol must be within [HTTP, HTTPS]: TCP",
        ),
        (
            json!({"targetReference": {"name": "web"}, "routeConfigurations": [{"routeIdentifier": {"kind": "TLSRoute"}, "targetGroupProps": {"protocol": "HTTPS"}}]}),
            "E spec.routeConfigurations[0].targetGroupProps.protocol: backend protocol must be within [TCP, TLS, UDP, TCP_UDP]: HTTPS",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(said(&spec), [expected], "{spec}");
    }
}
