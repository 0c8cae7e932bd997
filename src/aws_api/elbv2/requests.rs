//! What is asked of Elastic Load Balancing v2, one type an operation.

use super::{
    HealthCheck, IpAddressType, ListenerAction, LoadBalancerType, MutualAuthentication, Protocol,
    RuleCondition, RuleTransform, Scheme, SubnetMapping, TargetHealthState, TargetType,
};
use crate::aws_api::{Attributes, Ref, Tags};
use serde::Serialize;

macro_rules! list {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $ty,)*
            /// Where the previous page ended.
            pub marker: Option<String>,
        }
    };
}

list!(/// `DescribeLoadBalancers`, one page (at most 400).
DescribeLoadBalancers {
    /// Exactly these (at most 20); empty: all.
    arns: Vec<String>,
    /// By name.
    names: Vec<String>,
});
list!(/// `DescribeTargetGroups`, one page (at most 400).
DescribeTargetGroups {
    /// Exactly these; empty: all.
    arns: Vec<String>,
    /// By name.
    names: Vec<String>,
    /// Of one load balancer.
    load_balancer_arn: Option<String>,
});
list!(/// `DescribeListeners` of a load balancer, one page.
DescribeListeners {
    /// Load balancer.
    load_balancer_arn: Ref,
});
list!(/// `DescribeRules` of a listener, one page.
DescribeRules {
    /// Listener.
    listener_arn: Ref,
});
list!(/// `DescribeListenerCertificates`, one page.
DescribeListenerCertificates {
    /// Listener.
    listener_arn: Ref,
});
list!(/// `DescribeTrustStores` by name, one page.
DescribeTrustStores {
    /// Names.
    names: Vec<String>,
});

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Set when there is more.
    pub next_marker: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next_marker: None }
    }
}

/// A certificate on a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerCertificate {
    /// Certificate ARN.
    pub arn: String,
    /// Whether it is the default one.
    pub is_default: bool,
}

/// A trust store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustStore {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
}

macro_rules! request {
    ($($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty,)* }
    )*};
}

