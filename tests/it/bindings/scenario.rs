//! A cluster with a Service and four bindings of a user's, and what may happen to it.

use crate::faults::faults;
use crate::nodes::{self, EDGE, NODES, Node};
use crate::watchdog::Watchdog;
use aws_load_balancer_controller::aws_api::elbv2::{
    CreateTargetGroup, DeregisterTargets, LoadBalancerType, Protocol, RegisterTargets, Target, TargetType,
};
use aws_load_balancer_controller::config::Config;
use aws_sim::contract::{TestAccount, forward_to, listener_on};
use aws_sim::{Delays, Fault, WorldBuilder};
use futures::FutureExt as _;
use proptest::prelude::*;
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The bindings: two of target groups that are ours alone, two of such that another cluster uses as well.
const BINDINGS: [&str; 4] = ["pods", "nodes", "shared-pods", "shared-nodes"];
const SERVICE: &str = "web";
/// Ports by name, with the port of the pods behind them.
const PORTS: [(&str, i32, i32); 2] = [("p80", 80, 8080), ("p9000", 9000, 9090)];
/// Pods whose nodes may be in the cluster; the node after those is another cluster's.
const PODS: [usize; 8] = [0, 1, 2, 3, 5, 6, 7, 8];

/// A binding as it is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Which port of the Service, and whether by name.
    port: (usize, bool),
    /// Whether only nodes at the edge are targets.
    at_edge: bool,
    /// Which rules let traffic through.
    networking: Option<usize>,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// A binding is as wanted, or is deleted.
    Bind(usize, Option<Wanted>),
    /// These pods are ready endpoints.
    Pods(Vec<usize>),
    Nodes(Vec<Node>),
    /// The Service has these node ports, or does not exist.
    Service(Option<i32>),
    /// The other cluster registers these of its targets, and takes the others back.
    Foreign(usize, Vec<usize>),
    Fault(Fault),
    Restart,
}

/// Any edit.
pub(crate) fn edits() -> impl Strategy<Value = Edit> {
    let wanted =
        ((0..PORTS.len(), any::<bool>()), any::<bool>(), proptest::option::weighted(0.7, 0_usize..4))
            .prop_map(|(port, at_edge, networking)| Wanted { port, at_edge, networking });
    let bind = (0..BINDINGS.len(), proptest::option::weighted(0.8, wanted));
    let pods = proptest::sample::subsequence(PODS.to_vec(), 0..=4);
    let foreign = (2..BINDINGS.len(), proptest::sample::subsequence(vec![0, 1], 0..=2));
    prop_oneof![
        4 => bind.prop_map(|(binding, wanted)| Edit::Bind(binding, wanted)),
        3 => pods.prop_map(Edit::Pods),
        3 => nodes::nodes().prop_map(Edit::Nodes),
        1 => proptest::option::weighted(0.7, 0_i32..2).prop_map(Edit::Service),
        1 => foreign.prop_map(|(binding, targets)| Edit::Foreign(binding, targets)),
        3 => faults(1..16).prop_map(Edit::Fault),
        1 => Just(Edit::Restart),
    ]
}

/// The cluster, its AWS account, and a controller.
pub(crate) struct Scenario {
    pub rig: Rig,
    watchdog: Watchdog,
    arns: Vec<String>,
    wanted: Vec<Option<Wanted>>,
    pods: Vec<usize>,
    nodes: Vec<Node>,
    node_ports: Option<i32>,
    /// Targets of the other cluster in each target group.
    foreign: Vec<Vec<usize>>,
    /// Pods that are no endpoints any more and still run.
    leaving: BTreeSet<usize>,
}

