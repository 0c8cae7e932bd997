//! How EC2 writes its answers.

use crate::{
    World,
    http::xml::{REQUEST_ID, Xml},
};
use aws_load_balancer_controller::aws_api::{Response, Tags, ec2::*};
use std::collections::BTreeMap;

/// The answer to an action, of its last response.
pub(super) fn answer(action: &str, responses: Vec<Response>, world: &World) -> String {
    let mut xml = Xml::default();
    xml.node(&format!("{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""), |xml| {
        xml.leaf("requestId", REQUEST_ID);
        match responses.into_iter().last() {
            Some(response) => write(xml, response, world),
            None => xml.leaf("return", true),
        }
    });
    xml.finish()
}

fn write(xml: &mut Xml, response: Response, world: &World) {
    match response {
        Response::DescribeSubnets(page) => {
            list(xml, "subnetSet", page, |xml, item| subnet(xml, &item, world));
        }
        Response::DescribeVpcs(page) => list(xml, "vpcSet", page, |xml, item| vpc(xml, &item, world)),
        Response::DescribeSecurityGroups(page) => {
            list(xml, "securityGroupInfo", page, |xml, item| security_group(xml, &item, world));
        }
        Response::DescribeRouteTables(page) => {
            list(xml, "routeTableSet", page, |xml, item| route_table(xml, &item, world));
        }
        Response::DescribeInstances(page) => list(xml, "reservationSet", page, |xml, item| {
            xml.leaf("reservationId", item.id.replacen("i-", "r-", 1));
            xml.leaf("ownerId", &world.account.id);
            xml.items("instancesSet", [item], |xml, item| instance(xml, &item, world));
        }),
        Response::DescribeNetworkInterfaces(page) => {
            list(xml, "networkInterfaceSet", page, |xml, item| interface(xml, &item, world));
        }
        Response::DescribeAvailabilityZones(zones) => {
            xml.items("availabilityZoneInfo", zones, |xml, zone| availability_zone(xml, &zone, world));
        }
        Response::CreateSecurityGroup(created) => {
            xml.leaf("groupId", created.id);
            xml.leaf("return", true);
        }
        _ => xml.leaf("return", true),
    }
}

fn list<T>(xml: &mut Xml, tag: &str, page: DescribePage<T>, write: impl FnMut(&mut Xml, T)) {
    xml.items(tag, page.items, write);
    xml.maybe("nextToken", page.next_token);
}

fn tags(xml: &mut Xml, tags: &Tags) {
    xml.items("tagSet", tags, |xml, (key, value)| {
        xml.leaf("key", key);
        xml.leaf("value", value);
    });
}

fn cidrs<'a>(xml: &mut Xml, family: (&str, &str, &str), cidrs: impl IntoIterator<Item = (&'a String, bool)>) {
    let (set, cidr_tag, state_tag) = family;
    xml.items(set, cidrs, |xml, (cidr, associated)| {
        xml.leaf(cidr_tag, cidr);
        xml.node(state_tag, |xml| xml.leaf("state", if associated { "associated" } else { "disassociated" }));
    });
}

const IPV4: (&str, &str, &str) = ("cidrBlockAssociationSet", "cidrBlock", "cidrBlockState");
const IPV6: (&str, &str, &str) = ("ipv6CidrBlockAssociationSet", "ipv6CidrBlock", "ipv6CidrBlockState");

fn subnet(xml: &mut Xml, subnet: &Subnet, world: &World) {
    xml.leaf("subnetId", &subnet.id);
    xml.leaf("vpcId", &subnet.vpc_id);
    xml.leaf("ownerId", &world.account.id);
    xml.leaf("state", "available");
    xml.leaf("availabilityZone", &subnet.availability_zone);
    xml.leaf("availabilityZoneId", &subnet.availability_zone_id);
    xml.leaf("cidrBlock", &subnet.cidr_block);
    xml.leaf("availableIpAddressCount", subnet.available_ip_address_count);
    cidrs(xml, IPV6, subnet.ipv6_cidr_blocks.iter().map(|(cidr, associated)| (cidr, *associated)));
    xml.maybe("outpostArn", subnet.outpost_arn.as_ref());
    tags(xml, &subnet.tags);
}

fn vpc(xml: &mut Xml, vpc: &Vpc, world: &World) {
    xml.leaf("vpcId", &vpc.id);
    xml.leaf("ownerId", &world.account.id);
    xml.leaf("state", "available");
    xml.maybe("cidrBlock", vpc.ipv4_cidr_blocks.first());
    cidrs(xml, IPV4, vpc.ipv4_cidr_blocks.iter().map(|cidr| (cidr, true)));
    cidrs(xml, IPV6, vpc.ipv6_cidr_blocks.iter().map(|cidr| (cidr, true)));
    tags(xml, &vpc.tags);
}

fn security_group(xml: &mut Xml, group: &SecurityGroup, world: &World) {
    xml.leaf("groupId", &group.id);
    xml.leaf("groupName", &group.name);
    xml.leaf("groupDescription", &group.description);
    xml.leaf("vpcId", &group.vpc_id);
    xml.leaf("ownerId", &world.account.id);
    let mut permissions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for rule in &group.ingress {
        permissions.entry((&rule.protocol, rule.from_port, rule.to_port)).or_default().push(rule);
    }
    xml.items("ipPermissions", permissions.into_values(), |xml, rules| permission(xml, &rules, world));
    tags(xml, &group.tags);
}

