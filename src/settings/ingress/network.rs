//! Subnets and security groups of the ALB (upstream's `pkg/ingress/model_build_load_balancer.go`, `model_build_managed_sg.go`).

use super::context::{GroupContext, MemberView};
use super::listeners::Listeners;
use super::merge::{Merged, merge, merge_plain};
use crate::api::ingress_class_params::SubnetSelector;
use crate::aws_api::Tags;
use crate::aws_api::ec2::{IngressRule, RuleSource, Subnet};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme, SubnetMapping};
use crate::facts::{BuildError, ExistingLoadBalancer};
use crate::settings::alb::AlbListenerSettings;
use crate::settings::load_balancer::is_dualstack;
use crate::settings::security_groups::{self, backend_group, cidr_source, rule_to_port};
use crate::settings::subnets::Placement;
use crate::settings::{Diagnostics, Origin, SecurityGroupSettings, Sourced, names};

/// Subnets as a member writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WantedSubnets {
    Selected(SubnetSelector),
    Listed(Vec<String>),
}

impl WantedSubnets {
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Selected(a), Self::Selected(b)) => a == b,
            (Self::Listed(a), Self::Listed(b)) => same_items(a, b),
            (Self::Selected(_), Self::Listed(_)) | (Self::Listed(_), Self::Selected(_)) => false,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Selected(_) => "the subnets of IngressClassParams".to_owned(),
            Self::Listed(items) => items.join(","),
        }
    }
}

/// Whether two lists hold the same items, in whatever order.
pub(super) fn same_items(a: &[String], b: &[String]) -> bool {
    let sorted = |items: &[String]| {
        let mut items = items.to_vec();
        items.sort();
        items
    };
    sorted(a) == sorted(b)
}

/// The subnets of the ALB: those that members name, else those it has, else those found by role tag.
pub(super) fn read_subnets(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    scheme: &Scheme,
    ip_address_type: &IpAddressType,
) -> Result<Vec<SubnetMapping>, BuildError> {
    let place = |origin| Placement {
        kind: LoadBalancerType::Application,
        scheme: scheme.clone(),
        ip_address_type: ip_address_type.clone(),
        origin,
        facts: group.facts,
        config: group.config,
    };
    let merged = merge(
        group,
        diagnostics,
        |member| {
            let Some(claim) = wanted_subnets(member) else { return Ok(None) };
            let placement = place(claim.origin.clone());
            let found = match &claim.value {
                WantedSubnets::Selected(selector) => placement.resolve_selected(selector)?,
                WantedSubnets::Listed(listed) if listed.is_empty() => {
                    let error = member.annotations.error("subnets", "a list of subnets");
                    return Err(member.blame(error).into());
                }
                WantedSubnets::Listed(listed) => placement.resolve_listed(listed)?,
            };
            Ok(Some(Sourced::new((claim.value, mappings(&found)), claim.origin)))
        },
        |(a, _), (b, _)| a.agrees(b),
        |(wanted, _)| wanted.show(),
    )?;
    if let Merged::Given((_, mappings)) = merged {
        return Ok(mappings);
    }
    // why: discovery would move a load balancer whenever someone tags a subnet
    match group.live_load_balancer()?.filter(|live| live.scheme == *scheme) {
        Some(live) => Ok(mappings_of(live)),
        None => Ok(mappings(&place(whole_group(group)).discover()?)),
    }
}

/// Where a finding about the group as a whole goes: its first member.
pub(super) fn whole_group(group: &GroupContext<'_>) -> Origin {
    Origin::object(&group.members.first().map(|member| member.object.clone()).unwrap_or_default())
}

pub(super) fn mappings(subnets: &[&Subnet]) -> Vec<SubnetMapping> {
    let mapping =
        |subnet: &&Subnet| SubnetMapping { subnet_id: subnet.id.clone(), ..SubnetMapping::default() };
    subnets.iter().map(mapping).collect()
}

pub(super) fn mappings_of(live: &ExistingLoadBalancer) -> Vec<SubnetMapping> {
    let mapping = |id: &String| SubnetMapping { subnet_id: id.clone(), ..SubnetMapping::default() };
    live.subnet_ids.iter().map(mapping).collect()
}

fn wanted_subnets(member: &MemberView<'_>) -> Option<Sourced<WantedSubnets>> {
    if let Some(selector) = member.params.and_then(|params| params.subnets.as_ref()) {
        return Some(Sourced::new(
            WantedSubnets::Selected(selector.clone()),
            member.params_origin("subnets"),
        ));
    }
    let listed = member.annotations.list("subnets")?;
    Some(Sourced::new(WantedSubnets::Listed(listed), member.origin("subnets")))
}

