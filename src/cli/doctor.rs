//! `doctor`: what a controller needs, checked one by one; for what is missing, the remedy.
//!
//! Nothing is changed: the cluster is read and given one dry run. AWS is read; whether changes are allowed is asked by dry
//! runs of EC2 and by IAM's simulation. Every stack is planned as by `plan`; those failing are named.

mod account;
mod certificates;
mod cluster;
mod gateways;
pub mod permissions;
mod report;
mod stacks;

pub use report::{Check, CheckResult, DoctorReport};

use super::session::{Session, SessionError};
use crate::args::SessionFlags;
use crate::cluster::connect::connect_as_user;
use crate::cluster::doctor_reads::DoctorReads;

/// Checks everything that can be checked. A check that others need ends them if it fails.
pub async fn run(session_flags: &SessionFlags) -> Result<DoctorReport, SessionError> {
    let mut report = DoctorReport::default();
    let client = connect_as_user(session_flags.kubeconfig.as_deref()).await?;
    let reads = DoctorReads::new(client.clone());
    let version = reads.server_version().await;
    report.push(cluster::version_check(&version));
    let Ok(version) = version else { return Ok(report) };
    report.extend(cluster::check_definitions(&reads).await);
    report.push(cluster::ingress_class_check(reads.ingress_classes().await));
    let session = match Session::with(client, session_flags).await {
        Ok(session) => session,
        Err(error) => {
            report.push(Check::fail("Controller", error.to_string()).remedy(cluster::INSTALL));
            return Ok(report);
        }
    };
    report.extend(cluster::check_accelerator_definition(&reads, &session.settings.config).await);
    report.extend(session.installation.as_ref().map(cluster::installation_check));
    report.extend(cluster::check_leader(&reads, &session).await);
    report.extend(cluster::check_webhooks(&reads, &session, &version).await);
    report.extend(gateways::check(&reads, &session).await);
    report.extend(account::check(&session, &reads).await);
    Ok(report)
}
