//! The last targets: when all endpoints go at once although their pods live, the targets stay; scaling to zero empties as ever.

use super::nodes::nodes_stage;
use super::simulation::{Simulation, key};
use aws_load_balancer_controller::aws_api::elbv2::TargetHealthState;
use aws_load_balancer_controller::controller::ReconcileResult;
use aws_load_balancer_controller::targets::view::{EndpointView, PodView, Readiness};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const REASON: &str = "KeptLastTargets";

async fn stage_with(pods: std::ops::Range<u8>, spec: &str, is_on: bool) -> Simulation {
    let simulation = Simulation::new(|config| config.keep_last_healthy_targets = is_on).await;
    let pods: Vec<PodView> = pods.map(|n| simulation.pod(n, &[])).collect();
    simulation.serve(&pods);
    simulation.bind("bind", spec);
    simulation.run_until_idle("bind").await;
    simulation
}

fn make_ready(simulation: &Simulation, n: u8, is_ready: bool) {
    let pod = key(&format!("web-{n}"));
    simulation.cluster.edit(|objects| {
        if let Some(pod) = objects.pods.get_mut(&pod) {
            Arc::make_mut(pod).containers_ready = is_ready;
        }
        let endpoints = objects.endpoints.values_mut().flatten();
        endpoints.filter(|endpoint| endpoint.pod == pod).for_each(|endpoint| endpoint.is_ready = is_ready);
    });
}

fn make_all_ready(simulation: &Simulation, pods: &BTreeSet<u8>, is_ready: bool) {
    for n in pods {
        make_ready(simulation, *n, is_ready);
    }
}

/// The pod gets its deletion time stamp, and its endpoint says so.
fn terminate(simulation: &Simulation, n: u8) {
    let pod = key(&format!("web-{n}"));
    simulation.cluster.edit(|objects| {
        if let Some(pod) = objects.pods.get_mut(&pod) {
            Arc::make_mut(pod).is_terminating = true;
        }
        let endpoints = objects.endpoints.values_mut().flatten();
        let leave =
            |endpoint: &mut EndpointView| (endpoint.is_ready, endpoint.is_terminating) = (false, true);
        endpoints.filter(|endpoint| endpoint.pod == pod).for_each(leave);
    });
}

fn mistype_selector(simulation: &Simulation) {
    simulation.cluster.edit(|objects| {
        let text = "metadata: {name: web, namespace: shop}\nspec: {selector: {app: wbe}, ports: [{port: 80, targetPort: 8080}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(text).unwrap()));
        objects.endpoints.clear();
    });
}

fn told(simulation: &Simulation, object: &str) -> Vec<String> {
    let events = simulation.cluster.events(object).into_iter();
    events.filter(|(reason, _)| *reason == REASON).map(|(_, message)| message).collect()
}

async fn run_for(simulation: &Simulation, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let pause = match simulation.once("bind").await {
            ReconcileResult::RequeueAfter(pause) | ReconcileResult::DoneUntil(pause) => pause.min(left),
            _ => Duration::from_secs(1).min(left),
        };
        simulation.wait(pause).await;
        left -= pause;
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_endpoints_become_unready_at_once_their_targets_stay_and_the_user_is_told() {
    let simulation = stage_with(0..3, "", true).await;
    (0..3).for_each(|n| make_ready(&simulation, n, false));
    run_for(&simulation, Duration::from_hours(7)).await;
    assert_eq!(simulation.healthy(), (0..3).collect());
    for object in ["bind", "Service/web"] {
        let messages = told(&simulation, object);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0]
                .starts_with("none of the 3 endpoints of Service shop/web is ready: the last 3 targets")
        );
    }
    assert_eq!(
        simulation.controller.awaiting(&key("web-1")),
        [key("bind")].into(),
        "its end is noticed at once"
    );
    make_ready(&simulation, 1, true);
    simulation.run_until_idle("bind").await;
    assert_eq!(simulation.targets(), [1].into(), "as soon as one is ready and healthy, the unready ones go");
    assert!(simulation.controller.awaiting(&key("web-1")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mistyped_selector_empties_no_target_group_also_over_a_restart() {
    let mut simulation = stage_with(0..3, "", true).await;
    simulation.bind("bind", &simulation.networking("8080"));
    simulation.run_until_idle("bind").await;
    mistype_selector(&simulation);
    run_for(&simulation, Duration::from_mins(2)).await;
    simulation.restart();
    run_for(&simulation, Duration::from_hours(1)).await;
    assert_eq!(
        (simulation.healthy(), simulation.rules().len()),
        ((0..3).collect(), 1),
        "they can still be reached"
    );
    assert!(
        told(&simulation, "bind")[0].starts_with("Service shop/web selects no pod (spec.selector: app=wbe)")
    );
    simulation.kill(1);
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), [0, 2].into(), "no target outlives its pod");
    simulation.serve(&[simulation.pod(5, &[])]);
    simulation.run_until_idle_watching("bind", |simulation| assert!(!simulation.healthy().is_empty())).await;
    assert_eq!(simulation.targets(), [5].into(), "another selection takes over as ever");
}

