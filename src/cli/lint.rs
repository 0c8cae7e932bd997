//! `lint`: the admission checks without a cluster, for CI and GitOps.
//!
//! Reads YAML or JSON as kubectl, kustomize and Helm write it; several documents and Lists are fine, kinds that are none of
//! our business are passed over. Classes and their parameters are taken from the same input; a class that is not among it
//! has no parameters.

mod manifest;
mod report;

pub use report::Format;

use crate::admit::annotations::{Class, of_ingress, of_service, service_ref};
use crate::admit::{Halt, binding::KnownTargetGroups};
use crate::admit::{Operation, binding, ingress_class_params, service};
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::api::{Ingress, IngressClass, IngressClassParams, Service, TargetGroupBinding};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity};
use crate::inputs::group::{ClassView, class_annotation_matches, effective_class_name, find_class};
use manifest::parse_manifests;
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// What to lint, and how to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Files; `-` is the standard input.
    pub files: Vec<PathBuf>,
    /// How to tell.
    pub format: Format,
}

/// A text to lint.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A finding and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The finding.
    pub finding: Finding,
}

/// Reads, checks and tells; whether there are errors.
pub fn run(options: &Options, stdin: &mut dyn Read, stdout: &mut dyn Write) -> io::Result<bool> {
    let sources = options.files.iter().map(|file| read(file, stdin)).collect::<io::Result<Vec<_>>>()?;
    let found = lint(&sources, &Config::default());
    report::write(&found, options.format, stdout)?;
    Ok(found.iter().any(|located| located.finding.severity == Severity::Error))
}

fn read(file: &PathBuf, stdin: &mut dyn Read) -> io::Result<Source> {
    let name = file.display().to_string();
    if name == "-" {
        let mut text = String::new();
        stdin.read_to_string(&mut text)?;
        return Ok(Source { name: "stdin".to_owned(), text });
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    Ok(Source { name, text })
}

/// Checks all objects of all sources, in their order.
pub fn lint(sources: &[Source], config: &Config) -> Vec<Located> {
    let mut located = Vec::new();
    let mut manifests = Vec::new();
    for source in sources {
        match parse_manifests(&source.text) {
            Ok(found) => manifests.extend(found.into_iter().map(|manifest| (source, manifest))),
            Err(broken) => located.push(Located {
                file: source.name.clone(),
                line: broken.line,
                finding: Finding::error(&ObjectRef::default(), format!("not YAML: {}", broken.problem)),
            }),
        }
    }
    let classes = Classes::of(manifests.iter().map(|(_, manifest)| &manifest.object));
    for (source, manifest) in &manifests {
        for finding in check(&manifest.object, &classes, config) {
            let line = manifest.line_of(finding.field.as_deref());
            located.push(Located { file: source.name.clone(), line, finding });
        }
    }
    located
}

fn check(object: &Value, classes: &Classes, config: &Config) -> Vec<Finding> {
    match (text(object, "apiVersion"), text(object, "kind")) {
        ("v1", "Service") => check_service(object, config),
        ("networking.k8s.io/v1", "Ingress") => check_ingress(object, classes, config),
        ("elbv2.k8s.aws/v1beta1", "IngressClassParams") => {
            let denial = ingress_class_params::check(Operation::Create, object).err();
            denial.map(|denial| found(object, "IngressClassParams", denial.message)).into_iter().collect()
        }
        ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding") => check_binding(object, config),
        _ => Vec::new(),
    }
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn found(object: &Value, kind: &'static str, problem: impl Into<String>) -> Finding {
    let meta = |key: &str| object.get("metadata").map(|meta| text(meta, key).to_owned()).unwrap_or_default();
    let object = ObjectRef { kind, namespace: meta("namespace"), name: meta("name") };
    Finding::error(&object, problem)
}

/// The Service as the defaulting webhook leaves it.
fn check_service(object: &Value, config: &Config) -> Vec<Finding> {
    let defaulted = service::default_class(config, Operation::Create, object, None).object;
    match Service::deserialize(defaulted.as_ref().unwrap_or(object)) {
        Ok(service) if has_foreign_type(&service) => Vec::new(),
        Ok(service) => {
            let findings = of_service(config, &service, None);
            debug_assert!(findings.iter().all(|finding| finding.object == service_ref(&service)));
            findings
        }
        Err(error) => vec![found(object, "Service", format!("not a Service: {error}"))],
    }
}

/// why: without our annotations a LoadBalancer Service of a cluster that we do not see may be anybody's.
fn has_foreign_type(service: &Service) -> bool {
    let keys = service.metadata.annotations.iter().flatten().map(|(key, _)| key.as_str());
    let ours = keys.filter(|key| key.starts_with(NLB_PREFIX) || key.starts_with(ALB_PREFIX)).count();
    ours == 0
}

fn check_ingress(object: &Value, classes: &Classes, config: &Config) -> Vec<Finding> {
    let ingress = match Ingress::deserialize(object) {
        Ok(ingress) => ingress,
        Err(error) => return vec![found(object, "Ingress", format!("not an Ingress: {error}"))],
    };
    match classes.class_of(&ingress, config) {
        Some(class) => of_ingress(config, &ingress, &class, None),
        None => Vec::new(),
    }
}

/// The checks that need not know the target group.
fn check_binding(object: &Value, config: &Config) -> Vec<Finding> {
    let nobody: [&TargetGroupBinding; 0] = [];
    let checked = binding::check(config, Operation::Create, object, None, nobody, &KnownTargetGroups::new());
    match checked {
        Err(Halt::Denied(denial)) => vec![found(object, "TargetGroupBinding", denial.message)],
        Err(Halt::TargetGroup(_)) | Ok(_) => Vec::new(),
    }
}

/// Classes and parameters of the input.
#[derive(Default)]
struct Classes {
    classes: Vec<Arc<IngressClass>>,
    params: Vec<Arc<IngressClassParams>>,
}

impl Classes {
    fn of<'v>(objects: impl Iterator<Item = &'v Value>) -> Self {
        let mut classes = Self::default();
        for object in objects {
            match text(object, "kind") {
                "IngressClass" => classes.classes.extend(IngressClass::deserialize(object).map(Arc::new)),
                "IngressClassParams" => {
                    classes.params.extend(IngressClassParams::deserialize(object).map(Arc::new));
                }
                _ => {}
            }
        }
        classes
    }

    /// The class of an Ingress; `None`: it is not ours.
    fn class_of(&self, ingress: &Ingress, config: &Config) -> Option<Class> {
        if let Some(is_ours) = class_annotation_matches(ingress, config) {
            return is_ours.then_some(Class::Plain);
        }
        let view = ClassView { classes: &self.classes, ..ClassView::default() };
        let name = effective_class_name(ingress, &view).ok().flatten();
        let is_listed =
            |name: &String| self.classes.iter().any(|class| class.metadata.name.as_ref() == Some(name));
        match name {
            Some(name) if is_listed(&name) => {
                let class = find_class(&name, &view).ok().flatten()?;
                let reference = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref());
                let params = reference.and_then(|reference| {
                    self.params.iter().find(|params| params.metadata.name.as_ref() == Some(&reference.name))
                });
                Some(params.map_or(Class::Plain, |params| Class::Params(params.clone())))
            }
            other => {
                (other.as_deref() == Some("alb") || has_our_annotations(ingress)).then_some(Class::Plain)
            }
        }
    }
}

fn has_our_annotations(ingress: &Ingress) -> bool {
    ingress.metadata.annotations.iter().flatten().any(|(key, _)| key.starts_with(ALB_PREFIX))
}

#[cfg(test)]
mod tests;
