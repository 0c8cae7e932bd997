//! Redirects that lead back to themselves, at once or through another listener.

use super::index::{Index, RuleMatch};
use super::pattern::{contains, may_meet};
use super::{ListenerRules, redirect_of};
use crate::aws_api::elbv2::{ListenerAction, RedirectAction, RuleCondition};
use std::collections::BTreeMap;

/// Earlier rules that are looked at, each on its own, for one that takes a redirected request.
const MAX_EARLIER: usize = 64;

/// Where a redirect leads on the load balancer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RedirectTarget {
    /// The listener, by its place.
    listener: usize,
    /// Another host; `None`: it is kept.
    host: Option<String>,
    /// Another path; `None`: it is kept.
    path: Option<String>,
    /// Whether the query is kept.
    keeps_query: bool,
}

impl RedirectTarget {
    /// Whether the same request arrives, on whichever listener.
    fn is_same_request(&self) -> bool {
        self.host.is_none() && self.path.is_none() && self.keeps_query
    }
}

/// Looks for loops among the rules of all listeners.
pub(super) struct RedirectLoops<'l> {
    listeners: &'l [ListenerRules],
    /// The rules of each listener that requests reach, by what they match.
    by_scope: Vec<BTreeMap<String, usize>>,
}

impl<'l> RedirectLoops<'l> {
    pub fn new(listeners: &'l [ListenerRules]) -> Self {
        let scopes = |listener: &ListenerRules| {
            let (mut index, mut reached) = (Index::default(), BTreeMap::new());
            for (at, seen) in listener.seen.iter().enumerate().filter(|(_, seen)| seen.is_built) {
                let scope = RuleMatch::of(&seen.rule.conditions);
                if index.hiders(&scope).is_none() {
                    reached.entry(key(&seen.rule.conditions)).or_insert(at);
                }
                index.add(at, &scope);
            }
            reached
        };
        Self { listeners, by_scope: listeners.iter().map(scopes).collect() }
    }

    /// How a rule's redirect leads back to the rule.
    pub fn of_rule(&self, listener: usize, rule: usize) -> Option<String> {
        let seen = self.listeners.get(listener)?.seen.get(rule)?;
        let redirect = redirect_of(&seen.rule.actions)?;
        let target = self.target(listener, redirect, &seen.rule.conditions)?;
        if target.listener == listener {
            return self.comes_back(listener, rule, &target).then(|| "redirects to itself".to_owned());
        }
        if !target.is_same_request() {
            return None;
        }
        let next = match self.by_scope.get(target.listener)?.get(&key(&seen.rule.conditions)) {
            Some(at) => &self.listeners.get(target.listener)?.seen.get(*at)?.rule.actions,
            None => self.default_without_rules(target.listener)?,
        };
        self.leads_back(listener, target.listener, next, &seen.rule.conditions)
    }

    /// How a listener's default redirect leads back to it.
    pub fn of_default(&self, listener: usize) -> Option<String> {
        let actions = &self.listeners.get(listener)?.default.0;
        let target = self.target(listener, redirect_of(actions)?, &[])?;
        if !target.is_same_request() || self.takes_everything(listener) {
            return None;
        }
        if target.listener == listener {
            return Some("redirects to itself".to_owned());
        }
        let next = self.listeners.get(target.listener).filter(|_| !self.takes_everything(target.listener))?;
        self.leads_back(listener, target.listener, &next.default.0, &[])
    }

    /// Whether the second redirect leads back to where the first is.
    fn leads_back(
        &self,
        first: usize,
        second: usize,
        actions: &[ListenerAction],
        conditions: &[RuleCondition],
    ) -> Option<String> {
        let target = self.target(second, redirect_of(actions)?, conditions)?;
        let port = self.listeners.get(second)?.number;
        let is_back = target.listener == first && target.is_same_request();
        is_back.then(|| format!("redirects to port {port}, which redirects back to it"))
    }

