//! The life of a release, with a load balancer that notices nothing: install, upgrade, rollback, uninstall; and the swap
//! with the Go controller's chart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use harness::{
    ControllerProcess,
    assets::{chart, repository},
    eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use tokio::sync::Mutex;

const LOG_IN: &str = include_str!("../manifests/log-in.yaml");
const RELEASE: &str = "aws-load-balancer-controller";
const NAMESPACE: &str = "kube-system";
const PATIENCE: Duration = Duration::from_mins(3);
/// Kinds of which a release or its controller make objects.
const KINDS: &str = "deployments,services,secrets,configmaps,leases,serviceaccounts,roles,rolebindings,clusterroles,\
                     clusterrolebindings,poddisruptionbudgets,ingressclasses,ingressclassparams,\
                     mutatingwebhookconfigurations,validatingwebhookconfigurations";

/// A release on a control plane, and whoever runs in its pod.
struct Life {
    walk: Walkthrough,
    /// What was there before.
    given: BTreeSet<String>,
}

impl Life {
    async fn begin() -> Result<Self> {
        let walk = Walkthrough::start(Progress::silent()).await?;
        // The definitions stay when a release goes, so they are there before it comes.
        let definitions = chart().join("crds").display().to_string();
        walk.cluster.kubectl(&["apply", "--server-side", "-f", &definitions]).await?.expect_ok()?;
        let mut this = Self { walk, given: BTreeSet::new() };
        this.given = eventually("definitions are served", PATIENCE, || this.objects()).await?;
        Ok(this)
    }

    /// Objects that a release may have made, by kind and name.
    async fn objects(&self) -> Result<BTreeSet<String>> {
        let all = self.walk.cluster.kubectl(&["get", KINDS, "-A", "-o", "name"]).await?.expect_ok()?;
        Ok(all.lines().map(str::to_owned).collect())
    }

    /// Objects that were not there before.
    async fn made(&self) -> Result<BTreeSet<String>> {
        Ok(self.objects().await?.difference(&self.given).cloned().collect())
    }

    async fn helm(&self, args: &[&str]) -> Result<String> {
        self.walk.cluster.helm(&[args, &["-n", NAMESPACE]].concat()).await?.expect_ok()
    }

    async fn upgrade_to(&self, chart: &Path, more: &[&str]) -> Result<String> {
        let chart = chart.display().to_string();
        self.helm(&[&["upgrade", "--install", RELEASE, &chart], more].concat()).await
    }

    /// Ends the controller as kubelet would.
    async fn stop(&mut self) -> Result<()> {
        let former = self.walk.controller.take().context("no controller runs")?;
        let status = former.lock().await.terminate(PATIENCE).await?;
        ensure!(status.success(), "the controller ended with {status}");
        Ok(())
    }

    /// Starts the controller as the release has it now; answers its arguments.
    async fn start(&mut self, replica: &str) -> Result<Vec<String>> {
        let replica: ControllerProcess = self.walk.launch_replica(replica).await?;
        let args = replica.args();
        self.walk.controller = Some(Arc::new(Mutex::new(replica)));
        Ok(args)
    }

    /// Upgrades to our chart with a values file, and with what says where the simulated AWS is.
    async fn take_over(&mut self, values: &str, replica: &str) -> Result<()> {
        let vpc = format!("vpcId={}", self.walk.aws.vpc_id());
        let endpoint = format!("env.AWS_ENDPOINT_URL={}", self.walk.aws.endpoint());
        let more = ["--values", values, "--set-string", &vpc, "--set-string", &endpoint];
        self.upgrade_to(&chart(), &more).await?;
        self.start(replica).await?;
        eventually("its webhooks answer", PATIENCE, || async {
            let probe = ["create", "service", "loadbalancer", "probe", "--tcp=80", "--dry-run=server"];
            self.walk.cluster.kubectl(&probe).await?.expect_ok()
        })
        .await
        .map(drop)
    }

    /// How often the controller wrote to AWS until it was content.
    async fn writes(&self) -> Result<usize> {
        Ok(self.walk.aws.quiet(Duration::from_secs(3), PATIENCE).await?.writes)
    }

