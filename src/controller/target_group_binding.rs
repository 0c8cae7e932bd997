//! The TargetGroupBinding controller: keeps the targets of bound target groups registered, quickly.
//!
//! Matches upstream's `controllers/elbv2/targetgroupbinding_controller.go` and `pkg/targetgroupbinding`: same finalizer,
//! annotations, status and events. As long as a binding's checkpoint is what it was, AWS is not asked anything; after a
//! restart, and then every resync period, each binding gets a full pass once. Unlike upstream that pass is remembered
//! here and not asked for by emptying the checkpoint, so a quiet cluster stays quiet; and `status.observedGeneration`
//! moves on as soon as the targets are registered instead of when all gates are open.

mod awaited_pods;
mod backings;
mod cleanup;
mod deregistrations;
mod last_targets;
mod live_view;
mod pod_conditions;
mod ready;
mod state;
mod target_sync;

use super::ReconcileResult;
use crate::api::meta::{
    CHECKPOINT_ANNOTATION, CHECKPOINT_TIMESTAMP_ANNOTATION, TARGET_GROUP_BINDING_FINALIZER, has_finalizer,
    is_being_deleted,
};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws::Cloud;
use crate::aws::assume_role::CloudFor;
use crate::aws_api::CloudError;
use crate::clock::now;
use crate::config::Config;
use crate::deploy::LeavingTargetGroups;
use crate::deploy::targets::interfaces::{InterfaceFinder, NetworkError};
use crate::deploy::targets::ownership::OwnedTargets;
use crate::deploy::targets::rules::TargetRules;
use crate::deploy::targets::target_registrar::{TargetGroupRef, TargetRegistrar};
use crate::deploy::targets::traits::{ApiFailure, BindingApi, BindingEvent, BindingMetrics, TargetCounts};
use crate::deploy::targets::zones::{ZoneError, Zones};
use crate::targets::endpoints::{self, Resolution, ResolveError, resolve, service_of};
use crate::targets::view::ClusterView;
use crate::targets::{checkpoint, conditions};
use awaited_pods::AwaitedPods;
use cleanup::CleanUp;
use deregistrations::{Deregistrations, LATEST_TURN};
use parking_lot::Mutex;
use state::{BindingState, BindingStates};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use target_sync::TargetSync;
use tokio::time::Instant;

/// Where the controller reads and writes.
pub struct BindingDependencies {
    /// The cluster, from caches.
    pub view: Arc<dyn ClusterView>,
    /// Writes to the cluster.
    pub api: Arc<dyn BindingApi>,
    /// AWS in the controller's own name.
    pub cloud: Arc<dyn Cloud>,
    /// AWS in the name of roles.
    pub clouds: Arc<dyn CloudFor>,
    /// What is counted.
    pub metrics: Arc<dyn BindingMetrics>,
    /// Target groups that are about to be deleted, so that their targets may stay.
    pub leaving: Arc<LeavingTargetGroups>,
}

/// Reconciles bindings.
pub struct BindingController {
    config: Arc<Config>,
    view: Arc<dyn ClusterView>,
    api: Arc<dyn BindingApi>,
    metrics: Arc<dyn BindingMetrics>,
    leaving: Arc<LeavingTargetGroups>,
    registrar: TargetRegistrar,
    zones: Zones,
    finder: InterfaceFinder,
    rules: TargetRules,
    owned: OwnedTargets,
    states: BindingStates,
    clouds: Arc<dyn CloudFor>,
    deregistrations: Deregistrations,
    /// Pods that endpoints name but no cache knows, with the bindings that wait for them.
    awaited: Mutex<AwaitedPods>,
}

