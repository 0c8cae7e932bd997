//! Settings of load balancers, and of the listeners of an NLB.

use super::{Origin, TargetGroupSettings};
use crate::annotations::parse;
use crate::aws_api::ec2::{IngressRule, Subnet};
use crate::aws_api::elbv2::{
    ForwardAction, IpAddressType, LoadBalancerType, Protocol, Scheme, SubnetMapping,
};
use crate::aws_api::{Attributes, Tags};
use crate::facts::BuildError;
use crate::finding::{Finding, alternatives};
use crate::model::ResourceId;

/// Longest name of a load balancer, in bytes.
const MAX_NAME: usize = 32;
/// The only key of a minimum capacity.
const CAPACITY_UNITS: &str = "CapacityUnits";
/// Attribute whose value `true` keeps the controller from deleting a load balancer.
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";
/// Attribute of an NLB with a closed set of values.
const ROUTING_POLICY: &str = "dns_record.client_routing_policy";
const ROUTING_POLICIES: [&str; 3] =
    ["any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"];

/// A load balancer of either kind.
#[derive(Clone, Debug)]
pub struct LoadBalancerSettings {
    /// Its id in the stack.
    pub id: ResourceId,
    /// Name, used at creation only.
    pub name: String,
    /// Whether it is an ALB or an NLB.
    pub kind: LoadBalancerType,
    /// Whether it is reached from the internet.
    pub scheme: Scheme,
    /// The address families that it has.
    pub ip_address_type: IpAddressType,
    /// `on` or `off`, network load balancers only.
    pub enable_prefix_for_ipv6_source_nat: Option<&'static str>,
    /// Subnets with the addresses wanted in them, in order.
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Which security groups it has, and which are made for it.
    pub security_groups: SecurityGroupSettings,
    /// `on` or `off`; `None`: leave as it is.
    pub enforce_inbound_rules_on_private_link: Option<&'static str>,
    /// CoIP pool of an ALB on Outposts.
    pub customer_owned_ipv4_pool: Option<String>,
    /// IPAM pool of its public IPv4 addresses.
    pub ipv4_ipam_pool_id: Option<String>,
    /// Attributes to set.
    pub attributes: Attributes,
    /// Capacity units; 0 resets, `None` leaves as it is.
    pub minimum_capacity_units: Option<i32>,
    /// User tags, default tags included.
    pub tags: Tags,
}

/// Which security groups a load balancer has.
#[derive(Clone, Debug)]
pub enum SecurityGroupSettings {
    /// None (network load balancers only): the rules of targets name addresses.
    None,
    /// One that the controller creates, and the shared backend group if that is on.
    Managed {
        /// Name of the group.
        name: String,
        /// Tags of the group that is made.
        tags: Tags,
        /// Its inbound rules.
        ingress: Vec<IngressRule>,
    },
    /// Those that users list, by id.
    Listed {
        /// Ids, in order.
        ids: Vec<String>,
        /// Whether the rules of targets are managed, which needs the shared backend group; and where that is said.
        manages_target_rules: Option<Origin>,
    },
    /// Those that the load balancer has; rules of targets are managed if the shared backend group is among them.
    Live(Vec<String>),
    /// Those of another load balancer of the stack, by its resource id.
    SameAs(ResourceId),
}

/// An NLB with everything behind it.
#[derive(Clone, Debug)]
pub struct NlbSettings<'a> {
    /// The load balancer.
    pub load_balancer: LoadBalancerSettings,
    /// Its subnets, in order: the addresses that its health checks come from.
    pub subnets: Vec<&'a Subnet>,
    /// Whether the rules of targets are managed where the load balancer has no security groups.
    pub manages_target_rules: bool,
    /// Target groups in the order of their first mention.
    pub target_groups: Vec<TargetGroupSettings<'a>>,
    /// Listeners, which refer to target groups by id.
    pub listeners: Vec<NlbListenerSettings>,
}

/// A listener of an NLB.
#[derive(Clone, Debug)]
pub struct NlbListenerSettings {
    /// Its id in the stack.
    pub id: ResourceId,
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol towards the clients.
    pub protocol: Protocol,
    /// Target groups by pending reference or ARN.
    pub forward: ForwardAction,
    /// ARNs; the first is the default.
    pub certificates: Vec<String>,
    /// Name of the TLS security policy.
    pub ssl_policy: Option<String>,
    /// Name of the ALPN policy.
    pub alpn_policy: Option<&'static str>,
    /// Attributes to set.
    pub attributes: Attributes,
}

/// Whether a load balancer of this type has IPv6 addresses.
pub fn is_dualstack(ip_address_type: &IpAddressType) -> bool {
    matches!(ip_address_type, IpAddressType::Dualstack | IpAddressType::DualstackWithoutPublicIpv4)
}

/// Refuses names that are too long for AWS.
pub fn check_name(name: &str, origin: &Origin) -> Result<(), BuildError> {
    if name.len() <= MAX_NAME {
        return Ok(());
    }
    let message = format!("{name:?} has {} characters, expected at most {MAX_NAME}", name.len());
    Err(origin.error(message).into())
}

/// Refuses values of NLB attributes that AWS does not know.
pub fn check_nlb_attributes(attributes: &Attributes, origin: &Origin) -> Result<(), BuildError> {
    match attributes.get(ROUTING_POLICY) {
        Some(policy) if !ROUTING_POLICIES.contains(&policy.as_str()) => {
            let expected = alternatives(&ROUTING_POLICIES);
            let message = format!("{ROUTING_POLICY} is {policy:?}, expected one of {expected}");
            Err(origin.error(message).suggest(policy, ROUTING_POLICIES).into())
        }
        _ => Ok(()),
    }
}

/// The units of a minimum capacity as users write it: `CapacityUnits=…`.
pub fn parse_capacity(given: &Attributes, origin: &Origin) -> Result<Option<i32>, BuildError> {
    let mut units = None;
    for (key, value) in given {
        if key != CAPACITY_UNITS {
            return Err(origin.not_one_of(key, &[CAPACITY_UNITS]).into());
        }
        let message = || format!("{CAPACITY_UNITS} is {value:?}, expected a number");
        units = Some(parse::int32(value).ok_or_else(|| origin.error(message()))?);
    }
    Ok(units)
}

/// Why attributes as users write them keep a load balancer from being deleted; `None`: they do not.
pub fn deletion_protection(attributes: &Attributes, origin: &Origin) -> Option<Finding> {
    let value = attributes.get(DELETION_PROTECTION)?;
    match parse::boolean(value) {
        Some(false) => None,
        Some(true) => Some(
            origin
                .error("deletion protection is on, so the load balancer is not deleted")
                .hint(format!("set {DELETION_PROTECTION}=false to delete it")),
        ),
        None => Some(origin.error(format!("{DELETION_PROTECTION} is {value:?}, expected true or false"))),
    }
}
