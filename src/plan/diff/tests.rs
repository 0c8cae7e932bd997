#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use super::*;
use crate::cloud::elbv2::{
    CapacityReservation, IpAddressType, ListenerAction, MutualAuthentication, Protocol, RedirectAction,
    RuleCondition, Scheme, Target, ValuesOrRegexes,
};
use crate::cloud::protection::ShieldProtection;
use crate::model::AlbTarget;
use crate::plan::actual::Shield;
use crate::plan::{Limits, Quota};
use world::{alb, mirror, nlb};

/// What changes, who changes it, and the steps that follow.
type Case = (&'static str, fn(&mut Stack, &mut Actual), &'static [&'static str]);

fn plan_of(stack: &Stack, actual: &Actual, config: &Config, limits: &Limits) -> Plan {
    let secrets = AppliedSecrets::default();
    diff(stack, actual, Terms { config, limits, secrets: &secrets }).unwrap()
}

/// The first line of every step, without its sign and reason.
fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| format!("{} {}", step.op.verb(), step.resource)).collect()
}

fn check(cases: &[Case], stack: fn() -> Stack, config: &Config) {
    for (name, change, expected) in cases {
        let mut stack = stack();
        let mut actual = mirror(&stack);
        change(&mut stack, &mut actual);
        let plan = plan_of(&stack, &actual, config, &Limits::default());
        assert_eq!(lines(&plan), *expected, "{name}\n{plan}");
    }
}

fn the<T>(resources: &mut crate::model::Resources<T>) -> &mut T {
    resources.values_mut().next().unwrap()
}

#[test]
fn nothing_differs_nothing_is_done() {
    for stack in [alb(), nlb()] {
        let plan = plan_of(&stack, &mirror(&stack), &world::config(), &Limits::default());
        assert!(plan.is_empty(), "{plan}");
        assert!(plan.notices.is_empty(), "{plan}");
    }
}

#[test]
fn a_new_stack_is_made_from_the_bottom_up() {
    let plan = plan_of(&alb(), &Actual::default(), &world::config(), &Limits::default());
    let expected = [
        "CreateSecurityGroup ManagedLBSecurityGroup",
        "AuthorizeSecurityGroupIngress ManagedLBSecurityGroup",
        "CreateTargetGroup default/web:80",
        "CreateLoadBalancer LoadBalancer",
        "ModifyLoadBalancerAttributes LoadBalancer",
        "CreateListener 443",
        "AddListenerCertificates 443",
        "AddListenerCertificates 443",
        "CreateRule 443:1",
        "CreateRule 443:2",
        "CreateRule 443:3",
        "CreateTargetGroupBinding default/web:80",
    ];
    assert_eq!(lines(&plan), expected, "{plan}");
}

#[test]
fn an_unwanted_stack_goes_from_the_top_down() {
    let empty = Stack::empty(alb().id);
    let plan = plan_of(&empty, &mirror(&alb()), &world::config(), &Limits::default());
    let expected = [
        "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
        "DeleteTargetGroupBinding default/web",
        "AwaitTargetGroupBindingGone default/web",
        "DeleteTargetGroup arn:target-group/default/web:80",
        "DeleteSecurityGroup sg-ManagedLBSecurityGroup",
    ];
    assert_eq!(lines(&plan), expected, "{plan}");
    let after = |place: usize| plan.steps[place].after.clone();
    assert_eq!(after(1), [StepId(0)], "targets stay until no load balancer uses them");
    assert_eq!(after(3), [StepId(0), StepId(2)]);
    assert_eq!(after(4), [StepId(0)]);
}

