//! What one pass over a binding does: a pure decision that is taken again whenever something more is known.
//!
//! The order of a pass is part of the contract: register first, then deregister what is surplus, with these brakes, which
//! upstream does not have:
//!
//! * a target of an endpoint whose pod is not in the cache yet stays;
//! * when more targets would go than stay, the API server is asked once, past the cache ([`Removal::ConfirmEndpoints`]);
//! * healthy targets whose pods are alive stay until one of their replacements is healthy, for [`HOLD_MILLIS`] at most;
//! * the last targets stay while their pods live and no endpoint takes their place ([`super::last_targets`]).
//!
//! But for the last of these, which can be switched off, the end state is upstream's.

use super::conditions::{self, ConditionWrite, GateStatus};
use super::endpoints::{Endpoint, Resolution};
use super::last_targets::{BackingState, LastTargets, SplitTargets};
use super::matching::{Matching, match_targets};
use super::multi_cluster::Ownership;
use super::target_group_state::TargetRecord;
use crate::aws_api::elbv2::{Target, TargetHealthState};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long healthy targets wait for their replacements.
pub const HOLD_MILLIS: u64 = 5 * 60 * 1000;

/// What a pass knows.
pub struct TargetState<'a> {
    /// Readiness gate of the binding.
    pub gate: &'a str,
    /// Whether targets need a QUIC server id.
    pub needs_server_id: bool,
    /// The targets the target group shall have.
    pub resolution: &'a Resolution,
    /// The targets it has.
    pub records: &'a [TargetRecord],
    /// Most targets the target group may have; 0: no limit.
    pub cap: usize,
    /// Whether AWS refused to register an endpoint, and it is not to be tried again yet.
    pub is_refused: &'a dyn Fn(&Endpoint) -> bool,
    /// Whose targets they are.
    pub ownership: Ownership<'a>,
    /// Whether `resolution` comes from the API server itself.
    pub is_confirmed: bool,
    /// Whether `records` have just been asked for.
    pub is_health_fresh: bool,
    /// Whether AWS takes no more targets until others are gone.
    pub must_make_room: bool,
    /// How long targets have been held back in favour of their replacements.
    pub held_millis: u64,
    /// How it is with what stands behind a target.
    pub standing: &'a dyn Fn(&Target) -> BackingState,
    /// What is known about the last targets.
    pub last: LastTargets<'a>,
}

/// What a pass does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetChanges<'a> {
    /// Endpoints to register now, in the order of their identities.
    pub register: Vec<&'a Endpoint>,
    /// What happens to targets that are no endpoints.
    pub removal: Removal,
    /// Last targets: they stay although they are no endpoints.
    pub kept: Vec<Target>,
    /// Those of them that were deregistered a moment ago and are to be registered again.
    pub restore: Vec<Target>,
    /// Conditions to write to pods.
    pub conditions: Vec<ConditionWrite>,
    /// What the binding still waits for once all of the above is done.
    pub waiting: Pending,
}

/// What happens to targets that are no endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// These are deregistered, in the order of their identities; possibly none.
    Now(Vec<Target>),
    /// So many would go that the endpoints must be confirmed by the API server first.
    ConfirmEndpoints,
    /// It depends on the health of targets; AWS must be asked first.
    RefreshHealth,
}

/// What keeps a binding from being synced, as numbers of targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Pods whose gate waits for a target that may become healthy by itself.
    pub gates: usize,
    /// Pods whose gate waits for something else: a load balancer, a server id, a fix of the pod.
    pub stuck_gates: usize,
    /// Endpoints that AWS refuses to register.
    pub refused: usize,
    /// Endpoints without server id; they are not registered.
    pub without_server_id: usize,
    /// Endpoints whose pod is not in the cache.
    pub unknown_pods: usize,
    /// Endpoints above the cap, while targets leave and so make room.
    pub for_room: usize,
    /// Surplus targets that serve until their replacements do.
    pub held: usize,
    /// Last targets, which stay until something takes their place or their pods are gone.
    pub kept: usize,
    /// Surplus targets that are deregistered when AWS's rate limit has room for it.
    pub leaving: usize,
}

impl Pending {
    /// Whether there is nothing to come back for.
    pub fn is_over(self) -> bool {
        self.is_over_but_for_leaving() && self.leaving == 0
    }

    /// Whether there is nothing to come back for but surplus targets, which are told when it is their turn.
    pub fn is_over_but_for_leaving(self) -> bool {
        let Self {
            gates,
            stuck_gates,
            refused,
            without_server_id: _,
            unknown_pods,
            for_room,
            held,
            kept,
            leaving: _,
        } = self;
        gates + stuck_gates + refused + unknown_pods + for_room + held + kept == 0
    }

    /// Whether somebody waits for AWS to tell a target healthy, or gone.
    pub fn is_for_health(self) -> bool {
        self.gates + self.stuck_gates + self.held + self.for_room > 0
    }
}

