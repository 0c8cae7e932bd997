//! Who may reach the targets: the networking rules of TargetGroupBindings.

use super::context::Context;
use super::health_checks::TRAFFIC_PORT;
use super::security_groups::source_ranges;
use super::target_groups::{Backend, preserves_client_ip};
use crate::annotations::service as keys;
use crate::api::{IntOrString, Service, ServicePort};
use crate::build::ports;
use crate::cloud::Ref;
use crate::cloud::elbv2::{HealthCheck, IpAddressType, Protocol, Scheme, TargetType};
use crate::inputs::Halt;
use crate::model::{BindingIngress, BindingPeer, BindingPort, TargetGroup};

/// The Service port that a target group stands for.
pub(super) struct Source<'s, 'a> {
    pub context: &'s Context<'a>,
    pub backend: &'s Backend<'s>,
    pub service: &'s Service,
    pub port: &'s ServicePort,
}

/// Where the targets listen.
struct Listening<'t> {
    protocol: &'t Protocol,
    /// Whether the targets see the clients' addresses (TCP and TLS).
    preserves_client_ip: bool,
    traffic: IntOrString,
    health_check: IntOrString,
}

/// The rules of a binding; `None`: rules are not managed.
pub(super) fn build(
    source: &Source<'_, '_>,
    target_group: &TargetGroup,
    health_check: &HealthCheck,
) -> Result<Option<Vec<BindingIngress>>, Halt> {
    let listening = Listening {
        protocol: &target_group.protocol,
        preserves_client_ip: preserves_client_ip(target_group),
        traffic: match target_group.target_type {
            TargetType::Instance => IntOrString::Int(ports::node_port(source.port)),
            _ => ports::target_port(source.port),
        },
        health_check: parse_port(health_check.port.as_deref().unwrap_or(TRAFFIC_PORT)),
    };
    if !source.backend.has_security_groups {
        return build_by_address(source, &listening, &target_group.ip_address_type);
    }
    let unrestricted = source.context.config.disable_restricted_sg_rules;
    Ok(source.backend.rule_peer.map(|peer| vec![build_by_group(&listening, peer, unrestricted)]))
}

fn parse_port(text: &str) -> IntOrString {
    text.parse().map_or_else(|_| IntOrString::String(text.to_owned()), IntOrString::Int)
}

fn build_by_group(listening: &Listening<'_>, peer: &Ref, unrestricted: bool) -> BindingIngress {
    let ports = if unrestricted { listening.all_ports() } else { listening.exact_ports() };
    BindingIngress { from: vec![BindingPeer::SecurityGroup(peer.clone())], ports }
}

impl Listening<'_> {
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

    fn all_ports(&self) -> Vec<BindingPort> {
        let mut ports = vec![open(Protocol::Tcp, None)];
        if self.is_datagram() || self.is_both() {
            ports.push(open(Protocol::Udp, None));
        }
        ports
    }

    fn exact_ports(&self) -> Vec<BindingPort> {
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

    fn traffic_ports(&self) -> Vec<BindingPort> {
        let protocols = if self.is_both() {
            vec![Protocol::Tcp, Protocol::Udp]
        } else if self.is_datagram() {
            vec![Protocol::Udp]
        } else {
            vec![Protocol::Tcp]
        };
        protocols.into_iter().map(|protocol| open(protocol, Some(self.traffic.clone()))).collect()
    }

    fn health_check_port(&self) -> BindingPort {
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

/// The rules of a load balancer without security groups, which can only be told by its addresses or its clients'.
fn build_by_address(
    source: &Source<'_, '_>,
    listening: &Listening<'_>,
    family: &IpAddressType,
) -> Result<Option<Vec<BindingIngress>>, Halt> {
    if source.context.boolean(keys::MANAGE_BACKEND_RULES)? == Some(false) {
        return Ok(None);
    }
    let subnets = list_subnet_cidrs(source, family);
    let mut from = subnets.clone();
    let mut is_default = false;
    if listening.is_datagram() || listening.is_both() || listening.preserves_client_ip {
        from = source_ranges(source.context, source.service)?;
        is_default = from.is_empty();
        if is_default {
            from = list_default_clients(source, family)?;
        }
    }
    let open_to_all = is_default || from.iter().any(|cidr| cidr == "0.0.0.0/0" || cidr == "::/0");
    let covered = *listening.protocol != Protocol::Udp
        && listening.health_check_is_traffic()
        && (!listening.preserves_client_ip || open_to_all);
    let mut rules = vec![BindingIngress { from: blocks(from), ports: listening.traffic_ports() }];
    if !covered && !subnets.is_empty() {
        rules.push(BindingIngress { from: blocks(subnets), ports: vec![listening.health_check_port()] });
    }
    Ok(Some(rules))
}

fn blocks(cidrs: Vec<String>) -> Vec<BindingPeer> {
    cidrs.into_iter().map(BindingPeer::IpBlock).collect()
}

fn list_subnet_cidrs(source: &Source<'_, '_>, family: &IpAddressType) -> Vec<String> {
    let subnets = source.backend.frontend.subnets.iter();
    if *family == IpAddressType::Ipv4 {
        return subnets.map(|subnet| subnet.cidr_block.clone()).collect();
    }
    subnets.flat_map(|subnet| subnet.ipv6_cidr_blocks.iter().map(|(cidr, _)| cidr.clone())).collect()
}

/// Everyone; for an internal load balancer, everyone in the VPC.
fn list_default_clients(source: &Source<'_, '_>, family: &IpAddressType) -> Result<Vec<String>, Halt> {
    let is_internal = source.backend.frontend.scheme == Scheme::Internal;
    Ok(match (is_internal, family) {
        (true, IpAddressType::Ipv4) => source.context.facts.vpc()??.ipv4_cidr_blocks.clone(),
        (true, _) => source.context.facts.vpc()??.ipv6_cidr_blocks.clone(),
        (false, IpAddressType::Ipv6) => vec!["::/0".to_owned()],
        (false, _) => vec!["0.0.0.0/0".to_owned()],
    })
}
