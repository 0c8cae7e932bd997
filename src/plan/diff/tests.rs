#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod attachments;
mod listeners;
mod load_balancers;
mod security_groups;
mod target_groups;
mod world;

use super::*;
use crate::plan::ExhaustedQuotas;
use crate::plan::Op;
use world::{alb, mirror, nlb};

/// What changes, who changes it, and the steps that follow.
type Case = (&'static str, fn(&mut Stack, &mut Actual), &'static [&'static str]);

fn plan_of(stack: &Stack, actual: &Actual, config: &Config, exhausted_quotas: &ExhaustedQuotas) -> Plan {
    let secrets = AppliedSecrets::default();
    diff(stack, actual, PlanContext { config, exhausted_quotas, secrets: &secrets }).unwrap()
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
        let plan = plan_of(&stack, &actual, config, &ExhaustedQuotas::default());
        assert_eq!(lines(&plan), *expected, "{name}\n{plan}");
    }
}

fn the<T>(resources: &mut crate::model::Resources<T>) -> &mut T {
    resources.values_mut().next().unwrap()
}

#[test]
fn nothing_differs_nothing_is_done() {
    for stack in [alb(), nlb()] {
        let plan = plan_of(&stack, &mirror(&stack), &world::config(), &ExhaustedQuotas::default());
        assert!(plan.is_empty(), "{plan}");
        assert!(plan.notices.is_empty(), "{plan}");
    }
}

#[test]
fn a_new_stack_is_made_from_the_bottom_up() {
    let plan = plan_of(&alb(), &Actual::default(), &world::config(), &ExhaustedQuotas::default());
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
    let plan = plan_of(&empty, &mirror(&alb()), &world::config(), &ExhaustedQuotas::default());
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
    let plan = plan_of(&nlb(), &Actual::default(), &world::config(), &ExhaustedQuotas::default());
    assert_eq!(plan.to_string(), include_str!("tests/new-nlb.txt"));
}

#[test]
fn a_resource_without_its_tag_stops_everything() {
    let (stack, mut actual) = (alb(), mirror(&alb()));
    actual.target_groups[0].tags.remove("ingress.k8s.aws/resource");
    let (config, exhausted_quotas, secrets) =
        (world::config(), ExhaustedQuotas::default(), AppliedSecrets::default());
    let error = diff(
        &stack,
        &actual,
        PlanContext { config: &config, exhausted_quotas: &exhausted_quotas, secrets: &secrets },
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "arn:target-group/default/web:80 carries the tags of stack default/web but lacks the tag \
         ingress.k8s.aws/resource: add the tag, or remove the others"
    );
}

/// The target groups whose targets may stay in them when their bindings go.
fn left_with_targets(plan: &Plan) -> Vec<&str> {
    let leaving = plan.steps.iter().filter_map(|step| match &step.op {
        Op::DeleteBinding(leaving) => leaving.target_group.as_deref(),
        _ => None,
    });
    leaving.collect()
}

/// What happens, how it changes what is wanted and what there is, and the target groups whose targets may stay.
type LeavingCase<'c> = (&'c str, fn(&mut Stack, &mut Actual), &'c [&'c str]);

#[test]
fn targets_stay_only_in_what_goes_with_its_load_balancer() {
    let empty = |stack: &mut Stack, _: &mut Actual| *stack = Stack::empty(stack.id.clone());
    let cases: [LeavingCase<'_>; 5] = [
        ("all of it goes", empty, &["arn:target-group/default/web:80"]),
        (
            "its load balancer went before",
            |stack, actual| {
                *stack = Stack::empty(stack.id.clone());
                actual.load_balancers.clear();
                the_group(actual).load_balancer_arns.clear();
            },
            &["arn:target-group/default/web:80"],
        ),
        (
            "somebody else's load balancer uses it",
            |stack, actual| {
                *stack = Stack::empty(stack.id.clone());
                the_group(actual).load_balancer_arns.push("arn:load-balancer/other".to_owned());
            },
            &[],
        ),
        (
            "other clusters have targets in it",
            |stack, actual| {
                *stack = Stack::empty(stack.id.clone());
                actual.bindings[0].spec.multi_cluster_target_group = Some(true);
            },
            &[],
        ),
        (
            "its load balancer stays",
            |stack, _| {
                the(&mut stack.target_groups).protocol = crate::aws_api::elbv2::Protocol::Https;
                the(&mut stack.bindings).name = "web-2".into();
            },
            &[],
        ),
    ];
    for (name, change, expected) in cases {
        let mut stack = alb();
        let mut actual = mirror(&stack);
        the_group(&mut actual).load_balancer_arns = vec!["arn:load-balancer/LoadBalancer".to_owned()];
        change(&mut stack, &mut actual);
        let plan = plan_of(&stack, &actual, &world::config(), &ExhaustedQuotas::default());
        assert_eq!(left_with_targets(&plan), expected, "{name}\n{plan}");
    }
}

fn the_group(actual: &mut Actual) -> &mut crate::aws_api::elbv2::TargetGroup {
    &mut actual.target_groups[0].entity
}
