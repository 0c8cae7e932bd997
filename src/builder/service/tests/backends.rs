#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::IntOrString;
use crate::aws_api::elbv2::{HealthCheck, Matcher, Protocol, TargetType};
use crate::model::{Binding, BindingPeer, TargetGroup};

const IP: (&str, &str) = ("aws-load-balancer-nlb-target-type", "ip");
const NO_GROUPS: (&str, &str) = ("aws-load-balancer-disable-nlb-sg", "true");
const INTERNET: (&str, &str) = ("aws-load-balancer-scheme", "internet-facing");

fn target_group_of(built: &Built) -> TargetGroup {
    built.stack.target_groups[&"web-team/edge-gateway:80".into()].clone()
}

fn target_group(annotations: Pairs<'_>, spec: &Value) -> TargetGroup {
    target_group_of(&built(&service(annotations, spec)))
}

fn binding(annotations: Pairs<'_>, spec: &Value) -> Binding {
    built(&service(annotations, spec)).stack.bindings[&"web-team/edge-gateway:80".into()].clone()
}

fn port(protocol: &str, target: &Value) -> Value {
    json!({"ports": [{"name": "web", "port": 80, "targetPort": target, "nodePort": 30080, "protocol": protocol}]})
}

#[test]
fn the_target_type_follows_annotations_and_the_default() {
    let kind = |value| ("aws-load-balancer-nlb-target-type", value);
    let legacy = ("aws-load-balancer-type", "nlb-ip");
    let by_default = |default| Config { default_target_type: default, ..config() };
    let mut no_ip = config();
    no_ip.features.enable_ip_target_type = false;
    let cases: &[(Pairs<'_>, Config, TargetType)] = &[
        (&[], config(), TargetType::Instance),
        (&[kind("ip")], config(), TargetType::Ip),
        (&[kind("IP")], by_default(TargetType::Ip), TargetType::Instance),
        (&[], by_default(TargetType::Ip), TargetType::Ip),
        (&[legacy, kind("instance")], config(), TargetType::Ip),
        (&[legacy], no_ip.clone(), TargetType::Ip),
    ];
    for (annotations, config, expected) in cases {
        let built = build(&plain(annotations), &facts(), config).unwrap();
        assert_eq!(target_group_of(&built).target_type, *expected, "{annotations:?}");
    }
    let message = refusal_of(build(&plain(&[kind("ip")]), &facts(), &no_ip));
    assert!(message.contains("feature gate EnableIPTargetType is off"), "{message}");
}

#[test]
fn instance_targets_need_node_ports() {
    let cluster_ip = json!({"type": "ClusterIP"});
    let unallocated =
        json!({"allocateLoadBalancerNodePorts": false, "ports": [{"port": 80, "protocol": "TCP"}]});
    let missing = json!({"ports": [{"port": 80, "protocol": "TCP"}]});
    for (spec, expected) in [
        (cluster_ip, "is of type ClusterIP"),
        (unallocated.clone(), "has no node port for port 80"),
        (missing, "has no node port for port 80"),
    ] {
        let message = refusal_of(build(&service(&[], &spec), &facts(), &config()));
        assert!(message.contains(expected) && message.ends_with("use target type ip"), "{message}");
    }
    assert_eq!(target_group(&[IP], &unallocated).port, Some(80));
}

#[test]
fn the_port_of_a_target_group_is_the_targets_where_it_is_known() {
    let named = port("TCP", &json!("web"));
    assert_eq!(target_group(&[], &named).port, Some(30080));
    assert_eq!(target_group(&[IP], &named).port, Some(1));
    assert_eq!(target_group(&[IP], &port("TCP", &json!(8080))).port, Some(8080));
    assert_eq!(binding(&[IP], &named).service_port, IntOrString::Int(80));
}

#[test]
fn ipv6_services_need_a_dualstack_load_balancer() {
    let families = json!({"ipFamilies": ["IPv4", "IPv6"]});
    let dualstack = ("aws-load-balancer-ip-address-type", "dualstack");
    assert_eq!(target_group(&[IP, dualstack], &families).ip_address_type, IpAddressType::Ipv6);
    assert_eq!(binding(&[IP, dualstack], &families).ip_address_type, IpAddressType::Ipv6);
    assert_eq!(target_group(&[IP, dualstack], &json!({})).ip_address_type, IpAddressType::Ipv4);
    let message = refusal_of(build(&service(&[IP], &families), &facts(), &config()));
    assert!(message.contains("uses IPv6, but the load balancer is ipv4"), "{message}");
}

fn tcp_check() -> HealthCheck {
    HealthCheck {
        port: Some("traffic-port".into()),
        protocol: Some(Protocol::Tcp),
        path: None,
        matcher: None,
        interval_seconds: Some(10),
        timeout_seconds: Some(10),
        healthy_threshold: Some(3),
        unhealthy_threshold: Some(3),
    }
}

fn local() -> Value {
    json!({"externalTrafficPolicy": "Local", "healthCheckNodePort": 32000})
}

#[test]
fn health_checks_have_defaults_and_annotations() {
    let hc = |suffix: &str| format!("aws-load-balancer-healthcheck-{suffix}");
    let local_check = HealthCheck {
        port: Some("32000".into()),
        protocol: Some(Protocol::Http),
        path: Some("/healthz".into()),
        matcher: Some(Matcher { http_code: Some("200-399".into()), grpc_code: None }),
        timeout_seconds: Some(6),
        healthy_threshold: Some(2),
        unhealthy_threshold: Some(2),
        ..tcp_check()
    };
    let custom = HealthCheck {
        port: Some("30080".into()),
        protocol: Some(Protocol::Https),
        path: Some("/up".into()),
        matcher: Some(Matcher { http_code: Some("204".into()), grpc_code: None }),
        interval_seconds: Some(30),
        timeout_seconds: Some(5),
        healthy_threshold: Some(4),
        unhealthy_threshold: Some(5),
    };
    let keys: Vec<(String, &str)> = vec![
        (hc("protocol"), "HttpS"),
        (hc("path"), "/up"),
        (hc("port"), "http"),
        (hc("success-codes"), "204"),
        (hc("interval"), "30"),
        (hc("timeout"), "5"),
        (hc("healthy-threshold"), "4"),
        (hc("unhealthy-threshold"), "5"),
    ];
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let node_port = json!({"type": "NodePort", "externalTrafficPolicy": "Local"});
    let cases: &[(Pairs<'_>, Value, HealthCheck)] = &[
        (&[], json!({}), tcp_check()),
        (&[], local(), local_check),
        (&[IP], local(), tcp_check()),
        (&[], node_port, tcp_check()),
        (&keys, local(), custom),
    ];
    for (annotations, spec, expected) in cases {
        assert_eq!(
            target_group(annotations, spec).health_check.as_ref(),
            Some(expected),
            "{annotations:?} {spec}"
        );
    }
}

#[test]
fn without_the_advanced_gate_timeout_and_codes_stay_as_they_are() {
    let mut gated = config();
    gated.features.nlb_health_check_advanced_config = false;
    let annotations = [
        ("aws-load-balancer-healthcheck-protocol", "http"),
        ("aws-load-balancer-healthcheck-timeout", "junk"),
        ("aws-load-balancer-healthcheck-success-codes", "204"),
    ];
    let check =
        target_group_of(&build(&plain(&annotations), &facts(), &gated).unwrap()).health_check.unwrap();
    assert_eq!((check.timeout_seconds, check.matcher, check.path.as_deref()), (Some(10), None, Some("/")));
}

#[test]
fn bad_health_checks_are_refused() {
    let named = port("TCP", &json!("web"));
    let cases: &[(Pairs<'_>, &str)] = &[
        (
            &[("aws-load-balancer-healthcheck-protocol", "htp")],
            "\"htp\" is not one of tcp, http or https; did you mean `http`?",
        ),
        (
            &[("aws-load-balancer-healthcheck-interval", "10s")],
            "\"10s\" is not a whole number, expected 5 to 300; did you mean `10`?",
        ),
        (
            &[("aws-load-balancer-healthcheck-port", "trafic-port")],
            "is neither traffic-port, a number, nor the name of a port of Service \"edge-gateway\"; did you mean \
             `traffic-port`?",
        ),
        (
            &[IP, ("aws-load-balancer-healthcheck-port", "web")],
            "has the named target port \"web\", expected a number",
        ),
    ];
    for (annotations, expected) in cases {
        let message = refusal_of(build(&service(annotations, &named), &facts(), &config()));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn attributes_are_layered() {
    let all = |value| ("aws-load-balancer-target-group-attributes", value);
    let of_port = |value| ("aws-load-balancer-target-group-attributes.80", value);
    let per_port = |value| ("aws-load-balancer-proxy-protocol-per-target-group", value);
    let proxy = ("aws-load-balancer-proxy-protocol", "*");
    let on = "proxy_protocol_v2.enabled=true";
    let cases: &[(Pairs<'_>, &str)] = &[
        (&[], "proxy_protocol_v2.enabled=false"),
        (&[all("a=1,b="), of_port("a=2,b=3,c=")], "a=2 b=3 proxy_protocol_v2.enabled=false"),
        (&[all("a=1,b=2"), of_port("a=")], "a=1 b=2 proxy_protocol_v2.enabled=false"),
        (&[all(on)], "proxy_protocol_v2.enabled=true"),
        (&[all(on), per_port("81")], "proxy_protocol_v2.enabled=false"),
        (&[per_port(" 80, ,443")], "proxy_protocol_v2.enabled=true"),
        (&[per_port("080")], "proxy_protocol_v2.enabled=false"),
        (&[per_port(""), proxy], "proxy_protocol_v2.enabled=true"),
        (&[all("proxy_protocol_v2.enabled=,x=y")], "x=y"),
    ];
    for (annotations, expected) in cases {
        let attributes = target_group(annotations, &json!({})).attributes;
        let shown: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(shown.join(" "), *expected, "{annotations:?}");
    }
    for (annotation, expected) in [
        (
            of_port("preserve_client_ip.enabled="),
            "preserve_client_ip.enabled is \"\", expected true or false",
        ),
        (per_port("80,web"), "\"web\" is not a port number"),
        (("aws-load-balancer-proxy-protocol", ""), "\"\" is not one of *"),
    ] {
        let message = refusal(&[annotation]);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn bindings_carry_node_labels_and_the_multi_cluster_flag() {
    let labels = |value| ("aws-load-balancer-target-node-labels", value);
    let multi = ("aws-load-balancer-multi-cluster-target-group", "true");
    let with = binding(&[labels("tier=lb"), multi], &json!({}));
    let tier = crate::api::selector::of_labels([("tier".to_owned(), "lb".to_owned())].into());
    assert_eq!(with.node_selector, Some(tier));
    assert!(with.multi_cluster);
    assert_eq!(binding(&[labels("")], &json!({})).node_selector, None);
    assert_eq!(binding(&[IP, labels("junk")], &json!({})).node_selector, None);
    let message = refusal(&[labels("junk")]);
    assert!(message.contains("\"junk\" is not a list of key=value pairs"), "{message}");
}

/// `sources: ports` of each rule.
fn networking(binding: &Binding) -> Vec<String> {
    let show_peer = |peer: &BindingPeer| match peer {
        BindingPeer::IpBlock(cidr) => cidr.clone(),
        BindingPeer::SecurityGroup(id) => id.to_string(),
    };
    let show_port = |port: &crate::model::BindingPort| {
        let number = match &port.port {
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(name)) => name.clone(),
            None => "all".to_owned(),
        };
        format!("{} {number}", port.protocol.as_ref().unwrap())
    };
    let show = |rule: &crate::model::BindingIngress| {
        let from: Vec<String> = rule.from.iter().map(show_peer).collect();
        let ports: Vec<String> = rule.ports.iter().map(show_port).collect();
        format!("{}: {}", from.join(","), ports.join(","))
    };
    binding.networking.iter().flatten().map(show).collect()
}

#[test]
fn targets_let_in_the_backend_group() {
    let check = |value| ("aws-load-balancer-healthcheck-port", value);
    let merge = ("aws-load-balancer-enable-tcp-udp-listener", "true");
    let quic = ("aws-load-balancer-quic-enabled-ports", "web");
    let number = json!(8080);
    let both = json!({"ports": [
        {"port": 80, "targetPort": 8080, "protocol": "TCP"}, {"port": 80, "targetPort": 8080, "protocol": "UDP"},
    ]});
    let cases: &[(Pairs<'_>, Value, &str)] = &[
        (&[IP], port("TCP", &number), "TCP 8080"),
        (&[], port("TCP", &number), "TCP 30080"),
        (&[IP, check("9090")], port("TCP", &number), "TCP 8080,TCP 9090"),
        (&[IP, check("8080")], port("TCP", &number), "TCP 8080"),
        (&[IP], port("TCP", &json!("web")), "TCP web"),
        (&[IP, check("9090")], port("UDP", &number), "UDP 8080,TCP 9090"),
        (&[IP], port("UDP", &number), "UDP 8080,TCP 8080"),
        (&[IP, quic], port("UDP", &number), "UDP 8080,TCP 8080"),
        (&[IP, merge], both.clone(), "UDP 8080,TCP 8080"),
        (&[IP, merge, check("9090")], both, "UDP 8080,TCP 8080,TCP 9090"),
        (&[], local(), "TCP 30080,TCP 32000"),
    ];
    for (annotations, spec, expected) in cases {
        let rules = networking(&binding(annotations, spec));
        assert_eq!(rules, [format!("sg-0backend00000001: {expected}")], "{annotations:?} {spec}");
    }
}

#[test]
fn unrestricted_rules_open_all_ports() {
    let config =
        Config { disable_restricted_sg_rules: true, enable_backend_security_group: false, ..config() };
    for (protocol, expected) in [("TCP", "TCP all"), ("UDP", "TCP all,UDP all")] {
        let built = build(&service(&[IP], &port(protocol, &json!(8080))), &facts(), &config).unwrap();
        let rules = networking(built.stack.bindings.values().next().unwrap());
        assert_eq!(rules, [format!("<ManagedLBSecurityGroup>: {expected}")]);
    }
}

#[test]
fn without_security_groups_targets_let_in_addresses() {
    let check = |value| ("aws-load-balancer-healthcheck-port", value);
    let ranges = ("load-balancer-source-ranges", "1.2.3.0/24");
    let merge = ("aws-load-balancer-enable-tcp-udp-listener", "true");
    let preserve = ("aws-load-balancer-target-group-attributes", "preserve_client_ip.enabled=true");
    let (tcp, udp) = (port("TCP", &json!(8080)), port("UDP", &json!(8080)));
    let both = json!({"ports": [
        {"port": 80, "targetPort": 8080, "protocol": "TCP"}, {"port": 80, "targetPort": 8080, "protocol": "UDP"},
    ]});
    let subnets = "10.0.1.0/24,10.0.2.0/24";
    let vpc = "10.0.0.0/16,100.64.0.0/16";
    let cases = vec![
        (vec![IP], &tcp, vec![format!("{subnets}: TCP 8080")]),
        (vec![IP, check("9090")], &tcp, vec![format!("{subnets}: TCP 8080"), format!("{subnets}: TCP 9090")]),
        (vec![INTERNET], &tcp, vec!["0.0.0.0/0: TCP 30080".into()]),
        (vec![], &tcp, vec![format!("{vpc}: TCP 30080")]),
        (vec![ranges], &tcp, vec!["1.2.3.0/24: TCP 30080".into(), format!("{subnets}: TCP 30080")]),
        (vec![IP, ranges], &udp, vec!["1.2.3.0/24: UDP 8080".into(), format!("{subnets}: TCP 8080")]),
        (vec![IP], &udp, vec![format!("{vpc}: UDP 8080"), format!("{subnets}: TCP 8080")]),
        (vec![IP, merge, ranges], &both, vec!["1.2.3.0/24: TCP 8080,UDP 8080".into()]),
        (
            vec![IP, preserve, ranges],
            &tcp,
            vec!["1.2.3.0/24: TCP 8080".into(), format!("{subnets}: TCP 8080")],
        ),
        (vec![("aws-load-balancer-manage-backend-security-group-rules", "false")], &tcp, vec![]),
    ];
    for (mut annotations, spec, expected) in cases {
        annotations.push(NO_GROUPS);
        assert_eq!(networking(&binding(&annotations, spec)), expected, "{annotations:?} {spec}");
    }
}

#[test]
fn addresses_are_of_the_target_groups_family() {
    let spec = json!({"ipFamilies": ["IPv6"]});
    let dualstack = ("aws-load-balancer-ip-address-type", "dualstack");
    let cases: &[(Pairs<'_>, &str)] = &[
        (&[IP], "2001:db8:0:1::/64,2001:db8:0:2::/64: TCP 8080"),
        (&[], "2001:db8::/56: TCP 30080"),
        (&[INTERNET], "::/0: TCP 30080"),
    ];
    for (annotations, expected) in cases {
        let annotations = [annotations, &[dualstack, NO_GROUPS][..]].concat();
        assert_eq!(networking(&binding(&annotations, &spec)), [*expected], "{annotations:?}");
    }
}
