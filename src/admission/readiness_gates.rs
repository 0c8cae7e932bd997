//! Readiness gates: a new pod that will be a target waits for its load balancer.
//!
//! Matches upstream's `pkg/inject/pod_readiness.go`.

use super::pod_bindings::SelectingBinding;
use super::{AdmissionOperation, Admitted, Change, quic, response, set, target_control, text};
use crate::api::meta::{LEGACY_READINESS_GATE_PREFIX, READINESS_GATE_PREFIX};
use crate::api::target_group_binding::TargetType;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Adds the gates of all bindings whose Service selects the pod.
pub fn inject_readiness_gates(
    config: &Config,
    operation: AdmissionOperation,
    pod: &Value,
    bindings: impl IntoIterator<Item = SelectingBinding>,
) -> Admitted {
    if operation != AdmissionOperation::Create || !config.enable_pod_readiness_gate_inject {
        return Admitted::unchanged();
    }
    let of_addresses = bindings.into_iter().map(|selecting| selecting.binding);
    let gates: Vec<String> = of_addresses
        .filter(|binding| binding.spec.target_type == Some(TargetType::Ip))
        .filter_map(|binding| Some(format!("{READINESS_GATE_PREFIX}{}", binding.metadata.name.as_ref()?)))
        .collect();
    if gates.is_empty() { Admitted::unchanged() } else { with_gates(pod, gates) }
}

/// What pods ask of the webhooks in vain, as warnings.
pub fn with_warnings(config: &Config, change: &Change<'_>) -> Admitted {
    if change.operation != AdmissionOperation::Create {
        return Admitted::unchanged();
    }
    let name = text(change.object, "/metadata/name").unwrap_or_default().to_owned();
    let object = ObjectRef { kind: "Pod", namespace: change.namespace.to_owned(), name };
    let findings = warnings(config, &object, change.object);
    // why: warnings never refuse
    response::to_response(config.annotation_validation, "pod", &object, &findings)
        .unwrap_or(Admitted::unchanged())
}

/// Annotations that name containers, settings and ids which there are not.
pub fn warnings(config: &Config, object: &ObjectRef, pod: &Value) -> Vec<Finding> {
    let annotations = pod.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let annotations: BTreeMap<String, String> =
        annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    let mut findings = quic::warnings(object, pod, &config.quic_environment_variable_name);
    findings.extend(target_control::warnings(object, &annotations));
    findings
}

fn with_gates(pod: &Value, gates: Vec<String>) -> Admitted {
    let present = pod.pointer("/spec/readinessGates").and_then(Value::as_array).cloned().unwrap_or_default();
    let gate_type =
        |gate: &Value| gate.get("conditionType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut wanted: Vec<Value> = present
        .into_iter()
        .filter(|gate| !gate_type(gate).starts_with(LEGACY_READINESS_GATE_PREFIX))
        .collect();
    for gate in gates {
        if !wanted.iter().any(|present| gate_type(present) == gate) {
            wanted.push(json!({"conditionType": gate}));
        }
    }
    let mut pod = pod.clone();
    set(&mut pod, "spec", "readinessGates", Value::Array(wanted));
    Admitted::changed(pod)
}

#[cfg(test)]
mod tests;
