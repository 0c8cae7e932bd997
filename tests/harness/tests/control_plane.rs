//! The harness itself: what a test may rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use harness::{Cluster, FakeNode, assets::chart, eventually, release::Workload};

fn nodes() -> Vec<FakeNode> {
    let node = |letter: char, third: u8| FakeNode {
        name: format!("node-{letter}"),
        zone: format!("us-west-2{letter}"),
        provider_id: format!("aws:///us-west-2{letter}/i-0123456789abcdef{third}"),
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
    let cluster = Cluster::start().await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_installs_and_tells_how_to_run_the_controller() {
    let cluster = Cluster::start().await.unwrap();
    let (name, chart) = ("aws-load-balancer-controller", chart().display().to_string());
    let sets = "clusterName=test,image.repository=registry.example.com/controller,vpcId=vpc-0123456789abcdef0,region=us-west-2";
    let install = ["install", name, &chart, "--namespace", "kube-system", "--set", sets];
    cluster.helm(&install).await.unwrap().expect_ok().unwrap();

    let workload = Workload::read(&cluster.client(), "kube-system", name).await.unwrap();
    assert_eq!(workload.service_account, name);
    for argument in ["--cluster-name=test", "--aws-vpc-id=vpc-0123456789abcdef0", "--aws-region=us-west-2"] {
        assert!(workload.args.iter().any(|given| given == argument), "{:?}", workload.args);
    }
    let ports: Vec<u16> = workload.services.iter().map(|(_, port)| *port).collect();
    assert_eq!(ports, [9443], "{:?}", workload.services);

    let upgrade = ["upgrade", name, &chart, "--namespace", "kube-system", "--set", sets];
    cluster.helm(&upgrade).await.unwrap().expect_ok().unwrap();
    let uninstall = ["uninstall", name, "--namespace", "kube-system", "--wait", "--timeout=60s"];
    cluster.helm(&uninstall).await.unwrap().expect_ok().unwrap();
}

const WEBHOOK: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: hook, namespace: default}
spec:
  clusterIP: 172.20.0.77
  ports: [{port: 443}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- name: hook.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {service: {name: hook, namespace: default}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps], scope: Namespaced}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn webhook_calls_reach_the_endpoint_of_their_service() {
    let cluster = Cluster::start().await.unwrap();
    let endpoint = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    cluster.tunnel().add("172.20.0.77:443", endpoint.local_addr().unwrap());
    cluster.apply(WEBHOOK).await.unwrap();

    let call = async {
        let (mut stream, _) = endpoint.accept().await.unwrap();
        let mut first = [0];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first).await.unwrap();
        first[0]
    };
    // The API server takes a moment to notice the configuration; until then it asks nobody.
    let create = eventually("the webhook is asked", Duration::from_secs(30), || async {
        let name = format!("probe-{}", rand::random::<u32>());
        let created = cluster.kubectl(&["create", "configmap", &name]).await?;
        created.expect_refusal()
    });
    let tls_handshake = 0x16;
    let (first, refusal) = tokio::join!(call, create);
    assert_eq!(first, tls_handshake);
    assert!(refusal.unwrap().contains("hook.example.com"));
}
