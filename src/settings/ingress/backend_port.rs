//! Ports of Services behind Ingresses.

use super::context::Overlay;
use crate::api::{IntOrString, Service, ServicePort};
use crate::aws_api::elbv2::Protocol;
use crate::facts::BuildError;

/// A port of a Service behind an Ingress.
pub(super) struct BackendPort<'b, 'a> {
    pub service: &'a Service,
    pub name: &'b str,
    /// As the Ingress writes it.
    pub written: &'b IntOrString,
    pub port: &'a ServicePort,
    pub overlay: Overlay<'a>,
}

/// `HTTP` or `HTTPS`.
pub(super) fn protocol(overlay: &Overlay<'_>, suffix: &str) -> Result<Option<Protocol>, BuildError> {
    match overlay.annotations.string(suffix) {
        None => Ok(None),
        Some("HTTP") => Ok(Some(Protocol::Http)),
        Some("HTTPS") => Ok(Some(Protocol::Https)),
        Some(_) => Err(overlay.not_one_of(suffix, &["HTTP", "HTTPS"]).into()),
    }
}
