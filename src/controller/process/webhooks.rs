//! The webhook server of the process: its certificate, its routes, its listener.

use super::{Process, ProcessError};
use crate::api::ObjectKey;
use crate::args::{OwnCertificates, WebhookSettings};
use crate::cluster::quic_ids::QuicIdSource;
use crate::cluster::server_version::ServerVersion;
use crate::cluster::target_control::TargetControlSettings;
use crate::cluster::webhook_certs;
use crate::pool::Pool;
use crate::serve::bodies::{Bodies, BodyLimits};
use crate::serve::certificate::{self, CertificateFiles, ServingCertificate};
use crate::serve::connections::ConnectionLimits;
use crate::serve::listener::Server;
use crate::serve::lookups::Lookups;
use crate::serve::webhook::router;
use crate::serve::webhooks::{QuicIds, Webhooks};
use ::webhook_certs::{Bundle, RotationPolicy, service_names};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::task::JoinSet;

impl Process {
    /// Starts the webhook server; answers the certificate that decides whether it can serve.
    pub(super) async fn serve_webhooks(
        &self,
        tasks: &mut JoinSet<()>,
        listeners: &mut JoinSet<()>,
    ) -> Result<Arc<ServingCertificate>, ProcessError> {
        let settings = &self.settings.webhook;
        let serving = Arc::new(ServingCertificate::default());
        match &settings.own_certificates {
            Some(own) => self.keep_certificates(own, &serving, tasks),
            None => self.follow_files(settings, &serving, tasks).await?,
        }
        let served = serving.clone();
        self.metrics.read_when_asked(move |metrics| {
            if let Some(time) = served.expiry() {
                metrics.set_certificate_expiry(time);
            }
        });
        let client_ca = match &settings.client_ca_file {
            Some(path) => Some(certificate::read(path).await?),
            None => None,
        };
        let tls = Arc::new(certificate::server_config(serving.clone(), client_ca.as_deref())?);
        let address = format!(":{}", settings.port);
        let listener = crate::serve::admin::bind(&address).await.map_err(|source| ProcessError::Listen {
            address,
            purpose: "webhooks",
            source,
        })?;
        let router = router(Arc::new(self.webhooks()));
        let server = Server::new(ConnectionLimits::default(), self.metrics.connections("webhooks"));
        listeners.spawn(server.serve(listener, Some(tls.into()), router, self.shutdown_signal()));
        Ok(serving)
    }

    fn keep_certificates(
        &self,
        own: &OwnCertificates,
        serving: &Arc<ServingCertificate>,
        tasks: &mut JoinSet<()>,
    ) {
        let OwnCertificates { secret, service, configurations, cluster_domain } = own;
        let names = service_names(&service.1, &service.0, cluster_domain);
        let settings = webhook_certs::WebhookCertsSettings {
            secret: ObjectKey::namespaced(secret.0.as_str(), secret.1.as_str()),
            configurations: configurations.split(',').map(|name| name.trim().to_owned()).collect(),
            policy: RotationPolicy::new(names),
        };
        let serving = serving.clone();
        let publish = move |bundle: &Bundle| {
            if let Err(error) = serving.publish(bundle.cert_pem.as_bytes(), bundle.key_pem.as_bytes()) {
                tracing::warn!(%error, "issued webhook certificate not usable");
            }
        };
        let metrics = self.metrics.clone();
        let looked = move |is_fine| metrics.count_certificate_read(is_fine);
        tasks.spawn(webhook_certs::run(self.client.clone(), settings, publish, looked));
    }

    async fn follow_files(
        &self,
        settings: &WebhookSettings,
        serving: &Arc<ServingCertificate>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), ProcessError> {
        let files = CertificateFiles { cert: settings.cert_file.clone(), key: settings.key_file.clone() };
        let served = files.load(serving).await?;
        let (serving, metrics) = (serving.clone(), self.metrics.clone());
        tasks.spawn(async move { files.follow(&serving, &metrics, served).await });
        Ok(())
    }

    fn webhooks(&self) -> Webhooks {
        Webhooks {
            config: self.config.clone(),
            lookups: Lookups::new(self.clouds.clone(), self.metrics.lookups()),
            bodies: Bodies::new(BodyLimits::default(), self.metrics.bodies()),
            pool: Pool::new(self.metrics.pool("reviews")),
            stores: self.stores.clone(),
            quic_ids: Arc::new(QuicIdSource::new(self.client.clone())),
            target_control: Arc::new(TargetControlSettings::new(self.client.clone())),
            server: Arc::new(ServerVersion::new(self.client.clone())),
            metrics: self.metrics.clone(),
        }
    }
}

impl QuicIds for QuicIdSource {
    fn take(&self, count: usize, is_dry_run: bool) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            if is_dry_run {
                return Ok((0..count).map(|_| self.sample()).collect());
            }
            let mut ids = Vec::with_capacity(count);
            for _ in 0..count {
                ids.push(self.take().await.map_err(|error| error.to_string())?);
            }
            Ok(ids)
        })
    }
}
