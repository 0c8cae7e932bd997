//! Everything that is wrong with an object, at once.
//!
//! Three sources: the annotation table (each value on its own), the real builder in an AWS account that holds everything (what
//! the values mean together), and what one object can contradict itself in that only AWS would notice. What cannot be built is
//! an error, and so is a wrong value that the build would take as absent. What nothing reads is a warning.

use super::dry_build::{self, DryBuild, DryBuildOptions};
use super::group::leave_to_group;
use super::permissive_facts::KnownServices;
use super::{annotation_keys, backend_services, cross_field, disruption, limits, region};
use crate::annotations::table::{self, Row};
use crate::annotations::value::ValueFinding;
use crate::annotations::{ALB_PREFIX, Annotations, NLB_PREFIX, service as service_keys};
use crate::api::meta::is_being_deleted;
use crate::api::{Ingress, IngressClassParams, Service};
use crate::config::Config;
use crate::facts::object_refs::{ingress_ref, service_ref};
use crate::finding::{Finding, ObjectRef, Severity, shorten};
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known about the class of an Ingress.
#[derive(Clone, Debug, Default)]
pub enum KnownClass {
    /// It has no parameters.
    #[default]
    Plain,
    /// Its parameters.
    Params(Arc<IngressClassParams>),
    /// It has parameters that are not known.
    Unknown,
}

/// What is wrong with a Service. `old`: what it was before, in an update.
pub fn check_service(config: &Config, service: &Service, old: Option<&Service>) -> Vec<Finding> {
    check_service_among(config, service, old, &Arc::default())
}

/// What is wrong with a Service beside others that are known; those that are not known are taken to fit.
pub fn check_service_among(
    config: &Config,
    service: &Service,
    old: Option<&Service>,
    others: &Arc<KnownServices>,
) -> Vec<Finding> {
    let object = service_ref(service);
    let annotations = service.metadata.annotations.as_ref();
    let mut findings = annotation_keys::check(&object, annotations);
    if !settings::service::is_selected(service, config) {
        findings.extend(check_values_of(&object, annotations, ALB_PREFIX));
        findings.extend(why_not_ours(&object, service));
        findings.extend(old.and_then(|old| disruption::stops_being_managed(&object, old, service, config)));
        findings.extend(old.and_then(|old| disruption::becomes_load_balancer(&object, old, service, config)));
        findings.extend(backend_services::of_service(&object, service));
        return findings;
    }
    let judged = check_values(&object, annotations, NLB_PREFIX, config);
    let options =
        DryBuildOptions { config, is_new: old.is_none(), others, invalid_keys: &invalid_keys(&judged) };
    let dry_build = dry_build::dry_build_service(service, &options);
    findings.extend(merge(judged, &dry_build, &BTreeSet::new(), true));
    findings.extend(check_values_of(&object, annotations, ALB_PREFIX));
    findings.extend(cross_field::of_service(&object, service, config));
    findings.extend(limits::of_service(&object, service, dry_build.stack.as_ref()));
    findings.extend(backend_services::of_service(&object, service));
    if let Some(old) = old {
        findings.extend(disruption::of_service_update(&object, old, service, config));
    }
    without_repetitions(findings)
}

/// What is wrong with an Ingress of ours. `old`: what it was before, in an update.
pub fn check_ingress(
    config: &Config,
    ingress: &Ingress,
    class: &KnownClass,
    old: Option<&Ingress>,
) -> Vec<Finding> {
    check_ingress_among(config, ingress, class, old, &Arc::default())
}

/// What is wrong with an Ingress of ours beside Services that are known; those that are not known are taken to fit.
pub fn check_ingress_among(
    config: &Config,
    ingress: &Ingress,
    class: &KnownClass,
    old: Option<&Ingress>,
    services: &Arc<KnownServices>,
) -> Vec<Finding> {
    let object = ingress_ref(ingress);
    let annotations = ingress.metadata.annotations.as_ref();
    let mut findings = annotation_keys::check(&object, annotations);
    findings.extend(disruption::controllers_own(&object, old, ingress));
    let params = match class {
        KnownClass::Plain => None,
        KnownClass::Params(params) => Some(params.clone()),
        KnownClass::Unknown => {
            findings.extend(check_values_of(&object, annotations, ALB_PREFIX));
            return findings;
        }
    };
    let is_alone = is_alone(ingress, params.as_deref());
    let judged = check_values(&object, annotations, ALB_PREFIX, config);
    let options = DryBuildOptions {
        config,
        is_new: old.is_none(),
        others: services,
        invalid_keys: &invalid_keys(&judged),
    };
    let dry_build = dry_build::dry_build_ingress(ingress, params.as_ref(), &options);
    let unused = cross_field::unused_keys(ingress, is_alone);
    let unused_keys = unused.keys().cloned().collect();
    findings.extend(merge(judged, &dry_build, &unused_keys, is_alone));
    findings.extend(cross_field::of_ingress(&object, ingress, params.as_deref(), is_alone, config));
    findings.extend(limits::of_ingress(&object, ingress, dry_build.stack.as_ref(), is_alone));
    findings.extend(unused.into_iter().map(|(key, problem)| Finding::warning(&object, problem).at(key)));
    if let Some(old) = old {
        findings.extend(disruption::of_ingress_update(&object, old, ingress, params.as_ref(), config));
    }
    without_repetitions(findings)
}

