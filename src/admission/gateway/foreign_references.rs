//! References that the controller will not follow: to Secrets and backends of namespaces whose owners have not said that they may, and to
//! what is no Secret.
//!
//! why warnings: the ReferenceGrant may come after what it permits

use super::GatewaySource;
use super::field_findings::FieldFindings;
use crate::annotations::value::ValueFinding;
use crate::api::ObjectKey;
use crate::api::gateway::{BackendRef, GATEWAY_KIND, GROUP, Listener};
use crate::gateway::backends::{NOT_PERMITTED, SERVICE_KIND};
use crate::gateway::certificate_refs::{SECRET_KIND, ends_tls, resolve_one};
use crate::gateway::grants::{self, Referrer};
use crate::gateway::listeners::{ListenerReason, ParentId};
use crate::gateway::route::RouteId;

/// Warns of certificateRefs that are not served, where Secrets are read.
pub(super) fn check_certificates(
    findings: &mut FieldFindings<'_>,
    of: &ParentId,
    listeners: &[Listener],
    source: &dyn GatewaySource,
) {
    if !findings.config.features.secret_certificates {
        return;
    }
    let is_permitted = |from: Referrer<'_>, secret: &ObjectKey| {
        grants::is_permitted(from, "", SECRET_KIND, secret, |namespace| {
            source.known_reference_grants(namespace)
        })
    };
    for (index, listener) in listeners.iter().enumerate().filter(|(_, listener)| ends_tls(listener)) {
        let references = listener.tls.iter().flat_map(|tls| &tls.certificate_refs);
        for (at, reference) in references.enumerate() {
            let Err(problem) = resolve_one(of, listener, reference, &is_permitted) else { continue };
            let value_finding = ValueFinding::warning(problem.message);
            let is_forbidden = problem.reason == ListenerReason::RefNotPermitted;
            let hint = is_forbidden.then(|| {
                let to = reference.namespace.as_deref().unwrap_or_default();
                needed_grant(of.kind(), of.key().namespace(), SECRET_KIND, to)
            });
            let field = format!("spec.listeners[{index}].tls.certificateRefs[{at}]");
            findings.add(&field, ValueFinding { hint, ..value_finding });
        }
    }
}

/// Warns of a backend of another namespace that the route may not refer to.
pub(super) fn check_backend(
    findings: &mut FieldFindings<'_>,
    field: &str,
    route: &RouteId,
    backend: &BackendRef,
    source: &dyn GatewaySource,
) {
    let Some(namespace) = backend.namespace.as_deref() else { return };
    let (group, kind) = match backend.kind.as_deref().unwrap_or(SERVICE_KIND) {
        SERVICE_KIND => ("", SERVICE_KIND),
        GATEWAY_KIND => (GROUP, GATEWAY_KIND),
        // why: it has no namespace, or is told already
        _ => return,
    };
    let from = Referrer { kind: route.kind.as_str(), namespace: route.key.namespace() };
    let to = ObjectKey::namespaced(namespace, backend.name.as_str());
    if !grants::is_permitted(from, group, kind, &to, |namespace| source.known_reference_grants(namespace)) {
        let hint = needed_grant(from.kind, from.namespace, kind, namespace);
        let value_finding = ValueFinding::warning(format!("{kind} {to}: {NOT_PERMITTED}"));
        findings.add(&format!("{field}.namespace"), value_finding.hint(hint));
    }
}

fn needed_grant(from_kind: &str, from: &str, kind: &str, to: &str) -> String {
    format!("create a ReferenceGrant in namespace {to}, from {from_kind} of namespace {from} to {kind}")
}

#[cfg(test)]
mod tests;
