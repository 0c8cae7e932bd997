//! The NLB of a Service.

use super::{Built, nlb};
use crate::api::Service;
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::finding::Findings;
use crate::model::Stack;
use crate::settings::service::{self, is_pending_finalization, is_selected, stack_id};
use crate::settings::tls_secrets::TlsSecrets;
use std::collections::BTreeSet;

/// What the Service wants to exist. A Service that is not ours (any more) wants nothing, unless its annotations protect
/// its load balancer from deletion, which is a finding.
pub fn build(service: &Service, facts: &Facts, config: &Config) -> Result<Built, BuildError> {
    let mut stack = Stack::empty(stack_id(service));
    if !is_selected(service, config) {
        if is_pending_finalization(service) {
            service::check_deletion_protection(service)?;
        }
        let findings = Findings::default();
        return Ok(Built {
            stack,
            findings,
            secrets: BTreeSet::new(),
            unusable_secrets: Vec::new(),
            uses_backend_security_group: false,
        });
    }
    let (settings, findings, tls) = service::read(service, facts, config)?;
    let uses_backend_security_group = nlb::add(&settings, facts, config, &mut stack)?;
    let TlsSecrets { arns: _, unusable, secrets } = tls;
    Ok(Built { stack, findings, secrets, unusable_secrets: unusable, uses_backend_security_group })
}

#[cfg(test)]
mod tests;
