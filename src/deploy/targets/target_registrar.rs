//! The state of target groups, and the calls that change it.

use super::batch::{Batch, BatchResult, RefusalReason, is_about_items, send_parts};
use super::refused_items::{RefusedItems, RetryState};
use crate::api::TargetGroupBinding;
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::send;
use crate::aws_api::CloudError;
use crate::aws_api::elbv2::{
    DeregisterTargets, DescribeTargetHealth, RegisterTargets, Target, TargetHealthState,
};
use crate::targets::target_group_state::TargetGroupState;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most targets of one RegisterTargets or DeregisterTargets call.
pub const BATCH: usize = 200;

/// Answers that mean: others must go first.
const FULL: &[&str] = &["TooManyTargets", "TooManyRegistrationsForTargetId"];

/// Id and port of a target.
type TargetIdAndPort = (String, Option<i32>);

/// A target group, and in whose name it is touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupRef {
    /// ARN.
    pub arn: String,
    /// Role to assume, if any.
    pub role: Option<AssumedRole>,
}

/// Knows the targets of every target group that is bound, and registers and deregisters targets.
pub struct TargetRegistrar {
    clouds: Arc<dyn CloudFor>,
    started: Instant,
    groups: Mutex<BTreeMap<String, TargetGroupState>>,
    /// Targets that could not be registered, by ARN of the target group.
    refused_items: Mutex<RefusedItems<TargetIdAndPort>>,
    /// Targets that could not be deregistered.
    stuck: Mutex<RefusedItems<TargetIdAndPort>>,
}

impl TargetGroupRef {
    /// The target group of a binding.
    pub fn of(binding: &TargetGroupBinding) -> Self {
        let spec = &binding.spec;
        Self { arn: spec.target_group_arn.clone().unwrap_or_default(), role: AssumedRole::of(spec) }
    }
}

impl TargetRegistrar {
    /// Knows nothing until it is asked.
    pub fn new(clouds: Arc<dyn CloudFor>) -> Self {
        let (refused_items, stuck) =
            (Mutex::new(RefusedItems::new(FULL)), Mutex::new(RefusedItems::new(&[])));
        Self { clouds, started: Instant::now(), groups: Mutex::default(), refused_items, stuck }
    }

    /// What is known of a target group; nothing before the first [`TargetRegistrar::list`].
    pub fn group_state(&self, group: &TargetGroupRef) -> TargetGroupState {
        self.groups.lock().get(&group.arn).cloned().unwrap_or_default()
    }

    /// How many targets are registered, `None` before the first [`TargetRegistrar::list`], and how many of them were healthy when
    /// AWS was last asked, `None` as long as it has not told of all of them that they are past `initial`.
    pub fn count(&self, group: &TargetGroupRef) -> (Option<usize>, Option<usize>) {
        let groups = self.groups.lock();
        let Some(group_state) = groups.get(&group.arn).filter(|group_state| group_state.is_listed()) else {
            return (None, None);
        };
        let staying = || group_state.records().iter().filter(|record| !record.is_draining());
        let healthy = staying().filter(|record| record.state() == Some(&TargetHealthState::Healthy));
        let is_open = |state: Option<&TargetHealthState>| {
            state.is_none_or(|state| *state == TargetHealthState::Initial)
        };
        let is_known = !staying().any(|record| is_open(record.state()));
        (Some(staying().count()), is_known.then_some(healthy.count()))
    }

    /// Targets of a target group that we deregistered a moment ago.
    pub fn departed(&self, group: &TargetGroupRef) -> Vec<Target> {
        let now = self.now();
        self.groups.lock().get(&group.arn).map(|group_state| group_state.departed(now)).unwrap_or_default()
    }

    /// Whether the last listing is recent enough to tell what is missing.
    pub fn is_fresh(&self, group: &TargetGroupRef) -> bool {
        let now = self.now();
        self.groups.lock().get(&group.arn).is_some_and(|group_state| group_state.is_fresh(now))
    }

