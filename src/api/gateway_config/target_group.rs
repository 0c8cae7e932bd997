//! `TargetGroupConfiguration`: settings of the target groups of one Service or Gateway, or the default of a
//! [`LoadBalancerConfiguration`](super::LoadBalancerConfiguration).

#![allow(clippy::duplicated_attributes)] // why: clippy takes the columns of `printcolumn` for one attribute

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigurationStatus, ConfiguredAttribute, spelled};
use crate::api::target_group_binding::{TargetGroupIpAddressType, TargetType};
use crate::api::{absent_spec_is_default, schema};

/// Settings of target groups, for all routes and for some.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gateway.k8s.aws",
    version = "v1",
    kind = "TargetGroupConfiguration",
    plural = "targetgroupconfigurations",
    namespaced,
    status = "ConfigurationStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Settings for the target groups of a Service or a Gateway.",
    printcolumn(
        name = "SERVICE-NAME",
        type_ = "string",
        json_path = ".spec.targetReference.name",
        description = "Name of the Service"
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct TargetGroupConfigurationSpec {
    /// Whose target groups. Absent: only a LoadBalancerConfiguration can name this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_reference: Option<TargetReference>,

    /// Settings for all routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_configuration: Option<TargetGroupProps>,

    /// Settings for some routes; they win over those for all routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_configurations: Option<Vec<RouteConfiguration>>,
}

absent_spec_is_default!(TargetGroupConfigurationSpec);

/// A Service or Gateway in the namespace of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReference {
    /// API group. Not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = ""))]
    pub group: Option<String>,
    /// `Service` (also when absent) or `Gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Service"))]
    pub kind: Option<String>,
    /// Its name.
    pub name: String,
}

/// Settings for the routes that an identifier matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteConfiguration {
    /// Which routes.
    pub route_identifier: RouteIdentifier,
    /// The settings.
    pub target_group_props: TargetGroupProps,
}

/// Routes by kind, by kind and namespace, or one route by kind, namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteIdentifier {
    /// Kind of the routes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "text")]
    pub kind: String,
    /// Namespace of the routes. Empty: any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "text")]
    pub namespace: String,
    /// Name of the route. Empty: any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "text")]
    pub name: String,
}

fn text(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string"})
}

/// Settings of a target group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupProps {
    /// Name of the target group. Absent: generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_name: Option<String>,
    /// Address family. Has no effect: the family follows from the Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<TargetGroupIpAddressType>,
    /// The health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_config: Option<HealthCheckConfig>,
    /// Nodes that may be targets, for target type `instance` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub node_selector: Option<LabelSelector>,
    /// Attributes of the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_attributes: Option<Vec<ConfiguredAttribute>>,
    /// Kind of targets. Absent: `--default-target-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// Protocol of the target group. Absent: follows from listener and route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TargetProtocol>,
    /// ALB, behind HTTPS listeners: version of HTTP. Absent: follows from route and Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<ProtocolVersion>,
    /// Port of the target-control agent. Part of the generated name; AWS is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_control_port: Option<i32>,
    /// Whether several clusters register targets in the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_multi_cluster: Option<bool>,
    /// Tags of the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckConfig {
    /// Successes in a row that make a target healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_threshold_count: Option<i32>,
    /// Seconds between two checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_interval: Option<i32>,
    /// Path that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_path: Option<String>,
    /// Number, name of a Service port, or `traffic-port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_port: Option<String>,
    /// Protocol of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_protocol: Option<HealthCheckProtocol>,
    /// Seconds until a check without an answer has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_timeout: Option<i32>,
    /// Failures in a row that make a target unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_threshold_count: Option<i32>,
    /// Answers that are successes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<HealthCheckMatcher>,
}

/// Status codes that are successes, such as `200` or `200-299`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckMatcher {
    /// Codes of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_code: Option<String>,
    /// Codes of gRPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_code: Option<String>,
}

spelled! {
    /// Protocol of a health check.
    #[allow(missing_docs)] // why: the variants are the protocols' names; a doc line would only repeat them
    HealthCheckProtocol {
        Http = "HTTP",
        Https = "HTTPS",
        Tcp = "TCP",
    }
}

spelled! {
    /// Protocol of a target group.
    #[allow(missing_docs)] // why: as above
    TargetProtocol {
        Http = "HTTP",
        Https = "HTTPS",
        Tcp = "TCP",
        Tls = "TLS",
        Udp = "UDP",
        TcpUdp = "TCP_UDP",
    }
}

spelled! {
    /// Version of HTTP between an ALB and its targets.
    #[allow(missing_docs)] // why: as above
    ProtocolVersion {
        Http1 = "HTTP1",
        Http2 = "HTTP2",
        Grpc = "GRPC",
    }
}
