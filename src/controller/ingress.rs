//! Ingress groups to ALBs: the five steps for one group.
//!
//! Matches upstream's `controllers/ingress`, with one difference: a member that cannot be built is told so on its own
//! object, and does not keep the others from converging. The same goes for a member whose wishes AWS refuses.

mod memory;
mod refusals;
mod telling;

pub use memory::RefusalMemory;

use super::context::Context;
use super::dispatch::Classes;
use super::gather;
use super::plan_annotation;
use super::trouble::{Failure, log_model};
use super::worker::Verdict;
use crate::api::{Ingress, ObjectKey};
use crate::build::ingress::{self as build, BuiltGroup, MemberOutcome, MemberState};
use crate::deploy::{DeployFailure, Deployed, Retried};
use crate::finding::{Finding, Part};
use crate::inputs::group::{self, IngressGroup};
use crate::inputs::{Facts, cost};
use crate::metrics::ControllerLabels;
use crate::model::StackId;
use crate::status;
use crate::status::event::Reason;
use memory::{RefusedStep, Standing};
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const COMPONENT: &str = "ingress";

/// Brings AWS and the members' status in line with one group.
pub async fn reconcile(context: &Context, id: &StackId) -> Verdict {
    let group = context.timed(COMPONENT, "fetch_ingress", async { load(context, id) }).await;
    if group.members.is_empty() && group.leavers.is_empty() {
        context.refusals.forget_group(id);
        return Verdict::Gone;
    }
    let pass = Pass { context, group: &group };
    match pass.run().await {
        Ok(verdict) => verdict,
        Err(failure) => pass.report_failure(&failure),
    }
}

fn load(context: &Context, id: &StackId) -> IngressGroup {
    let classes = Classes::of(&context.stores);
    group::load_group(id, &classes.candidates(&context.stores, id), &classes.view(), &context.config)
}

struct Pass<'a> {
    context: &'a Context,
    group: &'a IngressGroup,
}

