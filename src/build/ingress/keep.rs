//! What a broken member keeps: its live listeners, rules, target groups and bindings, as AWS has them.
//!
//! Upstream freezes the whole group instead. Nothing in AWS says which Ingress a rule is from, so it is made out: a rule that
//! forwards to a target group belongs to the Ingress in that target group's resource tag; any other belongs to the broken
//! member that still asks for its host and path.

mod binding;

use super::compile::Compiled;
use super::listener::{Port, Sources};
use super::optimizer::Draft;
use super::rules::path_patterns;
use super::scope::{MemberView, Scope};
use crate::api::meta::TRACKING_TAGS;
use crate::build::{Origin, tags};
use crate::cloud::elbv2::{ListenerAction, RuleCondition, ValuesOrRegexes};
use crate::cloud::{Attributes, Tags};
use crate::inputs::{LiveListener, LiveRule, LiveStack, LiveTargetGroup};
use crate::model::{Binding, ResourceId, Rule, Stack, TargetGroup};
use k8s_openapi::api::networking::v1::HTTPIngressPath;
use std::collections::{BTreeMap, BTreeSet};

/// The live stack, with who owns what.
pub(super) struct Keeper<'k, 'a> {
    scope: &'k Scope<'a>,
    live: &'k LiveStack,
    broken: BTreeSet<usize>,
    /// Resource id and owner of each target group, by ARN.
    owners: BTreeMap<&'k str, (&'k str, Option<usize>)>,
}

impl<'k, 'a> Keeper<'k, 'a> {
    /// Makes out the owners of all target groups.
    pub fn new(scope: &'k Scope<'a>, live: &'k LiveStack, broken: BTreeSet<usize>) -> Self {
        let key = scope.stack.resource_tag_key();
        let owners = live.target_groups.iter().filter_map(|found| {
            let id = found.tags.get(&key)?.as_str();
            Some((found.target_group.arn.as_str(), (id, owner_of(scope, id))))
        });
        Self { scope, live, broken, owners: owners.collect() }
    }

    /// Listeners on which a member that could not say what it wants has rules stay, with their certificates and sources.
    pub fn keep_ports(&self, ports: &mut BTreeMap<i32, Port>) {
        for listener in &self.live.listeners {
            let owners: Vec<usize> =
                self.broken.iter().copied().filter(|member| self.has_part(*member, listener)).collect();
            if owners.is_empty() {
                continue;
            }
            let number = listener.listener.port;
            let port = ports.entry(number).or_insert_with(|| kept_port(listener));
            if port.protocol != listener.listener.protocol {
                continue;
            }
            if !port.restricted {
                port.sources = Sources::default();
                port.kept_rules = self.inbound_rules(number);
            }
            if !port.policy_chosen {
                port.ssl_policy.clone_from(&listener.listener.ssl_policy);
            }
            port.certificates = united(&listener.certificates, &port.certificates);
            port.members.extend(owners);
            port.members.sort_unstable();
            port.members.dedup();
        }
    }

    fn has_part(&self, member: usize, listener: &LiveListener) -> bool {
        !self.rules_of(member, listener, &[]).is_empty()
            || forwards(&listener.listener.default_actions).any(|arn| self.owner(arn) == Some(member))
    }

    fn inbound_rules(&self, port: i32) -> Vec<crate::cloud::ec2::IngressRule> {
        let group = self.live.managed_security_group.iter();
        group.flat_map(|group| &group.ingress).filter(|rule| rule.from_port == Some(port)).cloned().collect()
    }

    fn owner(&self, arn: &str) -> Option<usize> {
        self.owners.get(arn).and_then(|(_, owner)| *owner)
    }

