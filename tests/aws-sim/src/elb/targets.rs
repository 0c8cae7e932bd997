//! Registration and deregistration of targets.

use super::TargetGroupState;
use crate::{
    World,
    refusal::{CallResult, bad_value, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    DeregisterTargets, IpAddressType, LoadBalancerType, Protocol, RegisterTargets, Target, TargetType,
};
use ipnet::IpNet;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// Ranges outside the VPC that targets may lie in.
const PRIVATE: &[&str] = &["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"];

/// Targets that one call may name.
const PER_CALL: usize = 200;

/// What tells one target of a group from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetKey {
    pub(crate) id: String,
    pub(crate) port: i32,
}

/// What is known of a registered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) at: Duration,
    /// Zone as AWS knows it; `all` for targets outside the VPC that asked for it.
    pub(crate) zone: Option<String>,
    pub(crate) quic_server_id: Option<String>,
}

impl World {
    pub(crate) fn register_targets(&mut self, request: &RegisterTargets) -> CallResult<()> {
        let group = self.elb.target_group(&request.arn)?;
        check_count(&request.targets)?;
        let admitted: BTreeMap<_, _> = request
            .targets
            .iter()
            .map(|target| self.admit_target(group, target))
            .collect::<CallResult<_>>()?;
        let new: Vec<_> = admitted.keys().filter(|key| !group.targets.contains_key(*key)).collect();
        self.check_target_quotas(group, new.len())?;
        self.check_registrations(group, &new)?;
        let group = self.elb.target_group_mut(&request.arn)?;
        for (key, registration) in admitted {
            group.draining.remove(&key);
            let at = group.targets.get(&key).map_or(registration.at, |known| known.at);
            group.targets.insert(key, Registration { at, ..registration });
        }
        Ok(())
    }

    /// Deregisters targets; those that are not registered are passed over, as AWS does.
    pub(crate) fn deregister_targets(&mut self, request: &DeregisterTargets) -> CallResult<()> {
        let (now, longest) = (self.now(), self.settings.delays.draining);
        let group = self.elb.target_group_mut(&request.arn)?;
        check_count(&request.targets)?;
        let delay = group.attributes.get("deregistration_delay.timeout_seconds");
        let delay =
            delay.and_then(|seconds| seconds.parse().ok()).map_or(longest, Duration::from_secs).min(longest);
        for target in &request.targets {
            let key = group.key_of(target)?;
            let Some(registration) = group.targets.remove(&key) else { continue };
            if !group.used_by.is_empty() && !delay.is_zero() {
                group.draining.insert(key, (registration, now + delay));
            }
        }
        Ok(())
    }

    /// Whether a load balancer may have this many more targets.
    pub(crate) fn check_load_balancer_targets(&self, arn: &str, more: usize) -> CallResult<()> {
        let kind = self.elb.load_balancers.get(arn).map(|lb| &lb.described.kind);
        let most = match kind {
            Some(LoadBalancerType::Application) => self.settings.quotas.targets_per_application_load_balancer,
            _ => self.settings.quotas.targets_per_network_load_balancer,
        };
        let groups = self.elb.target_groups.values().filter(|group| group.used_by.contains(arn));
        let count: usize = groups.map(|group| group.targets.len()).sum();
        ensure(more == 0 || count + more <= most, || {
            refuse(
                "TooManyTargets",
                format!("The maximum number of targets per load balancer '{most}' has been reached"),
            )
        })
    }

    fn check_target_quotas(&self, group: &TargetGroupState, new: usize) -> CallResult<()> {
        let after = group.targets.len() + new;
        ensure(group.described.target_type != TargetType::Alb || after <= 1, || {
            refuse(
                "TooManyTargets",
                "You can register only one target with target groups of target type 'alb'",
            )
        })?;
        let most = self.settings.quotas.targets_per_target_group;
        ensure(after <= most, || {
            refuse(
                "TooManyTargets",
                format!("The maximum number of targets per target group '{most}' has been reached"),
            )
        })?;
        group.used_by.iter().try_for_each(|arn| self.check_load_balancer_targets(arn, new))
    }

    /// Whether each id may be registered so many more times with the application load balancers of this group.
    fn check_registrations(&self, group: &TargetGroupState, new: &[&TargetKey]) -> CallResult<()> {
        let most = self.settings.quotas.registrations_per_target;
        for arn in group.used_by.iter().filter(|arn| arn.contains(":loadbalancer/app/")) {
            let groups = self.elb.target_groups.values().filter(|group| group.used_by.contains(arn));
            let known: Vec<_> = groups.flat_map(|group| group.targets.keys()).collect();
            for key in new {
                let count = known.iter().chain(new).filter(|other| other.id == key.id).count();
                ensure(count <= most, || {
                    let id = &key.id;
                    refuse(
                        "TooManyRegistrationsForTargetId",
                        format!(
                            "The maximum number of registrations '{most}' for target '{id}' on load balancer '{arn}' has been reached"
                        ),
                    )
                })?;
            }
        }
        Ok(())
    }

    fn admit_target(
        &self,
        group: &TargetGroupState,
        target: &Target,
    ) -> CallResult<(TargetKey, Registration)> {
        let key = group.key_of(target)?;
        ensure((1..=65535).contains(&key.port), || bad_value(format!("Port '{}' is not valid", key.port)))?;
        check_quic(group, target)?;
        let zone = match group.described.target_type {
            TargetType::Instance => self.check_instance(group, &key.id).map(|()| None)?,
            TargetType::Alb => self.check_alb(group, &key).map(|()| Some("all".to_owned()))?,
            _ => self.zone_of_address(group, target, &key.id)?,
        };
        Ok((key, Registration { at: self.now(), zone, quic_server_id: target.quic_server_id.clone() }))
    }

