//! The certificates of TLS Secrets: each is read, checked, and imported where a listener uses it.

use super::{FactSource, contents, failure};
use crate::api::ObjectKey;
use crate::clock;
use crate::facts::{LookupFailure, SecretCertificate};
use crate::model::{Owner, StackId};
use crate::secret_certificates::{
    CERTIFICATE_KEY, PRIVATE_KEY_KEY, UnusableSecret, UsableCertificate, check,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;

impl FactSource {
    pub(super) async fn secret_certificate(
        &self,
        stack: &StackId,
        secret: &ObjectKey,
    ) -> Result<SecretCertificate, LookupFailure> {
        let checked = self.checked(stack.owner, secret).await?;
        let acquired = Box::pin(self.secret_certificates.acquire(stack, secret, checked)).await;
        acquired.map_err(|error| {
            let mut failure = failure(&error);
            failure.message = format!("secret {secret}: {}", failure.message);
            failure
        })
    }

    /// Why a Secret could not be imported; `None`: it could.
    pub(super) async fn check_secret(
        &self,
        owner: Owner,
        secret: &ObjectKey,
    ) -> Result<Option<String>, LookupFailure> {
        Ok(self.checked(owner, secret).await?.err().map(|problem| problem.to_string()))
    }

    async fn checked(
        &self,
        owner: Owner,
        secret: &ObjectKey,
    ) -> Result<Result<UsableCertificate, UnusableSecret>, LookupFailure> {
        let read = self.objects.read_secret(secret).await.map_err(|error| {
            let message = format!("secret {secret}: {error}");
            LookupFailure { code: None, message, part: None }
        })?;
        let read = read.filter(|read| owner != Owner::Ingress || self.may_use(read));
        let Some(mut read) = read else { return Ok(Err(UnusableSecret::Missing)) };
        if let Some(data) = &mut read.data {
            // why: nothing else of it is needed, and may be secret as well
            data.retain(|key, _| [CERTIFICATE_KEY, PRIVATE_KEY_KEY].contains(&key.as_str()));
        }
        let data = contents(read);
        Ok(check(&data, clock::now().as_second(), public_key_of))
    }
}

/// The public key of a private one, if it is of a kind that TLS knows.
fn public_key_of(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    // why: what is wrong with the key might tell of it
    let key = any_supported_type(key).ok()?;
    Some(key.public_key()?.as_ref().to_vec())
}
