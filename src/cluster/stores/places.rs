//! Where objects are looked for by what they refer to, so that no change makes anybody look at all objects.

use crate::api::target_group_binding::TargetType;
use crate::api::{Ingress, ObjectKey, Service, TargetGroupBinding};
use crate::facts::group;
use crate::model::{Owner, StackId};
use std::collections::BTreeSet;
use strum::VariantArray as _;

/// Longest name of a Service.
const SERVICE_NAME_LIMIT: usize = 63;

/// The places of a binding.
pub(super) fn of_binding(binding: &TargetGroupBinding) -> Vec<ObjectKey> {
    let spec = &binding.spec;
    let arns = [spec.target_group_arn.as_deref(), spec.iam_role_arn_to_assume.as_deref()];
    let arns = arns.into_iter().flatten().filter(|arn| !arn.is_empty()).map(ObjectKey::cluster);
    let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
    let service = bindings_of_service(&ObjectKey::namespaced(namespace, spec.service_ref.name.as_str()));
    let of_nodes = (spec.target_type == Some(TargetType::Instance)).then(bindings_of_nodes);
    arns.chain([service]).chain(of_nodes).chain(stack_of(binding).as_ref().map(bindings_of_stack)).collect()
}

/// Where the bindings to a Service are.
pub fn bindings_of_service(service: &ObjectKey) -> ObjectKey {
    // why: no namespace is spelt like these
    ObjectKey::namespaced(format!("service/{}", service.namespace()), service.name())
}

/// Where the bindings of nodes are.
pub fn bindings_of_nodes() -> ObjectKey {
    ObjectKey::namespaced("targets/", "nodes")
}

/// Where the bindings of a stack are.
pub fn bindings_of_stack(stack: &StackId) -> ObjectKey {
    ObjectKey::namespaced(format!("stack/{}", stack.owner.prefix()), stack.to_string())
}

/// The stack that a binding's labels name.
fn stack_of(binding: &TargetGroupBinding) -> Option<StackId> {
    let labels = binding.metadata.labels.as_ref()?;
    Owner::VARIANTS.iter().copied().find_map(|owner| {
        let label = |suffix: &str| labels.get(&format!("{}/{suffix}", owner.prefix())).cloned();
        let of_group = || Some(StackId { owner, namespace: String::new(), name: label("stack")? });
        let of_object =
            || Some(StackId { owner, namespace: label("stack-namespace")?, name: label("stack-name")? });
        of_object().or_else(of_group)
    })
}

/// The places of an Ingress.
pub(super) fn of_ingress(ingress: &Ingress) -> Vec<ObjectKey> {
    let namespace = ingress.metadata.namespace.as_deref().unwrap_or_default();
    let services = group::service_references(ingress).into_iter();
    let of_services =
        services.map(|service| ingresses_of_service(&ObjectKey::namespaced(namespace, service)));
    group::places(ingress).into_iter().chain(of_services).collect()
}

/// Where the Ingresses that refer to a Service are.
pub fn ingresses_of_service(service: &ObjectKey) -> ObjectKey {
    ObjectKey::namespaced(format!("backend/{}", service.namespace()), service.name())
}

/// The places of a Service: the Services to which its listener actions may forward.
pub(super) fn of_service(service: &Service) -> Vec<ObjectKey> {
    let annotations = service.metadata.annotations.iter().flatten();
    let actions = annotations.filter(|(name, _)| name.contains("/actions."));
    let names: BTreeSet<&str> = actions.flat_map(|(_, value)| quoted_names(value)).collect();
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    names.into_iter().map(|name| services_forwarding_to(&ObjectKey::namespaced(namespace, name))).collect()
}

/// Where the Services are whose listener actions may forward to a Service.
pub fn services_forwarding_to(service: &ObjectKey) -> ObjectKey {
    ObjectKey::namespaced(format!("action/{}", service.namespace()), service.name())
}

/// What stands in quotation marks and may be the name of a Service.
///
/// why between any two of them: an action that is no JSON must not wake fewer than one that is
fn quoted_names(text: &str) -> impl Iterator<Item = &str> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.split('"').skip(1).filter(move |part| {
        !part.is_empty() && part.len() <= SERVICE_NAME_LIMIT && part.bytes().all(is_inner)
    })
}

#[cfg(test)]
mod tests;
