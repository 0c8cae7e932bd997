//! GatewayClasses and Gateways.

use super::field_findings::FieldFindings;
use super::{
    GatewayOwner, GatewaySource, OwnedFindings, certificates, foreign_references, object_ref, options,
    unread_fields,
};
use crate::admission::limits;
use crate::annotations::value::ValueFinding;
use crate::api::gateway::{
    FromNamespaces, GATEWAY_KIND, GROUP, Gateway, GatewayClass, Listener, ListenerSet, NamespaceFilter,
    Protocol, TlsMode,
};
use crate::api::gateway_config::{self, LOAD_BALANCER_CONFIGURATION_KIND};
use crate::api::{ObjectKey, ObjectMeta, selector};
use crate::config::Config;
use crate::finding::{alternatives, compared, did_you_mean, likely};
use crate::gateway::config::ConfigError;
use crate::gateway::hostname;
use crate::gateway::listeners::{ListenerProblem, ListenerReason, ParentId, judge};
use crate::gateway::{Controller, GatewayOptions, route::RouteKind};
use crate::take_over::request::{TAKE_OVER, asked, recorded, take_over_of};
use serde_json::Value;
use std::collections::BTreeSet;
use strum::VariantArray as _;

/// Kind of [`GatewayClass`].
pub const CLASS_KIND: &str = "GatewayClass";
/// The longest value of a label.
const MAX_LABEL: usize = 63;
/// What names of our controllers begin with, or what they are taken for.
const OUR_PREFIXES: [&str; 3] = ["gateway.k8s.aws/", "ingress.k8s.aws/", "elbv2.k8s.aws/"];

/// What is wrong with a GatewayClass.
pub fn check_class(config: &Config, class: &GatewayClass) -> OwnedFindings {
    let object = object_ref(CLASS_KIND, &class.metadata);
    let mut findings = FieldFindings::new(config, object.clone());
    let name = &class.spec.controller_name;
    let mut ownership = GatewayOwner::of_controller(name);
    if let GatewayOwner::Ours(controller) = ownership {
        gate(&mut findings, controller);
        parameters(&mut findings, class);
    } else if OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        // why: nobody else has such names
        ownership = GatewayOwner::Ours(Controller::Alb);
        let known = [Controller::Alb, Controller::Nlb].map(Controller::name);
        let problem =
            format!("{name:?} is not one of {}, so no Gateway of the class is served", alternatives(&known));
        let value_finding = ValueFinding::warning(problem);
        let hint = did_you_mean(&likely(name, known, &[]));
        findings.add("spec.controllerName", ValueFinding { hint, ..value_finding });
    }
    OwnedFindings { object, ownership, findings: findings.finish() }
}

fn gate(findings: &mut FieldFindings<'_>, controller: Controller) {
    let features = &findings.config.features;
    let (is_on, gate) = match controller {
        Controller::Alb => (features.alb_gateway_api, "ALBGatewayAPI"),
        Controller::Nlb => (features.nlb_gateway_api, "NLBGatewayAPI"),
    };
    if !is_on {
        let problem = format!("no Gateway of the class is served while feature gate {gate} is off");
        findings.warn("spec.controllerName", problem);
    }
}

fn parameters(findings: &mut FieldFindings<'_>, class: &GatewayClass) {
    let Some(reference) = &class.spec.parameters_ref else { return };
    if reference.namespace.as_deref().unwrap_or_default().is_empty() {
        findings.error("spec.parametersRef.namespace", ConfigError::NamespaceMissing.to_string());
    }
    configuration_reference(
        findings,
        "spec.parametersRef",
        (&reference.group, &reference.kind, &reference.name),
    );
}

/// why warnings: the name alone is looked at, but changes of an object of another kind are not seen
fn configuration_reference(
    findings: &mut FieldFindings<'_>,
    field: &str,
    (group, kind, name): (&str, &str, &str),
) {
    let expected =
        [("group", group, gateway_config::GROUP), ("kind", kind, LOAD_BALANCER_CONFIGURATION_KIND)];
    for (part, given, right) in expected {
        if given != right {
            let problem = format!("{given:?} is not {right}, whose changes alone are seen");
            let hint = format!("write {right}");
            findings.add(&format!("{field}.{part}"), ValueFinding::warning(problem).hint(hint));
        }
    }
    if name.is_empty() {
        findings.error(&format!("{field}.name"), "is empty");
    }
}

