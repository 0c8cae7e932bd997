//! The settings of the controller that the manifests are meant for: flags, a Deployment, or values of the chart.

use super::object::text;
use crate::args::{CommandLineError, GivenFlags};
use crate::cluster::installation::{InstallationError, read_installation};
use crate::config::Config;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The chart's own values, which those of the user go over.
const CHART_VALUES: &str = include_str!("../../../charts/aws-load-balancer-controller/values.yaml");
/// The chart as a dependency of another chart: its values stand under this key.
const CHART: &str = "aws-load-balancer-controller";
/// The flag that every controller needs; which name it is does not matter to the checks.
const ANY_CLUSTER: &str = "--cluster-name=lint";

/// How a value of the chart becomes the text of a flag.
#[derive(Clone, Copy)]
enum FlagForm {
    /// As it is.
    Scalar,
    /// A map as `key=value,…`; a text as it is.
    Pairs,
    /// A list as `a,b`; a text as it is.
    Items,
}

use FlagForm::{Items, Pairs, Scalar};

/// Flags that the checks depend on, and the values of the chart that they are rendered from.
#[rustfmt::skip]
const VALUES: &[(&str, &str, FlagForm)] = &[
    ("cluster-name", "/clusterName", Scalar),
    ("aws-region", "/region", Scalar),
    ("ingress-class", "/ingressClass", Scalar),
    ("load-balancer-class", "/loadBalancerClass", Scalar),
    ("watch-namespace", "/watchNamespace", Scalar),
    ("default-target-type", "/defaultTargetType", Scalar),
    ("default-load-balancer-scheme", "/defaultLoadBalancerScheme", Scalar),
    ("default-ssl-policy", "/defaultSSLPolicy", Scalar),
    ("default-tags", "/defaultTags", Pairs),
    ("external-managed-tags", "/externalManagedTags", Items),
    ("default-pca-arn", "/certManagement/defaultPCAARN", Scalar),
    ("allowed-certificate-authority-arns", "/certDiscovery/allowedCertificateAuthorityARNs", Items),
    ("backend-security-group", "/backendSecurityGroup", Scalar),
    ("enable-backend-security-group", "/enableBackendSecurityGroup", Scalar),
    ("enable-manage-backend-security-group-rules", "/enableManageBackendSecurityGroupRules", Scalar),
    ("disable-restricted-sg-rules", "/disableRestrictedSecurityGroupRules", Scalar),
    ("service-target-eni-security-group-tags", "/serviceTargetENISGTags", Pairs),
    ("disable-ingress-class-annotation", "/disableIngressClassAnnotation", Scalar),
    ("disable-ingress-group-name-annotation", "/disableIngressGroupNameAnnotation", Scalar),
    ("tolerate-non-existent-backend-service", "/tolerateNonExistentBackendService", Scalar),
    ("tolerate-non-existent-backend-action", "/tolerateNonExistentBackendAction", Scalar),
    ("enable-waf", "/enableWaf", Scalar),
    ("enable-wafv2", "/enableWafv2", Scalar),
    ("enable-shield", "/enableShield", Scalar),
    ("enable-pod-readiness-gate-inject", "/enablePodReadinessGateInject", Scalar),
    ("enable-endpoint-slices", "/enableEndpointSlices", Scalar),
    ("max-targets-per-target-group", "/maxTargetsPerTargetGroup", Scalar),
    ("keep-last-healthy-targets", "/keepLastHealthyTargets", Scalar),
    ("annotation-validation", "/annotationValidation", Scalar),
    ("feature-gates", "/controllerConfig/featureGates", Pairs),
];

/// Why the settings are not known.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file of `--settings-from`.
    #[error("--settings-from {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The flags, given or found.
    #[error("{0}")]
    Flags(CommandLineError),
}

/// The configuration that the checks go by.
pub fn config_of(settings_from: Option<&Path>, flags: &GivenFlags) -> Result<Config, SettingsError> {
    let mut arguments = vec![ANY_CLUSTER.to_owned()];
    if let Some(path) = settings_from {
        let unreadable = |reason| SettingsError::File { path: path.to_owned(), reason };
        arguments.extend(read_arguments(path).map_err(unreadable)?);
    }
    flags.settings(&arguments).map(|settings| settings.config).map_err(SettingsError::Flags)
}

fn read_arguments(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    arguments_of(&text)
}

/// The arguments of the controller that a text describes: the Deployment among manifests, or values of the chart.
fn arguments_of(text: &str) -> Result<Vec<String>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| format!("not YAML: {}", error.to_string().lines().next().unwrap_or_default()))?;
    let objects: Vec<Value> =
        documents.into_iter().flat_map(into_objects).filter(|object| !object.is_null()).collect();
    let deployments: Vec<&Value> = objects.iter().filter(|object| is_ours(object)).collect();
    match (deployments.as_slice(), objects.as_slice()) {
        ([deployment], _) => arguments_of_deployment(deployment),
        ([_, _, ..], _) => Err("more than one Deployment of the controller".to_owned()),
        ([], [values @ Value::Object(fields)]) if !fields.contains_key("kind") => arguments_of_values(values),
        ([], _) => Err("neither a Deployment of the controller nor values of its chart".to_owned()),
    }
}

fn into_objects(mut document: Value) -> Vec<Value> {
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => vec![document],
    }
}

/// Whether an object is a Deployment with a container of the controller.
fn is_ours(object: &Value) -> bool {
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let mut containers = containers.into_iter().flatten();
    text(object, "kind") == "Deployment" && containers.any(|container| text(container, "name") == CHART)
}

fn arguments_of_deployment(deployment: &Value) -> Result<Vec<String>, String> {
    let deployment = serde_json::from_value(deployment.clone()).map_err(|error| error.to_string())?;
    let found = read_installation(deployment).map_err(|error: InstallationError| error.to_string())?;
    Ok(found.arguments)
}

fn arguments_of_values(given: &Value) -> Result<Vec<String>, String> {
    let mut values: Value = serde_saphyr::from_str(CHART_VALUES).map_err(|error| error.to_string())?;
    overlay(&mut values, given.get(CHART).unwrap_or(given));
    // why: one is the other name of the other, and wins
    if let Some(wins) = values.get("validation").filter(|value| !value.is_null()).cloned() {
        overlay(&mut values, &serde_json::json!({"annotationValidation": wins}));
    }
    let arguments = VALUES.iter().filter_map(|(flag, path, form)| {
        let text = text_of(values.pointer(path)?, *form);
        (!text.is_empty()).then(|| format!("--{flag}={text}"))
    });
    Ok(arguments.collect())
}

/// Puts values over others as Helm does: maps by key, everything else as a whole; null takes the default away.
fn overlay(base: &mut Value, given: &Value) {
    match (base, given) {
        (Value::Object(base), Value::Object(given)) => {
            for (key, value) in given {
                overlay(base.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (base, given) => *base = given.clone(),
    }
}

fn text_of(value: &Value, form: FlagForm) -> String {
    match (value, form) {
        (Value::Object(pairs), Pairs) => {
            join(pairs.iter().map(|(key, value)| format!("{key}={}", scalar(value))))
        }
        (Value::Array(items), Items) => join(items.iter().map(scalar)),
        (value, _) => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(Map { .. }) | Value::Array(_) => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// One CSV record, as the flags read it.
fn join(fields: impl Iterator<Item = String>) -> String {
    fields.map(quoted).collect::<Vec<_>>().join(",")
}

fn quoted(field: String) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests;
