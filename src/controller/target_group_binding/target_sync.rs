//! One full pass over a binding: decide, do the most urgent thing, decide again, until nothing is left to do now.
//!
//! Urgent is: registering, then deregistering (when it is the binding's turn), then telling pods, then security-group rules (first, where the binding's
//! rules have never been kept: traffic can't reach targets without them), then the checkpoint.

use super::backings::Backings;
use super::deregistrations::LATEST_TURN;
use super::state::{AppliedNetworking, BindingState, NetworkingFailed};
use super::{BindingController, BindingReconcileError, Progress};
use crate::api::target_group_binding::{Networking, TargetType};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws_api::CloudError;
use crate::aws_api::elbv2::Target;
use crate::deploy::targets::batch::is_about_items;
use crate::deploy::targets::interfaces::NetworkError;
use crate::deploy::targets::target_registrar::{BATCH, TargetGroupRef};
use crate::deploy::targets::zones::DescribedTargets;
use crate::targets::changes::{self, Pending, Removal, TargetState, look_again_after, plan_changes};
use crate::targets::checkpoint::checkpoint;
use crate::targets::conditions::{ConditionWrite, gate_of};
use crate::targets::endpoints::{Backing, Endpoint, Resolution};
use crate::targets::last_targets::{BackingState, LastTargets};
use crate::targets::multi_cluster::{self, OwnedTargetIds, Ownership, is_shared};
use crate::targets::networking::{Permissions, build_permissions};
use crate::targets::quic::has_server_ids;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// AWS is not asked about the same targets more often.
const HEALTH_REFRESH_INTERVAL: Duration = Duration::from_millis(500);
/// A binding that waits does not come back sooner than this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long networking that was kept for the same endpoints is good for.
const NETWORKING_FOR: Duration = Duration::from_mins(10);
/// Decisions in one pass. Each makes progress, so this is out of reach.
const ROUNDS: usize = 16;
/// Refused targets that one event tells of.
const MAX_REFUSED_REPORTED: usize = 3;

/// Targets that AWS refused to register, with its answers.
type RefusedTargets = Vec<(Target, CloudError)>;

/// A pass under way.
pub(super) struct TargetSync<'a> {
    pub(super) controller: &'a BindingController,
    pub(super) binding: &'a TargetGroupBinding,
    pub(super) key: &'a ObjectKey,
    pub(super) group: TargetGroupRef,
    gate: String,
    pub(super) resolution: Resolution,
    /// Last targets that stay although they are no endpoints.
    pub(super) kept: Vec<Endpoint>,
    /// Identities of those that stayed after the pass before.
    kept_before: BTreeSet<String>,
    /// Targets of a shared target group that are ours; `None`: no record.
    owned: Option<OwnedTargetIds>,
    is_confirmed: bool,
    is_health_fresh: bool,
    has_registered: bool,
    must_make_room: bool,
    /// Whether surplus targets wait for their turn to be deregistered.
    is_put_off: bool,
    /// Why registration failed; told at the end, when all else is done.
    failure: Option<BindingReconcileError>,
}

/// A decision without borrows.
struct OwnedChanges {
    register: Vec<Endpoint>,
    removal: Removal,
    kept: Vec<Target>,
    restore: Vec<Target>,
    conditions: Vec<ConditionWrite>,
    waiting: Pending,
}

impl OwnedChanges {
    fn of(pass: changes::TargetChanges<'_>) -> Self {
        let changes::TargetChanges { register, removal, kept, restore, conditions, waiting } = pass;
        Self {
            register: register.into_iter().cloned().collect(),
            removal,
            kept,
            restore,
            conditions,
            waiting,
        }
    }
}

