//! A town of Services, and what may happen to it.

use super::settings::{BIRTHS, Setting, settings};
use crate::faults::faults;
use crate::nodes::{self, NODES, Node};
use aws_load_balancer_controller::annotations::service as keys;
use aws_load_balancer_controller::aws_api::elbv2::DeregisterTargets;
use aws_load_balancer_controller::config::Config;
use aws_sim::{Delays, Fault, WorldBuilder};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The Services.
const NAMES: [&str; 2] = ["cart", "till"];
/// The ports they may have.
const PORTS: [(i32, &str); 4] = [(80, "TCP"), (443, "TCP"), (443, "UDP"), (9000, "TCP")];

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// The Service's annotation gets one of its values, or goes.
    Annotate {
        service: usize,
        setting: Setting,
        value: Option<usize>,
        /// Whether what it needs is set as well.
        with_needs: bool,
    },
    /// The Service has these ports.
    Ports { service: usize, ports: Vec<(i32, &'static str)> },
    /// The Service has these ready pods.
    Pods { service: usize, pods: Vec<usize> },
    /// The cluster has these nodes.
    Nodes(Vec<Node>),
    /// Whether only nodes with pods of the Service take its traffic.
    Policy { service: usize, is_local: bool },
    /// The Service is a load balancer, or is not.
    Type { service: usize, is_load_balancer: bool },
    /// From now on.
    Fault(Fault),
    /// The controller is killed and started again.
    Restart,
}

/// Any edit.
pub(crate) fn edits() -> impl Strategy<Value = Edit> {
    let service = 0..NAMES.len();
    let setting = proptest::sample::select(settings());
    let value = proptest::option::weighted(0.8, 0_usize..3);
    let annotate = (service.clone(), setting, value, proptest::bool::weighted(0.8));
    let ports = proptest::sample::subsequence(PORTS.to_vec(), 1..=PORTS.len());
    let pods = proptest::sample::subsequence((1..=6).collect::<Vec<usize>>(), 0..=4);
    prop_oneof![
        6 => annotate.prop_map(|(service, setting, value, with_needs)| {
            Edit::Annotate { service, setting, value, with_needs }
        }),
        1 => (service.clone(), ports).prop_map(|(service, ports)| Edit::Ports { service, ports }),
        3 => (service.clone(), pods).prop_map(|(service, pods)| Edit::Pods { service, pods }),
        2 => nodes::nodes().prop_map(Edit::Nodes),
        1 => (service.clone(), any::<bool>()).prop_map(|(service, is_local)| Edit::Policy { service, is_local }),
        1 => (service, proptest::bool::weighted(0.7))
            .prop_map(|(service, is_load_balancer)| Edit::Type { service, is_load_balancer }),
        3 => faults(1..25).prop_map(Edit::Fault),
        1 => Just(Edit::Restart),
    ]
}

/// How the Services begin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beginning {
    /// What the first Service is born with.
    pub birth: Option<usize>,
    /// Whether nodes are the targets.
    pub of_nodes: bool,
}

/// Any beginning.
pub(crate) fn beginnings() -> impl Strategy<Value = Beginning> {
    (proptest::option::weighted(0.4, 0..BIRTHS.len()), any::<bool>())
        .prop_map(|(birth, of_nodes)| Beginning { birth, of_nodes })
}

