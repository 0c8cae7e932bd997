//! Projections of pods, nodes and endpoints: only the fields this controller reads.
//!
//! These are what the watch caches store. A projection that is equal to its predecessor is no change, so a pod's
//! countless other status updates wake nobody up (upstream's `pkg/k8s/pod_info.go` keeps more and wakes more).

use super::quic::{self, QuicServerIds};
use crate::api::meta::{
    ENDPOINT_SLICE_SERVICE_LABEL, LEGACY_READINESS_GATE_PREFIX, QUIC_CONTAINERS_ANNOTATION,
    READINESS_GATE_PREFIX,
};
use crate::api::{EndpointSlice, Endpoints, Node, ObjectKey, Pod, Service, TargetGroupBinding};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, NodeStatus, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pod annotation in which the VPC CNI names the pod's own network interface.
const POD_ENI_ANNOTATION: &str = "vpc.amazonaws.com/pod-eni";

/// The cluster as one reconcile sees it: reads from caches, never from the API server.
pub trait ClusterView: Send + Sync {
    /// A Service, if there is one.
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>>;
    /// The endpoints of a Service, one entry per EndpointSlice, or per subset with `--enable-endpoint-slices=false`;
    /// `None` only where the Service's Endpoints object is missing.
    fn slices(&self, service: &ObjectKey) -> Option<Vec<Arc<SliceView>>>;
    /// A pod, if there is one.
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodView>>;
    /// All pods of a namespace.
    fn pods(&self, namespace: &str) -> Vec<Arc<PodView>>;
    /// A node, if there is one.
    fn node(&self, name: &str) -> Option<Arc<NodeView>>;
    /// All nodes, in order of their names.
    fn nodes(&self) -> Vec<Arc<NodeView>>;
    /// A TargetGroupBinding, if there is one.
    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>>;
    /// All TargetGroupBindings that are watched.
    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>>;
    /// How often TargetGroupBindings have changed, and which have since they had changed `since` times; `None`: any may have.
    fn changed_bindings(&self, _since: u64) -> (u64, Option<BTreeSet<ObjectKey>>) {
        (0, None)
    }
}

/// What is read of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodView {
    /// Namespace and name.
    pub key: ObjectKey,
    /// UID of the pod, which no other pod ever has.
    pub uid: Box<str>,
    /// Creation, in Unix seconds.
    pub created_at: i64,
    /// Its own address: `status.podIP`.
    pub ip: Option<Box<str>>,
    /// Node it runs on.
    pub node: Option<Box<str>>,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// Whether its containers have ended for good (phase `Succeeded` or `Failed`).
    pub has_ended: bool,
    /// Whether condition `ContainersReady` is `True`.
    pub containers_ready: bool,
    /// Named ports of containers and of restartable init containers, in that order.
    pub named_ports: Box<[(Box<str>, i32)]>,
    /// Readiness gates of this controller, current and legacy.
    pub gates: Box<[GateView]>,
    /// Network interfaces of its own (security groups for pods).
    pub branch_interfaces: Box<[BranchInterface]>,
    /// QUIC server ids.
    pub quic: QuicServerIds,
}

/// A readiness gate of a pod, and its condition if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateView {
    /// Condition type, for example `target-health.elbv2.k8s.aws/web`.
    pub condition_type: Box<str>,
    /// The condition as it stands.
    pub condition: Option<GateCondition>,
}

/// A pod condition of a readiness gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateCondition {
    /// `True`, `False` or `Unknown`.
    pub status: Box<str>,
    /// AWS's reason code; may be empty.
    pub reason: Box<str>,
    /// AWS's words; may be empty.
    pub message: Box<str>,
    /// When `status` last changed.
    pub last_transition: Option<Timestamp>,
}

/// A branch network interface of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BranchInterface {
    /// Id of the interface: `eni-…`.
    #[serde(rename = "eniId")]
    pub id: Box<str>,
    /// Its IPv4 address in the VPC.
    #[serde(rename = "privateIp")]
    pub private_ip: Box<str>,
    /// IPv6 address; may be empty.
    #[serde(rename = "ipv6Addr")]
    pub ipv6_address: Box<str>,
}

/// What is read of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeView {
    /// Name of the node.
    pub name: Box<str>,
    /// UID of the node, which no other node ever has.
    pub uid: Box<str>,
    /// Creation, in Unix seconds.
    pub created_at: i64,
    /// Labels that selectors may name.
    pub labels: BTreeMap<String, String>,
    /// Whether a taint says that the node is about to go.
    pub is_leaving: bool,
    /// What condition `Ready` says.
    pub ready: Readiness,
    /// Where its instance is: `spec.providerID`.
    pub provider_id: Box<str>,
    /// Addresses of type `InternalIP`.
    pub internal_ips: Box<[Box<str>]>,
}

/// Status of a condition `Ready`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// The status is `True`.
    True,
    /// `False`, or no such condition.
    #[default]
    False,
    /// `Unknown`: the node does not answer.
    Unknown,
}

