//! Which bindings a change in the cluster concerns.
//!
//! Upstream's `controllers/elbv2/eventhandlers`.

use super::endpoints::is_eligible;
use super::view::{NodeView, PodView, Readiness};
use crate::api::meta::{LEGACY_READINESS_GATE_PREFIX, READINESS_GATE_PREFIX};
use crate::api::target_group_binding::TargetType;
use crate::api::{ObjectKey, Service, TargetGroupBinding};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest name the API server takes.
const NAME_LIMIT: usize = 253;

/// Whether a change of a Service can change node ports. `None`: it is not there (yet, or any more).
pub fn is_service_change(old: Option<&Service>, new: Option<&Service>) -> bool {
    let ports = |service: Option<&Service>| {
        service.and_then(|service| service.spec.as_ref()).and_then(|spec| spec.ports.clone())
    };
    old.is_none() || new.is_none() || ports(old) != ports(new)
}

/// The bindings of a Service's nodes: those that a change of the Service itself concerns.
pub fn bindings_of_service(bindings: &[Arc<TargetGroupBinding>], service: &ObjectKey) -> Vec<ObjectKey> {
    bindings_to(bindings, service, TargetType::Instance)
}

/// The bindings of a Service's pods: those that a change of its endpoints concerns.
pub fn bindings_of_endpoints(bindings: &[Arc<TargetGroupBinding>], service: &ObjectKey) -> Vec<ObjectKey> {
    bindings_to(bindings, service, TargetType::Ip)
}

fn bindings_to(
    bindings: &[Arc<TargetGroupBinding>],
    service: &ObjectKey,
    target_type: TargetType,
) -> Vec<ObjectKey> {
    let concerned = bindings.iter().filter(|binding| {
        binding.metadata.namespace.as_deref() == Some(service.namespace())
            && binding.spec.service_ref.name == service.name()
            && binding.spec.target_type == Some(target_type)
    });
    concerned.map(|binding| ObjectKey::of(&**binding)).collect()
}

/// The bindings of nodes that a change of one node concerns. `None`: the node is not there (yet, or any more).
pub fn bindings_of_node(
    bindings: &[Arc<TargetGroupBinding>],
    old: Option<&NodeView>,
    new: Option<&NodeView>,
) -> Vec<ObjectKey> {
    let of_nodes = bindings.iter().filter(|binding| binding.spec.target_type == Some(TargetType::Instance));
    of_nodes
        .filter(|binding| concerns(binding, old, new).unwrap_or(false))
        .map(|binding| ObjectKey::of(&**binding))
        .collect()
}

fn concerns(
    binding: &TargetGroupBinding,
    old: Option<&NodeView>,
    new: Option<&NodeView>,
) -> Result<bool, crate::api::selector::SelectorError> {
    let selector = binding.spec.node_selector.as_ref();
    let fit = |node: Option<&NodeView>| match node {
        Some(node) => Ok(Some(node.ready).filter(|_| is_eligible(node, selector).unwrap_or(false))),
        None => Ok(None),
    };
    if let Some(node) = new.or(old) {
        is_eligible(node, selector)?;
    }
    Ok(match (fit(old)?, fit(new)?) {
        (None, None) => false,
        (Some(before), Some(after)) => before != after,
        (Some(ready), None) | (None, Some(ready)) => ready != Readiness::False,
    })
}

/// The bindings that a pod's readiness gates name, whether they exist or not.
pub fn bindings_of_pod(pod: &PodView) -> BTreeSet<ObjectKey> {
    let names = pod.gates.iter().filter_map(|gate| binding_of_gate(&gate.condition_type));
    names.map(|name| pod.key.sibling(name)).collect()
}

/// The name of the binding in a readiness gate.
fn binding_of_gate(gate: &str) -> Option<&str> {
    let legacy = || gate.strip_prefix(LEGACY_READINESS_GATE_PREFIX).and_then(|rest| rest.strip_prefix('/'));
    gate.strip_prefix(READINESS_GATE_PREFIX).or_else(legacy).filter(|name| is_subdomain(name))
}

/// Whether a text is an RFC 1123 subdomain, as object names are.
fn is_subdomain(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let (first, last) = (label.bytes().next(), label.bytes().next_back());
        first.is_some_and(is_inner)
            && last.is_some_and(is_inner)
            && label.bytes().all(|byte| is_inner(byte) || byte == b'-')
    };
    text.len() <= NAME_LIMIT && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
