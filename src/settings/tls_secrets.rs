//! The certificates of TLS Secrets, as listeners use them (feature gate `SecretCertificates`).

use super::Origin;
use crate::api::ObjectKey;
use crate::facts::{BuildError, Facts, MissingLookups, SecretCertificate};
use crate::finding::{Finding, Part};
use std::collections::BTreeSet;

/// Secrets that one object may name: far more than a load balancer has certificates. Each costs a call to the API server.
pub const MAX_SECRETS: usize = 200;

/// The certificates of some Secrets.
#[derive(Clone, Debug, Default)]
pub struct TlsSecrets {
    /// ARNs, in the order of the Secrets.
    pub arns: Vec<String>,
    /// What is wrong with Secrets. Each that had been usable before keeps the certificate that it had.
    pub unusable: Vec<Finding>,
    /// The Secrets.
    pub secrets: BTreeSet<ObjectKey>,
}

/// Reads the certificates of Secrets, each with where it is named.
///
/// Errors: there are Secrets, and none has a certificate; facts that are missing; look-ups that failed.
pub fn read(
    secrets: impl IntoIterator<Item = (ObjectKey, Origin)>,
    facts: &Facts,
) -> Result<TlsSecrets, BuildError> {
    let secrets: Vec<(ObjectKey, Origin)> = secrets.into_iter().collect();
    if let Some((_, origin)) = secrets.get(MAX_SECRETS) {
        let problem = format!("names {} secrets, expected at most {MAX_SECRETS}", secrets.len());
        return Err(BuildError::from(origin.error(problem)).within(Part::Certificates));
    }
    let (mut read, mut missing_lookups) = (TlsSecrets::default(), MissingLookups::default());
    for (secret, origin) in secrets {
        let answer = facts.secret_certificate(secret.namespace(), secret.name());
        let answer = answer.and_then(|answer| answer.map_err(BuildError::from));
        let Some(certificate) = missing_lookups.collect(answer)? else { continue };
        read.unusable.extend(unusable(&secret, certificate, &origin));
        read.arns.extend(
            certificate.arn.iter().filter(|arn| !read.arns.contains(arn)).cloned().collect::<Vec<_>>(),
        );
        read.secrets.insert(secret);
    }
    missing_lookups.ask()?;
    match read.unusable.first().filter(|_| read.arns.is_empty()) {
        Some(finding) => Err(BuildError::from(finding.clone()).within(Part::Certificates)),
        None => Ok(read),
    }
}

/// What is wrong with a Secret; `None`: nothing.
pub fn unusable(secret: &ObjectKey, certificate: &SecretCertificate, origin: &Origin) -> Option<Finding> {
    let problem = certificate.problem.as_ref()?;
    let finding = origin.error(format!("secret {secret} cannot be used: {problem}"));
    let finding = finding.within(Part::Certificates);
    Some(if certificate.arn.is_some() {
        finding.hint("listeners keep the certificate that the secret had before")
    } else {
        finding
    })
}
