//! Rules that no request reaches, and redirects that lead back to themselves: told of the rules of each listener as they are
//! built, because the same path may be served on one listener and be left out on another.
//!
//! A path is pointed out when no listener serves it, or when requests that it matches go round in a circle.

mod circle;
mod index;
mod pattern;

use super::listener::Port;
use super::optimizer::Draft;
use super::rules::Place;
use super::scope::MemberView;
use crate::cloud::elbv2::{ListenerAction, RedirectAction};
use crate::finding::Finding;
use crate::model::Rule;
use circle::Circles;
use index::{Index, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Paths of one Ingress that are pointed out one by one.
const MAX_TOLD: usize = 16;
/// Rules that are named as standing before another.
const MAX_NAMED: usize = 3;

/// A listener with its rules.
#[derive(Debug)]
pub(super) struct Line {
    /// Port.
    pub number: i32,
    /// Whether it speaks HTTPS.
    pub is_https: bool,
    /// Default actions, and the member that they are from.
    pub default: (Vec<ListenerAction>, Option<usize>),
    /// All rules that members want of it, in order.
    pub seen: Vec<Seen>,
}

/// A rule that a member wants.
#[derive(Debug)]
pub(super) struct Seen {
    /// The member.
    pub member: usize,
    /// Where it stands in the Ingress; `None`: it is a live rule that stays.
    pub at: Option<Place>,
    /// The rule.
    pub rule: Rule,
    /// Whether it is among those that are built; the others would lead back to themselves, or a redirect stands before them.
    pub is_built: bool,
}

impl Line {
    /// A listener whose rules are about to be chosen from drafts.
    pub fn new(
        number: i32,
        port: &Port,
        default: (Vec<ListenerAction>, Option<usize>),
        drafts: &[Draft],
    ) -> Self {
        let seen = drafts.iter().map(|draft| Seen {
            member: draft.member,
            at: draft.at,
            rule: draft.rule.clone(),
            is_built: draft.at.is_none(),
        });
        Self { number, is_https: port.is_https(), default, seen: seen.collect() }
    }

    /// Notes which of them were chosen.
    pub fn note_built(&mut self, drafts: &[Draft]) {
        let built: BTreeSet<(usize, Place)> =
            drafts.iter().filter_map(|draft| Some((draft.member, draft.at?))).collect();
        for seen in &mut self.seen {
            seen.is_built |= seen.at.is_some_and(|at| built.contains(&(seen.member, at)));
        }
    }

    fn protocol(&self) -> &'static str {
        if self.is_https { "HTTPS" } else { "HTTP" }
    }
}

/// What becomes of a rule on one listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
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