/// Address family of a set of endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// Not said (Endpoints objects).
    #[default]
    Any,
    /// IPv4 addresses alone.
    Ipv4,
    /// IPv6 addresses alone.
    Ipv6,
    /// Names; never targets.
    Fqdn,
}

/// What is read of an EndpointSlice, or of one subset of an Endpoints object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceView {
    /// The Service whose endpoints these are.
    pub service: ObjectKey,
    /// Address family of all its endpoints.
    pub family: AddressFamily,
    /// Ports by name (empty for the port without one).
    pub ports: Box<[(Box<str>, i32)]>,
    /// Endpoints that are pods and have an address.
    pub endpoints: Box<[EndpointView]>,
}

/// An endpoint that is a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// The first address.
    pub address: Box<str>,
    /// The pod behind the address.
    pub pod: ObjectKey,
    /// Condition `ready`; absent means yes.
    pub is_ready: bool,
    /// Whether condition `terminating` is `True`.
    pub is_terminating: bool,
}

impl PodView {
    /// The projection of a pod. `quic_variable` is the environment variable that holds QUIC server ids.
    pub fn from_pod(pod: &Pod, quic_variable: &str) -> Self {
        let Pod { metadata, spec, status } = pod;
        let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
        let (spec, status) = (spec.as_ref().unwrap_or(&no_spec), status.as_ref().unwrap_or(&no_status));
        let containers = lasting_containers(spec);
        Self {
            key: ObjectKey::of(pod),
            uid: boxed(metadata.uid.as_deref()),
            created_at: created_at(metadata),
            ip: status.pod_ip.as_deref().map(Into::into),
            node: spec.node_name.as_deref().map(Into::into),
            is_terminating: metadata.deletion_timestamp.is_some(),
            has_ended: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
            containers_ready: has_true_condition(status, "ContainersReady"),
            named_ports: named_ports(&containers),
            gates: gates(spec, status),
            branch_interfaces: branch_interfaces(metadata),
            quic: quic_server_ids(metadata, &containers, quic_variable),
        }
    }

    /// A gate by its condition type.
    pub fn gate(&self, condition_type: &str) -> Option<&GateView> {
        self.gates.iter().find(|gate| &*gate.condition_type == condition_type)
    }

    /// The first container port of this name.
    pub fn named_port(&self, name: &str) -> Option<i32> {
        self.named_ports.iter().find(|(own, _)| &**own == name).map(|(_, port)| *port)
    }
}

impl NodeView {
    /// The projection of a node.
    pub fn from_node(node: &Node) -> Self {
        let status = node.status.as_ref();
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        Self {
            name: boxed(node.metadata.name.as_deref()),
            uid: boxed(node.metadata.uid.as_deref()),
            created_at: created_at(&node.metadata),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            is_leaving: taints.iter().any(|taint| is_leaving_taint(&taint.key, &taint.effect)),
            ready: node_readiness(status),
            provider_id: boxed(node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref())),
            internal_ips: internal_ips(status),
        }
    }
}

impl SliceView {
    /// The projection of an EndpointSlice; `None` without the label that names its Service.
    pub fn from_slice(slice: &EndpointSlice) -> Option<Self> {
        let service = slice.metadata.labels.as_ref()?.get(ENDPOINT_SLICE_SERVICE_LABEL)?;
        let service = ObjectKey::of(slice).sibling(service.as_str());
        let ports = slice.ports.iter().flatten();
        let endpoints = slice.endpoints.iter().filter_map(|endpoint| {
            let condition = endpoint.conditions.as_ref();
            Some(EndpointView {
                address: endpoint.addresses.first()?.as_str().into(),
                pod: pod_reference(endpoint.target_ref.as_ref()?, &service)?,
                is_ready: condition.and_then(|condition| condition.ready).unwrap_or(true),
                is_terminating: condition.and_then(|condition| condition.terminating).unwrap_or(false),
            })
        });
        Some(Self {
            family: AddressFamily::parse(&slice.address_type),
            ports: ports.filter_map(|port| Some((boxed(port.name.as_deref()), port.port?))).collect(),
            endpoints: endpoints.collect(),
            service,
        })
    }

    /// The projections of an Endpoints object, one per subset.
    pub fn from_endpoints(endpoints: &Endpoints) -> Vec<Self> {
        let service = ObjectKey::of(endpoints);
        let subsets = endpoints.subsets.iter().flatten();
        let view = |address: &k8s_openapi::api::core::v1::EndpointAddress, is_ready| {
            let pod = pod_reference(address.target_ref.as_ref()?, &service)?;
            Some(EndpointView { address: address.ip.as_str().into(), pod, is_ready, is_terminating: false })
        };
        subsets
            .map(|subset| {
                let ready = subset.addresses.iter().flatten().filter_map(|address| view(address, true));
                let others =
                    subset.not_ready_addresses.iter().flatten().filter_map(|address| view(address, false));
                let ports = subset.ports.iter().flatten();
                Self {
                    service: service.clone(),
                    family: AddressFamily::Any,
                    ports: ports.map(|port| (boxed(port.name.as_deref()), port.port)).collect(),
                    endpoints: ready.chain(others).collect(),
                }
            })
            .collect()
    }
}

