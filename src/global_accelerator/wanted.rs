//! From a GlobalAccelerator to the accelerator that it wants.

use super::discovery::{self, DiscoveryError};
use super::endpoints::{
    EndpointLoader, LoadError, LoadedEndpoint, ReadyEndpoint, WaitReason, WaitingEndpoint,
};
use super::name::default_name;
use super::ports;
use super::{Accelerator, AcceleratorFacts, AcceleratorLookup, EndpointGroup, EndpointObjects, Listener};
use crate::api::ObjectKey;
use crate::api::global_accelerator::{
    self as wanted, CLUSTER_REGION_TAG, GlobalAccelerator, RESOURCE, RESOURCE_TAG, STACK_TAG,
};
use crate::api::meta::CLUSTER_TAG;
use crate::aws_api::Tags;
use crate::aws_api::global_accelerator::{
    AcceleratorProtocol, ClientAffinity, Endpoint, PortOverride, PortRange,
};
use crate::config::Config;
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};

/// Ranges of ports that a listener can have.
const MAX_RANGES: usize = 10;

/// What a build comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltAccelerator {
    /// The wanted accelerator, without the endpoints that are waited for.
    pub accelerator: Accelerator,
    /// Endpoints that cannot be used yet.
    pub waiting: Vec<WaitingEndpoint>,
}

/// Why nothing can be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceleratorBuildError {
    /// These must be known first.
    #[error("not everything is known")]
    Missing(Vec<AcceleratorLookup>),
    /// Objects are not listed yet.
    #[error("not everything is listed")]
    NotListed,
    /// An endpoint that never can be one.
    #[error("failed to load endpoints: {0}")]
    Endpoint(String),
    /// The rest of the object.
    #[error("{0}")]
    Invalid(String),
}

fn invalid<T>(message: impl Into<String>) -> Result<T, AcceleratorBuildError> {
    Err(AcceleratorBuildError::Invalid(message.into()))
}

/// The tags by which an accelerator is found.
pub fn tracking_tags(key: &ObjectKey, config: &Config) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Tags::from([
        tag(CLUSTER_TAG, &config.cluster_name),
        tag(CLUSTER_REGION_TAG, &config.region),
        tag(STACK_TAG, &key.to_string()),
        tag(RESOURCE_TAG, RESOURCE),
    ])
}

/// The accelerator that a GlobalAccelerator wants.
pub fn build(
    object: &GlobalAccelerator,
    cluster: &dyn EndpointObjects,
    facts: &AcceleratorFacts,
    config: &Config,
) -> Result<BuiltAccelerator, AcceleratorBuildError> {
    let key = ObjectKey::of(object);
    let loaded = load(object, &key, cluster, facts)?;
    let waiting: Vec<WaitingEndpoint> = loaded.iter().filter_map(|one| one.as_ref().err().cloned()).collect();
    let mut build = AcceleratorBuild { config, facts, loaded: loaded.into_iter(), waiting };
    let ip_address_type = object.spec.ip_address_type.unwrap_or_default();
    let ip_address_type: &'static str = ip_address_type.into();
    let accelerator = Accelerator {
        name: match &object.spec.name {
            Some(name) => name.clone(),
            None => default_name(&key, ip_address_type, config),
        },
        ip_address_type: ip_address_type.into(),
        ip_addresses: object.spec.ip_addresses.clone().unwrap_or_default(),
        tags: tags(object, &key, config)?,
        listeners: build.listeners(object)?,
    };
    Ok(BuiltAccelerator { accelerator, waiting: build.waiting })
}

/// Every endpoint, in order.
fn load(
    object: &GlobalAccelerator,
    key: &ObjectKey,
    cluster: &dyn EndpointObjects,
    facts: &AcceleratorFacts,
) -> Result<Vec<LoadedEndpoint>, AcceleratorBuildError> {
    let loader = EndpointLoader { cluster, facts, namespace: key.namespace() };
    let (mut loaded, mut missing) = (Vec::new(), BTreeSet::new());
    for endpoint in object.endpoints() {
        match loader.load(endpoint) {
            Ok(one) => loaded.push(one),
            Err(LoadError::Missing(lookup)) => drop(missing.insert(lookup)),
            Err(LoadError::NotListed) => return Err(AcceleratorBuildError::NotListed),
            Err(LoadError::Invalid(message)) => return Err(AcceleratorBuildError::Endpoint(message)),
        }
    }
    if missing.is_empty() {
        Ok(loaded)
    } else {
        Err(AcceleratorBuildError::Missing(missing.into_iter().collect()))
    }
}

fn tags(object: &GlobalAccelerator, key: &ObjectKey, config: &Config) -> Result<Tags, AcceleratorBuildError> {
    let given = object.spec.tags.clone().unwrap_or_default();
    if let Some(managed) = given.keys().find(|key| config.external_managed_tags.contains(*key)) {
        return invalid(format!(
            "external managed tag key {managed} cannot be specified: take it out of spec.tags, or out of --external-managed-tags"
        ));
    }
    let mut tags = settings::tags::merge(&given, config);
    tags.extend(tracking_tags(key, config));
    Ok(tags)
}

