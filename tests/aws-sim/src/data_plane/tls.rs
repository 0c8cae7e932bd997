//! TLS of listeners: certificates by server name, versions by security policy.

use super::view::ListenerView;
use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::{collections::HashMap, sync::Arc};

/// The certificates of listeners, by ARN.
pub(super) struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    authority: String,
    provider: Arc<CryptoProvider>,
    known: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    pub(super) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "aws-sim");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            authority,
            provider: Arc::new(aws_lc_rs::default_provider()),
            known: Mutex::default(),
        })
    }

    /// The certificate (PEM) of the authority.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Serves this certificate under an ARN.
    pub(super) fn set(&self, arn: &str, chain: &str, key: &str) -> Result<()> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .context("the chain")?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("the key")?;
        let certified = self.certify(chain, key)?;
        certified.keys_match()?;
        self.known.lock().insert(arn.to_owned(), Arc::new(certified));
        Ok(())
    }

    fn certify(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<CertifiedKey> {
        Ok(CertifiedKey::new(chain, self.provider.key_provider.load_private_key(key)?))
    }

    /// The certificate under an ARN; one for its names is issued if nobody set it.
    fn of(&self, arn: &str, names: &[String]) -> Result<Arc<CertifiedKey>> {
        if let Some(known) = self.known.lock().get(arn) {
            return Ok(Arc::clone(known));
        }
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or(arn, String::as_str));
        let key = KeyPair::generate()?;
        let chain = vec![params.signed_by(&key, &self.issuer)?.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let certified = Arc::new(self.certify(chain, key)?);
        self.known.lock().insert(arn.to_owned(), Arc::clone(&certified));
        Ok(certified)
    }

    /// How a listener shakes hands.
    pub(super) fn config(&self, listener: &ListenerView, alpn: &[&str]) -> Result<ServerConfig> {
        let certificates = listener.certificates.iter();
        let certificates = certificates
            .map(|(arn, names)| match listener.imported.get(arn) {
                Some(imported) => Ok((names.clone(), Arc::clone(&imported.key))),
                None => Ok((names.clone(), self.of(arn, names)?)),
            })
            .collect::<Result<_>>()?;
        let versions = versions(listener.described.ssl_policy.as_deref().unwrap_or_default());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ByName { certificates }));
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }
}

/// The versions of a security policy, but for those before 1.2, which rustls does not have.
fn versions(policy: &str) -> Vec<&'static SupportedProtocolVersion> {
    if policy.contains("TLS13-1-3") {
        vec![&TLS13]
    } else if policy.contains("TLS13") {
        vec![&TLS13, &TLS12]
    } else {
        vec![&TLS12]
    }
}

/// The protocols that a listener of an NLB offers, by its ALPN policy.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html#alpn-policies>
pub(super) fn alpn(policy: &[String]) -> &'static [&'static str] {
    match policy.first().map(String::as_str) {
        Some("HTTP1Only") => &["http/1.1", "http/1.0"],
        Some("HTTP2Only") => &["h2"],
        Some("HTTP2Optional") => &["http/1.1", "http/1.0", "h2"],
        Some("HTTP2Preferred") => &["h2", "http/1.1", "http/1.0"],
        _ => &[],
    }
}

/// The certificate that names the server exactly, else the one with a wildcard for it, else the default one.
#[derive(Debug)]
struct ByName {
    certificates: Vec<(Vec<String>, Arc<CertifiedKey>)>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().unwrap_or_default().to_lowercase();
        let wildcard = asked.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let named = |wanted: &str| {
            let mut all = self.certificates.iter();
            all.find(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
        };
        let found = named(&asked).or_else(|| named(wildcard.as_deref()?)).or(self.certificates.first());
        found.map(|(_, certified)| Arc::clone(certified))
    }
}
