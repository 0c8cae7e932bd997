//! What one pass over a binding does: a pure decision that is taken again whenever something more is known.
//!
//! The order of a pass is part of the contract: register first, then deregister what is surplus, with these brakes, which
//! upstream does not have:
//!
//! * a target of an endpoint whose pod is not in the cache yet stays;
//! * when more targets would go than stay, the API server is asked once, past the cache ([`Removal::AskCluster`]);
//! * healthy targets whose pods are alive stay until one of their replacements is healthy, for [`HOLD_MILLIS`] at most;
//! * the last targets stay while their pods live and no endpoint takes their place ([`super::last`]).
//!
//! But for the last of these, which can be switched off, the end state is upstream's.

use super::conditions::{self, ConditionWrite, Verdict};
use super::endpoints::{Endpoint, Resolution};
use super::inventory::Record;
use super::last::{Last, Split, Standing};
use super::matching::{Matching, match_targets};
use super::multi_cluster::Ownership;
use crate::cloud::elbv2::{Target, TargetHealthState};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long healthy targets wait for their replacements.
pub const HOLD_MILLIS: u64 = 5 * 60 * 1000;

/// What a pass knows.
pub struct Situation<'a> {
    /// Readiness gate of the binding.
    pub gate: &'a str,
    /// Whether targets need a QUIC server id.
    pub needs_server_id: bool,
    /// The targets the target group shall have.
    pub resolution: &'a Resolution,
    /// The targets it has.
    pub records: &'a [Record],
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
    pub standing: &'a dyn Fn(&Target) -> Standing,
    /// What is known about the last targets.
    pub last: Last<'a>,
}

/// What a pass does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass<'a> {
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
    pub waiting: Waiting,
}

/// What happens to targets that are no endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// These are deregistered, in the order of their identities; possibly none.
    Now(Vec<Target>),
    /// So many would go that the endpoints must be confirmed by the API server first.
    AskCluster,
    /// It depends on the health of targets; AWS must be asked first.
    AskHealth,
}

/// What keeps a binding from being settled, as numbers of targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
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
}

impl Waiting {
    /// Whether there is nothing to come back for.
    pub fn is_over(self) -> bool {
        let Self { gates, stuck_gates, refused, without_server_id: _, unknown_pods, for_room, held, kept } =
            self;
        gates + stuck_gates + refused + unknown_pods + for_room + held + kept == 0
    }

    /// Whether somebody waits for AWS to tell a target healthy, or gone.
    pub fn is_for_health(self) -> bool {
        self.gates + self.stuck_gates + self.held + self.for_room > 0
    }
}

/// Decides a pass.
pub fn plan_pass<'a>(situation: &Situation<'a>) -> Pass<'a> {
    let present = situation.records.iter().filter(|record| !record.is_draining());
    let matching = match_targets(&situation.resolution.endpoints, present);
    let (wanted, over_cap) = within_cap(situation, &matching);
    let (register, without_server_id): (Vec<_>, Vec<_>) = wanted
        .iter()
        .copied()
        .partition(|endpoint| !situation.needs_server_id || endpoint.quic_server_id.is_some());
    let (refused, register): (Vec<&Endpoint>, Vec<&Endpoint>) =
        register.into_iter().partition(|endpoint| (situation.is_refused)(endpoint));
    let mut waiting = Waiting {
        refused: refused.len(),
        without_server_id: without_server_id.len(),
        unknown_pods: situation.resolution.unknown.len(),
        ..Waiting::default()
    };
    let Departure { removal, held, kept, restore } = plan_removal(situation, &matching, register.len());
    waiting.held = held;
    waiting.kept = kept.len();
    let is_leaving = removal != Removal::Now(Vec::new());
    if is_leaving || situation.records.iter().any(Record::is_draining) {
        waiting.for_room = over_cap;
    }
    let conditions = plan_conditions(situation, &matching, &wanted, &mut waiting);
    Pass { register, removal, kept, restore, conditions, waiting }
}

