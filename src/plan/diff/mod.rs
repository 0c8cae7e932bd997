//! Compares what is wanted with what is there.
//!
//! One file a kind of resource; each emits steps into a [`PlanBuilder`], which puts them in order at the end. The order is
//! upstream's (`pkg/deploy/stack_deployer.go`), turned round where something would go before its successor is there.

mod bindings;
mod certificates;
mod equality;
mod listeners;
mod load_balancers;
mod matching;
mod plan_builder;
mod protection;
mod rules;
mod security_groups;
mod tags;
mod target_groups;

use super::actual::Actual;
use super::certificates::{CertificateStates, Deployable};
use super::digest::AppliedSecrets;
use super::quotas::ExhaustedQuotas;
use super::{Plan, StepId};
use crate::aws_api::{Ref, Request, ResolvedIds, Symbol, SymbolKind, Tags};
use crate::config::Config;
use crate::model::{ResourceId, Stack};
use plan_builder::PlanBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// What a diff depends on besides the two worlds.
#[derive(Clone, Copy, Debug)]
pub struct PlanContext<'a> {
    /// The controller's configuration.
    pub config: &'a Config,
    /// Quotas that are known to be used up.
    pub exhausted_quotas: &'a ExhaustedQuotas,
    /// OIDC client secrets that AWS is known to have.
    pub secrets: &'a AppliedSecrets,
}

/// Why there is no plan: something in AWS must be put right by hand first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// A resource carries the stack's tags but not the one that says which resource it is.
    #[error(
        "{resource} carries the tags of stack {stack} but lacks the tag {tag}: add the tag, or remove the others"
    )]
    Untagged {
        /// ARN or id.
        resource: String,
        /// The stack.
        stack: String,
        /// The missing tag's key.
        tag: String,
    },
}

/// The steps from `actual` to `stack`. Empty when nothing that counts differs.
pub fn diff(stack: &Stack, actual: &Actual, context: PlanContext<'_>) -> Result<Plan, DiffError> {
    let certificates = CertificateStates::of(stack, &actual.certificates);
    let Deployable { stack, keeps_listeners } = certificates.deployable(stack, actual);
    let stack = &*stack;
    let Stack {
        id: _,
        security_groups,
        load_balancers,
        target_groups,
        listeners,
        rules,
        bindings,
        protection,
        alb_targets,
        certificates: _,
        retained_certificates: _,
    } = stack;
    let mut diff = Diff::new(stack, actual, context);
    diff.keeps_listeners = keeps_listeners;
    diff.certificates(&certificates);
    diff.security_groups(security_groups)?;
    diff.target_groups(target_groups)?;
    diff.load_balancers(load_balancers)?;
    diff.bindings(bindings);
    diff.listeners(listeners, rules);
    diff.protection(protection);
    diff.alb_targets(alb_targets);
    diff.delete_surplus();
    diff.delete_certificates(&certificates);
    Ok(diff.builder.finish(diff.known))
}

/// A comparison under way.
struct Diff<'a> {
    stack: &'a Stack,
    actual: &'a Actual,
    context: PlanContext<'a>,
    /// Ids of the stack's resources that exist and stay.
    known: ResolvedIds,
    /// Whether listeners stay that nobody wants any more.
    keeps_listeners: bool,
    /// The observed load balancer that stays, by resource id.
    load_balancers: BTreeMap<&'a ResourceId, &'a super::actual::LoadBalancer>,
    /// For a load balancer that replaces another: the steps that take the old one away.
    replacing: BTreeMap<&'a ResourceId, Vec<StepId>>,
    /// ARNs of load balancers that go.
    deleted_load_balancers: BTreeSet<&'a str>,
    /// Target groups that go.
    surplus_target_groups: Vec<&'a super::actual::TargetGroup>,
    /// Security groups that go.
    surplus_security_groups: Vec<&'a crate::aws_api::ec2::SecurityGroup>,
    /// Steps after which something in AWS no longer uses this target group or security group.
    releases: BTreeMap<String, Vec<StepId>>,
    /// Target groups that a listener or rule uses and goes on using.
    in_use: BTreeSet<String>,
    /// Bindings that stay.
    claimed_bindings: BTreeSet<crate::api::ObjectKey>,
    /// Steps that bind target groups before they get traffic.
    bound_early: BTreeMap<Symbol, StepId>,
    /// Steps that detach an ALB from a frontend NLB's target group, by the ALB's ARN.
    detached: BTreeMap<String, Vec<StepId>>,
    builder: PlanBuilder,
}

impl<'a> Diff<'a> {
    fn new(stack: &'a Stack, actual: &'a Actual, context: PlanContext<'a>) -> Self {
        Self {
            stack,
            actual,
            context,
            known: ResolvedIds::new(),
            keeps_listeners: false,
            load_balancers: BTreeMap::new(),
            replacing: BTreeMap::new(),
            deleted_load_balancers: BTreeSet::new(),
            surplus_target_groups: Vec::new(),
            surplus_security_groups: Vec::new(),
            releases: BTreeMap::new(),
            in_use: BTreeSet::new(),
            claimed_bindings: BTreeSet::new(),
            bound_early: BTreeMap::new(),
            detached: BTreeMap::new(),
            builder: PlanBuilder::default(),
        }
    }

    fn config(&self) -> &'a Config {
        self.context.config
    }

    /// The tags a resource shall carry.
    fn resource_tags(&self, id: &ResourceId, user: &Tags) -> Tags {
        self.stack.id.resource_tags(&self.config().cluster_name, id, user)
    }

    fn know(&mut self, kind: SymbolKind, id: &ResourceId, value: &str) {
        self.known.insert(symbol(kind, id), value.to_owned());
    }

    /// A reference to a resource of the stack: its id if it exists and stays.
    fn reference(&self, kind: SymbolKind, id: &ResourceId) -> Ref {
        self.bound(&id.pending(kind))
    }

    fn bound(&self, reference: &Ref) -> Ref {
        let mut reference = reference.clone();
        reference.bind(&self.known);
        reference
    }

    fn bound_request(&self, request: impl Into<Request>) -> Request {
        let mut request = request.into();
        request.bind(&self.known);
        request
    }

    /// Says that once a step is done, something no longer uses these.
    fn release<'s>(&mut self, used: impl IntoIterator<Item = &'s str>, step: StepId) {
        for id in used {
            self.releases.entry(id.to_owned()).or_default().push(step);
        }
    }

    fn releases_of(&self, id: &str) -> Vec<StepId> {
        self.releases.get(id).cloned().unwrap_or_default()
    }
}

fn symbol(kind: SymbolKind, id: &ResourceId) -> Symbol {
    Symbol { kind, id: id.as_str().to_owned() }
}

#[cfg(test)]
mod tests;
