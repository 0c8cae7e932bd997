//! Rules for Network Load Balancers.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html>

use super::{forward, shared, target_group};
use crate::annotations::{Annotations, NLB_PREFIX, service as keys};
use crate::api::{Service, ServicePort};
use crate::aws_api::elbv2::{ForwardAction, IpAddressType, Protocol, TargetType};
use crate::finding::{Finding, ObjectRef};
use crate::model::{Listener, LoadBalancer, Stack, TargetGroup};
use crate::settings::ports;
use std::collections::BTreeSet;

const STICKINESS: &str = "stickiness.enabled";
const IDLE_TIMEOUT: &str = "tcp.idle_timeout.seconds";
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";
const TRAFFIC_PORT: &str = "traffic-port";

/// What AWS would say to what is built of a Service.
pub fn of_service(object: &ObjectRef, service: &Service, stack: Option<&Stack>) -> Vec<Finding> {
    let Some(stack) = stack else { return Vec::new() };
    let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
    let key = |suffix: &str| annotations.key(suffix);
    let mut findings = shared(object, stack, key(keys::TAGS), key(keys::SECURITY_GROUPS));
    for listener in stack.listeners.values() {
        let Some(forward) = forward(listener) else { continue };
        let groups = forward.target_groups.iter().filter_map(|tuple| target_group(stack, tuple)).collect();
        let balancer = stack.load_balancers.get(&listener.load_balancer);
        let checks =
            NlbListenerChecks { object, annotations: &annotations, listener, forward, groups, balancer };
        findings.extend(checks.foreign_protocol());
        findings.extend(checks.weights());
        findings.extend(checks.stickiness());
        findings.extend(checks.mixture());
        findings.extend(checks.datagrams());
        findings.extend(checks.lost_client_addresses());
        findings.extend(checks.foreign_attribute());
    }
    findings.extend(unanswered_health_checks(object, service, stack));
    findings
}

/// UDP targets are checked over TCP, on a port where the Service has nothing that speaks TCP.
fn unanswered_health_checks(object: &ObjectRef, service: &Service, stack: &Stack) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    for (id, group) in stack.target_groups.iter().filter(|(_, group)| group.protocol == Protocol::Udp) {
        let Some(check) = &group.health_check else { continue };
        let is_default = check.port.as_deref().is_none_or(|port| port == TRAFFIC_PORT);
        let port = stack.bindings.get(id).filter(|_| is_default).and_then(|binding| {
            let is_own = binding.service_name == object.name && binding.namespace == object.namespace;
            is_own.then(|| ports::find(service, &binding.service_port)).flatten()
        });
        if let Some(port) = port.filter(|port| !has_tcp_twin(service, port, &group.target_type)) {
            told.insert((port.port, group.target_type == TargetType::Instance));
        }
    }
    told.into_iter().map(|(port, by_node)| unanswered_health_check(object, port, by_node)).collect()
}

/// Whether TCP goes to the same port of the targets.
fn has_tcp_twin(service: &Service, udp: &ServicePort, target_type: &TargetType) -> bool {
    let mut tcp = ports::ports(service).iter().filter(|port| ports::protocol(port) == "TCP");
    tcp.any(|port| match target_type {
        TargetType::Instance => {
            ports::node_port(port) != 0 && ports::node_port(port) == ports::node_port(udp)
        }
        _ => ports::target_port(port) == ports::target_port(udp),
    })
}

fn unanswered_health_check(object: &ObjectRef, port: i32, by_node: bool) -> Finding {
    let where_to = if by_node { "node port, where nodes listen to UDP only" } else { "port" };
    let problem = format!(
        "targets of UDP port {port} are checked over TCP on the same {where_to}; they never become healthy unless something \
         answers TCP there"
    );
    let [of_port, of_protocol] =
        [keys::HEALTH_CHECK_PORT, keys::HEALTH_CHECK_PROTOCOL].map(|key| format!("{NLB_PREFIX}/{key}"));
    Finding::warning(object, problem)
        .at("spec.ports")
        .hint(format!("set {of_port} to a port that answers TCP, and {of_protocol}"))
}

/// One listener and where it leads.
struct NlbListenerChecks<'c> {
    object: &'c ObjectRef,
    annotations: &'c Annotations<'c>,
    listener: &'c Listener,
    forward: &'c ForwardAction,
    groups: Vec<&'c TargetGroup>,
    balancer: Option<&'c LoadBalancer>,
}

