//! Worlds to begin with: a VPC with subnets, nodes, certificates and what else a cluster's AWS account holds.

use crate::{
    Account, Settings, World,
    ec2::{InterfaceState, RouteTableState, Zone},
    elb::TrustStoreState,
};
use aws_load_balancer_controller::aws_api::{
    Tags,
    acm::{Certificate, CertificateStatus},
    ec2::{Instance, NetworkInterface, RouteTable, SecurityGroup, Subnet, Vpc},
    elbv2::TrustStore,
};
use std::{collections::BTreeMap, net::Ipv4Addr};

const ZONES: [char; 3] = ['a', 'b', 'c'];
const IPV6_PREFIX: &str = "2600:1f14:abc:de";

/// Subnets: name, role tag, CIDRs of zones a, b, …
const SUBNETS: &[(&str, Option<&str>, &[&str])] = &[
    ("pub", Some("kubernetes.io/role/elb"), &["10.0.0.0/22", "10.0.4.0/22", "10.0.8.0/22"]),
    ("priv", Some("kubernetes.io/role/internal-elb"), &["10.0.64.0/18", "10.0.128.0/18", "10.0.192.0/18"]),
    ("spare", None, &["100.64.0.0/18", "100.64.64.0/18"]),
];

/// Names that the certificates cover.
const CERTIFICATES: &[&[&str]] =
    &[&["www.example.com", "example.com"], &["*.apps.example.com"], &["shop.example.org"]];

/// A node of the cluster, as Kubernetes must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Node name.
    pub name: String,
    /// `i-…`.
    pub instance_id: String,
    /// Zone name.
    pub zone: String,
    /// Its primary IPv4 address.
    pub ip: String,
    /// The IPv4 prefix that its pods get addresses from.
    pub pod_cidr: String,
}

impl Node {
    /// `spec.providerID` of the Kubernetes node.
    pub fn provider_id(&self) -> String {
        format!("aws:///{}/{}", self.zone, self.instance_id)
    }
}

/// What a builder made, under the names tests know it by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Landmarks {
    pub(crate) ids: BTreeMap<String, String>,
    pub(crate) nodes: Vec<Node>,
}

/// Makes worlds that differ in cluster name, number of nodes and settings.
#[derive(Clone, Debug)]
pub struct WorldBuilder {
    account: Account,
    cluster: String,
    nodes: usize,
    settings: Settings,
}

impl WorldBuilder {
    /// A world for a cluster of this name, with three nodes and no delays.
    pub fn new(cluster: impl Into<String>) -> Self {
        Self { account: Account::default(), cluster: cluster.into(), nodes: 3, settings: Settings::default() }
    }

    /// Sets how many nodes there are, spread over three zones.
    #[must_use]
    pub fn nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// Sets delays, quotas and health.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Sets account and region.
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        Self { account, ..self }
    }

    /// Makes the world; the same builder makes the same world, ids included.
    pub fn build(self) -> World {
        let mut world = World::new();
        (world.account, world.settings) = (self.account, self.settings);
        world.build_network();
        world.build_security_groups(&self.cluster);
        world.build_nodes(self.nodes);
        world.build_edge();
        world
    }
}

impl World {
    /// The world of the demonstration and of most tests: cluster `demo`, three nodes, no delays.
    ///
    /// It holds a VPC (10.0.0.0/16, 100.64.0.0/16 and an IPv6 /56) with a public, a private and, in two of its three
    /// zones, a spare subnet; node, `sg-1` and `sg-2` security groups; one Elastic IP address a zone; three
    /// certificates; a prefix list, a trust store and web ACLs. [`World::id`] tells their ids.
    pub fn demo() -> Self {
        WorldBuilder::new("demo").build()
    }

    /// The id or ARN under a well-known name: `VPC`, `V6_VPC`, `PUB_A`…`PUB_C`, `PRIV_A`…`PRIV_C`, `SPARE_A`, `SPARE_B`
    /// (and `V6_PUB_A`…, their IPv6 CIDRs), `SG_1`, `SG_2`, `SG_NODES`, `EIP_A`…`EIP_C`, `CERT_1`…`CERT_3`, `PL_1`,
    /// `WAF_1`, `WAF_CLASSIC_1`, `TRUST_1`; empty for any other name.
    pub fn id(&self, name: &str) -> &str {
        self.landmarks.ids.get(name).map_or("", String::as_str)
    }

    /// All well-known names and what they stand for.
    pub fn ids(&self) -> &BTreeMap<String, String> {
        &self.landmarks.ids
    }

    /// The nodes of the cluster.
    pub fn nodes(&self) -> &[Node] {
        &self.landmarks.nodes
    }

