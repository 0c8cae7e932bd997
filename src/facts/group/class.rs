//! From an Ingress to its class: ours or not, and with which parameters.

use crate::api::meta::{
    DEFAULT_INGRESS_CLASS_ANNOTATION, ELBV2_GROUP, INGRESS_CLASS_ANNOTATION, INGRESS_CLASS_CONTROLLER,
    INGRESS_CLASS_PARAMS_KIND,
};
use crate::api::{Ingress, IngressClass, IngressClassParams, Namespace, selector};
use crate::config::Config;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What classification looks at; borrowed from the caller's caches.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassView<'a> {
    /// All IngressClasses.
    pub classes: &'a [Arc<IngressClass>],
    /// All IngressClassParams.
    pub params: &'a [Arc<IngressClassParams>],
    /// Knows Namespaces; `None`: there are none.
    pub namespaces: Option<&'a dyn Namespaces>,
}

/// Knows Namespaces by name.
pub trait Namespaces: fmt::Debug + Sync {
    /// The Namespace of this name, if it exists.
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>>;
}

impl<'a> ClassView<'a> {
    fn class(&self, name: &str) -> Option<&'a Arc<IngressClass>> {
        self.classes.iter().find(|class| class.metadata.name.as_deref() == Some(name))
    }

    fn params(&self, name: &str) -> Option<&'a Arc<IngressClassParams>> {
        self.params.iter().find(|params| params.metadata.name.as_deref() == Some(name))
    }

    /// The group that a class's parameters name for all its Ingresses.
    pub(super) fn group_by_class(&self, class: &IngressClass) -> Option<&'a str> {
        let parameters = class.spec.as_ref()?.parameters.as_ref()?;
        Some(self.params(&parameters.name)?.spec.group.as_ref()?.name.as_str())
    }

    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces?.namespace(name)
    }
}

/// Why an Ingress cannot be classified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassProblem {
    /// There is no such class.
    #[error("invalid ingress class: IngressClass {0:?} not found")]
    ClassNotFound(String),
    /// The class points to parameters of another kind.
    #[error(
        "invalid ingress class: IngressClass {0:?} has parameters of a kind other than IngressClassParams of elbv2.k8s.aws"
    )]
    ForeignParameters(String),
    /// The class's parameters do not exist.
    #[error("invalid ingress class: IngressClassParams {0:?} not found")]
    ParamsNotFound(String),
    /// The parameters' selector cannot be evaluated for the namespace.
    #[error("invalid ingress class: namespaceSelector of IngressClassParams {params:?}: {problem}")]
    NamespaceSelector {
        /// Name of the parameters.
        params: String,
        /// What is wrong.
        problem: String,
    },
    /// The class is not for this namespace.
    #[error(
        "invalid ingress class: namespaceSelector of IngressClassParams {params:?} does not match namespace {namespace:?}"
    )]
    NamespaceMismatch {
        /// Name of the parameters.
        params: String,
        /// Namespace of the Ingress.
        namespace: String,
    },
    /// More than one class claims to be the default.
    #[error("several IngressClasses are marked as default: {}", .0.join(", "))]
    SeveralDefaults(Vec<String>),
}

impl ClassProblem {
    /// The field of the Ingress that the problem follows from.
    pub fn field(&self) -> &'static str {
        "spec.ingressClassName"
    }
}

/// Whether an Ingress is ours: `None` if not, else the parameters of its class, if it has any.
pub fn classify(
    ingress: &Ingress,
    view: &ClassView<'_>,
    config: &Config,
) -> Result<Option<Option<Arc<IngressClassParams>>>, ClassProblem> {
    if ingress.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    if let Some(ours) = class_annotation_matches(ingress, config) {
        return Ok(ours.then_some(None));
    }
    let Some(name) = effective_class_name(ingress, view)? else {
        return Ok(config.ingress_class.is_empty().then_some(None));
    };
    match find_class(&name, view)? {
        None => Ok(None),
        Some(class) => params_of(class, ingress, view).map(Some),
    }
}

/// Whether the legacy class annotation names us; `None` if the Ingress has none.
pub fn class_annotation_matches(ingress: &Ingress, config: &Config) -> Option<bool> {
    let value = ingress.metadata.annotations.as_ref()?.get(INGRESS_CLASS_ANNOTATION)?;
    Some(*value == config.ingress_class || (config.ingress_class.is_empty() && value == "alb"))
}

/// The name of the class of an Ingress without the legacy annotation: its own, else the default class's.
pub fn effective_class_name(ingress: &Ingress, view: &ClassView<'_>) -> Result<Option<String>, ClassProblem> {
    if let Some(name) = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_ref()) {
        return Ok(Some(name.clone()));
    }
    let mut defaults: Vec<String> = view
        .classes
        .iter()
        .filter(|class| is_default(class))
        .filter_map(|class| class.metadata.name.clone())
        .collect();
    defaults.sort();
    match defaults.len() {
        0 | 1 => Ok(defaults.pop()),
        _ => Err(ClassProblem::SeveralDefaults(defaults)),
    }
}

fn is_default(class: &IngressClass) -> bool {
    let annotations = class.metadata.annotations.as_ref();
    annotations.and_then(|map| map.get(DEFAULT_INGRESS_CLASS_ANNOTATION)).is_some_and(|value| value == "true")
}

/// The class of this name, if it is one of ours.
pub fn find_class<'a>(name: &str, view: &ClassView<'a>) -> Result<Option<&'a IngressClass>, ClassProblem> {
    let class = view.class(name).ok_or_else(|| ClassProblem::ClassNotFound(name.to_owned()))?;
    let controller = class.spec.as_ref().and_then(|spec| spec.controller.as_deref());
    Ok((controller == Some(INGRESS_CLASS_CONTROLLER)).then_some(class))
}

fn params_of(
    class: &IngressClass,
    ingress: &Ingress,
    view: &ClassView<'_>,
) -> Result<Option<Arc<IngressClassParams>>, ClassProblem> {
    let Some(reference) = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref()) else {
        return Ok(None);
    };
    if reference.api_group.as_deref() != Some(ELBV2_GROUP) || reference.kind != INGRESS_CLASS_PARAMS_KIND {
        let class = class.metadata.name.clone().unwrap_or_default();
        return Err(ClassProblem::ForeignParameters(class));
    }
    let params =
        view.params(&reference.name).ok_or_else(|| ClassProblem::ParamsNotFound(reference.name.clone()))?;
    check_namespace(params, ingress, view)?;
    Ok(Some(Arc::clone(params)))
}

fn check_namespace(
    params: &IngressClassParams,
    ingress: &Ingress,
    view: &ClassView<'_>,
) -> Result<(), ClassProblem> {
    let Some(wanted) = &params.spec.namespace_selector else { return Ok(()) };
    let params = params.metadata.name.clone().unwrap_or_default();
    let namespace = ingress.metadata.namespace.clone().unwrap_or_default();
    let problem = |problem: String| ClassProblem::NamespaceSelector { params: params.clone(), problem };
    let found =
        view.namespace(&namespace).ok_or_else(|| problem(format!("namespace {namespace:?} not found")))?;
    let none = BTreeMap::new();
    let labels = found.metadata.labels.as_ref().unwrap_or(&none);
    match selector::matches(wanted, labels) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ClassProblem::NamespaceMismatch { params, namespace }),
        Err(error) => Err(problem(error.to_string())),
    }
}
