//! A Gateway that takes over the load balancer of an Ingress group.
//!
//! 1. It asks by annotation. As long as anything stands in the way, it is told what, and the group is served as before.
//! 2. The controller records on the Gateway that it begins. From then on the group is not reconciled.
//! 3. Tags in AWS and labels of TargetGroupBindings change, the load balancer's first. Until that has been done, the record may be taken
//!    back; afterwards the rest follows, also after a restart, and whatever becomes of the annotation.

use super::GatewayReconcile;
use crate::api::gateway::Gateway;
use crate::api::{Ingress, IntOrString, ObjectKey};
use crate::builder::gateway::BuiltGateway;
use crate::cluster::events::Regarding;
use crate::controller::ingress::load_group;
use crate::controller::reconcile_error::ReconcileError;
use crate::controller::stack_claims::BUSY;
use crate::controller::worker::ReconcileResult;
use crate::deploy::DeployFailure;
use crate::facts::group::IngressGroup;
use crate::gateway::status::GatewayOutcome;
use crate::model::{LOAD_BALANCER_ID, Stack, StackId};
use crate::settings::ports;
use crate::status::event::{Event, Reason};
use crate::take_over::request::{TAKEN_OVER, asked, place_of, recorded};
use crate::take_over::{TakeOverObstacle, TakeOverRequest, take_over_of};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// When to look again whether what stood in the way is gone.
const REFUSED_LOOK: Duration = Duration::from_mins(2);
/// As many obstacles are told at once.
const MAX_TOLD: usize = 4;

fn of_deployment(failure: &DeployFailure) -> ReconcileError {
    ReconcileError::of_deployment(failure)
}

/// How far a take-over is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TakeOverProgress {
    /// Nothing of the group is left.
    Done,
    /// The load balancer is the Gateway's, and more has to follow: there is no way back.
    Moved,
    /// Nothing is the Gateway's.
    Nothing,
    /// Both have a load balancer, so that neither is the other's.
    Apart,
}

