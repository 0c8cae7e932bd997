//! The Secrets that listeners name: `tls.certificateRefs`.

use std::collections::BTreeMap;

use super::attachment::ListenerIndex;
use super::grants::{Referrer, may_refer};
use super::listeners::{ListenerProblem, ListenerReason, Parent, ParentId, is_passthrough};
use super::{Cluster, GatewayOptions};
use crate::api::ObjectKey;
use crate::api::gateway::{Listener, Protocol, SecretObjectReference};

/// The kind that references are to.
pub const SECRET_KIND: &str = "Secret";

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
            let is_permitted =
                |from: Referrer<'_>, secret: &ObjectKey| may_refer(from, "", SECRET_KIND, secret, cluster);
            let refs: Vec<CertificateRef> =
                named.map(|one| resolve_one(&id, judged.listener, one, &is_permitted)).collect();
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
pub fn ends_tls(listener: &Listener) -> bool {
    matches!(listener.protocol, Protocol::Https | Protocol::Tls) && !is_passthrough(listener)
}

/// What a reference of a listener is to. `is_permitted`: whether whoever refers may refer to a Secret.
pub fn resolve_one(
    of: &ParentId,
    listener: &Listener,
    reference: &SecretObjectReference,
    is_permitted: &dyn Fn(Referrer<'_>, &ObjectKey) -> bool,
) -> CertificateRef {
    let problem = |reason, message| Err(ListenerProblem { reason, message });
    let (group, kind) =
        (reference.group.as_deref().unwrap_or_default(), reference.kind.as_deref().unwrap_or(SECRET_KIND));
    let name = &listener.name;
    if !group.is_empty() || kind != SECRET_KIND {
        let full = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let message =
            format!("certificateRef {full} {:?} of listener {name} is not a Secret", reference.name);
        return problem(ListenerReason::InvalidCertificateRef, message);
    }
    let own = of.key().namespace();
    let secret =
        ObjectKey::namespaced(reference.namespace.as_deref().unwrap_or(own), reference.name.as_str());
    if is_permitted(Referrer { kind: of.kind(), namespace: own }, &secret) {
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