/// A build that is under way.
struct AcceleratorBuild<'a, L> {
    config: &'a Config,
    facts: &'a AcceleratorFacts,
    /// The endpoints that have not been placed yet.
    loaded: L,
    waiting: Vec<WaitingEndpoint>,
}

/// A listener with its protocol and ports.
struct ListenerTemplate {
    protocol: wanted::AcceleratorProtocol,
    ranges: Vec<PortRange>,
}

impl<L: Iterator<Item = LoadedEndpoint>> AcceleratorBuild<'_, L> {
    fn listeners(
        &mut self,
        object: &GlobalAccelerator,
    ) -> Result<Option<Vec<Listener>>, AcceleratorBuildError> {
        let all = object.spec.listeners.as_deref().unwrap_or_default();
        let listeners = match all {
            [only] if is_open(only) && is_alone(only) => match self.discovered(only)? {
                Some(listeners) => listeners,
                None => return Ok(None),
            },
            all => {
                let number = all.iter().enumerate();
                number.map(|(index, one)| self.listener(index, one)).collect::<Result<_, _>>()?
            }
        };
        check_overrides(&listeners)?;
        Ok(Some(listeners))
    }

    /// A listener that says what it listens on.
    fn listener(
        &mut self,
        index: usize,
        given: &wanted::Listener,
    ) -> Result<Listener, AcceleratorBuildError> {
        const ONLY: &str =
            "it is discovered only if there is one listener with one endpoint group with one endpoint";
        let Some(protocol) = given.protocol else {
            return invalid(format!(
                "listener protocol must be specified in spec.listeners[{index}]: {ONLY}"
            ));
        };
        let Some(ranges) = &given.port_ranges else {
            return invalid(format!(
                "listener port ranges must be specified in spec.listeners[{index}]: {ONLY}"
            ));
        };
        let groups = self.groups(index, given)?;
        finished(index, given, &ListenerTemplate { protocol, ranges: to_ranges(ranges) }, groups)
    }

    /// The listeners of what the only endpoint's load balancer serves; `None`: it is waited for.
    fn discovered(
        &mut self,
        given: &wanted::Listener,
    ) -> Result<Option<Vec<Listener>>, AcceleratorBuildError> {
        let Some(Ok(endpoint)) = self.loaded.next() else { return Ok(None) };
        let ports = match discovery::discover(&endpoint, self.facts) {
            Ok(ports) => ports,
            Err(DiscoveryError::Missing(lookup)) => return Err(AcceleratorBuildError::Missing(vec![lookup])),
            Err(DiscoveryError::NotYet(what)) => {
                self.waiting.push(WaitingEndpoint { endpoint: what, reason: WaitReason::NoLoadBalancer });
                return Ok(None);
            }
            Err(DiscoveryError::Impossible(why)) => {
                return invalid(format!("failed to fetch endpoint port info for auto-discovery: {why}"));
            }
        };
        let protocols: Vec<wanted::AcceleratorProtocol> = match given.protocol {
            Some(protocol) => vec![protocol],
            None => ports.keys().copied().collect(),
        };
        let mut listeners = Vec::new();
        for (index, protocol) in protocols.into_iter().enumerate() {
            let found: Vec<i32> = ports.get(&protocol).into_iter().flatten().copied().collect();
            let ranges = match &given.port_ranges {
                Some(ranges) => to_ranges(ranges),
                None => ports::to_ranges(&found),
            };
            if ranges.is_empty() {
                return invalid(format!(
                    "listener port ranges must be specified: the load balancer of the endpoint serves no {protocol} port"
                ));
            }
            if ranges.len() > MAX_RANGES {
                return invalid(format!(
                    "the load balancer of the endpoint serves {} separate ranges of {protocol} ports, expected at most {MAX_RANGES}: give portRanges",
                    ranges.len()
                ));
            }
            // why: each listener has the endpoint
            let mut part = AcceleratorBuild {
                config: self.config,
                facts: self.facts,
                loaded: std::iter::once(Ok(endpoint.clone())),
                waiting: Vec::new(),
            };
            let groups = part.groups(index, given)?;
            listeners.push(finished(index, given, &ListenerTemplate { protocol, ranges }, groups)?);
        }
        Ok(Some(listeners))
    }

    fn groups(
        &mut self,
        listener: usize,
        given: &wanted::Listener,
    ) -> Result<Vec<EndpointGroup>, AcceleratorBuildError> {
        let mut groups: Vec<EndpointGroup> = Vec::new();
        let mut regions = BTreeSet::new();
        for (index, group) in given.endpoint_groups.iter().flatten().enumerate() {
            let built = self.group(group)?;
            if !regions.insert(built.region.clone()) {
                return invalid(format!(
                    "spec.listeners[{listener}].endpointGroups[{index}]: another endpoint group of the listener is in region {} too, expected at most one for each region",
                    built.region
                ));
            }
            groups.push(built);
        }
        Ok(groups)
    }

    fn group(&mut self, given: &wanted::EndpointGroup) -> Result<EndpointGroup, AcceleratorBuildError> {
        let region = given.region.as_deref().filter(|region| !region.is_empty());
        let region = region.unwrap_or(&self.config.region).to_owned();
        if region.is_empty() {
            return invalid(
                "region is required for endpoint group but neither specified in the endpoint group nor available from cluster configuration",
            );
        }
        // why a map: of two endpoints with one id the later counts, in the place of the first
        let (mut order, mut by_id) = (Vec::new(), BTreeMap::new());
        for endpoint in given.endpoints.iter().flatten() {
            let Some(Ok(ReadyEndpoint { id, .. })) = self.loaded.next() else { continue };
            let configured = Endpoint {
                id: id.clone(),
                weight: Some(endpoint.weight.unwrap_or(wanted::DEFAULT_WEIGHT)),
                client_ip_preservation: Some(endpoint.client_ip_preservation_enabled.unwrap_or(true)),
            };
            if by_id.insert(id.clone(), configured).is_none() {
                order.push(id);
            }
        }
        Ok(EndpointGroup {
            region,
            traffic_dial: given.traffic_dial_percentage.unwrap_or(100),
            port_overrides: given.port_overrides.iter().flatten().copied().map(to_override).collect(),
            endpoints: order.iter().filter_map(|id| by_id.remove(id)).collect(),
        })
    }
}

