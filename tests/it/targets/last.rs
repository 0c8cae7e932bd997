//! The last targets: when all endpoints go at once although their pods live, the targets stay; scaling to zero empties as ever.

use super::nodes::nodes_stage;
use super::stage::{Stage, key};
use aws_load_balancer_controller::cloud::elbv2::TargetHealthState;
use aws_load_balancer_controller::controller::Verdict;
use aws_load_balancer_controller::targets::view::{EndpointView, PodView, Readiness};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const REASON: &str = "KeptLastTargets";

async fn stage_with(pods: std::ops::Range<u8>, spec: &str, is_on: bool) -> Stage {
    let stage = Stage::new(|config| config.keep_last_healthy_targets = is_on).await;
    let pods: Vec<PodView> = pods.map(|n| stage.pod(n, &[])).collect();
    stage.serve(&pods);
    stage.bind("bind", spec);
    stage.settle("bind").await;
    stage
}

fn make_ready(stage: &Stage, n: u8, is_ready: bool) {
    let pod = key(&format!("web-{n}"));
    stage.cluster.edit(|objects| {
        if let Some(pod) = objects.pods.get_mut(&pod) {
            Arc::make_mut(pod).containers_ready = is_ready;
        }
        let endpoints = objects.endpoints.values_mut().flatten();
        endpoints.filter(|endpoint| endpoint.pod == pod).for_each(|endpoint| endpoint.is_ready = is_ready);
    });
}

fn make_all_ready(stage: &Stage, pods: &BTreeSet<u8>, is_ready: bool) {
    for n in pods {
        make_ready(stage, *n, is_ready);
    }
}

/// The pod gets its deletion time stamp, and its endpoint says so.
fn terminate(stage: &Stage, n: u8) {
    let pod = key(&format!("web-{n}"));
    stage.cluster.edit(|objects| {
        if let Some(pod) = objects.pods.get_mut(&pod) {
            Arc::make_mut(pod).is_terminating = true;
        }
        let endpoints = objects.endpoints.values_mut().flatten();
        let leave =
            |endpoint: &mut EndpointView| (endpoint.is_ready, endpoint.is_terminating) = (false, true);
        endpoints.filter(|endpoint| endpoint.pod == pod).for_each(leave);
    });
}

fn mistype_selector(stage: &Stage) {
    stage.cluster.edit(|objects| {
        let text = "metadata: {name: web, namespace: shop}\nspec: {selector: {app: wbe}, ports: [{port: 80, targetPort: 8080}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(text).unwrap()));
        objects.endpoints.clear();
    });
}

fn told(stage: &Stage, object: &str) -> Vec<String> {
    let events = stage.cluster.events(object).into_iter();
    events.filter(|(reason, _)| *reason == REASON).map(|(_, message)| message).collect()
}

