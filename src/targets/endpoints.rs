//! From a Service's pods or nodes to the targets its target group shall have.
//!
//! Upstream's `pkg/backend/endpoint_resolver.go`. Unlike upstream, an endpoint whose pod is not in the cache (yet) is
//! reported as [`UnknownEndpoint`] instead of being left out, so that nobody takes it for gone.

use super::quic;
use super::view::{AddressFamily, ClusterView, EndpointView, NodeView, PodView, Readiness, SliceView};
use crate::api::meta::{COMPUTE_TYPE_LABEL, EXCLUDE_NODE_LABEL, MASTER_NODE_LABEL, without_endpoints};
use crate::api::selector::{self, SelectorError};
use crate::api::target_group_binding::{TargetGroupIpAddressType, TargetType};
use crate::api::{IntOrString, LabelSelector, ObjectKey, Service, ServicePort, TargetGroupBinding};
use crate::config::Config;
use std::sync::Arc;

/// Label of old clouds' way to exclude nodes.
const EXCLUDE_BALANCER_LABEL: &str = "alpha.service-controller.kubernetes.io/exclude-balancer";

/// What stands behind a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// A pod, for targets of type `ip`.
    Pod(Arc<PodView>),
    /// A node, for targets of type `instance`.
    Node(Arc<NodeView>),
}

/// A target that the target group shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Address of the pod or id of the instance.
    pub id: Box<str>,
    /// Port of the container or node port.
    pub port: i32,
    /// `0x…`; only where the target group's protocol is of the QUIC family and the pod has one.
    pub quic_server_id: Option<Box<str>>,
    /// What stands behind it.
    pub backing: Backing,
}

/// An endpoint whose pod is not in the cache: it may or may not be a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownEndpoint {
    /// Id of the target: an address or an instance.
    pub id: Box<str>,
    /// Port of the target.
    pub port: i32,
    /// The pod nobody has seen.
    pub pod: ObjectKey,
}

/// An endpoint, or a node, that is no target because it is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadyEndpoint {
    /// Address of the pod or id of the instance.
    pub id: Box<str>,
    /// Whether it is on its way out.
    pub is_leaving: bool,
}

/// The targets a binding asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Targets the target group shall have; in no particular order, duplicates kept.
    pub endpoints: Vec<Endpoint>,
    /// What cannot be told yet.
    pub unknown: Vec<UnknownEndpoint>,
    /// What is no target because it is not ready.
    pub dropped: Vec<UnreadyEndpoint>,
}

/// Why the targets cannot be told. The texts are upstream's, they end in events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such Service, port or Endpoints object: the binding has no backend.
    #[error("backend not found: {0}")]
    BackendNotFound(String),
    /// The binding does not say what its targets are.
    #[error("targetType is not specified: {0}")]
    NoTargetType(ObjectKey),
    /// Instances are reached through node ports, and this Service has none.
    #[error("service type must be either 'NodePort' or 'LoadBalancer': {0}")]
    NoNodePorts(ObjectKey),
    /// A node that no cloud knows.
    #[error("providerID is not specified for node: {0}")]
    NoProviderId(Box<str>),
    /// A node of another cloud.
    #[error("providerID {id} is invalid for EC2 instances, node: {node}")]
    NoInstance {
        /// What the node says: `spec.providerID`.
        id: Box<str>,
        /// Name of the node.
        node: Box<str>,
    },
    /// A hybrid node without the id of one.
    #[error("providerID {id} is invalid for EKS hybrid instances, node: {node}")]
    NoHybridInstance {
        /// What the node says: `spec.providerID`.
        id: Box<str>,
        /// Name of the node.
        node: Box<str>,
    },
    /// `spec.nodeSelector` cannot be evaluated.
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

impl Endpoint {
    /// `<id>:<port>`, with the QUIC server id if it has one: what tells targets of one target group apart.
    pub fn identity(&self) -> String {
        match &self.quic_server_id {
            Some(server_id) => format!("{}:{}:{server_id}", self.id, self.port),
            None => format!("{}:{}", self.id, self.port),
        }
    }

    /// When the pod or node was created, in Unix seconds.
    pub fn created_at(&self) -> i64 {
        match &self.backing {
            Backing::Pod(pod) => pod.created_at,
            Backing::Node(node) => node.created_at,
        }
    }

    /// The pod behind it, if it is one.
    pub fn pod(&self) -> Option<&Arc<PodView>> {
        match &self.backing {
            Backing::Pod(pod) => Some(pod),
            Backing::Node(_) => None,
        }
    }
}

