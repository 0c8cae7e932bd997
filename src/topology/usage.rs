//! What load balancers there are by namespace, how much of AWS's quotas they use, and which Ingresses could share one.
//!
//! Computed from what is wanted ([`Stack`]), so that rules, certificates and rules of security groups count as they will be. The limits are
//! those that accounts begin with; they can be raised.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html>,
//! <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>

use crate::aws_api::elbv2::LoadBalancerType;
use crate::model::{LoadBalancer, Owner, ResourceId, Stack};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Rules of a load balancer, without default rules.
const RULES: usize = 100;
/// Target groups of an ALB.
const TARGET_GROUPS_OF_ALB: usize = 100;
/// Listeners of a load balancer.
const LISTENERS: usize = 50;
/// Certificates of a load balancer, without those that are the default of a listener.
const CERTIFICATES: usize = 25;
/// Incoming rules of a security group.
const INCOMING_RULES: usize = 60;
/// Load balancers of a kind in a region.
const LOAD_BALANCERS: usize = 50;
/// Target groups in a region.
const TARGET_GROUPS: usize = 3000;
/// How many quotas of single load balancers are told.
const TOLD: usize = 40;

/// What there is and what could be less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Load balancers by namespace.
    pub namespaces: Vec<NamespaceUsage>,
    /// Quotas, the most used first.
    pub quotas: Vec<QuotaUsage>,
    /// Ingresses that could share a load balancer.
    pub shareable: Vec<Shareable>,
}

/// The load balancers of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceUsage {
    /// The namespace; empty: explicit Ingress groups, which may be of several.
    pub namespace: String,
    /// How many ALBs it has.
    pub application: usize,
    /// How many NLBs it has.
    pub network: usize,
    /// How many target groups it has.
    pub target_groups: usize,
}

/// How much of a quota is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotaUsage {
    /// What the quota is about.
    pub name: &'static str,
    /// Whose quota it is.
    pub of: String,
    /// How many there are.
    pub used: usize,
    /// How many there may be in a new account.
    pub limit: usize,
}

/// Ingresses that are alike in everything that a load balancer has once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shareable {
    /// In what they are alike.
    pub why: String,
    /// Namespaces and names.
    pub members: Vec<String>,
    /// How many load balancers fewer there would be.
    pub saved: usize,
}

/// What stacks use.
pub fn usage(stacks: &[Stack]) -> Usage {
    let mut usage = Usage::default();
    let mut by_namespace: BTreeMap<&str, NamespaceUsage> = BTreeMap::new();
    let (mut application, mut network, mut target_groups) = (0, 0, 0);
    for stack in stacks {
        let of_namespace = by_namespace.entry(&stack.id.namespace).or_default();
        for load_balancer in stack.load_balancers.values() {
            let (of_namespace, of_region) = if load_balancer.kind == LoadBalancerType::Application {
                (&mut of_namespace.application, &mut application)
            } else {
                (&mut of_namespace.network, &mut network)
            };
            *of_namespace += 1;
            *of_region += 1;
        }
        of_namespace.target_groups += stack.target_groups.len();
        target_groups += stack.target_groups.len();
        usage.quotas.extend(quotas_of(stack));
    }
    usage.namespaces = by_namespace
        .into_iter()
        .map(|(name, usage)| NamespaceUsage { namespace: name.to_owned(), ..usage })
        .collect();
    usage.namespaces.retain(|usage| usage.application + usage.network > 0);
    usage.quotas.sort_by_key(|quota| std::cmp::Reverse(quota.used * 1000 / quota.limit));
    usage.quotas.truncate(TOLD);
    let region =
        |name, used, limit| QuotaUsage { name, of: "this cluster, in the region".to_owned(), used, limit };
    usage.quotas.extend([
        region("Application Load Balancers", application, LOAD_BALANCERS),
        region("Network Load Balancers", network, LOAD_BALANCERS),
        region("Target groups", target_groups, TARGET_GROUPS),
    ]);
    usage.quotas.sort_by_key(|quota| std::cmp::Reverse(quota.used * 1000 / quota.limit));
    usage.shareable = shareable(stacks);
    usage
}

