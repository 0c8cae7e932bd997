//! Certificates that are to be issued for the hosts of an Ingress.

use super::IngressChecks;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::api::Ingress;
use crate::api::ingress_class_params::CertificateSource;
use crate::aws_api::elbv2::Protocol;
use crate::config::Config;
use crate::finding::Finding;
use crate::settings::ingress::certificates::{NO_SECRET, NO_SECRET_HINT, SOURCE};
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

/// `by_class`: what the class says of where certificates come from.
pub(super) fn of_ingress(
    checks: &IngressChecks<'_, '_>,
    ingress: &Ingress,
    by_class: Option<CertificateSource>,
    config: &Config,
) -> Vec<Finding> {
    let mut findings = requested(checks, ingress, config);
    findings.extend(from_secrets(checks, ingress, by_class, config));
    findings
}

/// What is wrong with certificates that are to come from Secrets.
fn from_secrets(
    checks: &IngressChecks<'_, '_>,
    ingress: &Ingress,
    by_class: Option<CertificateSource>,
    config: &Config,
) -> Vec<Finding> {
    let asks = checks.is(SOURCE, "secret");
    if asks && !config.features.secret_certificates {
        return checks.idle([SOURCE], "has no effect while the feature gate SecretCertificates is off");
    }
    if asks && by_class == Some(CertificateSource::Acm) {
        return checks.idle([SOURCE], "has no effect: the class takes certificates from ACM");
    }
    let is_from_secrets = asks || by_class == Some(CertificateSource::Secret);
    if !is_from_secrets || !config.features.secret_certificates {
        return Vec::new();
    }
    let mut findings = checks.idle_beside(["certificate-arn", "create-acm-cert", "acm-pca-arn"], SOURCE);
    let tls = ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
    let has_secret = |name: Option<&str>| name.is_some_and(|name| !name.is_empty());
    let names: Vec<bool> = tls.map(|tls| has_secret(tls.secret_name.as_deref())).collect();
    if names.iter().any(|named| *named) {
        let bare = names.iter().enumerate().filter(|(_, named)| !**named);
        findings.extend(bare.map(|(place, _)| {
            let problem = "has no secretName, so that no certificate is taken for its hosts";
            Finding::warning(checks.object, problem).at(format!("spec.tls[{place}]"))
        }));
    } else if asks {
        let at = checks.annotations.key(SOURCE);
        findings.push(Finding::error(checks.object, NO_SECRET).at(at).hint(NO_SECRET_HINT));
    }
    findings
}

fn requested(checks: &IngressChecks<'_, '_>, ingress: &Ingress, config: &Config) -> Vec<Finding> {
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