impl<'a> TargetSync<'a> {
    pub(super) fn new(
        controller: &'a BindingController,
        binding: &'a TargetGroupBinding,
        key: &'a ObjectKey,
        resolution: Resolution,
        is_confirmed: bool,
    ) -> Self {
        Self {
            controller,
            binding,
            key,
            group: TargetGroupRef::of(binding),
            gate: gate_of(key),
            resolution,
            kept: Vec::new(),
            kept_before: controller.states.of(key).kept,
            owned: None,
            is_confirmed,
            is_health_fresh: false,
            has_registered: false,
            must_make_room: false,
            is_put_off: false,
            failure: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Progress, BindingReconcileError> {
        if is_shared(self.binding) {
            self.owned = self.controller.owned.load(self.key).await?;
        }
        // why: without endpoints there is nothing to reach, but for last targets, which are not known yet
        let is_urgent = !self.resolution.endpoints.is_empty() && self.is_networking_new();
        let mut network = if is_urgent { Some(self.grant().await?) } else { None };
        self.list_if_stale().await.inspect_err(|error| self.drop_state_if_gone(error))?;
        let decision = self.work().await.inspect_err(|error| self.drop_state_if_gone(error))?;
        let OwnedChanges { register: _, removal: _, kept, restore: _, conditions, waiting } = decision;
        self.drop_refused();
        self.kept = self.as_endpoints(&kept);
        self.note_kept();
        self.controller.await_pods(self.key, &self.resolution, self.pods_of_kept());
        let told = self.controller.update_pod_conditions(self.key, &conditions).await;
        if network.is_none() {
            network = Some(self.grant().await?);
        }
        self.record_ownership(waiting).await?;
        let is_networked = network.unwrap_or_default() && self.mark_networking_applied(waiting).await?;
        self.remember(waiting);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        told?;
        self.finish(waiting, is_networked).await
    }

    /// Lists the targets and answers whether there is anything to do about them. Where no pass was made since start, there is.
    pub(super) async fn has_work(mut self) -> bool {
        let was_listed = self.controller.registrar.group_state(&self.group).is_listed();
        if !was_listed {
            return true;
        }
        if is_shared(self.binding) {
            match self.controller.owned.load(self.key).await {
                Ok(owned) => self.owned = owned,
                // why: this only looks whether there is work; the next look asks again
                Err(_) => return false,
            }
        }
        if let Err(error) = self.controller.registrar.list(&self.group).await {
            tracing::warn!(binding = %self.key, %error, "targets not listed");
            return is_gone(&error);
        }
        let OwnedChanges { register, removal, kept: _, restore, conditions: _, waiting: _ } = self.decide();
        !register.is_empty() || !restore.is_empty() || removal != Removal::Now(Vec::new())
    }

    async fn finish(self, waiting: Pending, is_networked: bool) -> Result<Progress, BindingReconcileError> {
        if !is_networked {
            self.mark_out_of_sync().await?;
        }
        if is_networked && waiting.is_over() {
            let checkpoint = checkpoint(&self.resolution.endpoints, &self.binding.spec);
            self.controller.save_checkpoint(self.binding, self.key, &checkpoint).await?;
            return Ok(Progress::Synced);
        }
        if waiting.is_over_but_for_leaving() && is_networked {
            return Ok(Progress::Waiting { after: LATEST_TURN, is_observed: true });
        }
        let states = &self.controller.states;
        let waited = states.of(self.key).waiting_since.map(|since| since.elapsed()).unwrap_or_default();
        let requeue = self.controller.config.target_group_binding_requeue;
        let pause = look_again_after(waiting, waited, states.waiting(), requeue);
        Ok(Progress::Waiting { after: self.until_next_look(waiting, pause), is_observed: is_networked })
    }

    /// The pause, counted from when AWS was last asked: what else wakes the binding meanwhile must not delay the next look.
    fn until_next_look(&self, waiting: Pending, pause: Duration) -> Duration {
        let counts = waiting.is_for_health() && !self.has_registered;
        let asked = self.controller.registrar.refreshed_ago(&self.group).filter(|_| counts);
        asked.map_or(pause, |ago| pause.saturating_sub(ago).max(SHORTEST_PAUSE))
    }

    // ---- targets ----------------------------------------------------------------------------------------------------

    /// Lists the targets if what is known of them is too old. What is missing even in old knowledge is registered before.
    async fn list_if_stale(&mut self) -> Result<(), BindingReconcileError> {
        // why: while last targets stayed, AWS may have changed its mind about those that were healthy
        let has_waited = !self.kept_before.is_empty() && !self.resolution.endpoints.is_empty();
        if self.controller.registrar.is_fresh(&self.group) && !has_waited {
            return Ok(());
        }
        if self.controller.registrar.group_state(&self.group).is_listed() {
            let register = self.decide().register;
            self.register(register).await;
        }
        Ok(self.controller.registrar.list(&self.group).await?)
    }

    async fn work(&mut self) -> Result<OwnedChanges, BindingReconcileError> {
        let mut decision = self.decide();
        for _ in 0..ROUNDS {
            if !self.advance(&decision).await? {
                break;
            }
            decision = self.decide();
        }
        if let Removal::Now(targets) = &decision.removal {
            decision.waiting.leaving = targets.len();
        }
        if decision.waiting.without_server_id > 0 {
            let missing = decision.waiting.without_server_id;
            tracing::warn!(binding = %self.key, pods = missing, "pods have no QUIC server id and are not registered");
            self.controller.metrics.server_ids_missing(self.key, missing);
        }
        Ok(decision)
    }

    /// Does the most urgent thing; answers whether there was one.
    async fn advance(&mut self, decision: &OwnedChanges) -> Result<bool, BindingReconcileError> {
        if !decision.register.is_empty() && self.failure.is_none() {
            self.register(decision.register.clone()).await;
            return Ok(true);
        }
        if !decision.restore.is_empty() && self.failure.is_none() {
            self.restore(&decision.restore).await?;
            return Ok(true);
        }
        match &decision.removal {
            Removal::ConfirmEndpoints => self.confirm_endpoints().await?,
            Removal::RefreshHealth => self.refresh_health().await?,
            Removal::Now(targets) => {
                let makes_room = decision.waiting.for_room > 0;
                if targets.is_empty() || !self.deregister(targets, makes_room).await? {
                    return self.look_at_health(decision.waiting).await;
                }
            }
        }
        Ok(true)
    }

    /// Asks AWS for health that somebody waits for; answers whether it did.
    async fn look_at_health(&mut self, waiting: Pending) -> Result<bool, BindingReconcileError> {
        let is_due = waiting.is_for_health() && self.is_health_wanted();
        if is_due {
            self.refresh_health().await?;
        }
        Ok(is_due)
    }

    fn decide(&self) -> OwnedChanges {
        let group_state = self.controller.registrar.group_state(&self.group);
        let backings: OnceCell<Backings> = OnceCell::new();
        let behind = |target: &Target| {
            let id = target.id.known().unwrap_or_default();
            backings.get_or_init(|| self.list_backings()).get(id)
        };
        let departed = self.controller.registrar.departed(&self.group);
        let held_since = self.controller.states.of(self.key).held_since;
        let held = held_since.map(|since| since.elapsed()).unwrap_or_default();
        let is_shared = is_shared(self.binding);
        OwnedChanges::of(plan_changes(&TargetState {
            gate: &self.gate,
            needs_server_id: has_server_ids(&self.binding.spec),
            resolution: &self.resolution,
            records: group_state.records(),
            cap: self.controller.config.max_targets_per_target_group,
            is_refused: &|endpoint| {
                self.controller.registrar.is_refused(&self.group, &endpoint.id, endpoint.port)
            },
            ownership: if is_shared { Ownership::Shared(self.owned.as_ref()) } else { Ownership::Sole },
            is_confirmed: self.is_confirmed,
            is_health_fresh: self.is_health_fresh,
            must_make_room: self.must_make_room,
            held_millis: u64::try_from(held.as_millis()).unwrap_or(u64::MAX),
            standing: &|target| behind(target).map_or(BackingState::Gone, |behind| behind.standing),
            last: LastTargets {
                is_on: self.keeps_last(),
                kept: &self.kept_before,
                departed: &departed,
                is_sure: &|target| behind(target).is_some_and(|behind| behind.is_sure),
            },
        }))
    }

    async fn register(&mut self, endpoints: Vec<Endpoint>) {
        if endpoints.is_empty() {
            return;
        }
        match self.try_register(&endpoints).await {
            Ok(refused) => {
                let targets = endpoints.len().saturating_sub(refused.len());
                tracing::info!(binding = %self.key, targets, "targets registered");
                self.must_make_room = self.controller.registrar.is_full(&self.group);
                self.report_refused(&refused, &endpoints);
            }
            Err(error) => self.failure = Some(error),
        }
    }

    /// Registers endpoints; answers those that are refused while others are not.
    async fn try_register(
        &mut self,
        endpoints: &[Endpoint],
    ) -> Result<RefusedTargets, BindingReconcileError> {
        self.try_mark_out_of_sync().await;
        self.own_all().await?;
        let BindingController { zones, registrar, view, .. } = self.controller;
        let is_fresh = |endpoint: &Endpoint| !registrar.was_refused(&self.group, &endpoint.id, endpoint.port);
        let DescribedTargets { targets, failure } = zones.describe(self.binding, endpoints, &**view).await?;
        self.failure = failure.map(BindingReconcileError::from);
        self.has_registered |= !targets.is_empty();
        if !endpoints.iter().all(is_fresh) {
            return Ok(registrar.register_in_parts(&self.group, &targets).await?);
        }
        match registrar.register(&self.group, &targets).await {
            Err(refusal) if zones.learn_from(self.binding, &refusal) => {
                let DescribedTargets { targets, failure } =
                    zones.describe(self.binding, endpoints, &**view).await?;
                self.failure = failure.map(BindingReconcileError::from);
                Ok(registrar.register_in_parts(&self.group, &targets).await?)
            }
            Err(refusal) if is_about_items(&refusal) => {
                Ok(registrar.register_in_parts(&self.group, &targets).await?)
            }
            answer => Ok(answer.map(|()| RefusedTargets::new())?),
        }
    }

    /// Says which targets AWS refuses, and why.
    fn report_refused(&self, refused: &RefusedTargets, endpoints: &[Endpoint]) {
        if refused.is_empty() {
            return;
        }
        let text = |(target, error): &(Target, CloudError)| {
            let id = target.id.known().unwrap_or_default();
            let endpoint = endpoints.iter().find(|endpoint| *endpoint.id == *id);
            let pod = endpoint.and_then(|endpoint| endpoint.pod()).map(|pod| format!(" (pod {})", pod.key));
            let (port, pod) = (target.port.unwrap_or(0), pod.unwrap_or_default());
            format!("target {id}:{port}{pod}: {error}")
        };
        let mut texts: Vec<String> = refused.iter().map(text).take(MAX_REFUSED_REPORTED).collect();
        if refused.len() > MAX_REFUSED_REPORTED {
            texts.push(format!("{} more targets are refused", refused.len() - MAX_REFUSED_REPORTED));
        }
        let message = texts.join("; ");
        tracing::warn!(binding = %self.key, "{message}");
        self.controller.metrics.step_failed("register_pod_endpoint_error");
        self.controller.warn(self.binding, "FailedReconcile", format!("Failed reconcile due to {message}"));
    }

    /// Deregisters targets, as many as one call takes, or puts that off until it is this binding's turn; answers whether any were.
    async fn deregister(
        &mut self,
        targets: &[Target],
        makes_room: bool,
    ) -> Result<bool, BindingReconcileError> {
        if self.is_put_off {
            return Ok(false);
        }
        self.try_mark_out_of_sync().await;
        let reservation = if makes_room || self.must_make_room {
            self.controller.right_to_make_room(&self.group).await
        } else if let Some(reservation) = self.controller.turn_to_deregister(self.key, &self.group) {
            reservation
        } else {
            self.is_put_off = true;
            return Ok(false);
        };
        let targets = targets.get(..BATCH).unwrap_or(targets);
        reservation.spend(self.controller.registrar.deregister(&self.group, targets)).await?;
        tracing::info!(binding = %self.key, targets = targets.len(), "targets deregistered");
        Ok(true)
    }

    /// Registers targets again that were deregistered a moment ago.
    async fn restore(&mut self, targets: &[Target]) -> Result<(), BindingReconcileError> {
        self.has_registered = true;
        self.controller.registrar.register(&self.group, targets).await?;
        self.kept_before.extend(self.as_endpoints(targets).iter().map(Endpoint::identity));
        tracing::info!(binding = %self.key, targets = targets.len(), "last targets registered again");
        Ok(())
    }

    async fn confirm_endpoints(&mut self) -> Result<(), BindingReconcileError> {
        self.resolution = self.controller.confirm(self.binding).await??;
        self.is_confirmed = true;
        Ok(())
    }

    async fn refresh_health(&mut self) -> Result<(), BindingReconcileError> {
        self.controller.registrar.refresh_health(&self.group).await?;
        self.is_health_fresh = true;
        Ok(())
    }

    /// Refusals of endpoints that are no longer there are of no interest.
    fn drop_refused(&self) {
        let endpoints = &self.resolution.endpoints;
        self.controller.registrar.retain_refused(&self.group, |id, port| {
            endpoints.iter().any(|endpoint| *endpoint.id == *id && Some(endpoint.port) == port)
        });
    }

    /// Whether AWS may have news about targets that somebody waits for.
    fn is_health_wanted(&self) -> bool {
        let asked = self.controller.registrar.refreshed_ago(&self.group);
        !self.is_health_fresh
            && !self.has_registered
            && asked.is_none_or(|ago| ago >= HEALTH_REFRESH_INTERVAL)
    }

    /// A target group that is gone must be listed again if it comes back.
    fn drop_state_if_gone(&self, error: &BindingReconcileError) {
        if matches!(error, BindingReconcileError::Cloud(error) if is_gone(error)) {
            self.controller.registrar.forget(&self.group);
        }
    }

    // ---- records ----------------------------------------------------------------------------------------------------

    /// Empties the checkpoint before anything is changed: should this process die, or the endpoints return to what they
    /// were, another full pass must follow.
    async fn mark_out_of_sync(&self) -> Result<(), BindingReconcileError> {
        self.controller.save_checkpoint(self.binding, self.key, "").await
    }

    /// why: a webhook that is down must not keep targets from being registered; upstream's does
    async fn try_mark_out_of_sync(&self) {
        if let Err(error) = self.mark_out_of_sync().await {
            tracing::warn!(binding = %self.key, %error, "checkpoint not emptied; going on without");
        }
    }

    /// Puts all endpoints on record as ours, before any is registered; what is ours already stays on record.
    async fn own_all(&mut self) -> Result<(), BindingReconcileError> {
        if !is_shared(self.binding) {
            return Ok(());
        }
        let mut owned = self.owned.clone().unwrap_or_default();
        owned.extend(multi_cluster::owned(&self.resolution.endpoints));
        self.controller.owned.store(self.key, owned.clone()).await?;
        self.owned = Some(owned);
        Ok(())
    }

    /// Puts on record what is ours when all is done.
    async fn record_ownership(&mut self, waiting: Pending) -> Result<(), BindingReconcileError> {
        let is_final = waiting.held + waiting.kept + waiting.leaving + waiting.unknown_pods == 0
            && self.failure.is_none();
        if !is_shared(self.binding) || !is_final {
            return Ok(());
        }
        let owned = multi_cluster::owned(&self.resolution.endpoints);
        Ok(self.controller.owned.store(self.key, owned).await?)
    }

    fn remember(&self, waiting: Pending) {
        let has_registered = self.has_registered;
        let is_waiting = waiting.is_for_health() || waiting.unknown_pods > 0;
        self.controller.states.change(self.key, |state: &mut BindingState| {
            if !is_waiting {
                state.waiting_since = None;
            } else if has_registered || state.waiting_since.is_none() {
                state.waiting_since = Some(Instant::now());
            }
            if waiting.held == 0 {
                state.held_since = None;
            } else {
                state.held_since.get_or_insert_with(Instant::now);
            }
        });
    }

    // ---- networking -------------------------------------------------------------------------------------------------

    /// Whatever traffic shall reach.
    fn reached(&self) -> impl Iterator<Item = &Endpoint> {
        self.resolution.endpoints.iter().chain(&self.kept)
    }

    /// The checkpoint of networking: that of the binding, with the last targets.
    fn networking_checkpoint(&self) -> String {
        let reached: Vec<Endpoint> = self.reached().cloned().collect();
        checkpoint(&reached, &self.binding.spec)
    }

    /// Whether the rules for this spec have never been kept.
    fn is_networking_new(&self) -> bool {
        let spec_half = |checkpoint: &str| checkpoint.rsplit('/').next().map(str::to_owned);
        let kept = self.controller.states.of(self.key).networking;
        let current = self.networking_checkpoint();
        kept.is_none_or(|kept| spec_half(&kept.checkpoint) != spec_half(&current))
    }

    /// Grants what the load balancer needs to reach the targets. Answers whether it is granted; a failure is an error only
    /// for nodes, as upstream has it.
    async fn grant(&mut self) -> Result<bool, BindingReconcileError> {
        let current = self.networking_checkpoint();
        let state = self.controller.states.of(self.key);
        let requeue = self.controller.config.target_group_binding_requeue;
        if state.networking.is_some_and(|kept| kept.is_for(&current) && kept.at.elapsed() < NETWORKING_FOR) {
            return Ok(true);
        }
        if state.networking_failed.as_ref().is_some_and(|failed| failed.holds_back(&current)) {
            return Ok(false);
        }
        match self.try_grant().await {
            Ok(()) => {
                let kept = AppliedNetworking { checkpoint: current, at: Instant::now(), is_settled: false };
                self.controller.states.change(self.key, |state| {
                    state.networking = Some(kept);
                    state.networking_failed = None;
                });
                Ok(true)
            }
            Err(error) => {
                self.controller.keep_rules(self.binding, self.key);
                let failed = NetworkingFailed::after(&error, state.networking_failed, current, requeue);
                self.controller.states.change(self.key, |state| state.networking_failed = Some(failed));
                self.on_network_failure(error)
            }
        }
    }

    fn on_network_failure(&self, error: NetworkError) -> Result<bool, BindingReconcileError> {
        let error = error.located_in(self.binding.spec.networking.as_ref());
        if self.binding.spec.target_type == Some(TargetType::Instance) {
            return Err(error.into());
        }
        tracing::warn!(binding = %self.key, %error, "security groups not kept");
        self.controller.warn(self.binding, "FailedNetworkReconcile", error.to_string());
        Ok(false)
    }

    async fn try_grant(&self) -> Result<(), NetworkError> {
        let needs = match &self.binding.spec.networking {
            Some(networking) => self.needs(networking).await?,
            None => Permissions::new(),
        };
        let BindingController { rules, view, .. } = self.controller;
        match rules.grant(self.key, needs).await {
            // why: a security group that is full takes new rules only after old ones are gone
            Err(error) if error.is_full() && rules.may_revoke(&**view) => {
                rules.revoke_unneeded(self.key, &**view).await
            }
            answer => answer,
        }
    }

    async fn needs(&self, networking: &Networking) -> Result<Permissions, NetworkError> {
        let BindingController { finder, view, .. } = self.controller;
        let (mut pods, mut nodes) = (Vec::new(), Vec::new());
        for endpoint in self.reached() {
            match &endpoint.backing {
                Backing::Pod(pod) => pods.push(Arc::clone(pod)),
                Backing::Node(node) => nodes.push(Arc::clone(node)),
            }
        }
        pods.dedup_by(|one, other| one.uid == other.uid);
        let mut needs = Permissions::new();
        for (group, pods) in finder.groups_of_pods(&pods, &**view).await? {
            needs.insert(group, build_permissions(networking, &pods)?);
        }
        for group in finder.groups_of_nodes(&nodes).await? {
            needs.insert(group, build_permissions(networking, &[])?);
        }
        Ok(needs)
    }

    /// Revokes what is not needed any more, once targets have moved on. Answers whether networking is as it should be.
    async fn mark_networking_applied(&self, waiting: Pending) -> Result<bool, BindingReconcileError> {
        let states = &self.controller.states;
        let is_settled = states.of(self.key).networking.is_some_and(|kept| kept.is_settled);
        let is_moving = waiting.held + waiting.leaving + waiting.unknown_pods > 0 || self.failure.is_some();
        if is_settled || is_moving {
            return Ok(true);
        }
        if let Err(error) = self.controller.rules.revoke_unneeded(self.key, &*self.controller.view).await {
            return self.on_network_failure(error);
        }
        states.change(self.key, |state| {
            if let Some(kept) = &mut state.networking {
                kept.is_settled = true;
            }
        });
        Ok(true)
    }
}

fn is_gone(error: &CloudError) -> bool {
    error.is(&["TargetGroupNotFound"])
}
