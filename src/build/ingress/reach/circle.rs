//! Redirects that lead back to themselves, at once or through another listener.

use super::index::{Index, Scope};
use super::pattern::{contains, may_meet};
use super::{Line, redirect_of};
use crate::cloud::elbv2::{ListenerAction, RedirectAction, RuleCondition};
use std::collections::BTreeMap;

/// Earlier rules that are looked at, each on its own, for one that takes a redirected request.
const MAX_EARLIER: usize = 64;

/// Where a redirect leads on the load balancer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// The listener, by its place.
    line: usize,
    /// Another host; `None`: it is kept.
    host: Option<String>,
    /// Another path; `None`: it is kept.
    path: Option<String>,
    /// Whether the query is kept.
    keeps_query: bool,
}

impl Target {
    /// Whether the same request arrives, on whichever listener.
    fn is_same_request(&self) -> bool {
        self.host.is_none() && self.path.is_none() && self.keeps_query
    }
}

/// Looks for circles among the rules of all listeners.
pub(super) struct Circles<'l> {
    lines: &'l [Line],
    /// The rules of each listener that requests reach, by what they match.
    by_scope: Vec<BTreeMap<String, usize>>,
}

impl<'l> Circles<'l> {
    pub fn new(lines: &'l [Line]) -> Self {
        let scopes = |line: &Line| {
            let (mut index, mut reached) = (Index::default(), BTreeMap::new());
            for (at, seen) in line.seen.iter().enumerate().filter(|(_, seen)| seen.is_built) {
                let scope = Scope::of(&seen.rule.conditions);
                if index.hiders(&scope).is_none() {
                    reached.entry(key(&seen.rule.conditions)).or_insert(at);
                }
                index.add(at, &scope);
            }
            reached
        };
        Self { lines, by_scope: lines.iter().map(scopes).collect() }
    }

    /// How a rule's redirect leads back to the rule.
    pub fn of_rule(&self, line: usize, rule: usize) -> Option<String> {
        let seen = self.lines.get(line)?.seen.get(rule)?;
        let redirect = redirect_of(&seen.rule.actions)?;
        let target = self.target(line, redirect, &seen.rule.conditions)?;
        if target.line == line {
            return self.comes_back(line, rule, &target).then(|| "redirects to itself".to_owned());
        }
        if !target.is_same_request() {
            return None;
        }
        let next = match self.by_scope.get(target.line)?.get(&key(&seen.rule.conditions)) {
            Some(at) => &self.lines.get(target.line)?.seen.get(*at)?.rule.actions,
            None => self.default_without_rules(target.line)?,
        };
        self.leads_back(line, target.line, next, &seen.rule.conditions)
    }

    /// How a listener's default redirect leads back to it.
    pub fn of_default(&self, line: usize) -> Option<String> {
        let actions = &self.lines.get(line)?.default.0;
        let target = self.target(line, redirect_of(actions)?, &[])?;
        if !target.is_same_request() || self.takes_everything(line) {
            return None;
        }
        if target.line == line {
            return Some("redirects to itself".to_owned());
        }
        let next = self.lines.get(target.line).filter(|_| !self.takes_everything(target.line))?;
        self.leads_back(line, target.line, &next.default.0, &[])
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
        let port = self.lines.get(second)?.number;
        let is_back = target.line == first && target.is_same_request();
        is_back.then(|| format!("redirects to port {port}, which redirects back to it"))
    }

    /// Where a redirect of a listener leads, if that is certain and is on the load balancer.
    fn target(&self, line: usize, redirect: &RedirectAction, conditions: &[RuleCondition]) -> Option<Target> {
        let RedirectAction { host, path, port, protocol, query, status_code: _ } = redirect;
        let from = self.lines.get(line)?;
        let protocol = protocol.as_deref().filter(|text| *text != "#{protocol}").unwrap_or(from.protocol());
        let port = match port.as_deref().filter(|text| *text != "#{port}") {
            Some(port) => port.parse().ok()?,
            None => from.number,
        };
        let is_there = |to: &&Line| to.number == port && to.protocol() == protocol;
        let to = self.lines.iter().position(|to| is_there(&to))?;
        let scope = Scope::of(conditions);
        if scope.pairs.is_empty() {
            return None;
        }
        let host =
            changed(host.as_deref(), "#{host}", scope.pairs.iter().map(|(host, _)| host.as_str())).ok()?;
        let path =
            changed(path.as_deref(), "/#{path}", scope.pairs.iter().map(|(_, path)| path.as_str())).ok()?;
        let keeps_query = query.as_deref().is_none_or(|query| query == "#{query}");
        Some(Target { line: to, host, path, keeps_query })
    }

    /// Whether a redirect within a listener arrives at its own rule.
    fn comes_back(&self, line: usize, rule: usize, target: &Target) -> bool {
        let Some(seen) = self.lines.get(line).and_then(|line| line.seen.get(rule)) else { return false };
        let scope = Scope::of(&seen.rule.conditions);
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
            && !self.is_taken_before(line, rule, target)
    }

    /// Whether an earlier rule may take the redirected request.
    fn is_taken_before(&self, line: usize, rule: usize, target: &Target) -> bool {
        if target.host.is_none() && target.path.is_none() {
            return false;
        }
        if rule > MAX_EARLIER {
            return true;
        }
        let earlier = self.lines.get(line).into_iter().flat_map(|line| line.seen.iter().take(rule));
        let mut pairs =
            earlier.filter(|seen| seen.is_built).flat_map(|seen| Scope::of(&seen.rule.conditions).pairs);
        let meets = |new: Option<&String>, old: &str| new.is_none_or(|new| may_meet(old, new));
        pairs.any(|(host, path)| meets(target.host.as_ref(), &host) && meets(target.path.as_ref(), &path))
    }

    /// The default actions of a listener that has no rules.
    fn default_without_rules(&self, line: usize) -> Option<&'l [ListenerAction]> {
        let line = self.lines.get(line)?;
        let has_rules = line.seen.iter().any(|seen| seen.is_built);
        (!has_rules).then_some(line.default.0.as_slice())
    }

    fn takes_everything(&self, line: usize) -> bool {
        let built = self.lines.get(line).into_iter().flat_map(|line| &line.seen).filter(|seen| seen.is_built);
        let everything = || Scope { pairs: vec![("*".to_owned(), "*".to_owned())], rest: Vec::new() };
        built.map(|seen| Scope::of(&seen.rule.conditions)).any(|scope| scope == everything())
    }
}

/// What a redirect puts in place of a part of the request; nothing if it keeps it, or names what the rule asks for anyway.
///
/// Errors: it is made of parts of the request.
fn changed<'p>(
    given: Option<&str>,
    kept: &str,
    mut patterns: impl Iterator<Item = &'p str>,
) -> Result<Option<String>, Unknown> {
    let Some(given) = given.filter(|text| *text != kept) else { return Ok(None) };
    if given.contains("#{") {
        return Err(Unknown);
    }
    let is_only = patterns.all(|pattern| pattern == given);
    Ok((!is_only).then(|| given.to_owned()))
}

/// Where a redirect leads depends on the request.
struct Unknown;

fn key(conditions: &[RuleCondition]) -> String {
    format!("{:?}", Scope::of(conditions))
}
