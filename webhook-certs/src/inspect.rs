//! What the certificates in a bundle say, and whether they fit together.

use jiff::Timestamp;
use pem::{EncodeConfig, LineEnding, Pem};
use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::bundle::Bundle;
use crate::decide::IssueReason;
use crate::policy::RotationPolicy;

/// A certificate, its contents read once.
#[derive(Clone, Debug)]
pub(crate) struct ParsedCertificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    public_key: Vec<u8>,
    names: Vec<String>,
    is_ca: bool,
}

/// The parts of a bundle and how they belong together.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Authorities that are valid now, oldest first.
    pub(crate) cas: Vec<ParsedCertificate>,
    /// Whether `ca.crt` holds anything else.
    pub(crate) clutter: bool,
    /// The authority whose key is at hand, by index.
    pub(crate) signer: Option<usize>,
    /// The serving certificate and its authority, by index; or why it can't be served.
    pub(crate) leaf: Result<(ParsedCertificate, usize), IssueReason>,
}

impl Parts {
    pub(crate) fn of(bundle: &Bundle, policy: &RotationPolicy, now: Timestamp) -> Self {
        let (cas, clutter) = read_authorities(&bundle.ca_pem, now);
        let signer = bundle.ca_key_pem.as_deref().and_then(|key| position_of_key(&cas, key));
        let leaf = read_leaf(bundle, policy, now, &cas);
        Self { cas, clutter, signer, leaf }
    }

    /// The authority whose key is at hand.
    pub(crate) fn signing_ca(&self) -> Option<&ParsedCertificate> {
        self.cas.get(self.signer?)
    }
}

impl ParsedCertificate {
    fn read(der: CertificateDer<'static>) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(&der).ok()?;
        let second = |time: &x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let validity = parsed.validity();
        let (not_before, not_after) = (second(&validity.not_before)?, second(&validity.not_after)?);
        let public_key = parsed.public_key().subject_public_key.data.to_vec();
        let (names, is_ca) = (dns_names(&parsed), parsed.is_ca());
        let complete = rest.is_empty();
        complete.then_some(Self { der, not_before, not_after, public_key, names, is_ca })
    }

    pub(crate) fn to_pem(&self) -> String {
        let format = EncodeConfig::new().set_line_ending(LineEnding::LF);
        pem::encode_config(&Pem::new("CERTIFICATE", self.der.to_vec()), format)
    }

    fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }

    fn has_key(&self, key: &KeyPair) -> bool {
        key.der_bytes() == self.public_key
    }

    fn is_signed_by(&self, ca: &Self) -> bool {
        let (Ok((_, leaf)), Ok((_, ca))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&ca.der))
        else {
            return false;
        };
        leaf.issuer() == ca.subject() && leaf.verify_signature(Some(ca.public_key())).is_ok()
    }
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_string()),
        _ => None,
    });
    names.collect()
}

/// The usable authorities, oldest first, and whether there was anything else.
fn read_authorities(pem: &str, now: Timestamp) -> (Vec<ParsedCertificate>, bool) {
    let blocks: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let count = blocks.len();
    let mut cas: Vec<_> =
        blocks.into_iter().filter_map(|block| ParsedCertificate::read(block.ok()?)).collect();
    cas.retain(|ca| ca.is_ca && ca.is_valid_at(now));
    cas.sort_by_key(|ca| ca.not_before);
    let clutter = cas.len() != count;
    (cas, clutter)
}

fn position_of_key(cas: &[ParsedCertificate], key_pem: &str) -> Option<usize> {
    let key = KeyPair::from_pem(key_pem).ok()?;
    cas.iter().position(|ca| ca.has_key(&key))
}

fn read_leaf(
    bundle: &Bundle,
    policy: &RotationPolicy,
    now: Timestamp,
    cas: &[ParsedCertificate],
) -> Result<(ParsedCertificate, usize), IssueReason> {
    let der =
        CertificateDer::from_pem_slice(bundle.cert_pem.as_bytes()).map_err(|_| IssueReason::Unreadable)?;
    let leaf = ParsedCertificate::read(der).ok_or(IssueReason::Unreadable)?;
    if !KeyPair::from_pem(&bundle.key_pem).is_ok_and(|key| leaf.has_key(&key)) {
        return Err(IssueReason::KeyMismatch);
    }
    if now < leaf.not_before {
        return Err(IssueReason::NotYetValid);
    }
    if leaf.not_after <= now {
        return Err(IssueReason::Expired);
    }
    if !policy.names.iter().all(|name| leaf.names.contains(name)) {
        return Err(IssueReason::WrongNames);
    }
    let issuer = cas.iter().position(|ca| leaf.is_signed_by(ca)).ok_or(IssueReason::Untrusted)?;
    Ok((leaf, issuer))
}
