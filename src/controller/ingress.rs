//! Ingress groups to ALBs: the five steps for one group.
//!
//! Matches upstream's `controllers/ingress`, with one difference: a member that cannot be built is told so on its own
//! object, and does not keep the others from converging. The same goes for a member whose wishes AWS refuses.

mod error_attribution;
mod events;
pub mod refused_members;
mod taken_over;

pub use taken_over::taken_over_by;

use super::context::ReconcileContext;
use super::event_handlers::Classes;
use super::reconcile_error::{ReconcileError, log_model};
use super::stack_claims::BUSY;
use super::worker::ReconcileResult;
use super::{gather, plan_annotation};
use crate::api::{Ingress, ObjectKey};
use crate::builder::ingress::{self as build, BuiltGroup, MemberOutcome, MemberState};
use crate::deploy::{DeployFailure, Deployed, Retried};
use crate::facts::group::{self, IngressGroup};
use crate::facts::{Facts, cost};
use crate::finding::{Finding, Part};
use crate::metrics::ControllerLabels;
use crate::model::{LOAD_BALANCER_ID, StackId};
use crate::status;
use crate::status::event::Reason;
use refused_members::{RefusedStep, StandingRefusals};
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const COMPONENT: &str = "ingress";
/// Between two looks at what takes time in AWS, of a group with a member that cannot be built.
const BROKEN_LOOK: Duration = Duration::from_secs(10);

/// Brings AWS and the members' status in line with one group.
pub async fn reconcile(context: &ReconcileContext, id: &StackId) -> ReconcileResult {
    // why before the group is read: who takes over its load balancer says so before it lets go of the claim
    let Some(_claim) = context.claims.claim(id) else { return ReconcileResult::RequeueAfter(BUSY) };
    let group = context.timed(COMPONENT, "fetch_ingress", async { load_group(context, id) }).await;
    if group.members.is_empty() && group.departing.is_empty() {
        context.refused_members.remove_group(id);
        context.note_gone(id);
        return ReconcileResult::Gone;
    }
    let pass = GroupReconcile { context, group: &group };
    match Box::pin(pass.run()).await {
        Ok(result) => result,
        Err(failure) => pass.report_failure(&failure),
    }
}

/// A group as the cluster has it.
pub fn load_group(context: &ReconcileContext, id: &StackId) -> IngressGroup {
    let classes = Classes::of(&context.stores);
    group::load_group(id, &classes.candidates(&context.stores, id), &classes.view(), &context.config)
}

struct GroupReconcile<'a> {
    context: &'a ReconcileContext,
    group: &'a IngressGroup,
}

