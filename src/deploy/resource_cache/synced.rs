//! What each stack was last brought to, so that nothing is asked when nothing changed.

use super::stack_resources::FRESH;
use super::{ResourceCache, ResourceCacheState, StackKey, StackResources, WithTags};
use crate::aws::{Cloud, pages};
use crate::aws_api::{CloudError, elbv2};
use crate::model::StackId;
use crate::plan::{AppliedSecrets, Digest, Seal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Calls that it takes to look at one stack: its load balancers, target groups and security groups.
const CALLS_PER_LOOK: usize = 3;
/// Calls of a sweep beside those for tags.
const CALLS_PER_LIST: usize = 4;

/// A stack is looked at this long after the last change to it: AWS shows by then what it was told, and few stacks change again.
const REST: Duration = Duration::from_secs(30);

/// What is remembered of a stack. Holds digests of secrets, never secrets; and outlives the process only where they are
/// mixed with a seal, because whoever may read what is written down need not be one who may read secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackRecord {
    /// OIDC client secrets that AWS has.
    #[serde(default, skip_serializing_if = "AppliedSecrets::is_empty")]
    secrets: AppliedSecrets,
    /// Which seal the digests of secrets are mixed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<Digest>,
    /// The state it is in; `None`: it may have changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synced: Option<SyncedState>,
}

impl StackRecord {
    /// Whether the stack is in a known state.
    pub fn is_synced(&self) -> bool {
        self.synced.is_some()
    }

    /// What it says of secrets, in no known state.
    pub(super) fn secrets_alone(&self) -> Self {
        Self { synced: None, ..self.clone() }
    }

    /// What of it is kept over a restart, if anything: a state that a sweep has seen, and secrets under this seal.
    fn kept(&self, seal: Option<Seal>) -> Option<Self> {
        let synced = self.synced.clone().filter(|synced| synced.stack_resources.is_some());
        let kept = Self { synced, ..self.clone() };
        Some(kept).filter(|kept| self.is_safe_with(seal) && *kept != Self::default())
    }

    /// Whether its digests say nothing about secrets to those who do not know this seal.
    fn is_safe_with(&self, seal: Option<Seal>) -> bool {
        self.secrets.is_empty() || (self.seal.is_some() && self.seal == seal.map(|seal| seal.id()))
    }
}

/// The state that a stack was brought to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SyncedState {
    /// Digest of the desired stack, its secrets and the configuration.
    desired: Digest,
    /// Digest of the TargetGroupBindings as they should be.
    bindings: Digest,
    /// Digest of what a sweep saw of it; `None`: none has seen it since it was synced.
    stack_resources: Option<Digest>,
    /// When it was last compared, whether with or without what does not stop traffic; not part of the state.
    #[serde(skip, default = "Instant::now")]
    observed: Instant,
    /// When it was last compared in full; not part of the state.
    #[serde(skip, default = "Instant::now")]
    compared: Instant,
    /// Whether it is to be compared again, and how much of it; not part of the state.
    #[serde(skip)]
    due: Option<Depth>,
}

/// How much of a stack is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What can stop traffic: listeners, rules, certificates, and all that a sweep sees.
    Traffic,
    /// Everything: attributes and the tags of listeners and rules, too.
    Full,
}

impl PartialEq for SyncedState {
    fn eq(&self, other: &Self) -> bool {
        let Self { desired, bindings, stack_resources, observed: _, compared: _, due: _ } = self;
        (desired, bindings, stack_resources) == (&other.desired, &other.bindings, &other.stack_resources)
    }
}

impl Eq for SyncedState {}

impl SyncedState {
    fn is(&self, desired: Digest, bindings: Digest) -> bool {
        self.desired == desired && self.bindings == bindings
    }
}

impl ResourceCache {
    /// Whether the stack was brought to just this state and nothing was seen to have changed since.
    pub fn is_synced(&self, stack: &StackId, desired: Digest, bindings: Digest) -> bool {
        let state = self.state.lock();
        let synced = state.records.get(&stack.into()).and_then(|record| record.synced.as_ref());
        synced.is_some_and(|synced| synced.is(desired, bindings) && synced.due.is_none())
    }

    /// Whether the stack was brought to just this state but is to be compared again, and how much of it.
    pub fn due(&self, stack: &StackId, desired: Digest, bindings: Digest) -> Option<Depth> {
        let state = self.state.lock();
        let synced = state.records.get(&stack.into())?.synced.as_ref()?;
        synced.due.filter(|_| synced.is(desired, bindings))
    }

