#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::changes::{Removal, TargetChanges, TargetState, plan_changes};
use crate::targets::endpoints::UnreadyEndpoint;
use crate::targets::multi_cluster::{OwnedTargetIds, Ownership};
use crate::targets::target_group_state::{REMEMBERED_MILLIS, TargetGroupState};
use crate::targets::test_support::{GATE, endpoint, pod, record, target};
use TargetHealthState::{Draining, Healthy, Initial, Unhealthy, Unused};

fn nobody() -> BTreeSet<String> {
    BTreeSet::new()
}

/// What a pass with the switch on decides about pods that live, are not ready and are no endpoints.
fn decide<'a>(
    resolution: &'a Resolution,
    records: &'a [TargetRecord],
    kept: &'a BTreeSet<String>,
    change: impl FnOnce(&mut TargetState<'a>),
) -> TargetChanges<'a> {
    let mut target_state = TargetState {
        gate: GATE,
        needs_server_id: false,
        resolution,
        records,
        cap: 0,
        is_refused: &|_| false,
        ownership: Ownership::Sole,
        is_confirmed: true,
        is_health_fresh: true,
        must_make_room: false,
        held_millis: 0,
        standing: &|_| BackingState::Alive,
        last: LastTargets { is_on: true, kept, departed: &[], is_sure: &|_| true },
    };
    change(&mut target_state);
    plan_changes(&target_state)
}

fn dropped(numbers: &[u8]) -> Resolution {
    let dropped =
        numbers.iter().map(|n| UnreadyEndpoint { id: format!("10.0.1.{n}").into(), is_leaving: false });
    Resolution { dropped: dropped.collect(), ..Resolution::default() }
}

fn numbers(targets: &[Target]) -> Vec<String> {
    targets.iter().map(|target| target.id.to_string()).collect()
}

#[test]
fn the_last_targets_stay_while_their_pods_live_and_the_switch_is_on() {
    let (nothing, nobody) = (Resolution::default(), nobody());
    let records = [record(1, Some(Healthy)), record(2, Some(Unhealthy)), record(3, None)];
    let pass = decide(&nothing, &records, &nobody, |_| {});
    assert_eq!((numbers(&pass.kept).len(), pass.removal), (3, Removal::Now(vec![])));
    assert_eq!((pass.waiting.kept, pass.waiting.is_over()), (3, false));
    let pass = decide(&nothing, &records, &nobody, |target_state| target_state.last.is_on = false);
    assert_eq!((pass.kept, pass.removal), (vec![], Removal::Now(vec![target(1), target(2), target(3)])));
    let one_is_gone = |target: &Target| {
        if target.id.to_string() == "10.0.1.2" { BackingState::Gone } else { BackingState::Alive }
    };
    let pass = decide(&nothing, &records, &nobody, |target_state| target_state.standing = &one_is_gone);
    assert_eq!((numbers(&pass.kept).len(), pass.removal), (2, Removal::Now(vec![target(2)])));
}

#[test]
fn the_api_server_is_asked_once_before_targets_stay() {
    let (nothing, records) = (Resolution::default(), [record(1, Some(Healthy))]);
    let ask = |kept: &BTreeSet<String>| {
        decide(&nothing, &records, kept, |target_state| target_state.is_confirmed = false).removal
    };
    assert_eq!(ask(&nobody()), Removal::ConfirmEndpoints);
    assert_eq!(ask(&["10.0.1.1:8080".to_owned()].into()), Removal::Now(vec![]));
}

#[test]
fn what_never_was_healthy_or_cannot_be_told_from_its_successor_goes() {
    let (nothing, nobody) = (Resolution::default(), nobody());
    for state in [Initial, Unused] {
        let records = [record(1, Some(state))];
        assert_eq!(decide(&nothing, &records, &nobody, |_| {}).removal, Removal::Now(vec![target(1)]));
    }
    let records = [record(1, Some(Healthy))];
    let unsure = |_: &Target| false;
    let pass = decide(&nothing, &records, &nobody, |target_state| target_state.last.is_sure = &unsure);
    assert_eq!(pass.removal, Removal::Now(vec![target(1)]));
    let kept = ["10.0.1.1:8080".to_owned()].into();
    let pass = decide(&nothing, &records, &kept, |target_state| target_state.last.is_sure = &unsure);
    assert_eq!(pass.removal, Removal::Now(vec![]));
}