/// A Service as it is wanted now.
#[derive(Clone, Debug)]
struct Wanted {
    ports: Vec<(i32, &'static str)>,
    annotations: BTreeMap<String, String>,
    pods: Vec<usize>,
    is_load_balancer: bool,
    is_local: bool,
    /// Annotations that stay for life, because AWS would not follow.
    lasting: Vec<String>,
}

/// A cluster with two Services, its AWS account, and a controller.
pub(crate) struct Scenario {
    pub rig: Rig,
    /// What AWS held before.
    pub given: Vec<String>,
    wanted: Vec<Wanted>,
    nodes: Vec<Node>,
    /// Pods that are no endpoints any more and still run.
    leaving: Vec<(usize, usize)>,
}

fn options() -> Options {
    let delays =
        Delays { initial: Duration::from_secs(2), draining: Duration::from_secs(5), ..Delays::default() };
    let settings = aws_sim::Settings { delays, ..aws_sim::Settings::default() };
    // why: pods live on here when they are no endpoints any more, and a fresh apply would not register them
    let config = Config { keep_last_healthy_targets: false, ..Options::default().config };
    let world = WorldBuilder::new("demo").nodes(NODES).settings(settings).build();
    Options { world, config, ..Options::default() }
}

impl Scenario {
    /// Two Services with two pods each.
    pub async fn open(beginning: Beginning) -> Self {
        let rig = Rig::new(options());
        let given = rig.aws.world(|world| world.resources());
        rig.seed();
        let target_type = if beginning.of_nodes { "instance" } else { "ip" };
        let plain = Wanted {
            ports: vec![(80, "TCP")],
            annotations: BTreeMap::from([(keys::TARGET_TYPE.to_owned(), target_type.to_owned())]),
            pods: vec![1, 2],
            is_load_balancer: true,
            is_local: false,
            lasting: Vec::new(),
        };
        let wanted = NAMES.map(|_| plain.clone()).to_vec();
        let mut scenario = Self { rig, given, wanted, nodes: nodes::sound(), leaving: Vec::new() };
        for (key, value) in beginning.birth.into_iter().flat_map(|birth| BIRTHS[birth]) {
            scenario.set(0, key, value);
            scenario.wanted[0].lasting.push((*key).to_owned());
        }
        nodes::put(&scenario.rig, &scenario.nodes);
        (0..NAMES.len()).for_each(|service| scenario.build(service));
        scenario.rig.start().await;
        scenario.rig.run_until_idle().await;
        scenario
    }

    /// Lets something happen.
    pub async fn make(&mut self, edit: &Edit) {
        match edit {
            Edit::Annotate { service, setting, value, with_needs } => {
                // why: what is registered before a target group is shared is on no record, so that nobody takes it back
                let alone = setting.key == keys::MULTI_CLUSTER;
                if alone {
                    self.rig.run_until_idle().await;
                }
                self.annotate(*service, setting, *value, *with_needs);
                if alone {
                    self.rig.run_until_idle().await;
                }
            }
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
                (0..NAMES.len()).for_each(|service| self.build(service));
                nodes::put(&self.rig, &self.nodes);
                self.remove_pods_of_gone_nodes(&self.rig);
            }
            Edit::Policy { service, is_local } => {
                self.wanted[*service].is_local = *is_local;
                self.build(*service);
            }
            Edit::Type { service, is_load_balancer } => {
                self.wanted[*service].is_load_balancer = *is_load_balancer;
                self.build(*service);
            }
            Edit::Fault(fault) => self.rig.aws.arm(fault.clone()),
            Edit::Restart => self.rig.restart().await,
        }
    }

    fn annotate(&mut self, service: usize, setting: &Setting, value: Option<usize>, with_needs: bool) {
        let Setting { key, values, may_go, needs } = setting;
        match value {
            Some(value) => {
                self.set(service, key, values[value % values.len()]);
                for (key, value) in needs.iter().filter(|_| with_needs) {
                    self.set(service, key, value);
                }
            }
            None if *may_go && !self.wanted[service].lasting.contains(key) => {
                self.wanted[service].annotations.remove(key);
            }
            None => {}
        }
        self.build(service);
    }

    fn set(&mut self, service: usize, key: &str, value: &str) {
        let text = value.split(',').map(|item| landmark(&self.rig, item));
        let text = text.collect::<Vec<_>>().join(",");
        self.wanted[service].annotations.insert(key.to_owned(), text);
    }

    /// Takes all annotations and ports of these Services back. Answers whether AWS goes back to what it was as well.
    pub fn fix(&mut self, services: &[String]) -> bool {
        let settings = settings();
        let stays = |key: &String| settings.iter().any(|setting| setting.key == *key && !setting.may_go);
        let mut is_traceless = true;
        for (service, name) in NAMES.iter().enumerate() {
            if services.iter().any(|broken| broken.ends_with(name)) {
                let Wanted { annotations, lasting, .. } = &mut self.wanted[service];
                let is_kept = |key: &String| lasting.contains(key) || key == keys::TARGET_TYPE;
                is_traceless &= !annotations.keys().any(|key| stays(key) && !is_kept(key));
                annotations.retain(|key, _| is_kept(key));
                self.wanted[service].ports = vec![(80, "TCP")];
                self.build(service);
            }
        }
        is_traceless
    }

