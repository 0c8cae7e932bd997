//! Services to network load balancers.
//!
//! Upstream: `pkg/service`. The order of the steps is upstream's, because it decides which of several mistakes a user is
//! told about. On purpose different: an action of type `forward` without `forwardConfig` is a mistake, not a crash; QUIC
//! with instance targets is refused before anything is created.

mod actions;
mod addresses;
mod context;
mod health_checks;
mod listeners;
mod load_balancer;
mod networking;
mod security_groups;
mod target_groups;

use super::Built;
use crate::annotations::table::oversized;
use crate::annotations::{Annotations, NLB_PREFIX, parse, service as keys};
use crate::api::Service;
use crate::api::meta::{SERVICE_FINALIZER, has_finalizer, is_being_deleted};
use crate::config::Config;
use crate::finding::{Finding, Findings, Part};
use crate::inputs::{Facts, Halt};
use crate::model::{Owner, Stack, StackId};
use context::Context;

/// Attribute whose value `true` in the annotation keeps a Service's load balancer from being deleted.
const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// Whether a Service is ours to serve: by its class if it has one, else by its annotations.
pub fn is_selected(service: &Service, config: &Config) -> bool {
    let spec = service.spec.as_ref();
    let kind = spec.and_then(|spec| spec.type_.as_deref());
    if is_being_deleted(service) {
        return false;
    }
    if config.features.service_type_load_balancer_only && kind != Some("LoadBalancer") {
        return false;
    }
    match spec.and_then(|spec| spec.load_balancer_class.as_ref()) {
        Some(class) => *class == config.load_balancer_class,
        None => is_selected_by_annotation(service),
    }
}

fn is_selected_by_annotation(service: &Service) -> bool {
    let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
    match annotations.string(keys::TYPE) {
        Some("nlb-ip") => true,
        Some("external") => matches!(annotations.string(keys::TARGET_TYPE), Some("ip" | "instance")),
        _ => false,
    }
}

/// Whether AWS resources of the Service may exist: it carries our finalizer.
pub fn is_pending_finalization(service: &Service) -> bool {
    has_finalizer(service, SERVICE_FINALIZER)
}

/// Identity of a Service's stack.
pub fn stack_id(service: &Service) -> StackId {
    StackId {
        owner: Owner::Service,
        namespace: service.metadata.namespace.clone().unwrap_or_default(),
        name: service.metadata.name.clone().unwrap_or_default(),
    }
}

/// What the Service wants to exist. A Service that is not ours (any more) wants nothing, unless its annotations protect
/// its load balancer from deletion, which is a finding.
pub fn build(service: &Service, facts: &Facts, config: &Config) -> Result<Built, Halt> {
    let context = Context::new(service, facts, config);
    if is_selected(service, config) {
        return build_load_balancer(&context);
    }
    if is_pending_finalization(service) {
        check_deletion_protection(&context)?;
    }
    Ok(Built {
        stack: Stack::empty(context.stack),
        findings: Findings::default(),
        uses_backend_security_group: false,
    })
}

fn build_load_balancer(context: &Context<'_>) -> Result<Built, Halt> {
    let mut stack = Stack::empty(context.stack.clone());
    if let Some((key, problem)) = oversized(NLB_PREFIX, context.service.metadata.annotations.as_ref()) {
        return Err(Finding::error(&context.object, problem).at(key).within(Part::LoadBalancer).into());
    }
    let of_load_balancer = |halt: Halt| halt.within(Part::LoadBalancer);
    let frontend = load_balancer::decide(context).map_err(of_load_balancer)?;
    let (load_balancer, groups) = load_balancer::build(context, &frontend).map_err(of_load_balancer)?;
    stack.load_balancers.insert(load_balancer::ID.into(), load_balancer);
    stack
        .security_groups
        .extend(groups.managed.map(|group| (super::security_groups::MANAGED_ID.into(), group)));
    let mut findings = Findings::default();
    let backend = target_groups::Backend {
        frontend: &frontend,
        has_security_groups: groups.has_any,
        rule_peer: groups.rule_peer.as_ref(),
    };
    listeners::build(context, &backend, &mut stack, &mut findings)
        .map_err(|halt| halt.within(Part::Listeners))?;
    Ok(Built { stack, findings, uses_backend_security_group: groups.uses_backend })
}

fn check_deletion_protection(context: &Context<'_>) -> Result<(), Halt> {
    let attributes = context.map(keys::ATTRIBUTES)?.unwrap_or_default();
    let Some(value) = attributes.get(DELETION_PROTECTION) else { return Ok(()) };
    match parse::boolean(value) {
        Some(false) => Ok(()),
        Some(true) => Err(context
            .error(keys::ATTRIBUTES, "deletion protection is on, so the load balancer is not deleted")
            .hint(format!("set {DELETION_PROTECTION}=false to let it go"))
            .into()),
        None => Err(context
            .error(keys::ATTRIBUTES, format!("{DELETION_PROTECTION} is {value:?}, expected true or false"))
            .into()),
    }
}

#[cfg(test)]
mod tests;
