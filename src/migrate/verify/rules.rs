//! Whether two lists of rules answer every request in the same way.
//!
//! A rule is taken apart into atoms: one host, one path, and further conditions, all of which must be true of a request. Both lists end
//! with the default actions of their listener, so every request has an answer.
//!
//! An atom of today's list is answered as before if, going through the other list, every atom that may be true of one of its requests
//! either does the same, or is true only of requests that an earlier atom of today's list takes away, up to one that is true of all of
//! them. That is so for every request whose first atom today it is; if it holds for every atom, no request is answered differently.

use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use crate::builder::pattern::{contains, may_meet};
use crate::migrate::path::regex_of_pattern;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a host or path is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RequestPattern {
    /// Every text.
    Any,
    /// A text with `*` and `?`.
    Glob(String),
    /// A regular expression.
    Regex(String),
}

impl RequestPattern {
    /// Whether it is true of everything that another one is true of. Never yes where it is not so.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Glob(outer), Self::Glob(inner)) => contains(outer, inner),
            (one, other) => one == other,
        }
    }

    /// Whether both may be true of a text. Never no where they are.
    fn may_meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(one), Self::Glob(other)) => may_meet(one, other),
            _ => true,
        }
    }
}

impl fmt::Display for RequestPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Glob(text) => f.write_str(text),
            Self::Regex(text) => write!(f, "/{text}/"),
        }
    }
}

/// Some requests and their answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atom {
    pub host: RequestPattern,
    pub path: RequestPattern,
    /// Further conditions, all of which must be true.
    pub others: BTreeSet<String>,
    /// The method, if there is a condition on it.
    pub method: Option<String>,
    /// What is done.
    pub answer: String,
}

impl Atom {
    /// Every request.
    pub fn default(answer: String) -> Self {
        Self {
            host: RequestPattern::Any,
            path: RequestPattern::Any,
            others: BTreeSet::new(),
            method: None,
            answer,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host)
            && self.path.covers(&other.path)
            && self.others.is_subset(&other.others)
            && (self.method.is_none() || self.method == other.method)
    }

    fn may_meet(&self, other: &Self) -> bool {
        let methods_meet = match (&self.method, &other.method) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.host.may_meet(&other.host) && self.path.may_meet(&other.path) && methods_meet
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }
}

/// The requests, for people.
impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match &self.path {
            RequestPattern::Any => "/*".to_owned(),
            other => other.to_string(),
        };
        match &self.host {
            RequestPattern::Any => f.write_str(&path)?,
            host => write!(f, "{host}{path}")?,
        }
        if let Some(method) = &self.method {
            write!(f, ", method {method}")?;
        }
        self.others.iter().try_for_each(|other| write!(f, ", {other}"))
    }
}

/// The atoms of a rule.
pub(super) fn atoms(conditions: &[RuleCondition], answer: &str) -> Vec<Atom> {
    let mut atoms = vec![Atom::default(answer.to_owned())];
    for condition in conditions {
        atoms = match condition {
            RuleCondition::HostHeader(values) => {
                product(&atoms, &patterns(values, true), |atom, host| atom.host = host)
            }
            RuleCondition::PathPattern(values) => {
                product(&atoms, &patterns(values, false), |atom, path| atom.path = path)
            }
            RuleCondition::HttpRequestMethod(methods) => {
                product(&atoms, methods, |atom, method| atom.method = Some(method))
            }
            RuleCondition::QueryString(pairs) => {
                let texts: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("query {}={value}", key.as_deref().unwrap_or("*")))
                    .collect();
                product(&atoms, &texts, |atom, text| {
                    atom.others.insert(text);
                })
            }
            RuleCondition::HttpHeader { name, values } => {
                let text = header(name, values);
                product(&atoms, &[text], |atom, text| {
                    atom.others.insert(text);
                })
            }
            RuleCondition::SourceIp(ranges) => {
                let ranges: BTreeSet<&str> = ranges.iter().map(String::as_str).collect();
                let text = format!("from {}", ranges.into_iter().collect::<Vec<_>>().join(" or "));
                product(&atoms, &[text], |atom, text| {
                    atom.others.insert(text);
                })
            }
        };
    }
    atoms
}

/// A condition on a header, with values in quotes and regular expressions called so.
fn header(name: &str, values: &ValuesOrRegexes) -> String {
    let globs = values.values.iter().map(|value| format!("{value:?}"));
    let regexes = values.regexes.iter().map(|regex| format!("regex {regex:?}"));
    let texts: BTreeSet<String> = globs.chain(regexes).collect();
    format!("header {}: {}", name.to_lowercase(), texts.into_iter().collect::<Vec<_>>().join(" or "))
}

fn product<V: Clone>(atoms: &[Atom], values: &[V], set: impl Fn(&mut Atom, V)) -> Vec<Atom> {
    let with = |atom: &Atom| {
        let all = values.iter().map(|value| {
            let mut atom = atom.clone();
            set(&mut atom, value.clone());
            atom
        });
        all.collect::<Vec<_>>()
    };
    atoms.iter().flat_map(with).collect()
}

