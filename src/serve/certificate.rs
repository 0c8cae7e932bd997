//! The serving certificate of the webhook listener, replaceable while connections are open.

use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the files are looked at.
///
/// why: a mounted Secret is swapped through a symbolic link, which file notifications miss
/// (kubernetes/kubernetes#111947); reading two small files is cheap and always right.
const RELOAD_PERIOD: Duration = Duration::from_secs(5);

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not PEM, or PEM of something else.
    #[error("{what} is not valid PEM: {source}")]
    Pem {
        /// Certificate, key or CA bundle.
        what: &'static str,
        /// What is wrong with the text.
        source: rustls::pki_types::pem::Error,
    },
    /// Nothing in it.
    #[error("{what} holds no certificate")]
    Empty {
        /// Certificate or CA bundle.
        what: &'static str,
    },
    /// Key and certificate do not fit, or the key is of an unknown kind.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The client CA bundle cannot be used.
    #[error("client CA bundle cannot be used: {0}")]
    ClientCa(#[from] rustls::server::VerifierBuilderError),
}

/// The certificate being served, shared between whoever renews it and every handshake.
#[derive(Debug, Default)]
pub struct ServingCertificate(ArcSwapOption<CertifiedKey>);

impl ServingCertificate {
    /// Serves this certificate chain from the next handshake on.
    pub fn publish(&self, cert_pem: &[u8], key_pem: &[u8]) -> Result<(), CertificateError> {
        let certified = parse_pair(cert_pem, key_pem)?;
        self.0.store(Some(Arc::new(certified)));
        Ok(())
    }

    /// When the certificate that is served expires, in seconds since 1970.
    pub fn expiry(&self) -> Option<i64> {
        let served = self.0.load();
        let (_, certificate) = x509_parser::parse_x509_certificate(served.as_ref()?.cert.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// Whether there is a certificate to serve.
    pub fn is_ready(&self) -> bool {
        self.0.load().is_some()
    }
}

impl ResolvesServerCert for ServingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

fn parse_pair(cert_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, CertificateError> {
    let chain = parse_certificates("certificate", cert_pem)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|source| CertificateError::Pem { what: "key", source })?;
    let certified = CertifiedKey::new(chain, any_supported_type(&key)?);
    certified.keys_match()?;
    Ok(certified)
}

fn parse_certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| CertificateError::Pem { what, source })?;
    if chain.is_empty() { Err(CertificateError::Empty { what }) } else { Ok(chain) }
}

/// TLS settings of the webhook listener: TLS 1.2 and up, HTTP/2 and HTTP/1.1, client certificates if a CA is given.
pub fn server_config(
    certificate: Arc<ServingCertificate>,
    client_ca_pem: Option<&[u8]>,
) -> Result<ServerConfig, CertificateError> {
    let builder = ServerConfig::builder();
    let builder = match client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(parse_certificates("client CA bundle", pem)?);
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build()?)
        }
    };
    let mut config = builder.with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A certificate and key on disk.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// File of the certificate and its chain, in PEM.
    pub cert: PathBuf,
    /// File of the private key, in PEM.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// Reads both files and serves them.
    pub async fn load(
        &self,
        certificate: &ServingCertificate,
    ) -> Result<(Vec<u8>, Vec<u8>), CertificateError> {
        let pair = self.read().await?;
        certificate.publish(&pair.0, &pair.1)?;
        Ok(pair)
    }

    /// Serves new contents of the files as they appear, until the process ends. Unusable contents are logged, and what
    /// was served before is served on.
    pub async fn follow(
        &self,
        certificate: &ServingCertificate,
        metrics: &Metrics,
        mut served: (Vec<u8>, Vec<u8>),
    ) {
        let mut ticks = tokio::time::interval(RELOAD_PERIOD);
        let mut is_usable = true;
        loop {
            ticks.tick().await;
            let found = self.read().await;
            let is_read = found.is_ok();
            if let Ok(pair) = found
                && pair != served
            {
                is_usable = self.replace(certificate, &pair);
                served = pair;
            }
            metrics.count_certificate_read(is_read && is_usable);
        }
    }

    /// Answers whether the new contents of the files are served now.
    fn replace(&self, certificate: &ServingCertificate, pair: &(Vec<u8>, Vec<u8>)) -> bool {
        let file = self.cert.display();
        match certificate.publish(&pair.0, &pair.1) {
            Ok(()) => tracing::info!(%file, "serving a new webhook certificate"),
            Err(error) => {
                tracing::warn!(%file, %error, "new webhook certificate not usable");
                return false;
            }
        }
        true
    }

    async fn read(&self) -> Result<(Vec<u8>, Vec<u8>), CertificateError> {
        Ok((read(&self.cert).await?, read(&self.key).await?))
    }
}

/// Reads a file, naming it when that fails.
pub async fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { path: path.display().to_string(), source };
    tokio::fs::read(path).await.map_err(unreadable)
}
