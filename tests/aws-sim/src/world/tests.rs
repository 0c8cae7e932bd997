#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::contract::{forward_to, in_subnet, listener_on, not_found, rule_on};
use aws_load_balancer_controller::aws_api::{Tags, ec2::*, elbv2::*};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A step of a random life: what is done, and to which of the things there are.
#[derive(Clone, Copy, Debug)]
struct Step {
    deed: u8,
    one: usize,
    other: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..16_u8, 0..4_usize, 0..4_usize).prop_map(|(deed, one, other)| Step { deed, one, other });
    prop::collection::vec(step, 1..80)
}

/// Everything but the ids yet to be given and the log.
fn contents(world: &World) -> String {
    format!("{:?} {:?} {:?} {:?}", world.elb, world.ec2, world.acm, world.protection)
}

fn pick<T>(map: &std::collections::BTreeMap<String, T>, n: usize) -> String {
    map.keys().nth(n % map.len().max(1)).cloned().unwrap_or_default()
}

fn load_balancer(world: &World, Step { one, other, .. }: Step) -> CreateLoadBalancer {
    let kind = if one % 2 == 0 { LoadBalancerType::Application } else { LoadBalancerType::Network };
    let zones = ["PRIV_A", "PRIV_B", "SPARE_A", "PUB_C"];
    CreateLoadBalancer {
        name: format!("lb-{one}"),
        scheme: Scheme::Internal,
        ip_address_type: IpAddressType::Ipv4,
        subnet_mappings: vec![in_subnet(world.id(zones[0])), in_subnet(world.id(zones[other]))],
        security_groups: if other == 1 {
            vec![pick(&world.ec2.security_groups, one).into()]
        } else {
            Vec::new()
        },
        enable_prefix_for_ipv6_source_nat: None,
        ipv4_ipam_pool_id: None,
        customer_owned_ipv4_pool: None,
        tags: Tags::new(),
        kind,
    }
}

fn target_group(world: &World, Step { one, other, .. }: Step) -> CreateTargetGroup {
    CreateTargetGroup {
        name: format!("tg-{one}"),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: [Protocol::Http, Protocol::Tcp, Protocol::Http, Protocol::Udp][other].clone(),
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: world.id("VPC").to_owned(),
        health_check: None,
        target_control_port: None,
        tags: Tags::new(),
    }
}

fn targets(Step { one, other, .. }: Step) -> Vec<Target> {
    let id = format!("10.0.68.{one}").as_str().into();
    vec![Target { id, port: Some(8000 + i32::try_from(other).unwrap()), ..Target::default() }]
}

fn ingress(world: &World, Step { one, other, .. }: Step) -> Vec<IngressRule> {
    let source = if one % 2 == 0 {
        RuleSource::Ipv4(format!("10.{other}.0.0/16"))
    } else {
        RuleSource::SecurityGroup(pick(&world.ec2.security_groups, other).into())
    };
    vec![IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(80),
        to_port: Some(80),
        source,
        description: None,
    }]
}

fn request(world: &World, step: Step) -> Request {
    let Step { deed, one, other } = step;
    let elb = &world.elb;
    let lb = elb.load_balancers.get(&pick(&elb.load_balancers, one)).map(|lb| lb.described.clone());
    let listener = elb.listeners.get(&pick(&elb.listeners, one)).map(|listener| listener.described.clone());
    let group = pick(&elb.target_groups, other);
    let priority = i32::try_from(other).unwrap() + 1;
    let forward = || vec![forward_to([group.as_str()])];
    match (deed, lb, listener) {
        (0, ..) => load_balancer(world, step).into(),
        (1, ..) => DeleteLoadBalancer { arn: pick(&elb.load_balancers, one).into() }.into(),
        (2, ..) => target_group(world, step).into(),
        (3, ..) => DeleteTargetGroup { arn: group.as_str().into() }.into(),
        (4 | 5, Some(lb), _) => listener_on(&lb, 80 + priority, forward()).into(),
        (6, Some(lb), _) => listener_on(&lb, 80 + priority, vec![not_found()]).into(),
        (7, _, Some(listener)) => DeleteListener { arn: listener.arn.into() }.into(),
        (8, _, Some(listener)) => rule_on(&listener, priority, forward()).into(),
        (9, ..) => DeleteRule { arn: pick(&elb.rules, one).into() }.into(),
        (10, ..) => SetRulePriorities { priorities: vec![(pick(&elb.rules, one).into(), priority)] }.into(),
        (11, ..) => RegisterTargets { arn: group.as_str().into(), targets: targets(step) }.into(),
        (12, ..) => DeregisterTargets { arn: group.as_str().into(), targets: targets(step) }.into(),
        (13, ..) => AuthorizeIngress {
            group_id: pick(&world.ec2.security_groups, one).into(),
            rules: ingress(world, step),
        }
        .into(),
        (14, ..) => DeleteSecurityGroup { group_id: pick(&world.ec2.security_groups, one).into() }.into(),
        _ => CreateSecurityGroup {
            name: format!("group-{one}"),
            description: "x".to_owned(),
            vpc_id: world.id("VPC").to_owned(),
            tags: Tags::new(),
        }
        .into(),
    }
}

