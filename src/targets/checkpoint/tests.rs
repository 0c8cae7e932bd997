#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{self, yaml};
use crate::targets::view::PodView;

fn spec(text: &str) -> TargetGroupBindingSpec {
    yaml(text)
}

#[test]
fn the_digest_of_an_ip_binding_is_upstreams() {
    let spec = spec(
        "targetGroupARN: arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/tg1/0123456789abcdef\n\
         targetType: ip\ntargetGroupProtocol: HTTP\nserviceRef: {name: web, port: 80}\n\
         networking: {ingress: [{from: [{securityGroup: {groupID: sg-0aaaaaaaaaaaaaaaa}}], ports: [{protocol: TCP, port: 8080}]}]}\n\
         ipAddressType: ipv4\nvpcID: vpc-0bbbbbbbbbbbbbbbb",
    );
    let endpoint = |n, created_at| test_support::endpoint(PodView { created_at, ..test_support::pod(n) });
    let endpoints = [endpoint(5, 1_700_000_000), endpoint(4, 1_700_000_001)];
    let expected = "anzj2djavHfbHhfqJg-0Qpc25G9auFsaFMw4RM44RLc/-ko3QaY-FArK-uOw199KP8HyBsMR9Xq1nr0NGJPBlGs";
    assert_eq!(checkpoint(&endpoints, &spec), expected);
}

#[test]
fn the_digest_of_a_multi_cluster_binding_is_the_published_one() {
    let spec = spec(
        "targetGroupARN: arn:aws:elasticloadbalancing:us-east-1:565768096483:targetgroup/k8s-echoserv-echoserv-cc0122e143/6816b87346280ee7\n\
         multiClusterTargetGroup: true\ntargetType: instance\nserviceRef: {name: echoserver, port: 80}\n\
         networking: {ingress: [{from: [{securityGroup: {groupID: sg-06a2bd7d790ac1d2e}}], ports: [{protocol: TCP, port: 32197}]}]}\n\
         ipAddressType: ipv4\nvpcID: vpc-0a7ef5bd8943067a8",
    );
    assert_eq!(
        checkpoint(&[], &spec),
        "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU/_4kBy3Yg64qrXzjvIb2LlC3O__ex1qjozynsqHXmPgo"
    );
}

#[test]
fn the_spec_is_written_as_go_writes_it() {
    let cases = [
        ("serviceRef: {name: web, port: http}", r#"{"serviceRef":{"name":"web","port":"http"}}"#),
        (
            "multiClusterTargetGroup: false\ntargetGroupName: ''\nserviceRef: {name: web, port: 80}\nnetworking: {ingress: []}",
            r#"{"serviceRef":{"name":"web","port":80},"networking":{}}"#,
        ),
        (
            "serviceRef: {name: web, port: 80}\nnetworking: {ingress: [{from: [], ports: [{}]}]}\nnodeSelector: {}",
            r#"{"serviceRef":{"name":"web","port":80},"networking":{"ingress":[{"from":[],"ports":[{}]}]},"nodeSelector":{}}"#,
        ),
        (
            "serviceRef: {name: web, port: 80}\nnodeSelector: {matchLabels: {b: '<&>', a: x}, matchExpressions: [{key: k, operator: Exists}, {key: l, operator: In, values: [v]}]}\nassumeRoleExternalId: \"\\u2028\"",
            r#"{"serviceRef":{"name":"web","port":80},"nodeSelector":{"matchLabels":{"a":"x","b":"\u003c\u0026\u003e"},"matchExpressions":[{"key":"k","operator":"Exists"},{"key":"l","operator":"In","values":["v"]}]},"assumeRoleExternalId":"\u2028"}"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(spec_text(&spec(text)), expected);
    }
}
