//! Ingress groups to ALBs: the five steps for one group.
//!
//! Matches upstream's `controllers/ingress`, with one difference: a member that cannot be built is told so on its own
//! object, and does not keep the others from converging.

use super::context::Context;
use super::dispatch::Classes;
use super::gather;
use super::worker::Verdict;
use crate::api::{Ingress, ObjectKey};
use crate::build::ingress::{self as build, BuiltGroup, MemberOutcome};
use crate::cluster::events::Regarding;
use crate::deploy::Deployed;
use crate::inputs::Facts;
use crate::inputs::group::{self, IngressGroup, Member};
use crate::model::{Stack, StackId};
use crate::status;
use crate::status::event::{Event, Reason};
use serde_json::json;
use std::fmt::Display;
use std::time::Duration;

const COMPONENT: &str = "ingress";

/// Brings AWS and the members' status in line with one group.
pub async fn reconcile(context: &Context, id: &StackId) -> Verdict {
    let classes = Classes::of(&context.stores);
    let ingresses = context.stores.ingresses.list();
    let group = group::load_group(id, &ingresses, &classes.view(), &context.config);
    if group.members.is_empty() && group.leavers.is_empty() {
        return Verdict::Done;
    }
    let pass = Pass { context, group: &group };
    match pass.run().await {
        Ok(verdict) => verdict,
        Err(failure) => pass.report_failure(&failure),
    }
}

/// Why a pass ended early.
enum Failure {
    /// The members are told.
    Told(Event),
    /// Nothing failed; it takes longer.
    Later(Duration),
    /// Worth a log line only.
    Quiet(String),
}

impl Failure {
    fn told(reason: Reason) -> impl Fn(&dyn Display) -> Self {
        move |cause| Self::Told(Event::warning(reason, cause))
    }
}

struct Pass<'a> {
    context: &'a Context,
    group: &'a IngressGroup,
}

impl Pass<'_> {
    async fn run(&self) -> Result<Verdict, Failure> {
        self.add_finalizers().await?;
        let built = self.build().await?;
        self.tell_mistakes(&built);
        let mut revisit = None;
        if let Some(stack) = &built.stack {
            let deployed = self.deploy(stack).await?;
            if !built.uses_backend_security_group {
                self.release_backend_security_group(stack).await?;
            }
            self.update_status(&built, &deployed).await?;
            self.tell_success(&built, &deployed);
            revisit = deployed.revisit;
        }
        self.release_leavers(&built).await?;
        Ok(match revisit {
            _ if !built.is_whole() => Verdict::Retry,
            Some(after) => Verdict::After(after),
            None => Verdict::Done,
        })
    }

    async fn build(&self) -> Result<BuiltGroup, Failure> {
        let config = &self.context.config;
        let services = self.services();
        let built = gather::build_from(services, &self.context.facts, &self.group.id, |facts| {
            build::build(self.group, facts, config)
        })
        .await
        .map_err(|failure| Failure::told(Reason::FailedBuildModel)(&failure))?;
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

    async fn deploy(&self, stack: &Stack) -> Result<Deployed, Failure> {
        self.context.deployer.deploy(stack).await.map_err(|failure| match failure.revisit {
            Some(after) => Failure::Later(after),
            None => Failure::told(Reason::FailedDeployModel)(&failure),
        })
    }

    async fn add_finalizers(&self) -> Result<(), Failure> {
        let finalizer = group::finalizer(&self.group.id);
        for member in &self.group.members {
            if group::has_group_finalizer(&member.ingress, &self.group.id) || member.defect.is_some() {
                continue;
            }
            self.context
                .objects
                .add_finalizer::<Ingress>(&member.key, &finalizer)
                .await
                .map_err(|error| Failure::told(Reason::FailedAddFinalizer)(&error))?;
        }
        Ok(())
    }

    async fn update_status(&self, built: &BuiltGroup, deployed: &Deployed) -> Result<(), Failure> {
        let host = |id: &str| deployed.load_balancers.get(&id.into()).map(|found| found.dns_name.as_str());
        let Some(alb) = host("LoadBalancer") else { return Ok(()) };
        let addresses =
            status::ingress::Addresses { alb, nlb: host("FrontendNlb"), ports: &built.listener_ports };
        for (member, outcome) in self.outcomes(built) {
            if let Some(entries) = status::ingress::reachable(&member.ingress, outcome.verdict, &addresses) {
                self.context
                    .objects
                    .patch_status::<Ingress>(&member.key, &json!({ "loadBalancer": { "ingress": entries } }))
                    .await
                    .map_err(|error| Failure::told(Reason::FailedUpdateStatus)(&error))?;
            }
        }
        Ok(())
    }

    async fn release_leavers(&self, built: &BuiltGroup) -> Result<(), Failure> {
        let finalizer = group::finalizer(&self.group.id);
        for leaver in &self.group.leavers {
            let key = ObjectKey::of(leaver.as_ref());
            if built.releases(&key) {
                self.context
                    .objects
                    .remove_finalizer::<Ingress>(&key, &finalizer)
                    .await
                    .map_err(|error| Failure::told(Reason::FailedRemoveFinalizer)(&error))?;
            }
        }
        Ok(())
    }

    async fn release_backend_security_group(&self, stack: &Stack) -> Result<(), Failure> {
        let released =
            self.context.release_backend_security_group(&stack.id, stack.load_balancers.is_empty()).await;
        released.map_err(|error| Failure::Quiet(format!("backend security group not released: {error}")))
    }

    /// Members and what became of them; both are in group order.
    fn outcomes<'b>(
        &'b self,
        built: &'b BuiltGroup,
    ) -> impl Iterator<Item = (&'b Member, &'b MemberOutcome)> {
        self.group.members.iter().zip(&built.members)
    }

    fn tell_mistakes(&self, built: &BuiltGroup) {
        for (member, outcome) in self.outcomes(built) {
            if let Some(event) = status::ingress::event_of(outcome, false) {
                self.record(&member.ingress, &event);
            }
        }
        for (leaver, finding) in &built.held {
            tracing::info!(group = %self.group.id, %leaver, %finding, "the load balancer is protected");
        }
    }

    fn tell_success(&self, built: &BuiltGroup, deployed: &Deployed) {
        if deployed.is_news {
            let sound = |outcome: &MemberOutcome| status::ingress::event_of(outcome, false).is_none();
            for (member, _) in self.outcomes(built).filter(|(_, outcome)| sound(outcome)) {
                self.record(&member.ingress, &Event::reconciled());
            }
        }
    }

    fn report_failure(&self, failure: &Failure) -> Verdict {
        let group = &self.group.id;
        match failure {
            Failure::Later(after) => return Verdict::After(*after),
            Failure::Quiet(message) => tracing::warn!(%group, message),
            Failure::Told(event) => {
                tracing::warn!(%group, reason = event.reason.as_str(), message = event.message);
                for member in &self.group.members {
                    self.record(&member.ingress, event);
                }
            }
        }
        Verdict::Retry
    }

    fn record(&self, ingress: &Ingress, event: &Event) {
        let regarding = Regarding::of("networking.k8s.io/v1", "Ingress", ingress);
        let recorder = self.context.recorder.component(COMPONENT);
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}
