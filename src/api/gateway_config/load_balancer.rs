//! `LoadBalancerConfiguration`: what the owner of a GatewayClass, or of a Gateway, decides for load balancers.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigurationStatus, ConfiguredAttribute, spelled};
use crate::api::absent_spec_is_default;
use crate::api::ingress_class_params::{LoadBalancerIpAddressType, LoadBalancerScheme};

/// Settings of load balancers. "ALB" and "NLB" say on which type a field has an effect; on the other it has none.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gateway.k8s.aws",
    version = "v1",
    kind = "LoadBalancerConfiguration",
    plural = "loadbalancerconfigurations",
    namespaced,
    status = "ConfigurationStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Settings for the load balancers of a GatewayClass or a Gateway.",
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct LoadBalancerConfigurationSpec {
    /// Whose value wins where GatewayClass and Gateway have configurations. Read from the class's; absent: the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merging_mode: Option<MergingMode>,

    /// Name of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub load_balancer_name: Option<String>,

    /// Scheme of the load balancer. Absent: `--default-load-balancer-scheme`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<LoadBalancerScheme>,

    /// Address families of the load balancer. Absent: `ipv4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<LoadBalancerIpAddressType>,

    /// NLB: whether rules of its security groups hold for traffic of PrivateLink, `on` or `off`. Absent: left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_security_group_inbound_rules_on_private_link_traffic: Option<String>,

    /// ALB: pool of customer-owned addresses (on Outposts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_owned_ipv4_pool: Option<String>,

    /// ALB: IPAM pool of the public IPv4 addresses.
    #[serde(rename = "ipv4IPAMPoolId", skip_serializing_if = "Option::is_none")]
    pub ipv4_ipam_pool_id: Option<String>,

    /// Subnets of the load balancer. Wins over the selector when the first entry has an identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_subnets: Option<Vec<SubnetConfiguration>>,

    /// Tags of the subnets: a key, and the values of which a subnet has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_subnets_selector: Option<BTreeMap<String, Vec<String>>>,

    /// Settings of listeners, by protocol and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_configurations: Option<Vec<ListenerConfiguration>>,

    /// NLB: no security group at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_security_group: Option<bool>,

    /// Security groups of the load balancer, by id or name. Absent: the controller makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,

    /// Managed prefix lists that may reach the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_prefixes: Option<Vec<String>>,

    /// Address ranges that may reach the load balancer. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ranges: Option<Vec<String>>,

    /// Attributes of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_attributes: Option<Vec<ConfiguredAttribute>>,

    /// Tags of load balancer, listeners and security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,

    /// Whether the security group that the controller makes admits the ICMP messages of path MTU discovery.
    #[serde(rename = "enableICMP", skip_serializing_if = "Option::is_none")]
    pub enable_icmp: Option<bool>,

    /// Whether targets admit traffic of the load balancer although `securityGroups` are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manage_backend_security_group_rules: Option<bool>,

    /// Reserved capacity of the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_load_balancer_capacity: Option<MinimumCapacity>,

    /// ALB: its web ACL.
    #[serde(rename = "wafV2", skip_serializing_if = "Option::is_none")]
    pub waf_v2: Option<WafV2Configuration>,

    /// ALB: its protection by Shield Advanced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shield_configuration: Option<ShieldConfiguration>,

    /// The TargetGroupConfiguration of Services that have none of their own, in the namespace of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_target_group_configuration: Option<TargetGroupConfigurationReference>,
}

absent_spec_is_default!(LoadBalancerConfigurationSpec);

/// A subnet, and the addresses of the load balancer in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubnetConfiguration {
    /// Id of the subnet, or the value of its tag `Name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// NLB, internet-facing: allocation id of an Elastic IP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eip_allocation: Option<String>,
    /// NLB, internal: an IPv4 address of the subnet.
    #[serde(rename = "privateIPv4Allocation", skip_serializing_if = "Option::is_none")]
    pub private_ipv4_allocation: Option<String>,
    /// NLB, dualstack: an IPv6 address of the subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_allocation: Option<String>,
    /// NLB: prefix of source NAT, a `/80` of the subnet or `auto_assigned`.
    #[serde(rename = "sourceNatIPv6Prefix", skip_serializing_if = "Option::is_none")]
    pub source_nat_ipv6_prefix: Option<String>,
}

