//! What this cluster owns in AWS: load balancers, target groups and managed security groups, by stack.
//!
//! Filled by one paginated sweep, kept fresh by our own writes, checked by later sweeps. Upstream lists the whole region in
//! every reconcile (`pkg/deploy/elbv2/tagging_manager.go`); here a reconcile that needs nothing asks nothing, because the
//! cache also remembers which desired state each stack was last brought to.
//!
//! No lock is held while AWS is asked. Each stack is worked on by one task at a time; sweeps may run meanwhile and leave
//! alone whatever was written since they began.

mod refresh;
mod scan;
mod stack_resources;
mod synced;
mod tags;
mod take_over;

use stack_resources::LAG;

pub use stack_resources::{NamedResource, StackResources, WithTags};
pub use synced::{Depth, StackRecord};

use crate::api::meta::{CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG};
use crate::aws::Cloud;
use crate::aws_api::{CloudError, Request, Response, Tags, elbv2};
use crate::config::Config;
use crate::deploy::DeployedLoadBalancer;
use crate::facts::ExistingLoadBalancer;
use crate::model::{Owner, ResourceId, Stack, StackId};
use crate::plan::Seal;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use strum::VariantArray as _;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Everything this cluster owns in AWS, as far as is known.
pub struct ResourceCache {
    cluster_name: String,
    vpc_id: String,
    state: Mutex<ResourceCacheState>,
    swept: OnceCell<()>,
    /// What digests of secrets are mixed with; `None`: nothing that a restart would know.
    seal: Mutex<Option<Seal>>,
}

#[derive(Default)]
struct ResourceCacheState {
    stacks: BTreeMap<StackKey, StackResources>,
    records: BTreeMap<StackKey, StackRecord>,
    /// Stacks that were written to or read again since the sweep under way began.
    touched: BTreeSet<StackKey>,
    /// When the first sweep and the last one began.
    sweeps: Option<(Instant, Instant)>,
    /// Stacks that this process has brought to a known state, or that the deployed state knows: what they have is no secret.
    whole: BTreeSet<StackKey>,
    /// Stacks that a sweep found changed whose caller had no use for that: the next sweep tells.
    unreported: Vec<StackId>,
}

/// A stack as its tag names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StackKey {
    owner: Owner,
    text: String,
}

impl From<&StackId> for StackKey {
    fn from(id: &StackId) -> Self {
        Self { owner: id.owner, text: id.to_string() }
    }
}

impl From<&StackKey> for StackId {
    fn from(key: &StackKey) -> Self {
        let (namespace, name) = key.text.split_once('/').unwrap_or(("", &key.text));
        Self { owner: key.owner, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// The owner's prefix and the stack, for example `service.k8s.aws default/web`.
impl std::fmt::Display for StackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.owner.prefix(), self.text)
    }
}

impl std::str::FromStr for StackKey {
    type Err = UnknownOwner;

    fn from_str(text: &str) -> Result<Self, UnknownOwner> {
        let (prefix, stack) = text.split_once(' ').unwrap_or_default();
        let owner =
            Owner::VARIANTS.iter().copied().find(|owner| owner.prefix() == prefix).ok_or(UnknownOwner)?;
        Ok(Self { owner, text: stack.to_owned() })
    }
}

/// Somebody whose stacks this version does not know.
#[derive(Debug)]
struct UnknownOwner;

impl ResourceCache {
    /// Knows nothing yet.
    pub fn new(config: &Config) -> Self {
        Self {
            cluster_name: config.cluster_name.clone(),
            vpc_id: config.vpc_id.clone(),
            state: Mutex::default(),
            swept: OnceCell::new(),
            seal: Mutex::default(),
        }
    }

    /// Makes sure that AWS was looked through once.
    pub async fn ready(&self, cloud: &dyn Cloud) -> Result<(), CloudError> {
        self.swept.get_or_try_init(|| async { self.sweep(cloud).await.map(drop) }).await.copied()
    }

    /// Whether reads may not show yet what was written before this process began.
    pub fn is_young(&self) -> bool {
        self.state.lock().sweeps.is_none_or(|(first, _)| first.elapsed() < LAG)
    }

