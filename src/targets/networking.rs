//! From `spec.networking` to the ingress rules of the targets' security groups.
//!
//! Upstream's `pkg/networking/networking_manager.go` and `security_group_reconciler.go`. The rules carry upstream's
//! description, by which either controller knows the other's as its own. CIDRs are compared, and granted, in the canonical
//! form that EC2 stores; upstream compares the text and never finds `10.0.0.5/8` again.

pub mod others;

use super::view::PodView;
use crate::annotations::value::MAX_RULES;
use crate::api::meta::TARGET_RULE_DESCRIPTION;
use crate::api::target_group_binding::{
    Networking, NetworkingIngressRule, NetworkingPeer, NetworkingPort, NetworkingProtocol,
};
use crate::api::{IntOrString, ObjectKey};
use crate::aws_api::ec2::{IngressRule, RuleSource};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const ALL_PORTS: (i32, i32) = (0, 65535);
/// Rules of both address families that a security group can have.
const MOST_RULES: usize = 2 * MAX_RULES;
/// Pairs of a security group and a port that one rule of a binding may name.
const MOST_MERGED: usize = 200_000;

/// One ingress rule by what makes it that rule: the description is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `tcp` or `udp` (anything, where it was read from EC2).
    pub protocol: String,
    /// First of the ports.
    pub from_port: i32,
    /// Last of the ports.
    pub to_port: i32,
    /// Who may connect.
    pub source: RuleSource,
}

/// Permissions by the security group that shall grant them.
pub type Permissions = BTreeMap<String, BTreeSet<Permission>>;

/// What to do about the rules of one security group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleChange {
    /// Rules to add.
    pub grant: Vec<IngressRule>,
    /// Rules to take away; all ours.
    pub revoke: Vec<IngressRule>,
}

/// Why `spec.networking` cannot be turned into rules. The texts are upstream's, they end in events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkingError {
    /// A peer that names nobody.
    #[error("either ipBlock or securityGroup should be specified")]
    NoPeer,
    /// A CIDR that is none.
    #[error("invalid CIDR address: {0}")]
    InvalidCidr(String),
    /// More rules than any security group takes.
    #[error("{peers} peers and {ports} ports in one rule, expected at most {most} pairs of them")]
    TooMany {
        /// Peers of the rule.
        peers: usize,
        /// Ports of the rule.
        ports: usize,
        /// The most pairs.
        most: usize,
    },
    /// A number that is no port.
    #[error("spec.networking: port {0} is no port, expected 0 to 65535")]
    InvalidPort(i32),
    /// Nodes have no named ports.
    #[error("named ports can only be used with pod endpoints")]
    NamedPortOfNode,
    /// A pod has no port of that name.
    #[error("unable to find port {port} on pod {pod}")]
    NoSuchPort {
        /// Name of the port.
        port: String,
        /// The pod that has no such port.
        pod: ObjectKey,
    },
}

impl Permission {
    /// The identity of a rule that EC2 told us about. Unset ports count as 0.
    pub fn of_rule(rule: &IngressRule) -> Self {
        let IngressRule { protocol, from_port, to_port, source, description: _ } = rule;
        Self {
            protocol: protocol.clone(),
            from_port: from_port.unwrap_or(0),
            to_port: to_port.unwrap_or(0),
            source: canonical(source),
        }
    }

    /// Whether it lets in all that `wanted` lets in, for the same protocol and source.
    pub fn covers(&self, wanted: &Self) -> bool {
        self.is_for_same_peer(wanted) && self.from_port <= wanted.from_port && self.to_port >= wanted.to_port
    }

    /// Whether it has the protocol and the source of `other`.
    pub fn is_for_same_peer(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.source == other.source
    }

    fn to_rule(&self) -> IngressRule {
        IngressRule {
            protocol: self.protocol.clone(),
            from_port: Some(self.from_port),
            to_port: Some(self.to_port),
            source: self.source.clone(),
            description: Some(TARGET_RULE_DESCRIPTION.to_owned()),
        }
    }
}