/// The security groups of the ALB: those that members name, else one that we manage.
pub(super) fn read_security_groups(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    listeners: &Listeners,
    ip_address_type: &IpAddressType,
    tags: &Tags,
) -> Result<SecurityGroupSettings, BuildError> {
    let managed = || manage(group, listeners, ip_address_type, tags);
    match merge_listed(group, diagnostics, "security-groups")? {
        Merged::Given((listed, ids)) if !listed.is_empty() => {
            let manages_rules = manages_target_rules(group, diagnostics)?;
            let manages_target_rules = manages_rules.then(|| whole_group(group));
            Ok(SecurityGroupSettings::Listed { ids, manages_target_rules })
        }
        Merged::Unknown => match group.live_load_balancer()? {
            Some(live) if !has_managed_group(group, live)? => {
                Ok(SecurityGroupSettings::Live(live.security_groups.clone()))
            }
            Some(_) | None => managed(),
        },
        Merged::Given(_) | Merged::Absent => managed(),
    }
}

/// Security groups as a member lists them, and their ids.
pub(super) type Listed = (Vec<String>, Vec<String>);

/// The security groups that members list under an annotation.
pub(super) fn merge_listed(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    suffix: &str,
) -> Result<Merged<Listed>, BuildError> {
    merge(
        group,
        diagnostics,
        |member| {
            let Some(listed) = member.annotations.list(suffix) else { return Ok(None) };
            let origin = member.origin(suffix);
            let found = if listed.is_empty() {
                Vec::new()
            } else {
                security_groups::resolve(&listed, &origin, group.facts)?
            };
            Ok(Some(Sourced::new((listed, found), origin)))
        },
        |(a, _), (b, _)| a == b,
        |(listed, _)| listed.join(","),
    )
}

fn manages_target_rules(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<bool, BuildError> {
    const SUFFIX: &str = "manage-backend-security-group-rules";
    let merged = merge_plain(group, diagnostics, |member| {
        let flag = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Sourced::new(flag, member.origin(SUFFIX))))
    })?;
    let default = group.config.enable_manage_backend_security_group_rules;
    merged.resolve(
        || {
            let Some(live) = group.live_load_balancer()? else { return Ok(None) };
            let backend = backend_group(group.facts, group.config)?;
            Ok(Some(live.security_groups.iter().any(|group| backend.known() == Some(group))))
        },
        || default,
    )
}

fn manage(
    group: &GroupContext<'_>,
    listeners: &Listeners,
    ip_address_type: &IpAddressType,
    tags: &Tags,
) -> Result<SecurityGroupSettings, BuildError> {
    check_count(group, listeners)?;
    Ok(SecurityGroupSettings::Managed {
        name: names::ingress_security_group(&group.config.cluster_name, group.stack),
        tags: tags.clone(),
        ingress: inbound_rules(listeners, ip_address_type),
    })
}

/// Whether the ALB has the security group that the controller created for it.
fn has_managed_group(group: &GroupContext<'_>, live: &ExistingLoadBalancer) -> Result<bool, BuildError> {
    let stack = group.facts.live_stack(group.stack)??;
    let own = stack.managed_security_group.as_ref().map(|group| &group.id);
    Ok(own.is_some_and(|own| live.security_groups.contains(own)))
}

/// Refuses more rules than a security group can have, before any is made.
fn check_count(group: &GroupContext<'_>, ports: &Listeners) -> Result<(), BuildError> {
    let most = |count: fn(&AlbListenerSettings) -> usize| ports.values().map(count).max().unwrap_or_default();
    let sources = security_groups::Sources {
        ipv4: most(|port| port.sources.ipv4.len()),
        ipv6: most(|port| port.sources.ipv6.len()),
        prefix_lists: most(|port| port.sources.prefix_lists.len()),
    };
    let members = group.members_with_settings();
    let restricts = |member: &&MemberView<'_>| member.annotations.string("inbound-cidrs").is_some();
    let origin = members.into_iter().find(restricts).map(|member| member.origin("inbound-cidrs"));
    security_groups::check_count(ports.len(), sources, &origin.unwrap_or_else(|| whole_group(group)))
}

/// One rule per listener port and source.
fn inbound_rules(ports: &Listeners, ip_address_type: &IpAddressType) -> Vec<IngressRule> {
    let mut rules = Vec::new();
    for (number, port) in ports {
        let ipv6 = port.sources.ipv6.iter().filter(|_| is_dualstack(ip_address_type));
        let cidrs = port.sources.ipv4.iter().chain(ipv6).map(|cidr| cidr_source(cidr));
        let lists = port.sources.prefix_lists.iter().cloned().map(RuleSource::PrefixList);
        rules.extend(cidrs.chain(lists).map(|source| rule_to_port("tcp", *number, source)));
        rules.extend(port.retained_ingress.iter().cloned());
    }
    rules
}
