//! Report: the condition `Ready` of bindings, and the generation that was observed, in one write.
//!
//! Upstream writes the condition only when a cleanup fails; all else is behind the gate `TargetGroupBindingConditions`. A binding that was
//! taken over, and that nothing has to be done for, is left as it is: the condition comes with the next change or failure.

use super::{BindingController, Progress};
use crate::api::{Condition, ObjectKey, TargetGroupBinding};
use crate::clock::now;
use crate::deploy::targets::traits::ApiFailure;
use crate::status::binding::{BindingReadiness, READY, conditions};
use serde_json::{Map, Value, json};

/// What the condition of a binding shall say.
pub(super) fn readiness(
    binding: &TargetGroupBinding,
    is_ready: bool,
    reason: &'static str,
    message: &str,
) -> BindingReadiness {
    BindingReadiness {
        is_ready,
        reason,
        message: message.to_owned(),
        generation: binding.metadata.generation,
    }
}

impl BindingController {
    /// Writes what a reconcile that did not fail came to: the generation, and the condition with it.
    pub(super) async fn write_progress(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        progress: &Progress,
        lack: Option<&str>,
    ) -> Result<(), ApiFailure> {
        let generation = self.unobserved_generation(binding, key, progress);
        let ready = self.due_readiness(binding, progress, lack, generation.is_some());
        let conditions = ready.as_ref().and_then(|ready| self.conditions_to_write(binding, key, ready));
        if generation.is_none() && conditions.is_none() {
            return Ok(());
        }
        let mut status = Map::new();
        status.extend(generation.map(|generation| ("observedGeneration".to_owned(), json!(generation))));
        status.extend(conditions.as_ref().map(|conditions| ("conditions".to_owned(), json!(conditions))));
        self.api.patch_status(key, Value::Object(status)).await?;
        self.states.change(key, |state| {
            state.observed = generation.or(state.observed);
            if conditions.is_some() {
                state.ready = ready;
            }
        });
        Ok(())
    }

    /// Says in the status why a reconcile failed, where conditions are wanted.
    pub(super) async fn write_failure(&self, binding: &TargetGroupBinding, key: &ObjectKey, message: &str) {
        if self.config.features.target_group_binding_conditions {
            self.write_readiness(binding, key, readiness(binding, false, "FailedReconcile", message)).await;
        }
    }

    /// A failure to write is only logged: the event says the same.
    pub(super) async fn write_readiness(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        ready: BindingReadiness,
    ) {
        let Some(conditions) = self.conditions_to_write(binding, key, &ready) else { return };
        match self.api.patch_status(key, json!({ "conditions": conditions })).await {
            Ok(()) => self.states.change(key, |state| state.ready = Some(ready)),
            Err(failure) => tracing::warn!(binding = %key, %failure, "condition not written"),
        }
    }

    /// The generation to write; `None`: it stands there, or is not observed yet.
    fn unobserved_generation(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        progress: &Progress,
    ) -> Option<i64> {
        let is_observed = match progress {
            Progress::Unchanged | Progress::Synced | Progress::WithoutBackend => true,
            Progress::Waiting { is_observed, .. } => *is_observed,
        };
        let generation = binding.metadata.generation.unwrap_or(0);
        let observed = binding.status.as_ref().and_then(|status| status.observed_generation).unwrap_or(0);
        let is_written = generation == observed || self.states.of(key).observed == Some(generation);
        (is_observed && !is_written).then_some(generation)
    }

    /// What the condition shall say now. While targets are on their way it says what it said, so that a rollout writes nothing.
    fn due_readiness(
        &self,
        binding: &TargetGroupBinding,
        progress: &Progress,
        lack: Option<&str>,
        has_news: bool,
    ) -> Option<BindingReadiness> {
        if !self.config.features.target_group_binding_conditions {
            return None;
        }
        let has_condition = ready_condition(binding).is_some();
        match (progress, lack) {
            (Progress::WithoutBackend, lack) => {
                let message = lack.unwrap_or("The Service, or its port, does not exist");
                Some(readiness(binding, false, "BackendNotFound", message))
            }
            (Progress::Synced, Some(lack)) => Some(readiness(binding, false, "BackendNotFound", lack)),
            (Progress::Unchanged, Some(lack)) if has_news || has_condition => {
                Some(readiness(binding, false, "BackendNotFound", lack))
            }
            (Progress::Synced, None) => Some(in_line(binding)),
            (Progress::Unchanged, None) if has_news || has_condition => Some(in_line(binding)),
            (Progress::Unchanged, _) => None,
            (Progress::Waiting { .. }, _) => (!has_condition).then(|| {
                readiness(
                    binding,
                    false,
                    "Waiting",
                    "Targets are being registered, or checked for the first time",
                )
            }),
        }
    }

    /// The conditions to write; `None`: they say so, or were made to, and what became of that is not ours to repeat.
    fn conditions_to_write(
        &self,
        binding: &TargetGroupBinding,
        key: &ObjectKey,
        ready: &BindingReadiness,
    ) -> Option<Vec<Condition>> {
        if self.states.of(key).ready.as_ref() == Some(ready) {
            return None;
        }
        let present = binding.status.as_ref().and_then(|status| status.conditions.as_deref());
        conditions(present.unwrap_or_default(), ready, now())
    }
}

fn in_line(binding: &TargetGroupBinding) -> BindingReadiness {
    readiness(binding, true, "SuccessfullyReconciled", "The targets are as the Service wants them")
}

fn ready_condition(binding: &TargetGroupBinding) -> Option<&Condition> {
    let conditions = binding.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == READY)
}
