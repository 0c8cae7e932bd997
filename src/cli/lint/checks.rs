//! What is checked of each kind of objects.

use super::input::{Input, Together};
use super::object::{name_of, text};
use super::{gateway, schema};
use crate::admission;
use crate::admission::group::resolve;
use crate::admission::validate::{check_ingress_among, check_service_among, check_values_of};
use crate::admission::{
    AdmissionOperation, Change, annotation_keys, ingress_class_params, ingress_class_params_fields,
    readiness_gates, service, target_control_fields, target_group_binding, target_group_binding_fields,
};
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::api::gateway_config::{
    LISTENER_RULE_CONFIGURATION_KIND, LOAD_BALANCER_CONFIGURATION_KIND, TARGET_GROUP_CONFIGURATION_KIND,
};
use crate::api::meta::INGRESS_CLASS_CONTROLLER;
use crate::api::{
    AlbTargetControlConfig, Ingress, IngressClassParams, ObjectKey, Service, TargetGroupBinding,
    global_accelerator,
};
use crate::config::Config;
use crate::finding::Finding;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that is wrong with the values of an object; `None`: its kind is not checked.
pub(super) fn check(
    object: &Value,
    input: &Input,
    together: &Together,
    config: &Config,
) -> Option<Vec<Finding>> {
    Some(match (text(object, "apiVersion"), text(object, "kind")) {
        ("v1", "Service") => {
            with_equal_names(check_service(object, input, config), object, "Service", together)
        }
        ("networking.k8s.io/v1", "Ingress") => {
            with_equal_names(check_ingress(object, input, together, config), object, "Ingress", together)
        }
        ("elbv2.k8s.aws/v1beta1", "IngressClassParams") => check_params(object, config),
        ("elbv2.k8s.aws/v1beta1" | "elbv2.k8s.aws/v1alpha1", "TargetGroupBinding") => {
            check_binding(object, config)
        }
        ("elbv2.k8s.aws/v1beta1", "ALBTargetControlConfig") => {
            parsed::<AlbTargetControlConfig>(object, "ALBTargetControlConfig")
                .map_or_else(|finding| vec![*finding], |settings| target_control_fields::check(&settings))
        }
        ("aga.k8s.aws/v1beta1", "GlobalAccelerator") => check_accelerator(object),
        ("networking.k8s.io/v1", "IngressClass") => check_class(object),
        ("gateway.k8s.aws/v1" | "gateway.k8s.aws/v1beta1", kind) => {
            return check_configuration(object, kind, input, together, config);
        }
        (version, _) if version.starts_with("gateway.networking.k8s.io/") => {
            return gateway::check_foreign(config, object, &input.gateway);
        }
        ("v1", "Pod") => check_pod(object, object, ""),
        ("apps/v1" | "batch/v1", _) => check_template(object),
        _ => return None,
    })
}

fn text_at<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The object as its type, or why it is none.
fn parsed<K: DeserializeOwned>(object: &Value, kind: &'static str) -> Result<K, Box<Finding>> {
    let broken = |error| {
        let article = if kind.starts_with(['A', 'I']) { "an" } else { "a" };
        Box::new(Finding::error(&name_of(object, kind), format!("not {article} {kind}: {error}")))
    };
    K::deserialize(object).map_err(broken)
}

/// Annotations that are no texts, which the API server refuses without saying which.
fn check_texts(object: &Value, kind: &'static str) -> Vec<Finding> {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let others = annotations.into_iter().flatten().filter(|(_, value)| !value.is_string());
    others
        .map(|(key, value)| {
            let problem = format!("{value} is not a text");
            Finding::error(&name_of(object, kind), problem)
                .at(key)
                .hint(format!("write \"{value}\" in quotes"))
        })
        .collect()
}

