//! What admission costs: `cargo bench --package rig --bench admission`.
//!
//! The webhook server runs in a process of its own (this program with the argument `serve`), so that its memory is measured
//! apart from the client's. The client sends reviews at fixed times over one HTTP/2 connection, as API servers do, and counts
//! each from the time at which it was due: a server that falls behind cannot hide it. Ends with status 1 if a figure that is
//! promised is missed.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads clocks and starts tasks")]

mod load;
mod server;

use anyhow::Result;
use aws_load_balancer_controller::cli::lint::{ManifestFile, lint};
use aws_load_balancer_controller::config::Config;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Manifests that `lint` checks.
const MANIFESTS: usize = 1000;
/// How long that may take.
const LINT_LIMIT: Duration = Duration::from_secs(1);
/// How long 99 of 100 reviews may take.
const REVIEW_LIMIT: Duration = Duration::from_millis(2);
/// Memory of the server.
const MEMORY_LIMIT_KIB: u64 = 50 * 1024;

fn main() -> Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if std::env::args().any(|argument| argument == "serve") {
        server::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let linted = time_lint();
    let found = load::run()?;
    println!("lint of {MANIFESTS} manifests: {linted:.0?}, limit {LINT_LIMIT:?}");
    println!("webhook, {} reviews at {} a second:", found.count, load::RATE);
    for (share, took) in &found.quantiles {
        println!("  {share:>5} within {took:.2?}");
    }
    println!("  p99 limit {REVIEW_LIMIT:?}");
    println!(
        "  resident {} KiB, at most {} KiB, limit {MEMORY_LIMIT_KIB} KiB",
        found.resident_kib, found.peak_kib
    );
    let is_kept = linted < LINT_LIMIT && found.p99() < REVIEW_LIMIT && found.peak_kib <= MEMORY_LIMIT_KIB;
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The longest of five rounds.
fn time_lint() -> Duration {
    let services = include_str!("../../tests/cases/admission/valid/services.yaml");
    let ingresses = include_str!("../../tests/cases/admission/valid/ingresses.yaml");
    let text = format!("{services}---\n{ingresses}");
    let documents: Vec<&str> = text.split("\n---\n").collect();
    let all: Vec<String> = (0..MANIFESTS)
        .zip(documents.iter().cycle())
        .map(|(number, document)| document.replacen("name: ", &format!("name: n{number}-"), 1))
        .collect();
    let source = [ManifestFile { name: "all.yaml".to_owned(), text: all.join("\n---\n") }];
    let round = || {
        let began = Instant::now();
        std::hint::black_box(lint(&source, &Config::default()));
        began.elapsed()
    };
    (0..5).map(|_| round()).max().unwrap_or_default()
}
