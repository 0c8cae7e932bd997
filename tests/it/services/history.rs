//! A town of Services, and what may happen to it.

use aws_load_balancer_controller::cloud::elbv2::DeregisterTargets;
use aws_sim::{Calls, Delays, Effect, Fault, WorldBuilder};
use proptest::prelude::*;
use rig::{Options, Rig, shop};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// The Services, and the ports they may have.
const NAMES: [&str; 2] = ["cart", "till"];
const PORTS: [i32; 3] = [80, 443, 9000];
/// Nodes of the account.
const NODES: usize = 4;

/// An annotation that may be set, to what, and whether AWS goes back to a default when it is taken away again.
struct Setting(&'static str, &'static [&'static str], bool);

const SETTINGS: &[Setting] = &[
    Setting("aws-load-balancer-nlb-target-type", &["ip", "instance"], true),
    Setting("aws-load-balancer-scheme", &["internal", "internet-facing"], true),
    Setting("aws-load-balancer-ssl-cert", &["CERT_1", "CERT_1,CERT_2", "CERT_2"], true),
    Setting("aws-load-balancer-ssl-ports", &["443", "80,443"], true),
    Setting("aws-load-balancer-backend-protocol", &["ssl", "tcp"], true),
    Setting("aws-load-balancer-ssl-negotiation-policy", &["ELBSecurityPolicy-TLS13-1-2-2021-06"], true),
    Setting("aws-load-balancer-alpn-policy", &["HTTP2Preferred", "None"], true),
    Setting("aws-load-balancer-proxy-protocol", &["*"], true),
    Setting("aws-load-balancer-healthcheck-interval", &["10", "30"], true),
    Setting("aws-load-balancer-healthcheck-protocol", &["tcp", "http"], true),
    Setting("aws-load-balancer-healthcheck-path", &["/a", "/b"], true),
    Setting("aws-load-balancer-healthcheck-healthy-threshold", &["2", "5"], true),
    Setting(
        "aws-load-balancer-target-group-attributes",
        &["preserve_client_ip.enabled=true", "preserve_client_ip.enabled=false"],
        false,
    ),
    Setting(
        "aws-load-balancer-attributes",
        &["load_balancing.cross_zone.enabled=true", "load_balancing.cross_zone.enabled=false"],
        false,
    ),
    Setting("aws-load-balancer-additional-resource-tags", &["team=a", "team=b,cost-center=7"], true),
    Setting("aws-load-balancer-security-groups", &["sg-1", "sg-1,sg-2"], true),
    Setting("aws-load-balancer-manage-backend-security-group-rules", &["true", "false"], true),
    Setting("load-balancer-source-ranges", &["10.0.0.0/8", "10.0.0.0/8,192.0.2.0/24"], true),
    Setting("aws-load-balancer-security-group-prefix-lists", &["PL_1"], true),
    Setting("aws-load-balancer-enable-icmp-for-path-mtu-discovery", &["on", "off"], true),
    Setting("aws-load-balancer-inbound-sg-rules-on-private-link-traffic", &["on", "off"], false),
    Setting("aws-load-balancer-ip-address-type", &["ipv4", "dualstack"], true),
    Setting("aws-load-balancer-target-node-labels", &["kubernetes.io/os=linux"], true),
];

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// The Service's annotation gets one of its values, or goes.
    Annotate { service: usize, setting: usize, value: Option<usize> },
    /// The Service has these ports.
    Ports { service: usize, ports: Vec<i32> },
    /// The Service has these ready pods.
    Pods { service: usize, pods: Vec<usize> },
    /// The cluster has these nodes.
    Nodes(Vec<usize>),
    /// The Service is a load balancer, or is not.
    Type { service: usize, is_load_balancer: bool },
    /// From now on: the k-th call goes wrong.
    Fault { at: usize, effect: Effect },
    /// The controller is killed and started again.
    Restart,
    /// This, and the next edit comes right after it.
    Hurried(Box<Edit>),
}

fn edit() -> impl Strategy<Value = Edit> {
    let service = 0..NAMES.len();
    let annotate = (service.clone(), 0..SETTINGS.len(), proptest::option::weighted(0.8, 0_usize..3));
    let ports = proptest::sample::subsequence(PORTS.to_vec(), 1..=PORTS.len());
    let pods = proptest::sample::subsequence((1..=6).collect::<Vec<usize>>(), 0..=4);
    let nodes = proptest::sample::subsequence((0..NODES).collect::<Vec<usize>>(), 1..=NODES);
    let effect = prop_oneof![
        Just(Effect::CrashBefore),
        Just(Effect::CrashAfter),
        Just(Effect::LoseAnswer),
        Just(Effect::Throttle),
        Just(Effect::fail("InternalFailure")),
    ];
    prop_oneof![
        5 => annotate.prop_map(|(service, setting, value)| Edit::Annotate { service, setting, value }),
        1 => (service.clone(), ports).prop_map(|(service, ports)| Edit::Ports { service, ports }),
        3 => (service.clone(), pods).prop_map(|(service, pods)| Edit::Pods { service, pods }),
        1 => nodes.prop_map(Edit::Nodes),
        1 => (service, proptest::bool::weighted(0.7))
            .prop_map(|(service, is_load_balancer)| Edit::Type { service, is_load_balancer }),
        3 => (1_usize..25, effect).prop_map(|(at, effect)| Edit::Fault { at, effect }),
        1 => Just(Edit::Restart),
    ]
}

/// Any edit, alone or shortly before the next one.
pub(crate) fn edits() -> impl Strategy<Value = Edit> {
    (edit(), proptest::bool::weighted(0.3))
        .prop_map(|(edit, is_hurried)| if is_hurried { Edit::Hurried(Box::new(edit)) } else { edit })
}

/// A Service as it is wanted now.
#[derive(Clone, Debug)]
struct Wanted {
    ports: Vec<i32>,
    annotations: BTreeMap<String, String>,
    pods: Vec<usize>,
    is_load_balancer: bool,
}

/// A cluster with two Services, its AWS account, and a controller.
pub(crate) struct Town {
    pub rig: Rig,
    /// What AWS held before.
    pub given: Vec<String>,
    wanted: Vec<Wanted>,
    nodes: Vec<usize>,
    /// Pods that are no endpoints any more and still run.
    leaving: Vec<(usize, usize)>,
}

fn options() -> Options {
    let delays =
        Delays { initial: Duration::from_secs(2), draining: Duration::from_secs(5), ..Delays::default() };
    let settings = aws_sim::Settings { delays, ..aws_sim::Settings::default() };
    Options { world: WorldBuilder::new("demo").nodes(NODES).settings(settings).build(), ..Options::default() }
}

impl Town {
    /// Two Services with two pods each.
    pub async fn open() -> Self {
        let rig = Rig::new(options());
        let given = rig.aws.world(|world| world.resources());
        rig.furnish();
        let wanted = Wanted {
            ports: vec![80],
            annotations: BTreeMap::from([("aws-load-balancer-nlb-target-type".to_owned(), "ip".to_owned())]),
            pods: vec![1, 2],
            is_load_balancer: true,
        };
        let wanted = NAMES.map(|_| wanted.clone()).to_vec();
        let mut town = Self { rig, given, wanted, nodes: (0..NODES).collect(), leaving: Vec::new() };
        (0..NAMES.len()).for_each(|service| town.build(service));
        town.rig.start().await;
        town.rig.settle().await;
        town
    }

    /// Lets something happen.
    pub async fn make(&mut self, edit: &Edit) {
        let edit = match edit {
            Edit::Hurried(edit) => edit,
            edit => edit,
        };
        match edit {
            Edit::Annotate { service, setting, value } => self.annotate(*service, *setting, *value),
            Edit::Ports { service, ports } => {
                self.wanted[*service].ports.clone_from(ports);
                self.build(*service);
            }
            Edit::Pods { service, pods } => {
                let former = std::mem::replace(&mut self.wanted[*service].pods, pods.clone());
                self.build(*service);
                let leaving = former.into_iter().filter(|pod| !pods.contains(pod));
                self.leaving.extend(leaving.map(|pod| (*service, pod)));
            }
            Edit::Nodes(nodes) => {
                self.nodes.clone_from(nodes);
                self.rig.furnish();
                (0..NAMES.len()).for_each(|service| self.build(service));
                self.remove_nodes(&self.rig);
            }
            Edit::Type { service, is_load_balancer } => {
                self.wanted[*service].is_load_balancer = *is_load_balancer;
                self.build(*service);
            }
            Edit::Fault { at, effect } => {
                let times = if matches!(effect, Effect::Throttle) { 3 } else { 1 };
                self.rig.aws.arm(Fault::on(Calls::All, effect.clone()).at(*at).times(times));
            }
            Edit::Restart => self.rig.restart().await,
            Edit::Hurried(_) => {}
        }
    }

    fn annotate(&mut self, service: usize, setting: usize, value: Option<usize>) {
        let Setting(key, values, may_go) = &SETTINGS[setting];
        let annotations = &mut self.wanted[service].annotations;
        match value {
            Some(value) => {
                let text = values[value % values.len()].split(',').map(|item| landmark(&self.rig, item));
                annotations.insert((*key).to_owned(), text.collect::<Vec<_>>().join(","));
            }
            None if *may_go => drop(annotations.remove(*key)),
            None => {}
        }
        self.build(service);
    }

    /// Pods that left their Service end, now that the others have taken over.
    pub fn bury(&mut self) {
        for (service, pod) in std::mem::take(&mut self.leaving) {
            if !self.wanted[service].pods.contains(&pod) {
                self.rig.remove_pod(NAMES[service], number(service, pod));
            }
        }
    }

    /// Puts a Service and its pods into the cluster.
    fn build(&self, service: usize) {
        self.build_in(&self.rig, service, None);
    }

    fn build_in(&self, rig: &Rig, service: usize, uid: Option<Value>) {
        let (name, wanted) = (NAMES[service], &self.wanted[service]);
        let annotations: Vec<(&str, &str)> =
            wanted.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let mut object = if wanted.is_load_balancer {
            shop::load_balancer(name, &wanted.ports, &annotations)
        } else {
            shop::cluster_service(name, &wanted.ports)
        };
        if let Some(uid) = uid {
            object["metadata"]["uid"] = uid;
        }
        rig.api.put(object);
        let pods = wanted.pods.iter().map(|pod| number(service, *pod));
        let pods: Vec<usize> = pods.filter(|pod| self.nodes.contains(&(pod % NODES))).collect();
        rig.serve(name, &pods);
    }

    fn remove_nodes(&self, rig: &Rig) {
        let names: Vec<String> =
            rig.aws.world(|world| world.nodes().iter().map(|node| node.name.clone()).collect());
        for (index, name) in names.iter().enumerate() {
            if self.nodes.contains(&index) {
                continue;
            }
            rig.api.delete("nodes", "", name);
            for (service, name) in NAMES.iter().enumerate() {
                let pods = self.wanted[service].pods.iter().map(|pod| number(service, *pod));
                pods.filter(|pod| pod % NODES == index).for_each(|pod| rig.remove_pod(name, pod));
            }
        }
    }

    /// Another account after a controller has seen the cluster as it is now, and nothing else.
    pub async fn fresh(&self) -> Rig {
        let mut fresh = Rig::new(options());
        fresh.furnish();
        self.remove_nodes(&fresh);
        for (service, name) in NAMES.iter().enumerate() {
            let uid = self
                .rig
                .api
                .get("services", shop::NAMESPACE, name)
                .map(|found| found["metadata"]["uid"].clone());
            self.build_in(&fresh, service, uid);
        }
        fresh.start().await;
        fresh.settle().await;
        fresh
    }

    /// Deletes all Services.
    pub fn raze(&self) {
        for name in NAMES {
            self.rig.api.delete("services", shop::NAMESPACE, name);
        }
    }

    /// Somebody deregisters all targets by hand.
    pub fn deregister_everything(&self) {
        let found = self.rig.inventory();
        for (arn, targets) in found.targets {
            let targets = targets.into_iter().map(|target| target.target).collect();
            self.rig.ask(DeregisterTargets { arn: arn.into(), targets });
        }
    }
}

/// Pods of different Services are different pods.
fn number(service: usize, pod: usize) -> usize {
    service * 10 + pod
}

/// The ARN or id that a name of the simulated account stands for, or the text itself.
pub(crate) fn landmark(rig: &Rig, text: &str) -> String {
    let id = rig.aws.world(|world| world.id(text).to_owned());
    if id.is_empty() { text.to_owned() } else { id }
}
