//! Global Accelerator: standard accelerators with their listeners, endpoint groups, endpoints and tags.
//!
//! Sources: <https://docs.aws.amazon.com/global-accelerator/latest/api/Welcome.html>, and for what AWS does not say: the same
//! idempotency token gives the same accelerator, with other values it is refused; an accelerator that is not deployed cannot be
//! deleted.

use crate::{
    World,
    page::page,
    refusal::{CallResult, Refusal, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{Tags, global_accelerator::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Accelerators by ARN.
#[derive(Clone, Debug, Default)]
pub(crate) struct GlobalAccelerator {
    pub(crate) accelerators: BTreeMap<String, AcceleratorState>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    pub(crate) groups: BTreeMap<String, EndpointGroup>,
    /// The accelerator of each token, and what was asked for.
    tokens: BTreeMap<String, (String, CreateAccelerator)>,
}

#[derive(Clone, Debug)]
pub(crate) struct AcceleratorState {
    described: Accelerator,
    tags: Tags,
    /// When AWS is done with the last change.
    deployed: Duration,
}

fn wrong(message: impl Into<String>) -> Refusal {
    refuse("InvalidArgumentException", message)
}

fn no_accelerator() -> Refusal {
    refuse("AcceleratorNotFoundException", "The accelerator doesn't exist")
}

fn no_listener() -> Refusal {
    refuse("ListenerNotFoundException", "The listener doesn't exist")
}

fn no_group() -> Refusal {
    refuse("EndpointGroupNotFoundException", "The endpoint group doesn't exist")
}

/// The accelerator of a listener or endpoint group.
fn accelerator_of(arn: &str) -> &str {
    arn.split("/listener/").next().unwrap_or_default()
}

/// The listener of an endpoint group.
fn listener_of(arn: &str) -> &str {
    arn.split("/endpoint-group/").next().unwrap_or_default()
}

fn contains(ranges: &[PortRange], port: i32) -> bool {
    ranges.iter().any(|range| (range.from..=range.to).contains(&port))
}

fn overlap(one: &[PortRange], other: &[PortRange]) -> bool {
    one.iter().any(|one| other.iter().any(|other| one.from <= other.to && other.from <= one.to))
}

impl World {
    /// Takes note of a change: AWS needs some time to carry it out.
    fn touch(&mut self, arn: &str) {
        let deployed = self.now() + self.settings.delays.accelerator;
        if let Some(state) = self.global_accelerator.accelerators.get_mut(accelerator_of(arn)) {
            state.deployed = deployed;
        }
    }

    fn shown(&self, state: &AcceleratorState) -> Accelerator {
        let is_done = state.deployed <= self.now();
        let status = if is_done { AcceleratorStatus::Deployed } else { AcceleratorStatus::InProgress };
        Accelerator { status, ..state.described.clone() }
    }

    pub(crate) fn list_accelerators(
        &self,
        request: &ListAccelerators,
    ) -> CallResult<AcceleratorPage<Accelerator>> {
        let all = self.global_accelerator.accelerators.iter();
        let items = all.map(|(arn, state)| (arn.clone(), self.shown(state)));
        let bad_token = || refuse("InvalidNextTokenException", "The token is not valid");
        let (items, next_token) =
            page(items, request.next_token.as_deref(), self.settings.page_size, bad_token)?;
        Ok(AcceleratorPage { items, next_token })
    }

    pub(crate) fn describe_accelerator(&self, request: &DescribeAccelerator) -> CallResult<Accelerator> {
        let state = self.global_accelerator.accelerators.get(&request.arn).ok_or_else(no_accelerator)?;
        Ok(self.shown(state))
    }

    pub(crate) fn list_accelerator_tags(&self, request: &ListAcceleratorTags) -> CallResult<Tags> {
        let state = self.global_accelerator.accelerators.get(&request.arn).ok_or_else(no_accelerator)?;
        Ok(state.tags.clone())
    }

    pub(crate) fn create_accelerator(&mut self, request: &CreateAccelerator) -> CallResult<Accelerator> {
        let known = self.global_accelerator.tokens.get(&request.idempotency_token);
        if let Some((arn, asked)) = known
            && let Some(state) = self.global_accelerator.accelerators.get(arn)
        {
            let is_same = CreateAccelerator { tags: Tags::new(), ..asked.clone() }
                == CreateAccelerator { tags: Tags::new(), ..request.clone() };
            ensure(is_same, || wrong("The idempotency token was used with other parameters"))?;
            return Ok(self.shown(state));
        }
        ensure(request.ip_addresses.iter().all(|ip| ip.starts_with("198.51.100.")), || {
            wrong("The IP address is not in an address pool of this account")
        })?;
        let too_many = || wrong("A resource can have at most 50 tags");
        tags::check(&request.tags, &Tags::new(), wrong, too_many)?;
        ensure(self.global_accelerator.accelerators.len() < self.settings.quotas.accelerators, || {
            refuse("LimitExceededException", "The number of accelerators has reached its limit")
        })?;
        let id = self.ids.uuid();
        let arn = format!("arn:aws:globalaccelerator::{}:accelerator/{id}", self.account.id);
        let mut addresses = request.ip_addresses.clone();
        while addresses.len() < 2 {
            addresses.push(format!("75.2.{}.{}", self.ids.number() % 256, addresses.len() + 1));
        }
        let mut described = Accelerator {
            arn: arn.clone(),
            name: request.name.clone(),
            ip_address_type: request.ip_address_type.clone(),
            enabled: request.enabled,
            status: AcceleratorStatus::InProgress,
            dns_name: format!("a{}.awsglobalaccelerator.com", self.ids.hex(16)),
            dual_stack_dns_name: None,
            ip_sets: vec![("IPv4".to_owned(), addresses)],
        };
        set_families(&mut described);
        let deployed = self.now() + self.settings.delays.accelerator;
        let state = AcceleratorState { described, tags: request.tags.clone(), deployed };
        let shown = self.shown(&state);
        self.global_accelerator.accelerators.insert(arn.clone(), state);
        self.global_accelerator.tokens.insert(request.idempotency_token.clone(), (arn, request.clone()));
        Ok(shown)
    }

    pub(crate) fn update_accelerator(&mut self, request: &UpdateAccelerator) -> CallResult<Accelerator> {
        let state = self.global_accelerator.accelerators.get_mut(&request.arn).ok_or_else(no_accelerator)?;
        if let Some(name) = &request.name {
            state.described.name.clone_from(name);
        }
        if let Some(kind) = &request.ip_address_type {
            state.described.ip_address_type = kind.clone();
        }
        state.described.enabled = request.enabled;
        set_families(&mut state.described);
        self.touch(&request.arn);
        self.describe_accelerator(&DescribeAccelerator { arn: request.arn.clone() })
    }

    pub(crate) fn delete_accelerator(&mut self, request: &DeleteAccelerator) -> CallResult<()> {
        let state = self.global_accelerator.accelerators.get(&request.arn).ok_or_else(no_accelerator)?;
        let has_listener =
            self.global_accelerator.listeners.keys().any(|arn| accelerator_of(arn) == request.arn);
        ensure(!has_listener, || {
            refuse("AssociatedListenerFoundException", "The accelerator has a listener associated with it.")
        })?;
        ensure(!state.described.enabled && state.deployed <= self.now(), || {
            refuse("AcceleratorNotDisabledException", "The accelerator could not be disabled.")
        })?;
        self.global_accelerator.accelerators.remove(&request.arn);
        Ok(())
    }

    pub(crate) fn tag_accelerator(&mut self, request: &TagAccelerator) -> CallResult<()> {
        let state = self.global_accelerator.accelerators.get_mut(&request.arn).ok_or_else(no_accelerator)?;
        let too_many = || wrong("A resource can have at most 50 tags");
        tags::check(&request.tags, &state.tags, wrong, too_many)?;
        state.tags.extend(request.tags.clone());
        Ok(())
    }

    pub(crate) fn untag_accelerator(&mut self, request: &UntagAccelerator) -> CallResult<()> {
        let state = self.global_accelerator.accelerators.get_mut(&request.arn).ok_or_else(no_accelerator)?;
        state.tags.retain(|key, _| !request.keys.contains(key));
        Ok(())
    }

    pub(crate) fn list_accelerator_listeners(
        &self,
        request: &ListAcceleratorListeners,
    ) -> CallResult<AcceleratorPage<Listener>> {
        ensure(self.global_accelerator.accelerators.contains_key(&request.accelerator_arn), no_accelerator)?;
        let all = self.global_accelerator.listeners.iter();
        let own = all.filter(|(arn, _)| accelerator_of(arn) == request.accelerator_arn);
        let items = own.map(|(arn, listener)| (arn.clone(), listener.clone()));
        let bad_token = || refuse("InvalidNextTokenException", "The token is not valid");
        let (items, next_token) =
            page(items, request.next_token.as_deref(), self.settings.page_size, bad_token)?;
        Ok(AcceleratorPage { items, next_token })
    }

    /// Refuses ports that another listener of the accelerator has, or that a port override leads to or comes from.
    fn ensure_free(
        &self,
        accelerator: &str,
        own: Option<&str>,
        protocol: &AcceleratorProtocol,
        ranges: &[PortRange],
    ) -> CallResult<()> {
        let bad_ports = |message: &str| refuse("InvalidPortRangeException", message.to_owned());
        let is_valid = !ranges.is_empty() && ranges.len() <= 10;
        ensure(is_valid && ranges.iter().all(|range| range.from <= range.to), || {
            bad_ports("The port numbers that you specified are not valid numbers")
        })?;
        let pairs = ranges
            .iter()
            .enumerate()
            .any(|(index, one)| ranges.iter().skip(index + 1).any(|other| overlap(&[*one], &[*other])));
        ensure(!pairs, || bad_ports("The port ranges overlap"))?;
        let all = self.global_accelerator.listeners.values();
        for other in all.filter(|other| accelerator_of(&other.arn) == accelerator) {
            let is_other = own != Some(other.arn.as_str());
            ensure(
                !(is_other && other.protocol == *protocol && overlap(&other.port_ranges, ranges)),
                || bad_ports("The port numbers that you specified are not unique for this accelerator."),
            )?;
        }
        let groups = self.global_accelerator.groups.values();
        for group in groups.filter(|group| accelerator_of(&group.arn) == accelerator) {
            for one in &group.port_overrides {
                ensure(!contains(ranges, one.endpoint_port), || {
                    bad_ports("A port override uses a port of the range as endpoint port")
                })?;
                let is_own = own == Some(listener_of(&group.arn));
                ensure(!is_own || contains(ranges, one.listener_port), || {
                    bad_ports("A port override uses a listener port outside the ranges")
                })?;
            }
        }
        Ok(())
    }

    pub(crate) fn create_accelerator_listener(
        &mut self,
        request: &CreateAcceleratorListener,
    ) -> CallResult<String> {
        let accelerator = &request.accelerator_arn;
        ensure(self.global_accelerator.accelerators.contains_key(accelerator), no_accelerator)?;
        let all = self.global_accelerator.listeners.keys();
        let count = all.filter(|arn| accelerator_of(arn) == accelerator).count();
        ensure(count < self.settings.quotas.accelerator_listeners, || {
            refuse("LimitExceededException", "The number of listeners has reached its limit")
        })?;
        self.ensure_free(accelerator, None, &request.protocol, &request.port_ranges)?;
        let arn = format!("{accelerator}/listener/{}", self.ids.hex(8));
        let listener = Listener {
            arn: arn.clone(),
            protocol: request.protocol.clone(),
            port_ranges: request.port_ranges.clone(),
            client_affinity: request.client_affinity.clone(),
        };
        self.global_accelerator.listeners.insert(arn.clone(), listener);
        self.touch(&arn);
        Ok(arn)
    }

    pub(crate) fn update_accelerator_listener(
        &mut self,
        request: &UpdateAcceleratorListener,
    ) -> CallResult<()> {
        let UpdateAcceleratorListener { arn, protocol, port_ranges, client_affinity } = request;
        ensure(self.global_accelerator.listeners.contains_key(arn), no_listener)?;
        self.ensure_free(accelerator_of(arn), Some(arn), protocol, port_ranges)?;
        let listener = Listener {
            arn: arn.clone(),
            protocol: protocol.clone(),
            port_ranges: port_ranges.clone(),
            client_affinity: client_affinity.clone(),
        };
        self.global_accelerator.listeners.insert(arn.clone(), listener);
        self.touch(arn);
        Ok(())
    }

    pub(crate) fn delete_accelerator_listener(
        &mut self,
        request: &DeleteAcceleratorListener,
    ) -> CallResult<()> {
        ensure(self.global_accelerator.listeners.contains_key(&request.arn), no_listener)?;
        let has_group = self.global_accelerator.groups.keys().any(|arn| listener_of(arn) == request.arn);
        ensure(!has_group, || {
            refuse("AssociatedEndpointGroupFoundException", "The listener has an endpoint group.")
        })?;
        self.global_accelerator.listeners.remove(&request.arn);
        self.touch(&request.arn);
        Ok(())
    }

    pub(crate) fn list_endpoint_groups(
        &self,
        request: &ListEndpointGroups,
    ) -> CallResult<AcceleratorPage<EndpointGroup>> {
        ensure(self.global_accelerator.listeners.contains_key(&request.listener_arn), no_listener)?;
        let all = self.global_accelerator.groups.iter();
        let own = all.filter(|(arn, _)| listener_of(arn) == request.listener_arn);
        let items = own.map(|(arn, group)| (arn.clone(), group.clone()));
        let bad_token = || refuse("InvalidNextTokenException", "The token is not valid");
        let (items, next_token) =
            page(items, request.next_token.as_deref(), self.settings.page_size, bad_token)?;
        Ok(AcceleratorPage { items, next_token })
    }

    fn ensure_overrides(
        &self,
        listener: &Listener,
        own: Option<&str>,
        all: &[PortOverride],
    ) -> CallResult<()> {
        let ports: BTreeSet<i32> = all.iter().map(|one| one.listener_port).collect();
        ensure(ports.len() == all.len(), || wrong("A listener port can be overridden only once"))?;
        let accelerator = accelerator_of(&listener.arn);
        for one in all {
            ensure(contains(&listener.port_ranges, one.listener_port), || {
                wrong(format!("The listener port {} is not of the listener", one.listener_port))
            })?;
            let listeners = self.global_accelerator.listeners.values();
            let mut others = listeners.filter(|other| accelerator_of(&other.arn) == accelerator);
            ensure(!others.any(|other| contains(&other.port_ranges, one.endpoint_port)), || {
                wrong(format!("The endpoint port {} is in a port range of a listener", one.endpoint_port))
            })?;
            let groups = self.global_accelerator.groups.values();
            let mut foreign = groups.filter(|group| {
                accelerator_of(&group.arn) == accelerator
                    && listener_of(&group.arn) != listener.arn
                    && own != Some(group.arn.as_str())
            });
            let is_taken = foreign
                .any(|group| group.port_overrides.iter().any(|o| o.endpoint_port == one.endpoint_port));
            ensure(!is_taken, || {
                wrong(format!("The endpoint port {} is used by another listener", one.endpoint_port))
            })?;
        }
        Ok(())
    }

    fn ensure_endpoints(&self, region: &str, endpoints: &[Endpoint]) -> CallResult<()> {
        let ids: BTreeSet<&String> = endpoints.iter().map(|endpoint| &endpoint.id).collect();
        ensure(ids.len() == endpoints.len(), || wrong("An endpoint is named twice"))?;
        ensure(endpoints.len() <= self.settings.quotas.endpoints_per_group, too_many_endpoints)?;
        for Endpoint { id, .. } in endpoints {
            let is_there = match id.split(':').nth(3) {
                Some(own) => own == region && self.elb.load_balancers.contains_key(id),
                None => self.ec2.addresses.contains_key(id) || self.ec2.instances.contains_key(id),
            };
            ensure(is_there, || wrong(format!("The endpoint {id} does not exist")))?;
            let state = self.elb.load_balancers.get(id);
            ensure(state.is_none_or(|state| state.ready <= self.now()), || {
                wrong(format!("The load balancer {id} is not active"))
            })?;
        }
        Ok(())
    }

    pub(crate) fn create_endpoint_group(&mut self, request: &CreateEndpointGroup) -> CallResult<String> {
        let listener_arn = request.listener_arn.resolved()?.to_owned();
        let listener =
            self.global_accelerator.listeners.get(&listener_arn).cloned().ok_or_else(no_listener)?;
        let is_region = request.region.split('-').count() >= 3;
        ensure(is_region, || wrong(format!("The region {} is not valid", request.region)))?;
        let mut groups = self.global_accelerator.groups.values();
        let is_taken =
            groups.any(|group| listener_of(&group.arn) == listener_arn && group.region == request.region);
        ensure(!is_taken, || {
            refuse("EndpointGroupAlreadyExistsException", "The endpoint group already exists.")
        })?;
        self.ensure_overrides(&listener, None, &request.port_overrides)?;
        let arn = format!("{listener_arn}/endpoint-group/{}", self.ids.hex(12));
        let group = EndpointGroup {
            arn: arn.clone(),
            region: request.region.clone(),
            traffic_dial: Some(i64::from(request.traffic_dial.unwrap_or(100)) * 1000),
            port_overrides: request.port_overrides.clone(),
            endpoints: Vec::new(),
        };
        self.global_accelerator.groups.insert(arn.clone(), group);
        self.touch(&arn);
        Ok(arn)
    }

    pub(crate) fn update_endpoint_group(&mut self, request: &UpdateEndpointGroup) -> CallResult<()> {
        let mut group = self.global_accelerator.groups.get(&request.arn).cloned().ok_or_else(no_group)?;
        let listener = self.global_accelerator.listeners.get(listener_of(&request.arn));
        let listener = listener.cloned().ok_or_else(no_group)?;
        if let Some(dial) = request.traffic_dial {
            group.traffic_dial = Some(i64::from(dial) * 1000);
        }
        if let Some(overrides) = &request.port_overrides {
            self.ensure_overrides(&listener, Some(&request.arn), overrides)?;
            group.port_overrides.clone_from(overrides);
        }
        if let Some(endpoints) = &request.endpoints {
            self.ensure_endpoints(&group.region, endpoints)?;
            group.endpoints = endpoints.iter().map(shown_endpoint).collect();
        }
        self.global_accelerator.groups.insert(request.arn.clone(), group);
        self.touch(&request.arn);
        Ok(())
    }

    pub(crate) fn delete_endpoint_group(&mut self, request: &DeleteEndpointGroup) -> CallResult<()> {
        self.global_accelerator.groups.remove(&request.arn).ok_or_else(no_group)?;
        self.touch(&request.arn);
        Ok(())
    }

    pub(crate) fn add_endpoints(&mut self, request: &AddEndpoints) -> CallResult<()> {
        let arn = request.group_arn.resolved()?.to_owned();
        let mut group = self.global_accelerator.groups.get(&arn).cloned().ok_or_else(no_group)?;
        self.ensure_endpoints(&group.region, &request.endpoints)?;
        group.endpoints.retain(|old| !request.endpoints.iter().any(|new| new.id == old.id));
        group.endpoints.extend(request.endpoints.iter().map(shown_endpoint));
        ensure(group.endpoints.len() <= self.settings.quotas.endpoints_per_group, too_many_endpoints)?;
        self.global_accelerator.groups.insert(arn.clone(), group);
        self.touch(&arn);
        Ok(())
    }

    pub(crate) fn remove_endpoints(&mut self, request: &RemoveEndpoints) -> CallResult<()> {
        let group = self.global_accelerator.groups.get_mut(&request.group_arn).ok_or_else(no_group)?;
        let has = |id: &String| group.endpoints.iter().any(|endpoint| endpoint.id == *id);
        ensure(request.ids.iter().all(has), || {
            refuse("EndpointNotFoundException", "The endpoint doesn't exist")
        })?;
        group.endpoints.retain(|endpoint| !request.ids.contains(&endpoint.id));
        self.touch(&request.group_arn);
        Ok(())
    }

    /// Accelerators, listeners and endpoint groups as sorted lines without ids: equal for accounts that have the same.
    pub fn accelerator_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (arn, state) in &self.global_accelerator.accelerators {
            let Accelerator { name, ip_address_type, enabled, .. } = &state.described;
            let tags = &state.tags;
            lines.push(format!("{name} {ip_address_type} {enabled} {tags:?}"));
            let listeners = self.global_accelerator.listeners.values();
            for listener in listeners.filter(|listener| accelerator_of(&listener.arn) == arn) {
                let Listener { protocol, port_ranges, client_affinity, .. } = listener;
                let listens = format!("{name} {protocol} {port_ranges:?} {client_affinity}");
                lines.push(listens.clone());
                let groups = self.global_accelerator.groups.values();
                for group in groups.filter(|group| listener_of(&group.arn) == listener.arn) {
                    let EndpointGroup { region, traffic_dial, port_overrides, endpoints, .. } = group;
                    let mut overrides = port_overrides.clone();
                    overrides.sort();
                    let place = format!("{listens} {region}");
                    lines.push(format!("{place} {traffic_dial:?} {overrides:?}"));
                    lines.extend(endpoints.iter().map(|endpoint| format!("{place} {endpoint:?}")));
                }
            }
        }
        lines.sort();
        lines
    }
}

fn too_many_endpoints() -> Refusal {
    refuse("LimitExceededException", "The number of endpoints has reached its limit")
}

/// An Elastic IP address never shows targets the address of the client.
fn shown_endpoint(asked: &Endpoint) -> Endpoint {
    let is_address = asked.id.starts_with("eipalloc-");
    Endpoint {
        id: asked.id.clone(),
        weight: Some(asked.weight.unwrap_or(128)),
        client_ip_preservation: Some(!is_address && asked.client_ip_preservation.unwrap_or(true)),
    }
}

/// An accelerator has IPv6 addresses while it is dual-stack.
fn set_families(described: &mut Accelerator) {
    described.ip_sets.truncate(1);
    described.dual_stack_dns_name = None;
    if described.ip_address_type == AcceleratorAddressType::DualStack {
        let addresses = vec!["2600:9000:a::1".to_owned(), "2600:9000:b::1".to_owned()];
        described.ip_sets.push(("IPv6".to_owned(), addresses));
        described.dual_stack_dns_name =
            Some(described.dns_name.replacen(".awsglobal", ".dualstack.awsglobal", 1));
    }
}