    /// How long it takes until reads show everything of a stack that was being changed when this process began; `None`: they
    /// do. To be asked before a stack counts as gone.
    pub async fn uncertain_for(
        &self,
        stack: &StackId,
        cloud: &dyn Cloud,
    ) -> Result<Option<Duration>, CloudError> {
        let (first, last) = {
            let state = self.state.lock();
            if state.whole.contains(&stack.into()) {
                return Ok(None);
            }
            let Some(sweeps) = state.sweeps else { return Ok(None) };
            sweeps
        };
        let rest = LAG.saturating_sub(first.elapsed());
        if rest.is_zero() && last.duration_since(first) < LAG {
            let drifted = self.sweep(cloud).await?;
            self.state.lock().unreported.extend(drifted);
        }
        Ok(Some(rest).filter(|rest| !rest.is_zero()))
    }

    /// Load balancers that carry the stack's tags, as far as builds care. Asks AWS nothing.
    pub fn existing_load_balancers(&self, stack: &StackId) -> Vec<ExistingLoadBalancer> {
        let tag = stack.resource_tag_key();
        let build = |WithTags { entity, tags }: &WithTags<elbv2::LoadBalancer>| ExistingLoadBalancer {
            arn: entity.arn.clone(),
            kind: entity.kind.clone(),
            scheme: entity.scheme.clone(),
            ip_address_type: entity.ip_address_type.clone(),
            subnet_ids: entity.zones.iter().map(|zone| zone.subnet_id.clone()).collect(),
            security_groups: entity.security_groups.clone(),
            resource_id: tags.get(&tag).cloned(),
        };
        let state = self.state.lock();
        let stack_resources = state.stacks.get(&stack.into());
        stack_resources
            .map(|stack_resources| stack_resources.load_balancers.values().map(|held| build(held)).collect())
            .unwrap_or_default()
    }

    /// The stack's load balancers that exist. Asks AWS nothing.
    pub fn deployed(&self, stack: &Stack) -> BTreeMap<ResourceId, DeployedLoadBalancer> {
        let tag = stack.id.resource_tag_key();
        let state = self.state.lock();
        let stack_resources = state.stacks.get(&(&stack.id).into());
        let found =
            stack_resources.iter().flat_map(|stack_resources| stack_resources.load_balancers.values());
        found
            .filter_map(|held| {
                let WithTags { entity, tags } = &**held;
                let id = ResourceId::from(tags.get(&tag)?.as_str());
                let desired = stack.load_balancers.get(&id)?;
                (desired.kind == entity.kind && desired.scheme == entity.scheme).then(|| {
                    let elbv2::LoadBalancer { arn, dns_name, kind, .. } = entity.clone();
                    (id, DeployedLoadBalancer { arn, dns_name, kind })
                })
            })
            .collect()
    }

