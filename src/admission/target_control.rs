//! The ALB target-control agent, added to new pods as a sidecar (feature gate `ALBTargetControlAgent`).
//!
//! Matches upstream's `pkg/inject/alb_target_control_agent.go`, except that the configuration is read anew for every pod.

use super::{AdmissionOperation, Admitted, Denial, set, text};
use crate::api::AlbTargetControlConfigSpec;
use crate::finding::{Finding, ObjectRef, nearest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Name of the object that holds the agent's settings.
pub const CONFIG_NAME: &str = "aws-load-balancer-controller-alb-target-control-agent-config";
/// Where its settings are looked for when the pod's namespace has none.
pub const FALLBACK_NAMESPACE: &str = "kube-system";

const CONTAINER: &str = "alb-target-control-agent";
const POD_LABEL: &str = "/metadata/labels/elbv2.k8s.aws~1alb-target-control-agent-inject";
const NAMESPACE_LABEL: &str = "elbv2.k8s.aws/alb-target-control-agent-injection";
const ANNOTATION_PREFIX: &str = "elbv2.k8s.aws/alb-target-control-agent-";
const CHECK: &str = "albTargetControlAgentInjector";
/// Annotations with an address and a port.
const ADDRESSES: &[&str] = &["data-address", "control-address", "destination-address"];
/// Annotations that `overridden` checks, or that can hold any text.
const TEXTS: &[&str] = &[
    "inject",
    "injected",
    "image",
    "tls-cert-path",
    "tls-key-path",
    "tls-security-policy",
    "max-concurrency",
    "protocol-version",
    "rust-log",
];
/// Annotations that say how much the agent gets.
const QUANTITIES: &[&str] = &["cpu-request", "cpu-limit", "memory-request", "memory-limit"];

/// Whether a new pod shall get the agent. `namespace_label` reads a label of the pod's namespace.
pub fn is_wanted(
    operation: AdmissionOperation,
    pod: &Value,
    namespace_label: impl Fn(&str) -> Option<String>,
) -> bool {
    let by_label = || namespace_label(NAMESPACE_LABEL).as_deref() == Some("enabled");
    let wanted = match text(pod, POD_LABEL) {
        Some("false") => false,
        Some("true") => true,
        _ => by_label(),
    };
    operation == AdmissionOperation::Create && wanted && !has_agent(pod)
}

fn has_agent(pod: &Value) -> bool {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    containers.into_iter().any(|container| container.get("name").and_then(Value::as_str) == Some(CONTAINER))
}

/// Adds the agent with these settings, as the pod's annotations change them.
pub fn inject_agent(pod: &Value, settings: &AlbTargetControlConfigSpec) -> Result<Admitted, Denial> {
    let annotations = pod.pointer("/metadata/annotations").and_then(Value::as_object);
    let settings = overridden(settings.clone(), &Overrides(annotations))?;
    let mut pod = pod.clone();
    let mut containers =
        pod.pointer("/spec/containers").and_then(Value::as_array).cloned().unwrap_or_default();
    containers.push(container(&settings));
    set(&mut pod, "spec", "containers", Value::Array(containers));
    let mut annotations = annotations.cloned().unwrap_or_default();
    annotations.insert(format!("{ANNOTATION_PREFIX}injected"), Value::from("true"));
    set(&mut pod, "metadata", "annotations", Value::Object(annotations));
    Ok(Admitted::changed(pod))
}

/// The annotations of a pod that change settings.
struct Overrides<'a>(Option<&'a Map<String, Value>>);

