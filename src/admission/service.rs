//! Services: a new LoadBalancer Service without a class becomes ours, and what cannot be built is refused.
//!
//! Defaulting matches upstream's `webhooks/core/service_mutator.go`; the checks are ours.

use super::{AdmissionOperation, Admitted, Change, Denial, set, text, validate};
use crate::config::Config;
use crate::facts::cost::too_costly_service;
use crate::facts::object_refs::service_ref;
use serde_json::Value;

const CLASS: &str = "/spec/loadBalancerClass";

/// Completes `spec.loadBalancerClass`.
pub fn default_class(
    config: &Config,
    operation: AdmissionOperation,
    object: &Value,
    old: Option<&Value>,
) -> Admitted {
    if text(object, "/spec/type") != Some("LoadBalancer") || text(object, CLASS).is_some() {
        return Admitted::unchanged();
    }
    let class = match operation {
        AdmissionOperation::Create => Some(config.load_balancer_class.as_str()),
        // The class is immutable; an update that forgets it means no change.
        AdmissionOperation::Update => old.and_then(|old| text(old, CLASS)),
        AdmissionOperation::Other => None,
    };
    let Some(class) = class else { return Admitted::unchanged() };
    let mut object = object.clone();
    set(&mut object, "spec", "loadBalancerClass", Value::from(class));
    Admitted::changed(object)
}

/// Checks the annotations of a new or changed Service against each other, its ports and what AWS can be asked for.
pub fn check(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    change.check_object(config, "annotations", service_ref, |service, old| {
        // why: what it was before only matters for warnings
        let old = old.filter(|old| too_costly_service(old).is_none());
        too_costly_service(service)
            .map_or_else(|| validate::check_service(config, service, old), |finding| vec![finding])
    })
}

#[cfg(test)]
mod tests;
