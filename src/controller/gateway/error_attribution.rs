//! Which routes and listeners it was that AWS refused.

use super::resolved::Resolved;
use crate::deploy::failure::Cause;
use crate::deploy::{DeployFailure, StepFailure};
use crate::finding::{Finding, ObjectRef, Part};
use crate::gateway::attachment::PortRoutes;
use crate::gateway::route::{RouteId, RouteProblem};
use crate::gateway::status::Knowledge;
use crate::gateway::{Controller, l4};
use crate::model::{ResourceAddress, ResourceId, StackId};
use crate::plan::Stage;
use crate::settings::alb::ListenerPart;
use crate::settings::gateway::GatewayReport;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What AWS refused of the routes and listeners of a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RefusedParts {
    pub routes: RefusedRoutes,
    /// By port.
    pub listeners: BTreeMap<i32, Finding>,
}

/// What AWS refused of the routes of a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefusedRoutes(BTreeMap<RouteId, RefusedRoute>);

#[derive(Clone, Debug, PartialEq)]
struct RefusedRoute {
    /// Of which edit of the route.
    revision: Revision,
    problems: Vec<RouteProblem>,
}

/// `metadata.generation` of a route, then of the ListenerRuleConfigurations of its rules.
type Revision = Vec<i64>;

impl RefusedRoutes {
    /// What was refused of a route as it is now: what was refused of an earlier edit says nothing of this one.
    pub(super) fn problems_of(&self, resolved: &Resolved<'_>, number: usize) -> &[RouteProblem] {
        let of_route = resolved.route(number).and_then(|route| self.0.get(&route.id));
        let current = of_route.filter(|refused| refused.revision == revision(resolved, number));
        current.map(|refused| refused.problems.as_slice()).unwrap_or_default()
    }

    fn add(&mut self, resolved: &Resolved<'_>, number: usize, problem: RouteProblem) {
        let Some(route) = resolved.route(number) else { return };
        let first = || RefusedRoute { revision: revision(resolved, number), problems: Vec::new() };
        self.0.entry(route.id.clone()).or_insert_with(first).problems.push(problem);
    }
}

fn revision(resolved: &Resolved<'_>, number: usize) -> Revision {
    let own = resolved.route(number).map(|route| route.generation);
    let rules = resolved.loaded(number).iter();
    let configurations = rules.filter_map(|rule| rule.configuration.as_ref()?.metadata.generation);
    own.into_iter().chain(configurations).collect()
}

/// What AWS refused last of routes, by Gateway: a try that ends before it comes so far says nothing of it.
///
/// Lost with the process: until a Gateway is deployed again, its routes keep what they were told ([`Knowledge::Build`]).
#[derive(Debug, Default)]
pub struct LastRefused(Mutex<BTreeMap<StackId, RefusedRoutes>>);

impl LastRefused {
    /// Notes what was refused this time, which may be nothing.
    pub(super) fn note(&self, id: &StackId, refused: RefusedRoutes) {
        self.0.lock().insert(id.clone(), refused);
    }

    /// The Gateway is gone.
    pub fn forget(&self, id: &StackId) {
        self.0.lock().remove(id);
    }

    /// What was refused last, and how much that says of the routes.
    pub(super) fn of(&self, id: &StackId) -> (RefusedRoutes, Knowledge) {
        match self.0.lock().get(id) {
            Some(refused) => (refused.clone(), Knowledge::Deployment),
            None => (RefusedRoutes::default(), Knowledge::Build),
        }
    }
}

impl RefusedParts {
    /// What was refused, and whether that is all that failed: then the rest of the Gateway is as it is wanted.
    pub(super) fn of(
        gateway: &ObjectRef,
        resolved: &Resolved<'_>,
        report: &GatewayReport,
        failure: &DeployFailure,
    ) -> (Self, bool) {
        let mut refused = Self::default();
        let mut is_all = failure.is_permanent();
        for step in &failure.failures {
            let is_about_a_part = refused.add(gateway, resolved, report, step);
            is_all &= is_about_a_part;
        }
        (refused, is_all)
    }

    /// Whether a step is about a route or a listener; then it is noted.
    fn add(
        &mut self,
        gateway: &ObjectRef,
        resolved: &Resolved<'_>,
        report: &GatewayReport,
        step: &StepFailure,
    ) -> bool {
        // why: a quota is full because of all routes, but only those whose rules found no room have to know
        let is_refused = step.refusal().is_some() || matches!(step.cause, Cause::QuotaExceeded(_));
        let Some(stage) = step.stage.filter(|_| is_refused) else { return false };
        match stage {
            Stage::Listeners => match step.resource.id().and_then(|id| id.parse().ok()) {
                Some(port) => {
                    let part = match step.listener_part() {
                        ListenerPart::Certificate => Part::Certificates,
                        _ => Part::Listener,
                    };
                    let finding = Finding::error(gateway, step.to_string()).within(part);
                    self.listeners.entry(port).or_insert(finding);
                    true
                }
                None => false,
            },
            Stage::Rules | Stage::TargetGroups | Stage::Bindings | Stage::AlbTargets => {
                let number = route_of(resolved, report, &step.resource);
                let Some(number) = number else { return false };
                self.routes.add(resolved, number, RouteProblem::unsupported(step.to_string()));
                let finding = Finding::error(gateway, step.to_string()).within(Part::Listeners);
                for port in ports_of_nlb(resolved, number) {
                    self.listeners.entry(port).or_insert_with(|| finding.clone());
                }
                true
            }
            Stage::Certificates
            | Stage::SecurityGroups
            | Stage::LoadBalancers
            | Stage::Wafv2
            | Stage::WafRegional
            | Stage::Shield => false,
        }
    }
}

/// The ports of an NLB that a route has: without its target group there is no listener.
fn ports_of_nlb(resolved: &Resolved<'_>, number: usize) -> Vec<i32> {
    let view = resolved.view();
    if view.controller != Controller::Nlb {
        return Vec::new();
    }
    let is_its = |routes: &PortRoutes| l4::winner(routes, view.routes) == Some(number);
    view.ports.iter().filter(|(_, routes)| is_its(routes)).map(|(port, _)| *port).collect()
}

/// The route that a rule or a target group comes from.
fn route_of(resolved: &Resolved<'_>, report: &GatewayReport, resource: &ResourceAddress) -> Option<usize> {
    let sources = &report.sources;
    match resource {
        ResourceAddress::Rule { listener, priority } => {
            let rules = sources.rules.get(&listener.as_str().parse().ok()?)?;
            *rules.get(usize::try_from(*priority).ok()?.checked_sub(1)?)?
        }
        ResourceAddress::Id(id) => {
            let route = sources.target_groups.get(&ResourceId::from(id.as_str()))?;
            resolved.number_of(route)
        }
        ResourceAddress::RulesOf(_) => None,
    }
}
