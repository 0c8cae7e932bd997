//! Several replicas and one lease: who leads, who takes over, how soon, and that no two of them write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    process::ExitStatus,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::{
    Aws, Cluster, ControllerProcess, eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Service};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use std::sync::Arc;
use tokio::{task::JoinSet, time::interval};

const LEASE: &str = "aws-load-balancer-controller-leader";
/// A leader that says goodbye is followed this soon.
const GRACEFUL: Duration = Duration::from_secs(2);
/// One that does not, this soon: the lease has to expire.
const ABRUPT: Duration = Duration::from_secs(17);
const PATIENCE: Duration = Duration::from_mins(3);

/// Replicas by name, under churn.
struct Election {
    cluster: Arc<Cluster>,
    aws: Arc<Aws>,
    replicas: BTreeMap<String, ControllerProcess>,
    churn: JoinSet<()>,
    // why: it owns the nodes and the folder.
    _walk: Walkthrough,
}

impl Election {
    async fn start(mut walk: Walkthrough) -> Result<Self> {
        walk.install().await?;
        walk.expose_echo().await?;
        let (cluster, aws) = (Arc::clone(&walk.cluster), Arc::clone(&walk.aws));
        let first = walk.controller.take().and_then(Arc::into_inner).context("the controller is in use")?;
        let mut replicas = BTreeMap::from([("controller".to_owned(), first.into_inner())]);
        for name in ["controller-2", "controller-3", "controller-4"] {
            replicas.insert(name.to_owned(), walk.launch_replica(name).await?);
        }
        let mut churn = JoinSet::new();
        churn.spawn(change_for_ever(Arc::clone(&cluster)));
        Ok(Self { cluster, aws, replicas, churn, _walk: walk })
    }

    /// The replica that wrote to AWS last.
    fn last_writer(&self) -> Result<String> {
        let last = self.aws.sim().world(|world| world.writes().last().and_then(|call| call.caller.clone()));
        last.context("nobody has written")
    }

    /// Waits until the leader has made some more changes.
    async fn churned(&self) -> Result<()> {
        let before = self.aws.count_calls().writes;
        eventually("changes are made", PATIENCE, || async {
            let more = self.aws.count_calls().writes - before;
            ensure!(more >= 3, "so far {more}");
            Ok(())
        })
        .await
    }

    /// The writers in the order in which they took over.
    fn writers(&self) -> Vec<String> {
        let mut writers: Vec<String> =
            self.aws.sim().writes().into_iter().filter_map(|call| call.caller).collect();
        writers.dedup();
        writers
    }

    /// Who holds the lease, if anybody does.
    async fn holder(&self) -> Result<String> {
        let lease = Api::<Lease>::namespaced(self.cluster.client(), "kube-system").get(LEASE).await?;
        let holder = lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty());
        holder.context("nobody holds the lease")
    }

    /// Takes the leader away and answers how long nobody else held the lease.
    async fn depose(&mut self, end: End) -> Result<Duration> {
        self.churned().await?;
        let leader = self.last_writer()?;
        let former = self.holder().await?;
        let mut process = self.replicas.remove(&leader).context("a stranger has written")?;
        let ended = Instant::now();
        let take_away = async {
            match end {
                End::Graceful => ensure_status(&leader, process.terminate(PATIENCE).await?, true),
                End::Killed => process.kill9().await,
                End::Paused => process.pause(),
            }
        };
        let succeeded = eventually("another replica leads", PATIENCE, || async {
            let holder = self.holder().await?;
            ensure!(holder != former, "{holder} still holds the lease");
            Ok(ended.elapsed())
        });
        let (taken_away, gap) = tokio::join!(take_away, succeeded);
        taken_away?;
        eventually("the successor writes", PATIENCE, || async {
            let writer = self.last_writer()?;
            ensure!(writer != leader, "nobody else has written");
            Ok(())
        })
        .await?;
        if end == End::Paused {
            process.resume()?;
            eventually("the former leader knows that it leads no more", PATIENCE, || async {
                let metrics = process.metrics().await?;
                ensure!(leads(&metrics, 0), "{metrics}");
                Ok(())
            })
            .await?;
            self.replicas.insert(leader, process);
        }
        gap
    }
}

/// Whether the metrics say so of who leads.
fn leads(metrics: &str, value: u8) -> bool {
    let wanted = format!(" {value}");
    metrics.lines().any(|line| line.starts_with("leader_election_master_status{") && line.ends_with(&wanted))
}

/// How a leader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Graceful,
    Killed,
    /// It comes back later and does not know that anything has happened.
    Paused,
}

fn ensure_status(replica: &str, status: ExitStatus, is_success: bool) -> Result<()> {
    ensure!(status.success() == is_success, "{replica} ended with {status}");
    Ok(())
}

/// Changes a Service again and again, so that there is always something to write to AWS.
async fn change_for_ever(cluster: Arc<Cluster>) {
    let services: Api<Service> = Api::namespaced(cluster.client(), "default");
    let mut ticks = interval(Duration::from_millis(200));
    for round in 0_u64.. {
        ticks.tick().await;
        let key = "service.beta.kubernetes.io/aws-load-balancer-cross-zone-load-balancing-enabled";
        let patch = json!({"metadata": {"annotations": {key: (round % 2 == 0).to_string()}}});
        // A replica that goes away may take a webhook call with it; the next change follows at once.
        let _ = services.patch("svc-nlb-ip-type", &PatchParams::default(), &Patch::Merge(&patch)).await;
    }
}

async fn hold_to_one_writer(walk: Walkthrough) -> Result<()> {
    let mut election = Election::start(walk).await?;
    let first = election.last_writer()?;
    let graceful = election.depose(End::Graceful).await?;
    let killed = election.depose(End::Killed).await?;
    let paused = election.depose(End::Paused).await?;
    election.churned().await?;
    // why: a paused leader goes on as a follower
    for replica in election.replicas.values_mut() {
        replica.check()?;
    }
    eprintln!(
        "nobody led for {graceful:?} after SIGTERM, {killed:?} after SIGKILL, {paused:?} after SIGSTOP"
    );
    ensure!(graceful <= GRACEFUL, "after SIGTERM nobody led for {graceful:?}");
    ensure!(killed <= ABRUPT && paused <= ABRUPT, "nobody led for {killed:?} and {paused:?}");

    let writers = election.writers();
    // Each replica leads once, and none writes after another has begun to.
    ensure!(
        writers.len() == 4 && writers.first() == Some(&first),
        "writers took over from each other: {writers:?}"
    );
    election.churn.shutdown().await;
    election.cluster.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_writes_at_a_time_however_the_leader_ends() {
    let walk = Walkthrough::start(Progress::silent()).await.unwrap();
    let cluster = Arc::clone(&walk.cluster);
    if let Err(error) = hold_to_one_writer(walk).await {
        cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", cluster.logs().display());
    }
}
