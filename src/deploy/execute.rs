//! Performs a plan, step by step.
//!
//! A step runs when all it depends on has succeeded; a few equal calls about different resources run at the same time. One that
//! fails holds up only what depends on it; only when AWS cannot be reached, asks to slow down, or another replica leads, the rest is
//! left for the next time.
//!
//! What AWS needs time for is waited for briefly, out of one small budget a deployment, and then asked to be looked at
//! again later: workers are never blocked for long.

mod batch;
mod parts;
mod response;

use super::certificates::CallPermission;
use super::failure::{Cause, FailureClass, StepFailure};
use super::refused_deletions::{RefusedDeletions, deletes};
use super::targets::batch::BatchResult;
use super::{BindingStore, CertificateCache, LeavingTargetGroups, ResourceCache, StoreError};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws::{Cloud, send};
use crate::aws_api::acm::DescribeCertificate;
use crate::aws_api::elbv2::ModifyLoadBalancerAttributes;
use crate::aws_api::{Attributes, CloudError, Request, ResolvedIds, Response};
use crate::model::StackId;
use crate::plan::binding::{is_same, patch, render_binding};
use crate::plan::{
    BindingWrite, ExhaustedQuotas, LeavingBinding, OnFailure, Op, Plan, Quota, Stage, Step, StepId,
};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// How long one deployment may wait in all.
const POLL_LIMIT: Duration = Duration::from_secs(3);
/// Until the second look whether a TargetGroupBinding is gone; each look doubles it …
const FIRST_BINDING_INTERVAL: Duration = Duration::from_millis(25);
/// … up to the time between looks at a TargetGroupBinding.
const BINDING_INTERVAL: Duration = Duration::from_millis(200);
/// Between tries of a call that comes too early.
const CALL_INTERVAL: Duration = Duration::from_secs(1);
/// When to look again at what takes its time.
const LATER: Duration = Duration::from_secs(2);

/// What came of a plan.
#[derive(Debug, Default)]
pub struct ExecutionResult {
    /// Ids that its steps brought into being.
    pub bound: ResolvedIds,
    /// How many steps succeeded.
    pub done: usize,
    /// Steps that failed.
    pub failures: Vec<StepFailure>,
    /// Steps that came too early.
    pub waits: Vec<Deferred>,
    /// Quotas that were found to be used up.
    pub newly_exhausted: Vec<Quota>,
    /// Steps that were not done.
    pub exceeded: BTreeSet<StepId>,
    /// How long the steps of each kind took.
    pub took: BTreeMap<Stage, Duration>,
    /// Whether the world turned out to be another than the plan was made for.
    pub is_stale: bool,
}

/// A step that came too early.
#[derive(Debug)]
pub struct Deferred {
    /// When to try again.
    pub after: Duration,
    /// What AWS or the API server said.
    pub failure: StepFailure,
    /// Whether it should not take long, so that the user should know if it does.
    pub is_impatient: bool,
}

/// What AWS says to a call.
type Reply = Result<Response, CloudError>;

/// How one step ended.
enum StepResult {
    Done,
    /// Too early.
    Early {
        after: Duration,
        is_impatient: bool,
        cause: Cause,
    },
    Failed(Cause),
    /// AWS refused some of the values that it sets.
    Refused {
        values: Vec<(parts::Keys, CloudError)>,
        /// Whether AWS took others.
        is_partly_done: bool,
    },
}

/// Performs one plan.
pub struct Executor<'a> {
    cloud: &'a dyn Cloud,
    bindings: &'a dyn BindingStore,
    resource_cache: &'a ResourceCache,
    stack: &'a StackId,
    exhausted_quotas: &'a ExhaustedQuotas,
    known: ResolvedIds,
    deletion_timeout: Duration,
    refused_deletions: &'a RefusedDeletions,
    /// Whether AWS refused a deletion of this plan, and performed none since: then the others are not tried.
    is_in_use: bool,
    /// Whether a target group or security group was deleted.
    has_deleted: bool,
    on_group_in_use: Option<&'a (dyn Fn() + Send + Sync)>,
    certificates: Option<&'a CertificateCache>,
    leaving: Option<&'a LeavingTargetGroups>,
    outcome: ExecutionResult,
}

