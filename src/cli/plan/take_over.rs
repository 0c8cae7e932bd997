//! The plan of a Gateway that takes over the load balancer of an Ingress group.

use super::{Planner, StackReport};
use crate::api::ObjectKey;
use crate::api::gateway::{GATEWAY_KIND, Gateway};
use crate::controller::gateway::take_over::describe_obstacles;
use crate::deploy::{DeployFailure, TakeOverPlan};
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::model::{Owner, Stack, StackId};
use crate::plan::Plan;
use crate::settings::ports;
use crate::take_over::request::{TAKE_OVER, recorded};
use crate::take_over::{TakeOverRequest, take_over_of};

/// What comes of a take-over.
pub(super) enum TakeOverOutcome {
    /// Its steps, and those that the Gateway takes afterwards.
    Planned(Plan),
    /// It is not safe, or asked for in a wrong way.
    Refused(Finding),
}

impl Planner<'_> {
    /// The plan of a take-over; `None`: nothing is taken over, and the stack is planned like any other.
    pub(super) async fn plan_take_over(
        &self,
        stack: &Stack,
    ) -> Option<Result<TakeOverOutcome, DeployFailure>> {
        let group = match self.group_of(stack) {
            Ok(group) => group?,
            Err(problem) => return Some(Ok(TakeOverOutcome::Refused(finding(&stack.id, problem)))),
        };
        self.plan_of(stack, &group).await.transpose()
    }

    async fn plan_of(
        &self,
        stack: &Stack,
        group: &StackId,
    ) -> Result<Option<TakeOverOutcome>, DeployFailure> {
        let deployer = &self.facts.deployer;
        let has_own = deployer.has_load_balancer(&stack.id).await?;
        let is_under_way = has_own && self.has_begun(stack, group) && !deployer.is_passed_on(group).await?;
        // why: what has a load balancer keeps it, unless that is the group's
        if has_own && !is_under_way {
            return Ok(None);
        }
        let services = self.stores.services.clone();
        let ports = ports::numbers(move |service| services.get(service));
        let TakeOverPlan { plan, obstacles } = deployer.plan_take_over(stack, group, &ports).await?;
        // why: once it has begun, nothing stands in its way any more
        Ok(Some(if obstacles.is_empty() || is_under_way {
            TakeOverOutcome::Planned(plan)
        } else {
            TakeOverOutcome::Refused(finding(&stack.id, describe_obstacles(group, &obstacles)))
        }))
    }

    fn has_begun(&self, stack: &Stack, group: &StackId) -> bool {
        let gateway = self.stores.gateways.gateways.get(&stack.id.object());
        gateway.is_some_and(|gateway| recorded(&gateway).as_ref() == Some(group))
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
