//! The command lines of the control plane.

use std::sync::PoisonError;

use anyhow::{Context as _, Result};

use super::{Cluster, Pods};
use crate::{
    daemon::{Daemon, Program},
    http::free_address,
};

/// Controllers that would fight with fake nodes or need a cloud.
const CONTROLLERS: &str = "*,-nodeipam,-cloud-node-lifecycle,-node-route-controller,-service-lb-controller,-node-lifecycle-controller,\
                           -taint-eviction-controller,-persistentvolume-binder-controller,-persistentvolume-attach-detach-controller";

/// Where Services get their cluster addresses; outside of the VPC.
const SERVICE_CIDR: &str = "172.20.0.0/16";

/// Where kwok finds addresses for pods whose node has no range.
const POD_CIDR: &str = "10.0.0.0/24";

/// What kwok plays: nodes, and pods unless they are processes.
fn stages(pods: Pods) -> String {
    let all = include_str!("stages.yaml").split("\n---\n");
    let played = all.filter(|stage| pods == Pods::Kwok || !stage.contains("kind: Pod}"));
    played.collect::<Vec<_>>().join("\n---\n")
}

/// A component that was killed.
#[derive(Debug)]
#[must_use]
pub struct Killed<'a> {
    cluster: &'a Cluster,
    program: Program,
}

impl Killed<'_> {
    /// Starts it again, and waits until the API server is ready.
    pub async fn start(self) -> Result<()> {
        self.cluster.launch(self.program)?;
        self.cluster.wait_until_ready().await
    }
}

impl Cluster {
    pub(super) async fn start_storage_and_api(&self) -> Result<()> {
        let (clients, peers) = (free_address().await?, free_address().await?);
        self.run(
            "etcd",
            &[
                format!("--data-dir={}", self.home.join("etcd").display()),
                format!("--listen-client-urls=http://{clients}"),
                format!("--advertise-client-urls=http://{clients}"),
                format!("--listen-peer-urls=http://{peers}"),
                format!("--initial-advertise-peer-urls=http://{peers}"),
                format!("--initial-cluster=default=http://{peers}"),
                "--unsafe-no-fsync".to_owned(),
                "--log-level=warn".to_owned(),
            ],
        )?;
        let egress = self.home.write("egress.json", self.tunnel.egress_selector())?;
        let made = &self.credentials;
        let args = [
            format!("--etcd-servers=http://{clients}"),
            format!("--secure-port={}", self.server.port()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", self.home.join("apiserver").display()),
            format!("--tls-cert-file={}", made.certificate.display()),
            format!("--tls-private-key-file={}", made.key.display()),
            format!("--service-account-key-file={}", made.account_public_key.display()),
            format!("--service-account-signing-key-file={}", made.account_key.display()),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--token-auth-file={}", made.tokens.display()),
            "--authorization-mode=RBAC".to_owned(),
            format!("--egress-selector-config-file={}", egress.display()),
            format!("--service-cluster-ip-range={SERVICE_CIDR}"),
            "--endpoint-reconciler-type=none".to_owned(),
            "--disable-admission-plugins=TaintNodesByCondition".to_owned(),
            "--allow-privileged=true".to_owned(),
        ];
        self.run("kube-apiserver", &args)
    }

    pub(super) fn start_controllers(&self, pods: Pods) -> Result<()> {
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig().display());
        let quick = [
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--bind-address=127.0.0.1",
        ];
        let common = || quick.iter().map(|flag| (*flag).to_owned()).chain([kubeconfig.clone()]);
        let mut manager: Vec<String> = common().collect();
        manager.extend([
            // why: port 0 turns the endpoint off, and nothing asks it.
            "--secure-port=0".to_owned(),
            format!("--controllers={CONTROLLERS}"),
            format!("--root-ca-file={}", self.credentials.authority.display()),
            format!("--service-account-private-key-file={}", self.credentials.account_key.display()),
        ]);
        self.run("kube-controller-manager", &manager)?;
        let scheduler: Vec<String> = common().chain(["--secure-port=0".to_owned()]).collect();
        self.run("kube-scheduler", &scheduler)?;
        let stages = self.home.write("stages.yaml", stages(pods))?;
        self.run(
            "kwok",
            &[
                kubeconfig,
                format!("--config={}", stages.display()),
                "--manage-all-nodes=true".to_owned(),
                "--node-lease-duration-seconds=0".to_owned(),
                format!("--cidr={POD_CIDR}"),
            ],
        )
    }

    fn run(&self, name: &str, args: &[String]) -> Result<()> {
        let program = Program::new(name, self.assets.path(name)?).args(args);
        self.launch(program)
    }

    fn launch(&self, program: Program) -> Result<()> {
        let daemon = Daemon::start(&program, self.home.path())?;
        self.daemons.lock().unwrap_or_else(PoisonError::into_inner).push((program, daemon));
        Ok(())
    }

    /// Kills a component; answers what starts it again.
    pub async fn kill(&self, name: &str) -> Result<Killed<'_>> {
        let killed = {
            let mut daemons = self.daemons.lock().unwrap_or_else(PoisonError::into_inner);
            let place = daemons.iter().position(|(program, _)| program.name == name);
            daemons.remove(place.with_context(|| format!("{name} is no component"))?)
        };
        let (program, mut daemon) = killed;
        daemon.kill().await?;
        Ok(Killed { cluster: self, program })
    }
}
