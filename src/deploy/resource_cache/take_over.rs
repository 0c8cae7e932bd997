//! Resources that pass from one stack to another.

use super::synced::StackRecord;
use super::{ResourceCache, StackKey, StackResources};
use crate::aws_api::Tags;
use crate::model::{Owner, StackId};

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

    /// The Gateway's stack that has a load balancer or target group of this name.
    pub fn gateway_with(&self, name: &str) -> Option<StackId> {
        let has_it = |held: &StackResources| {
            let mut load_balancers = held.load_balancers.values().map(|held| &held.entity.name);
            let mut target_groups = held.target_groups.values().map(|held| &held.entity.name);
            load_balancers.any(|known| known == name) || target_groups.any(|known| known == name)
        };
        let state = self.state.lock();
        // why: keys are in the order of their owners, and most clusters have few Gateways
        let first = StackKey { owner: Owner::AlbGateway, text: String::new() };
        let mut gateways = state.stacks.range(first..).filter(|(key, _)| key.owner.is_gateway());
        gateways.find(|(_, held)| has_it(held)).map(|(key, _)| StackId::from(key))
    }
}