/// What always holds between the things of a world.
fn check_integrity(world: &World) {
    let elb = &world.elb;
    for (arn, listener) in &elb.listeners {
        assert!(
            elb.load_balancers.contains_key(&listener.described.load_balancer_arn),
            "{arn} hangs in the air"
        );
    }
    let forwarded = |lb: &str| -> BTreeSet<String> {
        let defaults =
            elb.listeners_of(lb).map(|(_, listener)| format!("{:?}", listener.described.default_actions));
        let rules = elb.rules_of_load_balancer(lb).map(|(_, rule)| format!("{:?}", rule.described.actions));
        let text: String = defaults.chain(rules).collect();
        elb.target_groups.keys().filter(|group| text.contains(group.as_str())).cloned().collect()
    };
    for lb in elb.load_balancers.keys() {
        let users = elb.target_groups.iter().filter(|(_, group)| group.used_by.contains(lb));
        assert_eq!(users.map(|(arn, _)| arn.clone()).collect::<BTreeSet<_>>(), forwarded(lb));
    }
    let used = elb.target_groups.values().flat_map(|group| &group.used_by);
    assert!(
        used.into_iter().all(|lb| elb.load_balancers.contains_key(lb)),
        "a target group is used by nobody"
    );
    for rule in elb.rules.keys() {
        assert!(elb.listeners.contains_key(&crate::elb::parent(rule, ":listener-rule/", ":listener/")));
    }
    let held = elb.load_balancers.values().flat_map(|lb| &lb.described.security_groups);
    assert!(held.into_iter().all(|id| world.ec2.security_groups.contains_key(id)), "a group in use is gone");
}

proptest! {
    #[test]
    fn a_refused_request_changes_nothing_and_the_world_stays_whole(steps in steps()) {
        let mut world = World::demo();
        for step in steps {
            let request = request(&world, step);
            let before = contents(&world);
            if world.apply(request).is_err() {
                prop_assert_eq!(before, contents(&world));
            }
            check_integrity(&world);
        }
    }
}

#[test]
fn random_lives_are_neither_all_refused_nor_all_granted() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut world = World::demo();
    for _ in 0..20 {
        for step in steps().new_tree(&mut runner).unwrap().current() {
            let request = request(&world, step);
            let _answer = world.apply(request);
        }
    }
    let refused = world.calls().iter().filter(|call| call.error_code().is_some()).count();
    let all = world.calls().len();
    assert!(refused * 10 > all && refused * 10 < all * 9, "{refused} of {all} were refused");
}

#[test]
fn a_rule_names_no_group_of_another_network() {
    let mut world = World::demo();
    let (group, peer) = (world.id("SG_NODES").to_owned(), world.id("SG_1").to_owned());
    world.ec2.security_groups.get_mut(&peer).unwrap().vpc_id = "vpc-other".to_owned();
    let rule = IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(80),
        to_port: Some(80),
        source: RuleSource::SecurityGroup(peer.as_str().into()),
        description: None,
    };
    let request = AuthorizeIngress { group_id: group.as_str().into(), rules: vec![rule] };
    let refused = world.ask(request).unwrap_err();
    assert!(refused.is(&["InvalidGroup.NotFound"]), "{refused}");
    assert!(refused.to_string().contains("different networks"), "{refused}");
}
