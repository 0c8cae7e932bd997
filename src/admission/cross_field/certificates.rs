//! Certificates that are to be issued for the hosts of an Ingress.

use super::IngressChecks;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::api::Ingress;
use crate::aws_api::elbv2::Protocol;
use crate::config::Config;
use crate::finding::Finding;
use std::collections::BTreeSet;

const SUFFIX: &str = "create-acm-cert";
/// Names of a certificate, unless AWS raises the quota.
/// Source: <https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html>
const USUAL_NAMES: usize = 10;
const MAX_NAMES: usize = 100;
/// Length of the first name, which becomes the common name.
/// Source: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
const MAX_COMMON_NAME: usize = 64;
const MAX_NAME: usize = 253;

pub(super) fn of_ingress(checks: &IngressChecks<'_, '_>, ingress: &Ingress, config: &Config) -> Vec<Finding> {
    if !checks.is_true(SUFFIX) {
        return checks.idle_without(["acm-pca-arn"], SUFFIX);
    }
    if !config.features.enable_certificate_management {
        return checks.idle([SUFFIX], "has no effect while certificate management is off");
    }
    let mut findings = Vec::new();
    if checks.has("certificate-arn") {
        findings.extend(checks.idle_beside([SUFFIX], "certificate-arn"));
    }
    let ports = parse_listen_ports(checks.annotations).ok().flatten();
    if ports.is_some_and(|ports| ports.values().all(|protocol| *protocol == Protocol::Http)) {
        findings.push(checks.warn(SUFFIX, "has no effect without an HTTPS listener"));
    }
    findings.extend(problems(ingress).into_iter().map(|problem| checks.warn(SUFFIX, problem)));
    findings
}

/// Why AWS may not issue a certificate for the hosts.
fn problems(ingress: &Ingress) -> Vec<String> {
    let hosts = hosts(ingress);
    let mut problems: Vec<String> = hosts.iter().filter_map(|host| problem_of(host)).collect();
    if hosts.len() > MAX_NAMES {
        problems.push(format!("needs a certificate for {} hosts, expected at most {MAX_NAMES}", hosts.len()));
    } else if hosts.len() > USUAL_NAMES {
        problems.push(format!(
            "needs a certificate for {} hosts, and AWS's usual limit is {USUAL_NAMES}",
            hosts.len()
        ));
    }
    if let Some(first) = hosts.first().filter(|host| host.len() > MAX_COMMON_NAME) {
        let length = first.len();
        problems.push(format!(
            "{first:?} is the first name of the certificate and has {length} characters, expected at most {MAX_COMMON_NAME}"
        ));
    }
    problems
}

fn hosts(ingress: &Ingress) -> BTreeSet<&str> {
    let Some(spec) = &ingress.spec else { return BTreeSet::new() };
    let of_rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref());
    let of_tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten().map(String::as_str));
    of_rules.filter(|host| !host.is_empty()).chain(of_tls).collect()
}

fn problem_of(host: &str) -> Option<String> {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let problem = if name.is_empty() {
        "is empty"
    } else if host.len() > MAX_NAME {
        "is longer than 253 characters"
    } else if name.contains('*') {
        "has a wildcard that is not its first label"
    } else if !name.contains('.') {
        "is a single label"
    } else {
        return None;
    };
    Some(format!("no certificate can be issued for {host:?}: it {problem}"))
}
