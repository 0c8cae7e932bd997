//! What bindings need that another installation of this cluster serves.

use super::{ALL_PORTS, Permission, parse_source, protocol_of};
use crate::api::IntOrString;
use crate::api::target_group_binding::{Networking, NetworkingPort};
use crate::aws_api::ec2::{IngressRule, RuleSource};
use std::collections::{BTreeMap, BTreeSet};

/// Protocol and source of a rule.
type PeerOfRule = (&'static str, RuleSource);

/// The first and the last port; `None`: a named port, which may be any.
type RangeOfRule = Option<(i32, i32)>;

/// Ports by peer, as far as bindings tell them without their pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeedsOfOthers(BTreeMap<PeerOfRule, BTreeSet<RangeOfRule>>);

impl NeedsOfOthers {
    /// What these bindings ask for together. Peers that cannot be read are left out: nobody grants them anything.
    pub fn of<'a>(bindings: impl IntoIterator<Item = &'a Networking>) -> Self {
        let mut needs = Self::default();
        let rules = bindings.into_iter().flat_map(|networking| networking.ingress.iter().flatten());
        for rule in rules {
            for source in rule.from.iter().filter_map(|peer| parse_source(peer).ok()) {
                for port in &rule.ports {
                    needs.0.entry((protocol_of(port), source.clone())).or_default().insert(range_of(port));
                }
            }
        }
        needs
    }

    /// Whether somebody may rely on a rule.
    pub fn rely_on(&self, rule: &IngressRule) -> bool {
        let Permission { protocol, from_port, to_port, source } = Permission::of_rule(rule);
        let mut of_peer = self.0.iter().filter(|((known, from), _)| *known == protocol && *from == source);
        of_peer.any(|(_, ranges)| {
            ranges.iter().any(|range| range.is_none_or(|(from, to)| from_port <= from && to <= to_port))
        })
    }
}

fn range_of(port: &NetworkingPort) -> RangeOfRule {
    match &port.port {
        None | Some(IntOrString::Int(0)) => Some(ALL_PORTS),
        Some(IntOrString::Int(number)) => Some((*number, *number)),
        Some(IntOrString::String(_)) => None,
    }
}

#[cfg(test)]
mod tests;
