//! Permissions: whether the caller may do what the controller does. Nothing is changed for it.
//!
//! What reads is done. Of what changes something, EC2 is asked by dry runs; for the rest, and for what a dry run could not
//! tell, IAM simulates the policies of the caller.

mod arn_scope;
mod dry_runs;
mod needs;
mod reading;
mod results;
mod simulation;

use super::{Check, CheckResult};
use crate::aws::Cloud;
use crate::aws_api::iam::Principal;
use crate::aws_api::sts::CallerIdentity;
use crate::aws_api::{Action, Service};
use crate::cluster::accelerator_store;
use crate::config::Config;
use arn_scope::ArnScope;
use needs::needs;
use results::PermissionResult;

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
    let scope = ArnScope::of(identity, config);
    let mut checks = vec![reading::check(cloud, &scope, config).await];
    let results = try_changes(cloud, identity, &scope, config).await;
    let principal = Principal::of(&identity.arn);
    let principal = principal.as_ref().map_or(identity.arn.as_str(), Principal::arn);
    checks.extend(results::to_checks(&results, principal));
    checks
}

/// Whether each need is met: by a dry run where EC2 tells, or else by simulation.
async fn try_changes(
    cloud: &dyn Cloud,
    identity: &CallerIdentity,
    scope: &ArnScope,
    config: &Config,
) -> Vec<PermissionResult> {
    let (mut results, untold): (Vec<_>, Vec<_>) =
        dry_runs::run(cloud, config).await.into_iter().partition(PermissionResult::is_conclusive);
    let is_told = |need: &needs::Need| results.iter().any(|result| result.need == *need);
    let open = needs(scope, config).into_iter().filter(|situated| !is_told(&situated.need)).collect();
    let simulated = simulation::run(cloud, identity, scope, config, open).await;
    results.extend(simulated.into_iter().map(|result| result.or_from(&untold)));
    results
}

/// Whether the settings have the controller use an operation at all.
fn is_used(action: Action, config: &Config) -> bool {
    match (action.service(), action) {
        (Service::Wafv2, _) => config.enable_wafv2,
        (Service::WafRegional, _) => config.enable_waf,
        (Service::Shield, _) => config.enable_shield,
        (Service::GlobalAccelerator, _) => accelerator_store::is_on(config),
        (_, Action::DescribeCapacityReservation | Action::ModifyCapacityReservation) => {
            config.features.lb_capacity_reservation
        }
        (Service::Route53, _) | (_, Action::RequestCertificate) => {
            config.features.enable_certificate_management
        }
        (_, Action::ImportCertificate | Action::GetCertificate) => config.features.secret_certificates,
        (_, Action::ListCertificateTags | Action::DeleteCertificate) => {
            config.features.enable_certificate_management || config.features.secret_certificates
        }
        _ => true,
    }
}
