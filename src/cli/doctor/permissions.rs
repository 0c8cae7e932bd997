//! Permissions: whether the caller may do what the controller does. Nothing is changed for it.
//!
//! What reads is done. Of what changes something, EC2 is asked by dry runs; for the rest, and for what a dry run could not
//! tell, IAM simulates the policies of the caller.

mod dry_runs;
mod needs;
mod place;
mod reading;
mod simulation;
mod trials;

use super::{Check, Verdict};
use crate::aws::Cloud;
use crate::cloud::iam::Principal;
use crate::cloud::sts::CallerIdentity;
use crate::cloud::{Action, Service};
use crate::config::Config;
use needs::needs;
use place::Place;
use trials::Trial;

/// Error codes by which AWS services refuse for lack of permission.
const DENIALS: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "UnauthorizedAccess",
    "AuthorizationError",
];

const REMEDY: &str = "compare the role's policy with `aws-load-balancer-controller iam-policy`";

/// Tries everything. `cloud` need not let any write pass.
pub async fn check(cloud: &dyn Cloud, identity: &CallerIdentity, config: &Config) -> Vec<Check> {
    let place = Place::of(identity, config);
    let mut checks = vec![reading::check(cloud, &place, config).await];
    let trials = try_changes(cloud, identity, &place, config).await;
    let principal = Principal::of(&identity.arn);
    let principal = principal.as_ref().map_or(identity.arn.as_str(), Principal::arn);
    checks.extend(trials::judge(&trials, principal));
    checks
}

/// Whether each need is met: by a dry run where EC2 tells, or else by simulation.
async fn try_changes(
    cloud: &dyn Cloud,
    identity: &CallerIdentity,
    place: &Place,
    config: &Config,
) -> Vec<Trial> {
    let (mut trials, untold): (Vec<_>, Vec<_>) =
        dry_runs::run(cloud, config).await.into_iter().partition(Trial::tells);
    let is_told = |need: &needs::Need| trials.iter().any(|trial| trial.need == *need);
    let open = needs(place, config).into_iter().filter(|situated| !is_told(&situated.need)).collect();
    let simulated = simulation::run(cloud, identity, place, config, open).await;
    trials.extend(simulated.into_iter().map(|trial| trial.or_as_told_by(&untold)));
    trials
}

/// Whether the settings have the controller use an operation at all.
fn is_used(action: Action, config: &Config) -> bool {
    match (action.service(), action) {
        (Service::Wafv2, _) => config.enable_wafv2,
        (Service::WafRegional, _) => config.enable_waf,
        (Service::Shield, _) => config.enable_shield,
        (_, Action::DescribeCapacityReservation | Action::ModifyCapacityReservation) => {
            config.features.lb_capacity_reservation
        }
        _ => true,
    }
}