fn patterns(values: &ValuesOrRegexes, is_host: bool) -> Vec<RequestPattern> {
    let glob = |text: &String| match text.as_str() {
        "*" => RequestPattern::Any,
        "/*" if !is_host => RequestPattern::Any,
        text if is_host => RequestPattern::Glob(text.to_lowercase()),
        text => RequestPattern::Glob(text.to_owned()),
    };
    let regex = |text: &String| match text.as_str() {
        // why: every path begins with a slash
        "^/.*" | ".*" | "^/" if !is_host => RequestPattern::Any,
        // why: the path / is an empty regular expression for an Ingress, which takes the first slash away
        "" if !is_host => RequestPattern::Regex("/".to_owned()),
        text => RequestPattern::Regex(text.to_owned()),
    };
    values.values.iter().map(glob).chain(values.regexes.iter().map(regex)).collect()
}

/// Regular expressions that stand for patterns of the other list become these patterns.
pub(super) fn name_alike(today: &[Atom], generated: &mut [Atom]) {
    let mut known: BTreeMap<String, RequestPattern> = BTreeMap::new();
    for atom in today {
        if let RequestPattern::Glob(text) = &atom.path {
            known.insert(format!("^{}$", regex_of_pattern(text)), atom.path.clone());
        }
    }
    for atom in generated {
        if let RequestPattern::Regex(text) = &atom.path
            && let Some(pattern) = known.get(text)
        {
            atom.path = pattern.clone();
        }
    }
}

/// Requests that are answered differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AnswerChange {
    pub requests: Atom,
    pub before: String,
    pub after: String,
    pub reason: String,
}

/// What two lists differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The first [`MOST_CHANGES`], each once.
    pub found: Vec<AnswerChange>,
    /// Whether there are more of them.
    pub has_more: bool,
}

/// How many changes of a listener are listed: more than anybody reads.
pub(super) const MOST_CHANGES: usize = 200;
/// How often two atoms are looked at side by side at most. Above that, lists are not compared.
const MOST_COMPARISONS: usize = 40_000_000;

/// For each atom, the place of the first of today's atoms that is true of all its requests.
fn first_covers(today: &[Atom], atoms: &[Atom]) -> Vec<Option<usize>> {
    atoms.iter().map(|atom| today.iter().position(|earlier| earlier.covers(atom))).collect()
}

/// Where two lists that each end with every request answer differently; `None`: they are too long to be compared.
pub(super) fn changes(today: &[Atom], generated: &[Atom]) -> Option<Changes> {
    let comparisons =
        generated.len().saturating_mul(2).saturating_add(today.len()).saturating_mul(today.len());
    if comparisons > MOST_COMPARISONS {
        return None;
    }
    let (covers_of_today, covers) = (first_covers(today, today), first_covers(today, generated));
    let is_before = |cover: &Option<usize>, at: usize| cover.is_some_and(|place| place < at);
    let (mut changes, mut known) = (Changes::default(), BTreeSet::new());
    for (at, (atom, cover)) in today.iter().zip(&covers_of_today).enumerate() {
        if is_before(cover, at) {
            continue;
        }
        for (other, cover) in generated.iter().zip(&covers) {
            if !other.may_meet(atom) {
                continue;
            }
            let is_other = other.answer != atom.answer && !is_before(cover, at);
            if is_other && known.insert((narrower(atom, other), &atom.answer, &other.answer)) {
                if changes.found.len() == MOST_CHANGES {
                    return Some(Changes { has_more: true, ..changes });
                }
                changes.found.push(describe(atom, other, today, generated));
            }
            if other.covers(atom) {
                break;
            }
        }
    }
    Some(changes)
}

/// Which of two atoms is true of fewer requests.
fn narrower<'a>(atom: &'a Atom, other: &'a Atom) -> &'a Atom {
    if atom.covers(other) { other } else { atom }
}

