use super::fixture::*;
use crate::aws_api::elbv2::{Protocol, Scheme};
use crate::builder::ingress::{BuiltGroup, MemberState};
use serde_json::json;
use std::sync::Arc;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn two(first: Pairs<'_>, second: Pairs<'_>) -> (World, BuiltGroup) {
    let members =
        vec![member(ingress("one", first, to_web("/one"))), member(ingress("two", second, to_web("/two")))];
    let mut world = World::new();
    let built = world.build(&together(members));
    (world, built)
}

fn states(built: &BuiltGroup) -> Vec<MemberState> {
    built.members.iter().map(|member| member.state).collect()
}

#[test]
fn rules_follow_group_order() {
    let (_, built) = two(&[], &[]);
    let stack = built.stack.unwrap();
    assert_eq!(stack.rules.len(), 2);
    assert!(format!("{:?}", stack.rules[&(id("80"), 1)]).contains("/one"));
    assert_eq!(built.listener_ports, [80]);
    assert_eq!(stack.id.to_string(), "edge");
}

#[test]
fn an_annotation_that_a_class_overrules_is_told_with_the_field_that_does() {
    type Case<'a> = (&'a str, &'a str, serde_json::Value, Option<&'a str>);
    let attributes = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    let listener = json!([{"protocol": "HTTP", "port": 80, "listenerAttributes": attributes}]);
    let cases: &[Case<'_>] = &[
        ("scheme", "internal", json!({"scheme": "internet-facing"}), Some("spec.scheme")),
        ("scheme", "internal", json!({"scheme": "internal"}), None),
        ("scheme", "internal", json!({"targetType": "ip"}), None),
        ("group.name", "other", json!({"group": {"name": "edge"}}), Some("spec.group.name")),
        ("inbound-cidrs", "10.0.0.0/8", json!({"inboundCIDRs": ["11.0.0.0/8"]}), Some("spec.inboundCIDRs")),
        (
            "inbound-cidrs",
            "10.0.0.0/8, 11.0.0.0/8",
            json!({"inboundCIDRs": ["11.0.0.0/8", "10.0.0.0/8"]}),
            None,
        ),
        ("target-type", "instance", json!({"targetType": "ip"}), Some("spec.targetType")),
        ("tags", "a=2,c=3", json!({"tags": attributes}), Some("spec.tags")),
        ("tags", "a=1,c=3", json!({"tags": attributes}), None),
        (
            "load-balancer-attributes",
            "b=1",
            json!({"loadBalancerAttributes": attributes}),
            Some("spec.loadBalancerAttributes"),
        ),
        (
            "listener-attributes.HTTP-80",
            "b=1",
            json!({"listeners": listener}),
            Some("spec.listeners.listenerAttributes"),
        ),
        (
            "minimum-load-balancer-capacity",
            "CapacityUnits=2",
            json!({"minimumLoadBalancerCapacity": {"capacityUnits": 3}}),
            Some("spec.minimumLoadBalancerCapacity"),
        ),
    ];
    for (suffix, value, class, expected) in cases {
        let one = with_params(member(ingress("one", &[(suffix, value)], to_web("/one"))), class.clone());
        let two = with_params(member(ingress("two", &[], to_web("/two"))), class.clone());
        let built = World::new().build(&together(vec![one, two]));
        let told = built.members[0].diagnostics();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert!(built.members[1].diagnostics().is_empty(), "{suffix}={value}");
        match expected {
            None => assert!(told.is_empty(), "{suffix}={value}: {told:?}"),
            Some(field) => {
                let names_both = |told: &String| {
                    told.contains(&format!("alb.ingress.kubernetes.io/{suffix}"))
                        && told.contains(&format!("{field} of IngressClassParams \"params\""))
                };
                assert!(told.len() == 1 && names_both(&told[0]), "{suffix}={value}: {told:?}");
            }
        }
    }
}

