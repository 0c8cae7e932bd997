//! In real time: how the built binary starts in a cluster of many pods, on one core.

use super::process::{Process, Surroundings};
use super::table::{head, row, time};
use anyhow::{Result, ensure};
use aws_load_balancer_controller::aws_api::elbv2::{CreateTargetGroup, Protocol, TargetType};
use aws_sim::contract::TestAccount;
use rig::{
    Options, Rig,
    api_server::{Served, Traffic},
    faults, fixtures,
    load::{self, service},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Pods behind each Service.
const PODS: usize = 10;
/// The share of pods that are behind Services, in hundredths: others are DaemonSets, jobs and what nobody reaches from outside.
const SERVED: usize = 80;
/// Nodes of the account: enough addresses for forty thousand pods.
const NODES: usize = 42;
/// Nothing has happened for this long: nothing will.
const QUIET: Duration = Duration::from_secs(5);
/// How long the API server is away.
const AWAY: Duration = Duration::from_mins(1);
/// Whoever has not listed everything by then never will.
const LIMIT: Duration = Duration::from_mins(10);

/// Starts the binary where there are so many pods.
pub fn run(binary: &Path, pods: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(binary, pods))
}

async fn measure(binary: &Path, pods: usize) -> Result<()> {
    let world = aws_sim::WorldBuilder::new("demo").nodes(NODES).settings(load::settings()).build();
    let surroundings = Surroundings::of(Options { world, ..load::options() }).await?;
    let rig = &surroundings.rig;
    add_objects(rig, pods);
    rig.api.prepare_lists();
    head(&format!("{pods} pods, one process, one core"));
    row("objects", objects(rig));

    let mut process = observe(&surroundings, binary, "first start").await?;
    process.stop()?;
    let mut process = observe(&surroundings, binary, "start again").await?;
    rows_of_traffic(&rig.api.traffic());

    process.reset_peak()?;
    rig.api.clear_traffic();
    faults::forget(&rig.api);
    let took = rest(rig, &mut process).await?;
    row("watches break and their history is gone: everything is listed again within", time(took));
    row("the same: bytes of lists", mebibytes(rig.api.traffic().of(&["list"]).bytes));
    row("the same: peak memory", process.peak()?);

    process.reset_peak()?;
    rig.api.go_away();
    sleep(AWAY).await;
    rig.api.come_back();
    let took = rest(rig, &mut process).await?;
    row("the API server is away for a minute: steady within", time(took));
    row("the same: peak memory", process.peak()?);
    process.stop()
}

/// Starts the process and watches it until it is at rest.
async fn observe(surroundings: &Surroundings, binary: &Path, name: &str) -> Result<Process> {
    let rig = &surroundings.rig;
    rig.api.clear_traffic();
    rig.aws.clear_calls();
    let began = Instant::now();
    let mut process = surroundings.start_on_one_core(binary)?;
    while !process.is_synced().await {
        process.check()?;
        ensure!(began.elapsed() < LIMIT, "not everything is listed after {LIMIT:?}");
        sleep(Duration::from_millis(20)).await;
    }
    row(&format!("{name}: caches synced after"), time(began.elapsed()));
    row(&format!("{name}: processor time until then"), process.processor()?);
    row(&format!("{name}: peak memory until then"), process.peak()?);
    let took = began.elapsed() + rest(rig, &mut process).await?;
    row(&format!("{name}: steady after"), time(took));
    row(&format!("{name}: processor time"), process.processor()?);
    row(&format!("{name}: peak memory"), process.peak()?);
    row(&format!("{name}: resident memory"), process.resident()?);
    row(&format!("{name}: calls of AWS"), super::table::calls(rig.count()));
    Ok(process)
}

