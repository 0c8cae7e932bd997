//! TargetGroupBindings on the simulated AWS: what is registered, when, and what pods and users are told.

mod cluster;
mod interfaces;
mod last;
mod mistakes;
mod nodes;
mod stage;

use crate::faults::effects;
use aws_load_balancer_controller::api::meta::CHECKPOINT_ANNOTATION;
use aws_load_balancer_controller::api::target_group_binding::TargetGroupProtocol;
use aws_load_balancer_controller::cloud::Action;
use aws_load_balancer_controller::cloud::ec2::{AuthorizeIngress, IngressRule, RevokeIngress};
use aws_load_balancer_controller::cloud::elbv2::{
    DeregisterTargets, RegisterTargets, Target, TargetHealthState,
};
use aws_load_balancer_controller::controller::Verdict;
use aws_load_balancer_controller::targets::view::PodView;
use aws_sim::{Calls, Effect, Fault};
use proptest::prelude::*;
use stage::{Stage, endpoint_of, key};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn numbers(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<u8> {
    numbers.into_iter().collect()
}

async fn stage_with(spec: &str, pods: std::ops::Range<u8>) -> Stage {
    let stage = Stage::new(|_| ()).await;
    let pods: Vec<PodView> = pods.map(|n| stage.pod(n, &["bind"])).collect();
    stage.serve(&pods);
    stage.bind("bind", spec);
    stage.settle("bind").await;
    stage
}

fn checkpoint(stage: &Stage) -> String {
    let binding = stage.cluster.look(|objects| objects.bindings[&key("bind")].clone());
    binding.metadata.annotations.clone().unwrap_or_default()[CHECKPOINT_ANNOTATION].clone()
}

#[tokio::test(start_paused = true)]
async fn ready_pods_become_targets_and_their_gates_open() {
    let stage = stage_with("", 0..3).await;
    assert_eq!(stage.targets(), numbers(0..3));
    assert!((0..3).all(|n| stage.gate(n).as_deref() == Some("True")));
    assert_eq!(checkpoint(&stage).len(), 87);
    let binding = stage.cluster.look(|objects| objects.bindings[&key("bind")].clone());
    assert_eq!(binding.status.as_ref().unwrap().observed_generation, Some(1));
    let told = [("SuccessfullyReconciled", "Successfully reconciled".to_owned())];
    assert_eq!(stage.cluster.events("bind"), told);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_binding_asks_nothing_of_aws_not_even_after_a_restart() {
    let mut stage = stage_with("", 0..3).await;
    stage.restart();
    stage.sim.clear_calls();
    let writes = stage.cluster.writes();
    for _ in 0..3 {
        assert!(
            matches!(stage.once("bind").await, Verdict::DoneFor(pause) if pause >= Duration::from_mins(30))
        );
    }
    assert_eq!((stage.called(), stage.cluster.writes()), (vec![], writes));
    stage.wait(Duration::from_mins(45)).await;
    stage.settle("bind").await;
    let called = [Action::DescribeTargetHealth, Action::DescribeSecurityGroups];
    assert_eq!(stage.called(), called, "one full pass, a look for rules nobody needs, and nothing written");
    assert_eq!(stage.cluster.writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_gets_ready_is_registered_by_the_first_call() {
    let stage = stage_with("", 0..2).await;
    stage.wait(Duration::from_mins(20)).await;
    stage.sim.clear_calls();
    let pods: Vec<PodView> = (0..3).map(|n| stage.pod(n, &["bind"])).collect();
    stage.serve(&pods);
    stage.once("bind").await;
    assert_eq!(stage.called().first(), Some(&Action::RegisterTargets), "{:?}", stage.called());
}

#[tokio::test(start_paused = true)]
async fn a_gate_opens_soon_after_the_target_is_healthy_and_polling_ends() {
    let stage = stage_with("", 0..1).await;
    let pods: Vec<PodView> = (0..2).map(|n| stage.pod(n, &["bind"])).collect();
    stage.serve(&pods);
    let took = stage.settle("bind").await;
    assert!(took <= Duration::from_secs(5), "healthy after 3 s, told after {took:?}");
    assert_eq!(stage.gate(1).as_deref(), Some("True"));
    stage.sim.clear_calls();
    stage.once("bind").await;
    assert_eq!(stage.called(), []);
}

#[tokio::test(start_paused = true)]
async fn the_target_of_a_pod_that_the_cache_has_lost_stays() {
    let stage = stage_with("", 0..3).await;
    stage.cluster.mislead(|objects| {
        objects.pods.remove(&key("web-1"));
    });
    let verdict = stage.once("bind").await;
    assert!(matches!(verdict, Verdict::After(pause) if pause <= Duration::from_secs(2)));
    assert_eq!(stage.targets(), numbers(0..3));
    assert_eq!(stage.controller.awaiting(&key("web-1")), [key("bind")].into());
    stage.cluster.catch_up();
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers(0..3));
    assert!(stage.controller.awaiting(&key("web-1")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_only_the_cache_has_lost_keep_their_targets() {
    let stage = stage_with("", 0..3).await;
    stage.cluster.mislead(|objects| objects.endpoints.clear());
    stage.once("bind").await;
    assert_eq!(stage.targets(), numbers(0..3));
    stage.cluster.mislead(|objects| objects.services.clear());
    stage.once("bind").await;
    assert_eq!(stage.targets(), numbers(0..3));
    assert!(stage.cluster.events("bind").iter().all(|(reason, _)| *reason != "BackendNotFound"));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_endpoints_has_no_targets() {
    let stage = stage_with("", 0..3).await;
    (0..3).for_each(|n| stage.kill(n));
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers([]));
}

#[tokio::test(start_paused = true)]
async fn when_all_endpoints_are_exchanged_the_old_serve_until_the_new_do() {
    let stage = stage_with("", 0..3).await;
    let new: Vec<PodView> = (5..8).map(|n| stage.pod(n, &[])).collect();
    stage.serve(&new);
    stage.settle_watching("bind", |stage| assert!(!stage.healthy().is_empty())).await;
    assert_eq!(stage.targets(), numbers(5..8));
}

#[tokio::test(start_paused = true)]
async fn old_targets_do_not_wait_for_ever_for_new_ones_that_never_become_healthy() {
    let stage = stage_with("", 0..1).await;
    let sick = stage.address(5);
    stage.sim.world(|world| world.settings.health.of.insert(sick, TargetHealthState::Initial));
    stage.serve(&[stage.pod(5, &[])]);
    let took = stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers([5]));
    assert!(took >= Duration::from_mins(5) && took < Duration::from_mins(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_gone_takes_its_targets_along() {
    let stage = stage_with("", 0..2).await;
    stage.cluster.edit(|objects| objects.services.clear());
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers([]));
    assert_eq!(checkpoint(&stage), "");
    let reasons: Vec<_> = stage.cluster.events("bind").into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["BackendNotFound", "SuccessfullyReconciled"], "the latter from before");
}

#[tokio::test(start_paused = true)]
async fn a_binding_without_a_backend_is_no_success() {
    let stage = Stage::new(|_| ()).await;
    stage.cluster.edit(|objects| objects.services.clear());
    stage.bind("bind", "");
    stage.settle("bind").await;
    let reasons: Vec<_> = stage.cluster.events("bind").into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["BackendNotFound"]);
    assert!(matches!(stage.once("bind").await, Verdict::Lacking(_)));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_binding_leaves_nothing_behind() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &["bind"]), stage.pod(1, &["bind"])]);
    stage.bind("bind", &stage.networking("8080"));
    stage.once("bind").await;
    assert_eq!(stage.gate(0).as_deref(), Some("False"));
    assert_eq!(stage.rules(), ["8080-8080"]);
    stage.unbind("bind");
    stage.settle("bind").await;
    assert_eq!((stage.targets(), stage.rules()), (numbers([]), vec![]));
    assert_eq!(stage.gate(0).as_deref(), Some("True"), "nobody waits for a binding that is gone");
    assert!(stage.cluster.look(|objects| objects.bindings.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_binding_whose_target_group_is_gone_can_be_deleted() {
    let stage = stage_with("", 0..2).await;
    stage.sim.arm(Fault::on(Calls::All, Effect::fail("TargetGroupNotFound")).times(100));
    stage.unbind("bind");
    stage.settle("bind").await;
    assert!(stage.cluster.look(|objects| objects.bindings.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn rules_follow_the_bindings_and_never_lack_a_port_in_use() {
    let stage = stage_with("", 0..2).await;
    stage.bind("bind", &stage.networking("8080"));
    stage.settle("bind").await;
    assert_eq!(stage.rules(), ["8080-8080"]);
    stage.bind("other", &stage.networking("9090"));
    stage.settle("other").await;
    assert_eq!(stage.rules(), ["8080-9090"]);
    stage.bind("bind", &stage.networking("http"));
    stage.settle_watching("bind", |stage| assert_eq!(stage.rules(), ["8080-9090"])).await;
    stage.unbind("other");
    stage.settle("other").await;
    assert_eq!(stage.rules(), ["8080-8080"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_revoked_before_every_binding_has_been_looked_at() {
    let mut stage = stage_with("", 0..2).await;
    stage.bind("bind", &stage.networking("8080"));
    stage.bind("other", &stage.networking("9090"));
    stage.settle("bind").await;
    stage.settle("other").await;
    stage.restart();
    stage.bind("bind", &stage.networking("8081"));
    stage.settle("bind").await;
    assert_eq!(stage.rules(), ["8080-9090"], "wide enough, and nobody knows yet who needs it");
    stage.bind("other", &stage.networking("8085"));
    stage.settle("other").await;
    assert_eq!(stage.rules(), ["8081-8085"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_security_group_makes_room_first() {
    let stage = stage_with("", 0..1).await;
    stage.bind("bind", &stage.networking("8080"));
    stage.settle("bind").await;
    let present = stage.all_rules();
    stage.sim.world(|world| world.settings.quotas.rules_per_security_group = present);
    stage.bind("bind", &stage.networking("9090"));
    stage.settle("bind").await;
    assert_eq!((stage.rules(), stage.all_rules()), (vec!["9090-9090".to_owned()], present));
    assert!(stage.cluster.events("bind").iter().all(|(reason, _)| *reason != "FailedNetworkReconcile"));
}

#[tokio::test(start_paused = true)]
async fn rules_that_others_changed_are_repaired() {
    let stage = stage_with("", 0..1).await;
    stage.bind("bind", &stage.networking("8080"));
    stage.settle("bind").await;
    let group_id = stage.sim.world(|world| world.id("SG_NODES").to_owned());
    let rules = stage.our_rules();
    stage.interfere(RevokeIngress { group_id: group_id.as_str().into(), rules: rules.clone() }).await;
    stage.controller.audit().await.unwrap();
    assert_eq!(stage.rules(), ["8080-8080"]);
    let wide = IngressRule { from_port: Some(1), ..rules[0].clone() };
    stage.interfere(AuthorizeIngress { group_id: group_id.into(), rules: vec![wide] }).await;
    stage.controller.audit().await.unwrap();
    assert_eq!(stage.rules(), ["8080-8080"]);
}

#[tokio::test(start_paused = true)]
async fn a_networking_mistake_is_told_and_keeps_no_pod_from_being_registered() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    stage.bind("bind", ", networking: {ingress: [{from: [{}], ports: [{port: 80}]}]}");
    assert!(matches!(stage.once("bind").await, Verdict::After(pause) if pause == Duration::from_secs(15)));
    assert_eq!(stage.targets(), numbers([0]));
    let told = [("FailedNetworkReconcile", "either ipBlock or securityGroup should be specified".to_owned())];
    assert_eq!(stage.cluster.events("bind"), told);
    assert!(stage.cluster.look(|objects| objects.bindings[&key("bind")].status.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_down_keeps_no_pod_from_being_registered() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    stage.bind("bind", "");
    stage.settle("bind").await;
    stage.cluster.refuse_annotations(true);
    stage.serve(&[stage.pod(0, &[]), stage.pod(1, &[])]);
    assert_eq!(stage.once("bind").await, Verdict::Retry);
    assert_eq!(stage.targets(), numbers(0..2));
    stage.cluster.refuse_annotations(false);
    stage.settle("bind").await;
}

#[tokio::test(start_paused = true)]
async fn clusters_that_share_a_target_group_leave_each_others_targets_alone() {
    let stage = Stage::new(|_| ()).await;
    let foreign = Target { id: stage.address(9).into(), port: Some(8080), ..Target::default() };
    stage.interfere(RegisterTargets { arn: stage.arn.as_str().into(), targets: vec![foreign] }).await;
    stage.serve(&[stage.pod(0, &[]), stage.pod(1, &[])]);
    stage.bind("bind", ", multiClusterTargetGroup: true");
    stage.settle("bind").await;
    let record = |stage: &Stage| {
        let found =
            stage.cluster.look(|objects| objects.config_maps.get(&key("aws-lbc-targets-bind")).cloned());
        found.map(|config_map| config_map.data.unwrap()["targets"].clone())
    };
    let both = format!("{}:8080,{}:8080", stage.address(0), stage.address(1));
    assert_eq!(record(&stage), Some(both));
    stage.kill(1);
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers([0, 9]));
    assert_eq!(record(&stage), Some(format!("{}:8080", stage.address(0))));
    stage.unbind("bind");
    stage.settle("bind").await;
    assert_eq!((stage.targets(), record(&stage)), (numbers([9]), None));
}

#[tokio::test(start_paused = true)]
async fn a_full_target_group_makes_room_first() {
    let stage = stage_with("", 0..2).await;
    stage.sim.world(|world| world.settings.quotas.targets_per_target_group = 2);
    let pods: Vec<PodView> = (5..7).map(|n| stage.pod(n, &[])).collect();
    stage.serve(&pods);
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers(5..7));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_can_never_be_a_target_keeps_nobody_busy() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &["bind"])]);
    stage.bind("bind", "");
    stage.cluster.edit(|objects| {
        let binding = Arc::make_mut(objects.bindings.get_mut(&key("bind")).unwrap());
        binding.spec.target_group_protocol = Some(TargetGroupProtocol::Quic);
    });
    let mut passes = 0;
    while passes < 400 {
        let Verdict::After(pause) = stage.once("bind").await else { panic!("nothing fails") };
        stage.wait(pause).await;
        passes += 1;
    }
    assert!(stage.sim.snapshot().now() > Duration::from_hours(1), "400 passes take more than an hour");
    assert_eq!((stage.targets(), stage.gate(0).as_deref()), (numbers([]), Some("False")));
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_kept() {
    let stage = Stage::new(|config| config.max_targets_per_target_group = 2).await;
    let pods: Vec<PodView> = (0..4).map(|n| stage.pod(n, &[])).collect();
    stage.serve(&pods);
    stage.bind("bind", "");
    stage.settle("bind").await;
    assert_eq!(stage.targets().len(), 2);
    let gone = *stage.targets().first().unwrap();
    stage.kill(gone);
    stage.settle("bind").await;
    assert_eq!(stage.targets().len(), 2, "one of the others takes the place");
}

#[tokio::test(start_paused = true)]
async fn what_others_deregister_is_registered_again_by_the_next_full_pass() {
    let stage = stage_with("", 0..2).await;
    let target = Target { id: stage.address(1).into(), port: Some(8080), ..Target::default() };
    stage.interfere(DeregisterTargets { arn: stage.arn.as_str().into(), targets: vec![target] }).await;
    stage.wait(Duration::from_hours(11)).await;
    stage.settle("bind").await;
    assert_eq!(stage.targets(), numbers(0..2));
}

#[tokio::test(start_paused = true)]
async fn when_aws_asks_for_zones_targets_are_registered_in_those_of_their_nodes() {
    let stage = Stage::new(|_| ()).await;
    let outside = PodView { ip: Some("192.168.7.7".into()), ..stage.pod(0, &[]) };
    stage.cluster.edit(|objects| {
        objects.pods.insert(outside.key.clone(), Arc::new(outside.clone()));
        objects.endpoints.insert(key("web"), vec![endpoint_of(&outside)]);
        let node = Arc::make_mut(objects.nodes.get_mut("node-a").unwrap());
        node.labels.insert("topology.kubernetes.io/zone".to_owned(), "us-west-2a".to_owned());
    });
    let refusal = Effect::Fail {
        code: "ValidationError".to_owned(),
        message: "For target 192.168.7.7 you must specify an Availability Zone".to_owned(),
    };
    stage.sim.arm(Fault::on(Calls::Of(Action::RegisterTargets), refusal));
    stage.bind("bind", "");
    stage.once("bind").await;
    let zones: Vec<_> =
        stage.registered().into_iter().map(|target| target.availability_zone.unwrap()).collect();
    assert_eq!(zones, ["all", "us-west-2a"]);
}

#[tokio::test(start_paused = true)]
async fn an_address_outside_the_vpc_is_registered_for_all_zones() {
    let stage = Stage::new(|_| ()).await;
    let outside = PodView { ip: Some("192.168.7.7".into()), ..stage.pod(0, &[]) };
    stage.cluster.edit(|objects| {
        objects.pods.insert(outside.key.clone(), Arc::new(outside.clone()));
        objects.endpoints.insert(key("web"), vec![endpoint_of(&outside)]);
    });
    stage.bind("bind", "");
    stage.once("bind").await;
    assert_eq!(stage.registered()[0].availability_zone.as_deref(), Some("all"));
}

// ---- properties -----------------------------------------------------------------------------------------------------

/// One thing that happens to the cluster.
#[derive(Clone, Debug)]
enum Happening {
    Serve(BTreeSet<u8>),
    Kill(u8),
    Forget(u8),
    CatchUp,
    Port(u8),
    Restart,
    Wait(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => proptest::collection::btree_set(0u8..8, 0..6).prop_map(Happening::Serve),
        2 => (0u8..8).prop_map(Happening::Kill),
        1 => (0u8..8).prop_map(Happening::Forget),
        1 => Just(Happening::CatchUp),
        1 => (0u8..3).prop_map(Happening::Port),
        1 => Just(Happening::Restart),
        1 => (1u16..400).prop_map(Happening::Wait),
    ]
}

fn trouble() -> impl Strategy<Value = Option<(Effect, usize)>> {
    let effect = prop_oneof![5 => effects(), 1 => Just(Effect::Stale { reads: 2 })];
    proptest::option::of((effect, 1usize..6))
}

async fn play(happenings: Vec<(Happening, Option<(Effect, usize)>)>) {
    // why: pods live on here when they are no endpoints any more; `last` has properties of its own
    let mut stage = Stage::new(|config| config.keep_last_healthy_targets = false).await;
    stage.bind("bind", &stage.networking("8080"));
    for (happening, trouble) in happenings {
        let before = stage.targets();
        match happening {
            Happening::Serve(pods) => {
                let pods: Vec<PodView> = pods.into_iter().map(|n| stage.pod(n, &["bind"])).collect();
                stage.serve(&pods);
            }
            Happening::Kill(n) => stage.kill(n),
            Happening::Forget(n) => stage.cluster.mislead(|objects| {
                objects.pods.remove(&key(&format!("web-{n}")));
            }),
            Happening::CatchUp => stage.cluster.catch_up(),
            Happening::Port(n) => stage.bind("bind", &stage.networking(&(8080 + u16::from(n)).to_string())),
            Happening::Restart => stage.restart(),
            Happening::Wait(seconds) => stage.wait(Duration::from_secs(seconds.into())).await,
        }
        if let Some((effect, k)) = trouble {
            stage.sim.arm(Fault::on(Calls::All, effect).at(k));
        }
        for _ in 0..3 {
            let wanted = stage.cluster.look(|objects| {
                let endpoints = objects.endpoints.get(&key("web")).cloned().unwrap_or_default();
                endpoints
                    .iter()
                    .map(|endpoint| endpoint.pod.name()[4..].parse().unwrap())
                    .collect::<BTreeSet<u8>>()
            });
            stage.once("bind").await;
            assert!(
                wanted.is_empty() || before.is_empty() || !stage.targets().is_empty(),
                "no target is left of {before:?} although {wanted:?} are ready"
            );
            let stayed: Vec<&u8> = before.intersection(&wanted).collect();
            let targets = stage.targets();
            assert!(stayed.iter().all(|n| targets.contains(n)), "{stayed:?} of {before:?}: {targets:?}");
            if stage.sim.has_crashed() {
                stage.restart();
            }
            stage.wait(Duration::from_secs(1)).await;
        }
        stage.sim.disarm();
    }
    stage.sim.disarm();
    stage.sim.revive();
    stage.cluster.catch_up();
    // why: a read that was stale to the end is found out by the next full pass
    stage.wait(Duration::from_hours(11)).await;
    stage.settle("bind").await;
    let wanted = stage.cluster.look(|objects| {
        let endpoints = objects.endpoints.get(&key("web")).cloned().unwrap_or_default();
        endpoints.iter().map(|endpoint| endpoint.pod.name()[4..].parse().unwrap()).collect::<BTreeSet<u8>>()
    });
    assert_eq!(stage.targets(), wanted);
    assert!(wanted.iter().all(|n| stage.gate(*n).as_deref() == Some("True")));
    assert_eq!(stage.rules().len(), usize::from(!wanted.is_empty()), "{:?}", stage.rules());
    stage.sim.clear_calls();
    let writes = stage.cluster.writes();
    stage.once("bind").await;
    assert_eq!((stage.called(), stage.cluster.writes()), (vec![], writes), "a second reconcile does nothing");
    stage.unbind("bind");
    stage.settle("bind").await;
    assert_eq!((stage.targets(), stage.rules()), (numbers([]), vec![]), "nothing leaks");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_targets_converge_and_nothing_leaks(
        happenings in proptest::collection::vec((happening(), trouble()), 1..8),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(happenings));
    }
}