/// An account with a load balancer of a user's and a listener for each target group. Answers the ARNs of those.
fn open_account() -> (Rig, Vec<String>) {
    let delays =
        Delays { initial: Duration::from_secs(2), draining: Duration::from_secs(5), ..Delays::default() };
    let settings = aws_sim::Settings { delays, ..aws_sim::Settings::default() };
    let world = WorldBuilder::new("demo").nodes(NODES + 1).settings(settings).build();
    // why: pods live on here when they are no endpoints any more, and a fresh apply would not register them
    let config = Config { keep_last_healthy_targets: false, ..Options::default().config };
    let rig = Rig::new(Options { world, config, ..Options::default() });
    let account = TestAccount::new(Arc::new(rig.aws.clone()), rig.aws.world(|world| world.ids().clone()));
    let arns = async {
        let balancer = account.send(account.internal(LoadBalancerType::Network)).await.unwrap();
        let mut arns = Vec::new();
        for (port, name) in (81..).zip(BINDINGS) {
            let target_type = if is_of_nodes(name) { TargetType::Instance } else { TargetType::Ip };
            let name = format!("tg-{name}");
            let group = CreateTargetGroup { name, target_type, ..account.ip_group(Protocol::Tcp) };
            let arn = account.send(group).await.unwrap().arn;
            account.send(listener_on(&balancer, port, vec![forward_to([arn.as_str()])])).await.unwrap();
            arns.push(arn);
        }
        arns
    };
    let arns = arns.now_or_never().unwrap();
    rig.aws.clear_calls();
    (rig, arns)
}

fn is_of_nodes(binding: &str) -> bool {
    binding.ends_with("nodes")
}

impl Scenario {
    pub async fn open() -> Self {
        let (rig, arns) = open_account();
        let begin = Wanted { port: (0, false), at_edge: false, networking: Some(0) };
        let mut scenario = Self {
            rig,
            watchdog: Watchdog::default(),
            arns,
            wanted: vec![Some(begin); BINDINGS.len()],
            pods: vec![0, 1],
            nodes: nodes::sound(),
            node_ports: Some(0),
            foreign: vec![Vec::new(); BINDINGS.len()],
            leaving: BTreeSet::new(),
        };
        (2..BINDINGS.len()).for_each(|binding| scenario.register_foreign(binding, vec![0, 1]));
        scenario.build(&scenario.rig);
        scenario.rig.start().await;
        scenario.run_until_idle().await.unwrap();
        scenario
    }

    /// Lets something happen.
    pub async fn make(&mut self, edit: &Edit) {
        match edit {
            Edit::Bind(binding, wanted) => self.wanted[*binding] = *wanted,
            Edit::Pods(pods) => {
                let former = std::mem::replace(&mut self.pods, pods.clone());
                self.leaving.extend(former.into_iter().filter(|pod| !pods.contains(pod)));
            }
            Edit::Nodes(nodes) => self.nodes.clone_from(nodes),
            Edit::Service(node_ports) => self.node_ports = *node_ports,
            Edit::Foreign(binding, targets) => self.register_foreign(*binding, targets.clone()),
            Edit::Fault(fault) => self.rig.aws.arm(fault.clone()),
            Edit::Restart => self.rig.restart().await,
        }
        self.build(&self.rig);
        for pod in self.pods.iter().filter(|pod| self.is_homeless(**pod)) {
            self.rig.remove_pod(SERVICE, *pod);
        }
    }

    /// Waits until nothing happens any more, and looks whether anybody loses what must stay.
    pub async fn run_until_idle(&mut self) -> Result<(), String> {
        self.watchdog.run_until_idle(&mut self.rig).await?;
        let is_there =
            |name: &str| self.rig.api.get("targetgroupbindings", fixtures::NAMESPACE, name).is_some();
        if BINDINGS.iter().zip(&self.wanted).all(|(name, wanted)| wanted.is_none() || is_there(name)) {
            return Ok(());
        }
        // why: what was applied while it was being deleted is gone
        self.build(&self.rig);
        self.watchdog.run_until_idle(&mut self.rig).await
    }

    /// Waits until an audit has taken away what nobody needs any more.
    pub async fn quiesce(&mut self) -> Result<(), String> {
        tokio::time::sleep(Duration::from_hours(2)).await;
        self.run_until_idle().await
    }

    /// Pods that left end, now that the others have taken over.
    pub fn delete_services(&mut self) {
        for pod in std::mem::take(&mut self.leaving) {
            if !self.pods.contains(&pod) {
                self.rig.remove_pod(SERVICE, pod);
            }
        }
    }