/// Decides a pass.
pub fn plan_changes<'a>(target_state: &TargetState<'a>) -> TargetChanges<'a> {
    let present = target_state.records.iter().filter(|record| !record.is_draining());
    let matching = match_targets(&target_state.resolution.endpoints, present);
    let (wanted, over_cap) = within_cap(target_state, &matching);
    let (register, without_server_id): (Vec<_>, Vec<_>) = wanted
        .iter()
        .copied()
        .partition(|endpoint| !target_state.needs_server_id || endpoint.quic_server_id.is_some());
    let (refused, register): (Vec<&Endpoint>, Vec<&Endpoint>) =
        register.into_iter().partition(|endpoint| (target_state.is_refused)(endpoint));
    let mut waiting = Pending {
        refused: refused.len(),
        without_server_id: without_server_id.len(),
        unknown_pods: target_state.resolution.unknown.len(),
        ..Pending::default()
    };
    let SurplusTargets { removal, held, kept, restore } =
        plan_removal(target_state, &matching, register.len());
    waiting.held = held;
    waiting.kept = kept.len();
    let is_leaving = removal != Removal::Now(Vec::new());
    if is_leaving || target_state.records.iter().any(TargetRecord::is_draining) {
        waiting.for_room = over_cap;
    }
    let conditions = plan_conditions(target_state, &matching, &wanted, &mut waiting);
    TargetChanges { register, removal, kept, restore, conditions, waiting }
}

/// The missing endpoints that fit under the cap, and the number of those that do not. Draining targets count, as upstream
/// counts them.
fn within_cap<'a>(target_state: &TargetState<'_>, matching: &Matching<'a>) -> (Vec<&'a Endpoint>, usize) {
    let mut wanted = matching.missing.clone();
    if target_state.cap > 0 {
        wanted.truncate(target_state.cap.saturating_sub(target_state.records.len()));
    }
    let over_cap = matching.missing.len() - wanted.len();
    (wanted, over_cap)
}

// ---- removal --------------------------------------------------------------------------------------------------------

/// What becomes of targets that are no endpoints.
struct SurplusTargets {
    removal: Removal,
    /// How many serve until their replacements do.
    held: usize,
    kept: Vec<Target>,
    restore: Vec<Target>,
}

impl From<Removal> for SurplusTargets {
    fn from(removal: Removal) -> Self {
        Self { removal, held: 0, kept: Vec::new(), restore: Vec::new() }
    }
}

fn plan_removal(
    target_state: &TargetState<'_>,
    matching: &Matching<'_>,
    registering: usize,
) -> SurplusTargets {
    let (candidates, unknown) = candidates(target_state, matching);
    let SplitTargets { last, restore, others: candidates } = split_last(target_state, matching, candidates);
    let remaining = matching.pairs.len() + registering + unknown + last.len();
    let is_new = !last.is_empty() && target_state.last.kept.is_empty();
    if (candidates.len() > remaining || is_new) && !target_state.is_confirmed {
        return Removal::ConfirmEndpoints.into();
    }
    let is_empty = target_state.resolution.endpoints.is_empty();
    if is_empty && candidates.iter().any(|record| may_have_recovered(target_state, record)) {
        return Removal::RefreshHealth.into();
    }
    if !last.is_empty() {
        let kept = targets(&last).into_iter().chain(restore.iter().cloned()).collect();
        return SurplusTargets { removal: Removal::Now(targets(&candidates)), held: 0, kept, restore };
    }
    if !has_pending_replacements(target_state, matching, registering) {
        return Removal::Now(targets(&candidates)).into();
    }
    let (serving, useless): (Vec<&TargetRecord>, Vec<&TargetRecord>) =
        candidates.into_iter().partition(|record| serves_on(target_state, record, registering));
    if useless.iter().any(|record| may_have_recovered(target_state, record)) {
        return Removal::RefreshHealth.into();
    }
    if serving.is_empty() {
        return Removal::Now(targets(&useless)).into();
    }
    let replacements = matching.pairs.iter().map(|(_, record)| *record);
    let is_unclear = replacements.chain(serving.iter().copied()).any(|record| record.health.is_none());
    if is_unclear && !target_state.is_health_fresh {
        return Removal::RefreshHealth.into();
    }
    SurplusTargets { held: serving.len(), ..Removal::Now(targets(&useless)).into() }
}

/// Whether a live target was not healthy when AWS was last asked, and may be now.
fn may_have_recovered(target_state: &TargetState<'_>, record: &TargetRecord) -> bool {
    let was_ill = matches!(record.state(), Some(TargetHealthState::Initial | TargetHealthState::Unhealthy));
    target_state.last.is_on
        && !target_state.is_health_fresh
        && was_ill
        && (target_state.standing)(&record.target) > BackingState::Gone
}

/// Whether a surplus target is worth keeping until a replacement is healthy.
fn serves_on(target_state: &TargetState<'_>, record: &TargetRecord, registering: usize) -> bool {
    let is_healthy = record.state().is_none_or(|state| *state == TargetHealthState::Healthy);
    match (target_state.standing)(&record.target) {
        BackingState::Gone => false,
        BackingState::Alive => is_healthy && target_state.last.is_on,
        // why: while no replacement is even registered, any live target is better than none
        BackingState::Ready => is_healthy || registering > 0,
    }
}

