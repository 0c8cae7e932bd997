//! The walk-throughs that the demo shows and the end-to-end tests repeat.
//!
//! A [`Walkthrough`] owns a control plane, an AWS and a controller. Each step is a function that does one thing a user would
//! do and fails unless the user would be pleased with what comes of it.

pub mod explore;
pub mod progress;
mod rollout;
mod steps;
mod traffic;

use std::{collections::BTreeMap, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sim::PlaneSettings;
use tokio::sync::Mutex;

use crate::{
    aws::Aws,
    cluster::{Cluster, Pods},
    controller::{ControllerProcess, Release},
    kubelet::Kubelet,
    wait::eventually,
};
use progress::Progress;

/// How long anything may take before the user would give up, as a rule.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The namespace of the release.
const NAMESPACE: &str = "kube-system";

/// The name of the release, of the chart and so of the Deployment.
const RELEASE: &str = "aws-load-balancer-controller";

/// A step on its way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// One step: a title and what it does.
pub struct Step {
    /// What the user sees.
    pub title: &'static str,
    /// What happens.
    pub run: fn(&mut Walkthrough) -> Running<'_>,
}

/// The steps, in their order.
pub const STEPS: &[Step] = &[
    Step { title: "Helm installs the chart and the controller starts", run: |walk| Box::pin(walk.install()) },
    Step { title: "A Service becomes a Network Load Balancer", run: |walk| Box::pin(walk.expose_echo()) },
    Step { title: "The Deployment scales from 2 to 3", run: |walk| Box::pin(walk.scale_echo()) },
    Step {
        title: "An Ingress becomes an Application Load Balancer",
        run: |walk| Box::pin(walk.expose_game()),
    },
    Step {
        title: "An Ingress routes by path, and a canary gets a tenth",
        run: |walk| Box::pin(walk.route()),
    },
    Step { title: "A rollout waits for the load balancer", run: |walk| Box::pin(walk.roll_out_shop()) },
    Step { title: "A typing mistake is refused", run: |walk| Box::pin(walk.mistype()) },
    Step { title: "Everything is deleted", run: |walk| Box::pin(walk.clean_up()) },
];

/// The steps but for the last, which deletes what the others have made.
pub fn kept() -> &'static [Step] {
    STEPS.split_last().map_or(&[], |(_, others)| others)
}

/// A control plane, an AWS and, once installed, a controller.
#[derive(Debug)]
pub struct Walkthrough {
    /// The controller, once [`STEPS`] have installed it.
    pub controller: Option<Arc<Mutex<ControllerProcess>>>,
    /// The pods, if they are processes.
    pub kubelet: Option<Kubelet>,
    /// The control plane.
    pub cluster: Arc<Cluster>,
    /// The AWS account.
    pub aws: Arc<Aws>,
    /// Where the user reads what happens.
    pub progress: Progress,
    /// What runs as the controller, instead of the binary that was built.
    pub binary: Option<PathBuf>,
    /// The chart that is installed.
    pub chart: PathBuf,
    /// How long anything may take before the user would give up.
    pub patience: Duration,
}

impl Walkthrough {
    /// Starts the control plane and AWS and lets the nodes join.
    pub async fn start(progress: Progress) -> Result<Self> {
        Self::start_with(progress, None).await
    }

    /// As [`Walkthrough::start`]; with settings for that, load balancers carry traffic and pods are processes that answer.
    pub async fn start_with(progress: Progress, traffic: Option<PlaneSettings>) -> Result<Self> {
        let pods = if traffic.is_some() { Pods::Processes } else { Pods::Kwok };
        let aws = Arc::new(Aws::start_with(traffic).await?);
        let cluster = progress.watch("the control plane answers", Cluster::start_with(pods)).await?;
        let cluster = Arc::new(cluster);
        cluster.join(&aws.nodes()).await?;
        let nodes = cluster.kubectl(&["wait", "node", "--all", "--for=condition=Ready", "--timeout=60s"]);
        progress.watch("three nodes are ready, one in each zone", async { nodes.await?.expect_ok() }).await?;
        let kubelet = match aws.plane() {
            Some(plane) => Some(Kubelet::start(&cluster, plane.network()).await?),
            None => None,
        };
        let chart = crate::assets::chart();
        Ok(Self {
            controller: None,
            kubelet,
            cluster,
            aws,
            progress,
            binary: None,
            chart,
            patience: PATIENCE,
        })
    }

    /// Performs some of the steps.
    pub async fn run(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            (step.run)(self).await.map_err(|error| error.context(step.title))?;
        }
        Ok(())
    }

    /// Waits until `probe` is content, and says so.
    async fn expect<T, F, P>(&self, what: &str, probe: P) -> Result<T>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<T>>,
    {
        self.progress.watch(what, eventually(what, self.patience, probe)).await
    }

    async fn launch(&mut self) -> Result<()> {
        let controller = self.launch_replica("controller").await?;
        self.controller = Some(Arc::new(Mutex::new(controller)));
        Ok(())
    }

    /// Starts one more replica of the installed release and waits until it is ready.
    pub async fn launch_replica(&self, replica: &str) -> Result<ControllerProcess> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => crate::assets::controller_binary()?,
        };
        let release = Release { namespace: NAMESPACE, deployment: RELEASE, binary: &binary, replica };
        // Nothing but what a pod would find in its environment: credentials come from there, all else from the chart.
        // The simulator's log tells replicas apart by their keys.
        let env = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID".to_owned(), replica.to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "demo".to_owned()),
        ]);
        let mut controller = ControllerProcess::from_release(&self.cluster, &release, &env).await?;
        controller.ready(self.patience).await?;
        Ok(controller)
    }

    /// `kubectl apply`, again while a webhook is away, as a user would.
    pub(crate) async fn apply(&self, manifests: &str) -> Result<()> {
        let applied = eventually("kubectl apply", self.patience, || async {
            let said = self.cluster.try_apply(manifests).await?;
            ensure!(said.ok || !said.stderr.contains("failed calling webhook"), "{}", said.stderr);
            Ok(said)
        });
        applied.await?.expect_ok().map(drop)
    }

    /// Whether everything still runs; the log of what does not.
    pub async fn check(&self) -> Result<()> {
        self.cluster.check()?;
        let controller = self.controller.as_ref().context("the controller was never started")?;
        controller.lock().await.check()
    }
}
