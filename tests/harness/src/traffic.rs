//! How many requests are lost while things change: `make traffic`.
//!
//! Every scenario runs on a namespace of its own: pods behind an NLB and an ALB, with readiness gates; a load of requests, half of
//! them on connections of their own and half on kept ones; a change; and then what became of the requests.

mod report;
mod scenarios;

pub use report::{Results, write_table};
pub use scenarios::{SCENARIOS, Scenario};

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_load_balancer_controller::aws_api::elbv2::TargetHealthState;
use tokio::sync::Mutex;

use crate::{
    load::{Load, Report},
    wait::eventually,
    walkthrough::Walkthrough,
};

/// Requests a second.
pub const RATE: u32 = 200;
/// How long a load goes on after everything has come to rest.
const REST: Duration = Duration::from_secs(3);

const BEGINNING: &str = include_str!("../manifests/traffic.yaml");
const DEPLOYMENT: &str = include_str!("../manifests/traffic-deployment.yaml");

/// Which load balancer requests go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The NLB of the Service.
    Nlb,
    /// The ALB of the Ingress.
    Alb,
}

/// Where a scenario runs.
#[derive(Debug)]
pub struct Stage<'a> {
    /// Cluster, AWS and controller.
    pub walk: &'a Walkthrough,
    /// The namespace.
    pub namespace: String,
    front: Front,
    drain: bool,
}

impl Stage<'_> {
    /// Runs one scenario in a namespace of its own.
    pub async fn play(walk: &Walkthrough, scenario: &Scenario, drain: bool) -> Result<Report> {
        let stage = Stage { walk, namespace: scenario.id.to_owned(), front: scenario.front, drain };
        stage.set_up(scenario.replicas).await.context("setting up")?;
        let aim = walk.aim(&stage.hostname().await?).context("the load balancers carry no traffic")?;
        eventually("requests are answered", walk.patience, || aim.ask()).await?;
        let load = Load::start(aim, RATE);
        tokio::time::sleep(REST).await;
        let done = (scenario.change)(&stage).await;
        let rested = match done {
            Ok(pods) => stage.rest(pods).await,
            Err(error) => Err(error),
        };
        tokio::time::sleep(REST).await;
        let report = load.stop().await;
        rested?;
        let gone = ["delete", "namespace", &stage.namespace, "--wait=true", "--timeout=180s"];
        walk.cluster.kubectl(&gone).await?.expect_ok()?;
        Ok(report)
    }

    async fn set_up(&self, replicas: usize) -> Result<()> {
        let drain = if self.drain { "enabled" } else { "disabled" };
        let beginning = BEGINNING.replace("${NAMESPACE}", &self.namespace).replace("${DRAIN}", drain);
        self.walk.apply(&beginning).await?;
        eventually("the load balancers have names", self.walk.patience, || async {
            self.walk.service_hostname(&self.namespace, "nlb").await?;
            self.walk.ingress_hostname(&self.namespace, "alb").await
        })
        .await?;
        self.deploy("blue", replicas).await?;
        self.rest(replicas).await
    }

    /// Pods with a name, which also is their label `app`.
    pub async fn deploy(&self, name: &str, replicas: usize) -> Result<()> {
        let filled = DEPLOYMENT.replace("${NAMESPACE}", &self.namespace).replace("${NAME}", name);
        self.walk.apply(&filled.replace("${REPLICAS}", &replicas.to_string())).await?;
        self.rolled_out(name).await
    }

    /// Waits until a Deployment has its pods.
    pub async fn rolled_out(&self, name: &str) -> Result<()> {
        self.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=300s"]).await.map(drop)
    }

    /// Runs `kubectl` in the namespace.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        let all = [&["--namespace", &self.namespace], args].concat();
        self.walk.cluster.kubectl(&all).await?.expect_ok()
    }

    async fn hostname(&self) -> Result<String> {
        match self.front {
            Front::Nlb => self.walk.service_hostname(&self.namespace, "nlb").await,
            Front::Alb => self.walk.ingress_hostname(&self.namespace, "alb").await,
        }
    }

    /// Waits until so many pods are healthy targets, and nothing else is a target.
    async fn rest(&self, pods: usize) -> Result<()> {
        eventually("all targets are healthy", Duration::from_mins(5), || async {
            let balancer = self.walk.balancer_of(&self.hostname().await?)?;
            let groups = self.walk.aws.target_groups()?;
            let mut healthy = 0;
            for group in groups.iter().filter(|group| group.load_balancer_arns.contains(&balancer.arn)) {
                let targets = self.walk.aws.targets(&group.arn)?;
                let all = targets.values().all(|state| *state == TargetHealthState::Healthy);
                ensure!(all, "{targets:?}");
                healthy += targets.len();
            }
            ensure!(healthy == pods, "{healthy} targets for {pods} pods");
            Ok(())
        })
        .await
    }

    /// The controller.
    pub fn controller(&self) -> Result<Arc<Mutex<crate::ControllerProcess>>> {
        self.walk.controller.clone().context("there is no controller")
    }
}
