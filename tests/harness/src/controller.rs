//! The controller under test as a process of its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, api::PostParams};
use rustix::process::Signal;

use crate::{
    cluster::Cluster,
    daemon::{Daemon, Program},
    http::{free_address, get, post_tls},
    mounts::SecretMount,
    release::Workload,
    wait::{eventually, ticks},
};

/// Flags whose values belong to the machine and not to the chart.
const LOCAL: [&str; 6] = [
    "--kubeconfig",
    "--webhook-bind-port",
    "--webhook-cert-dir",
    "--health-probe-bind-addr",
    "--metrics-bind-addr",
    "--leader-election-namespace",
];

/// Where the chart mounts the serving certificate and the controller looks for it unless told otherwise.
const CERTIFICATES: &str = "/tmp/k8s-webhook-server/serving-certs";

/// One replica of the controller: the built binary, run as the release's Deployment would run it.
#[derive(Debug)]
pub struct ControllerProcess {
    program: Program,
    daemon: Option<Daemon>,
    logs: PathBuf,
    addresses: Addresses,
    _mounts: Vec<SecretMount>,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    webhook: SocketAddr,
    health: SocketAddr,
    metrics: SocketAddr,
}

impl ControllerProcess {
    /// Starts `binary` with what the Deployment `release` says, as its ServiceAccount, with `env` on top.
    ///
    /// Differences to a pod: addresses and ports to listen on, the kubeconfig instead of the mounted token, and the folder of
    /// the mounted Secrets.
    pub async fn from_release(
        cluster: &Cluster,
        release: &Release<'_>,
        env: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let workload = Workload::read(&cluster.client(), release.namespace, release.deployment).await?;
        let home = cluster.home().folder(release.replica)?;
        let addresses = Addresses {
            webhook: free_address().await?,
            health: free_address().await?,
            metrics: free_address().await?,
        };
        let mounts = mount(cluster, &workload, &home).await?;
        let kubeconfig = home.join("kubeconfig");
        std::fs::write(&kubeconfig, cluster.kubeconfig_for(&issue_token(cluster, &workload).await?))?;
        let mut program = Program::new(release.replica, release.binary.to_path_buf());
        program.args =
            localize(&workload, &mounts, addresses, &kubeconfig).into_iter().map(Into::into).collect();
        program.env =
            workload.env.iter().chain(env).map(|(name, value)| (name.clone(), value.clone())).collect();
        program.env.insert("HOME".to_owned(), home.display().to_string());
        for (service, port) in &workload.services {
            if let Some(endpoint) = addresses.serving(&workload, *port) {
                cluster.tunnel().add(service, endpoint);
            }
        }
        let mounts = mounts.into_values().collect();
        let mut this =
            Self { program, daemon: None, logs: cluster.logs().to_path_buf(), addresses, _mounts: mounts };
        this.start()?;
        Ok(this)
    }

    /// Starts it again, with the same arguments. It must not be running.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.daemon.is_none(), "{} is running", self.program.name);
        self.daemon = Some(Daemon::start(&self.program, &self.logs)?);
        Ok(())
    }

    /// Waits until its readiness probe passes. Fails at once, with its log, if it ends instead.
    pub async fn ready(&mut self, deadline: Duration) -> Result<()> {
        let health = self.addresses.health;
        let Some(daemon) = &mut self.daemon else { bail!("{} is not running", self.program.name) };
        let probe = || async {
            let (status, body) = get(health, "/readyz").await?;
            ensure!(status == 200, "/readyz says {status}: {}", body.trim());
            Ok(())
        };
        tokio::select! {
            ready = eventually("the controller is ready", deadline, probe) => ready.with_context(|| daemon_log(&self.logs, &self.program)),
            end = watch(daemon) => end,
        }
    }

    /// SIGKILL: no goodbye.
    pub async fn kill9(&mut self) -> Result<()> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM, and what it exits with.
    pub async fn terminate(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let Some(mut daemon) = self.daemon.take() else { bail!("{} is not running", self.program.name) };
        daemon.terminate(deadline).await
    }

    /// SIGSTOP: nothing happens in it any more, and it does not know.
    pub fn pause(&self) -> Result<()> {
        let Some(daemon) = &self.daemon else { bail!("{} is not running", self.program.name) };
        daemon.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        let Some(daemon) = &self.daemon else { bail!("{} is not running", self.program.name) };
        daemon.signal(Signal::CONT)
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().and_then(Daemon::pid)
    }

    /// Asks a webhook past the API server; the status and the body of its answer.
    pub async fn ask_webhook(&self, path: &str, review: &str) -> Result<(u16, String)> {
        post_tls(self.addresses.webhook, path, review).await
    }

    /// The status of its readiness probe.
    pub async fn readiness(&self) -> Result<u16> {
        Ok(get(self.addresses.health, "/readyz").await?.0)
    }

    /// SIGKILL and start.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill9().await?;
        self.start()
    }

    /// Fails, with its log, unless it runs.
    pub fn check(&mut self) -> Result<()> {
        match &mut self.daemon {
            Some(daemon) => daemon.check(),
            None => bail!("{} is not running", self.program.name),
        }
    }

    /// Its arguments, as it was started.
    pub fn args(&self) -> Vec<String> {
        self.program.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let pid = self.daemon.as_ref().and_then(Daemon::pid).context("it is not running")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// The text of its metrics endpoint.
    pub async fn metrics(&self) -> Result<String> {
        Ok(get(self.addresses.metrics, "/metrics").await?.1)
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.logs.join(format!("{}.log", self.program.name))
    }
}

