//! Discovery of certificates: from the hosts that TLS is wanted for to the ARNs of issued certificates.
//!
//! Upstream: `pkg/certs`.

use super::Origin;
use crate::aws_api::acm::Certificate;
use crate::config::Config;
use crate::facts::BuildError;
use std::collections::BTreeSet;

/// ARNs of all certificates that cover any of `hosts`, sorted. A host that none covers is an error.
///
/// A certificate's domain stands for a host if it is the same text, or `*.` and the same labels after the first. Case matters.
///
/// Certificates of a private CA that `--allowed-certificate-authority-arns` does not name (if it names any) do not count.
pub fn discover<'a>(
    hosts: impl IntoIterator<Item = &'a str>,
    certificates: impl IntoIterator<Item = &'a Certificate>,
    origin: &Origin,
    config: &Config,
) -> Result<Vec<String>, BuildError> {
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let names: BTreeSet<&str> = hosts.iter().copied().collect();
    let parents: BTreeSet<&str> = hosts.iter().filter_map(|host| parent_of(host)).collect();
    let (mut arns, mut covered, mut covered_parents) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for certificate in certificates.into_iter().filter(|certificate| is_allowed(certificate, config)) {
        for domain in &certificate.domains {
            let (wanted, covered, domain) = match domain.strip_prefix("*.") {
                None => (&names, &mut covered, domain.as_str()),
                Some(parent) => (&parents, &mut covered_parents, parent),
            };
            if wanted.contains(domain) {
                covered.insert(domain);
                arns.insert(certificate.arn.clone());
            }
        }
    }
    let is_covered = |host: &str| {
        covered.contains(host) || parent_of(host).is_some_and(|parent| covered_parents.contains(parent))
    };
    match hosts.into_iter().find(|host| !is_covered(host)) {
        None => Ok(arns.into_iter().collect()),
        Some(host) => Err(origin
            .error(format!("no issued certificate covers host {host:?}"))
            .hint("issue or import one in ACM, or name one by its ARN")
            .into()),
    }
}

/// What is behind the first label of a host.
fn parent_of(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, parent)| parent)
}

fn is_allowed(certificate: &Certificate, config: &Config) -> bool {
    let allowed = &config.allowed_certificate_authority_arns;
    let authority = certificate.certificate_authority_arn.as_ref();
    allowed.is_empty() || authority.is_some_and(|authority| allowed.contains(authority))
}

#[cfg(test)]
mod tests;
