//! Which member a part of a group's stack is from, so that what AWS refuses can be laid at somebody's door.

use super::listener::Contribution;
use super::sources::{Setting, SharedPart, ValueKind, givers, sources_of};
use crate::api::ObjectKey;
use crate::cloud::elbv2::ListenerAction;
use crate::model::{Binding, ResourceId, Resources, Rule, Stack, TargetGroup};
use std::collections::{BTreeMap, BTreeSet};

/// The owners of what is not shared by the whole group.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// By id; a target group's binding has the same.
    target_groups: BTreeMap<ResourceId, ObjectKey>,
    /// By listener and priority.
    rules: BTreeMap<(ResourceId, i32), ObjectKey>,
    /// What members give to listeners, by listener.
    gifts: BTreeMap<ResourceId, Vec<Gift>>,
    /// Settings of what the whole group shares.
    settings: Vec<Setting>,
}

/// What a stack has of one member.
#[derive(Clone, Debug, PartialEq)]
pub struct Share<'s> {
    target_groups: Vec<(&'s TargetGroup, Option<&'s Binding>)>,
    rules: Vec<&'s Rule>,
    listeners: Vec<(&'s str, ListenerPart, &'s str)>,
}

impl Share<'_> {
    /// Whether the stack has nothing of it.
    pub fn is_empty(&self) -> bool {
        self.target_groups.is_empty() && self.rules.is_empty() && self.listeners.is_empty()
    }
}

/// A setting that a member gives to a listener.
#[derive(Clone, Debug)]
struct Gift {
    from: ObjectKey,
    kind: ListenerPart,
    /// How AWS's words would name it.
    name: String,
}

/// A part of a listener that members give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerPart {
    /// That it exists.
    Port,
    /// A certificate.
    Certificate,
    /// The security policy.
    SslPolicy,
    /// The trust store of mutual TLS.
    TrustStore,
    /// An attribute.
    Attribute,
    /// The default actions.
    DefaultActions,
}

