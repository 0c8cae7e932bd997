//! `TargetGroupBinding`: a target group that already exists in AWS, and the Service whose endpoints are its targets.
//!
//! Upstream's Go package `apis/elbv2/v1beta1`. `v1alpha1` is a subset that differs only in the fields it hides;
//! it exists in the CRD ([`super::crds()`]) but has no Rust type, because the API server converts on read.

#![allow(clippy::duplicated_attributes)] // why: clippy takes the columns of `printcolumn` for one attribute

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{absent_spec_is_default, schema};

/// What the user, or one of our own controllers, wants bound to a target group.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "elbv2.k8s.aws",
    version = "v1beta1",
    kind = "TargetGroupBinding",
    plural = "targetgroupbindings",
    namespaced,
    status = "TargetGroupBindingStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Binds the endpoints of a Service to an AWS target group.",
    printcolumn(
        name = "SERVICE-NAME",
        type_ = "string",
        json_path = ".spec.serviceRef.name",
        description = "Name of the Service"
    ),
    printcolumn(
        name = "SERVICE-PORT",
        type_ = "string",
        json_path = ".spec.serviceRef.port",
        description = "Port of the Service"
    ),
    printcolumn(
        name = "TARGET-TYPE",
        type_ = "string",
        json_path = ".spec.targetType",
        description = "Kind of targets: instance or ip"
    ),
    printcolumn(
        name = "ARN",
        type_ = "string",
        json_path = ".spec.targetGroupARN",
        description = "ARN of the target group",
        priority = 1
    ),
    printcolumn(
        name = "NAME",
        type_ = "string",
        json_path = ".spec.targetGroupName",
        description = "Name of the target group",
        priority = 2
    ),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the targets are as wanted; empty unless conditions are switched on",
        priority = 1
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why",
        priority = 1
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct TargetGroupBindingSpec {
    /// ARN of the target group. Resolved from `targetGroupName` at admission when absent.
    #[serde(rename = "targetGroupARN", skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,

    /// Name of the target group, an alternative to its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_name: Option<String>,

    /// Whether several clusters register targets in this target group. If so, only targets that this cluster
    /// registered are ever deregistered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_cluster_target_group: Option<bool>,

    /// Kind of targets. Read from AWS at admission when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,

    /// Protocol of the target group. Read from AWS at admission when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_protocol: Option<TargetGroupProtocol>,

    /// The Service, and its port, whose endpoints become targets.
    pub service_ref: ServiceReference,

    /// Which traffic the load balancer may send to the targets. Absent: security groups are left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networking: Option<Networking>,

    /// Nodes that may be targets, for target type `instance` only. Absent: every eligible node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub node_selector: Option<LabelSelector>,

    /// Address family of the target group. Read from AWS at admission when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<TargetGroupIpAddressType>,

    /// VPC of the target group. Read from AWS at admission when absent.
    #[serde(rename = "vpcID", skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,

    /// ARN of an IAM role to assume for the calls that touch this target group, for example in another account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam_role_arn_to_assume: Option<String>,

    /// External id to present when assuming the role (protection against the confused deputy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_role_external_id: Option<String>,
}

absent_spec_is_default!(TargetGroupBindingSpec);

/// A port of a Service in the namespace of the binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReference {
    /// Name of the Service.
    pub name: String,
    /// Number or name of the Service's port.
    #[schemars(schema_with = "schema::int_or_string")]
    pub port: IntOrString,
}

/// Which traffic the load balancer may send to the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    /// Rules that are put on the targets' security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Vec<NetworkingIngressRule>>,
}

/// Peers and the ports they may reach; the rule is the product of both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkingIngressRule {
    /// Sources that may reach the targets; at least one.
    pub from: Vec<NetworkingPeer>,
    /// Ports that are opened. Empty: every TCP port.
    pub ports: Vec<NetworkingPort>,
}

/// A source of traffic; exactly one of the fields is meant to be set. The security group wins if both are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkingPeer {
    /// An address range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_block: Option<IpBlock>,
    /// A security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group: Option<SecurityGroupPeer>,
}

/// An IPv4 or IPv6 address range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpBlock {
    /// The range in CIDR notation.
    pub cidr: String,
}

/// An EC2 security group as the source of traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityGroupPeer {
    /// Id of the security group (`sg-…`).
    #[serde(rename = "groupID")]
    pub group_id: String,
}

/// A port to open on the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkingPort {
    /// TCP when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<NetworkingProtocol>,
    /// Number, or for `ip` targets also name, of the port. Absent: all ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::int_or_string")]
    pub port: Option<IntOrString>,
}

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupBindingStatus {
    /// `metadata.generation` of the spec that was last reconciled in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions of the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Option<Vec<Condition>>,
}

/// What a target is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TargetType {
    /// EC2 instances, reached through node ports.
    Instance,
    /// Pod addresses.
    Ip,
}

/// Address family of a target group.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TargetGroupIpAddressType {
    /// IPv4 targets.
    Ipv4,
    /// IPv6 targets.
    Ipv6,
}

/// Protocol of a target group, spelled as in the ELBv2 API (`ProtocolEnum`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // why: the variants are the protocols' names; a doc line would only repeat them
pub enum TargetGroupProtocol {
    Http,
    Https,
    Tcp,
    Tls,
    Udp,
    TcpUdp,
    Quic,
    TcpQuic,
}

/// Transport protocol of a security-group rule.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
#[allow(missing_docs)] // why: as above
pub enum NetworkingProtocol {
    Tcp,
    Udp,
}
