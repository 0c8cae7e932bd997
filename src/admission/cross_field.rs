//! What one object contradicts itself in: each value is right on its own, the builder passes them on, AWS refuses them
//! together; or one of them has no effect.

mod attributes;
mod authentication;
mod certificates;
mod listeners;
mod rules;
mod service;
mod timeouts;

pub use service::of_service;

use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::annotations::ingress::of as ingress_annotations;
use crate::annotations::{ALB_PREFIX, Annotations};
use crate::api::{Ingress, IngressClassParams};
use crate::aws_api::elbv2::Protocol;
use crate::config::Config;
use crate::facts::group::{USE_ANNOTATION, backends};
use crate::finding::{Finding, ObjectRef, compared, nearest};
use crate::settings::ingress::MISSING_ACTION;
use std::collections::{BTreeMap, BTreeSet};

/// Length of a label's value, which the name of an Ingress on its own becomes.
const MAX_LABEL: usize = 63;

/// Contradictions of an Ingress. `is_alone`: it has no group that others could be in.
pub fn of_ingress(
    object: &ObjectRef,
    ingress: &Ingress,
    params: Option<&IngressClassParams>,
    is_alone: bool,
    config: &Config,
) -> Vec<Finding> {
    let annotations = ingress_annotations(ingress.metadata.annotations.as_ref());
    let checks = IngressChecks { object, annotations: &annotations };
    let mut findings = timeouts::of_ingress(&checks, is_alone);
    findings.extend(checks.codes_of_version());
    if annotations.string("wafv2-acl-name").is_some_and(|name| !name.is_empty()) {
        findings.extend(checks.idle_beside(["wafv2-acl-arn"], "wafv2-acl-name"));
    }
    if checks.has("waf-acl-id") {
        findings.extend(checks.idle_beside(["web-acl-id"], "waf-acl-id"));
    }
    findings.extend(checks.two_firewalls());
    findings.extend(authentication::of_ingress(&checks));
    if annotations.list("security-groups").is_some_and(|groups| !groups.is_empty()) {
        findings
            .extend(checks.idle_beside(["inbound-cidrs", "security-group-prefix-lists"], "security-groups"));
    }
    if params.is_none() {
        findings.extend(checks.missing_certificate(ingress, is_alone, config));
    }
    if is_alone {
        findings.extend(listeners::of_ingress(&checks, ingress, params));
        findings.extend(long_name(object));
        findings.extend(checks.idle_without(["manage-backend-security-group-rules"], "security-groups"));
        findings.extend(checks.idle(["group.order"], "has no effect: the Ingress is in no group"));
    }
    findings.extend(checks.idle_patterns(ingress));
    findings.extend(checks.idle_targets());
    let by_class = params.and_then(|params| params.spec.certificate_source);
    findings.extend(certificates::of_ingress(&checks, ingress, by_class, config));
    findings.extend(checks.idle_inbound());
    findings.extend(rules::of_ingress(&checks, ingress));
    findings.extend(missing_actions(object, ingress));
    findings
}

struct IngressChecks<'c, 'a> {
    object: &'c ObjectRef,
    annotations: &'c Annotations<'a>,
}

impl IngressChecks<'_, '_> {
    fn has(&self, suffix: &str) -> bool {
        self.annotations.string(suffix).is_some()
    }

    fn is(&self, suffix: &str, value: &str) -> bool {
        self.annotations.string(suffix) == Some(value)
    }

    fn is_true(&self, suffix: &str) -> bool {
        self.annotations.boolean(suffix) == Ok(Some(true))
    }

    fn warn(&self, suffix: &str, problem: impl Into<String>) -> Finding {
        Finding::warning(self.object, problem).at(self.annotations.key(suffix))
    }