    /// Says that the stack was compared and is as it was, or (`None`) that it could not be compared.
    pub fn mark_compared(&self, stack: &StackId, depth: Option<Depth>) {
        let mut state = self.state.lock();
        let record = state.records.get_mut(&stack.into());
        if let Some(synced) = record.and_then(|record| record.synced.as_mut()) {
            let now = Instant::now();
            synced.due = None;
            synced.observed = now;
            if depth == Some(Depth::Full) {
                synced.compared = now;
            }
        }
    }

    /// The synced stack whose last comparison is the longest ago, and at least `traffic`: it wants to be reconciled, which
    /// compares it, in full if it was not within `full`. Answers also about how many calls that takes.
    pub fn next_due(&self, traffic: Duration, full: Duration) -> Option<(StackId, usize)> {
        let mut state = self.state.lock();
        let ResourceCacheState { records, stacks, .. } = &mut *state;
        let synced = records.iter_mut().filter_map(|(key, record)| Some((key, record.synced.as_mut()?)));
        let due = synced.filter(|(_, synced)| synced.due.is_none() && synced.observed.elapsed() >= traffic);
        let (key, synced) = due.min_by_key(|(_, synced)| synced.observed)?;
        let is_full = synced.compared.elapsed() + traffic > full;
        synced.due = Some(if is_full { Depth::Full } else { Depth::Traffic });
        let stack_resources = stacks.get(key);
        let load_balancers =
            stack_resources.map_or(0, |stack_resources| stack_resources.load_balancers.len());
        let target_groups = stack_resources
            .filter(|_| is_full)
            .map_or(0, |stack_resources| stack_resources.target_groups.len());
        Some((StackId::from(key), 2 * load_balancers + target_groups))
    }

    /// Says that the stack has been brought to this state.
    pub fn mark_synced(&self, stack: &StackId, desired: Digest, bindings: Digest, secrets: AppliedSecrets) {
        let now = Instant::now();
        let synced =
            SyncedState { desired, bindings, stack_resources: None, observed: now, compared: now, due: None };
        let seal = (*self.seal.lock()).filter(|_| !secrets.is_empty()).map(|seal| seal.id());
        let record = StackRecord { secrets, seal, synced: Some(synced) };
        let mut state = self.state.lock();
        state.records.insert(stack.into(), record);
        state.whole.insert(stack.into());
        state.note_look(&stack.into());
    }

    /// Synced stacks of which nobody has seen what they look like in AWS since, and that it is time to look at.
    pub fn unverified(&self) -> BTreeSet<StackId> {
        let state = self.state.lock();
        let unverified = state.records.iter().filter(|(key, record)| {
            let synced = record.synced.as_ref().filter(|synced| synced.stack_resources.is_none());
            let Some((synced, stack_resources)) = synced.zip(state.stacks.get(key)) else { return false };
            let rested = synced.observed.elapsed();
            // why: what was seen since and was not to be relied on, a load balancer that AWS still builds, takes longer
            rested >= REST && !stack_resources.was_seen_within(rested.min(FRESH))
        });
        unverified.map(|(key, _)| StackId::from(key)).collect()
    }

    /// Looks at what these synced stacks look like in AWS: one by one, or by a sweep where that takes fewer calls.
    /// Answers the stacks that a sweep found not to be as they were.
    pub async fn verify(
        &self,
        stacks: &BTreeSet<StackId>,
        cloud: &dyn Cloud,
    ) -> Result<Vec<StackId>, CloudError> {
        if stacks.len().saturating_mul(CALLS_PER_LOOK) > self.sweep_calls() {
            return self.sweep(cloud).await;
        }
        for stack in stacks {
            let key = StackKey::from(stack);
            self.refresh(key.clone(), &self.known(&key), cloud).await?;
            self.state.lock().note_look(&key);
        }
        Ok(Vec::new())
    }

    /// A stack's name in what is remembered.
    pub fn name_of(stack: &StackId) -> String {
        StackKey::from(stack).to_string()
    }

    /// About how many calls a sweep takes.
    pub fn sweep_calls(&self) -> usize {
        let (load_balancers, target_groups) = self.size();
        CALLS_PER_LIST + (load_balancers + target_groups).div_ceil(pages::ARNS_PER_CALL)
    }

    /// Says that the stack may no longer be as it was.
    pub fn mark_out_of_sync(&self, stack: &StackId) {
        if let Some(record) = self.state.lock().records.get_mut(&stack.into()) {
            record.synced = None;
        }
    }

    /// Says that the stack is gone.
    pub fn remove(&self, stack: &StackId) {
        let mut state = self.state.lock();
        state.records.remove(&stack.into());
        state.whole.remove(&stack.into());
    }

    /// OIDC client secrets of the stack that AWS has, as far as is known.
    pub fn secrets(&self, stack: &StackId) -> AppliedSecrets {
        let state = self.state.lock();
        let known = state.records.get(&stack.into()).map(|record| record.secrets.clone());
        known.unwrap_or_default().with(self.seal())
    }

