//! What stands behind the endpoints of a GlobalAccelerator.
//!
//! An endpoint that cannot be used yet is left out, and the others are used: it is waited for ([`WaitingEndpoint`]).

use super::{AcceleratorFacts, AcceleratorLookup, EndpointObjects, KindState, LoadBalancer};
use crate::api::gateway::{self, GATEWAY_KIND, Gateway};
use crate::api::global_accelerator::{Endpoint, EndpointType, GROUP, GlobalAccelerator, KIND};
use crate::api::{Ingress, ObjectKey, Service};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// When to look again for a load balancer that no DNS name of the region belongs to.
const RECHECK_UNKNOWN: Duration = Duration::from_mins(1);
/// When to look again whether a load balancer is active.
const RECHECK_PROVISIONING: Duration = Duration::from_secs(15);

/// How ALBs are told from NLBs in the status of an Ingress: `….elb.amazonaws.com`, where NLBs have `….elb.<region>.amazonaws.com`.
const ALB_DOMAIN: &str = "elb.amazonaws";

/// What an endpoint names.
#[derive(Clone, Debug)]
pub enum EndpointTarget {
    /// An id or ARN.
    Id(String),
    /// A Service with a load balancer.
    Service(Arc<Service>),
    /// An Ingress with a load balancer.
    Ingress(Arc<Ingress>),
    /// A Gateway with a load balancer.
    Gateway(Arc<Gateway>),
}

/// An endpoint that can be used.
#[derive(Clone, Debug)]
pub struct ReadyEndpoint {
    /// Its id in AWS.
    pub id: String,
    /// What it names.
    pub named: EndpointTarget,
}

/// An endpoint that cannot be used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEndpoint {
    /// The endpoint: `Service shop/web`.
    pub endpoint: String,
    /// What it waits for.
    pub reason: WaitReason,
}

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// No ReferenceGrant lets the GlobalAccelerator name it.
    NotGranted {
        /// Namespace of the GlobalAccelerator.
        from: String,
        /// Namespace of what is named.
        to: String,
    },
    /// There is no such object.
    NotFound,
    /// The API server does not serve its kind.
    KindNotServed,
    /// Its type is another one.
    NotOfTypeLoadBalancer,
    /// Its status names no load balancer.
    NoLoadBalancer,
    /// Its load balancer is not active.
    Provisioning(String),
    /// No load balancer of the account and region has the DNS name of its status.
    UnknownLoadBalancer(String),
}

impl WaitReason {
    /// When to look again, if no change in the cluster will tell.
    pub fn recheck(&self) -> Option<Duration> {
        match self {
            Self::UnknownLoadBalancer(_) => Some(RECHECK_UNKNOWN),
            Self::Provisioning(_) => Some(RECHECK_PROVISIONING),
            _ => None,
        }
    }
}

impl fmt::Display for WaitingEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.endpoint)?;
        match &self.reason {
            WaitReason::NotGranted { from, to } => {
                write!(f, "no ReferenceGrant in namespace {to} allows GlobalAccelerators of namespace {from}")
            }
            WaitReason::NotFound => f.write_str("it does not exist"),
            WaitReason::KindNotServed => f.write_str("Gateway API is not installed"),
            WaitReason::NotOfTypeLoadBalancer => f.write_str("it is not of type LoadBalancer"),
            WaitReason::NoLoadBalancer => f.write_str("it has no load balancer yet"),
            WaitReason::Provisioning(host) => write!(f, "load balancer {host} is not active yet"),
            WaitReason::UnknownLoadBalancer(host) => {
                write!(f, "no load balancer of this account and region has the DNS name {host}")
            }
        }
    }
}

/// Why the endpoints of a GlobalAccelerator cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// This must be known first.
    Missing(AcceleratorLookup),
    /// Objects are not listed yet.
    NotListed,
    /// An endpoint that never can be one.
    Invalid(String),
}

/// An endpoint, ready or waited for.
pub type LoadedEndpoint = Result<ReadyEndpoint, WaitingEndpoint>;

/// An endpoint of a GlobalAccelerator, and what is known to find it.
pub struct EndpointLoader<'a> {
    /// The objects of the cluster.
    pub cluster: &'a dyn EndpointObjects,
    /// What is known of AWS.
    pub facts: &'a AcceleratorFacts,
    /// Namespace of the GlobalAccelerator.
    pub namespace: &'a str,
}

/// The object that an endpoint names, if it names one.
pub fn reference(endpoint: &Endpoint, namespace: &str) -> Option<(EndpointType, ObjectKey)> {
    let name = endpoint.name.as_deref().unwrap_or_default();
    (endpoint.kind != EndpointType::EndpointID)
        .then(|| (endpoint.kind, ObjectKey::namespaced(endpoint.namespace_or(namespace), name)))
}

/// The objects that endpoints name, each once.
pub fn references(accelerator: &GlobalAccelerator) -> Vec<(EndpointType, ObjectKey)> {
    let own = accelerator.metadata.namespace.as_deref().unwrap_or_default();
    let mut all: Vec<_> = accelerator.endpoints().filter_map(|endpoint| reference(endpoint, own)).collect();
    all.sort();
    all.dedup();
    all
}

