//! Discovery of certificates: from the hosts that TLS is wanted for to the ARNs of issued certificates.
//!
//! Upstream: `pkg/certs`.

use super::Origin;
use crate::cloud::acm::Certificate;
use crate::config::Config;
use crate::inputs::Halt;
use std::collections::BTreeSet;

/// ARNs of all certificates that cover any of `hosts`, sorted. A host that none covers is an error.
///
/// Certificates of a private CA that `--allowed-certificate-authority-arns` does not name (if it names any) do not count.
pub fn discover<'a>(
    hosts: impl IntoIterator<Item = &'a str>,
    certificates: &[Certificate],
    origin: &Origin,
    config: &Config,
) -> Result<Vec<String>, Halt> {
    let mut arns = BTreeSet::new();
    for host in hosts {
        let mut covering = certificates
            .iter()
            .filter(|certificate| is_allowed(certificate, config) && covers(certificate, host))
            .peekable();
        if covering.peek().is_none() {
            return Err(origin
                .error(format!("no issued certificate covers host {host:?}"))
                .hint("issue or import one in ACM, or name one by its ARN")
                .into());
        }
        arns.extend(covering.map(|certificate| certificate.arn.clone()));
    }
    Ok(arns.into_iter().collect())
}

fn is_allowed(certificate: &Certificate, config: &Config) -> bool {
    let allowed = &config.allowed_certificate_authority_arns;
    let authority = certificate.certificate_authority_arn.as_ref();
    allowed.is_empty() || authority.is_some_and(|authority| allowed.contains(authority))
}

fn covers(certificate: &Certificate, host: &str) -> bool {
    certificate.domains.iter().any(|domain| matches_host(domain, host))
}

/// Whether a certificate's domain stands for a host: the same text, or `*.` and the same labels after the first. Case
/// matters.
pub fn matches_host(domain: &str, host: &str) -> bool {
    match domain.strip_prefix("*.") {
        None => domain == host,
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
    }
}

#[cfg(test)]
mod tests;