    /// Where a redirect of a listener leads, if that is certain and is on the load balancer.
    fn target(
        &self,
        listener: usize,
        redirect: &RedirectAction,
        conditions: &[RuleCondition],
    ) -> Option<RedirectTarget> {
        let RedirectAction { host, path, port, protocol, query, status_code: _ } = redirect;
        let from = self.listeners.get(listener)?;
        let protocol = protocol.as_deref().filter(|text| *text != "#{protocol}").unwrap_or(from.protocol());
        let port = match port.as_deref().filter(|text| *text != "#{port}") {
            Some(port) => port.parse().ok()?,
            None => from.number,
        };
        let is_there = |to: &&ListenerRules| to.number == port && to.protocol() == protocol;
        let to = self.listeners.iter().position(|to| is_there(&to))?;
        let scope = RuleMatch::of(conditions);
        if scope.pairs.is_empty() {
            return None;
        }
        let host =
            changed(host.as_deref(), "#{host}", scope.pairs.iter().map(|(host, _)| host.as_str())).ok()?;
        let path =
            changed(path.as_deref(), "/#{path}", scope.pairs.iter().map(|(_, path)| path.as_str())).ok()?;
        let keeps_query = query.as_deref().is_none_or(|query| query == "#{query}");
        Some(RedirectTarget { listener: to, host, path, keeps_query })
    }

    /// Whether a redirect within a listener arrives at its own rule.
    fn comes_back(&self, listener: usize, rule: usize, target: &RedirectTarget) -> bool {
        let Some(seen) = self.listeners.get(listener).and_then(|rules| rules.seen.get(rule)) else {
            return false;
        };
        let scope = RuleMatch::of(&seen.rule.conditions);
        let asks_for_query =
            seen.rule.conditions.iter().any(|part| matches!(part, RuleCondition::QueryString(_)));
        let is_kept = target.keeps_query || !asks_for_query;
        let fits = |new: Option<&String>, old: &str| new.is_none_or(|new| contains(old, new));
        // why: a regular expression stands among the rest, and says nothing of what it matches
        let is_plain = |new: &Option<String>, kind: &str| {
            new.is_none() || !scope.rest.iter().any(|part| part.starts_with(kind))
        };
        let is_same = scope
            .pairs
            .iter()
            .any(|(host, path)| fits(target.host.as_ref(), host) && fits(target.path.as_ref(), path));
        is_kept
            && is_same
            && is_plain(&target.host, "HostHeader")
            && is_plain(&target.path, "PathPattern")
            && !self.is_taken_before(listener, rule, target)
    }

    /// Whether an earlier rule may take the redirected request.
    fn is_taken_before(&self, listener: usize, rule: usize, target: &RedirectTarget) -> bool {
        if target.host.is_none() && target.path.is_none() {
            return false;
        }
        if rule > MAX_EARLIER {
            return true;
        }
        let earlier =
            self.listeners.get(listener).into_iter().flat_map(|listener| listener.seen.iter().take(rule));
        let mut pairs =
            earlier.filter(|seen| seen.is_built).flat_map(|seen| RuleMatch::of(&seen.rule.conditions).pairs);
        let meets = |new: Option<&String>, old: &str| new.is_none_or(|new| may_meet(old, new));
        pairs.any(|(host, path)| meets(target.host.as_ref(), &host) && meets(target.path.as_ref(), &path))
    }

    /// The default actions of a listener that has no rules.
    fn default_without_rules(&self, listener: usize) -> Option<&'l [ListenerAction]> {
        let listener = self.listeners.get(listener)?;
        let has_rules = listener.seen.iter().any(|seen| seen.is_built);
        (!has_rules).then_some(listener.default.0.as_slice())
    }

    fn takes_everything(&self, listener: usize) -> bool {
        let built = self
            .listeners
            .get(listener)
            .into_iter()
            .flat_map(|listener| &listener.seen)
            .filter(|seen| seen.is_built);
        let everything = || RuleMatch { pairs: vec![("*".to_owned(), "*".to_owned())], rest: Vec::new() };
        built.map(|seen| RuleMatch::of(&seen.rule.conditions)).any(|scope| scope == everything())
    }
}

/// What a redirect puts in place of a part of the request; nothing if it keeps it, or names what the rule asks for anyway.
///
/// Errors: it is made of parts of the request.
fn changed<'p>(
    given: Option<&str>,
    kept: &str,
    mut patterns: impl Iterator<Item = &'p str>,
) -> Result<Option<String>, RequestDependent> {
    let Some(given) = given.filter(|text| *text != kept) else { return Ok(None) };
    if given.contains("#{") {
        return Err(RequestDependent);
    }
    let is_only = patterns.all(|pattern| pattern == given);
    Ok((!is_only).then(|| given.to_owned()))
}

/// Where a redirect leads depends on the request.
struct RequestDependent;

fn key(conditions: &[RuleCondition]) -> String {
    format!("{:?}", RuleMatch::of(conditions))
}
