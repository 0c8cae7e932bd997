//! Layer 2: what a GlobalAccelerator asks of AWS Global Accelerator, and how AWS is brought there.
//!
//! [`endpoints`] says what stands behind each endpoint, [`discovery`] which ports a load balancer serves, [`mod@wanted`] makes the
//! wanted accelerator of both, [`plan`] compares it with what AWS has, and [`status`] tells the outcome. All of it is a function
//! of the objects and of [`AcceleratorFacts`]; what a build lacks it says ([`AcceleratorLookup`]), and is done again.
//!
//! Matches upstream's `pkg/aga`, `pkg/model/aga`, `pkg/deploy/aga` and `pkg/status/aga`.

pub mod discovery;
pub mod endpoints;
pub mod name;
pub mod plan;
pub mod ports;
pub mod status;
pub mod wanted;

use crate::api::gateway::{Gateway, ReferenceGrant};
use crate::api::{Ingress, ObjectKey, Service};
use crate::aws_api::Tags;
use crate::aws_api::global_accelerator::{
    AcceleratorAddressType, AcceleratorProtocol, ClientAffinity, Endpoint, PortOverride, PortRange,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Regions whose partition does not have AWS Global Accelerator, by prefix.
const REGIONS_WITHOUT: [&str; 5] = ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"];

/// Whether the service can be used by a cluster of this region.
pub fn is_in_region(region: &str) -> bool {
    let region = region.to_ascii_lowercase();
    !REGIONS_WITHOUT.iter().any(|prefix| region.starts_with(prefix))
}

/// How much is known of the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindState {
    /// All of them.
    Listed,
    /// They are being listed.
    Pending,
    /// The API server does not serve the kind.
    NotServed,
}

/// The objects that endpoints name.
pub trait EndpointObjects: Sync {
    /// A Service, if there is one.
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>>;
    /// An Ingress, if there is one.
    fn ingress(&self, key: &ObjectKey) -> Option<Arc<Ingress>>;
    /// A Gateway, if there is one.
    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>>;
    /// How much is known of Gateways.
    fn gateways(&self) -> KindState;
    /// The ReferenceGrants of a namespace.
    fn grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>>;
    /// How much is known of ReferenceGrants.
    fn all_grants(&self) -> KindState;
}

/// What a build must know of AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AcceleratorLookup {
    /// The load balancer of a DNS name.
    LoadBalancer(String),
    /// The listeners of a load balancer, by its ARN.
    Listeners(String),
}

/// A load balancer, as far as it can be an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// It can be one, under this ARN.
    Ready(String),
    /// Not before it is active.
    Provisioning,
    /// There is none with this DNS name in the account and region.
    Unknown,
}

/// Protocol and port of a listener of a load balancer.
pub type ServedPort = (String, i32);

/// What is known of AWS.
#[derive(Clone, Debug, Default)]
pub struct AcceleratorFacts {
    /// Load balancers by DNS name.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// Listeners by ARN of their load balancer.
    pub listeners: BTreeMap<String, Vec<ServedPort>>,
}

/// The wanted accelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerator {
    /// Name, at most 64 characters.
    pub name: String,
    /// The address families that it has.
    pub ip_address_type: AcceleratorAddressType,
    /// Addresses of own pools, for when it is created.
    pub ip_addresses: Vec<String>,
    /// All its tags.
    pub tags: Tags,
    /// Its listeners; `None`: nobody can tell before the load balancer of the only endpoint is there.
    pub listeners: Option<Vec<Listener>>,
}

/// A wanted listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Protocol towards the clients.
    pub protocol: AcceleratorProtocol,
    /// Ports that clients connect to.
    pub port_ranges: Vec<PortRange>,
    /// Whether connections of one client stay together.
    pub client_affinity: ClientAffinity,
    /// Endpoints by region.
    pub groups: Vec<EndpointGroup>,
}

/// A wanted endpoint group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    /// Region; no other group of the listener has it.
    pub region: String,
    /// Traffic dial in percent.
    pub traffic_dial: i32,
    /// Ports of endpoints that differ from those of the listener.
    pub port_overrides: Vec<PortOverride>,
    /// Endpoints, each id once.
    pub endpoints: Vec<Endpoint>,
}

#[cfg(test)]
mod fixture;
