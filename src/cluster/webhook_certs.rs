//! Keeps the webhooks' certificates: issues them, stores them, serves them and has API servers trust them.
//!
//! Every replica runs this. They agree through the Secret's resourceVersion: whoever is first to write the next step of
//! [`webhook_certs`]'s state machine wins, the others read what was written. Watches only wake the loop; what it does is
//! decided from the Secret and the webhook configurations as they are then, so it does not matter what it has missed.
//!
//! Upstream has its chart generate certificates at each rendering, and renews none.

use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{BoxStream, StreamExt, select_all};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};
use webhook_certs::{Bundle, Decision, IssueError, IssueReason, RotationPolicy, advance, decide};

use super::ApiError;
use super::watch::WatchBackoff;
use super::write::is_conflict;
use crate::api::{ObjectKey, ObjectMeta, Secret};
use crate::clock::now;

/// How long to wait after the first failure; doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long to wait at most: a clock may jump, a watch may be broken.
const RECHECK: Duration = Duration::from_mins(10);
/// How long a Secret that was there stays away before it is made anew; until then replicas serve what they remember.
///
/// why: whoever takes the release away deletes the Secret and then our right to make one. In between, it would come back and stay.
const RECREATE_DELAY: Duration = Duration::from_secs(5);

/// Which certificates are kept, and where.
#[derive(Clone, Debug)]
pub struct WebhookCertsSettings {
    /// The Secret.
    pub secret: ObjectKey,
    /// Names of the mutating and validating webhook configurations whose `caBundle` is written. One that does not exist
    /// is written when it appears.
    pub configurations: Vec<String>,
    /// Names and lifetimes.
    pub policy: RotationPolicy,
}

/// Why the certificates are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum WebhookCertsError {
    /// The Secret can't be read or written.
    #[error("webhook certificates are kept in Secret {secret}, which can't be used: {source}")]
    Secret {
        /// The Secret.
        secret: ObjectKey,
        /// What the API server said.
        source: ApiError,
    },
    /// A configuration can't be read or written.
    #[error("caBundle of {kind} {name} can't be kept: {source}")]
    Configuration {
        /// Kind of the configuration.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: ApiError,
    },
    /// Nothing can be issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// Keeps the certificates until the process ends. `publish` is told of every certificate that is to be served; `looked`, after
/// every look at them, whether they are as they should be.
pub async fn run(
    client: Client,
    settings: WebhookCertsSettings,
    publish: impl Fn(&Bundle),
    looked: impl Fn(bool),
) {
    let mut changes = changes(&client, &settings);
    let mut rotator = CertificateRotator::new(client, settings);
    let mut pause = FIRST_PAUSE;
    loop {
        let step = rotator.step(now(), &publish).await;
        // why: only counted; the error is told below
        looked(step.is_ok());
        let wait = match step {
            Ok(wait) => {
                pause = FIRST_PAUSE;
                wait
            }
            Err(error) => {
                tracing::warn!(%error, "webhook certificates");
                let wait = pause;
                pause = LONGEST_PAUSE.min(pause * 2);
                wait
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            Some(()) = changes.next() => {}
        }
        // why: what changed together is looked at once
        while changes.next().now_or_never().flatten().is_some() {}
    }
}

/// Something every time the Secret or a configuration may have changed.
fn changes(client: &Client, settings: &WebhookCertsSettings) -> BoxStream<'static, ()> {
    let secrets = Api::namespaced(client.clone(), settings.secret.namespace());
    let mut streams = vec![changes_of::<Secret>(secrets, settings.secret.name())];
    for name in &settings.configurations {
        streams.push(changes_of::<MutatingWebhookConfiguration>(Api::all(client.clone()), name));
        streams.push(changes_of::<ValidatingWebhookConfiguration>(Api::all(client.clone()), name));
    }
    select_all(streams).boxed()
}

fn changes_of<K>(api: Api<PartialObjectMeta<K>>, name: &str) -> BoxStream<'static, ()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let events = watcher(api, only).backoff(WatchBackoff::default());
    let heard = events.filter_map(async |event| match event {
        Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone) => Some(()),
        Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
        Err(error) => {
            tracing::debug!(%error, "watch for webhook certificates");
            None
        }
    });
    heard.boxed()
}

/// One replica's part in keeping the certificates.
struct CertificateRotator {
    client: Client,
    settings: WebhookCertsSettings,
    /// What was published last.
    served: Option<Bundle>,
    /// The authorities that are in every configuration, and since when.
    trusted: Option<(String, Instant)>,
    /// Labels and annotations that the Secret had last: by them Helm knows its own.
    marks: Option<ObjectMeta>,
    /// Since when it is gone.
    gone: Option<Instant>,
}

