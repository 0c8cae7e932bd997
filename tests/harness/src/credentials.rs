//! Certificates, keys, tokens and kubeconfigs of one cluster, made afresh for each.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;

use crate::home::Home;

/// What the API server needs to prove who it is and to know who asks.
#[derive(Debug)]
pub struct Credentials {
    /// The certificate authority, PEM.
    pub authority: PathBuf,
    /// The serving certificate of the API server, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The key that signs ServiceAccount tokens, PEM.
    pub account_key: PathBuf,
    /// Its public half, PEM.
    pub account_public_key: PathBuf,
    /// Static tokens, in the API server's CSV form.
    pub tokens: PathBuf,
    /// The token of a cluster administrator.
    pub admin: String,
    authority_pem: String,
}

impl Credentials {
    /// Makes everything and writes it below `home`.
    pub fn issue(home: &Home) -> Result<Self> {
        let (authority, issuer) = issue_authority()?;
        let names = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let mut params = CertificateParams::new(names.map(str::to_owned))?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let accounts = KeyPair::generate()?;
        let admin = format!("{:032x}", rand::random::<u128>());
        Ok(Self {
            certificate: home.write("apiserver.crt", certificate.pem())?,
            key: home.write("apiserver.key", key.serialize_pem())?,
            account_key: home.write("accounts.key", accounts.serialize_pem())?,
            account_public_key: home.write("accounts.pub", accounts.public_key_pem())?,
            tokens: home.write("tokens.csv", format!("{admin},admin,admin,\"system:masters\"\n"))?,
            authority: home.write("ca.crt", &authority)?,
            authority_pem: authority,
            admin,
        })
    }

    /// A kubeconfig for a token. It is JSON, which every reader of YAML takes.
    pub fn kubeconfig(&self, server: SocketAddr, token: &str) -> String {
        let cluster = json!({"server": format!("https://{server}"), "certificate-authority-data": encode_base64(self.authority_pem.as_bytes())});
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "harness",
            "clusters": [{"name": "harness", "cluster": cluster}],
            "users": [{"name": "harness", "user": {"token": token}}],
            "contexts": [{"name": "harness", "context": {"cluster": "harness", "user": "harness"}}],
        });
        config.to_string()
    }
}

fn issue_authority() -> Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "harness-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
