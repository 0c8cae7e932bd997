//! The NLB in front of a group's ALB (upstream's `pkg/ingress/model_build_frontend_nlb.go`).

mod listener;

use super::listener::Port;
use super::load_balancer::{Front, known};
use super::network::{mappings, mappings_of, same_items, settle_listed, whole_group};
use super::scope::{FRONTEND_NLB_ID, Ledger, MemberView, Scope};
use super::settle::{Claim, Settled, settle, settle_plain};
use crate::build::names;
use crate::build::subnets::Placement;
use crate::cloud::elbv2::{LoadBalancerType, Scheme, SubnetMapping};
use crate::cloud::{Attributes, Ref, Tags};
use crate::inputs::Halt;
use crate::model::{LoadBalancer, ResourceId, Stack};
use std::collections::BTreeMap;

const ROUTING_POLICY: &str = "dns_record.client_routing_policy";
const ROUTING_POLICIES: &[&str] =
    &["any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"];

/// Adds the NLB to the stack, if the group wants one.
pub(super) fn build(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    front: &Front,
    ports: &BTreeMap<i32, Port>,
    stack: &mut Stack,
) -> Result<(), Halt> {
    if !is_enabled(scope, ledger)? {
        return Ok(());
    }
    let nlb = build_load_balancer(scope, ledger, front)?;
    let tags = nlb.tags.clone();
    stack.load_balancers.insert(ResourceId::from(FRONTEND_NLB_ID), nlb);
    listener::build(scope, ledger, ports, &tags, stack)
}

fn is_enabled(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<bool, Halt> {
    const SUFFIX: &str = "enable-frontend-nlb";
    let settled = settle_plain(scope, ledger, |member| {
        let flag = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Claim::new(flag, member.origin(SUFFIX))))
    })?;
    settled.resolve(|| Ok(Some(scope.live_frontend_nlb()?.is_some())), || false)
}

fn build_load_balancer(scope: &Scope<'_>, ledger: &mut Ledger, front: &Front) -> Result<LoadBalancer, Halt> {
    let alb = &front.load_balancer;
    let scheme = build_scheme(scope, ledger)?;
    let security_groups = build_security_groups(scope, ledger, front)?;
    let subnet_mappings = build_subnets(scope, ledger, front, &scheme)?;
    Ok(LoadBalancer {
        name: names::frontend_nlb(&scope.config.cluster_name, scope.stack, &scheme, &alb.name),
        kind: LoadBalancerType::Network,
        scheme,
        ip_address_type: alb.ip_address_type.clone(),
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings,
        security_groups,
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes: build_attributes(scope, ledger)?,
        minimum_capacity_units: None,
        tags: build_tags(scope, ledger, &alb.tags)?,
    })
}