    /// Deletes all bindings.
    pub fn remove_all(&mut self) {
        self.wanted.fill(None);
        for name in BINDINGS {
            self.rig.api.delete("targetgroupbindings", fixtures::NAMESPACE, name);
        }
    }

    // ---- the cluster ------------------------------------------------------------------------------------------------

    fn is_homeless(&self, pod: usize) -> bool {
        self.nodes[pod % (NODES + 1)].is_gone()
    }

    /// Puts everything that is wanted into a cluster.
    fn build(&self, rig: &Rig) {
        rig.seed();
        nodes::put(rig, &self.nodes);
        self.build_service(rig);
        for (index, name) in BINDINGS.iter().enumerate() {
            match &self.wanted[index] {
                Some(wanted) => rig.api.put(self.binding(index, wanted, rig)),
                None => drop(rig.api.delete("targetgroupbindings", fixtures::NAMESPACE, name)),
            }
        }
    }

    fn build_service(&self, rig: &Rig) {
        let Some(node_ports) = self.node_ports else {
            rig.api.delete("services", fixtures::NAMESPACE, SERVICE);
            rig.api.delete("endpointslices", fixtures::NAMESPACE, &format!("{SERVICE}-1"));
            return;
        };
        let mut service = fixtures::cluster_service(SERVICE, &PORTS.map(|(_, port, _)| port));
        service["spec"]["type"] = "NodePort".into();
        for (port, (_, _, target)) in service["spec"]["ports"].as_array_mut().unwrap().iter_mut().zip(PORTS) {
            port["nodePort"] = (node_port(target) + node_ports).into();
            port["targetPort"] = target.into();
        }
        rig.api.put(service);
        let pods: Vec<usize> = self.pods.iter().copied().filter(|pod| !self.is_homeless(*pod)).collect();
        rig.serve_gated(SERVICE, &pods, &gates());
        rig.api.edit("endpointslices", fixtures::NAMESPACE, &format!("{SERVICE}-1"), |slice| {
            for (port, (_, _, target)) in slice["ports"].as_array_mut().unwrap().iter_mut().zip(PORTS) {
                port["port"] = target.into();
            }
        });
    }

    fn binding(&self, index: usize, wanted: &Wanted, rig: &Rig) -> Value {
        let name = BINDINGS[index];
        let (port, is_named) = wanted.port;
        let (port_name, number, target) = PORTS[port];
        let mut spec = json!({
            "targetGroupARN": self.arns[index], "targetType": "ip", "targetGroupProtocol": "TCP",
            "ipAddressType": "ipv4",
            "serviceRef": {"name": SERVICE, "port": if is_named { json!(port_name) } else { json!(number) }},
        });
        if is_of_nodes(name) {
            spec["targetType"] = "instance".into();
            if wanted.at_edge {
                spec["nodeSelector"] = json!({"matchLabels": {EDGE.0: EDGE.1}});
            }
        }
        if name.starts_with("shared") {
            spec["multiClusterTargetGroup"] = true.into();
        }
        if let Some(networking) = wanted.networking {
            let target = if is_of_nodes(name) { node_port(target) } else { target };
            spec["networking"] = json!({"ingress": [ingress(rig, networking, target)]});
        }
        json!({
            "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
            "metadata": {"name": name, "namespace": fixtures::NAMESPACE}, "spec": spec,
        })
    }

    /// What a second reconcile must leave as it is.
    pub fn versions(&self) -> Vec<String> {
        let kinds = ["targetgroupbindings", "pods", "configmaps"].iter();
        let objects = kinds.flat_map(|kind| self.rig.api.list(kind));
        objects
            .map(|object| format!("{} {}", object["metadata"]["name"], object["metadata"]["resourceVersion"]))
            .collect()
    }

