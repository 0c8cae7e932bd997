//! `make demo`: the product's main job, end to end, on a real control plane.
#![allow(clippy::disallowed_methods)]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aws_sim::PlaneSettings;
use harness::walkthrough::{STEPS, Walkthrough, explore, kept, progress::Progress};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::terminal();
    tokio::select! {
        code = demonstrate(progress) => code,
        () = interruption() => {
            println!("\nstopped; nothing is left running");
            ExitCode::from(130)
        }
    }
}

async fn demonstrate(progress: Progress) -> ExitCode {
    let started = Instant::now();
    progress.title("aws-load-balancer-controller, end to end on a real control plane");
    progress.step(0, "A control plane and an AWS account");
    let mut walk = match Walkthrough::start_with(progress, Some(traffic())).await {
        Ok(walk) => walk,
        Err(error) => {
            println!("\nStep 0 failed: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let steps = if is_kept() { kept() } else { STEPS };
    for (index, step) in steps.iter().enumerate() {
        progress.step(index + 1, step.title);
        if let Err(error) = (step.run)(&mut walk).await {
            return report_failure(&walk, index + 1, step.title, &error).await;
        }
    }
    println!("\nAll {} steps passed after {:.0} s.", steps.len(), started.elapsed().as_secs_f64());
    match summarize(&walk).await {
        Ok(summary) => println!("{summary}"),
        Err(error) => println!("no summary: {error:#}"),
    }
    keep_if_wanted(&walk).await;
    ExitCode::SUCCESS
}

/// Changes reach the load balancers after half a second, and targets are checked every half second.
fn traffic() -> PlaneSettings {
    PlaneSettings { propagation: Duration::from_millis(500), ..PlaneSettings::default() }
}

async fn report_failure(walk: &Walkthrough, number: usize, title: &str, error: &anyhow::Error) -> ExitCode {
    walk.cluster.keep_logs();
    println!("\nStep {number} failed: {title}\n  {error:#}");
    if walk.controller.is_some()
        && let Err(end) = walk.check().await
    {
        println!("  {end:#}");
    }
    println!("  Logs: {} (controller.log, kube-apiserver.log, …)", walk.cluster.logs().display());
    keep_if_wanted(walk).await;
    ExitCode::FAILURE
}

async fn summarize(walk: &Walkthrough) -> Result<String> {
    let calls = walk.aws.count_calls();
    let controller = walk.controller.as_ref().context("no controller")?;
    let memory = controller.lock().await.resident_kib()?;
    Ok(format!(
        "The controller made {} AWS calls, {} of them writes, and uses {} MiB of memory.",
        calls.all,
        calls.writes,
        memory / 1024
    ))
}

/// Whether `KEEP=1` asks to leave everything as it is.
fn is_kept() -> bool {
    std::env::var_os("KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0")
}

/// Leaves everything running, with the objects of the steps, for a visitor to play with, until ctrl-C.
async fn keep_if_wanted(walk: &Walkthrough) {
    if !is_kept() {
        return;
    }
    println!("\nIt keeps running until you press ctrl-C. In another terminal:\n");
    match explore::exports(walk) {
        Ok(exports) => exports.iter().for_each(|line| println!("  {line}")),
        Err(error) => println!("  {error:#}"),
    }
    println!();
    for line in explore::looks() {
        println!("  {line}");
    }
    println!("\nThe load balancers answer:\n");
    for line in explore::urls(walk) {
        println!("  {line}");
    }
    println!("\nLogs: {}", walk.cluster.logs().display());
    std::future::pending::<()>().await;
}

async fn interruption() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
