//! Endpoint groups and their endpoints.

use super::placed::{PlacedListener, keep_overrides};
use super::{AcceleratorStage, AcceleratorStep, AskedFlags};
use crate::aws_api::global_accelerator::{
    AddEndpoints, CreateEndpointGroup, DeleteEndpointGroup, Endpoint, EndpointGroup as Found, PortOverride,
    RemoveEndpoints, UpdateEndpointGroup,
};
use crate::aws_api::{Ref, Symbol, SymbolKind};
use crate::global_accelerator::EndpointGroup;
use std::collections::{BTreeMap, BTreeSet};

/// Traffic dials closer than this, in thousandths of a percent, are the same.
const SAME_DIAL: i64 = 1;

/// Elastic IP addresses never show targets the address of the client, whatever is asked.
/// Source: <https://docs.aws.amazon.com/global-accelerator/latest/dg/preserve-client-ip-address.html>
const ADDRESS: &str = "eipalloc-";

/// What brings the endpoint groups of all listeners to what is wanted.
pub(super) fn plan_groups(
    mut listeners: Vec<PlacedListener<'_>>,
    asked: &AskedFlags,
) -> Vec<AcceleratorStep> {
    let mut steps = clear_overrides_of_others(&mut listeners);
    for (index, listener) in listeners.iter().enumerate() {
        steps.extend(plan_listener(index, listener, asked));
    }
    steps
}