    /// How long ago AWS was asked about the targets of a target group.
    pub fn refreshed_ago(&self, group: &TargetGroupRef) -> Option<Duration> {
        let at = self.groups.lock().get(&group.arn).and_then(TargetGroupState::refreshed_at)?;
        Some(Duration::from_millis(self.now().saturating_sub(at)))
    }

    /// How long ago all targets of a target group were listed.
    pub fn listed_ago(&self, group: &TargetGroupRef) -> Option<Duration> {
        let at = self.groups.lock().get(&group.arn).and_then(TargetGroupState::listed_at)?;
        Some(Duration::from_millis(self.now().saturating_sub(at)))
    }

    /// Lists all targets: one call, which is not paginated.
    pub async fn list(&self, group: &TargetGroupRef) -> Result<(), CloudError> {
        let described = self.describe(group, Vec::new()).await?;
        self.note(group, |group_state, now| group_state.absorb_listing(described, now));
        Ok(())
    }

    /// Asks for the health of the targets that are not known to be healthy: one call, or none.
    pub async fn refresh_health(&self, group: &TargetGroupRef) -> Result<(), CloudError> {
        let targets = self.group_state(group).to_refresh();
        if targets.is_empty() {
            self.note(group, TargetGroupState::note_refreshed);
            return Ok(());
        }
        let described = self.describe(group, targets).await?;
        self.note(group, |group_state, now| group_state.absorb_answer(described, now));
        Ok(())
    }

    /// Registers targets, 200 a call, in order. What a failing call would have registered is not on record.
    pub async fn register(&self, group: &TargetGroupRef, targets: &[Target]) -> Result<(), CloudError> {
        let registration = TargetCall { registrar: self, group, is_registration: true };
        for batch in targets.chunks(BATCH) {
            registration.send(batch).await?;
        }
        Ok(())
    }

    /// Registers targets like [`TargetRegistrar::register`], but a call that is refused is sent again in parts. Answers the
    /// targets that are refused; for a while [`TargetRegistrar::is_refused`] says so, too.
    pub async fn register_in_parts(
        &self,
        group: &TargetGroupRef,
        targets: &[Target],
    ) -> Result<Vec<(Target, CloudError)>, CloudError> {
        let registration = TargetCall { registrar: self, group, is_registration: true };
        let BatchResult { refused, failure } = send_parts(&registration, self.parts_of(group, targets)).await;
        let mut refused_items = self.refused_items.lock();
        for (target, error) in &refused {
            refused_items.note(&group.arn, key_of(target), error.clone());
        }
        failure.map_or(Ok(refused), Err)
    }

    /// What was never refused together, what was refused each alone.
    fn parts_of(&self, group: &TargetGroupRef, targets: &[Target]) -> Vec<Vec<Target>> {
        let refused_items = self.refused_items.lock();
        let is_fresh =
            |target: &&Target| refused_items.turn(&group.arn, &key_of(target)) == RetryState::Fresh;
        let (fresh, others): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(is_fresh);
        let fresh = fresh.chunks(BATCH).map(|part| part.iter().copied().cloned().collect());
        fresh.chain(others.into_iter().map(|target| vec![target.clone()])).collect()
    }

    /// Whether AWS refused to register a target, and it is not to be tried again yet.
    pub fn is_refused(&self, group: &TargetGroupRef, id: &str, port: i32) -> bool {
        self.refused_items.lock().turn(&group.arn, &(id.to_owned(), Some(port))) == RetryState::Later
    }

    /// Whether AWS refused to register a target the last time.
    pub fn was_refused(&self, group: &TargetGroupRef, id: &str, port: i32) -> bool {
        self.refused_items.lock().turn(&group.arn, &(id.to_owned(), Some(port))) != RetryState::Fresh
    }

    /// Forgets refusals of targets that nobody wants any more.
    pub fn retain_refused(&self, group: &TargetGroupRef, is_wanted: impl Fn(&str, Option<i32>) -> bool) {
        self.refused_items.lock().retain(&group.arn, |(id, port)| is_wanted(id, *port));
    }

    /// Whether a target was refused for want of room.
    pub fn is_full(&self, group: &TargetGroupRef) -> bool {
        self.refused_items.lock().is_full(&group.arn)
    }