/// Checks an object of a type, unless its annotations keep it from being one.
fn check_typed<K: DeserializeOwned>(
    object: &Value,
    kind: &'static str,
    check: impl FnOnce(K) -> Vec<Finding>,
) -> Vec<Finding> {
    let texts = check_texts(object, kind);
    if !texts.is_empty() {
        return texts;
    }
    match parsed(object, kind) {
        Ok(typed) => check(typed),
        Err(finding) => vec![*finding],
    }
}

/// The Service as the defaulting webhook leaves it.
fn check_service(object: &Value, input: &Input, config: &Config) -> Vec<Finding> {
    let defaulted = service::default_class(config, AdmissionOperation::Create, object, None).object;
    check_typed(defaulted.as_ref().unwrap_or(object), "Service", |service: Service| {
        if is_anybodys(&service) && text_at(object, "/spec/loadBalancerClass") != config.load_balancer_class {
            return Vec::new();
        }
        check_service_among(config, &service, None, &input.services)
    })
}

/// why: without our annotations a LoadBalancer Service of a cluster that we do not see may be anybody's.
fn is_anybodys(service: &Service) -> bool {
    let mut keys = service.metadata.annotations.iter().flatten().map(|(key, _)| key.as_str());
    !keys.any(annotation_keys::concerns_us)
}

fn check_ingress(object: &Value, input: &Input, together: &Together, config: &Config) -> Vec<Finding> {
    check_typed(object, "Ingress", |ingress: Ingress| {
        let Some(class) = input.class_of(&ingress, config) else { return Vec::new() };
        let alone = check_ingress_among(config, &ingress, &class, None, &input.services);
        match together.groups.get(&ObjectKey::of(&ingress)) {
            Some(found) => resolve(alone, found),
            None => alone,
        }
    })
}

/// The findings of an object, with what is said of its load balancer's name beside those of others.
fn with_equal_names(
    mut findings: Vec<Finding>,
    object: &Value,
    kind: &'static str,
    together: &Together,
) -> Vec<Finding> {
    let name = name_of(object, kind);
    findings.extend(together.names.iter().filter(|finding| finding.object == name).cloned());
    findings
}

fn check_params(object: &Value, config: &Config) -> Vec<Finding> {
    let name = name_of(object, "IngressClassParams");
    let found = |mistake: String| match mistake.split_once(": ") {
        Some((field, problem)) => Finding::error(&name, problem).at(field),
        None => Finding::error(&name, mistake),
    };
    let mut findings: Vec<Finding> =
        ingress_class_params::invalid_fields(object).into_iter().map(found).collect();
    match parsed::<IngressClassParams>(object, "IngressClassParams") {
        Ok(params) => findings.extend(ingress_class_params_fields::check(config, &params)),
        Err(finding) => findings.push(*finding),
    }
    findings
}

/// A configuration of Gateways, as far as it is one.
fn check_accelerator(object: &Value) -> Vec<Finding> {
    let name = name_of(object, global_accelerator::KIND);
    let of_schema = schema::check(object, &name);
    if !of_schema.is_empty() {
        return of_schema;
    }
    let change = Change::create(&name.namespace, object);
    let refused = admission::global_accelerator::check(&change).err();
    refused.map(|denial| Finding::error(&name, denial.message)).into_iter().collect()
}

fn check_configuration(
    object: &Value,
    kind: &str,
    input: &Input,
    together: &Together,
    config: &Config,
) -> Option<Vec<Finding>> {
    fn typed<K: DeserializeOwned>(
        object: &Value,
        kind: &'static str,
        check: impl FnOnce(K) -> Vec<Finding>,
    ) -> Vec<Finding> {
        let of_schema = schema::check(object, &name_of(object, kind));
        if !of_schema.is_empty() {
            return of_schema;
        }
        parsed(object, kind).map_or_else(|finding| vec![*finding], check)
    }
    let mut findings = match kind {
        LOAD_BALANCER_CONFIGURATION_KIND => typed(object, LOAD_BALANCER_CONFIGURATION_KIND, |typed| {
            gateway::check_load_balancer(config, &typed, &input.gateway, &together.configurations)
        }),
        TARGET_GROUP_CONFIGURATION_KIND => typed(object, TARGET_GROUP_CONFIGURATION_KIND, |typed| {
            admission::gateway::target_group::check(config, &typed)
        }),
        LISTENER_RULE_CONFIGURATION_KIND => typed(object, LISTENER_RULE_CONFIGURATION_KIND, |typed| {
            admission::gateway::listener_rule::check(config, &typed)
        }),
        _ => return None,
    };
    findings.extend(deprecated(object));
    Some(findings)
}