    /// What digests of secrets are mixed with.
    pub fn seal(&self) -> Seal {
        self.seal.lock().unwrap_or_default()
    }

    /// Has digests of secrets mixed with a seal that a restart will know, too. To be called before anything is synced.
    pub fn seal_with(&self, seal: Seal) {
        *self.seal.lock() = Some(seal);
    }

    /// What is worth keeping over a restart, by owner and stack.
    pub fn records(&self) -> BTreeMap<String, StackRecord> {
        let seal = *self.seal.lock();
        let state = self.state.lock();
        let kept = state.records.iter().map(|(key, record)| Some((key.to_string(), record.kept(seal)?)));
        kept.flatten().collect()
    }

    /// The same of the stacks of these names alone.
    pub fn records_of<'n>(&self, names: impl Iterator<Item = &'n String>) -> BTreeMap<String, StackRecord> {
        let seal = *self.seal.lock();
        let state = self.state.lock();
        let kept = names.filter_map(|name| {
            // why: a name that is no stack's was written by somebody else; nothing is remembered of it
            let key: StackKey = name.parse().ok()?;
            Some((name.clone(), state.records.get(&key)?.kept(seal)?))
        });
        kept.collect()
    }

    /// Takes over what was kept from before a restart. To be called before the first sweep, which marks out of sync whatever
    /// looks different now.
    pub fn restore(&self, records: impl IntoIterator<Item = (String, StackRecord)>) {
        let mut state = self.state.lock();
        let seal = *self.seal.lock();
        let safe = records.into_iter().filter(|(_, record)| record.is_safe_with(seal));
        for (key, record) in safe.filter_map(|(key, record)| Some((key.parse().ok()?, record))) {
            let key: StackKey = key;
            if record.is_synced() {
                state.whole.insert(key.clone());
            }
            state.records.insert(key, record);
        }
    }
}

impl ResourceCacheState {
    /// Notes what a synced stack looks like, if AWS has been asked since it was last written to and nothing about it
    /// changes by itself any more.
    fn note_look(&mut self, key: &StackKey) {
        let synced = self.records.get_mut(key).and_then(|record| record.synced.as_mut());
        if let (Some(synced), Some(stack_resources)) = (synced, self.stacks.get(key))
            && synced.stack_resources.is_none()
            && stack_resources.is_lasting()
        {
            synced.stack_resources = Some(digest(stack_resources));
        }
    }
}

/// Marks as out of sync the stacks whose resources are not what they were. Answers which.
pub(super) fn mark_drifted(
    records: &mut BTreeMap<StackKey, StackRecord>,
    stacks: &BTreeMap<StackKey, StackResources>,
    is_exempt: impl Fn(&StackKey) -> bool,
) -> Vec<StackId> {
    let nothing = StackResources::default();
    let mut drifted = Vec::new();
    for (key, record) in records.iter_mut().filter(|(key, _)| !is_exempt(key)) {
        let Some(synced) = &mut record.synced else { continue };
        let now = digest(stacks.get(key).unwrap_or(&nothing));
        if synced.stack_resources.replace(now).is_some_and(|before| before != now) {
            record.synced = None;
            drifted.push(StackId::from(key));
        }
    }
    drifted
}

/// Digest of what a sweep shows of a stack, without what changes by itself. AWS promises no order of zones, groups and
/// rules, so order does not count.
fn digest(stack_resources: &StackResources) -> Digest {
    let StackResources {
        load_balancers,
        target_groups,
        security_groups,
        seen: _,
        maybe_created: _,
        missing,
        untagged: _,
    } = stack_resources;
    let shown = |id: &&String| !missing.contains_key(id.as_str());
    let load_balancers = load_balancers.iter().filter(|(arn, _)| shown(arn)).map(|(_, held)| {
        let WithTags { entity, tags } = &**held;
        let mut entity = elbv2::LoadBalancer { state: String::new(), ..entity.clone() };
        entity.zones.sort_by(|one, other| one.subnet_id.cmp(&other.subnet_id));
        entity.security_groups.sort();
        (entity, tags)
    });
    let target_groups = target_groups.iter().filter(|(arn, _)| shown(arn)).map(|(_, held)| {
        let WithTags { entity, tags } = &**held;
        let mut entity = entity.clone();
        entity.load_balancer_arns.sort();
        (entity, tags)
    });
    let security_groups = security_groups.iter().filter(|(id, _)| shown(id)).map(|(_, group)| {
        let mut group = group.clone();
        group.ingress.sort();
        group
    });
    let security_groups: Vec<_> = security_groups.collect();
    Digest::of(&(load_balancers.collect::<Vec<_>>(), target_groups.collect::<Vec<_>>(), security_groups))
}
