//! A group whose load balancer a Gateway has taken over: nothing of it is reconciled any more, and its Ingresses may go.

use super::GroupReconcile;
use crate::api::gateway::Gateway;
use crate::api::{Ingress, ObjectKey};
use crate::cluster::gateway_stores::GatewayStores;
use crate::config::FeatureGates;
use crate::controller::gateway::concerned::controller_of;
use crate::controller::reconcile_error::ReconcileError;
use crate::controller::worker::ReconcileResult;
use crate::facts::group::{self, IngressGroup};
use crate::gateway::Controller;
use crate::status::event::{Event, Reason};
use crate::take_over::request::{place_of, recorded};
use std::sync::Arc;
use std::time::Duration;

/// When to look again whether everything has been taken over.
const UNDER_WAY: Duration = Duration::from_secs(3);

/// The Gateway that has begun to take over a group's load balancer, or is done. Only one with an ALB of this controller in the
/// namespace of its Ingresses can.
pub fn taken_over_by(
    stores: &GatewayStores,
    features: &FeatureGates,
    group: &IngressGroup,
) -> Option<Arc<Gateway>> {
    if !stores.is_on() {
        return None;
    }
    let is_it = |gateway: &Arc<Gateway>| {
        let key = ObjectKey::of(&**gateway);
        recorded(gateway).as_ref() == Some(&group.id)
            // why: a Gateway that nobody reconciles here would never be done, nor take its record back
            && controller_of(stores, features, gateway) == Some(Controller::Alb)
            && group.members_or_departing().all(|ingress| ObjectKey::of(&**ingress).namespace() == key.namespace())
    };
    stores.gateways.list_group(&place_of(&group.id)).into_iter().find(is_it)
}

impl GroupReconcile<'_> {
    /// Tells the members, and lets go of those that left once nothing of the group is left in AWS.
    pub(super) async fn leave_to(&self, gateway: &Gateway) -> Result<ReconcileResult, ReconcileError> {
        let (context, group) = (self.context, self.group);
        // why: the group needs no backend security group any more, and whether others do must not wait for it
        context.note_built(&group.id);
        let is_passed_on = context.deployer.is_passed_on(&group.id).await;
        if !is_passed_on.map_err(|failure| ReconcileError::of_deployment(&failure))? {
            let text = format!(
                "Gateway {} is taking over the load balancer: until it has, changes of this Ingress have no effect, and the Ingress stays",
                ObjectKey::of(gateway)
            );
            self.warn_all(&text);
            return Ok(ReconcileResult::RequeueAfter(UNDER_WAY));
        }
        let finalizer = group::finalizer(&group.id);
        for ingress in &group.departing {
            let key = ObjectKey::of(ingress.as_ref());
            let removed = context.objects.remove_finalizer::<Ingress>(&key, &finalizer).await;
            removed.map_err(|error| {
                ReconcileError::user(Reason::FailedRemoveFinalizer, "remove_group_finalizer_error")(&error)
            })?;
        }
        context.refused_members.remove_group(&group.id);
        context.note_gone(&group.id);
        if group.members.is_empty() {
            return Ok(ReconcileResult::Gone);
        }
        let gateway = ObjectKey::of(gateway);
        let text = format!(
            "Gateway {gateway} has taken over the load balancer: changes of this Ingress have no effect, and it can be deleted"
        );
        self.warn_all(&text);
        Ok(ReconcileResult::Done)
    }

    /// Tells all Ingresses of the group, also those that go.
    fn warn_all(&self, text: &str) {
        for ingress in self.group.ingresses() {
            self.record(ingress, &Event::warning(Reason::WithoutEffect, &text));
        }
    }
}
