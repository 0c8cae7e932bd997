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

/// What is tested: what an ALB can do.
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

/// Why certificates of Secrets are not served.
const SECRETS: &str = "certificateRefs are not read: a listener has the certificate that its LoadBalancerConfiguration names, or one of ACM \
                       for its hostname";

/// Tests that fail, and why. A test that is not here must not; one that passes is to be taken off.
const KNOWN: &[(&str, &str)] = &[
    ("GatewayInvalidTLSConfiguration", SECRETS),
    ("GatewaySecretInvalidReferenceGrant", SECRETS),
    ("GatewaySecretMissingReferenceGrant", SECRETS),
    ("GatewayWithAttachedRoutes", SECRETS),
    ("HTTPRouteHTTPSListener", SECRETS),
    ("HTTPRouteRedirectPortAndScheme", SECRETS),
    ("ListenerSetReferenceGrant", SECRETS),
];

/// Features whose tests are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    (
        "HTTPRouteQueryParamMatching",
        "conditions on the query ignore case; one of 19 parts wants it to matter",
    ),
    (
        "HTTPRoutePathRedirect, HTTPRoutePathRewrite, HTTPRouteHostRewrite",
        "the tests combine them with changes of headers, or with redirects that change nothing but the path, which AWS refuses as loops",
    ),
    ("HTTPRoute303RedirectStatusCode, …307…, …308…", "an ALB redirects with 301 and 302 alone"),
    (
        "HTTPRouteResponseHeaderModification, HTTPRouteBackendRequestHeaderModification, HTTPRouteCORS",
        "as HTTPRouteRequestHeaderModifier",
    ),
    (
        "HTTPRouteRequestTimeout, HTTPRouteBackendTimeout",
        "the time-out of an ALB is one for all of it, of whole seconds",
    ),
    ("HTTPRouteRequestMirror, …MultipleMirrors, …PercentageMirror", "an ALB does not mirror requests"),
    ("HTTPRouteRetry and its kinds", "an ALB does not repeat requests"),
    ("HTTPRouteBackendProtocolH2C", "the client speaks HTTP/2 without TLS; HTTP listeners of an ALB do not"),
    ("GRPCRoute", "the suite calls gRPC without TLS; an ALB has gRPC on HTTPS listeners alone"),
    ("GatewayHTTPSListenerDetectMisdirectedRequests", "rules do not see the name of the TLS handshake"),
    (
        "BackendTLSPolicy and its kinds, GatewayBackendClientCertificate",
        "an ALB looks at no certificate of a target, and shows none of its own",
    ),
    (
        "GatewayFrontendClientCertificateValidation",
        "an ALB takes authorities from a bucket, not from a ConfigMap",
    ),
    ("GatewayStaticAddresses", "the addresses of an ALB are AWS's"),
    ("GatewayInfrastructure", "wants a Pod, Service or ServiceAccount of the Gateway; an ALB has none"),
    (
        "TCPRoute, TLSRoute, UDPRoute",
        "of class `gateway.k8s.aws/nlb`, on which the suite's own HTTP Gateways cannot be",
    ),
    ("Mesh", "a load balancer is none"),
];

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

/// `conformance [TEST,…]`: all tests, or these alone; whether all passed that should. `conformance page LOG`: the page, from a log.
async fn run() -> Result<bool> {
    let only = std::env::args().nth(1).filter(|tests| !tests.is_empty());
    if let (Some("page"), Some(log)) = (only.as_deref(), std::env::args().nth(2)) {
        write(&read(&fs::read_to_string(log)?))?;
        return Ok(true);
    }
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
        for part in &outcome.failed_parts {
            println!("       {part}");
        }
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
    let (worse, better) = against_known(&outcomes);
    for name in &worse {
        println!("{name} should not have failed");
    }
    for name in &better {
        println!("{name} passes now: take it off the list of what is known to fail");
    }
    if !worse.is_empty() {
        walk.cluster.keep_logs();
        println!("logs of the control plane and the controller: {}", walk.cluster.logs().display());
    }
    Ok(worse.is_empty() && better.is_empty())
}

/// Tests that failed and should not have, and those that passed and are said to fail.
fn against_known(outcomes: &BTreeMap<String, Outcome>) -> (Vec<&str>, Vec<&str>) {
    let known = |name: &str| KNOWN.iter().any(|(failing, _)| *failing == name);
    let with = |result: &str, is_known: bool| {
        let all = outcomes.iter().filter(|(name, one)| one.result == result && known(name) == is_known);
        all.map(|(name, _)| name.as_str()).collect()
    };
    (with("FAIL", false), with("PASS", true))
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
    walk.install_with(&["controllerConfig.featureGates.GatewayAPIStrict=true"]).await?;
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
         `gateway.k8s.aws/alb`, profile GATEWAY-HTTP, with the features\nbelow. The suite's requests go through simulated load balancers \
         that really listen, to pods that are processes. `make conformance` runs it and writes\nthis page.\n\n",
    );
    let count = |result: &str| outcomes.values().filter(|outcome| outcome.result == result).count();
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{} tests passed, {} failed, {} was left out.\n",
        count("PASS"),
        count("FAIL"),
        SKIPPED.len()
    );
    let _ = writeln!(text, "Features: {}.\n\n## Left out\n\n| test | why |\n|---|---|", FEATURES.join(", "));
    for (name, why) in SKIPPED {
        let _ = writeln!(text, "| {name} | {why} |");
    }
    let _ = writeln!(text, "\n| feature that is not claimed | why |\n|---|---|");
    for (name, why) in NOT_RUN {
        let _ = writeln!(text, "| {name} | {why} |");
    }
    let _ = writeln!(text, "\n## Failed\n\n| test | parts that failed | why |\n|---|---|---|");
    for (name, one) in outcomes.iter().filter(|(_, one)| one.result == "FAIL") {
        let why = KNOWN.iter().find(|(known, _)| known == name).map_or("not known", |(_, why)| why);
        let _ = writeln!(text, "| {name} | {} of {} | {why} |", one.failed_parts.len(), one.parts);
    }
    let passed = outcomes.iter().filter(|(_, one)| one.result == "PASS").map(|(name, _)| name.as_str());
    let _ = writeln!(text, "\n## Passed\n\n{}", passed.collect::<Vec<_>>().join(", "));
    fs::write(repository().join("docs/conformance.md"), text)?;
    Ok(())
}
