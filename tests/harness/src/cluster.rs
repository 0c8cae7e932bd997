//! One control plane: start, use, stop.

mod components;
mod nodes;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    assets::Assets,
    credentials::Credentials,
    daemon::{Daemon, Program},
    home::Home,
    http::free_address,
    tunnel::Tunnel,
    wait::{eventually, ticks},
};

pub use nodes::FakeNode;

/// How long a component may take to come up on a busy machine.
const STARTUP: Duration = Duration::from_secs(90);

/// A running control plane. Dropping it stops everything and removes its folder.
#[derive(Debug)]
pub struct Cluster {
    // why: fields drop in this order, and the folder goes last.
    daemons: Mutex<Vec<(Program, Daemon)>>,
    tunnel: Tunnel,
    client: ClientHandle,
    assets: Assets,
    credentials: Credentials,
    server: SocketAddr,
    home: Home,
}

/// Who plays the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pods {
    /// kwok: they are Running, and nothing runs.
    Kwok,
    /// [`Kubelet`](crate::Kubelet), once it is started: they are processes.
    Processes,
}

/// What a command said.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// Whether its exit status was 0.
    pub ok: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl CommandOutput {
    /// The standard output of a command that has to succeed.
    pub fn expect_ok(self) -> Result<String> {
        if self.ok { Ok(self.stdout) } else { Err(anyhow!("{}", self.stderr.trim())) }
    }

    /// The standard error of a command that has to fail.
    pub fn expect_refusal(self) -> Result<String> {
        ensure!(!self.ok, "it was accepted: {}", self.stdout.trim());
        Ok(self.stderr)
    }
}

impl Cluster {
    /// Builds what is missing, starts everything and waits until the API server is ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(Pods::Kwok).await
    }

    /// As [`Cluster::start`], with a choice of who plays the pods.
    pub async fn start_with(pods: Pods) -> Result<Self> {
        // A second cluster in the same process finds the provider installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let assets = Assets::locate().await?;
        let home = Home::create()?;
        let credentials = Credentials::issue(&home)?;
        let tunnel = Tunnel::listen(home.join("egress.sock"))?;
        let server = free_address().await?;
        let kubeconfig = home.write("kubeconfig", credentials.kubeconfig(server, &credentials.admin))?;
        let client = ClientHandle(connect(&kubeconfig).await?);
        let cluster = Self { daemons: Mutex::default(), tunnel, client, assets, credentials, server, home };
        match cluster.bring_up(pods).await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.keep_logs();
                Err(error.context(format!(
                    "starting the control plane; logs are kept in {}",
                    cluster.logs().display()
                )))
            }
        }
    }

    /// Adds nodes, which are ready at once.
    pub async fn join(&self, nodes: &[FakeNode]) -> Result<()> {
        for node in nodes {
            nodes::create(&self.client(), node)
                .await
                .with_context(|| format!("adding node {}", node.name))?;
        }
        Ok(())
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.0.clone()
    }

    /// A kubeconfig with all rights.
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.join("kubeconfig")
    }

    /// The text of a kubeconfig for another identity.
    pub fn kubeconfig_for(&self, token: &str) -> String {
        self.credentials.kubeconfig(self.server, token)
    }

    /// The way from the API server to webhooks.
    pub fn tunnel(&self) -> &Tunnel {
        &self.tunnel
    }

    /// The folder of this cluster.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The folder of the logs.
    pub fn logs(&self) -> &Path {
        self.home.path()
    }

    /// Leaves the folder, with the logs, in place after the end.
    pub fn keep_logs(&self) {
        self.home.keep();
    }

    /// Runs `kubectl` as administrator.
    pub async fn kubectl(&self, args: &[&str]) -> Result<CommandOutput> {
        self.command("kubectl", args, "").await
    }

    /// Runs `helm` as administrator.
    pub async fn helm(&self, args: &[&str]) -> Result<CommandOutput> {
        self.command("helm", args, "").await
    }

    /// `kubectl apply` of manifests, whatever comes of it.
    pub async fn try_apply(&self, manifests: &str) -> Result<CommandOutput> {
        self.pipe(&["apply", "-f", "-"], manifests).await
    }

    /// Runs `kubectl` as administrator with a standard input.
    pub async fn pipe(&self, args: &[&str], input: &str) -> Result<CommandOutput> {
        self.command("kubectl", args, input).await
    }

    /// `kubectl apply` of manifests that have to be accepted.
    pub async fn apply(&self, manifests: &str) -> Result<String> {
        self.try_apply(manifests).await?.expect_ok()
    }

    /// The path of a binary of the control plane, such as `kubectl`.
    pub fn binary(&self, name: &str) -> Result<PathBuf> {
        self.assets.path(name)
    }

    /// Whether all components still run.
    pub fn check(&self) -> Result<()> {
        let mut daemons = self.daemons.lock().unwrap_or_else(PoisonError::into_inner);
        daemons.iter_mut().try_for_each(|(_, daemon)| daemon.check())
    }

    async fn bring_up(&self, pods: Pods) -> Result<()> {
        self.start_storage_and_api().await?;
        self.wait_until_ready().await?;
        self.start_controllers(pods)
    }

    async fn command(&self, name: &str, args: &[&str], input: &str) -> Result<CommandOutput> {
        let caches = self.home.join("helm");
        let mut child = Command::new(self.binary(name)?)
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.home.path())
            .envs([("HELM_CACHE_HOME", &caches), ("HELM_CONFIG_HOME", &caches), ("HELM_DATA_HOME", &caches)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(CommandOutput {
            ok: output.status.success(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        })
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let client = self.client();
        let ready = eventually("the API server is ready", STARTUP, || async {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            Ok(client.request_text(request).await?)
        });
        tokio::select! {
            ready = ready => ready.map(drop),
            end = self.first_end() => end,
        }
    }

    /// Ends, with its log, when the first of the components ends.
    async fn first_end(&self) -> Result<()> {
        let mut ticks = ticks();
        loop {
            ticks.tick().await;
            self.check()?;
        }
    }
}

/// A client without the noise of its debug form.
struct ClientHandle(Client);

impl std::fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
