//! AWS's rules on what would be built: every annotation is right on its own, but AWS refuses the whole, or it never works.

mod application;
mod network;

pub use application::of_ingress;
pub use network::of_service;

use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, ListenerAction, TargetGroupTuple};
use crate::finding::{Finding, ObjectRef};
use crate::model::{Listener, ResourceId, Stack, TargetGroup};

/// Security groups of a load balancer, unless AWS raises the quota.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const USUAL_GROUPS: usize = 5;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>
const MAX_TAGS: usize = 50;
/// Tags that the controller adds.
const OWN_TAGS: usize = 3;

/// What counts for load balancers of both kinds. `tags` and `groups`: keys of the annotations.
fn shared(object: &ObjectRef, stack: &Stack, tags: String, groups: String) -> Vec<Finding> {
    let of_balancers = stack.load_balancers.values().map(|balancer| balancer.tags.len());
    let of_targets = stack.target_groups.values().map(|group| group.tags.len());
    let most_tags = of_balancers.chain(of_targets).max().unwrap_or_default() + OWN_TAGS;
    let most_groups = stack.load_balancers.values().map(|balancer| balancer.security_groups.len()).max();
    let mut findings = Vec::new();
    if most_tags > MAX_TAGS {
        let problem = format!(
            "makes {most_tags} tags with the default ones and the controller's {OWN_TAGS}, expected at most {MAX_TAGS}"
        );
        findings.push(Finding::error(object, problem).at(tags));
    }
    if let Some(count) = most_groups.filter(|count| *count > USUAL_GROUPS) {
        let problem = format!(
            "the load balancer gets {count} security groups, and AWS's usual limit is {USUAL_GROUPS}"
        );
        findings.push(Finding::warning(object, problem).at(groups));
    }
    findings
}

/// Where a listener forwards to by default.
fn forward(listener: &Listener) -> Option<&ForwardAction> {
    listener.default_actions.iter().find_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    })
}

/// The target group that a forward action means, if the stack makes it.
fn target_group<'s>(stack: &'s Stack, tuple: &TargetGroupTuple) -> Option<&'s TargetGroup> {
    match &tuple.target_group {
        Ref::Pending(symbol) => stack.target_groups.get(&ResourceId::from(symbol.id.as_str())),
        Ref::Known(_) => None,
    }
}
