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
    /// Only those of these names; empty: all.
    names: Vec<String>,
});
list!(/// `DescribeTargetGroups`, one page (at most 400).
DescribeTargetGroups {
    /// Exactly these; empty: all.
    arns: Vec<String>,
    /// Only those of these names; empty: all.
    names: Vec<String>,
    /// Of one load balancer.
    load_balancer_arn: Option<String>,
});
list!(/// `DescribeListeners` of a load balancer, one page.
DescribeListeners {
    /// The load balancer whose listeners are asked for, by ARN.
    load_balancer_arn: Ref,
});
list!(/// `DescribeRules` of a listener, one page.
DescribeRules {
    /// The listener whose rules are asked for, by ARN.
    listener_arn: Ref,
});
list!(/// `DescribeListenerCertificates`, one page.
DescribeListenerCertificates {
    /// The listener whose certificates are asked for, by ARN.
    listener_arn: Ref,
});
list!(/// `DescribeTrustStores` by name, one page.
DescribeTrustStores {
    /// The trust stores that are asked for, by name.
    names: Vec<String>,
});

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
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
    /// The certificate's ARN in ACM or IAM.
    pub arn: String,
    /// Whether it is the default one.
    pub is_default: bool,
}

/// A trust store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustStore {
    /// Its name in the account and region.
    pub name: String,
    /// Its ARN, which listeners refer to.
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
        /// ARNs of at most 20 resources.
        arns: Vec<String>
    }
    /// Reads the attributes of a load balancer: `DescribeLoadBalancerAttributes`.
    DescribeLoadBalancerAttributes {
        /// The load balancer's ARN.
        arn: Ref
    }
    /// Reads the attributes of a target group: `DescribeTargetGroupAttributes`.
    DescribeTargetGroupAttributes {
        /// The target group's ARN.
        arn: Ref
    }
    /// Reads the attributes of a listener: `DescribeListenerAttributes`.
    DescribeListenerAttributes {
        /// The listener's ARN.
        arn: Ref
    }
    /// Reads which capacity is reserved: `DescribeCapacityReservation`.
    DescribeCapacityReservation {
        /// The load balancer's ARN.
        arn: Ref
    }
    /// `DescribeTargetHealth`: all targets, or just these.
    DescribeTargetHealth {
        /// The target group's ARN.
        arn: Ref,
        /// Only these; empty: all.
        targets: Vec<Target>
    }
    /// Deletes a load balancer with its listeners and rules: `DeleteLoadBalancer`.
    DeleteLoadBalancer {
        /// The load balancer's ARN.
        arn: Ref
    }
    /// Replaces all security groups of a load balancer: `SetSecurityGroups`.
    SetSecurityGroups {
        /// The load balancer's ARN.
        arn: Ref,
        /// All groups it shall have.
        security_groups: Vec<Ref>,
        /// `on`/`off`; unset: leave.
        enforce_inbound_rules_on_private_link: Option<String>
    }
    /// Replaces all subnets of a load balancer: `SetSubnets`.
    SetSubnets {
        /// The load balancer's ARN.
        arn: Ref,
        /// All subnets it shall have.
        subnet_mappings: Vec<SubnetMapping>,
        /// `on`/`off`; network load balancers only.
        enable_prefix_for_ipv6_source_nat: Option<String>
    }
    /// Changes where an ALB has its IPv4 addresses from: `ModifyIpPools`.
    ModifyIpPools {
        /// The load balancer's ARN.
        arn: Ref,
        /// The pool to use; `None` removes it.
        ipv4_ipam_pool_id: Option<String>
    }
    /// Changes some attributes of a load balancer: `ModifyLoadBalancerAttributes`.
    ModifyLoadBalancerAttributes {
        /// The load balancer's ARN.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// Changes some attributes of a target group: `ModifyTargetGroupAttributes`.
    ModifyTargetGroupAttributes {
        /// The target group's ARN.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// Changes some attributes of a listener: `ModifyListenerAttributes`.
    ModifyListenerAttributes {
        /// The listener's ARN.
        arn: Ref,
        /// Attributes to set.
        attributes: Attributes
    }
    /// Reserves capacity, or gives it back: `ModifyCapacityReservation`.
    ModifyCapacityReservation {
        /// The load balancer's ARN.
        arn: Ref,
        /// Capacity units; `None` resets the reservation.
        capacity_units: Option<i32>
    }
    /// `ModifyTargetGroup` (health check only).
    ModifyTargetGroup {
        /// The target group's ARN.
        arn: Ref,
        /// What changes of its health check.
        health_check: HealthCheck
    }
    /// Deletes a target group that nothing forwards to: `DeleteTargetGroup`.
    DeleteTargetGroup {
        /// The target group's ARN.
        arn: Ref
    }
    /// Deletes a listener with its rules: `DeleteListener`.
    DeleteListener {
        /// The listener's ARN.
        arn: Ref
    }
    /// `AddListenerCertificates` of one certificate.
    AddListenerCertificate {
        /// The listener that gets the certificate, by ARN.
        listener_arn: Ref,
        /// The certificate's ARN in ACM or IAM.
        certificate_arn: Ref
    }
    /// `RemoveListenerCertificates` of one certificate.
    RemoveListenerCertificate {
        /// The listener that loses the certificate, by ARN.
        listener_arn: Ref,
        /// The certificate's ARN in ACM or IAM.
        certificate_arn: Ref
    }
    /// Adds a rule to a listener: `CreateRule`.
    CreateRule {
        /// The listener's ARN.
        listener_arn: Ref,
        /// 1–50,000; the lowest comes first.
        priority: i32,
        /// All of them have to hold.
        conditions: Vec<RuleCondition>,
        /// The last one answers the request.
        actions: Vec<ListenerAction>,
        /// Rewrites of host and path on the way to targets.
        transforms: Vec<RuleTransform>,
        /// The rule's tags from the start.
        tags: Tags
    }
    /// `ModifyRule`; no transforms means `ResetTransforms`.
    ModifyRule {
        /// The rule's ARN.
        arn: Ref,
        /// All conditions that it has afterwards.
        conditions: Vec<RuleCondition>,
        /// All actions that it has afterwards.
        actions: Vec<ListenerAction>,
        /// All transforms that it has afterwards.
        transforms: Vec<RuleTransform>
    }
    /// Takes a rule away from its listener: `DeleteRule`.
    DeleteRule {
        /// The rule's ARN.
        arn: Ref
    }
    /// Changes the order of rules of one listener: `SetRulePriorities`.
    SetRulePriorities {
        /// Rule and its new priority, in the order sent.
        priorities: Vec<(Ref, i32)>
    }
    /// `AddTags` on one resource.
    AddTags {
        /// The resource's ARN, whatever kind it is.
        arn: Ref,
        /// Tags to set.
        tags: Tags
    }
    /// `RemoveTags` on one resource.
    RemoveTags {
        /// The resource's ARN, whatever kind it is.
        arn: Ref,
        /// Keys to remove, sorted.
        keys: Vec<String>
    }
    /// `RegisterTargets` (at most 200 targets a call).
    RegisterTargets {
        /// The target group's ARN.
        arn: Ref,
        /// At most 200 targets.
        targets: Vec<Target>
    }
    /// `DeregisterTargets` (at most 200 targets a call).
    DeregisterTargets {
        /// The target group's ARN.
        arn: Ref,
        /// At most 200 targets.
        targets: Vec<Target>
    }
}

/// Changes the address families of a load balancer: `SetIpAddressType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetIpAddressType {
    /// The load balancer's ARN.
    pub arn: Ref,
    /// The families that it has afterwards.
    pub ip_address_type: IpAddressType,
}