impl CertificateRotator {
    fn new(client: Client, settings: WebhookCertsSettings) -> Self {
        Self { client, settings, served: None, trusted: None, marks: None, gone: None }
    }

    /// Does what is to be done now and says when to come back.
    async fn step(
        &mut self,
        now: Timestamp,
        publish: &impl Fn(&Bundle),
    ) -> Result<Duration, WebhookCertsError> {
        let stored = self.read().await?;
        if let Some(wait) = self.delay_recreation(stored.as_ref()) {
            return Ok(wait);
        }
        let (bundle, decision) = self.decide(now, stored.as_ref());
        let trusted = match &bundle {
            Some(bundle) if decision.is_usable_meanwhile() => {
                self.serve(bundle, publish);
                self.publish_bundle(bundle).await
            }
            _ => Ok(()),
        };
        // why: the error is handed on below
        let wait = match self.wait_before(now, decision, trusted.is_ok()) {
            Some(wait) => wait,
            None => self.carry_out(decision, now, stored, bundle.as_ref()).await?,
        };
        trusted.map(|()| wait)
    }

    /// How long to wait for whoever deleted the Secret to finish.
    fn delay_recreation(&mut self, stored: Option<&Secret>) -> Option<Duration> {
        if let Some(secret) = stored {
            let ObjectMeta { labels, annotations, .. } = secret.metadata.clone();
            self.marks = Some(ObjectMeta { labels, annotations, ..ObjectMeta::default() });
            self.gone = None;
            return None;
        }
        self.marks.as_ref()?;
        let gone = self.gone.get_or_insert_with(Instant::now);
        RECREATE_DELAY.checked_sub(gone.elapsed()).filter(|rest| !rest.is_zero())
    }

    /// Whose certificates to go on with, and how.
    ///
    /// why: when the Secret is deleted or broken, replicas still serve what was in it. Starting over would fail calls
    /// until each has learnt of it; a new authority next to theirs replaces it without.
    fn decide(&self, now: Timestamp, stored: Option<&Secret>) -> (Option<Bundle>, Decision) {
        let policy = &self.settings.policy;
        let found = stored.and_then(bundle_in);
        let decision = decide(now, found.as_ref(), policy);
        let (Decision::IssueAll(reason) | Decision::IssueLeaf(reason)) = decision else {
            return (found, decision);
        };
        let is_usable = |own: &&Bundle| decide(now, Some(own), policy).is_usable_meanwhile();
        match self.served.as_ref().filter(is_usable) {
            Some(own) if !decision.is_usable_meanwhile() => (Some(own.clone()), Decision::AddCa(reason)),
            _ => (found, decision),
        }
    }

    /// How long to leave things as they are; nothing if there is something to do now.
    fn wait_before(&self, now: Timestamp, decision: Decision, trusted: bool) -> Option<Duration> {
        match decision {
            Decision::Keep { until } => {
                Some(Duration::try_from(now.duration_until(until)).unwrap_or(Duration::ZERO).min(RECHECK))
            }
            Decision::IssueLeaf(IssueReason::CaPropagated) if !trusted => Some(FIRST_PAUSE),
            Decision::IssueLeaf(IssueReason::CaPropagated) => {
                let propagation_time =
                    Duration::try_from(self.settings.policy.propagation_time).unwrap_or(Duration::ZERO);
                let known = self.trusted.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
                propagation_time.checked_sub(known).filter(|rest| !rest.is_zero())
            }
            Decision::IssueAll(_) | Decision::IssueLeaf(_) | Decision::AddCa(_) | Decision::DropCas => None,
        }
    }

    async fn carry_out(
        &self,
        decision: Decision,
        now: Timestamp,
        stored: Option<Secret>,
        bundle: Option<&Bundle>,
    ) -> Result<Duration, WebhookCertsError> {
        let Some(next) = advance(decision, now, bundle, &self.settings.policy)? else {
            return Ok(RECHECK);
        };
        if self.write(stored, &next).await? {
            tracing::info!(secret = %self.settings.secret, ?decision, "webhook certificates changed");
        }
        Ok(Duration::ZERO)
    }

