//! What clients see, where load balancers carry traffic.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};

use super::Walkthrough;
use crate::{
    load::{Aim, Load},
    wait::eventually,
};

const PATHS: &str = include_str!("../../manifests/paths.yaml");

/// Requests of a count.
const REQUESTS: usize = 100;
/// Requests that a canary is measured by.
const MEASURED: usize = 1000;
/// Requests a second of a load.
const RATE: u32 = 100;
/// The longest bar.
const BAR: usize = 50;

impl Walkthrough {
    /// Step 5: one ALB, two Services.
    pub async fn route(&mut self) -> Result<()> {
        self.apply(PATHS).await?;
        let hostname =
            self.expect("the Ingress has a hostname", || self.ingress_hostname("paths", "paths")).await?;
        self.progress.note(&hostname);
        let Some(root) = self.aim(&hostname) else { return self.check().await };
        for (path, selector) in [("/blue", "app=blue"), ("/green", "app=green")] {
            let pods = self.pod_names(selector).await?;
            let aim = Aim { path: path.to_owned(), ..root.clone() };
            self.expect(&format!("requests for {path} are answered"), || aim.ask()).await?;
            let counts = aim.count(REQUESTS).await?;
            self.progress.note(&format!("{REQUESTS} requests for {path}"));
            self.show(&counts);
            ensure!(counts.keys().all(|name| pods.contains(name)), "{path}: {counts:?} of {pods:?}");
        }
        self.measure_canary(&root).await?;
        self.check().await
    }

    async fn measure_canary(&self, aim: &Aim) -> Result<()> {
        let blue = self.pod_names("app=blue").await?;
        let mut versions = BTreeMap::new();
        for (pod, count) in aim.count(MEASURED).await? {
            let version = if blue.contains(&pod) { "blue (weight 90)" } else { "green (weight 10)" };
            *versions.entry(version.to_owned()).or_default() += count;
        }
        self.progress.note(&format!("{MEASURED} requests for /"));
        self.show(&versions);
        let green = versions.get("green (weight 10)").copied().unwrap_or_default();
        // why: 30 is more than three standard deviations of a thousand draws at a tenth
        ensure!(green.abs_diff(MEASURED / 10) <= 30, "the canary got {green} of {MEASURED}");
        Ok(())
    }

    /// Sends requests through a load balancer, and shows which pods answered; all have to.
    pub(super) async fn count_requests(&self, hostname: &str, selector: &str, pods: usize) -> Result<()> {
        let Some(aim) = self.aim(hostname) else { return Ok(()) };
        let all = eventually("every pod answers", self.patience, || async {
            let counts = aim.count(REQUESTS).await?;
            ensure!(counts.len() == pods, "only {counts:?} answer");
            Ok(counts)
        });
        let what = format!("{REQUESTS} requests through the load balancer are answered by {pods} pods");
        let counts = self.progress.watch(&what, all).await?;
        self.show(&counts);
        let known = self.pod_names(selector).await?;
        ensure!(counts.keys().all(|name| known.contains(name)), "{counts:?} are not all of {known:?}");
        Ok(())
    }

    /// A load on a load balancer, once that answers.
    pub(super) async fn load(&self, hostname: &str) -> Result<Option<Load>> {
        let Some(aim) = self.aim(hostname) else { return Ok(None) };
        self.expect("requests are answered", || aim.ask()).await?;
        Ok(Some(Load::start(aim, RATE)))
    }

    /// Port 80 of a load balancer; nothing where load balancers carry no traffic.
    pub fn aim(&self, hostname: &str) -> Option<Aim> {
        let plane = self.aws.plane()?.clone();
        Some(Aim { plane, dns_name: hostname.to_owned(), port: 80, path: "/".to_owned() })
    }

    async fn pod_names(&self, selector: &str) -> Result<Vec<String>> {
        let pods = Api::<Pod>::all(self.cluster.client());
        let pods = pods.list(&ListParams::default().labels(selector)).await.context("listing pods")?;
        Ok(pods.iter().map(ResourceExt::name_any).collect())
    }

    fn show(&self, counts: &BTreeMap<String, usize>) {
        let most = counts.values().max().copied().unwrap_or(1).max(1);
        let width = counts.keys().map(String::len).max().unwrap_or_default();
        for (name, count) in counts {
            let bar = "█".repeat((count * BAR).div_ceil(most));
            self.progress.note(&format!("{name:width$} {count:>4} {bar}"));
        }
    }
}