/// The permissions that the targets behind one security group need. `pods`: the pods behind it, none for nodes.
pub fn build_permissions(
    networking: &Networking,
    pods: &[Arc<PodView>],
) -> Result<BTreeSet<Permission>, NetworkingError> {
    let mut permissions = BTreeSet::new();
    for rule in networking.ingress.iter().flatten() {
        check_count(rule)?;
        // why: pods are asked once for each port, not again for each peer
        let ports: Vec<_> = if rule.from.is_empty() {
            Vec::new()
        } else {
            rule.ports.iter().map(|port| (protocol_of(port), port_ranges(port, pods))).collect()
        };
        for peer in &rule.from {
            let source = parse_source(peer);
            if rule.ports.is_empty() {
                // why: upstream grants nothing for an empty list of ports, yet refuses a bad peer
                source?;
                continue;
            }
            for (protocol, ranges) in &ports {
                let ranges = ranges.as_ref().map_err(Clone::clone)?;
                let source = source.clone()?;
                permissions.extend(ranges.iter().map(|(from_port, to_port)| Permission {
                    protocol: (*protocol).to_owned(),
                    from_port: *from_port,
                    to_port: *to_port,
                    source: source.clone(),
                }));
            }
        }
    }
    Ok(permissions)
}

/// A rule of a binding whose peers and ports make more rules than AWS could take.
fn check_count(rule: &NetworkingIngressRule) -> Result<(), NetworkingError> {
    let peers = rule.from.len();
    let blocks = rule.from.iter().filter(|peer| peer.security_group.is_none()).count();
    let ports = rule.ports.len();
    // why: the ports of a security group's rules are merged into one range, those of address ranges are not
    let is_right = blocks.saturating_mul(ports) <= MOST_RULES && peers.saturating_mul(ports) <= MOST_MERGED;
    if is_right || ports <= 1 {
        Ok(())
    } else {
        Err(NetworkingError::TooMany { peers, ports, most: MOST_RULES })
    }
}

fn parse_source(peer: &NetworkingPeer) -> Result<RuleSource, NetworkingError> {
    match (&peer.security_group, &peer.ip_block) {
        (Some(group), _) => Ok(RuleSource::SecurityGroup(group.group_id.as_str().into())),
        (None, Some(block)) => {
            let cidr: IpNet =
                block.cidr.parse().map_err(|_| NetworkingError::InvalidCidr(block.cidr.clone()))?;
            Ok(match cidr.trunc() {
                IpNet::V4(cidr) => RuleSource::Ipv4(cidr.to_string()),
                IpNet::V6(cidr) => RuleSource::Ipv6(cidr.to_string()),
            })
        }
        (None, None) => Err(NetworkingError::NoPeer),
    }
}

fn protocol_of(port: &NetworkingPort) -> &'static str {
    match port.protocol {
        None | Some(NetworkingProtocol::Tcp) => "tcp",
        Some(NetworkingProtocol::Udp) => "udp",
    }
}

fn port_ranges(port: &NetworkingPort, pods: &[Arc<PodView>]) -> Result<Vec<(i32, i32)>, NetworkingError> {
    match &port.port {
        None => Ok(vec![ALL_PORTS]),
        // why: merged with the ports of others, it would spoil their rule
        Some(IntOrString::Int(number)) if !(0..=65535).contains(number) => {
            Err(NetworkingError::InvalidPort(*number))
        }
        Some(IntOrString::Int(number)) => Ok(vec![(*number, *number)]),
        Some(IntOrString::String(_)) if pods.is_empty() => Err(NetworkingError::NamedPortOfNode),
        Some(IntOrString::String(name)) => {
            let numbers = pods.iter().map(|pod| {
                let error = || NetworkingError::NoSuchPort { port: name.clone(), pod: pod.key.clone() };
                pod.named_port(name).ok_or_else(error)
            });
            let numbers: BTreeSet<i32> = numbers.collect::<Result<_, _>>()?;
            Ok(numbers.into_iter().map(|number| (number, number)).collect())
        }
    }
}

/// What the bindings ask for together, by security group.
///
/// `restricted` (the default): for each protocol and source group one rule from the lowest to the highest port of all
/// bindings, because a security group holds few rules; a port 0 opens all.
pub fn aggregate<'a>(records: impl IntoIterator<Item = &'a Permissions>, restricted: bool) -> Permissions {
    let mut all = Permissions::new();
    for (group, permissions) in records.into_iter().flatten() {
        all.entry(group.clone()).or_default().extend(permissions.iter().cloned());
    }
    if restricted {
        for permissions in all.values_mut() {
            *permissions = merge_groups(permissions);
        }
    }
    all
}

