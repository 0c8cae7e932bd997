//! What ACM said about certificates.

use crate::aws::{Cloud, pages, send};
use crate::aws_api::CloudError;
use crate::aws_api::acm::{Certificate, DescribeCertificate, ListCertificates};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many certificates are described at once.
const DESCRIBED_AT_ONCE: usize = 8;

/// What ACM said about certificates. Each is asked for on its own, so this outlives the list of them.
#[derive(Default)]
pub struct Certificates(Mutex<BTreeMap<String, (Instant, Certificate)>>);

impl Certificates {
    /// All issued certificates, in ACM's order; those that vanish meanwhile are left out.
    pub async fn list(&self, cloud: &dyn Cloud) -> Result<Vec<Certificate>, CloudError> {
        let listed = pages::all(cloud, ListCertificates::default()).await?;
        let arns: Vec<String> = listed.into_iter().map(|summary| summary.arn).collect();
        self.0.lock().retain(|arn, _| arns.contains(arn));
        let described = futures::stream::iter(arns).map(|arn| self.describe(cloud, arn));
        let described: Vec<_> = described.buffered(DESCRIBED_AT_ONCE).try_collect().await?;
        Ok(described.into_iter().flatten().collect())
    }

    async fn describe(&self, cloud: &dyn Cloud, arn: String) -> Result<Option<Certificate>, CloudError> {
        let known = self.0.lock().get(&arn).filter(|(until, _)| Instant::now() < *until).cloned();
        if let Some((_, certificate)) = known {
            return Ok(Some(certificate));
        }
        match send(cloud, DescribeCertificate { arn: arn.clone() }).await {
            Ok(certificate) => {
                let until = Instant::now() + certificate_time_to_live(&certificate.kind);
                self.0.lock().insert(arn, (until, certificate.clone()));
                Ok(Some(certificate))
            }
            Err(error) if error.is(&["ResourceNotFoundException"]) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How long a certificate's domains are believed: only an imported one can be given others.
fn certificate_time_to_live(kind: &str) -> Duration {
    match kind {
        "AMAZON_ISSUED" | "PRIVATE" => Duration::from_hours(10),
        "IMPORTED" => Duration::from_mins(5),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
