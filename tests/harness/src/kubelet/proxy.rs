//! What kube-proxy does for NodePorts (TCP): every node listens, and passes on to endpoints.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_sim::{
    Network,
    data_plane::{Address, claim},
};
use k8s_openapi::api::{
    core::v1::{Node, Service},
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use rand::seq::IndexedRandom as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How often Services and endpoints are read.
const PERIOD: Duration = Duration::from_millis(200);

/// Where a node listens, and what for.
type Door = (String, u16);

/// What is behind a NodePort of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Behind {
    /// Endpoints.
    Endpoints(Vec<SocketAddr>),
    /// The health check of a Service with local endpoints only: whether the node has any.
    Check(bool),
}

type Table = Arc<Mutex<BTreeMap<Door, Behind>>>;

/// The proxies of all nodes.
pub(super) struct Proxy {
    client: Client,
    network: Network,
    nodes: BTreeMap<String, Address>,
}

impl Proxy {
    /// Gives every node a loopback address.
    pub(super) async fn new(client: Client, network: Network) -> Result<Self> {
        let mut nodes = BTreeMap::new();
        for node in Api::<Node>::all(client.clone()).list(&ListParams::default()).await? {
            let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
            let mut internal = addresses.into_iter().filter(|address| address.type_ == "InternalIP");
            let internal = internal.next().context("a node without an address")?.address.parse()?;
            let address = claim().await;
            network.map_host(internal, address.ip());
            nodes.insert(node.name_any(), address);
        }
        Ok(Self { client, network, nodes })
    }

    /// Follows the Services until the task is aborted.
    pub(super) async fn run(self) {
        let table = Table::default();
        let mut doors: BTreeMap<Door, JoinSet<()>> = BTreeMap::new();
        loop {
            // What cannot be read now is read the next time.
            if let Ok(wanted) = self.read().await {
                doors.retain(|door, _| wanted.contains_key(door));
                for door in
                    wanted.keys().filter(|door| !doors.contains_key(*door)).cloned().collect::<Vec<_>>()
                {
                    let Some(node) = self.nodes.get(&door.0) else { continue };
                    let Ok(listener) = TcpListener::bind((node.ip(), door.1)).await else { continue };
                    let mut task = JoinSet::new();
                    task.spawn(accept(listener, door.clone(), Arc::clone(&table), self.network.clone()));
                    doors.insert(door, task);
                }
                *table.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn read(&self) -> Result<BTreeMap<Door, Behind>> {
        let services = Api::<Service>::all(self.client.clone()).list(&ListParams::default()).await?;
        let mut wanted = BTreeMap::new();
        for service in services {
            let Some(spec) = &service.spec else { continue };
            let ports = spec.ports.iter().flatten().filter(|port| port.node_port.is_some());
            let ports: Vec<_> = ports.collect();
            if ports.is_empty() {
                continue;
            }
            let api = Api::<EndpointSlice>::namespaced(
                self.client.clone(),
                &service.namespace().unwrap_or_default(),
            );
            let label = format!("kubernetes.io/service-name={}", service.name_any());
            let slices = api.list(&ListParams::default().labels(&label)).await?.items;
            let local = spec.external_traffic_policy.as_deref() == Some("Local");
            for node in self.nodes.keys() {
                let here = local.then_some(node.as_str());
                for port in &ports {
                    let number = port.node_port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
                    let endpoints = endpoints(&slices, port.name.as_deref().unwrap_or_default(), here);
                    wanted.insert((node.clone(), number), Behind::Endpoints(endpoints));
                }
                let check = spec.health_check_node_port.and_then(|port| u16::try_from(port).ok());
                if let Some(check) = check.filter(|port| *port > 0) {
                    let mut names = ports.iter().map(|port| port.name.as_deref().unwrap_or_default());
                    let any = names.any(|name| !endpoints(&slices, name, Some(node)).is_empty());
                    wanted.insert((node.clone(), check), Behind::Check(any));
                }
            }
        }
        Ok(wanted)
    }
}

/// The ready endpoints of a port, or those that still serve while they end if there are no others.
fn endpoints(slices: &[EndpointSlice], port: &str, node: Option<&str>) -> Vec<SocketAddr> {
    let all = |fits: fn(&Endpoint) -> bool| {
        let mut found = Vec::new();
        for slice in slices {
            let mut ports = slice.ports.iter().flatten();
            let number = ports.find(|known| known.name.as_deref().unwrap_or_default() == port);
            let Some(number) = number.and_then(|known| u16::try_from(known.port?).ok()) else { continue };
            let here =
                slice.endpoints.iter().filter(|one| node.is_none() || one.node_name.as_deref() == node);
            let addresses = here.filter(|one| fits(one)).flat_map(|one| &one.addresses);
            found.extend(addresses.filter_map(|ip| Some(SocketAddr::new(ip.parse().ok()?, number))));
        }
        found
    };
    let ready = all(|one| one.conditions.as_ref().is_none_or(|known| known.ready != Some(false)));
    let serving = || all(|one| one.conditions.as_ref().is_some_and(|known| known.serving == Some(true)));
    if ready.is_empty() { serving() } else { ready }
}

async fn accept(listener: TcpListener, door: Door, table: Table, network: Network) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let behind = table.lock().unwrap_or_else(PoisonError::into_inner).get(&door).cloned();
        if let Some(behind) = behind {
            let network = network.clone();
            // How a connection ends concerns its two ends alone.
            connections.spawn(async move { drop(pass(stream, behind, network).await) });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(mut stream: TcpStream, behind: Behind, network: Network) -> Result<()> {
    match behind {
        Behind::Check(any) => {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await?;
            let status = if any { "200 OK" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
        }
        Behind::Endpoints(endpoints) => {
            let chosen = endpoints.choose(&mut rand::rng()).copied();
            let at = chosen.and_then(|endpoint| network.locate(endpoint));
            let connected = match at {
                Some(at) => TcpStream::connect(at).await.ok(),
                None => None,
            };
            let Some(mut target) = connected else {
                stream.set_zero_linger()?;
                return Ok(());
            };
            target.set_nodelay(true)?;
            stream.set_nodelay(true)?;
            copy_bidirectional(&mut stream, &mut target).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn node_ports_lead_to_ready_endpoints_and_to_ending_ones_if_there_are_no_others() {
        let slice = |ready: bool, serving: bool| -> EndpointSlice {
            serde_json::from_value(json!({
                "addressType": "IPv4",
                "ports": [{"name": "web", "port": 8080}],
                "endpoints": [
                    {"addresses": ["10.0.0.1"], "nodeName": "a", "conditions": {"ready": ready, "serving": true}},
                    {"addresses": ["10.0.0.2"], "nodeName": "b", "conditions": {"ready": false, "serving": serving}},
                ],
            }))
            .unwrap()
        };
        let at = |last: u8| SocketAddr::from(([10, 0, 0, last], 8080));
        for (ready, serving, port, node, expected) in [
            (true, true, "web", None, vec![at(1)]),
            (false, true, "web", None, vec![at(1), at(2)]),
            (false, false, "web", None, vec![at(1)]),
            (true, true, "web", Some("b"), vec![at(2)]),
            (true, false, "web", Some("b"), vec![]),
            (true, true, "other", None, vec![]),
        ] {
            assert_eq!(
                endpoints(&[slice(ready, serving)], port, node),
                expected,
                "{ready} {serving} {port} {node:?}"
            );
        }
    }
}