/// The Service a binding refers to.
pub fn service_of(binding: &TargetGroupBinding) -> ObjectKey {
    ObjectKey::of(binding).sibling(binding.spec.service_ref.name.as_str())
}

/// Why the Service of a binding has no targets, and will have none before somebody changes something.
pub fn missing_backend(binding: &TargetGroupBinding, view: &dyn ClusterView) -> Option<String> {
    let key = service_of(binding);
    let why = without_endpoints(&*view.service(&key)?)?;
    let has_slices = view.slices(&key).is_some_and(|slices| !slices.is_empty());
    (!has_slices).then(|| format!("backend has no targets: Service \"{}\" {why}", key.name()))
}

/// The targets that a binding asks for.
pub fn resolve(
    binding: &TargetGroupBinding,
    view: &dyn ClusterView,
    config: &Config,
) -> Result<Resolution, ResolveError> {
    let service = service_of(binding);
    let Some(target_type) = binding.spec.target_type else {
        return Err(ResolveError::NoTargetType(ObjectKey::of(binding)));
    };
    if let Some(selector) =
        binding.spec.node_selector.as_ref().filter(|_| target_type == TargetType::Instance)
    {
        selector::check(selector)?;
    }
    let object = view
        .service(&service)
        .ok_or_else(|| ResolveError::BackendNotFound(format!("Service \"{}\" not found", service.name())))?;
    let port = find_port(&object, &service, &binding.spec.service_ref.port)?;
    match target_type {
        TargetType::Ip => resolve_pods(binding, &service, port, view, config),
        TargetType::Instance => resolve_nodes(binding, &service, &object, port, view, config),
    }
}

/// Whether a node may be a target of a binding with this `spec.nodeSelector`; readiness aside.
pub fn is_eligible(node: &NodeView, node_selector: Option<&LabelSelector>) -> Result<bool, SelectorError> {
    let excluded = [MASTER_NODE_LABEL, EXCLUDE_NODE_LABEL, EXCLUDE_BALANCER_LABEL]
        .iter()
        .any(|label| node.labels.contains_key(*label));
    let is_fargate = node.labels.get(COMPUTE_TYPE_LABEL).is_some_and(|compute| compute == "fargate");
    let selected = node_selector.map_or(Ok(true), |selector| selector::matches(selector, &node.labels))?;
    Ok(selected && !excluded && !is_fargate && !node.is_leaving)
}

fn find_port<'a>(
    service: &'a Service,
    key: &ObjectKey,
    wanted: &IntOrString,
) -> Result<&'a ServicePort, ResolveError> {
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let found = match wanted {
        IntOrString::Int(number) => ports.find(|port| port.port == *number),
        IntOrString::String(name) => {
            ports.find(|port| port.name.as_deref().unwrap_or_default() == name.as_str())
        }
    };
    let name = match wanted {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    found.ok_or_else(|| ResolveError::BackendNotFound(format!("unable to find port {name} on service {key}")))
}

// ---- pods -----------------------------------------------------------------------------------------------------------

/// What becomes of an endpoint.
enum EndpointRole {
    Target,
    /// A target only when there is no other (its node does not answer).
    LastResort,
    Unknown,
    Unready,
}

fn resolve_pods(
    binding: &TargetGroupBinding,
    service: &ObjectKey,
    port: &ServicePort,
    view: &dyn ClusterView,
    config: &Config,
) -> Result<Resolution, ResolveError> {
    let slices = view.slices(service).ok_or_else(|| {
        ResolveError::BackendNotFound(format!("Endpoints \"{}\" not found", service.name()))
    })?;
    let with_server_ids = quic::has_server_ids(&binding.spec);
    let (mut resolution, mut last_resort) = (Resolution::default(), Vec::new());
    for (number, endpoint) in candidates(&slices, port, binding.spec.ip_address_type) {
        let pod = view.pod(&endpoint.pod);
        let target = |pod: Arc<PodView>| Endpoint {
            id: endpoint.address.clone(),
            port: number,
            quic_server_id: pod.quic.for_port(number).filter(|_| with_server_ids).map(Into::into),
            backing: Backing::Pod(pod),
        };
        match (role_of_endpoint(endpoint, pod.as_deref(), view), pod) {
            (EndpointRole::Target, Some(pod)) => resolution.endpoints.push(target(pod)),
            (EndpointRole::LastResort, Some(pod)) => last_resort.push(target(pod)),
            (EndpointRole::Unknown, _) => resolution.unknown.push(UnknownEndpoint {
                id: endpoint.address.clone(),
                port: number,
                pod: endpoint.pod.clone(),
            }),
            (EndpointRole::Unready, _) => resolution
                .dropped
                .push(UnreadyEndpoint { id: endpoint.address.clone(), is_leaving: endpoint.is_terminating }),
            _ => {}
        }
    }
    if resolution.endpoints.is_empty() && config.features.endpoints_fail_open {
        resolution.endpoints = last_resort;
    }
    Ok(resolution)
}