    /// Deregisters targets as AWS described them, 200 a call, in order; a call that is refused is sent again in parts. A
    /// target that AWS refuses to deregister counts as gone until the next listing, and is not tried again before its pause is
    /// over, whatever a listing shows.
    pub async fn deregister(&self, group: &TargetGroupRef, targets: &[Target]) -> Result<(), CloudError> {
        let call = TargetCall { registrar: self, group, is_registration: false };
        let is_due =
            |target: &&Target| self.stuck.lock().turn(&group.arn, &key_of(target)) != RetryState::Later;
        let (due, later): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(is_due);
        call.note(&later.into_iter().cloned().collect::<Vec<_>>());
        let due: Vec<Target> = due.into_iter().cloned().collect();
        let parts = due.chunks(BATCH).map(<[Target]>::to_vec).collect();
        let BatchResult { refused, failure } = send_parts(&call, parts).await;
        for (target, error) in refused {
            tracing::warn!(target_group = %group.arn, target = %target.id, %error, "target not deregistered");
            call.note(std::slice::from_ref(&target));
            self.stuck.lock().note(&group.arn, key_of(&target), error);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Has targets that AWS refused to deregister tried again at once: somebody wants them gone for another reason.
    pub fn forget_stuck(&self, group: &TargetGroupRef) {
        self.stuck.lock().forget(&group.arn);
    }

    /// Forgets a target group that is not bound any more, or not as it was known.
    pub fn forget(&self, group: &TargetGroupRef) {
        self.groups.lock().remove(&group.arn);
        self.refused_items.lock().forget(&group.arn);
        self.forget_stuck(group);
    }

    async fn describe(
        &self,
        group: &TargetGroupRef,
        targets: Vec<Target>,
    ) -> Result<Vec<crate::aws_api::elbv2::TargetHealth>, CloudError> {
        let cloud = self.clouds.cloud_for(group.role.as_ref());
        send(&*cloud, DescribeTargetHealth { arn: group.arn.as_str().into(), targets }).await
    }

    /// Writes down what has just been asked or done.
    fn note(&self, group: &TargetGroupRef, note: impl FnOnce(&mut TargetGroupState, u64)) {
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
    registrar: &'a TargetRegistrar,
    group: &'a TargetGroupRef,
    is_registration: bool,
}

impl TargetCall<'_> {
    async fn call(&self, targets: &[Target]) -> Result<(), CloudError> {
        let cloud = self.registrar.clouds.cloud_for(self.group.role.as_ref());
        let (arn, targets) = (self.group.arn.as_str().into(), targets.to_vec());
        if self.is_registration {
            send(&*cloud, RegisterTargets { arn, targets }).await
        } else {
            send(&*cloud, DeregisterTargets { arn, targets }).await
        }
    }

    fn note(&self, targets: &[Target]) {
        let mut refused_items = self.registrar.refused_items.lock();
        if self.is_registration {
            refused_items.retain(&self.group.arn, |key| targets.iter().all(|target| key_of(target) != *key));
            self.registrar.note(self.group, |group_state, now| group_state.note_registered(targets, now));
        } else {
            refused_items.note_room(&self.group.arn);
            self.registrar.note(self.group, |group_state, now| group_state.note_deregistered(targets, now));
        }
    }
}

impl Batch for TargetCall<'_> {
    type Item = Target;

    fn send<'a>(&'a self, targets: &'a [Target]) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            self.call(targets).await?;
            self.note(targets);
            let is_another = |key: &TargetIdAndPort| targets.iter().all(|target| key_of(target) != *key);
            self.registrar.stuck.lock().retain(&self.group.arn, is_another);
            Ok(())
        })
    }

    fn blame(&self, error: &CloudError) -> RefusalReason {
        match error.code() {
            Some("TooManyTargets") => RefusalReason::Quota,
            _ if is_about_items(error) => RefusalReason::Item,
            _ => RefusalReason::Call,
        }
    }
}

fn key_of(target: &Target) -> TargetIdAndPort {
    (target.id.to_string(), target.port)
}
