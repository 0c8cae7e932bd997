//! The steps of the walk-through, one function each.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_load_balancer_controller::aws_api::elbv2::{
    LoadBalancer, LoadBalancerType, Protocol, Scheme, TargetGroup, TargetType,
};
use k8s_openapi::api::{
    core::v1::{LoadBalancerStatus, Pod, Service},
    networking::v1::Ingress,
};
use kube::{Api, api::ListParams};
use std::time::Duration;

use super::{NAMESPACE, RELEASE, Walkthrough};
use crate::wait::eventually;

const ECHO: &str = include_str!("../../manifests/echo.yaml");
const GAME: &str = include_str!("../../manifests/game-2048.yaml");
const TYPO: &str = include_str!("../../manifests/typo.yaml");

/// Nobody pulls it: the walk-through runs the binary that was built.
const IMAGE: &str = "image.repository=registry.example.com/aws-load-balancer-controller";

/// The annotation that the typing mistake is in.
const SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";

/// The columns of `kubectl get targetgroupbindings`.
const COLUMNS: [&str; 5] = ["NAME", "SERVICE-NAME", "SERVICE-PORT", "TARGET-TYPE", "AGE"];

/// How Helm is told a value: as what it looks like if it is a boolean, else as a text.
fn set_flag(value: &str) -> &'static str {
    if value.ends_with("=true") { "--set" } else { "--set-string" }
}

impl Walkthrough {
    /// Step 1: what the chart renders is what runs.
    pub async fn install(&mut self) -> Result<()> {
        self.install_with(&[]).await
    }

    /// Step 1, with more chart values, such as `syncPeriod=20s`.
    pub async fn install_with(&mut self, values: &[&str]) -> Result<()> {
        let started = Instant::now();
        let chart = self.chart.display().to_string();
        let vpc = format!("vpcId={}", self.aws.vpc_id());
        let endpoint = format!("env.AWS_ENDPOINT_URL={}", self.aws.endpoint());
        let sets = ["clusterName=demo", "region=us-west-2", IMAGE, &vpc, &endpoint];
        let mut args = vec!["install", RELEASE, &chart, "--namespace", NAMESPACE];
        args.extend(sets.iter().chain(values).flat_map(|set| [set_flag(set), *set]));
        self.progress.watch("helm install", async { self.cluster.helm(&args).await?.expect_ok() }).await?;
        let launched = Instant::now();
        self.launch().await?;
        self.progress.tick("the controller is ready, as the chart's ServiceAccount", launched.elapsed());
        self.expect("its webhooks answer the API server", || async {
            // Only a dry run: the question is whether the API server reaches the webhook at all.
            let probe = ["create", "service", "loadbalancer", "probe", "--tcp=80", "--dry-run=server"];
            self.cluster.kubectl(&probe).await?.expect_ok()
        })
        .await?;
        ensure!(started.elapsed() < self.patience, "installing took {:?}", started.elapsed());
        Ok(())
    }

    /// Step 2: the first walk-through.
    pub async fn expose_echo(&mut self) -> Result<()> {
        self.apply(ECHO).await?;
        let hostname = self
            .expect("the Service has a hostname", || self.service_hostname("default", "svc-nlb-ip-type"))
            .await?;
        self.progress.note(&hostname);
        let balancer = self.balancer_of(&hostname)?;
        ensure!(balancer.kind == LoadBalancerType::Network, "it is of kind {}", balancer.kind);
        ensure!(balancer.scheme == Scheme::InternetFacing, "its scheme is {}", balancer.scheme);
        ensure!(!balancer.security_groups.is_empty(), "it has no security group");
        let group = self.only_target_group(&balancer)?;
        ensure!(group.target_type == TargetType::Ip, "its targets are of type {}", group.target_type);
        ensure!(
            group.health_check.port.as_deref() == Some("8080"),
            "its health check is {:?}",
            group.health_check
        );
        self.check_listener(&balancer, &Protocol::Tcp)?;
        self.expect("both pods are its targets", || {
            self.targets_are_pods(&group, "default", "app=deploy-websrv", 2)
        })
        .await?;
        let table = self.cluster.kubectl(&["get", "targetgroupbindings"]).await?.expect_ok()?;
        self.progress.note(&table);
        let columns: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
        ensure!(columns == COLUMNS, "the columns are {columns:?}");
        self.count_requests(&hostname, "app=deploy-websrv", 2).await?;
        self.check().await
    }

