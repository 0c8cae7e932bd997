//! The part of EC2 that the controller uses.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>

mod describe;
mod dry_run;
mod filters;
mod rules;
mod security_group;
mod tagging;

use aws_load_balancer_controller::aws_api::{
    Tags,
    ec2::{Instance, NetworkInterface, RouteTable, SecurityGroup, Subnet, Vpc},
};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Everything that EC2 holds, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ec2 {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) route_tables: BTreeMap<String, RouteTableState>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) instance_tags: BTreeMap<String, Tags>,
    pub(crate) interfaces: BTreeMap<String, InterfaceState>,
    /// VPCs with an internet gateway.
    pub(crate) internet_gateways: BTreeSet<String>,
    /// Elastic IP addresses by allocation id.
    pub(crate) addresses: BTreeMap<String, String>,
    /// Managed prefix lists: most entries by id.
    pub(crate) prefix_lists: BTreeMap<String, usize>,
}

/// An availability zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// For example `us-west-2a`.
    pub(crate) name: String,
    /// For example `usw2-az1`.
    pub(crate) id: String,
    /// For example `availability-zone`.
    pub(crate) kind: String,
}

/// A route table and the VPC it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct RouteTableState {
    pub(crate) described: RouteTable,
    pub(crate) vpc_id: String,
}

/// A network interface and where it lies.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceState {
    pub(crate) described: NetworkInterface,
    pub(crate) vpc_id: String,
    pub(crate) subnet_id: String,
}

impl Ec2 {
    pub(crate) fn has_internet_gateway(&self, vpc_id: &str) -> bool {
        self.internet_gateways.contains(vpc_id)
    }

    /// The zone of the subnet that holds an address.
    pub(crate) fn zone_of(&self, vpc_id: &str, ip: IpAddr) -> Option<&str> {
        let mut subnets = self.subnets.values().filter(|subnet| subnet.vpc_id == vpc_id);
        let found = subnets.find(|subnet| {
            let ipv6 = subnet.ipv6_cidr_blocks.iter().map(|(cidr, _)| cidr.as_str());
            contains(std::iter::once(subnet.cidr_block.as_str()).chain(ipv6), ip)
        });
        found.map(|subnet| subnet.availability_zone.as_str())
    }

    /// Whether an address lies in a CIDR of the VPC.
    pub(crate) fn vpc_contains(&self, vpc_id: &str, ip: IpAddr) -> bool {
        let Some(vpc) = self.vpcs.get(vpc_id) else { return false };
        contains(vpc.ipv4_cidr_blocks.iter().chain(&vpc.ipv6_cidr_blocks).map(String::as_str), ip)
    }
}

fn contains<'a>(mut cidrs: impl Iterator<Item = &'a str>, ip: IpAddr) -> bool {
    cidrs.any(|cidr| cidr.parse::<IpNet>().is_ok_and(|net| net.contains(&ip)))
}
