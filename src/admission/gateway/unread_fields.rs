//! Fields of Gateway API that this controller does not read, so that they have no effect.

use super::field_findings::FieldFindings;
use serde_json::Value;

/// A field that nothing reads.
struct UnreadField {
    kinds: &'static [&'static str],
    /// Its path, `[]` after the name of a list.
    path: &'static str,
    /// What is said of it; `None`: nothing is lost without it, or something else says more.
    problem: Option<&'static str>,
}

/// Read with the feature gate `SecretCertificates`.
const CERTIFICATE_REFS: &str = "spec.listeners[].tls.certificateRefs";
const GATEWAY: &[&str] = &["Gateway"];
const WITH_LISTENERS: &[&str] = &["Gateway", "ListenerSet"];
const CLASS: &[&str] = &["GatewayClass"];
const HTTP: &[&str] = &["HTTPRoute"];
const GRPC: &[&str] = &["GRPCRoute"];
const L7: &[&str] = &["HTTPRoute", "GRPCRoute"];
const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"];

const fn field(
    kinds: &'static [&'static str],
    path: &'static str,
    problem: Option<&'static str>,
) -> UnreadField {
    UnreadField { kinds, path, problem }
}

const FIELDS: &[UnreadField] = &[
    field(CLASS, "spec.description", None),
    field(
        GATEWAY,
        "spec.addresses",
        Some(
            "has no effect: AWS gives the load balancer its addresses; static ones are in a LoadBalancerConfiguration",
        ),
    ),
    field(
        GATEWAY,
        "spec.tls",
        Some(
            "has no effect: client certificates are settings of a LoadBalancerConfiguration (mutualAuthentication)",
        ),
    ),
    field(GATEWAY, "spec.defaultScope", Some("has no effect: routes attach to Gateways that they name")),
    field(
        WITH_LISTENERS,
        CERTIFICATE_REFS,
        Some(
            "has no effect: certificates are those of ACM for the hosts, or those that a LoadBalancerConfiguration names",
        ),
    ),
    field(
        WITH_LISTENERS,
        "spec.listeners[].tls.options",
        Some("has no effect: a LoadBalancerConfiguration has settings of TLS"),
    ),
    field(
        WITH_LISTENERS,
        "spec.listeners[].tls.frontendValidation",
        Some(
            "has no effect: client certificates are settings of a LoadBalancerConfiguration (mutualAuthentication)",
        ),
    ),
    field(ROUTES, "spec.useDefaultGateways", Some("has no effect: name the Gateway in parentRefs")),
    field(ROUTES, "spec.rules[].name", None),
    field(
        HTTP,
        "spec.rules[].timeouts",
        Some("has no effect: ALBs have an idle timeout, an attribute of the load balancer"),
    ),
    field(HTTP, "spec.rules[].retry", Some("has no effect: ALBs do not repeat requests")),
    field(
        L7,
        "spec.rules[].sessionPersistence",
        Some("has no effect: stickiness is an attribute of target groups, in a TargetGroupConfiguration"),
    ),
    field(L7, "spec.rules[].filters[].requestHeaderModifier", None),
    field(L7, "spec.rules[].filters[].responseHeaderModifier", None),
    field(L7, "spec.rules[].filters[].requestMirror", None),
    field(HTTP, "spec.rules[].filters[].cors", None),
    field(HTTP, "spec.rules[].filters[].externalAuth", None),
    field(HTTP, "spec.rules[].filters[].requestRedirect.path.type", None),
    field(HTTP, "spec.rules[].filters[].urlRewrite.path.type", None),
    field(L7, "spec.rules[].backendRefs[].filters[].requestHeaderModifier", None),
    field(L7, "spec.rules[].backendRefs[].filters[].responseHeaderModifier", None),
    field(L7, "spec.rules[].backendRefs[].filters[].requestMirror", None),
    field(HTTP, "spec.rules[].backendRefs[].filters[].cors", None),
    field(HTTP, "spec.rules[].backendRefs[].filters[].externalAuth", None),
    field(HTTP, "spec.rules[].backendRefs[].filters[].requestRedirect.path.type", None),
    field(HTTP, "spec.rules[].backendRefs[].filters[].urlRewrite.path.type", None),
    field(GRPC, "spec.rules[].filters[].cors", None),
];

/// Says of fields that nothing reads that they have no effect.
pub(super) fn check(findings: &mut FieldFindings<'_>, kind: &str, object: &Value) {
    for field in FIELDS.iter().filter(|field| field.kinds.contains(&kind)) {
        let Some(problem) = field.problem else { continue };
        if field.path == CERTIFICATE_REFS && findings.config.features.secret_certificates {
            continue;
        }
        for (place, value) in places(object, field.path) {
            if !is_empty(value) {
                findings.warn(&place, problem);
            }
        }
    }
}

/// Whether a kind has a field, although nothing reads it. `path`: with or without the places in lists.
pub fn is_unread(kind: &str, path: &str) -> bool {
    let path: String = path.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    FIELDS.iter().any(|field| field.kinds.contains(&kind) && field.path == path)
}

/// Where fields of a path stand in an object, with their values. `[]` after a name stands for each item of a list.
pub fn places<'v>(object: &'v Value, path: &str) -> Vec<(String, &'v Value)> {
    let mut found = vec![(String::new(), object)];
    for part in path.split('.') {
        let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
        let mut next = Vec::new();
        for (place, value) in found {
            let Some(value) = value.get(name).filter(|value| !value.is_null()) else { continue };
            let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            match value.as_array().filter(|_| is_list) {
                Some(items) => {
                    let items = items.iter().enumerate();
                    next.extend(items.map(|(index, item)| (format!("{place}[{index}]"), item)));
                }
                None if !is_list => next.push((place, value)),
                None => {}
            }
        }
        found = next;
    }
    found
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests;