/// How far a reconcile came.
enum Progress {
    /// The checkpoint says that there is nothing to do.
    Unchanged,
    /// All is as wanted.
    Synced,
    /// There is no backend; it has no targets.
    WithoutBackend,
    /// Done as far as possible; there is something to come back for.
    Waiting {
        /// When.
        after: Duration,
        /// Whether the spec counts as observed.
        is_observed: bool,
    },
}

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
enum BindingReconcileError {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error(transparent)]
    Api(#[from] ApiFailure),
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("failed to update targetGroupBinding checkpoint: {key}: {failure}")]
    Checkpoint { key: ObjectKey, failure: ApiFailure },
}

impl BindingReconcileError {
    /// Whether the binding itself went while we were at it.
    fn is_about_a_binding_that_is_gone(&self) -> bool {
        matches!(self, Self::Checkpoint { failure: ApiFailure::NotFound(_), .. })
    }

    /// All that AWS said, for the log; `None`: it was not AWS that refused.
    fn answer(&self) -> Option<String> {
        match self {
            Self::Cloud(error) => Some(error.in_full()),
            _ => None,
        }
    }

    /// The value of the metric's label `error_category`.
    fn category(&self) -> &'static str {
        match self {
            Self::Resolve(ResolveError::Selector(_)) => "get_traffic_proxy_node_selector_error",
            Self::Resolve(_) => "resolve_pod_endpoints_error",
            Self::Cloud(error) => match error.operation() {
                "DescribeTargetHealth" => "list_targets_error",
                "DeregisterTargets" => "deregister_targets_error",
                _ => "register_pod_endpoint_error",
            },
            Self::Api(_) => "update_target_health_pod_condition_error",
            Self::Zone(_) => "register_pod_endpoint_error",
            Self::Network(_) => "reconcile_nodeport_endpoints_error",
            Self::Checkpoint { .. } => "update_tgb_checkpoint_error",
        }
    }
}

impl BindingController {
    /// A controller that knows nothing yet.
    pub fn new(config: Arc<Config>, dependencies: BindingDependencies) -> Self {
        let BindingDependencies { view, api, cloud, clouds, metrics, leaving } = dependencies;
        Self {
            registrar: TargetRegistrar::new(clouds.clone()),
            zones: Zones::new(cloud.clone(), &config),
            finder: InterfaceFinder::new(cloud.clone(), config.clone()),
            rules: TargetRules::new(cloud, config.clone()).beside_others(api.clone()),
            owned: OwnedTargets::new(api.clone()),
            states: BindingStates::new(config.sync_period),
            clouds,
            deregistrations: Deregistrations::default(),
            awaited: Mutex::default(),
            config,
            view,
            api,
            metrics,
            leaving,
        }
    }

    /// Brings one binding, and its target group, to where they should be.
    pub async fn reconcile(&self, key: &ObjectKey) -> ReconcileResult {
        let result = self.reconcile_binding(key).await;
        self.end_turn(key);
        result
    }

    async fn reconcile_binding(&self, key: &ObjectKey) -> ReconcileResult {
        let began = Instant::now();
        let found = self.view.binding(key);
        self.metrics.stage_took("fetch_targetGroupBinding", began.elapsed());
        let Some(binding) = found else {
            self.states.remove(key);
            self.metrics.binding_gone(key);
            return ReconcileResult::Gone;
        };
        if is_being_deleted(&*binding) {
            return self.delete(&binding, key).await;
        }
        // why: a target group that somebody binds (again) does not go
        self.leaving.remove(binding.spec.target_group_arn.as_deref().unwrap_or_default());
        if let Err(failure) = self.timed("add_finalizers", self.mark(&binding, key)).await {
            self.metrics.step_failed("add_finalizers_error");
            let message = format!("Failed add finalizer due to {failure}");
            self.warn(&binding, "FailedAddFinalizer", message);
            return ReconcileResult::Retry;
        }
        match self.timed("reconcile_targetgroupbinding", self.sync_targets(&binding, key)).await {
            Ok(progress) => self.report(&binding, key, progress).await,
            Err(error) if error.is_about_a_binding_that_is_gone() => ReconcileResult::Gone,
            Err(error) => {
                tracing::warn!(binding = %key, %error, answer = error.answer(), "binding not reconciled");
                self.keep_rules(&binding, key);
                self.metrics.step_failed(error.category());
                self.metrics.step_failed("reconcile_targetgroupbinding_error");
                self.warn(&binding, "FailedReconcile", format!("Failed reconcile due to {error}"));
                self.write_failure(&binding, key, &error.to_string()).await;
                ReconcileResult::Retry
            }
        }
    }

