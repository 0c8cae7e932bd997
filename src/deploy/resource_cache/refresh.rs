//! Asking AWS again about one stack.

use super::stack_resources::{CONFIRMED_AFTER, LAG, NamedResource, WithTags};
use super::{ResourceCache, StackKey, StackResources};
use crate::aws::Cloud;
use crate::aws::pages::{self, ARNS_PER_CALL, Paged};
use crate::aws_api::ec2::{self, DescribeSecurityGroups, Filter};
use crate::aws_api::elbv2::{DescribeLoadBalancers, DescribeTargetGroups};
use crate::aws_api::{CloudError, Tags};
use tokio::time::Instant;

impl ResourceCache {
    pub(super) async fn read_again(
        &self,
        key: &StackKey,
        known: &StackResources,
        cloud: &dyn Cloud,
    ) -> Result<StackResources, CloudError> {
        let StackResources { load_balancers, target_groups, security_groups, maybe_created, .. } = known;
        let seen = Some(Instant::now());
        let (load_balancer_arns, target_group_arns) =
            (owned(load_balancers.keys()), owned(target_groups.keys()));
        let (found_load_balancers, found_target_groups, found_security_groups) = futures::try_join!(
            described(cloud, &load_balancer_arns, load_balancers_by_arn),
            described(cloud, &target_group_arns, target_groups_by_arn),
            self.security_groups_by_id(cloud, owned(security_groups.keys())),
        )?;
        let mut found = StackResources { seen, ..StackResources::default() };
        for entity in found_load_balancers {
            let tags = load_balancers.get(&entity.arn).map(|held| held.tags.clone());
            found
                .load_balancers
                .insert(entity.arn.clone(), WithTags::boxed(entity, tags.unwrap_or_default()));
        }
        for entity in found_target_groups {
            let tags = target_groups.get(&entity.arn).map(|held| held.tags.clone());
            found.target_groups.insert(entity.arn.clone(), WithTags::boxed(entity, tags.unwrap_or_default()));
        }
        found.security_groups =
            found_security_groups.into_iter().map(|group| (group.id.clone(), Box::new(group))).collect();
        found.untagged.clone_from(&known.untagged);
        found.note_untagged_groups(key, known);
        found.keep_unconfirmed(known);
        for (resource, since) in maybe_created {
            let is_seen = self.find_created(key, resource, &mut found, cloud).await?;
            if !is_seen && since.elapsed() < LAG {
                found.maybe_created.insert(resource.clone(), *since);
            }
        }
        Ok(found)
    }

    /// Looks for something by name, and answers whether it is there; it is the stack's only if its tags, or
    /// what is left of them, say so.
    async fn find_created(
        &self,
        key: &StackKey,
        resource: &NamedResource,
        found: &mut StackResources,
        cloud: &dyn Cloud,
    ) -> Result<bool, CloudError> {
        let mut is_seen = false;
        match resource {
            NamedResource::LoadBalancer(name) => {
                let names = vec![name.clone()];
                let request = DescribeLoadBalancers { names, ..DescribeLoadBalancers::default() };
                for entity in unless_gone(pages::all(cloud, request).await)? {
                    is_seen = true;
                    let tags = tags_of(cloud, &entity.arn).await?;
                    if let Some(lost) = self.lacks(key, &tags) {
                        found.note_untagged(&entity.arn, lost);
                        found.load_balancers.insert(entity.arn.clone(), WithTags::boxed(entity, tags));
                    }
                }
            }
            NamedResource::TargetGroup(name) => {
                let names = vec![name.clone()];
                let request = DescribeTargetGroups { names, ..DescribeTargetGroups::default() };
                for entity in unless_gone(pages::all(cloud, request).await)? {
                    is_seen = true;
                    let tags = tags_of(cloud, &entity.arn).await?;
                    if let Some(lost) = self.lacks(key, &tags) {
                        found.note_untagged(&entity.arn, lost);
                        found.target_groups.insert(entity.arn.clone(), WithTags::boxed(entity, tags));
                    }
                }
            }
            NamedResource::SecurityGroup(name) => {
                let filters = vec![self.in_vpc(), Filter::new("group-name", [name.clone()])];
                let request = DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() };
                for group in pages::all(cloud, request).await? {
                    is_seen = true;
                    if let Some(lost) = self.lacks(key, &group.tags) {
                        found.note_untagged(&group.id, lost);
                        found.security_groups.insert(group.id.clone(), Box::new(group));
                    }
                }
            }
        }
        Ok(is_seen)
    }

    async fn security_groups_by_id(
        &self,
        cloud: &dyn Cloud,
        ids: Vec<String>,
    ) -> Result<Vec<ec2::SecurityGroup>, CloudError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // why: a filter, unlike the list of ids, does not fail when one of the groups is gone
        let filters = vec![self.in_vpc(), Filter::new("group-id", ids)];
        pages::all(cloud, DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() }).await
    }

    pub(super) fn in_vpc(&self) -> Filter {
        Filter::new("vpc-id", [self.vpc_id.clone()])
    }
}

