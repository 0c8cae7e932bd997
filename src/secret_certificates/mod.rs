//! TLS Secrets as certificates for ACM: whether certificate and key of a Secret can be used by listeners, and in the form that ACM
//! takes.
//!
//! Pure: the time and what computes the public key of a private one are given. Every refusal names the key of the Secret that is
//! wrong, and never says anything of the private key.

mod chain;
mod pem;

#[cfg(test)]
mod tests;

use crate::aws_api::Secret;
use jiff::Timestamp;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use x509_parser::prelude::{FromDer as _, GeneralName, SubjectPublicKeyInfo, X509Certificate, X509Version};
use x509_parser::public_key::PublicKey;

/// The key of a Secret that has the certificate with its chain.
/// Source: <https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets>
pub const CERTIFICATE_KEY: &str = "tls.crt";
/// The key of a Secret that has the private key.
pub const PRIVATE_KEY_KEY: &str = "tls.key";

/// Bytes of PEM that ACM takes: of a certificate, its private key, its chain.
/// Source: <https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html>
const MAX_CERTIFICATE: usize = 32_768;
const MAX_PRIVATE_KEY: usize = 5_120;
const MAX_CHAIN: usize = 2_097_152;

/// Certificates in a Secret; a chain has seldom more than four.
const MAX_CERTIFICATES: usize = 32;

/// Sizes of RSA keys that listeners take, in bits.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html>
const RSA_SIZES: [usize; 3] = [2048, 3072, 4096];
/// Curves that listeners take, with their object identifiers.
const CURVES: [(&str, &str); 3] =
    [("P-256", "1.2.840.10045.3.1.7"), ("P-384", "1.3.132.0.34"), ("P-521", "1.3.132.0.35")];
const ACCEPTED_KEYS: &str = "RSA of 2048, 3072 or 4096 bits, or EC P-256, P-384 or P-521";

/// SHA-256 of the certificate and its chain, as DER. Says nothing of the private key.
pub type Fingerprint = [u8; 32];

/// A certificate that can be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableCertificate {
    /// The certificate itself, PEM.
    pub certificate: String,
    /// Who issued it, who issued that one, and so on: PEM, in order; empty without any.
    pub chain: String,
    /// The private key, PEM without encryption.
    pub private_key: Secret,
    /// Which certificate and chain it is.
    pub fingerprint: Fingerprint,
    /// Names that it is for.
    pub names: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
}

/// Why a Secret cannot be used. The text names the key of the Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSecret {
    /// There is no Secret.
    #[error("there is no such secret")]
    Missing,
    /// It lacks a key, or has nothing under it.
    #[error(
        "it has no {0}, expected keys {CERTIFICATE_KEY} and {PRIVATE_KEY_KEY} as in secrets of type kubernetes.io/tls"
    )]
    NoKey(&'static str),
    /// Something cannot be read.
    #[error("{key} cannot be read: {problem}")]
    Unreadable {
        /// Key of the Secret.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Key and certificate are not a pair.
    #[error("{PRIVATE_KEY_KEY} is not the key of any certificate in {CERTIFICATE_KEY}")]
    NotAPair,
    /// Load balancers do not take such keys.
    #[error("{CERTIFICATE_KEY} has a public key of {0}, expected {ACCEPTED_KEYS}")]
    KeyType(String),
    /// Its time is over.
    #[error("{CERTIFICATE_KEY} has expired: it was valid until {0}")]
    Expired(Timestamp),
    /// Its time has not come.
    #[error("{CERTIFICATE_KEY} is not valid before {0}")]
    NotYetValid(Timestamp),
    /// ACM takes version 3 only.
    #[error("{CERTIFICATE_KEY} is a certificate of X.509 version {0}, expected version 3")]
    Version(u32),
    /// ACM wants a name.
    #[error("{CERTIFICATE_KEY} is for no name: it has neither subject alternative names nor a common name")]
    NoName,
    /// A certificate of the chain is not the issuer of any other.
    #[error(
        "{CERTIFICATE_KEY} has a certificate of {subject:?} that issued none of the others, expected the certificate followed by those of its issuers"
    )]
    NotInChain {
        /// Whose certificate it is.
        subject: String,
    },
    /// More than any chain has.
    #[error("{CERTIFICATE_KEY} has {0} certificates, expected at most {MAX_CERTIFICATES}")]
    TooMany(usize),
    /// Larger than ACM takes.
    #[error("{what} has {length} bytes as PEM, expected at most {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
}

