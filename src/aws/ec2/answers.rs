//! The answers of EC2, as XML and as the port's types.

use crate::aws_api::ec2::{
    AvailabilityZone, IngressRule, Instance, NetworkInterface, RouteTable, RuleSource, SecurityGroup, Subnet,
    Vpc,
};
use crate::aws_api::{Ref, Tags};
use serde::Deserialize;

/// A list as EC2 writes it: `<somethingSet><item>…</item></somethingSet>`. Within an item it may be missing; the list that was
/// asked for stands there even when it is empty.
#[derive(Debug, Deserialize)]
struct XmlList<T> {
    #[serde(rename = "item", default = "Vec::new")]
    items: Vec<T>,
}

impl<T> Default for XmlList<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> XmlList<T> {
    fn each<U>(self, convert: impl FnMut(T) -> U) -> Vec<U> {
        self.items.into_iter().map(convert).collect()
    }

    fn some<U>(self, convert: impl FnMut(T) -> Option<U>) -> Vec<U> {
        self.items.into_iter().filter_map(convert).collect()
    }
}

/// Declares answers with one list and a page token.
macro_rules! answers {
    ($($name:ident { $set:ident: $item:ty } => $method:ident -> $output:ty = $convert:expr;)*) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name {
            $set: XmlList<$item>,
            pub(super) next_token: Option<String>,
        }

        impl $name {
            pub(super) fn $method(&mut self) -> Vec<$output> {
                std::mem::take(&mut self.$set).each($convert)
            }
        }
    )*};
}

answers! {
    SubnetsAnswer { subnet_set: SubnetItem } => subnets -> Subnet = subnet;
    VpcsAnswer { vpc_set: VpcItem } => vpcs -> Vpc = vpc;
    SecurityGroupsAnswer { security_group_info: SecurityGroupItem } => security_groups -> SecurityGroup = security_group;
    RouteTablesAnswer { route_table_set: RouteTableItem } => route_tables -> RouteTable = route_table;
    NetworkInterfacesAnswer { network_interface_set: NetworkInterfaceItem } => network_interfaces -> NetworkInterface = network_interface;
}

/// The answer of `DescribeInstances`: instances within reservations.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstancesAnswer {
    reservation_set: XmlList<ReservationItem>,
    pub(super) next_token: Option<String>,
}

impl InstancesAnswer {
    pub(super) fn instances(&mut self) -> Vec<Instance> {
        let reservations = std::mem::take(&mut self.reservation_set).items.into_iter();
        reservations.flat_map(|reservation| reservation.instances_set.each(instance)).collect()
    }
}

/// The answer of `DescribeAvailabilityZones`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZonesAnswer {
    availability_zone_info: XmlList<ZoneItem>,
}

impl ZonesAnswer {
    pub(super) fn availability_zones(self) -> Vec<AvailabilityZone> {
        self.availability_zone_info
            .each(|zone| AvailabilityZone { zone_id: zone.zone_id, zone_type: zone.zone_type })
    }
}

/// The answer of `CreateSecurityGroup`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedSecurityGroupAnswer {
    pub(super) group_id: String,
}

