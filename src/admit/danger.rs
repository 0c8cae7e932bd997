//! Updates that do more than they seem to: found by building the object before and after.

use super::trial;
use crate::annotations::{Annotations, ingress::of as ingress_annotations, service as keys};
use crate::api::{Ingress, IngressClassParams, Service};
use crate::build;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use crate::model::{LoadBalancer, Stack, TargetGroup};
use std::sync::Arc;

/// What an update of a Service does that the user may not expect.
pub fn of_service(object: &ObjectRef, old: &Service, new: &Service, config: &Config) -> Vec<Finding> {
    let stack = |service: &Service| trial::stack_of_service(service, config);
    let (Some(before), Some(after)) = (stack(old), stack(new)) else { return Vec::new() };
    let mut findings = compare(object, &before, &after);
    let (was, is) = (annotations_of(old), annotations_of(new));
    for (suffix, problem) in [
        (keys::NAME, "the name counts when the load balancer is created; it keeps the one it has"),
        (keys::EIP_ALLOCATIONS, "addresses count when the load balancer is created or its subnets change"),
        (
            keys::PRIVATE_IPV4_ADDRESSES,
            "addresses count when the load balancer is created or its subnets change",
        ),
        (
            keys::DISABLE_SECURITY_GROUPS,
            "a load balancer cannot get or lose security groups after it is created",
        ),
    ] {
        if !is_replaced(&before, &after) && was.string(suffix) != is.string(suffix) {
            findings.push(Finding::warning(object, problem).at(is.key(suffix)));
        }
    }
    findings
}

/// What an update of an Ingress does that the user may not expect. Of a group only this member is seen.
pub fn of_ingress(
    object: &ObjectRef,
    old: &Ingress,
    new: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    config: &Config,
) -> Vec<Finding> {
    let stack = |ingress: &Ingress| trial::stack_of_ingress(ingress, params, config);
    let (Some(before), Some(after)) = (stack(old), stack(new)) else { return Vec::new() };
    let (was, is) = (
        ingress_annotations(old.metadata.annotations.as_ref()),
        ingress_annotations(new.metadata.annotations.as_ref()),
    );
    if before.id != after.id {
        let problem = format!(
            "moves the Ingress from group {} to {}: another load balancer, another hostname",
            before.id, after.id
        );
        return vec![Finding::warning(object, problem).at(is.key("group.name"))];
    }
    let mut findings = compare(object, &before, &after);
    for (suffix, problem) in [
        ("load-balancer-name", "the name counts when the load balancer is created; it keeps the one it has"),
        (
            "customer-owned-ipv4-pool",
            "the pool counts when the load balancer is created; it keeps the one it has",
        ),
    ] {
        if !is_replaced(&before, &after) && was.string(suffix) != is.string(suffix) {
            findings.push(Finding::warning(object, problem).at(is.key(suffix)));
        }
    }
    findings
}

/// What becomes of a Service's load balancer when the Service is not ours any more.
pub fn leaving(object: &ObjectRef, old: &Service, new: &Service, config: &Config) -> Option<Finding> {
    let leaves = build::service::is_selected(old, config) && build::service::is_pending_finalization(new);
    leaves.then(|| Finding::warning(object, "the Service is not ours any more: its load balancer is deleted"))
}

fn annotations_of(service: &Service) -> Annotations<'_> {
    Annotations::new(crate::annotations::NLB_PREFIX, service.metadata.annotations.as_ref())
}

fn is_replaced(before: &Stack, after: &Stack) -> bool {
    pairs(before, after).any(|(was, is)| was.scheme != is.scheme)
}

fn pairs<'s>(
    before: &'s Stack,
    after: &'s Stack,
) -> impl Iterator<Item = (&'s LoadBalancer, &'s LoadBalancer)> {
    before.load_balancers.iter().filter_map(|(id, was)| Some((was, after.load_balancers.get(id)?)))
}

fn compare(object: &ObjectRef, before: &Stack, after: &Stack) -> Vec<Finding> {
    let warn = |problem: String| Finding::warning(object, problem);
    let mut findings = Vec::new();
    for (was, is) in pairs(before, after).filter(|(was, is)| was.scheme != is.scheme) {
        findings.push(warn(format!(
            "changes the scheme from {} to {}: the load balancer is replaced and its hostname changes",
            was.scheme, is.scheme
        )));
    }
    if after.listeners.is_empty() && !before.listeners.is_empty() {
        findings.push(warn("removes all listeners".to_owned()));
    }
    for (id, was) in &before.target_groups {
        if let Some(reason) = after.target_groups.get(id).and_then(|is| why_recreated(was, is)) {
            findings.push(warn(format!("recreates target group {}: {reason}", id.as_str())));
        }
    }
    findings
}

/// What of a target group cannot be changed (`plan::diff`).
fn why_recreated(was: &TargetGroup, is: &TargetGroup) -> Option<String> {
    let differs = |what: &str, was: &dyn std::fmt::Display, is: &dyn std::fmt::Display| {
        Some(format!("{what} changes from {was} to {is}"))
    };
    if was.target_type != is.target_type {
        return differs("target type", &was.target_type, &is.target_type);
    }
    if was.protocol != is.protocol {
        return differs("protocol", &was.protocol, &is.protocol);
    }
    match (&was.protocol_version, &is.protocol_version) {
        (Some(was), Some(is)) if was != is => differs("protocol version", was, is),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
