//! Deregistrations that wait for AWS's rate limit, outside of the workers.
//!
//! AWS counts registrations and deregistrations together, and admits few of them. A worker that waited until it may
//! deregister would keep registrations of other bindings from even being asked for. So a binding that has targets to deregister, and
//! may not at once, waits here, and its reconcile ends. One waiter for each identity of AWS asks for the right to the next deregistration.
//! Registrations go before it for half a minute; of what has waited for longer one goes each second, however many registrations there are. The
//! binding whose turn it is is reconciled with that right, and decides anew what is to go: who has become an endpoint again meanwhile is
//! not deregistered.
//!
//! Nothing of it outlives the leader's term; a successor finds the targets still registered, and binding checkpoints empty.

use super::BindingController;
use crate::api::ObjectKey;
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::throttle::{LONGEST_WAIT, Reservation, Urgency};
use crate::aws_api::Action;
use crate::controller::queue::ReadyKeys;
use crate::deploy::targets::target_registrar::TargetGroupRef;
use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A binding that waits for its turn is looked at after so long at the latest, although it is told when it comes.
pub(super) const LATEST_TURN: Duration = Duration::from_mins(5);
/// Most bindings that have the right to deregister and were not reconciled yet.
const GRANTED_AT_ONCE: usize = 8;

/// Between two deregistrations that go before registrations because they have waited for long.
///
/// why not at once: all that came in one rollout is late at the same time, and would keep the registrations of another one waiting
const LATE_INTERVAL: Duration = Duration::from_secs(1);

/// An identity in AWS: the controller's own, or a role.
type AwsIdentity = Option<AssumedRole>;

/// The bindings that wait to deregister targets.
#[derive(Default)]
pub(super) struct Deregistrations {
    state: Mutex<DeregistrationsState>,
    /// Told when somebody begins to wait, or has used or given up a right.
    changed: Notify,
}

#[derive(Default)]
struct DeregistrationsState {
    /// Who waits, in order, namespaces taking turns. May name bindings that do not wait any more.
    lines: BTreeMap<AwsIdentity, ReadyKeys<ObjectKey>>,
    /// In which line each binding is, and whether it still waits.
    places: BTreeMap<ObjectKey, (AwsIdentity, bool)>,
    /// Whose turn it is.
    granted: BTreeMap<ObjectKey, (AwsIdentity, Reservation)>,
    /// Bindings that the reconcile under way put off.
    put_off: BTreeSet<ObjectKey>,
    /// When each identity had its last turn.
    last_turns: BTreeMap<AwsIdentity, Instant>,
}

impl DeregistrationsState {
    fn has_line(&self, identity: &AwsIdentity) -> bool {
        self.lines.get(identity).is_some_and(|line| !line.is_empty())
    }

    /// How long the next turn of an identity counts as waited for: since the first who waits began, but so that it is late no sooner than
    /// [`LATE_INTERVAL`] after the last turn.
    fn waiting_since(&self, identity: &AwsIdentity) -> Instant {
        let oldest = self.lines.get(identity).and_then(ReadyKeys::oldest).unwrap_or_else(Instant::now);
        let last = self.last_turns.get(identity).map(|last| *last + LATE_INTERVAL);
        // why: a process that has just begun has no time so early, and nobody who waits for long
        let earliest = last.and_then(|late| late.checked_sub(LONGEST_WAIT));
        earliest.map_or(oldest, |earliest| oldest.max(earliest))
    }

    fn join(&mut self, key: &ObjectKey, identity: &AwsIdentity) {
        self.put_off.insert(key.clone());
        let place = self.places.insert(key.clone(), (identity.clone(), true));
        if place.is_none_or(|(former, _)| former != *identity) {
            let line = self.lines.entry(identity.clone());
            let line = line.or_insert_with(|| ReadyKeys::new(|key: &ObjectKey| key.namespace().into()));
            line.push(key.clone(), Instant::now());
        }
    }

    /// The first binding in a line that still waits in it; it does so no more.
    fn next(&mut self, identity: &AwsIdentity) -> Option<ObjectKey> {
        let line = self.lines.get_mut(identity)?;
        let mut next = None;
        while let Some((key, _)) = line.pop() {
            if self.places.get(&key).is_some_and(|(of, _)| of == identity)
                && self.places.remove(&key).is_some_and(|(_, is_waiting)| is_waiting)
            {
                next = Some(key);
                break;
            }
        }
        if line.is_empty() {
            self.lines.remove(identity);
            self.last_turns.remove(identity);
        }
        next
    }
}

