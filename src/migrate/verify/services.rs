//! The load balancer of a Service beside that of its Gateway.

use super::{Difference, GeneratedObjects, Obstacle, compare_stacks, problems_of};
use crate::admission::dry_build::completed;
use crate::admission::permissive_facts::PermissiveAws;
use crate::api::{ObjectKey, Service};
use crate::config::Config;
use crate::gateway::Controller;
use crate::migrate::service::stack_of;

/// The load balancer of a Service beside that of its Gateway. Errors: why they cannot be compared.
pub(super) fn compare_service(
    service: &Service,
    gateway: &ObjectKey,
    world: &GeneratedObjects,
    config: &Config,
) -> Result<Vec<Difference>, Obstacle> {
    let today = stack_of(service, &world.services, config).map_err(Obstacle::Today)?;
    let aws = PermissiveAws::for_service(&completed(service)).with_known_services(&world.services);
    let generated = world.build(gateway, Controller::Nlb, &aws, config).map_err(Obstacle::Generated)?;
    let mut differences = problems_of(&generated);
    compare_stacks(&today, &generated.stack, &aws, config, &mut differences);
    Ok(differences)
}