/// A target (`TargetDescription`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target {
    /// Instance id, IP address or ALB ARN.
    pub id: Ref,
    /// Port of the target; none for a Lambda function.
    pub port: Option<i32>,
    /// `all` or a zone name, for addresses outside the VPC.
    pub availability_zone: Option<String>,
    /// `0x…`, QUIC target groups only.
    pub quic_server_id: Option<String>,
}

/// Health of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target that it is about.
    pub target: Target,
    /// What health checks came to.
    pub state: TargetHealthState,
    /// AWS's reason code, for example `Elb.RegistrationInProgress`.
    pub reason: Option<String>,
    /// What AWS says about it, for people.
    pub description: Option<String>,
}

/// Capacity reservation of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapacityReservation {
    /// Reserved units; `None`: no reservation.
    pub capacity_units: Option<i32>,
}

/// Makes an ALB or an NLB: `CreateLoadBalancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateLoadBalancer {
    /// Name, at most 32 characters.
    pub name: String,
    /// Whether an ALB or an NLB is made.
    pub kind: LoadBalancerType,
    /// Whether it is reached from the internet.
    pub scheme: Scheme,
    /// Its address families from the start.
    pub ip_address_type: IpAddressType,
    /// A subnet for each zone.
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Its security groups; empty on an NLB: it never has any.
    pub security_groups: Vec<Ref>,
    /// `on` or `off`; NLBs alone have it.
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// IPAM pool of its public IPv4 addresses.
    pub ipv4_ipam_pool_id: Option<String>,
    /// CoIP pool of an ALB on Outposts.
    pub customer_owned_ipv4_pool: Option<String>,
    /// The load balancer's tags from the start.
    pub tags: Tags,
}

/// Makes a target group: `CreateTargetGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTargetGroup {
    /// Name, at most 32 characters.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Port of targets that are registered without one.
    pub port: Option<i32>,
    /// Protocol towards the targets.
    pub protocol: Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Address family; sent only when not IPv4.
    pub ip_address_type: IpAddressType,
    /// The VPC of its targets.
    pub vpc_id: String,
    /// Its health check; what is left out has AWS's default.
    pub health_check: Option<HealthCheck>,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// The target group's tags from the start.
    pub tags: Tags,
}

/// Settings that `CreateListener` and `ModifyListener` share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol towards the clients.
    pub protocol: Protocol,
    /// Default actions; order is the position.
    pub default_actions: Vec<ListenerAction>,
    /// The certificate for clients that name no known host.
    pub certificate: Option<Ref>,
    /// Name of the TLS security policy.
    pub ssl_policy: Option<String>,
    /// ALPN policy; sent when not empty.
    pub alpn_policy: Vec<String>,
    /// Whether clients show certificates of their own.
    pub mutual_authentication: Option<MutualAuthentication>,
}

/// Adds a listener to a load balancer: `CreateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateListener {
    /// The load balancer's ARN.
    pub load_balancer_arn: Ref,
    /// What the listener is to be like.
    pub settings: ListenerSettings,
    /// The listener's tags from the start.
    pub tags: Tags,
}

/// Replaces the settings of a listener: `ModifyListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyListener {
    /// The listener's ARN.
    pub arn: Ref,
    /// What the listener is to be like.
    pub settings: ListenerSettings,
}
