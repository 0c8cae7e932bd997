//! Which routes attach to which listeners, and with which hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::listener_sets::ListenerSets;
use super::listeners::{Judged, ListenerProblem, Parent, ParentId, admitted_kinds};
use super::route::{Route, RouteProblem, RouteReason};
use super::{Cluster, Controller, GatewayOptions, hostname, namespaces};
use crate::api::ObjectKey;
use crate::api::gateway::{FromNamespaces, GATEWAY_KIND, LISTENER_SET_KIND, ListenerSet, ParentReference};
use crate::api::selector::SelectorError;

const NAMESPACE: &str =
    "Listener does not allow route attachment, namespace does not match between listener and route";
const KIND: &str = "Listener does not allow route attachment, kind does not match between listener and route";
const HOSTNAME: &str = "Listener does not allow route attachment, no matching hostname";
const NO_PARENT: &str = "Route parentRef does not match listener";

/// The listeners of a Gateway, and who may not add any.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// Whose listeners they are.
    pub controller: Controller,
    /// Those that count, judged: the Gateway's first.
    pub parents: Vec<Parent<'a>>,
    /// Which of them an object is.
    numbers: BTreeMap<ParentId, usize>,
    /// ListenerSets that are not admitted.
    pub rejected: BTreeSet<ObjectKey>,
    /// ListenerSets of which nobody can tell, with their ports.
    pub undecided: BTreeMap<ObjectKey, BTreeSet<i32>>,
}

impl<'a> Offer<'a> {
    /// What a Gateway offers.
    pub fn new(controller: Controller, parents: Vec<Parent<'a>>, sets: &ListenerSets<'_>) -> Self {
        let rejected = sets.rejected.iter().map(|set| ObjectKey::of(*set)).collect();
        let ports = |set: &ListenerSet| set.spec.listeners.iter().map(|listener| listener.port).collect();
        let undecided = sets.undecided.iter().map(|(set, _)| (ObjectKey::of(*set), ports(set))).collect();
        let numbers =
            parents.iter().enumerate().map(|(number, parent)| (parent.id.clone(), number)).collect();
        Self { controller, parents, numbers, rejected, undecided }
    }

    /// The same, with what is wrong with some of the valid listeners, else with all of their ports.
    #[must_use]
    pub fn with_problems(
        &self,
        of_listeners: &BTreeMap<ListenerIndex, ListenerProblem>,
        by_port: &BTreeMap<i32, ListenerProblem>,
    ) -> Self {
        let mut offer = self.clone();
        for (parent, of_parent) in offer.parents.iter_mut().enumerate() {
            for (listener, judged) in of_parent.listeners.iter_mut().enumerate() {
                if judged.is_valid() {
                    let own = of_listeners.get(&ListenerIndex { parent, listener });
                    judged.problem = own.or_else(|| by_port.get(&judged.listener.port)).cloned();
                }
            }
        }
        offer
    }

    /// A listener by its place.
    pub fn listener(&self, at: ListenerIndex) -> Option<&Judged<'a>> {
        self.parents.get(at.parent)?.listeners.get(at.listener)
    }
}

/// Which listener of an [`Offer`]. Ordered by precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerIndex {
    /// Which of [`Offer::parents`].
    pub parent: usize,
    /// Which of its listeners.
    pub listener: usize,
}

/// What became of one entry of `spec.parentRefs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentOutcome {
    /// Place of the entry in `parentRefs`.
    pub index: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// Listeners of which nobody can tell whether they admit the route.
    pub undecided: Vec<ListenerIndex>,
}

/// What became of the wish to attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It attached to these listeners, valid or not; at least one.
    Attached(Vec<Attached>),
    /// It did not, for these reasons; at least one.
    Refused(Vec<RouteProblem>),
    /// Nobody can tell: what it has in AWS stays.
    Undecided(String),
}

/// A listener that a route is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Place of the listener.
    pub at: ListenerIndex,
    /// The hosts that both are about, sorted. Empty: those of the route, or all.
    pub hostnames: Vec<String>,
}

