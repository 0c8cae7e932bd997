//! The inventory of targets, and the calls that change it.

use super::batch::{Batch, Blame, Sent, is_about_items, send_parts};
use super::refusals::{Refusals, Turn};
use crate::api::TargetGroupBinding;
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::send;
use crate::cloud::CloudError;
use crate::cloud::elbv2::{
    DeregisterTargets, DescribeTargetHealth, RegisterTargets, Target, TargetHealthState,
};
use crate::targets::inventory::Inventory;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most targets of one RegisterTargets or DeregisterTargets call.
const BATCH: usize = 200;

/// Answers that mean: others must go first.
const FULL: &[&str] = &["TooManyTargets", "TooManyRegistrationsForTargetId"];

/// Id and port of a target.
type IdAndPort = (String, Option<i32>);

/// A target group, and in whose name it is touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// ARN.
    pub arn: String,
    /// Role to assume, if any.
    pub role: Option<AssumedRole>,
}

/// Knows the targets of every target group that is bound, and registers and deregisters targets.
pub struct TargetLane {
    clouds: Arc<dyn CloudFor>,
    started: Instant,
    groups: Mutex<BTreeMap<String, Inventory>>,
    /// Targets that could not be registered, by ARN of the target group.
    refusals: Mutex<Refusals<IdAndPort>>,
    /// Targets that could not be deregistered.
    stuck: Mutex<Refusals<IdAndPort>>,
}

impl Group {
    /// The target group of a binding.
    pub fn of(binding: &TargetGroupBinding) -> Self {
        let spec = &binding.spec;
        Self { arn: spec.target_group_arn.clone().unwrap_or_default(), role: AssumedRole::of(spec) }
    }
}

impl TargetLane {
    /// Knows nothing until it is asked.
    pub fn new(clouds: Arc<dyn CloudFor>) -> Self {
        let (refusals, stuck) = (Mutex::new(Refusals::new(FULL)), Mutex::new(Refusals::new(&[])));
        Self { clouds, started: Instant::now(), groups: Mutex::default(), refusals, stuck }
    }

    /// What is known of a target group; nothing before the first [`TargetLane::list`].
    pub fn inventory(&self, group: &Group) -> Inventory {
        self.groups.lock().get(&group.arn).cloned().unwrap_or_default()
    }

    /// How many targets are registered, `None` before the first [`TargetLane::list`], and how many of them were healthy when
    /// AWS was last asked, `None` as long as it has not told of all of them that they are past `initial`.
    pub fn count(&self, group: &Group) -> (Option<usize>, Option<usize>) {
        let groups = self.groups.lock();
        let Some(inventory) = groups.get(&group.arn).filter(|inventory| inventory.is_listed()) else {
            return (None, None);
        };
        let staying = || inventory.records().iter().filter(|record| !record.is_draining());
        let healthy = staying().filter(|record| record.state() == Some(&TargetHealthState::Healthy));
        let is_open = |state: Option<&TargetHealthState>| {
            state.is_none_or(|state| *state == TargetHealthState::Initial)
        };
        let is_known = !staying().any(|record| is_open(record.state()));
        (Some(staying().count()), is_known.then_some(healthy.count()))
    }

    /// Targets of a target group that we deregistered a moment ago.
    pub fn departed(&self, group: &Group) -> Vec<Target> {
        let now = self.now();
        self.groups.lock().get(&group.arn).map(|inventory| inventory.departed(now)).unwrap_or_default()
    }

    /// Whether the last listing is recent enough to tell what is missing.
    pub fn is_fresh(&self, group: &Group) -> bool {
        let now = self.now();
        self.groups.lock().get(&group.arn).is_some_and(|inventory| inventory.is_fresh(now))
    }

    /// How long ago AWS was asked about the targets of a target group.
    pub fn asked_ago(&self, group: &Group) -> Option<Duration> {
        let at = self.groups.lock().get(&group.arn).and_then(Inventory::asked_at)?;
        Some(Duration::from_millis(self.now().saturating_sub(at)))
    }

