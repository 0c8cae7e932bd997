//! `GatewayClass`: which controller Gateways have, and with which configuration.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

use crate::api::absent_spec_is_default;

/// A kind of Gateways.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "GatewayClass",
    plural = "gatewayclasses",
    status = "GatewayClassStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct GatewayClassSpec {
    /// The controller of its Gateways.
    pub controller_name: String,
    /// The configuration of its Gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<ParametersReference>,
}

absent_spec_is_default!(GatewayClassSpec);

/// An object with the configuration of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParametersReference {
    /// Its API group.
    pub group: String,
    /// Kind of the configuration.
    pub kind: String,
    /// Name of the configuration.
    pub name: String,
    /// Namespace of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayClassStatus {
    /// Conditions of the class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What Gateways of the class can do beyond what every Gateway can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_features: Vec<SupportedFeature>,
}

/// A feature of Gateway API.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct SupportedFeature {
    /// Name of the feature, as the conformance suite knows it.
    pub name: String,
}
