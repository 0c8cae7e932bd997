//! Annotation keys: misspelt, misplaced, deprecated. Never a reason to refuse: other programs have annotations too.

use crate::annotations::table::{self, IN_TREE, Row};
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::finding::{Finding, ObjectRef, nearest};
use std::collections::BTreeMap;

/// How far a prefix may be from ours to count as misspelt.
const NEAR_PREFIX: usize = 3;
/// How far a key that may be another cloud provider's may be from ours to count as misspelt.
const NEAR_FOREIGN: usize = 2;

/// Doubts about the annotation keys of an object.
pub fn check(object: &ObjectRef, annotations: Option<&BTreeMap<String, String>>) -> Vec<Finding> {
    let doubts = annotations.into_iter().flatten().filter_map(|(key, _)| {
        let (problem, hint) = doubt(object.kind, key)?;
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
        return key.contains("/aws-") || table::find(key).is_some() || doubt("Service", key).is_some();
    }
    prefix == ALB_PREFIX || doubt("Service", key).or_else(|| doubt("Ingress", key)).is_some()
}

type Doubt = (String, Option<String>);

fn doubt(kind: &str, key: &str) -> Option<Doubt> {
    let (prefix, suffix) = key.split_once('/')?;
    if let Some(row) = table::find(key) {
        return doubt_known(kind, row);
    }
    if !table::is_our_prefix(prefix) {
        return doubt_prefix(kind, prefix, suffix);
    }
    if let Some((_, instead)) = IN_TREE.iter().find(|(known, _)| *known == suffix && prefix == NLB_PREFIX) {
        let hint = (!instead.is_empty()).then(|| format!("use {instead}"));
        return Some(("has no effect: only the in-tree cloud provider reads it".to_owned(), hint));
    }
    doubt_unknown(kind, prefix, suffix)
}

fn doubt_known(kind: &str, row: &Row) -> Option<Doubt> {
    if !row.is_read_from(kind) {
        let kinds = row.on.join(" or ");
        let article = if kinds.starts_with('I') { "an" } else { "a" };
        return Some((format!("has no effect: it is read from {article} {kinds}, not from a {kind}"), None));
    }
    let instead = row.instead?;
    Some(("is deprecated".to_owned(), Some(format!("use {instead}"))))
}

/// A key that is right but for its prefix.
fn doubt_prefix(kind: &str, prefix: &str, suffix: &str) -> Option<Doubt> {
    let meant = [ALB_PREFIX, NLB_PREFIX].into_iter().find(|ours| {
        let is_near = strsim::damerau_levenshtein(prefix, ours) <= NEAR_PREFIX;
        // why: words like `scheme` mean something to others, these do not
        is_near || (*ours == NLB_PREFIX && suffix.starts_with("aws-load-balancer-"))
    })?;
    let right = format!("{meant}/{suffix}");
    let is_known = table::find(&right).is_some_and(|row| row.is_read_from(kind));
    is_known.then(|| {
        ("has no effect: its prefix is not one of ours".to_owned(), Some(format!("did you mean `{right}`?")))
    })
}

fn doubt_unknown(kind: &str, prefix: &str, suffix: &str) -> Option<Doubt> {
    let right = nearest_suffix(kind, prefix, suffix);
    // why: cloud providers share the prefix of Service annotations; their keys resemble each other
    let is_others = prefix == NLB_PREFIX && !suffix.starts_with("aws-");
    let is_near = |right: &String| strsim::damerau_levenshtein(suffix, right) <= NEAR_FOREIGN;
    if is_others && !right.as_ref().is_some_and(is_near) {
        return None;
    }
    let hint = right.map(|right| format!("did you mean `{prefix}/{right}`?"));
    Some(("is not a known annotation and has no effect".to_owned(), hint))
}

/// The suffix that was probably meant. What follows the dot of a family is kept.
fn nearest_suffix(kind: &str, prefix: &str, suffix: &str) -> Option<String> {
    let rows = || table::rows().filter(|row| row.prefix == prefix && row.is_read_from(kind));
    let exact =
        rows().filter(|row| matches!(row.suffix, table::Suffix::Exact(_))).map(|row| row.suffix.stem());
    let whole = nearest(suffix, exact).map(str::to_owned);
    let by_stem = suffix.split_once('.').and_then(|(stem, rest)| {
        let stems = rows()
            .filter(|row| matches!(row.suffix, table::Suffix::Family { .. }))
            .map(|row| row.suffix.stem());
        Some(format!("{}.{rest}", nearest(stem, stems)?))
    });
    let distance = |right: &String| strsim::damerau_levenshtein(suffix, right);
    whole.into_iter().chain(by_stem).min_by_key(distance)
}

#[cfg(test)]
mod tests;
