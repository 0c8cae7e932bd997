//! In real time: the built binary against both simulators over HTTP, with 20 ms a call of AWS.

use super::table::{calls, head, percentiles, row, time};
use anyhow::{Context, Result, ensure};
use aws_sim::{Calls, Effect, Fault};
use rig::Options;
use rig::{
    Rig, fixtures,
    load::{self, pod, service},
};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

const CHURN: usize = 200;
const QUIET: Duration = Duration::from_secs(5);

pub fn run(binary: &Path, services: usize, pods: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(binary, services, pods))
}

async fn measure(binary: &Path, services: usize, pods: usize) -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let rig = &surroundings.rig;
    let mut process = surroundings.start(binary)?;

    head(&format!("{services} Services, 2 ports, {pods} pods each, one process, 20 ms a call, no limits"));
    quiet(rig, &mut process).await?;
    row("resident memory, idle", process.resident()?);
    rig.aws.clear_calls();
    let began = rig.aws.world(|world| world.now());
    rig.add_services(services, pods);
    row("time to write the objects", time(rig.aws.world(|world| world.now()).saturating_sub(began)));
    quiet(rig, &mut process).await?;
    row("from nothing until steady", time(rig.last_call(began)));
    row("calls", calls(rig.count()));
    row("resident memory, loaded", process.resident()?);
    row("processor time", process.processor()?);

    rig.aws.clear_calls();
    let mut since = Vec::new();
    let churn = CHURN.min(services);
    for step in 0..churn {
        let number = step * services / churn;
        let numbers: Vec<usize> = (0..=pods).map(|rank| pod(number, rank, pods + 1)).collect();
        let address =
            rig.aws.world(|world| fixtures::address(world, numbers.last().copied().unwrap_or_default()));
        rig.serve(&service(number), &numbers);
        since.push((address, rig.aws.world(|world| world.now())));
        sleep(Duration::from_millis(50)).await;
    }
    quiet(rig, &mut process).await?;
    let registered = rig.registrations();
    let waits =
        since.into_iter().filter_map(|(pod, since)| registered.get(&pod).map(|at| at.saturating_sub(since)));
    row("pod ready → RegisterTargets, p50 / p99", percentiles(waits.collect()));

    process.stop()?;
    rig.aws.clear_calls();
    let began = rig.aws.world(|world| world.now());
    let mut process = surroundings.start(binary)?;
    quiet(rig, &mut process).await?;
    row("restart: calls", calls(rig.count()));
    row("restart: steady after", time(rig.last_call(began)));
    row("restart: resident memory", process.resident()?);
    process.stop()
}

/// The simulators, over HTTP.
pub struct Surroundings {
    pub rig: Rig,
    kubeconfig: PathBuf,
    aws: String,
    /// Ended when it is dropped.
    _servers: JoinSet<()>,
}

impl Surroundings {
    pub async fn new() -> Result<Self> {
        Self::of(load::options()).await
    }

    /// With these settings of the account.
    pub async fn of(options: Options) -> Result<Self> {
        let rig = Rig::new(options);
        rig.seed();
        rig.aws.arm(Fault::on(Calls::All, Effect::Delay(Duration::from_millis(20))));
        let mut servers = JoinSet::new();
        let (aws, api) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (aws_address, api_address) = (aws.local_addr()?, api.local_addr()?);
        let (sim, server) = (rig.aws.clone(), rig.api.clone());
        servers.spawn(async move { drop(aws_sim::http::serve(sim, aws).await) });
        servers.spawn(async move { drop(server.serve(api).await) });
        let kubeconfig = std::env::temp_dir().join(format!("measure-{}.kubeconfig", std::process::id()));
        std::fs::write(&kubeconfig, kubeconfig_text(&api_address.to_string()))?;
        Ok(Self { rig, kubeconfig, aws: format!("http://{aws_address}"), _servers: servers })
    }

    /// Starts the controller.
    pub fn start(&self, binary: &Path) -> Result<Process> {
        self.start_with(binary, &[])
    }

    /// Starts the controller with these flags beside those that it needs.
    pub fn start_with(&self, binary: &Path, flags: &[&str]) -> Result<Process> {
        let mut command = Command::new(binary);
        command.args(flags);
        self.start_as(command)
    }

    /// Starts the controller where it has one core to itself.
    pub fn start_on_one_core(&self, binary: &Path) -> Result<Process> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0"]).arg(binary);
        self.start_as(command)
    }

    fn start_as(&self, command: Command) -> Result<Process> {
        let vpc = self.rig.aws.world(|world| world.id("VPC").to_owned());
        Process::start(command, &self.kubeconfig, &self.aws, &vpc)
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.kubeconfig));
    }
}

fn kubeconfig_text(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: sim, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: user, user: {{}}}}]\ncontexts: [{{name: sim, context: {{cluster: sim, user: user}}}}]\n\
         current-context: sim\n"
    )
}

/// Waits until nobody has called and nothing was written for a while.
pub async fn quiet(rig: &Rig, process: &mut Process) -> Result<()> {
    let activity = || (rig.aws.world(|world| world.calls().len()), rig.api.revision());
    let (mut last, mut since) = (activity(), Instant::now());
    while since.elapsed() < QUIET {
        sleep(Duration::from_millis(100)).await;
        process.check()?;
        let now = activity();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// The controller.
pub struct Process {
    child: Child,
    /// Where it says whether it is ready.
    probes: String,
}

impl Process {
    fn start(mut command: Command, kubeconfig: &Path, aws: &str, vpc: &str) -> Result<Self> {
        // why: a port that was free a moment ago
        let probes = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = command
            .args(["--cluster-name=demo", "--aws-region=us-west-2", "--enable-leader-election=false"])
            .args(["--log-level=warn", "--metrics-bind-addr=0"])
            .arg(format!("--health-probe-bind-addr={probes}"))
            .args(["--webhook-bind-port=0", "--webhook-cert-secret=kube-system/certificate"])
            .args(["--webhook-service=kube-system/webhooks", "--webhook-configurations=none"])
            .arg("--aws-api-throttle=Elastic Load Balancing v2:^Describe=10000:10000")
            .arg(format!("--aws-vpc-id={vpc}"))
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_ENDPOINT_URL", aws)
            .env("AWS_ACCESS_KEY_ID", "measure")
            .env("AWS_SECRET_ACCESS_KEY", "measure")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        Ok(Self { child, probes })
    }

    /// Whether it says that everything in the cluster is listed.
    pub async fn is_synced(&self) -> bool {
        self.probe("/readyz/caches-synced").await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    async fn probe(&self, path: &str) -> Result<String> {
        let mut connection = TcpStream::connect(&self.probes).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.probes);
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    pub fn check(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the controller has ended: {ended:?}");
        Ok(())
    }

    pub fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub fn resident_kib(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    pub fn resident(&self) -> Result<String> {
        Ok(mebibytes(self.resident_kib()?))
    }

    /// The most resident memory since the start, or since the peak was reset.
    pub fn peak(&self) -> Result<String> {
        Ok(mebibytes(self.memory("VmHWM:")?))
    }

    pub fn reset_peak(&self) -> Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    fn memory(&self, line: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let found =
            status.lines().find_map(|text| text.strip_prefix(line)).with_context(|| line.to_owned())?;
        Ok(found.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// Processor time so far, of hundredths of a second as the kernel counts them.
    pub fn processor(&self) -> Result<String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        Ok(time(Duration::from_millis((ticks(11) + ticks(12)) * 10)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

#[allow(clippy::cast_precision_loss, reason = "a few million")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}
