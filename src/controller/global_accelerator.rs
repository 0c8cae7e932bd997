//! GlobalAccelerators to accelerators of AWS: the five steps for one of them.
//!
//! Matches upstream's `controllers/aga`. On purpose different: the ARN of a new accelerator is recorded before anything else is
//! made, and an accelerator whose ARN is not known is found by its tags, so that none is left behind or made twice; what cannot
//! be read is no reason to change anything; and changes are heard of, not polled for.
//!
//! Nothing waits for AWS here: while an accelerator is being deployed or disabled its key is enqueued again, and a look costs one
//! call.

mod cleanup;
pub mod event_handlers;
mod execute;
mod gather;
pub mod load_balancers;
pub mod memory;
mod observe;
pub mod planning;

use self::execute::{AcceleratorStepError, Executed, execute};
use self::gather::{AcceleratorGatherError, gather};
use self::memory::MemoryEntry;
use super::ReconcileResult;
use super::context::ReconcileContext;
use crate::api::global_accelerator::{FINALIZER, GlobalAccelerator};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::api::{ObjectKey, Time};
use crate::aws::{Cloud, send};
use crate::aws_api::global_accelerator::{Accelerator as Shown, AcceleratorStatus};
use crate::aws_api::{CloudError, Tags};
use crate::clock::now;
use crate::cluster::ApiError;
use crate::cluster::events::Regarding;
use crate::global_accelerator::endpoints::WaitingEndpoint;
use crate::global_accelerator::plan::{self, AcceleratorStage, AcceleratorStep};
use crate::global_accelerator::status::{self, AcceleratorOutcome};
use crate::global_accelerator::wanted::{BuiltAccelerator, tracking_tags};
use crate::status::event::{Event, Reason};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Upstream's name of the controller.
pub const COMPONENT: &str = "globalAccelerator";
/// Between the first two attempts after a failure, as upstream.
pub const FIRST_RETRY: Duration = Duration::from_secs(5);

/// When to look again for objects that are not listed yet; when they are, their list is heard of.
const UNTIL_LISTED: Duration = Duration::from_secs(15);

/// Brings AWS and the status in line with one GlobalAccelerator.
pub async fn reconcile(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let fetch = async { context.stores.accelerators.objects.get(key) };
    let Some(object) = context.timed(COMPONENT, "fetch_globalAccelerator", fetch).await else {
        context.accelerators.forget(key);
        return ReconcileResult::Gone;
    };
    let uid = object.metadata.uid.clone().unwrap_or_default();
    let memory = context.accelerators.recall(key, &uid);
    let tracking = tracking_tags(key, &context.config);
    let cloud = &*context.facts.cloud;
    let mut pass = AcceleratorReconcile { context, cloud, key, object, tracking, memory };
    let ended = pass.run().await;
    let AcceleratorReconcile { memory, .. } = pass;
    if ended == ReconcileResult::Gone {
        context.accelerators.forget(key);
    } else {
        context.accelerators.note(key, memory);
    }
    ended
}

/// Why a pass ended early.
enum PassError {
    /// The user is told.
    Failed(PassFailure),
    /// Objects are not listed yet.
    NotListed,
    /// This replica does not lead (any more).
    NotLeader,
}

/// What went wrong.
struct PassFailure {
    event: Event,
    /// Values of the metric's label `error_category`.
    categories: Vec<&'static str>,
    /// What the status tells.
    outcome: Option<AcceleratorOutcome<'static>>,
    /// Whether only somebody's change can help.
    is_lasting: bool,
}