impl StackResources {
    /// Keeps what was known and is not among what was found, unless an earlier read did not show it either.
    pub(super) fn keep_unconfirmed(&mut self, known: &Self) {
        let Self { load_balancers, target_groups, security_groups, missing, .. } = self;
        let mut is_kept = |id: &str| {
            let since = known.missing.get(id).copied().unwrap_or_else(Instant::now);
            let is_unconfirmed = since.elapsed() < CONFIRMED_AFTER;
            if is_unconfirmed {
                missing.insert(id.to_owned(), since);
            }
            is_unconfirmed
        };
        for (arn, held) in &known.load_balancers {
            if !load_balancers.contains_key(arn) && is_kept(arn) {
                load_balancers.insert(arn.clone(), held.clone());
            }
        }
        for (arn, held) in &known.target_groups {
            if !target_groups.contains_key(arn) && is_kept(arn) {
                target_groups.insert(arn.clone(), held.clone());
            }
        }
        for (id, held) in &known.security_groups {
            if !security_groups.contains_key(id) && is_kept(id) {
                security_groups.insert(id.clone(), held.clone());
            }
        }
    }
}

fn owned<'k>(keys: impl Iterator<Item = &'k String>) -> Vec<String> {
    keys.cloned().collect()
}

fn load_balancers_by_arn(arns: Vec<String>) -> DescribeLoadBalancers {
    DescribeLoadBalancers { arns, ..DescribeLoadBalancers::default() }
}

fn target_groups_by_arn(arns: Vec<String>) -> DescribeTargetGroups {
    DescribeTargetGroups { arns, ..DescribeTargetGroups::default() }
}

/// What is left of these. A call fails as a whole when one of them is gone; then they are asked for one by one.
async fn described<P: Paged>(
    cloud: &dyn Cloud,
    arns: &[String],
    request: fn(Vec<String>) -> P,
) -> Result<Vec<P::Item>, CloudError> {
    let mut found = Vec::new();
    for chunk in arns.chunks(ARNS_PER_CALL) {
        match pages::all(cloud, request(chunk.to_vec())).await {
            Ok(page) => found.extend(page),
            Err(error) if is_gone(&error) => {
                for arn in chunk {
                    found.extend(unless_gone(pages::all(cloud, request(vec![arn.clone()])).await)?);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn tags_of(cloud: &dyn Cloud, arn: &str) -> Result<Tags, CloudError> {
    Ok(pages::tags(cloud, &[arn.to_owned()]).await?.remove(arn).unwrap_or_default())
}

fn unless_gone<T>(answer: Result<Vec<T>, CloudError>) -> Result<Vec<T>, CloudError> {
    match answer {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        answer => answer,
    }
}

fn is_gone(error: &CloudError) -> bool {
    error.is(&["LoadBalancerNotFound", "TargetGroupNotFound"])
}