/// Takes port overrides away that lead where a port override of another listener shall lead: AWS has each endpoint port of a region
/// overridden for one listener only.
fn clear_overrides_of_others(listeners: &mut [PlacedListener<'_>]) -> Vec<AcceleratorStep> {
    let mut wanted: BTreeMap<(String, i32), BTreeSet<usize>> = BTreeMap::new();
    for (index, listener) in listeners.iter().enumerate() {
        for group in &listener.wanted.groups {
            for one in &group.port_overrides {
                let place = (group.region.clone(), one.endpoint_port);
                wanted.entry(place).or_default().insert(index);
            }
        }
    }
    let mut steps = Vec::new();
    for (index, listener) in listeners.iter_mut().enumerate() {
        for group in &mut listener.groups {
            let region = group.region.clone();
            let fits = |one: &PortOverride| {
                let users = wanted.get(&(region.clone(), one.endpoint_port));
                users.is_none_or(|users| users.iter().all(|user| *user == index))
            };
            steps.extend(keep_overrides(group, AcceleratorStage::EndpointGroups, fits));
        }
    }
    steps
}

fn plan_listener(index: usize, listener: &PlacedListener<'_>, asked: &AskedFlags) -> Vec<AcceleratorStep> {
    let mut steps = Vec::new();
    let mut wanted: Vec<&EndpointGroup> = listener.wanted.groups.iter().collect();
    wanted.sort_by(|one, other| one.region.cmp(&other.region));
    let found = |region: &str| listener.groups.iter().find(|group| group.region == region);
    let (there, new): (Vec<&EndpointGroup>, Vec<&EndpointGroup>) =
        wanted.into_iter().partition(|group| found(&group.region).is_some());
    for group in there {
        let updates = found(&group.region).into_iter().flat_map(|found| update(group, found, asked));
        steps.extend(updates.map(|step| step.for_listener(index, Some(&group.region))));
    }
    for group in &listener.groups {
        if !listener.wanted.groups.iter().any(|one| one.region == group.region) {
            let request = DeleteEndpointGroup { arn: group.arn.clone() };
            steps.push(AcceleratorStep::new(AcceleratorStage::EndpointGroups, request));
        }
    }
    for group in new {
        let creation = create(index, &listener.arn, group);
        steps.extend(creation.into_iter().map(|step| step.for_listener(index, Some(&group.region))));
    }
    steps
}

/// A new group gets its endpoints by a request of their own, so that one that AWS refuses costs no group.
fn create(listener: usize, listener_arn: &Ref, group: &EndpointGroup) -> Vec<AcceleratorStep> {
    let id = format!("EndpointGroup-{listener}-{}", group.region);
    let symbol = Symbol { kind: SymbolKind::EndpointGroupArn, id };
    let request = CreateEndpointGroup {
        listener_arn: listener_arn.clone(),
        region: group.region.clone(),
        traffic_dial: Some(group.traffic_dial),
        port_overrides: group.port_overrides.clone(),
    };
    let mut steps =
        vec![AcceleratorStep::new(AcceleratorStage::EndpointGroups, request).making(symbol.clone())];
    if !group.endpoints.is_empty() {
        let request = AddEndpoints { group_arn: Ref::Pending(symbol), endpoints: group.endpoints.clone() };
        steps.push(AcceleratorStep::new(AcceleratorStage::EndpointGroups, request));
    }
    steps
}

fn update(wanted: &EndpointGroup, found: &Found, asked: &AskedFlags) -> Vec<AcceleratorStep> {
    let mut steps = Vec::new();
    let dial = i64::from(wanted.traffic_dial) * 1000;
    let is_same_dial = found.traffic_dial.is_some_and(|found| (found - dial).abs() <= SAME_DIAL);
    if !is_same_dial || sorted(&wanted.port_overrides) != sorted(&found.port_overrides) {
        let request = UpdateEndpointGroup {
            arn: found.arn.clone(),
            traffic_dial: Some(wanted.traffic_dial),
            port_overrides: Some(wanted.port_overrides.clone()),
            endpoints: None,
        };
        steps.push(AcceleratorStep::new(AcceleratorStage::EndpointGroups, request));
    }
    steps.extend(update_endpoints(wanted, found, asked));
    steps
}

fn sorted(overrides: &[PortOverride]) -> Vec<PortOverride> {
    let mut overrides = overrides.to_vec();
    overrides.sort();
    overrides
}

/// One request for all endpoints if one of them changes; else one for those that come, and one for those that go.
fn update_endpoints(wanted: &EndpointGroup, found: &Found, asked: &AskedFlags) -> Vec<AcceleratorStep> {
    let step =
        |request: crate::aws_api::Request| AcceleratorStep::new(AcceleratorStage::EndpointGroups, request);
    let have = |id: &str| found.endpoints.iter().find(|endpoint| endpoint.id == id);
    let changes = |endpoint: &Endpoint| {
        have(&endpoint.id).is_some_and(|found_one| {
            let was_asked = asked.get(&(found.arn.clone(), endpoint.id.clone())).copied();
            differs(endpoint, found_one, was_asked)
        })
    };
    if wanted.endpoints.iter().any(changes) {
        let request = UpdateEndpointGroup {
            arn: found.arn.clone(),
            traffic_dial: None,
            port_overrides: None,
            endpoints: Some(wanted.endpoints.clone()),
        };
        return vec![step(request.into())];
    }
    let new: Vec<Endpoint> =
        wanted.endpoints.iter().filter(|endpoint| have(&endpoint.id).is_none()).cloned().collect();
    let is_wanted = |id: &str| wanted.endpoints.iter().any(|endpoint| endpoint.id == id);
    let mut gone: Vec<String> = found.endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    gone.retain(|id| !is_wanted(id));
    gone.sort();
    let mut steps = Vec::new();
    if !new.is_empty() {
        let request = AddEndpoints { group_arn: Ref::Known(found.arn.clone()), endpoints: new };
        steps.push(step(request.into()));
    }
    if !gone.is_empty() {
        steps.push(step(RemoveEndpoints { group_arn: found.arn.clone(), ids: gone }.into()));
    }
    steps
}

/// Whether an endpoint is not as it is wanted. What AWS was asked for and did not do counts as done.
fn differs(wanted: &Endpoint, found: &Endpoint, was_asked: Option<bool>) -> bool {
    let is_given = wanted.client_ip_preservation == found.client_ip_preservation
        || wanted.id.starts_with(ADDRESS)
        || (was_asked.is_some() && was_asked == wanted.client_ip_preservation);
    wanted.weight != found.weight || !is_given
}