    /// The live rules of a broken member on a listener, in order; `wanted` are rules that the other members want.
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
            return self.owner(arn).filter(|owner| self.broken.contains(owner));
        }
        let same =
            |other: &&Rule| other.conditions == rule.rule.conditions && other.actions == rule.rule.actions;
        if wanted.iter().any(same) {
            return None;
        }
        let claims = |index: &usize| {
            self.scope.members.get(*index).is_some_and(|member| asks_for(member, &rule.rule.conditions))
        };
        self.broken.iter().copied().find(claims)
    }

    /// The rules of a listener: what the sound members want and what the broken ones have, in group order.
    pub fn mix_rules(&self, number: i32, compiled: &BTreeMap<usize, Compiled>) -> Vec<Draft> {
        let wanted = |index: &usize| {
            compiled
                .get(index)
                .and_then(|compiled| compiled.rules.get(&number))
                .map_or(&[][..], Vec::as_slice)
        };
        let all_wanted: Vec<&Rule> = self
            .scope
            .members
            .iter()
            .flat_map(|member| wanted(&member.index))
            .map(|(_, rule)| rule)
            .collect();
        let listener = self.live.listeners.iter().find(|listener| listener.listener.port == number);
        let mut drafts = Vec::new();
        for member in &self.scope.members {
            if !self.broken.contains(&member.index) {
                let rules = wanted(&member.index).iter().cloned();
                drafts.extend(rules.map(|(at, rule)| Draft {
                    member: member.index,
                    rule,
                    at: Some(at),
                    kept: None,
                }));
            } else if let Some(listener) = listener {
                let rules = self.rules_of(member.index, listener, &all_wanted);
                let kept = |live: &LiveRule| Draft {
                    member: member.index,
                    rule: kept_rule(live),
                    at: None,
                    kept: live.rule.priority,
                };
                drafts.extend(rules.into_iter().map(kept));
            }
        }
        drafts
    }

    /// The live default actions of a listener, if a broken member has a default backend.
    pub fn default_actions(&self, number: i32, port: &Port) -> Option<Vec<ListenerAction>> {
        let has_default = |index: &&usize| {
            let member = self.scope.members.get(**index);
            let default =
                member.and_then(|member| member.spec).and_then(|spec| spec.default_backend.as_ref());
            self.broken.contains(*index) && default.is_some()
        };
        port.members.iter().find(has_default)?;
        let listener = self.live.listeners.iter().find(|listener| listener.listener.port == number)?;
        Some(sendable(listener.listener.default_actions.clone()))
    }

    /// Target groups of broken members, and those that kept rules need, with their bindings.
    pub fn keep_target_groups(&self, stack: &mut Stack) {
        let rules = stack.rules.values().flat_map(|rule| forwards(&rule.actions));
        let defaults = stack.listeners.values().flat_map(|listener| forwards(&listener.default_actions));
        let used: BTreeSet<String> = rules.chain(defaults).map(str::to_owned).collect();
        for found in &self.live.target_groups {
            let arn = found.target_group.arn.as_str();
            let Some((id, owner)) = self.owners.get(arn) else { continue };
            let of_broken = owner.is_some_and(|owner| self.broken.contains(&owner));
            let id = ResourceId::from(*id);
            if (!of_broken && !used.contains(arn)) || stack.target_groups.contains_key(&id) {
                continue;
            }
            let Some(target_group) = kept_target_group(found) else { continue };
            let bound = self
                .live
                .bindings
                .iter()
                .find(|binding| binding.spec.target_group_arn.as_deref() == Some(arn));
            let bound = bound.and_then(|binding| binding::of(binding, &target_group));
            if let Some(binding) = bound.or_else(|| self.unseen_binding(*owner, &id)) {
                stack.bindings.insert(id.clone(), binding);
            }
            stack.target_groups.insert(id, target_group);
        }
    }

    /// The binding of a target group that was made a moment ago for a member whose other wishes AWS refused.
    fn unseen_binding(&self, owner: Option<usize>, id: &ResourceId) -> Option<Binding> {
        let member = owner.and_then(|owner| self.scope.members.get(owner))?;
        member.refusal.and_then(|refusal| refusal.bindings.get(id)).cloned()
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

/// The member that a target group's resource id names. The id joins the Ingress and Service names with a dash, and so may
/// name several; then the one that refers to the Service, else the one with the longest name.
fn owner_of(scope: &Scope<'_>, id: &str) -> Option<usize> {
    let rest = |member: &MemberView<'_>| {
        let rest = id.strip_prefix(&format!("{}-", member.key))?;
        rest.rsplit_once(':').map(|(service, _)| service.to_owned())
    };
    let mut candidates: Vec<(&MemberView<'_>, String)> =
        scope.members.iter().filter_map(|member| Some((member, rest(member)?))).collect();
    candidates.sort_by_key(|(_, service)| service.len());
    let refers = |(member, service): &&(&MemberView<'_>, String)| member.services.contains(service);
    let owner = candidates.iter().find(refers).or_else(|| candidates.first());
    owner.map(|(member, _)| member.index)
}

pub(super) fn forwards(actions: &[ListenerAction]) -> impl Iterator<Item = &str> {
    let forwards = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    });
    let tuples = forwards.flat_map(|forward| &forward.target_groups);
    tuples.filter_map(|tuple| tuple.target_group.known())
}

