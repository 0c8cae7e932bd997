//! Routes: what their rules refer to, and what TCPRoutes, UDPRoutes and TLSRoutes can have.

use super::field_findings::FieldFindings;
use super::load_balancer::name_of;
use super::{GatewayOwner, GatewaySource, OwnedFindings, foreign_references, options, rules, unread_fields};
use crate::admission::limits;
use crate::annotations::value::ValueFinding;
use crate::api::gateway::{BackendRef, GATEWAY_KIND, GROUP};
use crate::config::Config;
use crate::finding::{ObjectRef, alternatives, compared, did_you_mean, likely};
use crate::gateway::backends::{
    BACKEND_FILTERS, BACKEND_KINDS, BackendName, PORT_REQUIRED, SEVERAL_CONFIGURATIONS, UNKNOWN_KIND,
    shares_problem, weight_problem,
};
use crate::gateway::route::{References, Route, RouteKind, RouteRules};
use crate::gateway::{Controller, hostname};
use serde_json::Value;

/// What is wrong with a route. `object`: the same, as it is written.
pub fn check(
    config: &Config,
    route: &Route<'_>,
    object: &Value,
    source: &dyn GatewaySource,
) -> OwnedFindings {
    let key = &route.id.key;
    let kind = route.id.kind.as_str();
    let name = ObjectRef { kind, namespace: key.namespace().to_owned(), name: key.name().to_owned() };
    let mut findings = FieldFindings::new(config, name.clone());
    let ownership = GatewayOwner::of_route(route, source);
    parents(&mut findings, route, source);
    hostnames(&mut findings, route);
    let references = route.rules.references();
    for (number, references) in references.iter().enumerate() {
        let field = format!("spec.rules[{number}]");
        if references.configurations.len() > 1 {
            findings.error(&format!("{field}.filters"), SEVERAL_CONFIGURATIONS);
        }
        if references.has_backend_filters {
            backend_filters(&mut findings, &format!("{field}.backendRefs"));
        }
        if let Some(problem) = shares_problem(shares(&references.backends, route)) {
            findings.error(&format!("{field}.backendRefs"), problem);
        }
        for (at, backend) in references.backends.iter().enumerate() {
            let field = format!("{field}.backendRefs[{at}]");
            check_backend(&mut findings, &field, at, backend, route.id.kind);
            foreign_references::check_backend(&mut findings, &field, &route.id, backend, source);
        }
    }
    match route.rules {
        RouteRules::Http(of_route) => {
            many_rules(&mut findings, route);
            all_weights(&mut findings, &references);
            rules::check_http(&mut findings, route, of_route, source);
        }
        RouteRules::Grpc(of_route) => {
            many_rules(&mut findings, route);
            all_weights(&mut findings, &references);
            rules::check_grpc(&mut findings, route, of_route, source);
        }
        RouteRules::L4(_) => one_rule(&mut findings, route, &references),
    }
    unread_fields::check(&mut findings, kind, object);
    OwnedFindings { object: name, ownership, findings: findings.finish() }
}

/// Parents whose load balancers do not serve routes of the kind.
fn parents(findings: &mut FieldFindings<'_>, route: &Route<'_>, source: &dyn GatewaySource) {
    let served_by = route.id.kind.controller();
    for (index, parent) in route.parents.iter().enumerate() {
        let ownership = GatewayOwner::of_parent(parent, route.id.key.namespace(), source);
        let GatewayOwner::Ours(controller) = ownership else { continue };
        if controller != served_by {
            let (own, needed) = (name_of(controller), name_of(served_by));
            let problem = format!(
                "{:?} has {own}, and a {} needs {needed}, so it is not served there",
                parent.name, route.id.kind
            );
            findings.warn(&format!("spec.parentRefs[{index}]"), problem);
        }
    }
}

fn hostnames(findings: &mut FieldFindings<'_>, route: &Route<'_>) {
    for (index, host) in route.hostnames.iter().enumerate().filter(|(_, host)| !host.is_empty()) {
        if let Err(error) = hostname::check(host) {
            findings.warn(&format!("spec.hostnames[{index}]"), format!("{host:?} is passed over: {error}"));
        }
    }
}

