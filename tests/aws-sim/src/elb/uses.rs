//! Which load balancers use which target groups.

use crate::{
    World,
    refusal::{CallResult, bad_configuration, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Ref,
    elbv2::{IpAddressType, ListenerAction, LoadBalancer, LoadBalancerType, Protocol},
};
use std::collections::{BTreeMap, BTreeSet};

/// The target groups that actions forward to.
pub(crate) fn forwarded(actions: &[ListenerAction]) -> BTreeSet<String> {
    let forwards = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    });
    let tuples = forwards.flat_map(|forward| &forward.target_groups);
    tuples.filter_map(|tuple| tuple.target_group.known().map(str::to_owned)).collect()
}

/// The attribute of target groups whose targets are sticky.
pub(crate) const STICKINESS: &str = "stickiness.enabled";

/// The target groups of an ALB that actions split traffic between without group stickiness.
fn split_without_stickiness(actions: &[ListenerAction]) -> BTreeSet<String> {
    let forwards = actions.iter().filter(|action| match action {
        ListenerAction::Forward(forward) => {
            let is_sticky = forward.stickiness.as_ref().is_some_and(|sticky| sticky.enabled == Some(true));
            forward.target_groups.len() > 1 && !is_sticky
        }
        _ => false,
    });
    forwards.flat_map(|action| forwarded(std::slice::from_ref(action))).collect()
}

impl World {
    /// Checks that a listener of this protocol may forward to the target groups of these actions, which come in place
    /// of previous ones.
    pub(crate) fn check_uses(
        &self,
        lb: &LoadBalancer,
        protocol: &Protocol,
        actions: &[ListenerAction],
        previous: &[ListenerAction],
    ) -> CallResult<()> {
        let wanted = forwarded(actions);
        for arn in &wanted {
            self.check_use(lb, protocol, arn)?;
        }
        if lb.kind == LoadBalancerType::Application {
            self.check_stickiness(actions)?;
        }
        let used = self.used_by(&lb.arn);
        let fresh: Vec<_> = wanted.iter().filter(|arn| !used.contains_key(*arn)).collect();
        let goes = |arn: &String| !wanted.contains(arn) && used.get(arn) == Some(&1);
        let gone = forwarded(previous).into_iter().filter(goes).count();
        let most = self.settings.quotas.target_groups_per_load_balancer;
        let application = lb.kind == LoadBalancerType::Application;
        ensure(!application || fresh.is_empty() || used.len() + fresh.len() - gone <= most, || {
            refuse(
                "TooManyUniqueTargetGroupsPerLoadBalancer",
                format!(
                    "You have reached the maximum number of unique target groups that you can associate with a load balancer of type 'application': [{most}]"
                ),
            )
        })?;
        let targets =
            fresh.iter().filter_map(|arn| self.elb.target_groups.get(*arn)).map(|group| group.targets.len());
        self.check_load_balancer_targets(&lb.arn, targets.sum())
    }

    /// Checks that no action splits traffic to a target group with sticky targets without being sticky itself.
    pub(crate) fn check_stickiness(&self, actions: &[ListenerAction]) -> CallResult<()> {
        let is_sticky = |arn: &String| {
            let group = self.elb.target_groups.get(arn);
            group.is_some_and(|group| group.attributes.get(STICKINESS).is_some_and(|on| on == "true"))
        };
        ensure(!split_without_stickiness(actions).iter().any(is_sticky), || {
            refuse(
                "InvalidLoadBalancerAction",
                "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
            )
        })
    }

    /// Checks that the targets of a group may become sticky: no rule splits traffic to it without being sticky itself.
    pub(crate) fn check_target_stickiness(&self, group_arn: &str) -> CallResult<()> {
        let rules = self.elb.rules.iter().map(|(arn, rule)| (arn, &rule.described.actions));
        let listeners = self.elb.listeners.iter();
        let listeners = listeners.map(|(arn, listener)| (arn, &listener.described.default_actions));
        let mut splitting = rules
            .chain(listeners)
            .filter(|(_, actions)| split_without_stickiness(actions).contains(group_arn));
        match splitting.next() {
            None => Ok(()),
            Some((arn, _)) => Err(bad_configuration(format!(
                "This target group appears behind a rule with group stickiness disabled ({arn}). You must enable group stickiness before enabling target stickiness"
            ))),
        }
    }