/// The missing endpoints that fit under the cap, and the number of those that do not. Draining targets count, as upstream
/// counts them.
fn within_cap<'a>(situation: &Situation<'_>, matching: &Matching<'a>) -> (Vec<&'a Endpoint>, usize) {
    let mut wanted = matching.missing.clone();
    if situation.cap > 0 {
        wanted.truncate(situation.cap.saturating_sub(situation.records.len()));
    }
    let over_cap = matching.missing.len() - wanted.len();
    (wanted, over_cap)
}

// ---- removal --------------------------------------------------------------------------------------------------------

/// What becomes of targets that are no endpoints.
struct Departure {
    removal: Removal,
    /// How many serve until their replacements do.
    held: usize,
    kept: Vec<Target>,
    restore: Vec<Target>,
}

impl From<Removal> for Departure {
    fn from(removal: Removal) -> Self {
        Self { removal, held: 0, kept: Vec::new(), restore: Vec::new() }
    }
}

fn plan_removal(situation: &Situation<'_>, matching: &Matching<'_>, registering: usize) -> Departure {
    let (candidates, unknown) = candidates(situation, matching);
    let Split { last, restore, others: candidates } = split_last(situation, matching, candidates);
    let remaining = matching.pairs.len() + registering + unknown + last.len();
    let is_new = !last.is_empty() && situation.last.kept.is_empty();
    if (candidates.len() > remaining || is_new) && !situation.is_confirmed {
        return Removal::AskCluster.into();
    }
    let is_empty = situation.resolution.endpoints.is_empty();
    if is_empty && candidates.iter().any(|record| may_have_recovered(situation, record)) {
        return Removal::AskHealth.into();
    }
    if !last.is_empty() {
        let kept = targets(&last).into_iter().chain(restore.iter().cloned()).collect();
        return Departure { removal: Removal::Now(targets(&candidates)), held: 0, kept, restore };
    }
    if !has_pending_replacements(situation, matching, registering) {
        return Removal::Now(targets(&candidates)).into();
    }
    let (serving, useless): (Vec<&Record>, Vec<&Record>) =
        candidates.into_iter().partition(|record| serves_on(situation, record, registering));
    if useless.iter().any(|record| may_have_recovered(situation, record)) {
        return Removal::AskHealth.into();
    }
    if serving.is_empty() {
        return Removal::Now(targets(&useless)).into();
    }
    let replacements = matching.pairs.iter().map(|(_, record)| *record);
    let is_unclear = replacements.chain(serving.iter().copied()).any(|record| record.health.is_none());
    if is_unclear && !situation.is_health_fresh {
        return Removal::AskHealth.into();
    }
    Departure { held: serving.len(), ..Removal::Now(targets(&useless)).into() }
}

/// Whether a live target was not healthy when AWS was last asked, and may be now.
fn may_have_recovered(situation: &Situation<'_>, record: &Record) -> bool {
    let was_ill = matches!(record.state(), Some(TargetHealthState::Initial | TargetHealthState::Unhealthy));
    situation.last.is_on
        && !situation.is_health_fresh
        && was_ill
        && (situation.standing)(&record.target) > Standing::Gone
}

/// Whether a surplus target is worth keeping until a replacement is healthy.
fn serves_on(situation: &Situation<'_>, record: &Record, registering: usize) -> bool {
    let is_healthy = record.state().is_none_or(|state| *state == TargetHealthState::Healthy);
    match (situation.standing)(&record.target) {
        Standing::Gone => false,
        Standing::Alive => is_healthy && situation.last.is_on,
        // why: while no replacement is even registered, any live target is better than none
        Standing::Ready => is_healthy || registering > 0,
    }
}

