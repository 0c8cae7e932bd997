//! The inventory of targets, and the calls that change it.

use crate::api::TargetGroupBinding;
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::send;
use crate::cloud::CloudError;
use crate::cloud::elbv2::{
    DeregisterTargets, DescribeTargetHealth, RegisterTargets, Target, TargetHealthState,
};
use crate::targets::inventory::Inventory;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most targets of one RegisterTargets or DeregisterTargets call.
const BATCH: usize = 200;

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
        Self { clouds, started: Instant::now(), groups: Mutex::default() }
    }

    /// What is known of a target group; nothing before the first [`TargetLane::list`].
    pub fn inventory(&self, group: &Group) -> Inventory {
        self.groups.lock().get(&group.arn).cloned().unwrap_or_default()
    }

    /// How many targets are registered, and how many of them were healthy when AWS was last asked; `None` before the first
    /// [`TargetLane::list`].
    pub fn count(&self, group: &Group) -> Option<(usize, usize)> {
        let groups = self.groups.lock();
        let inventory = groups.get(&group.arn).filter(|inventory| inventory.is_listed())?;
        let staying = || inventory.records().iter().filter(|record| !record.is_draining());
        let healthy = staying().filter(|record| record.state() == Some(&TargetHealthState::Healthy));
        Some((staying().count(), healthy.count()))
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
        for batch in targets.chunks(BATCH) {
            let cloud = self.clouds.cloud_for(group.role.as_ref());
            let arn = group.arn.as_str().into();
            send(&*cloud, RegisterTargets { arn, targets: batch.to_vec() }).await?;
            self.note(group, |inventory, now| inventory.note_registered(batch, now));
        }
        Ok(())
    }

    /// Deregisters targets as AWS described them, 200 a call, in order.
    pub async fn deregister(&self, group: &Group, targets: &[Target]) -> Result<(), CloudError> {
        for batch in targets.chunks(BATCH) {
            let cloud = self.clouds.cloud_for(group.role.as_ref());
            let arn = group.arn.as_str().into();
            send(&*cloud, DeregisterTargets { arn, targets: batch.to_vec() }).await?;
            self.note(group, |inventory, now| inventory.note_deregistered(batch, now));
        }
        Ok(())
    }

    /// Forgets a target group that is not bound any more, or not as it was known.
    pub fn forget(&self, group: &Group) {
        self.groups.lock().remove(&group.arn);
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
