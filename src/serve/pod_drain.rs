//! The webhook that lets pods sleep before they end, and what it asks for.

use super::request_facts::{DelayQuestion, Delays, MissingFact, RequestFacts, StepError};
use super::review::AdmissionRequest;
use super::webhooks::Webhooks;
use crate::admission::Admitted;
use crate::admission::pod_bindings::SelectingBinding;
use crate::admission::pod_drain::{inject, is_wanted};
use crate::aws::assume_role::AssumedRole;
use futures::future::join_all;

/// Bindings of one pod whose target groups AWS is asked about; the others count with AWS's default.
const MAX_QUESTIONS: usize = 10;

/// Lets a pod sleep before it ends, as long as its load balancers need.
pub fn step(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    known: &RequestFacts,
) -> Result<Admitted, StepError> {
    let pod = &request.object.value;
    let label = |key: &str| hooks.namespace_label(request, key);
    if !is_wanted(request.operation(), pod, label) {
        return Ok(Admitted::unchanged());
    }
    let bindings: Vec<SelectingBinding> = hooks.selecting_bindings(request).collect();
    if bindings.is_empty() {
        return Ok(Admitted::unchanged());
    }
    match &known.has_sleep {
        None => return Err(StepError::Missing(MissingFact::Sleep)),
        Some(Ok(true)) => {}
        Some(Ok(false)) => return Ok(not_drained("it needs Kubernetes 1.30 or later")),
        Some(Err(reason)) => {
            return Ok(not_drained(&format!("the API server's version is not known: {reason}")));
        }
    }
    let Some(delays) = &known.delays else {
        return Err(StepError::Missing(MissingFact::DeregistrationDelays(questions(&bindings))));
    };
    Ok(inject(
        pod,
        &bindings,
        |arn| delays.get(arn).copied(),
        hooks.config.pod_drain_max_deregistration_delay,
    ))
}

fn not_drained(reason: &str) -> Admitted {
    Admitted { object: None, warnings: vec![format!("the pod does not sleep before it ends: {reason}")] }
}

fn questions(bindings: &[SelectingBinding]) -> Vec<DelayQuestion> {
    let question = |found: &SelectingBinding| {
        let arn = found.delayed_target_group()?.to_owned();
        Some((AssumedRole::of(&found.binding.spec), arn))
    };
    bindings.iter().filter_map(question).take(MAX_QUESTIONS).collect()
}

/// Asks AWS for deregistration delays, all at once.
pub async fn delays(hooks: &Webhooks, questions: Vec<DelayQuestion>) -> Delays {
    let asked = questions.into_iter().map(|question| async {
        let arn = question.1.clone();
        hooks.lookups.deregistration_delay(question).await.map(|delay| (arn, delay))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
