//! Maps the resources of a stack to the contributors that they came from, to attribute errors of AWS.

use crate::api::ObjectKey;
use crate::aws_api::elbv2::ListenerAction;
use crate::model::{Binding, ResourceAddress, ResourceId, Resources, Rule, Stack, TargetGroup};
use crate::settings::alb::{ListenerPart, ListenerSetting};
use crate::settings::shared_setting::{KeyedSetting, SharedPart, SharedSetting, givers, sources_of};
use std::collections::{BTreeMap, BTreeSet};

/// The owners of what is not shared by the whole group.
#[derive(Clone, Debug, Default)]
pub struct Attribution {
    /// By id; a target group's binding has the same.
    target_groups: BTreeMap<ResourceId, ObjectKey>,
    /// By listener and priority.
    rules: BTreeMap<(ResourceId, i32), ObjectKey>,
    /// What members give to listeners, by listener.
    listener_settings: BTreeMap<ResourceId, Vec<ListenerSetting>>,
    /// Settings of what the whole group shares.
    settings: Vec<SharedSetting>,
}

/// What a stack has of one member.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberResources<'s> {
    target_groups: Vec<(&'s TargetGroup, Option<&'s Binding>)>,
    rules: Vec<&'s Rule>,
    listeners: Vec<(&'s str, ListenerPart, &'s str)>,
}

impl MemberResources<'_> {
    /// Whether the stack has nothing of it.
    pub fn is_empty(&self) -> bool {
        self.target_groups.is_empty() && self.rules.is_empty() && self.listeners.is_empty()
    }
}

impl Attribution {
    pub(super) fn new(shared: Vec<SharedSetting>, of_listeners: Vec<ListenerSetting>) -> Self {
        let mut attribution = Self { settings: shared, ..Self::default() };
        for setting in of_listeners {
            attribution.note_listener_setting(setting);
        }
        attribution
    }

    /// Who asks for what AWS refuses, in these words, of something that the whole group shares.
    pub fn sources_of(&self, part: SharedPart, words: &str) -> Vec<String> {
        sources_of(&self.settings, part, words)
    }

    /// The contributors whose value of a key counts, of the load balancers.
    pub fn of_value(&self, part: SharedPart, kind: KeyedSetting, key: &str) -> BTreeSet<&ObjectKey> {
        givers(&self.settings, part, kind, key)
    }

    /// The same of a listener.
    pub fn of_listener_value(&self, listener: &str, kind: KeyedSetting, key: &str) -> BTreeSet<&ObjectKey> {
        let all = self.listener_settings.get(&ResourceId::from(listener)).map(Vec::as_slice);
        let all = all.unwrap_or_default();
        match kind {
            KeyedSetting::Attributes => {
                let such = |setting: &&ListenerSetting| {
                    setting.part == ListenerPart::Attribute && setting.name == key
                };
                all.iter().filter(such).map(|setting| &setting.from).collect()
            }
            KeyedSetting::Tags => {
                let is_there = |contributor: &&ObjectKey| all.iter().any(|one| one.from == **contributor);
                self.of_value(SharedPart::LoadBalancer, kind, key).into_iter().filter(is_there).collect()
            }
        }
    }

    /// What a stack has of a member, priorities left aside.
    pub fn share_of<'s>(&'s self, stack: &'s Stack, member: &ObjectKey) -> MemberResources<'s> {
        let own = self.target_groups.iter().filter(|(_, owner)| *owner == member);
        let target_groups =
            own.filter_map(|(id, _)| Some((stack.target_groups.get(id)?, stack.bindings.get(id))));
        let own = self.rules.iter().filter(|(_, owner)| *owner == member);
        let rules = own.filter_map(|(place, _)| stack.rules.get(place));
        let listener_settings = self.listener_settings.iter().flat_map(|(listener, listener_settings)| {
            listener_settings.iter().map(move |setting| (listener, setting))
        });
        let own = listener_settings.filter(|(_, setting)| setting.from == *member);
        let listeners =
            own.map(|(listener, setting)| (listener.as_str(), setting.part, setting.name.as_str()));
        MemberResources {
            target_groups: target_groups.collect(),
            rules: rules.collect(),
            listeners: listeners.collect(),
        }
    }

    /// The member whose target group, or whose target group's binding, this is.
    pub fn of_target_group(&self, id: &str) -> Option<&ObjectKey> {
        self.target_groups.get(&ResourceId::from(id))
    }

    /// The member whose rule this is, if it is one.
    pub fn of_rule(&self, address: &ResourceAddress) -> Option<&ObjectKey> {
        match address {
            ResourceAddress::Rule { listener, priority } => self.rules.get(&(listener.clone(), *priority)),
            ResourceAddress::Id(_) | ResourceAddress::RulesOf(_) => None,
        }
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
        let listener_settings =
            self.listener_settings.get(&ResourceId::from(listener)).map(Vec::as_slice).unwrap_or_default();
        let such = || listener_settings.iter().filter(|setting| setting.part == part);
        let named = such().filter(|setting| !setting.name.is_empty() && words.contains(&setting.name));
        let named: BTreeSet<&ObjectKey> = named.map(|setting| &setting.from).collect();
        if !named.is_empty() {
            return named;
        }
        let givers: BTreeSet<&ObjectKey> = such().map(|setting| &setting.from).collect();
        if givers.len() == 1 { givers } else { BTreeSet::new() }
    }

    pub(super) fn note_target_group(&mut self, id: &ResourceId, member: &ObjectKey) {
        self.target_groups.entry(id.clone()).or_insert_with(|| member.clone());
    }

    pub(super) fn note_rule(&mut self, listener: &ResourceId, priority: i32, member: &ObjectKey) {
        self.rules.insert((listener.clone(), priority), member.clone());
    }

    pub(super) fn note_default_actions(&mut self, port: i32, from: &ObjectKey, actions: &[ListenerAction]) {
        let named = crate::builder::retained::forwards(actions).map(str::to_owned);
        for name in named.chain([String::new()]) {
            let part = ListenerPart::DefaultActions;
            self.note_listener_setting(ListenerSetting { port, from: from.clone(), part, name });
        }
    }

    fn note_listener_setting(&mut self, setting: ListenerSetting) {
        let listener = ResourceId::from(setting.port.to_string());
        self.listener_settings.entry(listener).or_default().push(setting);
    }
}

#[cfg(test)]
mod tests;