fn quotas_of(stack: &Stack) -> Vec<QuotaUsage> {
    let mut quotas = Vec::new();
    for (id, load_balancer) in &stack.load_balancers {
        let of = format!("{} ({})", load_balancer.name, stack.id);
        let listeners: Vec<_> =
            stack.listeners.iter().filter(|(_, listener)| listener.load_balancer == *id).collect();
        let mut add = |name, used, limit| {
            if used > 0 {
                quotas.push(QuotaUsage { name, of: of.clone(), used, limit });
            }
        };
        add("Listeners", listeners.len(), LISTENERS);
        let certificates: BTreeSet<String> = listeners
            .iter()
            .flat_map(|(_, listener)| listener.certificates.iter().skip(1))
            .map(|certificate| format!("{certificate:?}"))
            .collect();
        add("Certificates beside the defaults", certificates.len(), CERTIFICATES);
        if load_balancer.kind == LoadBalancerType::Application {
            let is_mine = |listener: &ResourceId| listeners.iter().any(|(id, _)| *id == listener);
            add("Rules", stack.rules.keys().filter(|(listener, _)| is_mine(listener)).count(), RULES);
            add("Target groups", stack.target_groups.len(), TARGET_GROUPS_OF_ALB);
        }
    }
    for group in stack.security_groups.values() {
        let of = format!("{} ({})", group.name, stack.id);
        quotas.push(QuotaUsage {
            name: "Rules of the security group",
            of,
            used: group.ingress.len(),
            limit: INCOMING_RULES,
        });
    }
    quotas
}

/// Ingresses of their own whose ALBs are alike.
fn shareable(stacks: &[Stack]) -> Vec<Shareable> {
    let mut alike: BTreeMap<String, Vec<&Stack>> = BTreeMap::new();
    for stack in
        stacks.iter().filter(|stack| stack.id.owner == Owner::Ingress && !stack.id.namespace.is_empty())
    {
        if let Some(load_balancer) =
            stack.load_balancers.values().find(|one| one.kind == LoadBalancerType::Application)
        {
            alike.entry(likeness(stack, load_balancer)).or_default().push(stack);
        }
    }
    let mut found: Vec<Shareable> =
        alike.into_iter().filter_map(|(why, stacks)| shared(why, &stacks)).collect();
    found.sort_by_key(|shareable| std::cmp::Reverse(shareable.saved));
    found
}

/// As few load balancers as their rules, target groups and certificates fit on.
fn shared(why: String, stacks: &[&Stack]) -> Option<Shareable> {
    let sum = |count: &dyn Fn(&Stack) -> usize| stacks.iter().map(|stack| count(stack)).sum::<usize>();
    let certificates =
        |stack: &Stack| stack.listeners.values().map(|listener| listener.certificates.len()).sum();
    let needed = [
        sum(&|stack| stack.rules.len()).div_ceil(RULES),
        sum(&|stack| stack.target_groups.len()).div_ceil(TARGET_GROUPS_OF_ALB),
        sum(&certificates).div_ceil(CERTIFICATES),
        1,
    ];
    let saved = stacks.len().saturating_sub(needed.into_iter().max().unwrap_or(1));
    let members = stacks.iter().map(|stack| format!("{}/{}", stack.id.namespace, stack.id.name)).collect();
    (saved > 0).then_some(Shareable { why, members, saved })
}

/// What a load balancer has once, for all of a group.
fn likeness(stack: &Stack, load_balancer: &LoadBalancer) -> String {
    let scheme: &str = load_balancer.scheme.as_str();
    let subnets: Vec<&str> =
        load_balancer.subnet_mappings.iter().map(|mapping| mapping.subnet_id.as_str()).collect();
    let mut parts =
        vec![format!("{scheme}, {}, in {}", load_balancer.ip_address_type.as_str(), subnets.join(", "))];
    if stack.security_groups.is_empty() {
        parts.push(format!("with security groups {:?}", load_balancer.security_groups));
    }
    if !load_balancer.attributes.is_empty() {
        let attributes: Vec<String> =
            load_balancer.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        parts.push(format!("with {}", attributes.join(", ")));
    }
    if stack.protection != crate::model::Protection::default() {
        parts.push(format!("protected by {:?}", stack.protection));
    }
    parts.join("; ")
}