#[test]
fn a_plan_reads_like_a_reviewers_diff() {
    let plan = plan_of(&nlb(), &Actual::default(), &world::config(), &Limits::default());
    assert_eq!(plan.to_string(), include_str!("tests/new-nlb.txt"));
}

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
fn target_groups() {
    let cases: &[Case] = &[
        (
            "port, name and address type cannot be changed",
            |stack, _| {
                let desired = the(&mut stack.target_groups);
                (desired.port, desired.name) = (Some(81), "other".into());
                desired.ip_address_type = IpAddressType::Ipv6;
            },
            &[],
        ),
        (
            "health check",
            |stack, _| {
                the(&mut stack.target_groups).health_check.as_mut().unwrap().path = Some("/up".into());
            },
            &["ModifyTargetGroup default/web:80"],
        ),
        ("health check without a wish", |stack, _| the(&mut stack.target_groups).health_check = None, &[]),
        (
            "attributes",
            |stack, _| {
                the(&mut stack.target_groups).attributes.insert("stickiness.enabled".into(), "true".into());
            },
            &["ModifyTargetGroupAttributes default/web:80"],
        ),
        (
            "a protocol version without a wish",
            |stack, _| the(&mut stack.target_groups).protocol_version = None,
            &[],
        ),
        (
            "another protocol is another target group, bound before it gets traffic",
            |stack, _| {
                the(&mut stack.target_groups).protocol = Protocol::Https;
                the(&mut stack.target_groups).name = "web-2".into();
                the(&mut stack.bindings).name = "web-2".into();
            },
            &[
                "CreateTargetGroup default/web:80",
                "CreateTargetGroupBinding default/web:80",
                "AwaitTargets default/web:80",
                "ModifyRule 443:1",
                "ModifyRule 443:2",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "DeleteTargetGroup arn:target-group/default/web:80",
            ],
        ),
        (
            "a target group that vanished is bound anew under its old name",
            |_, actual| actual.target_groups.clear(),
            &[
                "CreateTargetGroup default/web:80",
                "ModifyRule 443:1",
                "ModifyRule 443:2",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "CreateTargetGroupBinding default/web:80",
            ],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn health_checks_of_nlbs_replace_the_target_group_only_without_the_gate() {
    let change: fn(&mut Stack, &mut Actual) = |stack, _| {
        the(&mut stack.target_groups).health_check.as_mut().unwrap().interval_seconds = Some(30);
    };
    check(&[("with", change, &["ModifyTargetGroup default/web:80"])], nlb, &world::config());
    let mut config = world::config();
    config.features.nlb_health_check_advanced_config = false;
    let mut stack = nlb();
    let mut actual = mirror(&stack);
    change(&mut stack, &mut actual);
    let plan = plan_of(&stack, &actual, &config, &Limits::default());
    assert_eq!(lines(&plan)[0], "CreateTargetGroup default/web:80", "{plan}");
}

#[test]
fn security_groups() {
    let cases: &[Case] = &[
        (
            "rules are granted before others are revoked",
            |_, actual| {
                let rules = &mut actual.security_groups[0].ingress;
                rules[0].source = crate::cloud::ec2::RuleSource::Ipv4("10.9.0.0/16".into());
            },
            &[
                "AuthorizeSecurityGroupIngress ManagedLBSecurityGroup",
                "RevokeSecurityGroupIngress ManagedLBSecurityGroup",
            ],
        ),
        (
            "a description is no difference",
            |_, actual| {
                actual.security_groups[0].ingress[0].description = Some("by hand".into());
            },
            &[],
        ),
        (
            "tags",
            |_, actual| drop(actual.security_groups[0].tags.insert("mine".into(), "x".into())),
            &["DeleteTags ManagedLBSecurityGroup"],
        ),
        (
            "of two twins one goes",
            |_, actual| {
                let mut twin = actual.security_groups[0].clone();
                twin.id = "sg-twin".into();
                actual.security_groups.push(twin);
            },
            &["DeleteSecurityGroup sg-twin"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn a_full_security_group_revokes_first() {
    let (stack, mut actual) = (alb(), mirror(&alb()));
    actual.security_groups[0].ingress[0].source = crate::cloud::ec2::RuleSource::Ipv4("10.9.0.0/16".into());
    let mut limits = Limits::default();
    limits.learn(Quota::IngressRulesOf("sg-ManagedLBSecurityGroup".into()));
    let plan = plan_of(&stack, &actual, &world::config(), &limits);
    assert_eq!(lines(&plan)[0], "RevokeSecurityGroupIngress ManagedLBSecurityGroup", "{plan}");
}

#[test]
fn listeners() {
    let cases: &[Case] = &[
        (
            "another port is another listener, made before the old one goes",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.port = 8443;
            },
            &[
                "CreateListener 443",
                "AddListenerCertificates 443",
                "AddListenerCertificates 443",
                "DeleteListener arn:listener/443",
                "CreateRule 443:1",
                "CreateRule 443:2",
                "CreateRule 443:3",
            ],
        ),
        (
            "default certificate",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.certificates = vec!["arn:cert/9".into()];
            },
            &["ModifyListener 443"],
        ),
        (
            "extra certificates are added before others go",
            |_, actual| {
                actual.load_balancers[0].listeners[0].extra_certificates[1] = "arn:cert/9".into();
            },
            &["AddListenerCertificates 443", "RemoveListenerCertificates 443"],
        ),
        (
            "security policy",
            |stack, _| the(&mut stack.listeners).ssl_policy = Some("new".into()),
            &["ModifyListener 443"],
        ),
        (
            "mutual TLS without a wish",
            |_, actual| {
                let mode = "passthrough".to_owned();
                let mutual = MutualAuthentication { mode, ..MutualAuthentication::default() };
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(mutual);
            },
            &[],
        ),
        (
            "mutual TLS as AWS completes it",
            |stack, actual| {
                let mode = "verify".to_owned();
                let wanted = MutualAuthentication {
                    mode,
                    trust_store_arn: Some("arn:trust".into()),
                    ..MutualAuthentication::default()
                };
                let observed = MutualAuthentication {
                    ignore_client_certificate_expiry: Some(false),
                    advertise_trust_store_ca_names: Some("off".into()),
                    ..wanted.clone()
                };
                the(&mut stack.listeners).mutual_authentication = Some(wanted);
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(observed);
            },
            &[],
        ),
        (
            "a redirect as AWS completes it",
            |stack, actual| {
                let status_code = "HTTP_301".to_owned();
                let redirect =
                    RedirectAction { port: Some("443".into()), status_code, ..RedirectAction::default() };
                let completed = RedirectAction {
                    host: Some("#{host}".into()),
                    path: Some("/#{path}".into()),
                    protocol: Some("#{protocol}".into()),
                    query: Some("#{query}".into()),
                    ..redirect.clone()
                };
                the(&mut stack.listeners).default_actions = vec![ListenerAction::Redirect(redirect)];
                actual.load_balancers[0].listeners[0].entity.default_actions =
                    vec![ListenerAction::Redirect(completed)];
            },
            &[],
        ),
        (
            "a listener made by hand goes",
            |_, actual| {
                let mut other = actual.load_balancers[0].listeners[0].clone();
                (other.entity.port, other.entity.arn) = (9, "arn:by-hand".into());
                actual.load_balancers[0].listeners.push(other);
            },
            &["DeleteListener arn:by-hand"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn enhanced_defaults_switch_off_what_nobody_wants() {
    let mut config = world::config();
    config.features.enhanced_default_behavior = true;
    let cases: &[Case] = &[
        (
            "mutual TLS",
            |_, actual| {
                let mode = "passthrough".to_owned();
                let mutual = MutualAuthentication { mode, ..MutualAuthentication::default() };
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(mutual);
            },
            &["ModifyListener 443"],
        ),
        (
            "ALPN",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.alpn_policy = vec!["HTTP2Preferred".into()];
            },
            &["ModifyListener 443"],
        ),
        (
            "no ALPN already",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.alpn_policy = vec!["None".into()];
            },
            &[],
        ),
    ];
    check(cases, alb, &config);
}

#[test]
fn rules() {
    let cases: &[Case] = &[
        (
            "an edited rule is changed in place",
            |stack, _| {
                world::set_path(stack, 2, "/edited");
            },
            &["ModifyRule 443:2"],
        ),
        (
            "a rule put first moves the others in one call",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                observed.remove(0);
                for (rule, priority) in observed.iter_mut().zip(1..) {
                    rule.entity.priority = Some(priority);
                    let id = format!("443:{priority}");
                    rule.tags.insert("ingress.k8s.aws/resource".into(), id);
                }
            },
            &["SetRulePriorities 443", "CreateRule 443:1", "AddTags 443:2", "AddTags 443:3"],
        ),
        (
            "two rules change places",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                observed[0].entity.priority = Some(2);
                observed[1].entity.priority = Some(1);
            },
            &["SetRulePriorities 443"],
        ),
        (
            "a rule made by hand goes",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                let mut other = observed[0].clone();
                (other.entity.arn, other.entity.priority) = ("arn:by-hand".into(), Some(77));
                other.entity.conditions = vec![world::path("/by-hand")];
                observed.push(other);
            },
            &["DeleteRule arn:by-hand"],
        ),
        (
            "a host before a path is the same as a path before a host",
            |stack, actual| {
                let host = RuleCondition::HostHeader(ValuesOrRegexes {
                    values: vec!["a.example.com".into()],
                    regexes: Vec::new(),
                });
                stack.rules.values_mut().next().unwrap().conditions.insert(0, host.clone());
                actual.load_balancers[0].listeners[0].rules[0].entity.conditions.push(host);
            },
            &[],
        ),
        (
            "the order of a condition's values counts",
            |stack, actual| {
                let values = |list: &[&str]| {
                    let values = list.iter().map(|&value| value.to_owned()).collect();
                    RuleCondition::PathPattern(ValuesOrRegexes { values, regexes: Vec::new() })
                };
                stack.rules.values_mut().next().unwrap().conditions = vec![values(&["/a", "/b"])];
                actual.load_balancers[0].listeners[0].rules[0].entity.conditions =
                    vec![values(&["/b", "/a"])];
            },
            &["ModifyRule 443:1"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn equal_rules_are_not_swapped() {
    let mut stack = alb();
    world::set_path(&mut stack, 1, "/twin");
    world::set_path(&mut stack, 2, "/twin");
    let mut actual = mirror(&stack);
    actual.load_balancers[0].listeners[0].rules.reverse();
    let plan = plan_of(&stack, &actual, &world::config(), &Limits::default());
    assert!(plan.is_empty(), "{plan}");
}

#[test]
fn a_full_load_balancer_frees_one_rule_for_each_it_gets() {
    let mut stack = alb();
    let actual = mirror(&stack);
    let listener = ResourceId::from("443");
    stack.rules = (4..=7)
        .map(|priority| ((listener.clone(), priority), world::rule(&format!("/new-{priority}"))))
        .collect();
    let mut limits = Limits::default();
    limits.learn(Quota::RulesOf("arn:load-balancer/LoadBalancer".into()));
    let plan = plan_of(&stack, &actual, &world::config(), &limits);
    let expected = [
        "DeleteRule arn:rule/443:1",
        "CreateRule 443:4",
        "DeleteRule arn:rule/443:2",
        "CreateRule 443:5",
        "DeleteRule arn:rule/443:3",
        "CreateRule 443:6",
        "CreateRule 443:7",
    ];
    assert_eq!(lines(&plan), expected, "{plan}");
    assert_eq!(plan.shortfalls.len(), 1);
    assert_eq!(plan.shortfalls[0].step, StepId(6));
}

#[test]
fn when_there_is_no_room_for_target_groups_unused_ones_go_first() {
    let mut stack = alb();
    let actual = mirror(&stack);
    let group = stack.target_groups.remove(&"default/web:80".into()).unwrap();
    let binding = stack.bindings.remove(&"default/web:80".into()).unwrap();
    stack
        .target_groups
        .insert("default/api:80".into(), crate::model::TargetGroup { name: "api".into(), ..group });
    let target_group_arn = ResourceId::from("default/api:80").pending(SymbolKind::TargetGroupArn);
    stack.bindings.insert(
        "default/api:80".into(),
        crate::model::Binding { name: "api".into(), target_group_arn, ..binding },
    );
    stack.rules.clear();
    let mut limits = Limits::default();
    limits.learn(Quota::TargetGroups);
    let plan = plan_of(&stack, &actual, &world::config(), &limits);
    let lines = lines(&plan);
    let place = |line: &str| lines.iter().position(|other| other == line).unwrap_or_else(|| panic!("{plan}"));
    assert!(
        place("DeleteTargetGroup arn:target-group/default/web:80")
            < place("CreateTargetGroup default/api:80")
    );
    assert!(place("DeleteRule arn:rule/443:1") < place("DeleteTargetGroup arn:target-group/default/web:80"));
}

#[test]
fn bindings() {
    let cases: &[Case] = &[
        (
            "checkpoint annotations are the binding controller's own",
            |_, actual| {
                let checkpoint = ("elbv2.k8s.aws/checkpoint".to_owned(), "x".to_owned());
                actual.bindings[0].metadata.annotations = Some([checkpoint].into());
            },
            &[],
        ),
        (
            "foreign labels go",
            |_, actual| {
                actual.bindings[0].metadata.labels.as_mut().unwrap().insert("mine".into(), "x".into());
            },
            &["PatchTargetGroupBinding default/web:80", "AwaitTargets default/web:80"],
        ),
        (
            "another port",
            |stack, _| {
                the(&mut stack.bindings).service_port = crate::api::IntOrString::String("http".into());
            },
            &["PatchTargetGroupBinding default/web:80", "AwaitTargets default/web:80"],
        ),
        (
            "one being deleted is made anew once it is gone",
            |_, actual| {
                actual.bindings[0].metadata.deletion_timestamp = Some(world::some_time());
            },
            &["AwaitTargetGroupBindingGone default/web", "CreateTargetGroupBinding default/web:80"],
        ),
        (
            "one that is missing comes",
            |_, actual| actual.bindings.clear(),
            &["CreateTargetGroupBinding default/web:80"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn protection() {
    let cases: &[Case] = &[
        (
            "a web ACL comes",
            |stack, _| stack.protection.wafv2_web_acl_arn = Some("arn:acl".into()),
            &["AssociateWebACL LoadBalancer"],
        ),
        (
            "a web ACL is there",
            |stack, actual| {
                stack.protection.wafv2_web_acl_arn = Some("arn:acl".into());
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &[],
        ),
        (
            "a web ACL goes",
            |stack, actual| {
                stack.protection.wafv2_web_acl_arn = Some(String::new());
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &["DisassociateWebACL LoadBalancer"],
        ),
        (
            "a web ACL nobody has a wish about stays",
            |_, actual| {
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &[],
        ),
        (
            "Shield comes",
            |stack, actual| {
                stack.protection.shield = Some(true);
                actual.protection.shield = Some(Shield::Unprotected);
            },
            &["CreateProtection LoadBalancer"],
        ),
        (
            "Shield without a subscription",
            |stack, actual| {
                stack.protection.shield = Some(true);
                actual.protection.shield = Some(Shield::NotSubscribed);
            },
            &[],
        ),
        (
            "our Shield protection goes",
            |stack, actual| {
                stack.protection.shield = Some(false);
                actual.protection.shield = Some(shield("managed by aws-alb-ingress-controller"));
            },
            &["DeleteProtection LoadBalancer"],
        ),
        (
            "a foreign Shield protection stays",
            |stack, actual| {
                stack.protection.shield = Some(false);
                actual.protection.shield = Some(shield("by hand"));
            },
            &[],
        ),
    ];
    check(cases, alb, &world::config());
}

fn shield(name: &str) -> Shield {
    Shield::Protected(ShieldProtection { id: "1".into(), name: name.into() })
}

#[test]
fn albs_behind_an_nlb() {
    let cases: &[Case] = &[
        ("registered at last", |stack, _| with_alb_target(stack), &["RegisterTargets default/web:80"]),
        (
            "registered already",
            |stack, actual| {
                with_alb_target(stack);
                actual.target_groups[0].targets = vec![alb_target(80)];
            },
            &[],
        ),
        (
            "registered with another port",
            |stack, actual| {
                with_alb_target(stack);
                actual.target_groups[0].targets = vec![alb_target(81)];
            },
            &["DeregisterTargets arn:target-group/default/web:80", "RegisterTargets default/web:80"],
        ),
        (
            "let go before the load balancer goes",
            |stack, actual| {
                actual.target_groups[0].targets = vec![alb_target(80)];
                *stack = Stack::empty(stack.id.clone());
            },
            &[
                "DeregisterTargets arn:target-group/default/web:80",
                "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "DeleteTargetGroup arn:target-group/default/web:80",
                "DeleteSecurityGroup sg-ManagedLBSecurityGroup",
            ],
        ),
    ];
    check(cases, nlb, &world::config());
}

fn with_alb_target(stack: &mut Stack) {
    stack
        .alb_targets
        .insert("default/web:80".into(), AlbTarget { load_balancer: "LoadBalancer".into(), port: 80 });
}

fn alb_target(port: i32) -> Target {
    Target { id: "arn:load-balancer/LoadBalancer".into(), port: Some(port), ..Target::default() }
}

#[test]
fn a_resource_without_its_tag_stops_everything() {
    let (stack, mut actual) = (alb(), mirror(&alb()));
    actual.target_groups[0].tags.remove("ingress.k8s.aws/resource");
    let (config, limits, secrets) = (world::config(), Limits::default(), AppliedSecrets::default());
    let error =
        diff(&stack, &actual, Terms { config: &config, limits: &limits, secrets: &secrets }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "arn:target-group/default/web:80 carries the tags of stack default/web but lacks the tag \
         ingress.k8s.aws/resource: add the tag, or remove the others"
    );
}

#[test]
fn a_load_balancer_that_is_not_active_yet_gets_its_capacity_later() {
    let mut stack = alb();
    let mut actual = mirror(&stack);
    the(&mut stack.load_balancers).minimum_capacity_units = Some(3000);
    actual.load_balancers[0].entity.state = "provisioning".into();
    let plan = plan_of(&stack, &actual, &world::config(), &Limits::default());
    assert!(plan.steps.is_empty(), "{plan}");
    assert_eq!(plan.revisits[0].after.as_secs(), 120);
}
