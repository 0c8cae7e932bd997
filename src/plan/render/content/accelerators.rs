//! What requests about accelerators say.

use super::{Details, pairs, push};
use crate::aws_api::Request;
use crate::aws_api::global_accelerator::{Endpoint, PortOverride, PortRange};

/// What a request about an accelerator would send; of others, nothing.
pub(super) fn of_request(request: &Request) -> Details {
    use Request as R;
    match request {
        R::CreateAccelerator(create) => {
            let mut details = vec![("name", create.name.clone())];
            details.push(("address type", create.ip_address_type.to_string()));
            push(&mut details, "addresses", some(create.ip_addresses.join(", ")).as_ref());
            details.push(("tags", pairs(&create.tags)));
            details
        }
        R::UpdateAccelerator(update) => {
            let mut details = vec![("accelerator", update.arn.clone())];
            push(&mut details, "name", update.name.as_ref());
            push(&mut details, "address type", update.ip_address_type.as_ref());
            details.push(("enabled", update.enabled.to_string()));
            details
        }
        R::DeleteAccelerator(delete) => vec![("accelerator", delete.arn.clone())],
        R::TagAccelerator(tag) => vec![("accelerator", tag.arn.clone()), ("tags", pairs(&tag.tags))],
        R::UntagAccelerator(untag) => {
            vec![("accelerator", untag.arn.clone()), ("tags", untag.keys.join(", "))]
        }
        R::CreateAcceleratorListener(create) => vec![
            ("ports", format!("{} {}", create.protocol, ports(&create.port_ranges))),
            ("client affinity", create.client_affinity.to_string()),
        ],
        R::UpdateAcceleratorListener(update) => vec![
            ("listener", update.arn.clone()),
            ("ports", format!("{} {}", update.protocol, ports(&update.port_ranges))),
            ("client affinity", update.client_affinity.to_string()),
        ],
        R::DeleteAcceleratorListener(delete) => vec![("listener", delete.arn.clone())],
        other => of_group_request(other),
    }
}

fn of_group_request(request: &Request) -> Details {
    use Request as R;
    match request {
        R::CreateEndpointGroup(create) => {
            let mut details = vec![("region", create.region.clone())];
            push(&mut details, "traffic dial", create.traffic_dial.as_ref());
            push(&mut details, "port overrides", some(overrides(&create.port_overrides)).as_ref());
            details
        }
        R::UpdateEndpointGroup(update) => {
            let mut details = vec![("endpoint group", update.arn.clone())];
            push(&mut details, "traffic dial", update.traffic_dial.as_ref());
            push(&mut details, "port overrides", update.port_overrides.as_deref().map(overrides).as_ref());
            push(&mut details, "endpoints", update.endpoints.as_deref().map(endpoints).as_ref());
            details
        }
        R::DeleteEndpointGroup(delete) => vec![("endpoint group", delete.arn.clone())],
        R::AddEndpoints(add) => vec![("endpoints", endpoints(&add.endpoints))],
        R::RemoveEndpoints(remove) => {
            vec![("endpoint group", remove.group_arn.clone()), ("endpoints", remove.ids.join(", "))]
        }
        _ => Vec::new(),
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn ports(ranges: &[PortRange]) -> String {
    let range = |range: &PortRange| match range {
        PortRange { from, to } if from == to => from.to_string(),
        PortRange { from, to } => format!("{from}-{to}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(", ")
}

fn overrides(overrides: &[PortOverride]) -> String {
    let one = |one: &PortOverride| format!("{} => {}", one.listener_port, one.endpoint_port);
    overrides.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn endpoints(endpoints: &[Endpoint]) -> String {
    let one = |endpoint: &Endpoint| {
        let weight = endpoint.weight.map(|weight| format!(" (weight {weight})")).unwrap_or_default();
        format!("{}{weight}", endpoint.id)
    };
    endpoints.iter().map(one).collect::<Vec<_>>().join(", ")
}
