//! `ALBTargetControlConfig`: the target-control agent that is added to pods as a sidecar.
//!
//! Upstream's Go package `apis/elbv2/v1beta1`. Read by the pod webhook only; there is no controller and no status.

#![allow(clippy::duplicated_attributes)] // why: clippy takes the columns of `printcolumn` for one attribute

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{absent_spec_is_default, schema};

/// Settings of the agent's container.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "elbv2.k8s.aws",
    version = "v1beta1",
    kind = "ALBTargetControlConfig",
    root = "AlbTargetControlConfig",
    plural = "albtargetcontrolconfigs",
    singular = "albtargetcontrolconfig",
    namespaced,
    derive = "PartialEq",
    derive = "Default",
    doc = "Settings of the ALB target-control agent that is added to pods as a sidecar.",
    printcolumn(
        name = "IMAGE",
        type_ = "string",
        json_path = ".spec.image",
        description = "Image of the agent"
    ),
    printcolumn(
        name = "DESTINATION",
        type_ = "string",
        json_path = ".spec.destinationAddress",
        description = "Where the agent sends requests"
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct AlbTargetControlConfigSpec {
    /// Image of the agent's container.
    pub image: String,

    /// `address:port` where the agent receives requests from the load balancer.
    #[schemars(regex(pattern = "^.+:[0-9]+$"))]
    pub data_address: String,

    /// `address:port` where the agent and the load balancer exchange management traffic.
    #[schemars(regex(pattern = "^.+:[0-9]+$"))]
    pub control_address: String,

    /// `address:port` of the application that the agent sends requests to.
    #[schemars(regex(pattern = "^.+:[0-9]+$"))]
    pub destination_address: String,

    /// How many requests the target receives at the same time; 0 to 1000.
    #[serde(default = "one_request", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_concurrency: Option<i32>,

    /// Path of the certificate that the agent presents to the load balancer. Absent: it makes its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert_path: Option<String>,

    /// Path of the certificate's private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_path: Option<String>,

    /// Security policy of the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_security_policy: Option<String>,

    /// Protocol between load balancer and agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<AgentProtocolVersion>,

    /// Verbosity of the agent's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust_log: Option<AgentLogLevel>,

    /// Resources of the agent's container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resource_requirements")]
    pub resources: Option<ResourceRequirements>,
}

absent_spec_is_default!(AlbTargetControlConfigSpec);

/// Protocol between load balancer and agent.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
#[allow(missing_docs)] // why: the variants are the protocols' names; a doc line would only repeat them
pub enum AgentProtocolVersion {
    Http1,
    Http2,
    Grpc,
}

/// Verbosity of the agent's log.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[allow(missing_docs)] // why: as above
pub enum AgentLogLevel {
    Debug,
    Info,
    Error,
}

#[allow(clippy::unnecessary_wraps)] // why: serde wants the type of the field
fn one_request() -> Option<i32> {
    Some(1)
}
