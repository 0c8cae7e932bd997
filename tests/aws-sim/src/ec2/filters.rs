//! Filters of describe calls: what a resource shows, and whether it matches.

use crate::refusal::{CallResult, ensure, refuse};
use aws_load_balancer_controller::aws_api::{Tags, ec2::Filter};

/// What a resource shows to filters.
pub(crate) trait Filtered {
    /// Values under a filter name; `None`: there is no such filter.
    fn values(&self, name: &str) -> Option<Vec<String>>;

    /// Tags.
    fn tags(&self) -> &Tags;
}

/// Whether a resource matches all filters.
pub(crate) fn matches(resource: &impl Filtered, filters: &[Filter]) -> CallResult<bool> {
    for filter in filters {
        let shown = shown(resource, &filter.name)?;
        if !filter.values.iter().any(|wanted| shown.iter().any(|value| wildcard(wanted, value))) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn shown(resource: &impl Filtered, name: &str) -> CallResult<Vec<String>> {
    if let Some(key) = name.strip_prefix("tag:") {
        return Ok(resource.tags().get(key).cloned().into_iter().collect());
    }
    if name == "tag-key" {
        return Ok(resource.tags().keys().cloned().collect());
    }
    resource
        .values(name)
        .ok_or_else(|| refuse("InvalidParameterValue", format!("The filter '{name}' is invalid")))
}

/// Whether text matches a pattern of `*` (any text) and `?` (any character).
fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return same_length(pattern, text) };
    let Some((prefix, rest)) = split_after(text, head.chars().count()) else { return false };
    if !same_length(head, prefix) {
        return false;
    }
    let mut starts = rest.char_indices().map(|(at, _)| at).chain(std::iter::once(rest.len()));
    starts.any(|at| rest.get(at..).is_some_and(|rest| wildcard(tail, rest)))
}

fn same_length(pattern: &str, text: &str) -> bool {
    pattern.chars().count() == text.chars().count()
        && pattern.chars().zip(text.chars()).all(|(p, t)| p == '?' || p == t)
}

fn split_after(text: &str, count: usize) -> Option<(&str, &str)> {
    let at = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).nth(count)?;
    text.split_at_checked(at)
}

/// Checks that filters are well formed, also where no resource is there to match.
pub(crate) fn check(filters: &[Filter]) -> CallResult<()> {
    for filter in filters {
        ensure(!filter.values.is_empty(), || {
            refuse("InvalidParameterValue", format!("The filter '{}' has no values", filter.name))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
