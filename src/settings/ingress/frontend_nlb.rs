//! The NLB in front of a group's ALB (upstream's `pkg/ingress/model_build_frontend_nlb.go`).

mod listeners;

use super::context::{FRONTEND_NLB_ID, GroupContext, MemberView};
use super::listeners::Listeners;
use super::load_balancer::known;
use super::merge::{Merged, merge, merge_plain};
use super::network::{mappings, mappings_of, merge_listed, same_items, whole_group};
use crate::aws_api::elbv2::{LoadBalancerType, Scheme, SubnetMapping};
use crate::aws_api::{Attributes, Tags};
use crate::facts::BuildError;
use crate::model::LOAD_BALANCER_ID;
use crate::settings::load_balancer::check_nlb_attributes;
use crate::settings::subnets::Placement;
use crate::settings::{
    Diagnostics, LoadBalancerSettings, NlbSettings, SecurityGroupSettings, Sourced, names,
};
use std::collections::BTreeMap;

/// The NLB in front of an ALB; `None`: the group wants none.
pub(super) fn read<'a>(
    group: &GroupContext<'a>,
    diagnostics: &mut Diagnostics,
    alb: &LoadBalancerSettings,
    listeners: &Listeners,
) -> Result<Option<NlbSettings<'a>>, BuildError> {
    if !is_enabled(group, diagnostics)? {
        return Ok(None);
    }
    let load_balancer = read_load_balancer(group, diagnostics, alb)?;
    let (target_groups, listeners) = listeners::read(group, diagnostics, listeners, &load_balancer.tags)?;
    Ok(Some(NlbSettings {
        load_balancer,
        subnets: Vec::new(),
        manages_target_rules: false,
        target_groups,
        listeners,
    }))
}

fn is_enabled(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<bool, BuildError> {
    const SUFFIX: &str = "enable-frontend-nlb";
    let merged = merge_plain(group, diagnostics, |member| {
        let flag = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Sourced::new(flag, member.origin(SUFFIX))))
    })?;
    merged.resolve(|| Ok(Some(group.live_frontend_nlb()?.is_some())), || false)
}

fn read_load_balancer(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    alb: &LoadBalancerSettings,
) -> Result<LoadBalancerSettings, BuildError> {
    let scheme = read_scheme(group, diagnostics)?;
    let security_groups = read_security_groups(group, diagnostics)?;
    let subnet_mappings = read_subnets(group, diagnostics, alb, &scheme)?;
    Ok(LoadBalancerSettings {
        id: FRONTEND_NLB_ID.into(),
        name: names::frontend_nlb(&group.config.cluster_name, group.stack, &scheme, &alb.name),
        kind: LoadBalancerType::Network,
        scheme,
        ip_address_type: alb.ip_address_type.clone(),
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings,
        security_groups,
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes: read_attributes(group, diagnostics)?,
        minimum_capacity_units: None,
        tags: read_tags(group, diagnostics, &alb.tags)?,
    })
}

