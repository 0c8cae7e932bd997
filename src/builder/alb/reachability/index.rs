//! Which earlier rule matches all that another one does: near-linear in the number of rules.

use super::pattern::{PatternForm, contains};
use crate::annotations::value::MAX_VALUE;
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use std::collections::{BTreeMap, BTreeSet};

/// Combinations of host and path of one rule that are looked at; AWS takes five values.
const MAX_PAIRS: usize = 16;
/// Patterns of unusual form that are compared one by one; those beyond hide nothing.
const MAX_OTHERS: usize = 64;
/// Conditions besides host and path whose subsets are looked up.
const MAX_REST: usize = 4;

/// A host and a path, as patterns: one of the combinations that a rule matches.
pub type Pair = (String, String);

/// What a rule matches, put apart for look-ups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatch {
    /// Combinations of host and path, one of which must fit. `*` where the rule does not ask. None: there are more or longer
    /// ones than AWS takes, and the rule is not compared.
    pub pairs: Vec<Pair>,
    /// What else must hold, in one spelling and order.
    pub rest: Vec<String>,
}

impl RuleMatch {
    /// What conditions match.
    pub fn of(conditions: &[RuleCondition]) -> Self {
        let (mut hosts, mut paths, mut rest) = (None, None, BTreeSet::new());
        for condition in conditions {
            match condition {
                RuleCondition::HostHeader(values) if values.regexes.is_empty() && hosts.is_none() => {
                    hosts = Some(lower(values));
                }
                RuleCondition::PathPattern(values) if values.regexes.is_empty() && paths.is_none() => {
                    paths = Some(values.values.iter().map(|path| whole(path)).collect());
                }
                other => drop(rest.insert(format!("{other:?}"))),
            }
        }
        let any = || vec!["*".to_owned()];
        let (hosts, paths): (Vec<String>, Vec<String>) =
            (hosts.unwrap_or_else(any), paths.unwrap_or_else(any));
        let rest = rest.into_iter().collect();
        let is_long = |value: &String| value.chars().count() > MAX_VALUE;
        if hosts.len().saturating_mul(paths.len()) > MAX_PAIRS || hosts.iter().chain(&paths).any(is_long) {
            return Self { pairs: Vec::new(), rest };
        }
        let pairs = hosts.iter().flat_map(|host| paths.iter().map(|path| (host.clone(), path.clone())));
        Self { pairs: pairs.collect(), rest }
    }

    /// Sets of conditions that hold whenever the rule's do.
    fn implied(&self) -> Vec<String> {
        if self.rest.len() > MAX_REST {
            return vec![String::new(), self.rest.join("\n")];
        }
        let all = 1_u32 << self.rest.len();
        let chosen = |set: u32| {
            let rest = self.rest.iter().enumerate().filter(move |(at, _)| set & (1 << at) != 0);
            rest.map(|(_, condition)| condition.as_str()).collect::<Vec<_>>().join("\n")
        };
        (0..all).map(chosen).collect()
    }
}

/// why: hosts are compared without regard to case, paths with it
fn lower(values: &ValuesOrRegexes) -> Vec<String> {
    values.values.iter().map(|host| host.to_lowercase()).collect()
}

/// why: every path begins with a slash
fn whole(path: &str) -> String {
    if path == "/*" { "*".to_owned() } else { path.to_owned() }
}

/// The rules so far, by what they match. A rule is named by its place in the listener's order.
#[derive(Debug, Default)]
pub struct Index(BTreeMap<String, PatternMap<PatternMap<Option<usize>>>>);

impl Index {
    /// Adds a rule behind the others.
    pub fn add(&mut self, rule: usize, scope: &RuleMatch) {
        let hosts = self.0.entry(scope.rest.join("\n")).or_default();
        for (host, path) in &scope.pairs {
            let slot = hosts.slot(host).and_then(|paths| paths.slot(path));
            if let Some(slot) = slot {
                slot.get_or_insert(rule);
            }
        }
    }

    /// The rules that match together all that a rule matches; `None`: something is left for it.
    pub fn hiders(&self, scope: &RuleMatch) -> Option<BTreeSet<usize>> {
        let implied = scope.implied();
        let hider = |(host, path): &Pair| {
            let sets = implied.iter().filter_map(|rest| self.0.get(rest));
            let paths = sets.flat_map(|hosts| hosts.containing(host));
            paths.flat_map(|paths| paths.containing(path)).filter_map(|rule| *rule).min()
        };
        let hiders: Option<BTreeSet<usize>> = scope.pairs.iter().map(hider).collect();
        hiders.filter(|hiders| !hiders.is_empty())
    }
}