/// A permission: rules of one protocol and equal ports, with their peers by kind.
fn permission(xml: &mut Xml, rules: &[&IngressRule], world: &World) {
    if let Some(rule) = rules.first() {
        xml.leaf("ipProtocol", &rule.protocol);
        xml.maybe("fromPort", rule.from_port);
        xml.maybe("toPort", rule.to_port);
    }
    for (set, tag) in [
        ("groups", "groupId"),
        ("ipRanges", "cidrIp"),
        ("ipv6Ranges", "cidrIpv6"),
        ("prefixListIds", "prefixListId"),
    ] {
        let peers = rules.iter().filter(|rule| peer_tag(&rule.source) == tag);
        xml.items(set, peers, |xml, rule| {
            xml.maybe("userId", (set == "groups").then_some(&world.account.id));
            xml.leaf(tag, peer(&rule.source));
            xml.maybe("description", rule.description.as_ref());
        });
    }
}

fn peer_tag(source: &RuleSource) -> &'static str {
    match source {
        RuleSource::Ipv4(_) => "cidrIp",
        RuleSource::Ipv6(_) => "cidrIpv6",
        RuleSource::SecurityGroup(_) => "groupId",
        RuleSource::PrefixList(_) => "prefixListId",
        RuleSource::None => "",
    }
}

fn peer(source: &RuleSource) -> String {
    match source {
        RuleSource::Ipv4(peer) | RuleSource::Ipv6(peer) | RuleSource::PrefixList(peer) => peer.clone(),
        RuleSource::SecurityGroup(id) => id.to_string(),
        RuleSource::None => String::new(),
    }
}

fn route_table(xml: &mut Xml, table: &RouteTable, world: &World) {
    xml.leaf("routeTableId", &table.id);
    xml.maybe("vpcId", world.ec2.route_tables.get(&table.id).map(|state| &state.vpc_id));
    xml.items("routeSet", &table.gateway_ids, |xml, gateway| {
        xml.leaf("destinationCidrBlock", if gateway == "local" { "10.0.0.0/16" } else { "0.0.0.0/0" });
        xml.leaf("gatewayId", gateway);
        xml.leaf("state", "active");
    });
    let main = table.main.then_some((None, true));
    let explicit = table.subnet_ids.iter().map(|id| (Some(id), false));
    xml.items("associationSet", main.into_iter().chain(explicit), |xml, (subnet_id, main)| {
        xml.leaf("routeTableId", &table.id);
        xml.maybe("subnetId", subnet_id);
        xml.leaf("main", main);
    });
}

fn instance(xml: &mut Xml, instance: &Instance, world: &World) {
    xml.leaf("instanceId", &instance.id);
    xml.leaf("vpcId", &instance.vpc_id);
    xml.node("instanceState", |xml| {
        xml.leaf("code", 16);
        xml.leaf("name", "running");
    });
    let primary = instance.network_interfaces.first();
    xml.maybe("privateIpAddress", primary.and_then(|interface| interface.private_ipv4_addresses.first()));
    xml.maybe("subnetId", primary.and_then(|interface| subnet_of(interface, world)));
    xml.items("networkInterfaceSet", &instance.network_interfaces, |xml, item| interface(xml, item, world));
    if let Some(found) = world.ec2.instance_tags.get(&instance.id) {
        tags(xml, found);
    }
}

fn subnet_of<'a>(interface: &NetworkInterface, world: &'a World) -> Option<&'a String> {
    world.ec2.interfaces.get(&interface.id).map(|state| &state.subnet_id)
}

fn interface(xml: &mut Xml, interface: &NetworkInterface, world: &World) {
    xml.leaf("networkInterfaceId", &interface.id);
    xml.maybe("subnetId", subnet_of(interface, world));
    xml.maybe("vpcId", world.ec2.interfaces.get(&interface.id).map(|state| &state.vpc_id));
    xml.leaf("status", "in-use");
    if let Some(index) = interface.device_index {
        xml.node("attachment", |xml| xml.leaf("deviceIndex", index));
    }
    let mut addresses = |set: &str, tag: &str, addresses: &[String]| {
        xml.items(set, addresses, |xml, address| xml.leaf(tag, address));
    };
    addresses("privateIpAddressesSet", "privateIpAddress", &interface.private_ipv4_addresses);
    addresses("ipv6AddressesSet", "ipv6Address", &interface.ipv6_addresses);
    addresses("ipv4PrefixSet", "ipv4Prefix", &interface.ipv4_prefixes);
    addresses("ipv6PrefixSet", "ipv6Prefix", &interface.ipv6_prefixes);
    addresses("groupSet", "groupId", &interface.security_group_ids);
}

fn availability_zone(xml: &mut Xml, zone: &AvailabilityZone, world: &World) {
    xml.leaf("zoneId", &zone.zone_id);
    xml.leaf("zoneType", &zone.zone_type);
    xml.maybe(
        "zoneName",
        world.ec2.zones.iter().find(|known| known.id == zone.zone_id).map(|known| &known.name),
    );
    xml.leaf("zoneState", "available");
    xml.leaf("regionName", &world.account.region);
}
