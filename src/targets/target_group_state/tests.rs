#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::target;
use TargetHealthState::{Draining, Healthy, Initial, Unused};

fn told(n: u8, state: TargetHealthState) -> TargetHealth {
    let reason = (state == Unused).then(|| "Target.NotRegistered".to_owned());
    TargetHealth { target: target(n), state, reason, description: None }
}

fn states(group_state: &TargetGroupState) -> Vec<(String, Option<TargetHealthState>)> {
    let mut states: Vec<_> =
        group_state.records().iter().map(|record| (record.id_and_port(), record.state().cloned())).collect();
    states.sort();
    states
}

#[test]
fn only_targets_that_are_not_healthy_are_asked_about_again() {
    let mut group_state = TargetGroupState::default();
    assert!(!group_state.is_listed());
    let zoned = Target { availability_zone: Some("all".to_owned()), ..target(2) };
    let away = TargetHealth { target: zoned, state: Initial, reason: None, description: None };
    group_state.absorb_listing(vec![told(1, Healthy), away], 0);
    assert_eq!(group_state.to_refresh(), [target(2)], "by id and port only");
    group_state.absorb_answer(vec![told(2, Healthy)], 1);
    assert_eq!(group_state.to_refresh(), []);
    assert!(group_state.is_fresh(LISTING_MILLIS - 1) && !group_state.is_fresh(LISTING_MILLIS));
}

#[test]
fn targets_that_are_gone_are_forgotten() {
    let mut group_state = TargetGroupState::default();
    group_state.absorb_listing(vec![told(1, Healthy), told(2, Draining)], 0);
    group_state.absorb_answer(vec![told(2, Unused)], 1);
    assert_eq!(states(&group_state), [("10.0.1.1:8080".to_owned(), Some(Healthy))]);
    group_state.absorb_listing(vec![], 2);
    assert_eq!(states(&group_state), []);
}

#[test]
fn what_was_registered_a_moment_ago_outlives_a_stale_read() {
    let mut group_state = TargetGroupState::default();
    group_state.absorb_listing(vec![], 0);
    group_state.note_registered(&[target(1)], 1000);
    group_state.absorb_answer(vec![told(1, Unused)], 2000);
    group_state.absorb_listing(vec![], 3000);
    assert_eq!(states(&group_state), [("10.0.1.1:8080".to_owned(), None)]);
    group_state.absorb_answer(vec![told(1, Unused)], 1000 + PROPAGATION_MILLIS);
    assert_eq!(states(&group_state), []);
}

#[test]
fn what_was_deregistered_drains_and_can_come_back() {
    let mut group_state = TargetGroupState::default();
    group_state.absorb_listing(vec![told(1, Healthy)], 0);
    group_state.note_deregistered(&[target(1)], 0);
    assert_eq!(states(&group_state), [("10.0.1.1:8080".to_owned(), Some(Draining))]);
    group_state.note_registered(&[target(1)], 1);
    assert_eq!(states(&group_state), [("10.0.1.1:8080".to_owned(), None)]);
}

#[test]
fn what_was_deregistered_a_moment_ago_is_not_revived_by_a_stale_read() {
    let mut group_state = TargetGroupState::default();
    group_state.absorb_listing(vec![told(1, Healthy), told(2, Healthy)], 0);
    group_state.note_deregistered(&[target(1)], 1000);
    group_state.absorb_listing(vec![told(1, Healthy), told(2, Healthy)], 2000);
    let one = ("10.0.1.1:8080".to_owned(), Some(Draining));
    assert_eq!(states(&group_state), [one, ("10.0.1.2:8080".to_owned(), Some(Healthy))]);
    group_state.absorb_listing(vec![told(2, Healthy)], 3000);
    assert_eq!(group_state.records().len(), 1, "drained");
}
