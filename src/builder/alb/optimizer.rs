//! Drops rules that would loop or can never match (upstream's `pkg/ingress/rule_optimizer.go`).

use crate::aws_api::elbv2::{ListenerAction, RedirectAction, RuleCondition, ValuesOrRegexes};
use crate::model::Rule;
use crate::settings::alb::{AlbListenerSettings, RulePosition};
use std::collections::BTreeMap;

/// A rule on its way into a listener.
#[derive(Clone, Debug)]
pub(in crate::builder) struct CandidateRule {
    /// Place of the contributor.
    pub contributor: usize,
    pub rule: Rule,
    /// Where it is written; `None`: it is a live rule that stays.
    pub position: Option<RulePosition>,
    /// It is the live rule of a contributor that cannot be built, of this priority, and stays whatever comes before it.
    pub retained: Option<i32>,
}

/// The rules worth having, in order.
pub(super) fn optimize(
    number: i32,
    port: &AlbListenerSettings,
    candidates: Vec<CandidateRule>,
) -> Vec<CandidateRule> {
    let mut hiding = EarlierRedirects::default();
    let is_useful = candidates.iter().map(|candidate| {
        let useless = loops(number, port, &candidate.rule) || hiding.hides(&candidate.rule);
        let survives = candidate.retained.is_some() || !useless;
        if survives {
            hiding.note(&candidate.rule);
        }
        survives
    });
    let is_useful: Vec<bool> = is_useful.collect();
    candidates
        .into_iter()
        .zip(is_useful)
        .filter_map(|(candidate, is_useful)| is_useful.then_some(candidate))
        .collect()
}

/// Pairs of a host and a pattern under which one redirect is noted at most.
const MAX_PAIRS: usize = 16;

/// Redirects that may hide later rules, where a rule that they hide finds them. A redirect hides a rule only if it matches each
/// host and each pattern of the rule, so it is enough to look under one of them.
#[derive(Default)]
struct EarlierRedirects<'d> {
    /// One for every host and path; it hides everything.
    everything: bool,
    /// For every path of some hosts, by each of these.
    by_host: BTreeMap<&'d str, Vec<&'d Rule>>,
    /// For some paths of every host, by each of these.
    by_pattern: BTreeMap<&'d str, Vec<&'d Rule>>,
    /// For some paths of some hosts, by both.
    by_both: BTreeMap<(&'d str, &'d str), Vec<&'d Rule>>,
    /// The same with more pairs than are noted, by pattern alone.
    by_pattern_of_many: BTreeMap<&'d str, Vec<&'d Rule>>,
}

impl<'d> EarlierRedirects<'d> {
    fn note(&mut self, rule: &'d Rule) {
        if redirect(rule).is_none() || !has_only_host_and_path(rule) {
            return;
        }
        let hosts = host_values(rule);
        let patterns = paths(rule).map(patterns).filter(|patterns| !is_every_path(patterns));
        match (hosts, patterns) {
            ([], None) => self.everything = true,
            (hosts, None) => add(&mut self.by_host, hosts, rule),
            ([], Some(patterns)) => add(&mut self.by_pattern, patterns, rule),
            (hosts, Some(patterns)) if hosts.len() * patterns.len() > MAX_PAIRS => {
                add(&mut self.by_pattern_of_many, patterns, rule);
            }
            (hosts, Some(patterns)) => {
                for (host, pattern) in hosts.iter().flat_map(|host| patterns.iter().map(move |p| (host, p))) {
                    self.by_both.entry((host, pattern)).or_default().push(rule);
                }
            }
        }
    }

    /// Whether one of the redirects hides a rule.
    fn hides(&self, rule: &Rule) -> bool {
        let hosts = host_values(rule);
        let patterns = paths(rule).map(patterns).unwrap_or_default();
        let both = hosts.first().zip(patterns.first());
        let both = both.and_then(|(host, pattern)| self.by_both.get(&(host.as_str(), pattern.as_str())));
        let found = [
            rarest(&self.by_host, hosts),
            rarest(&self.by_pattern, patterns),
            rarest(&self.by_pattern_of_many, patterns),
            both,
        ];
        self.everything || found.into_iter().flatten().flatten().any(|earlier| covers(earlier, rule))
    }
}

