//! The walk-throughs of the demo as tests, and what the demo is too polite to show.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use aws_load_balancer_controller::aws_api::Action;
use aws_sim::{Call, Calls, Delays, Effect, Fault, PlaneSettings};
use harness::{
    Aws, Cluster, ControllerProcess, eventually,
    walkthrough::{STEPS, Walkthrough, explore, kept, progress::Progress},
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use tokio::{process::Command, sync::Mutex, task::JoinSet, time::Instant};

/// How many Services the crowd has.
const SERVICES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_demo_passes() {
    walk_on(traffic().await, async |walk| walk.run(STEPS).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visitor_is_told_to_type_works_with_what_the_demo_has_built() {
    walk_on(traffic().await, async |walk| {
        walk.run(kept()).await?;
        ensure!(explore::urls(walk).len() == 4, "the load balancers are at {:?}", explore::urls(walk));
        let exports = explore::exports(walk)?.join("\n");
        for look in explore::looks() {
            let typed = Command::new("bash")
                .args(["-e", "-c", &format!("{exports}\n{look}")])
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .output()
                .await?;
            let said = [typed.stdout, typed.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            ensure!(typed.status.success(), "{look}: {}", said.concat());
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_after_every_write_to_aws_converges_and_leaks_nothing() {
    walk(async |walk| {
        // why: a fresh process waits half a minute for what old reads may hide, before it lets go of an object; and it is killed
        // up to three times in one step when that is almost over
        walk.patience = Duration::from_mins(5);
        walk.install().await?;
        let killer = Killer::of(walk)?;
        let kills = Arc::clone(&killer.kills);
        let mut tasks = JoinSet::new();
        tasks.spawn(killer.run());

        walk.expose_echo().await?;
        walk.expose_game().await?;
        walk.clean_up().await?;

        ensure!(tasks.try_join_next().is_none(), "the killer gave up");
        let kills = kills.load(Ordering::Relaxed);
        ensure!(kills > 20, "the walk-throughs have more than {kills} writes");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_unchanged_services_cost_nothing_but_audits_at_a_resync() {
    walk(async |walk| {
        walk.aws.sim().world(|world| {
            world.settings.delays = Delays::default();
            world.settings.quotas.network_load_balancers = SERVICES;
        });
        walk.install_with(&["syncPeriod=15s"]).await?;
        let manifests: Vec<String> = (0..SERVICES).map(service).collect();
        walk.cluster.apply(&manifests.join("---")).await?;

        eventually("all Services have hostnames", Duration::from_mins(3), || async {
            let query =
                ["get", "services", "-o", "jsonpath={.items[*].status.loadBalancer.ingress[*].hostname}"];
            let hostnames = walk.cluster.kubectl(&query).await?.expect_ok()?;
            ensure!(hostnames.split(' ').count() == SERVICES, "so far {}", hostnames.split(' ').count());
            Ok(())
        })
        .await?;
        wait_for_resync(walk).await?;
        let (before, began) = (walk.aws.count_calls(), Instant::now());
        wait_for_resync(walk).await?;
        let calls: Vec<Action> = walk.aws.sim().calls().iter().skip(before.all).map(Call::action).collect();
        let allowed = audits_within(began.elapsed());
        ensure!(allowed < SERVICES, "the resync took so long that audits alone may read {allowed} times");
        ensure!(!calls.iter().any(|call| call.is_write()), "a resync wrote: {calls:?}");
        ensure!(calls.len() <= allowed, "audits may read {allowed} times, but a resync called {calls:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_takes_over_from_one_that_was_killed() {
    walk(async |walk| {
        walk.install().await?;
        let second = walk.launch_replica("controller-2").await?;
        let first = walk.controller.replace(Arc::new(Mutex::new(second))).context("no controller")?;
        first.lock().await.kill9().await?;
        walk.expose_echo().await?;
        walk.clean_up().await
    })
    .await;
}

/// Runs a test on a control plane of its own, and keeps the logs if it fails.
async fn walk(test: impl AsyncFnOnce(&mut Walkthrough) -> Result<()>) {
    walk_on(Walkthrough::start(Progress::silent()).await.unwrap(), test).await;
}

/// A control plane whose load balancers carry traffic.
async fn traffic() -> Walkthrough {
    let settings = PlaneSettings { propagation: Duration::from_millis(500), ..PlaneSettings::default() };
    Walkthrough::start_with(Progress::silent(), Some(settings)).await.unwrap()
}

async fn walk_on(mut walk: Walkthrough, test: impl AsyncFnOnce(&mut Walkthrough) -> Result<()>) {
    let walk = &mut walk;
    if let Err(error) = test(walk).await {
        walk.cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", walk.cluster.logs().display());
    }
}

/// Kills the controller with SIGKILL right after each of its writes to AWS, before it has seen the answer.
struct Killer {
    cluster: Arc<Cluster>,
    aws: Arc<Aws>,
    controller: Arc<Mutex<ControllerProcess>>,
    kills: Arc<AtomicUsize>,
}

impl Killer {
    fn of(walk: &Walkthrough) -> Result<Self> {
        Ok(Self {
            cluster: Arc::clone(&walk.cluster),
            aws: Arc::clone(&walk.aws),
            controller: Arc::clone(walk.controller.as_ref().context("no controller")?),
            kills: Arc::default(),
        })
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
            self.delete_service().await?;
            self.aws.sim().revive();
            self.kills.fetch_add(1, Ordering::Relaxed);
            controller.start()?;
        }
    }

    /// Deletes the lease of the dead, so that nobody has to wait until it expires.
    async fn delete_service(&self) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client(), "kube-system");
        leases.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        Ok(())
    }
}

fn service(number: usize) -> String {
    format!(
        r"
apiVersion: v1
kind: Service
metadata:
  name: service-{number}
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip
spec:
  type: LoadBalancer
  loadBalancerClass: service.k8s.aws/nlb
  selector: {{app: nothing}}
  ports: [{{port: 80, targetPort: 8080, protocol: TCP}}]
"
    )
}

/// The most calls that audits make in such a time: half a call a second, and thirty that they have saved up. Beside them come two
/// sweeps at most, lists and the tags of twenty resources a call: one that an audit pays for afterwards, and one that looks at
/// what has rested since it was deployed.
fn audits_within(time: Duration) -> usize {
    let sweep = 10 + 2 * SERVICES / 20;
    usize::try_from(time.as_secs()).unwrap_or(usize::MAX) / 2 + 30 + 2 * sweep
}

/// Waits until every Service has been looked at once more.
async fn wait_for_resync(walk: &Walkthrough) -> Result<()> {
    let before = count_reconciles(walk).await?;
    eventually("all Services are looked at again", Duration::from_mins(2), || async {
        let more = count_reconciles(walk).await? - before;
        ensure!(more >= SERVICES, "so far {more}");
        Ok(())
    })
    .await
}

/// How often Services have been reconciled, as the metrics tell.
async fn count_reconciles(walk: &Walkthrough) -> Result<usize> {
    let controller = walk.controller.as_ref().context("no controller")?;
    let metrics = controller.lock().await.metrics().await?;
    let lines = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
    let ours = lines.filter(|line| line.contains(r#"controller="service""#));
    ours.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<usize>()?)).sum()
}
