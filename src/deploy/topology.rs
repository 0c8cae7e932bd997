//! Reads what AWS has of some stacks, for the tree of what there is.
//!
//! Load balancers, target groups and their tags are those of the resource cache. Listeners, rules and the health of targets can only
//! be asked for one by one. What cannot be read is told in its place; the rest is shown.

use super::Deployer;
use super::resource_cache::{StackResources, WithTags};
use crate::aws::{pages, send};
use crate::aws_api::elbv2::{
    self, DescribeListeners, DescribeRules, DescribeTargetGroups, DescribeTargetHealth, LoadBalancerType,
};
use crate::aws_api::{CloudError, Ref};
use crate::model::StackId;
use crate::topology::{AwsSource, ListenerInAws, LoadBalancerInAws, StackInAws, TargetGroupInAws};
use futures::{StreamExt, stream};
use std::collections::BTreeSet;
use std::time::Duration;

/// Calls under way at once.
const AT_ONCE: usize = 8;
/// ARNs that one `DescribeTargetGroups` call takes.
const ARNS_PER_CALL: usize = 20;
/// How old what is known of load balancers and target groups may be.
const AGE: Duration = Duration::from_mins(10);

impl Deployer {
    /// What AWS has of these stacks, and of target groups, by ARN, that no stack has. Fails if AWS cannot be asked at all. `known`: what
    /// it had before; what is as it was is shared with it.
    pub async fn aws_source(
        &self,
        stacks: &BTreeSet<StackId>,
        others: &BTreeSet<String>,
        known: &AwsSource,
    ) -> Result<AwsSource, CloudError> {
        self.resource_cache.ready(&*self.cloud).await?;
        let read = |stack: StackId| async {
            let held = self.stack_in_aws(&stack).await.map(|held| held.or_known(known.stacks.get(&stack)));
            (held, stack)
        };
        let mut read = stream::iter(stacks.clone()).map(read).buffered(AT_ONCE);
        let mut source = AwsSource::default();
        while let Some((held, stack)) = read.next().await {
            source.stacks.insert(stack, held?);
        }
        source.other_target_groups = self.other_target_groups(others).await;
        Ok(source)
    }

    async fn stack_in_aws(&self, stack: &StackId) -> Result<StackInAws, CloudError> {
        let held = self.resource_cache.stack_resources_seen_within(stack, AGE, &*self.cloud).await?;
        let StackResources { load_balancers, target_groups, .. } = held;
        let key = stack.resource_tag_key();
        let load_balancer = |held: Box<WithTags<elbv2::LoadBalancer>>| {
            let WithTags { entity, tags } = *held;
            let resource = tags.get(&key).cloned().unwrap_or_else(|| entity.name.clone());
            self.load_balancer_in_aws(resource, entity)
        };
        let load_balancers = stream::iter(load_balancers.into_values()).map(load_balancer);
        let target_group = |held: Box<WithTags<elbv2::TargetGroup>>| self.target_group_in_aws(held.entity);
        let target_groups = stream::iter(target_groups.into_values()).map(target_group);
        let (load_balancers, target_groups) = futures::join!(
            load_balancers.buffered(AT_ONCE).collect(),
            target_groups.buffered(AT_ONCE).collect()
        );
        Ok(StackInAws { load_balancers, target_groups })
    }

    async fn load_balancer_in_aws(&self, resource: String, entity: elbv2::LoadBalancer) -> LoadBalancerInAws {
        let load_balancer_arn = Ref::from(entity.arn.as_str());
        let request = DescribeListeners { load_balancer_arn, ..DescribeListeners::default() };
        let listeners = match pages::all(&*self.cloud, request).await {
            Ok(mut listeners) => {
                listeners.sort_by_key(|listener| listener.port);
                let has_rules = entity.kind == LoadBalancerType::Application;
                let read = |listener| self.listener_in_aws(listener, has_rules);
                Ok(stream::iter(listeners).map(read).buffered(AT_ONCE).collect().await)
            }
            Err(error) => Err(error.to_string()),
        };
        LoadBalancerInAws { resource, entity, listeners }
    }

    async fn listener_in_aws(&self, entity: elbv2::Listener, has_rules: bool) -> ListenerInAws {
        if !has_rules {
            return ListenerInAws { entity, rules: Ok(Vec::new()) };
        }
        let request = DescribeRules { listener_arn: Ref::from(entity.arn.as_str()), marker: None };
        let rules = pages::all(&*self.cloud, request).await.map_err(|error| error.to_string());
        let rules = rules.map(|mut rules| {
            rules.retain(|rule| rule.priority.is_some());
            rules.sort_by_key(|rule| rule.priority);
            rules
        });
        ListenerInAws { entity, rules }
    }

    async fn target_group_in_aws(&self, entity: elbv2::TargetGroup) -> TargetGroupInAws {
        let request = DescribeTargetHealth { arn: Ref::from(entity.arn.as_str()), targets: Vec::new() };
        let targets = send(&*self.cloud, request).await.map_err(|error| error.to_string());
        // why: they are kept until the next read, and answers have room for more
        let targets = targets.map(|mut targets| {
            targets.shrink_to_fit();
            targets
        });
        TargetGroupInAws { entity, targets }
    }

    /// why one by one where several fail: one that is gone, or of another account, fails them all
    async fn other_target_groups(&self, arns: &BTreeSet<String>) -> Vec<TargetGroupInAws> {
        let arns: Vec<String> = arns.iter().cloned().collect();
        let mut found = Vec::new();
        for chunk in arns.chunks(ARNS_PER_CALL) {
            let request = |arns: &[String]| DescribeTargetGroups {
                arns: arns.to_vec(),
                ..DescribeTargetGroups::default()
            };
            match pages::all(&*self.cloud, request(chunk)).await {
                Ok(groups) => found.extend(groups),
                // why: each is asked for alone, and one that cannot be read is shown as such
                Err(_) if chunk.len() > 1 => {
                    for arn in chunk {
                        let one = pages::all(&*self.cloud, request(std::slice::from_ref(arn))).await;
                        // why: the tree shows one that cannot be read as one that AWS does not tell of
                        if let Ok(groups) = one {
                            found.extend(groups);
                        }
                    }
                }
                // why: likewise
                Err(_) => {}
            }
        }
        stream::iter(found).map(|group| self.target_group_in_aws(group)).buffered(AT_ONCE).collect().await
    }
}
