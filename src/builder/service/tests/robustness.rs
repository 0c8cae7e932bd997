#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use proptest::prelude::*;

const SUFFIXES: &[&str] = &[
    keys::TYPE,
    keys::TARGET_TYPE,
    keys::TARGET_NODE_LABELS,
    keys::MULTI_CLUSTER,
    keys::NAME,
    keys::SCHEME,
    keys::INTERNAL,
    keys::IP_ADDRESS_TYPE,
    keys::SUBNETS,
    keys::EIP_ALLOCATIONS,
    keys::PRIVATE_IPV4_ADDRESSES,
    keys::IPV6_ADDRESSES,
    keys::SOURCE_NAT,
    keys::SOURCE_NAT_PREFIXES,
    keys::ATTRIBUTES,
    keys::ACCESS_LOG_ENABLED,
    keys::CROSS_ZONE,
    keys::MINIMUM_CAPACITY,
    keys::TAGS,
    keys::DISABLE_SECURITY_GROUPS,
    keys::SECURITY_GROUPS,
    keys::MANAGE_BACKEND_RULES,
    keys::SOURCE_RANGES,
    keys::PREFIX_LISTS,
    keys::ICMP_PATH_MTU,
    keys::PRIVATE_LINK_INBOUND,
    keys::SSL_CERT,
    keys::SSL_PORTS,
    keys::SSL_POLICY,
    keys::BACKEND_PROTOCOL,
    keys::ALPN_POLICY,
    keys::TCP_UDP_LISTENER,
    keys::QUIC_PORTS,
    "aws-load-balancer-listener-attributes.TCP-80",
    "actions.TCP-80",
    "actions.TLS-80",
    keys::TARGET_GROUP_ATTRIBUTES,
    "aws-load-balancer-target-group-attributes.80",
    keys::PROXY_PROTOCOL,
    keys::PROXY_PROTOCOL_PORTS,
    keys::HEALTH_CHECK_PROTOCOL,
    keys::HEALTH_CHECK_PORT,
    keys::HEALTH_CHECK_INTERVAL,
    keys::HEALTHY_THRESHOLD,
];

/// Values that mean something somewhere, and some that mean nothing anywhere.
fn value() -> impl Strategy<Value = String> {
    let meaningful = prop::sample::select(vec![
        "true",
        "false",
        "on",
        "off",
        "ip",
        "instance",
        "internal",
        "internet-facing",
        "dualstack",
        "ipv4",
        "*",
        "",
        "80",
        "http",
        "a=b",
        "subnet-0b",
        "10.0.1.9,10.0.2.9",
        "2001:db8:0:1::7,2001:db8:0:2::7",
        "10.0.0.0/8",
        "auto_assigned,auto_assigned",
        "CapacityUnits=5",
        "arn:cert",
        "ssl",
        "HTTP2Only",
        "traffic-port",
        "https",
        "{}",
        r#"{"type":"forward"}"#,
        r#"{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupARN":"arn:tg"}]}}"#,
    ]);
    prop_oneof![4 => meaningful.prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn ports() -> impl Strategy<Value = Value> {
    let port =
        (prop::sample::select(vec![53, 80, 443]), prop::sample::select(vec!["TCP", "UDP", "SCTP"]), 0..3);
    prop::collection::vec(port, 0..4).prop_map(|ports| {
        let render = |(at, (number, protocol, target)): (usize, (i32, &str, i32))| {
            let target = if target == 0 { json!("web") } else { json!(8000 + target) };
            json!({"name": format!("p{at}"), "port": number, "targetPort": target, "nodePort": node_port(at), "protocol": protocol})
        };
        Value::Array(ports.into_iter().enumerate().map(render).collect())
    })
}

fn node_port(at: usize) -> i32 {
    30_000 + i32::try_from(at).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever users write, a build ends: with a stack that refers only to itself, with a question, or with a finding.
    #[test]
    fn every_input_ends_in_a_stack_a_question_or_a_finding(
        annotations in prop::collection::btree_map(prop::sample::select(SUFFIXES), value(), 0..6),
        ports in ports(),
    ) {
        let annotations: Vec<(&str, &str)> =
            annotations.iter().map(|(suffix, value)| (*suffix, value.as_str())).collect();
        let service = service(&annotations, &json!({"ports": ports}));
        let first = build(&service, &facts(), &config());
        prop_assert_eq!(&first, &build(&service, &facts(), &config()));
        if let Ok(Built { stack, .. }) = first {
            prop_assert_eq!(stack.target_groups.keys().collect::<Vec<_>>(), stack.bindings.keys().collect::<Vec<_>>());
            prop_assert_eq!(stack.load_balancers.len(), 1);
            let json = crate::model::marshal::marshal(&stack);
            prop_assert!(serde_json::from_str::<Value>(&json).is_ok());
        }
    }
}
