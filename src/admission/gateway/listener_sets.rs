//! ListenerSets: by themselves, and beside the Gateway that they name and its other ListenerSets.

use super::field_findings::FieldFindings;
use super::gateways::{Problems, judge_for, listeners};
use super::owner::gateway_of;
use super::{
    GatewayOwner, GatewaySource, OwnedFindings, foreign_references, object_ref, options, unread_fields,
};
use crate::annotations::value::ValueFinding;
use crate::api::gateway::{FromNamespaces, GATEWAY_KIND, GROUP, Gateway, LISTENER_SET_KIND, ListenerSet};
use crate::api::{ObjectKey, Time};
use crate::config::Config;
use crate::gateway::GatewayOptions;
use crate::gateway::listener_sets::sort;
use crate::gateway::listeners::ParentId;
use crate::gateway::status::REJECTED;
use serde_json::Value;
use std::sync::Arc;

/// What is wrong with a ListenerSet. `object`: the same, as it is written.
pub fn check_listener_set(
    config: &Config,
    set: &ListenerSet,
    object: &Value,
    source: &dyn GatewaySource,
) -> OwnedFindings {
    let name = object_ref(LISTENER_SET_KIND, &set.metadata);
    let mut findings = FieldFindings::new(config, name.clone());
    let is_gateway = parent(&mut findings, set);
    let ownership =
        if is_gateway { GatewayOwner::of_listener_set(set, source) } else { GatewayOwner::Unknown };
    let judged = match source.known_gateway(&gateway_of(set)).filter(|_| is_gateway) {
        Some(gateway) => beside_others(&mut findings, set, &gateway, ownership, source),
        None => None,
    };
    let judged = judged.unwrap_or_else(|| alone(set, ownership, options(config)));
    listeners(&mut findings, &set.spec.listeners, &judged, ownership);
    let id = ParentId::ListenerSet(ObjectKey::of(set));
    foreign_references::check_certificates(&mut findings, &id, &set.spec.listeners, source);
    if !config.features.gateway_listener_set {
        findings.warn("spec.listeners", "has no effect while feature gate GatewayListenerSet is off");
    }
    unread_fields::check(&mut findings, LISTENER_SET_KIND, object);
    OwnedFindings { object: name, ownership, findings: findings.finish() }
}

/// Whether the parent is a Gateway, as it has to be.
fn parent(findings: &mut FieldFindings<'_>, set: &ListenerSet) -> bool {
    let parent = &set.spec.parent_ref;
    let expected =
        [("kind", parent.kind.as_deref(), GATEWAY_KIND), ("group", parent.group.as_deref(), GROUP)];
    for (part, given, right) in expected {
        if let Some(given) = given.filter(|given| *given != right) {
            let problem = format!("{given:?} is not {right}, the only parent that a ListenerSet can have");
            let hint = format!("write {right}");
            findings.add(&format!("spec.parentRef.{part}"), ValueFinding::warning(problem).hint(hint));
        }
    }
    parent.kind.as_deref().is_none_or(|kind| kind == GATEWAY_KIND)
}

/// What each controller that may be meant says of the listeners, whatever others there are.
fn alone(set: &ListenerSet, ownership: GatewayOwner, options: GatewayOptions) -> Vec<Problems> {
    judge_for(ownership, &Gateway::default(), &[set], options, |id| matches!(id, ParentId::ListenerSet(_)))
}

/// The same, with the listeners of the Gateway and of its ListenerSets that come first. `None`: the Gateway does not admit the set,
/// which is told, or nobody knows whether it does.
fn beside_others(
    findings: &mut FieldFindings<'_>,
    set: &ListenerSet,
    gateway: &Gateway,
    ownership: GatewayOwner,
    source: &dyn GatewaySource,
) -> Option<Vec<Problems>> {
    let options = options(findings.config);
    let own = ObjectKey::of(set);
    if needs_namespace(gateway) && source.namespace(own.namespace()).is_none() {
        return None;
    }
    let mut all = source.known_listener_sets(&ObjectKey::of(gateway));
    all.retain(|other| ObjectKey::of(&**other) != own);
    all.push(Arc::new(set.clone()));
    let all: Vec<Arc<ListenerSet>> = all.into_iter().map(created_last).collect();
    let sorted = sort(gateway, all.iter().map(|set| &**set), source, options);
    if sorted.rejected.iter().any(|rejected| ObjectKey::of(*rejected) == own) {
        let hint = format!(
            "let spec.allowedListeners of Gateway {} admit namespace {}",
            ObjectKey::of(gateway),
            own.namespace()
        );
        findings.add("spec.parentRef", ValueFinding::error(REJECTED).hint(hint));
        return None;
    }
    if !sorted.accepted.iter().any(|accepted| ObjectKey::of(*accepted) == own) {
        return None;
    }
    let own = ParentId::ListenerSet(own);
    Some(judge_for(ownership, gateway, &sorted.accepted, options, |id| *id == own))
}

/// Whether labels of namespaces decide who may add listeners.
fn needs_namespace(gateway: &Gateway) -> bool {
    let allowed = gateway.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    allowed.is_some_and(|allowed| allowed.from == Some(FromNamespaces::Selector))
}

/// A set that is not created yet will be the youngest.
fn created_last(mut set: Arc<ListenerSet>) -> Arc<ListenerSet> {
    if set.metadata.creation_timestamp.is_none() {
        Arc::make_mut(&mut set).metadata.creation_timestamp = Some(Time(jiff::Timestamp::MAX));
    }
    set
}

#[cfg(test)]
mod tests;