impl Overrides<'_> {
    fn get(&self, suffix: &str) -> Option<&str> {
        self.0?.get(&format!("{ANNOTATION_PREFIX}{suffix}"))?.as_str()
    }

    fn text(&self, suffix: &str) -> Option<String> {
        self.get(suffix).map(str::to_owned)
    }

    /// A value that must parse; `expected` in upstream's words.
    fn parsed<T>(
        &self,
        suffix: &str,
        what: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Denial> {
        let Some(value) = self.get(suffix) else { return Ok(None) };
        let wrong = || Denial::new(CHECK, format!("invalid {what}: {value} ({expected})"));
        parse(value).map(Some).ok_or_else(wrong)
    }

    fn address(&self, suffix: &str, what: &str, example: &str) -> Result<Option<String>, Denial> {
        let expected = format!("expected host:port format, e.g., {example}");
        self.parsed(suffix, what, &expected, |text| is_address(text).then(|| text.to_owned()))
    }
}

fn overridden(
    mut settings: AlbTargetControlConfigSpec,
    given: &Overrides<'_>,
) -> Result<AlbTargetControlConfigSpec, Denial> {
    if let Some(image) = given.text("image") {
        settings.image = image;
    }
    let concurrency = |text: &str| text.parse().ok().filter(|number| (0..=1000).contains(number));
    let given_concurrency =
        given.parsed("max-concurrency", "concurrency value", "must be 0-1000", concurrency)?;
    settings.max_concurrency = given_concurrency.or(settings.max_concurrency);
    if let Some(address) = given.address("data-address", "data address format", "0.0.0.0:80")? {
        settings.data_address = address;
    }
    if let Some(address) = given.address("control-address", "control address format", "0.0.0.0:3000")? {
        settings.control_address = address;
    }
    if let Some(address) =
        given.address("destination-address", "destination address format", "127.0.0.1:8080")?
    {
        settings.destination_address = address;
    }
    settings.tls_cert_path = given.text("tls-cert-path").or(settings.tls_cert_path);
    settings.tls_key_path = given.text("tls-key-path").or(settings.tls_key_path);
    settings.tls_security_policy = given.text("tls-security-policy").or(settings.tls_security_policy);
    let version =
        given.parsed("protocol-version", "protocol version", "must be HTTP1, HTTP2, or GRPC", |text| {
            text.parse().ok()
        })?;
    settings.protocol_version = version.or(settings.protocol_version);
    let level = given
        .parsed("rust-log", "rust log level", "must be debug, info, or error", |text| text.parse().ok())?;
    settings.rust_log = level.or(settings.rust_log);
    override_resources(&mut settings, given);
    Ok(settings)
}

/// A quantity that does not parse is left out, as it is upstream.
fn override_resources(settings: &mut AlbTargetControlConfigSpec, given: &Overrides<'_>) {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    for (suffix, resource) in [("cpu", "cpu"), ("memory", "memory")] {
        let quantity = |kind: &str| {
            given.text(&format!("{suffix}-{kind}")).filter(|text| is_quantity(text)).map(Quantity)
        };
        let (request, limit) = (quantity("request"), quantity("limit"));
        if request.is_none() && limit.is_none() {
            continue;
        }
        let resources = settings.resources.get_or_insert_default();
        if let Some(request) = request {
            resources.requests.get_or_insert_default().insert(resource.to_owned(), request);
        }
        if let Some(limit) = limit {
            resources.limits.get_or_insert_default().insert(resource.to_owned(), limit);
        }
    }
}

/// An IP address and a number: `0.0.0.0:80`, `[::1]:80`.
pub(super) fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(host) => host.parse::<IpAddr>().is_ok(),
        None => host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
    };
    is_host && port.parse::<i64>().is_ok()
}

/// Settings in a pod's annotations that are left out or that the agent does not take.
pub fn warnings(object: &ObjectRef, annotations: &BTreeMap<String, String>) -> Vec<Finding> {
    let given = annotations.iter().filter_map(|(key, text)| {
        let suffix = key.strip_prefix(ANNOTATION_PREFIX)?;
        let (problem, meant) = warning_of(suffix, text)?;
        let finding = Finding::warning(object, problem).at(key.as_str());
        Some(match meant {
            Some(right) => finding.hint(format!("did you mean `{right}`?")),
            None => finding,
        })
    });
    let excessive = ["cpu", "memory"].into_iter().filter_map(|resource| {
        let amount = |kind: &str| amount(annotations.get(&format!("{ANNOTATION_PREFIX}{resource}-{kind}"))?);
        let problem = format!("is more than the limit of {resource}, so the pod cannot be created");
        let key = format!("{ANNOTATION_PREFIX}{resource}-request");
        (amount("request")? > amount("limit")?).then(|| Finding::warning(object, problem).at(key))
    });
    given.chain(excessive).collect()
}

