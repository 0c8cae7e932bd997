//! Annotation keys: misspelt, misplaced, deprecated. Never a reason to refuse: other programs have annotations too.

use crate::annotations::table::{self, FILLERS, IN_TREE, Row};
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::finding::{Finding, ObjectRef, did_you_mean, likely};
use std::collections::BTreeMap;

/// How most suffixes of Service annotations begin.
const NLB_STEM: &str = "aws-load-balancer-";
/// How far a prefix may be from ours to count as misspelt.
const NEAR_PREFIX: usize = 3;
/// How far a key that may be another cloud provider's may be from ours to count as misspelt.
const NEAR_FOREIGN: usize = 2;

/// Unknown keys of an object for which the likely ones are looked up. Far fewer are shown.
const HINTED: usize = 100;

/// Whether to look up which key was probably meant, which takes a comparison with every key there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hints {
    Wanted,
    Unwanted,
}

/// Warnings about the annotation keys of an object.
pub fn check(object: &ObjectRef, annotations: Option<&BTreeMap<String, String>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, value) in annotations.into_iter().flatten() {
        let hints = if findings.len() < HINTED { Hints::Wanted } else { Hints::Unwanted };
        if let Some((problem, hint)) = key_warning(object.kind, key, value, hints) {
            let finding = Finding::warning(object, problem).at(key);
            findings.push(match hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
        }
    }
    findings
}

/// Whether a key is ours, or is meant to be.
pub fn concerns_us(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    // why: cloud providers share the prefix of Service annotations
    if prefix == NLB_PREFIX {
        return key.contains("/aws-") || table::find(key).is_some() || has_warning("Service", key);
    }
    prefix == ALB_PREFIX || has_warning("Service", key) || has_warning("Ingress", key)
}

type KeyWarning = (String, Option<String>);

fn has_warning(kind: &str, key: &str) -> bool {
    key_warning(kind, key, "", Hints::Unwanted).is_some()
}

fn key_warning(kind: &str, key: &str, value: &str, hints: Hints) -> Option<KeyWarning> {
    let (prefix, suffix) = key.split_once('/')?;
    if let Some(row) = table::find(key) {
        return warn_of_known_key(kind, row, suffix);
    }
    if !table::is_our_prefix(prefix) {
        return warn_of_prefix(kind, prefix, suffix);
    }
    if let Some((_, instead)) = IN_TREE.iter().find(|(known, _)| *known == suffix && prefix == NLB_PREFIX) {
        let hint = (!instead.is_empty()).then(|| format!("use {instead}"));
        return Some(("has no effect: only the in-tree cloud provider reads it".to_owned(), hint));
    }
    // why: cloud providers share the prefix of Service annotations; their keys resemble each other
    let is_others = prefix == NLB_PREFIX && !suffix.starts_with("aws-");
    if is_others && !resembles_ours(kind, prefix, suffix) {
        return None;
    }
    let meant = if hints == Hints::Wanted { likely_keys(kind, prefix, suffix, value) } else { Vec::new() };
    let keys: Vec<&str> = meant.iter().map(String::as_str).collect();
    Some(("is not a known annotation and has no effect".to_owned(), did_you_mean(&keys)))
}

fn warn_of_known_key(kind: &str, row: &Row, suffix: &str) -> Option<KeyWarning> {
    if !row.is_read_from(kind) {
        let kinds = row.on.join(" or ");
        let article = if kinds.starts_with('I') { "an" } else { "a" };
        let problem = format!("has no effect: it is read from {article} {kinds}, not from a {kind}");
        return Some((problem, counterpart(kind, suffix).map(|right| format!("use {right}"))));
    }
    let instead = row.instead?;
    Some(("is deprecated".to_owned(), Some(format!("use {instead}"))))
}

/// What the same setting is called on another kind of object.
fn counterpart(kind: &str, suffix: &str) -> Option<String> {
    let prefix = own_prefix(kind)?;
    let says = |word: &&str| !FILLERS.contains(word);
    let words = |text: &str| text.split(['-', '.']).filter(says).map(str::to_owned).collect::<Vec<_>>();
    let meant = words(suffix);
    let mut rows = table::rows().filter(|row| row.prefix == prefix && row.is_read_from(kind));
    rows.find(|row| words(row.suffix.stem()) == meant).map(Row::key)
}