/// What became of the entries of `spec.parentRefs` that are about the Gateway; the others are left out.
pub fn attach(
    route: &Route<'_>,
    gateway: &ObjectKey,
    offer: &Offer<'_>,
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> Vec<ParentOutcome> {
    let attempt = |(index, reference): (usize, &ParentReference)| {
        let (outcome, undecided) = match target(reference, route, gateway, offer) {
            AttachmentTarget::Nobody => return None,
            AttachmentTarget::Refused(problem) => (Outcome::Refused(vec![problem]), Vec::new()),
            AttachmentTarget::Undecided(message) => (Outcome::Undecided(message), Vec::new()),
            AttachmentTarget::Parent(parent) => attach_to(parent, reference, route, offer, cluster, options),
        };
        Some(ParentOutcome { index, outcome, undecided })
    };
    route.parents.iter().enumerate().filter_map(attempt).collect()
}

enum AttachmentTarget {
    /// Not this Gateway.
    Nobody,
    Refused(RouteProblem),
    Undecided(String),
    /// Which of the parents.
    Parent(usize),
}

/// Whom an entry is about. The group is not looked at, as upstream does.
fn target(
    reference: &ParentReference,
    route: &Route<'_>,
    gateway: &ObjectKey,
    offer: &Offer<'_>,
) -> AttachmentTarget {
    let own = route.id.key.namespace();
    let key = ObjectKey::namespaced(reference.namespace.as_deref().unwrap_or(own), reference.name.as_str());
    let wanted = match reference.kind.as_deref() {
        None | Some(GATEWAY_KIND) if key == *gateway => ParentId::Gateway(key),
        Some(LISTENER_SET_KIND) => ParentId::ListenerSet(key),
        _ => return AttachmentTarget::Nobody,
    };
    let refused = |message: String| {
        AttachmentTarget::Refused(RouteProblem::new(RouteReason::NotAllowedByListeners, message))
    };
    if let ParentId::ListenerSet(set) = &wanted {
        if offer.rejected.contains(set) {
            return refused(format!("ListenerSet {set} is not allowed by its Gateway"));
        }
        if offer.undecided.contains_key(set) {
            let message = format!("whether ListenerSet {set} is allowed by its Gateway is not known");
            return AttachmentTarget::Undecided(message);
        }
    }
    match offer.numbers.get(&wanted) {
        None => AttachmentTarget::Nobody,
        Some(_) if route.id.kind.controller() != offer.controller => refused(KIND.to_owned()),
        Some(parent) => AttachmentTarget::Parent(*parent),
    }
}

fn attach_to(
    parent: usize,
    reference: &ParentReference,
    route: &Route<'_>,
    offer: &Offer<'_>,
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> (Outcome, Vec<ListenerIndex>) {
    let (mut attached, mut problems, mut undecided, mut why) = (Vec::new(), Vec::new(), Vec::new(), None);
    let Some(of) = offer.parents.get(parent) else { return (refuse_all(problems), undecided) };
    for (listener, judged) in
        of.listeners.iter().enumerate().filter(|(_, judged)| is_meant(reference, judged))
    {
        let at = ListenerIndex { parent, listener };
        match attempt(of, judged, route, cluster, options) {
            Ok(hostnames) => attached.push(Attached { at, hostnames }),
            Err(Refusal::Problem(problem)) => problems.push(problem),
            Err(Refusal::Unknown(error)) => {
                why = Some(format!("listener {}: {error}", judged.listener.name));
                undecided.push(at);
            }
        }
    }
    let outcome = match (attached.is_empty(), why) {
        (true, None) => refuse_all(problems),
        (true, Some(message)) => Outcome::Undecided(message),
        (false, _) => Outcome::Attached(attached),
    };
    (outcome, undecided)
}

fn refuse_all(mut problems: Vec<RouteProblem>) -> Outcome {
    if problems.is_empty() {
        problems.push(RouteProblem::new(RouteReason::NoMatchingParent, NO_PARENT));
    }
    Outcome::Refused(problems)
}

/// Whether an entry is about a listener of the object that it names.
fn is_meant(reference: &ParentReference, judged: &Judged<'_>) -> bool {
    reference.section_name.as_ref().is_none_or(|name| *name == judged.listener.name)
        && reference.port.is_none_or(|port| port == judged.listener.port)
}

enum Refusal {
    Problem(RouteProblem),
    Unknown(SelectorError),
}

/// The hosts of a route on a listener that admits it.
fn attempt(
    parent: &Parent<'_>,
    judged: &Judged<'_>,
    route: &Route<'_>,
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> Result<Vec<String>, Refusal> {
    let refuse = |reason, message: &str| Err(Refusal::Problem(RouteProblem::new(reason, message)));
    let allowed = judged.listener.allowed_routes.as_ref();
    let filter = allowed.and_then(|allowed| allowed.namespaces.as_ref());
    let (own, of_route) = (parent.id.key().namespace(), route.id.key.namespace());
    let is_admitted =
        namespaces::admits(filter, FromNamespaces::Same, own, of_route, cluster).map_err(Refusal::Unknown)?;
    if !is_admitted {
        return refuse(RouteReason::NotAllowedByListeners, NAMESPACE);
    }
    if !admitted_kinds(judged.listener, options).contains(&route.id.kind.as_str()) {
        return refuse(RouteReason::NotAllowedByListeners, KIND);
    }
    match judged.listener.hostname.as_deref() {
        None => Ok(Vec::new()),
        Some(_) if !route.id.kind.has_hostnames() => Ok(Vec::new()),
        Some(hostname) if route.hostnames.is_empty() => Ok(vec![hostname.to_owned()]),
        Some(hostname) => {
            intersect_all(hostname, &judged.listener.name, route.hostnames).map_err(Refusal::Problem)
        }
    }
}

fn intersect_all(hostname: &str, listener: &str, of_route: &[String]) -> Result<Vec<String>, RouteProblem> {
    hostname::check(hostname).map_err(|error| {
        let message =
            format!("listener hostname {hostname} is not valid (listener name {listener}): {error}");
        RouteProblem::new(RouteReason::NoMatchingListenerHostname, message)
    })?;
    let comparable = of_route.iter().filter(|of_route| hostname::check(of_route).is_ok());
    let common: BTreeSet<&str> =
        comparable.filter_map(|of_route| hostname::intersect(of_route, hostname)).collect();
    if common.is_empty() {
        return Err(RouteProblem::new(RouteReason::NoMatchingListenerHostname, HOSTNAME));
    }
    Ok(common.into_iter().map(str::to_owned).collect())
}

/// How many routes are attached to each listener: pairs of route and entry of `spec.parentRefs`.
pub fn count<'a>(outcomes: impl IntoIterator<Item = &'a ParentOutcome>) -> BTreeMap<ListenerIndex, i32> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let Outcome::Attached(attached) = &outcome.outcome else { continue };
        for one in attached {
            *counts.entry(one.at).or_insert(0) += 1;
        }
    }
    counts
}

