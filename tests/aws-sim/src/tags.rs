//! Rules for tags.
//! Source: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use crate::refusal::{CallResult, Refusal, ensure};
use aws_load_balancer_controller::aws_api::Tags;

/// Most tags that a resource can have.
pub(crate) const MOST: usize = 50;

/// Checks tags that are added to those a resource has.
pub(crate) fn check(
    new: &Tags,
    existing: &Tags,
    bad: fn(String) -> Refusal,
    too_many: impl FnOnce() -> Refusal,
) -> CallResult<()> {
    for (key, value) in new {
        let length = key.chars().count();
        ensure((1..=128).contains(&length), || {
            bad(format!("The tag key '{key}' must have 1 to 128 characters"))
        })?;
        ensure(value.chars().count() <= 256, || {
            bad(format!("The value of tag '{key}' must have at most 256 characters"))
        })?;
        ensure(!key.to_ascii_lowercase().starts_with("aws:"), || {
            bad("aws: prefixed tag key names are not allowed for external use.".to_owned())
        })?;
        ensure(key.chars().chain(value.chars()).all(is_allowed), || {
            bad(format!("The tag '{key}' contains characters that are not valid"))
        })?;
    }
    let added = new.keys().filter(|key| !existing.contains_key(*key)).count();
    ensure(existing.len() + added <= MOST, too_many)
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}