/// What to run of which release.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// The namespace of the release.
    pub namespace: &'a str,
    /// The name of its Deployment.
    pub deployment: &'a str,
    /// The controller.
    pub binary: &'a Path,
    /// A name of this replica, for its folder and log.
    pub replica: &'a str,
}

impl Addresses {
    /// Where a container port of the Deployment stands here.
    fn serving(self, workload: &Workload, port: u16) -> Option<SocketAddr> {
        let given = |flag: &str| {
            workload
                .args
                .iter()
                .find_map(|arg| arg.strip_prefix(flag)?.rsplit([':', '=']).next()?.parse().ok())
        };
        if port == given("--webhook-bind-port=").unwrap_or(9443) {
            Some(self.webhook)
        } else if port == given("--metrics-bind-addr=").unwrap_or(8080) {
            Some(self.metrics)
        } else {
            None
        }
    }
}

async fn watch(daemon: &mut Daemon) -> Result<()> {
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        daemon.check()?;
    }
}

fn daemon_log(logs: &Path, program: &Program) -> String {
    format!("see {}", logs.join(format!("{}.log", program.name)).display())
}

async fn mount(cluster: &Cluster, workload: &Workload, home: &Path) -> Result<BTreeMap<String, SecretMount>> {
    let mut mounts = BTreeMap::new();
    for (path, secret) in &workload.secrets {
        let folder = home.join("mounts").join(secret);
        let mount = SecretMount::mount(&cluster.client(), &workload.namespace, secret, folder).await?;
        mounts.insert(path.clone(), mount);
    }
    Ok(mounts)
}

async fn issue_token(cluster: &Cluster, workload: &Workload) -> Result<String> {
    let api: Api<ServiceAccount> = Api::namespaced(cluster.client(), &workload.namespace);
    let spec = TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let answer =
        api.create_token_request(&workload.service_account, &PostParams::default(), &request).await?;
    Ok(answer.status.context("the token request has no status")?.token)
}

/// The Deployment's arguments with paths and addresses of this machine.
fn localize(
    workload: &Workload,
    mounts: &BTreeMap<String, SecretMount>,
    addresses: Addresses,
    kubeconfig: &Path,
) -> Vec<String> {
    let is_local = |arg: &str| {
        LOCAL
            .iter()
            .any(|flag| arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
    };
    let translate = |arg: &String| {
        mounts
            .iter()
            .fold(arg.clone(), |arg, (path, mount)| arg.replace(path, &mount.folder().display().to_string()))
    };
    let mut args: Vec<String> = workload.args.iter().filter(|arg| !is_local(arg)).map(translate).collect();
    let given = workload.args.iter().find_map(|arg| arg.strip_prefix("--webhook-cert-dir="));
    if let Some(mount) = mounts.get(given.unwrap_or(CERTIFICATES)) {
        args.push(format!("--webhook-cert-dir={}", mount.folder().display()));
    }
    args.extend([
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--leader-election-namespace={}", workload.namespace),
        format!("--webhook-bind-port={}", addresses.webhook.port()),
        format!("--health-probe-bind-addr={}", addresses.health),
        format!("--metrics-bind-addr={}", addresses.metrics),
    ]);
    args
}
