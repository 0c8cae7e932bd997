//! Report: the status of a Gateway and of its ListenerSets.

use super::resolved::Resolved;
use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, GatewayStatus, ListenerSet, ListenerSetStatus, true_condition};
use crate::aws::pages;
use crate::aws_api::elbv2::DescribeLoadBalancers;
use crate::clock::now;
use crate::controller::context::ReconcileContext;
use crate::controller::reconcile_error::ReconcileError;
use crate::deploy::Deployed;
use crate::gateway::attachment::Offer;
use crate::gateway::status::{
    GatewayOutcome, LoadBalancerState, StatusTime, gateway_status, set_outcomes, set_status,
};
use crate::model::LOAD_BALANCER_ID;
use crate::status::event::Reason;
use serde_json::json;
use std::time::Duration;

/// When to look again at a load balancer that is not active yet.
pub(super) const UNTIL_ACTIVE: Duration = Duration::from_secs(10);

/// States of a load balancer that serves.
const ACTIVE: [&str; 2] = ["active", "active_impaired"];

/// Writes what is news.
pub(super) struct Reporter<'a> {
    pub context: &'a ReconcileContext,
    pub key: &'a ObjectKey,
    pub gateway: &'a Gateway,
}

impl Reporter<'_> {
    /// Where the load balancer is reached, and whether it serves. AWS is asked only until it is known to serve.
    pub async fn load_balancer_state(
        &self,
        deployed: &Deployed,
    ) -> Result<Option<LoadBalancerState>, ReconcileError> {
        let Some(found) = deployed.load_balancers.get(&LOAD_BALANCER_ID.into()) else { return Ok(None) };
        let status = self.gateway.status.as_ref();
        let programmed = status.and_then(|status| true_condition(&status.conditions, "Programmed"));
        let is_known = programmed.is_some_and(|condition| condition.message == found.arn);
        let is_active = is_known || self.is_active(&found.arn).await?;
        Ok(Some(LoadBalancerState { arn: found.arn.clone(), dns_name: found.dns_name.clone(), is_active }))
    }

    async fn is_active(&self, arn: &str) -> Result<bool, ReconcileError> {
        let request =
            DescribeLoadBalancers { arns: vec![arn.to_owned()], ..DescribeLoadBalancers::default() };
        let found = pages::all(&*self.context.facts.cloud, request).await;
        let found = found.map_err(|error| update_failed(&error))?;
        Ok(found.iter().any(|one| ACTIVE.contains(&one.state.as_str())))
    }

    /// Writes the status of the Gateway.
    pub async fn gateway(&self, outcome: GatewayOutcome<'_>) -> Result<(), ReconcileError> {
        let none = GatewayStatus::default();
        let old = self.gateway.status.as_ref().unwrap_or(&none);
        let generation = self.gateway.metadata.generation.unwrap_or_default();
        let moment = StatusTime { generation, now: now() };
        let Some(new) = gateway_status(old, outcome, moment) else { return Ok(()) };
        let written = self.context.objects.patch_status::<Gateway>(self.key, &json!(new)).await;
        written.map_err(|error| update_failed(&error))
    }

    /// Writes the status of the ListenerSets that name the Gateway.
    pub async fn listener_sets(
        &self,
        resolved: &Resolved<'_>,
        offer: &Offer<'_>,
        is_active: bool,
    ) -> Result<(), ReconcileError> {
        let outcomes = set_outcomes(offer, &resolved.sets);
        let sets = &resolved.sets;
        let undecided = sets.undecided.iter().map(|(set, _)| *set);
        for set in sets.accepted.iter().copied().chain(sets.rejected.iter().copied()).chain(undecided) {
            let key = ObjectKey::of(set);
            let Some(outcome) = outcomes.get(&key) else { continue };
            let none = ListenerSetStatus::default();
            let old = set.status.as_ref().unwrap_or(&none);
            let moment = StatusTime { generation: set.metadata.generation.unwrap_or_default(), now: now() };
            let counts = &resolved.attached_routes;
            let Some(new) = set_status(old, outcome, counts, is_active, moment) else { continue };
            let written = self.context.objects.patch_status::<ListenerSet>(&key, &json!(new)).await;
            written.map_err(|error| update_failed(&error))?;
        }
        Ok(())
    }
}

fn update_failed(error: &dyn std::fmt::Display) -> ReconcileError {
    ReconcileError::user(Reason::FailedUpdateStatus, "update_status_error")(error)
}