fn backend_filters(findings: &mut FieldFindings<'_>, field: &str) {
    if options(findings.config).strict {
        findings.error(field, BACKEND_FILTERS);
    } else {
        findings.warn(field, format!("{BACKEND_FILTERS}, and have no effect"));
    }
}

/// Weights as the controller takes them.
fn shares<'b>(
    backends: &'b [&BackendRef],
    route: &'b Route<'_>,
) -> impl Iterator<Item = (BackendName, i32)> + 'b {
    let namespace = route.id.key.namespace();
    backends.iter().map(move |backend| (BackendName::of(backend, namespace), backend.weight.unwrap_or(1)))
}

fn check_backend(
    findings: &mut FieldFindings<'_>,
    field: &str,
    index: usize,
    backend: &BackendRef,
    route: RouteKind,
) {
    let kind = backend.kind.as_deref().unwrap_or("Service");
    if !BACKEND_KINDS.contains(&kind) {
        let problem = format!("{UNKNOWN_KIND} {kind:?}, expected {}", alternatives(&BACKEND_KINDS));
        let hint = did_you_mean(&likely(kind, compared(index, BACKEND_KINDS), &[]));
        findings.add(&format!("{field}.kind"), ValueFinding { hint, ..ValueFinding::error(problem) });
        return;
    }
    let is_gateway = kind == GATEWAY_KIND;
    let group = if is_gateway { GROUP } else { "" };
    if let Some(given) = backend.group.as_deref().filter(|given| *given != group && kind != "TargetGroupName")
    {
        let problem = format!("{given:?} is not looked at, a {kind} is of group {group:?}");
        findings.warn(&format!("{field}.group"), problem);
    }
    if kind == "TargetGroupName" {
        let unused = [("namespace", backend.namespace.is_some()), ("port", backend.port.is_some())];
        for (part, _) in unused.into_iter().filter(|(_, is_given)| *is_given) {
            findings.warn(&format!("{field}.{part}"), "has no effect: the target group is found by its name");
        }
    } else if backend.port.is_none() {
        findings.error(&format!("{field}.port"), PORT_REQUIRED);
    }
    if is_gateway && route.controller() == Controller::Alb {
        let problem =
            format!("a Gateway can be a backend of TCPRoutes, UDPRoutes and TLSRoutes, not of a {route}");
        findings.error(&format!("{field}.kind"), problem);
    }
    if let Some(problem) = backend.weight.and_then(weight_problem) {
        findings.error(&format!("{field}.weight"), problem);
    }
}

/// Rules of an ALB's listener: each match of each host is one.
fn many_rules(findings: &mut FieldFindings<'_>, route: &Route<'_>) {
    let count = route.rules.matches().saturating_mul(route.hostnames.len().max(1));
    if let Some(problem) = limits::many_rules(count) {
        findings.warn("spec.rules", problem);
    }
}

/// Rules of which no backend gets requests.
fn all_weights(findings: &mut FieldFindings<'_>, references: &[References<'_>]) {
    for (number, references) in references.iter().enumerate() {
        if are_all_zero(references.backends.iter().copied()) {
            let field = format!("spec.rules[{number}].backendRefs");
            findings.warn(&field, "all weights are 0, so that requests are answered with 500");
        }
    }
}

fn are_all_zero<'b>(backends: impl Iterator<Item = &'b BackendRef>) -> bool {
    let mut count = 0;
    let all = backends.inspect(|_| count += 1).all(|backend| backend.weight == Some(0));
    all && count > 0
}

/// Rules of a route that an NLB serves.
fn one_rule(findings: &mut FieldFindings<'_>, route: &Route<'_>, references: &[References<'_>]) {
    if references.len() > 1 {
        let problem = format!(
            "{} rules are served as one, with the backends of all of them: an NLB cannot tell connections apart",
            references.len()
        );
        findings.warn("spec.rules", problem);
        let backends = references.iter().flat_map(|references| shares(&references.backends, route));
        if let Some(problem) = shares_problem(backends) {
            findings.error("spec.rules", problem);
        }
    }
    if are_all_zero(references.iter().flat_map(|references| references.backends.iter().copied())) {
        findings.warn("spec.rules", "all weights are 0, so that there is no listener");
    }
}

#[cfg(test)]
mod tests;