fn describe(atom: &Atom, other: &Atom, today: &[Atom], generated: &[Atom]) -> AnswerChange {
    let is_in = |list: &[Atom], wanted: &Atom| {
        list.iter().any(|found| found.is_about_the_same(wanted) && found.answer == wanted.answer)
    };
    let requests = narrower(atom, other).clone();
    let reason = if is_in(today, other) && is_in(generated, atom) {
        format!("order differs because Gateway API puts {other} before {atom}")
    } else if !is_in(generated, atom) {
        "the rule has no equivalent among the generated ones".to_owned()
    } else {
        format!("the generated rule for {other} is true of more requests than the one that it is for")
    };
    AnswerChange { requests, before: atom.answer.clone(), after: other.answer.clone(), reason }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn atom(host: &str, path: &str, answer: &str) -> Atom {
        let values = |text: &str| ValuesOrRegexes { values: vec![text.to_owned()], regexes: Vec::new() };
        let conditions = [RuleCondition::HostHeader(values(host)), RuleCondition::PathPattern(values(path))];
        atoms(&conditions, answer).remove(0)
    }

    fn list(rules: &[(&str, &str, &str)]) -> Vec<Atom> {
        let mut all: Vec<Atom> = rules.iter().map(|(host, path, answer)| atom(host, path, answer)).collect();
        all.push(Atom::default("404".to_owned()));
        all
    }

    #[test]
    fn what_is_answered_in_the_same_way_has_no_changes() {
        let cases = [
            (list(&[("a", "/x", "1"), ("b", "/x", "2")]), list(&[("b", "/x", "2"), ("a", "/x", "1")])),
            (list(&[("*", "/x", "1"), ("*", "/x/*", "1")]), list(&[("*", "/x/*", "1"), ("*", "/x", "1")])),
            (list(&[("*", "/x/*", "1"), ("*", "/*", "1")]), list(&[("*", "/*", "1")])),
            (list(&[("*", "/*", "1"), ("*", "/x", "2")]), list(&[("*", "/*", "1")])),
        ];
        for (today, generated) in cases {
            assert_eq!(changes(&today, &generated).unwrap(), Changes::default(), "{today:?} {generated:?}");
        }
    }

    #[test]
    fn changes_are_told_with_their_reason() {
        let cases = [
            (
                list(&[("*", "/*", "1"), ("*", "/x", "2")]),
                list(&[("*", "/x", "2"), ("*", "/*", "1")]),
                "order differs",
            ),
            (list(&[("a", "/x", "1")]), list(&[]), "no equivalent"),
            (list(&[("*", "/x/*", "1")]), list(&[("*", "/x", "1"), ("*", "/x/*", "1")]), "more requests"),
            (
                list(&[("a", "/x", "1"), ("b", "/y", "2")]),
                list(&[("a", "/x", "1"), ("a", "/y", "2"), ("b", "/y", "2")]),
                "more requests",
            ),
        ];
        for (today, generated, reason) in cases {
            let found = changes(&today, &generated).unwrap().found;
            assert!(found.iter().any(|change| change.reason.contains(reason)), "{found:?} lacks {reason}");
        }
    }

    #[test]
    fn no_more_changes_are_listed_than_anybody_reads() {
        let paths: Vec<String> = (0..1000).map(|at| format!("/p{at}")).collect();
        let rules: Vec<(&str, &str, &str)> = paths.iter().map(|path| ("*", path.as_str(), "1")).collect();
        let found = changes(&list(&rules), &list(&[])).unwrap();
        assert_eq!((found.found.len(), found.has_more), (MOST_CHANGES, true));
        let few = changes(&list(&rules[..MOST_CHANGES]), &list(&[])).unwrap();
        assert_eq!((few.found.len(), few.has_more), (MOST_CHANGES, false));
        assert_eq!(changes(&vec![atom("*", "/x", "1"); 7000], &list(&[])), None);
    }

    #[test]
    fn a_header_value_and_a_regular_expression_of_the_same_letters_are_told_apart() {
        let of = |values: &[&str], regexes: &[&str]| {
            let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let values = ValuesOrRegexes { values: own(values), regexes: own(regexes) };
            atoms(&[RuleCondition::HttpHeader { name: "X".to_owned(), values }], "").remove(0).others
        };
        assert_ne!(of(&["a"], &[]), of(&[], &["a"]));
        assert_ne!(of(&["a or b"], &[]), of(&["a", "b"], &[]));
        assert_eq!(of(&["b", "a"], &[]), of(&["a", "b"], &[]));
    }

    fn answer<'a>(list: &'a [Atom], host: &str, path: &str) -> &'a str {
        let is_true = |pattern: &RequestPattern, text: &str| match pattern {
            RequestPattern::Any => true,
            RequestPattern::Glob(glob) => contains(glob, text),
            RequestPattern::Regex(_) => false,
        };
        let first = list.iter().find(|atom| is_true(&atom.host, host) && is_true(&atom.path, path));
        first.map_or("none", |atom| atom.answer.as_str())
    }

    fn some_list() -> impl Strategy<Value = Vec<Atom>> {
        let rule = ("(a|b|\\*|\\*.a)", "/(\\*|x|x/\\*|\\?|y\\*)", "[123]");
        prop::collection::vec(rule, 0..6).prop_map(|rules| {
            let rules: Vec<(&str, &str, &str)> = rules
                .iter()
                .map(|(host, path, answer)| (host.as_str(), path.as_str(), answer.as_str()))
                .collect();
            list(&rules)
        })
    }

    proptest! {
        /// Where no change is told, every request has the same answer.
        #[test]
        fn equality_is_never_claimed_falsely(today in some_list(), generated in some_list()) {
            if changes(&today, &generated).unwrap().found.is_empty() {
                for host in ["a", "b", "c.a", "d"] {
                    for path in ["/", "/x", "/x/", "/x/z", "/y", "/yy", "/z"] {
                        prop_assert_eq!(answer(&today, host, path), answer(&generated, host, path), "{} {}", host, path);
                    }
                }
            }
        }

        /// A list is the same as itself.
        #[test]
        fn a_list_is_equal_to_itself(today in some_list()) {
            prop_assert_eq!(changes(&today, &today).unwrap(), Changes::default());
        }
    }
}