impl Deregistrations {
    /// The right to deregister targets of a binding now. `None`: it is not its turn; it waits from now on.
    fn take_turn(
        &self,
        key: &ObjectKey,
        identity: &AwsIdentity,
        clouds: &dyn CloudFor,
    ) -> Option<Reservation> {
        let granted = self.state.lock().granted.remove(key);
        if let Some((of, reservation)) = granted {
            self.changed.notify_one();
            // why: a right of another identity is of no use
            if of == *identity {
                return Some(reservation);
            }
        }
        let is_free = !self.state.lock().has_line(identity);
        let cloud = clouds.cloud_for(identity.as_ref());
        let reserve =
            || cloud.reserve(Action::DeregisterTargets, Urgency::Then, Instant::now()).now_or_never();
        let at_once = is_free.then(reserve).flatten();
        if at_once.is_none() {
            self.state.lock().join(key, identity);
            self.changed.notify_one();
        }
        at_once
    }

    /// A reconcile of the binding has ended. One that put nothing off has nothing to deregister.
    fn end_reconcile(&self, key: &ObjectKey) {
        let mut state = self.state.lock();
        if state.put_off.remove(key) {
            return;
        }
        if let Some((_, is_waiting)) = state.places.get_mut(key) {
            *is_waiting = false;
        }
        let unused = state.granted.remove(key);
        drop(state);
        if unused.is_some() {
            self.changed.notify_one();
        }
    }

    /// The identities for which a turn is to be asked for, and since when.
    fn due(&self) -> Vec<(AwsIdentity, Instant)> {
        let state = self.state.lock();
        if state.granted.len() >= GRANTED_AT_ONCE {
            Vec::new()
        } else {
            state.lines.keys().map(|identity| (identity.clone(), state.waiting_since(identity))).collect()
        }
    }

    /// Gives a right to whoever is the next.
    fn grant_next(&self, identity: AwsIdentity, reservation: Reservation) -> Option<ObjectKey> {
        let mut state = self.state.lock();
        let key = state.next(&identity)?;
        if state.has_line(&identity) {
            state.last_turns.insert(identity.clone(), Instant::now());
        }
        state.granted.insert(key.clone(), (identity, reservation));
        Some(key)
    }

    /// Waits for turns, and tells of each whose it is. Never ends.
    async fn grant(&self, clouds: &dyn CloudFor, wake: impl Fn(ObjectKey)) {
        let mut reserving = FuturesUnordered::new();
        let mut asking: BTreeSet<AwsIdentity> = BTreeSet::new();
        loop {
            for (identity, since) in self.due() {
                if asking.insert(identity.clone()) {
                    reserving.push(reserve(clouds, identity, since));
                }
            }
            tokio::select! {
                Some((identity, reservation)) = reserving.next() => {
                    asking.remove(&identity);
                    if let Some(key) = self.grant_next(identity, reservation) {
                        wake(key);
                    }
                }
                () = self.changed.notified() => {}
            }
        }
    }
}

/// why a waiter of its own for each identity: AWS counts their calls apart
async fn reserve(clouds: &dyn CloudFor, identity: AwsIdentity, since: Instant) -> (AwsIdentity, Reservation) {
    let cloud = clouds.cloud_for(identity.as_ref());
    let reservation = cloud.reserve(Action::DeregisterTargets, Urgency::Then, since).await;
    (identity, reservation)
}

impl BindingController {
    /// Waits for turns to deregister, and asks for the bindings whose turn it is to be reconciled. Never ends.
    pub async fn grant_deregistrations(&self, wake: impl Fn(ObjectKey)) {
        self.deregistrations.grant(&*self.clouds, wake).await;
    }

    /// The right to one deregistration. `None`: it is not this binding's turn; it is reconciled when it is.
    pub(super) fn turn_to_deregister(&self, key: &ObjectKey, group: &TargetGroupRef) -> Option<Reservation> {
        self.deregistrations.take_turn(key, &group.role, &*self.clouds)
    }

    /// The right to a deregistration that a registration waits for: as urgent as that.
    pub(super) async fn right_to_make_room(&self, group: &TargetGroupRef) -> Reservation {
        let cloud = self.clouds.cloud_for(group.role.as_ref());
        cloud.reserve(Action::DeregisterTargets, Urgency::First, Instant::now()).await
    }

    /// A reconcile of this binding has ended.
    pub(super) fn end_turn(&self, key: &ObjectKey) {
        self.deregistrations.end_reconcile(key);
    }
}
