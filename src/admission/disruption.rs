//! Updates that do more than they seem to: found by building the object before and after.

use super::dry_build;
use crate::annotations::{Annotations, ingress::of as ingress_annotations, service as keys};
use crate::api::{Ingress, IngressClassParams, Service};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use crate::model::{LoadBalancer, Stack, TargetGroup};
use crate::settings;
use std::sync::Arc;

/// The attribute that keeps a load balancer from being deleted.
const PROTECTION: &str = "deletion_protection.enabled";

/// What an update of a Service does that the user may not expect.
pub fn of_service_update(object: &ObjectRef, old: &Service, new: &Service, config: &Config) -> Vec<Finding> {
    let stack = |service: &Service| dry_build::service_stack(service, config);
    let (Some(before), Some(after)) = (stack(old), stack(new)) else { return Vec::new() };
    let (was, is) = (annotations_of(old), annotations_of(new));
    let mut findings = compare(object, &before, &after, &is.key(keys::ATTRIBUTES));
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
pub fn of_ingress_update(
    object: &ObjectRef,
    old: &Ingress,
    new: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    config: &Config,
) -> Vec<Finding> {
    let stack = |ingress: &Ingress| dry_build::ingress_stack(ingress, params, config);
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
    let mut findings = compare(object, &before, &after, &is.key("load-balancer-attributes"));
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

/// What becomes of a Service's load balancer when the Service is no longer managed by this controller.
pub fn stops_being_managed(
    object: &ObjectRef,
    old: &Service,
    new: &Service,
    config: &Config,
) -> Option<Finding> {
    let leaves =
        settings::service::is_selected(old, config) && settings::service::is_pending_finalization(new);
    let attributes = annotations_of(old).map(keys::ATTRIBUTES).ok().flatten().unwrap_or_default();
    let is_protected = attributes.get(PROTECTION).is_some_and(|on| on == "true");
    let problem = if is_protected {
        format!(
            "the Service is no longer managed by this controller, but its load balancer stays: {PROTECTION} is true"
        )
    } else {
        "the Service is no longer managed by this controller: its load balancer is deleted".to_owned()
    };
    leaves.then(|| Finding::warning(object, problem))
}

/// A Service that becomes one of type LoadBalancer. why: only new ones are given our class, and later it cannot be set.
pub fn becomes_load_balancer(
    object: &ObjectRef,
    old: &Service,
    new: &Service,
    config: &Config,
) -> Option<Finding> {
    let kind =
        |service: &Service| service.spec.as_ref().and_then(|spec| spec.type_.clone()).unwrap_or_default();
    let has_class = new.spec.as_ref().is_some_and(|spec| spec.load_balancer_class.is_some());
    let arrives = kind(old) != "LoadBalancer" && kind(new) == "LoadBalancer" && !has_class;
    let class = &config.load_balancer_class;
    let problem = "is missing: only new Services get it by themselves, so this one is left alone";
    arrives.then(|| {
        Finding::warning(object, problem).at("spec.loadBalancerClass").hint(format!("set it to {class}"))
    })
}

/// What the controller writes itself.
pub fn controllers_own(object: &ObjectRef, old: Option<&Ingress>, new: &Ingress) -> Option<Finding> {
    const SUFFIX: &str = "dry-run-plan";
    let is = ingress_annotations(new.metadata.annotations.as_ref());
    let was = old.map(|old| ingress_annotations(old.metadata.annotations.as_ref()));
    let given = is.string(SUFFIX)?;
    let is_kept = was.is_some_and(|was| was.string(SUFFIX) == Some(given));
    let problem = "is written by the controller; a value given here has no effect";
    (!is_kept).then(|| Finding::warning(object, problem).at(is.key(SUFFIX)))
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

/// `attributes`: key of the annotation with the load balancer's attributes.
fn compare(object: &ObjectRef, before: &Stack, after: &Stack, attributes: &str) -> Vec<Finding> {
    let warn = |problem: String| Finding::warning(object, problem);
    let mut findings = Vec::new();
    for (was, is) in pairs(before, after).filter(|(was, is)| was.scheme != is.scheme) {
        findings.push(warn(format!(
            "changes the scheme from {} to {}: the load balancer is replaced and its hostname changes",
            was.scheme, is.scheme
        )));
        if was.attributes.get(PROTECTION).is_some_and(|on| on == "true") {
            let problem =
                format!("{PROTECTION} is true, so the load balancer from before cannot be replaced");
            findings.push(warn(problem).at(attributes).hint("take the protection away first"));
        }
    }
    if after.listeners.is_empty() && !before.listeners.is_empty() {
        findings.push(warn("removes all listeners".to_owned()));
    }
    for (id, was) in &before.target_groups {
        let Some(is) = after.target_groups.get(id) else { continue };
        let (name, family) = (id.as_str(), &was.ip_address_type);
        if let Some(reason) = why_recreated(was, is) {
            findings.push(warn(format!("recreates target group {name}: {reason}")));
        } else if *family != is.ip_address_type {
            let problem = format!(
                "target group {name} keeps its {family} targets: the family counts when it is created"
            );
            findings.push(warn(problem));
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
