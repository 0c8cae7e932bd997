//! The Secrets that listeners name: `tls.certificateRefs`.

use std::collections::BTreeMap;

use super::attachment::ListenerIndex;
use super::grants::{Referrer, may_refer};
use super::listeners::{ListenerProblem, ListenerReason, Parent, ParentId, is_passthrough};
use super::{Cluster, GatewayOptions};
use crate::api::ObjectKey;
use crate::api::gateway::{GATEWAY_KIND, LISTENER_SET_KIND, Listener, Protocol, SecretObjectReference};

/// What a reference is to: a Secret, or what is wrong with it.
pub type CertificateRef = Result<ObjectKey, ListenerProblem>;

/// The references of every listener that ends TLS and has any. Empty where Secrets are not read.
pub type CertificateRefs = BTreeMap<ListenerIndex, Vec<CertificateRef>>;

/// Resolves the references of valid listeners. A listener that refers to a Secret that it may not use is not valid.
pub fn resolve(
    parents: &mut [Parent<'_>],
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> CertificateRefs {
    let mut all = CertificateRefs::new();
    if !options.secret_certificates {
        return all;
    }
    for (parent, of) in parents.iter_mut().enumerate() {
        let id = of.id.clone();
        let valid = of.listeners.iter_mut().enumerate().filter(|(_, judged)| judged.is_valid());
        for (listener, judged) in valid.filter(|(_, judged)| ends_tls(judged.listener)) {
            let named = judged.listener.tls.iter().flat_map(|tls| &tls.certificate_refs);
            let refs: Vec<CertificateRef> =
                named.map(|one| resolve_one(&id, judged.listener, one, cluster)).collect();
            let is_forbidden = |problem: &&ListenerProblem| problem.reason == ListenerReason::RefNotPermitted;
            judged.problem = refs.iter().filter_map(|one| one.as_ref().err()).find(is_forbidden).cloned();
            if judged.problem.is_none() && !refs.is_empty() {
                all.insert(ListenerIndex { parent, listener }, refs);
            }
        }
    }
    all
}

/// Whether TLS ends at the load balancer.
fn ends_tls(listener: &Listener) -> bool {
    matches!(listener.protocol, Protocol::Https | Protocol::Tls) && !is_passthrough(listener)
}

fn resolve_one(
    of: &ParentId,
    listener: &Listener,
    reference: &SecretObjectReference,
    cluster: &dyn Cluster,
) -> CertificateRef {
    let problem = |reason, message| Err(ListenerProblem { reason, message });
    let (group, kind) =
        (reference.group.as_deref().unwrap_or_default(), reference.kind.as_deref().unwrap_or("Secret"));
    let name = &listener.name;
    if !group.is_empty() || kind != "Secret" {
        let full = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let message =
            format!("certificateRef {full} {:?} of listener {name} is not a Secret", reference.name);
        return problem(ListenerReason::InvalidCertificateRef, message);
    }
    let own = of.key().namespace();
    let secret =
        ObjectKey::namespaced(reference.namespace.as_deref().unwrap_or(own), reference.name.as_str());
    let kind = match of {
        ParentId::Gateway(_) => GATEWAY_KIND,
        ParentId::ListenerSet(_) => LISTENER_SET_KIND,
    };
    if may_refer(Referrer { kind, namespace: own }, "", "Secret", &secret, cluster) {
        return Ok(secret);
    }
    let message = format!(
        "certificateRef to Secret {secret} of listener {name} is not permitted by any ReferenceGrant in namespace {}",
        secret.namespace()
    );
    problem(ListenerReason::RefNotPermitted, message)
}

#[cfg(test)]
mod tests;