impl PassFailure {
    fn new(reason: Reason, cause: &dyn Display, categories: &[&'static str]) -> Self {
        let event = Event::warning(reason, cause);
        Self { event, categories: categories.to_vec(), outcome: None, is_lasting: false }
    }

    fn with_outcome(self, outcome: AcceleratorOutcome<'static>) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    fn lasting(self, is_lasting: bool) -> Self {
        Self { is_lasting, ..self }
    }
}

impl From<PassFailure> for PassError {
    fn from(failure: PassFailure) -> Self {
        Self::Failed(failure)
    }
}

const OF_RECONCILE: &str = "reconcile_globalaccelerator_error";
const OF_DEPLOYMENT: &str = "deploy_stack_error";

/// What AWS refuses as long as nobody changes anything.
fn is_lasting(error: &CloudError) -> bool {
    error.is(&[
        "InvalidArgumentException",
        "InvalidPortRangeException",
        "LimitExceededException",
        "ValidationException",
    ])
}

/// AWS could not be asked, or refused.
fn deployment_failed(stage: AcceleratorStage, error: &CloudError, text: &dyn Display) -> PassError {
    if matches!(error, CloudError::Fenced { .. }) {
        return PassError::NotLeader;
    }
    tracing::debug!(error = error.in_full(), "AWS call failed");
    PassFailure::new(Reason::FailedDeploy, text, &[stage.label(), OF_DEPLOYMENT, OF_RECONCILE])
        .with_outcome(AcceleratorOutcome::DeploymentFailed)
        .lasting(is_lasting(error))
        .into()
}

fn read_failed(stage: AcceleratorStage) -> impl Fn(CloudError) -> PassError {
    move |error| deployment_failed(stage, &error, &error)
}

fn step_failed(failure: &AcceleratorStepError) -> PassError {
    deployment_failed(failure.stage, &failure.error, failure)
}

struct AcceleratorReconcile<'a> {
    context: &'a ReconcileContext,
    cloud: &'a dyn Cloud,
    key: &'a ObjectKey,
    object: Arc<GlobalAccelerator>,
    /// The tags by which the accelerator is found.
    tracking: Tags,
    memory: MemoryEntry,
}

