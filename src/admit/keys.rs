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

/// Doubts about the annotation keys of an object.
pub fn check(object: &ObjectRef, annotations: Option<&BTreeMap<String, String>>) -> Vec<Finding> {
    let doubts = annotations.into_iter().flatten().filter_map(|(key, value)| {
        let (problem, hint) = doubt(object.kind, key, value)?;
        let finding = Finding::warning(object, problem).at(key);
        Some(match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        })
    });
    doubts.collect()
}

/// Whether a key is ours, or is meant to be.
pub fn concerns_us(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    // why: cloud providers share the prefix of Service annotations
    if prefix == NLB_PREFIX {
        return key.contains("/aws-") || table::find(key).is_some() || doubt("Service", key, "").is_some();
    }
    prefix == ALB_PREFIX || doubt("Service", key, "").or_else(|| doubt("Ingress", key, "")).is_some()
}

type Doubt = (String, Option<String>);

fn doubt(kind: &str, key: &str, value: &str) -> Option<Doubt> {
    let (prefix, suffix) = key.split_once('/')?;
    if let Some(row) = table::find(key) {
        return doubt_known(kind, row, suffix);
    }
    if !table::is_our_prefix(prefix) {
        return doubt_prefix(kind, prefix, suffix);
    }
    if let Some((_, instead)) = IN_TREE.iter().find(|(known, _)| *known == suffix && prefix == NLB_PREFIX) {
        let hint = (!instead.is_empty()).then(|| format!("use {instead}"));
        return Some(("has no effect: only the in-tree cloud provider reads it".to_owned(), hint));
    }
    doubt_unknown(kind, prefix, suffix, value)
}

fn doubt_known(kind: &str, row: &Row, suffix: &str) -> Option<Doubt> {
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
fn doubt_prefix(kind: &str, prefix: &str, suffix: &str) -> Option<Doubt> {
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

fn doubt_unknown(kind: &str, prefix: &str, suffix: &str, value: &str) -> Option<Doubt> {
    let meant = likely_keys(kind, prefix, suffix, value);
    // why: cloud providers share the prefix of Service annotations; their keys resemble each other
    let is_others = prefix == NLB_PREFIX && !suffix.starts_with("aws-");
    if is_others && !meant.iter().any(|right| is_ours_for_sure(suffix, right)) {
        return None;
    }
    let keys: Vec<&str> = meant.iter().map(String::as_str).collect();
    Some(("is not a known annotation and has no effect".to_owned(), did_you_mean(&keys)))
}

/// Whether a suffix that does not begin as ours do can only be meant to be this key: few letters are wrong, just the
/// beginning is missing, or only what separates the words differs.
fn is_ours_for_sure(suffix: &str, right: &str) -> bool {
    let right = right.split_once('/').map_or(right, |(_, right)| right);
    is_near(suffix, right, NEAR_FOREIGN)
        || right.strip_prefix(NLB_STEM) == Some(suffix)
        || letters(suffix).eq(letters(right))
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
