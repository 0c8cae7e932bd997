//! The status of a ListenerSet.

use std::collections::BTreeMap;

use super::super::attachment::{ListenerIndex, Offer};
use super::super::listener_sets::ListenerSets;
use super::super::listeners::{Judged, Parent, ParentId};
use super::listener::{are_same, listener_statuses};
use super::{StatusTime, Truth, Wanted, merge, same_members};
use crate::api::ObjectKey;
use crate::api::gateway::ListenerSetStatus;

/// What is said of a ListenerSet that its Gateway does not admit.
pub const REJECTED: &str = "Parent Gateway rejected ListenerSet";

/// What came of a ListenerSet.
#[derive(Clone, Debug)]
pub enum SetOutcome<'a> {
    /// Its Gateway does not admit it.
    Rejected,
    /// Nobody can tell whether its Gateway admits it, because of this.
    Undecided(String),
    /// Its listeners count. With them, which of the parents it is.
    Accepted(usize, &'a Parent<'a>),
}

/// What came of each ListenerSet that names a Gateway.
pub fn set_outcomes<'a>(
    offer: &'a Offer<'a>,
    sets: &ListenerSets<'_>,
) -> BTreeMap<ObjectKey, SetOutcome<'a>> {
    let rejected = sets.rejected.iter().map(|set| (ObjectKey::of(*set), SetOutcome::Rejected));
    let undecided = sets.undecided.iter();
    let undecided =
        undecided.map(|(set, error)| (ObjectKey::of(*set), SetOutcome::Undecided(error.to_string())));
    let accepted = offer.parents.iter().enumerate().filter_map(|(index, parent)| match &parent.id {
        ParentId::ListenerSet(key) => Some((key.clone(), SetOutcome::Accepted(index, parent))),
        ParentId::Gateway(_) => None,
    });
    rejected.chain(undecided).chain(accepted).collect()
}

/// The status of a ListenerSet after a pass; `None` if it says that already.
///
/// `is_active`: whether the load balancer of the Gateway serves.
pub fn set_status(
    old: &ListenerSetStatus,
    outcome: &SetOutcome<'_>,
    attached_routes: &BTreeMap<ListenerIndex, i32>,
    is_active: bool,
    moment: StatusTime,
) -> Option<ListenerSetStatus> {
    let conditions = merge(&old.conditions, &wanted(outcome, is_active), moment);
    let listeners = match outcome {
        SetOutcome::Rejected => Vec::new(),
        SetOutcome::Undecided(_) => old.listeners.clone(),
        SetOutcome::Accepted(index, parent) => {
            let is_programmed = is_active && parent.any_valid();
            listener_statuses(*index, parent, attached_routes, is_programmed, &old.listeners, moment)
        }
    };
    let is_same = same_members(&conditions, &old.conditions) && are_same(&listeners, &old.listeners);
    (!is_same).then_some(ListenerSetStatus { conditions, listeners })
}

fn wanted(outcome: &SetOutcome<'_>, is_active: bool) -> Vec<Wanted> {
    match outcome {
        SetOutcome::Rejected => vec![
            Wanted::new("Accepted", false, "NotAllowed", REJECTED),
            Wanted::new("Programmed", false, "NotAllowed", REJECTED),
        ],
        SetOutcome::Undecided(why) => {
            vec![Wanted::new(
                "Accepted",
                Truth::Unknown,
                "Pending",
                format!("allowedListeners of the Gateway: {why}"),
            )]
        }
        SetOutcome::Accepted(_, parent) => vec![accepted(parent), programmed(parent.any_valid(), is_active)],
    }
}

fn accepted(parent: &Parent<'_>) -> Wanted {
    if parent.listeners.iter().all(Judged::is_valid) {
        // why not for an empty set: the definition requires a listener
        Wanted::new("Accepted", parent.any_valid(), "Accepted", "Accepted")
    } else {
        Wanted::new("Accepted", parent.any_valid(), "ListenersNotValid", "Some listeners are not valid")
    }
}

fn programmed(any_valid: bool, is_active: bool) -> Wanted {
    match (is_active, any_valid) {
        (true, true) => Wanted::new("Programmed", true, "Programmed", "Programmed"),
        (true, false) => {
            Wanted::new("Programmed", false, "ListenersNotValid", "No valid listeners to materialize")
        }
        (false, _) => Wanted::new("Programmed", false, "Pending", "Parent gateway not yet programmed"),
    }
}

#[cfg(test)]
mod tests;
