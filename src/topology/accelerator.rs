//! GlobalAccelerators, their listeners, endpoint groups and endpoints, as the cluster tells of them.
//!
//! AWS is not asked about accelerators here: the status has what it last said. Endpoints name what has a load balancer; how that is stands
//! where it is in the tree.

use super::kubernetes::accelerator_state;
use super::state_reason::StateReason;
use super::tree::{Tree, object_item};
use super::{Item, State, TopologyKind};
use crate::api::ObjectKey;
use crate::api::global_accelerator::{
    DEFAULT_WEIGHT, Endpoint, EndpointGroup, EndpointType, GlobalAccelerator, Listener, PortRange,
};

/// Of the traffic that AWS would send to a region.
const WHOLE_DIAL: i32 = 100;

impl Tree<'_> {
    /// why last: what endpoints name is there then
    pub(super) fn accelerators(&mut self) {
        let sources = self.sources;
        for accelerator in &sources.accelerators {
            let mut item = described(accelerator);
            accelerator_state(accelerator, &sources.events).give(&mut item);
            let listeners = accelerator.spec.listeners.iter().flatten().enumerate();
            let key = ObjectKey::of(&**accelerator);
            item.children =
                listeners.map(|(place, listener)| self.accelerator_listener(&key, place, listener)).collect();
            self.give_root(item);
        }
    }

    fn accelerator_listener(&mut self, key: &ObjectKey, place: usize, listener: &Listener) -> String {
        let mut item = Item {
            id: format!("listener/globalaccelerator/{key}/{place}"),
            kind: TopologyKind::Listener,
            name: listener_name(listener),
            ..Item::default()
        };
        let groups = listener.endpoint_groups.iter().flatten();
        item.children = groups.map(|group| self.endpoint_group(key, place, group)).collect();
        self.add(item)
    }

    fn endpoint_group(&mut self, key: &ObjectKey, listener: usize, group: &EndpointGroup) -> String {
        let region = group.region.as_deref().filter(|region| !region.is_empty());
        let region = region.unwrap_or(&self.sources.config.region);
        let place = format!("{key}/{listener}/{region}");
        let mut item = Item {
            id: format!("endpointgroup/{place}"),
            kind: TopologyKind::EndpointGroup,
            name: region.to_owned(),
            ..Item::default()
        };
        let dial = group.traffic_dial_percentage.unwrap_or(WHOLE_DIAL);
        if dial != WHOLE_DIAL {
            item.label = format!("{dial}% of the traffic");
        }
        let endpoints = group.endpoints.iter().flatten();
        item.children = endpoints.map(|endpoint| self.endpoint(key, &place, endpoint)).collect();
        self.add(item)
    }

    fn endpoint(&mut self, accelerator: &ObjectKey, place: &str, endpoint: &Endpoint) -> String {
        let (name, related) = match endpoint.kind {
            EndpointType::EndpointID => {
                let id = endpoint.endpoint_id.clone().unwrap_or_default();
                let load_balancer = self.load_balancers.get(id.as_str()).cloned();
                (id, load_balancer)
            }
            EndpointType::Service | EndpointType::Ingress | EndpointType::Gateway => {
                let namespace = endpoint.namespace_or(accelerator.namespace());
                let named = format!("{namespace}/{}", endpoint.name.as_deref().unwrap_or_default());
                let related = format!("{}/{named}", endpoint.kind.to_string().to_lowercase());
                (format!("{} {named}", endpoint.kind), Some(related))
            }
        };
        let weight = endpoint.weight.unwrap_or(DEFAULT_WEIGHT);
        let mut item = Item {
            id: format!("endpoint/{place}/{name}"),
            kind: TopologyKind::Endpoint,
            name,
            label: format!("weight {weight}"),
            ..Item::default()
        };
        match related {
            Some(related) if self.has(&related) => {
                if endpoint.kind != EndpointType::EndpointID && !self.has_address(&related) {
                    let told = "What it names has no load balancer yet";
                    StateReason::new(State::Pending, "NoAddress", told).give(&mut item);
                }
                item.related.push(related);
            }
            Some(related) => missing(&related).give(&mut item),
            None => {
                StateReason::new(State::Unknown, "NotAsked", "AWS was not asked about it").give(&mut item);
            }
        }
        self.add(item)
    }
}

fn missing(named: &str) -> StateReason {
    let told = format!("The controller has no {named}");
    StateReason::new(State::Unhealthy, "NotFound", told).remedies(vec![
        "See that it is there, is the controller's, and that it may be named from another namespace: `kubectl get referencegrants -A`."
            .to_owned(),
    ])
}

fn described(accelerator: &GlobalAccelerator) -> Item {
    let mut item = object_item(TopologyKind::GlobalAccelerator, &ObjectKey::of(accelerator));
    let Some(status) = &accelerator.status else { return item };
    let names = [&status.dns_name, &status.dual_stack_dns_name];
    item.hosts = names.into_iter().flatten().map(|name| name.to_lowercase()).collect();
    let sets = status.ip_sets.iter();
    let addresses: Vec<&str> =
        sets.flat_map(|set| set.ip_addresses.iter().flatten()).map(String::as_str).collect();
    let known = [
        ("arn", status.accelerator_arn.clone()),
        ("dnsName", status.dns_name.clone()),
        ("addresses", (!addresses.is_empty()).then(|| addresses.join(", "))),
        ("status", status.status.clone()),
    ];
    item.details.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
    item
}

/// `TCP:80,443-445`, as far as it is written down: the rest comes from the load balancer behind it.
fn listener_name(listener: &Listener) -> String {
    let protocol = listener.protocol.map_or_else(|| "any".to_owned(), |protocol| protocol.to_string());
    let range = |PortRange { from_port, to_port }: &PortRange| {
        if from_port == to_port { from_port.to_string() } else { format!("{from_port}-{to_port}") }
    };
    let ranges: Vec<String> = listener.port_ranges.iter().flatten().map(range).collect();
    let ports = if ranges.is_empty() { "of the load balancer".to_owned() } else { ranges.join(",") };
    format!("{protocol}:{ports}")
}