    /// Endpoints whose gate of a binding that exists is not open.
    pub fn closed_gates(&self) -> Vec<String> {
        let endpoints = self.pods.iter().filter(|pod| !self.is_homeless(**pod) && self.node_ports.is_some());
        let bound =
            BINDINGS.iter().zip(&self.wanted).filter(|(name, wanted)| wanted.is_some() && !is_of_nodes(name));
        let bound: Vec<String> = bound.map(|(name, _)| gate(name)).collect();
        let mut closed = Vec::new();
        for pod in endpoints {
            let name = format!("{SERVICE}-{pod}");
            let found = self.rig.api.get("pods", fixtures::NAMESPACE, &name).unwrap();
            let conditions = found["status"]["conditions"].as_array().unwrap();
            let is_open = |gate: &&String| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == ***gate && condition["status"] == "True")
            };
            closed.extend(bound.iter().filter(|gate| !is_open(gate)).map(|gate| format!("{name}: {gate}")));
        }
        closed
    }

    // ---- other accounts, and other clusters -------------------------------------------------------------------------

    /// Another account after a controller has seen the cluster as it is now, and nothing else.
    pub async fn fresh(&self) -> Rig {
        let mut fresh = self.untouched();
        self.build(&fresh);
        fresh.start().await;
        fresh.run_until_idle().await;
        fresh
    }

    /// Another account as no controller has seen it.
    pub fn untouched(&self) -> Rig {
        let (rig, arns) = open_account();
        assert_eq!(arns, self.arns);
        for (arn, targets) in arns.iter().zip(&self.foreign).filter(|(_, targets)| !targets.is_empty()) {
            let targets = targets.iter().map(|target| foreign(&rig, arn, *target)).collect();
            rig.ask(RegisterTargets { arn: arn.as_str().into(), targets });
        }
        rig
    }

    fn register_foreign(&mut self, binding: usize, wanted: Vec<usize>) {
        let arn = &self.arns[binding];
        let targets = |numbers: &[usize]| -> Vec<Target> {
            numbers.iter().map(|number| foreign(&self.rig, arn, *number)).collect()
        };
        let gone: Vec<usize> =
            self.foreign[binding].iter().copied().filter(|target| !wanted.contains(target)).collect();
        if !gone.is_empty() {
            self.rig.ask(DeregisterTargets { arn: arn.as_str().into(), targets: targets(&gone) });
        }
        if !wanted.is_empty() {
            self.rig.ask(RegisterTargets { arn: arn.as_str().into(), targets: targets(&wanted) });
        }
        let ids = targets(&wanted).iter().map(|target| target.id.known().unwrap().to_owned()).collect();
        self.watchdog.foreign.insert(arn.clone(), ids);
        self.foreign[binding] = wanted;
    }
}

/// A target of the other cluster.
fn foreign(rig: &Rig, arn: &str, number: usize) -> Target {
    let port = Some(8080 + i32::try_from(number).unwrap());
    if arn.contains("nodes") {
        let instance = rig.aws.world(|world| world.nodes()[NODES].instance_id.clone());
        return Target { id: instance.into(), port, ..Target::default() };
    }
    Target { id: format!("10.0.{}.200", 64 * (number + 1)).into(), port: Some(8080), ..Target::default() }
}

/// The records of targets that are ours, by name.
pub(crate) fn records(rig: &Rig) -> BTreeMap<String, Value> {
    let records = rig.api.list("configmaps").into_iter().filter_map(|object| {
        let name = object["metadata"]["name"].as_str()?.to_owned();
        name.starts_with("aws-lbc-targets-").then(|| (name, object["data"].clone()))
    });
    records.collect()
}

fn node_port(target: i32) -> i32 {
    22000 + target
}

fn gate(binding: &str) -> String {
    format!("target-health.elbv2.k8s.aws/{binding}")
}

fn gates() -> Vec<String> {
    BINDINGS.iter().filter(|name| !is_of_nodes(name)).map(|name| gate(name)).collect()
}

/// A rule that lets traffic to the targets.
fn ingress(rig: &Rig, number: usize, port: i32) -> Value {
    let group =
        |name: &str| json!({"securityGroup": {"groupID": rig.aws.world(|world| world.id(name).to_owned())}});
    match number {
        0 => json!({"from": [group("SG_1")], "ports": [{"protocol": "TCP", "port": port}]}),
        1 => {
            json!({"from": [group("SG_1"), group("SG_2")], "ports": [{"protocol": "TCP", "port": port + 1}]})
        }
        2 => {
            json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"protocol": "UDP", "port": port}]})
        }
        _ => json!({"from": [group("SG_2")], "ports": [{"protocol": "TCP"}]}),
    }
}
