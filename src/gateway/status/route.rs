//! The status of a route: one entry for each parent of ours, beside those of other controllers.

use super::super::Controller;
use super::super::attachment::{Offer, Outcome, ParentOutcome, unserved};
use super::super::route::{Route, RouteProblem, RouteReason};
use super::{StatusTime, Wanted, merge, same_members};
use crate::api::Condition;
use crate::api::gateway::{GATEWAY_KIND, GROUP, ParentReference, RouteParentStatus, RouteStatus};

const ACCEPTED: &str = "Accepted";
const RESOLVED_REFS: &str = "ResolvedRefs";

/// What is reported of a route and one entry of its `spec.parentRefs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which entry.
    pub index: usize,
    /// Why it is not accepted.
    pub not_accepted: Option<RouteProblem>,
    /// Why its references are not resolved.
    pub not_resolved: Option<RouteProblem>,
}

/// How much is known of a route by now.
///
/// What was refused before, and may be so still, is not taken back until more is known: else every try would say `True` and then
/// `False` again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Where it is attached, and what it refers to.
    Attachment,
    /// That it can be built, too; not whether AWS takes what was built.
    Build,
    /// Whether AWS takes it, too.
    Deployment,
}

impl Knowledge {
    /// Whether a condition of the generation that is looked at may be so still although nobody said so again.
    fn keeps(self, old: &Condition) -> bool {
        let is_of_aws = || old.type_ == ACCEPTED && old.reason == <&str>::from(RouteReason::UnsupportedValue);
        old.status == "False"
            && match self {
                Self::Attachment => true,
                Self::Build => is_of_aws(),
                Self::Deployment => false,
            }
    }
}

/// What is reported of a route. `problems` are those of its rules; the first of each condition counts.
///
/// Of entries that nobody can tell about nothing is reported: what was reported of them stays.
pub fn report(offer: &Offer<'_>, outcomes: &[ParentOutcome], problems: &[RouteProblem]) -> Vec<Report> {
    let first = |is_about_references: bool| {
        problems.iter().find(|problem| problem.reason.is_about_references() == is_about_references).cloned()
    };
    let of_outcome = |outcome: &ParentOutcome| {
        let index = outcome.index;
        match &outcome.outcome {
            Outcome::Undecided(_) => None,
            Outcome::Refused(problems) => {
                Some(Report { index, not_accepted: problems.first().cloned(), not_resolved: None })
            }
            Outcome::Attached(attached) => {
                let not_accepted = unserved(offer, attached).or_else(|| first(false));
                Some(Report { index, not_accepted, not_resolved: first(true) })
            }
        }
    };
    outcomes.iter().filter_map(of_outcome).collect()
}

/// The status of a route after a pass; `None` if it says that already.
///
/// Entries of ours for parents that the route names no more go; entries of other controllers stay.
pub fn route_status(
    route: &Route<'_>,
    controller: Controller,
    reports: &[Report],
    knowledge: Knowledge,
    moment: StatusTime,
) -> Option<RouteStatus> {
    let old = route.status.map_or(&[][..], |status| &status.parents);
    let mut parents: Vec<RouteParentStatus> =
        old.iter().filter(|entry| !is_left_over(route, entry)).cloned().collect();
    for report in reports {
        let Some(reference) = route.parents.get(report.index) else { continue };
        let place = parents.iter().position(|entry| is_of(entry, route, controller, reference));
        let old = place.and_then(|at| parents.get(at)).map_or(&[][..], |entry| &entry.conditions);
        let entry = RouteParentStatus {
            parent_ref: reference.clone(),
            controller_name: controller.name().to_owned(),
            conditions: merge(old, &wanted(report, old, knowledge, moment.generation), moment),
        };
        match place.and_then(|at| parents.get_mut(at)) {
            Some(place) => *place = entry,
            None => parents.push(entry),
        }
    }
    (!are_same(old, &parents)).then_some(RouteStatus { parents })
}

fn is_of(
    entry: &RouteParentStatus,
    route: &Route<'_>,
    controller: Controller,
    reference: &ParentReference,
) -> bool {
    entry.controller_name == controller.name()
        && same_parent(&entry.parent_ref, reference, route.id.key.namespace())
}

fn is_left_over(route: &Route<'_>, entry: &RouteParentStatus) -> bool {
    let namespace = route.id.key.namespace();
    Controller::of_name(&entry.controller_name).is_some()
        && !route.parents.iter().any(|reference| same_parent(&entry.parent_ref, reference, namespace))
}

/// Whether two references of a route are about the same, what is absent being its default.
pub fn same_parent(one: &ParentReference, other: &ParentReference, namespace: &str) -> bool {
    let alike = |one: &Option<String>, other: &Option<String>, default: &str| {
        one.as_deref().unwrap_or(default) == other.as_deref().unwrap_or(default)
    };
    alike(&one.group, &other.group, GROUP)
        && alike(&one.kind, &other.kind, GATEWAY_KIND)
        && alike(&one.namespace, &other.namespace, namespace)
        && one.name == other.name
        && one.section_name == other.section_name
        && one.port == other.port
}

fn wanted(report: &Report, old: &[Condition], knowledge: Knowledge, generation: i64) -> Vec<Wanted> {
    let condition = |type_: &'static str, problem: Option<&RouteProblem>| {
        let is_kept = |old: &&Condition| {
            old.type_ == type_ && old.observed_generation == Some(generation) && knowledge.keeps(old)
        };
        match (problem, old.iter().find(is_kept)) {
            (Some(problem), _) => {
                Wanted::new(type_, false, problem.reason.to_string(), problem.message.as_str())
            }
            (None, Some(old)) => Wanted::again(type_, old),
            (None, None) => Wanted::new(type_, true, type_, ""),
        }
    };
    vec![
        condition(RESOLVED_REFS, report.not_resolved.as_ref()),
        condition(ACCEPTED, report.not_accepted.as_ref()),
    ]
}

fn are_same(one: &[RouteParentStatus], other: &[RouteParentStatus]) -> bool {
    let same = |one: &RouteParentStatus, other: &RouteParentStatus| {
        one.parent_ref == other.parent_ref
            && one.controller_name == other.controller_name
            && same_members(&one.conditions, &other.conditions)
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

#[cfg(test)]
mod tests;
