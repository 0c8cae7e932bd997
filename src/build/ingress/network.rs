//! Subnets and security groups of the ALB (upstream's `pkg/ingress/model_build_load_balancer.go`, `model_build_managed_sg.go`).

use super::listener::Port;
use super::load_balancer::is_dualstack;
use super::scope::{Ledger, MemberView, Scope};
use super::settle::{Claim, Settled, settle, settle_plain};
use crate::api::ingress_class_params::SubnetSelector;
use crate::build::security_groups::{self, cidr_source, rule_to_port};
use crate::build::subnets::Placement;
use crate::build::{Origin, names};
use crate::cloud::ec2::{IngressRule, RuleSource, Subnet};
use crate::cloud::elbv2::{IpAddressType, LoadBalancerType, Scheme, SubnetMapping};
use crate::cloud::{Ref, Tags};
use crate::inputs::{ExistingLoadBalancer, Halt};
use crate::model::SecurityGroup;
use std::collections::BTreeMap;

/// Security groups of the ALB.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub security_groups: Vec<Ref>,
    pub managed: Option<SecurityGroup>,
    /// Source of the traffic to the targets.
    pub backend: Option<Ref>,
    /// Whether that is the group all load balancers of the cluster share.
    pub shared: bool,
}

/// Subnets as a member writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Selected(SubnetSelector),
    Listed(Vec<String>),
}