impl Pass<'_> {
    async fn run(&self) -> Result<Verdict, Failure> {
        let context = self.context;
        context.timed(COMPONENT, "add_group_finalizer", self.add_finalizers()).await?;
        let built = context.timed(COMPONENT, "build_model", self.build(self.group)).await?;
        context.secrets.note(&self.group.id, &built.secrets);
        self.tell_outcomes(&built.members);
        self.tell_held(&built);
        if let Some(stack) = &built.stack {
            plan_annotation::keep(context, self.group, stack).await;
        }
        let (built, deployed) = self.carry_out(built).await?;
        let revisit = match &deployed {
            Some(deployed) => self.serve(&built, deployed).await?,
            None => None,
        };
        if !self.group.leavers.is_empty() {
            context.timed(COMPONENT, "remove_group_finalizer", self.release_leavers(&built)).await?;
        }
        Ok(match revisit {
            None if built.lacks_only_too_costly() => self.note_put_aside(&built),
            _ if !built.is_whole() => self.note_mistakes(&built),
            Some(after) => Verdict::After(after),
            None if self.group.members.is_empty() => Verdict::Gone,
            None if self.lacks_backends(&built) => Verdict::Lacking(None),
            None => Verdict::Done,
        })
    }

    /// Brings AWS in line with what was built. A member whose wishes AWS refuses is left as it is, and the rest is deployed at
    /// once; so there are no more rounds than members. What was refused before is tried alone, when the rest is as wanted.
    async fn carry_out(&self, whole: BuiltGroup) -> Result<(BuiltGroup, Option<Deployed>), Failure> {
        let mut group = Cow::Borrowed(self.group);
        let Some(Standing { due }) = self.context.refusals.recall(&mut group, &whole) else {
            return self.deploy(group, whole, None).await;
        };
        let built = self.build(&group).await?;
        self.tell_given_up(&built, &whole);
        let members = built.members.clone();
        let ended = self.deploy(group, built, Some(&whole)).await;
        // why: the error of the deployment is handed on
        if due.is_empty() || !self.retry(&whole, &members, &due).await? || ended.is_err() {
            return ended;
        }
        let mut group = Cow::Borrowed(self.group);
        self.context.refusals.recall(&mut group, &whole);
        let rebuilt = self.build(&group).await?;
        self.deploy(group, rebuilt, Some(&whole)).await
    }

    /// Tries alone what AWS refused. Answers whether more can be deployed now.
    async fn retry(
        &self,
        whole: &BuiltGroup,
        members: &[MemberOutcome],
        due: &BTreeMap<ObjectKey, BTreeSet<RefusedStep>>,
    ) -> Result<bool, Failure> {
        let id = &self.group.id;
        let Some(stack) = &whole.stack else { return Ok(false) };
        let retried = self.context.deployer.retry(stack, |steps| memory::refused_steps(whole, due, steps));
        let mut again = match self.context.timed(COMPONENT, "deploy_model", retried).await {
            Ok(Retried::Done) => BTreeMap::new(),
            Ok(Retried::Refused(failure)) if refusals::is_for_good(&failure) => {
                refusals::refused_of(whole, &failure)
            }
            Ok(Retried::Refused(failure)) | Err(failure) => return Err(Failure::of_deployment(&failure)),
        };
        again.retain(|member, _| due.contains_key(member));
        if !again.is_empty() {
            self.context.metrics.count_error(COMPONENT, "deploy_model_error");
            self.tell_outcomes(members);
        }
        let is_better = again.len() < due.len();
        self.context.refusals.forget(id, due.keys().filter(|member| !again.contains_key(*member)));
        self.context.refusals.note_again(id, again);
        Ok(is_better)
    }

    /// Deploys a group. `whole`: the group as it would be if AWS had refused nothing.
    async fn deploy(
        &self,
        mut group: Cow<'_, IngressGroup>,
        mut built: BuiltGroup,
        whole: Option<&BuiltGroup>,
    ) -> Result<(BuiltGroup, Option<Deployed>), Failure> {
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
            let refused = refusals::give_up(&mut group, &built, &failure);
            if refused.is_empty() {
                if let Some(values) = refusals::values_of(&group, &built.attribution, &failure) {
                    self.note_partly_refused(&mut built, &values, &failure);
                    let steps = steps + failure.deployed.steps;
                    let deployed = Deployed { is_news: steps > 0, steps, ..failure.deployed };
                    return Ok((built, Some(deployed)));
                }
                let is_shared = group.members.len() > 1;
                let failure =
                    if is_shared { refusals::with_sources(&built.attribution, failure) } else { failure };
                return Err(Failure::of_deployment(&failure));
            }
            self.context.refusals.note(whole.or(first.as_ref()).unwrap_or(&built), &group.id, refused);
            if let Failure::Told(trouble) = Failure::of_deployment(&failure) {
                self.context.note_trouble(COMPONENT, &trouble);
            }
            steps += failure.deployed.steps;
            let rebuilt = self.build(&group).await?;
            self.tell_given_up(&rebuilt, &built);
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
        if let Failure::Told(trouble) = Failure::of_deployment(failure) {
            self.context.note_trouble(COMPONENT, &trouble);
        }
        let told = built.members.iter().filter(|member| values.contains_key(&member.key)).cloned();
        self.tell_of(&told.collect::<Vec<_>>());
    }

    /// Brings status in line with what was deployed. Answers when to look again, if need be.
    async fn serve(&self, built: &BuiltGroup, deployed: &Deployed) -> Result<Option<Duration>, Failure> {
        if let Some(stack) = built.stack.as_ref().filter(|_| !built.uses_backend_security_group) {
            self.context.release_backend_security_group(COMPONENT, stack).await?;
        }
        let updated = self.update_status(built, deployed);
        let updated = self.context.timed(COMPONENT, "dns_resolve_and_update_status", updated).await?;
        self.tell_success(built, deployed, &updated);
        Ok(deployed.revisit)
    }

    /// What is too costly is not tried again before it changes.
    fn note_put_aside(&self, built: &BuiltGroup) -> Verdict {
        let counter =
            self.context.metrics.objects_put_aside.get_or_create_owned(&ControllerLabels::new(COMPONENT));
        let aside = built.members.iter().filter(|member| member.state == MemberState::TooCostly);
        for member in
            aside.filter(|member| self.context.refusals.is_news(&self.group.id, &member.key, member))
        {
            tracing::warn!(group = %self.group.id, ingress = %member.key, "put aside until it changes");
            counter.inc();
        }
        Verdict::PutAside
    }

    /// Members that were told of their mistakes will change; until then, trying again is only a precaution.
    fn note_mistakes(&self, built: &BuiltGroup) -> Verdict {
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
        self.context.facts.memory.distrust();
        // why: what could not be looked up is nobody's mistake
        if built.has_failed_lookup { Verdict::Retry } else { Verdict::Mistaken }
    }

    async fn build(&self, group: &IngressGroup) -> Result<BuiltGroup, Failure> {
        let config = &self.context.config;
        let services = self.services();
        let sizes = group.members.iter().map(|member| cost::size_of_ingress(&member.ingress));
        let built = gather::build_from(services, &self.context.facts, &self.group.id, sizes.sum(), |facts| {
            build::build(group, facts, config)
        })
        .await
        .map_err(|failure| Failure::of_build(&failure))?;
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

    async fn add_finalizers(&self) -> Result<(), Failure> {
        let finalizer = group::finalizer(&self.group.id);
        for member in &self.group.members {
            if group::has_group_finalizer(&member.ingress, &self.group.id) || member.defect.is_some() {
                continue;
            }
            self.context.objects.add_finalizer::<Ingress>(&member.key, &finalizer).await.map_err(
                |error| Failure::told(Reason::FailedAddFinalizer, "add_group_finalizer_error")(&error),
            )?;
        }
        Ok(())
    }

    /// Writes the addresses to the members that lack them. Answers which these were.
    async fn update_status(
        &self,
        built: &BuiltGroup,
        deployed: &Deployed,
    ) -> Result<BTreeSet<ObjectKey>, Failure> {
        let mut updated = BTreeSet::new();
        let host = |id: &str| deployed.load_balancers.get(&id.into()).map(|found| found.dns_name.as_str());
        let Some(alb) = host("LoadBalancer") else { return Ok(updated) };
        let addresses =
            status::ingress::Addresses { alb, nlb: host("FrontendNlb"), ports: &built.listener_ports };
        for (member, outcome) in self.outcomes(built) {
            if let Some(entries) = status::ingress::reachable(&member.ingress, outcome.state, &addresses) {
                self.context
                    .objects
                    .patch_status::<Ingress>(&member.key, &json!({ "loadBalancer": { "ingress": entries } }))
                    .await
                    .map_err(|error| {
                        Failure::told(Reason::FailedUpdateStatus, "dns_resolve_and_update_status_error")(
                            &error,
                        )
                    })?;
                updated.insert(member.key.clone());
            }
        }
        Ok(updated)
    }

    async fn release_leavers(&self, built: &BuiltGroup) -> Result<(), Failure> {
        let finalizer = group::finalizer(&self.group.id);
        for leaver in &self.group.leavers {
            let key = ObjectKey::of(leaver.as_ref());
            if built.releases(&key) {
                self.context.objects.remove_finalizer::<Ingress>(&key, &finalizer).await.map_err(
                    |error| {
                        Failure::told(Reason::FailedRemoveFinalizer, "remove_group_finalizer_error")(&error)
                    },
                )?;
            }
        }
        Ok(())
    }

    fn report_failure(&self, failure: &Failure) -> Verdict {
        let group = &self.group.id;
        match failure {
            Failure::Later(after) => return Verdict::After(*after),
            Failure::Quiet(message) => tracing::warn!(%group, message),
            Failure::Told(trouble) => {
                let event = &trouble.event;
                tracing::warn!(%group, reason = event.reason.as_str(), message = event.message);
                for member in &self.group.members {
                    self.record(&member.ingress, event);
                }
                return self.context.note_trouble(COMPONENT, trouble);
            }
        }
        Verdict::Retry
    }
}
