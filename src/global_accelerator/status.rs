//! What a GlobalAccelerator's status tells.

use crate::api::global_accelerator::{GlobalAccelerator, GlobalAcceleratorStatus, IpSet};
use crate::api::{Condition, Time};
use crate::aws_api::global_accelerator::{Accelerator, AcceleratorStatus};
use serde_json::{Value, json};

const READY: &str = "Ready";
const DISABLING: &str = "AcceleratorDisabling";

/// What became of a GlobalAccelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceleratorOutcome<'a> {
    /// AWS has all that was asked for, and shows this.
    Deployed(&'a Accelerator),
    /// AWS has this, and not all that was asked for yet.
    Incomplete(&'a Accelerator),
    /// The load balancer that says which listeners there are is waited for.
    Waiting {
        /// What AWS has so far.
        accelerator: Option<&'a Accelerator>,
        /// What for.
        message: String,
    },
    /// An endpoint that never can be one.
    EndpointLoadFailed,
    /// The object asks for what cannot be.
    ModelBuildFailed,
    /// AWS refused something.
    DeploymentFailed,
    /// It is to go; AWS has to disable the accelerator first.
    Deleting,
}

/// The merge patch that brings the status to an outcome; `None`: it is there.
pub fn patch(object: &GlobalAccelerator, outcome: &AcceleratorOutcome<'_>, now: Time) -> Option<Value> {
    let old = object.status.clone().unwrap_or_default();
    let mut new = old.clone();
    new.observed_generation = object.metadata.generation;
    match outcome {
        AcceleratorOutcome::Deployed(accelerator) => {
            show(&mut new, accelerator);
            set(&mut new, ready_of(accelerator), now);
        }
        AcceleratorOutcome::Incomplete(accelerator) => {
            show(&mut new, accelerator);
            set(&mut new, provisioning("GlobalAccelerator is being provisioned"), now);
        }
        AcceleratorOutcome::Waiting { accelerator, message } => {
            if let Some(accelerator) = accelerator {
                show(&mut new, accelerator);
            }
            set(&mut new, provisioning(message), now);
        }
        AcceleratorOutcome::EndpointLoadFailed => set(&mut new, failed("EndpointLoadFailed"), now),
        AcceleratorOutcome::ModelBuildFailed => set(&mut new, failed("ModelBuildFailed"), now),
        AcceleratorOutcome::DeploymentFailed => set(&mut new, failed("DeploymentFailed"), now),
        AcceleratorOutcome::Deleting => {
            new.status = Some("DELETING".to_owned());
            let waits = "Waiting for accelerator to be disabled before deletion";
            set(&mut new, (DISABLING, "True", DISABLING, waits), now.clone());
            set(&mut new, (READY, "False", "AcceleratorDeleting", "GlobalAccelerator is being deleted"), now);
        }
    }
    (new != old).then(|| difference(&old, &new))
}

/// Type, status, reason and message.
type ConditionWords<'a> = (&'static str, &'static str, &'static str, &'a str);

fn ready_of(accelerator: &Accelerator) -> ConditionWords<'static> {
    if accelerator.status == AcceleratorStatus::Deployed {
        (READY, "True", "AcceleratorReady", "GlobalAccelerator is ready and available")
    } else {
        provisioning("GlobalAccelerator is being provisioned")
    }
}

fn provisioning(message: &str) -> ConditionWords<'_> {
    (READY, "Unknown", "AcceleratorProvisioning", message)
}

fn failed(reason: &'static str) -> ConditionWords<'static> {
    (READY, "False", reason, "Reconciliation failed. See events and controller logs for details")
}

fn show(status: &mut GlobalAcceleratorStatus, accelerator: &Accelerator) {
    status.accelerator_arn = Some(accelerator.arn.clone());
    status.dns_name = Some(accelerator.dns_name.clone());
    status.dual_stack_dns_name.clone_from(&accelerator.dual_stack_dns_name);
    status.status = Some(accelerator.status.to_string());
    if !accelerator.ip_sets.is_empty() {
        let set = |(family, addresses): &(String, Vec<String>)| IpSet {
            ip_addresses: Some(addresses.clone()),
            ip_address_family: Some(family.clone()),
        };
        status.ip_sets = accelerator.ip_sets.iter().map(set).collect();
    }
}

/// Sets a condition, unless it says that already.
fn set(status: &mut GlobalAcceleratorStatus, text: ConditionWords<'_>, now: Time) {
    let (kind, state, reason, message) = text;
    let new = Condition {
        type_: kind.to_owned(),
        status: state.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: now,
        observed_generation: None,
    };
    match status.conditions.iter_mut().find(|condition| condition.type_ == kind) {
        None => status.conditions.push(new),
        Some(old) if (&old.status, &old.reason, &old.message) != (&new.status, &new.reason, &new.message) => {
            *old = new;
        }
        Some(_) => {}
    }
}

/// The fields that differ; `null` for those that go.
fn difference(old: &GlobalAcceleratorStatus, new: &GlobalAcceleratorStatus) -> Value {
    let fields = |status: &GlobalAcceleratorStatus| match json!(status) {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let gone: Vec<_> = gone.collect();
    let differs = new.into_iter().filter(|(key, value)| old.get(key) != Some(value));
    Value::Object(differs.chain(gone).collect())
}

#[cfg(test)]
mod tests;
