//! The end of a binding: its targets, records and rules go, and no pod waits for it any longer.

use super::deregistrations::LATEST_TURN;
use super::ready::readiness;
use super::{BindingController, BindingReconcileError};
use crate::api::meta::{TARGET_GROUP_BINDING_FINALIZER, has_finalizer};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws_api::CloudError;
use crate::aws_api::elbv2::Target;
use crate::controller::ReconcileResult;
use crate::deploy::targets::target_registrar::{BATCH, TargetGroupRef};
use crate::targets::conditions::{self, ConditionWrite, GateStatus, diff_condition};
use crate::targets::multi_cluster::{Ownership, is_shared};
use crate::targets::networking::Permissions;

/// Answers that mean: there is no target group to clean up.
const GONE: &[&str] = &["TargetGroupNotFound", "InvalidTarget", "ValidationError"];

/// How far the end of a binding came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CleanUp {
    /// All was taken back.
    Done,
    /// Targets wait for their turn to be deregistered.
    Waits,
}

impl BindingController {
    /// Ends a binding that is being deleted.
    pub(super) async fn delete(&self, binding: &TargetGroupBinding, key: &ObjectKey) -> ReconcileResult {
        if !has_finalizer(binding, TARGET_GROUP_BINDING_FINALIZER) {
            return ReconcileResult::Gone;
        }
        match self.clean_up(binding, key).await {
            Ok(CleanUp::Done) => {}
            Ok(CleanUp::Waits) => return ReconcileResult::RequeueAfter(LATEST_TURN),
            Err(error) => {
                self.warn(binding, "FailedCleanup", format!("Failed cleanup due to {error}"));
                self.note_failed_cleanup(binding, key, &error.to_string()).await;
                return ReconcileResult::Retry;
            }
        }
        if let Err(failure) = self.api.remove_finalizer(key).await {
            let message = format!("Failed remove finalizer due to {failure}");
            self.warn(binding, "FailedRemoveFinalizer", message);
            return ReconcileResult::Retry;
        }
        self.registrar.forget(&TargetGroupRef::of(binding));
        self.states.remove(key);
        self.metrics.binding_gone(key);
        ReconcileResult::Gone
    }

    /// Takes back everything that was done for a binding, its targets first.
    pub(super) async fn clean_up(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
    ) -> Result<CleanUp, BindingReconcileError> {
        match self.deregister_all(binding, key).await {
            Err(BindingReconcileError::Cloud(error)) if error.is(GONE) => {}
            Ok(CleanUp::Done) => {}
            answer => return answer,
        }
        self.owned.remove(key, is_shared(binding)).await?;
        self.rules.grant(key, Permissions::new()).await?;
        self.rules.revoke_unneeded(key, &*self.view).await?;
        self.states.change(key, |state| {
            state.networking = None;
            state.kept.clear();
            state.told_of_kept = None;
        });
        let gate = conditions::gate_of(key);
        let pods = self.view.pods(key.namespace());
        let writes = pods.iter().filter_map(|pod| diff_condition(pod, &gate, GateStatus::binding_deleted()));
        let writes: Vec<ConditionWrite> = writes.collect();
        self.update_pod_conditions(key, &writes).await?;
        Ok(CleanUp::Done)
    }

    async fn deregister_all(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
    ) -> Result<CleanUp, BindingReconcileError> {
        let group = TargetGroupRef::of(binding);
        if !is_shared(binding) && self.leaving.contains(&group.arn) {
            return Ok(CleanUp::Done);
        }
        let owned = if is_shared(binding) { self.owned.load(key).await? } else { None };
        let ownership = if is_shared(binding) { Ownership::Shared(owned.as_ref()) } else { Ownership::Sole };
        if !self.registrar.is_fresh(&group) {
            self.registrar.list(&group).await?;
        }
        let group_state = self.registrar.group_state(&group);
        let ours = group_state
            .records()
            .iter()
            .filter(|record| !record.is_draining() && ownership.covers(&record.identity()));
        let targets: Vec<Target> = ours.map(|record| record.target.clone()).collect();
        self.registrar.forget_stuck(&group);
        for targets in targets.chunks(BATCH) {
            let Some(reservation) = self.turn_to_deregister(key, &group) else { return Ok(CleanUp::Waits) };
            let answer: Result<(), CloudError> =
                reservation.spend(self.registrar.deregister(&group, targets)).await;
            // why: the error is handed on below
            if answer.is_err() {
                self.registrar.forget(&group);
            }
            answer?;
        }
        Ok(CleanUp::Done)
    }

    /// Says in the status why the binding is still there. A failure to say so is only logged.
    async fn note_failed_cleanup(&self, binding: &TargetGroupBinding, key: &ObjectKey, message: &str) {
        self.write_readiness(binding, key, readiness(binding, false, "FailedCleanup", message)).await;
    }
}
