#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::elbv2::{ForwardAction, ListenerAction};
use std::sync::Arc;

const IP: (&str, &str) = ("aws-load-balancer-nlb-target-type", "ip");
const CERT: (&str, &str) = ("aws-load-balancer-ssl-cert", "arn:cert");

fn three_ports() -> Value {
    json!({"ports": [
        {"name": "web", "port": 443, "targetPort": 8443, "protocol": "TCP"},
        {"name": "plain", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "h3", "port": 444, "targetPort": 8444, "protocol": "UDP"},
    ]})
}

fn both_on_53(second: &Value) -> Value {
    let mut udp = json!({"name": "udp", "port": 53, "targetPort": 5353, "protocol": "UDP"});
    udp.as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
    json!({"ports": [{"name": "tcp", "port": 53, "targetPort": 5353, "protocol": "TCP"}, udp]})
}

/// `port: listener protocol/target group protocol`
fn protocols(stack: &Stack) -> Vec<String> {
    let show = |listener: &crate::model::Listener| {
        let id = format!("web-team/edge-gateway:{}", listener.port);
        format!("{}: {}/{}", listener.port, listener.protocol, stack.target_groups[&id.into()].protocol)
    };
    stack.listeners.values().map(show).collect()
}

fn forward(stack: &Stack, listener: &str) -> ForwardAction {
    match &stack.listeners[&listener.into()].default_actions[..] {
        [ListenerAction::Forward(forward)] => forward.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn certificates_turn_ports_into_tls() {
    let ssl = |value| ("aws-load-balancer-ssl-ports", value);
    let cases: &[(Pairs<'_>, [&str; 3])] = &[
        (&[IP], ["443: TCP/TCP", "444: UDP/UDP", "80: TCP/TCP"]),
        (&[IP, CERT], ["443: TLS/TCP", "444: UDP/UDP", "80: TLS/TCP"]),
        (&[IP, CERT, ssl("web")], ["443: TLS/TCP", "444: UDP/UDP", "80: TCP/TCP"]),
        (&[IP, CERT, ssl("80,h3")], ["443: TCP/TCP", "444: UDP/UDP", "80: TLS/TCP"]),
        (&[IP, ssl("web")], ["443: TCP/TCP", "444: UDP/UDP", "80: TCP/TCP"]),
        (
            &[IP, CERT, ("aws-load-balancer-backend-protocol", "ssl")],
            ["443: TLS/TLS", "444: UDP/UDP", "80: TLS/TLS"],
        ),
        (
            &[IP, ("aws-load-balancer-quic-enabled-ports", "h3,unknown")],
            ["443: TCP/TCP", "444: QUIC/QUIC", "80: TCP/TCP"],
        ),
    ];
    for (annotations, expected) in cases {
        let stack = built(&service(annotations, &three_ports())).stack;
        assert_eq!(protocols(&stack), *expected, "{annotations:?}");
    }
}

#[test]
fn tls_listeners_carry_certificates_policy_and_alpn() {
    let annotations = [
        IP,
        ("aws-load-balancer-ssl-cert", "arn:b, arn:a"),
        ("aws-load-balancer-ssl-ports", "443"),
        ("aws-load-balancer-ssl-negotiation-policy", ""),
        ("aws-load-balancer-alpn-policy", "HTTP2Preferred"),
    ];
    let stack = built(&service(&annotations, &three_ports())).stack;
    let (tls, plain) = (&stack.listeners[&"443".into()], &stack.listeners[&"80".into()]);
    assert_eq!(tls.certificates, [Ref::from("arn:b"), Ref::from("arn:a")]);
    assert_eq!(tls.ssl_policy.as_deref(), Some(""));
    assert_eq!(tls.alpn_policy, ["HTTP2Preferred"]);
    assert_eq!((plain.certificates.len(), &plain.ssl_policy, plain.alpn_policy.len()), (0, &None, 0));
}

#[test]
fn bad_listener_settings_are_refused() {
    let cases: &[(Pairs<'_>, &str)] = &[
        (
            &[IP, ("aws-load-balancer-ssl-ports", "443,wep")],
            "\"wep\" is neither the name nor the number of a port of the Service; did you mean `web`?",
        ),
        (&[IP, CERT, ("aws-load-balancer-ssl-ports", "*")], "\"*\" is neither the name nor the number"),
        (
            &[IP, CERT, ("aws-load-balancer-alpn-policy", "http2only")],
            "\"http2only\" is not one of None, HTTP1Only, HTTP2Only, HTTP2Optional or HTTP2Preferred; did you mean \
             `HTTP2Only`?",
        ),
        (&[IP, ("aws-load-balancer-quic-enabled-ports", "80")], "port 80 speaks TCP, expected UDP"),
        (&[IP, CERT, ("aws-load-balancer-quic-enabled-ports", "80")], "port 80 speaks TLS, expected UDP"),
        (&[("aws-load-balancer-quic-enabled-ports", "h3")], "QUIC works only with target type ip"),
        (
            &[IP, ("aws-load-balancer-listener-attributes.TCP-80", "x")],
            "\"x\" is not a list of key=value pairs",
        ),
    ];
    let node_ports = json!({"ports": [
        {"name": "web", "port": 443, "targetPort": 8443, "protocol": "TCP", "nodePort": 1},
        {"name": "plain", "port": 80, "targetPort": 8080, "protocol": "TCP", "nodePort": 2},
        {"name": "h3", "port": 444, "targetPort": 8444, "protocol": "UDP", "nodePort": 3},
    ]});
    for (annotations, expected) in cases {
        let message = refusal_of(build(&service(annotations, &node_ports), &facts(), &config()));
        assert!(message.contains(expected), "{annotations:?}: {message}");
    }
    let unread =
        [IP, ("aws-load-balancer-alpn-policy", "junk"), ("aws-load-balancer-listener-attributes.TCP-1", "x")];
    assert!(build(&service(&unread, &three_ports()), &facts(), &config()).is_ok());
}

#[test]
fn without_merging_the_first_entry_of_a_number_wins_and_the_user_is_told() {
    let built = built(&service(&[IP], &both_on_53(&json!({}))));
    assert_eq!(protocols(&built.stack), ["53: TCP/TCP"]);
    assert_eq!(built.stack.security_groups[&"ManagedLBSecurityGroup".into()].ingress.len(), 2);
    assert_eq!(
        warnings(&built),
        ["port 53 stands in the spec more than once; its UDP entry gets no listener"]
    );
}

#[test]
fn merging_makes_one_listener_of_tcp_and_udp() {
    let merge = |value| ("aws-load-balancer-enable-tcp-udp-listener", value);
    let mut gated = config();
    gated.features.enable_tcp_udp_listener = true;
    let cases: &[(Pairs<'_>, &Config, &str)] = &[
        (&[IP, merge("true")], &config(), "53: TCP_UDP/TCP_UDP"),
        (&[IP, merge("yes")], &config(), "53: TCP/TCP"),
        (&[IP, merge("yes")], &gated, "53: TCP_UDP/TCP_UDP"),
        (&[IP, merge("false")], &gated, "53: TCP/TCP"),
        (&[IP], &gated, "53: TCP_UDP/TCP_UDP"),
        (
            &[IP, merge("true"), ("aws-load-balancer-quic-enabled-ports", "tcp")],
            &config(),
            "53: TCP_QUIC/TCP_QUIC",
        ),
    ];
    for (annotations, config, expected) in cases {
        let service = service(annotations, &both_on_53(&json!({})));
        let stack = build(&service, &facts(), config).unwrap().stack;
        assert_eq!(protocols(&stack), [*expected], "{annotations:?}");
    }
    let in_the_clear = build(&service(&[IP, CERT], &both_on_53(&json!({}))), &facts(), &gated);
    assert!(refusal_of(in_the_clear).contains("it would serve in the clear"));
    let differing = built(&service(&[IP, merge("true")], &both_on_53(&json!({"targetPort": 1}))));
    assert_eq!(warnings(&differing), ["TCP and UDP of port 53 have different targets; those of TCP count"]);
    for (second, expected) in
        [("TCP", "port 53 has the protocols TCP, TCP"), ("SCTP", "port 53 has the protocols TCP, SCTP")]
    {
        let service = service(&[IP, merge("true")], &both_on_53(&json!({"protocol": second})));
        let message = refusal_of(build(&service, &facts(), &config()));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn listener_attributes_reach_the_listener_of_their_key() {
    let key = "aws-load-balancer-listener-attributes.TCP-80";
    let idle = "tcp.idle_timeout.seconds=400";
    let stack = stack(&[(key, idle)]);
    let expected = [("tcp.idle_timeout.seconds".to_owned(), "400".to_owned())].into();
    assert_eq!(stack.listeners[&"80".into()].attributes, expected);
    let tls = built(&plain(&[CERT, ("aws-load-balancer-listener-attributes.TLS-80", idle)]));
    assert!(tls.stack.listeners[&"80".into()].attributes.is_empty());
    assert_eq!(warnings(&tls), ["TLS listeners have no attributes"]);
}

#[test]
fn keys_that_match_no_listener_are_pointed_out() {
    let annotations = [
        CERT,
        ("actions.TCP-80", "{}"),
        ("aws-load-balancer-listener-attributes.TCP-80", "a=b"),
        ("aws-load-balancer-target-group-attributes.8080", "a=b"),
        ("aws-load-balancer-target-group-attributes.80", "a=b"),
    ];
    let built = built(&plain(&annotations));
    let shown: Vec<String> = built.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "service/web-team/edge-gateway service.beta.kubernetes.io/actions.TCP-80: has no effect: there is no \
             \"TCP-80\", but TLS-80",
            "service/web-team/edge-gateway service.beta.kubernetes.io/aws-load-balancer-listener-attributes.TCP-80: \
             has no effect: there is no \"TCP-80\", but TLS-80",
            "service/web-team/edge-gateway \
             service.beta.kubernetes.io/aws-load-balancer-target-group-attributes.8080: has no effect: there is no \
             \"8080\", but 80",
        ]
    );
}

fn facts_with_canary() -> Facts {
    let mut facts = facts();
    let canary: Service = serde_json::from_value(json!({
        "metadata": {"namespace": "web-team", "name": "canary", "uid": "66666666-7777-8888-9999-000000000000"},
        "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 81, "targetPort": 8080, "protocol": "TCP"}]},
    }))
    .unwrap();
    facts.services.insert(("web-team".into(), "canary".into()), Ok(Some(Arc::new(canary))));
    facts.services.insert(("web-team".into(), "lost".into()), Ok(None));
    facts
}

fn with_action(protocol: &str, action: &str) -> Service {
    let key = format!("actions.{protocol}-443");
    let ports = json!({"ports": [{"port": 443, "targetPort": 8443, "protocol": "TCP"}]});
    let mut annotations = vec![IP, (key.as_str(), action)];
    if protocol == "TLS" {
        annotations.push(CERT);
    }
    service(&annotations, &ports)
}

#[test]
fn actions_split_traffic_between_services() {
    let action = r#"{"Type": "forward", "forwardConfig": {"baseServiceWeight": 90, "targetGroups": [
        {"serviceName": "canary", "servicePort": "http", "weight": 10}, {"targetGroupARN": "arn:tg", "weight": 0}],
        "targetGroupStickinessConfig": {"enabled": true}}}"#;
    let stack = build(&with_action("TCP", action), &facts_with_canary(), &config()).unwrap().stack;
    let forward = forward(&stack, "443");
    let shown: Vec<String> = forward
        .target_groups
        .iter()
        .map(|tuple| format!("{} {:?}", tuple.target_group, tuple.weight))
        .collect();
    let expected =
        ["<web-team/edge-gateway:443> Some(90)", "<web-team/canary:81> Some(10)", "arn:tg Some(0)"];
    assert_eq!(shown, expected);
    assert_eq!(forward.stickiness.unwrap().enabled, Some(true));
    let canary = &stack.target_groups[&"web-team/canary:81".into()];
    assert_eq!(canary.name, "k8s-webteam-canary-ed463f6d93");
    assert_eq!(stack.bindings[&"web-team/canary:81".into()].service_name, "canary");
    assert_eq!(
        stack.target_groups[&"web-team/edge-gateway:443".into()].name,
        "k8s-webteam-edgegate-fd373447f8"
    );
}

#[test]
fn target_groups_of_tls_actions_speak_tls_unless_decrypted() {
    for (decrypt, expected) in [("false", "TLS"), ("true", "TCP")] {
        let action = format!(
            r#"{{"type":"forward","forwardConfig":{{"targetGroups":[{{"serviceName":"canary","servicePort":81,"decrypt":{decrypt}}}]}}}}"#
        );
        let stack = build(&with_action("TLS", &action), &facts_with_canary(), &config()).unwrap().stack;
        assert_eq!(stack.target_groups[&"web-team/canary:81".into()].protocol.as_str(), expected);
        assert_eq!(stack.target_groups[&"web-team/edge-gateway:443".into()].protocol.as_str(), "TCP");
    }
}

#[test]
fn malformed_actions_are_refused() {
    let entry =
        |fields: &str| format!(r#"{{"type":"forward","forwardConfig":{{"targetGroups":[{fields}]}}}}"#);
    let cases = [
        ("{".to_owned(), "is not JSON: EOF while parsing an object"),
        ("{}".to_owned(), "type is \"\", expected forward"),
        (r#"{"type":"redirect"}"#.to_owned(), "type is \"redirect\", expected forward"),
        (r#"{"type":"forward"}"#.to_owned(), "forwardConfig is missing"),
        (entry("{}"), "forwardConfig.targetGroups[0] needs either targetGroupARN or serviceName"),
        (
            entry(r#"{"serviceName":"canary","targetGroupARN":"a"}"#),
            "needs either targetGroupARN or serviceName",
        ),
        (entry(r#"{"serviceName":"canary"}"#), "lacks servicePort"),
        (entry(r#"{"targetGroupARN":"a","weight":1000}"#), "has weight 1000, expected 0 to 999"),
        (
            entry(r#"{"targetGroupARN":"a","weight":1},{"targetGroupARN":"b"}"#),
            "targetGroups[1] lacks weight",
        ),
        (
            entry(r#"{"serviceName":"lost","servicePort":1}"#),
            "Service \"lost\" does not exist in namespace web-team",
        ),
        (entry(r#"{"serviceName":"canary","servicePort":"81"}"#), "Service \"canary\" has no port \"81\""),
    ];
    for (action, expected) in cases {
        let message = refusal_of(build(&with_action("TCP", &action), &facts_with_canary(), &config()));
        assert!(message.starts_with("actions.TCP-443: ") && message.contains(expected), "{message}");
    }
}

#[test]
fn without_weighted_target_groups_actions_name_one_target_group() {
    let mut gated = config();
    gated.features.weighted_target_groups = false;
    let one = r#"{"type":"forward","forwardConfig":{}}"#;
    let stack = build(&with_action("TCP", one), &facts_with_canary(), &gated).unwrap().stack;
    assert!(forward(&stack, "443").plain);
    let two = r#"{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupARN":"a"}]}}"#;
    let message = refusal_of(build(&with_action("TCP", two), &facts_with_canary(), &gated));
    assert!(message.contains("feature gate WeightedTargetGroups is off"), "{message}");
}