#[test]
fn what_was_not_healthy_when_aws_was_last_asked_is_asked_about_again() {
    let (nothing, nobody) = (Resolution::default(), nobody());
    let records = [record(1, Some(Initial))];
    let pass = decide(&nothing, &records, &nobody, |target_state| target_state.is_health_fresh = false);
    assert_eq!(pass.removal, Removal::RefreshHealth);
    let other = Resolution { endpoints: vec![endpoint(pod(2))], ..Resolution::default() };
    let records = [record(1, Some(Unhealthy)), record(2, Some(Initial))];
    let pass = decide(&other, &records, &nobody, |target_state| target_state.is_health_fresh = false);
    assert_eq!(pass.removal, Removal::RefreshHealth);
}

#[test]
fn where_another_cluster_serves_nothing_is_kept() {
    let (nothing, nobody) = (Resolution::default(), nobody());
    let owned: OwnedTargetIds = ["10.0.1.1:8080".to_owned()].into();
    for (state, kept) in [(Healthy, 0), (Unhealthy, 1)] {
        let records = [record(1, Some(Healthy)), record(9, Some(state))];
        let pass = decide(&nothing, &records, &nobody, |target_state| {
            target_state.ownership = Ownership::Shared(Some(&owned));
        });
        assert_eq!(pass.kept.len(), kept);
    }
}

#[test]
fn those_that_lost_their_readiness_a_moment_before_the_last_are_registered_again() {
    let nobody = nobody();
    let mut group_state = TargetGroupState::default();
    group_state.note_registered(&[target(1), target(2), target(3)], 0);
    group_state.note_deregistered(&[target(1), target(3)], 5_000);
    let resolution = dropped(&[1, 2]);
    let at = |now: u64, ownership: Ownership<'_>| {
        let departed = group_state.departed(now);
        let pass = decide(&resolution, group_state.records(), &nobody, |target_state| {
            target_state.last.departed = &departed;
            target_state.ownership = ownership;
        });
        (numbers(&pass.restore), pass.kept.len())
    };
    let all = ["10.0.1.1:8080".to_owned(), "10.0.1.2:8080".to_owned()].into();
    assert_eq!(at(6_000, Ownership::Sole), (vec!["10.0.1.1".to_owned()], 2), "3 is no endpoint any more");
    assert_eq!(at(6_000, Ownership::Shared(Some(&all))), (vec![], 1));
    assert_eq!(at(5_000 + REMEMBERED_MILLIS, Ownership::Sole), (vec![], 1));
    let departed = [target(1)];
    let nothing_left = [record(1, Some(Draining))];
    let pass =
        decide(&resolution, &nothing_left, &nobody, |target_state| target_state.last.departed = &departed);
    assert!(pass.restore.is_empty());
}

#[test]
fn an_endpoint_that_is_ready_again_ends_it_as_soon_as_it_is_healthy() {
    let nobody = nobody();
    let back = Resolution { endpoints: vec![endpoint(pod(1))], ..dropped(&[2]) };
    for (state, goes) in [(Healthy, true), (Initial, false), (Unhealthy, false)] {
        let records = [record(1, Some(state.clone())), record(2, Some(Healthy))];
        let pass = decide(&back, &records, &nobody, |_| {});
        let expected = if goes { vec![target(2)] } else { vec![] };
        assert_eq!((pass.kept.len(), pass.removal), (0, Removal::Now(expected)), "{state:?}");
        assert_eq!(pass.waiting.held, usize::from(!goes));
    }
}

#[test]
fn the_reason_is_in_words() {
    let explain = |resolution: Resolution| resolution.explain_emptiness("shop/web", "app=wbe");
    assert_eq!(explain(dropped(&[])), "Service shop/web selects no pod (spec.selector: app=wbe)");
    assert_eq!(explain(dropped(&[1])), "the only endpoint of Service shop/web is not ready");
    assert_eq!(explain(dropped(&[1, 2])), "none of the 2 endpoints of Service shop/web is ready");
}
