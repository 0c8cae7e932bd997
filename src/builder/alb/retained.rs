//! What a contributor that cannot be built keeps: its live listeners, rules, target groups and bindings, as AWS has them.
//!
//! Upstream freezes the whole stack instead. Nothing in AWS says which contributor a rule is from, so it is made out: a rule that
//! forwards to a target group belongs to the contributor in that target group's resource tag; any other belongs to the
//! contributor that still asks for its host and path.

use super::Contributors;
use super::optimizer::CandidateRule;
use crate::aws_api::elbv2::ListenerAction;
use crate::aws_api::{Attributes, Ref, Tags};
use crate::builder::retained::{
    binding, forwards, rule, sendable, target_group, used_target_groups, user_tags,
};
use crate::facts::{LiveListener, LiveRule, LiveStack};
use crate::model::{Binding, ResourceId, Rule, Stack, StackId};
use crate::settings::alb::{ClientSources, Contribution};
use crate::settings::{AlbListenerSettings, tags};
use std::collections::{BTreeMap, BTreeSet};

/// The live stack, with who owns what.
pub(in crate::builder) struct RetainedState<'k> {
    contributors: Contributors<'k>,
    live: &'k LiveStack,
    /// Places of the contributors that cannot be built.
    excluded: BTreeSet<usize>,
    /// Resource id and owner of each target group, by ARN.
    owners: BTreeMap<&'k str, (&'k str, Option<usize>)>,
}

impl<'k> RetainedState<'k> {
    /// Makes out the owners of all target groups.
    pub fn new(
        stack: &StackId,
        contributors: Contributors<'k>,
        live: &'k LiveStack,
        excluded: BTreeSet<usize>,
    ) -> Self {
        let key = stack.resource_tag_key();
        let owners = live.target_groups.iter().filter_map(|found| {
            let id = found.tags.get(&key)?.as_str();
            Some((found.target_group.arn.as_str(), (id, owner_of(contributors, id))))
        });
        Self { contributors, live, excluded, owners: owners.collect() }
    }

    /// Listeners on which a contributor that cannot be built has rules stay, with their certificates and sources.
    pub fn retain_listeners(&self, listeners: &mut BTreeMap<i32, AlbListenerSettings>) {
        for listener in &self.live.listeners {
            let owners: Vec<usize> =
                self.excluded.iter().copied().filter(|member| self.has_part(*member, listener)).collect();
            if owners.is_empty() {
                continue;
            }
            let number = listener.listener.port;
            let port = listeners.entry(number).or_insert_with(|| retained_listener(listener));
            if port.protocol != listener.listener.protocol {
                continue;
            }
            if !port.restricted {
                port.sources = ClientSources::default();
                port.retained_ingress = self.inbound_rules(number);
            }
            if !port.policy_chosen {
                port.ssl_policy.clone_from(&listener.listener.ssl_policy);
            }
            port.certificates = united(&listener.certificates, &port.certificates);
            port.contributors.extend(owners);
            port.contributors.sort_unstable();
            port.contributors.dedup();
        }
    }

    fn has_part(&self, member: usize, listener: &LiveListener) -> bool {
        !self.rules_of(member, listener, &[]).is_empty()
            || forwards(&listener.listener.default_actions).any(|arn| self.owner(arn) == Some(member))
    }

    fn inbound_rules(&self, port: i32) -> Vec<crate::aws_api::ec2::IngressRule> {
        let group = self.live.managed_security_group.iter();
        group.flat_map(|group| &group.ingress).filter(|rule| rule.from_port == Some(port)).cloned().collect()
    }

    fn owner(&self, arn: &str) -> Option<usize> {
        self.owners.get(arn).and_then(|(_, owner)| *owner)
    }