#[test]
fn where_members_disagree_the_first_wins_and_the_other_is_told() {
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let certificate = ("certificate-arn", "arn:cert");
    let cases: &[(&str, Pairs<'_>, Pairs<'_>)] = &[
        ("scheme", &[("scheme", "internal")], &[("scheme", "internet-facing")]),
        ("ip-address-type", &[("ip-address-type", "ipv4")], &[("ip-address-type", "dualstack")]),
        ("load-balancer-name", &[("load-balancer-name", "a")], &[("load-balancer-name", "b")]),
        ("tags", &[("tags", "team=red")], &[("tags", "team=blue")]),
        (
            "load-balancer-attributes",
            &[("load-balancer-attributes", "k=1")],
            &[("load-balancer-attributes", "k=2")],
        ),
        ("security-groups", &[("security-groups", "sg-1,sg-2")], &[("security-groups", "sg-2,sg-1")]),
        ("inbound-cidrs", &[("inbound-cidrs", "10.0.0.0/8")], &[("inbound-cidrs", "11.0.0.0/8")]),
        (
            "ssl-policy",
            &[https, certificate, ("ssl-policy", "a")],
            &[https, certificate, ("ssl-policy", "b")],
        ),
        ("wafv2-acl-arn", &[("wafv2-acl-arn", "a")], &[("wafv2-acl-arn", "b")]),
        (
            "shield-advanced-protection",
            &[("shield-advanced-protection", "true")],
            &[("shield-advanced-protection", "false")],
        ),
        (
            "minimum-load-balancer-capacity",
            &[("minimum-load-balancer-capacity", "CapacityUnits=1")],
            &[("minimum-load-balancer-capacity", "CapacityUnits=2")],
        ),
        ("enable-frontend-nlb", &[("enable-frontend-nlb", "true")], &[("enable-frontend-nlb", "false")]),
        (
            "listener-attributes.HTTP-80",
            &[("listener-attributes.HTTP-80", "k=1")],
            &[("listener-attributes.HTTP-80", "k=2")],
        ),
    ];
    for (suffix, first, second) in cases {
        let (_, built) = two(first, second);
        assert_eq!(states(&built), [MemberState::Built, MemberState::Degraded], "{suffix}");
        let told = built.members[1].findings[0].to_string();
        assert!(
            told.starts_with(&format!("ingress/shop/two alb.ingress.kubernetes.io/{suffix}: ")),
            "{told}"
        );
        assert!(told.contains("of Ingress shop/one, which comes first"), "{told}");
        assert_eq!(built.stack.unwrap().rules.len(), 2, "{suffix}: both are served");
    }
}

