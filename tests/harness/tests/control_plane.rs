//! The harness itself: what a test may rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use harness::{Cluster, FakeNode, eventually};

fn nodes() -> Vec<FakeNode> {
    let node = |letter: char, third: u8| FakeNode {
        name: format!("node-{letter}"),
        zone: format!("us-west-2{letter}"),
        instance_id: format!("i-0123456789abcdef{third}"),
        internal_ip: format!("10.0.{third}.10"),
        pod_cidr: format!("10.0.{}.0/22", third + 4),
    };
    vec![node('a', 64), node('b', 128), node('c', 192)]
}

const PODS: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 3
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      containers: [{name: echo, image: example/echo, ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec:
  readinessGates: [{conditionType: example.com/gate}]
  containers: [{name: echo, image: example/echo}]
";

const GATE: &str = r#"{"status":{"conditions":[{"type":"example.com/gate","status":"True"}]}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn pods_run_on_fake_nodes_and_are_ready_exactly_while_their_gates_are_open() {
    let started = std::time::Instant::now();
    let cluster = Cluster::start().await.unwrap();
    eprintln!("started within {:?}", started.elapsed());
    cluster.join(&nodes()).await.unwrap();
    cluster.apply(PODS).await.unwrap();

    let rollout = ["rollout", "status", "deployment/echo", "--timeout=60s"];
    cluster.kubectl(&rollout).await.unwrap().expect_ok().unwrap();
    let query = ["get", "pods", "-l", "app=echo", "-o", "jsonpath={range .items[*]}{.status.podIP} {end}"];
    let addresses = cluster.kubectl(&query).await.unwrap().expect_ok().unwrap();
    assert_eq!(addresses.split_whitespace().count(), 3, "{addresses}");
    assert!(addresses.split_whitespace().all(|address| address.starts_with("10.0.")), "{addresses}");

    let ready = || async {
        let query = [
            "get",
            "pod",
            "gated",
            "-o",
            "jsonpath={.status.phase} {.status.conditions[?(@.type=='Ready')].status}",
        ];
        cluster.kubectl(&query).await?.expect_ok()
    };
    let until = |wanted: &'static str| {
        eventually(wanted, Duration::from_secs(30), move || async move {
            let state = ready().await?;
            anyhow::ensure!(state == wanted, "{state}");
            Ok(())
        })
    };
    until("Running False").await.unwrap();
    let open = ["patch", "pod", "gated", "--subresource=status", "-p", GATE];
    cluster.kubectl(&open).await.unwrap().expect_ok().unwrap();
    until("Running True").await.unwrap();
    let close = ["patch", "pod", "gated", "--subresource=status", "-p", &GATE.replace("True", "False")];
    cluster.kubectl(&close).await.unwrap().expect_ok().unwrap();
    until("Running False").await.unwrap();
    let delete = ["delete", "pod", "gated", "--timeout=30s"];
    cluster.kubectl(&delete).await.unwrap().expect_ok().unwrap();
}
