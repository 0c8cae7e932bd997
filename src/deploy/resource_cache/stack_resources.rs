//! What one stack holds.

use crate::aws_api::{Request, Response, Tags, ec2, elbv2};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long what was seen is taken for what is.
pub(super) const FRESH: Duration = Duration::from_mins(1);

/// What one stack holds, whether wanted or not.
///
/// why boxed: a map of one keeps room for eleven, most stacks hold one of each, and a region has thousands of stacks
#[derive(Clone, Debug, Default)]
pub struct StackResources {
    /// Load balancers by ARN, with their tags.
    pub load_balancers: BTreeMap<String, Box<WithTags<elbv2::LoadBalancer>>>,
    /// Target groups by ARN, with their tags.
    pub target_groups: BTreeMap<String, Box<WithTags<elbv2::TargetGroup>>>,
    /// Managed security groups by id.
    pub security_groups: BTreeMap<String, Box<ec2::SecurityGroup>>,
    /// When AWS last said so; `None`: has to be asked again.
    pub(super) seen: Option<Instant>,
    /// What a create call whose answer was lost may have made, and since when that is thought.
    pub(super) maybe_created: BTreeMap<NamedResource, Instant>,
    /// ARNs and ids of the above that the last read did not show, and since when. They count as there until a later read
    /// says the same.
    pub(super) missing: BTreeMap<String, Instant>,
    /// Tags that something of the above has to get back, by ARN or id.
    pub(super) untagged: BTreeMap<String, Tags>,
}

/// How long something may exist although no read shows it.
pub(super) const LAG: Duration = Duration::from_secs(30);
/// What a read does not show is gone if another read, this much later, does not show it either.
pub(super) const CONFIRMED_AFTER: Duration = Duration::from_secs(10);

/// Something in AWS, with its tags.
#[derive(Clone, Debug, PartialEq)]
pub struct WithTags<T> {
    /// As AWS describes it.
    pub entity: T,
    /// Its tags.
    pub tags: Tags,
}

impl<T> WithTags<T> {
    /// As resources keep it.
    pub(super) fn boxed(entity: T, tags: Tags) -> Box<Self> {
        Box::new(Self { entity, tags })
    }
}

/// Something by its name, which is the only one of its kind in the account and region, or in the VPC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedResource {
    /// A load balancer.
    LoadBalancer(String),
    /// A target group.
    TargetGroup(String),
    /// A security group.
    SecurityGroup(String),
}

impl NamedResource {
    /// What a call makes; `None`: nothing that has a name.
    pub fn of(request: &Request) -> Option<Self> {
        match request {
            Request::CreateLoadBalancer(create) => Some(Self::LoadBalancer(create.name.clone())),
            Request::CreateTargetGroup(create) => Some(Self::TargetGroup(create.name.clone())),
            Request::CreateSecurityGroup(create) => Some(Self::SecurityGroup(create.name.clone())),
            _ => None,
        }
    }
}

impl StackResources {
    /// Whether nothing is known or suspected to exist.
    pub fn is_empty(&self) -> bool {
        let Self {
            load_balancers,
            target_groups,
            security_groups,
            seen: _,
            maybe_created,
            missing: _,
            untagged: _,
        } = self;
        load_balancers.is_empty()
            && target_groups.is_empty()
            && security_groups.is_empty()
            && maybe_created.is_empty()
    }

