//! What went wrong in a reconcile of a Service or a group, and what that means for the next try.

use super::Verdict;
use super::context::Context;
use super::gather::BuildFailure;
use crate::deploy::{Class, DeployFailure};
use crate::finding::{Finding, Part};
use crate::metrics::ControllerLabels;
use crate::model::Stack;
use crate::model::marshal::marshal;
use crate::status::event::{Event, Reason};
use std::fmt::Display;
use std::time::Duration;
use tracing::Level;

/// When to try again to delete the shared backend security group while something still uses it.
const IN_USE: Duration = Duration::from_secs(10);

/// Why a pass ended early.
pub enum Failure {
    /// The user is told.
    Told(Trouble),
    /// Nothing failed; it takes longer.
    Later(Duration),
    /// Worth a log line only.
    Quiet(String),
}

impl Failure {
    /// A failure of the user's objects, counted under one value of the metric's label `error_category`.
    pub fn told(reason: Reason, category: &'static str) -> impl Fn(&dyn Display) -> Self {
        move |cause| Self::Told(Trouble::new(Event::warning(reason, cause), category))
    }

    /// Nothing could be built.
    pub fn of_build(failure: &BuildFailure) -> Self {
        Self::Told(Trouble::of_build(failure))
    }

    /// Nothing is built: it would take too much.
    pub fn of_cost(finding: &Finding) -> Self {
        Self::Told(Trouble::of_cost(finding))
    }

    /// AWS or the API server refused something, or is not done yet.
    pub fn of_deployment(failure: &DeployFailure) -> Self {
        match failure.revisit {
            Some(after) => Self::Later(after),
            None => Self::Told(Trouble::of_deployment(failure)),
        }
    }
}

/// What went wrong.
pub struct Trouble {
    /// What the user is told.
    pub event: Event,
    /// Values of the metric's label `error_category`: one failure counts at every level, as upstream has it.
    categories: Vec<&'static str>,
    /// When it is tried again.
    verdict: Verdict,
}

impl Trouble {
    /// Trouble that may go by itself.
    fn new(event: Event, category: &'static str) -> Self {
        Self { event, categories: vec![category], verdict: Verdict::Retry }
    }

    /// Nothing could be built.
    fn of_build(failure: &BuildFailure) -> Self {
        let event = Event::warning(Reason::FailedBuildModel, failure);
        let verdict = fails_until_change(matches!(failure, BuildFailure::Finding(_)));
        let part = failure.part().map(Part::label);
        let categories = part.into_iter().chain(["build_model_error"]).collect();
        Self { event, categories, verdict }
    }

    /// It would take too much to build.
    fn of_cost(finding: &Finding) -> Self {
        let event = Event::warning(Reason::FailedBuildModel, finding);
        Self { event, categories: vec!["build_model_error"], verdict: Verdict::PutAside }
    }

    /// AWS or the API server refused something.
    fn of_deployment(failure: &DeployFailure) -> Self {
        let event = Event::warning(Reason::FailedDeployModel, failure);
        let stage = failure.stage().map(crate::plan::Stage::label);
        let categories = stage.into_iter().chain(["deploy_model_error"]).collect();
        Self { event, categories, verdict: fails_until_change(failure.class() == Class::UserMustAct) }
    }
}

fn fails_until_change(is_mistake: bool) -> Verdict {
    if is_mistake { Verdict::Mistaken } else { Verdict::Retry }
}

impl Context {
    /// Lets go of the shared backend security group for a stack that does not need it, or that goes.
    pub async fn release_backend_security_group(
        &self,
        controller: &'static str,
        stack: &Stack,
    ) -> Result<(), Failure> {
        let is_going = stack.load_balancers.is_empty();
        let released =
            self.facts.backend_security_group.release(&stack.id, is_going, || self.all_built()).await;
        released.map_err(|error| {
            if error.is(&["DependencyViolation"]) {
                return Failure::Later(IN_USE);
            }
            self.metrics.count_error(controller, "release_auto_generated_backend_sg_error");
            Failure::Quiet(format!("backend security group not released: {error}"))
        })
    }

    /// Counts trouble, and decides how patiently it is tried again. Next time AWS is asked anew.
    pub fn note_trouble(&self, controller: &'static str, trouble: &Trouble) -> Verdict {
        for category in &trouble.categories {
            self.metrics.count_error(controller, category);
        }
        self.facts.memory.distrust();
        if trouble.verdict == Verdict::PutAside {
            self.metrics.objects_put_aside.get_or_create(&ControllerLabels::new(controller)).inc();
        }
        trouble.verdict
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
