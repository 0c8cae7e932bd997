//! The users' tags of AWS resources: default tags and annotation tags.

use super::Origin;
use crate::aws_api::Tags;
use crate::config::Config;
use crate::facts::BuildError;

/// Tags of a resource.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>
const MAX_TAGS: usize = 50;

/// Refuses more tags than a resource can have, and tags whose keys are left to others by `--external-managed-tags`.
pub fn check(tags: &Tags, origin: &Origin, config: &Config) -> Result<(), BuildError> {
    if tags.len() > MAX_TAGS {
        return Err(origin.error(format!("has {} tags, expected at most {MAX_TAGS}", tags.len())).into());
    }
    match tags.keys().find(|key| config.external_managed_tags.contains(*key)) {
        None => Ok(()),
        Some(key) => Err(origin
            .error(format!("tag key {key:?} is managed outside of this controller"))
            .hint("take it away, or take it out of --external-managed-tags")
            .into()),
    }
}

/// Default tags and the tags that users gave; gate `EnableDefaultTagsLowPriority` decides who wins.
pub fn merge(given: &Tags, config: &Config) -> Tags {
    if config.features.enable_default_tags_low_priority {
        overlay(given, &config.default_tags)
    } else {
        overlay(&config.default_tags, given)
    }
}

/// Both, where `winner` has the say.
pub fn overlay(winner: &Tags, loser: &Tags) -> Tags {
    let mut tags = loser.clone();
    tags.extend(winner.clone());
    tags
}

#[cfg(test)]
mod tests;