    /// Does one stage of a reconcile and takes the time.
    async fn timed<T>(&self, stage: &'static str, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.metrics.stage_took(stage, began.elapsed());
        done
    }

    /// Marks a binding as one that must not go before its targets have.
    async fn mark(&self, binding: &TargetGroupBinding, key: &ObjectKey) -> Result<(), ApiFailure> {
        if has_finalizer(binding, TARGET_GROUP_BINDING_FINALIZER) {
            return Ok(());
        }
        self.api.add_finalizer(key).await
    }

    /// What a binding needs may not have been told yet: its rules stay, and those of others do not wait for it.
    fn keep_rules(&self, binding: &TargetGroupBinding, key: &ObjectKey) {
        if let Some(networking) = &binding.spec.networking {
            self.rules.mark_needs_unknown(key, networking);
        }
    }

    /// Tells a binding that it has been waiting for a long time to be looked at, with so many others.
    pub fn report_delay(&self, key: &ObjectKey, waiting: usize, registrations_a_second: Option<f64>) {
        let Some(binding) = self.view.binding(key) else { return };
        let others = waiting.saturating_sub(1);
        let reason = registrations_a_second.map_or_else(
            || "all workers are busy".to_owned(),
            |rate| format!("AWS admits {rate} registrations a second in this account and region"),
        );
        let message = format!(
            "Targets have been waiting for more than 30 s to be registered, with {others} other TargetGroupBindings: {reason}"
        );
        self.record(&binding, false, "RegistrationDelayed", message);
    }

    /// The bindings that wait for a pod to appear in the cache; to be reconciled when it does.
    pub fn awaiting(&self, pod: &ObjectKey) -> BTreeSet<ObjectKey> {
        self.awaited.lock().bindings_of(pod)
    }

    /// Takes rules off security groups that no binding needs any more, because they keep a group from being deleted.
    pub async fn collect_garbage(&self) -> Result<(), NetworkError> {
        self.rules.collect_garbage(&*self.view).await
    }

    /// Compares the rules of all security groups with AWS again: finds and repairs what others changed.
    pub async fn audit(&self) -> Result<(), NetworkError> {
        self.rules.audit(&*self.view).await
    }

    /// The bindings whose targets nobody has listed for this long, the longest ago first.
    pub fn due_for_audit(&self, period: Duration) -> Vec<ObjectKey> {
        let mut due: Vec<(Option<Duration>, ObjectKey)> = Vec::new();
        for binding in self.view.bindings() {
            let key = ObjectKey::of(&*binding);
            let listed = self.registrar.listed_ago(&TargetGroupRef::of(&binding));
            let state = self.states.of(&key);
            let is_waiting = state.waiting_since.is_some()
                || state.audited.is_some_and(|audited| audited.elapsed() < period);
            if !is_waiting && !is_being_deleted(&*binding) && listed.is_none_or(|ago| ago >= period) {
                due.push((listed, key));
            }
        }
        due.sort_by_key(|(listed, _)| std::cmp::Reverse(listed.unwrap_or(Duration::MAX)));
        due.into_iter().map(|(_, key)| key).collect()
    }

