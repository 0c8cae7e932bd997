//! The walk-throughs of the demo as tests, and what the demo is too polite to show.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use aws_sim::{Calls, Effect, Fault};
use harness::{
    Aws, Cluster, ControllerProcess, eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use tokio::{sync::Mutex, task::JoinSet};

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_demo_passes() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_after_every_write_to_aws_converges_and_leaks_nothing() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.install().await.unwrap();
    let killer = Killer::of(&walk);
    let kills = Arc::clone(&killer.kills);
    let mut tasks = JoinSet::new();
    tasks.spawn(killer.run());

    walk.expose_echo().await.unwrap();
    walk.expose_game().await.unwrap();
    walk.clean_up().await.unwrap();

    assert!(tasks.try_join_next().is_none(), "the killer gave up");
    assert!(kills.load(Ordering::Relaxed) > 20, "the walk-throughs have more writes than that");
}

/// Kills the controller with SIGKILL right after each of its writes to AWS, before it has seen the answer.
struct Killer {
    cluster: Arc<Cluster>,
    aws: Arc<Aws>,
    controller: Arc<Mutex<ControllerProcess>>,
    kills: Arc<AtomicUsize>,
}

impl Killer {
    fn of(walk: &Walkthrough) -> Self {
        Self {
            cluster: Arc::clone(&walk.cluster),
            aws: Arc::clone(&walk.aws),
            controller: Arc::clone(walk.controller.as_ref().unwrap()),
            kills: Arc::default(),
        }
    }

    async fn run(self) -> Result<()> {
        loop {
            self.aws.sim().arm(Fault::on(Calls::Writes, Effect::CrashAfter).at(1));
            eventually("a write", Duration::MAX, || async {
                ensure!(self.aws.sim().has_crashed(), "nothing was written");
                Ok(())
            })
            .await?;
            let mut controller = self.controller.lock().await;
            controller.kill9().await?;
            self.bury().await?;
            self.aws.sim().revive();
            self.kills.fetch_add(1, Ordering::Relaxed);
            controller.start()?;
        }
    }

    /// Deletes the lease of the dead, so that nobody has to wait until it expires.
    async fn bury(&self) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client(), "kube-system");
        leases.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        Ok(())
    }
}
