//! `GlobalAccelerator`: an accelerator of AWS Global Accelerator, its listeners, and the load balancers behind them.
//!
//! Upstream's Go package `apis/aga/v1beta1`.

#![allow(clippy::duplicated_attributes)] // why: clippy takes the columns of `printcolumn` for one attribute

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{absent_spec_is_default, schema};

/// API group of GlobalAccelerators.
pub const GROUP: &str = "aga.k8s.aws";
/// Kind of GlobalAccelerators.
pub const KIND: &str = "GlobalAccelerator";
/// Finalizer on GlobalAccelerators that may have an accelerator.
pub const FINALIZER: &str = "aga.k8s.aws/resources";
/// Tag on an accelerator: namespace and name of its GlobalAccelerator.
pub const STACK_TAG: &str = "aga.k8s.aws/stack";
/// Tag on an accelerator: what it is.
pub const RESOURCE_TAG: &str = "aga.k8s.aws/resource";
/// Value of [`RESOURCE_TAG`].
pub const RESOURCE: &str = "GlobalAccelerator";
/// Tag on an accelerator: the region of the cluster, because accelerators belong to no region.
pub const CLUSTER_REGION_TAG: &str = "elbv2.k8s.aws/cluster-region";

/// Weight of endpoints that name none.
pub const DEFAULT_WEIGHT: i32 = 128;

/// The accelerator that the user wants.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "aga.k8s.aws",
    version = "v1beta1",
    kind = "GlobalAccelerator",
    plural = "globalaccelerators",
    namespaced,
    status = "GlobalAcceleratorStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "An accelerator of AWS Global Accelerator with its listeners and endpoints.",
    printcolumn(
        name = "ACCELERATOR-NAME",
        type_ = "string",
        json_path = ".spec.name",
        description = "Name of the accelerator"
    ),
    printcolumn(
        name = "DNS-NAME",
        type_ = "string",
        json_path = ".status.dnsName",
        description = "DNS name of the accelerator"
    ),
    printcolumn(
        name = "TYPE",
        type_ = "string",
        json_path = ".spec.type",
        description = "Has no value: there is one type of accelerators"
    ),
    printcolumn(
        name = "STATUS",
        type_ = "string",
        json_path = ".status.status",
        description = "Status of the accelerator"
    ),
    printcolumn(
        name = "ARN",
        type_ = "string",
        json_path = ".status.acceleratorARN",
        description = "ARN of the accelerator",
        priority = 1
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct GlobalAcceleratorSpec {
    /// Name of the accelerator. Absent: made of namespace and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]{1,64}$"), length(min = 1, max = 64))]
    pub name: Option<String>,

    /// IPv4 addresses of your own address pools, one or two, without `/32`. They count when the accelerator is created; it keeps
    /// its addresses for life.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    pub ip_addresses: Option<Vec<String>>,

    /// Address families of the accelerator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "IPV4"))]
    pub ip_address_type: Option<AcceleratorAddressType>,

    /// Tags of the accelerator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,

    /// The listeners. Absent or empty: the accelerator has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<Listener>>,
}

absent_spec_is_default!(GlobalAcceleratorSpec);

/// Address families.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AcceleratorAddressType {
    /// IPv4.
    #[default]
    #[serde(rename = "IPV4")]
    #[strum(serialize = "IPV4")]
    Ipv4,
    /// IPv4 and IPv6.
    DualStack,
}

/// Protocols of listeners.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::Display,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum AcceleratorProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What ties a client to an endpoint.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ClientAffinity {
    /// Its address.
    SourceIp,
    /// Nothing.
    #[default]
    None,
}

/// Ports of one protocol, and where their traffic goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Protocol. Absent: the one of the only endpoint's load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<AcceleratorProtocol>,

    /// Ports. Absent: those of the only endpoint's load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub port_ranges: Option<Vec<PortRange>>,

    /// Whether all connections of a client go to the same endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "NONE"))]
    pub client_affinity: Option<ClientAffinity>,

    /// Endpoints by region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_groups: Option<Vec<EndpointGroup>>,
}

/// Ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.fromPort <= self.toPort", "message": "FromPort must be less than or equal to ToPort"},
]))]
pub struct PortRange {
    /// The first port.
    #[schemars(range(min = 1, max = 65535))]
    pub from_port: i32,
    /// The last port.
    #[schemars(range(min = 1, max = 65535))]
    pub to_port: i32,
}

/// The endpoints of a listener in one region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointGroup {
    /// Region of the endpoints. Absent or empty: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub region: Option<String>,

    /// How much of the traffic that AWS would send to this region goes there; the rest goes to other regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100), extend("default" = 100))]
    pub traffic_dial_percentage: Option<i32>,

    /// Listener ports whose traffic goes to other ports of the endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_overrides: Option<Vec<PortOverride>>,

    /// The endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Endpoint>>,
}

/// A listener port whose traffic goes to another port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortOverride {
    /// Port of the listener.
    #[schemars(range(min = 1, max = 65535))]
    pub listener_port: i32,
    /// Port of the endpoints.
    #[schemars(range(min = 1, max = 65535))]
    pub endpoint_port: i32,
}

/// What an endpoint is named by.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum EndpointType {
    /// Id or ARN in AWS.
    #[default]
    EndpointID,
    /// A Service with an NLB.
    Service,
    /// An Ingress with an ALB.
    Ingress,
    /// A Gateway.
    Gateway,
}

/// Where traffic goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.type != 'EndpointID' || (has(self.endpointID) && !has(self.name))",
        "message": "endpointID is required and name must not be set when type is EndpointID",
    },
    {
        "rule": "self.type == 'EndpointID' || (has(self.name) && !has(self.endpointID))",
        "message": "name is required and endpointID must not be set when type is Service/Ingress/Gateway",
    },
]))]
pub struct Endpoint {
    /// What it is named by.
    #[serde(rename = "type")]
    pub kind: EndpointType,

    /// ARN of a load balancer, id of an Elastic IP address or of an instance. For load balancers of other regions there is no other
    /// way.
    #[serde(rename = "endpointID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub endpoint_id: Option<String>,

    /// Name of the Service, Ingress or Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// Its namespace. Another one than the GlobalAccelerator's needs a ReferenceGrant there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,

    /// Share of the group's traffic, in relation to the weights of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 255), extend("default" = 128))]
    pub weight: Option<i32>,

    /// Whether targets see the address of the client.
    #[serde(rename = "clientIPPreservationEnabled", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub client_ip_preservation_enabled: Option<bool>,
}

/// What the controller has made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GlobalAcceleratorStatus {
    /// Generation that this status tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// ARN of the accelerator.
    #[serde(rename = "acceleratorARN", skip_serializing_if = "Option::is_none")]
    pub accelerator_arn: Option<String>,
    /// DNS name of its IPv4 addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// DNS name of all its addresses, if it has IPv6 ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_stack_dns_name: Option<String>,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_sets: Vec<IpSet>,
    /// What AWS says of it: `DEPLOYED` or `IN_PROGRESS`; or `DELETING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether it is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Addresses of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpSet {
    /// The addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_addresses: Option<Vec<String>>,
    /// `IPv4` or `IPv6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_family: Option<String>,
}

impl Endpoint {
    /// The namespace of what it names, in a GlobalAccelerator of this namespace. An empty one is none.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own)
    }
}

impl GlobalAccelerator {
    /// Every endpoint, in order.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let listeners = self.spec.listeners.iter().flatten();
        let groups = listeners.flat_map(|listener| listener.endpoint_groups.iter().flatten());
        groups.flat_map(|group| group.endpoints.iter().flatten())
    }

    /// The accelerator that the status names.
    pub fn recorded_arn(&self) -> Option<&str> {
        self.status.as_ref()?.accelerator_arn.as_deref().filter(|arn| !arn.is_empty())
    }
}