    /// Lists the targets of a binding. Answers whether a pass over it is called for, which is then made at the next
    /// reconcile: somebody else has registered or deregistered targets, or no pass was made since start.
    pub async fn audit_targets(&self, key: &ObjectKey) -> bool {
        let Some(binding) = self.view.binding(key).filter(|binding| !is_being_deleted(&**binding)) else {
            return false;
        };
        self.states.change(key, |state| state.audited = Some(Instant::now()));
        let is_off = match resolve(&binding, &*self.view, &self.config) {
            Ok(resolution) => {
                let desired = resolution.endpoints.len();
                let has_work = TargetSync::new(self, &binding, key, resolution, true).has_work().await;
                self.count_targets(&binding, key, desired);
                has_work
            }
            // why: its own reconcile tells what is wrong with it
            Err(_) => false,
        };
        if is_off {
            self.states.change(key, BindingState::make_due);
        }
        is_off
    }

    async fn sync_targets(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
    ) -> Result<Progress, BindingReconcileError> {
        let (resolution, is_confirmed) = match resolve(binding, &*self.view, &self.config) {
            Err(ResolveError::BackendNotFound(_)) => match self.confirm(binding).await? {
                Ok(resolution) => (resolution, true),
                Err(error) => return self.without_backend(binding, key, &error).await,
            },
            resolved => (resolved?, false),
        };
        // why: while last targets stay, the end of their pods must not be missed
        if self.states.of(key).kept.is_empty() {
            self.await_pods(key, &resolution, BTreeSet::new());
        }
        let desired = resolution.endpoints.len();
        let progress = self.sync_if_needed(binding, key, resolution, is_confirmed).await;
        self.count_targets(binding, key, desired);
        progress
    }

    /// Makes a full pass, if there is anything that calls for one.
    async fn sync_if_needed(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        resolution: Resolution,
        is_confirmed: bool,
    ) -> Result<Progress, BindingReconcileError> {
        let checkpoint = checkpoint::checkpoint(&resolution.endpoints, &binding.spec);
        let state = self.states.of(key);
        let is_unchanged = checkpoint_of(binding, &state) == checkpoint;
        if is_unchanged && !state.is_due() && !is_waited_for(key, &resolution) {
            return Ok(Progress::Unchanged);
        }
        match TargetSync::new(self, binding, key, resolution, is_confirmed).run().await {
            // The Service went while we were at it.
            Err(BindingReconcileError::Resolve(error @ ResolveError::BackendNotFound(_))) => {
                self.without_backend(binding, key, &error).await
            }
            ended => ended,
        }
    }

    fn count_targets(&self, binding: &TargetGroupBinding, key: &ObjectKey, desired: usize) {
        let group = TargetGroupRef::of(binding);
        let (registered, healthy) = self.registrar.count(&group);
        let kept = Some(self.states.of(key).kept.len()).filter(|kept| *kept > 0);
        self.metrics.targets(key, &group.arn, TargetCounts { desired, registered, healthy, kept });
    }

    /// Resolves the endpoints from what the API server says right now, past the caches.
    async fn confirm(
        &self,
        binding: &TargetGroupBinding,
    ) -> Result<Result<Resolution, ResolveError>, BindingReconcileError> {
        let service = service_of(binding);
        let backend = self.api.read_backend(&service).await?;
        let view = live_view::ConfirmedView::new(&*self.view, service, backend);
        Ok(resolve(binding, &view, &self.config))
    }

    async fn without_backend(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        error: &ResolveError,
    ) -> Result<Progress, BindingReconcileError> {
        self.warn(binding, "BackendNotFound", error.to_string());
        let end = self.clean_up(binding, key).await?;
        self.save_checkpoint(binding, key, "").await?;
        Ok(match end {
            CleanUp::Done => Progress::WithoutBackend,
            CleanUp::Waits => Progress::Waiting { after: LATEST_TURN, is_observed: true },
        })
    }

