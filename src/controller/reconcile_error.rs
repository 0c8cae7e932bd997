//! What went wrong in a reconcile of a Service or a group, and what that means for the next try.

use super::ReconcileResult;
use super::context::ReconcileContext;
use super::gather::GatherError;
use crate::api::ObjectKey;
use crate::deploy::{DeployFailure, FailureClass};
use crate::finding::{Finding, Part};
use crate::metrics::ControllerLabels;
use crate::model::marshal::marshal;
use crate::model::{Stack, StackId};
use crate::status::event::{Event, Reason};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;
use tracing::Level;

/// When to try again to delete the shared backend security group while something still uses it.
const IN_USE: Duration = Duration::from_secs(10);

/// Why a pass ended early.
pub enum ReconcileError {
    /// The user is told.
    User(ReconcileFailure),
    /// Nothing failed; it takes longer.
    Requeue(Duration),
    /// Worth a log line only.
    Log(String),
}

impl ReconcileError {
    /// A failure of the user's objects, counted under one value of the metric's label `error_category`.
    pub fn user(reason: Reason, category: &'static str) -> impl Fn(&dyn Display) -> Self {
        move |cause| Self::User(ReconcileFailure::new(Event::warning(reason, cause), category))
    }

    /// Nothing could be built.
    pub fn of_build(failure: &GatherError) -> Self {
        Self::User(ReconcileFailure::of_build(failure))
    }

    /// Nothing is built: it would take too much.
    pub fn of_cost(finding: &Finding) -> Self {
        Self::User(ReconcileFailure::of_cost(finding))
    }

    /// AWS or the API server refused something, or is not done yet.
    pub fn of_deployment(failure: &DeployFailure) -> Self {
        match failure.revisit {
            Some(after) => Self::Requeue(after),
            None => Self::User(ReconcileFailure::of_deployment(failure)),
        }
    }
}

/// What went wrong.
pub struct ReconcileFailure {
    /// What the user is told.
    pub event: Event,
    /// Values of the metric's label `error_category`: one failure counts at every level, as upstream has it.
    categories: Vec<&'static str>,
    /// When it is tried again.
    result: ReconcileResult,
}

impl ReconcileFailure {
    /// A failure that may go away by itself.
    fn new(event: Event, category: &'static str) -> Self {
        Self { event, categories: vec![category], result: ReconcileResult::Retry }
    }

    /// Nothing could be built.
    fn of_build(failure: &GatherError) -> Self {
        let event = Event::warning(Reason::FailedBuildModel, failure);
        let result = fails_until_change(matches!(failure, GatherError::Invalid(_)));
        let part = failure.part().map(Part::label);
        let categories = part.into_iter().chain(["build_model_error"]).collect();
        Self { event, categories, result }
    }

    /// It would take too much to build.
    fn of_cost(finding: &Finding) -> Self {
        let event = Event::warning(Reason::FailedBuildModel, finding);
        Self { event, categories: vec!["build_model_error"], result: ReconcileResult::TooCostly }
    }

    /// AWS or the API server refused something.
    fn of_deployment(failure: &DeployFailure) -> Self {
        let event = Event::warning(Reason::FailedDeployModel, failure);
        let stage = failure.stage().map(crate::plan::Stage::label);
        let categories = stage.into_iter().chain(["deploy_model_error"]).collect();
        Self { event, categories, result: fails_until_change(failure.class() == FailureClass::UserMustAct) }
    }
}

fn fails_until_change(is_mistake: bool) -> ReconcileResult {
    if is_mistake { ReconcileResult::AwaitChange } else { ReconcileResult::Retry }
}

impl ReconcileContext {
    /// Lets go of the shared backend security group for a stack that does not need it, or that goes.
    pub async fn release_backend_security_group(
        &self,
        controller: &'static str,
        stack: &Stack,
    ) -> Result<(), ReconcileError> {
        let is_going = stack.load_balancers.is_empty();
        let released =
            self.facts.backend_security_group.release(&stack.id, is_going, || self.all_built()).await;
        released.map_err(|error| {
            if error.is(&["DependencyViolation"]) {
                return ReconcileError::Requeue(IN_USE);
            }
            self.metrics.count_error(controller, "release_auto_generated_backend_sg_error");
            ReconcileError::Log(format!("backend security group not released: {error}"))
        })
    }

    /// Says which Secrets a stack uses now that it is deployed. What nobody uses any more goes.
    pub fn note_deployed_certificates(&self, stack: &Stack, used: &BTreeSet<ObjectKey>) {
        if self.config.features.secret_certificates {
            self.facts.secret_certificates.note_deployed(stack, used);
        }
    }

    /// Says that the object of a stack is gone. It may have gone before its finalizer was added, when Secrets were read for it already.
    pub fn note_gone(&self, stack: &StackId) {
        self.secrets.note(stack, &BTreeSet::new());
        self.last_refused.forget(stack);
        self.note_deployed_certificates(&Stack::empty(stack.clone()), &BTreeSet::new());
    }

    /// Counts a failure, and decides how patiently it is tried again. Next time AWS is asked anew.
    pub fn count_failure(
        &self,
        controller: &'static str,
        reconcile_failure: &ReconcileFailure,
    ) -> ReconcileResult {
        for category in &reconcile_failure.categories {
            self.metrics.count_error(controller, category);
        }
        self.facts.cache.invalidate();
        if reconcile_failure.result == ReconcileResult::TooCostly {
            self.metrics.objects_put_aside.get_or_create(&ControllerLabels::new(controller)).inc();
        }
        reconcile_failure.result
    }
}

/// Shows what is wanted of AWS to whoever debugs.
///
/// why: upstream logs it at `info` in every reconcile, which is most of its log
pub fn log_model(stack: &Stack) {
    if tracing::enabled!(Level::DEBUG) {
        tracing::debug!(stack = %stack.id, model = marshal(stack), "successfully built model");
    }
}