    /// Adds a VPC with nothing in it.
    pub fn add_vpc(&mut self, id: &str) {
        self.ec2.vpcs.insert(id.to_owned(), Vpc { id: id.to_owned(), ..Vpc::default() });
    }

    fn name(&mut self, name: impl Into<String>, id: &str) {
        self.landmarks.ids.insert(name.into(), id.to_owned());
    }

    fn build_network(&mut self) {
        let vpc_id = self.ids.ec2("vpc");
        self.name("VPC", &vpc_id);
        let ipv6 = format!("{IPV6_PREFIX}00::/56");
        self.name("V6_VPC", &ipv6);
        let vpc = Vpc {
            id: vpc_id.clone(),
            ipv4_cidr_blocks: vec!["10.0.0.0/16".to_owned(), "100.64.0.0/16".to_owned()],
            ipv6_cidr_blocks: vec![ipv6],
            tags: Tags::new(),
        };
        self.ec2.vpcs.insert(vpc_id.clone(), vpc);
        for (number, zone) in ZONES.iter().enumerate() {
            let name = format!("{}{zone}", self.account.region);
            let id = format!("{}-az{}", short_region(&self.account.region), number + 1);
            self.ec2.zones.push(Zone { name, id, kind: "availability-zone".to_owned() });
        }
        self.ec2.internet_gateways.insert(vpc_id.clone());
        self.build_subnets(&vpc_id);
        self.build_route_tables(&vpc_id);
    }

    fn build_subnets(&mut self, vpc_id: &str) {
        let mut number = 0;
        for (kind, role, cidrs) in SUBNETS {
            for ((letter, zone), cidr) in ZONES.iter().zip(self.ec2.zones.clone()).zip(*cidrs) {
                let id = format!("subnet-0{letter}{}", self.ids.hex(15));
                let ipv6 = format!("{IPV6_PREFIX}{number:02x}::/64");
                number += 1;
                let landmark = format!("{kind}_{letter}").to_uppercase();
                self.name(landmark.clone(), &id);
                self.name(format!("V6_{landmark}"), &ipv6);
                let mut tags = Tags::from([("Name".to_owned(), format!("{kind}-{letter}"))]);
                tags.extend(role.map(|key| (key.to_owned(), "1".to_owned())));
                let subnet = Subnet {
                    id: id.clone(),
                    vpc_id: vpc_id.to_owned(),
                    availability_zone: zone.name,
                    availability_zone_id: zone.id,
                    cidr_block: (*cidr).to_owned(),
                    ipv6_cidr_blocks: vec![(ipv6, true)],
                    available_ip_address_count: if *kind == "pub" { 1019 } else { 16379 },
                    outpost_arn: None,
                    tags,
                };
                self.ec2.subnets.insert(id, subnet);
            }
        }
    }

    fn build_route_tables(&mut self, vpc_id: &str) {
        let gateway = self.ids.ec2("igw");
        let subnets = self.ec2.subnets.values();
        let (public, private): (Vec<_>, Vec<_>) =
            subnets.partition(|subnet| subnet.tags.contains_key("kubernetes.io/role/elb"));
        let ids =
            |subnets: Vec<&Subnet>| subnets.into_iter().map(|subnet| subnet.id.clone()).collect::<Vec<_>>();
        let local = || vec!["local".to_owned()];
        for (main, subnet_ids, gateway_ids) in [
            (true, Vec::new(), local()),
            (false, ids(public), vec!["local".to_owned(), gateway]),
            (false, ids(private), local()),
        ] {
            let id = self.ids.ec2("rtb");
            let described = RouteTable { id: id.clone(), main, subnet_ids, gateway_ids };
            self.ec2.route_tables.insert(id, RouteTableState { described, vpc_id: vpc_id.to_owned() });
        }
    }

    fn build_security_groups(&mut self, cluster: &str) {
        let owned = (format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned());
        let named = |name: &str| ("Name".to_owned(), name.to_owned());
        for (landmark, name, tags) in [
            ("SG_DEFAULT", "default", Tags::new()),
            ("SG_1", "sg-1", Tags::from([named("sg-1")])),
            ("SG_2", "sg-2", Tags::from([named("sg-2")])),
            ("SG_NODES", "nodes", Tags::from([named("nodes"), owned])),
        ] {
            let id = self.ids.ec2("sg");
            self.name(landmark, &id);
            let group = SecurityGroup {
                id: id.clone(),
                name: name.to_owned(),
                description: name.to_owned(),
                vpc_id: self.id("VPC").to_owned(),
                ingress: Vec::new(),
                tags,
            };
            self.ec2.security_groups.insert(id, group);
        }
    }

