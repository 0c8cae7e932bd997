//! `doctor`: what a controller needs, checked one by one; for what is missing, the remedy.
//!
//! Nothing is changed: the cluster is read and given one dry run. AWS is read; whether changes are allowed is asked by dry
//! runs of EC2 and by IAM's simulation. Every stack is planned as by `plan`; those in trouble are named.

mod account;
mod cluster;
pub mod permissions;
mod report;
mod stacks;

pub use report::{Check, Report, Verdict};

use super::visit::{Visit, VisitError};
use crate::args::Inspection;
use crate::cluster::connect::connect_as_user;
use crate::cluster::survey::Survey;

/// Checks everything that can be checked. A check that others need ends them if it fails.
pub async fn run(inspection: &Inspection) -> Result<Report, VisitError> {
    let mut report = Report::default();
    let client = connect_as_user(inspection.kubeconfig.as_deref()).await?;
    let survey = Survey::new(client.clone());
    let version = survey.server_version().await;
    let reached = version.is_ok();
    report.push(cluster::judge_version(version));
    if !reached {
        return Ok(report);
    }
    report.extend(cluster::check_definitions(&survey).await);
    report.push(cluster::judge_classes(survey.ingress_classes().await));
    let visit = match Visit::with(client, inspection).await {
        Ok(visit) => visit,
        Err(error) => {
            report.push(Check::bad("Controller", error.to_string()).remedy(cluster::INSTALL));
            return Ok(report);
        }
    };
    report.extend(visit.installation.as_ref().map(cluster::judge_installation));
    report.extend(cluster::check_leader(&survey, &visit).await);
    report.extend(cluster::check_webhooks(&survey, &visit).await);
    report.extend(account::check(&visit, &survey).await);
    Ok(report)
}