    fn idle_without<'s>(&self, idle: impl IntoIterator<Item = &'s str>, missing: &str) -> Vec<Finding> {
        let problem = format!("has no effect without {}", self.annotations.key(missing));
        self.idle(idle, &problem)
    }

    fn idle_beside<'s>(&self, idle: impl IntoIterator<Item = &'s str>, winner: &str) -> Vec<Finding> {
        let problem = format!("has no effect beside {}", self.annotations.key(winner));
        self.idle(idle, &problem)
    }

    fn idle<'s>(&self, idle: impl IntoIterator<Item = &'s str>, problem: &str) -> Vec<Finding> {
        let present = idle.into_iter().filter(|suffix| self.has(suffix));
        present
            .map(|suffix| Finding::warning(self.object, problem).at(self.annotations.key(suffix)))
            .collect()
    }

    /// gRPC has status codes of its own.
    fn codes_of_version(&self) -> Option<Finding> {
        let codes = self.annotations.string("success-codes")?;
        let is_grpc = self.is("backend-protocol-version", "GRPC");
        let numbers = || codes.split([',', '-']).filter_map(|code| code.trim().parse::<u32>().ok());
        let is_wrong = |code: u32| if is_grpc { code > 99 } else { code < 200 };
        if !numbers().any(is_wrong) {
            return None;
        }
        let (version, expected) = if is_grpc { ("gRPC", "0 to 99") } else { ("HTTP", "200 to 499") };
        let problem = format!("{codes:?} are not status codes of {version}, expected {expected}");
        // why: the version may be that of a Service behind the Ingress
        let finding = if is_grpc {
            Finding::error(self.object, problem)
        } else {
            Finding::warning(self.object, problem)
        };
        Some(finding.at(self.annotations.key("success-codes")))
    }

    fn idle_targets(&self) -> Vec<Finding> {
        let is_ip = self.is("target-type", "ip");
        self.idle(is_ip.then_some("target-node-labels"), "has no effect with target type ip")
    }

    /// Paths are read as regular expressions only where their type leaves it open.
    fn idle_patterns(&self, ingress: &Ingress) -> Vec<Finding> {
        let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
        let mut paths = rules.flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths));
        let is_used = paths.any(|path| path.path_type == "ImplementationSpecific");
        let idle = (self.is_true("use-regex-path-match") && !is_used).then_some("use-regex-path-match");
        self.idle(idle, "has no effect: no path is of type ImplementationSpecific")
    }

    /// AWS lets a load balancer have a web ACL of either kind, not of both.
    fn two_firewalls(&self) -> Option<Finding> {
        let given =
            |suffix: &&str| self.annotations.string(suffix).is_some_and(|acl| !matches!(acl, "" | "none"));
        let modern = ["wafv2-acl-arn", "wafv2-acl-name"].into_iter().find(given)?;
        let classic = ["waf-acl-id", "web-acl-id"].into_iter().find(given)?;
        let problem = format!("cannot be used beside {}", self.annotations.key(modern));
        Some(self.warn(classic, problem))
    }

    /// why: security groups take them, but nobody comes from there.
    fn idle_inbound(&self) -> Option<Finding> {
        let is_dual = self.annotations.string("ip-address-type").is_some_and(|kind| kind != "ipv4");
        let cidrs = self.annotations.list("inbound-cidrs").unwrap_or_default();
        let wide = cidrs.into_iter().find(|cidr| cidr.contains(':')).filter(|_| !is_dual)?;
        let problem = format!("IPv6 range {wide} has no effect on a load balancer without IPv6");
        Some(self.warn("inbound-cidrs", problem))
    }

    /// AWS refuses an HTTPS listener without a certificate.
    fn missing_certificate(&self, ingress: &Ingress, is_alone: bool, config: &Config) -> Option<Finding> {
        let ports = parse_listen_ports(self.annotations).ok().flatten()?;
        let wants_tls = ports.values().any(|protocol| *protocol == Protocol::Https);
        let is_made = config.features.enable_certificate_management && self.is_true("create-acm-cert");
        let is_given = self.annotations.list("certificate-arn").is_some_and(|arns| !arns.is_empty());
        let is_from_secrets = config.features.secret_certificates && self.is("certificate-source", "secret");
        if !wants_tls || is_made || is_given || is_from_secrets || has_hosts(ingress) {
            return None;
        }
        let problem = "asks for HTTPS, but there is no certificate and no host to find one for";
        let hint = format!("set {} or name hosts", self.annotations.key("certificate-arn"));
        let finding = if is_alone {
            Finding::error(self.object, problem)
        } else {
            Finding::warning(self.object, problem)
        };
        Some(finding.at(self.annotations.key("listen-ports")).hint(hint))
    }
}

