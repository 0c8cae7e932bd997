//! What went wrong in a reconcile of a Service or a group, and what that means for the next try.

use super::Verdict;
use super::context::Context;
use super::gather::BuildFailure;
use crate::deploy::{Class, DeployFailure};
use crate::model::Stack;
use crate::model::marshal::marshal;
use crate::status::event::{Event, Reason};
use tracing::Level;

/// What went wrong.
pub struct Trouble {
    /// What the user is told.
    pub event: Event,
    /// Values of the metric's label `error_category`: one failure counts at every level, as upstream has it.
    categories: Vec<&'static str>,
    /// Whether it fails until somebody changes something.
    is_mistake: bool,
}

impl Trouble {
    /// Trouble that may go by itself.
    pub fn new(event: Event, category: &'static str) -> Self {
        Self { event, categories: vec![category], is_mistake: false }
    }

    /// Nothing could be built.
    pub fn of_build(failure: &BuildFailure) -> Self {
        let event = Event::warning(Reason::FailedBuildModel, failure);
        let is_mistake = matches!(failure, BuildFailure::Finding(_));
        Self { event, categories: vec!["build_model_error"], is_mistake }
    }

    /// AWS or the API server refused something.
    pub fn of_deployment(failure: &DeployFailure) -> Self {
        let event = Event::warning(Reason::FailedDeployModel, failure);
        let stage = failure.stage().map(crate::plan::Stage::label);
        let categories = stage.into_iter().chain(["deploy_model_error"]).collect();
        Self { event, categories, is_mistake: failure.class() == Class::UserMustAct }
    }
}

impl Context {
    /// Counts trouble, and decides how patiently it is tried again. Next time AWS is asked anew.
    pub fn note_trouble(&self, controller: &'static str, trouble: &Trouble) -> Verdict {
        for category in &trouble.categories {
            self.metrics.count_error(controller, category);
        }
        self.facts.memory.distrust();
        if trouble.is_mistake { Verdict::Mistaken } else { Verdict::Retry }
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
