//! The plan of a Gateway that takes over the load balancer of an Ingress group.

use super::{Planner, StackReport};
use crate::api::gateway::{GATEWAY_KIND, Gateway};
use crate::api::{IntOrString, ObjectKey};
use crate::controller::gateway::take_over::describe_obstacles;
use crate::deploy::TakeOverPlan;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::model::{Owner, Stack, StackId};
use crate::settings::ports;
use crate::take_over::request::TAKE_OVER;
use crate::take_over::{TakeOverRequest, take_over_of};

impl Planner<'_> {
    /// Adds the plan of a take-over. Errors: nothing is taken over, and the stack is planned like any other.
    pub(super) async fn plan_take_over(
        &self,
        report: StackReport,
        stack: &Stack,
    ) -> Result<StackReport, StackReport> {
        let group = match self.group_of(stack) {
            Ok(Some(group)) => group,
            Ok(None) => return Err(report),
            Err(problem) => return Ok(report.finding([&finding(&stack.id, problem)])),
        };
        let deployer = &self.facts.deployer;
        match deployer.has_load_balancer(&stack.id).await {
            Ok(false) => {}
            // why: it keeps that, or what it has begun is told by the controller
            Ok(true) => return Err(report),
            Err(failure) => return Ok(report.failed(&failure)),
        }
        let services = self.stores.services.clone();
        let ports = move |service: &ObjectKey, port: &IntOrString| {
            ports::find(&*services.get(service)?, port).map(|found| found.port)
        };
        Ok(match deployer.plan_take_over(stack, &group, &ports).await {
            Ok(TakeOverPlan { plan, obstacles }) if obstacles.is_empty() => report.planned(plan),
            Ok(TakeOverPlan { plan: _, obstacles }) => {
                report.finding([&finding(&stack.id, describe_obstacles(&group, &obstacles))])
            }
            Err(failure) => report.failed(&failure),
        })
    }

    /// The group whose load balancer a Gateway asks for.
    fn group_of(&self, stack: &Stack) -> Result<Option<StackId>, String> {
        let controller = match stack.id.owner {
            Owner::AlbGateway => Controller::Alb,
            Owner::NlbGateway => Controller::Nlb,
            Owner::Service | Owner::Ingress => return Ok(None),
        };
        let Some(gateway) = self.stores.gateways.gateways.get(&stack.id.object()) else { return Ok(None) };
        let request = take_over_of(&gateway, controller).map_err(|error| error.to_string())?;
        Ok(request.map(|(TakeOverRequest::Asked(group) | TakeOverRequest::Begun(group))| group))
    }
}

fn finding(id: &StackId, problem: String) -> Finding {
    let object = ObjectRef { kind: GATEWAY_KIND, namespace: id.namespace.clone(), name: id.name.clone() };
    Finding::error(&object, problem).at(format!("metadata.annotations[{TAKE_OVER}]"))
}

/// The report of a group whose load balancer is a Gateway's.
pub(super) fn left_to(report: StackReport, gateway: &Gateway) -> StackReport {
    let key = ObjectKey::of(gateway);
    let object =
        ObjectRef { kind: GATEWAY_KIND, namespace: key.namespace().to_owned(), name: key.name().to_owned() };
    let problem = format!("has taken over the load balancer of Ingress group {}", report.id());
    report.finding([&Finding::warning(&object, problem)])
}
