//! Contradictions of Services.

use super::{IngressChecks, attributes, timeouts};
use crate::annotations::service as keys;
use crate::annotations::{Annotations, NLB_PREFIX};
use crate::api::{Service, ServicePort};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, compared};
use crate::settings::ports;
use std::collections::BTreeSet;

const SOURCE_RANGES: &str = "spec.loadBalancerSourceRanges";

/// Contradictions of a Service.
pub fn of_service(object: &ObjectRef, service: &Service, config: &Config) -> Vec<Finding> {
    let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
    let checks = IngressChecks { object, annotations: &annotations };
    let mut findings: Vec<Finding> =
        timeouts::of_service(&checks, asks_nodes(&checks, service)).into_iter().collect();
    findings.extend(idle_tls(&checks, config));
    if !config.features.secret_certificates {
        let problem = "has no effect while the feature gate SecretCertificates is off";
        findings.extend(checks.idle([keys::SSL_SECRET], problem));
    }
    findings.extend(idle_groups(&checks, service));
    findings.extend(unknown_ports(&checks, service));
    if is_by_pod(&checks) {
        let idle = [keys::TARGET_NODE_LABELS];
        findings.extend(checks.idle(idle, "has no effect with target type ip"));
    }
    findings.extend(blind_health_check(&checks, service));
    findings.extend(idle_health_check(&checks, service));
    findings.extend(idle_certificate(&checks, service));
    findings.extend(attributes::of_service(&checks, service));
    findings
}

/// Settings of health checks over HTTP, while they go over TCP.
fn idle_health_check(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let usual = if asks_nodes(checks, service) { "http" } else { "tcp" };
    let protocol = checks.annotations.string(keys::HEALTH_CHECK_PROTOCOL).unwrap_or(usual);
    if !protocol.eq_ignore_ascii_case("tcp") {
        return Vec::new();
    }
    let key = checks.annotations.key(keys::HEALTH_CHECK_PROTOCOL);
    let found = checks.idle(
        [keys::HEALTH_CHECK_PATH, keys::HEALTH_CHECK_SUCCESS_CODES],
        "has no effect: health checks speak TCP",
    );
    found.into_iter().map(|finding| finding.hint(format!("set {key}: http"))).collect()
}

/// A certificate that no listener can have.
fn idle_certificate(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let is_tcp = |port: &ServicePort| port.protocol.as_deref().unwrap_or("TCP") == "TCP";
    let ports = ports::ports(service);
    if ports.is_empty() || ports.iter().any(is_tcp) {
        return Vec::new();
    }
    checks.idle([keys::SSL_CERT, keys::SSL_SECRET], "has no effect: the Service has no TCP port")
}

fn idle_tls(checks: &IngressChecks<'_, '_>, config: &Config) -> Vec<Finding> {
    if checks.has(keys::SSL_CERT) || (checks.has(keys::SSL_SECRET) && config.features.secret_certificates) {
        return Vec::new();
    }
    let idle = [keys::SSL_POLICY, keys::ALPN_POLICY, keys::SSL_PORTS];
    let tls_to_targets = checks.is(keys::BACKEND_PROTOCOL, "ssl").then_some(keys::BACKEND_PROTOCOL);
    checks.idle_without(idle.into_iter().chain(tls_to_targets), keys::SSL_CERT)
}

fn idle_groups(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let ranges = service.spec.as_ref().and_then(|spec| spec.load_balancer_source_ranges.as_ref());
    let has_ranges = ranges.is_some_and(|ranges| !ranges.is_empty());
    let idle_ranges = |winner: &str| {
        let problem = format!("has no effect beside {}", checks.annotations.key(winner));
        has_ranges.then(|| Finding::warning(checks.object, problem).at(SOURCE_RANGES))
    };
    if checks.is_true(keys::DISABLE_SECURITY_GROUPS) {
        // why: ranges still hold at the targets, where these see the addresses of clients
        let idle =
            [keys::SECURITY_GROUPS, keys::PREFIX_LISTS, keys::ICMP_PATH_MTU, keys::PRIVATE_LINK_INBOUND];
        return checks.idle_beside(idle, keys::DISABLE_SECURITY_GROUPS);
    }
    if checks.annotations.list(keys::SECURITY_GROUPS).is_none_or(|groups| groups.is_empty()) {
        return checks.idle_without([keys::MANAGE_BACKEND_RULES], keys::SECURITY_GROUPS);
    }
    let idle = [keys::SOURCE_RANGES, keys::PREFIX_LISTS, keys::ICMP_PATH_MTU];
    let mut findings = checks.idle_beside(idle, keys::SECURITY_GROUPS);
    findings.extend(idle_ranges(keys::SECURITY_GROUPS));
    findings
}

/// Ports that the Service does not have, in lists where that is no error.
fn unknown_ports(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let known: Vec<String> =
        ports.flat_map(|port| [Some(port.port.to_string()), port.name.clone()]).flatten().collect();
    let is_known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for suffix in [keys::QUIC_PORTS, keys::PROXY_PROTOCOL_PORTS] {
        let listed = checks.annotations.list(suffix).unwrap_or_default();
        let unknown = listed.iter().filter(|port| !is_known.contains(port.as_str()));
        for (at, port) in unknown.enumerate() {
            let problem = format!("{port:?} has no effect: the Service has no such port");
            let finding = Finding::warning(checks.object, problem).at(checks.annotations.key(suffix));
            findings.push(finding.suggest(port, compared(at, known.iter().map(String::as_str))));
        }
    }
    findings
}

/// Whether health checks ask nodes for their pods.
fn asks_nodes(checks: &IngressChecks<'_, '_>, service: &Service) -> bool {
    let policy = service.spec.as_ref().and_then(|spec| spec.external_traffic_policy.as_deref());
    policy == Some("Local") && !is_by_pod(checks)
}

/// Whether pods are the targets.
fn is_by_pod(checks: &IngressChecks<'_, '_>) -> bool {
    checks.is(keys::TARGET_TYPE, "ip") || checks.is(keys::TYPE, "nlb-ip")
}

/// With `externalTrafficPolicy: Local` every node accepts TCP, whether it has a pod or not.
fn blind_health_check(checks: &IngressChecks<'_, '_>, service: &Service) -> Option<Finding> {
    let protocol = checks.annotations.string(keys::HEALTH_CHECK_PROTOCOL)?;
    let is_blind = asks_nodes(checks, service)
        && protocol.eq_ignore_ascii_case("tcp")
        && !checks.has(keys::HEALTH_CHECK_PORT);
    let problem = "nodes without a pod may count as healthy with externalTrafficPolicy: Local";
    is_blind.then(|| {
        let finding = Finding::warning(checks.object, problem);
        finding.at(checks.annotations.key(keys::HEALTH_CHECK_PROTOCOL))
    })
}
