//! Rules that no request reaches, and redirects that lead back to themselves: told of the rules of each listener as they are
//! built, because the same path may be served on one listener and be left out on another.
//!
//! A path is pointed out when no listener serves it, or when requests that it matches go round in a circle.

mod index;
pub mod pattern;
mod redirect_loop;

use super::Contributors;
use super::optimizer::CandidateRule;
use crate::aws_api::elbv2::{ListenerAction, RedirectAction};
use crate::finding::Finding;
use crate::model::Rule;
use crate::settings::alb::{AlbListenerSettings, RulePosition};
use index::{Index, RuleMatch};
use redirect_loop::RedirectLoops;
use std::collections::{BTreeMap, BTreeSet};

/// Paths of one Ingress that are pointed out one by one.
const MAX_TOLD: usize = 16;
/// Rules that are named as standing before another.
const MAX_NAMED: usize = 3;

/// A listener with its rules.
#[derive(Debug)]
pub(super) struct ListenerRules {
    /// Port.
    pub number: i32,
    /// Whether it speaks HTTPS.
    pub is_https: bool,
    /// Default actions, and the contributor that they are from.
    pub default: (Vec<ListenerAction>, Option<usize>),
    /// All rules that contributors want of it, in order.
    pub seen: Vec<SeenRule>,
}

/// A rule that a contributor wants.
#[derive(Debug)]
pub(super) struct SeenRule {
    /// Place of the contributor.
    pub contributor: usize,
    /// Where it is written; `None`: it is a live rule that stays.
    pub position: Option<RulePosition>,
    /// The rule.
    pub rule: Rule,
    /// Whether it is among those that are built; the others would lead back to themselves, or a redirect stands before them.
    pub is_built: bool,
}

impl ListenerRules {
    /// A listener whose rules are about to be chosen from candidates.
    pub fn new(
        number: i32,
        port: &AlbListenerSettings,
        default: (Vec<ListenerAction>, Option<usize>),
        candidates: &[CandidateRule],
    ) -> Self {
        let seen = candidates.iter().map(|candidate| SeenRule {
            contributor: candidate.contributor,
            position: candidate.position,
            rule: candidate.rule.clone(),
            is_built: candidate.position.is_none(),
        });
        Self { number, is_https: port.is_https(), default, seen: seen.collect() }
    }

    /// Notes which of them were chosen.
    pub fn note_built(&mut self, candidates: &[CandidateRule]) {
        let built: BTreeSet<(usize, RulePosition)> = candidates
            .iter()
            .filter_map(|candidate| Some((candidate.contributor, candidate.position?)))
            .collect();
        for seen in &mut self.seen {
            seen.is_built |= seen.position.is_some_and(|at| built.contains(&(seen.contributor, at)));
        }
    }

    fn protocol(&self) -> &'static str {
        if self.is_https { "HTTPS" } else { "HTTP" }
    }
}

/// What becomes of a rule on one listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RuleReachability {
    /// Requests reach it.
    Reached,
    /// These match all that it does, and stand before it.
    Hidden(String),
    /// An equal answer stands before it, so that nothing is lost.
    Repeated,
    /// It leads back to itself, and is left out.
    LeftOut,
    /// It leads back to itself.
    Circular(String),
}

/// Warnings about rules, by place of the contributor.
pub(super) fn check(
    contributors: Contributors<'_>,
    listeners: &[ListenerRules],
) -> BTreeMap<usize, Vec<Finding>> {
    let mut reachabilities: BTreeMap<(usize, RulePosition), Vec<RuleReachability>> = BTreeMap::new();
    let mut told: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    let loops = RedirectLoops::new(listeners);
    for (at, listener) in listeners.iter().enumerate() {
        classify_rules(contributors, listener, |rule| loops.of_rule(at, rule), &mut reachabilities);
        let owner = listener.default.1.and_then(|owner| Some((owner, contributors.get(owner)?)));
        if let (Some((owner, contributor)), Some(problem)) = (owner, loops.of_default(at)) {
            let finding = Finding::warning(contributor.object(), problem).at("spec.defaultBackend");
            told.entry(owner).or_default().push(finding);
        }
    }
    for ((index, position), reachabilities) in &reachabilities {
        let problem = problem_of(reachabilities).zip(contributors.get(*index));
        if let Some((problem, contributor)) = problem {
            let finding = Finding::warning(contributor.object(), problem).at(position.to_string());
            told.entry(*index).or_default().push(finding);
        }
    }
    told.into_iter().map(|(contributor, findings)| (contributor, bounded(findings))).collect()
}

