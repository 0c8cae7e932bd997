//! What is kept in the Secret.

use std::collections::BTreeMap;
use std::fmt;

/// Secret key of the trusted authorities.
pub const SECRET_CA: &str = "ca.crt";
/// Secret key of the serving certificate.
pub const SECRET_CERT: &str = "tls.crt";
/// Secret key of the serving certificate's private key.
pub const SECRET_KEY: &str = "tls.key";
/// Secret key of the newest authority's private key.
pub const SECRET_CA_KEY: &str = "ca.key";

/// The certificates and keys of the webhooks, all in PEM. Nothing is promised about their contents: whoever may write
/// the Secret may have put anything there.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The authorities that API servers trust, oldest first; several during a rotation.
    pub ca_pem: String,
    /// The serving certificate.
    pub cert_pem: String,
    /// Private key of the serving certificate.
    pub key_pem: String,
    /// Private key of one of the authorities; absent for certificates that came from somewhere else.
    pub ca_key_pem: Option<String>,
}

impl Bundle {
    /// Reads the data of a Secret. Nothing if a part is missing, empty or not text.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let text = |key: &str| {
            let bytes = data.get(key).filter(|bytes| !bytes.is_empty())?;
            String::from_utf8(bytes.clone()).ok()
        };
        Some(Self {
            ca_pem: text(SECRET_CA)?,
            cert_pem: text(SECRET_CERT)?,
            key_pem: text(SECRET_KEY)?,
            ca_key_pem: text(SECRET_CA_KEY),
        })
    }

    /// The data of a Secret.
    pub fn to_secret(&self) -> BTreeMap<String, Vec<u8>> {
        let Self { ca_pem, cert_pem, key_pem, ca_key_pem } = self;
        let parts = [(SECRET_CA, ca_pem), (SECRET_CERT, cert_pem), (SECRET_KEY, key_pem)];
        let key = ca_key_pem.as_ref().map(|pem| (SECRET_CA_KEY, pem));
        parts.into_iter().chain(key).map(|(name, pem)| (name.to_string(), pem.clone().into_bytes())).collect()
    }
}

/// Leaves out the private keys.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ca_pem, cert_pem, key_pem: _, ca_key_pem: _ } = self;
        f.debug_struct("Bundle").field("ca_pem", ca_pem).field("cert_pem", cert_pem).finish_non_exhaustive()
    }
}