/// An old version of a configuration of Gateways, which the API server warns of.
fn deprecated(object: &Value) -> Option<Finding> {
    let version = text(object, "apiVersion").strip_suffix("beta1")?;
    let kind = CONFIGURATION_KINDS.into_iter().find(|kind| *kind == text(object, "kind"))?;
    let problem = format!("{} is deprecated", text(object, "apiVersion"));
    Some(Finding::warning(&name_of(object, kind), problem).at("apiVersion").hint(format!("write {version}")))
}

const CONFIGURATION_KINDS: [&str; 3] =
    [LOAD_BALANCER_CONFIGURATION_KIND, TARGET_GROUP_CONFIGURATION_KIND, LISTENER_RULE_CONFIGURATION_KIND];

/// A class of ours whose parameters are none of ours: no Ingress of it is served.
fn check_class(object: &Value) -> Vec<Finding> {
    let parameters = |key: &str| text_at(object, &format!("/spec/parameters/{key}"));
    let is_ours = text_at(object, "/spec/controller") == INGRESS_CLASS_CONTROLLER;
    if !is_ours || object.pointer("/spec/parameters").is_none_or(Value::is_null) {
        return Vec::new();
    }
    let expected = [("apiGroup", "elbv2.k8s.aws"), ("kind", "IngressClassParams")];
    let wrong = expected.into_iter().filter(|(key, right)| parameters(key) != *right);
    wrong
        .map(|(key, right)| {
            let problem =
                format!("{:?} is not {right}, so no Ingress of the class is served", parameters(key));
            Finding::error(&name_of(object, "IngressClass"), problem).at(format!("spec.parameters.{key}"))
        })
        .collect()
}

/// The checks that need not know the target group.
fn check_binding(object: &Value, config: &Config) -> Vec<Finding> {
    let name = name_of(object, "TargetGroupBinding");
    let denials = target_group_binding::check_alone(object).into_iter();
    let mut findings: Vec<Finding> = denials.map(|denial| Finding::error(&name, denial.message)).collect();
    match parsed::<TargetGroupBinding>(object, "TargetGroupBinding") {
        Ok(binding) => findings.extend(target_group_binding_fields::check(config, &binding, None)),
        Err(finding) => findings.push(*finding),
    }
    findings
}

/// The pods that a workload makes.
fn check_template(object: &Value) -> Vec<Finding> {
    let places = [
        ("/spec/template", "spec.template."),
        ("/spec/jobTemplate/spec/template", "spec.jobTemplate.spec.template."),
    ];
    let templates = places.into_iter().filter_map(|(place, path)| Some((object.pointer(place)?, path)));
    templates.flat_map(|(template, path)| check_pod(object, template, path)).collect()
}

/// `path`: where the pod stands in the object.
fn check_pod(object: &Value, template: &Value, path: &str) -> Vec<Finding> {
    let name = name_of(object, "Pod");
    let annotations = template.pointer("/metadata/annotations").and_then(Value::as_object);
    let annotations: BTreeMap<String, String> = annotations
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let mut findings = annotation_keys::check(&name, Some(&annotations));
    for prefix in [ALB_PREFIX, NLB_PREFIX] {
        findings.extend(check_values_of(&name, Some(&annotations), prefix));
    }
    findings.extend(readiness_gates::warnings(&Config::default(), &name, template));
    for finding in &mut findings {
        finding.field = finding.field.take().map(|key| format!("{path}metadata.annotations[{key}]"));
    }
    findings
}
