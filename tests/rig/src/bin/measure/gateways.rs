//! In real time: what Gateways and routes take of the built binary's memory.

use super::process::{Process, Surroundings, quiet};
use super::table::{head, row};
use anyhow::Result;
use aws_load_balancer_controller::aws::recent_writes;
use rig::{Rig, fixtures};
use std::path::Path;

/// Routes that each Gateway gets in the end, beside its first.
const ROUTES: usize = 10;

/// Measures what `gateways` Gateways take, after as many others, and then their routes.
pub fn run(binary: &Path, gateways: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(binary, gateways))
}

async fn measure(binary: &Path, gateways: usize) -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let rig = &surroundings.rig;
    rig.api.install_gateway_api();
    rig.api.put(fixtures::gateway_class("alb", "gateway.k8s.aws/alb"));
    rig.api.put(fixtures::cluster_service("web", &[80]));
    rig.api.put(fixtures::target_type("web"));
    rig.serve("web", &[0, 1]);
    let mut process = surroundings.start(binary)?;
    head(&format!("{gateways} Gateways of one listener after as many others, one process"));
    quiet(rig, &mut process).await?;
    row("resident memory, idle", process.resident()?);

    add_gateways(rig, 0..gateways);
    at_rest(rig, &mut process).await?;
    let before = process.resident_kib()?;
    add_gateways(rig, gateways..2 * gateways);
    at_rest(rig, &mut process).await?;
    let with_gateways = process.resident_kib()?;
    row("resident memory, loaded", process.resident()?);
    row("a Gateway with one route", each(before, with_gateways, gateways));

    for gateway in 0..2 * gateways {
        (1..=ROUTES).for_each(|route| add_route(rig, gateway, route));
    }
    at_rest(rig, &mut process).await?;
    row(&format!("resident memory, {ROUTES} routes more each"), process.resident()?);
    row("a route", each(with_gateways, process.resident_kib()?, 2 * gateways * ROUTES));
    process.stop()
}

/// Waits until nothing happens, and then until the process has forgotten what it wrote.
async fn at_rest(rig: &Rig, process: &mut Process) -> Result<()> {
    quiet(rig, process).await?;
    tokio::time::sleep(recent_writes::KEPT * 2).await;
    quiet(rig, process).await
}

fn add_gateways(rig: &Rig, numbers: std::ops::Range<usize>) {
    for number in numbers {
        rig.api.put(fixtures::gateway(&name(number), 80));
        add_route(rig, number, 0);
    }
}

fn add_route(rig: &Rig, gateway: usize, number: usize) {
    let gateway = name(gateway);
    let route = format!("{gateway}-{number:02}");
    rig.api.put(fixtures::http_route(&route, &gateway, &format!("/path-{number}"), "web"));
}

fn name(gateway: usize) -> String {
    format!("gateway-{gateway:04}")
}

#[allow(clippy::cast_precision_loss, reason = "a few million")]
fn each(before: u64, after: u64, count: usize) -> String {
    format!("{:.1} KiB", after.saturating_sub(before) as f64 / count as f64)
}