    fn serve(&mut self, bundle: &Bundle, publish: &impl Fn(&Bundle)) {
        if self.served.as_ref() != Some(bundle) {
            publish(bundle);
            self.served = Some(bundle.clone());
        }
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), self.settings.secret.namespace())
    }

    async fn read(&self) -> Result<Option<Secret>, WebhookCertsError> {
        let read = self.secrets().get_opt(self.settings.secret.name()).await;
        read.map_err(|source| self.secret_error(source))
    }

    /// Stores certificates unless somebody else has written meanwhile. Returns whether it did.
    async fn write(&self, stored: Option<Secret>, bundle: &Bundle) -> Result<bool, WebhookCertsError> {
        let name = self.settings.secret.name();
        let written = if let Some(secret) = stored {
            self.secrets().replace(name, &PostParams::default(), &with_bundle(secret, bundle)).await
        } else {
            let marks = self.marks.clone().unwrap_or_default();
            let metadata = ObjectMeta { name: Some(name.to_string()), ..marks };
            let secret = Secret { metadata, ..Secret::default() };
            self.secrets().create(&PostParams::default(), &with_bundle(secret, bundle)).await
        };
        match written {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(&error) => Ok(false),
            Err(source) => Err(self.secret_error(source)),
        }
    }

    fn secret_error(&self, source: kube::Error) -> WebhookCertsError {
        WebhookCertsError::Secret { secret: self.settings.secret.clone(), source: source.into() }
    }

    /// Has API servers trust the authorities of `bundle`, and no others.
    async fn publish_bundle(&mut self, bundle: &Bundle) -> Result<(), WebhookCertsError> {
        let mut changed = self.trusted.as_ref().is_none_or(|(ca_pem, _)| *ca_pem != bundle.ca_pem);
        for name in self.settings.configurations.clone() {
            changed |= self.patch::<MutatingWebhookConfiguration>(&name, &bundle.ca_pem).await?;
            changed |= self.patch::<ValidatingWebhookConfiguration>(&name, &bundle.ca_pem).await?;
        }
        if changed {
            self.trusted = Some((bundle.ca_pem.clone(), Instant::now()));
        }
        Ok(())
    }

    /// Writes `caBundle` where it differs. Returns whether it did.
    async fn patch<K: Configuration>(&self, name: &str, ca_pem: &str) -> Result<bool, WebhookCertsError> {
        let failed = |source: kube::Error| WebhookCertsError::Configuration {
            kind: K::kind(&()).into_owned(),
            name: name.to_string(),
            source: source.into(),
        };
        let api = Api::<K>::all(self.client.clone());
        let Some(found) = api.get_opt(name).await.map_err(failed)? else { return Ok(false) };
        let Some(patch) = trust_patch(&found.client_configs(), ca_pem) else { return Ok(false) };
        api.patch(name, &PatchParams::default(), &Patch::<()>::Json(patch)).await.map_err(failed)?;
        tracing::info!(kind = %K::kind(&()), name, "caBundle written");
        Ok(true)
    }
}

/// What mutating and validating webhook configurations have in common.
trait Configuration: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug {
    /// Name and client configuration of each webhook, in order.
    fn client_configs(&self) -> Vec<(&str, &WebhookClientConfig)>;
}

impl Configuration for MutatingWebhookConfiguration {
    fn client_configs(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks
            .iter()
            .flatten()
            .map(|webhook| (webhook.name.as_str(), &webhook.client_config))
            .collect()
    }
}

impl Configuration for ValidatingWebhookConfiguration {
    fn client_configs(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks
            .iter()
            .flatten()
            .map(|webhook| (webhook.name.as_str(), &webhook.client_config))
            .collect()
    }
}

/// The JSON patch that makes every webhook trust `ca_pem`; nothing if all do.
///
/// why: a JSON patch touches nothing but `caBundle`, so helm and other appliers keep the rest of the object.
fn trust_patch(webhooks: &[(&str, &WebhookClientConfig)], ca_pem: &str) -> Option<json_patch::Patch> {
    let trusts = |config: &WebhookClientConfig| {
        config.ca_bundle.as_ref().is_some_and(|bundle| bundle.0 == ca_pem.as_bytes())
    };
    let differing = webhooks.iter().enumerate().filter(|(_, (_, config))| !trusts(config));
    let value = ByteString(ca_pem.as_bytes().to_vec());
    let operations: Vec<_> = differing
        .flat_map(|(index, (name, _))| {
            [
                json!({"op": "test", "path": format!("/webhooks/{index}/name"), "value": name}),
                json!({"op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": value}),
            ]
        })
        .collect();
    // why: built right above
    if operations.is_empty() { None } else { serde_json::from_value(json!(operations)).ok() }
}

fn bundle_in(secret: &Secret) -> Option<Bundle> {
    let data = secret.data.as_ref()?;
    Bundle::from_secret(&data.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect())
}

fn with_bundle(mut secret: Secret, bundle: &Bundle) -> Secret {
    let parts = bundle.to_secret().into_iter().map(|(key, value)| (key, ByteString(value)));
    secret.data.get_or_insert_default().extend(parts);
    secret
}

#[cfg(test)]
mod tests;
