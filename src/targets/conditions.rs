//! What pods with a readiness gate are told about their targets.
//!
//! Upstream's `updateTargetHealthPodCondition`: same statuses, reasons and messages.

use super::target_group_state::Health;
use super::view::{GateCondition, PodView};
use crate::api::meta::READINESS_GATE_PREFIX;
use crate::api::{ObjectKey, PodCondition, Time};
use crate::aws_api::elbv2::TargetHealthState;
use jiff::Timestamp;

const IN_PROGRESS_REASON: &str = "Elb.RegistrationInProgress";
const IN_PROGRESS_MESSAGE: &str = "Target registration is in progress";
const DELETED_MESSAGE: &str = "Target Group Binding is deleted";

/// What a gate's condition shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateStatus {
    /// `True` or `False`.
    pub is_healthy: bool,
    /// Reason code; may be empty.
    pub reason: String,
    /// Message; may be empty.
    pub message: String,
}

/// One condition to write to one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionWrite {
    /// The pod.
    pub pod: ObjectKey,
    /// Its UID: another pod of the same name must not be told.
    pub uid: Box<str>,
    /// Condition type.
    pub condition_type: String,
    /// What it shall say.
    pub gate_status: GateStatus,
    /// When the status last changed; `None`: it changes with this write.
    pub last_transition: Option<Timestamp>,
    /// When the gate began to wait, if this write opens it: for the histogram of readiness.
    pub waited_since: Option<Timestamp>,
}

/// The readiness gate of a binding, which is also the type of its condition.
pub fn gate_of(binding: &ObjectKey) -> String {
    format!("{READINESS_GATE_PREFIX}{}", binding.name())
}

impl GateStatus {
    /// What AWS says about a target; an unknown health is that of a target just registered.
    pub fn of_health(health: Option<&Health>) -> Self {
        health.map_or_else(Self::in_progress, |health| Self {
            is_healthy: health.state == TargetHealthState::Healthy,
            reason: health.reason.clone(),
            message: health.description.clone(),
        })
    }

    /// The target is being registered, or will be.
    pub fn in_progress() -> Self {
        Self {
            is_healthy: false,
            reason: IN_PROGRESS_REASON.to_owned(),
            message: IN_PROGRESS_MESSAGE.to_owned(),
        }
    }

    /// Nobody cares about the target's health any more, so the pod must not wait for it.
    pub fn binding_deleted() -> Self {
        Self { is_healthy: true, reason: String::new(), message: DELETED_MESSAGE.to_owned() }
    }

    fn status(&self) -> &'static str {
        if self.is_healthy { "True" } else { "False" }
    }

    fn is_told_by(&self, condition: &GateCondition) -> bool {
        let GateCondition { status, reason, message, last_transition: _ } = condition;
        **status == *self.status() && **reason == *self.reason && **message == *self.message
    }
}

/// The write that makes a pod's gate say `gate_status`; `None` if it says so already or the pod has no such gate.
pub fn diff_condition(pod: &PodView, gate: &str, gate_status: GateStatus) -> Option<ConditionWrite> {
    let condition = pod.gate(gate)?.condition.as_ref();
    if condition.is_some_and(|condition| gate_status.is_told_by(condition)) {
        return None;
    }
    let same_status = condition.filter(|condition| *condition.status == *gate_status.status());
    let was_waiting = condition.filter(|condition| gate_status.is_healthy && &*condition.status != "True");
    Some(ConditionWrite {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        condition_type: gate.to_owned(),
        last_transition: same_status.and_then(|condition| condition.last_transition),
        waited_since: was_waiting.and_then(|condition| condition.last_transition),
        gate_status,
    })
}

/// Whether a pod has the gate and is still held back by it.
pub fn is_waiting(pod: &PodView, gate: &str) -> bool {
    pod.gate(gate)
        .is_some_and(|gate| gate.condition.as_ref().is_none_or(|condition| &*condition.status != "True"))
}

impl ConditionWrite {
    /// The condition as the API server stores it.
    pub fn to_pod_condition(&self, now: Timestamp) -> PodCondition {
        let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        PodCondition {
            type_: self.condition_type.clone(),
            status: self.gate_status.status().to_owned(),
            reason: filled(&self.gate_status.reason),
            message: filled(&self.gate_status.message),
            last_transition_time: Some(Time(self.last_transition.unwrap_or(now))),
            ..PodCondition::default()
        }
    }
}

#[cfg(test)]
mod tests;
