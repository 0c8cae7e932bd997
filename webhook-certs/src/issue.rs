//! Issuing certificates and carrying out decisions.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::bundle::Bundle;
use crate::decide::{Decision, after};
use crate::inspect::{ParsedCertificate, Parts};
use crate::policy::RotationPolicy;

/// Why nothing could be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A time that X.509 can't express.
    #[error("time {0} is out of range for a certificate")]
    TimeOutOfRange(Timestamp),
    /// A name or key that can't be used, or a failure of the random number generator.
    #[error("certificate for {names:?} can't be issued: {source}")]
    Certificate {
        /// Names of the serving certificate.
        names: Vec<String>,
        /// What the library said.
        source: rcgen::Error,
    },
}

/// An authority that can sign.
struct Authority {
    pem: String,
    key: KeyPair,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
}

/// Carries out a decision that [`crate::decide`] took about `current` at the same time. `None`: there is nothing to store.
///
/// The result is to be stored only in place of `current`. An authority in it must be known to API servers before
/// the next decision is carried out.
pub fn advance(
    decision: Decision,
    now: Timestamp,
    current: Option<&Bundle>,
    policy: &RotationPolicy,
) -> Result<Option<Bundle>, IssueError> {
    let next = match (decision, current) {
        (Decision::Keep { .. }, _) => return Ok(None),
        (Decision::IssueAll(_), _) | (_, None) => issue_all(now, policy),
        (Decision::IssueLeaf(_), Some(bundle)) => issue_leaf(now, bundle, policy),
        (Decision::AddCa(_), Some(bundle)) => add_ca(now, bundle, policy),
        (Decision::DropCas, Some(bundle)) => Ok(drop_cas(now, bundle, policy)),
    };
    next.map(Some).map_err(|failure| match failure {
        Failure::Time(time) => IssueError::TimeOutOfRange(time),
        Failure::Library(source) => IssueError::Certificate { names: policy.names.clone(), source },
    })
}

enum Failure {
    Time(Timestamp),
    Library(rcgen::Error),
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Self {
        Self::Library(error)
    }
}

fn issue_all(now: Timestamp, policy: &RotationPolicy) -> Result<Bundle, Failure> {
    let ca = new_authority(now, policy)?;
    let (cert_pem, key_pem) = new_leaf(now, &ca.issuer, ca.not_after, policy)?;
    Ok(Bundle { ca_pem: ca.pem, cert_pem, key_pem, ca_key_pem: Some(ca.key.serialize_pem()) })
}

fn issue_leaf(now: Timestamp, bundle: &Bundle, policy: &RotationPolicy) -> Result<Bundle, Failure> {
    let parts = Parts::of(bundle, policy, now);
    let (Some(ca), Some(key_pem)) = (parts.signing_ca(), &bundle.ca_key_pem) else {
        return issue_all(now, policy);
    };
    let issuer = Issuer::from_ca_cert_der(&ca.der, KeyPair::from_pem(key_pem)?)?;
    let (cert_pem, key_pem) = new_leaf(now, &issuer, ca.not_after, policy)?;
    Ok(Bundle { cert_pem, key_pem, ..bundle.clone() })
}

fn add_ca(now: Timestamp, bundle: &Bundle, policy: &RotationPolicy) -> Result<Bundle, Failure> {
    let ca = new_authority(now, policy)?;
    let parts = Parts::of(bundle, policy, now);
    let trusted = to_pem(parts.cas.iter().skip(count_outlived(now, &parts, policy)));
    let ca_key_pem = Some(ca.key.serialize_pem());
    Ok(Bundle { ca_pem: trusted + &ca.pem, ca_key_pem, ..bundle.clone() })
}

/// How many of the oldest authorities nobody can be in want of any more, although rotations have followed each other faster than
/// the overlap.
///
/// why: an authority is announced only while its predecessor is in use. So what stands before that was out of use by then.
fn count_outlived(now: Timestamp, parts: &Parts, policy: &RotationPolicy) -> usize {
    let issuer = parts.leaf.as_ref().map_or(0, |(_, issuer)| *issuer);
    // why: what a certificate says of its time is cut to the second
    let overlap = [policy.backdate, policy.overlap, SignedDuration::from_secs(1)];
    let announced = parts.cas.iter().take(issuer + 1).skip(2);
    announced.take_while(|ca| after(ca.not_before, overlap) <= now).count()
}

fn drop_cas(now: Timestamp, bundle: &Bundle, policy: &RotationPolicy) -> Bundle {
    let parts = Parts::of(bundle, policy, now);
    let Ok((leaf, issuer)) = &parts.leaf else { return bundle.clone() };
    let overlapped = after(leaf.not_before, [policy.backdate, policy.overlap]) <= now;
    let is_used = |index| index == *issuer || Some(index) == parts.signer || !overlapped;
    let used = (0..).zip(&parts.cas).filter(|(index, _)| is_used(*index)).map(|(_, ca)| ca);
    Bundle { ca_pem: to_pem(used), ..bundle.clone() }
}

fn new_authority(now: Timestamp, policy: &RotationPolicy) -> Result<Authority, Failure> {
    let not_after = after(now, [policy.ca_lifetime]);
    let mut params = params(now, not_after, policy.backdate, format!("webhook CA {}", now.as_second()))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    let signing_key = KeyPair::from_pem(&key.serialize_pem())?;
    Ok(Authority { pem, key, not_after, issuer: Issuer::new(params, signing_key) })
}

/// A serving certificate and its key, in PEM. It does not outlive its authority.
fn new_leaf(
    now: Timestamp,
    issuer: &Issuer<'_, KeyPair>,
    ca_not_after: Timestamp,
    policy: &RotationPolicy,
) -> Result<(String, String), Failure> {
    let not_after = after(now, [policy.leaf_lifetime]).min(ca_not_after);
    let mut params = params(now, not_after, policy.backdate, "webhook".to_string())?;
    params.subject_alt_names = CertificateParams::new(policy.names.clone())?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

fn params(
    now: Timestamp,
    not_after: Timestamp,
    backdate: SignedDuration,
    common_name: String,
) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::default();
    params.not_before = to_x509(after(now, [-backdate]))?;
    params.not_after = to_x509(not_after)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

/// why: before 1950 RFC 5280 has no form for a time, and a clock that says so is wrong anyhow.
fn to_x509(time: Timestamp) -> Result<OffsetDateTime, Failure> {
    let second = Some(time.as_second()).filter(|second| *second >= 0);
    let converted = second.and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    converted.ok_or(Failure::Time(time))
}

fn to_pem<'a>(certificates: impl IntoIterator<Item = &'a ParsedCertificate>) -> String {
    certificates.into_iter().map(ParsedCertificate::to_pem).collect()
}