impl NlbListenerChecks<'_> {
    /// The annotation that splits the listener's traffic.
    fn action(&self) -> String {
        let Listener { protocol, port, .. } = self.listener;
        self.annotations.key(&format!("{}.{protocol}-{port}", keys::ACTIONS))
    }

    fn warn(&self, suffix: &str, problem: impl Into<String>) -> Finding {
        Finding::warning(self.object, problem).at(self.annotations.key(suffix))
    }

    /// Kubernetes knows SCTP, AWS does not.
    fn foreign_protocol(&self) -> Option<Finding> {
        let mut spoken = self.groups.iter().map(|group| &group.protocol).chain([&self.listener.protocol]);
        let foreign = spoken.find(|protocol| matches!(protocol, Protocol::Other(_)))?;
        let port = self.listener.port;
        let problem =
            format!("port {port} speaks {foreign}, which Network Load Balancers do not, expected TCP or UDP");
        Some(Finding::error(self.object, problem).at("spec.ports"))
    }

    fn weights(&self) -> Option<Finding> {
        let weights: Vec<Option<i32>> = self.forward.target_groups.iter().map(|tuple| tuple.weight).collect();
        if weights.len() < 2 {
            return None;
        }
        let missing = weights.iter().position(Option::is_none).map(|at| match at {
            0 => "baseServiceWeight".to_owned(),
            at => format!("weight of forwardConfig.targetGroups[{}]", at - 1),
        });
        if let Some(missing) = missing {
            let problem = format!("{missing} is missing, and each of several target groups needs one");
            return Some(Finding::error(self.object, problem).at(self.action()));
        }
        let problem = "all weights are 0, so that nothing is forwarded";
        let is_idle = weights.iter().all(|weight| *weight == Some(0));
        is_idle.then(|| Finding::warning(self.object, problem).at(self.action()))
    }

    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html>
    fn stickiness(&self) -> Vec<Finding> {
        let is_tls = self.listener.protocol == Protocol::Tls;
        let between = self.forward.stickiness.as_ref().is_some_and(|sticky| sticky.enabled == Some(true));
        let within = |group: &&TargetGroup| {
            let is_sticky = group.attributes.get(STICKINESS).is_some_and(|enabled| enabled == "true");
            is_sticky && (is_tls || group.protocol == Protocol::Tls)
        };
        let mut findings = Vec::new();
        if is_tls && between {
            let problem = "targetGroupStickinessConfig does not work with TLS listeners";
            findings.push(Finding::warning(self.object, problem).at(self.action()));
        }
        if self.groups.iter().any(within) {
            let problem =
                format!("stickiness does not work with TLS, which port {} speaks", self.listener.port);
            findings.push(self.warn(&self.attributes_suffix(STICKINESS), problem));
        }
        findings
    }

    /// The annotation that sets an attribute: that of the port, if there is one.
    fn attributes_suffix(&self, attribute: &str) -> String {
        let of_port = format!("{}.{}", keys::TARGET_GROUP_ATTRIBUTES, self.listener.port);
        let given = self.annotations.map(&of_port).ok().flatten().unwrap_or_default();
        if given.contains_key(attribute) { of_port } else { keys::TARGET_GROUP_ATTRIBUTES.to_owned() }
    }

    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html>
    fn lost_client_addresses(&self) -> Option<Finding> {
        let is_datagram = |protocol: &Protocol| {
            matches!(protocol, Protocol::Udp | Protocol::TcpUdp | Protocol::Quic | Protocol::TcpQuic)
        };
        let is_hidden = |group: &&&TargetGroup| {
            is_datagram(&group.protocol)
                && group.attributes.get(PRESERVE_CLIENT_IP).is_some_and(|on| on == "false")
        };
        let group = self.groups.iter().find(is_hidden)?;
        let problem = format!(
            "{PRESERVE_CLIENT_IP}=false cannot be set for {}, which port {} speaks",
            group.protocol, self.listener.port
        );
        let suffix = self.attributes_suffix(PRESERVE_CLIENT_IP);
        let key = self.annotations.key(&suffix);
        let hint = format!(
            "set it for the other ports alone, with {}.PORT",
            self.annotations.key(keys::TARGET_GROUP_ATTRIBUTES)
        );
        Some(Finding::error(self.object, problem).at(key).hint(hint))
    }

    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html>
    fn foreign_attribute(&self) -> Option<Finding> {
        let Listener { protocol, port, attributes, .. } = self.listener;
        let is_datagram = matches!(protocol, Protocol::Udp | Protocol::Quic);
        let problem = format!("{IDLE_TIMEOUT} is for TCP, and listener {port} speaks {protocol}");
        let key = self.annotations.key(&format!("{}.{protocol}-{port}", keys::LISTENER_ATTRIBUTES));
        (is_datagram && attributes.contains_key(IDLE_TIMEOUT))
            .then(|| Finding::error(self.object, problem).at(key))
    }

    fn mixture(&self) -> Option<Finding> {
        let mut protocols = self.groups.iter().map(|group| &group.protocol);
        let first = protocols.next()?;
        let other = protocols.find(|protocol| *protocol != first)?;
        let problem =
            format!("splits traffic between target groups of {first} and {other}, expected one protocol");
        Some(Finding::warning(self.object, problem).at(self.action()))
    }

    /// UDP of a dualstack load balancer goes to IPv6 targets only, and its source addresses need prefixes.
    fn datagrams(&self) -> Option<Finding> {
        let balancer = self.balancer?;
        let is_datagram = matches!(self.listener.protocol, Protocol::Udp | Protocol::TcpUdp);
        if !is_datagram || balancer.ip_address_type != IpAddressType::Dualstack {
            return None;
        }
        let port = self.listener.port;
        if self.groups.iter().any(|group| group.ip_address_type == IpAddressType::Ipv4) {
            let problem = format!("UDP port {port} of a dualstack load balancer needs IPv6 targets");
            return Some(self.warn(keys::IP_ADDRESS_TYPE, problem));
        }
        let has_prefixes = balancer.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on");
        let key = self.annotations.key(keys::SOURCE_NAT);
        let problem = format!("UDP port {port} to IPv6 targets needs prefixes for source NAT");
        (!has_prefixes).then(|| self.warn(keys::IP_ADDRESS_TYPE, problem).hint(format!("set {key}: on")))
    }
}
