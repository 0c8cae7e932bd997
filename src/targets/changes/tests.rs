#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::endpoints::UnknownEndpoint;
use crate::targets::multi_cluster::OwnedTargetIds;
use crate::targets::test_support::{GATE, endpoint, gated, key, pod, record, target};
use TargetHealthState::{Draining, Healthy, Initial, Unhealthy, Unused};
use proptest::prelude::*;

/// A pass over pods `wanted` and targets `records`, told from the defaults by `change`.
fn decide(
    wanted: Vec<Endpoint>,
    records: &[TargetRecord],
    change: impl FnOnce(&mut TargetState<'_>),
) -> (Vec<String>, Removal, Vec<ConditionWrite>, Pending) {
    let resolution = Resolution { endpoints: wanted, ..Resolution::default() };
    decide_resolved(&resolution, records, change)
}

fn decide_resolved(
    resolution: &Resolution,
    records: &[TargetRecord],
    change: impl FnOnce(&mut TargetState<'_>),
) -> (Vec<String>, Removal, Vec<ConditionWrite>, Pending) {
    let mut target_state = TargetState {
        gate: GATE,
        needs_server_id: false,
        resolution,
        records,
        cap: 0,
        is_refused: &|_| false,
        ownership: Ownership::Sole,
        is_confirmed: false,
        is_health_fresh: false,
        must_make_room: false,
        held_millis: 0,
        standing: &|_| BackingState::Gone,
        last: LastTargets { is_on: false, kept: &BTreeSet::new(), departed: &[], is_sure: &|_| true },
    };
    change(&mut target_state);
    let TargetChanges { register, removal, kept: _, restore: _, conditions, waiting } =
        plan_changes(&target_state);
    (register.into_iter().map(Endpoint::identity).collect(), removal, conditions, waiting)
}

fn pods(numbers: &[u8]) -> Vec<Endpoint> {
    numbers.iter().map(|n| endpoint(pod(*n))).collect()
}

fn now(numbers: &[u8]) -> Removal {
    Removal::Now(numbers.iter().map(|n| target(*n)).collect())
}

#[test]
fn what_is_missing_is_registered_and_what_is_surplus_deregistered() {
    let records = [record(1, Some(Healthy)), record(2, Some(Healthy)), record(9, Some(Healthy))];
    let (register, removal, conditions, waiting) = decide(pods(&[3, 1, 2]), &records, |_| {});
    assert_eq!(register, ["10.0.1.3:8080"]);
    assert_eq!(removal, now(&[9]));
    assert!(conditions.is_empty() && waiting.is_over());
}

#[test]
fn a_draining_target_is_no_target() {
    let (register, removal, ..) =
        decide(pods(&[1]), &[record(1, Some(Draining)), record(2, Some(Draining))], |_| {});
    assert_eq!((register, removal), (vec!["10.0.1.1:8080".to_owned()], now(&[])));
}

#[test]
fn when_more_would_go_than_stay_the_api_server_is_asked_first() {
    let records = [record(1, Some(Healthy)), record(2, Some(Healthy)), record(3, Some(Healthy))];
    let (_, removal, ..) = decide(pods(&[]), &records, |_| {});
    assert_eq!(removal, Removal::ConfirmEndpoints);
    let (_, removal, ..) = decide(pods(&[1]), &records, |_| {});
    assert_eq!(removal, Removal::ConfirmEndpoints);
    let (_, removal, ..) = decide(pods(&[]), &records, |target_state| target_state.is_confirmed = true);
    assert_eq!(removal, now(&[1, 2, 3]));
    let (_, removal, ..) = decide(pods(&[1, 2]), &records, |_| {});
    assert_eq!(removal, now(&[3]));
}

#[test]
fn the_target_of_a_pod_that_is_not_in_the_cache_stays() {
    let unknown = UnknownEndpoint { id: "10.0.1.2".into(), port: 8080, pod: key("web-2") };
    let resolution = Resolution { endpoints: pods(&[1]), unknown: vec![unknown], ..Resolution::default() };
    let records = [record(1, Some(Healthy)), record(2, Some(Healthy)), record(3, Some(Healthy))];
    let (register, removal, _, waiting) = decide_resolved(&resolution, &records, |_| {});
    assert!(register.is_empty());
    assert_eq!(removal, now(&[3]));
    assert_eq!((waiting.unknown_pods, waiting.is_over()), (1, false));
}

#[test]
fn live_targets_serve_until_a_replacement_does() {
    let flip = |old: Option<TargetHealthState>, new: Option<TargetHealthState>, fresh: bool| {
        let (_, removal, _, waiting) =
            decide(pods(&[1]), &[record(1, new), record(9, old)], |target_state| {
                target_state.standing = &|_| BackingState::Ready;
                target_state.is_health_fresh = fresh;
            });
        (removal, waiting.held)
    };
    assert_eq!(flip(Some(Healthy), Some(Initial), false), (now(&[]), 1));
    assert_eq!(flip(Some(Healthy), Some(Healthy), false), (now(&[9]), 0));
    assert_eq!(flip(Some(Healthy), Some(Unhealthy), false), (now(&[9]), 0), "nothing to wait for");
    assert_eq!(flip(Some(Unused), Some(Unused), false), (now(&[9]), 0), "no load balancer");
    assert_eq!(flip(Some(Unhealthy), Some(Initial), false), (now(&[9]), 0));
    assert_eq!(flip(Some(Healthy), None, false), (Removal::RefreshHealth, 0));
    assert_eq!(flip(None, Some(Initial), false), (Removal::RefreshHealth, 0));
    assert_eq!(flip(Some(Healthy), None, true), (now(&[]), 1));
}

#[test]
fn dead_targets_go_at_once_and_nobody_waits_for_ever() {
    let records = [record(1, Some(Initial)), record(9, Some(Healthy))];
    let (_, removal, ..) = decide(pods(&[1]), &records, |_| {});
    assert_eq!(removal, now(&[9]), "its pod is gone");
    let (_, removal, _, waiting) = decide(pods(&[1]), &records, |target_state| {
        target_state.standing = &|_| BackingState::Ready;
        target_state.held_millis = HOLD_MILLIS;
    });
    assert_eq!((removal, waiting.held), (now(&[9]), 0));
    let (_, removal, ..) = decide(pods(&[1]), &records, |target_state| {
        target_state.standing = &|_| BackingState::Ready;
        target_state.must_make_room = true;
    });
    assert_eq!(removal, now(&[9]), "a quota forces the other order");
}

#[test]
fn the_cap_counts_all_targets_and_never_goes_below_zero() {
    let records = [record(1, Some(Healthy)), record(2, Some(Draining)), record(3, Some(Draining))];
    let with_cap = |cap: usize| decide(pods(&[1, 4, 5]), &records, |target_state| target_state.cap = cap);
    let (register, _, _, waiting) = with_cap(4);
    assert_eq!((register, waiting.for_room), (vec!["10.0.1.4:8080".to_owned()], 1));
    let (register, _, _, waiting) = with_cap(2);
    assert_eq!((register.len(), waiting.for_room), (0, 2));
    let (_, _, _, waiting) = decide(pods(&[1, 4]), &records[..1], |target_state| target_state.cap = 1);
    assert!(waiting.is_over(), "nothing drains, so nothing makes room");
}

#[test]
fn other_clusters_targets_are_left_alone() {
    let records = [record(1, Some(Healthy)), record(2, Some(Healthy)), record(9, Some(Healthy))];
    let owned: &OwnedTargetIds = Box::leak(Box::new(OwnedTargetIds::from(["10.0.1.2:8080".to_owned()])));
    let (_, removal, ..) =
        decide(pods(&[1]), &records, |target_state| target_state.ownership = Ownership::Shared(Some(owned)));
    assert_eq!(removal, now(&[2]));
    let (_, removal, ..) =
        decide(pods(&[]), &records, |target_state| target_state.ownership = Ownership::Shared(None));
    assert_eq!(removal, now(&[]));
}

#[test]
fn gated_pods_are_told_and_waited_for() {
    let wanted = vec![
        endpoint(gated(pod(1), Some("False"))),
        endpoint(gated(pod(2), None)),
        endpoint(gated(pod(3), None)),
        endpoint(gated(pod(4), Some("True"))),
        endpoint(pod(5)),
    ];
    let records = [
        record(1, Some(Healthy)),
        record(2, Some(Unused)),
        record(4, Some(Healthy)),
        record(5, Some(Initial)),
    ];
    let (register, _, conditions, waiting) = decide(wanted, &records, |_| {});
    assert_eq!(register, ["10.0.1.3:8080"]);
    let told: Vec<_> =
        conditions.iter().map(|write| (write.pod.name(), write.gate_status.is_healthy)).collect();
    assert_eq!(told, [("web-1", true), ("web-2", false), ("web-3", false)]);
    assert_eq!(conditions[2].gate_status, GateStatus::in_progress());
    assert_eq!((waiting.gates, waiting.stuck_gates), (1, 1));
    assert!(!waiting.is_over() && waiting.is_for_health());
}

#[test]
fn a_pod_without_server_id_is_not_registered_but_told() {
    let with_id = Endpoint { quic_server_id: Some("0x01".into()), ..endpoint(pod(1)) };
    let without = endpoint(gated(pod(2), None));
    let (register, _, conditions, waiting) =
        decide(vec![with_id, without], &[], |target_state| target_state.needs_server_id = true);
    assert_eq!(register, ["10.0.1.1:8080:0x01"]);
    assert_eq!((conditions.len(), waiting.without_server_id, waiting.stuck_gates), (1, 1, 1));
}

#[test]
fn looking_again_is_quick_at_first_and_shared_by_all() {
    let requeue = Duration::from_secs(15);
    let gates = Pending { gates: 1, ..Pending::default() };
    let stuck = Pending { stuck_gates: 1, ..Pending::default() };
    let room = Pending { for_room: 1, ..Pending::default() };
    let cases = [
        (gates, 0, 1, 1000),
        (gates, 59, 1, 1000),
        (gates, 120, 1, 1500),
        (gates, 3600, 1, 5000),
        (gates, 0, 100, 2500),
        (gates, 0, 100_000, 15_000),
        (stuck, 0, 1, 1000),
        (stuck, 60, 1, 5000),
        (stuck, 600, 1, 15_000),
        (room, 0, 1, 15_000),
    ];
    for (waiting, seconds, others, expected) in cases {
        let pause = look_again_after(waiting, Duration::from_secs(seconds), others, requeue);
        assert_eq!(pause, Duration::from_millis(expected), "{waiting:?} {seconds} {others}");
    }
}

// ---- properties -----------------------------------------------------------------------------------------------------

fn any_state() -> impl Strategy<Value = Option<TargetHealthState>> {
    prop_oneof![
        Just(None),
        Just(Some(Healthy)),
        Just(Some(Initial)),
        Just(Some(Unhealthy)),
        Just(Some(Unused)),
        Just(Some(Draining)),
    ]
}

proptest! {
    #[test]
    fn a_pass_touches_no_target_twice_and_a_second_pass_does_nothing(
        wanted in proptest::collection::btree_set(0u8..20, 0..12),
        present in proptest::collection::btree_map(0u8..20, any_state(), 0..12),
        cap in 0usize..12,
    ) {
        let records: Vec<TargetRecord> = present.iter().map(|(n, state)| record(*n, state.clone())).collect();
        let wanted: Vec<u8> = wanted.into_iter().collect();
        let (register, removal, ..) = decide(pods(&wanted), &records, |target_state| {
            target_state.cap = cap;
            target_state.is_confirmed = true;
        });
        let Removal::Now(gone) = removal else { panic!("nothing is alive, so nothing is to be asked") };
        let gone: Vec<String> = gone.iter().map(|target| format!("{}:8080", target.id)).collect();
        prop_assert!(register.iter().all(|identity| !gone.contains(identity)));
        prop_assert!(cap == 0 || register.is_empty() || records.len() + register.len() <= cap);
        let mut after: Vec<TargetRecord> = records;
        for record in after.iter_mut().filter(|record| gone.contains(&record.identity())) {
            record.health = Some(crate::targets::test_support::health(Draining));
        }
        after.extend((0u8..20).filter(|n| register.contains(&format!("10.0.1.{n}:8080"))).map(|n| record(n, Some(Healthy))));
        let (register, removal, ..) = decide(pods(&wanted), &after, |target_state| {
            target_state.cap = cap;
            target_state.is_confirmed = true;
        });
        prop_assert!(register.is_empty());
        prop_assert_eq!(removal, now(&[]));
    }

    #[test]
    fn there_is_always_a_healthy_target_while_there_was_one_and_a_live_pod_may_follow(
        wanted in proptest::collection::btree_set(0u8..12, 1..8),
        present in proptest::collection::btree_map(0u8..12, any_state(), 1..10),
        is_confirmed in any::<bool>(),
        is_health_fresh in any::<bool>(),
    ) {
        let records: Vec<TargetRecord> = present.iter().map(|(n, state)| record(*n, state.clone())).collect();
        let wanted: Vec<u8> = wanted.into_iter().collect();
            let (.., removal, _, waiting) = decide(pods(&wanted), &records, |target_state| {
            target_state.standing = &|_| BackingState::Ready;
            target_state.is_confirmed = is_confirmed;
            target_state.is_health_fresh = is_health_fresh;
        });
        if let Removal::Now(gone) = removal {
            let is_healthy = |record: &&TargetRecord| record.state() == Some(&Healthy);
            let before = records.iter().filter(is_healthy).count();
            let after = records.iter().filter(is_healthy).filter(|record| !gone.contains(&record.target)).count();
            let has_hope = wanted.iter().any(|n| matches!(present.get(n), None | Some(None | Some(Initial | Draining))));
            prop_assert!(before == 0 || after > 0 || !has_hope, "{gone:?} {waiting:?}");
        }
    }
}