/// Whether a listener leaves open what it listens on.
fn is_open(listener: &wanted::Listener) -> bool {
    listener.protocol.is_none() || listener.port_ranges.is_none()
}

/// Whether a listener has one endpoint in all.
fn is_alone(listener: &wanted::Listener) -> bool {
    let groups = listener.endpoint_groups.as_deref().unwrap_or_default();
    matches!(groups, [group] if group.endpoints.as_ref().is_some_and(|endpoints| endpoints.len() == 1))
}

fn to_ranges(given: &[wanted::PortRange]) -> Vec<PortRange> {
    given.iter().map(|range| PortRange { from: range.from_port, to: range.to_port }).collect()
}

fn to_override(given: wanted::PortOverride) -> PortOverride {
    PortOverride { listener_port: given.listener_port, endpoint_port: given.endpoint_port }
}

fn finished(
    index: usize,
    given: &wanted::Listener,
    template: &ListenerTemplate,
    groups: Vec<EndpointGroup>,
) -> Result<Listener, AcceleratorBuildError> {
    for group in &groups {
        check_group_overrides(index, group, &template.ranges)?;
    }
    let affinity: &'static str = given.client_affinity.unwrap_or_default().into();
    let protocol: &'static str = template.protocol.into();
    Ok(Listener {
        protocol: AcceleratorProtocol::from(protocol),
        port_ranges: template.ranges.clone(),
        client_affinity: ClientAffinity::from(affinity),
        groups,
    })
}

/// The port overrides of a group, beside those of no other.
fn check_group_overrides(
    listener: usize,
    group: &EndpointGroup,
    ranges: &[PortRange],
) -> Result<(), AcceleratorBuildError> {
    let place = format!("spec.listeners[{listener}], region {}", group.region);
    let overrides = &group.port_overrides;
    if let Some(one) = overrides.iter().find(|one| !ports::contain(ranges, one.listener_port)) {
        return invalid(format!(
            "port override listener port {} is not within any listener port ranges ({place}): AWS would refuse it",
            one.listener_port
        ));
    }
    let (mut listener_ports, mut endpoint_ports) = (BTreeSet::new(), BTreeSet::new());
    for one in overrides {
        if !listener_ports.insert(one.listener_port) {
            return invalid(format!(
                "duplicate listener port {} in port overrides ({place}): each listener port can only be used once in port overrides for an endpoint group",
                one.listener_port
            ));
        }
        if !endpoint_ports.insert(one.endpoint_port) {
            return invalid(format!(
                "duplicate endpoint port {} in port overrides ({place}): each endpoint port can only be used once in port overrides for an endpoint group",
                one.endpoint_port
            ));
        }
    }
    Ok(())
}

/// The port overrides of all listeners together.
fn check_overrides(listeners: &[Listener]) -> Result<(), AcceleratorBuildError> {
    let mut used: BTreeMap<i32, usize> = BTreeMap::new();
    let all: Vec<PortRange> = listeners.iter().flat_map(|listener| listener.port_ranges.clone()).collect();
    let all = ports::union(&all);
    for (index, listener) in listeners.iter().enumerate() {
        let overrides = listener.groups.iter().flat_map(|group| &group.port_overrides);
        for port in overrides.map(|one| one.endpoint_port) {
            if ports::contain_sorted(&all, port) {
                let taken = listeners.iter().position(|other| ports::contain(&other.port_ranges, port));
                let other = taken.unwrap_or(index);
                return invalid(format!(
                    "endpoint port {port} of a port override of spec.listeners[{index}] conflicts with a port range of spec.listeners[{other}]: endpoint port cannot be included in any listener port range"
                ));
            }
            match used.insert(port, index) {
                Some(other) if other != index => {
                    return invalid(format!(
                        "duplicate endpoint port {port}: the same endpoint port cannot be used in port overrides from different listeners (spec.listeners[{other}] and spec.listeners[{index}])"
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