fn split_last<'a>(
    target_state: &TargetState<'a>,
    matching: &Matching<'a>,
    candidates: Vec<&'a TargetRecord>,
) -> SplitTargets<'a> {
    let is_healthy = |record: &TargetRecord| record.state() == Some(&TargetHealthState::Healthy);
    let is_foreign = |record: &TargetRecord| !target_state.ownership.covers(&record.identity());
    // why: where another cluster serves, nobody depends on these
    let is_served = matching.surplus.iter().any(|record| is_foreign(record) && is_healthy(record))
        || target_state.must_make_room;
    let mut split =
        target_state.last.split(target_state.resolution, candidates, is_served, target_state.standing);
    if target_state.ownership != Ownership::Sole {
        // why: the record of what is ours does not have them any more
        split.restore.clear();
    }
    split
}

/// Surplus targets that are ours and surely no endpoints, and the number of those left alone.
fn candidates<'a>(target_state: &TargetState<'_>, matching: &Matching<'a>) -> (Vec<&'a TargetRecord>, usize) {
    let unknown: BTreeSet<(&str, i32)> =
        target_state.resolution.unknown.iter().map(|unknown| (&*unknown.id, unknown.port)).collect();
    let is_unknown = |record: &TargetRecord| {
        let id = record.target.id.known().unwrap_or_default();
        unknown.contains(&(id, record.target.port.unwrap_or(0)))
    };
    let ours =
        matching.surplus.iter().copied().filter(|record| target_state.ownership.covers(&record.identity()));
    let (kept, candidates): (Vec<_>, Vec<_>) = ours.partition(|record| is_unknown(record));
    (candidates, kept.len())
}

/// Whether the only hope for healthy targets are replacements that are not healthy yet, but may become so.
fn has_pending_replacements(
    target_state: &TargetState<'_>,
    matching: &Matching<'_>,
    registering: usize,
) -> bool {
    if target_state.must_make_room || target_state.held_millis >= HOLD_MILLIS {
        return false;
    }
    let states = || matching.pairs.iter().map(|(_, record)| record.state());
    let is_pending = |state: Option<&TargetHealthState>| match state {
        None | Some(TargetHealthState::Initial) => true,
        Some(TargetHealthState::Unhealthy) => target_state.last.is_on,
        Some(_) => false,
    };
    let is_served = states().any(|state| state == Some(&TargetHealthState::Healthy));
    !is_served && (registering > 0 || states().any(is_pending))
}

fn targets(records: &[&TargetRecord]) -> Vec<Target> {
    records.iter().map(|record| record.target.clone()).collect()
}

// ---- conditions -----------------------------------------------------------------------------------------------------

fn plan_conditions(
    target_state: &TargetState<'_>,
    matching: &Matching<'_>,
    wanted: &[&Endpoint],
    waiting: &mut Pending,
) -> Vec<ConditionWrite> {
    let mut writes = Vec::new();
    let matched = matching.pairs.iter().map(|(endpoint, record)| (*endpoint, Some(*record)));
    for (endpoint, record) in matched.chain(wanted.iter().map(|endpoint| (*endpoint, None))) {
        let Some(pod) = endpoint.pod().filter(|pod| pod.gate(target_state.gate).is_some()) else { continue };
        let gate_status = GateStatus::of_health(record.and_then(|record| record.health.as_ref()));
        let lacks_server_id = target_state.needs_server_id && endpoint.quic_server_id.is_none();
        match record.and_then(TargetRecord::state) {
            _ if gate_status.is_healthy => {}
            Some(TargetHealthState::Unused | TargetHealthState::Unavailable) => waiting.stuck_gates += 1,
            None if lacks_server_id || (target_state.is_refused)(endpoint) => waiting.stuck_gates += 1,
            _ => waiting.gates += 1,
        }
        writes.extend(conditions::diff_condition(pod, target_state.gate, gate_status));
    }
    writes
}

// ---- coming back ----------------------------------------------------------------------------------------------------

/// When to look again, given for how long the binding has been waiting and how many bindings wait for health at the same
/// time. Quick at first, because that is when targets become healthy; slower later, and slower the more bindings wait,
/// because all share one request quota. Never slower than `requeue`, the flag's duration.
pub fn look_again_after(
    waiting: Pending,
    waited: Duration,
    waiting_bindings: usize,
    requeue: Duration,
) -> Duration {
    let seconds = waited.as_secs();
    let quick = waiting.gates + waiting.held + waiting.unknown_pods > 0;
    let pause = match (quick, waiting.stuck_gates > 0, seconds) {
        (true, _, 0..60) | (_, true, 0..30) => Duration::from_secs(1),
        (true, _, 60..600) => Duration::from_millis(1500),
        (true, _, 600..) | (_, true, 30..300) => Duration::from_secs(5),
        _ => requeue,
    };
    let shared =
        Duration::from_millis(25).saturating_mul(u32::try_from(waiting_bindings).unwrap_or(u32::MAX));
    pause.max(shared).min(requeue.max(pause))
}

#[cfg(test)]
mod tests;
