//! GlobalAccelerators: what their schema cannot say.
//!
//! Matches upstream's `webhooks/aga`: what is refused is refused there too, and nothing else. A change that has no effect gets a
//! warning.

use super::{Admitted, Change, Denial};
use crate::api::global_accelerator::{
    AcceleratorProtocol, Endpoint, EndpointType, GlobalAccelerator, Listener, PortRange,
};
use std::collections::BTreeSet;

/// Checks a new or changed object.
pub fn check(change: &Change<'_>) -> Result<Admitted, Denial> {
    if change.is_of_no_concern() {
        return Ok(Admitted::unchanged());
    }
    // why: an object that does not parse is the API server's to refuse
    let Ok(object) = change.parse::<GlobalAccelerator>() else { return Ok(Admitted::unchanged()) };
    let listeners = object.spec.listeners.as_deref().unwrap_or_default();
    if let Some(message) = repeated_endpoint(listeners, change.namespace) {
        return Err(Denial::new("checkForDuplicateEndpoints", message));
    }
    if let Some(protocol) = overlapping_ranges(listeners) {
        let message =
            format!("overlapping port ranges detected for protocol {protocol}, which is not allowed");
        return Err(Denial::new("checkForOverlappingPortRanges", message));
    }
    let warnings = warn_of_addresses(&object, change.parse_old().as_ref());
    Ok(Admitted { object: None, warnings: warnings.into_iter().collect() })
}

/// Two endpoints of one group that name the same.
fn repeated_endpoint(listeners: &[Listener], namespace: &str) -> Option<String> {
    for (index, listener) in listeners.iter().enumerate() {
        for (place, group) in listener.endpoint_groups.iter().flatten().enumerate() {
            let mut seen = BTreeSet::new();
            for endpoint in group.endpoints.iter().flatten() {
                let key = key_of(endpoint, namespace);
                if !seen.insert(key.clone()) {
                    return Some(format!(
                        "duplicate endpoint detected in listener[{index}].endpointGroups[{place}]: {key}"
                    ));
                }
            }
        }
    }
    None
}

fn key_of(endpoint: &Endpoint, namespace: &str) -> String {
    let kind = endpoint.kind;
    if kind == EndpointType::EndpointID {
        return format!("{kind}/{}", endpoint.endpoint_id.as_deref().unwrap_or_default());
    }
    let name = endpoint.name.as_deref().unwrap_or_default();
    format!("{kind}/{}/{name}", endpoint.namespace_or(namespace))
}

/// The protocol whose listeners have ports in common, one listener with itself included.
fn overlapping_ranges(listeners: &[Listener]) -> Option<AcceleratorProtocol> {
    [AcceleratorProtocol::Tcp, AcceleratorProtocol::Udp].into_iter().find(|protocol| {
        let own = listeners.iter().filter(|listener| listener.protocol == Some(*protocol));
        let mut ranges: Vec<PortRange> =
            own.flat_map(|listener| listener.port_ranges.iter().flatten().copied()).collect();
        ranges.sort();
        let pairs = ranges.iter().zip(ranges.iter().skip(1));
        pairs.into_iter().any(|(first, second)| second.from_port <= first.to_port)
    })
}

/// An accelerator keeps its addresses for life.
fn warn_of_addresses(new: &GlobalAccelerator, old: Option<&GlobalAccelerator>) -> Option<String> {
    let old = old?;
    let is_made = old.recorded_arn().is_some();
    let sorted = |object: &GlobalAccelerator| {
        let mut addresses = object.spec.ip_addresses.clone().unwrap_or_default();
        addresses.sort();
        addresses
    };
    (is_made && sorted(old) != sorted(new)).then(|| {
        "spec.ipAddresses: the accelerator keeps the addresses that it was created with; for other ones, create another GlobalAccelerator"
            .to_owned()
    })
}

#[cfg(test)]
mod tests;
