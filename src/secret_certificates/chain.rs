//! The order of a chain: the certificate, who issued it, who issued that one, and so on.

use super::UnusableSecret;
use x509_parser::prelude::{ParsedExtension, X509Certificate};

/// Places of the certificates in the order that ACM takes. Repetitions are left out.
///
/// Errors: one of them issued none of the others.
pub(super) fn order(parsed: &[X509Certificate<'_>], leaf: usize) -> Result<Vec<usize>, UnusableSecret> {
    let mut order = vec![leaf];
    let mut at = parsed.get(leaf);
    while let Some(certificate) = at {
        let is_next = |place: &usize| {
            parsed.get(*place).is_some_and(|other| {
                !order.iter().any(|used| parsed.get(*used) == Some(other)) && is_issuer(other, certificate)
            })
        };
        let Some(next) = (0..parsed.len()).find(is_next) else { break };
        order.push(next);
        at = parsed.get(next);
    }
    let is_used =
        |certificate: &X509Certificate<'_>| order.iter().any(|used| parsed.get(*used) == Some(certificate));
    match parsed.iter().find(|certificate| !is_used(certificate)) {
        None => Ok(order),
        Some(other) => Err(UnusableSecret::NotInChain { subject: other.subject().to_string() }),
    }
}

/// Whether one certificate issued the other, by its name and, where both say it, by its key.
///
/// why not by the signature: a listener only sends the chain, and clients check it
fn is_issuer(issuer: &X509Certificate<'_>, of: &X509Certificate<'_>) -> bool {
    if issuer.subject().as_raw() != of.issuer().as_raw() {
        return false;
    }
    match (key_of(issuer), issuer_key_of(of)) {
        (Some(own), Some(asked)) => own == asked,
        _ => true,
    }
}

/// The subject key identifier.
fn key_of<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

/// The authority key identifier.
fn issuer_key_of<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })
}
