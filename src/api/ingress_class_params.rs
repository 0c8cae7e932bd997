//! `IngressClassParams`: what the owner of an `IngressClass` decides for every Ingress of that class.
//!
//! Upstream's Go package `apis/elbv2/v1beta1`. Every field is optional; a field that is set wins over the annotation
//! of the same meaning.

#![allow(clippy::duplicated_attributes)] // why: clippy takes the columns of `printcolumn` for one attribute

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::target_group_binding::TargetType;
use super::{absent_spec_is_default, schema};

/// The settings of a class.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "elbv2.k8s.aws",
    version = "v1beta1",
    kind = "IngressClassParams",
    plural = "ingressclassparams",
    singular = "ingressclassparam",
    derive = "PartialEq",
    derive = "Default",
    doc = "Settings for every Ingress of an IngressClass.",
    printcolumn(
        name = "GROUP-NAME",
        type_ = "string",
        json_path = ".spec.group.name",
        description = "Ingress group of the class"
    ),
    printcolumn(
        name = "SCHEME",
        type_ = "string",
        json_path = ".spec.scheme",
        description = "Scheme of the load balancers"
    ),
    printcolumn(
        name = "IP-ADDRESS-TYPE",
        type_ = "string",
        json_path = ".spec.ipAddressType",
        description = "Address families of the load balancers"
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.prefixListsIDs) && has(self.PrefixListsIDs))",
    "message": "cannot specify both 'prefixListsIDs' and 'PrefixListsIDs' fields",
}]))]
pub struct IngressClassParamsSpec {
    /// Name of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_name: Option<String>,

    /// ARNs of the certificates of HTTPS listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<Vec<String>>,

    /// Where the certificates of HTTPS listeners come from: ACM, or the Secrets that `spec.tls` of an Ingress names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_source: Option<CertificateSource>,

    /// Namespaces whose Ingresses may use the class. Absent or empty: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_selector: Option<LabelSelector>,

    /// The group that every Ingress of the class joins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<IngressGroup>,

    /// Scheme of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<LoadBalancerScheme>,

    /// Address ranges that may reach the load balancer.
    #[serde(rename = "inboundCIDRs", skip_serializing_if = "Option::is_none")]
    pub inbound_cidrs: Option<Vec<String>>,

    /// Security policy of HTTPS listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,

    /// Port that HTTP requests are redirected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_redirect_port: Option<String>,

    /// Subnets of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<SubnetSelector>,

    /// Address families of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<LoadBalancerIpAddressType>,

    /// Tags of the AWS resources; they win over the tags annotation key by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,

    /// Kind of targets of the target groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,

    /// Attributes of the load balancer; they win over the annotation key by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_attributes: Option<Vec<Attribute>>,

    /// Attributes of listeners. Does not create listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<Listener>>,

    /// Reserved capacity of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_load_balancer_capacity: Option<MinimumLoadBalancerCapacity>,

    /// IPAM pools that the load balancer takes its public addresses from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipam_configuration: Option<IpamConfiguration>,

    /// Managed prefix lists that may reach the load balancer.
    #[serde(rename = "prefixListsIDs", skip_serializing_if = "Option::is_none")]
    pub prefix_lists_ids: Option<Vec<String>>,

    /// Old spelling of `prefixListsIDs`; used only if that is empty.
    #[serde(rename = "PrefixListsIDs", skip_serializing_if = "Option::is_none")]
    pub prefix_lists_ids_legacy: Option<Vec<String>>,

    /// ARN of the WAFv2 web ACL. `none` disassociates.
    #[serde(rename = "wafv2AclArn", skip_serializing_if = "Option::is_none")]
    pub wafv2_acl_arn: Option<String>,

    /// Name of the WAFv2 web ACL.
    #[serde(rename = "wafv2AclName", skip_serializing_if = "Option::is_none")]
    pub wafv2_acl_name: Option<String>,
}

absent_spec_is_default!(IngressClassParamsSpec);

/// A group of Ingresses that share a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressGroup {
    /// Name of the group.
    pub name: String,
}

/// Subnets by id or by tag; exactly one of the fields is meant to be set (checked at admission).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubnetSelector {
    /// Ids of the subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::subnet_ids")]
    pub ids: Option<Vec<String>>,
    /// Tag keys, each with the values that are accepted; a subnet must match every key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, Vec<String>>>,
}

/// A tag of an AWS resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Key of the tag.
    pub key: String,
    /// Value of the tag.
    pub value: String,
}

/// An attribute of a load balancer or a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Key of the attribute.
    pub key: String,
    /// Value of the attribute.
    pub value: String,
}

/// Attributes for the listener of a protocol and a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Protocol of the listener, as in the ELBv2 API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Port of the listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Attributes of the listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_attributes: Option<Vec<Attribute>>,
}

/// Capacity that is reserved for a load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinimumLoadBalancerCapacity {
    /// Number of load balancer capacity units.
    pub capacity_units: i32,
}

/// IPAM pools of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IpamConfiguration {
    /// Id of the pool for public IPv4 addresses.
    #[serde(rename = "ipv4IPAMPoolId", skip_serializing_if = "Option::is_none")]
    pub ipv4_ipam_pool_id: Option<String>,
}

/// Whether a load balancer can be reached from the internet.
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
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum LoadBalancerScheme {
    /// Private addresses only.
    Internal,
    /// Public addresses.
    InternetFacing,
}

/// Where certificates come from.
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
pub enum CertificateSource {
    /// ACM.
    #[serde(rename = "acm")]
    #[strum(serialize = "acm")]
    Acm,
    /// The Secrets that `spec.tls` of an Ingress names.
    #[serde(rename = "secret")]
    #[strum(serialize = "secret")]
    Secret,
}

/// Address families of a load balancer.
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
pub enum LoadBalancerIpAddressType {
    /// IPv4.
    #[serde(rename = "ipv4")]
    #[strum(serialize = "ipv4")]
    Ipv4,
    /// IPv4 and IPv6.
    #[serde(rename = "dualstack")]
    #[strum(serialize = "dualstack")]
    Dualstack,
    /// Public IPv6, private IPv4.
    #[serde(rename = "dualstack-without-public-ipv4")]
    #[strum(serialize = "dualstack-without-public-ipv4")]
    DualstackWithoutPublicIpv4,
}
