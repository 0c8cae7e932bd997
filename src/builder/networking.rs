//! Who may reach the targets: the networking rules of TargetGroupBindings.
//!
//! Upstream: `pkg/service/model_build_target_group.go`, `pkg/ingress/model_build_target_group.go`.

use crate::annotations::parse;
use crate::api::IntOrString;
use crate::aws_api::Ref;
use crate::aws_api::ec2::Subnet;
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Protocol, Scheme, TargetType};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::model::{BindingIngress, BindingPeer, BindingPort, TargetGroup};
use crate::settings::health_check::{TRAFFIC_PORT, port_on_target};
use crate::settings::{ServiceBackend, TargetGroupNaming};

const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";

/// What rules of targets depend on at the load balancer.
#[derive(Clone, Debug)]
pub(super) struct LoadBalancerSide<'a> {
    /// Kind of load balancer.
    pub kind: &'a LoadBalancerType,
    /// Scheme.
    pub scheme: &'a Scheme,
    /// Address families.
    pub ip_address_type: &'a IpAddressType,
    /// Its subnets.
    pub subnets: &'a [&'a Subnet],
    /// How its traffic is told from other traffic.
    pub source: TrafficSource<'a>,
}

/// How the traffic of a load balancer is told from other traffic.
#[derive(Clone, Copy, Debug)]
pub(super) enum TrafficSource<'a> {
    /// By this security group.
    SecurityGroup(&'a Ref),
    /// By addresses, as the load balancer has no security groups.
    Addresses,
    /// Not at all: others manage the rules.
    Unmanaged,
}

/// The rules of a binding; `None`: they are not managed.
pub(super) fn build(
    backend: &ServiceBackend<'_>,
    target_group: &TargetGroup,
    side: &LoadBalancerSide<'_>,
    facts: &Facts,
    config: &Config,
) -> Result<Option<Vec<BindingIngress>>, BuildError> {
    let source = match side.source {
        TrafficSource::Unmanaged => return Ok(None),
        TrafficSource::SecurityGroup(group) => group,
        TrafficSource::Addresses => {
            let ports = TargetPorts::new(backend, target_group);
            return by_address(backend, &ports, &target_group.ip_address_type, side, facts).map(Some);
        }
    };
    if matches!(backend.naming, TargetGroupNaming::Gateway { .. }) {
        let ports = TargetPorts::new(backend, target_group);
        return Ok(Some(of_gateway(&ports, source, config)));
    }
    let unrestricted = config.disable_restricted_sg_rules;
    if *side.kind == LoadBalancerType::Application {
        return Ok(Some(of_application(backend, target_group, source, unrestricted)));
    }
    let ports = TargetPorts::new(backend, target_group);
    let ports = if unrestricted { ports.all() } else { ports.exact() };
    Ok(Some(vec![BindingIngress { from: vec![BindingPeer::SecurityGroup(source.clone())], ports }]))
}

/// One rule for each port that an ALB sends requests to.
fn of_application(
    backend: &ServiceBackend<'_>,
    target_group: &TargetGroup,
    source: &Ref,
    unrestricted: bool,
) -> Vec<BindingIngress> {
    let allow = |port| BindingIngress {
        from: vec![BindingPeer::SecurityGroup(source.clone())],
        ports: vec![open(Protocol::Tcp, port)],
    };
    if unrestricted {
        return vec![allow(None)];
    }
    let check = target_group.health_check.as_ref().and_then(|check| check.port.as_deref());
    let check = check.and_then(|port| port.parse().ok());
    let numbers = check.into_iter().chain(target_group.target_control_port).map(IntOrString::Int);
    let traffic = port_on_target(&target_group.target_type, backend.port);
    std::iter::once(traffic).chain(numbers).map(|port| allow(Some(port))).collect()
}

/// One rule for each port that the load balancer of a Gateway sends traffic or health checks to.
fn of_gateway(ports: &TargetPorts<'_>, source: &Ref, config: &Config) -> Vec<BindingIngress> {
    let from = vec![BindingPeer::SecurityGroup(source.clone())];
    if config.disable_restricted_sg_rules {
        return vec![BindingIngress { from, ports: ports.all() }];
    }
    let is_datagram = ports.is_datagram() || ports.is_both();
    let protocol = if is_datagram { Protocol::Udp } else { Protocol::Tcp };
    let mut opened = vec![open(protocol, Some(ports.traffic.clone()))];
    if is_datagram || !ports.health_check_is_traffic() {
        opened.push(ports.of_health_check());
    }
    // why unless strict: upstream does not open the port of the traffic for TCP if the health check has another one
    if config.features.gateway_api_strict && ports.is_both() && !ports.health_check_is_traffic() {
        opened.push(open(Protocol::Tcp, Some(ports.traffic.clone())));
    }
    opened.into_iter().map(|port| BindingIngress { from: from.clone(), ports: vec![port] }).collect()
}

/// Where the targets of a load balancer listen.
struct TargetPorts<'t> {
    protocol: &'t Protocol,
    /// Whether the targets see the clients' addresses (TCP and TLS).
    preserves_client_ip: bool,
    traffic: IntOrString,
    health_check: IntOrString,
}

impl<'t> TargetPorts<'t> {
    fn new(backend: &ServiceBackend<'_>, target_group: &'t TargetGroup) -> Self {
        let check = target_group.health_check.as_ref().and_then(|check| check.port.as_deref());
        Self {
            protocol: &target_group.protocol,
            preserves_client_ip: preserves_client_ip(target_group),
            traffic: port_on_target(&target_group.target_type, backend.port),
            health_check: parse_port(check.unwrap_or(TRAFFIC_PORT)),
        }
    }

