//! Annotations and spec of a Service, as settings of an NLB.
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
mod load_balancer_context;
mod security_groups;
mod target_groups;

use super::load_balancer::deletion_protection;
use super::tls_secrets::TlsSecrets;
use super::{NlbSettings, SecurityGroupSettings};
use crate::annotations::table::oversized;
use crate::annotations::{Annotations, NLB_PREFIX, service as keys};
use crate::api::meta::{SERVICE_FINALIZER, has_finalizer, is_being_deleted};
use crate::api::{ObjectKey, Service};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::finding::{Finding, Findings, Part};
use crate::model::{Owner, StackId};
use context::ServiceContext;
use target_groups::TargetGroupReader;

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
    stack_id_of(&ObjectKey::of(service))
}

/// The id of the stack of the Service of a name.
pub fn stack_id_of(key: &ObjectKey) -> StackId {
    StackId { owner: Owner::Service, namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// What a Service of ours asks for, what it likely does not mean so, and the Secrets that it names.
pub fn read<'a>(
    service: &'a Service,
    facts: &'a Facts,
    config: &'a Config,
) -> Result<(NlbSettings<'a>, Findings, TlsSecrets), BuildError> {
    let context = ServiceContext::new(service, facts, config);
    if let Some((key, problem)) = oversized(NLB_PREFIX, service.metadata.annotations.as_ref()) {
        return Err(Finding::error(&context.object, problem).at(key).within(Part::LoadBalancer).into());
    }
    let (load_balancer, subnets) =
        load_balancer::read(&context).map_err(|error| error.within(Part::LoadBalancer))?;
    let mut target_groups = TargetGroupReader::new(&context, &load_balancer.tags);
    let (listeners, findings, tls) =
        listeners::read(&context, &mut target_groups).map_err(|error| error.within(Part::Listeners))?;
    let has_groups = !matches!(load_balancer.security_groups, SecurityGroupSettings::None);
    let manages_target_rules = if has_groups {
        true
    } else {
        let given = context.boolean(keys::MANAGE_BACKEND_RULES);
        given.map_err(|error| error.within(Part::Listeners))?.unwrap_or(true)
    };
    let target_groups = target_groups.into_settings();
    let settings = NlbSettings { load_balancer, subnets, manages_target_rules, target_groups, listeners };
    Ok((settings, findings, tls))
}

/// Refuses to delete the load balancer of a Service whose annotations protect it.
pub fn check_deletion_protection(service: &Service) -> Result<(), BuildError> {
    let (facts, config) = (Facts::default(), Config::default());
    let context = ServiceContext::new(service, &facts, &config);
    let attributes = context.map(keys::ATTRIBUTES)?.unwrap_or_default();
    match deletion_protection(&attributes, &context.origin(keys::ATTRIBUTES)) {
        Some(finding) => Err(finding.into()),
        None => Ok(()),
    }
}
