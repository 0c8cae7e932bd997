//! The status of a GatewayClass.

use super::{StatusTime, Wanted, merge, same_members};
use crate::api::ObjectKey;
use crate::api::gateway::{GatewayClassStatus, SupportedFeature};

/// What came of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassOutcome {
    /// Gateways can be made of it.
    Accepted,
    /// It names a configuration without a namespace.
    NamespaceMissing,
    /// The configuration is not there.
    NotFound(ObjectKey),
}

/// The status of a class; `None` if it says that already. `features` are those of Gateway API that its Gateways have, sorted.
pub fn class_status(
    old: &GatewayClassStatus,
    outcome: &ClassOutcome,
    features: &[&str],
    moment: StatusTime,
) -> Option<GatewayClassStatus> {
    let conditions = merge(&old.conditions, &[wanted(outcome)], moment);
    let supported_features =
        features.iter().map(|name| SupportedFeature { name: (*name).to_owned() }).collect();
    let new = GatewayClassStatus { conditions, supported_features };
    let is_same =
        same_members(&new.conditions, &old.conditions) && new.supported_features == old.supported_features;
    (!is_same).then_some(new)
}

fn wanted(outcome: &ClassOutcome) -> Wanted {
    match outcome {
        ClassOutcome::Accepted => Wanted::new("Accepted", true, "Accepted", "Accepted"),
        ClassOutcome::NamespaceMissing => {
            let message = "Namespace must be specified in ParametersRef for LoadBalancerConfiguration";
            Wanted::new("Accepted", false, "InvalidParametersRef", message)
        }
        ClassOutcome::NotFound(key) => {
            let message = format!("LoadBalancerConfiguration ({},{}) not found", key.name(), key.namespace());
            Wanted::new("Accepted", false, "NotFound", message)
        }
    }
}

#[cfg(test)]
mod tests;
