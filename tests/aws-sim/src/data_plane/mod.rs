//! The traffic side of the simulated load balancers: every listener really listens on loopback, and forwards as AWS documents it.
//!
//! Off unless a [`DataPlane`] is started. Then each load balancer has a loopback address in every zone, its listeners listen there,
//! targets are checked for real, and what a client gets is what its pods answer, or what AWS would answer without them.
//!
//! What reaches the data plane is a [`View`] of the world, which is some time old
//! ([`PlaneSettings::propagation`]): a change by the API takes that long to change where traffic goes, as in AWS. Health is
//! measured here and takes effect at once.
//!
//! Where an address of the VPC really is on loopback says the [`Network`].
//!
//! Sources: the user guides of Application and Network Load Balancers,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/> and
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/>. What they leave open is assumed, and marked so.

mod application;
mod bodies;
mod checks;
mod conditions;
mod connections;
mod headers;
mod listeners;
mod loopback;
mod network;
mod network_balancer;
mod patterns;
mod rewrite;
mod selection;
mod stickiness;
mod tls;
mod udp;
mod upstream;
mod view;

pub use loopback::{Address, claim};
pub use network::Network;

use crate::{Sim, elb::TargetKey};
use aws_load_balancer_controller::aws_api::elbv2::TargetHealthState;
use checks::Checks;
use connections::Connections;
use listeners::Listeners;
use parking_lot::{Mutex, RwLock};
use rand::{SeedableRng, rngs::StdRng};
use selection::Turns;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tls::Certificates;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use view::View;

/// How often the world is looked at.
const TICK: Duration = Duration::from_millis(20);

/// How the data plane behaves where AWS's behaviour varies.
#[derive(Clone, Debug)]
pub struct PlaneSettings {
    /// From a change by the API until traffic follows it. AWS: about a second for an ALB, a minute or more for an NLB.
    pub propagation: Duration,
    /// How many times faster than configured targets are checked: intervals are divided by it. Time-outs are kept.
    pub pace: u32,
    /// Where the random choices begin, so that a run can be repeated.
    pub seed: u64,
}

impl Default for PlaneSettings {
    fn default() -> Self {
        Self { propagation: Duration::ZERO, pace: 20, seed: 16 }
    }
}

/// A target of a target group, across all target groups: the ARN of the group, and the target.
pub(crate) type Place = (String, TargetKey);

/// The running data plane of a simulator. Dropping it closes every listener and every connection.
#[derive(Debug)]
pub struct DataPlane {
    shared: Arc<Shared>,
}

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// ARN of the listener.
    pub listener: String,
    /// DNS name of its load balancer.
    pub dns_name: String,
    /// Protocol, as AWS spells it.
    pub protocol: String,
    /// The port it has in AWS; on loopback it may be another one.
    pub port: i32,
    /// Its address in each zone.
    pub zones: Vec<ZoneAddress>,
}

/// Where a listener can be reached in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneAddress {
    /// Name of the zone.
    pub zone: String,
    /// The address on loopback.
    pub address: SocketAddr,
    /// Whether the DNS name leads there: not if other zones have healthy targets and this one has none.
    pub in_dns: bool,
}

impl Reachable {
    /// The addresses that the DNS name leads to.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.zones.iter().filter(|zone| zone.in_dns).map(|zone| zone.address).collect()
    }
}

/// What all parts of the data plane share.
pub(crate) struct Shared {
    sim: Sim,
    settings: Mutex<PlaneSettings>,
    network: Network,
    certificates: Certificates,
    view: RwLock<Arc<View>>,
    listeners: Mutex<Listeners>,
    checks: Mutex<Checks>,
    connections: Connections,
    turns: Turns,
    tasks: TaskTracker,
    /// Cancelled when the data plane ends.
    end: CancellationToken,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataPlane")
    }
}

impl DataPlane {
    /// Lets the load balancers of a simulator carry traffic. Its clock has to run.
    ///
    /// Errors: no certificate can be made.
    pub fn start(sim: Sim, settings: PlaneSettings, network: Network) -> anyhow::Result<Self> {
        let turns = Turns::new(StdRng::seed_from_u64(settings.seed));
        let shared = Arc::new(Shared {
            sim,
            settings: Mutex::new(settings),
            network,
            certificates: Certificates::new()?,
            view: RwLock::default(),
            listeners: Mutex::default(),
            checks: Mutex::default(),
            connections: Connections::default(),
            turns,
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        });
        shared.sim.world(|world| world.settings.health.measured = Some(BTreeMap::new()));
        shared.spawn(follow(Arc::clone(&shared)));
        shared.spawn(checks::run(Arc::clone(&shared)));
        Ok(Self { shared })
    }

