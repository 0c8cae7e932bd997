//! Security groups of a Gateway's load balancer.

use super::GatewayContext;
use crate::annotations::parse;
use crate::api::gateway::Protocol;
use crate::aws_api::Tags;
use crate::aws_api::ec2::{IngressRule, RuleSource};
use crate::aws_api::elbv2::IpAddressType;
use crate::facts::BuildError;
use crate::gateway::Controller;
use crate::settings::load_balancer::is_dualstack;
use crate::settings::security_groups::{
    Sources, check_count, cidr_source, icmp_rule, is_ipv6_cidr, resolve, rule_to_port,
};
use crate::settings::{SecurityGroupSettings, names};
use std::collections::BTreeSet;

/// Those that the configuration lists, else one that the controller creates.
pub(super) fn read(
    context: &GatewayContext<'_>,
    ip_address_type: &IpAddressType,
    tags: &Tags,
) -> Result<SecurityGroupSettings, BuildError> {
    let spec = context.view.load_balancer();
    if context.view.controller == Controller::Nlb && spec.disable_security_group == Some(true) {
        return Ok(SecurityGroupSettings::None);
    }
    if let Some(listed) = spec.security_groups.as_ref().filter(|listed| !listed.is_empty()) {
        let origin = context.view.origin("securityGroups", |spec| spec.security_groups.is_some());
        let ids = resolve(listed, &origin, context.facts)?;
        let manages = spec.manage_backend_security_group_rules == Some(true);
        let origin = || {
            context.view.origin("manageBackendSecurityGroupRules", |spec| {
                spec.manage_backend_security_group_rules.is_some()
            })
        };
        return Ok(SecurityGroupSettings::Listed { ids, manages_target_rules: manages.then(origin) });
    }
    Ok(SecurityGroupSettings::Managed {
        name: names::security_group(&context.config.cluster_name, context.identity()),
        tags: tags.clone(),
        ingress: ingress(context, ip_address_type)?,
    })
}

/// For each valid listener a rule from each source.
fn ingress(
    context: &GatewayContext<'_>,
    ip_address_type: &IpAddressType,
) -> Result<Vec<IngressRule>, BuildError> {
    let spec = context.view.load_balancer();
    let cidrs = client_ranges(context, ip_address_type)?;
    let prefix_lists = spec.security_group_prefixes.as_deref().unwrap_or_default();
    let ports = listener_ports(context);
    let ipv6 = cidrs.iter().filter(|cidr| is_ipv6_cidr(cidr)).count();
    let sources = Sources { ipv4: cidrs.len() - ipv6, ipv6, prefix_lists: prefix_lists.len() };
    let origin = context.view.origin("sourceRanges", |spec| spec.source_ranges.is_some());
    check_count(ports.len(), sources, &origin)?;
    let mut rules = Vec::new();
    for (port, protocol) in ports {
        for cidr in &cidrs {
            rules.push(rule_to_port(protocol, port, cidr_source(cidr)));
            if spec.enable_icmp == Some(true) {
                rules.push(icmp_rule(cidr_source(cidr)));
            }
        }
        let lists = prefix_lists.iter().map(|id| RuleSource::PrefixList(id.clone()));
        rules.extend(lists.map(|list| rule_to_port(protocol, port, list)));
    }
    Ok(rules)
}

/// Ports of valid listeners with the protocol that packets to them have.
fn listener_ports(context: &GatewayContext<'_>) -> BTreeSet<(i32, &'static str)> {
    let listeners = context.view.offer.parents.iter().flat_map(|parent| &parent.listeners);
    let valid = listeners.filter(|judged| judged.is_valid()).map(|judged| judged.listener);
    let transport = |protocol: &Protocol| if *protocol == Protocol::Udp { "udp" } else { "tcp" };
    valid.map(|listener| (listener.port, transport(&listener.protocol))).collect()
}

/// Who may reach the load balancer: everyone, unless the configuration says who.
fn client_ranges(
    context: &GatewayContext<'_>,
    ip_address_type: &IpAddressType,
) -> Result<Vec<String>, BuildError> {
    let everyone = || vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    let given = context.view.load_balancer().source_ranges.clone();
    let origin = context.view.origin("sourceRanges", |spec| spec.source_ranges.is_some());
    let mut ranges = Vec::new();
    for cidr in given.unwrap_or_else(everyone) {
        let Some(parsed) = parse::cidr(&cidr) else {
            let hint = "write for example 10.0.0.0/8 or 2001:db8::/32";
            return Err(origin.error(format!("{cidr:?} is not a CIDR")).hint(hint).into());
        };
        // why: EC2 stores the canonical form; anything else would differ from what is there for ever
        let canonical = parsed.trunc().to_string();
        if !is_ipv6_cidr(&canonical) || is_dualstack(ip_address_type) {
            ranges.push(canonical);
        }
    }
    Ok(ranges)
}
