//! EC2: subnets, security groups, instances and network interfaces.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>

use super::{Action, Ref, Request, Tags};
use serde::Serialize;

/// One `Filter.N` of a describe call: the name, and values of which any may match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// For example `vpc-id` or `tag:Name`.
    pub name: String,
    /// Values, one of which has to match.
    pub values: Vec<String>,
}

impl Filter {
    /// A filter by name and values.
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }
}

macro_rules! describe {
    ($(#[$meta:meta])* $name:ident, $ids:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            /// Exactly these ids (empty: all that match the filters).
            pub $ids: Vec<String>,
            /// All must match.
            pub filters: Vec<Filter>,
            /// Where the previous page ended.
            pub next_token: Option<String>,
        }
    };
}

describe!(/// `DescribeSubnets`, one page.
    DescribeSubnets, subnet_ids);
describe!(/// `DescribeVpcs`, one page.
    DescribeVpcs, vpc_ids);
describe!(/// `DescribeSecurityGroups`, one page.
    DescribeSecurityGroups, group_ids);
describe!(/// `DescribeRouteTables`, one page.
    DescribeRouteTables, route_table_ids);
describe!(/// `DescribeInstances`, one page.
    DescribeInstances, instance_ids);
describe!(/// `DescribeNetworkInterfaces`, one page.
    DescribeNetworkInterfaces, network_interface_ids);

/// `DescribeAvailabilityZones` by zone id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeAvailabilityZones {
    /// Zone ids, for example `usw2-az1`.
    pub zone_ids: Vec<String>,
}

/// One page of a describe call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribePage<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Set when there is more.
    pub next_token: Option<String>,
}

impl<T> Default for DescribePage<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next_token: None }
    }
}

/// A subnet, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Its id: `subnet-…`.
    pub id: String,
    /// VPC it belongs to.
    pub vpc_id: String,
    /// Zone name, for example `us-west-2a`.
    pub availability_zone: String,
    /// Zone id, for example `usw2-az1`.
    pub availability_zone_id: String,
    /// Primary IPv4 CIDR.
    pub cidr_block: String,
    /// All IPv6 CIDRs with whether each is in state `associated`.
    pub ipv6_cidr_blocks: Vec<(String, bool)>,
    /// Free IPv4 addresses.
    pub available_ip_address_count: i32,
    /// Outpost, if it lies on one.
    pub outpost_arn: Option<String>,
    /// All tags of the subnet.
    pub tags: Tags,
}

/// A VPC, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    /// Its id: `vpc-…`.
    pub id: String,
    /// IPv4 CIDRs in state `associated`.
    pub ipv4_cidr_blocks: Vec<String>,
    /// IPv6 CIDRs in state `associated`.
    pub ipv6_cidr_blocks: Vec<String>,
    /// All tags of the VPC.
    pub tags: Tags,
}

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id: `rtb-…`.
    pub id: String,
    /// Whether it is the VPC's main table.
    pub main: bool,
    /// Subnets explicitly associated.
    pub subnet_ids: Vec<String>,
    /// Gateway ids of its routes.
    pub gateway_ids: Vec<String>,
}

/// An availability zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvailabilityZone {
    /// Id of the zone, the same in all accounts.
    pub zone_id: String,
    /// `availability-zone`, `local-zone` or `wavelength-zone`.
    pub zone_type: String,
}

/// A security group with its ingress rules, one entry per peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id: `sg-…`.
    pub id: String,
    /// Name of the group in its VPC.
    pub name: String,
    /// Description, which never changes.
    pub description: String,
    /// Id of its VPC.
    pub vpc_id: String,
    /// Rules for incoming traffic.
    pub ingress: Vec<IngressRule>,
    /// All tags of the group.
    pub tags: Tags,
}

/// One ingress permission with exactly one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct IngressRule {
    /// `tcp`, `udp`, `icmp`, `icmpv6` or `-1`.
    pub protocol: String,
    /// First port (or ICMP type).
    pub from_port: Option<i32>,
    /// Last port (or ICMP code).
    pub to_port: Option<i32>,
    /// Who may connect.
    pub source: RuleSource,
    /// Free text; not part of the rule's identity.
    pub description: Option<String>,
}