/// Waits until nothing happens any more. Answers how long ago the last thing happened, from now on.
async fn rest(rig: &Rig, process: &mut Process) -> Result<Duration> {
    let activity = || (rig.aws.world(|world| world.calls().len()), rig.api.revision(), rig.api.traffic());
    let (began, mut last, mut since) = (Instant::now(), activity(), Instant::now());
    while since.elapsed() < QUIET {
        sleep(Duration::from_millis(50)).await;
        process.check()?;
        let now = activity();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(since.duration_since(began))
}

fn rows_of_traffic(traffic: &Traffic) {
    let Served { requests, bytes } = traffic.of(&["list"]);
    row("requests for lists at a start", requests);
    row("bytes of lists at a start", mebibytes(bytes));
    row("of these, pods", mebibytes(traffic.of_kind(&["list"], "pods").bytes));
    row("watches", traffic.of(&["watch"]).requests);
    row("writes to the API server at a start", traffic.of(&["create", "update", "patch", "delete"]).requests);
}

#[allow(clippy::cast_precision_loss, reason = "some hundred millions")]
fn mebibytes(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}

fn objects(rig: &Rig) -> String {
    let count = |plural: &str| format!("{} {plural}", rig.api.list(plural).len());
    ["pods", "services", "endpointslices", "targetgroupbindings", "nodes"].map(count).join(", ")
}

/// Services, each with pods and a TargetGroupBinding to a target group made outside, and pods of nobody.
fn add_objects(rig: &Rig, pods: usize) {
    let account = TestAccount::new(Arc::new(rig.aws.clone()), rig.aws.world(|world| world.ids().clone()));
    let served = pods * SERVED / 100 / PODS;
    for number in 0..served {
        let name = service(number);
        rig.api.put(fixtures::cluster_service(&name, &[80]));
        let own: Vec<usize> = (0..PODS).map(|rank| number * PODS + rank).collect();
        rig.serve(&name, &own);
        rig.api.put(binding(rig, &account, &name));
    }
    for pod in served * PODS..pods {
        rig.api.put(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("other-{pod}"), "namespace": fixtures::NAMESPACE},
            "spec": {"nodeName": "node-0", "containers": [{"name": "main", "image": "main"}]},
            "status": {"phase": "Running"},
        }));
    }
    for pod in rig.api.list("pods") {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        rig.api.edit("pods", fixtures::NAMESPACE, name, dress);
    }
}

fn binding(rig: &Rig, account: &TestAccount, name: &str) -> Value {
    let group = CreateTargetGroup {
        name: format!("tg-{name}"),
        target_type: TargetType::Ip,
        ..account.ip_group(Protocol::Tcp)
    };
    let arn = rig.ask(group).arn;
    json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
        "metadata": {"name": name, "namespace": fixtures::NAMESPACE},
        "spec": {
            "targetGroupARN": arn, "targetType": "ip", "targetGroupProtocol": "TCP", "ipAddressType": "ipv4",
            "serviceRef": {"name": name, "port": 80},
        },
    })
}

/// Gives a pod what every pod has in a cluster, about five kilobytes: field managers, environment, volumes, probes, states.
fn dress(pod: &mut Value) {
    let environment: Vec<Value> =
        (0..12).map(|number| json!({"name": format!("SETTING_{number}"), "value": "some value"})).collect();
    let container = &mut pod["spec"]["containers"][0];
    container["env"] = json!(environment);
    container["resources"] =
        json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}});
    container["livenessProbe"] =
        json!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10});
    container["volumeMounts"] =
        json!([{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
    pod["spec"]["volumes"] = json!([{"name": "token", "projected": {"sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]}}]);
    pod["spec"]["tolerations"] = json!([
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    ]);
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5f7d8c9b6d", "controller": true,
        "uid": "0b6c2a52-3b1f-4f0e-9a4e-3f2b8f5a7c11", "blockOwnerDeletion": true,
    }]);
    pod["status"]["containerStatuses"] = json!([{
        "name": "main", "ready": true, "started": true, "restartCount": 0, "image": "registry.example.com/team/main:1.2.3",
        "imageID": format!("registry.example.com/team/main@sha256:{}", "0".repeat(64)),
        "containerID": format!("containerd://{}", "1".repeat(64)), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }]);
    let fields = |prefix: &str| -> Value {
        let named =
            (0..20).map(|number| (format!("f:{prefix}-{number}"), json!({"f:name": {}, "f:value": {}})));
        Value::Object(named.collect())
    };
    pod["metadata"]["managedFields"] = json!([
        {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields("setting")}},
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:status": fields("condition")}, "subresource": "status"},
    ]);
}
