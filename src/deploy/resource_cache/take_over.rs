//! Resources that pass from one stack to another.

use super::stack_resources::{NamedResource, StackResources};
use super::synced::StackRecord;
use super::{ResourceCache, ResourceCacheState, StackKey, stacks_named};
use crate::aws_api::Tags;
use crate::model::{Owner, StackId};
use std::collections::{BTreeMap, BTreeSet};

impl ResourceCache {
    /// Notes that something belongs to another stack now, with these tags.
    pub fn pass_on(&self, id: &str, tags: &Tags, (from, to): (&StackId, &StackId)) {
        let (from, to) = (StackKey::from(from), StackKey::from(to));
        let mut state = self.state.lock();
        state.touched.extend([from.clone(), to.clone()]);
        let mut former = state.stacks.remove(&from).unwrap_or_default();
        let receiving = state.stacks.entry(to).or_default();
        receiving.seen = None;
        if let Some(mut held) = former.load_balancers.remove(id) {
            held.tags.clone_from(tags);
            receiving.load_balancers.insert(id.to_owned(), held);
        }
        if let Some(mut held) = former.target_groups.remove(id) {
            held.tags.clone_from(tags);
            receiving.target_groups.insert(id.to_owned(), held);
        }
        if let Some(mut held) = former.security_groups.remove(id) {
            held.tags.clone_from(tags);
            receiving.security_groups.insert(id.to_owned(), held);
        }
        former.untagged.remove(id);
        former.missing.remove(id);
        state.put(from, former);
    }

    /// Notes that AWS has the OIDC client secrets of one stack for another one, too.
    pub fn pass_on_secrets(&self, from: &StackId, to: &StackId) {
        let mut state = self.state.lock();
        let Some(known) = state.records.get(&from.into()).map(StackRecord::secrets_alone) else { return };
        state.records.entry(to.into()).or_insert(known);
    }

    /// Whether a load balancer of one stack has the tags of another one, too.
    pub fn has_tags_of_both(&self, of: &StackId, other: &StackId) -> bool {
        let other = StackKey::from(other);
        let state = self.state.lock();
        let held = state.stacks.get(&of.into());
        let mut found = held.into_iter().flat_map(|held| held.load_balancers.values());
        found.any(|found| stacks_named(&found.tags).any(|named| named == other))
    }

    /// Which of these there are in stacks of Gateways, and whose they are.
    pub fn of_gateways(&self, wanted: &BTreeSet<NamedResource>) -> BTreeMap<NamedResource, StackId> {
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let state = self.state.lock();
        let found = state.gateways().flat_map(|(key, held)| {
            let names = held.names().filter(|name| wanted.contains(name));
            names.map(|name| (name, StackId::from(key))).collect::<Vec<_>>()
        });
        found.collect()
    }

    /// A target group of a stack without a load balancer that the load balancer of a Gateway uses, by ARN, and the Gateway.
    pub fn used_by_gateway(&self, stack: &StackId) -> Option<(String, StackId)> {
        let state = self.state.lock();
        // why without one: a Gateway may forward to the target groups of a group that is served as well
        let held = state.stacks.get(&stack.into()).filter(|held| held.load_balancers.is_empty())?;
        let links = held.target_groups.iter().flat_map(|(arn, held)| {
            held.entity.load_balancer_arns.iter().map(move |user| (user.as_str(), arn.as_str()))
        });
        let links: BTreeMap<&str, &str> = links.collect();
        if links.is_empty() {
            return None;
        }
        state.gateways().find_map(|(key, of_gateway)| {
            let used = of_gateway.load_balancers.keys().find_map(|user| links.get(user.as_str()))?;
            Some(((*used).to_owned(), StackId::from(key)))
        })
    }

    /// The Gateway whose tags a load balancer or target group of another stack has.
    pub fn gateway_in_tags(&self, stack: &StackId, arn: &str) -> Option<StackId> {
        let state = self.state.lock();
        let held = state.stacks.get(&stack.into())?;
        let of_load_balancer = held.load_balancers.get(arn).map(|held| &held.tags);
        let tags = of_load_balancer.or_else(|| held.target_groups.get(arn).map(|held| &held.tags))?;
        stacks_named(tags).find(|named| named.owner.is_gateway()).map(|named| StackId::from(&named))
    }

    /// Whether a target group is a Gateway's.
    pub fn is_of_gateway(&self, target_group: &str) -> bool {
        self.state.lock().gateways().any(|(_, held)| held.target_groups.contains_key(target_group))
    }
}

impl ResourceCacheState {
    /// The stacks of Gateways.
    ///
    /// why: keys are in the order of their owners, and most clusters have few Gateways
    fn gateways(&self) -> impl Iterator<Item = (&StackKey, &StackResources)> {
        let first = StackKey { owner: Owner::AlbGateway, text: String::new() };
        self.stacks.range(first..).filter(|(key, _)| key.owner.is_gateway())
    }
}
