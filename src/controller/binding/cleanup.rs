//! The end of a binding: its targets, records and rules go, and no pod waits for it any longer.

use super::{BindingController, ReconcileError};
use crate::api::meta::{TARGET_GROUP_BINDING_FINALIZER, has_finalizer};
use crate::api::{Condition, ObjectKey, TargetGroupBinding, Time};
use crate::clock::now;
use crate::cloud::CloudError;
use crate::cloud::elbv2::Target;
use crate::controller::Verdict;
use crate::deploy::targets::lane::Group;
use crate::targets::conditions::{self, ConditionWrite, Verdict as GateVerdict, diff_condition};
use crate::targets::multi_cluster::{Ownership, is_shared};
use crate::targets::networking::Permissions;
use serde_json::json;

/// Answers that mean: there is no target group to clean up.
const GONE: &[&str] = &["TargetGroupNotFound", "InvalidTarget", "ValidationError"];

impl BindingController {
    /// Ends a binding that is being deleted.
    pub(super) async fn delete(&self, binding: &TargetGroupBinding, key: &ObjectKey) -> Verdict {
        if !has_finalizer(binding, TARGET_GROUP_BINDING_FINALIZER) {
            return Verdict::Gone;
        }
        if let Err(error) = self.clean_up(binding, key).await {
            self.warn(binding, "FailedCleanup", format!("Failed cleanup due to {error}"));
            self.note_failed_cleanup(binding, key, &error.to_string()).await;
            return Verdict::Retry;
        }
        if let Err(failure) = self.api.remove_finalizer(key).await {
            let message = format!("Failed remove finalizer due to {failure}");
            self.warn(binding, "FailedRemoveFinalizer", message);
            return Verdict::Retry;
        }
        self.lane.forget(&Group::of(binding));
        self.memories.forget(key);
        self.metrics.binding_gone(key);
        Verdict::Gone
    }

    /// Takes back everything that was done for a binding.
    pub(super) async fn clean_up(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
    ) -> Result<(), ReconcileError> {
        match self.deregister_all(binding, key).await {
            Err(ReconcileError::Cloud(error)) if error.is(GONE) => {}
            answer => answer?,
        }
        self.owned.remove(key, is_shared(binding)).await?;
        self.rules.grant(key, Permissions::new()).await?;
        self.rules.settle(key, &*self.view).await?;
        self.memories.change(key, |memory| {
            memory.networking = None;
            memory.kept.clear();
            memory.told_of_kept = None;
        });
        let gate = conditions::gate_of(key);
        let pods = self.view.pods(key.namespace());
        let writes = pods.iter().filter_map(|pod| diff_condition(pod, &gate, GateVerdict::binding_deleted()));
        let writes: Vec<ConditionWrite> = writes.collect();
        self.tell_pods(key, &writes).await?;
        Ok(())
    }

    async fn deregister_all(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
    ) -> Result<(), ReconcileError> {
        let group = Group::of(binding);
        let owned = if is_shared(binding) { self.owned.load(key).await? } else { None };
        let ownership = if is_shared(binding) { Ownership::Shared(owned.as_ref()) } else { Ownership::Sole };
        if !self.lane.is_fresh(&group) {
            self.lane.list(&group).await?;
        }
        let inventory = self.lane.inventory(&group);
        let ours = inventory
            .records()
            .iter()
            .filter(|record| !record.is_draining() && ownership.covers(&record.identity()));
        let targets: Vec<Target> = ours.map(|record| record.target.clone()).collect();
        self.lane.forget_stuck(&group);
        let answer: Result<(), CloudError> = self.lane.deregister(&group, &targets).await;
        // why: the error is handed on below
        if answer.is_err() {
            self.lane.forget(&group);
        }
        Ok(answer?)
    }

    /// Says in the status why the binding is still there. A failure to say so is only logged.
    async fn note_failed_cleanup(&self, binding: &TargetGroupBinding, key: &ObjectKey, message: &str) {
        let conditions = binding.status.as_ref().and_then(|status| status.conditions.clone());
        let mut conditions = conditions.unwrap_or_default();
        let condition = Condition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            reason: "FailedCleanup".to_owned(),
            message: message.to_owned(),
            observed_generation: binding.metadata.generation,
            last_transition_time: Time(now()),
        };
        let says_so = |present: &Condition| {
            present.type_ == condition.type_
                && present.status == condition.status
                && present.reason == condition.reason
                && present.message == condition.message
                && present.observed_generation == condition.observed_generation
        };
        if conditions.iter().any(says_so) {
            return;
        }
        conditions.retain(|present| present.type_ != condition.type_);
        conditions.push(condition);
        if let Err(failure) = self.api.patch_status(key, json!({ "conditions": conditions })).await {
            tracing::warn!(binding = %key, %failure, "condition not written");
        }
    }
}
