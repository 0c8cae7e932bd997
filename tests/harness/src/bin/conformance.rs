//! `make conformance`: the official conformance suite of the Gateway API, with requests that really go through the load balancers.
#![allow(clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use aws_sim::PlaneSettings;
use harness::{
    assets::repository,
    dns::Dns,
    walkthrough::{Walkthrough, progress::Progress},
};
use tokio::process::Command;

const CLASS: &str = include_str!("../../manifests/conformance.yaml");

/// What the controller claims, on an ALB.
const FEATURES: &[&str] = &[
    "Gateway",
    "HTTPRoute",
    "ReferenceGrant",
    "ListenerSet",
    "HTTPRouteMethodMatching",
    "HTTPRouteParentRefPort",
    "HTTPRouteDestinationPortMatching",
    "HTTPRoutePortRedirect",
    "HTTPRouteSchemeRedirect",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteNamedRouteRule",
    "GatewayPort8080",
    "GatewayAddressEmpty",
    "GatewayHTTPListenerIsolation",
];

/// Tests that cannot pass on an ALB, and why.
const SKIPPED: &[(&str, &str)] = &[(
    "HTTPRouteRequestHeaderModifier",
    "an ALB cannot change headers of the requests of one rule: it inserts a fixed set of headers into responses, for a whole listener, \
     and renames those that it makes itself",
)];

/// Seconds that the suite waits, where its own values are for clusters far away.
const TIMES: &[(&str, u32)] = &[
    ("GatewayMustHaveAddress", 30),
    ("GatewayMustHaveCondition", 20),
    ("GatewayStatusMustHaveListeners", 20),
    ("GatewayListenersMustHaveConditions", 20),
    ("ListenerSetMustHaveCondition", 20),
    ("ListenerSetListenersMustHaveConditions", 20),
    ("GWCMustBeAccepted", 30),
    ("HTTPRouteMustNotHaveParents", 20),
    ("HTTPRouteMustHaveCondition", 20),
    ("RouteMustHaveParents", 20),
    ("MaxTimeToConsistency", 20),
    ("NamespacesMustBeReady", 60),
    ("LatestObservedGenerationSet", 20),
    ("DefaultTestTimeout", 30),
];

/// How a test ended.
#[derive(Debug, Default)]
struct Outcome {
    result: String,
    failed_parts: Vec<String>,
    parts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `conformance [TEST,…]`: all tests, or these alone; whether all passed.
async fn run() -> Result<bool> {
    let only = std::env::args().nth(1).filter(|tests| !tests.is_empty());
    let suite = build().await?;
    let settings = PlaneSettings { propagation: Duration::from_millis(200), ..PlaneSettings::default() };
    let mut walk = Walkthrough::start_with(Progress::terminal(), Some(settings)).await?;
    walk.patience = Duration::from_mins(2);
    walk.aws.sim().world(|world| {
        world.settings.delays = aws_sim::Delays::default();
        world.settings.delays.draining = Duration::from_secs(1);
    });
    walk.kubelet.as_ref().context("there is no kubelet")?.run_echo_basic(suite.join("echo-basic"));
    prepare(&mut walk, &suite).await?;
    let plane = walk.aws.plane().context("there is no data plane")?;
    let dns = Dns::start(plane.clone()).await?;
    let started = Instant::now();
    let out = target().join("conformance");
    fs::create_dir_all(&out)?;
    let log = out.join("suite.log");
    let ended = test(&walk, &suite, &dns, &out, only.as_deref()).await?;
    let outcomes = read(&fs::read_to_string(&log)?);
    ensure!(!outcomes.is_empty(), "the suite ran no test (it ended with {ended}); see {}", log.display());
    for (name, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.result == "FAIL") {
        println!("FAIL {name}: {} of {} parts", outcome.failed_parts.len(), outcome.parts);
        outcome.failed_parts.iter().for_each(|part| println!("       {part}"));
    }
    let count = |result: &str| outcomes.values().filter(|outcome| outcome.result == result).count();
    let took = started.elapsed().as_secs();
    println!(
        "{} passed, {} failed, after {took} s; the log: {}",
        count("PASS"),
        count("FAIL"),
        log.display()
    );
    if only.is_none() {
        write(&outcomes)?;
    }
    if count("FAIL") > 0 {
        walk.cluster.keep_logs();
        println!("logs of the control plane and the controller: {}", walk.cluster.logs().display());
    }
    Ok(count("FAIL") == 0)
}

fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.ancestors().nth(2).unwrap_or(Path::new("target")).to_path_buf()
}

