//! Faults strike the calls they are meant for, and the world's time brings its states about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use aws_load_balancer_controller::{
    aws::send,
    aws_api::{Action, CloudError, Ref, Tags, elbv2::*},
};
use aws_sim::{
    Calls, Clock, Effect, Fault, Outcome, Sim, World,
    contract::{TestAccount, forward_to, listener_on},
};
use std::{sync::Arc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

fn account(sim: &Sim) -> TestAccount {
    TestAccount::new(Arc::new(sim.clone()), sim.world(|world| world.ids().clone()))
}

fn names(sim: &Sim) -> Vec<String> {
    sim.world(|world| world.ask(DescribeLoadBalancers::default()).unwrap().items)
        .into_iter()
        .map(|lb| lb.name)
        .collect()
}

#[tokio::test]
async fn the_kth_write_fails_and_takes_no_effect() {
    let sim = Sim::new(World::demo());
    let account = account(&sim);
    sim.arm(Fault::on(Calls::Writes, Effect::fail("ServiceUnavailable")).at(2));
    account.alb().await.unwrap();
    assert_eq!(account.alb().await.unwrap_err().code(), Some("ServiceUnavailable"));
    account.alb().await.unwrap();
    assert_eq!(names(&sim).len(), 2);
    assert_eq!(sim.calls()[1].outcome, Outcome::Failed("ServiceUnavailable".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_still_takes_effect() {
    let sim = Sim::new(World::demo());
    sim.arm(Fault::on(Calls::Of(Action::CreateLoadBalancer), Effect::LoseAnswer).times(1));
    assert!(matches!(account(&sim).alb().await, Err(CloudError::Unreachable { .. })));
    assert_eq!(names(&sim).len(), 1);
}

#[tokio::test]
async fn after_a_crash_nothing_arrives_until_revival() {
    for (effect, survivors) in [(Effect::CrashBefore, 0), (Effect::CrashAfter, 1)] {
        let sim = Sim::new(World::demo());
        let account = account(&sim);
        sim.arm(Fault::on(Calls::Writes, effect).at(1));
        account.alb().await.unwrap_err();
        assert!(sim.has_crashed());
        account.alb().await.unwrap_err();
        assert_eq!(names(&sim).len(), survivors);
        sim.revive();
        account.alb().await.unwrap();
        assert_eq!(names(&sim).len(), survivors + 1);
    }
}

#[tokio::test]
async fn stale_reads_see_the_world_before_the_write() {
    let sim = Sim::new(World::demo());
    sim.arm(Fault::on(Calls::Writes, Effect::Stale { reads: 2 }).at(1));
    account(&sim).alb().await.unwrap();
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(send(&sim, DescribeLoadBalancers::default()).await.unwrap().items.len());
    }
    assert_eq!(counts, [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn delays_pass_in_virtual_time() {
    let sim = Sim::new(World::demo().with_clock(Clock::running()));
    sim.arm(Fault::on(Calls::Reads, Effect::Delay(60 * SECOND)).at(1));
    send(&sim, DescribeLoadBalancers::default()).await.unwrap();
    assert_eq!(sim.world(|world| world.now()), 60 * SECOND);
}

#[tokio::test]
async fn services_throttle_in_their_own_words() {
    let sim = Sim::new(World::demo());
    sim.arm(Fault::on(Calls::All, Effect::Throttle));
    let error = send(&sim, DescribeLoadBalancers::default()).await.unwrap_err();
    assert!(error.is_throttled() && error.code() == Some("Throttling"));
    sim.disarm();
    send(&sim, DescribeLoadBalancers::default()).await.unwrap();
}

#[tokio::test]
async fn load_balancers_are_provisioned_and_targets_warm_up_and_drain() {
    let mut world = World::demo();
    world.settings.delays.provisioning = 10 * SECOND;
    world.settings.delays.initial = 4 * SECOND;
    world.settings.delays.draining = 6 * SECOND;
    let sim = Sim::new(world);
    let account = account(&sim);
    let lb = account.alb().await.unwrap();
    assert_eq!(lb.state, "provisioning");
    let group = account.send(account.ip_group(Protocol::Http)).await.unwrap();
    account.send(listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])])).await.unwrap();
    let targets = vec![Target { id: "10.0.68.1".into(), ..Target::default() }];
    let arn = Ref::from(group.arn);
    let states = || {
        sim.world(|world| {
            let asked = DescribeTargetHealth { arn: arn.clone(), targets: Vec::new() };
            world.ask(asked).unwrap().into_iter().map(|health| health.state).collect::<Vec<_>>()
        })
    };
    account.send(RegisterTargets { arn: arn.clone(), targets: targets.clone() }).await.unwrap();
    sim.advance(10 * SECOND);
    let found = send(&sim, DescribeLoadBalancers::default()).await.unwrap();
    assert_eq!(found.items[0].state, "active");
    assert_eq!(states(), [TargetHealthState::Initial]);
    sim.advance(4 * SECOND);
    assert_eq!(states(), [TargetHealthState::Healthy]);
    account.send(DeregisterTargets { arn: arn.clone(), targets }).await.unwrap();
    assert_eq!(states(), [TargetHealthState::Draining]);
    sim.advance(6 * SECOND);
    assert_eq!(states(), []);
}

#[tokio::test]
async fn a_group_lingers_with_the_interfaces_of_a_deleted_load_balancer() {
    let mut world = World::demo();
    world.settings.delays.interface_release = 30 * SECOND;
    let sim = Sim::new(world);
    let account = account(&sim);
    let lb = account.alb().await.unwrap();
    account.send(DeleteLoadBalancer { arn: lb.arn.into() }).await.unwrap();
    let delete = || aws_load_balancer_controller::aws_api::ec2::DeleteSecurityGroup {
        group_id: account.id("SG_1").into(),
    };
    assert_eq!(account.send(delete()).await.unwrap_err().code(), Some("DependencyViolation"));
    sim.advance(30 * SECOND);
    account.send(delete()).await.unwrap();
}

#[tokio::test]
async fn quotas_hold() {
    let mut world = World::demo();
    world.settings.quotas.rules = 1;
    world.settings.quotas.rules_per_security_group = 1;
    world.settings.quotas.network_load_balancers = 0;
    let sim = Sim::new(world);
    let account = account(&sim);
    let lb = account.alb().await.unwrap();
    let listener = account.http_listener(&lb, 80).await.unwrap();
    account.rule(&listener, 1).await.unwrap();
    assert_eq!(account.rule(&listener, 2).await.unwrap_err().code(), Some("TooManyRules"));
    let nlb = account.send(account.internal(LoadBalancerType::Network)).await;
    assert_eq!(nlb.unwrap_err().code(), Some("TooManyLoadBalancers"));
}

#[tokio::test]
async fn two_worlds_that_see_the_same_calls_are_the_same() {
    let run = || async {
        let sim = Sim::new(World::demo());
        let account = account(&sim);
        let lb = account.alb().await.unwrap();
        account.http_listener(&lb, 80).await.unwrap();
        sim.world(|world| world.resources())
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn unresolved_references_are_never_sent() {
    let sim = Sim::new(World::demo());
    let arn =
        Ref::pending(aws_load_balancer_controller::aws_api::SymbolKind::LoadBalancerArn, "LoadBalancer");
    let answer = send(&sim, AddTags { arn, tags: Tags::new() }).await;
    assert!(matches!(answer, Err(CloudError::Unresolved { .. })));
}
