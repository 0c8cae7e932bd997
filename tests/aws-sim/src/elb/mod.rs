//! Elastic Load Balancing v2.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/>
//!
//! ARNs nest: a listener's ARN begins with its load balancer's path and a rule's with its listener's. So everything lies
//! in maps by ARN, and what belongs to a load balancer or listener is a range of a map.

mod actions;
mod attributes;
mod capacity;
mod certificates;
mod conditions;
mod family;
mod health_check;
mod listener;
mod load_balancer;
mod mutual_tls;
mod placement;
mod rule;
mod security_groups;
mod tagging;
mod target_group;
mod target_health;
mod targets;
mod trust_store;
mod uses;

pub(crate) use listener::ListenerState;
pub(crate) use load_balancer::LoadBalancerState;
pub(crate) use rule::RuleState;
pub(crate) use target_group::TargetGroupState;
pub(crate) use targets::{Registration, TargetKey};
pub(crate) use trust_store::TrustStoreState;

use crate::{
    World,
    page::page,
    refusal::{CallResult, Refusal, bad_value, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{Ref, elbv2::Page};
use std::{collections::BTreeMap, time::Duration};

/// Everything that Elastic Load Balancing holds, by ARN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elb {
    pub(crate) load_balancers: BTreeMap<String, LoadBalancerState>,
    pub(crate) target_groups: BTreeMap<String, TargetGroupState>,
    pub(crate) listeners: BTreeMap<String, ListenerState>,
    pub(crate) rules: BTreeMap<String, RuleState>,
    pub(crate) trust_stores: BTreeMap<String, TrustStoreState>,
    /// Security groups that interfaces of a load balancer still hold, and until when.
    pub(crate) held_groups: BTreeMap<String, Duration>,
}

impl Elb {
    pub(crate) fn load_balancer(&self, arn: &Ref) -> CallResult<&LoadBalancerState> {
        let arn = arn.resolved()?;
        self.load_balancers.get(arn).ok_or_else(|| Kind::LoadBalancer.not_found(arn))
    }

    pub(crate) fn load_balancer_mut(&mut self, arn: &Ref) -> CallResult<&mut LoadBalancerState> {
        let arn = arn.resolved()?;
        self.load_balancers.get_mut(arn).ok_or_else(|| Kind::LoadBalancer.not_found(arn))
    }

    pub(crate) fn target_group(&self, arn: &Ref) -> CallResult<&TargetGroupState> {
        let arn = arn.resolved()?;
        self.target_groups.get(arn).ok_or_else(|| Kind::TargetGroup.not_found(arn))
    }

    pub(crate) fn target_group_mut(&mut self, arn: &Ref) -> CallResult<&mut TargetGroupState> {
        let arn = arn.resolved()?;
        self.target_groups.get_mut(arn).ok_or_else(|| Kind::TargetGroup.not_found(arn))
    }

    pub(crate) fn listener(&self, arn: &Ref) -> CallResult<&ListenerState> {
        let arn = arn.resolved()?;
        self.listeners.get(arn).ok_or_else(|| Kind::Listener.not_found(arn))
    }

    pub(crate) fn listener_mut(&mut self, arn: &Ref) -> CallResult<&mut ListenerState> {
        let arn = arn.resolved()?;
        self.listeners.get_mut(arn).ok_or_else(|| Kind::Listener.not_found(arn))
    }

    pub(crate) fn rule(&self, arn: &Ref) -> CallResult<&RuleState> {
        let arn = arn.resolved()?;
        self.rules.get(arn).ok_or_else(|| Kind::Rule.not_found(arn))
    }

    pub(crate) fn rule_mut(&mut self, arn: &Ref) -> CallResult<&mut RuleState> {
        let arn = arn.resolved()?;
        self.rules.get_mut(arn).ok_or_else(|| Kind::Rule.not_found(arn))
    }

    /// Listeners of a load balancer.
    pub(crate) fn listeners_of(
        &self,
        load_balancer_arn: &str,
    ) -> impl Iterator<Item = (&String, &ListenerState)> {
        below(&self.listeners, nested(load_balancer_arn, ":loadbalancer/", ":listener/"))
    }

    /// Rules of a listener, default rule not included.
    pub(crate) fn rules_of(&self, listener_arn: &str) -> impl Iterator<Item = (&String, &RuleState)> {
        below(&self.rules, nested(listener_arn, ":listener/", ":listener-rule/"))
    }

    /// Rules of all listeners of a load balancer.
    pub(crate) fn rules_of_load_balancer(&self, arn: &str) -> impl Iterator<Item = (&String, &RuleState)> {
        below(&self.rules, nested(arn, ":loadbalancer/", ":listener-rule/"))
    }
}

/// The prefix of the ARNs of what a parent holds.
pub(crate) fn nested(parent_arn: &str, parent: &str, child: &str) -> String {
    format!("{}/", parent_arn.replacen(parent, child, 1))
}

/// The ARN of a listener's load balancer, or of a rule's listener.
pub(crate) fn parent(arn: &str, child: &str, parent: &str) -> String {
    let path = arn.rsplit_once('/').map_or(arn, |(path, _)| path);
    path.replacen(child, parent, 1)
}

fn below<T>(map: &BTreeMap<String, T>, prefix: String) -> impl Iterator<Item = (&String, &T)> {
    map.range(prefix.clone()..).take_while(move |(arn, _)| arn.starts_with(&prefix))
}

/// A kind of resource, for what AWS says when one is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    LoadBalancer,
    TargetGroup,
    Listener,
    Rule,
    TrustStore,
}

