use super::fixture::*;
use crate::aws_api::acm::Certificate;
use crate::aws_api::ec2::RuleSource;
use crate::aws_api::elbv2::{IpAddressType, ListenerAction, Protocol, Scheme, TargetType};
use crate::facts::Lookup;
use serde_json::json;

#[test]
fn defaults_are_upstreams() {
    let stack = World::new().stack(&alone(ingress("web-frontend", &[], to_web("/"))));
    let alb = &stack.load_balancers[&id("LoadBalancer")];
    assert_eq!(alb.name, "k8s-shop-webfront-f81084de68");
    assert_eq!((&alb.scheme, &alb.ip_address_type), (&Scheme::Internal, &IpAddressType::Ipv4));
    let subnets: Vec<&str> = alb.subnet_mappings.iter().map(|m| m.subnet_id.as_str()).collect();
    assert_eq!(subnets, ["subnet-a", "subnet-b"]);
    let groups: Vec<String> = alb.security_groups.iter().map(ToString::to_string).collect();
    assert_eq!(groups, ["<ManagedLBSecurityGroup>", "sg-backend"]);
    let group = &stack.security_groups[&id("ManagedLBSecurityGroup")];
    assert_eq!(group.name, "k8s-shop-webfront-a671df8b12");
    assert_eq!(group.ingress.len(), 1);
    assert_eq!(group.ingress[0].source, RuleSource::Ipv4("0.0.0.0/0".into()));
    let listener = &stack.listeners[&id("80")];
    assert_eq!((listener.port, &listener.protocol), (80, &Protocol::Http));
    let [ListenerAction::FixedResponse(response)] = listener.default_actions.as_slice() else { panic!() };
    assert_eq!((response.status_code.as_str(), &response.message_body), ("404", &None));
}