type By<'d> = BTreeMap<&'d str, Vec<&'d Rule>>;

fn add<'d>(by: &mut By<'d>, keys: &'d [String], rule: &'d Rule) {
    for key in keys {
        by.entry(key).or_default().push(rule);
    }
}

/// The shortest of the lists under these keys; `None`: under one of them there is nothing.
fn rarest<'h, 'd>(by: &'h By<'d>, keys: &[String]) -> Option<&'h Vec<&'d Rule>> {
    let lists: Option<Vec<_>> = keys.iter().map(|key| by.get(key.as_str())).collect();
    lists?.into_iter().min_by_key(|list| list.len())
}

fn redirect(rule: &Rule) -> Option<&RedirectAction> {
    rule.actions.iter().find_map(|action| match action {
        ListenerAction::Redirect(redirect) => Some(redirect),
        _ => None,
    })
}

/// Whether a redirect leads back to where the request came from.
fn loops(number: i32, port: &AlbListenerSettings, rule: &Rule) -> bool {
    let Some(RedirectAction { host, path, port: to_port, protocol, query, status_code: _ }) = redirect(rule)
    else {
        return false;
    };
    let (hosts, paths) = (hosts(rule), paths(rule));
    let neutral = |field: &Option<String>, same: &dyn Fn(&str) -> bool| field.as_deref().is_none_or(same);
    paths.is_none_or(|paths| paths.regexes.is_empty())
        && neutral(host, &|host| host == "#{host}" || among(hosts, host))
        && neutral(path, &|path| path == "/#{path}" || among(paths, path))
        && neutral(to_port, &|to| to == "#{port}" || to == number.to_string())
        && neutral(protocol, &|protocol| protocol == "#{protocol}" || protocol == port.protocol.as_str())
        && neutral(query, &|query| query == "#{query}")
}

fn among(condition: Option<&ValuesOrRegexes>, value: &str) -> bool {
    condition.is_some_and(|condition| condition.values.iter().any(|known| known == value))
}

fn hosts(rule: &Rule) -> Option<&ValuesOrRegexes> {
    rule.conditions.iter().find_map(|condition| match condition {
        RuleCondition::HostHeader(values) => Some(values),
        _ => None,
    })
}

fn paths(rule: &Rule) -> Option<&ValuesOrRegexes> {
    rule.conditions.iter().find_map(|condition| match condition {
        RuleCondition::PathPattern(values) => Some(values),
        _ => None,
    })
}

/// Whether every request that `later` matches is matched by `earlier` before.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    has_only_host_and_path(earlier) && covers_hosts(earlier, later) && covers_paths(earlier, later)
}

fn has_only_host_and_path(rule: &Rule) -> bool {
    let is_either = |condition: &RuleCondition| {
        matches!(condition, RuleCondition::HostHeader(_) | RuleCondition::PathPattern(_))
    };
    rule.conditions.iter().all(is_either)
}

/// why: upstream looks at host values only, so that a host regex counts as no restriction and the rule is taken to cover all
/// hosts; dropping fewer rules would change live load balancers when the image is swapped
fn covers_hosts(earlier: &Rule, later: &Rule) -> bool {
    let (earlier, later) = (host_values(earlier), host_values(later));
    earlier.is_empty() || (!later.is_empty() && later.iter().all(|host| earlier.contains(host)))
}

fn covers_paths(earlier: &Rule, later: &Rule) -> bool {
    let Some(earlier) = paths(earlier).map(patterns) else { return true };
    if is_every_path(earlier) {
        return true;
    }
    let later = paths(later).map(patterns).unwrap_or_default();
    !later.is_empty() && later.iter().all(|pattern| earlier.contains(pattern))
}

fn host_values(rule: &Rule) -> &[String] {
    hosts(rule).map(|hosts| hosts.values.as_slice()).unwrap_or_default()
}

fn is_every_path(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| pattern == "/*")
}

fn patterns(condition: &ValuesOrRegexes) -> &[String] {
    if condition.regexes.is_empty() { &condition.values } else { &condition.regexes }
}

#[cfg(test)]
mod tests;
