//! The status of a Gateway.

use std::collections::BTreeMap;

use super::super::attachment::{ListenerIndex, Offer};
use super::super::listeners::{Judged, Parent, ParentId};
use super::listener::{are_same, listener_statuses};
use super::{StatusTime, Truth, Wanted, merge, same_members};
use crate::api::gateway::{GatewayStatus, GatewayStatusAddress, true_condition};

/// What came of a Gateway.
#[derive(Clone, Copy, Debug)]
pub enum GatewayOutcome<'a> {
    /// It has no configuration; nothing was built.
    Invalid(&'a str),
    /// Building or deploying failed; events say why. What was observed before stays.
    Failed,
    /// It was deployed.
    Deployed(Observed<'a>, &'a LoadBalancerState),
}

/// What was seen of its listeners.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The listeners.
    pub offer: &'a Offer<'a>,
    /// How many routes are attached to each.
    pub attached_routes: &'a BTreeMap<ListenerIndex, i32>,
    /// Whether ListenerSets are served at all.
    pub with_listener_sets: bool,
}

/// What AWS says of the load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerState {
    /// Its ARN.
    pub arn: String,
    /// Its name in DNS.
    pub dns_name: String,
    /// Whether it is `active` or `active_impaired`.
    pub is_active: bool,
}

/// The status of a Gateway after a pass; `None` if it says that already.
pub fn gateway_status(
    old: &GatewayStatus,
    outcome: GatewayOutcome<'_>,
    moment: StatusTime,
) -> Option<GatewayStatus> {
    let mut new = old.clone();
    new.conditions = merge(&old.conditions, &wanted(old, outcome), moment);
    let observed = match outcome {
        GatewayOutcome::Invalid(_) | GatewayOutcome::Failed => None,
        GatewayOutcome::Deployed(observed, _) => Some(observed),
    };
    if let GatewayOutcome::Deployed(_, state) = outcome {
        let value = state.dns_name.to_lowercase();
        new.addresses = vec![GatewayStatusAddress { type_: Some("Hostname".to_owned()), value }];
    }
    if let Some(observed) = observed {
        observe(&mut new, old, observed, is_programmed(old, outcome), moment);
    }
    (!is_same(old, &new)).then_some(new)
}

fn observe(
    new: &mut GatewayStatus,
    old: &GatewayStatus,
    observed: Observed<'_>,
    is_programmed: bool,
    moment: StatusTime,
) {
    let own = observed.offer.parents.iter().enumerate().find(|(_, parent)| is_gateway(parent));
    if let Some((index, parent)) = own {
        let counts = observed.attached_routes;
        new.listeners = listener_statuses(index, parent, counts, is_programmed, &old.listeners, moment);
    }
    if observed.with_listener_sets {
        let sets = observed.offer.parents.iter().filter(|parent| !is_gateway(parent));
        let attached = sets.filter(|parent| parent.any_valid()).count();
        new.attached_listener_sets = i32::try_from(attached).ok();
    }
}

fn is_gateway(parent: &Parent<'_>) -> bool {
    matches!(parent.id, ParentId::Gateway(_))
}

/// Whether its load balancer serves: after a failure, whether it did before.
fn is_programmed(old: &GatewayStatus, outcome: GatewayOutcome<'_>) -> bool {
    match outcome {
        GatewayOutcome::Deployed(_, state) => state.is_active,
        GatewayOutcome::Invalid(_) | GatewayOutcome::Failed => programmed_arn(old).is_some(),
    }
}

/// The ARN that the status holds; what a failure may not take away, because other Gateways read it.
fn programmed_arn(old: &GatewayStatus) -> Option<&str> {
    true_condition(&old.conditions, "Programmed").map(|condition| condition.message.as_str())
}

fn wanted(old: &GatewayStatus, outcome: GatewayOutcome<'_>) -> Vec<Wanted> {
    match outcome {
        GatewayOutcome::Invalid(message) => refused(old, message),
        GatewayOutcome::Failed => refused(old, "Check Gateway Events for more information."),
        GatewayOutcome::Deployed(observed, state) => vec![accepted(observed.offer), programmed(state)],
    }
}

/// why `Programmed` too: whoever waits for a status of the latest generation waits for all of it.
fn refused(old: &GatewayStatus, message: &str) -> Vec<Wanted> {
    let programmed = match old.conditions.iter().find(|condition| condition.type_ == "Programmed") {
        Some(condition) => Wanted::again("Programmed", condition),
        None => Wanted::new("Programmed", false, "Invalid", message),
    };
    vec![Wanted::new("Accepted", false, "Invalid", message), programmed]
}

fn accepted(offer: &Offer<'_>) -> Wanted {
    let mut judged = offer.parents.iter().flat_map(|parent| &parent.listeners);
    let any_valid = judged.clone().any(Judged::is_valid);
    let reason = if judged.all(Judged::is_valid) { "Accepted" } else { "ListenersNotValid" };
    Wanted::new("Accepted", any_valid, reason, "")
}

fn programmed(state: &LoadBalancerState) -> Wanted {
    if state.is_active {
        Wanted::new("Programmed", true, "Programmed", state.arn.as_str())
    } else {
        Wanted::new("Programmed", Truth::Unknown, "Pending", "Waiting for load balancer to be active.")
    }
}

fn is_same(one: &GatewayStatus, other: &GatewayStatus) -> bool {
    one.addresses == other.addresses
        && one.attached_listener_sets == other.attached_listener_sets
        && same_members(&one.conditions, &other.conditions)
        && are_same(&one.listeners, &other.listeners)
}

#[cfg(test)]
mod tests;