    fn build_nodes(&mut self, count: usize) {
        for index in 0..count {
            let (letter, octet) = match index % 3 {
                0 => ('a', 64),
                1 => ('b', 128),
                _ => ('c', 192),
            };
            let rank = u32::try_from(index / 3).unwrap_or(u32::MAX);
            let name = if count <= 3 { format!("node-{letter}") } else { format!("node-{index}") };
            let ip = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, octet, 10).to_bits().saturating_add(rank));
            let node = Node {
                name,
                instance_id: self.ids.ec2("i"),
                zone: format!("{}{letter}", self.account.region),
                ip: ip.to_string(),
                pod_cidr: pod_cidr(octet, rank, count),
            };
            self.build_instance(&node, &format!("PRIV_{}", letter.to_ascii_uppercase()));
            self.landmarks.nodes.push(node);
        }
    }

    fn build_instance(&mut self, node: &Node, subnet: &str) {
        let interface = NetworkInterface {
            id: self.ids.ec2("eni"),
            device_index: Some(0),
            private_ipv4_addresses: vec![node.ip.clone()],
            ipv6_addresses: Vec::new(),
            ipv4_prefixes: vec![node.pod_cidr.clone()],
            ipv6_prefixes: Vec::new(),
            security_group_ids: vec![self.id("SG_NODES").to_owned()],
        };
        let (vpc_id, subnet_id) = (self.id("VPC").to_owned(), self.id(subnet).to_owned());
        let instance = Instance {
            id: node.instance_id.clone(),
            vpc_id: vpc_id.clone(),
            network_interfaces: vec![interface.clone()],
        };
        self.ec2.instances.insert(node.instance_id.clone(), instance);
        let state = InterfaceState { described: interface, vpc_id, subnet_id };
        self.ec2.interfaces.insert(state.described.id.clone(), state);
    }

    /// What lies at the edge: addresses, certificates, prefix list, trust store, web ACLs.
    fn build_edge(&mut self) {
        for (letter, last) in [("A", 10), ("B", 11), ("C", 12)] {
            let id = self.ids.ec2("eipalloc");
            self.ec2.addresses.insert(id.clone(), format!("203.0.113.{last}"));
            self.name(format!("EIP_{letter}"), &id);
        }
        for (number, domains) in (1..).zip(CERTIFICATES) {
            let arn = format!("certificate/{number}{}", self.ids.uuid().get(1..).unwrap_or_default());
            let arn = self.account.arn("acm", &arn);
            self.name(format!("CERT_{number}"), &arn);
            self.add_certificate(&arn, domains);
        }
        let prefix_list = self.ids.ec2("pl");
        self.name("PL_1", &prefix_list);
        self.ec2.prefix_lists.insert(prefix_list, 5);
        let web_acl = self.account.arn("wafv2", "regional/webacl/web-1/3ab78708-85b0-49d3-b4e1-7a9615a6613b");
        self.name("WAF_1", &web_acl);
        self.protection.web_acls.insert(web_acl, "web-1".to_owned());
        let classic = self.ids.uuid();
        self.name("WAF_CLASSIC_1", &classic);
        self.protection.classic_acls.push(classic);
        let store = self.ids.hex(16);
        let arn = self.account.arn("elasticloadbalancing", &format!("truststore/clients/{store}"));
        self.name("TRUST_1", &arn);
        let described = TrustStore { name: "clients".to_owned(), arn: arn.clone() };
        self.elb.trust_stores.insert(arn, TrustStoreState { described, tags: Tags::new() });
    }

    /// Adds an issued certificate.
    pub fn add_certificate(&mut self, arn: &str, domains: &[&str]) {
        let certificate = Certificate {
            arn: arn.to_owned(),
            kind: "AMAZON_ISSUED".to_owned(),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            certificate_authority_arn: None,
            status: CertificateStatus::Issued,
            ..Certificate::default()
        };
        self.acm.certificates.insert(arn.to_owned(), certificate);
    }

    /// Subscribes the account to Shield Advanced.
    pub fn subscribe_to_shield(&mut self) {
        self.protection.subscribed = true;
    }
}

/// The prefix for pods of the `rank`-th node of a zone, inside the zone's private subnet; smaller where there are many
/// nodes.
fn pod_cidr(octet: u8, rank: u32, nodes: usize) -> String {
    let length = match nodes {
        0..=42 => 22,
        43..=700 => 26,
        _ => 28,
    };
    let first = Ipv4Addr::new(10, 0, octet.saturating_add(4), 0).to_bits();
    let start = Ipv4Addr::from_bits(first.saturating_add(rank << (32 - length)));
    format!("{start}/{length}")
}

/// `us-west-2` as zone ids spell it: `usw2`.
fn short_region(region: &str) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let direction: String = parts.next().unwrap_or_default().chars().take(1).collect();
    format!("{area}{direction}{}", parts.next().unwrap_or_default())
}
