//! AWS's rules on what would be built: every annotation is right on its own, but AWS refuses the whole, or it never works.

mod application;
mod network;

pub use application::of_ingress;
pub use network::of_service;

use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, ListenerAction, TargetGroupTuple};
use crate::finding::{Finding, ObjectRef};
use crate::model::{Listener, ResourceId, Stack, TargetGroup};
use std::collections::BTreeMap;

/// Security groups of a load balancer, unless AWS raises the quota.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const USUAL_GROUPS: usize = 5;
/// Rules of a listener, unless AWS raises the quota.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const USUAL_RULES: usize = 100;
/// Target groups of an Application Load Balancer, unless AWS raises the quota.
/// Source: as above.
const USUAL_TARGET_GROUPS: usize = 100;
/// Listeners of a load balancer, unless AWS raises the quota.
/// Source: as above, and <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html>
const USUAL_LISTENERS: usize = 50;
/// Certificates of a load balancer beside the default ones, unless AWS raises the quota.
/// Source: as above.
const USUAL_CERTIFICATES: usize = 25;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>
const MAX_TAGS: usize = 50;
/// Tags that the controller adds.
const OWN_TAGS: usize = 3;

/// More rules on one listener than AWS takes unless asked.
pub(super) fn many_rules(count: usize) -> Option<String> {
    excess(count, USUAL_RULES, "rules on one listener")
}

/// More listeners than AWS takes unless asked.
pub(super) fn many_listeners(count: usize) -> Option<String> {
    excess(count, USUAL_LISTENERS, "listeners on one load balancer")
}

/// More certificates than AWS takes unless asked.
pub(super) fn many_certificates(count: usize) -> Option<String> {
    excess(count, USUAL_CERTIFICATES, "certificates on one load balancer beside the default ones")
}

fn many_target_groups(count: usize) -> Option<String> {
    excess(count, USUAL_TARGET_GROUPS, "target groups on one load balancer")
}

fn excess(count: usize, usual: usize, what: &str) -> Option<String> {
    (count > usual).then(|| format!("makes {count} {what}, and AWS's usual limit is {usual}"))
}

/// The most rules that a listener of a stack has.
fn most_rules(stack: &Stack) -> usize {
    let mut by_listener: BTreeMap<&str, usize> = BTreeMap::new();
    for (listener, _) in stack.rules.keys() {
        *by_listener.entry(listener.as_str()).or_default() += 1;
    }
    by_listener.into_values().max().unwrap_or_default()
}

/// What AWS would say to what is built of a Gateway with all its routes, unless it was asked for more.
pub fn of_gateway(object: &ObjectRef, stack: &Stack) -> Vec<Finding> {
    let certificates = stack.listeners.values().map(|listener| listener.certificates.len().saturating_sub(1));
    let problems = [
        many_rules(most_rules(stack)),
        many_listeners(stack.listeners.len()),
        many_certificates(certificates.sum()),
        many_target_groups(stack.target_groups.len()),
    ];
    problems.into_iter().flatten().map(|problem| Finding::warning(object, problem)).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_usual_is_told() {
        assert_eq!(many_rules(100), None);
        assert_eq!(
            many_rules(101).unwrap_or_default(),
            "makes 101 rules on one listener, and AWS's usual limit is 100"
        );
        assert_eq!(many_listeners(50), None);
        assert!(many_listeners(51).is_some());
        assert_eq!(many_certificates(25), None);
        assert!(many_certificates(26).is_some());
        assert_eq!(many_target_groups(100), None);
        assert!(many_target_groups(101).is_some());
    }
}