#[tokio::test(start_paused = true)]
async fn switched_off_or_scaled_to_zero_or_without_service_it_is_emptied_at_once() {
    let simulation = stage_with(0..3, "", false).await;
    mistype_selector(&simulation);
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "off");

    let simulation = stage_with(0..3, "", true).await;
    (0..3).for_each(|n| terminate(&simulation, n));
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "scaled to zero");

    let simulation = stage_with(0..3, "", true).await;
    mistype_selector(&simulation);
    simulation.once("bind").await;
    (0..3).for_each(|n| terminate(&simulation, n));
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "scaled to zero behind a mistyped selector");

    let simulation = stage_with(0..3, "", true).await;
    simulation.cluster.edit(|objects| {
        let text = "metadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80, targetPort: 8080}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(text).unwrap()));
        objects.endpoints.clear();
    });
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "somebody manages the endpoints himself");

    let simulation = stage_with(0..3, "", true).await;
    simulation.cluster.edit(|objects| objects.services.clear());
    simulation.once("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "the Service is gone");

    let simulation = stage_with(0..3, "", true).await;
    mistype_selector(&simulation);
    simulation.once("bind").await;
    simulation.unbind("bind");
    simulation.run_until_idle("bind").await;
    assert_eq!(simulation.targets(), BTreeSet::new(), "the binding is gone");
    assert_eq!(told(&simulation, "bind").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_fail_one_after_the_other_within_seconds_come_back_with_the_last() {
    let simulation = stage_with(0..4, "", true).await;
    for n in 0..4 {
        make_ready(&simulation, n, false);
        run_for(&simulation, Duration::from_secs(5)).await;
    }
    run_for(&simulation, Duration::from_secs(10)).await;
    assert_eq!(simulation.healthy(), (0..4).collect());
    let simulation = stage_with(0..3, "", true).await;
    for n in 0..3 {
        make_ready(&simulation, n, false);
        run_for(&simulation, Duration::from_mins(1)).await;
    }
    assert_eq!(simulation.healthy(), [2].into(), "slowly, one by one: only the last stays");
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_again_but_ill_for_aws_does_not_push_out_what_is_healthy() {
    let simulation = stage_with(0..2, "", true).await;
    (0..2).for_each(|n| make_ready(&simulation, n, false));
    run_for(&simulation, Duration::from_mins(1)).await;
    let (ill, state) = (simulation.address(0), TargetHealthState::Unhealthy);
    simulation.sim.world(|world| world.settings.health.of.insert(ill.clone(), state));
    make_ready(&simulation, 0, true);
    run_for(&simulation, Duration::from_mins(1)).await;
    assert_eq!(simulation.healthy(), [1].into());
    simulation.sim.world(|world| world.settings.health.of.remove(&ill));
    run_for(&simulation, Duration::from_mins(1)).await;
    assert_eq!(simulation.targets(), [0].into());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_all_unready_at_once_stay_targets_and_those_taken_away_do_not() {
    let simulation = nodes_stage().await;
    simulation.bind("bind", &simulation.networking("30080"));
    simulation.run_until_idle("bind").await;
    let before = super::nodes::ports(&simulation).await.len();
    assert!(before > 1);
    let all = |simulation: &Simulation,
               change: fn(&mut aws_load_balancer_controller::targets::view::NodeView)| {
        simulation
            .cluster
            .edit(|objects| objects.nodes.values_mut().for_each(|node| change(Arc::make_mut(node))));
    };
    all(&simulation, |node| node.ready = Readiness::False);
    simulation.once("bind").await;
    simulation.wait(Duration::from_mins(1)).await;
    simulation.once("bind").await;
    assert_eq!(super::nodes::ports(&simulation).await.len(), before);
    assert_eq!(simulation.rules().len(), 1);
    assert!(told(&simulation, "bind")[0].starts_with("no node that the binding selects is ready"));
    all(&simulation, |node| node.is_leaving = true);
    simulation.once("bind").await;
    assert_eq!(super::nodes::ports(&simulation).await.len(), 0);
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

fn alive(simulation: &Simulation) -> BTreeSet<u8> {
    simulation
        .cluster
        .look(|objects| objects.pods.keys().map(|pod| pod.name()[4..].parse().unwrap()).collect())
}

async fn suffer(happenings: Vec<Event>) {
    let mut simulation = stage_with(0..5, "", true).await;
    for event in &happenings {
        match event {
            Event::Unready(pods) => make_all_ready(&simulation, pods, false),
            Event::Ready(pods) => make_all_ready(&simulation, pods, true),
            Event::Select(pods) => {
                let alive = alive(&simulation);
                let pods: Vec<PodView> = simulation.cluster.look(|objects| {
                    let chosen = pods.iter().filter(|n| alive.contains(n));
                    chosen.map(|n| (*objects.pods[&key(&format!("web-{n}"))]).clone()).collect()
                });
                simulation.serve(&pods);
                for pod in pods {
                    let n = pod.key.name()[4..].parse().unwrap();
                    make_ready(&simulation, n, pod.containers_ready);
                }
            }
            Event::Kill(pods) => {
                for n in pods {
                    simulation.kill(*n);
                }
            }
            Event::Restart => simulation.restart(),
            Event::Wait(seconds) => simulation.wait(Duration::from_secs((*seconds).into())).await,
        }
        for _ in 0..4 {
            let healthy = simulation.healthy();
            simulation.once("bind").await;
            let could_stay = healthy.intersection(&alive(&simulation)).count();
            assert!(
                could_stay == 0 || !simulation.healthy().is_empty(),
                "{event:?} of {happenings:?}: none of {healthy:?} is left"
            );
            assert!(
                simulation.targets().is_subset(&alive(&simulation)),
                "{event:?} of {happenings:?}: a target without pod"
            );
            simulation.wait(Duration::from_secs(1)).await;
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