    /// How long ago all targets of a target group were listed.
    pub fn listed_ago(&self, group: &Group) -> Option<Duration> {
        let at = self.groups.lock().get(&group.arn).and_then(Inventory::listed_at)?;
        Some(Duration::from_millis(self.now().saturating_sub(at)))
    }

    /// Lists all targets: one call, which is not paginated.
    pub async fn list(&self, group: &Group) -> Result<(), CloudError> {
        let described = self.describe(group, Vec::new()).await?;
        self.note(group, |inventory, now| inventory.absorb_listing(described, now));
        Ok(())
    }

    /// Asks for the health of the targets that are not known to be healthy: one call, or none.
    pub async fn ask(&self, group: &Group) -> Result<(), CloudError> {
        let targets = self.inventory(group).to_ask();
        if targets.is_empty() {
            self.note(group, Inventory::note_asked);
            return Ok(());
        }
        let described = self.describe(group, targets).await?;
        self.note(group, |inventory, now| inventory.absorb_answer(described, now));
        Ok(())
    }

    /// Registers targets, 200 a call, in order. What a failing call would have registered is not on record.
    pub async fn register(&self, group: &Group, targets: &[Target]) -> Result<(), CloudError> {
        let registration = TargetCall { lane: self, group, is_registration: true };
        for batch in targets.chunks(BATCH) {
            registration.send(batch).await?;
        }
        Ok(())
    }

    /// Registers targets like [`TargetLane::register`], but a call that is refused is sent again in parts. Answers the
    /// targets that are refused; for a while [`TargetLane::is_refused`] says so, too.
    pub async fn register_in_parts(
        &self,
        group: &Group,
        targets: &[Target],
    ) -> Result<Vec<(Target, CloudError)>, CloudError> {
        let registration = TargetCall { lane: self, group, is_registration: true };
        let Sent { refused, failure } = send_parts(&registration, self.parts_of(group, targets)).await;
        let mut refusals = self.refusals.lock();
        for (target, error) in &refused {
            refusals.note(&group.arn, key_of(target), error.clone());
        }
        failure.map_or(Ok(refused), Err)
    }

    /// What was never refused together, what was refused each alone.
    fn parts_of(&self, group: &Group, targets: &[Target]) -> Vec<Vec<Target>> {
        let refusals = self.refusals.lock();
        let is_fresh = |target: &&Target| refusals.turn(&group.arn, &key_of(target)) == Turn::Fresh;
        let (fresh, others): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(is_fresh);
        let fresh = fresh.chunks(BATCH).map(|part| part.iter().copied().cloned().collect());
        fresh.chain(others.into_iter().map(|target| vec![target.clone()])).collect()
    }

    /// Whether AWS refused to register a target, and it is not to be tried again yet.
    pub fn is_refused(&self, group: &Group, id: &str, port: i32) -> bool {
        self.refusals.lock().turn(&group.arn, &(id.to_owned(), Some(port))) == Turn::Later
    }

    /// Whether AWS refused to register a target the last time.
    pub fn was_refused(&self, group: &Group, id: &str, port: i32) -> bool {
        self.refusals.lock().turn(&group.arn, &(id.to_owned(), Some(port))) != Turn::Fresh
    }

    /// Forgets refusals of targets that nobody wants any more.
    pub fn retain_refused(&self, group: &Group, is_wanted: impl Fn(&str, Option<i32>) -> bool) {
        self.refusals.lock().retain(&group.arn, |(id, port)| is_wanted(id, *port));
    }

    /// Whether a target was refused for want of room.
    pub fn is_full(&self, group: &Group) -> bool {
        self.refusals.lock().is_full(&group.arn)
    }