    /// How it behaves; may be changed at any time.
    pub fn settings<T>(&self, change: impl FnOnce(&mut PlaneSettings) -> T) -> T {
        change(&mut self.shared.settings.lock())
    }

    /// Where addresses of the VPC really are.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }

    /// Every listener that listens now.
    pub fn reachable(&self) -> Vec<Reachable> {
        self.shared.reachable()
    }

    /// Where the listener of a load balancer, by its DNS name, can be reached; empty while it does not listen.
    pub fn addresses(&self, dns_name: &str, port: i32) -> Vec<SocketAddr> {
        let wanted = |at: &Reachable| at.dns_name.eq_ignore_ascii_case(dns_name) && at.port == port;
        self.reachable().iter().find(|at| wanted(at)).map(Reachable::addresses).unwrap_or_default()
    }

    /// Serves this certificate (PEM, the leaf first) under the ARN of an ACM certificate.
    ///
    /// Errors: it is no certificate, or not the key of it.
    pub fn set_certificate(&self, arn: &str, chain: &str, key: &str) -> anyhow::Result<()> {
        self.shared.certificates.set(arn, chain, key)
    }

    /// The authority (PEM) of the certificates that nobody set.
    pub fn authority(&self) -> &str {
        self.shared.certificates.authority()
    }

    /// What the control endpoint shows.
    pub fn describe(&self) -> Value {
        let listeners = self.reachable().into_iter().map(|at| {
            let zones = at.zones.iter().map(
                |zone| json!({"zone": zone.zone, "address": zone.address.to_string(), "inDNS": zone.in_dns}),
            );
            json!({"listener": at.listener, "dnsName": at.dns_name, "protocol": at.protocol, "port": at.port,
                "zones": zones.collect::<Vec<_>>()})
        });
        json!({
            "running": true,
            "propagationSeconds": self.settings(|settings| settings.propagation.as_secs_f64()),
            "listeners": listeners.collect::<Vec<_>>(),
            "authority": self.authority(),
        })
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.shared.end.cancel();
        self.shared.sim.world(|world| world.settings.health.measured = None);
    }
}

impl Shared {
    /// Runs a task until it ends or the data plane does.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        // A task that is cut off has nothing to say: the data plane has ended.
        self.tasks.spawn(async move { end.run_until_cancelled(task).await.unwrap_or(()) });
    }

    /// The world as the data plane knows it.
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    /// What was found of a target; `initial` before anything was.
    fn health(&self, place: &Place) -> TargetHealthState {
        self.checks.lock().state(place)
    }

    fn reachable(&self) -> Vec<Reachable> {
        let view = self.view();
        let listeners = self.listeners.lock();
        let known = view.listeners.values().filter_map(|listener| {
            let mut zones = listeners.addresses(&listener.described.arn);
            let serving: Vec<_> =
                zones.keys().filter(|zone| self.is_served(&view, listener, zone)).cloned().collect();
            let in_dns = |zone: &String| serving.is_empty() || serving.contains(zone);
            let zones: Vec<_> = std::mem::take(&mut zones)
                .into_iter()
                .map(|(zone, address)| ZoneAddress { in_dns: in_dns(&zone), zone, address })
                .collect();
            (!zones.is_empty()).then(|| Reachable {
                listener: listener.described.arn.clone(),
                dns_name: listener.balancer.described.dns_name.clone(),
                protocol: listener.described.protocol.to_string(),
                port: listener.described.port,
                zones,
            })
        });
        known.collect()
    }
}

/// Looks at the world again and again; what is old enough becomes the view, and listeners and connections follow it.
async fn follow(shared: Arc<Shared>) {
    let mut pending: VecDeque<(Instant, Arc<View>)> = VecDeque::new();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let newest = shared.sim.world(|world| View::of(world));
        let last = pending.back().map_or_else(|| shared.view(), |(_, view)| Arc::clone(view));
        if *last != newest {
            pending.push_back((now, Arc::new(newest)));
        }
        let propagation = shared.settings.lock().propagation;
        while let Some((_, view)) = pending.pop_front_if(|(at, _)| *at + propagation <= now) {
            *shared.view.write() = view;
        }
        let view = shared.view();
        listeners::follow(&shared, &view).await;
        shared.connections.follow(&view);
    }
}
