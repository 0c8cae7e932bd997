//! The rollout of pods with readiness gates: never Ready before AWS says healthy.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, Result, ensure};
use aws_load_balancer_controller::aws_api::elbv2::{TargetGroup, TargetHealthState};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};

use super::{Walkthrough, steps::is_ready};
use crate::wait::ticks;

const SERVICE: &str = include_str!("../../manifests/shop-service.yaml");
const DEPLOYMENT: &str = include_str!("../../manifests/shop-deployment.yaml");

/// Every gate of the controller begins so; the name of the binding follows.
const GATE: &str = "target-health.elbv2.k8s.aws/";

/// How many pods the Deployment has.
const REPLICAS: usize = 2;

/// What a look at all pods found.
#[derive(Debug, Default)]
struct Watch {
    /// Pods that ran with a closed gate, and so were not Ready.
    held_back: BTreeSet<String>,
    /// Pods that became Ready.
    ready: BTreeSet<String>,
}

impl Walkthrough {
    /// Step 6: no pod is Ready before its load balancer has found it healthy.
    pub async fn roll_out_shop(&mut self) -> Result<()> {
        self.apply(SERVICE).await?;
        let hostname =
            self.expect("its Service has a hostname", || self.service_hostname("shop", "shop")).await?;
        let group = self.only_target_group(&self.balancer_of(&hostname)?)?;
        self.apply(DEPLOYMENT).await?;
        let first = self
            .watch_pods("pods wait at their gate until AWS finds them healthy", &group, &BTreeSet::new())
            .await?;
        let load = self.load(&hostname).await?;
        let restart = ["rollout", "restart", "deployment/shop", "-n", "shop"];
        self.cluster.kubectl(&restart).await?.expect_ok()?;
        let second =
            self.watch_pods("a rollout never has fewer than two healthy targets", &group, &first).await?;
        ensure!(first.is_disjoint(&second), "the rollout kept pods");
        let status = ["rollout", "status", "deployment/shop", "-n", "shop", "--timeout=60s"];
        self.cluster.kubectl(&status).await?.expect_ok()?;
        if let Some(load) = load {
            let report = load.stop().await;
            ensure!(report.failed() == 0, "the rollout lost requests: {:?}", report.failures);
            let gap = report.longest_gap.as_millis();
            self.progress.note(&format!(
                "{} requests during the rollout, 0 failed; the longest time without an answer: {gap} ms",
                report.requests
            ));
        }
        self.check().await
    }

    /// Follows the pods until all that are not `old` are Ready and the old ones are gone; returns the new ones.
    async fn watch_pods(
        &self,
        what: &str,
        group: &TargetGroup,
        old: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        let (started, mut ticks, mut watch) = (Instant::now(), ticks(), Watch::default());
        let found = self.progress.watch(what, async {
            loop {
                ticks.tick().await;
                let now = self.look_at_pods(group, &mut watch).await?;
                if now.len() == REPLICAS && now.is_disjoint(old) && now.is_subset(&watch.ready) {
                    break Ok(now);
                }
                ensure!(started.elapsed() < self.patience, "not within {:?}: {watch:?}", self.patience);
                if !old.is_empty() {
                    self.check_capacity(group)?;
                }
            }
        });
        let pods = found.await?;
        let unseen: Vec<_> = pods.difference(&watch.held_back).collect();
        ensure!(unseen.is_empty(), "pods that never waited at their gate: {unseen:?}");
        Ok(pods)
    }

    async fn look_at_pods(&self, group: &TargetGroup, watch: &mut Watch) -> Result<BTreeSet<String>> {
        let pods = self.shop_pods().list(&ListParams::default()).await?;
        let mut alive = BTreeSet::new();
        for pod in &pods.items {
            let name = pod.metadata.name.clone().context("a pod without a name")?;
            let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
            let gated = gates.into_iter().any(|gate| gate.condition_type.starts_with(GATE));
            ensure!(gated, "pod {name} has no readiness gate");
            if is_ready(pod) {
                self.check_healthy(group, pod, &name).await?;
                watch.ready.insert(name.clone());
            } else if pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running")) {
                watch.held_back.insert(name.clone());
            }
            alive.insert(name);
        }
        Ok(alive)
    }

    /// A Ready pod is healthy in AWS, unless it is on its way out.
    async fn check_healthy(&self, group: &TargetGroup, pod: &Pod, name: &str) -> Result<()> {
        let address = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .context("a Ready pod without an address")?;
        let state = self.aws.targets(&group.arn)?.remove(&address);
        if state == Some(TargetHealthState::Healthy) {
            return Ok(());
        }
        // why: the pod may have begun to end after it was listed.
        let now = self.shop_pods().get_opt(name).await?;
        let ending = now.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some());
        ensure!(ending, "pod {name} is Ready while its target {address} is {state:?}");
        Ok(())
    }

    fn check_capacity(&self, group: &TargetGroup) -> Result<()> {
        let targets = self.aws.targets(&group.arn)?;
        let healthy = targets.values().filter(|state| **state == TargetHealthState::Healthy).count();
        ensure!(healthy >= REPLICAS, "only {healthy} healthy targets during the rollout: {targets:?}");
        Ok(())
    }

    fn shop_pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client(), "shop")
    }
}