/// Who may connect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum RuleSource {
    /// Clients of an IPv4 CIDR.
    Ipv4(String),
    /// Clients of an IPv6 CIDR.
    Ipv6(String),
    /// Members of a security group.
    SecurityGroup(Ref),
    /// A managed prefix list.
    PrefixList(String),
    /// Nothing EC2 told us about (kept so that it can be revoked).
    None,
}

/// Makes a security group: `CreateSecurityGroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateSecurityGroup {
    /// Group name, unique in the VPC.
    pub name: String,
    /// Description, at most 255 characters.
    pub description: String,
    /// Id of its VPC.
    pub vpc_id: String,
    /// The group's tags from the start.
    pub tags: Tags,
}

/// Id of what was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreatedSecurityGroup {
    /// Id of the new group: `sg-…`.
    pub id: String,
}

/// Deletes a security group that nothing uses: `DeleteSecurityGroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteSecurityGroup {
    /// Id of the group.
    pub group_id: Ref,
}

/// Adds rules to a security group: `AuthorizeSecurityGroupIngress`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizeIngress {
    /// Id of the group.
    pub group_id: Ref,
    /// Rules to add.
    pub rules: Vec<IngressRule>,
}

/// Takes rules away from a security group: `RevokeSecurityGroupIngress`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevokeIngress {
    /// Id of the group.
    pub group_id: Ref,
    /// Rules to take away.
    pub rules: Vec<IngressRule>,
}

/// Adds tags to anything of EC2: `CreateTags`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateTags {
    /// Id of what gets the tags.
    pub resource_id: Ref,
    /// Tags to set.
    pub tags: Tags,
}

/// `DeleteTags`, with key and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteTags {
    /// Id of what loses the tags.
    pub resource_id: Ref,
    /// Tags to remove.
    pub tags: Tags,
}

macro_rules! dry_runs {
    ($($change:ident,)*) => {
        /// A change that EC2 is asked about and does not make.
        ///
        /// The answer says that it is allowed. What EC2 refuses is an error, `UnauthorizedOperation` for lack of permission.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum DryRun { $(#[doc = concat!("`", stringify!($change), "`")] $change($change),)* }

        impl DryRun {
            /// The dry run of a change, if EC2 offers one.
            pub fn of(change: Request) -> Option<Self> {
                match change {
                    $(Request::$change(change) => Some(Self::$change(change)),)*
                    _ => None,
                }
            }

            /// The operation that is asked about.
            pub fn action(&self) -> Action {
                match self { $(Self::$change(_) => Action::$change,)* }
            }
        }

        $(
            impl From<$change> for DryRun {
                fn from(change: $change) -> Self { Self::$change(change) }
            }
        )*
    };
}

dry_runs! {
    CreateSecurityGroup,
    DeleteSecurityGroup,
    AuthorizeIngress,
    RevokeIngress,
    CreateTags,
    DeleteTags,
}

/// An EC2 instance and its interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its id: `i-…`.
    pub id: String,
    /// Id of its VPC.
    pub vpc_id: String,
    /// Attached network interfaces.
    pub network_interfaces: Vec<NetworkInterface>,
}

/// An elastic network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Its id: `eni-…`.
    pub id: String,
    /// Device index of the attachment; 0 is the primary interface.
    pub device_index: Option<i32>,
    /// All private IPv4 addresses.
    pub private_ipv4_addresses: Vec<String>,
    /// All IPv6 addresses.
    pub ipv6_addresses: Vec<String>,
    /// Delegated IPv4 prefixes.
    pub ipv4_prefixes: Vec<String>,
    /// Delegated IPv6 prefixes.
    pub ipv6_prefixes: Vec<String>,
    /// Attached security groups.
    pub security_group_ids: Vec<String>,
}

#[cfg(test)]
mod tests;