async fn run_for(stage: &Stage, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let pause = match stage.once("bind").await {
            Verdict::After(pause) | Verdict::DoneFor(pause) => pause.min(left),
            _ => Duration::from_secs(1).min(left),
        };
        stage.wait(pause).await;
        left -= pause;
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_endpoints_become_unready_at_once_their_targets_stay_and_the_user_is_told() {
    let stage = stage_with(0..3, "", true).await;
    (0..3).for_each(|n| make_ready(&stage, n, false));
    run_for(&stage, Duration::from_hours(7)).await;
    assert_eq!(stage.healthy(), (0..3).collect());
    for object in ["bind", "Service/web"] {
        let messages = told(&stage, object);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0]
                .starts_with("none of the 3 endpoints of Service shop/web is ready: the last 3 targets")
        );
    }
    assert_eq!(stage.controller.awaiting(&key("web-1")), [key("bind")].into(), "its end is noticed at once");
    make_ready(&stage, 1, true);
    stage.settle("bind").await;
    assert_eq!(stage.targets(), [1].into(), "as soon as one is ready and healthy, the unready ones go");
    assert!(stage.controller.awaiting(&key("web-1")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mistyped_selector_empties_no_target_group_also_over_a_restart() {
    let mut stage = stage_with(0..3, "", true).await;
    stage.bind("bind", &stage.networking("8080"));
    stage.settle("bind").await;
    mistype_selector(&stage);
    run_for(&stage, Duration::from_mins(2)).await;
    stage.restart();
    run_for(&stage, Duration::from_hours(1)).await;
    assert_eq!((stage.healthy(), stage.rules().len()), ((0..3).collect(), 1), "they can still be reached");
    assert!(told(&stage, "bind")[0].starts_with("Service shop/web selects no pod (spec.selector: app=wbe)"));
    stage.kill(1);
    stage.once("bind").await;
    assert_eq!(stage.targets(), [0, 2].into(), "no target outlives its pod");
    stage.serve(&[stage.pod(5, &[])]);
    stage.settle_watching("bind", |stage| assert!(!stage.healthy().is_empty())).await;
    assert_eq!(stage.targets(), [5].into(), "another selection takes over as ever");
}

#[tokio::test(start_paused = true)]
async fn switched_off_or_scaled_to_zero_or_without_service_it_is_emptied_at_once() {
    let stage = stage_with(0..3, "", false).await;
    mistype_selector(&stage);
    stage.once("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "off");

    let stage = stage_with(0..3, "", true).await;
    (0..3).for_each(|n| terminate(&stage, n));
    stage.once("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "scaled to zero");

    let stage = stage_with(0..3, "", true).await;
    mistype_selector(&stage);
    stage.once("bind").await;
    (0..3).for_each(|n| terminate(&stage, n));
    stage.once("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "scaled to zero behind a mistyped selector");

    let stage = stage_with(0..3, "", true).await;
    stage.cluster.edit(|objects| {
        let text = "metadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80, targetPort: 8080}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(text).unwrap()));
        objects.endpoints.clear();
    });
    stage.once("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "somebody manages the endpoints himself");

    let stage = stage_with(0..3, "", true).await;
    stage.cluster.edit(|objects| objects.services.clear());
    stage.once("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "the Service is gone");

    let stage = stage_with(0..3, "", true).await;
    mistype_selector(&stage);
    stage.once("bind").await;
    stage.unbind("bind");
    stage.settle("bind").await;
    assert_eq!(stage.targets(), BTreeSet::new(), "the binding is gone");
    assert_eq!(told(&stage, "bind").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_fail_one_after_the_other_within_seconds_come_back_with_the_last() {
    let stage = stage_with(0..4, "", true).await;
    for n in 0..4 {
        make_ready(&stage, n, false);
        run_for(&stage, Duration::from_secs(5)).await;
    }
    run_for(&stage, Duration::from_secs(10)).await;
    assert_eq!(stage.healthy(), (0..4).collect());
    let stage = stage_with(0..3, "", true).await;
    for n in 0..3 {
        make_ready(&stage, n, false);
        run_for(&stage, Duration::from_mins(1)).await;
    }
    assert_eq!(stage.healthy(), [2].into(), "slowly, one by one: only the last stays");
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_again_but_ill_for_aws_does_not_push_out_what_is_healthy() {
    let stage = stage_with(0..2, "", true).await;
    (0..2).for_each(|n| make_ready(&stage, n, false));
    run_for(&stage, Duration::from_mins(1)).await;
    let (ill, state) = (stage.address(0), TargetHealthState::Unhealthy);
    stage.sim.world(|world| world.settings.health.of.insert(ill.clone(), state));
    make_ready(&stage, 0, true);
    run_for(&stage, Duration::from_mins(1)).await;
    assert_eq!(stage.healthy(), [1].into());
    stage.sim.world(|world| world.settings.health.of.remove(&ill));
    run_for(&stage, Duration::from_mins(1)).await;
    assert_eq!(stage.targets(), [0].into());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_all_unready_at_once_stay_targets_and_those_taken_away_do_not() {
    let stage = nodes_stage().await;
    stage.bind("bind", &stage.networking("30080"));
    stage.settle("bind").await;
    let before = super::nodes::ports(&stage).await.len();
    assert!(before > 1);
    let all = |stage: &Stage, change: fn(&mut aws_load_balancer_controller::targets::view::NodeView)| {
        stage.cluster.edit(|objects| objects.nodes.values_mut().for_each(|node| change(Arc::make_mut(node))));
    };
    all(&stage, |node| node.ready = Readiness::False);
    stage.once("bind").await;
    stage.wait(Duration::from_mins(1)).await;
    stage.once("bind").await;
    assert_eq!(super::nodes::ports(&stage).await.len(), before);
    assert_eq!(stage.rules().len(), 1);
    assert!(told(&stage, "bind")[0].starts_with("no node that the binding selects is ready"));
    all(&stage, |node| node.is_leaving = true);
    stage.once("bind").await;
    assert_eq!(super::nodes::ports(&stage).await.len(), 0);
}

// ---- properties -----------------------------------------------------------------------------------------------------

/// What happens to many pods at once.
#[derive(Clone, Debug)]
enum Event {
    Unready(BTreeSet<u8>),
    Ready(BTreeSet<u8>),
    Select(BTreeSet<u8>),
    Kill(BTreeSet<u8>),
    Restart,
    Wait(u16),
}

fn events() -> impl Strategy<Value = Event> {
    let some = || proptest::collection::btree_set(0u8..5, 0..6);
    prop_oneof![
        3 => some().prop_map(Event::Unready),
        2 => some().prop_map(Event::Ready),
        3 => some().prop_map(Event::Select),
        1 => some().prop_map(Event::Kill),
        1 => Just(Event::Restart),
        1 => (1u16..200).prop_map(Event::Wait),
    ]
}

fn alive(stage: &Stage) -> BTreeSet<u8> {
    stage.cluster.look(|objects| objects.pods.keys().map(|pod| pod.name()[4..].parse().unwrap()).collect())
}

async fn suffer(happenings: Vec<Event>) {
    let mut stage = stage_with(0..5, "", true).await;
    for event in &happenings {
        match event {
            Event::Unready(pods) => make_all_ready(&stage, pods, false),
            Event::Ready(pods) => make_all_ready(&stage, pods, true),
            Event::Select(pods) => {
                let alive = alive(&stage);
                let pods: Vec<PodView> = stage.cluster.look(|objects| {
                    let chosen = pods.iter().filter(|n| alive.contains(n));
                    chosen.map(|n| (*objects.pods[&key(&format!("web-{n}"))]).clone()).collect()
                });
                stage.serve(&pods);
                for pod in pods {
                    let n = pod.key.name()[4..].parse().unwrap();
                    make_ready(&stage, n, pod.containers_ready);
                }
            }
            Event::Kill(pods) => {
                for n in pods {
                    stage.kill(*n);
                }
            }
            Event::Restart => stage.restart(),
            Event::Wait(seconds) => stage.wait(Duration::from_secs((*seconds).into())).await,
        }
        for _ in 0..4 {
            let healthy = stage.healthy();
            stage.once("bind").await;
            let could_stay = healthy.intersection(&alive(&stage)).count();
            assert!(
                could_stay == 0 || !stage.healthy().is_empty(),
                "{event:?} of {happenings:?}: none of {healthy:?} is left"
            );
            assert!(
                stage.targets().is_subset(&alive(&stage)),
                "{event:?} of {happenings:?}: a target without pod"
            );
            stage.wait(Duration::from_secs(1)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_is_a_healthy_target_as_long_as_the_pod_of_one_lives(
        happenings in proptest::collection::vec(events(), 1..10),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(suffer(happenings));
    }
}