/// why: an Ingress on its own gives its name to a label, and a longer one cannot be deployed.
fn long_name(object: &ObjectRef) -> Option<Finding> {
    let length = object.name.len();
    let problem = format!("the name has {length} characters, expected at most {MAX_LABEL}");
    (length > MAX_LABEL).then(|| Finding::error(object, problem).at("metadata.name"))
}

fn has_hosts(ingress: &Ingress) -> bool {
    let Some(spec) = &ingress.spec else { return false };
    let by_rule =
        spec.rules.iter().flatten().any(|rule| rule.host.as_ref().is_some_and(|host| !host.is_empty()));
    by_rule || spec.tls.iter().flatten().any(|tls| tls.hosts.as_ref().is_some_and(|hosts| !hosts.is_empty()))
}

/// Names of backends, with whether an annotation says what they do.
fn backend_names(ingress: &Ingress) -> BTreeMap<&str, bool> {
    let mut names = BTreeMap::new();
    for service in backends(ingress).into_iter().filter_map(|backend| backend.service.as_ref()) {
        let by_annotation =
            service.port.as_ref().and_then(|port| port.name.as_deref()) == Some(USE_ANNOTATION);
        *names.entry(service.name.as_str()).or_default() |= by_annotation;
    }
    names
}

/// why: a warning, because a missing action answers 503 unless the controller is told to be strict, which its build tells.
fn missing_actions(object: &ObjectRef, ingress: &Ingress) -> Vec<Finding> {
    let annotations = ingress_annotations(ingress.metadata.annotations.as_ref());
    let names = backend_names(ingress);
    let is_given = |name: &str| annotations.string(&format!("actions.{name}")).is_some();
    let missing = names.iter().filter(|(name, by_annotation)| **by_annotation && !is_given(name));
    let given: Vec<&str> = named_suffixes(ingress, "actions").map(|(_, name)| name).collect();
    missing
        .enumerate()
        .map(|(at, (name, _))| {
            let key = annotations.key(&format!("actions.{name}"));
            let finding = Finding::warning(object, MISSING_ACTION).at(key);
            finding.suggest(name, compared(at, given.iter().copied()))
        })
        .collect()
}

/// Keys whose name or port nothing of the Ingress has, and why they have no effect.
pub fn unused_keys(ingress: &Ingress, is_alone: bool) -> BTreeMap<String, String> {
    let names = backend_names(ingress);
    let by_annotation: BTreeSet<&str> = names.iter().filter(|(_, by)| **by).map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = names.keys().copied().collect();
    let mut unused = BTreeMap::new();
    for (family, known) in [("actions", &by_annotation), ("conditions", &all), ("transforms", &all)] {
        let idle = named_suffixes(ingress, family).filter(|(_, name)| !known.contains(name));
        for (at, (key, name)) in idle.enumerate() {
            let meant = nearest(name, compared(at, known.iter().copied()));
            let meant = meant.map(|right| format!("; did you mean `{right}`?"));
            let problem =
                format!("has no effect: no backend refers to {name:?}{}", meant.unwrap_or_default());
            unused.insert(key.to_owned(), problem);
        }
    }
    if is_alone {
        unused.extend(unused_frontend(ingress));
    }
    unused
}

fn unused_frontend(ingress: &Ingress) -> BTreeMap<String, String> {
    let annotations = ingress_annotations(ingress.metadata.annotations.as_ref());
    // why: a flag that cannot be read is told as such
    if annotations.boolean("enable-frontend-nlb").map_or(true, Option::unwrap_or_default) {
        return BTreeMap::new();
    }
    let prefix = annotations.key("frontend-nlb-");
    let keys = ingress.metadata.annotations.iter().flatten().map(|(key, _)| key);
    let problem = format!("has no effect without {}: \"true\"", annotations.key("enable-frontend-nlb"));
    keys.filter(|key| key.starts_with(&prefix)).map(|key| (key.clone(), problem.clone())).collect()
}

/// Whole keys of a family, with the name after the dot.
fn named_suffixes<'i>(ingress: &'i Ingress, family: &str) -> impl Iterator<Item = (&'i str, &'i str)> {
    let prefix = format!("{ALB_PREFIX}/{family}.");
    let keys = ingress.metadata.annotations.iter().flatten().map(|(key, _)| key.as_str());
    keys.filter_map(move |key| Some((key, key.strip_prefix(&prefix)?)))
}

#[cfg(test)]
mod tests;
