//! What would be asked of AWS for a GlobalAccelerator, without asking it.

use super::gather::{AcceleratorGatherError, gather};
use super::load_balancers::LoadBalancers;
use super::observe;
use crate::api::ObjectKey;
use crate::api::global_accelerator::{FINALIZER, GlobalAccelerator};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::aws::Cloud;
use crate::aws_api::global_accelerator::{Accelerator, DeleteAccelerator};
use crate::aws_api::{CloudError, Tags};
use crate::config::Config;
use crate::global_accelerator::EndpointObjects;
use crate::global_accelerator::plan::{
    self, AcceleratorStage, AcceleratorStep, AskedFlags, ObservedListeners,
};
use crate::global_accelerator::wanted::tracking_tags;

/// What stands for the ARN of an accelerator that would be made.
const NEW_ACCELERATOR: &str = "accelerator-to-be-created";

/// What would be done, and what is waited for.
#[derive(Clone, Debug, Default)]
pub struct AcceleratorPlan {
    /// The requests, in order.
    pub steps: Vec<AcceleratorStep>,
    /// Endpoints that cannot be used yet, and why.
    pub waiting: Vec<String>,
}

/// Plans one GlobalAccelerator. Errors: why it cannot be planned, for people.
pub async fn plan_accelerator(
    object: &GlobalAccelerator,
    objects: &dyn EndpointObjects,
    load_balancers: &LoadBalancers,
    cloud: &dyn Cloud,
    config: &Config,
) -> Result<AcceleratorPlan, String> {
    let tracking = tracking_tags(&ObjectKey::of(object), config);
    if is_being_deleted(object) {
        return plan_deletion(object, &tracking, cloud).await.map_err(|error| error.to_string());
    }
    let built = match gather(object, objects, load_balancers, cloud, config).await {
        Ok(built) => built,
        Err(AcceleratorGatherError::NotListed) => {
            let waiting = "its endpoints name kinds of objects that are not looked at".to_owned();
            return Ok(AcceleratorPlan { steps: Vec::new(), waiting: vec![waiting] });
        }
        Err(error) => return Err(error.to_string()),
    };
    let waiting = built.waiting.iter().map(ToString::to_string).collect();
    let wanted = &built.accelerator;
    let found = find(object, &tracking, cloud).await.map_err(|error| error.to_string())?;
    let (mut steps, arn, observed) = match found {
        // why: nobody can tell which listeners it has before the load balancer of its only endpoint is there
        None if wanted.listeners.is_none() => return Ok(AcceleratorPlan { steps: Vec::new(), waiting }),
        None => {
            let create = plan::create(wanted, object.metadata.uid.as_deref().unwrap_or_default());
            let step = AcceleratorStep::new(AcceleratorStage::Accelerator, create);
            (vec![step], NEW_ACCELERATOR.to_owned(), ObservedListeners::default())
        }
        Some((found, tags)) => {
            let observed = observe::listeners(cloud, &found.arn).await.map_err(|error| error.to_string())?;
            (
                plan::plan_accelerator(wanted, &found, &tags, &config.external_managed_tags),
                found.arn,
                observed,
            )
        }
    };
    if let Some(listeners) = &wanted.listeners {
        steps.extend(plan::plan_listeners(&arn, listeners, &observed, &AskedFlags::default()));
    }
    Ok(AcceleratorPlan { steps, waiting })
}

async fn plan_deletion(
    object: &GlobalAccelerator,
    tracking: &Tags,
    cloud: &dyn Cloud,
) -> Result<AcceleratorPlan, CloudError> {
    let is_ours = has_finalizer(object, FINALIZER);
    let found = if is_ours { find(object, tracking, cloud).await? } else { None };
    let Some((found, _)) = found else { return Ok(AcceleratorPlan::default()) };
    let mut steps = Vec::new();
    if found.enabled {
        steps.push(AcceleratorStep::new(AcceleratorStage::Accelerator, plan::disable(&found.arn)));
    }
    steps.extend(plan::deletion(&observe::listeners(cloud, &found.arn).await?));
    let delete = DeleteAccelerator { arn: found.arn };
    steps.push(AcceleratorStep::new(AcceleratorStage::Accelerator, delete));
    Ok(AcceleratorPlan { steps, waiting: Vec::new() })
}

/// The accelerator that exists already: the recorded one, or one with the object's tags.
async fn find(
    object: &GlobalAccelerator,
    tracking: &Tags,
    cloud: &dyn Cloud,
) -> Result<Option<(Accelerator, Tags)>, CloudError> {
    if let Some(arn) = object.recorded_arn()
        && let Some(found) = observe::accelerator_of(cloud, arn, tracking).await?
    {
        return Ok(Some(found));
    }
    observe::find_by_tags(cloud, tracking).await
}
