//! In virtual time: thousands of load balancers at the pace of AWS, a rollout, and what may go wrong meanwhile.

use super::table::{calls, head, row, time};
use anyhow::Result;
use rig::{
    Rig,
    faults::{Cluster, MISHAPS},
    fixtures,
    load::{self, service},
};
use serde_json::json;
use std::time::{Duration, Instant};

/// The namespace in which a single pod changes.
const QUIET: &str = "quiet";

/// `load_balancers` Services, and a rollout that brings new pods to `changes` of them.
pub fn run(load_balancers: usize, changes: usize) -> Result<()> {
    virtual_time()?.block_on(measure(load_balancers, changes));
    Ok(())
}

/// Everything that may happen while `changes` of `load_balancers` Services get a new pod.
pub fn run_faults(load_balancers: usize, changes: usize) -> Result<()> {
    virtual_time()?.block_on(measure_faults(load_balancers, changes));
    Ok(())
}

fn virtual_time() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?)
}

async fn measure(load_balancers: usize, changes: usize) {
    head(&format!(
        "{load_balancers} load balancers with a target group each, a rollout of {changes} pods, at AWS's pace"
    ));
    let mut rig = Rig::new(load::paced());
    rig.seed();
    rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": QUIET}}));
    for number in 0..load_balancers {
        rig.api.put(nlb(&service(number)));
        rig.serve(&service(number), &[2 * number, 2 * number + 1]);
    }
    let mut other = nlb("other");
    other["metadata"]["namespace"] = QUIET.into();
    rig.api.put(other);
    let next = 2 * load_balancers;
    rig.serve_in(QUIET, "other", &[next], &[]);

    let (began, clock) = (now(&rig), Instant::now());
    rig.start().await;
    rig.run_until_idle().await;
    row("from nothing until steady", time(rig.last_call(began)));
    row("calls", calls(rig.count()));
    row("processor time, simulators included", time(clock.elapsed()));
    row("the record of what is deployed: writes, bytes", record_writes(&rig));
    rig.api.clear_traffic();
    let mut changed = nlb(&service(0));
    let interval = "service.beta.kubernetes.io/aws-load-balancer-healthcheck-interval";
    changed["metadata"]["annotations"][interval] = "20".into();
    rig.api.put(changed);
    rig.run_until_idle().await;
    row("the record when one Service changes: writes, bytes", record_writes(&rig));
    roll_out(&mut rig, changes, next).await;

    rig.kill().await;
    rig.aws.clear_calls();
    let (began, clock) = (now(&rig), Instant::now());
    rig.start().await;
    rig.run_until_idle().await;
    row("restart: calls", calls(rig.count()));
    row("restart: steady after", time(rig.last_call(began)));
    row("restart: processor time", time(clock.elapsed()));
    eprintln!("restart: {:?}", rig.count_by_operation());
}

fn record_writes(rig: &Rig) -> String {
    let written = rig.api.traffic().of_kind(&["create", "update"], "configmaps");
    format!("{}, {}", written.requests, written.bytes)
}

async fn roll_out(rig: &mut Rig, changes: usize, next: usize) {
    rig.aws.clear_calls();
    rig.api.clear_traffic();
    let (began, clock) = (now(rig), Instant::now());
    for number in 0..changes {
        rig.serve(&service(number), &[2 * number + 1, next + 2 + number]);
        rig.remove_pod(&service(number), 2 * number);
    }
    rig.catch_up().await;
    rig.serve_in(QUIET, "other", &[next, next + 1], &[]);
    rig.run_until_idle().await;
    let first = rig.registrations();
    let registered = |pod: usize| {
        let address = rig.aws.world(|world| fixtures::address(world, pod));
        first.get(&address).map_or(Duration::MAX, |at| at.saturating_sub(began))
    };
    let last = (0..changes).map(|number| registered(next + 2 + number)).max().unwrap_or_default();
    row("rollout: the one new pod of another namespace is registered after", time(registered(next + 1)));
    row("rollout: the last new pod is registered after", time(last));
    row("rollout: all old pods are deregistered after", time(rig.last_call(began)));
    row("rollout: calls", calls(rig.count()));
    row("rollout: processor time", time(clock.elapsed()));
    let written = rig.api.traffic().of(&["create", "update", "patch", "delete"]);
    row("rollout: writes to the API server", format!("{}, {} bytes", written.requests, written.bytes));
    eprintln!("rollout: {:?}", rig.count_by_operation());
}

fn nlb(name: &str) -> serde_json::Value {
    fixtures::load_balancer(name, &[80], &[("aws-load-balancer-nlb-target-type", "ip")])
}

fn now(rig: &Rig) -> Duration {
    rig.aws.world(|world| world.now())
}

async fn measure_faults(load_balancers: usize, changes: usize) {
    println!("\n### {load_balancers} load balancers, {changes} of which get a new pod while it happens\n");
    println!("| what happens | steady after its end | healthy targets lost | calls |\n|---|---|---|---|");
    let mut cluster = Cluster::of(load_balancers).await;
    for mishap in MISHAPS {
        let after = cluster.suffer(mishap, changes).await;
        let wrong = after.missing + after.left_behind;
        let note = if wrong == 0 { String::new() } else { format!(", {wrong} targets are wrong in the end") };
        println!(
            "| {} | {} | {}{note} | {} |",
            mishap.name(),
            time(after.steady),
            after.lost,
            calls(after.calls)
        );
    }
}