impl Kind {
    /// The kind an ARN belongs to.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let resource = arn.split(':').nth(5)?;
        match resource.split('/').next()? {
            "loadbalancer" => Some(Self::LoadBalancer),
            "targetgroup" => Some(Self::TargetGroup),
            "listener" => Some(Self::Listener),
            "listener-rule" => Some(Self::Rule),
            "truststore" => Some(Self::TrustStore),
            _ => None,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LoadBalancer => ("LoadBalancerNotFound", "load balancer"),
            Self::TargetGroup => ("TargetGroupNotFound", "target group"),
            Self::Listener => ("ListenerNotFound", "listener"),
            Self::Rule => ("RuleNotFound", "listener rule"),
            Self::TrustStore => ("TrustStoreNotFound", "trust store"),
        }
    }

    /// AWS's answer when there is no such resource: the code differs for what is not even an ARN of this kind.
    pub(crate) fn not_found(self, arn: &str) -> Refusal {
        let (code, one) = self.words();
        if Self::of(arn) == Some(self) {
            refuse(code, format!("One or more {one}s not found"))
        } else {
            bad_value(format!("'{arn}' is not a valid {one} ARN"))
        }
    }
}

/// Checks the name of a load balancer or target group.
pub(crate) fn check_name(kind: &str, name: &str) -> CallResult<()> {
    ensure(!name.is_empty(), || bad_value(format!("{kind} name cannot be empty")))?;
    ensure(name.len() <= 32, || {
        bad_value(format!("{kind} name '{name}' cannot be longer than '32' characters"))
    })?;
    ensure(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), || {
        bad_value(format!(
            "{kind} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        ))
    })?;
    ensure(!name.starts_with('-') && !name.ends_with('-'), || {
        bad_value(format!("{kind} name '{name}' cannot begin or end with a hyphen(-)"))
    })
}

impl World {
    /// One page of an Elastic Load Balancing list.
    pub(crate) fn elb_page<T>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
        marker: Option<&str>,
    ) -> CallResult<Page<T>> {
        let bad_marker = || bad_value("The marker is not valid");
        let (items, next_marker) = page(items, marker, self.settings.page_size, bad_marker)?;
        Ok(Page { items, next_marker })
    }
}