/// Checks the contents of a Secret.
///
/// `now`: seconds since 1970. `public_key_of`: the `SubjectPublicKeyInfo`, DER, of a private key; `None`: it cannot be used as one.
pub fn check(
    data: &BTreeMap<String, Secret>,
    now: i64,
    public_key_of: impl Fn(&PrivateKeyDer<'_>) -> Option<Vec<u8>>,
) -> Result<UsableCertificate, UnusableSecret> {
    let certificates = certificates_in(text_of(data, CERTIFICATE_KEY)?)?;
    // why: ordering takes longer with each
    if certificates.len() > MAX_CERTIFICATES {
        return Err(UnusableSecret::TooMany(certificates.len()));
    }
    let parsed = certificates.iter().map(|der| parse(der)).collect::<Result<Vec<_>, _>>()?;
    let mut key = private_key_in(text_of(data, PRIVATE_KEY_KEY)?)?;
    // why before the key: what is wrong with it is said more precisely of the public part
    if let [only] = parsed.as_slice() {
        check_key_type(only)?;
    }
    let public = public_key_of(&key);
    let private_key = pem::private_key(&key);
    zeroize::Zeroize::zeroize(&mut key);
    let leaf = leaf_of(&parsed, public.as_deref())?;
    let leaf_certificate = parsed.get(leaf).ok_or(UnusableSecret::NotAPair)?;
    check_leaf(leaf_certificate, now)?;
    let order = chain::order(&parsed, leaf)?;
    let in_order: Vec<&[u8]> =
        order.iter().filter_map(|at| certificates.get(*at)).map(Vec::as_slice).collect();
    let (first, rest) = in_order.split_first().ok_or(UnusableSecret::NotAPair)?;
    let certificate = pem::certificate(first);
    let chain: String = rest.iter().map(|der| pem::certificate(der)).collect();
    check_size(CERTIFICATE_KEY, certificate.len(), MAX_CERTIFICATE)?;
    check_size("the chain in tls.crt", chain.len(), MAX_CHAIN)?;
    check_size(PRIVATE_KEY_KEY, private_key.reveal().len(), MAX_PRIVATE_KEY)?;
    Ok(UsableCertificate {
        certificate,
        chain,
        private_key,
        fingerprint: fingerprint(&in_order),
        names: names_of(leaf_certificate),
        not_after: leaf_certificate.validity().not_after.timestamp(),
    })
}

/// Which certificate and chain ACM has, as PEM; `None`: it cannot be read.
pub fn fingerprint_of(certificate: &str, chain: &str) -> Option<Fingerprint> {
    let mut all = pem::certificates(certificate).ok()?;
    all.extend(pem::certificates(chain).ok()?);
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    (!all.is_empty()).then(|| fingerprint(&all))
}

fn fingerprint(certificates: &[&[u8]]) -> Fingerprint {
    let mut digest = Sha256::new();
    for der in certificates {
        digest.update((der.len() as u64).to_be_bytes());
        digest.update(der);
    }
    digest.finalize().into()
}

fn text_of<'a>(data: &'a BTreeMap<String, Secret>, key: &'static str) -> Result<&'a str, UnusableSecret> {
    let found = data.get(key).map(Secret::reveal).filter(|text| !text.trim().is_empty());
    found.ok_or(UnusableSecret::NoKey(key))
}

fn certificates_in(text: &str) -> Result<Vec<Vec<u8>>, UnusableSecret> {
    let unreadable = |problem: String| UnusableSecret::Unreadable { key: CERTIFICATE_KEY, problem };
    let found = pem::certificates(text).map_err(unreadable)?;
    if found.is_empty() { Err(unreadable("it has no certificate as PEM".to_owned())) } else { Ok(found) }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, UnusableSecret> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(UnusableSecret::Unreadable {
            key: CERTIFICATE_KEY,
            problem: "it has something that is not an X.509 certificate".to_owned(),
        }),
    }
}

fn private_key_in(text: &str) -> Result<PrivateKeyDer<'static>, UnusableSecret> {
    let unreadable =
        |problem: &str| UnusableSecret::Unreadable { key: PRIVATE_KEY_KEY, problem: problem.to_owned() };
    if text.contains("ENCRYPTED") {
        return Err(unreadable("the key is encrypted, expected one without a passphrase"));
    }
    // why not the parser's words: they might quote the key
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| unreadable("it has no private key as PEM"))
}

/// Which of the certificates a public key belongs to: the first one, unless somebody put the chain in another order.
fn leaf_of(parsed: &[X509Certificate<'_>], public: Option<&[u8]>) -> Result<usize, UnusableSecret> {
    let unusable = || UnusableSecret::Unreadable {
        key: PRIVATE_KEY_KEY,
        problem: format!("it cannot be used as a key, expected {ACCEPTED_KEYS}"),
    };
    let public = public.ok_or_else(unusable)?;
    let (_, public) = SubjectPublicKeyInfo::from_der(public).map_err(|_| unusable())?;
    let is_its = |certificate: &X509Certificate<'_>| {
        certificate.public_key().subject_public_key.data == public.subject_public_key.data
    };
    parsed.iter().position(is_its).ok_or(UnusableSecret::NotAPair)
}

fn check_leaf(leaf: &X509Certificate<'_>, now: i64) -> Result<(), UnusableSecret> {
    if leaf.version() != X509Version::V3 {
        return Err(UnusableSecret::Version(leaf.version().0.saturating_add(1)));
    }
    check_key_type(leaf)?;
    let moment = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let (begin, end) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    if now > end {
        return Err(UnusableSecret::Expired(moment(end)));
    }
    if now < begin {
        return Err(UnusableSecret::NotYetValid(moment(begin)));
    }
    if names_of(leaf).is_empty() { Err(UnusableSecret::NoName) } else { Ok(()) }
}

fn check_key_type(certificate: &X509Certificate<'_>) -> Result<(), UnusableSecret> {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) if RSA_SIZES.contains(&rsa.key_size()) => Ok(()),
        Ok(PublicKey::RSA(rsa)) => Err(UnusableSecret::KeyType(format!("RSA with {} bits", rsa.key_size()))),
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
            if CURVES.iter().any(|(_, id)| *id == curve) {
                return Ok(());
            }
            Err(UnusableSecret::KeyType(format!("EC with the curve {curve}")))
        }
        Ok(_) | Err(_) => {
            Err(UnusableSecret::KeyType(format!("the algorithm {}", info.algorithm.algorithm.to_id_string())))
        }
    }
}

fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    let names: Vec<String> = alternative.filter_map(name).collect();
    if !names.is_empty() {
        return names;
    }
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    common.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(octets).to_string());
    }
    let octets = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(octets).to_string())
}

fn check_size(what: &'static str, length: usize, limit: usize) -> Result<(), UnusableSecret> {
    if length > limit { Err(UnusableSecret::TooLarge { what, length, limit }) } else { Ok(()) }
}
