//! Performs a plan.

use crate::aws::Cloud;
use crate::aws_api::global_accelerator::{Accelerator, Endpoint};
use crate::aws_api::{CloudError, Request, ResolvedIds, Response};
use crate::global_accelerator::plan::{AcceleratorStage, AcceleratorStep, AskedFlags};
use std::collections::VecDeque;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}{error}", if .place.is_empty() { String::new() } else { format!("{}: ", .place) })]
pub(super) struct AcceleratorStepError {
    pub stage: AcceleratorStage,
    place: String,
    pub error: CloudError,
}

/// What performing a plan came to.
#[derive(Debug, Default)]
pub(super) struct Executed {
    /// Requests that AWS answered.
    pub steps: usize,
    /// The accelerator as the last answer shows it.
    pub accelerator: Option<Accelerator>,
}

/// Performs steps in order, up to the first that fails. What AWS is asked for of endpoints is noted.
pub(super) async fn execute(
    cloud: &dyn Cloud,
    steps: Vec<AcceleratorStep>,
    asked: &mut AskedFlags,
) -> Result<Executed, AcceleratorStepError> {
    let mut done = Executed::default();
    let mut ids = ResolvedIds::default();
    let mut steps: VecDeque<AcceleratorStep> = steps.into();
    while let Some(mut step) = steps.pop_front() {
        step.request.bind(&ids);
        let answer = match perform(cloud, &step).await {
            Err(failure) if failure.error.is(&["LimitExceededException"]) => {
                // why: a group that is full needs the old endpoints to go first
                let Some(removal) = removal_for(&step, &mut steps) else { return Err(failure) };
                perform(cloud, &removal).await?;
                done.steps += 1;
                perform(cloud, &step).await?
            }
            answer => answer?,
        };
        done.steps += 1;
        note_asked(&step.request, asked);
        match answer {
            Some(Response::UpdateAccelerator(shown)) => done.accelerator = Some(shown),
            Some(Response::CreateAcceleratorListener(arn) | Response::CreateEndpointGroup(arn)) => {
                ids.extend(step.makes.map(|symbol| (symbol, arn)));
            }
            _ => {}
        }
    }
    Ok(done)
}

/// Performs one step. `None`: there was nothing to take away any more.
async fn perform(
    cloud: &dyn Cloud,
    step: &AcceleratorStep,
) -> Result<Option<Response>, AcceleratorStepError> {
    match cloud.call(step.request.clone()).await {
        Ok(response) => Ok(Some(response)),
        Err(error) if is_gone_already(&step.request, &error) => Ok(None),
        Err(error) => Err(AcceleratorStepError { stage: step.stage, place: step.place.clone(), error }),
    }
}

/// Whether a removal failed because there is nothing to remove.
pub(super) fn is_gone_already(request: &Request, error: &CloudError) -> bool {
    match request {
        Request::DeleteAccelerator(_) => error.is(&["AcceleratorNotFoundException"]),
        Request::DeleteAcceleratorListener(_) => error.is(&["ListenerNotFoundException"]),
        Request::DeleteEndpointGroup(_) => error.is(&["EndpointGroupNotFoundException"]),
        Request::RemoveEndpoints(_) => error.is(&["EndpointNotFoundException"]),
        _ => false,
    }
}

/// The removal from the same group that comes next.
fn removal_for(step: &AcceleratorStep, rest: &mut VecDeque<AcceleratorStep>) -> Option<AcceleratorStep> {
    let Request::AddEndpoints(adding) = &step.request else { return None };
    match &rest.front()?.request {
        Request::RemoveEndpoints(removal) if adding.group_arn.known() == Some(&removal.group_arn) => {
            rest.pop_front()
        }
        _ => None,
    }
}

/// Notes whether targets shall see the address of the client.
fn note_asked(request: &Request, asked: &mut AskedFlags) {
    let (group, endpoints): (Option<&str>, &[Endpoint]) = match request {
        Request::AddEndpoints(request) => (request.group_arn.known(), &request.endpoints),
        Request::UpdateEndpointGroup(request) => {
            (Some(&request.arn), request.endpoints.as_deref().unwrap_or_default())
        }
        _ => return,
    };
    for endpoint in endpoints {
        if let (Some(group), Some(flag)) = (group, endpoint.client_ip_preservation) {
            asked.insert((group.to_owned(), endpoint.id.clone()), flag);
        }
    }
}