/// Whether an Ingress has a path that such conditions may stem from.
fn asks_for(member: &MemberView<'_>, conditions: &[RuleCondition]) -> bool {
    let rules = member.spec.and_then(|spec| spec.rules.as_ref()).into_iter().flatten();
    rules
        .flat_map(|rule| {
            rule.http.iter().flat_map(move |http| http.paths.iter().map(move |path| (rule, path)))
        })
        .any(|(rule, path)| matches(member, rule.host.as_deref(), path, conditions))
}

fn matches(
    member: &MemberView<'_>,
    host: Option<&str>,
    path: &HTTPIngressPath,
    conditions: &[RuleCondition],
) -> bool {
    let none = ValuesOrRegexes::default();
    let find = |wanted: fn(&RuleCondition) -> Option<&ValuesOrRegexes>| {
        conditions.iter().find_map(wanted).unwrap_or(&none)
    };
    let hosts = find(|condition| match condition {
        RuleCondition::HostHeader(values) => Some(values),
        _ => None,
    });
    let paths = find(|condition| match condition {
        RuleCondition::PathPattern(values) => Some(values),
        _ => None,
    });
    let service = path.backend.service.as_ref().map(|service| service.name.as_str()).unwrap_or_default();
    let refined = member.annotations.string(&format!("conditions.{service}")).is_some();
    let same_host = match host.filter(|host| !host.is_empty()) {
        Some(host) => hosts.values.iter().any(|known| known == host),
        None => refined || hosts.values.is_empty(),
    };
    let regex = || Ok(member.annotations.boolean("use-regex-path-match").ok().flatten() == Some(true));
    let origin = Origin::object(&member.object);
    let Ok(wanted) = path_patterns(path, &origin, regex) else { return false };
    let everything = wanted == none && (paths == &none || paths.values == ["/*"]);
    let contained = wanted.values.iter().all(|value| paths.values.contains(value))
        && wanted.regexes.iter().all(|regex| paths.regexes.contains(regex));
    same_host && (everything || (wanted != none && contained))
}

fn kept_port(listener: &LiveListener) -> Port {
    let live = &listener.listener;
    Port {
        protocol: live.protocol.clone(),
        sources: Sources::default(),
        restricted: false,
        kept_rules: Vec::new(),
        certificates: Vec::new(),
        ssl_policy: None,
        policy_chosen: false,
        mutual_tls: live.mutual_authentication.clone(),
        members: Vec::new(),
    }
}

/// All of both lists, without repetition.
fn united(first: &[String], second: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    first.iter().chain(second).filter(|item| seen.insert(*item)).cloned().collect()
}

fn kept_rule(live: &LiveRule) -> Rule {
    Rule {
        conditions: live.rule.conditions.clone(),
        actions: sendable(live.rule.actions.clone()),
        transforms: live.rule.transforms.clone(),
        tags: user_tags(&live.tags),
    }
}

/// AWS never tells a client secret; an action that is sent back must say that the old one stays.
fn sendable(mut actions: Vec<ListenerAction>) -> Vec<ListenerAction> {
    for action in &mut actions {
        if let ListenerAction::AuthenticateOidc(oidc) = action {
            oidc.use_existing_client_secret = Some(true);
        }
    }
    actions
}

fn user_tags(tags: &Tags) -> Tags {
    let user =
        tags.iter().filter(|(key, _)| !TRACKING_TAGS.contains(&key.as_str()) && !key.starts_with("aws:"));
    user.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn kept_target_group(found: &LiveTargetGroup) -> Option<TargetGroup> {
    let live = &found.target_group;
    Some(TargetGroup {
        name: live.name.clone(),
        target_type: live.target_type.clone(),
        port: live.port,
        protocol: live.protocol.clone()?,
        protocol_version: live.protocol_version.clone(),
        ip_address_type: live.ip_address_type.clone(),
        health_check: Some(live.health_check.clone()),
        target_control_port: live.target_control_port,
        attributes: Attributes::new(),
        tags: user_tags(&found.tags),
    })
}