/// Obstacles as one sentence.
pub fn describe_obstacles(group: &StackId, obstacles: &[TakeOverObstacle]) -> String {
    let told: Vec<String> = obstacles.iter().take(MAX_TOLD).map(ToString::to_string).collect();
    let more = obstacles.len().saturating_sub(MAX_TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("the load balancer of Ingress group {group} is not taken over: {}{more}", told.join("; "))
}

fn waits_for(group: &StackId, foreign: &ObjectKey) -> String {
    format!(
        "the take-over of Ingress group {group} waits: Ingress {foreign} is not in the namespace of the Gateway"
    )
}

impl GatewayReconcile<'_> {
    /// Does what can be done of a take-over. `None`: the Gateway's own load balancer can be deployed.
    pub(super) async fn take_over(
        &self,
        built: &BuiltGateway,
    ) -> Result<Option<ReconcileResult>, ReconcileError> {
        match take_over_of(&self.gateway, self.controller) {
            Ok(None) => Ok(None),
            Ok(Some(TakeOverRequest::Asked(group))) => self.begin(&group, built).await,
            Ok(Some(TakeOverRequest::Begun(group))) => self.go_on(&group, built).await,
            Err(error) => self.refuse(None, &error.to_string()).await.map(Some),
        }
    }

    /// A Gateway that goes takes with it what it has begun to take over, unless that is nothing yet.
    pub(super) async fn end_take_over(&self, nothing: &Stack) -> Result<(), ReconcileError> {
        let Some(id) = recorded(&self.gateway) else { return Ok(()) };
        let _claim = self.context.claims.claim(&id).ok_or(ReconcileError::Requeue(BUSY))?;
        let group = load_group(self.context, &id);
        if self.progress(&group).await? == TakeOverProgress::Moved
            && self.foreign(group.members_or_departing()).is_none()
        {
            let taken = self.context.deployer.take_over(nothing, &id, &self.ports()).await;
            taken.map_err(|failure| of_deployment(&failure))?;
        }
        Ok(())
    }

    /// Lets the group go on that a Gateway has not begun to change yet, because the Gateway cannot be built.
    ///
    /// why: the group waits for as long as there is a record, and nobody knows for how long the Gateway cannot be built
    pub(super) async fn suspend_take_over(&self) -> Result<(), ReconcileError> {
        let Some(id) = recorded(&self.gateway) else { return Ok(()) };
        let _claim = self.context.claims.claim(&id).ok_or(ReconcileError::Requeue(BUSY))?;
        let progress = self.progress(&load_group(self.context, &id)).await?;
        if matches!(progress, TakeOverProgress::Nothing | TakeOverProgress::Apart) {
            self.record_take_over(None).await?;
        }
        Ok(())
    }

    async fn begin(
        &self,
        id: &StackId,
        built: &BuiltGateway,
    ) -> Result<Option<ReconcileResult>, ReconcileError> {
        let group = load_group(self.context, id);
        if self.has_own().await? {
            return self.keep_own(&group, built).await;
        }
        if let Some(problem) = self.problem_of(&group) {
            return self.refuse(Some(&group), &problem).await.map(Some);
        }
        let Some(_claim) = self.context.claims.claim(id) else {
            return Ok(Some(ReconcileResult::RequeueAfter(BUSY)));
        };
        if let Some(problem) = self.obstacles_to(id, built).await? {
            return self.refuse(Some(&group), &problem).await.map(Some);
        }
        // why before: whoever deletes the Gateway from now on has to wait for us
        self.add_finalizer().await?;
        self.record_take_over(Some(id)).await?;
        Ok(Some(ReconcileResult::RequeueAfter(BUSY)))
    }

    /// Why taking over would change more than owners.
    async fn obstacles_to(
        &self,
        group: &StackId,
        built: &BuiltGateway,
    ) -> Result<Option<String>, ReconcileError> {
        let planned = self.context.deployer.plan_take_over(&built.stack, group, &self.ports()).await;
        let obstacles = planned.map_err(|failure| of_deployment(&failure))?.obstacles;
        Ok((!obstacles.is_empty()).then(|| describe_obstacles(group, &obstacles)))
    }

    /// Whether the Gateway has a load balancer.
    async fn has_own(&self) -> Result<bool, ReconcileError> {
        self.has_load_balancer(&self.id).await
    }

    async fn has_load_balancer(&self, stack: &StackId) -> Result<bool, ReconcileError> {
        self.context.deployer.has_load_balancer(stack).await.map_err(|failure| of_deployment(&failure))
    }

    /// How far a take-over is that the record says has begun.
    async fn progress(&self, group: &IngressGroup) -> Result<TakeOverProgress, ReconcileError> {
        let deployer = &self.context.deployer;
        let is_passed_on = deployer.is_passed_on(&group.id).await;
        if is_passed_on.map_err(|failure| of_deployment(&failure))? {
            return Ok(TakeOverProgress::Done);
        }
        let has_its_own = self.has_load_balancer(&group.id).await?;
        if deployer.is_half_passed_on(&group.id, &self.id) {
            return Ok(TakeOverProgress::Moved);
        }
        Ok(match (self.has_own().await?, has_its_own) {
            (true, false) => TakeOverProgress::Moved,
            (true, true) => TakeOverProgress::Apart,
            (false, _) => TakeOverProgress::Nothing,
        })
    }

    /// A Gateway that has a load balancer keeps it. If that is the group's, only the record is missing.
    async fn keep_own(
        &self,
        group: &IngressGroup,
        built: &BuiltGateway,
    ) -> Result<Option<ReconcileResult>, ReconcileError> {
        let deployer = &self.context.deployer;
        let own = deployer.resource_cache().deployed(&built.stack);
        let own = own.get(&LOAD_BALANCER_ID.into()).map(|found| found.dns_name.to_lowercase());
        let is_served = group.members.iter().any(|member| {
            let status = member.ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
            let mut hosts = status.iter().flat_map(|status| status.ingress.iter().flatten());
            hosts.any(|host| host.hostname.as_ref().map(|host| host.to_lowercase()) == own)
        });
        let foreign = self.foreign(group.ingresses());
        if is_served && foreign.is_none() && !self.has_load_balancer(&group.id).await? {
            self.record_take_over(Some(&group.id)).await?;
            return Ok(Some(ReconcileResult::RequeueAfter(BUSY)));
        }
        let text = foreign.filter(|_| is_served).map_or_else(
            || {
                format!(
                    "the load balancer of Ingress group {} is not taken over: the Gateway has one of its own (make a new Gateway for it)",
                    group.id
                )
            },
            |foreign| waits_for(&group.id, &foreign),
        );
        self.record(&Event::warning(Reason::FailedDeployModel, &text));
        Ok(None)
    }

    /// Why a Gateway cannot have a group's load balancer, whatever that is like.
    fn problem_of(&self, group: &IngressGroup) -> Option<String> {
        let id = &group.id;
        // why not those that are going, once it has begun: nobody but the Gateway may have what they leave
        let has_begun = recorded(&self.gateway).as_ref() == Some(id);
        if group.members.is_empty() && (group.departing.is_empty() || !has_begun) {
            return Some(format!("there is no Ingress group {id} whose load balancer could be taken over"));
        }
        if let Some(foreign) = self.foreign(group.ingresses()) {
            return Some(format!(
                "the load balancer of Ingress group {id} is not taken over: Ingress {foreign} is not in the namespace of the Gateway"
            ));
        }
        let others = self.context.stores.gateways.gateways.list_group(&place_of(id));
        let age = |gateway: &Gateway| gateway.metadata.creation_timestamp.clone();
        let is_before = |other: &Gateway| {
            recorded(other).as_ref() == Some(id)
                || (age(other), ObjectKey::of(other)) < (age(&self.gateway), self.key.clone())
        };
        let others = others.into_iter().filter(|other| ObjectKey::of(&**other) != *self.key);
        let first = others.into_iter().find(|other| is_before(other))?;
        let first = ObjectKey::of(&*first);
        Some(format!(
            "the load balancer of Ingress group {id} is not taken over: Gateway {first} asks for it, too"
        ))
    }

    /// The first Ingress that is not in the Gateway's namespace.
    ///
    /// why: whoever may write Gateways in one namespace must not take what belongs to others
    fn foreign<'i>(&self, ingresses: impl Iterator<Item = &'i Arc<Ingress>>) -> Option<ObjectKey> {
        let mut keys = ingresses.map(|ingress| ObjectKey::of(&**ingress));
        keys.find(|key| key.namespace() != self.key.namespace())
    }

    async fn go_on(
        &self,
        id: &StackId,
        built: &BuiltGateway,
    ) -> Result<Option<ReconcileResult>, ReconcileError> {
        let deployer = &self.context.deployer;
        let Some(_claim) = self.context.claims.claim(id) else {
            return Ok(Some(ReconcileResult::RequeueAfter(BUSY)));
        };
        let group = load_group(self.context, id);
        let progress = self.progress(&group).await?;
        match progress {
            TakeOverProgress::Done => return Ok(None),
            TakeOverProgress::Moved => {
                // why not those that left: who joined since then has nothing in AWS
                let foreign = self.foreign(group.members_or_departing());
                // why the record stays: the load balancer is the Gateway's, and the group must not be reconciled
                if let Some(foreign) = foreign {
                    self.record(&Event::warning(Reason::FailedDeployModel, &waits_for(id, &foreign)));
                    return Ok(Some(ReconcileResult::RequeueAfter(REFUSED_LOOK)));
                }
            }
            TakeOverProgress::Nothing | TakeOverProgress::Apart => {
                if let Some(result) = self.reconsider(&group, progress, built).await? {
                    return Ok(Some(result));
                }
            }
        }
        if let Err(failure) = deployer.take_over(&built.stack, id, &self.ports()).await {
            // why only then: of what failed otherwise nobody knows what became
            if failure.is_permanent() && !self.has_own().await? {
                self.record_take_over(None).await?;
            }
            return Err(of_deployment(&failure));
        }
        Ok(None)
    }

    /// Takes the record back if the take-over is not wanted any more, or not safe.
    async fn reconsider(
        &self,
        group: &IngressGroup,
        progress: TakeOverProgress,
        built: &BuiltGateway,
    ) -> Result<Option<ReconcileResult>, ReconcileError> {
        let id = &group.id;
        let is_asked = matches!(asked(&self.gateway), Some(Ok(asked)) if asked == *id);
        if !is_asked || progress == TakeOverProgress::Apart {
            self.record_take_over(None).await?;
            return Ok(Some(ReconcileResult::RequeueAfter(BUSY)));
        }
        let problem = match self.problem_of(group) {
            None => self.obstacles_to(id, built).await?,
            known => known,
        };
        let Some(problem) = problem else { return Ok(None) };
        self.record_take_over(None).await?;
        self.refuse(Some(group), &problem).await.map(Some)
    }

    async fn record_take_over(&self, group: Option<&StackId>) -> Result<(), ReconcileError> {
        let group = group.map(ToString::to_string);
        self.annotate(BTreeMap::from([(TAKEN_OVER, group.as_deref())])).await
    }

    /// Tells the Gateway, and the Ingresses, that nothing is taken over, and why.
    async fn refuse(
        &self,
        group: Option<&IngressGroup>,
        problem: &str,
    ) -> Result<ReconcileResult, ReconcileError> {
        tracing::warn!(gateway = %self.key, problem, "take-over refused");
        self.record(&Event::warning(Reason::FailedDeployModel, &problem));
        let near = group.into_iter().flat_map(|group| &group.members);
        for member in near.filter(|member| member.key.namespace() == self.key.namespace()) {
            let text = format!(
                "Gateway {} takes over nothing, and the Ingress is served as before: {problem}",
                self.key
            );
            let regarding = Regarding::of("networking.k8s.io/v1", "Ingress", &*member.ingress);
            self.record_about(regarding, &Event::warning(Reason::WithoutEffect, &text));
        }
        self.reporter().gateway(GatewayOutcome::Invalid(problem)).await?;
        // why: a wrong value changes with the Gateway, which is heard of
        Ok(if group.is_some() {
            ReconcileResult::RequeueAfter(REFUSED_LOOK)
        } else {
            ReconcileResult::AwaitChange
        })
    }

    /// The numbers of ports of Services.
    fn ports(&self) -> impl Fn(&ObjectKey, &IntOrString) -> Option<i32> + Send + Sync {
        let services = self.context.stores.services.clone();
        ports::numbers(move |service| services.get(service))
    }
}
