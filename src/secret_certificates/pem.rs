//! PEM, read and written.

use crate::aws_api::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// Characters in a line.
const LINE: usize = 64;

/// The certificates in a text, as DER.
///
/// Errors: what is wrong with the text.
pub(super) fn certificates(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let all = CertificateDer::pem_slice_iter(text.as_bytes());
    let all = all.map(|der| der.map(|der| der.to_vec()).map_err(|error| error.to_string()));
    all.collect()
}

/// A certificate as PEM.
pub(super) fn certificate(der: &[u8]) -> String {
    written("CERTIFICATE", &STANDARD.encode(der))
}

/// A private key as PEM.
pub(super) fn private_key(key: &PrivateKeyDer<'_>) -> Secret {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let encoded = Zeroizing::new(STANDARD.encode(key.secret_der()));
    Secret::new(written(label, &encoded))
}

/// why with room for all of it: a text that grows leaves copies of itself behind
fn written(label: &str, encoded: &str) -> String {
    let mut text = String::with_capacity(encoded.len() + encoded.len() / LINE + 2 * label.len() + 64);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = encoded;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
