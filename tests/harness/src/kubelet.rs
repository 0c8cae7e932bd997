//! A kubelet for all nodes at once, whose containers are processes on loopback addresses.
//!
//! Each pod has an address of its node's range, as with the CNI of EKS, and a loopback address where its process really listens;
//! the data plane's [`Network`] knows which is which. Readiness and liveness probes, `preStop`, SIGTERM and
//! `terminationGracePeriodSeconds` are what Kubernetes says they are; of a pod with several containers the first is run.
//! NodePorts lead to pods through [`proxy`]. Pods of `kube-system` run at once and are no processes.

mod echo_server;
mod life;
mod probes;
mod proxy;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use aws_sim::Network;
use futures::{StreamExt as _, TryStreamExt as _};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{
        WatchStreamExt as _, watcher,
        watcher::{Config, Event},
    },
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::{assets::tool, cluster::Cluster};

/// Whose pods are no processes.
const SYSTEM: &str = "kube-system";

/// The kubelet; dropping it kills all pods.
#[derive(Debug)]
pub struct Kubelet {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

/// What all pods share.
struct Shared {
    client: Client,
    network: Network,
    program: PathBuf,
    /// Where the echo server of the Gateway API's conformance suite is, once that is known.
    echo_basic: Mutex<Option<PathBuf>>,
    logs: PathBuf,
    /// Where files of volumes are.
    volumes: PathBuf,
    addresses: Mutex<Addresses>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kubelet")
    }
}

/// The addresses of pods, by node.
#[derive(Default)]
struct Addresses {
    last: BTreeMap<String, usize>,
    taken: BTreeSet<IpAddr>,
}

impl Kubelet {
    /// Runs the pods of a cluster that was started without kwok's. `network` learns where they are.
    pub async fn start(cluster: &Cluster, network: &Network) -> Result<Self> {
        let shared = Arc::new(Shared {
            client: cluster.client(),
            network: network.clone(),
            program: tool("pod")?,
            echo_basic: Mutex::default(),
            logs: cluster.home().folder("pods")?,
            volumes: cluster.home().folder("volumes")?,
            addresses: Mutex::default(),
        });
        let proxy = proxy::Proxy::new(cluster.client(), network.clone()).await?;
        let tasks = vec![
            tokio::spawn(follow_pods(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(proxy.run()).abort_handle(),
        ];
        Ok(Self { shared, tasks })
    }

    /// Runs this in pods with the image of the Gateway API's echo server, from now on.
    pub fn run_echo_basic(&self, program: PathBuf) {
        *self.shared.echo_basic.lock().unwrap_or_else(PoisonError::into_inner) = Some(program);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Lets every pod that has a node live, and tells it what becomes of it.
async fn follow_pods(shared: Arc<Shared>) {
    let pods = Api::<Pod>::all(shared.client.clone());
    let mut events = watcher(pods, Config::default()).default_backoff().boxed();
    let (mut known, mut lives) = (BTreeMap::<String, watch::Sender<Pod>>::new(), JoinSet::new());
    loop {
        // What cannot be watched now is watched again later.
        let Ok(Some(event)) = events.try_next().await else { continue };
        match event {
            Event::Apply(pod) | Event::InitApply(pod) => {
                let uid = pod.uid().unwrap_or_default();
                if let Some(life) = known.get(&uid) {
                    life.send_replace(pod);
                } else if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
                    let (sender, receiver) = watch::channel(pod);
                    known.insert(uid, sender);
                    lives.spawn(life::live(Arc::clone(&shared), receiver));
                }
            }
            Event::Delete(pod) => {
                known.remove(&pod.uid().unwrap_or_default());
            }
            Event::Init | Event::InitDone => {}
        }
        while lives.try_join_next().is_some() {}
    }
}

impl Shared {
    /// The next free address of a node, and the node's own.
    async fn take_address(&self, node: &str) -> Result<(IpAddr, String)> {
        let object = Api::<Node>::all(self.client.clone()).get(node).await?;
        let range: IpNet =
            object.spec.and_then(|spec| spec.pod_cidr).context("the node has no range")?.parse()?;
        let addresses = object.status.and_then(|status| status.addresses).unwrap_or_default();
        let host = addresses.into_iter().find(|address| address.type_ == "InternalIP");
        let host = host.map(|address| address.address).unwrap_or_default();
        let mut all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        // why: an address is not given to another pod at once, as real networks do not
        let last = all.last.get(node).copied().unwrap_or_default();
        let mut free = range.hosts().enumerate().skip(last).chain(range.hosts().enumerate());
        let (place, ip) =
            free.find(|(_, ip)| !all.taken.contains(ip)).context("the node has no address left")?;
        all.last.insert(node.to_owned(), place + 1);
        all.taken.insert(ip);
        Ok((ip, host))
    }

    fn give_back(&self, ip: IpAddr) {
        self.network.forget(ip);
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).taken.remove(&ip);
    }

    fn locate(&self, ip: IpAddr, port: u16) -> Option<SocketAddr> {
        self.network.locate((ip, port).into())
    }
}
