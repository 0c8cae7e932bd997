//! Which observed resource is which wanted one: by the stack's resource tag, never by name.

use super::DiffError;
use crate::aws_api::Tags;
use crate::model::{ResourceId, Resources, StackId};
use std::collections::BTreeMap;

/// An observed resource that carries tags.
pub(super) trait Tagged {
    /// ARN or id.
    fn identity(&self) -> &str;
    /// Tags.
    fn tags(&self) -> &Tags;
}

impl Tagged for crate::aws_api::ec2::SecurityGroup {
    fn identity(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Tagged for crate::plan::actual::LoadBalancer {
    fn identity(&self) -> &str {
        &self.entity.arn
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Tagged for crate::plan::actual::TargetGroup {
    fn identity(&self) -> &str {
        &self.entity.arn
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// One wanted resource and what is there for it.
pub(super) struct Match<'a, D, A> {
    pub id: &'a ResourceId,
    pub desired: &'a D,
    /// As it shall be or can be changed into it. Usually one; sorted by ARN or id.
    pub kept: Vec<&'a A>,
    /// Cannot be changed into what is wanted.
    pub replaced: Vec<&'a A>,
}

/// Wanted resources with what is there for them, and what is there for nothing.
pub(super) struct Matches<'a, D, A> {
    pub matches: Vec<Match<'a, D, A>>,
    pub surplus: Vec<&'a A>,
}

/// Matches by resource tag; an observed resource without that tag stops everything, as nobody can tell what it is.
pub(super) fn match_resources<'a, D, A: Tagged>(
    stack: &StackId,
    desired: &'a Resources<D>,
    actual: &'a [A],
    must_replace: impl Fn(&D, &A) -> bool,
) -> Result<Matches<'a, D, A>, DiffError> {
    let tag = stack.resource_tag_key();
    let mut by_id: BTreeMap<ResourceId, Vec<&'a A>> = BTreeMap::new();
    for resource in actual {
        let id = resource.tags().get(&tag).ok_or_else(|| DiffError::Untagged {
            resource: resource.identity().to_owned(),
            stack: stack.to_string(),
            tag: tag.clone(),
        })?;
        by_id.entry(ResourceId::from(id.as_str())).or_default().push(resource);
    }
    let matches = desired
        .iter()
        .map(|(id, desired)| {
            let mut found = by_id.remove(id).unwrap_or_default();
            found.sort_by(|a, b| a.identity().cmp(b.identity()));
            let (replaced, kept) = found.into_iter().partition(|actual| must_replace(desired, actual));
            Match { id, desired, kept, replaced }
        })
        .collect();
    Ok(Matches { matches, surplus: by_id.into_values().flatten().collect() })
}
