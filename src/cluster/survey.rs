//! What of the cluster must be right for a controller to work, read once.

use crate::api::{CustomResourceDefinition, IngressClass, Lease, ObjectKey, Service};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Error};
use serde_json::json;

/// A webhook as it is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Whether calls that fail refuse what the user does.
    pub is_required: bool,
    /// The certificates that are trusted, as PEM.
    pub authorities: Vec<u8>,
}

/// Reads the cluster for checks.
#[derive(Clone)]
pub struct Survey {
    client: Client,
}

impl Survey {
    /// A survey with the rights of a client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Major and minor version of the API server, and its full version.
    pub async fn server_version(&self) -> Result<(u32, u32, String), Error> {
        let info = self.client.apiserver_version().await?;
        let number = |text: &str| text.trim_end_matches('+').parse().unwrap_or_default();
        Ok((number(&info.major), number(&info.minor), info.git_version))
    }

    /// A custom resource definition.
    pub async fn definition(&self, name: &str) -> Result<Option<CustomResourceDefinition>, Error> {
        Api::all(self.client.clone()).get_opt(name).await
    }

    /// All IngressClasses.
    pub async fn ingress_classes(&self) -> Result<Vec<IngressClass>, Error> {
        Ok(Api::all(self.client.clone()).list(&ListParams::default()).await?.items)
    }

    /// A lease.
    pub async fn lease(&self, key: &ObjectKey) -> Result<Option<Lease>, Error> {
        Api::namespaced(self.client.clone(), key.namespace()).get_opt(key.name()).await
    }

    /// The webhooks of the mutating and the validating configuration of this name.
    pub async fn webhooks(&self, configuration: &str) -> Result<Vec<Webhook>, Error> {
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

fn webhook(name: String, failure_policy: Option<String>, client: WebhookClientConfig) -> Webhook {
    Webhook {
        name,
        is_required: failure_policy.is_none_or(|policy| policy == "Fail"),
        authorities: client.ca_bundle.map(|bundle| bundle.0).unwrap_or_default(),
    }
}