    fn is_datagram(&self) -> bool {
        matches!(self.protocol, Protocol::Udp | Protocol::Quic)
    }

    fn is_both(&self) -> bool {
        matches!(self.protocol, Protocol::TcpUdp | Protocol::TcpQuic)
    }

    /// Whether health checks go to the port of the traffic.
    fn health_check_is_traffic(&self) -> bool {
        match &self.health_check {
            IntOrString::String(name) => name == TRAFFIC_PORT,
            IntOrString::Int(number) => *number == as_number(&self.traffic),
        }
    }

    fn all(&self) -> Vec<BindingPort> {
        let mut ports = vec![open(Protocol::Tcp, None)];
        if self.is_datagram() || self.is_both() {
            ports.push(open(Protocol::Udp, None));
        }
        ports
    }

    fn exact(&self) -> Vec<BindingPort> {
        let at_traffic = |protocol| open(protocol, Some(self.traffic.clone()));
        let mut ports = Vec::new();
        if self.is_datagram() || self.is_both() {
            ports.push(at_traffic(Protocol::Udp));
        }
        let stream = matches!(self.protocol, Protocol::Tcp | Protocol::Tls) || self.is_both();
        if stream || (self.is_datagram() && self.health_check_is_traffic()) {
            ports.push(at_traffic(Protocol::Tcp));
        }
        if !self.health_check_is_traffic() {
            ports.push(open(Protocol::Tcp, Some(self.health_check.clone())));
        }
        ports
    }

    fn of_traffic(&self) -> Vec<BindingPort> {
        let protocols = if self.is_both() {
            vec![Protocol::Tcp, Protocol::Udp]
        } else if self.is_datagram() {
            vec![Protocol::Udp]
        } else {
            vec![Protocol::Tcp]
        };
        protocols.into_iter().map(|protocol| open(protocol, Some(self.traffic.clone()))).collect()
    }

    fn of_health_check(&self) -> BindingPort {
        let port = match &self.health_check {
            IntOrString::String(_) => &self.traffic,
            number @ IntOrString::Int(_) => number,
        };
        open(Protocol::Tcp, Some(port.clone()))
    }
}

fn open(protocol: Protocol, port: Option<IntOrString>) -> BindingPort {
    BindingPort { protocol: Some(protocol), port }
}

/// A name counts as 0.
fn as_number(port: &IntOrString) -> i32 {
    match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => text.parse().unwrap_or(0),
    }
}

/// Whether targets of TCP and TLS see the clients' addresses.
fn preserves_client_ip(target_group: &TargetGroup) -> bool {
    let given = target_group.attributes.get(PRESERVE_CLIENT_IP).and_then(|value| parse::boolean(value));
    given.unwrap_or(target_group.target_type == TargetType::Instance)
}

fn parse_port(text: &str) -> IntOrString {
    text.parse().map_or_else(|_| IntOrString::String(text.to_owned()), IntOrString::Int)
}

/// The rules for a load balancer without security groups, which can only be told by its addresses or its clients'.
fn by_address(
    backend: &ServiceBackend<'_>,
    ports: &TargetPorts<'_>,
    family: &IpAddressType,
    side: &LoadBalancerSide<'_>,
    facts: &Facts,
) -> Result<Vec<BindingIngress>, BuildError> {
    let subnets = subnet_cidrs(side.subnets, family);
    let mut from = subnets.clone();
    let mut is_default = false;
    if ports.is_datagram() || ports.is_both() || ports.preserves_client_ip {
        from.clone_from(&backend.source_ranges);
        is_default = from.is_empty();
        if is_default {
            from = default_clients(side.scheme, family, facts)?;
        }
    }
    let open_to_all = is_default || from.iter().any(|cidr| cidr == "0.0.0.0/0" || cidr == "::/0");
    let checks_by_stream = match backend.naming {
        TargetGroupNaming::Gateway { .. } => ports.is_datagram() || ports.is_both(),
        TargetGroupNaming::Service { .. } | TargetGroupNaming::Ingress { .. } => {
            *ports.protocol == Protocol::Udp
        }
    };
    let covered =
        !checks_by_stream && ports.health_check_is_traffic() && (!ports.preserves_client_ip || open_to_all);
    let mut rules = vec![BindingIngress { from: blocks(from), ports: ports.of_traffic() }];
    if !covered && !subnets.is_empty() {
        rules.push(BindingIngress { from: blocks(subnets), ports: vec![ports.of_health_check()] });
    }
    Ok(rules)
}

fn blocks(cidrs: Vec<String>) -> Vec<BindingPeer> {
    cidrs.into_iter().map(BindingPeer::IpBlock).collect()
}

fn subnet_cidrs(subnets: &[&Subnet], family: &IpAddressType) -> Vec<String> {
    if *family == IpAddressType::Ipv4 {
        return subnets.iter().map(|subnet| subnet.cidr_block.clone()).collect();
    }
    let ipv6 = subnets.iter().flat_map(|subnet| &subnet.ipv6_cidr_blocks);
    ipv6.map(|(cidr, _)| cidr.clone()).collect()
}

/// Everyone; for an internal load balancer, everyone in the VPC.
fn default_clients(
    scheme: &Scheme,
    family: &IpAddressType,
    facts: &Facts,
) -> Result<Vec<String>, BuildError> {
    Ok(match (scheme, family) {
        (Scheme::Internal, IpAddressType::Ipv4) => facts.vpc()??.ipv4_cidr_blocks.clone(),
        (Scheme::Internal, _) => facts.vpc()??.ipv6_cidr_blocks.clone(),
        (_, IpAddressType::Ipv6) => vec!["::/0".to_owned()],
        (_, _) => vec!["0.0.0.0/0".to_owned()],
    })
}