impl AddressFamily {
    fn parse(text: &str) -> Self {
        match text {
            "IPv4" => Self::Ipv4,
            "IPv6" => Self::Ipv6,
            _ => Self::Fqdn,
        }
    }
}

fn boxed(text: Option<&str>) -> Box<str> {
    text.unwrap_or_default().into()
}

fn created_at(metadata: &ObjectMeta) -> i64 {
    metadata.creation_timestamp.as_ref().map_or(0, |Time(at)| at.as_second())
}

/// Containers that run as long as the pod: the containers proper, then the restartable init containers.
fn lasting_containers(spec: &PodSpec) -> Vec<&Container> {
    let init = spec.init_containers.iter().flatten();
    let restartable = init.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    spec.containers.iter().chain(restartable).collect()
}

fn has_true_condition(status: &PodStatus, condition_type: &str) -> bool {
    let conditions = status.conditions.iter().flatten();
    conditions.into_iter().any(|condition| condition.type_ == condition_type && condition.status == "True")
}

fn named_ports(containers: &[&Container]) -> Box<[(Box<str>, i32)]> {
    let ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| Some((port.name.as_deref()?.into(), port.container_port))).collect()
}

fn gates(spec: &PodSpec, status: &PodStatus) -> Box<[GateView]> {
    let gates = spec.readiness_gates.iter().flatten().map(|gate| gate.condition_type.as_str());
    let ours = gates.filter(|gate| {
        gate.starts_with(READINESS_GATE_PREFIX) || gate.starts_with(LEGACY_READINESS_GATE_PREFIX)
    });
    ours.map(|gate| GateView { condition_type: gate.into(), condition: gate_condition(status, gate) })
        .collect()
}

fn gate_condition(status: &PodStatus, condition_type: &str) -> Option<GateCondition> {
    let mut conditions = status.conditions.iter().flatten();
    let condition = conditions.find(|condition| condition.type_ == condition_type)?;
    Some(GateCondition {
        status: condition.status.as_str().into(),
        reason: boxed(condition.reason.as_deref()),
        message: boxed(condition.message.as_deref()),
        last_transition: condition.last_transition_time.as_ref().map(|Time(at)| *at),
    })
}

fn branch_interfaces(metadata: &ObjectMeta) -> Box<[BranchInterface]> {
    let text = metadata.annotations.as_ref().and_then(|annotations| annotations.get(POD_ENI_ANNOTATION));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn quic_server_ids(metadata: &ObjectMeta, containers: &[&Container], variable: &str) -> QuicServerIds {
    let mut ids = QuicServerIds::default();
    let annotations = metadata.annotations.as_ref();
    if !annotations.is_some_and(|all| all.contains_key(QUIC_CONTAINERS_ANNOTATION)) {
        return ids;
    }
    let mut by_port = BTreeMap::new();
    for container in containers {
        let Some(id) = container_server_id(container, variable) else { continue };
        let ports = container.ports.iter().flatten();
        by_port.extend(ports.map(|port| (port.container_port, id.clone())));
        ids.fallback.get_or_insert(id);
    }
    ids.by_port = by_port.into_iter().collect();
    ids
}

fn container_server_id(container: &Container, variable: &str) -> Option<Box<str>> {
    let entry = container.env.iter().flatten().find(|entry| entry.name == variable)?;
    quic::parse_server_id(entry.value.as_deref().unwrap_or_default())
}

fn is_leaving_taint(key: &str, effect: &str) -> bool {
    key == "ToBeDeletedByClusterAutoscaler" || (key == "karpenter.sh/disrupted" && effect == "NoSchedule")
}

fn node_readiness(status: Option<&NodeStatus>) -> Readiness {
    let mut conditions = status.into_iter().flat_map(|status| status.conditions.iter().flatten());
    match conditions.find(|condition| condition.type_ == "Ready").map(|condition| condition.status.as_str()) {
        Some("True") => Readiness::True,
        Some("Unknown") => Readiness::Unknown,
        _ => Readiness::False,
    }
}

fn internal_ips(status: Option<&NodeStatus>) -> Box<[Box<str>]> {
    let addresses = status.into_iter().flat_map(|status| status.addresses.iter().flatten());
    let internal = addresses.filter(|address| address.type_ == "InternalIP");
    internal.map(|address| address.address.as_str().into()).collect()
}

fn pod_reference(
    reference: &k8s_openapi::api::core::v1::ObjectReference,
    service: &ObjectKey,
) -> Option<ObjectKey> {
    if reference.kind.as_deref() != Some("Pod") {
        return None;
    }
    let name = reference.name.as_deref()?;
    Some(match reference.namespace.as_deref() {
        // why: in the Service's own namespace the keys share the text of its name
        Some(namespace) if !namespace.is_empty() && namespace != service.namespace() => {
            ObjectKey::namespaced(namespace, name)
        }
        _ => service.sibling(name),
    })
}

#[cfg(test)]
mod tests;
