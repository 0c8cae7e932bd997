//! Tags by which resources are found, where somebody took them away.
//!
//! What carries them no longer is ours nevertheless if this process knew it as ours a moment ago, or if what is left of its
//! tags names the stack and its name is the wanted one. A resource that carries another cluster's tag was handed over.

use super::{ResourceCache, StackKey, StackResources, stacks_named};
use crate::api::meta::{CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG};
use crate::aws_api::Tags;
use crate::model::Stack;
use std::collections::BTreeMap;

/// Resources by ARN or id with the stack they belong to and the tags that say so.
pub(super) type OwnedResources = BTreeMap<String, (StackKey, Tags)>;

impl ResourceCache {
    /// Tags to put back on resources of the stack, by ARN or id.
    pub fn lost_tags(&self, stack: &Stack) -> BTreeMap<String, Tags> {
        let tag = stack.id.resource_tag_key();
        let state = self.state.lock();
        let Some(stack_resources) = state.stacks.get(&(&stack.id).into()) else { return BTreeMap::new() };
        let mut lost = stack_resources.untagged.clone();
        let load_balancers =
            stack_resources.load_balancers.iter().map(|(arn, held)| (arn, &held.entity.name, &held.tags));
        let wanted = stack.load_balancers.iter().map(|(id, wanted)| (id.as_str(), wanted.name.as_str()));
        name_untagged(&tag, &load_balancers.collect::<Vec<_>>(), &wanted.collect::<Vec<_>>(), &mut lost);
        let target_groups =
            stack_resources.target_groups.iter().map(|(arn, held)| (arn, &held.entity.name, &held.tags));
        let wanted = stack.target_groups.iter().map(|(id, wanted)| (id.as_str(), wanted.name.as_str()));
        name_untagged(&tag, &target_groups.collect::<Vec<_>>(), &wanted.collect::<Vec<_>>(), &mut lost);
        let groups = stack_resources.security_groups.iter().map(|(id, group)| (id, &group.name, &group.tags));
        let wanted = stack.security_groups.iter().map(|(id, wanted)| (id.as_str(), wanted.name.as_str()));
        name_untagged(&tag, &groups.collect::<Vec<_>>(), &wanted.collect::<Vec<_>>(), &mut lost);
        lost
    }

    /// What belongs to which stack, as far as is known.
    pub(super) fn owned(&self) -> OwnedResources {
        let state = self.state.lock();
        let mut owned = OwnedResources::new();
        for (key, stack_resources) in &state.stacks {
            let load_balancers = stack_resources.load_balancers.iter().map(|(arn, held)| (arn, &held.tags));
            let target_groups = stack_resources.target_groups.iter().map(|(arn, held)| (arn, &held.tags));
            let groups = stack_resources.security_groups.iter().map(|(id, group)| (id, &group.tags));
            for (id, tags) in load_balancers.chain(target_groups).chain(groups) {
                let tags = stack_resources.untagged.get(id).into_iter().chain([tags]).flatten();
                owned.insert(id.clone(), (key.clone(), tracking(key, tags)));
            }
        }
        owned
    }

    /// The stack that something belongs to, and the tags that it lacks.
    pub(super) fn attribute(
        &self,
        id: &str,
        tags: &Tags,
        owned: &OwnedResources,
    ) -> Option<(StackKey, Tags)> {
        let by_tags = self.stack_of(tags).map(|key| (key, Tags::new()));
        match owned.get(id) {
            Some((key, tracking)) if !self.is_handed_over(tags) => {
                Some((key.clone(), lacking(tracking, tags)))
            }
            _ => by_tags,
        }
    }

    /// The tags that something of a wanted name lacks, if what is left of its tags says that it is the stack's.
    pub(super) fn lacks(&self, key: &StackKey, tags: &Tags) -> Option<Tags> {
        let wanted = Tags::from([
            (CLUSTER_TAG.to_owned(), self.cluster_name.clone()),
            (key.owner.stack_tag_key(), key.text.clone()),
        ]);
        // why any owner: a load balancer that a Gateway took over keeps its name, and is not its former group's
        let contradicts = stacks_named(tags).any(|named| named != *key);
        let is_left = tags.contains_key(&key.owner.resource_tag_key())
            || wanted.iter().any(|(key, value)| tags.get(key) == Some(value));
        (is_left && !contradicts && !self.is_handed_over(tags)).then(|| lacking(&wanted, tags))
    }

    fn is_handed_over(&self, tags: &Tags) -> bool {
        let of_cluster =
            [CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG].into_iter().filter_map(|key| tags.get(key));
        let mut of_cluster = of_cluster.peekable();
        of_cluster.peek().is_some() && !of_cluster.any(|cluster| *cluster == self.cluster_name)
    }
}

impl StackResources {
    /// Notes which tags something lacks.
    pub(super) fn note_untagged(&mut self, id: &str, lost: Tags) {
        if !lost.is_empty() {
            self.untagged.insert(id.to_owned(), lost);
        }
    }

    /// Notes which tags the security groups lack that they had.
    pub(super) fn note_untagged_groups(&mut self, key: &StackKey, known: &Self) {
        let had = |id: &String| known.security_groups.get(id).map(|group| tracking(key, &group.tags));
        let lost: Vec<_> = self
            .security_groups
            .iter()
            .filter_map(|(id, group)| Some((id.clone(), lacking(&had(id)?, &group.tags))))
            .collect();
        for (id, lost) in lost {
            self.note_untagged(&id, lost);
        }
    }
}

/// The tags by which a resource is found.
fn tracking<'t>(key: &StackKey, tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> Tags {
    let prefix = key.owner.prefix();
    let is_tracking = |name: &str| {
        let of_stack = name.strip_prefix(prefix).is_some_and(|rest| rest == "/stack" || rest == "/resource");
        of_stack || name == CLUSTER_TAG || name == LEGACY_INGRESS_CLUSTER_TAG
    };
    let tracking = tags.into_iter().filter(|(name, _)| is_tracking(name));
    tracking.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn lacking(wanted: &Tags, tags: &Tags) -> Tags {
    let lacking = wanted.iter().filter(|(name, value)| tags.get(*name) != Some(*value));
    lacking.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Says which resource something is that carries all tags but that one: the wanted one of its name, unless another is it.
fn name_untagged(
    tag: &str,
    held: &[(&String, &String, &Tags)],
    wanted: &[(&str, &str)],
    lost: &mut BTreeMap<String, Tags>,
) {
    for (id, name, tags) in held {
        if tags.contains_key(tag) || lost.get(*id).is_some_and(|lost| lost.contains_key(tag)) {
            continue;
        }
        let is_taken =
            |wanted: &str| held.iter().any(|(_, _, tags)| tags.get(tag).is_some_and(|id| id == wanted));
        let same_name =
            wanted.iter().find(|(wanted, of_name)| *of_name == name.as_str() && !is_taken(wanted));
        if let Some((wanted, _)) = same_name {
            lost.entry((*id).clone()).or_default().insert(tag.to_owned(), (*wanted).to_owned());
        }
    }
}
