//! Pod drain: a pod that leaves goes on serving until its load balancers have stopped sending to it.
//!
//! Kubernetes ends a pod while AWS still sends requests to it: its endpoint becomes terminating, it is deregistered, and until
//! every node of the load balancer knows that, new connections come. So a new pod that bindings select gets a native sleep in
//! the `preStop` hook of its containers, as long as that takes, and as much longer until it is killed.

use super::pod_bindings::SelectingBinding;
use super::{AdmissionOperation, Admitted, set, text};
use crate::api::Service;
use crate::api::meta::{POD_DRAIN_ANNOTATION, POD_DRAIN_INJECT, POD_DRAIN_SECONDS_ANNOTATION};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Seconds after deregistration in which an ALB may still send new requests.
const ALB_SECONDS: u64 = 15;
/// Seconds after deregistration in which an NLB may still send new connections.
const NLB_SECONDS: u64 = 120;
/// Seconds until kube-proxy on every node sends nothing more to a pod behind instance targets.
const KUBE_PROXY_SECONDS: u64 = 5;
/// Seconds until health checks have told that a node has no pod of a Service with `externalTrafficPolicy: Local` any more.
const LOCAL_NODE_SECONDS: u64 = 30;
/// AWS's default of the deregistration delay, in seconds.
const DEFAULT_DELAY: u64 = 300;
/// Kubernetes' default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE: u64 = 30;
/// The most that `terminationGracePeriodSeconds` can hold.
const MAX_GRACE: u64 = i64::MAX.unsigned_abs();
/// The longest sleep that a pod may ask for, in seconds.
const MAX_SECONDS: u64 = 3600;

/// Whether a new pod shall be drained: its annotation says, else the label of its namespace.
pub fn is_wanted(
    operation: AdmissionOperation,
    pod: &Value,
    namespace_label: impl Fn(&str) -> Option<String>,
) -> bool {
    let is_asked = match annotation(pod, POD_DRAIN_INJECT) {
        Some(given) => given == "enabled",
        None => namespace_label(POD_DRAIN_INJECT).as_deref() == Some("enabled"),
    };
    operation == AdmissionOperation::Create && is_asked && is_replaceable(pod) && has_room(pod)
}

/// Whether anybody waits for the pod to end: what a Job waits for, or a port of a node, must not be held up.
fn is_replaceable(pod: &Value) -> bool {
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let has_owner = |kind| owners.into_iter().flatten().any(|owner| text(owner, "/kind") == Some(kind));
    let is_on_host = pod.pointer("/spec/hostNetwork").and_then(Value::as_bool) == Some(true);
    let is_awaited = has_owner("Job") || (is_on_host && has_owner("DaemonSet"));
    !is_awaited
}

/// Whether a container has no `preStop` hook of its own.
fn has_room(pod: &Value) -> bool {
    containers(pod).any(lacks_hook)
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten()
}

fn lacks_hook(container: &Value) -> bool {
    container.pointer("/lifecycle/preStop").is_none_or(Value::is_null)
}

/// Lets the containers of a pod sleep before they end. `delay` knows deregistration delays by the ARN of the target group;
/// `None`: AWS does not tell. Of a delay at most `max_delay` is waited for.
pub fn inject(
    pod: &Value,
    bindings: &[SelectingBinding],
    delay: impl Fn(&str) -> Option<Duration>,
    max_delay: Duration,
) -> Admitted {
    let waits = bindings.iter().map(|binding| Wait::of(binding, &delay, max_delay.as_secs()));
    // why the name: of equals always the same, whatever the order of the bindings
    let longest = waits.max_by(|a, b| (a.seconds, &b.reason).cmp(&(b.seconds, &a.reason)));
    let Some(computed) = longest else { return Admitted::unchanged() };
    let (wait, warnings) = match annotation(pod, POD_DRAIN_SECONDS_ANNOTATION).map(given_seconds) {
        None => (computed, Vec::new()),
        Some(Ok(0)) => return Admitted::unchanged(),
        Some(Ok(seconds)) => (Wait { seconds, reason: "as the pod asks for".to_owned() }, Vec::new()),
        Some(Err(warning)) => (computed, vec![warning]),
    };
    Admitted { object: Some(with_sleep(pod, &wait)), warnings }
}