/// What is wrong with a Gateway. `object`: the same, as it is written.
pub fn check_gateway(
    config: &Config,
    gateway: &Gateway,
    object: &Value,
    source: &dyn GatewaySource,
) -> OwnedFindings {
    let name = object_ref(GATEWAY_KIND, &gateway.metadata);
    let ownership = GatewayOwner::of_class(&gateway.spec.gateway_class_name, source);
    let mut findings = FieldFindings::new(config, name.clone());
    labels(&mut findings, &gateway.metadata);
    take_over(&mut findings, gateway, ownership);
    let is_meant = |id: &ParentId| matches!(id, ParentId::Gateway(_));
    let judged = judge_for(ownership, gateway, &[], options(config), is_meant);
    listeners(&mut findings, &gateway.spec.listeners, &judged, ownership);
    let ports: BTreeSet<i32> = gateway.spec.listeners.iter().map(|listener| listener.port).collect();
    if let Some(problem) = limits::many_listeners(ports.len()) {
        findings.warn("spec.listeners", problem);
    }
    let allowed = gateway.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    namespaces(&mut findings, "spec.allowedListeners.namespaces", allowed);
    let infrastructure = gateway.spec.infrastructure.as_ref();
    if let Some(reference) = infrastructure.and_then(|found| found.parameters_ref.as_ref()) {
        let field = "spec.infrastructure.parametersRef";
        configuration_reference(&mut findings, field, (&reference.group, &reference.kind, &reference.name));
    }
    certificates::check(&mut findings, gateway, source);
    let id = ParentId::Gateway(ObjectKey::of(gateway));
    foreign_references::check_certificates(&mut findings, &id, &gateway.spec.listeners, source);
    unread_fields::check(&mut findings, GATEWAY_KIND, object);
    OwnedFindings { object: name, ownership, findings: findings.finish() }
}

/// What is wrong with the annotation that asks for the load balancer of an Ingress group.
fn take_over(findings: &mut FieldFindings<'_>, gateway: &Gateway, ownership: GatewayOwner) {
    let field = format!("metadata.annotations[{TAKE_OVER}]");
    let said = ownership.candidates().iter().map(|controller| take_over_of(gateway, *controller).err());
    if let Some(errors) = said.collect::<Option<Vec<_>>>()
        && let Some(error) = errors.into_iter().next()
    {
        findings.error(&field, error.to_string());
    }
    if let (Some(Ok(asked)), Some(recorded)) = (asked(gateway), recorded(gateway))
        && asked != recorded
    {
        let problem = format!("has no effect: the Gateway has the load balancer of Ingress group {recorded}");
        findings.warn(&field, problem);
    }
}

/// Names become labels of TargetGroupBindings.
fn labels(findings: &mut FieldFindings<'_>, meta: &ObjectMeta) {
    for (field, text) in [("metadata.name", &meta.name), ("metadata.namespace", &meta.namespace)] {
        let length = text.as_deref().map_or(0, str::len);
        if length > MAX_LABEL {
            let problem = format!(
                "has {length} characters, expected at most {MAX_LABEL}: it becomes a label of TargetGroupBindings"
            );
            findings.error(field, problem);
        }
    }
}

/// What is wrong with each listener of an object.
pub(super) type Problems = Vec<Option<ListenerProblem>>;

/// What each controller that may be meant says of the listeners of one object, beside those of a Gateway and its ListenerSets.
pub(super) fn judge_for(
    ownership: GatewayOwner,
    gateway: &Gateway,
    sets: &[&ListenerSet],
    options: GatewayOptions,
    is_meant: impl Fn(&ParentId) -> bool,
) -> Vec<Problems> {
    let by = |controller: &Controller| {
        let parents = judge(gateway, sets, *controller, options);
        let meant = parents.iter().filter(|parent| is_meant(&parent.id));
        meant.flat_map(|parent| &parent.listeners).map(|judged| judged.problem.clone()).collect()
    };
    ownership.candidates().iter().map(by).collect()
}

/// `judged`: what each controller that may be meant says of each listener.
pub(super) fn listeners(
    findings: &mut FieldFindings<'_>,
    listeners: &[Listener],
    judged: &[Problems],
    ownership: GatewayOwner,
) {
    for (index, listener) in listeners.iter().enumerate() {
        let field = format!("spec.listeners[{index}]");
        let said: Option<Vec<&ListenerProblem>> =
            judged.iter().map(|of_controller| of_controller.get(index)?.as_ref()).collect();
        if let Some(problem) = said.and_then(|said| said.into_iter().next()) {
            listener_problem(findings, &field, index, (listener, problem), ownership);
        }
        if let Some(host) = listener.hostname.as_deref().filter(|host| !host.is_empty())
            && let Err(error) = hostname::check(host)
        {
            findings.error(&format!("{field}.hostname"), format!("{host:?}: {error}"));
        }
        let allowed = listener.allowed_routes.as_ref();
        let filter = allowed.and_then(|allowed| allowed.namespaces.as_ref());
        namespaces(findings, &format!("{field}.allowedRoutes.namespaces"), filter);
        for (at, kind) in allowed.into_iter().flat_map(|allowed| &allowed.kinds).enumerate() {
            if let Some(group) = kind.group.as_deref().filter(|group| *group != GROUP) {
                let problem = format!("{group:?} is not looked at, routes are of group {GROUP}");
                findings.warn(&format!("{field}.allowedRoutes.kinds[{at}].group"), problem);
            }
        }
        tls_mode(findings, &format!("{field}.tls.mode"), listener);
    }
}

