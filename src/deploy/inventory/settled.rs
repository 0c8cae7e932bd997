//! Which desired state each stack was last brought to, so that nothing is asked when nothing changed.

use super::{Holdings, Inventory, StackKey};
use crate::cloud::{ec2, elbv2};
use crate::model::StackId;
use crate::plan::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The state that a stack was brought to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Digest of the desired stack, its secrets and the configuration.
    pub desired: Digest,
    /// Digest of the TargetGroupBindings as they should be.
    pub bindings: Digest,
    /// Digest of what a sweep saw of it; `None`: none has seen it since it was settled.
    pub holdings: Option<Digest>,
    /// When it was last compared in full.
    #[serde(skip, default = "Instant::now")]
    observed: Instant,
}

impl Inventory {
    /// Whether the stack was brought to just this state and nothing was seen to have changed since.
    pub fn is_settled(&self, stack: &StackId, desired: Digest, bindings: Digest) -> bool {
        let state = self.state.lock();
        let settled = state.settled.get(stack);
        settled.is_some_and(|settled| settled.desired == desired && settled.bindings == bindings)
    }

    /// Says that the stack has been brought to this state.
    pub fn settle(&self, stack: &StackId, desired: Digest, bindings: Digest) {
        let observed = Instant::now();
        let settled = Settled { desired, bindings, holdings: None, observed };
        self.state.lock().settled.insert(stack.clone(), settled);
    }

    /// Says that the stack may no longer be as it was.
    pub fn unsettle(&self, stack: &StackId) {
        self.state.lock().settled.remove(stack);
    }

    /// Picks the stacks whose last full comparison is the longest ago, and at least `period`: they are no longer settled
    /// and want to be reconciled. At most `count`, so that the comparisons are spread over time.
    pub fn expire(&self, period: Duration, count: usize) -> Vec<StackId> {
        let mut state = self.state.lock();
        let mut due: Vec<(Instant, StackId)> = state
            .settled
            .iter()
            .filter(|(_, settled)| settled.observed.elapsed() >= period)
            .map(|(stack, settled)| (settled.observed, stack.clone()))
            .collect();
        due.sort();
        due.truncate(count);
        let due: Vec<StackId> = due.into_iter().map(|(_, stack)| stack).collect();
        state.settled.retain(|stack, _| !due.contains(stack));
        due
    }

    /// How many stacks are settled.
    pub fn count_settled(&self) -> usize {
        self.state.lock().settled.len()
    }

    /// What could be kept over a restart: the settled stacks that a sweep has seen.
    pub fn remember(&self) -> Vec<(StackId, Settled)> {
        let state = self.state.lock();
        let seen = state.settled.iter().filter(|(_, settled)| settled.holdings.is_some());
        seen.map(|(stack, settled)| (stack.clone(), settled.clone())).collect()
    }

    /// Takes over what was kept from before a restart. To be called before the first sweep, which drops whatever looks
    /// different now.
    pub fn recall(&self, remembered: impl IntoIterator<Item = (StackId, Settled)>) {
        self.state.lock().settled.extend(remembered);
    }
}

/// Drops the settled stacks whose holdings are not what they were. Answers which.
pub(super) fn drop_drifted(
    settled: &mut BTreeMap<StackId, Settled>,
    stacks: &BTreeMap<StackKey, Holdings>,
    is_exempt: impl Fn(&StackKey) -> bool,
) -> Vec<StackId> {
    let nothing = Holdings::default();
    let mut drifted = Vec::new();
    settled.retain(|stack, settled| {
        let key = StackKey::from(stack);
        if is_exempt(&key) {
            return true;
        }
        let now = digest(stacks.get(&key).unwrap_or(&nothing));
        let is_same = settled.holdings.replace(now).is_none_or(|before| before == now);
        if !is_same {
            drifted.push(stack.clone());
        }
        is_same
    });
    drifted
}

/// Digest of what a sweep shows of a stack, without what changes by itself.
fn digest(holdings: &Holdings) -> Digest {
    let Holdings { load_balancers, target_groups, security_groups, seen: _, suspects: _ } = holdings;
    let load_balancers: Vec<_> = load_balancers
        .values()
        .map(|(entity, tags)| (elbv2::LoadBalancer { state: String::new(), ..entity.clone() }, tags))
        .collect();
    let target_groups: Vec<_> = target_groups.values().collect();
    let security_groups: Vec<&ec2::SecurityGroup> = security_groups.values().collect();
    Digest::of(&(load_balancers, target_groups, security_groups))
}