fn split_last<'a>(
    situation: &Situation<'a>,
    matching: &Matching<'a>,
    candidates: Vec<&'a Record>,
) -> Split<'a> {
    let is_healthy = |record: &Record| record.state() == Some(&TargetHealthState::Healthy);
    let is_foreign = |record: &Record| !situation.ownership.covers(&record.identity());
    // why: where another cluster serves, nobody depends on these
    let is_served = matching.surplus.iter().any(|record| is_foreign(record) && is_healthy(record))
        || situation.must_make_room;
    let mut split = situation.last.split(situation.resolution, candidates, is_served, situation.standing);
    if situation.ownership != Ownership::Sole {
        // why: the record of what is ours does not have them any more
        split.restore.clear();
    }
    split
}

/// Surplus targets that are ours and surely no endpoints, and the number of those left alone.
fn candidates<'a>(situation: &Situation<'_>, matching: &Matching<'a>) -> (Vec<&'a Record>, usize) {
    let unknown: BTreeSet<(&str, i32)> =
        situation.resolution.unknown.iter().map(|unknown| (&*unknown.id, unknown.port)).collect();
    let is_unknown = |record: &Record| {
        let id = record.target.id.known().unwrap_or_default();
        unknown.contains(&(id, record.target.port.unwrap_or(0)))
    };
    let ours =
        matching.surplus.iter().copied().filter(|record| situation.ownership.covers(&record.identity()));
    let (kept, candidates): (Vec<_>, Vec<_>) = ours.partition(|record| is_unknown(record));
    (candidates, kept.len())
}

/// Whether the only hope for healthy targets are replacements that are not healthy yet, but may become so.
fn has_pending_replacements(situation: &Situation<'_>, matching: &Matching<'_>, registering: usize) -> bool {
    if situation.must_make_room || situation.held_millis >= HOLD_MILLIS {
        return false;
    }
    let states = || matching.pairs.iter().map(|(_, record)| record.state());
    let is_pending = |state: Option<&TargetHealthState>| match state {
        None | Some(TargetHealthState::Initial) => true,
        Some(TargetHealthState::Unhealthy) => situation.last.is_on,
        Some(_) => false,
    };
    let is_served = states().any(|state| state == Some(&TargetHealthState::Healthy));
    !is_served && (registering > 0 || states().any(is_pending))
}

fn targets(records: &[&Record]) -> Vec<Target> {
    records.iter().map(|record| record.target.clone()).collect()
}

// ---- conditions -----------------------------------------------------------------------------------------------------

fn plan_conditions(
    situation: &Situation<'_>,
    matching: &Matching<'_>,
    wanted: &[&Endpoint],
    waiting: &mut Waiting,
) -> Vec<ConditionWrite> {
    let mut writes = Vec::new();
    let matched = matching.pairs.iter().map(|(endpoint, record)| (*endpoint, Some(*record)));
    for (endpoint, record) in matched.chain(wanted.iter().map(|endpoint| (*endpoint, None))) {
        let Some(pod) = endpoint.pod().filter(|pod| pod.gate(situation.gate).is_some()) else { continue };
        let verdict = Verdict::of_health(record.and_then(|record| record.health.as_ref()));
        let lacks_server_id = situation.needs_server_id && endpoint.quic_server_id.is_none();
        match record.and_then(Record::state) {
            _ if verdict.is_healthy => {}
            Some(TargetHealthState::Unused | TargetHealthState::Unavailable) => waiting.stuck_gates += 1,
            None if lacks_server_id || (situation.is_refused)(endpoint) => waiting.stuck_gates += 1,
            _ => waiting.gates += 1,
        }
        writes.extend(conditions::diff_condition(pod, situation.gate, verdict));
    }
    writes
}

// ---- coming back ----------------------------------------------------------------------------------------------------

/// When to look again, given for how long the binding has been waiting and how many bindings wait for health at the same
/// time. Quick at first, because that is when targets become healthy; slower later, and slower the more bindings wait,
/// because all share one request quota. Never slower than `requeue`, the flag's duration.
pub fn look_again_after(
    waiting: Waiting,
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
