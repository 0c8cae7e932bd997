//! Passes what an Ingress group has in AWS on to a Gateway: the proof that everything stays as it is, and the change of tags and labels.
//!
//! The load balancer comes first: whoever has its tags owns all of it. Every call can be made again, so whoever finds something of the
//! group left goes on with that, after a restart too. Nothing is asked of AWS where nothing is left.

mod of_gateways;

use super::resource_cache::{Depth, StackResources, WithTags};
use super::{DeployFailure, Deployed, Deployer, LOOK_AGAIN};
use crate::aws_api::ec2::{CreateTags, DeleteTags};
use crate::aws_api::elbv2::{AddTags, RemoveTags};
use crate::aws_api::{Request, Tags};
use crate::model::{LOAD_BALANCER_ID, ResourceId, Stack, StackId};
use crate::plan::actual::Actual;
use crate::plan::binding::relabel;
use crate::plan::{ExhaustedQuotas, Plan, PlanContext, Stage, Step, diff};
use crate::take_over::{ServicePorts, TakeOverObstacle, obstacles, pair_target_groups, strict};
use futures::future::try_join_all;
use std::collections::BTreeSet;

/// What a take-over would do.
#[derive(Clone, Debug)]
pub struct TakeOverPlan {
    /// Its steps, and those that the Gateway takes afterwards.
    pub plan: Plan,
    /// What stands in its way; empty: it is safe.
    pub obstacles: Vec<TakeOverObstacle>,
}

/// Something in AWS that changes its owner.
struct PassedResource {
    stage: Stage,
    /// ARN, or id of a security group.
    id: String,
    /// Its id in the Gateway's stack.
    resource: ResourceId,
    before: Tags,
    after: Tags,
}

impl PassedResource {
    /// The calls that change its tags. Those of the new owner are there before those of the old one go.
    fn requests(&self) -> (Option<Request>, Option<Request>) {
        let differs = |one: &Tags, other: &Tags| {
            let differing = one.iter().filter(|(key, value)| other.get(*key) != Some(*value));
            differing.map(|(key, value)| (key.clone(), value.clone())).collect::<Tags>()
        };
        let add = differs(&self.after, &self.before);
        let remove: Tags =
            self.before.iter().filter(|(key, _)| !self.after.contains_key(*key)).map(owned).collect();
        let id = self.id.as_str();
        if self.stage == Stage::SecurityGroups {
            let remove = (!remove.is_empty()).then(|| DeleteTags { resource_id: id.into(), tags: remove });
            let add = (!add.is_empty()).then(|| CreateTags { resource_id: id.into(), tags: add });
            (add.map(Request::from), remove.map(Request::from))
        } else {
            let keys: Vec<String> = remove.into_keys().collect();
            let remove = (!keys.is_empty()).then(|| RemoveTags { arn: id.into(), keys });
            let add = (!add.is_empty()).then(|| AddTags { arn: id.into(), tags: add });
            (add.map(Request::from), remove.map(Request::from))
        }
    }
}

/// Why its tags change.
const WHY: &str = "is taken over";
/// As many tags a resource may have; those of AWS itself do not count.
///
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-tags.html>
const MAX_TAGS: usize = 50;

