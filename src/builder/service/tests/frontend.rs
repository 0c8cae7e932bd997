#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::ec2::{IngressRule, RuleSource, SecurityGroup};
use crate::aws_api::elbv2::SubnetMapping;
use crate::model::LoadBalancer;

fn load_balancer_of(service: &Service, facts: &Facts, config: &Config) -> LoadBalancer {
    build(service, facts, config).unwrap().stack.load_balancers[&"LoadBalancer".into()].clone()
}

fn load_balancer(annotations: Pairs<'_>) -> LoadBalancer {
    load_balancer_of(&plain(annotations), &facts(), &config())
}

fn ids(load_balancer: &LoadBalancer) -> Vec<&str> {
    load_balancer.subnet_mappings.iter().map(|mapping| mapping.subnet_id.as_str()).collect()
}

fn groups(load_balancer: &LoadBalancer) -> Vec<String> {
    load_balancer.security_groups.iter().map(ToString::to_string).collect()
}

#[test]
fn the_first_source_of_the_scheme_wins() {
    let internal = || facts_with(Scheme::Internal, &["sg-1"]);
    let scheme = |value| ("aws-load-balancer-scheme", value);
    let legacy = |value| ("aws-load-balancer-internal", value);
    let cases: &[(Pairs<'_>, Facts, Scheme)] = &[
        (&[scheme("internal"), legacy("false")], facts(), Scheme::Internal),
        (&[legacy("false")], internal(), Scheme::InternetFacing),
        (&[legacy("true")], facts(), Scheme::Internal),
        (&[], facts_with(Scheme::InternetFacing, &["sg-1"]), Scheme::InternetFacing),
        (&[], facts(), Scheme::Internal),
    ];
    for (annotations, facts, expected) in cases {
        let built = load_balancer_of(&plain(annotations), facts, &config());
        assert_eq!(built.scheme, *expected, "{annotations:?}");
    }
    let facing = Config { default_load_balancer_scheme: Scheme::InternetFacing, ..config() };
    assert_eq!(load_balancer_of(&plain(&[]), &facts(), &facing).scheme, Scheme::InternetFacing);
}

#[test]
fn bad_values_are_refused_with_what_is_right() {
    let cases: &[(Pairs<'_>, &str)] = &[
        (
            &[("aws-load-balancer-scheme", "internet-facng")],
            "aws-load-balancer-scheme: \"internet-facng\" is not one of internal or internet-facing; did you mean \
             `internet-facing`?",
        ),
        (
            &[("aws-load-balancer-internal", "0.0.0.0/0")],
            "aws-load-balancer-internal: \"0.0.0.0/0\" is not a boolean (true or false)",
        ),
        (
            &[("aws-load-balancer-ip-address-type", "dualstack-without-public-ipv4")],
            "aws-load-balancer-ip-address-type: \"dualstack-without-public-ipv4\" is not one of ipv4 or dualstack",
        ),
        (
            &[("aws-load-balancer-subnets", "")],
            "aws-load-balancer-subnets: is empty, expected a list of subnet ids (subnet-…) or values of the tag Name",
        ),
        (
            &[("aws-load-balancer-attributes", "dns_record.client_routing_policy=any")],
            "aws-load-balancer-attributes: dns_record.client_routing_policy is \"any\", expected one of \
             any_availability_zone, availability_zone_affinity or partial_availability_zone_affinity",
        ),
        (
            &[("aws-load-balancer-cross-zone-load-balancing-enabled", "on")],
            "aws-load-balancer-cross-zone-load-balancing-enabled: \"on\" is not a boolean (true or false); did you mean `true`?",
        ),
        (
            &[("aws-load-balancer-minimum-load-balancer-capacity", "capacityUnits=1")],
            "aws-load-balancer-minimum-load-balancer-capacity: \"capacityUnits\" is not one of CapacityUnits; \
             did you mean `CapacityUnits`?",
        ),
        (
            &[("aws-load-balancer-minimum-load-balancer-capacity", "CapacityUnits=many")],
            "aws-load-balancer-minimum-load-balancer-capacity: CapacityUnits is \"many\", expected a number",
        ),
        (
            &[("aws-load-balancer-name", "a-name-that-is-longer-than-32-bytes")],
            "aws-load-balancer-name: \"a-name-that-is-longer-than-32-bytes\" has 35 characters, expected at most 32",
        ),
        (
            &[("aws-load-balancer-inbound-sg-rules-on-private-link-traffic", "true")],
            "aws-load-balancer-inbound-sg-rules-on-private-link-traffic: \"true\" is not one of on or off",
        ),
        (
            &[("aws-load-balancer-disable-nlb-sg", "yes")],
            "aws-load-balancer-disable-nlb-sg: \"yes\" is not a boolean (true or false); did you mean `true`?",
        ),
        (
            &[("load-balancer-source-ranges", "10.0.0.0/8,2001:db8::/32")],
            "load-balancer-source-ranges: IPv6 range 2001:db8::/32 needs a dualstack load balancer; set \
             aws-load-balancer-ip-address-type: dualstack",
        ),
    ];
    for (annotations, expected) in cases {
        assert_eq!(refusal(annotations), *expected);
    }
}

#[test]
fn subnets_stay_where_the_load_balancer_is() {
    let existing = facts_with(Scheme::Internal, &["sg-1"]);
    assert_eq!(ids(&load_balancer_of(&plain(&[]), &existing, &config())), ["subnet-0b"]);
    let replaced = plain(&[("aws-load-balancer-scheme", "internet-facing")]);
    assert_eq!(ids(&load_balancer_of(&replaced, &existing, &config())), ["subnet-0a", "subnet-0b"]);
    let named = [("aws-load-balancer-subnets", "subnet-0b")];
    assert_eq!(ids(&load_balancer(&named)), ["subnet-0b"]);
}

#[test]
fn older_annotations_win_over_the_attributes_annotation() {
    let built = load_balancer(&[
        (
            "aws-load-balancer-attributes",
            "access_logs.s3.bucket=other,load_balancing.cross_zone.enabled=true,x=y",
        ),
        ("aws-load-balancer-access-log-enabled", "true"),
        ("aws-load-balancer-access-log-s3-bucket-name", "logs"),
        ("aws-load-balancer-access-log-s3-bucket-prefix", ""),
        ("aws-load-balancer-cross-zone-load-balancing-enabled", "f"),
    ]);
    let expected = [
        ("access_logs.s3.bucket", "logs"),
        ("access_logs.s3.enabled", "true"),
        ("access_logs.s3.prefix", ""),
        ("load_balancing.cross_zone.enabled", "false"),
        ("x", "y"),
    ];
    let actual: Vec<(&str, &str)> = built.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(actual, expected);
    let off = load_balancer(&[
        ("aws-load-balancer-access-log-enabled", "false"),
        ("aws-load-balancer-access-log-s3-bucket-name", "logs"),
    ]);
    assert!(off.attributes.is_empty());
}

#[test]
fn capacity_is_managed_only_when_it_is_given() {
    let capacity = |value| load_balancer(&[("aws-load-balancer-minimum-load-balancer-capacity", value)]);
    assert_eq!(load_balancer(&[]).minimum_capacity_units, None);
    assert_eq!(capacity("").minimum_capacity_units, None);
    assert_eq!(capacity("CapacityUnits=3000").minimum_capacity_units, Some(3000));
    assert_eq!(capacity("CapacityUnits=0").minimum_capacity_units, Some(0));
    let mut gated = config();
    gated.features.lb_capacity_reservation = false;
    let service = plain(&[("aws-load-balancer-minimum-load-balancer-capacity", "junk")]);
    assert_eq!(load_balancer_of(&service, &facts(), &gated).minimum_capacity_units, None);
}

#[test]
fn names_private_link_and_source_nat_are_passed_on() {
    let built = load_balancer(&[
        ("aws-load-balancer-name", "mine"),
        ("aws-load-balancer-inbound-sg-rules-on-private-link-traffic", "off"),
    ]);
    assert_eq!(built.name, "mine");
    assert_eq!(built.enforce_inbound_rules_on_private_link.as_deref(), Some("off"));
    assert_eq!(built.enable_prefix_for_ipv6_source_nat.as_deref(), Some("off"));
    assert_eq!(load_balancer(&[]).name, "k8s-webteam-edgegate-b20b176645");
}

#[test]
fn static_addresses_find_their_subnets() {
    let dualstack = ("aws-load-balancer-ip-address-type", "dualstack");
    let facing = load_balancer(&[
        ("aws-load-balancer-scheme", "internet-facing"),
        dualstack,
        ("aws-load-balancer-eip-allocations", "eipalloc-2, eipalloc-1"),
        ("aws-load-balancer-ipv6-addresses", "2001:db8:0:2:0::7,2001:db8:0:1::7"),
        ("aws-load-balancer-enable-prefix-for-ipv6-source-nat", "on"),
        ("aws-load-balancer-source-nat-ipv6-prefixes", "auto_assigned,2001:db8:0:2:1::/80"),
    ]);
    assert_eq!(
        facing.subnet_mappings[1],
        SubnetMapping {
            allocation_id: Some("eipalloc-1".into()),
            private_ipv4_address: None,
            ipv6_address: Some("2001:db8:0:2::7".into()),
            source_nat_ipv6_prefix: Some("2001:db8:0:2:1::/80".into()),
            subnet_id: "subnet-0b".into(),
        }
    );
    let internal = load_balancer(&[("aws-load-balancer-private-ipv4-addresses", "10.0.2.9,10.0.1.9")]);
    let addresses: Vec<_> = internal
        .subnet_mappings
        .iter()
        .map(|mapping| mapping.private_ipv4_address.clone().unwrap())
        .collect();
    assert_eq!(addresses, ["10.0.1.9", "10.0.2.9"]);
}

#[test]
fn static_addresses_that_fit_nowhere_are_refused() {
    let facing = ("aws-load-balancer-scheme", "internet-facing");
    let dualstack = ("aws-load-balancer-ip-address-type", "dualstack");
    let nat = ("aws-load-balancer-enable-prefix-for-ipv6-source-nat", "on");
    let eip = |value| ("aws-load-balancer-eip-allocations", value);
    let private = |value| ("aws-load-balancer-private-ipv4-addresses", value);
    let ipv6 = |value| ("aws-load-balancer-ipv6-addresses", value);
    let prefixes = |value| ("aws-load-balancer-source-nat-ipv6-prefixes", value);
    let cases: &[(Pairs<'_>, &str)] = &[
        (&[eip("e1,e2")], "works only on internet-facing load balancers"),
        (&[facing, eip("e1")], "1 values are given for 2 subnets"),
        (&[eip(""), facing], "0 values are given for 2 subnets"),
        (&[facing, private("10.0.1.9,10.0.2.9")], "works only on internal load balancers"),
        (&[private("10.0.1.9,10.0.1.8")], "several of the addresses lie in subnet subnet-0a"),
        (&[private("10.0.1.9,10.9.1.8")], "none of the addresses lie in subnet subnet-0b"),
        (&[private("10.0.1.9,::ffff:10.0.2.9")], "\"::ffff:10.0.2.9\" is not an IPv4 address"),
        (&[private("10.0.1.9,x")], "\"x\" is not an IPv4 address"),
        (&[ipv6("::1,::2")], "works only on dualstack load balancers"),
        (&[dualstack, ipv6("10.0.1.9,::2")], "\"10.0.1.9\" is not an IPv6 address"),
        (&[nat], "works only on dualstack load balancers"),
        (&[dualstack, prefixes("auto_assigned,auto_assigned")], "source NAT prefixes are given while"),
        (&[dualstack, nat, prefixes("auto_assigned")], "1 values are given for 2 subnets"),
        (&[dualstack, nat, prefixes("auto_assigned,x")], "\"x\" is neither auto_assigned nor an IPv6 prefix"),
        (&[dualstack, nat, prefixes("auto_assigned,2001:db8::/64")], "has prefix length 64, expected 80"),
        (&[dualstack, nat, prefixes("auto_assigned,10.0.0.0/80")], "is not an IPv6 prefix"),
        (
            &[dualstack, nat, prefixes("auto_assigned,2001:db8:0:1::/80")],
            "lies outside the IPv6 CIDRs of subnet subnet-0b",
        ),
    ];
    for (annotations, expected) in cases {
        let message = refusal(annotations);
        assert!(message.contains(expected), "{annotations:?}: {message}");
    }
    let mut without = facts();
    for subnets in without.subnets.values_mut().flatten() {
        for subnet in subnets {
            subnet.ipv6_cidr_blocks.clear();
        }
    }
    let message = refusal_of(build(&plain(&[dualstack]), &without, &config()));
    assert!(message.contains("have no associated IPv6 CIDR"), "{message}");
}

#[test]
fn tags_merge_with_the_default_tags() {
    let config = Config {
        default_tags: [("team".to_owned(), "infra".to_owned())].into(),
        external_managed_tags: ["cost".to_owned()].into(),
        ..config()
    };
    let tagged = |value| plain(&[("aws-load-balancer-additional-resource-tags", value)]);
    let stack = build(&tagged("team=web,app=edge"), &facts(), &config).unwrap().stack;
    let expected = [("app".to_owned(), "edge".to_owned()), ("team".to_owned(), "infra".to_owned())].into();
    assert_eq!(stack.load_balancers[&"LoadBalancer".into()].tags, expected);
    assert_eq!(stack.listeners[&"80".into()].tags, expected);
    assert_eq!(stack.target_groups[&"web-team/edge-gateway:80".into()].tags, expected);
    assert_eq!(stack.security_groups[&"ManagedLBSecurityGroup".into()].tags, expected);
    let message = refusal_of(build(&tagged("cost=1"), &facts(), &config));
    assert!(message.contains("\"cost\" is managed outside"), "{message}");
}

fn rules(annotations: Pairs<'_>, spec: &Value) -> Vec<String> {
    let built = built(&service(annotations, spec));
    let show = |rule: &IngressRule| {
        let source = match &rule.source {
            RuleSource::Ipv4(text) | RuleSource::Ipv6(text) | RuleSource::PrefixList(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        format!("{} {}-{} {source}", rule.protocol, rule.from_port.unwrap(), rule.to_port.unwrap())
    };
    built.stack.security_groups[&"ManagedLBSecurityGroup".into()].ingress.iter().map(show).collect()
}

#[test]
fn the_managed_group_lets_in_the_clients_that_are_named() {
    let dualstack = ("aws-load-balancer-ip-address-type", "dualstack");
    let lists = |value| ("aws-load-balancer-security-group-prefix-lists", value);
    let ranges = |value| ("load-balancer-source-ranges", value);
    let icmp = ("aws-load-balancer-enable-icmp-for-path-mtu-discovery", "on");
    let nothing = json!({});
    let cases: &[(Pairs<'_>, Value, &[&str])] = &[
        (&[], nothing.clone(), &["tcp 80-80 0.0.0.0/0"]),
        (&[dualstack], nothing.clone(), &["tcp 80-80 0.0.0.0/0", "tcp 80-80 ::/0"]),
        (&[lists("pl-1,pl-2")], nothing.clone(), &["tcp 80-80 pl-1", "tcp 80-80 pl-2"]),
        (&[lists("")], nothing.clone(), &[]),
        (
            &[ranges("10.0.0.0/8"), lists("pl-1")],
            nothing.clone(),
            &["tcp 80-80 10.0.0.0/8", "tcp 80-80 pl-1"],
        ),
        (
            &[ranges("10.0.0.0/8")],
            json!({"loadBalancerSourceRanges": ["1.2.3.0/24"]}),
            &["tcp 80-80 1.2.3.0/24"],
        ),
        (
            &[dualstack, icmp],
            json!({"ports": [{"port": 53, "protocol": "UDP", "nodePort": 1}, {"port": 54, "protocol": "TCP", "nodePort": 2}]}),
            &[
                "udp 53-53 0.0.0.0/0",
                "icmp 3-4 0.0.0.0/0",
                "udp 53-53 ::/0",
                "icmpv6 2-0 ::/0",
                "tcp 54-54 0.0.0.0/0",
                "tcp 54-54 ::/0",
            ],
        ),
        (
            &[("aws-load-balancer-enable-icmp-for-path-mtu-discovery", "true")],
            nothing,
            &["tcp 80-80 0.0.0.0/0"],
        ),
    ];
    for (annotations, spec, expected) in cases {
        assert_eq!(rules(annotations, spec), *expected, "{annotations:?} {spec}");
    }
}

#[test]
fn who_manages_security_groups_depends_on_annotations_flags_and_what_exists() {
    let no_groups = ("aws-load-balancer-disable-nlb-sg", "true");
    let managed = ["<ManagedLBSecurityGroup>", "sg-0backend00000001"];
    assert_eq!(groups(&load_balancer(&[])), managed);
    assert_eq!(groups(&load_balancer(&[("aws-load-balancer-security-groups", " , ")])), managed);
    assert!(groups(&load_balancer(&[no_groups])).is_empty());
    let bare = facts_with(Scheme::Internal, &[]);
    assert!(groups(&load_balancer_of(&plain(&[]), &bare, &config())).is_empty());
    let dressed = facts_with(Scheme::Internal, &["sg-1"]);
    assert_eq!(
        refusal_of(build(&plain(&[no_groups]), &dressed, &config())),
        "aws-load-balancer-disable-nlb-sg: the load balancer has security groups, which cannot be taken away"
    );
    let lone = Config { enable_backend_security_group: false, ..config() };
    let alone = build(&plain(&[]), &facts(), &lone).unwrap();
    assert!(!alone.uses_backend_security_group);
    assert_eq!(groups(&load_balancer_of(&plain(&[]), &facts(), &lone)), ["<ManagedLBSecurityGroup>"]);
    let mut gated = config();
    gated.features.nlb_security_group = false;
    assert!(groups(&load_balancer_of(&plain(&[]), &facts(), &gated)).is_empty());
}

#[test]
fn given_security_groups_get_the_backend_group_only_to_manage_rules() {
    let mut facts = facts();
    let group = SecurityGroup { id: "sg-1".into(), ..SecurityGroup::default() };
    facts.security_groups_by_id.insert(vec!["sg-1".into()], Ok(vec![group]));
    let given = ("aws-load-balancer-security-groups", "sg-1");
    let manage = |value| ("aws-load-balancer-manage-backend-security-group-rules", value);
    let alone = build(&plain(&[given]), &facts, &config()).unwrap();
    assert!(alone.stack.security_groups.is_empty());
    assert!(!alone.uses_backend_security_group);
    assert_eq!(alone.stack.bindings.values().next().unwrap().networking, None);
    let managing = load_balancer_of(&plain(&[given, manage("true")]), &facts, &config());
    assert_eq!(groups(&managing), ["sg-1", "sg-0backend00000001"]);
    let flagged = Config { enable_manage_backend_security_group_rules: true, ..config() };
    assert_eq!(
        groups(&load_balancer_of(&plain(&[given]), &facts, &flagged)),
        ["sg-1", "sg-0backend00000001"]
    );
    assert_eq!(groups(&load_balancer_of(&plain(&[given, manage("false")]), &facts, &flagged)), ["sg-1"]);
    let lone = Config { enable_backend_security_group: false, ..config() };
    let message = refusal_of(build(&plain(&[given, manage("true")]), &facts, &lone));
    assert!(message.contains("without the backend security group"), "{message}");
}