/// The sentence of the status, with what would be right.
fn listener_problem(
    findings: &mut FieldFindings<'_>,
    field: &str,
    index: usize,
    (listener, problem): (&Listener, &ListenerProblem),
    ownership: GatewayOwner,
) {
    let candidates = ownership.candidates();
    let kinds = || {
        let served = RouteKind::VARIANTS.iter().filter(|kind| candidates.contains(&kind.controller()));
        served.map(|kind| kind.as_str()).collect::<Vec<_>>()
    };
    let (part, given, allowed) = match problem.reason {
        ListenerReason::InvalidRouteKinds => {
            let allowed = kinds();
            let mut given = listener.allowed_routes.iter().flat_map(|allowed| &allowed.kinds);
            let wrong = given.find(|kind| !allowed.contains(&kind.kind.as_str()));
            ("allowedRoutes.kinds", wrong.map(|kind| kind.kind.as_str()).unwrap_or_default(), allowed)
        }
        ListenerReason::UnsupportedProtocol => {
            let allowed = candidates.iter().flat_map(|controller| protocols(*controller)).copied().collect();
            ("protocol", listener.protocol.as_str(), allowed)
        }
        ListenerReason::PortUnavailable => ("port", "", vec!["1 to 65535"]),
        ListenerReason::ProtocolConflict => ("protocol", "", Vec::new()),
        ListenerReason::HostnameConflict => ("hostname", "", Vec::new()),
        ListenerReason::InvalidCertificateRef | ListenerReason::RefNotPermitted => {
            ("tls.certificateRefs", "", Vec::new())
        }
        ListenerReason::Invalid => ("name", "", Vec::new()),
    };
    let message = match allowed.as_slice() {
        [] => problem.message.clone(),
        allowed => format!("{}, expected {}", problem.message, alternatives(allowed)),
    };
    // why: what another controller serves is no misspelling
    let is_known = given.is_empty() || given.parse::<RouteKind>().is_ok() || ALL_PROTOCOLS.contains(&given);
    let hint = did_you_mean(&likely(given, compared(index, allowed), &[])).filter(|_| !is_known);
    findings.add(&format!("{field}.{part}"), ValueFinding { hint, ..ValueFinding::error(message) });
}

const ALL_PROTOCOLS: [&str; 5] = ["HTTP", "HTTPS", "TCP", "UDP", "TLS"];

/// The protocols of a controller's listeners.
fn protocols(controller: Controller) -> &'static [&'static str] {
    match controller {
        Controller::Alb => &["HTTP", "HTTPS"],
        Controller::Nlb => &["TCP", "UDP", "TLS"],
    }
}

fn namespaces(findings: &mut FieldFindings<'_>, field: &str, filter: Option<&NamespaceFilter>) {
    let Some(filter) = filter else { return };
    if let Some(FromNamespaces::Other(from)) = &filter.from {
        findings.not_one_of(&format!("{field}.from"), 0, from, &["All", "Selector", "Same", "None"]);
    }
    let is_selected = filter.from == Some(FromNamespaces::Selector);
    match &filter.selector {
        None if is_selected => {
            findings.error(&format!("{field}.selector"), "is missing, so no namespace is admitted");
        }
        Some(selector) => {
            if let Err(error) = selector::check(selector) {
                findings.error(&format!("{field}.selector"), error.to_string());
            }
            if !is_selected {
                findings.warn(&format!("{field}.selector"), "has no effect unless from is Selector");
            }
        }
        None => {}
    }
}

fn tls_mode(findings: &mut FieldFindings<'_>, field: &str, listener: &Listener) {
    match listener.tls.as_ref().and_then(|tls| tls.mode.as_ref()) {
        Some(TlsMode::Other(mode)) => {
            findings.not_one_of(field, 0, mode, &["Terminate", "Passthrough"]);
        }
        Some(TlsMode::Passthrough) if listener.protocol == Protocol::Https => {
            findings.warn(field, "Passthrough has no effect on a listener that speaks HTTPS, only on TLS");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