/// What the table says about each value, and the region about each ARN.
fn check_values(
    object: &ObjectRef,
    annotations: Option<&BTreeMap<String, String>>,
    prefix: &str,
    config: &Config,
) -> Vec<Finding> {
    let mut judged = Vec::new();
    for (key, value) in annotations.into_iter().flatten() {
        let Some(row) = table::find(key).filter(|row| row.prefix == prefix && row.is_read_from(object.kind))
        else {
            continue;
        };
        let value_findings = row.value.check(key, value).into_iter().chain(region::check(value, config));
        judged.extend(value_findings.map(|value_finding| to_finding(object, key, value_finding, row)));
    }
    judged
}

/// What the table says about the values of an object that nothing is built of.
pub fn check_values_of(
    object: &ObjectRef,
    annotations: Option<&BTreeMap<String, String>>,
    prefix: &str,
) -> Vec<Finding> {
    check_values(object, annotations, prefix, &Config::default())
}

/// Annotations that cannot be built, if anything reads them.
fn invalid_keys(judged: &[Finding]) -> BTreeSet<String> {
    let errors = judged.iter().filter(|finding| finding.severity == Severity::Error);
    errors.filter_map(|finding| finding.field.clone()).collect()
}

fn to_finding(object: &ObjectRef, key: &str, value_finding: ValueFinding, row: &Row) -> Finding {
    let ValueFinding { severity, problem, hint } = value_finding;
    let (severity, message) = match severity {
        // why: the controller would build without it, which is not what is asked for
        Severity::Error if row.is_lenient => (severity, format!("{problem}; it would count as absent")),
        severity => (severity, problem),
    };
    let hint = hint.map(shorten);
    Finding { severity, hint, ..Finding::error(object, message).at(key) }
}

/// The table's findings and the builder's. Only what is read can prevent a build.
///
/// `is_alone`: no other member of a group can bring what is missing.
fn merge(
    judged: Vec<Finding>,
    dry_build: &DryBuild,
    unused: &BTreeSet<String>,
    is_alone: bool,
) -> Vec<Finding> {
    let mut findings = judged;
    let is_idle = |field: &String| dry_build.unread.contains(field) || unused.contains(field);
    // why: the builder says why nothing reads it
    let is_explained = |field: &String| {
        dry_build.unread.contains(field)
            && dry_build.findings.iter().any(|finding| finding.field.as_ref() == Some(field))
    };
    findings.retain(|finding| !finding.field.as_ref().is_some_and(is_explained));
    for finding in findings.iter_mut().filter(|finding| finding.field.as_ref().is_some_and(is_idle)) {
        finding.severity = Severity::Warning;
    }
    let told: BTreeSet<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .filter_map(|f| f.field.clone())
        .collect();
    let is_new = |finding: &&Finding| finding.field.as_ref().is_none_or(|field| !told.contains(field));
    let built = dry_build.findings.iter().filter(is_new).cloned();
    findings.extend(built.map(|finding| if is_alone { finding } else { leave_to_group(finding) }));
    findings
}

/// Whether an Ingress is in no group that others could be in.
fn is_alone(ingress: &Ingress, params: Option<&IngressClassParams>) -> bool {
    let by_class = params.is_some_and(|params| params.spec.group.is_some());
    let annotations = Annotations::new(ALB_PREFIX, ingress.metadata.annotations.as_ref());
    !by_class && annotations.string("group.name").is_none()
}

/// A Service that looks as if it should be ours.
fn why_not_ours(object: &ObjectRef, service: &Service) -> Option<Finding> {
    let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
    let has_class = service.spec.as_ref().is_some_and(|spec| spec.load_balancer_class.is_some());
    let by_type = annotations.string(service_keys::TYPE)?;
    let is_meant = by_type.eq_ignore_ascii_case("external") || by_type.eq_ignore_ascii_case("nlb-ip");
    if has_class || !is_meant || is_being_deleted(service) {
        return None;
    }
    let (key, problem) = if by_type == "external" {
        let target_type = annotations.string(service_keys::TARGET_TYPE);
        let problem = match target_type {
            Some(value) => format!("{value:?} is not one of ip or instance, so the Service is left alone"),
            None => "is missing, so the Service is left alone".to_owned(),
        };
        (annotations.key(service_keys::TARGET_TYPE), problem)
    } else {
        let problem = format!("{by_type:?} is not one of external or nlb-ip, so the Service is left alone");
        (annotations.key(service_keys::TYPE), problem)
    };
    Some(Finding::warning(object, problem).at(key).hint("set spec.loadBalancerClass"))
}

fn without_repetitions(findings: Vec<Finding>) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    let mut is_first = Vec::with_capacity(findings.len());
    is_first.extend(findings.iter().map(|finding| told.insert((&finding.field, &finding.message))));
    findings.into_iter().zip(is_first).filter_map(|(finding, is_first)| is_first.then_some(finding)).collect()
}

#[cfg(test)]
mod tests;
