//! What the webhooks know: settings, caches, and whom they ask.

use super::bodies::Bodies;
use super::lookups::Lookups;
use super::review::AdmissionRequest;
use crate::admission::pod_bindings::{SelectingBinding, selecting};
use crate::api::{AlbTargetControlConfigSpec, ObjectKey};
use crate::aws::assume_role::AssumedRole;
use crate::cluster::server_version::{ServerVersion, WITH_SLEEP};
use crate::cluster::stores::Stores;
use crate::cluster::target_control::TargetControlSettings;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::pool::Pool;
use futures::future::BoxFuture;
use std::sync::Arc;

/// What the webhooks know.
pub struct Webhooks {
    /// Settings.
    pub config: Arc<Config>,
    /// What reviews ask of AWS.
    pub lookups: Lookups,
    /// Memory of the reviews.
    pub bodies: Bodies,
    /// Threads for costly reviews.
    pub pool: Pool,
    /// The cluster as it is.
    pub stores: Arc<Stores>,
    /// Source of QUIC server ids.
    pub quic_ids: Arc<dyn QuicIds>,
    /// Settings of the target-control agent.
    pub target_control: Arc<dyn TargetControlConfigs>,
    /// What the API server understands.
    pub server: Arc<dyn ServerFeatures>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Hands out QUIC server ids, unique in the cluster.
pub trait QuicIds: Send + Sync {
    /// So many new ids, as the environment variable holds them. For a dry run they need not be unique, and nothing is written.
    fn take(&self, count: usize, is_dry_run: bool) -> BoxFuture<'_, Result<Vec<String>, String>>;
}

/// Reads the settings of the target-control agent.
pub trait TargetControlConfigs: Send + Sync {
    /// The settings that count for pods of a namespace, if there are any.
    fn settings<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Option<AlbTargetControlConfigSpec>, String>>;
}

impl TargetControlConfigs for TargetControlSettings {
    fn settings<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Option<AlbTargetControlConfigSpec>, String>> {
        Box::pin(async move { self.read(namespace).await.map_err(|error| error.to_string()) })
    }
}

/// Tells what the API server understands.
pub trait ServerFeatures: Send + Sync {
    /// Whether `preStop` hooks may sleep. The error says why nobody can tell.
    fn has_sleep(&self) -> BoxFuture<'_, Result<bool, String>>;
}

impl ServerFeatures for ServerVersion {
    fn has_sleep(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(async move {
            let (major, minor, _) = self.get().await.map_err(|error| error.to_string())?;
            Ok((*major, *minor) >= WITH_SLEEP)
        })
    }
}

impl Webhooks {
    /// Whether a stored binding names the role, with the same external id.
    pub(super) fn is_named(&self, role: &AssumedRole) -> bool {
        let bindings = self.stores.bindings.list_group(&ObjectKey::cluster(role.arn.as_str()));
        bindings.iter().any(|binding| AssumedRole::of(&binding.spec).as_ref() == Some(role))
    }

    /// A label of the namespace of a request.
    pub(super) fn namespace_label(&self, request: &AdmissionRequest, key: &str) -> Option<String> {
        let namespace = self.stores.namespaces.get(&ObjectKey::cluster(request.namespace.as_str()))?;
        namespace.metadata.labels.as_ref()?.get(key).cloned()
    }

    /// The bindings that select the pod of a request.
    pub(super) fn selecting_bindings(
        &self,
        request: &AdmissionRequest,
    ) -> impl Iterator<Item = SelectingBinding> {
        let namespace = request.namespace.as_str();
        let service = move |name: &str| self.stores.services.get(&ObjectKey::namespaced(namespace, name));
        selecting(&request.object.value, self.stores.bindings.list_namespace(namespace), service)
    }
}