    /// Deregisters targets as AWS described them, 200 a call, in order; a call that is refused is sent again in parts. A
    /// target that AWS refuses to deregister counts as gone until the next listing, and is not tried again before its pause is
    /// over, whatever a listing shows.
    pub async fn deregister(&self, group: &Group, targets: &[Target]) -> Result<(), CloudError> {
        let call = TargetCall { lane: self, group, is_registration: false };
        let is_due = |target: &&Target| self.stuck.lock().turn(&group.arn, &key_of(target)) != Turn::Later;
        let (due, later): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(is_due);
        call.note(&later.into_iter().cloned().collect::<Vec<_>>());
        let due: Vec<Target> = due.into_iter().cloned().collect();
        let parts = due.chunks(BATCH).map(<[Target]>::to_vec).collect();
        let Sent { refused, failure } = send_parts(&call, parts).await;
        for (target, error) in refused {
            tracing::warn!(target_group = %group.arn, target = %target.id, %error, "target not deregistered");
            call.note(std::slice::from_ref(&target));
            self.stuck.lock().note(&group.arn, key_of(&target), error);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Has targets that AWS refused to deregister tried again at once: somebody wants them gone for another reason.
    pub fn forget_stuck(&self, group: &Group) {
        self.stuck.lock().forget(&group.arn);
    }

    /// Forgets a target group that is not bound any more, or not as it was known.
    pub fn forget(&self, group: &Group) {
        self.groups.lock().remove(&group.arn);
        self.refusals.lock().forget(&group.arn);
        self.forget_stuck(group);
    }

    async fn describe(
        &self,
        group: &Group,
        targets: Vec<Target>,
    ) -> Result<Vec<crate::cloud::elbv2::TargetHealth>, CloudError> {
        let cloud = self.clouds.cloud_for(group.role.as_ref());
        send(&*cloud, DescribeTargetHealth { arn: group.arn.as_str().into(), targets }).await
    }

    /// Writes down what has just been asked or done.
    fn note(&self, group: &Group, note: impl FnOnce(&mut Inventory, u64)) {
        let now = self.now();
        note(self.groups.lock().entry(group.arn.clone()).or_default(), now);
    }

    /// Milliseconds since start, on a clock that tests can pause.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Registering or deregistering targets of one target group.
struct TargetCall<'a> {
    lane: &'a TargetLane,
    group: &'a Group,
    is_registration: bool,
}

impl TargetCall<'_> {
    async fn call(&self, targets: &[Target]) -> Result<(), CloudError> {
        let cloud = self.lane.clouds.cloud_for(self.group.role.as_ref());
        let (arn, targets) = (self.group.arn.as_str().into(), targets.to_vec());
        if self.is_registration {
            send(&*cloud, RegisterTargets { arn, targets }).await
        } else {
            send(&*cloud, DeregisterTargets { arn, targets }).await
        }
    }

    fn note(&self, targets: &[Target]) {
        let mut refusals = self.lane.refusals.lock();
        if self.is_registration {
            refusals.retain(&self.group.arn, |key| targets.iter().all(|target| key_of(target) != *key));
            self.lane.note(self.group, |inventory, now| inventory.note_registered(targets, now));
        } else {
            refusals.note_room(&self.group.arn);
            self.lane.note(self.group, |inventory, now| inventory.note_deregistered(targets, now));
        }
    }
}

impl Batch for TargetCall<'_> {
    type Item = Target;

    fn send<'a>(&'a self, targets: &'a [Target]) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            self.call(targets).await?;
            self.note(targets);
            let is_another = |key: &IdAndPort| targets.iter().all(|target| key_of(target) != *key);
            self.lane.stuck.lock().retain(&self.group.arn, is_another);
            Ok(())
        })
    }

    fn blame(&self, error: &CloudError) -> Blame {
        match error.code() {
            Some("TooManyTargets") => Blame::Room,
            _ if is_about_items(error) => Blame::Item,
            _ => Blame::Call,
        }
    }
}

fn key_of(target: &Target) -> IdAndPort {
    (target.id.to_string(), target.port)
}