impl<'a> Executor<'a> {
    /// For one plan of one stack, made with what was known of quotas. `refused_deletions`: deletions that AWS refused before.
    pub fn new(
        cloud: &'a dyn Cloud,
        bindings: &'a dyn BindingStore,
        resource_cache: &'a ResourceCache,
        stack: &'a StackId,
        (exhausted_quotas, refused_deletions): (&'a ExhaustedQuotas, &'a RefusedDeletions),
    ) -> Self {
        let (known, outcome) = (ResolvedIds::new(), ExecutionResult::default());
        Self {
            cloud,
            bindings,
            resource_cache,
            stack,
            exhausted_quotas,
            known,
            deletion_timeout: POLL_LIMIT,
            refused_deletions,
            is_in_use: false,
            has_deleted: false,
            on_group_in_use: None,
            certificates: None,
            leaving: None,
            outcome,
        }
    }

    /// Whom to tell, once, that a security group cannot be deleted because something still refers to it.
    #[must_use]
    pub fn on_group_in_use(mut self, tell: Option<&'a (dyn Fn() + Send + Sync)>) -> Self {
        self.on_group_in_use = tell;
        self
    }

    /// What is known of certificates, if they are managed.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Option<&'a CertificateCache>) -> Self {
        self.certificates = certificates;
        self
    }

    /// Whom to tell of target groups that go with their load balancers.
    #[must_use]
    pub fn with_leaving(mut self, leaving: Option<&'a LeavingTargetGroups>) -> Self {
        self.leaving = leaving;
        self
    }

    /// Performs the plan.
    pub async fn execute(mut self, plan: &Plan) -> ExecutionResult {
        self.known = plan.known.clone();
        let mut place = 0;
        while place < plan.steps.len() {
            place += self.perform_some(&plan.steps, place).await;
        }
        self.outcome
    }

    /// Performs the step at a place, and those that may run beside it. Answers how many these are.
    async fn perform_some(&mut self, steps: &[Step], place: usize) -> usize {
        // why: the first deletion shows whether the others may be refused
        let is_in_doubt = |step: &Step| is_delete(step) && (self.is_in_use || !self.has_deleted);
        let size = if steps.get(place).is_some_and(is_in_doubt) { 1 } else { batch::size(steps, place) };
        let batch = steps.get(place..place + size).unwrap_or_default();
        let replies = if size > 1 { self.call_at_once(batch).await } else { vec![None] };
        for (number, (step, reply)) in batch.iter().zip(replies).enumerate() {
            let (is_due, span) = (reply.is_some() || self.is_due(step), self.span(step));
            if !(is_due && self.perform_step(step, reply).instrument(span).await) {
                self.outcome.exceeded.insert(StepId(place + number));
            }
        }
        size
    }

    /// Whether it makes sense to perform a step.
    fn is_due(&self, step: &Step) -> bool {
        !step.after.iter().any(|id| self.outcome.exceeded.contains(id))
            && self.is_bound(step)
            && !self.must_stop()
    }

    /// Makes the calls of some steps; `None`: a step is not due.
    async fn call_at_once(&mut self, batch: &[Step]) -> Vec<Option<Reply>> {
        let began = Instant::now();
        let call = async |step: &Step| {
            let Op::Aws(request) = &step.op else { return None };
            // why: a step that refers to what is not there is not due, and told when its turn comes
            let request = request.clone().bound(&self.known).ok().filter(|_| self.is_due(step))?;
            Some(self.cloud.call(request).instrument(self.span(step)).await)
        };
        let replies = join_all(batch.iter().map(call)).await;
        if let Some(first) = batch.first() {
            *self.outcome.took.entry(first.stage).or_default() += began.elapsed();
        }
        replies
    }

    /// why: its fields stand in the line about each call to AWS
    fn span(&self, step: &Step) -> tracing::Span {
        tracing::info_span!("step", stack = %self.stack, resource = %step.resource, why = step.why)
    }

    /// Whether everything the step refers to exists.
    fn is_bound(&self, step: &Step) -> bool {
        match &step.op {
            Op::Aws(request) => request.pending().iter().all(|symbol| self.known.contains_key(symbol)),
            Op::CreateBinding(write) | Op::PatchBinding { write, .. } => !matches!(
                render_binding(write, &self.known),
                Err(crate::plan::binding::BindingError::Unresolved(_))
            ),
            Op::DeleteBinding(_)
            | Op::AwaitBindingObserved(_)
            | Op::AwaitBindingGone(_)
            | Op::AwaitCertificateFree(_) => true,
        }
    }

    /// Whether going on makes no sense: nobody answers, or what was learnt calls for another order.
    fn must_stop(&self) -> bool {
        if self.outcome.newly_exhausted.iter().any(|quota| !self.exhausted_quotas.is_exhausted(quota)) {
            return true;
        }
        self.outcome.failures.last().is_some_and(|failure| match &failure.cause {
            Cause::Cloud(error) => {
                let has_no_answer =
                    matches!(error, CloudError::Unreachable { .. } | CloudError::Fenced { .. });
                has_no_answer || error.is_throttled()
            }
            Cause::Store(StoreError::Unreachable { .. }) => true,
            _ => failure.class() == FailureClass::Bug,
        })
    }

    /// `reply`: what AWS has answered already.
    async fn perform_step(&mut self, step: &Step, reply: Option<Reply>) -> bool {
        let began = Instant::now();
        let end = match &step.op {
            Op::Aws(request) => self.call(step, request, reply).await,
            Op::CreateBinding(write) => self.create_binding(write).await,
            Op::PatchBinding { write, observed } => self.patch_binding(write, observed).await,
            Op::DeleteBinding(leaving) => self.delete_binding(leaving).await,
            Op::AwaitBindingObserved(key) => self.await_binding_observed(key).await,
            Op::AwaitBindingGone(leaving) => self.await_binding_gone(leaving).await,
            Op::AwaitCertificateFree(arn) => self.await_certificate_free(arn).await,
        };
        *self.outcome.took.entry(step.stage).or_default() += began.elapsed();
        match end {
            StepResult::Done => self.outcome.done += 1,
            StepResult::Early { after, is_impatient, cause } => {
                let failure = StepFailure::of(step, cause);
                self.outcome.waits.push(Deferred { after, failure, is_impatient });
                return false;
            }
            StepResult::Failed(cause) => {
                self.fail(step, StepFailure::of(step, cause));
                return false;
            }
            StepResult::Refused { values, is_partly_done } => {
                self.outcome.done += usize::from(is_partly_done);
                for (keys, error) in values {
                    self.fail(step, StepFailure::of_values(step, keys, error));
                }
                return false;
            }
        }
        true
    }

    fn fail(&mut self, step: &Step, failure: StepFailure) {
        // why: the text of a failure ends in events, so it leaves out what differs each time
        tracing::warn!(stack = %self.stack, step = step.op.verb(), %failure, answer = failure.answer(), "step failed");
        match step.on_failure {
            OnFailure::Requeue(after) if failure.class() != FailureClass::NotLeader => {
                self.outcome.waits.push(Deferred { after, failure, is_impatient: false });
            }
            _ => self.outcome.failures.push(failure),
        }
    }

    // ---- AWS --------------------------------------------------------------------------------------------------------

    async fn call(&mut self, step: &Step, request: &Request, reply: Option<Reply>) -> StepResult {
        // why: what the plan itself makes is referred to by symbols
        let is_about_new = !request.pending().is_empty();
        let request = match request.clone().bound(&self.known) {
            Ok(request) => request,
            Err(error) => return StepResult::Failed(error.into()),
        };
        if reply.is_none()
            && let Some(early) = deletes(&request).and_then(|resource| self.hold_back(resource))
        {
            return early;
        }
        match self.certificates.map_or(CallPermission::Granted, |certificates| certificates.permit(&request))
        {
            CallPermission::Granted => {}
            CallPermission::Needless => return StepResult::Done,
            CallPermission::Later => {
                let cause = Cause::Problem("the same record is being deleted".to_owned());
                return StepResult::Early { after: LATER, is_impatient: true, cause };
            }
        }
        let end = self.call_until_answered(step, request.clone(), reply, is_about_new).await;
        self.certificates.inspect(|certificates| certificates.note_end(&request));
        end
    }

    async fn call_until_answered(
        &mut self,
        step: &Step,
        request: Request,
        mut reply: Option<Reply>,
        is_about_new: bool,
    ) -> StepResult {
        loop {
            let reply = match reply.take() {
                Some(reply) => reply,
                None => self.cloud.call(request.clone()).await,
            };
            match reply {
                Ok(response) => return self.record_response(step, &request, &response),
                Err(error) if response::is_done_already(&request, &error) => {
                    return self.record_response(step, &request, &response::of_done(&request));
                }
                Err(error) if response::is_protected(&request, &error) => {
                    match self.delete_protected(&request).await {
                        Ok(response) => return self.record_response(step, &request, &response),
                        Err(error) => return self.refused(&request, error),
                    }
                }
                Err(error) if response::is_still_in_use(&request, &error) => {
                    self.notify_group_in_use(&error);
                    let resource = deletes(&request).unwrap_or_default();
                    let after = self.refused_deletions.note_refused(resource, &error);
                    self.is_in_use = true;
                    return StepResult::Early { after, is_impatient: true, cause: error.into() };
                }
                Err(error) if is_about_new && response::is_not_known_yet(&request, &error) => {
                    if !self.wait(CALL_INTERVAL).await {
                        return self.refused(&request, error);
                    }
                }
                Err(error) if parts::is_about_values(step, &request, &error) => {
                    return self.send_apart(&request, error).await;
                }
                Err(error) => return self.refused(&request, error),
            }
        }
    }

    async fn send_apart(&mut self, request: &Request, error: CloudError) -> StepResult {
        if response::quota_of(request, &error).is_some() {
            return self.refused(request, error);
        }
        let Self { cloud, resource_cache, stack, .. } = *self;
        let call = parts::ValueCall { cloud, resource_cache, stack, request };
        let BatchResult { refused, failure } = parts::send_apart(&call, error).await;
        match failure {
            Some(error) => self.refused(request, error),
            None if refused.is_empty() => StepResult::Done,
            None => {
                let is_partly_done = refused.len() < request.value_keys().len();
                StepResult::Refused { values: refused, is_partly_done }
            }
        }
    }

    /// Whether the deletion of a resource is not to be tried yet. What was refused before is tried as soon as another
    /// deletion of the plan succeeds.
    fn hold_back(&self, resource: &str) -> Option<StepResult> {
        if self.has_deleted && !self.is_in_use {
            return None;
        }
        let own = self.refused_deletions.wait_for(resource);
        let of_others =
            || self.refused_deletions.last().filter(|_| self.is_in_use).map(|error| (LATER, error));
        let (wait, error) = own.or_else(of_others)?;
        Some(StepResult::Early { after: wait.max(LATER), is_impatient: true, cause: error.into() })
    }

    fn notify_group_in_use(&mut self, error: &CloudError) {
        if error.is(&["DependencyViolation"])
            && let Some(tell) = self.on_group_in_use.take()
        {
            tell();
        }
    }

    /// Takes an answer to heart: the resource cache, and the ids it brings.
    fn record_response(&mut self, step: &Step, request: &Request, response: &Response) -> StepResult {
        self.resource_cache.record(self.stack, request, response);
        self.certificates.inspect(|certificates| certificates.record(self.stack, request, response));
        if let (Some(leaving), Request::DeleteTargetGroup(deleted)) = (self.leaving, request) {
            deleted.arn.known().into_iter().for_each(|arn| leaving.remove(arn));
        }
        if let Some(resource) = deletes(request) {
            self.refused_deletions.note_deleted(resource);
            self.is_in_use = false;
            self.has_deleted |= !matches!(request, Request::DeleteLoadBalancer(_));
        }
        for symbol in &step.binds {
            match response::id_of(&symbol.kind, response) {
                Some(id) => {
                    self.known.insert(symbol.clone(), id.clone());
                    self.outcome.bound.insert(symbol.clone(), id);
                }
                None => return StepResult::Failed(Cause::NoId(step.op.verb())),
            }
        }
        StepResult::Done
    }

    fn refused(&mut self, request: &Request, error: CloudError) -> StepResult {
        if let Some(quota) = response::quota_of(request, &error) {
            self.outcome.newly_exhausted.push(quota);
        }
        if response::is_doubtful(&error) {
            self.resource_cache.mark_unknown(self.stack, request);
            self.certificates.inspect(|certificates| certificates.mark_unknown(self.stack, request));
            self.outcome.is_stale |= !matches!(error, CloudError::Unreachable { .. });
        }
        StepResult::Failed(error.into())
    }

    /// why: whether a certificate may go shows only when it is tried, and its records have to go before
    async fn await_certificate_free(&mut self, arn: &str) -> StepResult {
        if let Some(early) = self.hold_back(arn) {
            return early;
        }
        let error = match send(self.cloud, DescribeCertificate { arn: arn.to_owned() }).await {
            Ok(certificate) if certificate.in_use_by.is_empty() => return StepResult::Done,
            Ok(certificate) => CloudError::Service {
                operation: "DeleteCertificate",
                code: "ResourceInUseException".to_owned(),
                message: format!("{} is used by {}", certificate.arn, certificate.in_use_by.join(", ")),
                request_id: None,
            },
            Err(error) if error.is(&["ResourceNotFoundException"]) => return StepResult::Done,
            Err(error) => return StepResult::Failed(error.into()),
        };
        let after = self.refused_deletions.note_refused(arn, &error);
        self.is_in_use = true;
        StepResult::Early { after, is_impatient: true, cause: error.into() }
    }

    /// The user asked for the load balancer to go; a protection that was put on it elsewhere does not count.
    async fn delete_protected(&self, request: &Request) -> Result<Response, CloudError> {
        if let Request::DeleteLoadBalancer(delete) = request {
            let attributes =
                Attributes::from([("deletion_protection.enabled".to_owned(), "false".to_owned())]);
            let unprotect = ModifyLoadBalancerAttributes { arn: delete.arn.clone(), attributes };
            if let Err(error) = self.cloud.call(unprotect.into()).await {
                tracing::warn!(stack = %self.stack, %error, "deletion protection could not be switched off");
            }
        }
        self.cloud.call(request.clone()).await
    }

    /// Waits a little, if the budget allows.
    async fn wait(&mut self, interval: Duration) -> bool {
        if self.deletion_timeout < interval {
            return false;
        }
        self.deletion_timeout = self.deletion_timeout.saturating_sub(interval);
        tokio::time::sleep(interval).await;
        true
    }

    // ---- TargetGroupBindings ----------------------------------------------------------------------------------------

    async fn create_binding(&mut self, write: &BindingWrite) -> StepResult {
        let wanted = match render_binding(write, &self.known) {
            Ok(wanted) => wanted,
            Err(error) => return StepResult::Failed(error.into()),
        };
        match self.bindings.create(wanted.clone()).await {
            Err(StoreError::AlreadyExists(key)) => self.adopt_binding(&key, &wanted).await,
            created => ended(created),
        }
    }

    /// The cache had not seen it yet, or somebody else's binding has the name.
    async fn adopt_binding(&mut self, key: &ObjectKey, wanted: &TargetGroupBinding) -> StepResult {
        let observed = match self.bindings.get(key.clone()).await {
            Ok(Some(observed)) => observed,
            Ok(None) => return StepResult::Failed(StoreError::Conflict(key.clone()).into()),
            Err(error) => return StepResult::Failed(error.into()),
        };
        let is_ours = wanted.metadata.labels == observed.metadata.labels;
        let has_target_group = wanted.spec.target_group_arn == observed.spec.target_group_arn;
        match (is_ours, has_target_group) {
            (true, true) if is_same(wanted, &observed) => StepResult::Done,
            (true, true) => ended(self.bindings.patch(key.clone(), patch(wanted, &observed)).await),
            (true, false) => {
                let cause = StoreError::AlreadyExists(key.clone()).into();
                StepResult::Early { after: LATER, is_impatient: true, cause }
            }
            (false, _) => StepResult::Failed(StoreError::AlreadyExists(key.clone()).into()),
        }
    }

    async fn patch_binding(&mut self, write: &BindingWrite, observed: &TargetGroupBinding) -> StepResult {
        match render_binding(write, &self.known) {
            Ok(wanted) => {
                let key = ObjectKey::of(observed);
                ended(self.bindings.patch(key, patch(&wanted, observed)).await)
            }
            Err(error) => StepResult::Failed(error.into()),
        }
    }

    /// A binding of a target group that AWS answered when it was asked to create it stays: the target group was there all
    /// along, only reads did not show it.
    async fn delete_binding(&mut self, leaving: &LeavingBinding) -> StepResult {
        self.note_leaving(leaving);
        let key = &leaving.key;
        if self.outcome.bound.is_empty() {
            return ended(self.bindings.delete(key.clone()).await);
        }
        match self.bindings.get(key.clone()).await {
            Ok(Some(binding)) if self.is_of_bound(&binding) => StepResult::Done,
            Ok(_) => ended(self.bindings.delete(key.clone()).await),
            Err(error) => StepResult::Failed(error.into()),
        }
    }

    /// why: before the binding is deleted, because its controller may hear of that at once
    fn note_leaving(&self, leaving: &LeavingBinding) {
        if let (Some(known), Some(arn)) = (self.leaving, &leaving.target_group) {
            known.add(arn);
        }
    }

    fn is_of_bound(&self, binding: &TargetGroupBinding) -> bool {
        let arn = binding.spec.target_group_arn.as_ref();
        arn.is_some_and(|arn| self.outcome.bound.values().any(|bound| bound == arn))
    }

    /// why: whether targets follow is the binding's own business and told there; here it only improves the order
    async fn await_binding_observed(&mut self, key: &ObjectKey) -> StepResult {
        loop {
            match self.bindings.get(key.clone()).await {
                Ok(Some(binding)) if !is_observed(&binding) => {}
                Ok(_) => return StepResult::Done,
                Err(error) => {
                    tracing::debug!(binding = %key, %error, "cannot tell yet whether targets follow");
                }
            }
            if !self.wait(BINDING_INTERVAL).await {
                return StepResult::Done;
            }
        }
    }

    async fn await_binding_gone(&mut self, leaving: &LeavingBinding) -> StepResult {
        self.note_leaving(leaving);
        let key = &leaving.key;
        let mut interval = FIRST_BINDING_INTERVAL;
        loop {
            match self.bindings.get(key.clone()).await {
                Ok(None) => return StepResult::Done,
                Ok(Some(binding)) if self.is_of_bound(&binding) => return StepResult::Done,
                Ok(Some(_)) => {}
                Err(error) => return StepResult::Failed(error.into()),
            }
            if !self.wait(interval).await {
                let cause = Cause::StillThere(key.clone());
                return StepResult::Early { after: LATER, is_impatient: true, cause };
            }
            interval = (interval * 2).min(BINDING_INTERVAL);
        }
    }
}

/// Whether a step deletes what AWS may say is in use.
fn is_delete(step: &Step) -> bool {
    matches!(&step.op, Op::Aws(request) if deletes(request).is_some())
}

fn is_observed(binding: &TargetGroupBinding) -> bool {
    let observed = binding.status.as_ref().and_then(|status| status.observed_generation);
    observed.unwrap_or_default() >= binding.metadata.generation.unwrap_or_default()
}

fn ended<T>(result: Result<T, StoreError>) -> StepResult {
    match result {
        Ok(_) => StepResult::Done,
        Err(error) => StepResult::Failed(error.into()),
    }
}
