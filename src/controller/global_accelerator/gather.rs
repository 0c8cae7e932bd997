//! Gathers and builds: a build says what it lacks, and is done again.

use super::load_balancers::LoadBalancers;
use crate::api::global_accelerator::GlobalAccelerator;
use crate::aws::Cloud;
use crate::aws_api::CloudError;
use crate::config::Config;
use crate::global_accelerator::wanted::{AcceleratorBuildError, BuiltAccelerator, build};
use crate::global_accelerator::{AcceleratorFacts, AcceleratorLookup, EndpointObjects};

/// How often a build may ask for something more: load balancers, then their listeners.
const MAX_LOOKUPS: usize = 4;

/// Why nothing is built.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcceleratorGatherError {
    /// Objects are not listed yet.
    #[error("not everything is listed")]
    NotListed,
    /// An endpoint that never can be one.
    #[error("{0}")]
    Endpoint(AcceleratorBuildError),
    /// The rest of the object.
    #[error("{0}")]
    Invalid(String),
    /// The listeners of an endpoint can never be told: it is no load balancer, or there is none.
    #[error("failed to fetch endpoint port info for auto-discovery: {0}")]
    Undiscovered(CloudError),
    /// AWS could not be asked.
    #[error("{0}")]
    Unread(CloudError),
}

/// What a GlobalAccelerator asks for.
pub(super) async fn gather(
    object: &GlobalAccelerator,
    objects: &dyn EndpointObjects,
    load_balancers: &LoadBalancers,
    cloud: &dyn Cloud,
    config: &Config,
) -> Result<BuiltAccelerator, AcceleratorGatherError> {
    let mut facts = AcceleratorFacts::default();
    for _ in 0..MAX_LOOKUPS {
        let missing = match build(object, objects, &facts, config) {
            Ok(built) => return Ok(built),
            Err(AcceleratorBuildError::Missing(missing)) => missing,
            Err(AcceleratorBuildError::NotListed) => return Err(AcceleratorGatherError::NotListed),
            Err(error @ AcceleratorBuildError::Endpoint(_)) => {
                return Err(AcceleratorGatherError::Endpoint(error));
            }
            Err(error) => return Err(AcceleratorGatherError::Invalid(error.to_string())),
        };
        for lookup in missing {
            let is_discovery = matches!(lookup, AcceleratorLookup::Listeners(_));
            load_balancers.look_up(cloud, lookup, &mut facts).await.map_err(|error| {
                if is_discovery && has_no_listeners(&error) {
                    AcceleratorGatherError::Undiscovered(error)
                } else {
                    AcceleratorGatherError::Unread(error)
                }
            })?;
        }
    }
    Err(AcceleratorGatherError::Invalid("the build asks for ever more".to_owned()))
}

/// Whether the listeners of what is named by an ARN can never be told: it is no load balancer, or there is none.
fn has_no_listeners(error: &CloudError) -> bool {
    error.is(&["LoadBalancerNotFound", "ValidationError"])
}