/// Notes the reachability of each rule of a listener.
fn classify_rules(
    contributors: Contributors<'_>,
    listener: &ListenerRules,
    circle: impl Fn(usize) -> Option<String>,
    reachabilities: &mut BTreeMap<(usize, RulePosition), Vec<RuleReachability>>,
) {
    let mut index = Index::default();
    for (place, seen) in listener.seen.iter().enumerate() {
        let scope = RuleMatch::of(&seen.rule.conditions);
        let hiders = index.hiders(&scope);
        let reachability = match &hiders {
            Some(hiders) if hiders.iter().all(|hider| answers_alike(listener, *hider, &seen.rule)) => {
                RuleReachability::Repeated
            }
            Some(hiders) => RuleReachability::Hidden(names(contributors, listener, hiders, seen.contributor)),
            None if !seen.is_built => RuleReachability::LeftOut,
            None => circle(place).map_or(RuleReachability::Reached, RuleReachability::Circular),
        };
        if hiders.is_none() && seen.is_built {
            index.add(place, &scope);
        }
        if let Some(at) = seen.position {
            reachabilities.entry((seen.contributor, at)).or_default().push(reachability);
        }
    }
}

fn answers_alike(listener: &ListenerRules, hider: usize, rule: &Rule) -> bool {
    let hider = listener.seen.get(hider).map(|seen| &seen.rule);
    hider.is_some_and(|hider| hider.actions == rule.actions && hider.transforms == rule.transforms)
}

/// The rules that stand before another one, as its owner may look them up.
fn names(
    contributors: Contributors<'_>,
    listener: &ListenerRules,
    hiders: &BTreeSet<usize>,
    asking: usize,
) -> String {
    let name = |hider: &usize| {
        let seen = listener.seen.get(*hider)?;
        let place = seen.position.map_or_else(|| "a live rule".to_owned(), |at| at.to_string());
        let owner = contributors.get(seen.contributor).filter(|_| seen.contributor != asking);
        Some(owner.map_or_else(
            || place.clone(),
            |owner| format!("{place} of {} {}", owner.object().kind, owner.key()),
        ))
    };
    let named: Vec<String> = hiders.iter().filter_map(name).take(MAX_NAMED).collect();
    let more = if hiders.len() > MAX_NAMED { " and others" } else { "" };
    let verb = if hiders.len() > 1 { "stand" } else { "stands" };
    format!("{}{more} {verb} before it", named.join(", "))
}

/// What is wrong with a path, given what becomes of it on every listener.
fn problem_of(reachabilities: &[RuleReachability]) -> Option<String> {
    if let Some(circle) = reachabilities.iter().find_map(|reachability| match reachability {
        RuleReachability::Circular(circle) => Some(circle.clone()),
        _ => None,
    }) {
        return Some(circle);
    }
    if reachabilities
        .iter()
        .any(|reachability| matches!(reachability, RuleReachability::Reached | RuleReachability::Repeated))
    {
        return None;
    }
    let hidden = reachabilities.iter().find_map(|reachability| match reachability {
        RuleReachability::Hidden(hiders) => Some(format!("never matches: {hiders}")),
        _ => None,
    });
    let left_out = || "redirects to itself on every listener, so no rule is made of it".to_owned();
    hidden.or_else(|| reachabilities.contains(&RuleReachability::LeftOut).then(left_out))
}

/// why: an Ingress may have thousands of paths behind one that matches everything
fn bounded(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(MAX_TOLD);
    findings.truncate(MAX_TOLD);
    if let Some(last) = findings.last_mut().filter(|_| more > 0) {
        last.message = format!("{}; so it is with {more} more paths", last.message);
    }
    findings
}

/// The redirect among actions.
fn redirect_of(actions: &[ListenerAction]) -> Option<&RedirectAction> {
    actions.iter().find_map(|action| match action {
        ListenerAction::Redirect(redirect) => Some(redirect),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
