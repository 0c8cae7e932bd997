//! What an Ingress says of listeners that it does not have.

use super::IngressChecks;
use crate::annotations::ALB_PREFIX;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::api::{Ingress, IngressClassParams};
use crate::aws_api::elbv2::Protocol;
use crate::finding::{Finding, compared, enumerate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type ListenerPorts = BTreeMap<i32, Protocol>;

/// The listeners of an Ingress that is alone; `None`: they cannot be read.
fn ports_of(checks: &IngressChecks<'_, '_>, params: Option<&IngressClassParams>) -> Option<ListenerPorts> {
    let by_class = params.and_then(|params| params.spec.certificate_arn.as_ref());
    let has_certificate = checks.has("certificate-arn") || by_class.is_some_and(|arns| !arns.is_empty());
    let usual = if has_certificate { (443, Protocol::Https) } else { (80, Protocol::Http) };
    Some(parse_listen_ports(checks.annotations).ok()?.unwrap_or_else(|| ListenerPorts::from([usual])))
}

/// Settings of listeners that there are not.
pub(super) fn of_ingress(
    checks: &IngressChecks<'_, '_>,
    ingress: &Ingress,
    params: Option<&IngressClassParams>,
) -> Vec<Finding> {
    let Some(ports) = ports_of(checks, params) else { return Vec::new() };
    let mut findings = log_in(checks, &ports);
    findings.extend(mutual_tls(checks, &ports));
    if !has_https(&ports) {
        findings.extend(
            checks.idle(["certificate-arn", "ssl-policy"], "has no effect without an HTTPS listener"),
        );
    }
    if !ports.is_empty() && !ports.values().any(|protocol| *protocol == Protocol::Http) {
        let problem = "has no effect: there is no HTTP listener whose requests could be redirected";
        findings.extend(checks.idle(["ssl-redirect"], problem));
    }
    findings.extend(listener_attributes(checks, ingress, &ports));
    findings.extend(frontend_ports(checks, &ports));
    findings.extend(protocol_version(checks, &ports));
    if ports.is_empty() {
        findings.push(checks.warn("listen-ports", "names no port, so there is no listener"));
    }
    findings
}

fn has_https(ports: &ListenerPorts) -> bool {
    ports.values().any(|protocol| *protocol == Protocol::Https)
}

fn log_in(checks: &IngressChecks<'_, '_>, ports: &ListenerPorts) -> Vec<Finding> {
    if has_https(ports) {
        return Vec::new();
    }
    let log_in = checks.annotations.string("auth-type").filter(|kind| *kind != "none").map(|_| "auth-type");
    checks.idle(log_in.into_iter().chain(["jwt-validation"]), "has no effect without an HTTPS listener")
}

fn protocol_version(checks: &IngressChecks<'_, '_>, ports: &ListenerPorts) -> Option<Finding> {
    let is_grpc = checks.is("backend-protocol-version", "GRPC");
    let problem = "gRPC needs an HTTPS listener, and there is none";
    (is_grpc && !has_https(ports)).then(|| checks.warn("backend-protocol-version", problem))
}

fn mutual_tls(checks: &IngressChecks<'_, '_>, ports: &ListenerPorts) -> Vec<Finding> {
    const SUFFIX: &str = "mutual-authentication";
    let entries = checks.annotations.string(SUFFIX).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let entries = entries.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let number = |entry: &Value| {
        let fields = entry.as_object()?;
        let (_, port) = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case("port"))?;
        i32::try_from(port.as_i64()?).ok()
    };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for port in entries.iter().filter_map(number) {
        if !seen.insert(port) {
            let problem = format!("port {port} is listed twice, expected it once");
            findings.push(Finding::error(checks.object, problem).at(checks.annotations.key(SUFFIX)));
        } else if ports.get(&port) != Some(&Protocol::Https) {
            let problem = format!("the entry for port {port} has no effect: no HTTPS listener is on it");
            findings.push(checks.warn(SUFFIX, problem));
        }
    }
    findings
}

fn listener_attributes(
    checks: &IngressChecks<'_, '_>,
    ingress: &Ingress,
    ports: &ListenerPorts,
) -> Vec<Finding> {
    let prefix = format!("{ALB_PREFIX}/listener-attributes.");
    let known: BTreeSet<String> = ports.iter().map(|(port, protocol)| format!("{protocol}-{port}")).collect();
    let shown = enumerate(ports.iter().map(|(port, protocol)| format!("{protocol}-{port}")));
    let keys = ingress.metadata.annotations.iter().flatten().map(|(key, _)| key);
    let named = keys.filter_map(|key| Some((key, key.strip_prefix(&prefix)?)));
    named
        .filter(|(_, name)| !known.contains(*name))
        .enumerate()
        .map(|(at, (key, name))| {
            let problem = format!("has no effect: there is no listener {name:?}, but {shown}");
            let finding = Finding::warning(checks.object, problem).at(key.as_str());
            finding.suggest(name, compared(at, known.iter().map(String::as_str)))
        })
        .collect()
}

fn frontend_ports(checks: &IngressChecks<'_, '_>, ports: &ListenerPorts) -> Vec<Finding> {
    const SUFFIX: &str = "frontend-nlb-listener-port-mapping";
    let mapping = checks.annotations.map(SUFFIX).ok().flatten().unwrap_or_default();
    let lost = mapping.into_values().filter_map(|to| to.parse::<i32>().ok());
    lost.filter(|to| !ports.contains_key(to))
        .map(|to| checks.warn(SUFFIX, format!("leads to port {to}, where no listener is")))
        .collect()
}
