//! Resources that pass from one stack to another.

use super::synced::StackRecord;
use super::{ResourceCache, StackKey};
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

    /// Which of these names load balancers and target groups of Gateways have, and whose they are.
    pub fn gateways_with(&self, wanted: &BTreeSet<&str>) -> BTreeMap<String, StackId> {
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let state = self.state.lock();
        // why: keys are in the order of their owners, and most clusters have few Gateways
        let first = StackKey { owner: Owner::AlbGateway, text: String::new() };
        let gateways = state.stacks.range(first..).filter(|(key, _)| key.owner.is_gateway());
        let mut found = BTreeMap::new();
        for (key, held) in gateways {
            let load_balancers = held.load_balancers.values().map(|held| &held.entity.name);
            let names = load_balancers.chain(held.target_groups.values().map(|held| &held.entity.name));
            for name in names.filter(|name| wanted.contains(name.as_str())) {
                found.entry(name.clone()).or_insert_with(|| StackId::from(key));
            }
        }
        found
    }
}
