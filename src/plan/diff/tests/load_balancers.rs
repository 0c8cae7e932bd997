use super::*;
use crate::aws_api::elbv2::{CapacityReservation, IpAddressType, Scheme};

#[test]
fn load_balancers() {
    let cases: &[Case] = &[
        (
            "attributes nobody asks for stay",
            |_, actual| {
                actual.load_balancers[0]
                    .attributes
                    .insert("idle_timeout.timeout_seconds".into(), "61".into());
            },
            &[],
        ),
        (
            "an attribute is missing",
            |_, actual| actual.load_balancers[0].attributes.clear(),
            &["ModifyLoadBalancerAttributes LoadBalancer"],
        ),
        (
            "subnets differ",
            |_, actual| drop(actual.load_balancers[0].entity.zones.pop()),
            &["SetSubnets LoadBalancer"],
        ),
        (
            "the order of subnets does not count",
            |_, actual| actual.load_balancers[0].entity.zones.reverse(),
            &[],
        ),
        (
            "static addresses of subnets do not count",
            |stack, _| {
                the(&mut stack.load_balancers).subnet_mappings[0].private_ipv4_address =
                    Some("10.0.0.7".into());
            },
            &[],
        ),
        (
            "security groups differ",
            |_, actual| actual.load_balancers[0].entity.security_groups.push("sg-2".into()),
            &["SetSecurityGroups LoadBalancer"],
        ),
        (
            "rules on PrivateLink only count for NLBs",
            |stack, _| {
                the(&mut stack.load_balancers).enforce_inbound_rules_on_private_link = Some("off".into());
            },
            &[],
        ),
        (
            "the address type differs",
            |stack, _| {
                the(&mut stack.load_balancers).ip_address_type = IpAddressType::Dualstack;
            },
            &["SetIpAddressType LoadBalancer"],
        ),
        ("a name cannot be changed", |stack, _| the(&mut stack.load_balancers).name = "other".into(), &[]),
        (
            "the IPAM pool goes",
            |_, actual| {
                actual.load_balancers[0].entity.ipv4_ipam_pool_id = Some("ipam-1".into());
            },
            &["ModifyIpPools LoadBalancer"],
        ),
        (
            "the IPAM pool comes",
            |stack, _| {
                the(&mut stack.load_balancers).ipv4_ipam_pool_id = Some("ipam-1".into());
            },
            &["ModifyIpPools LoadBalancer"],
        ),
        (
            "capacity is reserved at last",
            |stack, actual| {
                the(&mut stack.load_balancers).minimum_capacity_units = Some(3000);
                actual.load_balancers[0].capacity = Some(CapacityReservation::default());
            },
            &["ModifyCapacityReservation LoadBalancer"],
        ),
        (
            "capacity of zero is none",
            |stack, actual| {
                the(&mut stack.load_balancers).minimum_capacity_units = Some(0);
                actual.load_balancers[0].capacity = Some(CapacityReservation::default());
            },
            &[],
        ),
        (
            "tags nobody asked for go, foreign ones stay",
            |_, actual| {
                let tags = &mut actual.load_balancers[0].tags;
                for key in ["mine", "aws:cloudformation:stack-name", "kubernetes.io/namespace", "external"] {
                    tags.insert(key.into(), "x".into());
                }
            },
            &["RemoveTags LoadBalancer"],
        ),
        (
            "a wanted tag comes",
            |stack, _| {
                the(&mut stack.load_balancers).tags.insert("team".into(), "web".into());
            },
            &["AddTags LoadBalancer"],
        ),
        (
            "a load balancer nobody wants goes",
            |_, actual| {
                let mut other = actual.load_balancers[0].clone();
                other.entity.arn = "arn:other".into();
                other.tags.insert("ingress.k8s.aws/resource".into(), "FrontendNlb".into());
                actual.load_balancers.push(other);
            },
            &["DeleteLoadBalancer arn:other"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn a_replaced_load_balancer_goes_after_its_successor_is_there() {
    let cases: &[Case] = &[
        (
            "scheme",
            |stack, _| {
                the(&mut stack.load_balancers).scheme = Scheme::InternetFacing;
                the(&mut stack.load_balancers).name = "k8s-new".into();
            },
            &[
                "CreateLoadBalancer LoadBalancer",
                "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
                "CreateListener 80",
            ],
        ),
        (
            "scheme, but the name is needed",
            |stack, _| {
                the(&mut stack.load_balancers).scheme = Scheme::InternetFacing;
            },
            &[
                "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
                "CreateLoadBalancer LoadBalancer",
                "CreateListener 80",
            ],
        ),
        (
            "scheme, but an address is needed",
            |stack, _| {
                let desired = the(&mut stack.load_balancers);
                desired.scheme = Scheme::InternetFacing;
                desired.name = "k8s-new".into();
                desired.subnet_mappings[0].allocation_id = Some("eipalloc-1".into());
            },
            &[
                "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
                "CreateLoadBalancer LoadBalancer",
                "CreateListener 80",
            ],
        ),
    ];
    check(cases, nlb, &world::config());
}

#[test]
fn source_nat_prefixes_that_aws_chose_are_fine() {
    let cases: &[Case] = &[
        (
            "chosen by AWS",
            |stack, actual| {
                on_with_prefix(stack, "auto_assigned");
                actual_prefix(actual, Some("2600:1f14::/80"));
            },
            &[],
        ),
        (
            "chosen by nobody yet",
            |stack, actual| {
                on_with_prefix(stack, "auto_assigned");
                actual_prefix(actual, None);
            },
            &["SetSubnets LoadBalancer"],
        ),
        (
            "others",
            |stack, actual| {
                on_with_prefix(stack, "2600:1f14:1::/80");
                actual_prefix(actual, Some("2600:1f14::/80"));
            },
            &["SetSubnets LoadBalancer"],
        ),
    ];
    check(cases, nlb, &world::config());
}

fn on_with_prefix(stack: &mut Stack, prefix: &str) {
    let desired = the(&mut stack.load_balancers);
    desired.enable_prefix_for_ipv6_source_nat = Some("on".into());
    desired.subnet_mappings[0].source_nat_ipv6_prefix = Some(prefix.into());
}

fn actual_prefix(actual: &mut Actual, prefix: Option<&str>) {
    let entity = &mut actual.load_balancers[0].entity;
    entity.enable_prefix_for_ipv6_source_nat = Some("on".into());
    entity.zones[0].source_nat_ipv6_prefixes = prefix.map(str::to_owned).into_iter().collect();
}

#[test]
fn a_load_balancer_that_is_not_active_yet_gets_its_capacity_later() {
    let mut stack = alb();
    let mut actual = mirror(&stack);
    the(&mut stack.load_balancers).minimum_capacity_units = Some(3000);
    actual.load_balancers[0].entity.state = "provisioning".into();
    let plan = plan_of(&stack, &actual, &world::config(), &ExhaustedQuotas::default());
    assert!(plan.steps.is_empty(), "{plan}");
    assert_eq!(plan.revisits[0].after.as_secs(), 120);
}