request! {
    /// `DescribeTags` of at most 20 resources.
    DescribeTags {
        /// ARNs.
        arns: Vec<String>
    }
    /// `DescribeLoadBalancerAttributes`.
    DescribeLoadBalancerAttributes {
        /// Load balancer.
        arn: Ref
    }
    /// `DescribeTargetGroupAttributes`.
    DescribeTargetGroupAttributes {
        /// Target group.
        arn: Ref
    }
    /// `DescribeListenerAttributes`.
    DescribeListenerAttributes {
        /// Listener.
        arn: Ref
    }
    /// `DescribeCapacityReservation`.
    DescribeCapacityReservation {
        /// Load balancer.
        arn: Ref
    }
    /// `DescribeTargetHealth`: all targets, or just these.
    DescribeTargetHealth {
        /// Target group.
        arn: Ref,
        /// Only these; empty: all.
        targets: Vec<Target>
    }
    /// `DeleteLoadBalancer`.
    DeleteLoadBalancer {
        /// Load balancer.
        arn: Ref
    }
    /// `SetSecurityGroups`.
    SetSecurityGroups {
        /// Load balancer.
        arn: Ref,
        /// All groups it shall have.
        security_groups: Vec<Ref>,
        /// `on`/`off`; unset: leave.
        enforce_inbound_rules_on_private_link: Option<String>
    }
    /// `SetSubnets`.
    SetSubnets {
        /// Load balancer.
        arn: Ref,
        /// All subnets it shall have.
        subnet_mappings: Vec<SubnetMapping>,
        /// `on`/`off`; network load balancers only.
        enable_prefix_for_ipv6_source_nat: Option<String>
    }
    /// `ModifyIpPools`.
    ModifyIpPools {
        /// Load balancer.
        arn: Ref,
        /// The pool to use; `None` removes it.
        ipv4_ipam_pool_id: Option<String>
    }
    /// `ModifyLoadBalancerAttributes`.
    ModifyLoadBalancerAttributes {
        /// Load balancer.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// `ModifyTargetGroupAttributes`.
    ModifyTargetGroupAttributes {
        /// Target group.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// `ModifyListenerAttributes`.
    ModifyListenerAttributes {
        /// Listener.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// `ModifyCapacityReservation`.
    ModifyCapacityReservation {
        /// Load balancer.
        arn: Ref,
        /// Capacity units; `None` resets the reservation.
        capacity_units: Option<i32>
    }
    /// `ModifyTargetGroup` (health check only).
    ModifyTargetGroup {
        /// Target group.
        arn: Ref,
        /// Health check.
        health_check: HealthCheck
    }
    /// `DeleteTargetGroup`.
    DeleteTargetGroup {
        /// Target group.
        arn: Ref
    }
    /// `DeleteListener`.
    DeleteListener {
        /// Listener.
        arn: Ref
    }
    /// `AddListenerCertificates` of one certificate.
    AddListenerCertificate {
        /// Listener.
        listener_arn: Ref,
        /// Certificate.
        certificate_arn: Ref
    }
    /// `RemoveListenerCertificates` of one certificate.
    RemoveListenerCertificate {
        /// Listener.
        listener_arn: Ref,
        /// Certificate.
        certificate_arn: Ref
    }
    /// `CreateRule`.
    CreateRule {
        /// Listener.
        listener_arn: Ref,
        /// Priority.
        priority: i32,
        /// Conditions.
        conditions: Vec<RuleCondition>,
        /// Actions.
        actions: Vec<ListenerAction>,
        /// Transforms.
        transforms: Vec<RuleTransform>,
        /// Tags.
        tags: Tags
    }
    /// `ModifyRule`; no transforms means `ResetTransforms`.
    ModifyRule {
        /// Rule.
        arn: Ref,
        /// Conditions.
        conditions: Vec<RuleCondition>,
        /// Actions.
        actions: Vec<ListenerAction>,
        /// Transforms.
        transforms: Vec<RuleTransform>
    }
    /// `DeleteRule`.
    DeleteRule {
        /// Rule.
        arn: Ref
    }
    /// `SetRulePriorities`.
    SetRulePriorities {
        /// Rule and its new priority, in the order sent.
        priorities: Vec<(Ref, i32)>
    }
    /// `AddTags` on one resource.
    AddTags {
        /// Resource.
        arn: Ref,
        /// Tags to set.
        tags: Tags
    }
    /// `RemoveTags` on one resource.
    RemoveTags {
        /// Resource.
        arn: Ref,
        /// Keys to remove, sorted.
        keys: Vec<String>
    }
    /// `RegisterTargets` (at most 200 targets a call).
    RegisterTargets {
        /// Target group.
        arn: Ref,
        /// Targets.
        targets: Vec<Target>
    }
    /// `DeregisterTargets` (at most 200 targets a call).
    DeregisterTargets {
        /// Target group.
        arn: Ref,
        /// Targets.
        targets: Vec<Target>
    }
}

/// `SetIpAddressType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetIpAddressType {
    /// Load balancer.
    pub arn: Ref,
    /// Address families.
    pub ip_address_type: IpAddressType,
}

/// A target (`TargetDescription`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target {
    /// Instance id, IP address or ALB ARN.
    pub id: Ref,
    /// Port.
    pub port: Option<i32>,
    /// `all` or a zone name, for addresses outside the VPC.
    pub availability_zone: Option<String>,
    /// `0x…`, QUIC target groups only.
    pub quic_server_id: Option<String>,
}

/// Health of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target.
    pub target: Target,
    /// State.
    pub state: TargetHealthState,
    /// AWS's reason code, for example `Elb.RegistrationInProgress`.
    pub reason: Option<String>,
    /// AWS's words.
    pub description: Option<String>,
}

/// Capacity reservation of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapacityReservation {
    /// Reserved units; `None`: no reservation.
    pub capacity_units: Option<i32>,
}

/// `CreateLoadBalancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateLoadBalancer {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: LoadBalancerType,
    /// Scheme.
    pub scheme: Scheme,
    /// Address families.
    pub ip_address_type: IpAddressType,
    /// Subnets.
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Security groups.
    pub security_groups: Vec<Ref>,
    /// `on`/`off`.
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// IPAM pool.
    pub ipv4_ipam_pool_id: Option<String>,
    /// CoIP pool.
    pub customer_owned_ipv4_pool: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// `CreateTargetGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTargetGroup {
    /// Name.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Default port.
    pub port: Option<i32>,
    /// Protocol.
    pub protocol: Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Address family; sent only when not IPv4.
    pub ip_address_type: IpAddressType,
    /// VPC.
    pub vpc_id: String,
    /// Health check.
    pub health_check: Option<HealthCheck>,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// Tags.
    pub tags: Tags,
}

/// Settings that `CreateListener` and `ModifyListener` share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Port.
    pub port: i32,
    /// Protocol.
    pub protocol: Protocol,
    /// Default actions; order is the position.
    pub default_actions: Vec<ListenerAction>,
    /// Default certificate.
    pub certificate: Option<Ref>,
    /// Security policy.
    pub ssl_policy: Option<String>,
    /// ALPN policy; sent when not empty.
    pub alpn_policy: Vec<String>,
    /// Mutual TLS.
    pub mutual_authentication: Option<MutualAuthentication>,
}

/// `CreateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateListener {
    /// Load balancer.
    pub load_balancer_arn: Ref,
    /// Settings.
    pub settings: ListenerSettings,
    /// Tags.
    pub tags: Tags,
}

/// `ModifyListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyListener {
    /// Listener.
    pub arn: Ref,
    /// Settings.
    pub settings: ListenerSettings,
}