    fn check_instance(&self, group: &TargetGroupState, id: &str) -> CallResult<()> {
        let instance = self.ec2.instances.get(id).ok_or_else(|| {
            refuse("InvalidTarget", format!("The following targets are not valid instances: '{id}'"))
        })?;
        let vpc = group.described.vpc_id.as_deref().unwrap_or_default();
        ensure(instance.vpc_id == vpc, || {
            refuse(
                "InvalidTarget",
                format!("The following targets are not in the target group VPC '{vpc}': '{id}'"),
            )
        })
    }

    fn check_alb(&self, group: &TargetGroupState, key: &TargetKey) -> CallResult<()> {
        let lb = self.elb.load_balancers.get(&key.id).map(|lb| &lb.described);
        let fits = lb.is_some_and(|lb| {
            lb.kind == LoadBalancerType::Application && Some(&lb.vpc_id) == group.described.vpc_id.as_ref()
        });
        let id = &key.id;
        ensure(fits, || {
            refuse(
                "InvalidTarget",
                format!(
                    "The following targets are not application load balancers in the target group VPC: '{id}'"
                ),
            )
        })?;
        let mut listeners = self.elb.listeners_of(&key.id);
        let port = key.port;
        ensure(
            Some(port) == group.described.port
                && listeners.any(|(_, listener)| listener.described.port == port),
            || {
                refuse(
                    "InvalidTarget",
                    format!(
                        "The application load balancer '{id}' has no listener on port '{port}' of the target group"
                    ),
                )
            },
        )
    }

    /// The zone of an address, derived from its subnet or asked for where it lies outside the VPC.
    fn zone_of_address(
        &self,
        group: &TargetGroupState,
        target: &Target,
        id: &str,
    ) -> CallResult<Option<String>> {
        let ip = parse_address(group, id)?;
        let vpc_id = group.described.vpc_id.as_deref().unwrap_or_default();
        let zone = self.ec2.zone_of(vpc_id, ip);
        let asked = target.availability_zone.as_deref();
        if zone.is_some() || self.ec2.vpc_contains(vpc_id, ip) {
            ensure(asked != Some("all"), || {
                bad_value(format!(
                    "The IP address '{id}' is within the VPC, and cannot have its Availability Zone overridden to 'all'"
                ))
            })?;
            ensure(asked.is_none() || zone.is_none() || asked == zone, || {
                bad_value(format!(
                    "The IP address '{id}' is in another Availability Zone than the one asked for"
                ))
            })?;
            return Ok(zone.or(asked).map(str::to_owned));
        }
        ensure(ip.is_ipv6() || is_private(ip), || {
            refuse(
                "InvalidTarget",
                format!(
                    "The IP address '{id}' is not within the VPC or a private IPv4 range, and cannot be registered"
                ),
            )
        })?;
        let asked = asked.ok_or_else(|| {
            bad_value(format!("You must specify a valid Availability Zone or select 'all' for all enabled Availability zones, since the IP address '{id}' is outside the VPC"))
        })?;
        ensure(asked == "all" || self.ec2.zones.iter().any(|zone| zone.name == asked), || {
            bad_value(format!("The Availability Zone '{asked}' is not valid"))
        })?;
        Ok(Some(asked.to_owned()))
    }
}

impl TargetGroupState {
    /// The key of a target that this group would have.
    pub(crate) fn key_of(&self, target: &Target) -> CallResult<TargetKey> {
        let port = target.port.or(self.described.port).unwrap_or_default();
        Ok(TargetKey { id: target.id.resolved()?.to_owned(), port })
    }
}

fn check_count(targets: &[Target]) -> CallResult<()> {
    ensure(!targets.is_empty(), || bad_value("At least one target must be specified"))?;
    ensure(targets.len() <= PER_CALL, || {
        refuse(
            "TooManyTargets",
            format!("You cannot specify more than '{PER_CALL}' targets in a single call"),
        )
    })
}

fn check_quic(group: &TargetGroupState, target: &Target) -> CallResult<()> {
    let wanted = matches!(group.described.protocol, Some(Protocol::Quic | Protocol::TcpQuic));
    let hex = |text: &str| text.len() == 16 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let valid = match &target.quic_server_id {
        Some(id) => wanted && id.strip_prefix("0x").is_some_and(hex),
        None => !wanted,
    };
    ensure(valid, || {
        bad_value(format!(
            "The QUIC server ID of target '{}' must be 0x followed by 16 lowercase hexadecimal characters, on target groups with the protocols QUIC and TCP_QUIC only",
            target.id
        ))
    })
}

fn parse_address(group: &TargetGroupState, id: &str) -> CallResult<IpAddr> {
    let ipv6 = group.described.ip_address_type == IpAddressType::Ipv6;
    let family = if ipv6 { "IPv6" } else { "IPv4" };
    let ip = id.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv6() == ipv6);
    ip.ok_or_else(|| bad_value(format!("'{id}' is not a valid {family} address")))
}

fn is_private(ip: IpAddr) -> bool {
    PRIVATE.iter().any(|net| net.parse::<IpNet>().is_ok_and(|net| net.contains(&ip)))
}