/// How long a binding wants a pod to wait, and why.
struct Wait {
    seconds: u64,
    reason: String,
}

impl Wait {
    fn of(selecting: &SelectingBinding, delay: impl Fn(&str) -> Option<Duration>, max_delay: u64) -> Self {
        let name = selecting.binding.metadata.name.as_deref().unwrap_or_default();
        let Some(arn) = selecting.delayed_target_group() else {
            return Self::behind_nodes(name, &selecting.service);
        };
        let protocol = selecting.binding.spec.target_group_protocol.as_ref().map(<&str>::from);
        let (balancer, known_after) = match protocol {
            Some("HTTP" | "HTTPS") => ("ALB", ALB_SECONDS),
            _ => ("NLB", NLB_SECONDS),
        };
        let (delay, origin) = match delay(arn) {
            Some(delay) => (delay.as_secs(), "its deregistration delay"),
            None => (DEFAULT_DELAY, "the default deregistration delay"),
        };
        let waited = delay.min(max_delay);
        let reason = format!(
            "TargetGroupBinding {name}: {known_after} s until the {balancer} sends nothing new, {waited} s for requests on their \
             way ({origin} is {delay} s, at most {max_delay} s are waited for)"
        );
        Self { seconds: known_after + waited, reason }
    }

    fn behind_nodes(name: &str, service: &Service) -> Self {
        let policy = service.spec.as_ref().and_then(|spec| spec.external_traffic_policy.as_deref());
        let (seconds, what) = match policy {
            Some("Local") => (LOCAL_NODE_SECONDS, "health checks tell that the node has no pod any more"),
            _ => (KUBE_PROXY_SECONDS, "kube-proxy on every node sends nothing more"),
        };
        Self { seconds, reason: format!("TargetGroupBinding {name}: {seconds} s until {what}") }
    }
}

/// The seconds that a pod asks for, or why they are passed over.
fn given_seconds(text: &str) -> Result<u64, String> {
    let given = text.trim().parse::<u64>().ok().filter(|seconds| *seconds <= MAX_SECONDS);
    given.ok_or_else(|| {
        format!(
            "annotation {POD_DRAIN_SECONDS_ANNOTATION}: {text:?} is passed over, expected whole seconds from 0 to {MAX_SECONDS}"
        )
    })
}

fn with_sleep(pod: &Value, wait: &Wait) -> Value {
    let Wait { seconds, reason } = wait;
    let mut drained = pod.clone();
    let all = drained.pointer_mut("/spec/containers").and_then(Value::as_array_mut);
    for container in all.into_iter().flatten().filter(|container| lacks_hook(container)) {
        let Some(container) = container.as_object_mut() else { continue };
        let lifecycle = container.entry("lifecycle").or_insert(Value::Null);
        if !lifecycle.is_object() {
            *lifecycle = Value::Object(Map::new());
        }
        if let Some(lifecycle) = lifecycle.as_object_mut() {
            lifecycle.insert("preStop".to_owned(), json!({"sleep": {"seconds": seconds}}));
        }
    }
    let grace = pod.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
    // why the limit: the API server cannot read more
    let grace = grace.unwrap_or(DEFAULT_GRACE).saturating_add(*seconds).min(MAX_GRACE);
    set(&mut drained, "spec", "terminationGracePeriodSeconds", grace.into());
    let mut annotations =
        pod.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    annotations.insert(
        POD_DRAIN_ANNOTATION.to_owned(),
        format!("sleeps {seconds} s before it ends; {reason}").into(),
    );
    set(&mut drained, "metadata", "annotations", Value::Object(annotations));
    drained
}

fn annotation<'p>(pod: &'p Value, key: &str) -> Option<&'p str> {
    pod.pointer("/metadata/annotations")?.get(key)?.as_str()
}

#[cfg(test)]
mod tests;
