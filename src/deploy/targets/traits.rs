//! What the target registrar and the binding controller need from Kubernetes, and what they count.

use crate::api::{ConfigMap, ObjectKey, PodCondition, Service, TargetGroupBinding};
use crate::targets::view::SliceView;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::time::Duration;

/// Why the API server did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiFailure {
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// Anything else, in the API server's words.
    #[error("{0}")]
    Refused(String),
}

/// The answer of the API server.
pub type ApiFuture<'a, T> = BoxFuture<'a, Result<T, ApiFailure>>;

/// An event on a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingEvent {
    /// Whether it tells of a problem (`Warning`) or not (`Normal`).
    pub is_warning: bool,
    /// Reason of the event, in one word.
    pub reason: &'static str,
    /// What the event says.
    pub message: String,
}

/// A Service and its endpoints, read from the API server and not from a cache.
#[derive(Clone, Debug, Default)]
pub struct ServiceEndpoints {
    /// The Service, if it exists.
    pub service: Option<Service>,
    /// Its endpoints as `ClusterView::slices` gives them.
    pub slices: Option<Vec<SliceView>>,
}

/// Writes about bindings, and the few reads that must not come from a cache.
pub trait BindingApi: Send + Sync {
    /// Adds the finalizer of bindings (read, merge patch with resourceVersion, retry on conflict).
    fn add_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()>;
    /// Removes the finalizer of bindings, in the same way. A binding that is gone is no failure.
    fn remove_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()>;
    /// Sets annotations by JSON merge patch without resourceVersion; answers the new resourceVersion.
    fn patch_annotations<'a>(
        &'a self,
        binding: &'a ObjectKey,
        annotations: BTreeMap<&'static str, String>,
    ) -> ApiFuture<'a, String>;
    /// JSON merge patch of the status subresource; `status` is its content.
    fn patch_status<'a>(&'a self, binding: &'a ObjectKey, status: serde_json::Value) -> ApiFuture<'a, ()>;
    /// Strategic merge patch of a pod's status with this one condition, and with the UID as precondition.
    fn patch_pod_condition<'a>(
        &'a self,
        pod: &'a ObjectKey,
        uid: &'a str,
        condition: PodCondition,
    ) -> ApiFuture<'a, ()>;
    /// Reads a ConfigMap, past any cache.
    fn read_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, Option<ConfigMap>>;
    /// Replaces a ConfigMap without resourceVersion, or creates it.
    fn write_config_map(&self, config_map: ConfigMap) -> ApiFuture<'_, ()>;
    /// Deletes a ConfigMap. One that is gone is no failure.
    fn delete_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, ()>;
    /// Reads a Service and its endpoints, past any cache (a quorum read).
    fn read_backend<'a>(&'a self, service: &'a ObjectKey) -> ApiFuture<'a, ServiceEndpoints>;
    /// All bindings outside of a namespace, past any cache. Fails if one of them cannot be read.
    fn read_bindings_outside<'a>(&'a self, namespace: &'a str) -> ApiFuture<'a, Vec<TargetGroupBinding>>;
    /// Records an event, component `targetGroupBinding`.
    fn record(&self, binding: &TargetGroupBinding, event: BindingEvent);
    /// Records the same event on a binding's Service.
    fn record_on_service(&self, service: &Service, event: BindingEvent);
}

/// What is counted.
pub trait BindingMetrics: Send + Sync {
    /// A pod's gate opened after it had been waiting for so long (`awslbc_readiness_gate_ready_seconds`).
    fn gate_opened(&self, _binding: &ObjectKey, _waited: Duration) {}
    /// Endpoints of a QUIC target group have no server id (`awslbc_quic_target_missing_server_id`).
    fn server_ids_missing(&self, _binding: &ObjectKey, _endpoints: usize) {}
    /// A step of a reconcile failed (`awslbc_controller_reconcile_errors_total`).
    fn step_failed(&self, _category: &'static str) {}
    /// A stage of a reconcile has ended (`awslbc_controller_reconcile_stage_duration`).
    fn stage_took(&self, _stage: &'static str, _took: Duration) {}
    /// How many targets a binding's target group has and should have (`awslbc_targets`).
    fn targets(&self, _binding: &ObjectKey, _target_group_arn: &str, _counts: TargetCounts) {}
    /// A binding is gone, and with it what is counted of it.
    fn binding_gone(&self, _binding: &ObjectKey) {}
}

/// Targets of one target group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetCounts {
    /// As the cluster wants it.
    pub desired: usize,
    /// As AWS has it; `None`: AWS has not been asked yet.
    pub registered: Option<usize>,
    /// Of these, healthy when AWS was last asked; `None`: not all of them have been asked about.
    pub healthy: Option<usize>,
    /// Of these, last targets that stay although they are no endpoints; `None`: none.
    pub kept: Option<usize>,
}

/// Metrics of those who count nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl BindingMetrics for NoMetrics {}
