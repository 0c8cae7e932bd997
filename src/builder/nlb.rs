//! NLBs, with their listeners and target groups.

use super::networking::{LoadBalancerSide, TrafficSource};
use super::security_groups::SecurityGroups;
use super::{load_balancer, target_group};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::ListenerAction;
use crate::config::Config;
use crate::facts::{BuildError, Facts, MissingLookups};
use crate::finding::Part;
use crate::model::{Listener, Stack};
use crate::settings::{NlbListenerSettings, NlbSettings, SecurityGroupSettings};

/// Adds an NLB and everything behind it to a stack. Returns whether it uses the shared backend security group.
pub(super) fn add(
    settings: &NlbSettings<'_>,
    facts: &Facts,
    config: &Config,
    stack: &mut Stack,
) -> Result<bool, BuildError> {
    let load_balancer = &settings.load_balancer;
    let groups = SecurityGroups::build(&load_balancer.security_groups, facts, config, stack)
        .map_err(|build_error| build_error.within(Part::LoadBalancer))?;
    load_balancer::add(load_balancer, &groups, stack);
    let side = LoadBalancerSide {
        kind: &load_balancer.kind,
        scheme: &load_balancer.scheme,
        ip_address_type: &load_balancer.ip_address_type,
        subnets: &settings.subnets,
        source: traffic_source(settings, &groups),
    };
    let mut missing_lookups = MissingLookups::default();
    for target_group in &settings.target_groups {
        let added = target_group::add(target_group, &side, facts, config, stack);
        missing_lookups.collect(added.map_err(|build_error| build_error.within(Part::Listeners)))?;
    }
    missing_lookups.ask()?;
    let listeners = settings.listeners.iter();
    stack
        .listeners
        .extend(listeners.map(|listener| (listener.id.clone(), build_listener(settings, listener))));
    Ok(groups.uses_backend_group)
}

fn traffic_source<'a>(settings: &NlbSettings<'_>, groups: &'a SecurityGroups) -> TrafficSource<'a> {
    match (&settings.load_balancer.security_groups, &groups.target_rule_source) {
        (SecurityGroupSettings::None, _) if settings.manages_target_rules => TrafficSource::Addresses,
        (_, Some(group)) => TrafficSource::SecurityGroup(group),
        (_, None) => TrafficSource::Unmanaged,
    }
}

fn build_listener(settings: &NlbSettings<'_>, listener: &NlbListenerSettings) -> Listener {
    Listener {
        load_balancer: settings.load_balancer.id.clone(),
        port: listener.port,
        protocol: listener.protocol.clone(),
        default_actions: vec![ListenerAction::Forward(listener.forward.clone())],
        certificates: listener.certificates.iter().cloned().map(Ref::from).collect(),
        ssl_policy: listener.ssl_policy.clone(),
        alpn_policy: listener.alpn_policy.map(str::to_owned).into_iter().collect(),
        mutual_authentication: None,
        attributes: listener.attributes.clone(),
        tags: settings.load_balancer.tags.clone(),
    }
}