fn merge_groups(permissions: &BTreeSet<Permission>) -> BTreeSet<Permission> {
    let mut merged = BTreeSet::new();
    let mut ranges: BTreeMap<(&str, &RuleSource), (i32, i32)> = BTreeMap::new();
    for permission in permissions {
        let Permission { protocol, from_port, to_port, source } = permission;
        if !matches!(source, RuleSource::SecurityGroup(_)) {
            merged.insert(permission.clone());
            continue;
        }
        let (from, to) = if (*from_port, *to_port) == (0, 0) { ALL_PORTS } else { (*from_port, *to_port) };
        let range = ranges.entry((protocol, source)).or_insert((from, to));
        *range = (range.0.min(from), range.1.max(to));
    }
    merged.extend(ranges.into_iter().map(|((protocol, source), (from_port, to_port))| Permission {
        protocol: protocol.to_owned(),
        from_port,
        to_port,
        source: source.clone(),
    }));
    merged
}

/// Whether a rule lets in all that `wanted` lets in, for the same protocol and source.
pub fn covers(rule: &IngressRule, wanted: &IngressRule) -> bool {
    Permission::of_rule(rule).covers(&Permission::of_rule(wanted))
}

/// Whether two rules have the same protocol and source.
pub fn is_for_same_peer(one: &IngressRule, other: &IngressRule) -> bool {
    Permission::of_rule(one).is_for_same_peer(&Permission::of_rule(other))
}

/// The sources that `spec.networking` names, as far as they are some.
pub fn sources_of(networking: &Networking) -> BTreeSet<RuleSource> {
    let peers = networking.ingress.iter().flatten().flat_map(|ingress| &ingress.from);
    peers.filter_map(|peer| parse_source(peer).ok()).collect()
}

/// The first field of `spec.networking` that names a source.
pub fn field_of(networking: &Networking, source: &RuleSource) -> Option<String> {
    let rules = networking.ingress.iter().flatten().enumerate();
    let mut peers = rules
        .flat_map(|(rule, ingress)| ingress.from.iter().enumerate().map(move |(at, peer)| (rule, at, peer)));
    let (rule, at, peer) = peers.find(|(.., peer)| parse_source(peer).as_ref() == Ok(source))?;
    let field = if peer.security_group.is_some() { "securityGroup.groupID" } else { "ipBlock.cidr" };
    Some(format!("spec.networking.ingress[{rule}].from[{at}].{field}"))
}

/// What makes the rules of a security group grant what is desired. An equal rule of anybody's is good enough; only our
/// own are revoked. Both lists are in the order of the permissions.
pub fn diff_rules(current: &[IngressRule], desired: &BTreeSet<Permission>) -> RuleChange {
    let present: BTreeMap<Permission, &IngressRule> =
        current.iter().map(|rule| (Permission::of_rule(rule), rule)).collect();
    let missing = desired.iter().filter(|permission| !present.contains_key(*permission));
    let surplus = present.iter().filter(|(permission, rule)| {
        !desired.contains(*permission) && is_ours(rule.description.as_deref().unwrap_or_default())
    });
    RuleChange {
        grant: missing.map(Permission::to_rule).collect(),
        revoke: surplus.map(|(_, rule)| (*rule).clone()).collect(),
    }
}

/// Whether a rule's description says that the rule is ours: one of its `key=value` tokens is ours.
fn is_ours(description: &str) -> bool {
    let (key, value) = TARGET_RULE_DESCRIPTION.split_once('=').unwrap_or_default();
    let ours = description.split(',').filter_map(parse_label).rfind(|(own, _)| *own == key);
    ours.is_some_and(|(_, own)| own == value)
}

/// The label at the end of a comma-separated part: upstream's pattern lets other words stand before it.
fn parse_label(part: &str) -> Option<(&str, &str)> {
    let (before, value) = part.rsplit_once('=')?;
    let key = before.rsplit(|character: char| character.is_whitespace() || character == '=').next()?;
    let is_token = !value.is_empty() && !value.contains(char::is_whitespace) && !key.is_empty();
    is_token.then_some((key, value))
}

/// The form in which sources are compared.
fn canonical(source: &RuleSource) -> RuleSource {
    let cidr = |text: &String| match text.parse::<IpNet>() {
        Ok(cidr) => cidr.trunc().to_string(),
        Err(_) => text.clone(),
    };
    match source {
        RuleSource::Ipv4(text) => RuleSource::Ipv4(cidr(text)),
        RuleSource::Ipv6(text) => RuleSource::Ipv6(cidr(text)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