fn read_scheme(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<Scheme, BuildError> {
    const SUFFIX: &str = "frontend-nlb-scheme";
    let merged = merge_plain(group, diagnostics, |member| {
        let scheme = member.annotations.string(SUFFIX);
        let claim = scheme.map(|scheme| Sourced::new(scheme.to_owned(), member.origin(SUFFIX)));
        known(claim, Scheme::parse_known, Scheme::KNOWN)
    })?;
    merged.resolve(
        || Ok(group.live_frontend_nlb()?.map(|live| live.scheme.clone())),
        || group.config.default_load_balancer_scheme.clone(),
    )
}

fn read_security_groups(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<SecurityGroupSettings, BuildError> {
    let listed = |ids| SecurityGroupSettings::Listed { ids, manages_target_rules: None };
    let of_alb = || SecurityGroupSettings::SameAs(LOAD_BALANCER_ID.into());
    match merge_listed(group, diagnostics, "frontend-nlb-security-groups")? {
        Merged::Given((_, ids)) if !ids.is_empty() => Ok(listed(ids)),
        Merged::Given(_) | Merged::Absent => Ok(of_alb()),
        Merged::Unknown => {
            let live = group.live_frontend_nlb()?;
            Ok(live.map_or_else(of_alb, |live| listed(live.security_groups.clone())))
        }
    }
}

fn read_subnets(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    alb: &LoadBalancerSettings,
    scheme: &Scheme,
) -> Result<Vec<SubnetMapping>, BuildError> {
    const SUFFIX: &str = "frontend-nlb-subnets";
    let place = |origin| Placement {
        kind: LoadBalancerType::Network,
        scheme: scheme.clone(),
        ip_address_type: alb.ip_address_type.clone(),
        origin,
        facts: group.facts,
        config: group.config,
    };
    let merged = merge(
        group,
        diagnostics,
        |member| {
            let Some(listed) = member.annotations.list(SUFFIX) else { return Ok(None) };
            let found = mappings(&place(member.origin(SUFFIX)).resolve_listed(&listed)?);
            Ok(Some(Sourced::new((listed, found), member.origin(SUFFIX))))
        },
        |(a, _), (b, _)| same_items(a, b),
        |(listed, _)| listed.join(","),
    )?;
    let live = match &merged {
        Merged::Unknown => group.live_frontend_nlb()?,
        Merged::Given(_) | Merged::Absent => None,
    };
    let subnets = match (merged, live) {
        (Merged::Given((_, found)), _) => found,
        (_, Some(live)) => mappings_of(live),
        (_, None) => mappings(&place(whole_group(group)).discover()?),
    };
    assign_addresses(group, diagnostics, scheme, subnets)
}

/// Elastic IPs by position.
fn assign_addresses(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    scheme: &Scheme,
    mut subnets: Vec<SubnetMapping>,
) -> Result<Vec<SubnetMapping>, BuildError> {
    let count = subnets.len();
    let merged = merge(
        group,
        diagnostics,
        |member| addresses_of(member, scheme, count),
        |a: &Vec<String>, b: &Vec<String>| same_items(a, b),
        |listed| listed.join(","),
    )?;
    for (subnet, address) in subnets.iter_mut().zip(merged.given().unwrap_or_default()) {
        subnet.allocation_id = Some(address);
    }
    Ok(subnets)
}

fn addresses_of(
    member: &MemberView<'_>,
    scheme: &Scheme,
    subnets: usize,
) -> Result<Option<Sourced<Vec<String>>>, BuildError> {
    const SUFFIX: &str = "frontend-nlb-eip-allocations";
    let Some(listed) = member.annotations.list(SUFFIX) else { return Ok(None) };
    let origin = member.origin(SUFFIX);
    if *scheme != Scheme::InternetFacing {
        let finding =
            origin.error(format!("Elastic IPs need scheme internet-facing, but the NLB is {scheme}"));
        return Err(finding.hint("set frontend-nlb-scheme to internet-facing").into());
    }
    if !listed.is_empty() && listed.len() != subnets {
        let problem =
            format!("has {} Elastic IPs for {subnets} subnets, expected one for each", listed.len());
        return Err(origin.error(problem).into());
    }
    Ok(Some(Sourced::new(listed, origin)))
}

/// upstream wants the same map on every member after the first that has one; here members without one agree.
fn read_attributes(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Attributes, BuildError> {
    const SUFFIX: &str = "frontend-nlb-attributes";
    let merged = merge(
        group,
        diagnostics,
        |member| {
            let given = member.annotations.map(SUFFIX).map_err(|error| member.blame(error))?;
            let origin = member.origin(SUFFIX);
            if let Some(given) = &given {
                check_nlb_attributes(given, &origin)?;
            }
            Ok(given.map(|given| Sourced::new(given, origin)))
        },
        |a, b| a == b,
        show_map,
    )?;
    Ok(merged.given().unwrap_or_default())
}

fn read_tags(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    of_alb: &Tags,
) -> Result<Tags, BuildError> {
    const SUFFIX: &str = "frontend-nlb-tags";
    let merged = merge(
        group,
        diagnostics,
        |member| {
            let given = member.annotations.map(SUFFIX).map_err(|error| member.blame(error))?;
            Ok(given.map(|given| Sourced::new(given, member.origin(SUFFIX))))
        },
        |a, b| a == b,
        show_map,
    )?;
    Ok(merged.given().unwrap_or_else(|| of_alb.clone()))
}

fn show_map(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