impl PassedResource {
    /// why: for a moment it has the tags of both owners
    fn tag_obstacle(&self) -> Option<TakeOverObstacle> {
        let keys: BTreeSet<&String> = self.before.keys().chain(self.after.keys()).collect();
        let count = keys.into_iter().filter(|key| !key.starts_with("aws:")).count();
        let problem =
            || format!("{} would have {count} tags for a moment, and AWS allows {MAX_TAGS}", self.id);
        (count > MAX_TAGS)
            .then(|| TakeOverObstacle::new(problem(), "take tags away from the Ingresses first"))
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

impl Deployer {
    /// Whether nothing of a stack is left: neither in AWS nor in TargetGroupBindings.
    pub async fn is_passed_on(&self, from: &StackId) -> Result<bool, DeployFailure> {
        self.resource_cache.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        Ok(!self.resource_cache.has_resources(from) && self.bindings.of_stack(from).is_empty())
    }

    /// Whether a stack has its load balancer.
    pub async fn has_load_balancer(&self, stack: &StackId) -> Result<bool, DeployFailure> {
        self.resource_cache.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        let found = self.resource_cache.existing_load_balancers(stack);
        Ok(found.iter().any(|found| found.resource_id.as_deref() == Some(LOAD_BALANCER_ID)))
    }

    /// Whether the load balancer of a group has the tags of the stack that takes it over, too: there is no way back.
    ///
    /// why: a process that begins takes it for the group's
    pub fn is_half_passed_on(&self, from: &StackId, to: &StackId) -> bool {
        self.resource_cache.has_tags_of_both(from, to)
    }

    /// What taking over the resources of a group would do, and what stands in its way. Changes nothing.
    pub async fn plan_take_over(
        &self,
        stack: &Stack,
        from: &StackId,
        ports: ServicePorts<'_>,
    ) -> Result<TakeOverPlan, DeployFailure> {
        // why either: the load balancer is what a take-over passes on first
        if !self.has_load_balancer(from).await? && !self.has_load_balancer(&stack.id).await? {
            let problem = format!("{} has no load balancer", title(from));
            let obstacle =
                TakeOverObstacle::new(problem, "wait until it has one, or take the annotation away");
            return Ok(TakeOverPlan { plan: Plan::default(), obstacles: vec![obstacle] });
        }
        if let Some(obstacle) = self.certificate_of(from).await? {
            return Ok(TakeOverPlan { plan: Plan::default(), obstacles: vec![obstacle] });
        }
        let held = self.held(from).await?;
        let wanted = strict(stack);
        let (actual, passed) = self.observe_passed(&wanted, from, held, ports).await?;
        let secrets = self.resource_cache.secrets(from);
        let exhausted_quotas = ExhaustedQuotas::default();
        let context =
            PlanContext { config: &self.config, exhausted_quotas: &exhausted_quotas, secrets: &secrets };
        let plan = diff(&wanted, &actual, context).map_err(DeployFailure::of_diff)?;
        let mut obstacles = obstacles(&plan, &actual, ports);
        obstacles.extend(passed.iter().filter_map(PassedResource::tag_obstacle));
        Ok(TakeOverPlan { plan: with_first(steps_of(&passed, from), plan), obstacles })
    }

    /// Makes everything of a group the Gateway's. Where that has been done, nothing is asked.
    ///
    /// `stack`: what the Gateway wants; nothing: it goes, and with it what it takes over.
    pub async fn take_over(
        &self,
        stack: &Stack,
        from: &StackId,
        ports: ServicePorts<'_>,
    ) -> Result<(), DeployFailure> {
        if self.is_passed_on(from).await? {
            return Ok(());
        }
        self.resource_cache.mark_out_of_sync(from);
        self.resource_cache.mark_out_of_sync(&stack.id);
        if let Some(deployed_state) = &self.deployed_state {
            for changed in [from, &stack.id] {
                deployed_state.invalidate(changed).await.map_err(DeployFailure::of_state_store)?;
            }
        }
        self.resource_cache.pass_on_secrets(from, &stack.id);
        let held = self.held(from).await?;
        let (_, passed) = self.observe_passed(stack, from, held, ports).await?;
        for resource in &passed {
            self.pass(resource, (from, &stack.id)).await?;
        }
        for binding in self.bindings.of_stack(from) {
            let (key, patch) = relabel(&binding, &from.labels(), &stack.id.labels());
            self.bindings.patch(key, patch).await.map_err(DeployFailure::of_store)?;
        }
        self.resource_cache.remove(from);
        tracing::info!(group = %from, gateway = %stack.id, "load balancer taken over");
        Ok(())
    }

    /// Gives one resource the tags of its new owner, and takes those of the old one away.
    async fn pass(
        &self,
        resource: &PassedResource,
        (from, to): (&StackId, &StackId),
    ) -> Result<(), DeployFailure> {
        let (add, remove) = resource.requests();
        let send = |request: Request| async {
            let step = Step::aws(resource.stage, resource.resource.as_str(), request.clone(), WHY);
            let response = self.cloud.call(request.clone()).await;
            let response = response.map_err(|error| DeployFailure::of_step(&step, error))?;
            Ok::<_, DeployFailure>((request, response))
        };
        if let Some(request) = add {
            send(request).await?;
        }
        // why before those of the old owner go: whether they do or not, the Gateway takes away what it does not want
        let both = resource.before.iter().chain(&resource.after).map(owned).collect();
        self.resource_cache.pass_on(&resource.id, &both, (from, to));
        if let Some(request) = remove {
            let (request, response) = send(request).await?;
            self.resource_cache.record(to, &request, &response);
        }
        Ok(())
    }

    /// What a group has in AWS, as certain as anything that is about to be changed has to be.
    async fn held(&self, from: &StackId) -> Result<StackResources, DeployFailure> {
        let held = self.resource_cache.stack_resources(from, &*self.cloud).await;
        let held = held.map_err(DeployFailure::of_cloud)?;
        if held.is_unconfirmed() || held.is_suspicious() {
            return Err(DeployFailure::later(LOOK_AGAIN, Deployed::default()));
        }
        Ok(held)
    }

    /// Certificates that ACM was asked for go with their group.
    async fn certificate_of(&self, from: &StackId) -> Result<Option<TakeOverObstacle>, DeployFailure> {
        let Some(certificates) = &self.certificates else { return Ok(None) };
        let is_gone =
            Box::pin(certificates.is_gone(from, &*self.cloud)).await.map_err(DeployFailure::of_cloud)?;
        let problem = || format!("certificates that ACM was asked for belong to {}", title(from));
        let remedy = "name certificates of your own by certificate-arn, wait until the others are gone, and give the Gateway the same ones";
        Ok((!is_gone).then(|| TakeOverObstacle::new(problem(), remedy)))
    }

    /// The group's resources as those of the Gateway, and how they become that.
    async fn observe_passed(
        &self,
        stack: &Stack,
        from: &StackId,
        held: StackResources,
        ports: ServicePorts<'_>,
    ) -> Result<(Actual, Vec<PassedResource>), DeployFailure> {
        let own = self.resource_cache.stack_resources(&stack.id, &*self.cloud).await;
        let own = own.map_err(DeployFailure::of_cloud)?;
        let StackResources { mut load_balancers, target_groups, mut security_groups, .. } = held;
        let mut passed = Vec::new();
        for (arn, held) in &mut load_balancers {
            let resource = resource_of(from, &held.tags);
            passed.push(self.passed((Stage::LoadBalancers, arn), &mut held.tags, (from, stack), resource));
        }
        for (id, group) in &mut security_groups {
            let resource = resource_of(from, &group.tags);
            passed.push(self.passed((Stage::SecurityGroups, id), &mut group.tags, (from, stack), resource));
        }
        load_balancers.extend(own.load_balancers);
        security_groups.extend(own.security_groups);
        let mut first = StackResources::default();
        (first.load_balancers, first.security_groups) = (load_balancers, security_groups);
        let mut actual = self.observe(stack, first, Depth::Full).await.map_err(DeployFailure::of_cloud)?;
        actual.bindings.extend(self.bindings.of_stack(from));
        let listeners = actual.load_balancers.iter().flat_map(|found| found.listeners.clone());
        let pairs = pair_target_groups(stack, &listeners.collect::<Vec<_>>(), &actual.bindings, ports);
        let taken: BTreeSet<ResourceId> =
            own.target_groups.values().map(|held| resource_of(&stack.id, &held.tags)).collect();
        let mut groups: Vec<WithTags<_>> = own.target_groups.into_values().map(|held| *held).collect();
        for (arn, mut held) in target_groups {
            let known = resource_of(from, &held.tags);
            // why not one that is taken: what its rules were may have changed since it was
            let pair = pairs.get(&arn).filter(|pair| !taken.contains(pair));
            let resource = pair.cloned().unwrap_or(known);
            passed.push(self.passed((Stage::TargetGroups, &arn), &mut held.tags, (from, stack), resource));
            groups.push(*held);
        }
        let groups = groups.into_iter().map(|held| self.target_group(stack, held, Depth::Full));
        actual.target_groups = try_join_all(groups).await.map_err(DeployFailure::of_cloud)?;
        Ok((actual, passed))
    }

    /// Gives something the tags of its new owner.
    fn passed(
        &self,
        (stage, id): (Stage, &str),
        tags: &mut Tags,
        (from, stack): (&StackId, &Stack),
        resource: ResourceId,
    ) -> PassedResource {
        let before = tags.clone();
        let former = from.resource_tags(&self.config.cluster_name, &resource, &Tags::new());
        let new = stack.id.resource_tags(&self.config.cluster_name, &resource, &Tags::new());
        tags.retain(|key, _| !former.contains_key(key));
        tags.extend(new);
        PassedResource { stage, id: id.to_owned(), resource, before, after: tags.clone() }
    }
}

/// What a resource is in its stack.
fn resource_of(stack: &StackId, tags: &Tags) -> ResourceId {
    ResourceId::from(tags.get(&stack.resource_tag_key()).cloned().unwrap_or_default())
}

/// A group, as users call it.
fn title(group: &StackId) -> String {
    if group.namespace.is_empty() { format!("Ingress group {group}") } else { format!("Ingress {group}") }
}

fn steps_of(passed: &[PassedResource], from: &StackId) -> Vec<Step> {
    let step = |resource: &PassedResource| {
        let why = format!("is taken over from {}", title(from));
        let (add, remove) = resource.requests();
        let requests = add.into_iter().chain(remove);
        let id = resource.resource.as_str().to_owned();
        requests
            .map(|request| Step::aws(resource.stage, id.as_str(), request, why.as_str()))
            .collect::<Vec<_>>()
    };
    passed.iter().flat_map(step).collect()
}

/// A plan with steps before its own.
fn with_first(first: Vec<Step>, mut plan: Plan) -> Plan {
    let shift = first.len();
    for step in &mut plan.steps {
        step.after.iter_mut().for_each(|id| id.0 += shift);
    }
    for shortfall in &mut plan.shortfalls {
        shortfall.step.0 += shift;
    }
    plan.steps.splice(0..0, first);
    plan
}