impl Owners {
    pub(super) fn of_settings(settings: Vec<Setting>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Who asks for what AWS refuses, in these words, of something that the whole group shares.
    pub fn sources_of(&self, part: SharedPart, words: &str) -> Vec<String> {
        sources_of(&self.settings, part, words)
    }

    /// The members whose value of a key counts, of the load balancers.
    pub fn of_value(&self, part: SharedPart, kind: ValueKind, key: &str) -> BTreeSet<&ObjectKey> {
        givers(&self.settings, part, kind, key)
    }

    /// The same of a listener.
    pub fn of_listener_value(&self, listener: &str, kind: ValueKind, key: &str) -> BTreeSet<&ObjectKey> {
        let gifts = self.gifts.get(&ResourceId::from(listener)).map(Vec::as_slice).unwrap_or_default();
        match kind {
            ValueKind::Attributes => {
                let such = |gift: &&Gift| gift.kind == ListenerPart::Attribute && gift.name == key;
                gifts.iter().filter(such).map(|gift| &gift.from).collect()
            }
            ValueKind::Tags => {
                let is_there = |member: &&ObjectKey| gifts.iter().any(|gift| gift.from == **member);
                self.of_value(SharedPart::LoadBalancer, kind, key).into_iter().filter(is_there).collect()
            }
        }
    }

    /// What a stack has of a member, priorities left aside.
    pub fn share_of<'s>(&'s self, stack: &'s Stack, member: &ObjectKey) -> Share<'s> {
        let own = self.target_groups.iter().filter(|(_, owner)| *owner == member);
        let target_groups =
            own.filter_map(|(id, _)| Some((stack.target_groups.get(id)?, stack.bindings.get(id))));
        let own = self.rules.iter().filter(|(_, owner)| *owner == member);
        let rules = own.filter_map(|(place, _)| stack.rules.get(place));
        let gifts =
            self.gifts.iter().flat_map(|(listener, gifts)| gifts.iter().map(move |gift| (listener, gift)));
        let own = gifts.filter(|(_, gift)| gift.from == *member);
        let listeners = own.map(|(listener, gift)| (listener.as_str(), gift.kind, gift.name.as_str()));
        Share {
            target_groups: target_groups.collect(),
            rules: rules.collect(),
            listeners: listeners.collect(),
        }
    }

    /// The member whose rule failures name like this: `443:12`.
    pub fn of_rule_named(&self, name: &str) -> Option<&ObjectKey> {
        let (listener, priority) = name.rsplit_once(':')?;
        self.of_rule(listener, priority.parse().ok()?)
    }

    /// The member whose target group, or whose target group's binding, this is.
    pub fn of_target_group(&self, id: &str) -> Option<&ObjectKey> {
        self.target_groups.get(&ResourceId::from(id))
    }

    /// The member whose rule this is.
    pub fn of_rule(&self, listener: &str, priority: i32) -> Option<&ObjectKey> {
        self.rules.get(&(ResourceId::from(listener), priority))
    }

    /// First and last priority of a member's rules on each listener.
    pub fn priorities_of(&self, member: &ObjectKey) -> Resources<(i32, i32)> {
        let mut all: Resources<(i32, i32)> = BTreeMap::new();
        for ((listener, priority), _) in self.rules.iter().filter(|(_, owner)| *owner == member) {
            all.entry(listener.clone()).or_insert((*priority, *priority)).1 = *priority;
        }
        all
    }

    /// The members whose part of a listener AWS refuses in these words: those whose setting it names; else the only one that
    /// gives such a part, if there is only one.
    pub fn of_listener(&self, listener: &str, part: ListenerPart, words: &str) -> BTreeSet<&ObjectKey> {
        let gifts = self.gifts.get(&ResourceId::from(listener)).map(Vec::as_slice).unwrap_or_default();
        let such = || gifts.iter().filter(|gift| gift.kind == part);
        let named = such().filter(|gift| !gift.name.is_empty() && words.contains(&gift.name));
        let named: BTreeSet<&ObjectKey> = named.map(|gift| &gift.from).collect();
        if !named.is_empty() {
            return named;
        }
        let givers: BTreeSet<&ObjectKey> = such().map(|gift| &gift.from).collect();
        if givers.len() == 1 { givers } else { BTreeSet::new() }
    }

    pub(super) fn note_target_group(&mut self, id: &ResourceId, member: &ObjectKey) {
        self.target_groups.entry(id.clone()).or_insert_with(|| member.clone());
    }

    pub(super) fn note_rule(&mut self, listener: &ResourceId, priority: i32, member: &ObjectKey) {
        self.rules.insert((listener.clone(), priority), member.clone());
    }

    pub(super) fn note_contribution(&mut self, member: &ObjectKey, contribution: &Contribution) {
        for (port, claim) in &contribution.ports {
            let trust_store = claim.mutual_tls.as_ref().and_then(|mode| mode.trust_store_arn.clone());
            let certificates = claim.certificates.iter().map(|arn| (ListenerPart::Certificate, arn.clone()));
            let policy = claim.ssl_policy.iter().map(|policy| (ListenerPart::SslPolicy, policy.clone()));
            let stores = trust_store.into_iter().map(|arn| (ListenerPart::TrustStore, arn));
            let exists = std::iter::once((ListenerPart::Port, String::new()));
            for (kind, name) in exists.chain(certificates).chain(policy).chain(stores) {
                self.note_gift(*port, Gift { from: member.clone(), kind, name });
            }
        }
    }

    pub(super) fn note_attributes<'k>(
        &mut self,
        port: i32,
        member: &ObjectKey,
        keys: impl Iterator<Item = &'k String>,
    ) {
        for name in keys.cloned() {
            self.note_gift(port, Gift { from: member.clone(), kind: ListenerPart::Attribute, name });
        }
    }

    pub(super) fn note_default_actions(&mut self, port: i32, member: &ObjectKey, actions: &[ListenerAction]) {
        let named = super::keep::forwards(actions).map(str::to_owned);
        for name in named.chain([String::new()]) {
            self.note_gift(port, Gift { from: member.clone(), kind: ListenerPart::DefaultActions, name });
        }
    }

    fn note_gift(&mut self, port: i32, gift: Gift) {
        self.gifts.entry(ResourceId::from(port.to_string())).or_default().push(gift);
    }
}

#[cfg(test)]
mod tests;