    async fn report(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        progress: Progress,
    ) -> ReconcileResult {
        let lack = endpoints::missing_backend(binding, &*self.view);
        let written = self.write_progress(binding, key, &progress, lack.as_deref());
        if let Err(failure) = self.timed("update_status", written).await {
            self.metrics.step_failed("update_status_error");
            let text = format!("failed to update targetGroupBinding status: {key}: {failure}");
            self.warn(binding, "FailedUpdateStatus", format!("Failed update status due to {text}"));
            return ReconcileResult::Retry;
        }
        match (progress, lack) {
            (Progress::Unchanged, Some(_)) => {
                ReconcileResult::MissingReference(Some(self.states.of(key).due_in()))
            }
            (Progress::Unchanged, None) => ReconcileResult::DoneUntil(self.states.of(key).due_in()),
            (Progress::WithoutBackend, _) => {
                self.states.change(key, BindingState::mark_synced);
                ReconcileResult::MissingReference(Some(self.states.of(key).due_in()))
            }
            (Progress::Synced, Some(lack)) => {
                self.states.change(key, BindingState::mark_synced);
                self.warn(binding, "BackendNotFound", lack);
                ReconcileResult::MissingReference(Some(self.states.of(key).due_in()))
            }
            (Progress::Synced, None) => {
                self.states.change(key, BindingState::mark_synced);
                let message = "Successfully reconciled".to_owned();
                self.record(binding, false, "SuccessfullyReconciled", message);
                ReconcileResult::DoneUntil(self.states.of(key).due_in())
            }
            (Progress::Waiting { after, .. }, _) => ReconcileResult::RequeueAfter(after),
        }
    }

    // ---- what is written to the binding -----------------------------------------------------------------------------

    /// Writes the checkpoint, unless it stands there already.
    async fn save_checkpoint(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        value: &str,
    ) -> Result<(), BindingReconcileError> {
        if checkpoint_of(binding, &self.states.of(key)) == value {
            return Ok(());
        }
        let annotations = BTreeMap::from([
            (CHECKPOINT_ANNOTATION, value.to_owned()),
            (CHECKPOINT_TIMESTAMP_ANNOTATION, now().as_second().to_string()),
        ]);
        let written = self.api.patch_annotations(key, annotations).await;
        let version =
            written.map_err(|failure| BindingReconcileError::Checkpoint { key: key.clone(), failure })?;
        self.states.change(key, |state| state.note_checkpoint(&version, value));
        Ok(())
    }

    fn warn(&self, binding: &TargetGroupBinding, reason: &'static str, message: String) {
        self.record(binding, true, reason, message);
    }

    fn record(&self, binding: &TargetGroupBinding, is_warning: bool, reason: &'static str, message: String) {
        self.api.record(binding, BindingEvent { is_warning, reason, message });
    }

    // ---- pods nobody has seen ---------------------------------------------------------------------------------------

    /// Remembers which pods' changes concern a binding: those that nobody has seen yet, and `others`.
    fn await_pods(&self, key: &ObjectKey, resolution: &Resolution, others: BTreeSet<ObjectKey>) {
        let unknown = resolution.unknown.iter().map(|unknown| unknown.pod.clone());
        self.awaited.lock().replace(key, unknown.chain(others).collect());
    }
}

/// Whether a pod waits for its gate, or a binding for a pod.
fn is_waited_for(key: &ObjectKey, resolution: &Resolution) -> bool {
    let gate = conditions::gate_of(key);
    let mut pods = resolution.endpoints.iter().filter_map(|endpoint| endpoint.pod());
    !resolution.unknown.is_empty() || pods.any(|pod| conditions::is_waiting(pod, &gate))
}

/// The checkpoint that the binding carries, also where the cache has not seen our last write yet.
fn checkpoint_of(binding: &TargetGroupBinding, state: &BindingState) -> String {
    let version = binding.metadata.resource_version.as_deref().and_then(|version| version.parse().ok());
    match (&state.checkpoint, version) {
        (Some(written), Some(version)) if written.is_newer_than(version) => written.value.clone(),
        _ => checkpoint::carried(binding).to_owned(),
    }
}