#[test]
fn a_contradicting_protocol_costs_the_port() {
    let (_, built) =
        two(&[], &[("listen-ports", r#"[{"HTTPS": 80}, {"HTTP": 81}]"#), ("certificate-arn", "arn:cert")]);
    assert_eq!(states(&built), [MemberState::Built, MemberState::Degraded]);
    let stack = built.stack.unwrap();
    assert_eq!(stack.listeners[&id("80")].protocol, Protocol::Http);
    let keys: Vec<_> = stack.rules.keys().map(|(port, priority)| format!("{port}:{priority}")).collect();
    assert_eq!(keys, ["80:1", "81:1"]);
}

#[test]
fn the_first_default_backend_wins() {
    let with_default = |name: &str, status: &str| {
        let action =
            format!(r#"{{"type": "fixed-response", "fixedResponseConfig": {{"statusCode": "{status}"}}}}"#);
        let mut ingress = ingress(name, &[("actions.say", &action)], to_web("/"));
        let backend = json!({"service": {"name": "say", "port": {"name": "use-annotation"}}});
        ingress.spec.as_mut().unwrap().default_backend = serde_json::from_value(backend).unwrap();
        member(ingress)
    };
    let built = World::new().build(&together(vec![with_default("one", "200"), with_default("two", "404")]));
    assert_eq!(states(&built), [MemberState::Built, MemberState::Degraded]);
    assert!(format!("{:?}", built.stack.unwrap().listeners[&id("80")].default_actions).contains("\"200\""));
}

#[test]
fn an_https_port_without_any_certificate_is_left_out() {
    let (_, built) = two(&[("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#)], &[]);
    assert_eq!(states(&built), [MemberState::Degraded, MemberState::Built]);
    assert!(built.members[0].findings[0].message.contains("port 443 is HTTPS"));
    assert_eq!(built.listener_ports, [80]);
}

/// Ways to break one member, and a piece of what it is told.
pub const BREAKAGES: &[(&str, &str, &str)] = &[
    ("ssl-redirect", "443", "there is no listener on port 443"),
    ("ssl-redirect", "x", "is not a whole number"),
    ("listen-ports", "80", "is not a list"),
    ("inbound-cidrs", "10.0.0.0/99", "is not a CIDR"),
    ("mutual-authentication", "{}", "is not a list of mutual TLS settings"),
    ("target-type", "pod", "is not one of instance or ip"),
    ("backend-protocol", "FTP", "is not one of HTTP or HTTPS"),
    ("backend-protocol-version", "HTTP9", "is not one of HTTP1, HTTP2 or GRPC"),
    ("healthcheck-port", "ghost", "the name of a port"),
    ("healthcheck-protocol", "UDP", "is not one of HTTP or HTTPS"),
    ("healthcheck-interval-seconds", "x", "is not a whole number"),
    ("healthcheck-timeout-seconds", "x", "is not a whole number"),
    ("healthy-threshold-count", "x", "is not a whole number"),
    ("unhealthy-threshold-count", "x", "is not a whole number"),
    ("target-group-attributes", "x", "key=value"),
    ("target-control-port.web.80", "x", "is not a whole number"),
    ("target-node-labels", "x", "key=value"),
    ("multi-cluster-target-group", "x", "boolean"),
    ("tags", "x", "key=value"),
    ("auth-type", "ldap", "one of none"),
    ("auth-idp-cognito", "x", "Cognito"),
    ("auth-idp-oidc", "x", "OIDC"),
    ("auth-session-timeout", "x", "is not a whole number"),
    ("jwt-validation", "{}", "needs jwksEndpoint"),
    ("conditions.web", "{}", "is not a list of conditions"),
    ("transforms.web", "{}", "is not a list of transforms"),
];

#[test]
fn one_broken_member_never_blocks_the_others() {
    for (suffix, value, told) in BREAKAGES {
        let (_, built) = two(&[(suffix, value)], &[]);
        assert_eq!(states(&built), [MemberState::Invalid, MemberState::Built], "{suffix}={value}");
        let finding = built.members[0].findings[0].to_string();
        assert!(finding.contains(told), "{suffix}={value}: {finding}");
        let stack = built.stack.unwrap();
        assert_eq!(stack.rules.len(), 1, "{suffix}={value}: only the sound one is served");
        assert!(stack.target_groups.contains_key(&id("shop/two-web:80")));
        assert!(!stack.target_groups.contains_key(&id("shop/one-web:80")));
    }
}

/// Settings of the group that cannot be read cost only the setting.
#[test]
fn one_malformed_setting_of_the_group_costs_only_the_setting() {
    let cases = [
        ("scheme", "private"),
        ("ip-address-type", "ipv5"),
        ("load-balancer-attributes", "x"),
        ("minimum-load-balancer-capacity", "x"),
        ("subnets", "subnet-none"),
        ("security-groups", "sg-none"),
        ("customer-owned-ipv4-pool", ""),
        ("wafv2-acl-name", "ghost"),
        ("shield-advanced-protection", "x"),
        ("enable-frontend-nlb", "x"),
        ("listener-attributes.HTTP-80", "x"),
    ];
    for (suffix, value) in cases {
        let (_, built) = two(&[(suffix, value)], &[]);
        assert_eq!(states(&built), [MemberState::Degraded, MemberState::Built], "{suffix}={value}");
        assert_eq!(built.stack.unwrap().rules.len(), 2, "{suffix}={value}");
    }
}

#[test]
fn a_scheme_that_cannot_be_read_does_not_replace_the_load_balancer() {
    let members = vec![
        member(ingress("one", &[("scheme", "internet-facng")], to_web("/one"))),
        member(ingress("two", &[], to_web("/two"))),
    ];
    let mut world = World { existing: vec![existing(Scheme::InternetFacing)], ..World::new() };
    let built = world.build(&together(members));
    assert_eq!(built.stack.unwrap().load_balancers[&id("LoadBalancer")].scheme, Scheme::InternetFacing);
}

#[test]
fn aws_not_answering_about_one_member_is_that_members_trouble() {
    let oidc = r#"{"secretName": "forbidden"}"#;
    let https = r#"[{"HTTPS": 443}]"#;
    let broken =
        [("auth-type", "oidc"), ("auth-idp-oidc", oidc), ("listen-ports", https), ("certificate-arn", "c")];
    let (_, built) = two(&broken, &[]);
    assert_eq!(states(&built), [MemberState::Invalid, MemberState::Built]);
    assert!(built.members[0].findings[0].message.contains("forbidden"));
}

#[test]
fn a_group_without_a_sound_member_is_left_alone() {
    let (_, built) = two(&[("target-type", "x")], &[("target-type", "y")]);
    assert_eq!(built.stack, None);
    assert_eq!(states(&built), [MemberState::Invalid, MemberState::Invalid]);
}

#[test]
fn a_lone_member_stops_at_its_first_mistake() {
    let built =
        World::new().build(&alone(ingress("i", &[("scheme", "x"), ("target-type", "x")], to_web("/"))));
    assert_eq!((built.stack, built.members[0].state), (None, MemberState::Invalid));
    assert_eq!(built.members[0].findings.len(), 1);
}

#[test]
fn protection_holds_up_the_load_balancer_not_a_members_leaving() {
    let mut departing_ingress =
        ingress("gone", &[("load-balancer-attributes", "deletion_protection.enabled=true")], to_web("/"));
    departing_ingress.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    let mut group = together(vec![member(ingress("one", &[], to_web("/one")))]);
    group.departing = vec![Arc::new(departing_ingress)];
    let key = crate::api::ObjectKey::namespaced("shop", "gone");
    let built = World::new().build(&group);
    assert!(built.releases(&key) && built.stack.is_some());
    group.members.clear();
    let built = World::new().build(&group);
    assert!(!built.releases(&key));
    assert_eq!(built.stack, None);
    assert_eq!(built.held[0].0, key);
    group.departing = vec![Arc::new(ingress("gone", &[], to_web("/")))];
    let stack = World::new().build(&group).stack.unwrap();
    assert_eq!(stack, crate::model::Stack::empty(group.id.clone()));
}
