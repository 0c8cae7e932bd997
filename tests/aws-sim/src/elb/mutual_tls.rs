//! Mutual TLS of listeners.

use super::Kind;
use crate::{
    World,
    refusal::{CallResult, bad_value, ensure},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    Listener, ListenerSettings, MutualAuthentication, Protocol,
};

impl World {
    /// Mutual TLS as AWS keeps and shows it; none on listeners that are not HTTPS.
    pub(crate) fn normalize_mutual(
        &self,
        settings: &ListenerSettings,
        previous: Option<&Listener>,
    ) -> CallResult<Option<MutualAuthentication>> {
        let (given, protocol) = (settings.mutual_authentication.as_ref(), &settings.protocol);
        if *protocol != Protocol::Https {
            ensure(given.is_none_or(|mutual| mutual.mode == "off"), || {
                bad_value(format!("Mutual authentication cannot be specified for {protocol} listeners"))
            })?;
            return Ok(None);
        }
        let was = || previous.and_then(|listener| listener.mutual_authentication.clone());
        match given {
            Some(given) => self.normalize_mode(given).map(Some),
            None => Ok(Some(was().unwrap_or_else(|| mode("off")))),
        }
    }

    fn normalize_mode(&self, given: &MutualAuthentication) -> CallResult<MutualAuthentication> {
        let name = given.mode.as_str();
        ensure(matches!(name, "off" | "passthrough" | "verify"), || {
            bad_value(format!(
                "Mutual authentication mode '{name}' must be one of 'off, passthrough, verify'"
            ))
        })?;
        ensure((name == "verify") == given.trust_store_arn.is_some(), || {
            bad_value(format!(
                "A trust store must be specified for mutual authentication mode 'verify' only, not for '{name}'"
            ))
        })?;
        let Some(store) = given.trust_store_arn.as_deref() else { return Ok(mode(name)) };
        ensure(self.elb.trust_stores.contains_key(store), || Kind::TrustStore.not_found(store))?;
        let advertises = given.advertise_trust_store_ca_names.as_deref().unwrap_or("off");
        Ok(MutualAuthentication {
            ignore_client_certificate_expiry: Some(given.ignore_client_certificate_expiry.unwrap_or(false)),
            advertise_trust_store_ca_names: Some(advertises.to_owned()),
            ..given.clone()
        })
    }
}

fn mode(name: &str) -> MutualAuthentication {
    MutualAuthentication { mode: name.to_owned(), ..MutualAuthentication::default() }
}