/// What is wrong with a setting, and what was probably meant.
fn warning_of(suffix: &str, text: &str) -> Option<(String, Option<&'static str>)> {
    let problem = if ADDRESSES.contains(&suffix) {
        let is_right = is_address(text) && (1..=65_535).contains(&port_of(text));
        (!is_right).then(|| format!("{text:?} is not an address and port, expected for example 0.0.0.0:80"))
    } else if QUANTITIES.contains(&suffix) {
        (!is_quantity(text)).then(|| format!("{text:?} is not a quantity, so it is left out"))
    } else if TEXTS.contains(&suffix) {
        None
    } else {
        let known = ADDRESSES.iter().chain(QUANTITIES).chain(TEXTS).copied();
        let problem = "is not a known annotation and has no effect".to_owned();
        return Some((problem, nearest(suffix, known)));
    };
    Some((problem?, None))
}

/// How much a quantity is.
fn amount(text: &str) -> Option<f64> {
    const UNITS: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let unit = UNITS.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// A Kubernetes quantity: a decimal number and a suffix.
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
fn is_quantity(text: &str) -> bool {
    const SUFFIXES: &[&str] =
        &["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let is_number = number.chars().any(|c| c.is_ascii_digit()) && number.matches('.').count() <= 1;
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|rest| rest.parse::<i64>().is_ok());
    is_number && (SUFFIXES.contains(&suffix) || exponent)
}

fn container(settings: &AlbTargetControlConfigSpec) -> Value {
    let port = |name: &str, address: &str| json!({"name": name, "containerPort": port_of(address), "protocol": "TCP"});
    let mut container = json!({
        "name": CONTAINER,
        "image": settings.image,
        "env": environment(settings),
        "ports": [port("data", &settings.data_address), port("control", &settings.control_address)],
    });
    let resources = settings.resources.as_ref().and_then(|resources| serde_json::to_value(resources).ok());
    if let (Some(resources), Some(container)) = (resources, container.as_object_mut()) {
        container.insert("resources".to_owned(), resources);
    }
    container
}

fn environment(settings: &AlbTargetControlConfigSpec) -> Vec<Value> {
    let concurrency = settings.max_concurrency.unwrap_or(1).to_string();
    let always = [
        ("TARGET_CONTROL_DATA_ADDRESS", settings.data_address.as_str()),
        ("TARGET_CONTROL_CONTROL_ADDRESS", settings.control_address.as_str()),
        ("TARGET_CONTROL_DESTINATION_ADDRESS", settings.destination_address.as_str()),
        ("TARGET_CONTROL_MAX_CONCURRENCY", concurrency.as_str()),
    ];
    let if_given = [
        ("TARGET_CONTROL_TLS_CERT_PATH", settings.tls_cert_path.as_deref()),
        ("TARGET_CONTROL_TLS_KEY_PATH", settings.tls_key_path.as_deref()),
        ("TARGET_CONTROL_TLS_SECURITY_POLICY", settings.tls_security_policy.as_deref()),
        ("TARGET_CONTROL_PROTOCOL_VERSION", settings.protocol_version.map(<&str>::from)),
        ("RUST_LOG", settings.rust_log.map(<&str>::from)),
    ];
    let given = if_given
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    always.into_iter().chain(given).map(|(name, value)| json!({"name": name, "value": value})).collect()
}

pub(super) fn port_of(address: &str) -> i64 {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
