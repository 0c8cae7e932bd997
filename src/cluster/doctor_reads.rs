//! What of the cluster must be right for a controller to work, read once.

use super::gateway_stores::{GatewayKind, served};
use super::server_version;
use crate::api::gateway::{ALB_CONTROLLER, Gateway, GatewayClass, NLB_CONTROLLER};
use crate::api::gateway_config::LoadBalancerConfiguration;
use crate::api::{CustomResourceDefinition, Event, IngressClass, Lease, ObjectKey, Service, Time};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray as _;

/// A webhook as it is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegisteredWebhook {
    /// Name of the webhook in its configuration.
    pub name: String,
    /// Whether calls that fail refuse what the user does.
    pub is_required: bool,
    /// The certificates that are trusted, as PEM.
    pub authorities: Vec<u8>,
}

impl RegisteredWebhook {
    /// Whether it lets pods sleep before they end.
    pub fn drains_pods(&self) -> bool {
        self.name.starts_with("poddrain.")
    }
}

/// A release of Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayBundle {
    /// Its version, for example `v1.6.0`.
    pub version: String,
    /// `standard` or `experimental`.
    pub channel: String,
}

/// Reads the cluster for checks.
#[derive(Clone)]
pub struct DoctorReads {
    client: Client,
}

impl DoctorReads {
    /// Reads with the rights of a client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Major and minor version of the API server, and its full version.
    pub async fn server_version(&self) -> Result<server_version::Version, Error> {
        server_version::read(&self.client).await
    }

    /// A custom resource definition.
    pub async fn definition(&self, name: &str) -> Result<Option<CustomResourceDefinition>, Error> {
        Api::all(self.client.clone()).get_opt(name).await
    }

    /// All IngressClasses of the cluster.
    pub async fn ingress_classes(&self) -> Result<Vec<IngressClass>, Error> {
        Ok(Api::all(self.client.clone()).list(&ListParams::default()).await?.items)
    }

    /// The kinds of Gateway API and of its configuration that are served.
    pub async fn gateway_kinds(&self) -> Result<BTreeSet<GatewayKind>, Error> {
        served(&self.client, &GatewayKind::VARIANTS.iter().copied().collect()).await
    }

    /// The release of Gateway API that the definition of Gateways is from; `None`: it does not say.
    pub async fn gateway_bundle(&self) -> Result<Option<GatewayBundle>, Error> {
        let resource = GatewayKind::Gateway.resource();
        let definition = self.definition(&format!("{}.{}", resource.plural, resource.group)).await?;
        let annotations = definition.and_then(|found| found.metadata.annotations).unwrap_or_default();
        let text = |name: &str| annotations.get(&format!("{}/{name}", resource.group)).cloned();
        Ok(text("bundle-version")
            .zip(text("channel"))
            .map(|(version, channel)| GatewayBundle { version, channel }))
    }

    /// All GatewayClasses of the cluster.
    pub async fn gateway_classes(&self) -> Result<Vec<GatewayClass>, Error> {
        Ok(Api::all(self.client.clone()).list(&ListParams::default()).await?.items)
    }

    /// All Gateways of the cluster.
    pub async fn gateways(&self) -> Result<Vec<Gateway>, Error> {
        Ok(Api::all(self.client.clone()).list(&ListParams::default()).await?.items)
    }

    /// Whether there is a LoadBalancerConfiguration of this name.
    pub async fn has_load_balancer_configuration(&self, key: &ObjectKey) -> Result<bool, Error> {
        let api = Api::<LoadBalancerConfiguration>::namespaced(self.client.clone(), key.namespace());
        Ok(api.get_opt(key.name()).await?.is_some())
    }

    /// A lease, if there is one.
    pub async fn lease(&self, key: &ObjectKey) -> Result<Option<Lease>, Error> {
        Api::namespaced(self.client.clone(), key.namespace()).get_opt(key.name()).await
    }

    /// The webhooks of the mutating and the validating configuration of this name.
    pub async fn webhooks(&self, configuration: &str) -> Result<Vec<RegisteredWebhook>, Error> {
        let mutating: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let validating: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let mutating = mutating.get_opt(configuration).await?.and_then(|found| found.webhooks);
        let validating = validating.get_opt(configuration).await?.and_then(|found| found.webhooks);
        let mutating =
            mutating.into_iter().flatten().map(|hook| (hook.name, hook.failure_policy, hook.client_config));
        let validating =
            validating.into_iter().flatten().map(|hook| (hook.name, hook.failure_policy, hook.client_config));
        Ok(mutating.chain(validating).map(|(name, policy, client)| webhook(name, policy, client)).collect())
    }

    /// The newest failure that the controller reported of each object, within the last hour, which is how long events are kept.
    pub async fn failures(&self) -> Result<Vec<ReportedFailure>, Error> {
        let params = ListParams::default().fields("type=Warning").limit(EVENTS);
        let events = Api::<Event>::all(self.client.clone()).list(&params).await?.items;
        let mut newest: BTreeMap<String, (Option<Time>, ReportedFailure)> = BTreeMap::new();
        for event in events.into_iter().filter(is_failure_of_ours) {
            let (at, failure) = (event.last_timestamp.clone(), reported(event));
            let entry = newest.entry(failure.object.clone());
            entry
                .and_modify(|kept| {
                    if kept.0 < at {
                        *kept = (at.clone(), failure.clone());
                    }
                })
                .or_insert((at, failure));
        }
        Ok(newest.into_values().map(|(_, failure)| failure).collect())
    }

    /// Has the API server pretend to create a Service for a load balancer, so that it calls the webhooks.
    ///
    /// why no class: the webhook that gives it one may not fail, while failures of the one that checks are passed over.
    pub async fn try_webhooks(&self) -> Result<(), Error> {
        let service = json!({
            "metadata": {"generateName": "doctor-", "annotations": {
                "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
            }},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        });
        let service: Service = serde_json::from_value(service).map_err(Error::SerdeError)?;
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        Api::namespaced(self.client.clone(), "default").create(&dry_run, &service).await.map(drop)
    }
}

/// The components that the controller reports events as.
const COMPONENTS: [&str; 5] = ["service", "ingress", "targetGroupBinding", ALB_CONTROLLER, NLB_CONTROLLER];
/// The most events that are looked through.
const EVENTS: u32 = 1000;

/// A failure that the controller reported in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedFailure {
    /// Kind, namespace and name.
    pub object: String,
    /// Reason of the event.
    pub reason: String,
    /// What the event says.
    pub message: String,
}

fn is_failure_of_ours(event: &Event) -> bool {
    let component = event.source.as_ref().and_then(|source| source.component.as_deref());
    let is_ours = component.is_some_and(|component| COMPONENTS.contains(&component));
    is_ours && event.reason.as_deref().is_some_and(|reason| reason.starts_with("Failed"))
}

fn reported(event: Event) -> ReportedFailure {
    let object = event.involved_object;
    let part = |text: Option<String>| text.unwrap_or_default();
    ReportedFailure {
        object: format!("{} {}/{}", part(object.kind), part(object.namespace), part(object.name)),
        reason: part(event.reason),
        message: part(event.message),
    }
}

fn webhook(name: String, failure_policy: Option<String>, client: WebhookClientConfig) -> RegisteredWebhook {
    RegisteredWebhook {
        name,
        is_required: failure_policy.is_none_or(|policy| policy == "Fail"),
        authorities: client.ca_bundle.map(|bundle| bundle.0).unwrap_or_default(),
    }
}