/// Every endpoint of the family, with each of its ports that the Service's port stands for.
fn candidates<'a>(
    slices: &'a [Arc<SliceView>],
    port: &'a ServicePort,
    family: Option<TargetGroupIpAddressType>,
) -> impl Iterator<Item = (i32, &'a EndpointView)> {
    let family = match family {
        Some(TargetGroupIpAddressType::Ipv6) => AddressFamily::Ipv6,
        _ => AddressFamily::Ipv4,
    };
    let name = port.name.as_deref().unwrap_or_default();
    slices.iter().filter(move |slice| slice.family == AddressFamily::Any || slice.family == family).flat_map(
        move |slice| {
            let ports = slice.ports.iter().filter(move |(own, _)| name.is_empty() || **own == *name);
            ports.flat_map(|(_, number)| slice.endpoints.iter().map(|endpoint| (*number, endpoint)))
        },
    )
}

fn role_of_endpoint(endpoint: &EndpointView, pod: Option<&PodView>, view: &dyn ClusterView) -> EndpointRole {
    let Some(pod) = pod else {
        // why: the pod of an endpoint that is on its way out has most likely gone already
        let leaving = !endpoint.is_ready && endpoint.is_terminating;
        return if leaving { EndpointRole::Unready } else { EndpointRole::Unknown };
    };
    if endpoint.is_ready {
        return EndpointRole::Target;
    }
    if !pod.containers_ready {
        return EndpointRole::Unready;
    }
    let node = pod.node.as_deref().and_then(|name| view.node(name));
    match node.map(|node| node.ready) {
        Some(Readiness::True) if !endpoint.is_terminating => EndpointRole::Target,
        Some(Readiness::Unknown) => EndpointRole::LastResort,
        _ => EndpointRole::Unready,
    }
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

fn resolve_nodes(
    binding: &TargetGroupBinding,
    key: &ObjectKey,
    service: &Service,
    port: &ServicePort,
    view: &dyn ClusterView,
    config: &Config,
) -> Result<Resolution, ResolveError> {
    let service_type = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if !matches!(service_type, Some("NodePort" | "LoadBalancer")) {
        return Err(ResolveError::NoNodePorts(key.clone()));
    }
    let mut eligible = Vec::new();
    for node in view.nodes() {
        if is_eligible(&node, binding.spec.node_selector.as_ref())? {
            eligible.push(node);
        }
    }
    let mut chosen = having(&eligible, Readiness::True);
    if chosen.is_empty() && config.features.endpoints_fail_open {
        chosen = having(&eligible, Readiness::Unknown);
    }
    let port = port.node_port.unwrap_or(0);
    let dropped = eligible.iter().filter(|node| node.ready != Readiness::True);
    let dropped = dropped.filter_map(|node| instance_id(node).ok());
    let dropped = dropped.map(|id| UnreadyEndpoint { id: id.into(), is_leaving: false }).collect();
    let endpoints = chosen.into_iter().map(|node| {
        Ok(Endpoint {
            id: instance_id(&node)?.into(),
            port,
            quic_server_id: None,
            backing: Backing::Node(node),
        })
    });
    let endpoints = endpoints.collect::<Result<_, ResolveError>>()?;
    Ok(Resolution { endpoints, unknown: Vec::new(), dropped })
}

fn having(nodes: &[Arc<NodeView>], ready: Readiness) -> Vec<Arc<NodeView>> {
    nodes.iter().filter(|node| node.ready == ready).cloned().collect()
}

/// The EC2 instance behind a node (`i-…`), or `hybrid-mi-…` for a hybrid node.
pub fn instance_id(node: &NodeView) -> Result<String, ResolveError> {
    let id = &node.provider_id;
    if id.is_empty() {
        return Err(ResolveError::NoProviderId(node.name.clone()));
    }
    let last = id.rsplit('/').next().unwrap_or_default();
    if id.starts_with("eks-hybrid://") {
        return if last.starts_with("mi-") {
            Ok(format!("hybrid-{last}"))
        } else {
            Err(ResolveError::NoHybridInstance { id: id.clone(), node: node.name.clone() })
        };
    }
    if last.starts_with("i-") {
        Ok(last.to_owned())
    } else {
        Err(ResolveError::NoInstance { id: id.clone(), node: node.name.clone() })
    }
}

#[cfg(test)]
mod tests;