    /// The live rules of a contributor on a listener, in order; `wanted` are rules that others want.
    fn rules_of<'l>(&self, member: usize, listener: &'l LiveListener, wanted: &[&Rule]) -> Vec<&'l LiveRule> {
        let mut rules: Vec<&LiveRule> =
            listener.rules.iter().filter(|rule| self.owner_of_rule(rule, wanted) == Some(member)).collect();
        rules.sort_by_key(|rule| rule.rule.priority);
        rules
    }

    fn owner_of_rule(&self, rule: &LiveRule, wanted: &[&Rule]) -> Option<usize> {
        let ours: Vec<&str> =
            forwards(&rule.rule.actions).filter(|arn| self.owners.contains_key(*arn)).collect();
        if let Some(arn) = ours.first() {
            return self.owner(arn).filter(|owner| self.excluded.contains(owner));
        }
        let same =
            |other: &&Rule| other.conditions == rule.rule.conditions && other.actions == rule.rule.actions;
        if wanted.iter().any(same) {
            return None;
        }
        let asks = |index: &usize| {
            self.contributors.get(*index).is_some_and(|one| one.asks_for(&rule.rule.conditions))
        };
        self.excluded.iter().copied().find(asks)
    }

    /// The rules of a listener: what is wanted, and what those have who cannot be built, in the order of contributors.
    pub fn rules_with_retained(
        &self,
        number: i32,
        contributions: &BTreeMap<usize, Contribution<'_>>,
    ) -> Vec<CandidateRule> {
        let wanted = |index: usize| super::candidates_of(number, index, contributions);
        let everyone = 0..self.contributors.len();
        let all: Vec<CandidateRule> = everyone.clone().flat_map(wanted).collect();
        let all_wanted: Vec<&Rule> = all.iter().map(|candidate| &candidate.rule).collect();
        let listener = self.live.listeners.iter().find(|listener| listener.listener.port == number);
        let mut rules = Vec::new();
        for index in everyone {
            if !self.excluded.contains(&index) {
                rules.extend(wanted(index));
            } else if let Some(listener) = listener {
                let live = self.rules_of(index, listener, &all_wanted);
                rules.extend(live.into_iter().map(|live| retained_rule(index, live)));
            }
        }
        rules
    }

    /// The live default actions of a listener, if somebody who cannot be built asks for default actions.
    pub fn default_actions(
        &self,
        number: i32,
        listener: &AlbListenerSettings,
    ) -> Option<Vec<ListenerAction>> {
        let asks = |index: &&usize| {
            let contributor = self.contributors.get(**index);
            self.excluded.contains(*index) && contributor.is_some_and(|one| one.has_default_actions())
        };
        listener.contributors.iter().find(asks)?;
        let live = self.live.listeners.iter().find(|live| live.listener.port == number)?;
        Some(sendable(live.listener.default_actions.clone()))
    }

    /// Target groups of those who cannot be built, and those that retained rules need, with their bindings.
    pub fn retain_target_groups(&self, stack: &mut Stack) {
        let used = used_target_groups(stack);
        for found in &self.live.target_groups {
            let arn = found.target_group.arn.as_str();
            let Some((id, owner)) = self.owners.get(arn) else { continue };
            let of_broken = owner.is_some_and(|owner| self.excluded.contains(&owner));
            let id = ResourceId::from(*id);
            if (!of_broken && !used.contains(arn)) || stack.target_groups.contains_key(&id) {
                continue;
            }
            let Some(target_group) = target_group(found) else { continue };
            let bound = binding::of_live(self.live, arn, &target_group);
            if let Some(binding) = bound.or_else(|| self.new_binding(*owner, &id)) {
                stack.bindings.insert(id.clone(), binding);
            }
            stack.target_groups.insert(id, target_group);
        }
    }

    /// The binding of a target group that was made a moment ago for a contributor of which AWS refused something else.
    fn new_binding(&self, owner: Option<usize>, id: &ResourceId) -> Option<Binding> {
        let contributor = owner.and_then(|owner| self.contributors.get(owner))?;
        contributor.refusal().and_then(|refusal| refusal.bindings.get(id)).cloned()
    }

    /// Live tags of the ALB's managed security group.
    pub fn security_group_tags(&self) -> Tags {
        self.live.managed_security_group.as_ref().map(|group| user_tags(&group.tags)).unwrap_or_default()
    }

    /// Live tags of the ALB.
    pub fn load_balancer_tags(&self) -> Tags {
        user_tags(&self.live.load_balancer_tags)
    }

    /// Live tags of a listener.
    pub fn listener_tags(&self, number: i32) -> Tags {
        let listener = self.live.listeners.iter().find(|listener| listener.listener.port == number);
        listener.map(|listener| user_tags(&listener.tags)).unwrap_or_default()
    }
}

/// The tags wanted, and those that are there.
pub(super) fn with_live(wanted: &Tags, live: &Tags) -> Tags {
    tags::overlay(wanted, live)
}

/// The contributor that a target group's resource id names. The id joins names with a dash, and so may name several; then the
/// one that refers to the Service, else the one with the longest name.
fn owner_of(contributors: Contributors<'_>, id: &str) -> Option<usize> {
    let named = contributors.iter().enumerate();
    let named = named.filter_map(|(index, one)| Some((index, one.service_of_target_group(id)?)));
    let mut candidates: Vec<(usize, &str)> = named.collect();
    candidates.sort_by_key(|(_, service)| service.len());
    let refers = |(index, service): &&(usize, &str)| {
        contributors.get(*index).is_some_and(|contributor| contributor.refers_to(service))
    };
    let owner = candidates.iter().find(refers).or_else(|| candidates.first());
    owner.map(|(index, _)| *index)
}

fn retained_listener(listener: &LiveListener) -> AlbListenerSettings {
    let live = &listener.listener;
    AlbListenerSettings {
        protocol: live.protocol.clone(),
        sources: ClientSources::default(),
        restricted: false,
        retained_ingress: Vec::new(),
        certificates: Vec::new(),
        ssl_policy: None,
        policy_chosen: false,
        mutual_tls: live.mutual_authentication.clone(),
        contributors: Vec::new(),
        attributes: Attributes::new(),
        tags: Tags::new(),
        tags_complete: true,
    }
}

/// All of both lists, without repetition.
fn united(first: &[String], second: &[Ref]) -> Vec<Ref> {
    let mut seen = BTreeSet::new();
    let first: Vec<Ref> = first.iter().cloned().map(Ref::from).collect();
    first.iter().chain(second).filter(|item| seen.insert(*item)).cloned().collect()
}

fn retained_rule(contributor: usize, live: &LiveRule) -> CandidateRule {
    CandidateRule { contributor, rule: rule(live), position: None, retained: live.rule.priority }
}
