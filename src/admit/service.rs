//! Services: a new LoadBalancer Service without a class becomes ours, and what cannot be built is refused.
//!
//! Defaulting matches upstream's `webhooks/core/service_mutator.go`; the checks are ours.

use super::{Admitted, Denial, Operation, annotations, change, set, text, verdict};
use crate::api::Service;
use crate::config::{AnnotationValidation, Config};
use serde::Deserialize;
use serde_json::Value;

const CLASS: &str = "/spec/loadBalancerClass";

/// Completes `spec.loadBalancerClass`.
pub fn default_class(config: &Config, operation: Operation, object: &Value, old: Option<&Value>) -> Admitted {
    if text(object, "/spec/type") != Some("LoadBalancer") || text(object, CLASS).is_some() {
        return Admitted::unchanged();
    }
    let class = match operation {
        Operation::Create => Some(config.load_balancer_class.as_str()),
        // The class is immutable; an update that forgets it means no change.
        Operation::Update => old.and_then(|old| text(old, CLASS)),
        Operation::Other => None,
    };
    let Some(class) = class else { return Admitted::unchanged() };
    let mut object = object.clone();
    set(&mut object, "spec", "loadBalancerClass", Value::from(class));
    Admitted::changed(object)
}

/// Checks the annotations of a new or changed Service against each other, its ports and what AWS can be asked for.
///
/// `namespace` is the request's: the object may lack it.
pub fn check(
    config: &Config,
    operation: Operation,
    namespace: &str,
    object: &Value,
    old: Option<&Value>,
) -> Result<Admitted, Denial> {
    let is_off = config.annotation_validation == AnnotationValidation::Off;
    if is_off || change::is_of_no_concern(operation, object, old) {
        return Ok(Admitted::unchanged());
    }
    // why: an object that does not parse is the API server's to refuse
    let Ok(mut service) = Service::deserialize(object) else { return Ok(Admitted::unchanged()) };
    service.metadata.namespace.get_or_insert_with(|| namespace.to_owned());
    let old = old.and_then(|old| Service::deserialize(old).ok());
    let findings = annotations::of_service(config, &service, old.as_ref());
    verdict::judge(
        config.annotation_validation,
        "annotations",
        &annotations::service_ref(&service),
        &findings,
    )
}

#[cfg(test)]
mod tests;
