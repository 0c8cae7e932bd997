#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{GATE, gated, health, key, pod};

#[test]
fn a_pod_is_told_what_aws_says() {
    let unhealthy = Health {
        state: TargetHealthState::Unhealthy,
        reason: "Target.Timeout".to_owned(),
        description: "Request timed out".to_owned(),
    };
    let write = diff_condition(&gated(pod(1), None), GATE, GateStatus::of_health(Some(&unhealthy))).unwrap();
    let now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let condition = write.to_pod_condition(now);
    assert_eq!((condition.type_.as_str(), condition.status.as_str()), (GATE, "False"));
    assert_eq!(condition.reason.as_deref(), Some("Target.Timeout"));
    assert_eq!(condition.message.as_deref(), Some("Request timed out"));
    assert_eq!(condition.last_transition_time, Some(Time(now)));
    assert_eq!(&*write.uid, "uid-1");
}

#[test]
fn a_healthy_target_opens_the_gate_without_words() {
    let healthy = GateStatus::of_health(Some(&health(TargetHealthState::Healthy)));
    let write = diff_condition(&gated(pod(1), Some("False")), GATE, healthy.clone()).unwrap();
    let condition = write.to_pod_condition(Timestamp::UNIX_EPOCH);
    assert_eq!((condition.status.as_str(), condition.reason, condition.message), ("True", None, None));
    assert_eq!(diff_condition(&gated(pod(1), Some("True")), GATE, healthy.clone()), None, "nothing new");
    assert_eq!(diff_condition(&pod(1), GATE, healthy), None, "no gate");
}

#[test]
fn the_time_of_the_last_transition_stays_while_the_status_does() {
    let since: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let mut waiting = gated(pod(1), Some("False"));
    waiting.gates[0].condition.as_mut().unwrap().last_transition = Some(since);
    let still = diff_condition(&waiting, GATE, GateStatus::in_progress()).unwrap();
    assert_eq!((still.last_transition, still.waited_since), (Some(since), None));
    let opened = diff_condition(&waiting, GATE, GateStatus::binding_deleted()).unwrap();
    assert_eq!((opened.last_transition, opened.waited_since), (None, Some(since)));
}

#[test]
fn a_gate_waits_until_its_condition_is_true() {
    assert!(is_waiting(&gated(pod(1), None), GATE));
    assert!(is_waiting(&gated(pod(1), Some("Unknown")), GATE));
    assert!(!is_waiting(&gated(pod(1), Some("True")), GATE));
    assert!(!is_waiting(&pod(1), GATE));
    assert_eq!(gate_of(&key("bind")), GATE);
}