    /// Step 3: a new pod gets traffic at once.
    pub async fn scale_echo(&mut self) -> Result<()> {
        let hostname = self.service_hostname("default", "svc-nlb-ip-type").await?;
        let group = self.only_target_group(&self.balancer_of(&hostname)?)?;
        let scale = ["scale", "deployment/deploy-echo", "--replicas=3"];
        self.cluster.kubectl(&scale).await?.expect_ok()?;
        let ready = eventually("the third pod is ready", self.patience, || async {
            ensure!(
                self.ready_addresses("default", "app=deploy-websrv").await?.len() == 3,
                "it is not ready"
            );
            Ok(Instant::now())
        });
        let registered = eventually("the third pod is a target", self.patience, || async {
            ensure!(self.aws.targets(&group.arn)?.len() == 3, "it is no target");
            Ok(Instant::now())
        });
        let (ready, registered) = tokio::try_join!(ready, registered)?;
        let lag = registered.saturating_duration_since(ready);
        self.progress.tick("the third pod became a target after it was ready, within", lag);
        self.targets_are_pods(&group, "default", "app=deploy-websrv", 3).await?;
        self.count_requests(&hostname, "app=deploy-websrv", 3).await
    }

    /// Step 4: the second walk-through.
    pub async fn expose_game(&mut self) -> Result<()> {
        self.apply(GAME).await?;
        let hostname = self
            .expect("the Ingress has a hostname", || self.ingress_hostname("game-2048", "ingress-2048"))
            .await?;
        self.progress.note(&hostname);
        let balancer = self.balancer_of(&hostname)?;
        ensure!(balancer.kind == LoadBalancerType::Application, "it is of kind {}", balancer.kind);
        ensure!(balancer.scheme == Scheme::InternetFacing, "its scheme is {}", balancer.scheme);
        let group = self.only_target_group(&balancer)?;
        let listener = self.check_listener(&balancer, &Protocol::Http)?;
        let rules = self.aws.rules(&listener)?;
        ensure!(rules.len() == 1, "expected one rule besides the default one, found {}", rules.len());
        let selector = "app.kubernetes.io/name=app-2048";
        self.expect("its pods are its targets", || self.targets_are_pods(&group, "game-2048", selector, 3))
            .await?;
        self.count_requests(&hostname, selector, 3).await?;
        self.check().await
    }

    /// Step 7: the mistake is explained where it is made.
    pub async fn mistype(&mut self) -> Result<()> {
        let refusal = self.cluster.try_apply(TYPO).await?.expect_refusal()?;
        self.progress.note(refusal.trim());
        for part in [SCHEME, "internet-facng", "internal", "internet-facing"] {
            ensure!(refusal.contains(part), "the refusal does not name {part}: {refusal}");
        }
        self.progress
            .tick("kubectl apply was refused, with the annotation and the nearest value", Duration::ZERO);
        self.check().await
    }

    /// Step 8: nothing stays behind.
    pub async fn clean_up(&mut self) -> Result<()> {
        let own = ["service/svc-nlb-ip-type", "deployment/deploy-echo"];
        self.delete("default", &own).await?;
        self.delete(
            "game-2048",
            &["ingress/ingress-2048", "service/service-2048", "deployment/deployment-2048"],
        )
        .await?;
        self.delete("shop", &["service/shop", "deployment/shop"]).await?;
        self.delete("paths", &["ingress/paths", "service/blue", "service/green"]).await?;
        self.delete("paths", &["deployment/blue", "deployment/green"]).await?;
        self.expect("finalizers are gone, and the objects with them", || async {
            let query = ["get", "services,ingresses,targetgroupbindings", "-A", "-o", "name"];
            let names = self.cluster.kubectl(&query).await?.expect_ok()?;
            let left: Vec<&str> = names.lines().filter(|name| !is_of_the_cluster(name)).collect();
            ensure!(left.is_empty(), "left in Kubernetes: {}", left.join(", "));
            Ok(())
        })
        .await?;
        self.expect("no load balancer, target group, rule or security group is left", || async {
            let left = self.aws.leftovers()?;
            ensure!(left.is_empty(), "left in AWS: {}", left.join(", "));
            Ok(())
        })
        .await?;
        self.check().await
    }

