//! `mutual-authentication`: client certificates per listener, written as JSON (upstream's
//! `pkg/ingress/model_build_listener.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Suffix of the annotation.
pub const SUFFIX: &str = "mutual-authentication";

/// Mutual TLS of one listener, trust store not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MutualTls {
    /// No client certificates.
    Off,
    /// Client certificates are passed on.
    Passthrough,
    /// Client certificates are checked.
    Verify {
        /// ARN or name of the trust store.
        trust_store: String,
        /// Accept expired client certificates.
        ignore_expiry: bool,
        /// `on`/`off`.
        advertise: Option<String>,
    },
}

/// Mutual TLS by port; empty if there is no annotation. Of a repeated port the last one counts.
pub fn parse_mutual_tls(
    annotations: &Annotations<'_>,
) -> Result<BTreeMap<i32, MutualTls>, InvalidAnnotation> {
    let Some(raw) =
        json::<Vec<GoObject<RawMutualTls>>>(annotations, SUFFIX, "a list of mutual TLS settings", &[])?
    else {
        return Ok(BTreeMap::new());
    };
    let invalid = |problem: String| InvalidAnnotation::new(annotations.key(SUFFIX), problem);
    if raw.is_empty() {
        return Err(invalid("is empty".to_owned()));
    }
    let mut by_port = BTreeMap::new();
    for (index, GoObject(entry)) in raw.into_iter().enumerate() {
        let (port, mode) = entry.check().map_err(|problem| invalid(format!("[{index}] {problem}")))?;
        by_port.insert(port, mode);
    }
    Ok(by_port)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawMutualTls {
    port: i32,
    mode: String,
    truststore: Option<String>,
    ignoreclientcertificateexpiry: Option<bool>,
    advertisetruststorecanames: Option<String>,
}

impl RawMutualTls {
    fn check(self) -> Result<(i32, MutualTls), String> {
        if !(1..=65535).contains(&self.port) {
            return Err(format!("port is {}, expected 1 to 65535", self.port));
        }
        let port = self.port;
        let mode = match self.mode.as_str() {
            "off" => self.check_plain(MutualTls::Off)?,
            "passthrough" => self.check_plain(MutualTls::Passthrough)?,
            "verify" => self.check_verify()?,
            "" => return Err("has no mode, expected off, passthrough or verify".to_owned()),
            other => return Err(format!("mode is {other:?}, expected off, passthrough or verify")),
        };
        Ok((port, mode))
    }

    fn check_plain(self, mode: MutualTls) -> Result<MutualTls, String> {
        let only_verify =
            |name: &str| Err(format!("{name} is set for mode {:?}, expected only for verify", self.mode));
        if self.truststore.as_ref().is_some_and(|store| !store.is_empty()) {
            return only_verify("trustStore");
        }
        if self.ignoreclientcertificateexpiry.is_some() {
            return only_verify("ignoreClientCertificateExpiry");
        }
        if self.advertisetruststorecanames.is_some() {
            return only_verify("advertiseTrustStoreCaNames");
        }
        Ok(mode)
    }

    fn check_verify(self) -> Result<MutualTls, String> {
        let trust_store = self.truststore.filter(|store| !store.is_empty());
        let trust_store = trust_store.ok_or("mode verify needs trustStore, a name or an ARN")?;
        if let Some(advertise) = &self.advertisetruststorecanames
            && !matches!(advertise.as_str(), "on" | "off")
        {
            return Err(format!("advertiseTrustStoreCaNames is {advertise:?}, expected on or off"));
        }
        Ok(MutualTls::Verify {
            trust_store,
            ignore_expiry: self.ignoreclientcertificateexpiry.unwrap_or_default(),
            advertise: self.advertisetruststorecanames,
        })
    }
}
