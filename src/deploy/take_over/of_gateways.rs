//! What an Ingress group must leave alone because a Gateway has it: names, and what the Gateway's load balancer uses.

use crate::aws_api::Request;
use crate::deploy::failure::Cause;
use crate::deploy::resource_cache::NamedResource;
use crate::deploy::{DeployFailure, Deployer, StepFailure};
use crate::model::{Owner, Stack};
use crate::plan::{Op, Plan, Step};
use std::collections::BTreeSet;

impl Deployer {
    /// Refuses steps of an Ingress group towards what a Gateway has.
    pub(in crate::deploy) fn check_gateways(&self, stack: &Stack, plan: &Plan) -> Result<(), DeployFailure> {
        if stack.id.owner != Owner::Ingress || plan.is_empty() {
            return Ok(());
        }
        let mut failures = self.names_of_gateways(plan);
        failures.extend(self.not_passed_on(stack, plan));
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

    /// The failure of everything, if a Gateway has the load balancer already and something that it uses is still the group's.
    ///
    /// why: whatever became of the record on the Gateway, what carries its traffic must not be deleted as the group's
    fn not_passed_on(&self, stack: &Stack, plan: &Plan) -> Option<StepFailure> {
        let bindings = self.bindings.of_stack(&stack.id);
        let bound = bindings.iter().filter_map(|binding| binding.spec.target_group_arn.clone()).collect();
        let (used, gateway) = self.resource_cache.used_by_gateway(&stack.id, &bound)?;
        let problem = format!(
            "{used} is used by the load balancer of Gateway {gateway}, which has taken that over from the group and has not taken over \
             the rest yet: nothing of the group changes until it has, or is deleted"
        );
        plan.steps.first().map(|step| StepFailure::of(step, Cause::Problem(problem)))
    }
}

/// What a step makes.
fn made_by(step: &Step) -> Option<NamedResource> {
    let Op::Aws(request) = &step.op else { return None };
    let request: &Request = request;
    NamedResource::of(request)
}