    pub(crate) async fn service_hostname(&self, namespace: &str, name: &str) -> Result<String> {
        let service = Api::<Service>::namespaced(self.cluster.client(), namespace).get(name).await?;
        read_hostname(service.status.and_then(|status| status.load_balancer))
    }

    pub(crate) async fn ingress_hostname(&self, namespace: &str, name: &str) -> Result<String> {
        let ingress = Api::<Ingress>::namespaced(self.cluster.client(), namespace).get(name).await?;
        let points = ingress.status.and_then(|status| status.load_balancer).and_then(|status| status.ingress);
        let hostname = points.into_iter().flatten().find_map(|point| point.hostname);
        hostname.context("its status has no hostname")
    }

    /// The load balancer whose DNS name ExternalDNS would find in the status.
    pub(crate) fn balancer_of(&self, hostname: &str) -> Result<LoadBalancer> {
        let found = self
            .aws
            .load_balancers()?
            .into_iter()
            .find(|balancer| balancer.dns_name.eq_ignore_ascii_case(hostname));
        found.with_context(|| format!("no load balancer has the DNS name {hostname}"))
    }

    pub(super) fn only_target_group(&self, balancer: &LoadBalancer) -> Result<TargetGroup> {
        let mut groups = self.aws.target_groups()?;
        groups.retain(|group| group.load_balancer_arns.contains(&balancer.arn));
        match <[TargetGroup; 1]>::try_from(groups) {
            Ok([group]) => Ok(group),
            Err(groups) => bail!("{} has {} target groups, expected one", balancer.name, groups.len()),
        }
    }

    fn check_listener(&self, balancer: &LoadBalancer, protocol: &Protocol) -> Result<String> {
        let listeners = self.aws.listeners(&balancer.arn)?;
        let found = listeners.iter().find(|listener| listener.port == 80 && listener.protocol == *protocol);
        let found =
            found.with_context(|| format!("no listener for {protocol} on port 80 among {listeners:?}"))?;
        Ok(found.arn.clone())
    }

    async fn targets_are_pods(
        &self,
        group: &TargetGroup,
        namespace: &str,
        selector: &str,
        count: usize,
    ) -> Result<()> {
        let pods = self.ready_addresses(namespace, selector).await?;
        let targets: BTreeSet<String> = self.aws.targets(&group.arn)?.into_keys().collect();
        ensure!(pods.len() == count && pods == targets, "the pods are {pods:?}, the targets {targets:?}");
        Ok(())
    }

    /// The addresses of the ready pods.
    async fn ready_addresses(&self, namespace: &str, selector: &str) -> Result<BTreeSet<String>> {
        let pods = Api::<Pod>::namespaced(self.cluster.client(), namespace);
        let pods = pods.list(&ListParams::default().labels(selector)).await?;
        Ok(pods
            .items
            .iter()
            .filter(|pod| is_ready(pod))
            .filter_map(|pod| pod.status.as_ref()?.pod_ip.clone())
            .collect())
    }

    async fn delete(&self, namespace: &str, names: &[&str]) -> Result<()> {
        let args =
            [&["delete", "--wait=false", "--ignore-not-found", "--namespace", namespace], names].concat();
        self.cluster.kubectl(&args).await?.expect_ok()?;
        Ok(())
    }
}

/// Whether a pod has the condition Ready.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn read_hostname(status: Option<LoadBalancerStatus>) -> Result<String> {
    let points = status.and_then(|status| status.ingress);
    points.into_iter().flatten().find_map(|point| point.hostname).context("its status has no hostname")
}

/// Whether an object is there with or without us.
fn is_of_the_cluster(name: &str) -> bool {
    name == "service/kubernetes" || name.starts_with("service/aws-load-balancer-")
}
