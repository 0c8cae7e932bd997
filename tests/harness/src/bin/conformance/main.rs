//! `make conformance`: the official conformance suite of the Gateway API, with requests that really go through the load balancers.
#![allow(clippy::disallowed_methods)]

mod page;
mod profiles;

use std::{
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
use page::{Outcomes, count};
use profiles::{PROFILES, Profile};
use tokio::process::Command;

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
    ("TLSRouteMustHaveCondition", 20),
    ("TCPRouteMustHaveCondition", 20),
    ("UDPRouteMustHaveCondition", 20),
    ("RouteMustHaveParents", 20),
    ("MaxTimeToConsistency", 20),
    ("NamespacesMustBeReady", 60),
    ("LatestObservedGenerationSet", 20),
    ("DefaultTestTimeout", 30),
];

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

/// `conformance [CLASS [TEST,…]]`: all tests, or those of a class, or these alone; whether all passed that should.
/// `conformance page`: the page, from the logs of a run.
async fn run() -> Result<bool> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.is_empty());
    let (class, only) = (arguments.next(), arguments.next());
    let out = target().join("conformance");
    if class.as_deref() == Some("page") {
        page::write(&[read(&out, &PROFILES[0])?, read(&out, &PROFILES[1])?])?;
        return Ok(true);
    }
    let is_chosen = |profile: &&Profile| class.as_deref().is_none_or(|class| class == profile.class);
    let chosen: Vec<&Profile> = PROFILES.iter().filter(is_chosen).collect();
    ensure!(!chosen.is_empty(), "there is no class {:?}: alb, nlb", class.unwrap_or_default());
    fs::create_dir_all(&out)?;
    let suite = build().await?;
    let settings = PlaneSettings { propagation: Duration::from_millis(200), ..PlaneSettings::default() };
    let mut walk = Walkthrough::start_with(Progress::terminal(), Some(settings)).await?;
    walk.patience = Duration::from_mins(2);
    walk.aws.sim().world(|world| {
        world.settings.delays = aws_sim::Delays::default();
        world.settings.delays.draining = Duration::from_secs(1);
    });
    walk.kubelet.as_ref().context("there is no kubelet")?.run_echo_basic(suite.join("echo-basic"));
    prepare(&mut walk, &suite, &chosen).await?;
    let plane = walk.aws.plane().context("there is no data plane")?;
    let dns = Dns::start(plane.clone()).await?;
    let run = Run { walk: &walk, suite: &suite, dns: &dns, out: &out, only: only.as_deref() };
    let mut is_good = true;
    for profile in &chosen {
        is_good &= run.all_of(profile).await?;
    }
    if only.is_none() && chosen.len() == PROFILES.len() {
        page::write(&[read(&out, &PROFILES[0])?, read(&out, &PROFILES[1])?])?;
    }
    if !is_good {
        walk.cluster.keep_logs();
        println!("logs of the control plane and the controller: {}", walk.cluster.logs().display());
    }
    Ok(is_good)
}

fn log(out: &Path, profile: &Profile) -> PathBuf {
    out.join(format!("suite-{}.log", profile.class))
}

fn read(out: &Path, profile: &Profile) -> Result<Outcomes> {
    let log = log(out, profile);
    Ok(page::read(&fs::read_to_string(&log).with_context(|| log.display().to_string())?))
}

/// Tests that failed and should not have, and those that passed and are said to fail.
fn against_known<'o>(profile: &Profile, outcomes: &'o Outcomes) -> (Vec<&'o str>, Vec<&'o str>) {
    let known = |name: &str| profile.known.iter().any(|(failing, _)| *failing == name);
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

/// Gateway API, the controller and the classes.
async fn prepare(walk: &mut Walkthrough, suite: &Path, profiles: &[&Profile]) -> Result<()> {
    let crds = suite.join("crds.yaml").display().to_string();
    walk.cluster.kubectl(&["apply", "--server-side", "-f", &crds]).await?.expect_ok()?;
    walk.install_with(&[
        "controllerConfig.featureGates.GatewayAPIStrict=true",
        "controllerConfig.featureGates.SecretCertificates=true",
        "clusterSecretsPermissions.allowAllSecrets=true",
    ])
    .await?;
    let certificate = walk.aws.sim().world(|world| world.id("CERT_1").to_owned());
    for profile in profiles {
        walk.cluster.apply(&profile.manifest.replace("${CERTIFICATE}", &certificate)).await?;
    }
    Ok(())
}

/// What the suite is run with.
struct Run<'r> {
    walk: &'r Walkthrough,
    suite: &'r Path,
    dns: &'r Dns,
    out: &'r Path,
    only: Option<&'r str>,
}

impl Run<'_> {
    /// Runs the tests of a class. Answers whether all passed that should.
    async fn all_of(&self, profile: &Profile) -> Result<bool> {
        let started = Instant::now();
        let ended = self.test(profile).await?;
        let (outcomes, log) = (read(self.out, profile)?, log(self.out, profile));
        ensure!(!outcomes.is_empty(), "the suite ran no test (it ended with {ended}); see {}", log.display());
        for (name, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.result == "FAIL") {
            println!("FAIL {name}: {} of {} parts", outcome.failed_parts.len(), outcome.parts);
            for part in &outcome.failed_parts {
                println!("       {part}");
            }
        }
        let (passed, failed) = (count(&outcomes, "PASS"), count(&outcomes, "FAIL"));
        let (class, took) = (profile.class, started.elapsed().as_secs());
        println!("{class}: {passed} passed, {failed} failed, after {took} s; the log: {}", log.display());
        let (worse, better) = against_known(profile, &outcomes);
        for name in &worse {
            println!("{name} should not have failed");
        }
        for name in &better {
            println!("{name} passes now: take it off the list of what is known to fail");
        }
        Ok(worse.is_empty() && better.is_empty())
    }

    async fn test(&self, profile: &Profile) -> Result<std::process::ExitStatus> {
        let times: Vec<_> = TIMES.iter().map(|(name, seconds)| format!("{name}:{seconds}")).collect();
        let skipped: Vec<_> = profile.skipped.iter().map(|(name, _)| *name).collect();
        let mut command = Command::new(self.suite.join("conformance.test"));
        command.args(["-test.v", "-test.timeout=60m", "-test.parallel=8", "-test.run=TestConformance"]);
        command.arg(format!("-gateway-class=conformance-{}", profile.class));
        command.args(["-allow-crds-mismatch=true", "-cleanup-base-resources=false"]);
        command.arg(format!("-conformance-profiles={}", profile.profiles));
        command.args([
            "-organization=aws-load-balancer-controller",
            "-project=aws-load-balancer-controller-rust",
        ]);
        command.args(["-url=https://example.com", "-contact=none"]);
        command.arg(format!("-version={}", env!("CARGO_PKG_VERSION")));
        command.arg(format!("-supported-features={}", profile.features.join(",")));
        command.arg(format!("-skip-tests={}", skipped.join(",")));
        command.arg(format!("-timeout-config-overrides={}", times.join(";")));
        command.arg(format!("-dns={}", self.dns.address()));
        command.arg(format!("-layer4={}", profile.is_layer_4));
        command.arg(format!("-report={}", self.out.join(format!("report-{}.yaml", profile.class)).display()));
        command.args(self.only.map(|tests| format!("-tests={tests}")));
        let log = fs::File::create(log(self.out, profile))?;
        command.env("KUBECONFIG", self.walk.cluster.kubeconfig()).env("GODEBUG", "netdns=go");
        command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(command.status().await?)
    }
}