    /// How many load balancers and target groups are known.
    pub fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        let stack_resources = || state.stacks.values();
        (
            stack_resources().map(|stack| stack.load_balancers.len()).sum(),
            stack_resources().map(|stack| stack.target_groups.len()).sum(),
        )
    }

    /// How many load balancers, target groups and security groups are known of stacks beyond these, of those that count.
    pub fn count_beyond(
        &self,
        wanted: &BTreeSet<StackId>,
        counts: impl Fn(&StackId) -> bool,
    ) -> [(&'static str, usize); 3] {
        let wanted: BTreeSet<StackKey> = wanted.iter().map(StackKey::from).collect();
        let state = self.state.lock();
        let is_beyond = |key: &StackKey| !wanted.contains(key) && counts(&key.into());
        let beyond = || state.stacks.iter().filter(|(key, _)| is_beyond(key)).map(|(_, held)| held);
        [
            ("load_balancer", beyond().map(|held| held.load_balancers.len()).sum()),
            ("target_group", beyond().map(|held| held.target_groups.len()).sum()),
            ("security_group", beyond().map(|held| held.security_groups.len()).sum()),
        ]
    }

    /// What the stack holds; asks AWS again where what is known has been overtaken.
    pub async fn stack_resources(
        &self,
        stack: &StackId,
        cloud: &dyn Cloud,
    ) -> Result<StackResources, CloudError> {
        self.known_or_refreshed(stack, cloud, StackResources::is_fresh).await
    }

    /// What the stack holds, as good as a comparison needs it that no change calls for: what a sweep saw will do.
    pub async fn stack_resources_seen_within(
        &self,
        stack: &StackId,
        period: Duration,
        cloud: &dyn Cloud,
    ) -> Result<StackResources, CloudError> {
        let is_good = |known: &StackResources| known.is_lasting() && known.was_seen_within(period);
        self.known_or_refreshed(stack, cloud, is_good).await
    }

    /// What the stack holds, as good as its deletion needs it: what AWS said last, however long ago. Others may have deleted of
    /// it meanwhile, which each deletion tells.
    pub async fn stack_resources_to_delete(
        &self,
        stack: &StackId,
        cloud: &dyn Cloud,
    ) -> Result<StackResources, CloudError> {
        self.known_or_refreshed(stack, cloud, StackResources::is_lasting).await
    }

    /// What is known, if it is good enough or nothing; else AWS is asked again.
    async fn known_or_refreshed(
        &self,
        stack: &StackId,
        cloud: &dyn Cloud,
        is_good: impl Fn(&StackResources) -> bool,
    ) -> Result<StackResources, CloudError> {
        let key = StackKey::from(stack);
        let known = self.known(&key);
        if known.is_empty() || is_good(&known) { Ok(known) } else { self.refresh(key, &known, cloud).await }
    }

    /// Whether something of the stack may exist although no answer said so.
    pub fn has_unconfirmed(&self, stack: &StackId) -> bool {
        self.state.lock().stacks.get(&stack.into()).is_some_and(StackResources::is_suspicious)
    }

    /// Whether anything is known of the stack.
    pub fn has_resources(&self, stack: &StackId) -> bool {
        self.state.lock().stacks.contains_key(&stack.into())
    }

    fn known(&self, key: &StackKey) -> StackResources {
        self.state.lock().stacks.get(key).cloned().unwrap_or_default()
    }

    async fn refresh(
        &self,
        key: StackKey,
        known: &StackResources,
        cloud: &dyn Cloud,
    ) -> Result<StackResources, CloudError> {
        let found = self.read_again(&key, known, cloud).await?;
        let mut state = self.state.lock();
        state.touched.insert(key.clone());
        state.put(key, found.clone());
        Ok(found)
    }

    /// Takes note of a call of ours that succeeded.
    pub fn record(&self, stack: &StackId, request: &Request, response: &Response) {
        let key = StackKey::from(stack);
        let mut state = self.state.lock();
        state.touched.insert(key.clone());
        let stack_resources = state.stacks.entry(key.clone()).or_default();
        stack_resources.note(request, response);
        if stack_resources.is_empty() {
            state.stacks.remove(&key);
        }
    }

    /// Takes note of a call of ours of which nobody knows what became of it, or that was refused because AWS holds
    /// something else than was thought.
    pub fn mark_unknown(&self, stack: &StackId, request: &Request) {
        let key = StackKey::from(stack);
        let mut state = self.state.lock();
        state.touched.insert(key.clone());
        let stack_resources = state.stacks.entry(key.clone()).or_default();
        stack_resources.mark_unknown(request);
        if stack_resources.is_empty() {
            state.stacks.remove(&key);
        }
    }

    /// The stack that tags name, if they are of this cluster.
    fn stack_of(&self, tags: &Tags) -> Option<StackKey> {
        let clusters = [CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG];
        if !clusters.iter().any(|key| tags.get(*key) == Some(&self.cluster_name)) {
            return None;
        }
        stacks_named(tags).next()
    }
}

/// The stacks that tags name, of whatever cluster; several while something passes from one to another.
fn stacks_named(tags: &Tags) -> impl Iterator<Item = StackKey> {
    Owner::VARIANTS.iter().copied().filter_map(|owner| {
        let text = tags.get(&owner.stack_tag_key())?.clone();
        Some(StackKey { owner, text })
    })
}

impl ResourceCacheState {
    fn note_sweep(&mut self, began: Instant) {
        let first = self.sweeps.map_or(began, |(first, _)| first);
        self.sweeps = Some((first, began));
    }

    fn put(&mut self, key: StackKey, stack_resources: StackResources) {
        if stack_resources.is_empty() {
            self.stacks.remove(&key);
        } else {
            self.stacks.insert(key, stack_resources);
        }
    }
}
