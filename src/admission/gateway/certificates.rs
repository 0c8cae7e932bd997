//! Listeners that nobody knows a certificate of.

use super::GatewaySource;
use super::field_findings::FieldFindings;
use crate::annotations::value::ValueFinding;
use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, Listener};
use crate::api::gateway_config::LoadBalancerConfiguration;
use crate::gateway::certificate_refs::ends_tls;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Warns of listeners that end TLS without a host, and without a certificate in a configuration. If a configuration is not known,
/// nothing is said.
pub(super) fn check(findings: &mut FieldFindings<'_>, gateway: &Gateway, source: &dyn GatewaySource) {
    let Some(configurations) = configurations(gateway, source) else { return };
    let named: BTreeSet<String> = configurations.iter().flat_map(|found| named(found)).collect();
    for (index, listener) in gateway.spec.listeners.iter().enumerate() {
        let has_host = listener.hostname.as_ref().is_some_and(|hostname| !hostname.is_empty());
        let names_secrets = findings.config.features.secret_certificates
            && listener.tls.as_ref().is_some_and(|tls| !tls.certificate_refs.is_empty());
        if ends_tls(listener) && !has_host && !names_secrets && !named.contains(&place(listener)) {
            let problem = format!(
                "no hosts are known to find a certificate for {}, unless all its routes have some",
                place(listener)
            );
            let hint = "give the listener or its routes hostnames, or name a certificate in a LoadBalancerConfiguration";
            let field = format!("spec.listeners[{index}]");
            findings.add(&field, ValueFinding::warning(problem).hint(hint));
        }
    }
}

fn place(listener: &Listener) -> String {
    format!("{}:{}", listener.protocol, listener.port)
}

/// Protocols and ports for which a configuration names a certificate.
fn named(configuration: &LoadBalancerConfiguration) -> impl Iterator<Item = String> + '_ {
    let listeners = configuration.spec.listener_configurations.iter().flatten();
    let with_certificate = listeners.filter(|listener| {
        let default = listener.default_certificate.as_ref().is_some_and(|arn| !arn.is_empty());
        default || listener.certificates.as_ref().is_some_and(|others| !others.is_empty())
    });
    with_certificate.map(|listener| listener.protocol_port.to_uppercase())
}

/// The configurations of a Gateway and of its class; `None`: not all are known.
fn configurations(
    gateway: &Gateway,
    source: &dyn GatewaySource,
) -> Option<Vec<Arc<LoadBalancerConfiguration>>> {
    let class = source.known_class(&gateway.spec.gateway_class_name)?;
    let of_class = class.spec.parameters_ref.as_ref().map(|reference| {
        let namespace = reference.namespace.as_deref().unwrap_or_default();
        ObjectKey::namespaced(namespace, reference.name.as_str())
    });
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let reference = infrastructure.and_then(|found| found.parameters_ref.as_ref());
    let of_gateway = reference.map(|reference| ObjectKey::of(gateway).sibling(reference.name.as_str()));
    let keys = of_class.into_iter().chain(of_gateway);
    keys.map(|key| source.known_load_balancer_configuration(&key)).collect()
}