/// A port of the load balancer, with its listeners and the routes that they serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortRoutes {
    /// Its valid listeners, by precedence.
    pub listeners: Vec<ListenerIndex>,
    /// The routes, by what they were handed in as.
    pub routes: Vec<PortRoute>,
}

/// A route on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRoute {
    /// Which of the routes that were handed in.
    pub route: usize,
    /// The listeners of the port that it is attached to, by precedence; at least one of them is valid.
    pub listeners: Vec<Attached>,
}

impl PortRoute {
    /// The hosts of the route on the port, sorted. Empty: all hosts.
    ///
    /// Upstream adds up the hosts of all listeners of the port, and falls back on the route's own only if there are none.
    pub fn hostnames(&self, route: &Route<'_>) -> Vec<String> {
        let common: BTreeSet<&String> =
            self.listeners.iter().flat_map(|attached| &attached.hostnames).collect();
        let own: BTreeSet<&String> = route.hostnames.iter().collect();
        let hostnames = if common.is_empty() { own } else { common };
        hostnames.into_iter().cloned().collect()
    }
}

/// What every port with a valid listener serves. `outcomes` has one entry a route.
pub fn by_port(offer: &Offer<'_>, outcomes: &[Vec<ParentOutcome>]) -> BTreeMap<i32, PortRoutes> {
    let mut ports: BTreeMap<i32, PortRoutes> = BTreeMap::new();
    for (parent, of) in offer.parents.iter().enumerate() {
        for (listener, judged) in of.listeners.iter().enumerate().filter(|(_, judged)| judged.is_valid()) {
            ports.entry(judged.listener.port).or_default().listeners.push(ListenerIndex { parent, listener });
        }
    }
    for (route, outcomes) in outcomes.iter().enumerate() {
        for (port, listeners) in ports_of(offer, outcomes) {
            let is_served =
                listeners.iter().any(|attached| offer.listener(attached.at).is_some_and(Judged::is_valid));
            if let (true, Some(of_port)) = (is_served, ports.get_mut(&port)) {
                of_port.routes.push(PortRoute { route, listeners });
            }
        }
    }
    ports
}

/// The ports of which nobody can tell all that they serve: what they have in AWS stays.
pub fn undecided_ports(offer: &Offer<'_>, outcomes: &[Vec<ParentOutcome>]) -> BTreeSet<i32> {
    let listeners = outcomes.iter().flatten().flat_map(|outcome| &outcome.undecided);
    let of_listeners = listeners.filter_map(|at| offer.listener(*at)).map(|judged| judged.listener.port);
    of_listeners.chain(offer.undecided.values().flatten().copied()).collect()
}

fn ports_of(offer: &Offer<'_>, outcomes: &[ParentOutcome]) -> BTreeMap<i32, Vec<Attached>> {
    let mut ports: BTreeMap<i32, BTreeMap<ListenerIndex, &Attached>> = BTreeMap::new();
    for outcome in outcomes {
        let Outcome::Attached(attached) = &outcome.outcome else { continue };
        for one in attached {
            let Some(judged) = offer.listener(one.at) else { continue };
            ports.entry(judged.listener.port).or_default().insert(one.at, one);
        }
    }
    ports.into_iter().map(|(port, attached)| (port, attached.into_values().cloned().collect())).collect()
}

/// Why a route that is attached is not served: every listener that it is attached to by this entry is not valid.
pub fn unserved(offer: &Offer<'_>, attached: &[Attached]) -> Option<RouteProblem> {
    let mut reasons = Vec::new();
    for one in attached {
        let judged = offer.listener(one.at)?;
        let problem = judged.problem.as_ref()?;
        reasons.push(format!("{}: {}", judged.listener.name, problem.message));
    }
    let message = format!("No listener of the parent is valid: {}", reasons.join("; "));
    Some(RouteProblem::new(RouteReason::Pending, message))
}

#[cfg(test)]
mod tests;