fn build_scheme(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Scheme, Halt> {
    const SUFFIX: &str = "frontend-nlb-scheme";
    let settled = settle_plain(scope, ledger, |member| {
        let scheme = member.annotations.string(SUFFIX);
        let claim = scheme.map(|scheme| Claim::new(scheme.to_owned(), member.origin(SUFFIX)));
        known(claim, Scheme::parse_known, Scheme::KNOWN)
    })?;
    settled.resolve(
        || Ok(scope.live_frontend_nlb()?.map(|live| live.scheme.clone())),
        || scope.config.default_load_balancer_scheme.clone(),
    )
}

fn build_security_groups(scope: &Scope<'_>, ledger: &mut Ledger, front: &Front) -> Result<Vec<Ref>, Halt> {
    let refs = |ids: &[String]| ids.iter().cloned().map(Ref::from).collect::<Vec<_>>();
    let of_alb = || front.load_balancer.security_groups.clone();
    match settle_listed(scope, ledger, "frontend-nlb-security-groups")? {
        Settled::Given((_, found)) if !found.is_empty() => Ok(refs(&found)),
        Settled::Given(_) | Settled::Absent => Ok(of_alb()),
        Settled::Unknown => {
            Ok(scope.live_frontend_nlb()?.map_or_else(of_alb, |live| refs(&live.security_groups)))
        }
    }
}

fn build_subnets(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    front: &Front,
    scheme: &Scheme,
) -> Result<Vec<SubnetMapping>, Halt> {
    const SUFFIX: &str = "frontend-nlb-subnets";
    let place = |origin| Placement {
        kind: LoadBalancerType::Network,
        scheme: scheme.clone(),
        ip_address_type: front.load_balancer.ip_address_type.clone(),
        origin,
        facts: scope.facts,
        config: scope.config,
    };
    let settled = settle(
        scope,
        ledger,
        |member| {
            let Some(listed) = member.annotations.list(SUFFIX) else { return Ok(None) };
            let found = mappings(&place(member.origin(SUFFIX)).resolve_listed(&listed)?);
            Ok(Some(Claim::new((listed, found), member.origin(SUFFIX))))
        },
        |(a, _), (b, _)| same_items(a, b),
        |(listed, _)| listed.join(","),
    )?;
    let live = match &settled {
        Settled::Unknown => scope.live_frontend_nlb()?,
        Settled::Given(_) | Settled::Absent => None,
    };
    let subnets = match (settled, live) {
        (Settled::Given((_, found)), _) => found,
        (_, Some(live)) => mappings_of(live),
        (_, None) => mappings(&place(whole_group(scope)).discover()?),
    };
    assign_addresses(scope, ledger, scheme, subnets)
}

/// Elastic IPs by position.
fn assign_addresses(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    scheme: &Scheme,
    mut subnets: Vec<SubnetMapping>,
) -> Result<Vec<SubnetMapping>, Halt> {
    let count = subnets.len();
    let settled = settle(
        scope,
        ledger,
        |member| addresses_of(member, scheme, count),
        |a: &Vec<String>, b: &Vec<String>| same_items(a, b),
        |listed| listed.join(","),
    )?;
    for (subnet, address) in subnets.iter_mut().zip(settled.given().unwrap_or_default()) {
        subnet.allocation_id = Some(address);
    }
    Ok(subnets)
}

fn addresses_of(
    member: &MemberView<'_>,
    scheme: &Scheme,
    subnets: usize,
) -> Result<Option<Claim<Vec<String>>>, Halt> {
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
    Ok(Some(Claim::new(listed, origin)))
}

/// upstream wants the same map on every member after the first that has one; here members without one agree.
fn build_attributes(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Attributes, Halt> {
    const SUFFIX: &str = "frontend-nlb-attributes";
    let settled = settle(
        scope,
        ledger,
        |member| {
            let given = member.annotations.map(SUFFIX).map_err(|error| member.blame(error))?;
            let origin = member.origin(SUFFIX);
            if let Some(policy) = given.as_ref().and_then(|map| map.get(ROUTING_POLICY))
                && !ROUTING_POLICIES.contains(&policy.as_str())
            {
                let expected = ROUTING_POLICIES.join(", ");
                let problem = format!("{ROUTING_POLICY} is {policy:?}, expected one of {expected}");
                return Err(origin.error(problem).suggest(policy, ROUTING_POLICIES.iter().copied()).into());
            }
            Ok(given.map(|given| Claim::new(given, origin)))
        },
        |a, b| a == b,
        show_map,
    )?;
    Ok(settled.given().unwrap_or_default())
}

fn build_tags(scope: &Scope<'_>, ledger: &mut Ledger, of_alb: &Tags) -> Result<Tags, Halt> {
    const SUFFIX: &str = "frontend-nlb-tags";
    let settled = settle(
        scope,
        ledger,
        |member| {
            let given = member.annotations.map(SUFFIX).map_err(|error| member.blame(error))?;
            Ok(given.map(|given| Claim::new(given, member.origin(SUFFIX))))
        },
        |a, b| a == b,
        show_map,
    )?;
    Ok(settled.given().unwrap_or_else(|| of_alb.clone()))
}

fn show_map(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