    /// Has users log in at an Ingress for a while: neither the log nor what is written down gives the client secret away.
    async fn log_in(&self) -> Result<()> {
        eventually("an Ingress is admitted", PATIENCE, || self.walk.cluster.apply(LOG_IN)).await?;
        let has_secret =
            |call: &aws_sim::Call| format!("{:?}", call.request).contains("https://id.example.com/token");
        eventually("AWS knows the identity provider", PATIENCE, || async {
            ensure!(self.walk.aws.sim().calls().iter().any(has_secret), "no such rule yet");
            Ok(())
        })
        .await?;
        self.writes().await?;
        let log = std::fs::read_to_string(
            self.walk.controller.as_ref().context("no controller")?.lock().await.log(),
        )?;
        let written = eventually("the Ingress is on the ledger", PATIENCE, || async {
            let query = ["get", "configmaps", "-A", "-o", "yaml"];
            let written = self.walk.cluster.kubectl(&query).await?.expect_ok()?;
            ensure!(written.contains("members/lounge"), "it is not");
            Ok(written)
        })
        .await?;
        for (place, text) in [("log", &log), ("ConfigMaps", &written)] {
            let told =
                ["nobody-shall-read-this", "our-client-id"].into_iter().find(|secret| text.contains(secret));
            ensure!(told.is_none(), "{told:?} stands in the {place}");
        }
        let is_create = |line: &&str| {
            line.contains(r#""msg":"AWS write""#) && line.contains(r#""operation":"CreateRule""#)
        };
        let line = log.lines().find(is_create).context("no line about the rule")?;
        for field in [r#""stack":"members/lounge""#, r#""why":""#, r#""request_id":""#] {
            ensure!(line.contains(field) && !line.contains(r#""request_id":"""#), "no {field} in {line}");
        }
        ensure!(log.contains("[REDACTED]"), "at debug the model is shown");
        self.walk
            .cluster
            .kubectl(&["delete", "namespace", "members", "--timeout=60s"])
            .await?
            .expect_ok()
            .map(drop)
    }

    /// What a dashboard shows of one Service with two pods.
    async fn measured(&self) -> Result<()> {
        let controller = self.walk.controller.as_ref().context("no controller")?;
        let metrics = controller.lock().await.metrics().await?;
        let expected: &[&[&str]] = &[
            &["leader_election_master_status{", "} 1"],
            &["awslbc_object_state{controller=\"service\"", "svc-nlb-ip-type", "synced", "} 1"],
            &["awslbc_object_state{controller=\"targetGroupBinding\"", "synced", "} 1"],
            &["awslbc_object_last_success_age_seconds{controller=\"service\"", "svc-nlb-ip-type"],
            &["awslbc_targets{", "state=\"desired\"} 2"],
            &["awslbc_targets{", "state=\"registered\"} 2"],
            &["awslbc_orphans{resource=\"load_balancer\"} 0"],
            &["awslbc_queue_age_seconds{controller=\"targetGroupBinding\"} 0"],
            &["awslbc_aws_tokens{service=\"Elastic Load Balancing v2\",operations=\"^Modify.*\"}"],
            &[
                "awslbc_controller_reconcile_stage_duration_count{controller=\"service\",reconcile_stage=\"*elbv2.loadBalancerSynthesizer\"}",
            ],
            &[
                "awslbc_controller_reconcile_stage_duration_count{controller=\"service\",reconcile_stage=\"DNS_resolve\"}",
            ],
            &["rest_client_requests_total{code=\"201\"", "method=\"POST\""],
            &["certwatcher_read_certificate_errors_total "],
            &["controller_runtime_terminal_reconcile_errors_total{controller=\"service\"} 0"],
            &["controller_runtime_reconcile_panics_total{controller=\"service\"} 0"],
            &["controller_runtime_webhook_requests_total{webhook=\"/mutate-v1-service\",code=\"200\"}"],
            &["controller_runtime_webhook_panics_total 0"],
            &["leader_election_slowpath_total{name=\"aws-load-balancer-controller-leader\"} 0"],
        ];
        for parts in expected {
            let is_it = |line: &str| parts.iter().all(|part| line.contains(part));
            ensure!(metrics.lines().any(is_it), "no {parts:?} in:\n{metrics}");
        }
        let reads = metrics.lines().find_map(|line| line.strip_prefix("certwatcher_read_certificate_total "));
        ensure!(
            reads.is_some_and(|reads| reads != "0"),
            "its certificate is in use, and was never looked at"
        );
        Ok(())
    }

    /// Waits until nothing is left that was not there before the release, but for what the user has made.
    async fn nothing_is_left(&self) -> Result<()> {
        eventually("nothing of the release is left", PATIENCE, || async {
            let left: Vec<_> = self.made().await?.into_iter().filter(|name| !is_of_user(name)).collect();
            ensure!(left.is_empty(), "left: {}", left.join(", "));
            Ok(())
        })
        .await
    }
}

/// Whether a test made it, or the cluster for it.
fn is_of_user(name: &str) -> bool {
    ["deploy-echo", "svc-nlb-ip-type", "kube-root-ca.crt", "serviceaccount/default"]
        .iter()
        .any(|known| name.ends_with(known))
}

/// Runs a test on a control plane of its own, and keeps the logs if it fails.
async fn live(test: impl AsyncFnOnce(&mut Life) -> Result<()>) {
    let mut life = Life::begin().await.unwrap();
    if let Err(error) = test(&mut life).await {
        life.walk.cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", life.walk.cluster.logs().display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_and_rollback_change_nothing_in_aws_and_uninstall_leaves_nothing() {
    live(async |life| {
        life.walk.install().await?;
        life.walk.expose_echo().await?;
        let before = life.writes().await?;
        ensure!(before > 0, "a load balancer was made");
        life.measured().await?;

        let more = "logLevel=debug,clusterSecretsPermissions.allowAllSecrets=true";
        life.upgrade_to(&chart(), &["--reset-then-reuse-values", "--set", more]).await?;
        life.stop().await?;
        let args = life.start("upgraded").await?;
        ensure!(args.contains(&"--log-level=debug".to_owned()), "{args:?}");
        ensure!(life.writes().await? == before, "an upgrade changes something in AWS");
        life.log_in().await?;
        let before = life.writes().await?;

        life.helm(&["rollback", RELEASE, "1"]).await?;
        life.stop().await?;
        let args = life.start("rolled-back").await?;
        ensure!(!args.contains(&"--log-level=debug".to_owned()), "{args:?}");
        ensure!(life.writes().await? == before, "a rollback changes something in AWS");

        life.walk.clean_up().await?;
        life.stop().await?;
        life.helm(&["uninstall", RELEASE, "--wait", "--timeout=60s"]).await?;
        life.nothing_is_left().await
    })
    .await;
}

/// The chart of `manifests/go-controller` renders what the Go controller's chart renders, as far as names, kinds, owners and
/// immutable fields go. `GO_CONTROLLER_CHART` names a folder with the real thing.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_the_go_controller_is_taken_over_with_its_values_and_given_back() {
    live(async |life| {
        let stand_in = repository().join("tests/harness/manifests/go-controller");
        let values = stand_in.join("values.yaml").display().to_string();
        let theirs = std::env::var_os("GO_CONTROLLER_CHART").map_or(stand_in, Into::into);
        // As values of the user, not as defaults of the chart.
        life.upgrade_to(&theirs, &["--values", &values]).await?;
        let of_theirs = life.made().await?;

        life.take_over(&values, "taken-over").await?;
        let of_ours = life.made().await?;
        let secret = "secret/aws-load-balancer-tls";
        let gone: Vec<_> =
            of_theirs.difference(&of_ours).filter(|name| !name.starts_with("secret/")).collect();
        ensure!(gone.is_empty(), "objects that were not taken over: {gone:?}");
        ensure!(!of_ours.contains(secret), "the former certificate is not ours to keep");
        life.walk.expose_echo().await?;
        let before = life.writes().await?;

        life.helm(&["rollback", RELEASE, "1"]).await?;
        let back = life.made().await?;
        let missing: Vec<_> = of_theirs.difference(&back).collect();
        ensure!(missing.is_empty(), "objects that a rollback does not bring back: {missing:?}");
        life.stop().await?;

        life.take_over(&values, "again").await?;
        ensure!(life.writes().await? == before, "going back and forth changes something in AWS");
        life.walk.clean_up().await?;
        life.stop().await?;
        life.helm(&["uninstall", RELEASE, "--wait", "--timeout=60s"]).await?;
        life.nothing_is_left().await
    })
    .await;
}
