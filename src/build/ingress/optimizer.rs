//! Drops rules that would loop or can never match (upstream's `pkg/ingress/rule_optimizer.go`).

use super::listener::Port;
use crate::cloud::elbv2::{ListenerAction, RedirectAction, RuleCondition, ValuesOrRegexes};
use crate::model::Rule;

/// A rule on its way into a listener.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub member: usize,
    pub rule: Rule,
    /// It is a broken member's live rule, of this priority, and stays whatever comes before it.
    pub kept: Option<i32>,
}

/// The rules worth having, in order.
pub(super) fn optimize(number: i32, port: &Port, drafts: Vec<Draft>) -> Vec<Draft> {
    let mut survivors: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let hides = |earlier: &Draft| redirect(&earlier.rule).is_some() && covers(&earlier.rule, &draft.rule);
        let useless = loops(number, port, &draft.rule) || survivors.iter().any(hides);
        if draft.kept.is_some() || !useless {
            survivors.push(draft);
        }
    }
    survivors
}

fn redirect(rule: &Rule) -> Option<&RedirectAction> {
    rule.actions.iter().find_map(|action| match action {
        ListenerAction::Redirect(redirect) => Some(redirect),
        _ => None,
    })
}

/// Whether a redirect leads back to where the request came from.
fn loops(number: i32, port: &Port, rule: &Rule) -> bool {
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
    let only_host_and_path = earlier
        .conditions
        .iter()
        .all(|condition| matches!(condition, RuleCondition::HostHeader(_) | RuleCondition::PathPattern(_)));
    only_host_and_path && covers_hosts(earlier, later) && covers_paths(earlier, later)
}

/// why: upstream looks at host values only, so that a host regex counts as no restriction and the rule is taken to cover all
/// hosts; dropping fewer rules would change live load balancers when the image is swapped
fn covers_hosts(earlier: &Rule, later: &Rule) -> bool {
    let earlier = hosts(earlier).map(|hosts| hosts.values.as_slice()).unwrap_or_default();
    let later = hosts(later).map(|hosts| hosts.values.as_slice()).unwrap_or_default();
    earlier.is_empty() || (!later.is_empty() && later.iter().all(|host| earlier.contains(host)))
}

fn covers_paths(earlier: &Rule, later: &Rule) -> bool {
    let Some(earlier) = paths(earlier).map(patterns) else { return true };
    if earlier.iter().any(|pattern| pattern == "/*") {
        return true;
    }
    let later = paths(later).map(patterns).unwrap_or_default();
    !later.is_empty() && later.iter().all(|pattern| earlier.contains(pattern))
}

fn patterns(condition: &ValuesOrRegexes) -> &[String] {
    if condition.regexes.is_empty() { &condition.values } else { &condition.regexes }
}