async fn build() -> Result<PathBuf> {
    let script = repository().join("tests/conformance/build.sh");
    let output = Command::new(&script).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "{} failed", script.display());
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Gateway API, the controller and the class.
async fn prepare(walk: &mut Walkthrough, suite: &Path) -> Result<()> {
    let crds = suite.join("crds.yaml").display().to_string();
    walk.cluster.kubectl(&["apply", "--server-side", "-f", &crds]).await?.expect_ok()?;
    walk.install().await?;
    let certificate = walk.aws.sim().world(|world| world.id("CERT_1").to_owned());
    walk.cluster.apply(&CLASS.replace("${CERTIFICATE}", &certificate)).await?;
    Ok(())
}

async fn test(
    walk: &Walkthrough,
    suite: &Path,
    dns: &Dns,
    out: &Path,
    only: Option<&str>,
) -> Result<std::process::ExitStatus> {
    let times: Vec<_> = TIMES.iter().map(|(name, seconds)| format!("{name}:{seconds}")).collect();
    let skipped: Vec<_> = SKIPPED.iter().map(|(name, _)| *name).collect();
    let mut command = Command::new(suite.join("conformance.test"));
    command.args(["-test.v", "-test.timeout=60m", "-test.parallel=8", "-test.run=TestConformance"]);
    command.args([
        "-gateway-class=conformance",
        "-allow-crds-mismatch=true",
        "-cleanup-base-resources=false",
    ]);
    command.args(["-conformance-profiles=GATEWAY-HTTP", "-organization=aws-load-balancer-controller"]);
    command.args(["-project=aws-load-balancer-controller-rust", "-url=https://example.com", "-contact=none"]);
    command.arg(format!("-version={}", env!("CARGO_PKG_VERSION")));
    command.arg(format!("-supported-features={}", FEATURES.join(",")));
    command.arg(format!("-skip-tests={}", skipped.join(",")));
    command.arg(format!("-timeout-config-overrides={}", times.join(";")));
    command.arg(format!("-dns={}", dns.address()));
    command.arg(format!("-report={}", out.join("report.yaml").display()));
    command.args(only.map(|tests| format!("-tests={tests}")));
    let log = fs::File::create(out.join("suite.log"))?;
    command.env("KUBECONFIG", walk.cluster.kubeconfig()).env("GODEBUG", "netdns=go");
    command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    Ok(command.status().await?)
}

/// The outcome of each test, from the suite's log.
fn read(log: &str) -> BTreeMap<String, Outcome> {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for line in log.lines().map(str::trim_start) {
        let Some(rest) = line.strip_prefix("--- ") else { continue };
        let Some((result, name)) = rest.split_once(": TestConformance/") else { continue };
        let name = name.split(" (").next().unwrap_or(name);
        let (test, part) = name.split_once('/').map_or((name, None), |(test, part)| (test, Some(part)));
        let outcome = outcomes.entry(test.to_owned()).or_default();
        match part {
            None => result.clone_into(&mut outcome.result),
            Some(part) => {
                outcome.parts += 1;
                if result == "FAIL" {
                    outcome.failed_parts.push(part.to_owned());
                }
            }
        }
    }
    outcomes
}

/// Writes the page of the book.
fn write(outcomes: &BTreeMap<String, Outcome>) -> Result<()> {
    let mut text = String::from(
        "# Gateway API conformance\n\nWhat the official conformance suite of the Gateway API, v1.6.3, finds of this controller: class \
         `gateway.k8s.aws/alb`, profile GATEWAY-HTTP, with the features below. The suite's requests go\nthrough simulated load balancers \
         that really listen, to pods that are processes. `make conformance` runs it and writes this page.\n\n",
    );
    let count = |result: &str| outcomes.values().filter(|outcome| outcome.result == result).count();
    // Writing to a text cannot fail.
    drop(writeln!(
        text,
        "{} tests passed, {} failed, {} were left out.\n",
        count("PASS"),
        count("FAIL"),
        SKIPPED.len()
    ));
    drop(writeln!(text, "Features: {}.\n\n## Left out\n\n| test | why |\n|---|---|", FEATURES.join(", ")));
    for (name, why) in SKIPPED {
        drop(writeln!(text, "| {name} | {why} |"));
    }
    for (title, result) in [("Failed", "FAIL"), ("Passed", "PASS")] {
        let all: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.result == result).collect();
        if all.is_empty() {
            continue;
        }
        drop(writeln!(text, "\n## {title}\n\n| test | parts | parts that failed |\n|---|---|---|"));
        for (name, outcome) in all {
            let parts = outcome.failed_parts.join("<br>");
            drop(writeln!(text, "| {name} | {} | {parts} |", outcome.parts));
        }
    }
    fs::write(repository().join("docs/conformance.md"), text)?;
    Ok(())
}