/// Declares XML elements of which any child may be missing.
macro_rules! elements {
    ($($name:ident { $($(#[$meta:meta])* $field:ident: $ty:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct $name { $($(#[$meta])* $field: $ty,)* }
    )*};
}

elements! {
    TagItem { key: String, value: String, }
    StateItem { state: String, }
    SubnetItem {
        subnet_id: String,
        vpc_id: String,
        availability_zone: String,
        availability_zone_id: String,
        cidr_block: String,
        ipv6_cidr_block_association_set: XmlList<Ipv6CidrItem>,
        available_ip_address_count: i32,
        outpost_arn: Option<String>,
        tag_set: XmlList<TagItem>,
    }
    Ipv6CidrItem { ipv6_cidr_block: String, ipv6_cidr_block_state: StateItem, }
    Ipv4CidrItem { cidr_block: String, cidr_block_state: StateItem, }
    VpcItem {
        vpc_id: String,
        cidr_block_association_set: XmlList<Ipv4CidrItem>,
        ipv6_cidr_block_association_set: XmlList<Ipv6CidrItem>,
        tag_set: XmlList<TagItem>,
    }
    SecurityGroupItem {
        group_id: String,
        group_name: String,
        group_description: String,
        vpc_id: String,
        ip_permissions: XmlList<PermissionItem>,
        tag_set: XmlList<TagItem>,
    }
    PermissionItem {
        ip_protocol: String,
        from_port: Option<i32>,
        to_port: Option<i32>,
        groups: XmlList<PeerItem>,
        ip_ranges: XmlList<PeerItem>,
        ipv6_ranges: XmlList<PeerItem>,
        prefix_list_ids: XmlList<PeerItem>,
    }
    PeerItem {
        group_id: Option<String>,
        cidr_ip: Option<String>,
        cidr_ipv6: Option<String>,
        prefix_list_id: Option<String>,
        description: Option<String>,
    }
    RouteTableItem {
        route_table_id: String,
        association_set: XmlList<AssociationItem>,
        route_set: XmlList<RouteItem>,
    }
    AssociationItem { main: bool, subnet_id: Option<String>, }
    RouteItem { gateway_id: Option<String>, }
    ZoneItem { zone_id: String, zone_type: String, }
    ReservationItem { instances_set: XmlList<InstanceItem>, }
    InstanceItem {
        instance_id: String,
        vpc_id: String,
        network_interface_set: XmlList<NetworkInterfaceItem>,
    }
    NetworkInterfaceItem {
        network_interface_id: String,
        attachment: Option<AttachmentItem>,
        private_ip_addresses_set: XmlList<AddressItem>,
        ipv6_addresses_set: XmlList<AddressItem>,
        ipv4_prefix_set: XmlList<AddressItem>,
        ipv6_prefix_set: XmlList<AddressItem>,
        group_set: XmlList<GroupItem>,
    }
    AttachmentItem { device_index: Option<i32>, }
    AddressItem {
        private_ip_address: Option<String>,
        ipv6_address: Option<String>,
        ipv4_prefix: Option<String>,
        ipv6_prefix: Option<String>,
    }
    GroupItem { group_id: String, }
}

fn tags(items: XmlList<TagItem>) -> Tags {
    items.items.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn subnet(item: SubnetItem) -> Subnet {
    Subnet {
        id: item.subnet_id,
        vpc_id: item.vpc_id,
        availability_zone: item.availability_zone,
        availability_zone_id: item.availability_zone_id,
        cidr_block: item.cidr_block,
        ipv6_cidr_blocks: item
            .ipv6_cidr_block_association_set
            .each(|cidr| (cidr.ipv6_cidr_block, is_associated(&cidr.ipv6_cidr_block_state))),
        available_ip_address_count: item.available_ip_address_count,
        outpost_arn: item.outpost_arn.filter(|arn| !arn.is_empty()),
        tags: tags(item.tag_set),
    }
}

fn vpc(item: VpcItem) -> Vpc {
    Vpc {
        id: item.vpc_id,
        ipv4_cidr_blocks: item
            .cidr_block_association_set
            .some(|cidr| is_associated(&cidr.cidr_block_state).then_some(cidr.cidr_block)),
        ipv6_cidr_blocks: item
            .ipv6_cidr_block_association_set
            .some(|cidr| is_associated(&cidr.ipv6_cidr_block_state).then_some(cidr.ipv6_cidr_block)),
        tags: tags(item.tag_set),
    }
}

fn is_associated(state: &StateItem) -> bool {
    state.state == "associated"
}

fn security_group(item: SecurityGroupItem) -> SecurityGroup {
    SecurityGroup {
        id: item.group_id,
        name: item.group_name,
        description: item.group_description,
        vpc_id: item.vpc_id,
        ingress: item.ip_permissions.items.into_iter().flat_map(ingress_rules).collect(),
        tags: tags(item.tag_set),
    }
}

/// One rule for every peer of a permission; a permission without any is kept, so that it can be revoked.
fn ingress_rules(item: PermissionItem) -> Vec<IngressRule> {
    let PermissionItem { ip_protocol, from_port, to_port, groups, ip_ranges, ipv6_ranges, prefix_list_ids } =
        item;
    let lists = [groups, ip_ranges, ipv6_ranges, prefix_list_ids];
    let mut peers: Vec<_> = lists.into_iter().flat_map(|list| list.some(peer)).collect();
    if peers.is_empty() {
        peers.push((RuleSource::None, None));
    }
    let rule = |(source, description)| IngressRule {
        protocol: ip_protocol.clone(),
        from_port,
        to_port,
        source,
        description,
    };
    peers.into_iter().map(rule).collect()
}

fn peer(item: PeerItem) -> Option<(RuleSource, Option<String>)> {
    let source = None
        .or(item.cidr_ip.map(RuleSource::Ipv4))
        .or(item.cidr_ipv6.map(RuleSource::Ipv6))
        .or(item.prefix_list_id.map(RuleSource::PrefixList))
        .or(item.group_id.map(|id| RuleSource::SecurityGroup(Ref::Known(id))))?;
    Some((source, item.description.filter(|text| !text.is_empty())))
}

fn route_table(item: RouteTableItem) -> RouteTable {
    RouteTable {
        id: item.route_table_id,
        main: item.association_set.items.iter().any(|association| association.main),
        subnet_ids: item.association_set.some(|association| association.subnet_id),
        gateway_ids: item.route_set.some(|route| route.gateway_id),
    }
}

fn instance(item: InstanceItem) -> Instance {
    Instance {
        id: item.instance_id,
        vpc_id: item.vpc_id,
        network_interfaces: item.network_interface_set.each(network_interface),
    }
}

fn network_interface(item: NetworkInterfaceItem) -> NetworkInterface {
    NetworkInterface {
        id: item.network_interface_id,
        device_index: item.attachment.and_then(|attachment| attachment.device_index),
        private_ipv4_addresses: item.private_ip_addresses_set.some(|address| address.private_ip_address),
        ipv6_addresses: item.ipv6_addresses_set.some(|address| address.ipv6_address),
        ipv4_prefixes: item.ipv4_prefix_set.some(|address| address.ipv4_prefix),
        ipv6_prefixes: item.ipv6_prefix_set.some(|address| address.ipv6_prefix),
        security_group_ids: item.group_set.each(|group| group.group_id),
    }
}