#[test]
fn an_existing_load_balancer_keeps_its_subnets() {
    let mut world = World::new();
    world.existing = vec![existing(Scheme::Internal)];
    world.existing.insert(0, {
        let mut nlb = existing(Scheme::Internal);
        nlb.resource_id = Some("FrontendNlb".into());
        nlb.subnet_ids = vec!["subnet-n".into()];
        nlb
    });
    let group = alone(ingress("web", &[], to_web("/")));
    let subnets = |stack: crate::model::Stack| {
        let alb = &stack.load_balancers[&id("LoadBalancer")];
        alb.subnet_mappings.iter().map(|m| m.subnet_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(subnets(world.stack(&group)), ["subnet-x", "subnet-y"]);
    assert!(!world.asked.iter().any(|lookup| matches!(lookup, Lookup::Subnets(_))));
    let moved = alone(ingress("web", &[("scheme", "internet-facing")], to_web("/")));
    assert_eq!(subnets(world.stack(&moved)), ["subnet-a", "subnet-b"], "another scheme starts afresh");
}

#[test]
fn named_security_groups_replace_the_managed_one() {
    let manage = ("manage-backend-security-group-rules", "true");
    let cases: &[(&[(&str, &str)], &[&str], bool)] = &[
        (&[("security-groups", "sg-1, sg-2")], &["sg-1", "sg-2"], false),
        (&[("security-groups", "sg-1"), manage], &["sg-1", "sg-backend"], true),
        (&[("security-groups", "")], &["<ManagedLBSecurityGroup>", "sg-backend"], true),
        (&[manage], &["<ManagedLBSecurityGroup>", "sg-backend"], true),
    ];
    for (annotations, expected, networking) in cases {
        let stack = World::new().stack(&alone(ingress("i", annotations, to_web("/"))));
        let alb = &stack.load_balancers[&id("LoadBalancer")];
        let groups: Vec<String> = alb.security_groups.iter().map(ToString::to_string).collect();
        assert_eq!(groups, *expected, "{annotations:?}");
        assert_eq!(stack.bindings[&id("shop/i-web:80")].networking.is_some(), *networking);
        assert_eq!(stack.security_groups.is_empty(), groups[0].starts_with("sg-"));
    }
}

#[test]
fn without_a_backend_group_the_managed_one_stands_for_the_traffic() {
    let mut world = World::new();
    world.config.enable_backend_security_group = false;
    let stack = world.stack(&alone(ingress("i", &[], to_web("/"))));
    assert_eq!(stack.load_balancers[&id("LoadBalancer")].security_groups.len(), 1);
    let networking = stack.bindings[&id("shop/i-web:80")].networking.clone().unwrap();
    assert!(format!("{:?}", networking[0].from).contains("ManagedLBSecurityGroup"));
    let annotations = [("security-groups", "sg-1"), ("manage-backend-security-group-rules", "true")];
    let refusal = world.refusal(ingress("i", &annotations, to_web("/")));
    assert!(refusal.contains("--enable-backend-security-group"), "{refusal}");
}

#[test]
fn sources_become_rules_per_port() {
    let annotations = [
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTP": 8080}]"#),
        ("inbound-cidrs", "10.0.0.9/8, 2001:DB8::1/32"),
        ("security-group-prefix-lists", "pl-1"),
        ("ip-address-type", "dualstack"),
    ];
    let stack = World::new().stack(&alone(ingress("i", &annotations, to_web("/"))));
    let rules = &stack.security_groups[&id("ManagedLBSecurityGroup")].ingress;
    let shown: Vec<_> = rules.iter().map(|rule| (rule.from_port.unwrap(), rule.source.clone())).collect();
    let sources = [
        RuleSource::Ipv4("10.0.0.0/8".into()),
        RuleSource::Ipv6("2001:db8::/32".into()),
        RuleSource::PrefixList("pl-1".into()),
    ];
    let expected: Vec<_> =
        [80, 8080].iter().flat_map(|port| sources.iter().map(|source| (*port, source.clone()))).collect();
    assert_eq!(shown, expected);
}

#[test]
fn certificates_are_found_by_host_and_the_default_may_be_mentioned_again() {
    let certificate = |arn: &str, domains: &[&str]| Certificate {
        arn: arn.into(),
        domains: domains.iter().map(|domain| (*domain).into()).collect(),
        ..Certificate::default()
    };
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let mut world = World::new();
    world.certificates =
        vec![certificate("arn:2", &["*.example.com"]), certificate("arn:1", &["a.example.com"])];
    let hosts = json!([rule("a.example.com", &[("Prefix", "/", "web")])]);
    let shown = |stack: crate::model::Stack| {
        stack.listeners[&id("443")].certificates.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(world.stack(&alone(ingress("i", &[https], hosts.clone())))), ["arn:1", "arn:2"]);
    let refusal =
        world.refusal(ingress("i", &[https], json!([rule("example.com", &[("Prefix", "/", "web")])])));
    assert!(refusal.contains("no issued certificate covers host \"example.com\""), "{refusal}");
    let listed = [("certificate-arn", "A,B,A")];
    assert_eq!(shown(world.stack(&alone(ingress("i", &listed, hosts)))), ["A", "B", "A"]);
}

#[test]
fn mutual_tls_resolves_names_of_trust_stores() {
    let mtls = r#"[{"port": 443, "mode": "verify", "trustStore": "clients", "ignoreClientCertificateExpiry": true}]"#;
    let base = [("listen-ports", r#"[{"HTTPS": 443}]"#), ("certificate-arn", "arn:cert")];
    let mut annotations = base.to_vec();
    annotations.push(("mutual-authentication", mtls));
    let stack = World::new().stack(&alone(ingress("i", &annotations, to_web("/"))));
    let mode = stack.listeners[&id("443")].mutual_authentication.clone().unwrap();
    assert_eq!(mode.trust_store_arn.as_deref(), Some("arn:truststore/clients"));
    assert_eq!(mode.advertise_trust_store_ca_names.as_deref(), Some("off"));
    let cases = [
        (r#"[{"port": 443, "mode": "verify"}]"#, "needs trustStore"),
        (r#"[{"port": 443, "mode": "off", "trustStore": "x"}]"#, "only for verify"),
        (r#"[{"port": 0, "mode": "off"}]"#, "expected 1 to 65535"),
        (r#"[{"port": 443, "mode": "verify", "trustStore": "ghost"}]"#, "no trust store named \"ghost\""),
        ("[]", "is empty"),
    ];
    for (value, invalid) in cases {
        let mut annotations = base.to_vec();
        annotations.push(("mutual-authentication", value));
        let refusal = World::new().refusal(ingress("i", &annotations, to_web("/")));
        assert!(refusal.contains(invalid), "{refusal}");
    }
}

#[test]
fn ssl_redirect_empties_every_http_listener() {
    let annotations = [
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTP": 8080}, {"HTTPS": 443}]"#),
        ("certificate-arn", "arn:cert"),
        ("ssl-redirect", "443"),
    ];
    let stack = World::new().stack(&alone(ingress("i", &annotations, to_web("/"))));
    assert_eq!(stack.rules.keys().map(|(listener, _)| listener.as_str()).collect::<Vec<_>>(), ["443"]);
    for port in ["80", "8080"] {
        let [ListenerAction::Redirect(redirect)] = stack.listeners[&id(port)].default_actions.as_slice()
        else {
            panic!()
        };
        assert_eq!((redirect.port.as_deref(), redirect.status_code.as_str()), (Some("443"), "HTTP_301"));
    }
}

#[test]
fn parameters_of_the_class_win_over_annotations() {
    let spec = json!({
        "scheme": "internet-facing",
        "ipAddressType": "dualstack",
        "loadBalancerName": "by-params",
        "certificateArn": ["arn:p"],
        "sslPolicy": "policy-p",
        "tags": [{"key": "team", "value": "p"}],
        "targetType": "ip",
        "loadBalancerAttributes": [{"key": "a", "value": "p"}],
        "listeners": [{"protocol": "HTTPS", "port": 443, "listenerAttributes": [{"key": "l", "value": "p"}]}],
        "minimumLoadBalancerCapacity": {"capacityUnits": 200},
        "ipamConfiguration": {"ipv4IPAMPoolId": "ipam-pool-p"},
        "PrefixListsIDs": ["pl-p"],
        "wafv2AclName": "wall",
    });
    let annotations = [
        ("scheme", "bogus"),
        ("ip-address-type", "bogus"),
        ("load-balancer-name", "a-name-that-is-much-longer-than-32-characters"),
        ("certificate-arn", "arn:a"),
        ("ssl-policy", "policy-a"),
        ("tags", "team=a,other=a"),
        ("target-type", "bogus"),
        ("load-balancer-attributes", "a=a,b=a"),
        ("listener-attributes.HTTPS-443", "l=a,m=a"),
        ("minimum-load-balancer-capacity", "bogus"),
        ("ipam-ipv4-pool-id", "ipam-pool-a"),
        ("security-group-prefix-lists", "pl-a"),
        ("wafv2-acl-arn", "arn:a"),
    ];
    let mut group = alone(ingress("i", &annotations, to_web("/")));
    group.members = vec![with_params(group.members.remove(0), spec)];
    let stack = World::new().stack(&group);
    let alb = &stack.load_balancers[&id("LoadBalancer")];
    assert_eq!((alb.name.as_str(), &alb.scheme), ("by-params", &Scheme::InternetFacing));
    assert_eq!((&alb.attributes["a"], &alb.attributes["b"]), (&"p".to_owned(), &"a".to_owned()));
    assert_eq!((&alb.tags["team"], &alb.tags["other"]), (&"p".to_owned(), &"a".to_owned()));
    assert_eq!(alb.minimum_capacity_units, Some(200));
    assert_eq!(alb.ipv4_ipam_pool_id.as_deref(), Some("ipam-pool-p"));
    let listener = &stack.listeners[&id("443")];
    assert_eq!(listener.ssl_policy.as_deref(), Some("policy-p"));
    assert_eq!((&listener.attributes["l"], &listener.attributes["m"]), (&"p".to_owned(), &"a".to_owned()));
    assert_eq!(stack.protection.wafv2_web_acl_arn.as_deref(), Some("arn:wall"));
    assert_eq!(stack.target_groups[&id("shop/i-web:80")].target_type, TargetType::Ip);
}

#[test]
fn an_empty_pool_of_the_class_means_none_whatever_the_annotation_says() {
    let mut group = alone(ingress("i", &[("ipam-ipv4-pool-id", "ipam-pool-a")], to_web("/")));
    let spec = json!({"ipamConfiguration": {"ipv4IPAMPoolId": ""}});
    group.members = vec![with_params(group.members.remove(0), spec)];
    let stack = World::new().stack(&group);
    assert_eq!(stack.load_balancers[&id("LoadBalancer")].ipv4_ipam_pool_id, None);
}

#[test]
fn web_acls_none_means_none_and_nothing_means_leave() {
    let cases: &[(&[(&str, &str)], Option<&str>, Option<&str>)] = &[
        (&[], None, None),
        (&[("wafv2-acl-arn", "none"), ("waf-acl-id", "none")], Some(""), Some("")),
        (&[("wafv2-acl-arn", ""), ("waf-acl-id", "")], Some(""), None),
        (&[("wafv2-acl-name", ""), ("web-acl-id", "x")], None, Some("x")),
        (&[("wafv2-acl-name", "wall"), ("wafv2-acl-arn", "arn:y")], Some("arn:wall"), None),
    ];
    for (annotations, v2, classic) in cases {
        let stack = World::new().stack(&alone(ingress("i", annotations, to_web("/"))));
        assert_eq!(stack.protection.wafv2_web_acl_arn.as_deref(), *v2, "{annotations:?}");
        assert_eq!(stack.protection.waf_regional_web_acl_id.as_deref(), *classic, "{annotations:?}");
    }
}

#[test]
fn a_frontend_nlb_has_a_port_for_each_of_the_albs() {
    let annotations = [
        ("enable-frontend-nlb", "true"),
        ("frontend-nlb-scheme", "internet-facing"),
        ("frontend-nlb-eip-allocations", "eip-1,eip-2"),
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTP": 8080}]"#),
        ("frontend-nlb-listener-port-mapping", "8000=80,9000=9999"),
        ("frontend-nlb-healthcheck-path", "/up"),
    ];
    let stack = World::new().stack(&alone(ingress("web-frontend", &annotations, to_web("/"))));
    let nlb = &stack.load_balancers[&id("FrontendNlb")];
    assert_eq!(nlb.name, "k8s-shop-webfront-f81084de68-nlb");
    assert_eq!(nlb.scheme, Scheme::InternetFacing);
    let addresses: Vec<_> = nlb.subnet_mappings.iter().map(|m| m.allocation_id.clone().unwrap()).collect();
    assert_eq!(addresses, ["eip-1", "eip-2"]);
    assert_eq!(nlb.security_groups, stack.load_balancers[&id("LoadBalancer")].security_groups);
    assert_eq!(stack.alb_targets[&id("FrontendNlb-tg-TCP-8000")].port, 80);
    assert_eq!(stack.alb_targets.len(), 1, "ports that the Ingress does not have are skipped");
    let target_group = &stack.target_groups[&id("FrontendNlb-tg-TCP-8000")];
    assert_eq!((&target_group.target_type, target_group.port), (&TargetType::Alb, Some(8000)));
    assert_eq!(target_group.health_check.as_ref().unwrap().path.as_deref(), Some("/up"));
    let default = [("enable-frontend-nlb", "true")];
    let stack = World::new().stack(&alone(ingress("web-frontend", &default, to_web("/"))));
    assert_eq!(stack.target_groups[&id("FrontendNlb-tg-TCP-80")].name, "k8s-shop-webfront-ee4b94cf05");
}

#[test]
fn refusals_name_the_setting_and_what_is_allowed() {
    let cases: &[(&str, &str, &str)] = &[
        ("scheme", "internet-facng", "did you mean `internet-facing`?"),
        ("ip-address-type", "ipv6", "is not one of ipv4, dualstack or dualstack-without-public-ipv4"),
        ("load-balancer-name", "a-name-that-is-much-longer-than-32-characters", "expected at most 32"),
        ("customer-owned-ipv4-pool", "", "is not the id of a customer-owned pool"),
        ("minimum-load-balancer-capacity", "Units=1", "is not one of CapacityUnits"),
        ("minimum-load-balancer-capacity", "CapacityUnits=many", "expected a number"),
        ("load-balancer-attributes", "x", "key=value pairs"),
        ("security-groups", "sg-none", "no security group is called sg-none"),
        ("subnets", "subnet-a", "1"),
        ("inbound-cidrs", "10.0.0.0/33", "is not a CIDR"),
        ("listen-ports", "[]", "is empty"),
        ("listen-ports", r#"[{"http": 80}]"#, "expected HTTP or HTTPS"),
        ("listen-ports", r#"[{"HTTP": 70000}]"#, "expected 1 to 65535"),
        ("ssl-redirect", "443", "there is no listener on port 443"),
        ("ssl-redirect", "80", "is not an HTTPS listener"),
        ("shield-advanced-protection", "yes", "a boolean"),
        ("wafv2-acl-name", "ghost", "no regional web ACL named"),
        ("listener-attributes.HTTP-80", "x", "key=value pairs"),
        ("enable-frontend-nlb", "on", "a boolean"),
    ];
    for (suffix, value, invalid) in cases {
        let refusal = World::new().refusal(ingress("i", &[(suffix, value)], to_web("/")));
        assert!(refusal.contains(&format!("alb.ingress.kubernetes.io/{suffix}: ")), "{suffix}: {refusal}");
        assert!(refusal.contains(invalid), "{refusal}");
    }
    let nlb: &[(&str, &str, &str)] = &[
        ("frontend-nlb-scheme", "private", "is not one of internal or internet-facing"),
        ("frontend-nlb-eip-allocations", "eip-1", "need scheme internet-facing"),
        (
            "frontend-nlb-attributes",
            "dns_record.client_routing_policy=nearest",
            "expected one of any_availability_zone",
        ),
        ("frontend-nlb-listener-port-mapping", "http=80", "is not a port"),
        ("frontend-nlb-healthcheck-port", "web", "traffic-port or a number"),
        ("frontend-nlb-healthcheck-protocol", "TCP", "is not one of HTTP or HTTPS"),
    ];
    for (suffix, value, invalid) in nlb {
        let annotations = [("enable-frontend-nlb", "true"), (*suffix, *value)];
        let refusal = World::new().refusal(ingress("i", &annotations, to_web("/")));
        assert!(refusal.contains(invalid), "{suffix}: {refusal}");
        World::new().stack(&alone(ingress("i", &[(*suffix, *value)], to_web("/"))));
    }
}