    /// Whether it need not be asked for again. What is still provisioning changes by itself.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_lasting() && self.was_seen_within(FRESH)
    }

    /// Whether AWS said so no longer ago than this.
    pub(super) fn was_seen_within(&self, period: Duration) -> bool {
        self.seen.is_some_and(|seen| seen.elapsed() < period)
    }

    /// The names of all of it.
    pub(super) fn names(&self) -> impl Iterator<Item = NamedResource> {
        let load_balancers = self.load_balancers.values().map(|held| held.entity.name.clone());
        let target_groups = self.target_groups.values().map(|held| held.entity.name.clone());
        let security_groups = self.security_groups.values().map(|group| group.name.clone());
        load_balancers
            .map(NamedResource::LoadBalancer)
            .chain(target_groups.map(NamedResource::TargetGroup))
            .chain(security_groups.map(NamedResource::SecurityGroup))
    }

    /// Whether this is what AWS said last, and it stays so unless somebody changes it.
    pub(super) fn is_lasting(&self) -> bool {
        let is_provisioning = self.load_balancers.values().any(|held| held.entity.state == "provisioning");
        self.seen.is_some() && !is_provisioning && self.maybe_created.is_empty() && self.missing.is_empty()
    }

    /// Whether the last read did not show something that is thought to be there.
    pub fn is_unconfirmed(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether something may exist although no answer said so.
    pub fn is_suspicious(&self) -> bool {
        !self.maybe_created.is_empty()
    }

    /// Takes note of a call that succeeded.
    ///
    /// why: only what exists, and its tags, are kept up to date; other changes make the whole stack be asked for again
    /// the next time it is looked at
    pub(super) fn note(&mut self, request: &Request, response: &Response) {
        self.seen = None;
        self.maybe_created.retain(|resource, _| Some(resource) != NamedResource::of(request).as_ref());
        match (request, response) {
            (Request::CreateLoadBalancer(create), Response::CreateLoadBalancer(entity)) => {
                self.load_balancers
                    .insert(entity.arn.clone(), WithTags::boxed(entity.clone(), create.tags.clone()));
            }
            (Request::CreateTargetGroup(create), Response::CreateTargetGroup(entity)) => {
                self.target_groups
                    .insert(entity.arn.clone(), WithTags::boxed(entity.clone(), create.tags.clone()));
            }
            (Request::CreateSecurityGroup(create), Response::CreateSecurityGroup(created)) => {
                let group = ec2::SecurityGroup {
                    id: created.id.clone(),
                    name: create.name.clone(),
                    description: create.description.clone(),
                    vpc_id: create.vpc_id.clone(),
                    ingress: Vec::new(),
                    tags: create.tags.clone(),
                };
                self.security_groups.insert(created.id.clone(), Box::new(group));
            }
            (Request::DeleteLoadBalancer(delete), _) => {
                self.load_balancers.remove(delete.arn.known().unwrap_or_default());
            }
            (Request::DeleteTargetGroup(delete), _) => {
                self.target_groups.remove(delete.arn.known().unwrap_or_default());
            }
            (Request::DeleteSecurityGroup(delete), _) => {
                self.security_groups.remove(delete.group_id.known().unwrap_or_default());
            }
            (Request::SetSubnets(set), _) => self.resettle(set.arn.known(), &set.subnet_mappings),
            (Request::AddTags(add), _) => {
                self.untagged.remove(add.arn.known().unwrap_or_default());
                self.retag(add.arn.known(), |tags| tags.extend(add.tags.clone()));
            }
            (Request::CreateTags(add), _) => {
                let id = add.resource_id.known().unwrap_or_default();
                self.untagged.remove(id);
                if let Some(group) = self.security_groups.get_mut(id) {
                    group.tags.extend(add.tags.clone());
                }
            }
            (Request::RemoveTags(remove), _) => {
                self.retag(remove.arn.known(), |tags| tags.retain(|key, _| !remove.keys.contains(key)));
            }
            _ => {}
        }
    }

    /// Takes note of a call of which nobody knows what became of it.
    pub(super) fn mark_unknown(&mut self, request: &Request) {
        self.seen = None;
        if let Some(resource) = NamedResource::of(request) {
            self.maybe_created.entry(resource).or_insert_with(Instant::now);
        }
    }

    /// why: builds ask for the subnets a load balancer has, and must not hear of those it had before
    fn resettle(&mut self, arn: Option<&str>, mappings: &[elbv2::SubnetMapping]) {
        let Some(held) = arn.and_then(|arn| self.load_balancers.get_mut(arn)) else { return };
        let zone = |mapping: &elbv2::SubnetMapping| elbv2::ZoneMapping {
            subnet_id: mapping.subnet_id.clone(),
            ..elbv2::ZoneMapping::default()
        };
        held.entity.zones = mappings.iter().map(zone).collect();
    }

    fn retag(&mut self, arn: Option<&str>, edit: impl FnOnce(&mut Tags)) {
        let Some(arn) = arn else { return };
        let of_load_balancer = self.load_balancers.get_mut(arn).map(|held| &mut held.tags);
        let of_target_group = self.target_groups.get_mut(arn).map(|held| &mut held.tags);
        if let Some(tags) = of_load_balancer.or(of_target_group) {
            edit(tags);
        }
    }
}
