//! What is reported of a listener, of a Gateway or of a ListenerSet.

use std::collections::BTreeMap;

use super::super::attachment::ListenerIndex;
use super::super::listeners::{Judged, ListenerReason, Parent};
use super::{StatusTime, Wanted, merge, same_members};
use crate::api::gateway::ListenerStatus;

/// The status of every listener of an object. `parent` is its number in the offer.
pub(super) fn listener_statuses(
    parent: usize,
    of: &Parent<'_>,
    counts: &BTreeMap<ListenerIndex, i32>,
    is_programmed: bool,
    old: &[ListenerStatus],
    moment: StatusTime,
) -> Vec<ListenerStatus> {
    let old = by_name(old);
    let status = |(listener, judged): (usize, &Judged<'_>)| {
        let name = &judged.listener.name;
        let conditions = old.get(name.as_str()).map_or(&[][..], |old| &old.conditions);
        ListenerStatus {
            name: name.clone(),
            supported_kinds: judged.supported_kinds.clone(),
            attached_routes: counts.get(&ListenerIndex { parent, listener }).copied().unwrap_or_default(),
            conditions: merge(conditions, &wanted(judged, is_programmed), moment),
        }
    };
    of.listeners.iter().enumerate().map(status).collect()
}

fn by_name(statuses: &[ListenerStatus]) -> BTreeMap<&str, &ListenerStatus> {
    statuses.iter().map(|status| (status.name.as_str(), status)).collect()
}

/// Whether the same is reported, in whatever order.
pub(super) fn are_same(one: &[ListenerStatus], other: &[ListenerStatus]) -> bool {
    let same = |(one, other): (&ListenerStatus, &ListenerStatus)| {
        one.name == other.name
            && one.attached_routes == other.attached_routes
            && same_members(&one.supported_kinds, &other.supported_kinds)
            && same_members(&one.conditions, &other.conditions)
    };
    let (ours, theirs) = (by_name(one), by_name(other));
    one.len() == other.len()
        && ours.len() == theirs.len()
        && ours.into_values().zip(theirs.into_values()).all(same)
}

/// Which condition a problem is about.
#[derive(PartialEq, Eq)]
enum About {
    Conflict,
    Acceptance,
    References,
    Building,
}

fn about(reason: ListenerReason) -> About {
    match reason {
        ListenerReason::ProtocolConflict | ListenerReason::HostnameConflict => About::Conflict,
        ListenerReason::PortUnavailable | ListenerReason::UnsupportedProtocol => About::Acceptance,
        ListenerReason::InvalidRouteKinds
        | ListenerReason::InvalidCertificateRef
        | ListenerReason::RefNotPermitted => About::References,
        ListenerReason::Invalid => About::Building,
    }
}

fn wanted(judged: &Judged<'_>, is_programmed: bool) -> Vec<Wanted> {
    let problem = judged.problem.as_ref();
    let of = |subjects: &[About]| problem.filter(|problem| subjects.contains(&about(problem.reason)));
    let conflicted = match of(&[About::Conflict]) {
        Some(problem) => {
            Wanted::new("Conflicted", true, problem.reason.to_string(), problem.message.as_str())
        }
        None => Wanted::new("Conflicted", false, "NoConflicts", "Listener has no conflict."),
    };
    let accepted = match of(&[About::Conflict, About::Acceptance]) {
        Some(problem) => Wanted::new("Accepted", false, problem.reason.to_string(), problem.message.as_str()),
        None => Wanted::new("Accepted", true, "Accepted", "Listener is accepted."),
    };
    let resolved = match of(&[About::References]) {
        Some(problem) => {
            Wanted::new("ResolvedRefs", false, problem.reason.to_string(), problem.message.as_str())
        }
        None => Wanted::new("ResolvedRefs", true, "ResolvedRefs", "Listener has all refs resolved."),
    };
    let programmed = match (problem, is_programmed) {
        (Some(problem), _) => {
            Wanted::new("Programmed", false, problem.reason.to_string(), "Listener is not accepted.")
        }
        (None, true) => Wanted::new("Programmed", true, "Programmed", "Listener is programmed."),
        (None, false) => Wanted::new("Programmed", false, "Pending", "Listener is pending to be programmed."),
    };
    vec![conflicted, accepted, resolved, programmed]
}