    /// Pods that left their Service end, now that the others have taken over.
    pub fn delete_services(&mut self) {
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
            fixtures::load_balancer(name, &[], &annotations)
        } else {
            fixtures::cluster_service(name, &[])
        };
        object["spec"]["ports"] = wanted.ports.iter().map(|port| wanted.port(service, *port)).collect();
        if wanted.is_local && wanted.is_load_balancer {
            object["spec"]["externalTrafficPolicy"] = "Local".into();
            object["spec"]["healthCheckNodePort"] = (32700 + service).into();
        }
        if let Some(uid) = uid {
            object["metadata"]["uid"] = uid;
        }
        rig.api.put(object);
        let pods = wanted.pods.iter().map(|pod| number(service, *pod));
        let pods: Vec<usize> = pods.filter(|pod| !self.nodes[pod % NODES].is_gone()).collect();
        rig.serve(name, &pods);
        for pod in pods {
            rig.api.edit("pods", fixtures::NAMESPACE, &format!("{name}-{pod}"), |object| {
                speak_quic(object, pod);
            });
        }
    }

    fn remove_pods_of_gone_nodes(&self, rig: &Rig) {
        for (service, name) in NAMES.iter().enumerate() {
            let pods = self.wanted[service].pods.iter().map(|pod| number(service, *pod));
            pods.filter(|pod| self.nodes[pod % NODES].is_gone()).for_each(|pod| rig.remove_pod(name, pod));
        }
    }

    /// Another account after a controller has seen the cluster as it is now, and nothing else.
    pub async fn fresh(&self) -> Rig {
        let mut fresh = Rig::new(options());
        fresh.seed();
        nodes::put(&fresh, &self.nodes);
        for (service, name) in NAMES.iter().enumerate() {
            let uid = self
                .rig
                .api
                .get("services", fixtures::NAMESPACE, name)
                .map(|found| found["metadata"]["uid"].clone());
            self.build_in(&fresh, service, uid);
        }
        fresh.start().await;
        fresh.run_until_idle().await;
        fresh
    }

    /// Waits until an audit has taken away what nobody needs any more.
    pub async fn quiesce(&mut self) {
        tokio::time::sleep(Duration::from_hours(2)).await;
        self.rig.run_until_idle().await;
    }

    /// Deletes all Services.
    pub fn remove_all(&self) {
        for name in NAMES {
            self.rig.api.delete("services", fixtures::NAMESPACE, name);
        }
    }

    /// Somebody deregisters all targets by hand.
    pub fn deregister_everything(&self) {
        let found = self.rig.owned_resources();
        for (arn, targets) in found.targets {
            let targets = targets.into_iter().map(|target| target.target).collect();
            self.rig.ask(DeregisterTargets { arn: arn.into(), targets });
        }
    }
}

impl Wanted {
    fn port(&self, service: usize, (port, protocol): (i32, &str)) -> Value {
        let is_udp = protocol == "UDP";
        let name = if is_udp { format!("p{port}-udp") } else { format!("p{port}") };
        let mut port = json!({"name": name, "port": port, "targetPort": "http", "protocol": protocol, "nodePort": node_port(service, port, is_udp)});
        if !self.is_load_balancer {
            drop(port.as_object_mut().and_then(|port| port.remove("nodePort")));
        }
        port
    }
}

fn node_port(service: usize, port: i32, is_udp: bool) -> usize {
    30000 + 1000 * service + usize::try_from(port).unwrap() % 2000 % 900 + usize::from(is_udp)
}

/// Gives a pod what listeners of QUIC need of it.
fn speak_quic(pod: &mut Value, number: usize) {
    let id = STANDARD.encode(u64::try_from(number + 1).unwrap().to_be_bytes());
    pod["metadata"]["annotations"] =
        json!({"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "main"});
    pod["spec"]["containers"][0]["env"] = json!([{"name": "AWS_LBC_QUIC_SERVER_ID", "value": id}]);
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
