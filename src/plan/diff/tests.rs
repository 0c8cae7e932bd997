#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod attachments;
mod listeners;
mod load_balancers;
mod security_groups;
mod target_groups;
mod world;

use super::*;
use crate::plan::ExhaustedQuotas;
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
