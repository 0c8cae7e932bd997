//! Looking through the whole region: at start, and every now and then to find what others changed.

use super::stack_resources::WithTags;
use super::synced::mark_drifted;
use super::{ResourceCache, ResourceCacheState, StackKey, StackResources};
use crate::api::meta::{CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG};
use crate::aws::{Cloud, pages};
use crate::aws_api::ec2::{self, DescribeSecurityGroups, Filter};
use crate::aws_api::elbv2::{self, DescribeLoadBalancers, DescribeTargetGroups};
use crate::aws_api::{CloudError, Tags};
use crate::model::StackId;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// What a sweep found, not sorted by stack yet.
struct ScanResult {
    load_balancers: Vec<elbv2::LoadBalancer>,
    target_groups: Vec<elbv2::TargetGroup>,
    security_groups: Vec<ec2::SecurityGroup>,
    tags: BTreeMap<String, Tags>,
}

impl ResourceCache {
    /// Asks AWS for everything this cluster owns. Answers the synced stacks that are not as they were: they are no
    /// longer synced and want to be reconciled.
    pub async fn sweep(&self, cloud: &dyn Cloud) -> Result<Vec<StackId>, CloudError> {
        let began = Instant::now();
        self.state.lock().touched.clear();
        let found = self.scan(cloud).await?;
        let stacks = self.sort_by_stack(found, began);
        let mut state = self.state.lock();
        state.note_sweep(began);
        let mut drifted = state.replace(stacks);
        drifted.append(&mut state.unreported);
        Ok(drifted)
    }

    async fn scan(&self, cloud: &dyn Cloud) -> Result<ScanResult, CloudError> {
        let (load_balancers, target_groups, current, legacy) = futures::try_join!(
            pages::all(cloud, DescribeLoadBalancers::default()),
            pages::all(cloud, DescribeTargetGroups::default()),
            pages::all(cloud, self.security_groups_tagged(CLUSTER_TAG)),
            pages::all(cloud, self.security_groups_tagged(LEGACY_INGRESS_CLUSTER_TAG)),
        )?;
        let load_balancers: Vec<_> =
            load_balancers.into_iter().filter(|entity| entity.vpc_id == self.vpc_id).collect();
        let target_groups: Vec<_> = target_groups
            .into_iter()
            .filter(|entity| entity.vpc_id.as_deref() == Some(self.vpc_id.as_str()))
            .collect();
        let arns: Vec<String> = load_balancers
            .iter()
            .map(|entity| entity.arn.clone())
            .chain(target_groups.iter().map(|entity| entity.arn.clone()))
            .collect();
        let tags = pages::tags(cloud, &arns).await?;
        let security_groups = current.into_iter().chain(legacy).collect();
        Ok(ScanResult { load_balancers, target_groups, security_groups, tags })
    }

    fn security_groups_tagged(&self, key: &str) -> DescribeSecurityGroups {
        let cluster = Filter::new(format!("tag:{key}"), [self.cluster_name.clone()]);
        DescribeSecurityGroups { filters: vec![self.in_vpc(), cluster], ..DescribeSecurityGroups::default() }
    }

    fn sort_by_stack(&self, found: ScanResult, seen: Instant) -> BTreeMap<StackKey, StackResources> {
        let ScanResult { load_balancers, target_groups, security_groups, mut tags } = found;
        let owned = self.owned();
        let mut stacks: BTreeMap<StackKey, StackResources> = BTreeMap::new();
        let mut holdings_of = |id: &str, tags: &Tags, put: &mut dyn FnMut(&mut StackResources)| {
            if let Some((key, lost)) = self.attribute(id, tags, &owned) {
                let stack_resources = stacks.entry(key).or_default();
                stack_resources.seen = Some(seen);
                stack_resources.note_untagged(id, lost);
                put(stack_resources);
            }
        };
        for entity in load_balancers {
            let tags = tags.remove(&entity.arn).unwrap_or_default();
            holdings_of(&entity.arn, &tags, &mut |stack_resources| {
                stack_resources
                    .load_balancers
                    .insert(entity.arn.clone(), WithTags::boxed(entity.clone(), tags.clone()));
            });
        }
        for entity in target_groups {
            let tags = tags.remove(&entity.arn).unwrap_or_default();
            holdings_of(&entity.arn, &tags, &mut |stack_resources| {
                stack_resources
                    .target_groups
                    .insert(entity.arn.clone(), WithTags::boxed(entity.clone(), tags.clone()));
            });
        }
        for group in security_groups {
            holdings_of(&group.id, &group.tags, &mut |stack_resources| {
                stack_resources.security_groups.insert(group.id.clone(), Box::new(group.clone()));
            });
        }
        stacks
    }
}

impl ResourceCacheState {
    /// Takes over what a sweep found, except for stacks that were written to or read again meanwhile.
    fn replace(&mut self, mut found: BTreeMap<StackKey, StackResources>) -> Vec<StackId> {
        for key in &self.touched {
            found.remove(key);
            if let Some(newer) = self.stacks.remove(key) {
                found.insert(key.clone(), newer);
            }
        }
        for (key, known) in std::mem::take(&mut self.stacks) {
            if known.is_empty() {
                continue;
            }
            let stack_resources = found.entry(key.clone()).or_default();
            stack_resources.keep_unconfirmed(&known);
            if stack_resources.is_unconfirmed() {
                stack_resources.seen = None;
            } else if stack_resources.is_empty() {
                found.remove(&key);
            }
        }
        self.stacks = found;
        let Self { stacks, records, touched, .. } = self;
        mark_drifted(records, stacks, |key| touched.contains(key))
    }
}
