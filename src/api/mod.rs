//! Layer 0: the Kubernetes types the controller reads and writes.
//!
//! Our own custom resources, re-exports of the built-in kinds, names and keys ([`meta`]) and label selectors
//! ([`selector`]). Nothing here talks to an API server or knows about AWS.
//!
//! Matches upstream's Go packages `apis/elbv2`, `apis/aga` and `apis/gateway`; the schemas of [`crds()`] are equal to the ones upstream ships, so that
//! either controller can run on the other's CRDs.

pub mod alb_target_control_config;
pub mod crds;
pub mod gateway;
pub mod gateway_config;
pub mod global_accelerator;
pub mod ingress_class_params;
pub mod meta;
mod schema;
pub mod selector;
pub mod target_group_binding;
pub mod trimmed;

pub use k8s_openapi::api::coordination::v1::Lease;
pub use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, Namespace, Node, Pod, PodCondition, Secret, Service, ServicePort,
};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;
pub use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference, Time,
};
pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub use alb_target_control_config::{AlbTargetControlConfig, AlbTargetControlConfigSpec};
pub use crds::crds;
pub use global_accelerator::GlobalAccelerator;
pub use ingress_class_params::{IngressClassParams, IngressClassParamsSpec};
pub use meta::ObjectKey;
pub use target_group_binding::{TargetGroupBinding, TargetGroupBindingSpec, TargetGroupBindingStatus};
pub use trimmed::Trimmed;

/// Lets an object without a `spec` be read: the spec is then its default.
///
/// why: the schemas do not require `spec`, so such objects exist, and one object that can't be read would stop the
/// watch of its whole kind. A missing field reaches serde as an absent option, which the derived code of a struct
/// refuses; hence the types are derived with `#[serde(remote = "Self")]` and wrapped here.
macro_rules! absent_spec_is_default {
    ($spec:ty) => {
        impl serde::Serialize for $spec {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$spec>::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $spec {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Present($spec);
                impl<'de> serde::Deserialize<'de> for Present {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        <$spec>::deserialize(deserializer).map(Present)
                    }
                }
                let spec = <Option<Present> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(spec.map_or_else(<$spec>::default, |Present(spec)| spec))
            }
        }
    };
}
use absent_spec_is_default;