    /// Brings up to date which of these target groups a load balancer uses.
    pub(crate) fn refresh_uses(&mut self, load_balancer_arn: &str, groups: &BTreeSet<String>) {
        let used = self.used_by(load_balancer_arn);
        let now = self.now();
        for arn in groups {
            let Some(group) = self.elb.target_groups.get_mut(arn) else { continue };
            if !used.contains_key(arn) {
                group.used_by.remove(load_balancer_arn);
            } else if group.used_by.insert(load_balancer_arn.to_owned()) && group.used_by.len() == 1 {
                group.used_since = now;
            }
        }
    }

    /// Target groups that the actions of a load balancer forward to, and how many listeners and rules do so.
    fn used_by(&self, load_balancer_arn: &str) -> BTreeMap<String, usize> {
        let listeners = self.elb.listeners_of(load_balancer_arn);
        let defaults = listeners.map(|(_, listener)| &listener.described.default_actions);
        let rules =
            self.elb.rules_of_load_balancer(load_balancer_arn).map(|(_, rule)| &rule.described.actions);
        let mut used = BTreeMap::new();
        for arn in defaults.chain(rules).flat_map(|actions| forwarded(actions)) {
            *used.entry(arn).or_default() += 1;
        }
        used
    }

    fn check_use(&self, lb: &LoadBalancer, protocol: &Protocol, arn: &str) -> CallResult<()> {
        let group = self.elb.target_group(&Ref::from(arn))?;
        ensure(group.used_by.iter().all(|user| *user == lb.arn), || {
            refuse(
                "TargetGroupAssociationLimit",
                format!(
                    "The following target groups cannot be associated with more than one load balancer: {arn}"
                ),
            )
        })?;
        let carried = group.described.protocol.as_ref().is_some_and(|target| carries(protocol, target));
        ensure(carried, || {
            let target = group.described.protocol.as_ref().map_or("", Protocol::as_str);
            refuse(
                "IncompatibleProtocols",
                format!(
                    "The listener and its associated target group '{arn}' have incompatible protocols: '{protocol}' and '{target}'"
                ),
            )
        })?;
        let version = group.described.protocol_version.as_deref().unwrap_or("HTTP1");
        ensure(*protocol != Protocol::Http || version == "HTTP1", || {
            refuse(
                "InvalidLoadBalancerAction",
                format!(
                    "Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{version}'"
                ),
            )
        })?;
        ensure(group.described.vpc_id.as_ref() == Some(&lb.vpc_id), || {
            bad_configuration(format!(
                "The following target groups are not in the VPC '{}' of the load balancer: '{arn}'",
                lb.vpc_id
            ))
        })?;
        let ipv6 = group.described.ip_address_type == IpAddressType::Ipv6;
        ensure(!ipv6 || lb.ip_address_type != IpAddressType::Ipv4, || {
            bad_configuration(format!(
                "Target group '{arn}' of IP address type 'ipv6' cannot be used by a load balancer of IP address type 'ipv4'"
            ))
        })
    }
}

/// Whether a listener's protocol can be passed to a target group's.
fn carries(listener: &Protocol, target: &Protocol) -> bool {
    match listener {
        Protocol::Http | Protocol::Https => matches!(target, Protocol::Http | Protocol::Https),
        Protocol::Tcp => matches!(target, Protocol::Tcp | Protocol::TcpUdp),
        Protocol::Tls => matches!(target, Protocol::Tcp | Protocol::Tls),
        Protocol::Udp => matches!(target, Protocol::Udp | Protocol::TcpUdp),
        Protocol::Quic => matches!(target, Protocol::Quic | Protocol::TcpQuic),
        Protocol::TcpUdp | Protocol::TcpQuic => target == listener,
        Protocol::Geneve | Protocol::Other(_) => false,
    }
}
