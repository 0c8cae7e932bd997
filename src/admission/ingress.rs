//! Ingresses: upstream's checks of class, group and conditions.
//!
//! Matches upstream's `webhooks/networking/ingress_validator.go`; these checks hold whatever `--annotation-validation` says.
//! On purpose different: a resource backend is refused with a reason, where upstream crashes; an update that touches neither
//! the spec nor our annotations, or an Ingress that is being deleted, is never refused.

use super::validate::{self, KnownClass};
use super::{Admitted, Change, Denial, response};
use crate::annotations::ingress::{condition::parse_conditions, of as annotations_of};
use crate::api::meta::INGRESS_CLASS_ANNOTATION;
use crate::api::{Ingress, IngressClass, IngressClassParams};
use crate::config::{AnnotationValidation, Config};
use crate::facts::cost::too_costly_ingress;
use crate::facts::group::{
    ClassProblem, ClassView, class_annotation_matches, effective_class_name, find_class,
};
use crate::facts::object_refs::ingress_ref;
use crate::finding::Finding;
use k8s_openapi::api::networking::v1::IngressBackend;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the checks of an Ingress look up in the cluster.
pub trait ClassSource {
    /// All IngressClasses.
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>>;
    /// Parameters of a class, by name.
    fn ingress_class_params(&self, name: &str) -> Option<Arc<IngressClassParams>>;
}

/// Checks a new or changed Ingress.
pub fn check(config: &Config, change: &Change<'_>, cluster: &dyn ClassSource) -> Result<Admitted, Denial> {
    if change.is_of_no_concern() {
        return Ok(Admitted::unchanged());
    }
    let ingress: Ingress = change
        .parse()
        .map_err(|error| Denial::new("decode", format!("the Ingress cannot be read: {error}")))?;
    let old = change.parse_old::<Ingress>();
    let classes = cluster.ingress_classes();
    let view = ClassView { classes: &classes, ..ClassView::default() };
    if !is_ours(&ingress, &view, config).map_err(|problem| class_denial("checkIngressClass", &problem))? {
        return Ok(Admitted::unchanged());
    }
    check_class_annotation(&ingress, old.as_ref(), config)?;
    check_group_name(&ingress, old.as_ref(), config)?;
    check_class(&ingress, old.as_ref(), &view)?;
    check_conditions(&ingress)?;
    if config.annotation_validation == AnnotationValidation::Off {
        return Ok(Admitted::unchanged());
    }
    let class = class_of(&ingress, &view, cluster, config);
    // why: what it was before only matters for warnings
    let old = old.filter(|old| too_costly_ingress(old).is_none());
    let findings = too_costly_ingress(&ingress).map_or_else(
        || validate::check_ingress(config, &ingress, &class, old.as_ref()),
        |finding| vec![finding],
    );
    response::to_response(config.annotation_validation, "annotations", &ingress_ref(&ingress), &findings)
}

/// The parameters of the class of an Ingress of ours, as far as the caches know them.
fn class_of(
    ingress: &Ingress,
    view: &ClassView<'_>,
    cluster: &dyn ClassSource,
    config: &Config,
) -> KnownClass {
    if class_annotation_matches(ingress, config).is_some() {
        return KnownClass::Plain;
    }
    let name = effective_class_name(ingress, view).ok().flatten();
    let class = name.and_then(|name| find_class(&name, view).ok().flatten());
    let Some(reference) = class.and_then(|class| class.spec.as_ref()?.parameters.as_ref()) else {
        return KnownClass::Plain;
    };
    cluster.ingress_class_params(&reference.name).map_or(KnownClass::Unknown, KnownClass::Params)
}

/// Whether the Ingress is ours, parameters of its class left aside.
fn is_ours(ingress: &Ingress, view: &ClassView<'_>, config: &Config) -> Result<bool, ClassProblem> {
    if let Some(matches) = class_annotation_matches(ingress, config) {
        return Ok(matches);
    }
    match effective_class_name(ingress, view)? {
        Some(name) => Ok(find_class(&name, view)?.is_some()),
        None => Ok(config.ingress_class.is_empty()),
    }
}

fn class_denial(check: &'static str, problem: &ClassProblem) -> Denial {
    Denial::new(check, problem.to_string())
}

fn check_class_annotation(ingress: &Ingress, old: Option<&Ingress>, config: &Config) -> Result<(), Denial> {
    let uses = |ingress: &Ingress| class_annotation_matches(ingress, config) == Some(true);
    if !config.disable_ingress_class_annotation || !uses(ingress) || old.is_some_and(uses) {
        return Ok(());
    }
    let message = format!(
        "annotation {INGRESS_CLASS_ANNOTATION} may not be put on Ingresses any more; set spec.ingressClassName"
    );
    Err(Denial::new("checkIngressClassAnnotationUsage", message))
}

fn check_group_name(ingress: &Ingress, old: Option<&Ingress>, config: &Config) -> Result<(), Denial> {
    fn group(ingress: &Ingress) -> Option<&str> {
        annotations_of(ingress.metadata.annotations.as_ref()).string("group.name")
    }
    let is_kept = group(ingress).is_none() || old.and_then(group) == group(ingress);
    if !config.disable_ingress_group_name_annotation || is_kept {
        return Ok(());
    }
    let key = annotations_of(None).key("group.name");
    let message = format!(
        "annotation {key} may not be put on Ingresses any more; set spec.group in IngressClassParams"
    );
    Err(Denial::new("checkGroupNameAnnotationUsage", message))
}

/// A class that is newly named must exist, also where the class annotation has the say.
fn check_class(ingress: &Ingress, old: Option<&Ingress>, view: &ClassView<'_>) -> Result<(), Denial> {
    fn class(ingress: &Ingress) -> Option<&str> {
        ingress.spec.as_ref()?.ingress_class_name.as_deref()
    }
    let Some(name) = class(ingress).filter(|name| old.and_then(class) != Some(*name)) else { return Ok(()) };
    find_class(name, view).map(drop).map_err(|problem| class_denial("checkIngressClassUsage", &problem))
}

fn check_conditions(ingress: &Ingress) -> Result<(), Denial> {
    const CHECK: &str = "checkIngressAnnotationConditions";
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let mut read = BTreeSet::new();
    for (field, backend) in rule_backends(ingress) {
        let Some(service) = &backend.service else {
            let message = "has no service; resource backends are not supported";
            let finding = Finding::error(&ingress_ref(ingress), message).at(field);
            return Err(Denial::new(CHECK, finding.to_string()));
        };
        if !read.insert(&service.name) {
            continue;
        }
        parse_conditions(&annotations, &service.name).map_err(|invalid| {
            let finding = Finding::error(&ingress_ref(ingress), invalid.problem).at(invalid.key);
            Denial::new(CHECK, finding.to_string())
        })?;
    }
    Ok(())
}

/// The backends of all paths, with where they stand.
fn rule_backends(ingress: &Ingress) -> impl Iterator<Item = (String, &IngressBackend)> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten()).enumerate();
    rules.flat_map(|(rule, entry)| {
        let paths = entry.http.iter().flat_map(|http| &http.paths).enumerate();
        paths.map(move |(path, entry)| {
            (format!("spec.rules[{rule}].http.paths[{path}].backend"), &entry.backend)
        })
    })
}

#[cfg(test)]
mod tests;