impl AcceleratorReconcile<'_> {
    async fn run(&mut self) -> ReconcileResult {
        let ended = if is_being_deleted(&*self.object) {
            self.clean_up().await
        } else {
            let context = self.context;
            context.timed(COMPONENT, "reconcile_globalaccelerator", self.reconcile()).await
        };
        match ended {
            Ok(result) => result,
            Err(PassError::NotLeader) => ReconcileResult::Retry,
            Err(PassError::NotListed) => ReconcileResult::MissingReference(Some(UNTIL_LISTED)),
            Err(PassError::Failed(failure)) => self.report_failure(failure).await,
        }
    }

    async fn reconcile(&mut self) -> Result<ReconcileResult, PassError> {
        self.context.timed(COMPONENT, "add_finalizers", self.add_finalizer()).await?;
        let built = self.context.timed(COMPONENT, "build_model", self.build()).await?;
        let context = self.context;
        let (shown, is_done) = context.timed(COMPONENT, "deploy_stack", self.deploy(&built)).await?;
        self.report(&built, shown.as_ref(), is_done).await
    }

    async fn add_finalizer(&self) -> Result<(), PassError> {
        if has_finalizer(&*self.object, FINALIZER) {
            return Ok(());
        }
        let added = self.context.objects.add_finalizer::<GlobalAccelerator>(self.key, FINALIZER).await;
        let failed =
            |error: ApiError| PassFailure::new(Reason::FailedAddFinalizer, &error, &["add_finalizers_error"]);
        added.map(drop).map_err(|error| failed(error).into())
    }

    async fn build(&self) -> Result<BuiltAccelerator, PassError> {
        let context = self.context;
        let load_balancers = &context.accelerators.load_balancers;
        let built = gather(&self.object, &*context.stores, load_balancers, self.cloud, &context.config).await;
        built.map_err(|error| build_failed(&error))
    }

    /// Brings AWS to what is wanted. Answers the accelerator as AWS shows it, and whether AWS is done; `None`: it waits for what
    /// says which listeners it has.
    async fn deploy(&mut self, built: &BuiltAccelerator) -> Result<(Option<Shown>, bool), PassError> {
        let wanted = &built.accelerator;
        if let Some(shown) = self.look_at_progress(built).await? {
            let is_done = shown.status == AcceleratorStatus::Deployed;
            return Ok((Some(shown), is_done));
        }
        let found = self.find().await?;
        if found.is_none() && wanted.listeners.is_none() {
            return Ok((None, false));
        }
        let (mut shown, mut changes) = self.deploy_accelerator(built, found).await?;
        self.record(&shown).await?;
        let done = self.deploy_listeners(built, &shown.arn).await?;
        self.memory.compared = Some(Instant::now());
        changes += done.steps;
        if changes > 0 {
            self.memory.polls = 0;
            self.memory.is_told = false;
            // why: what was shown before the last change says nothing about it
            shown.status = AcceleratorStatus::InProgress;
        }
        let is_done = shown.status == AcceleratorStatus::Deployed;
        self.memory.in_progress = (!is_done).then(|| (wanted.clone(), Instant::now()));
        Ok((Some(shown), is_done))
    }

    /// While AWS carries out what it was asked for a moment ago, one call tells how far it is.
    async fn look_at_progress(&mut self, built: &BuiltAccelerator) -> Result<Option<Shown>, PassError> {
        let Some(arn) = self.memory.arn.clone() else { return Ok(None) };
        if !self.memory.is_under_way(&built.accelerator) {
            return Ok(None);
        }
        let found = observe::describe(self.cloud, &arn).await;
        let shown = found.map_err(read_failed(AcceleratorStage::Accelerator))?;
        let is_done = shown.as_ref().is_none_or(|shown| shown.status == AcceleratorStatus::Deployed);
        if is_done {
            self.memory.in_progress = None;
        }
        Ok(shown)
    }

    /// The accelerator that exists already: the recorded one, or one with the object's tags.
    async fn find(&mut self) -> Result<Option<(Shown, Tags)>, PassError> {
        let failed = read_failed(AcceleratorStage::Accelerator);
        let recorded = self.memory.arn.clone().or_else(|| self.object.recorded_arn().map(str::to_owned));
        if let Some(arn) = recorded {
            let found = observe::accelerator_of(self.cloud, &arn, &self.tracking).await.map_err(&failed)?;
            if found.is_some() {
                self.memory.arn = Some(arn);
                return Ok(found);
            }
            (self.memory.arn, self.memory.in_progress) = (None, None);
        }
        if self.memory.is_absent() {
            return Ok(None);
        }
        let found = observe::find_by_tags(self.cloud, &self.tracking).await.map_err(&failed)?;
        self.memory.not_found = found.is_none().then(Instant::now);
        self.memory.arn = found.as_ref().map(|(found, _)| found.arn.clone());
        Ok(found)
    }

    /// Makes the accelerator, or brings it and its tags to what is wanted. Answers how many changes that took.
    async fn deploy_accelerator(
        &mut self,
        built: &BuiltAccelerator,
        found: Option<(Shown, Tags)>,
    ) -> Result<(Shown, usize), PassError> {
        let began = Instant::now();
        let wanted = &built.accelerator;
        let deployed = match found {
            None => (self.create(built).await?, 1),
            Some((found, tags)) => {
                let ignored = &self.context.config.external_managed_tags;
                let steps = plan::plan_accelerator(wanted, &found, &tags, ignored);
                let done = self.execute(steps).await?;
                (done.accelerator.unwrap_or(found), done.steps)
            }
        };
        self.context.metrics.observe_stage(COMPONENT, AcceleratorStage::Accelerator.label(), began.elapsed());
        Ok(deployed)
    }

    async fn create(&mut self, built: &BuiltAccelerator) -> Result<Shown, PassError> {
        let token = self.object.metadata.uid.clone().unwrap_or_default();
        // why: whether the answer comes is not known
        let not_found = self.memory.not_found.take();
        let made = send(self.cloud, plan::create(&built.accelerator, &token)).await.map_err(|error| {
            if matches!(error, CloudError::Service { .. }) {
                self.memory.not_found = not_found;
            }
            deployment_failed(AcceleratorStage::Accelerator, &error, &error)
        })?;
        tracing::info!(globalaccelerator = %self.key, arn = made.arn, "accelerator created");
        self.memory.arn = Some(made.arn.clone());
        Ok(made)
    }

    /// Records which accelerator it is before anything else is made of it.
    async fn record(&self, shown: &Shown) -> Result<(), PassError> {
        if self.object.recorded_arn() == Some(&shown.arn) {
            return Ok(());
        }
        self.write_status(&AcceleratorOutcome::Incomplete(shown)).await
    }

    async fn deploy_listeners(&mut self, built: &BuiltAccelerator, arn: &str) -> Result<Executed, PassError> {
        let Some(wanted) = &built.accelerator.listeners else { return Ok(Executed::default()) };
        let began = Instant::now();
        let observed = observe::listeners(self.cloud, arn).await;
        let observed = observed.map_err(read_failed(AcceleratorStage::Listeners))?;
        let steps = plan::plan_listeners(arn, wanted, &observed, &self.memory.asked);
        let (of_groups, of_listeners): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|step| step.stage == AcceleratorStage::EndpointGroups);
        let counts = (of_listeners.len(), of_groups.len());
        let all = of_listeners.into_iter().chain(of_groups).collect();
        let done = self.execute(all).await?;
        let took = began.elapsed();
        for (stage, count) in
            [(AcceleratorStage::Listeners, counts.0), (AcceleratorStage::EndpointGroups, counts.1)]
        {
            let share = u32::try_from(count).unwrap_or(u32::MAX);
            let whole = u32::try_from(counts.0 + counts.1).unwrap_or(u32::MAX).max(1);
            self.context.metrics.observe_stage(COMPONENT, stage.label(), took * share / whole);
        }
        Ok(done)
    }

    async fn execute(&mut self, steps: Vec<AcceleratorStep>) -> Result<Executed, PassError> {
        execute(self.cloud, steps, &mut self.memory.asked).await.map_err(|failure| step_failed(&failure))
    }

    /// Tells how it went, and says when to look again.
    async fn report(
        &mut self,
        built: &BuiltAccelerator,
        shown: Option<&Shown>,
        is_done: bool,
    ) -> Result<ReconcileResult, PassError> {
        let words: Vec<String> = built.waiting.iter().map(ToString::to_string).collect();
        let outcome = match shown {
            Some(shown) if built.accelerator.listeners.is_some() => AcceleratorOutcome::Deployed(shown),
            accelerator => AcceleratorOutcome::Waiting {
                accelerator,
                message: format!("Listener ports are discovered later: {}", words.join("; ")),
            },
        };
        self.write_status(&outcome).await?;
        if self.memory.is_news(&words) && !words.is_empty() {
            self.record_event(&Event::warning(Reason::WarningEndpoints, &words.join("; ")));
        }
        let recheck =
            built.waiting.iter().filter_map(|waiting: &WaitingEndpoint| waiting.reason.recheck()).min();
        if shown.is_some() && !is_done {
            let poll = self.memory.next_poll();
            return Ok(ReconcileResult::RequeueAfter(recheck.map_or(poll, |recheck| recheck.min(poll))));
        }
        if !built.waiting.is_empty() {
            return Ok(ReconcileResult::MissingReference(recheck));
        }
        if !std::mem::replace(&mut self.memory.is_told, true) {
            self.record_event(&Event::reconciled());
        }
        Ok(ReconcileResult::Done)
    }

    async fn report_failure(&mut self, failure: PassFailure) -> ReconcileResult {
        let PassFailure { event, categories, outcome, is_lasting } = failure;
        tracing::warn!(
            globalaccelerator = %self.key,
            reason = event.reason.as_str(),
            message = event.message
        );
        self.record_event(&event);
        for category in categories {
            self.context.metrics.count_error(COMPONENT, category);
        }
        (self.memory.in_progress, self.memory.is_told) = (None, false);
        if let Some(outcome) = outcome
            && let Err(PassError::Failed(failure)) = self.write_status(&outcome).await
        {
            tracing::warn!(globalaccelerator = %self.key, message = failure.event.message, "status not written");
        }
        if is_lasting { ReconcileResult::AwaitChange } else { ReconcileResult::Retry }
    }

    async fn write_status(&self, outcome: &AcceleratorOutcome<'_>) -> Result<(), PassError> {
        let Some(patch) = status::patch(&self.object, outcome, Time(now())) else { return Ok(()) };
        let written = self.context.objects.patch_status::<GlobalAccelerator>(self.key, &patch).await;
        let failed = |error: ApiError| PassFailure::new(Reason::FailedUpdateStatus, &error, &[OF_RECONCILE]);
        written.map_err(|error| failed(error).into())
    }

    fn record_event(&self, event: &Event) {
        let regarding = Regarding::of("aga.k8s.aws/v1beta1", "GlobalAccelerator", &*self.object);
        let recorder = self.context.recorder.component(COMPONENT);
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}

fn build_failed(error: &AcceleratorGatherError) -> PassError {
    let (is_lasting, outcome) = match error {
        AcceleratorGatherError::NotListed => return PassError::NotListed,
        AcceleratorGatherError::Invalid(_) | AcceleratorGatherError::Undiscovered(_) => {
            return model_failed(error);
        }
        AcceleratorGatherError::Endpoint(_) => (true, AcceleratorOutcome::EndpointLoadFailed),
        // why an error: what cannot be read says nothing about the endpoints that AWS has
        AcceleratorGatherError::Unread(_) => (false, AcceleratorOutcome::EndpointLoadFailed),
    };
    let failure = PassFailure::new(Reason::FailedEndpointLoad, error, &[OF_RECONCILE]).lasting(is_lasting);
    failure.with_outcome(outcome).into()
}

fn model_failed(cause: &dyn Display) -> PassError {
    PassFailure::new(Reason::FailedBuildModel, cause, &["build_model_error", OF_RECONCILE])
        .with_outcome(AcceleratorOutcome::ModelBuildFailed)
        .lasting(true)
        .into()
}
