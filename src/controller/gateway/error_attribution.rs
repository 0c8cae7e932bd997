//! Which routes and listeners it was that AWS refused.

use super::resolved::Resolved;
use crate::deploy::failure::Cause;
use crate::deploy::{DeployFailure, StepFailure};
use crate::finding::{Finding, ObjectRef, Part};
use crate::gateway::attachment::PortRoutes;
use crate::gateway::route::{RouteId, RouteProblem};
use crate::gateway::{Controller, l4};
use crate::model::{ResourceAddress, ResourceId, StackId};
use crate::plan::Stage;
use crate::settings::alb::ListenerPart;
use crate::settings::gateway::GatewayReport;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What AWS refused of the routes and listeners of a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefusedParts {
    routes: BTreeMap<RouteId, Vec<RouteProblem>>,
    /// By port.
    listeners: BTreeMap<i32, Finding>,
}

/// What AWS refused last, by Gateway: a try that ends before it comes so far says nothing of it.
///
/// Lost with the process: after a restart all of it is tried at once.
#[derive(Debug, Default)]
pub struct LastRefused(Mutex<BTreeMap<StackId, RefusedParts>>);

impl LastRefused {
    /// Notes what was refused this time.
    pub(super) fn note(&self, id: &StackId, refused: RefusedParts) {
        let mut all = self.0.lock();
        if refused == RefusedParts::default() {
            all.remove(id);
        } else {
            all.insert(id.clone(), refused);
        }
    }

    /// What was refused last.
    pub(super) fn of(&self, id: &StackId) -> RefusedParts {
        self.0.lock().get(id).cloned().unwrap_or_default()
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
                let Some(route) = route_of(resolved, report, &step.resource) else { return false };
                let problem = RouteProblem::unsupported(step.to_string());
                self.routes.entry(route.clone()).or_default().push(problem);
                let finding = Finding::error(gateway, step.to_string()).within(Part::Listeners);
                for port in ports_of_nlb(resolved, route) {
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

    /// Whether this is what AWS refused of a route.
    pub(super) fn has_problem(&self, route: &RouteId, problem: &RouteProblem) -> bool {
        self.routes.get(route).is_some_and(|problems| problems.contains(problem))
    }

    /// Whether this is what AWS refused of the listener of a port.
    pub(super) fn has_finding(&self, port: i32, finding: &Finding) -> bool {
        self.listeners.get(&port) == Some(finding)
    }

    /// Enters it into what is reported.
    pub(super) fn add_to(&self, resolved: &Resolved<'_>, report: &mut GatewayReport) {
        for (route, problems) in &self.routes {
            let Some(number) = resolved.number_of(route) else { continue };
            for problem in problems {
                report.note(number, problem.clone());
            }
        }
        for (port, finding) in &self.listeners {
            report.listeners.entry(*port).or_insert_with(|| finding.clone());
        }
    }
}

/// The ports of an NLB that a route has: without its target group there is no listener.
fn ports_of_nlb(resolved: &Resolved<'_>, route: &RouteId) -> Vec<i32> {
    let view = resolved.view();
    if view.controller != Controller::Nlb {
        return Vec::new();
    }
    let number = resolved.number_of(route);
    let is_its = |routes: &PortRoutes| number.is_some() && l4::winner(routes, view.routes) == number;
    view.ports.iter().filter(|(_, routes)| is_its(routes)).map(|(port, _)| *port).collect()
}

/// The route that a rule or a target group comes from.
fn route_of<'r>(
    resolved: &'r Resolved<'_>,
    report: &'r GatewayReport,
    resource: &ResourceAddress,
) -> Option<&'r RouteId> {
    let sources = &report.sources;
    match resource {
        ResourceAddress::Rule { listener, priority } => {
            let rules = sources.rules.get(&listener.as_str().parse().ok()?)?;
            let number = *rules.get(usize::try_from(*priority).ok()?.checked_sub(1)?)?;
            resolved.route_id(number?)
        }
        ResourceAddress::Id(id) => sources.target_groups.get(&ResourceId::from(id.as_str())),
        ResourceAddress::RulesOf(_) => None,
    }
}