impl GroupReconcile<'_> {
    async fn run(&self) -> Result<ReconcileResult, ReconcileError> {
        let context = self.context;
        if let Some(gateway) = taken_over_by(&context.stores.gateways, &context.config.features, self.group) {
            return Box::pin(self.leave_to(&gateway)).await;
        }
        context.timed(COMPONENT, "add_group_finalizer", self.add_finalizers()).await?;
        let built = context.timed(COMPONENT, "build_model", self.build(self.group)).await?;
        if built.is_whole() || !context.config.features.secret_certificates {
            context.secrets.note(&self.group.id, &built.secrets);
        } else {
            // why not those alone: a member that cannot be built for its Secret waits until that changes
            context.secrets.note_more(&self.group.id, built.secrets.clone());
        }
        self.record_outcomes(&built.members);
        self.record_protected(&built);
        if let Some(stack) = &built.stack {
            plan_annotation::keep(context, self.group, stack).await;
        }
        let (built, deployed) = self.carry_out(built).await?;
        let revisit = match &deployed {
            Some(deployed) => self.serve(&built, deployed).await?,
            None => None,
        };
        if !self.group.departing.is_empty() {
            context.timed(COMPONENT, "remove_group_finalizer", self.release_departing(&built)).await?;
        }
        Ok(match revisit {
            None if built.lacks_only_too_costly() => self.note_put_aside(&built),
            // why: a certificate that is being validated is looked at, whatever is wrong with other members
            Some(after) if !built.is_whole() => ReconcileResult::RequeueAfter(after.max(BROKEN_LOOK)),
            _ if !built.is_whole() => self.count_invalid_members(&built),
            Some(after) => ReconcileResult::RequeueAfter(after),
            None if self.group.members.is_empty() => ReconcileResult::Gone,
            None if self.lacks_backends(&built) => ReconcileResult::MissingReference(None),
            None => ReconcileResult::Done,
        })
    }

    /// Brings AWS in line with what was built. A member whose wishes AWS refuses is left as it is, and the rest is deployed at
    /// once; so there are no more rounds than members. What was refused before is tried alone, when the rest is as wanted.
    async fn carry_out(&self, whole: BuiltGroup) -> Result<(BuiltGroup, Option<Deployed>), ReconcileError> {
        let mut group = Cow::Borrowed(self.group);
        let Some(StandingRefusals { due }) =
            self.context.refused_members.exclude_standing(&mut group, &whole)
        else {
            return self.deploy(group, whole, None).await;
        };
        let built = self.build(&group).await?;
        self.record_excluded(&built, &whole);
        let members = built.members.clone();
        let ended = self.deploy(group, built, Some(&whole)).await;
        // why: the error of the deployment is handed on
        if due.is_empty() || !self.retry(&whole, &members, &due).await? || ended.is_err() {
            return ended;
        }
        let mut group = Cow::Borrowed(self.group);
        self.context.refused_members.exclude_standing(&mut group, &whole);
        let rebuilt = self.build(&group).await?;
        self.deploy(group, rebuilt, Some(&whole)).await
    }

    /// Tries alone what AWS refused. Answers whether more can be deployed now.
    async fn retry(
        &self,
        whole: &BuiltGroup,
        members: &[MemberOutcome],
        due: &BTreeMap<ObjectKey, BTreeSet<RefusedStep>>,
    ) -> Result<bool, ReconcileError> {
        let id = &self.group.id;
        let Some(stack) = &whole.stack else { return Ok(false) };
        let retried =
            self.context.deployer.retry(stack, |steps| refused_members::refused_steps(whole, due, steps));
        let mut again = match self.context.timed(COMPONENT, "deploy_model", retried).await {
            Ok(Retried::Done) => BTreeMap::new(),
            Ok(Retried::Refused(failure)) if failure.is_permanent() => {
                error_attribution::refused_of(whole, &failure)
            }
            Ok(Retried::Refused(failure)) | Err(failure) => {
                return Err(ReconcileError::of_deployment(&failure));
            }
        };
        again.retain(|member, _| due.contains_key(member));
        if !again.is_empty() {
            self.context.metrics.count_error(COMPONENT, "deploy_model_error");
            self.record_outcomes(members);
        }
        let is_better = again.len() < due.len();
        self.context.refused_members.remove(id, due.keys().filter(|member| !again.contains_key(*member)));
        self.context.refused_members.note_again(id, again);
        Ok(is_better)
    }

    /// Deploys a group. `whole`: the group as it would be if AWS had refused nothing.
    async fn deploy(
        &self,
        mut group: Cow<'_, IngressGroup>,
        mut built: BuiltGroup,
        whole: Option<&BuiltGroup>,
    ) -> Result<(BuiltGroup, Option<Deployed>), ReconcileError> {
        let (mut steps, mut first) = (0, None);
        while let Some(stack) = &built.stack {
            log_model(stack);
            let deployed = self.context.deployer.deploy(stack);
            let failure = match self.context.timed(COMPONENT, "deploy_model", deployed).await {
                Ok(deployed) => {
                    // why: what is refused is tried again and again, and that is no news for the others
                    let is_news =
                        deployed.is_news && (built.refused().is_empty() || deployed.steps + steps > 0);
                    return Ok((built, Some(Deployed { is_news, ..deployed })));
                }
                Err(failure) => failure,
            };
            let refused = error_attribution::exclude_refused(&mut group, &built, &failure);
            if refused.is_empty() {
                if let Some(values) = error_attribution::values_of(&group, &built.attribution, &failure) {
                    self.note_partly_refused(&mut built, &values, &failure);
                    let steps = steps + failure.deployed.steps;
                    let deployed = Deployed { is_news: steps > 0, steps, ..failure.deployed };
                    return Ok((built, Some(deployed)));
                }
                let is_shared = group.members.len() > 1;
                let failure = if is_shared {
                    error_attribution::with_sources(&built.attribution, failure)
                } else {
                    failure
                };
                return Err(ReconcileError::of_deployment(&failure));
            }
            self.context.refused_members.note(whole.or(first.as_ref()).unwrap_or(&built), &group.id, refused);
            if let ReconcileError::User(reconcile_failure) = ReconcileError::of_deployment(&failure) {
                self.context.count_failure(COMPONENT, &reconcile_failure);
            }
            steps += failure.deployed.steps;
            let rebuilt = self.build(&group).await?;
            self.record_excluded(&rebuilt, &built);
            let former = std::mem::replace(&mut built, rebuilt);
            first.get_or_insert(former);
        }
        Ok((built, None))
    }

    /// Tells members of single values that AWS refuses; they are tried again with the group, ever more rarely.
    fn note_partly_refused(
        &self,
        built: &mut BuiltGroup,
        values: &BTreeMap<ObjectKey, Vec<Finding>>,
        failure: &DeployFailure,
    ) {
        built.note_partly_refused(values);
        if let ReconcileError::User(reconcile_failure) = ReconcileError::of_deployment(failure) {
            self.context.count_failure(COMPONENT, &reconcile_failure);
        }
        let told = built.members.iter().filter(|member| values.contains_key(&member.key)).cloned();
        self.tell_of(&told.collect::<Vec<_>>());
    }

    /// Brings status in line with what was deployed. Answers when to look again, if need be.
    async fn serve(
        &self,
        built: &BuiltGroup,
        deployed: &Deployed,
    ) -> Result<Option<Duration>, ReconcileError> {
        if let Some(stack) = built.stack.as_ref().filter(|_| !built.uses_backend_security_group) {
            self.context.release_backend_security_group(COMPONENT, stack).await?;
        }
        if let Some(stack) = built.stack.as_ref().filter(|_| built.is_whole()) {
            // why not else: listeners keep what a member that cannot be built had
            self.context.note_deployed_certificates(stack, &built.secrets);
        }
        let updated = self.update_status(built, deployed);
        let updated = self.context.timed(COMPONENT, "dns_resolve_and_update_status", updated).await?;
        self.record_success(built, deployed, &updated);
        Ok(deployed.revisit)
    }

    /// What is too costly is not tried again before it changes.
    fn note_put_aside(&self, built: &BuiltGroup) -> ReconcileResult {
        let counter =
            self.context.metrics.objects_put_aside.get_or_create_owned(&ControllerLabels::new(COMPONENT));
        let aside = built.members.iter().filter(|member| member.state == MemberState::TooCostly);
        for member in
            aside.filter(|member| self.context.refused_members.is_news(&self.group.id, &member.key, member))
        {
            tracing::warn!(group = %self.group.id, ingress = %member.key, "put aside until it changes");
            counter.inc();
        }
        ReconcileResult::TooCostly
    }

    /// Members that were told of their mistakes will change; until then, trying again is only a precaution.
    fn count_invalid_members(&self, built: &BuiltGroup) -> ReconcileResult {
        let (refused, broken): (Vec<_>, Vec<_>) = built
            .members
            .iter()
            .partition(|member| matches!(member.state, MemberState::Refused | MemberState::PartlyRefused));
        let findings = broken.iter().flat_map(|member| &member.findings);
        let parts: BTreeSet<Part> = findings.filter_map(|finding| finding.part).collect();
        let is_built = parts.is_empty() && !refused.is_empty();
        let of_build = (!is_built).then_some("build_model_error");
        for category in parts.into_iter().map(Part::label).chain(of_build) {
            self.context.metrics.count_error(COMPONENT, category);
        }
        self.context.facts.cache.invalidate();
        // why: what could not be looked up is nobody's mistake
        if built.has_failed_lookup { ReconcileResult::Retry } else { ReconcileResult::AwaitChange }
    }

    async fn build(&self, group: &IngressGroup) -> Result<BuiltGroup, ReconcileError> {
        let config = &self.context.config;
        let services = self.services();
        let sizes = group.members.iter().map(|member| cost::size_of_ingress(&member.ingress));
        let built = gather::build_from(services, &self.context.facts, &self.group.id, sizes.sum(), |facts| {
            build::build(group, facts, config)
        })
        .await
        .map_err(|failure| ReconcileError::of_build(&failure))?;
        self.context.note_built(&self.group.id);
        Ok(built)
    }

    /// The Services that the members refer to, read ahead.
    fn services(&self) -> Facts {
        let mut facts = Facts::default();
        for member in &self.group.members {
            for name in group::service_references(&member.ingress) {
                let key = member.key.sibling(name.as_str());
                let found = self.context.stores.services.get(&key);
                facts.services.insert((key.namespace().to_owned(), name), Ok(found));
            }
        }
        facts
    }

    async fn add_finalizers(&self) -> Result<(), ReconcileError> {
        let finalizer = group::finalizer(&self.group.id);
        for member in &self.group.members {
            if group::has_group_finalizer(&member.ingress, &self.group.id) || member.defect.is_some() {
                continue;
            }
            self.context.objects.add_finalizer::<Ingress>(&member.key, &finalizer).await.map_err(
                |error| ReconcileError::user(Reason::FailedAddFinalizer, "add_group_finalizer_error")(&error),
            )?;
        }
        Ok(())
    }

    /// Writes the addresses to the members that lack them. Answers which these were.
    async fn update_status(
        &self,
        built: &BuiltGroup,
        deployed: &Deployed,
    ) -> Result<BTreeSet<ObjectKey>, ReconcileError> {
        let mut updated = BTreeSet::new();
        let host = |id: &str| deployed.load_balancers.get(&id.into()).map(|found| found.dns_name.as_str());
        let Some(alb) = host(LOAD_BALANCER_ID) else { return Ok(updated) };
        let addresses =
            status::ingress::Addresses { alb, nlb: host("FrontendNlb"), ports: &built.listener_ports };
        for (member, outcome) in self.outcomes(built) {
            if let Some(entries) = status::ingress::reachable(&member.ingress, outcome.state, &addresses) {
                self.context
                    .objects
                    .patch_status::<Ingress>(&member.key, &json!({ "loadBalancer": { "ingress": entries } }))
                    .await
                    .map_err(|error| {
                        ReconcileError::user(
                            Reason::FailedUpdateStatus,
                            "dns_resolve_and_update_status_error",
                        )(&error)
                    })?;
                updated.insert(member.key.clone());
            }
        }
        Ok(updated)
    }

    async fn release_departing(&self, built: &BuiltGroup) -> Result<(), ReconcileError> {
        let finalizer = group::finalizer(&self.group.id);
        for departing_ingress in &self.group.departing {
            let key = ObjectKey::of(departing_ingress.as_ref());
            if built.releases(&key) {
                self.context.objects.remove_finalizer::<Ingress>(&key, &finalizer).await.map_err(
                    |error| {
                        ReconcileError::user(Reason::FailedRemoveFinalizer, "remove_group_finalizer_error")(
                            &error,
                        )
                    },
                )?;
            }
        }
        Ok(())
    }

    fn report_failure(&self, failure: &ReconcileError) -> ReconcileResult {
        let group = &self.group.id;
        match failure {
            ReconcileError::Requeue(after) => return ReconcileResult::RequeueAfter(*after),
            ReconcileError::Log(message) => tracing::warn!(%group, message),
            ReconcileError::User(reconcile_failure) => {
                let event = &reconcile_failure.event;
                tracing::warn!(%group, reason = event.reason.as_str(), message = event.message);
                // why not what goes of a group that goes on: it hears of its own
                for ingress in self.group.members_or_departing() {
                    self.record(ingress, event);
                }
                return self.context.count_failure(COMPONENT, reconcile_failure);
            }
        }
        ReconcileResult::Retry
    }
}