/// Things by pattern.
#[derive(Debug)]
struct PatternMap<T> {
    any: Option<T>,
    plain: BTreeMap<String, T>,
    prefixes: BTreeMap<String, T>,
    prefix_lengths: BTreeSet<usize>,
    suffixes: BTreeMap<String, T>,
    suffix_lengths: BTreeSet<usize>,
    others: Vec<(String, T)>,
}

impl<T> Default for PatternMap<T> {
    fn default() -> Self {
        Self {
            any: None,
            plain: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            prefix_lengths: BTreeSet::new(),
            suffixes: BTreeMap::new(),
            suffix_lengths: BTreeSet::new(),
            others: Vec::new(),
        }
    }
}

impl<T: Default> PatternMap<T> {
    /// The thing of a pattern; `None`: there are too many patterns of unusual form.
    fn slot(&mut self, pattern: &str) -> Option<&mut T> {
        Some(match PatternForm::of(pattern) {
            PatternForm::Any => self.any.get_or_insert_default(),
            PatternForm::Plain(text) => self.plain.entry(text.to_owned()).or_default(),
            PatternForm::Prefix(stem) => {
                self.prefix_lengths.insert(stem.len());
                self.prefixes.entry(stem.to_owned()).or_default()
            }
            PatternForm::Suffix(stem) => {
                self.suffix_lengths.insert(stem.len());
                self.suffixes.entry(stem.to_owned()).or_default()
            }
            PatternForm::Other(pattern) => {
                let known = self.others.iter().position(|(other, _)| other == pattern);
                let at = known.unwrap_or(self.others.len());
                if at == self.others.len() && at < MAX_OTHERS {
                    self.others.push((pattern.to_owned(), T::default()));
                }
                return self.others.get_mut(at).map(|(_, thing)| thing);
            }
        })
    }

    /// The things of all patterns that contain this one.
    fn containing(&self, pattern: &str) -> Vec<&T> {
        let wildcard = |c: char| matches!(c, '*' | '?');
        let head = pattern.split(wildcard).next().unwrap_or_default();
        let tail = pattern.rsplit(wildcard).next().unwrap_or_default();
        let mut found: Vec<&T> = self.any.iter().collect();
        if head == pattern {
            found.extend(self.plain.get(pattern));
        }
        let prefixes = self.prefix_lengths.range(..=head.len()).filter_map(|length| head.get(..*length));
        found.extend(prefixes.filter_map(|stem| self.prefixes.get(stem)));
        let suffixes = self.suffix_lengths.range(..=tail.len());
        let suffixes = suffixes.filter_map(|length| tail.get(tail.len() - length..));
        found.extend(suffixes.filter_map(|stem| self.suffixes.get(stem)));
        let others = self.others.iter().filter(|(other, _)| contains(other, pattern));
        found.extend(others.map(|(_, thing)| thing));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(host: &str, path: &str) -> RuleMatch {
        RuleMatch { pairs: vec![(host.to_owned(), path.to_owned())], rest: Vec::new() }
    }

    proptest! {
        /// What the index finds is what comparing all pairs finds.
        #[test]
        fn the_index_finds_what_comparing_finds(
            rules in proptest::collection::vec(("[ab*]{1,3}", "[ab*?]{1,4}"), 1..12),
            asked in ("[ab*]{1,3}", "[ab*?]{1,4}"),
        ) {
            let mut index = Index::default();
            for (at, (host, path)) in rules.iter().enumerate() {
                index.add(at, &scope(host, path));
            }
            let hides = |(host, path): &(String, String)| contains(host, &asked.0) && contains(path, &asked.1);
            let expected = rules.iter().any(hides);
            prop_assert_eq!(index.hiders(&scope(&asked.0, &asked.1)).is_some(), expected, "{:?}", rules);
        }
    }

    #[test]
    fn a_rule_with_fewer_conditions_hides_one_with_more() {
        let with = |rest: &[&str]| RuleMatch {
            pairs: vec![("*".to_owned(), "/a".to_owned())],
            rest: rest.iter().map(|text| (*text).to_owned()).collect(),
        };
        let mut index = Index::default();
        index.add(0, &with(&["b"]));
        assert!(index.hiders(&with(&["a"])).is_none());
        assert_eq!(index.hiders(&with(&["a", "b"])), Some(BTreeSet::from([0])));
    }
}
