//! Resources that pass from one stack to another.

use super::stack_resources::{NamedResource, StackResources, WithTags};
use super::synced::StackRecord;
use super::{ResourceCache, ResourceCacheState, StackKey};
use crate::aws_api::Tags;
use crate::aws_api::elbv2::LoadBalancer;
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
        let (key, other) = (other.owner.stack_tag_key(), other.to_string());
        let state = self.state.lock();
        let held = state.stacks.get(&of.into());
        held.is_some_and(|held| held.load_balancers.values().any(|one| one.tags.get(&key) == Some(&other)))
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

    /// Something of a stack that the load balancer of a Gateway uses, by ARN or id, and the Gateway.
    ///
    /// `bound`: ARNs of the target groups of the stack's TargetGroupBindings.
    pub fn used_by_gateway(&self, stack: &StackId, bound: &BTreeSet<String>) -> Option<(String, StackId)> {
        let state = self.state.lock();
        let nothing = StackResources::default();
        let held = state.stacks.get(&stack.into()).unwrap_or(&nothing);
        let links = held.links_to_others(bound);
        if links.is_empty() {
            return None;
        }
        state.gateways().find_map(|(key, of_gateway)| {
            let (_, used) = links.iter().find(|(link, _)| of_gateway.has(link))?;
            Some(((*used).to_owned(), StackId::from(key)))
        })
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

impl StackResources {
    /// What leads from here to another stack, by ARN or id, and what of this stack it starts from.
    fn links_to_others<'a>(&'a self, bound: &'a BTreeSet<String>) -> BTreeMap<&'a str, &'a str> {
        let of_target_groups = self.target_groups.iter().flat_map(|(arn, held)| {
            let users = held.entity.load_balancer_arns.iter();
            users.map(move |user| (user.as_str(), arn.as_str()))
        });
        let own = |id: &str| self.load_balancers.values().any(|held| held.has_security_group(id));
        let security_groups = self.security_groups.keys().map(String::as_str);
        let of_security_groups = security_groups.filter(|id| !own(id)).map(|id| (id, id));
        let of_bindings = bound.iter().map(|arn| (arn.as_str(), arn.as_str()));
        let links = of_target_groups.chain(of_security_groups).chain(of_bindings);
        let is_own =
            |link: &str| self.load_balancers.contains_key(link) || self.target_groups.contains_key(link);
        links.filter(|(link, _)| !is_own(link)).collect()
    }

    /// Whether a load balancer or target group, or the security group of a load balancer, is here.
    fn has(&self, id: &str) -> bool {
        self.load_balancers.contains_key(id)
            || self.target_groups.contains_key(id)
            || self.load_balancers.values().any(|held| held.has_security_group(id))
    }
}

impl WithTags<LoadBalancer> {
    fn has_security_group(&self, id: &str) -> bool {
        self.entity.security_groups.iter().any(|group| group == id)
    }
}