impl Wanted {
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
pub(super) fn build_subnets(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    scheme: &Scheme,
    ip_address_type: &IpAddressType,
) -> Result<Vec<SubnetMapping>, Halt> {
    let place = |origin| Placement {
        kind: LoadBalancerType::Application,
        scheme: scheme.clone(),
        ip_address_type: ip_address_type.clone(),
        origin,
        facts: scope.facts,
        config: scope.config,
    };
    let settled = settle(
        scope,
        ledger,
        |member| {
            let Some(claim) = wanted_subnets(member) else { return Ok(None) };
            let placement = place(claim.origin.clone());
            let found = match &claim.value {
                Wanted::Selected(selector) => placement.resolve_selected(selector)?,
                Wanted::Listed(listed) => placement.resolve_listed(listed)?,
            };
            Ok(Some(Claim::new((claim.value, mappings(&found)), claim.origin)))
        },
        |(a, _), (b, _)| a.agrees(b),
        |(wanted, _)| wanted.show(),
    )?;
    if let Settled::Given((_, mappings)) = settled {
        return Ok(mappings);
    }
    // why: discovery would move a load balancer whenever someone tags a subnet
    match scope.live_load_balancer()?.filter(|live| live.scheme == *scheme) {
        Some(live) => Ok(mappings_of(live)),
        None => Ok(mappings(&place(whole_group(scope)).discover()?)),
    }
}

/// Where a finding about the group as a whole goes: its first member.
pub(super) fn whole_group(scope: &Scope<'_>) -> Origin {
    Origin::object(&scope.members.first().map(|member| member.object.clone()).unwrap_or_default())
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

fn wanted_subnets(member: &MemberView<'_>) -> Option<Claim<Wanted>> {
    if let Some(selector) = member.params.and_then(|params| params.subnets.as_ref()) {
        return Some(Claim::new(Wanted::Selected(selector.clone()), member.params_origin("subnets")));
    }
    let listed = member.annotations.list("subnets")?;
    Some(Claim::new(Wanted::Listed(listed), member.origin("subnets")))
}

/// The security groups of the ALB: those that members name, else one that we manage; and the one that stands for its traffic.
pub(super) fn build_security_groups(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    ports: &BTreeMap<i32, Port>,
    ip_address_type: &IpAddressType,
    tags: &Tags,
) -> Result<Network, Halt> {
    match settle_listed(scope, ledger, "security-groups")? {
        Settled::Given((listed, found)) if !listed.is_empty() => attach_listed(scope, ledger, found),
        Settled::Unknown => match scope.live_load_balancer()? {
            Some(live) => keep_live(scope, ports, ip_address_type, tags, live),
            None => manage(scope, ports, ip_address_type, tags),
        },
        Settled::Given(_) | Settled::Absent => manage(scope, ports, ip_address_type, tags),
    }
}

/// Security groups as a member lists them, and their ids.
pub(super) type Listed = (Vec<String>, Vec<String>);

/// The security groups that members list under an annotation.
pub(super) fn settle_listed(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    suffix: &str,
) -> Result<Settled<Listed>, Halt> {
    settle(
        scope,
        ledger,
        |member| {
            let Some(listed) = member.annotations.list(suffix) else { return Ok(None) };
            let origin = member.origin(suffix);
            let found = if listed.is_empty() {
                Vec::new()
            } else {
                security_groups::resolve(&listed, &origin, scope.facts)?
            };
            Ok(Some(Claim::new((listed, found), origin)))
        },
        |(a, _), (b, _)| a == b,
        |(listed, _)| listed.join(","),
    )
}

fn attach_listed(scope: &Scope<'_>, ledger: &mut Ledger, found: Vec<String>) -> Result<Network, Halt> {
    let mut groups: Vec<Ref> = found.into_iter().map(Ref::from).collect();
    let managed_rules = wants_managed_rules(scope, ledger)?;
    if !managed_rules {
        return Ok(Network { security_groups: groups, managed: None, backend: None, shared: false });
    }
    if !scope.config.enable_backend_security_group {
        let finding = whole_group(scope)
            .error("rules for named security groups need the shared backend security group, which is off")
            .hint("start the controller with --enable-backend-security-group, or take manage-backend-security-group-rules away");
        return Err(finding.into());
    }
    let backend = security_groups::backend(scope.facts, scope.config)?;
    groups.push(backend.clone());
    Ok(Network { security_groups: groups, managed: None, backend: Some(backend), shared: true })
}

fn wants_managed_rules(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<bool, Halt> {
    const SUFFIX: &str = "manage-backend-security-group-rules";
    let settled = settle_plain(scope, ledger, |member| {
        let flag = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Claim::new(flag, member.origin(SUFFIX))))
    })?;
    let default = scope.config.enable_manage_backend_security_group_rules;
    settled.resolve(
        || {
            let Some(live) = scope.live_load_balancer()? else { return Ok(None) };
            let backend = security_groups::backend(scope.facts, scope.config)?;
            Ok(Some(live.security_groups.iter().any(|group| backend.known() == Some(group))))
        },
        || default,
    )
}

fn manage(
    scope: &Scope<'_>,
    ports: &BTreeMap<i32, Port>,
    ip_address_type: &IpAddressType,
    tags: &Tags,
) -> Result<Network, Halt> {
    let name = names::ingress_security_group(&scope.config.cluster_name, scope.stack);
    check_count(scope, ports)?;
    let group = security_groups::managed(name, tags.clone(), inbound_rules(ports, ip_address_type));
    let own = security_groups::managed_ref();
    let shared = scope.config.enable_backend_security_group;
    let backend = if shared { security_groups::backend(scope.facts, scope.config)? } else { own.clone() };
    let mut groups = vec![own];
    if shared {
        groups.push(backend.clone());
    }
    Ok(Network { security_groups: groups, managed: Some(group), backend: Some(backend), shared })
}

/// What a member names cannot be made out: the ALB keeps what it has.
fn keep_live(
    scope: &Scope<'_>,
    ports: &BTreeMap<i32, Port>,
    ip_address_type: &IpAddressType,
    tags: &Tags,
    live: &ExistingLoadBalancer,
) -> Result<Network, Halt> {
    let stack = scope.facts.live_stack(scope.stack)??;
    let own = stack.managed_security_group.as_ref().map(|group| &group.id);
    if own.is_some_and(|own| live.security_groups.contains(own)) {
        return manage(scope, ports, ip_address_type, tags);
    }
    let security_groups: Vec<Ref> = live.security_groups.iter().cloned().map(Ref::from).collect();
    if !scope.config.enable_backend_security_group {
        return Ok(Network { security_groups, managed: None, backend: None, shared: false });
    }
    let backend = security_groups::backend(scope.facts, scope.config)?;
    let shared = security_groups.contains(&backend);
    Ok(Network { security_groups, managed: None, backend: shared.then_some(backend), shared })
}

/// Refuses more rules than a security group can have, before any is made.
fn check_count(scope: &Scope<'_>, ports: &BTreeMap<i32, Port>) -> Result<(), Halt> {
    let most = |count: fn(&Port) -> usize| ports.values().map(count).max().unwrap_or_default();
    let sources = security_groups::Sources {
        ipv4: most(|port| port.sources.ipv4.len()),
        ipv6: most(|port| port.sources.ipv6.len()),
        prefix_lists: most(|port| port.sources.prefix_lists.len()),
    };
    let members = scope.settlers();
    let restricts = |member: &&MemberView<'_>| member.annotations.string("inbound-cidrs").is_some();
    let origin = members.into_iter().find(restricts).map(|member| member.origin("inbound-cidrs"));
    security_groups::check_count(ports.len(), sources, &origin.unwrap_or_else(|| whole_group(scope)))
}

/// One rule per listener port and source.
fn inbound_rules(ports: &BTreeMap<i32, Port>, ip_address_type: &IpAddressType) -> Vec<IngressRule> {
    let mut rules = Vec::new();
    for (number, port) in ports {
        let ipv6 = port.sources.ipv6.iter().filter(|_| is_dualstack(ip_address_type));
        let cidrs = port.sources.ipv4.iter().chain(ipv6).map(|cidr| cidr_source(cidr));
        let lists = port.sources.prefix_lists.iter().cloned().map(RuleSource::PrefixList);
        rules.extend(cidrs.chain(lists).map(|source| rule_to_port("tcp", *number, source)));
        rules.extend(port.kept_rules.iter().cloned());
    }
    rules
}
