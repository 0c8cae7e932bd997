//! Gateway API: what is wrong with Gateways, routes and their configurations, as far as the objects themselves tell.
//!
//! Our own kinds ([`load_balancer`], [`target_group`], [`listener_rule`]) are refused for what no load balancer could be built with,
//! as far as `--annotation-validation` says, and so is a GatewayClass that names one of our controllers. Gateways, ListenerSets
//! and routes may be anybody's: the API server's requests about them are answered with warnings only, and only if they are known to be ours.
//!
//! Where the controller would say something in a status, the same is said here, by the same functions.

mod certificates;
mod conditions;
mod field_findings;
mod foreign_references;
pub mod gateways;
pub mod listener_rule;
mod listener_rule_authentication;
pub mod listener_sets;
pub mod load_balancer;
mod load_balancer_subnets;
pub mod owner;
pub mod routes;
mod rules;
pub mod target_group;
pub mod unread_fields;

pub use owner::{GatewayOwner, GatewaySource, gateway_of};

use super::{Admitted, Change, Denial, response};
use crate::api::gateway::{
    GATEWAY_KIND, Gateway, GatewayClass, GrpcRoute, HttpRoute, LISTENER_SET_KIND, ListenerSet, TcpRoute,
    TlsRoute, UdpRoute,
};
use crate::api::{ObjectMeta, meta::is_being_deleted};
use crate::config::{AnnotationValidation, Config};
use crate::finding::{Finding, ObjectRef, Severity};
use crate::gateway::GatewayOptions;
use crate::gateway::route::{Route, RouteKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The name of the checks in metrics.
const CHECK: &str = "fields";

fn object_ref(kind: &'static str, meta: &ObjectMeta) -> ObjectRef {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectRef { kind, namespace: text(&meta.namespace), name: text(&meta.name) }
}

/// How Gateways are read.
fn options(config: &Config) -> GatewayOptions {
    GatewayOptions {
        strict: config.features.gateway_api_strict,
        listener_sets: config.features.gateway_listener_set,
        secret_certificates: config.features.secret_certificates,
    }
}

/// Checks a new or changed LoadBalancerConfiguration, as far as the settings say.
pub fn check_load_balancer(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    change.check_object(config, CHECK, load_balancer::configuration_ref, |configuration, _| {
        load_balancer::check(config, configuration, None)
    })
}

/// Checks a new or changed TargetGroupConfiguration, as far as the settings say.
pub fn check_target_group(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    change.check_object(config, CHECK, target_group::configuration_ref, |configuration, _| {
        target_group::check(config, configuration)
    })
}

/// Checks a new or changed ListenerRuleConfiguration, as far as the settings say.
pub fn check_listener_rule(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    change.check_object(config, CHECK, listener_rule::configuration_ref, |configuration, _| {
        listener_rule::check(config, configuration)
    })
}

/// Checks a new or changed object of Gateway API. Only a GatewayClass of ours is ever refused.
pub fn check_foreign(
    config: &Config,
    change: &Change<'_>,
    source: &dyn GatewaySource,
) -> Result<Admitted, Denial> {
    if config.annotation_validation == AnnotationValidation::Off || change.is_of_no_concern() {
        return Ok(Admitted::unchanged());
    }
    let kind = change.object.get("kind").and_then(Value::as_str).unwrap_or_default();
    // why: an object that does not parse is the API server's to refuse
    let Some(OwnedFindings { object, ownership, mut findings }) = find(config, change, kind, source) else {
        return Ok(Admitted::unchanged());
    };
    match ownership {
        GatewayOwner::Ours(_) => {}
        GatewayOwner::Unknown | GatewayOwner::Others => return Ok(Admitted::unchanged()),
    }
    if kind != gateways::CLASS_KIND {
        soften(&mut findings);
    }
    response::to_response(config.annotation_validation, CHECK, &object, &findings)
}

/// What is found in an object that may be anybody's.
#[derive(Clone, Debug)]
pub struct OwnedFindings {
    /// The object, as findings name it.
    pub object: ObjectRef,
    /// Whose it is.
    pub ownership: GatewayOwner,
    /// What is wrong with it, if it is ours.
    pub findings: Vec<Finding>,
}

/// Makes a warning of each error.
pub fn soften(findings: &mut [Finding]) {
    for finding in findings {
        finding.severity = Severity::Warning;
    }
}

fn find(
    config: &Config,
    change: &Change<'_>,
    kind: &str,
    source: &dyn GatewaySource,
) -> Option<OwnedFindings> {
    fn parsed<K: kube::Resource + DeserializeOwned>(change: &Change<'_>) -> Option<K> {
        change.parse().ok().filter(|object| !is_being_deleted(object))
    }
    let object = change.object;
    match kind {
        gateways::CLASS_KIND => Some(gateways::check_class(config, &parsed::<GatewayClass>(change)?)),
        GATEWAY_KIND => Some(gateways::check_gateway(config, &parsed::<Gateway>(change)?, object, source)),
        LISTENER_SET_KIND => {
            Some(listener_sets::check_listener_set(config, &parsed::<ListenerSet>(change)?, object, source))
        }
        _ => {
            let check = |route: Route<'_>| Some(routes::check(config, &route, object, source));
            match kind.parse().ok()? {
                RouteKind::Http => check((&parsed::<HttpRoute>(change)?).into()),
                RouteKind::Grpc => check((&parsed::<GrpcRoute>(change)?).into()),
                RouteKind::Tcp => check((&parsed::<TcpRoute>(change)?).into()),
                RouteKind::Udp => check((&parsed::<UdpRoute>(change)?).into()),
                RouteKind::Tls => check((&parsed::<TlsRoute>(change)?).into()),
            }
        }
    }
}

/// What is wrong with an object of Gateway API that stands in a file; `None`: its kind is not checked.
///
/// Errors: the object is none of its kind.
pub fn check_manifest(
    config: &Config,
    object: &Value,
    source: &dyn GatewaySource,
) -> Option<Result<OwnedFindings, serde_json::Error>> {
    let change = Change::create("", object);
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let parse_error = match kind {
        gateways::CLASS_KIND => change.parse::<GatewayClass>().err(),
        GATEWAY_KIND => change.parse::<Gateway>().err(),
        LISTENER_SET_KIND => change.parse::<ListenerSet>().err(),
        _ => match kind.parse().ok()? {
            RouteKind::Http => change.parse::<HttpRoute>().err(),
            RouteKind::Grpc => change.parse::<GrpcRoute>().err(),
            RouteKind::Tcp => change.parse::<TcpRoute>().err(),
            RouteKind::Udp => change.parse::<UdpRoute>().err(),
            RouteKind::Tls => change.parse::<TlsRoute>().err(),
        },
    };
    match parse_error {
        Some(error) => Some(Err(error)),
        None => find(config, &change, kind, source).map(Ok),
    }
}

#[cfg(test)]
fn told(findings: &[Finding]) -> Vec<String> {
    let letter = |finding: &Finding| if finding.severity == Severity::Error { 'E' } else { 'W' };
    findings.iter().map(|finding| format!("{} {}", letter(finding), response::render(finding))).collect()
}

#[cfg(test)]
mod tests;