impl EndpointLoader<'_> {
    /// What stands behind an endpoint.
    pub fn load(&self, endpoint: &Endpoint) -> Result<LoadedEndpoint, LoadError> {
        let Some((kind, key)) = reference(endpoint, self.namespace) else { return self.by_id(endpoint) };
        let wait = |reason| Ok(Err(WaitingEndpoint { endpoint: format!("{kind} {key}"), reason }));
        if !self.is_granted(kind, &key)? {
            let (from, to) = (self.namespace.to_owned(), key.namespace().to_owned());
            return wait(WaitReason::NotGranted { from, to });
        }
        let (named, host) = match self.find(kind, &key)? {
            Ok(found) => found,
            Err(reason) => return wait(reason),
        };
        match self.facts.load_balancers.get(&host) {
            None => Err(LoadError::Missing(AcceleratorLookup::LoadBalancer(host))),
            Some(LoadBalancer::Ready(arn)) => Ok(Ok(ReadyEndpoint { id: arn.clone(), named })),
            Some(LoadBalancer::Provisioning) => wait(WaitReason::Provisioning(host)),
            Some(LoadBalancer::Unknown) => wait(WaitReason::UnknownLoadBalancer(host)),
        }
    }

    #[expect(clippy::unused_self, reason = "one of two ways to load an endpoint")]
    fn by_id(&self, endpoint: &Endpoint) -> Result<LoadedEndpoint, LoadError> {
        match endpoint.endpoint_id.as_deref() {
            Some(id) if !id.is_empty() => {
                Ok(Ok(ReadyEndpoint { id: id.to_owned(), named: EndpointTarget::Id(id.to_owned()) }))
            }
            _ => Err(LoadError::Invalid(
                "an endpoint of type EndpointID has an empty endpointID, expected the ARN of a load balancer or the id of an Elastic IP address or instance"
                    .to_owned(),
            )),
        }
    }

    /// Whether the GlobalAccelerator may name an object.
    fn is_granted(&self, kind: EndpointType, key: &ObjectKey) -> Result<bool, LoadError> {
        if key.namespace() == self.namespace {
            return Ok(true);
        }
        match self.cluster.all_grants() {
            KindState::Pending => return Err(LoadError::NotListed),
            KindState::NotServed => return Ok(false),
            KindState::Listed => {}
        }
        let (group, kind) = group_and_kind(kind);
        let grants = self.cluster.grants(key.namespace());
        Ok(grants.iter().any(|grant| {
            let is_from = grant
                .spec
                .from
                .iter()
                .any(|from| from.group == GROUP && from.kind == KIND && from.namespace == self.namespace);
            let is_to = grant.spec.to.iter().any(|to| {
                to.group == group
                    && to.kind == kind
                    && to.name.as_deref().is_none_or(|name| name == key.name())
            });
            is_from && is_to
        }))
    }

    /// An object and the DNS name of its load balancer.
    fn find(
        &self,
        kind: EndpointType,
        key: &ObjectKey,
    ) -> Result<Result<(EndpointTarget, String), WaitReason>, LoadError> {
        let found = match kind {
            EndpointType::Service => self.cluster.service(key).map(EndpointTarget::Service),
            EndpointType::Ingress => self.cluster.ingress(key).map(EndpointTarget::Ingress),
            EndpointType::Gateway => match self.cluster.gateways() {
                KindState::Listed => self.cluster.gateway(key).map(EndpointTarget::Gateway),
                KindState::Pending => return Err(LoadError::NotListed),
                KindState::NotServed => return Ok(Err(WaitReason::KindNotServed)),
            },
            EndpointType::EndpointID => None,
        };
        let Some(named) = found else { return Ok(Err(WaitReason::NotFound)) };
        let host = match &named {
            EndpointTarget::Service(service) if !is_load_balancer(service) => {
                return Ok(Err(WaitReason::NotOfTypeLoadBalancer));
            }
            EndpointTarget::Service(service) => host_of_service(service),
            EndpointTarget::Ingress(ingress) => host_of_ingress(ingress),
            EndpointTarget::Gateway(gateway) => host_of_gateway(gateway),
            EndpointTarget::Id(_) => None,
        };
        Ok(host.map(|host| (named, host)).ok_or(WaitReason::NoLoadBalancer))
    }
}

fn group_and_kind(kind: EndpointType) -> (&'static str, &'static str) {
    match kind {
        EndpointType::Service | EndpointType::EndpointID => ("", "Service"),
        EndpointType::Ingress => ("networking.k8s.io", "Ingress"),
        EndpointType::Gateway => (gateway::GROUP, GATEWAY_KIND),
    }
}

fn is_load_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

fn host_of_service(service: &Service) -> Option<String> {
    let entries = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    entries.iter().find_map(|entry| entry.hostname.clone().filter(|host| !host.is_empty()))
}

/// The DNS name of the ALB of an Ingress, which may have an NLB in front.
pub(super) fn host_of_ingress(ingress: &Ingress) -> Option<String> {
    let entries = ingress.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    let hosts = entries.iter().rev().filter_map(|entry| entry.hostname.as_ref());
    hosts.into_iter().find(|host| host.contains(ALB_DOMAIN)).cloned()
}

fn host_of_gateway(gateway: &Gateway) -> Option<String> {
    let addresses = &gateway.status.as_ref()?.addresses;
    let hosts = addresses.iter().filter(|address| address.type_.as_deref() == Some("Hostname"));
    hosts.map(|address| address.value.clone()).find(|value| !value.is_empty())
}
