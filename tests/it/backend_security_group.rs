//! The shared backend security group across restarts, on the simulated AWS.

use aws_load_balancer_controller::{
    aws_api::{Action, ec2::DescribeSecurityGroups},
    config::Config,
    deploy::backend_security_group::BackendSecurityGroup,
    model::{Owner, StackId},
};
use aws_sim::{Sim, World};
use rig::rig::{Pace, Paced};
use std::sync::Arc;
use std::time::Duration;

fn start(sim: &Sim) -> BackendSecurityGroup {
    let vpc_id = sim.world(|world| world.id("VPC").to_owned());
    let config = Config { cluster_name: "demo".to_owned(), vpc_id, ..Config::default() };
    BackendSecurityGroup::new(Arc::new(sim.clone()), Arc::new(config))
}

fn stack(name: &str) -> StackId {
    StackId { owner: Owner::Service, namespace: "default".to_owned(), name: name.to_owned() }
}

fn exists(sim: &Sim) -> bool {
    let request = DescribeSecurityGroups::default().into();
    let answer = format!("{:?}", sim.world(|world| world.perform(&request)));
    answer.contains("backend-sg")
}

#[tokio::test]
async fn the_last_stack_to_go_takes_the_group_with_it_even_after_a_restart() {
    let sim = Sim::new(World::demo());
    start(&sim).acquire(&stack("web")).await.unwrap();
    assert!(exists(&sim));

    let restarted = start(&sim);
    restarted.release(&stack("web"), true, || false).await.unwrap();
    assert!(exists(&sim), "somebody not built yet may need it");
    restarted.release(&stack("web"), true, || true).await.unwrap();
    assert!(!exists(&sim));
}

/// A stack that needs the group while another one's release deletes it gets one that is there.
#[tokio::test(start_paused = true)]
async fn whoever_needs_the_group_while_it_is_deleted_gets_another_one() {
    let sim = Sim::new(World::demo());
    let vpc_id = sim.world(|world| world.id("VPC").to_owned());
    let config = Config { cluster_name: "demo".to_owned(), vpc_id, ..Config::default() };
    let latency = Duration::from_secs(1);
    let slow = Paced::new(sim.clone(), Pace { latency, burst: 100.0, rate: 100.0 });
    let group = BackendSecurityGroup::new(Arc::new(slow), Arc::new(config));
    let old = group.acquire(&stack("old")).await.unwrap();
    let going = stack("old");
    let acquired = async {
        tokio::time::sleep(latency / 2).await;
        group.acquire(&stack("new")).await.unwrap()
    };
    let (released, new) = tokio::join!(group.release(&going, true, || true), acquired);
    released.unwrap();
    assert_ne!(new, old);
    assert!(exists(&sim));
    assert_eq!(group.known(), Some(new));
}

#[tokio::test]
async fn a_stack_that_lives_without_the_group_does_not_ask_for_it() {
    let sim = Sim::new(World::demo());
    start(&sim).acquire(&stack("web")).await.unwrap();
    sim.clear_calls();

    start(&sim).release(&stack("plain"), false, || true).await.unwrap();
    assert!(exists(&sim) && sim.calls().is_empty(), "{:?}", sim.calls());
}

#[tokio::test]
async fn a_stack_that_goes_asks_once_and_leaves_the_group_to_others() {
    let sim = Sim::new(World::demo());
    let groups = start(&sim);
    groups.acquire(&stack("web")).await.unwrap();
    groups.release(&stack("plain"), true, || true).await.unwrap();
    assert!(exists(&sim));

    groups.release(&stack("web"), true, || true).await.unwrap();
    groups.release(&stack("web"), true, || true).await.unwrap();
    let deletions = sim.calls().iter().filter(|call| call.action() == Action::DeleteSecurityGroup).count();
    assert!(!exists(&sim) && deletions == 1);
}
