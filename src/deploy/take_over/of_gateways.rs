//! What an Ingress group must leave alone because a Gateway has it: names, and what the Gateway's load balancer uses.

use crate::aws_api::Request;
use crate::deploy::failure::Cause;
use crate::deploy::resource_cache::NamedResource;
use crate::deploy::{DeployFailure, Deployer, StepFailure};
use crate::model::{Owner, Stack, StackId};
use crate::plan::{Op, Plan, Step};
use std::collections::BTreeSet;

impl Deployer {
    /// Refuses plans of an Ingress group that reach for what a Gateway has.
    pub(in crate::deploy) fn check_gateways(&self, stack: &Stack, plan: &Plan) -> Result<(), DeployFailure> {
        if stack.id.owner != Owner::Ingress || plan.is_empty() {
            return Ok(());
        }
        let mut failures = self.names_of_gateways(plan);
        failures.extend(self.not_passed_on(&stack.id, plan));
        failures.extend(self.tagged_for_gateways(&stack.id, plan));
        let deployed = self.known_deployment(stack);
        if failures.is_empty() { Ok(()) } else { Err(DeployFailure { revisit: None, failures, deployed }) }
    }

    /// Steps that would make something of a name that a Gateway has.
    ///
    /// why: AWS answers such a call with the resource that there is, if its settings are the wanted ones
    fn names_of_gateways(&self, plan: &Plan) -> Vec<StepFailure> {
        let wanted: BTreeSet<NamedResource> = plan.steps.iter().filter_map(made_by).collect();
        let found = self.resource_cache.of_gateways(&wanted);
        let failures = plan.steps.iter().filter_map(|step| {
            let resource = made_by(step)?;
            let gateway = found.get(&resource)?;
            let (what, remedy) = match &resource {
                NamedResource::LoadBalancer(name) => {
                    (format!("load balancer {name}"), "another group.name or load-balancer-name")
                }
                NamedResource::TargetGroup(name) => (format!("target group {name}"), "another group.name"),
                NamedResource::SecurityGroup(name) => {
                    (format!("security group {name}"), "another group.name")
                }
            };
            let problem = format!(
                "{what} belongs to Gateway {gateway}: give the Ingress {remedy}, or delete the Gateway"
            );
            Some(StepFailure::of(step, Cause::Problem(problem)))
        });
        failures.collect()
    }

    /// The failure of everything, if a Gateway has the load balancer already and a target group that it uses is still the group's.
    ///
    /// why: whatever became of the record on the Gateway, what carries its traffic must not be deleted as the group's
    fn not_passed_on(&self, group: &StackId, plan: &Plan) -> Option<StepFailure> {
        let (used, gateway) = self.resource_cache.used_by_gateway(group)?;
        let problem = format!(
            "target group {used} is used by the load balancer of Gateway {gateway}, and the group has no load balancer of its own: nothing \
             of the group changes until the Gateway has taken over the rest, or does not use it any more"
        );
        plan.steps.first().map(|step| StepFailure::of(step, Cause::Problem(problem)))
    }

    /// Steps that would delete what has the tags of a Gateway, too.
    ///
    /// why: a process that has just begun takes for the group's what was being passed on when its predecessor ended
    fn tagged_for_gateways(&self, group: &StackId, plan: &Plan) -> Vec<StepFailure> {
        let failures = plan.steps.iter().filter_map(|step| {
            let arn = deleted_by(step)?;
            let gateway = self.resource_cache.gateway_in_tags(group, arn)?;
            let problem = format!(
                "{arn} has the tags of Gateway {gateway}, too, and is not deleted: let the Gateway take it over, or take the tags of one of \
                 both away"
            );
            Some(StepFailure::of(step, Cause::Problem(problem)))
        });
        failures.collect()
    }
}

/// The ARN of the load balancer or target group that a step deletes.
fn deleted_by(step: &Step) -> Option<&str> {
    let Op::Aws(request) = &step.op else { return None };
    match &**request {
        Request::DeleteLoadBalancer(delete) => delete.arn.known(),
        Request::DeleteTargetGroup(delete) => delete.arn.known(),
        _ => None,
    }
}

/// What a step makes.
fn made_by(step: &Step) -> Option<NamedResource> {
    let Op::Aws(request) = &step.op else { return None };
    NamedResource::of(request)
}
