//! Security groups of the load balancer, and who the targets' rules let in.

use super::context::{Context, identity};
use super::load_balancer::Frontend;
use crate::annotations::service as keys;
use crate::api::Service;
use crate::build::security_groups::Sources;
use crate::build::{Origin, names, ports, security_groups};
use crate::cloud::Ref;
use crate::cloud::ec2::{IngressRule, RuleSource};
use crate::finding::Finding;
use crate::inputs::Halt;
use crate::model::SecurityGroup;
use std::collections::BTreeSet;

/// The decision about security groups.
#[derive(Default)]
pub(super) struct SecurityGroups {
    /// Security groups of the load balancer, in order.
    pub attached: Vec<Ref>,
    /// Whether the load balancer has any: without, the targets' rules name addresses.
    pub has_any: bool,
    /// Whom the targets' rules let in; `None`: those rules are not managed.
    pub rule_peer: Option<Ref>,
    /// The group to create.
    pub managed: Option<SecurityGroup>,
    /// Whether the shared backend group is used.
    pub uses_backend: bool,
}

pub(super) fn build(context: &Context<'_>, frontend: &Frontend<'_>) -> Result<SecurityGroups, Halt> {
    let disabled = context.boolean(keys::DISABLE_SECURITY_GROUPS)?.unwrap_or_default();
    let existing = frontend.existing.map(|existing| !existing.security_groups.is_empty());
    if existing == Some(false) {
        // why: AWS cannot add security groups to a load balancer that was created without
        return Ok(SecurityGroups::default());
    }
    if disabled || !context.config.features.nlb_security_group {
        if existing == Some(true) {
            let message = "the load balancer has security groups, which cannot be taken away";
            return Err(context.error(keys::DISABLE_SECURITY_GROUPS, message).into());
        }
        return Ok(SecurityGroups::default());
    }
    match context.list(keys::SECURITY_GROUPS).filter(|listed| !listed.is_empty()) {
        Some(listed) => use_given(context, &listed),
        None => manage_own(context, frontend),
    }
}

fn manage_own(context: &Context<'_>, frontend: &Frontend<'_>) -> Result<SecurityGroups, Halt> {
    let managed = security_groups::managed(
        names::service_security_group(&context.config.cluster_name, identity(context.service)),
        frontend.tags.clone(),
        build_rules(context, frontend)?,
    );
    let frontend_group = security_groups::managed_ref();
    let uses_backend = context.config.enable_backend_security_group;
    let backend =
        if uses_backend { Some(security_groups::backend(context.facts, context.config)?) } else { None };
    Ok(SecurityGroups {
        attached: std::iter::once(frontend_group.clone()).chain(backend.clone()).collect(),
        has_any: true,
        rule_peer: Some(backend.unwrap_or(frontend_group)),
        managed: Some(managed),
        uses_backend,
    })
}

fn use_given(context: &Context<'_>, listed: &[String]) -> Result<SecurityGroups, Halt> {
    let config = context.config;
    let manages_rules = context
        .boolean(keys::MANAGE_BACKEND_RULES)?
        .unwrap_or(config.enable_manage_backend_security_group_rules);
    let given = security_groups::resolve(listed, &context.origin(keys::SECURITY_GROUPS), context.facts)?;
    let mut attached: Vec<Ref> = given.into_iter().map(Ref::from).collect();
    let mut rule_peer = None;
    if manages_rules {
        if !config.enable_backend_security_group {
            let message =
                "rules cannot be managed for given security groups without the backend security group";
            let hint = "start the controller with --enable-backend-security-group=true";
            return Err(context.error(keys::MANAGE_BACKEND_RULES, message).hint(hint).into());
        }
        let backend = security_groups::backend(context.facts, config)?;
        attached.push(backend.clone());
        rule_peer = Some(backend);
    }
    Ok(SecurityGroups { attached, has_any: true, rule_peer, managed: None, uses_backend: manages_rules })
}

fn build_rules(context: &Context<'_>, frontend: &Frontend<'_>) -> Result<Vec<IngressRule>, Halt> {
    let with_icmp = context.string(keys::ICMP_PATH_MTU) == Some("on");
    let prefix_lists = context.list(keys::PREFIX_LISTS);
    let cidrs = decide_client_cidrs(context, frontend, prefix_lists.is_some())?;
    check_count(context, &cidrs, prefix_lists.as_ref().map_or(0, Vec::len))?;
    let mut rules = Vec::new();
    for port in ports::ports(context.service) {
        let protocol = ports::protocol(port).to_lowercase();
        for cidr in &cidrs {
            let source = security_groups::cidr_source(cidr);
            rules.push(security_groups::rule_to_port(&protocol, port.port, source.clone()));
            if with_icmp {
                rules.push(build_icmp_rule(source));
            }
        }
        for id in prefix_lists.iter().flatten() {
            let source = RuleSource::PrefixList(id.clone());
            rules.push(security_groups::rule_to_port(&protocol, port.port, source));
        }
    }
    Ok(rules)
}

/// "Fragmentation needed" of ICMP, "packet too big" of ICMPv6.
fn build_icmp_rule(source: RuleSource) -> IngressRule {
    let (protocol, kind, code) =
        if matches!(source, RuleSource::Ipv6(_)) { ("icmpv6", 2, 0) } else { ("icmp", 3, 4) };
    IngressRule {
        protocol: protocol.to_owned(),
        from_port: Some(kind),
        to_port: Some(code),
        source,
        description: None,
    }
}

fn decide_client_cidrs(
    context: &Context<'_>,
    frontend: &Frontend<'_>,
    has_prefix_lists: bool,
) -> Result<Vec<String>, Halt> {
    let given = source_ranges(context, context.service)?;
    let ipv6 = given.iter().find(|cidr| security_groups::is_ipv6_cidr(cidr));
    if let Some(cidr) = ipv6.filter(|_| !frontend.is_dualstack()) {
        let key = context.annotations.key(keys::IP_ADDRESS_TYPE);
        let finding =
            Finding::error(&context.object, format!("IPv6 range {cidr} needs a dualstack load balancer"));
        let field = match spec_ranges(context.service) {
            Some(_) => "spec.loadBalancerSourceRanges".to_owned(),
            None => context.annotations.key(keys::SOURCE_RANGES),
        };
        return Err(finding.at(field).hint(format!("set {key}: dualstack")).into());
    }
    let everyone = match (given.is_empty(), has_prefix_lists, frontend.is_dualstack()) {
        (false, ..) => return Ok(given),
        (true, true, _) => &[][..],
        (true, false, false) => &["0.0.0.0/0"],
        (true, false, true) => &["0.0.0.0/0", "::/0"],
    };
    Ok(everyone.iter().map(ToString::to_string).collect())
}

/// Client ranges: those in the spec of `service`, else those in the annotation of the Service that owns the load
/// balancer.
pub(super) fn source_ranges(context: &Context<'_>, service: &Service) -> Result<Vec<String>, Halt> {
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
fn check_count(context: &Context<'_>, cidrs: &[String], prefix_lists: usize) -> Result<(), Halt> {
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
