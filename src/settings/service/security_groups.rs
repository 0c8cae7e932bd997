//! Which security groups the load balancer has, and who may reach it.

use super::context::ServiceContext;
use super::load_balancer_context::LoadBalancerContext;
use crate::annotations::service as keys;
use crate::api::Service;
use crate::aws_api::ec2::{IngressRule, RuleSource};
use crate::facts::BuildError;
use crate::finding::Finding;
use crate::settings::names::ObjectIdentity;
use crate::settings::security_groups::{self, Sources};
use crate::settings::{Origin, SecurityGroupSettings, names, ports};
use std::collections::BTreeSet;

pub(super) fn read(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<SecurityGroupSettings, BuildError> {
    let disabled = context.boolean(keys::DISABLE_SECURITY_GROUPS)?.unwrap_or_default();
    let existing = balancer.existing.map(|existing| !existing.security_groups.is_empty());
    if existing == Some(false) {
        // why: AWS cannot add security groups to a load balancer that was created without
        return Ok(SecurityGroupSettings::None);
    }
    if disabled || !context.config.features.nlb_security_group {
        if existing == Some(true) {
            let message = "the load balancer has security groups, which cannot be taken away";
            return Err(context.error(keys::DISABLE_SECURITY_GROUPS, message).into());
        }
        return Ok(SecurityGroupSettings::None);
    }
    match context.list(keys::SECURITY_GROUPS).filter(|listed| !listed.is_empty()) {
        Some(listed) => read_listed(context, &listed),
        None => Ok(SecurityGroupSettings::Managed {
            name: names::security_group(&context.config.cluster_name, ObjectIdentity::of(context.service)),
            tags: balancer.tags.clone(),
            ingress: build_rules(context, balancer)?,
        }),
    }
}

fn read_listed(context: &ServiceContext<'_>, listed: &[String]) -> Result<SecurityGroupSettings, BuildError> {
    let manages_rules = context
        .boolean(keys::MANAGE_BACKEND_RULES)?
        .unwrap_or(context.config.enable_manage_backend_security_group_rules);
    let ids = security_groups::resolve(listed, &context.origin(keys::SECURITY_GROUPS), context.facts)?;
    let manages_target_rules = manages_rules.then(|| context.origin(keys::MANAGE_BACKEND_RULES));
    Ok(SecurityGroupSettings::Listed { ids, manages_target_rules })
}

fn build_rules(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<Vec<IngressRule>, BuildError> {
    let with_icmp = context.string(keys::ICMP_PATH_MTU) == Some("on");
    let prefix_lists = context.list(keys::PREFIX_LISTS);
    let cidrs = decide_client_cidrs(context, balancer, prefix_lists.is_some())?;
    check_count(context, &cidrs, prefix_lists.as_ref().map_or(0, Vec::len))?;
    let mut rules = Vec::new();
    for port in ports::ports(context.service) {
        let protocol = ports::protocol(port).to_lowercase();
        for cidr in &cidrs {
            let source = security_groups::cidr_source(cidr);
            rules.push(security_groups::rule_to_port(&protocol, port.port, source.clone()));
            if with_icmp {
                rules.push(security_groups::icmp_rule(source));
            }
        }
        for id in prefix_lists.iter().flatten() {
            let source = RuleSource::PrefixList(id.clone());
            rules.push(security_groups::rule_to_port(&protocol, port.port, source));
        }
    }
    Ok(rules)
}

fn decide_client_cidrs(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
    has_prefix_lists: bool,
) -> Result<Vec<String>, BuildError> {
    let given = source_ranges(context, context.service)?;
    let ipv6 = given.iter().find(|cidr| security_groups::is_ipv6_cidr(cidr));
    if let Some(cidr) = ipv6.filter(|_| !balancer.is_dualstack()) {
        let key = context.annotations.key(keys::IP_ADDRESS_TYPE);
        let finding =
            Finding::error(&context.object, format!("IPv6 range {cidr} needs a dualstack load balancer"));
        let field = match spec_ranges(context.service) {
            Some(_) => "spec.loadBalancerSourceRanges".to_owned(),
            None => context.annotations.key(keys::SOURCE_RANGES),
        };
        return Err(finding.at(field).hint(format!("set {key}: dualstack")).into());
    }
    let everyone = match (given.is_empty(), has_prefix_lists, balancer.is_dualstack()) {
        (false, ..) => return Ok(given),
        (true, true, _) => &[][..],
        (true, false, false) => &["0.0.0.0/0"],
        (true, false, true) => &["0.0.0.0/0", "::/0"],
    };
    Ok(everyone.iter().map(ToString::to_string).collect())
}

/// Client ranges: those in the spec of `service`, else those in the annotation of the Service that owns the load
/// balancer.
pub(super) fn source_ranges(
    context: &ServiceContext<'_>,
    service: &Service,
) -> Result<Vec<String>, BuildError> {
    let of_owner = || context.list(keys::SOURCE_RANGES).unwrap_or_default();
    if !std::ptr::eq(service, context.service) {
        return Ok(spec_ranges(service).unwrap_or_else(of_owner));
    }
    let read = || {
        let ranges = spec_ranges(service).unwrap_or_else(of_owner);
        check_count(context, &ranges, 0).map(|()| ranges)
    };
    context.read.source_ranges.get_or_init(read).clone()
}

/// Refuses more rules than a security group can have, before any is made.
fn check_count(
    context: &ServiceContext<'_>,
    cidrs: &[String],
    prefix_lists: usize,
) -> Result<(), BuildError> {
    let ports = ports::ports(context.service).iter().map(|port| (ports::protocol(port), port.port));
    let ports: BTreeSet<(&str, i32)> = ports.collect();
    let different: BTreeSet<&str> = cidrs.iter().map(String::as_str).collect();
    let ipv6 = different.iter().filter(|cidr| security_groups::is_ipv6_cidr(cidr)).count();
    let sources = Sources { ipv4: different.len() - ipv6, ipv6, prefix_lists };
    let field = match spec_ranges(context.service) {
        Some(_) => "spec.loadBalancerSourceRanges".to_owned(),
        None if cidrs.is_empty() => context.annotations.key(keys::PREFIX_LISTS),
        None => context.annotations.key(keys::SOURCE_RANGES),
    };
    security_groups::check_count(ports.len(), sources, &Origin::field(&context.object, field))
}

fn spec_ranges(service: &Service) -> Option<Vec<String>> {
    let ranges = service.spec.as_ref()?.load_balancer_source_ranges.clone()?;
    Some(ranges).filter(|ranges| !ranges.is_empty())
}