/// The prefix of the settings that a kind of objects is built by.
fn own_prefix(kind: &str) -> Option<&'static str> {
    match kind {
        "Service" => Some(NLB_PREFIX),
        "Ingress" => Some(ALB_PREFIX),
        _ => None,
    }
}

/// A key that is right but for its prefix.
fn warn_of_prefix(kind: &str, prefix: &str, suffix: &str) -> Option<KeyWarning> {
    let meant = [ALB_PREFIX, NLB_PREFIX].into_iter().find(|ours| {
        // why: words like `scheme` mean something to others, these do not
        is_near(prefix, ours, NEAR_PREFIX) || (*ours == NLB_PREFIX && suffix.starts_with(NLB_STEM))
    })?;
    let right = format!("{meant}/{suffix}");
    let is_known = table::find(&right).is_some_and(|row| row.is_read_from(kind));
    is_known.then(|| {
        ("has no effect: its prefix is not one of ours".to_owned(), Some(format!("did you mean `{right}`?")))
    })
}

/// Whether a suffix that does not begin as ours do can only be meant to be one of ours: few letters are wrong, just the
/// beginning is missing, or only what separates the words differs.
fn resembles_ours(kind: &str, prefix: &str, suffix: &str) -> bool {
    let mut rows = table::rows().filter(|row| row.prefix == prefix && row.is_read_from(kind));
    rows.any(|row| match (row.suffix, suffix.split_once('.')) {
        (table::Suffix::Exact(right), _) => is_meant(suffix, right),
        (table::Suffix::Family { stem: right, .. }, Some((stem, _))) => is_meant(stem, right),
        (table::Suffix::Family { .. }, None) => false,
    })
}

fn is_meant(given: &str, right: &str) -> bool {
    is_near(given, right, NEAR_FOREIGN)
        || right.strip_prefix(NLB_STEM) == Some(given)
        || letters(given).eq(letters(right))
}

/// The letters and digits of a key, without what separates its words.
fn letters(key: &str) -> impl Iterator<Item = char> {
    key.chars().filter(|letter| letter.is_alphanumeric())
}

/// Whether what stands before the dot can be the whole beginning of a family. why: else the dot stands for a hyphen
fn is_whole_stem(given: &str, right: &str) -> bool {
    given.contains('-') || !right.contains('-') || given.len() + NEAR_PREFIX >= right.len()
}

/// Whether at most so many letters are wrong.
fn is_near(given: &str, right: &str, most: usize) -> bool {
    given.len().abs_diff(right.len()) <= most && strsim::damerau_levenshtein(given, right) <= most
}

/// The keys that were probably meant. What follows the dot of a family is kept.
///
/// Of two that are as likely, the one counts that would take the value.
fn likely_keys(kind: &str, prefix: &str, suffix: &str, value: &str) -> Vec<String> {
    let rows = || table::rows().filter(|row| row.prefix == prefix && row.is_read_from(kind));
    let is_exact = |row: &&Row| matches!(row.suffix, table::Suffix::Exact(_));
    let stems = rows().filter(|row| !is_exact(row)).map(|row| row.suffix.stem());
    let of_family = suffix.split_once('.').map(|(stem, rest)| {
        let mut stems = likely(stem, stems, FILLERS);
        stems.retain(|right| is_whole_stem(stem, right));
        (stems, rest)
    });
    let keys: Vec<String> = match of_family {
        Some((stems, rest)) if !stems.is_empty() => {
            stems.into_iter().map(|right| format!("{prefix}/{right}.{rest}")).collect()
        }
        _ => {
            let whole = likely(suffix, rows().filter(is_exact).map(|row| row.suffix.stem()), FILLERS);
            whole.into_iter().map(|right| format!("{prefix}/{right}")).collect()
        }
    };
    let takes_value =
        |key: &&String| table::find(key).is_some_and(|row| row.value.check(key, value).is_empty());
    let fitting: Vec<String> = keys.iter().filter(takes_value).cloned().collect();
    if fitting.len() == 1 && keys.len() == 2 { fitting } else { keys }
}

#[cfg(test)]
mod tests;
