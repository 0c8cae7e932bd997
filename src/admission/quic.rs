//! QUIC server ids: a new pod whose containers serve QUIC gets an id to put into its connection ids.
//!
//! Matches upstream's `pkg/inject/quic_server_id_injector.go` and `pkg/k8s/quic`: a 64-bit id of milliseconds since 2020,
//! worker and sequence, big-endian, in padded base64.

use super::{AdmissionOperation, Admitted, text};
use crate::api::meta::QUIC_CONTAINERS_ANNOTATION;
use crate::finding::{Finding, ObjectRef, compared};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// 2020-01-01T00:00:00Z in Unix milliseconds.
const EPOCH_MS: u64 = 1_577_836_800_000;
/// Workers are numbered below this.
pub const WORKERS: u32 = 131_072;
/// Ids of one worker in one millisecond.
pub const SEQUENCES: u32 = 128;

/// The environment variable of one id.
///
/// ```
/// use aws_load_balancer_controller::admission::quic::encode_id;
/// assert_eq!(encode_id(1_700_000_000_000, 42, 5), "HHF+gAAAFQU=");
/// ```
pub fn encode_id(now_ms: u64, worker: u32, sequence: u32) -> String {
    let millis = now_ms.saturating_sub(EPOCH_MS) & ((1 << 39) - 1);
    let id = (millis << 24) | (u64::from(worker % WORKERS) << 7) | u64::from(sequence % SEQUENCES);
    STANDARD.encode(id.to_be_bytes())
}

/// How many ids a pod needs: one for each named container that lacks the variable.
pub fn needed_ids(operation: AdmissionOperation, pod: &Value, variable: &str) -> usize {
    match named_containers(operation, pod) {
        Some(names) => containers(pod).filter(|(_, _, container)| lacks(container, &names, variable)).count(),
        None => 0,
    }
}

/// Adds one id of `ids` to each named container that lacks the variable.
pub fn inject_server_ids(
    operation: AdmissionOperation,
    pod: &Value,
    variable: &str,
    ids: impl IntoIterator<Item = String>,
) -> Admitted {
    let Some(names) = named_containers(operation, pod) else { return Admitted::unchanged() };
    let mut completed = pod.clone();
    let places: Vec<_> = containers(pod)
        .filter(|(_, _, container)| lacks(container, &names, variable))
        .map(|(list, index, _)| format!("/spec/{list}/{index}"))
        .collect();
    for (place, id) in places.iter().zip(ids) {
        let Some(container) = completed.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
        let env = container.entry("env").or_insert_with(|| json!([]));
        if let Some(env) = env.as_array_mut() {
            env.push(json!({"name": variable, "value": id}));
        }
    }
    Admitted { object: (completed != *pod).then_some(completed), warnings: Vec::new() }
}

/// Names in the annotation that no container of the pod has, and ids of its own that are none.
pub fn warnings(object: &ObjectRef, pod: &Value, variable: &str) -> Vec<Finding> {
    let Some(names) = named_containers(AdmissionOperation::Create, pod) else { return Vec::new() };
    let present: Vec<&str> =
        containers(pod).filter_map(|(_, _, container)| text(container, "/name")).collect();
    let is_present: BTreeSet<&str> = present.iter().copied().collect();
    let missing = names.iter().filter(|name| !is_present.contains(name.as_str())).enumerate();
    let missing = missing.map(|(at, name)| {
        let finding = Finding::warning(object, format!("{name:?} is not a container of the pod"));
        let present = compared(at, present.iter().copied());
        finding.at(QUIC_CONTAINERS_ANNOTATION).suggest(name.trim(), present)
    });
    let named = containers(pod).filter(|(_, _, container)| is_named(container, &names));
    let wrong = named.filter_map(|(_, _, container)| {
        let own = own_id(container, variable).filter(|id| !is_id(id))?;
        let problem = format!("{own:?} in {variable} is not an id, expected eight bytes in base64");
        Some(Finding::warning(object, problem).at(QUIC_CONTAINERS_ANNOTATION))
    });
    missing.chain(wrong).collect()
}

/// The id that a container brings itself, if it stands there.
fn own_id<'v>(container: &'v Value, variable: &str) -> Option<&'v str> {
    let mut env = container.get("env").and_then(Value::as_array).into_iter().flatten();
    env.find(|entry| text(entry, "/name") == Some(variable))?.get("value")?.as_str()
}

fn is_id(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 8)
}

fn is_named(container: &Value, names: &BTreeSet<String>) -> bool {
    text(container, "/name").is_some_and(|name| names.contains(name))
}

fn named_containers(operation: AdmissionOperation, pod: &Value) -> Option<BTreeSet<String>> {
    let annotations = pod.pointer("/metadata/annotations")?;
    let names = annotations.get(QUIC_CONTAINERS_ANNOTATION)?.as_str()?;
    // why: blanks belong to the names, so that a pod gets the same ids from either controller
    (operation == AdmissionOperation::Create).then(|| names.split(',').map(str::to_owned).collect())
}

fn containers(pod: &Value) -> impl Iterator<Item = (&'static str, usize, &Value)> {
    ["containers", "initContainers"].into_iter().flat_map(move |list| {
        let containers =
            pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten();
        containers.enumerate().map(move |(index, container)| (list, index, container))
    })
}

fn lacks(container: &Value, names: &BTreeSet<String>, variable: &str) -> bool {
    let named = is_named(container, names);
    let env = container.get("env").and_then(Value::as_array).into_iter().flatten();
    named && !env.into_iter().any(|entry| text(entry, "/name") == Some(variable))
}

#[cfg(test)]
mod tests;
