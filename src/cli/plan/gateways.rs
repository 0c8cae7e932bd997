//! What a plan knows of Gateways: what the controller would say of new objects before it builds, and what is wrong with routes.

use crate::api::ObjectKey;
use crate::api::gateway::GatewayClass;
use crate::clock::now;
use crate::cluster::gateway_stores::GatewayStores;
use crate::controller::gateway::resolved::Resolved;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::gateway::attachment::{Outcome, unserved};
use crate::gateway::config::{class_configuration, default_target_group};
use crate::gateway::route::{Route, RouteProblem};
use crate::gateway::status::{ClassOutcome, StatusTime, class_status, rule_configuration_status};
use crate::settings::gateway::GatewayReport;
use std::collections::BTreeSet;

/// Gives classes and ListenerRuleConfigurations the status that the controller would write, because Gateways wait for it.
pub(super) fn foresee(stores: &GatewayStores) {
    for class in stores.classes.list() {
        let is_ours = Controller::of_name(&class.spec.controller_name).is_some();
        if is_ours && is_usable(&class, stores) {
            accept(stores, GatewayClass::clone(&class));
        }
    }
    for found in stores.listener_rule_configurations.list() {
        if found.status.as_ref().is_none_or(|status| status.accepted.is_none())
            && let Some(status) = rule_configuration_status(&found, None)
        {
            let mut accepted = (*found).clone();
            accepted.status = Some(status);
            stores.listener_rule_configurations.apply(ObjectKey::of(&accepted), accepted);
        }
    }
}

fn is_usable(class: &GatewayClass, stores: &GatewayStores) -> bool {
    class_configuration(class, stores)
        .and_then(|found| default_target_group("GatewayClass", found.as_deref(), stores))
        .is_ok()
}

fn accept(stores: &GatewayStores, mut class: GatewayClass) {
    let old = class.status.clone().unwrap_or_default();
    let moment = StatusTime { generation: class.metadata.generation.unwrap_or_default(), now: now() };
    if let Some(status) = class_status(&old, &ClassOutcome::Accepted, &[], moment) {
        class.status = Some(status);
        stores.classes.apply(ObjectKey::of(&class), class);
    }
}

/// What is wrong with the routes of a Gateway, as their status would say it.
pub(super) fn route_findings(resolved: &Resolved<'_>, built: &GatewayReport) -> Vec<Finding> {
    let view = resolved.view();
    let mut findings = Vec::new();
    for (number, route) in view.routes.iter().enumerate() {
        let mut problems = BTreeSet::new();
        for outcome in resolved.outcomes_of(number) {
            match &outcome.outcome {
                Outcome::Refused(refused) => problems.extend(refused.iter().cloned()),
                Outcome::Attached(attached) => problems.extend(unserved(view.offer, attached)),
                Outcome::Undecided(_) => {}
            }
        }
        problems.extend(resolved.loaded(number).iter().flat_map(|rule| rule.problems.iter().cloned()));
        problems.extend(built.routes.get(&number).into_iter().flatten().cloned());
        findings.extend(problems.iter().map(|problem| finding(route, problem)));
    }
    findings
}

/// why a reference that leads nowhere is a warning: what it names may come later, and the rest is served.
fn finding(route: &Route<'_>, problem: &RouteProblem) -> Finding {
    let key = &route.id.key;
    let object = ObjectRef {
        kind: route.id.kind.as_str(),
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
    };
    if problem.reason.is_about_references() {
        Finding::warning(&object, problem.message.as_str())
    } else {
        Finding::error(&object, problem.message.as_str())
    }
}

#[cfg(test)]
mod tests;
