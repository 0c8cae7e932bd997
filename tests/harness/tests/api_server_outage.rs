//! The API server goes away and comes back: the controller stays, serves, and goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::{
    eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use serde_json::json;

/// Longer than a leader leads without renewing its lease.
const AWAY: Duration = Duration::from_secs(15);
/// From the return of the API server until what is changed then is done. It is long because the informers of the controller
/// manager, which makes the third pod, wait up to a minute before they ask an API server again that was away.
const PATIENCE: Duration = Duration::from_mins(5);

fn review() -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "name": "web", "namespace": "default",
            "kind": {"group": "", "version": "v1", "kind": "Service"},
            "resource": {"group": "", "version": "v1", "resource": "services"},
            "object": {
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
            },
        },
    })
    .to_string()
}

fn leads(metrics: &str) -> bool {
    metrics.lines().any(|line| line.starts_with("leader_election_master_status{") && line.ends_with(" 1"))
}

async fn outlive(walk: &mut Walkthrough) -> Result<()> {
    walk.install().await?;
    walk.expose_echo().await?;
    let shared = walk.controller.clone().context("a controller runs")?;
    let controller = shared.lock().await;
    let pid = controller.pid();

    let server = walk.cluster.kill("kube-apiserver").await?;
    let gone = Instant::now();
    eventually("it leads no more", AWAY, || async {
        let (status, answer) = controller.ask_webhook("/mutate-v1-service", &review()).await?;
        ensure!(status == 200 && answer.contains("\"allowed\":true"), "a webhook answers {status}: {answer}");
        ensure!(controller.readiness().await? == 200, "it is not ready");
        ensure!(!leads(&controller.metrics().await?), "it leads");
        Ok(())
    })
    .await?;
    let writes = walk.aws.count_calls().writes;
    eventually("it is away for long", 2 * AWAY, || async {
        ensure!(walk.aws.count_calls().writes == writes, "it writes without a lease");
        ensure!(gone.elapsed() > AWAY, "not yet");
        Ok(())
    })
    .await?;
    ensure!(walk.aws.count_calls().writes == writes, "it writes without a lease");

    server.start().await?;
    let back = Instant::now();
    eventually("it leads again", PATIENCE, || async {
        ensure!(leads(&controller.metrics().await?), "it does not lead yet");
        Ok(())
    })
    .await?;
    drop(controller);
    walk.patience = PATIENCE;
    walk.scale_echo().await?;
    eprintln!("{:?} after the API server was back, new targets were registered", back.elapsed());
    let mut controller = shared.lock().await;
    controller.check()?;
    ensure!(controller.pid() == pid, "it was started anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_outlives_its_api_server_and_serves_meanwhile() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    let cluster = Arc::clone(&walk.cluster);
    if let Err(error) = outlive(&mut walk).await {
        cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", cluster.logs().display());
    }
}
