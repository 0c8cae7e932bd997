//! In virtual time: what AWS's pace makes of many Services and many groups. The same on every machine.

use super::table::{calls, head, percentiles, row, time};
use anyhow::Result;
use rig::{
    Rig, fixtures,
    load::{self, pod, service},
};
use std::time::{Duration, Instant};

const PODS: usize = 10;
const CHURN: usize = 200;

pub fn run(services: usize, groups: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        measure_services(services).await;
        measure_groups(groups).await;
    });
    Ok(())
}

async fn measure_services(services: usize) {
    head(&format!("{services} Services, 2 ports, {PODS} pods each, at AWS's pace"));
    let mut rig = Rig::new(load::paced());
    rig.seed();
    rig.add_services(services, PODS);
    converge(&mut rig).await;
    resync(&mut rig).await;
    let mut began = Vec::new();
    rig.aws.clear_calls();
    let churn = CHURN.min(services);
    for step in 0..churn {
        let number = step * services / churn;
        let pods: Vec<usize> = (0..=PODS).map(|rank| pod(number, rank, PODS + 1)).collect();
        rig.serve(&service(number), &pods);
        let address = rig.aws.world(|world| fixtures::address(world, pod(number, PODS, PODS + 1)));
        began.push((address, rig.aws.world(|world| world.now())));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    rig.run_until_idle().await;
    let registered = rig.registrations();
    let waits =
        began.into_iter().filter_map(|(pod, since)| registered.get(&pod).map(|at| at.saturating_sub(since)));
    row("pod ready → RegisterTargets, p50 / p99", percentiles(waits.collect()));
    restart(&mut rig).await;
}

async fn measure_groups(groups: usize) {
    head(&format!("{groups} Ingress groups, 3 Services each, at AWS's pace"));
    let mut rig = Rig::new(load::paced());
    rig.seed();
    rig.add_groups(groups, 3);
    converge(&mut rig).await;
    resync(&mut rig).await;
    restart(&mut rig).await;
}

async fn converge(rig: &mut Rig) {
    rig.aws.clear_calls();
    let (began, clock) = (rig.aws.world(|world| world.now()), Instant::now());
    rig.start().await;
    rig.run_until_idle().await;
    row("from nothing until steady", time(rig.last_call(began)));
    row("calls", calls(rig.count()));
    row("processor time, simulators included", time(clock.elapsed()));
    for (operation, count) in rig.count_by_operation() {
        eprintln!("{count:8} {operation}");
    }
}

async fn resync(rig: &mut Rig) {
    // why: what is asked about load balancers that exist is asked at the first look after they were made
    for _ in 0..2 {
        rig.aws.clear_calls();
        let Some(engine) = rig.engine() else { return };
        engine.resync();
        rig.run_until_idle().await;
        eprintln!("resync: {:?}", rig.count_by_operation());
    }
    row("calls of a resync", calls(rig.count()));
}

async fn restart(rig: &mut Rig) {
    rig.kill().await;
    rig.aws.clear_calls();
    let began = rig.aws.world(|world| world.now());
    rig.start().await;
    rig.run_until_idle().await;
    row("restart: calls", calls(rig.count()));
    row("restart: steady after", time(rig.last_call(began)));
    eprintln!("restart: {:?}", rig.count_by_operation());
}