/// Settings of the listener on one port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerConfiguration {
    /// Protocol and port of the listener in AWS, for example `HTTPS:443` or `TCP_UDP:53`.
    #[schemars(regex(
        pattern = r"^(HTTP|HTTPS|TLS|TCP|UDP|TCP_UDP)?:(6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})?$"
    ))]
    pub protocol_port: String,
    /// ARN of the default certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<String>,
    /// ARNs of the other certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Vec<String>>,
    /// Security policy. Absent: `--default-ssl-policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// NLB, TLS: which protocols of the application are negotiated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "None"))]
    pub alpn_policy: Option<AlpnPolicy>,
    /// NLB: whether a client stays with the target group that it was sent to first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_stickiness: Option<bool>,
    /// ALB, HTTPS: certificates of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutual_authentication: Option<MutualAuthenticationConfig>,
    /// Attributes of the listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_attributes: Option<Vec<ConfiguredAttribute>>,
    /// NLB, UDP and TCP_UDP: whether the listener speaks QUIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quic_enabled: Option<bool>,
}

/// How certificates of clients are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!(self.mode == 'verify' && !has(self.trustStore))",
        "message": "trustStore is required when mutualAuthentication mode is 'verify'",
    },
    {
        "rule": "!(self.mode != 'verify' && has(self.trustStore))",
        "message": "Mutual Authentication mode 'off' or 'passthrough' does not support 'trustStore'",
    },
    {
        "rule": "!(self.mode != 'verify' && has(self.ignoreClientCertificateExpiry))",
        "message": "Mutual Authentication mode 'off' or 'passthrough' does not support 'ignoreClientCertificateExpiry'",
    },
    {
        "rule": "!(self.mode != 'verify' && has(self.advertiseTrustStoreCaNames))",
        "message": "Mutual Authentication mode 'off' or 'passthrough' does not support 'advertiseTrustStoreCaNames'",
    },
]))]
pub struct MutualAuthenticationConfig {
    /// What is done with certificates of clients.
    pub mode: MutualAuthenticationMode,
    /// Name or ARN of the trust store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_store: Option<String>,
    /// Whether certificates that have expired are taken. Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_client_certificate_expiry: Option<bool>,
    /// Whether clients are told the names of the trusted authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise_trust_store_ca_names: Option<Switch>,
}

/// Capacity that a load balancer keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinimumCapacity {
    /// How many capacity units.
    pub capacity_units: i32,
}

/// The web ACL of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafV2Configuration {
    /// ARN of the web ACL.
    #[serde(rename = "webACL")]
    pub web_acl: String,
}

/// Protection by Shield Advanced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShieldConfiguration {
    /// Whether the load balancer is protected. Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A TargetGroupConfiguration of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroupConfigurationReference {
    /// Its name.
    pub name: String,
}

spelled! {
    /// Whose value wins.
    MergingMode {
        /// The Gateway's.
        PreferGateway = "prefer-gateway",
        /// The GatewayClass's.
        PreferGatewayClass = "prefer-gateway-class",
    }
}

spelled! {
    /// Policy of ALPN, spelled as in the ELBv2 API.
    #[allow(missing_docs)] // why: the variants are the policies' names; a doc line would only repeat them
    AlpnPolicy {
        Http1Only = "HTTP1Only",
        Http2Only = "HTTP2Only",
        Http2Optional = "HTTP2Optional",
        Http2Preferred = "HTTP2Preferred",
        None = "None",
    }
}

spelled! {
    /// What is done with certificates of clients.
    MutualAuthenticationMode {
        /// They are not asked for.
        Off = "off",
        /// They are handed to the targets unchecked.
        Passthrough = "passthrough",
        /// They are checked against a trust store.
        Verify = "verify",
    }
}

spelled! {
    /// `on` or `off`.
    Switch {
        /// Yes.
        On = "on",
        /// No.
        Off = "off",
    }
}