/// What is to be told about the members' rules, by member.
pub(super) fn check(members: &[MemberView<'_>], lines: &[Line]) -> BTreeMap<usize, Vec<Finding>> {
    let mut fates: BTreeMap<(usize, Place), Vec<Fate>> = BTreeMap::new();
    let mut told: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    let circles = Circles::new(lines);
    for (at, line) in lines.iter().enumerate() {
        judge(members, line, |rule| circles.of_rule(at, rule), &mut fates);
        let owner = line.default.1.and_then(|owner| members.get(owner));
        if let (Some(member), Some(problem)) = (owner, circles.of_default(at)) {
            let finding = Finding::warning(&member.object, problem).at("spec.defaultBackend");
            told.entry(member.index).or_default().push(finding);
        }
    }
    for ((member, place), fates) in &fates {
        let problem = problem_of(fates).zip(members.get(*member));
        if let Some((problem, member)) = problem {
            let finding = Finding::warning(&member.object, problem).at(place.to_string());
            told.entry(member.index).or_default().push(finding);
        }
    }
    told.into_iter().map(|(member, findings)| (member, bounded(findings))).collect()
}

/// Notes the fate of each rule of a listener.
fn judge(
    members: &[MemberView<'_>],
    line: &Line,
    circle: impl Fn(usize) -> Option<String>,
    fates: &mut BTreeMap<(usize, Place), Vec<Fate>>,
) {
    let mut index = Index::default();
    for (place, seen) in line.seen.iter().enumerate() {
        let scope = Scope::of(&seen.rule.conditions);
        let hiders = index.hiders(&scope);
        let fate = match &hiders {
            Some(hiders) if hiders.iter().all(|hider| answers_alike(line, *hider, &seen.rule)) => {
                Fate::Repeated
            }
            Some(hiders) => Fate::Hidden(names(members, line, hiders, seen.member)),
            None if !seen.is_built => Fate::LeftOut,
            None => circle(place).map_or(Fate::Reached, Fate::Circular),
        };
        if hiders.is_none() && seen.is_built {
            index.add(place, &scope);
        }
        if let Some(at) = seen.at {
            fates.entry((seen.member, at)).or_default().push(fate);
        }
    }
}

fn answers_alike(line: &Line, hider: usize, rule: &Rule) -> bool {
    let hider = line.seen.get(hider).map(|seen| &seen.rule);
    hider.is_some_and(|hider| hider.actions == rule.actions && hider.transforms == rule.transforms)
}

/// The rules that stand before another one, as its owner may look them up.
fn names(members: &[MemberView<'_>], line: &Line, hiders: &BTreeSet<usize>, asking: usize) -> String {
    let name = |hider: &usize| {
        let seen = line.seen.get(*hider)?;
        let place = seen.at.map_or_else(|| "a live rule".to_owned(), |at| at.to_string());
        let owner = members.get(seen.member).filter(|_| seen.member != asking);
        Some(owner.map_or_else(|| place.clone(), |owner| format!("{place} of Ingress {}", owner.key)))
    };
    let named: Vec<String> = hiders.iter().filter_map(name).take(MAX_NAMED).collect();
    let more = if hiders.len() > MAX_NAMED { " and others" } else { "" };
    let verb = if hiders.len() > 1 { "stand" } else { "stands" };
    format!("{}{more} {verb} before it", named.join(", "))
}

/// What is wrong with a path, given what becomes of it on every listener.
fn problem_of(fates: &[Fate]) -> Option<String> {
    if let Some(circle) = fates.iter().find_map(|fate| match fate {
        Fate::Circular(circle) => Some(circle.clone()),
        _ => None,
    }) {
        return Some(circle);
    }
    if fates.iter().any(|fate| matches!(fate, Fate::Reached | Fate::Repeated)) {
        return None;
    }
    let hidden = fates.iter().find_map(|fate| match fate {
        Fate::Hidden(hiders) => Some(format!("never matches: {hiders}")),
        _ => None,
    });
    let left_out = || "redirects to itself on every listener, so no rule is made of it".to_owned();
    hidden.or_else(|| fates.contains(&Fate::LeftOut).then(left_out))
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

/// What to tell a member that has rules or a default backend, and yet none on any listener, because all its listeners redirect.
///
/// `ports`: the member's ports. `redirect`: where plain HTTP leads.
pub(super) fn unreached(member: &MemberView<'_>, ports: &BTreeSet<i32>, redirect: i32) -> Option<Finding> {
    let spec = member.spec?;
    let has_rules = spec.rules.iter().flatten().any(|rule| rule.http.is_some());
    if ports.is_empty() || (!has_rules && spec.default_backend.is_none()) {
        return None;
    }
    let ports: Vec<String> = ports.iter().map(i32::to_string).collect();
    let (noun, verb) = if ports.len() == 1 { ("port", "redirects") } else { ("ports", "redirect") };
    let problem = format!(
        "its rules are on no listener: {noun} {} {verb} to {redirect}, and the Ingress does not listen there",
        ports.join(", ")
    );
    let hint = format!("add {{\"HTTPS\": {redirect}}} to {}", member.annotations.key("listen-ports"));
    Some(Finding::warning(&member.object, problem).at("spec.rules").hint(hint))
}

#[cfg(test)]
mod tests;
