//! Stacks that fail: those that cannot be built, and those whose last deployment failed.

use super::Check;
use crate::cli::plan::{PlanReport, StackReport, plan_cluster};
use crate::cli::session::{AwsSession, Session};
use crate::cluster::api_error::said;
use crate::cluster::doctor_reads::{DoctorReads, ReportedFailure};
use kube::Error;
use std::time::Duration;

/// How long the cluster may take to be listed and planned. Without the right to list a kind it would take for ever.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many stacks are named.
const NAMED: usize = 20;
const SUBJECT: &str = "Stacks";

pub(super) async fn check(session: &Session, reads: &DoctorReads, account: &AwsSession) -> Vec<Check> {
    let failures = reads.failures().await;
    let Ok(report) = tokio::time::timeout(PATIENCE, plan_cluster(&session.client, account)).await else {
        let check = Check::warn(SUBJECT, format!("not planned within {} s", PATIENCE.as_secs()));
        return vec![check.remedy("grant yourself `list` on all that the controller watches")];
    };
    to_checks(&report, failures)
}

fn to_checks(report: &PlanReport, failures: Result<Vec<ReportedFailure>, Error>) -> Vec<Check> {
    let mut checks = stack_checks(report);
    match failures {
        Err(error) => checks.push(Check::warn("Events", said(&error))),
        // why: the failure of an object that is as wanted by now is history
        Ok(_) if report.has_nothing_to_do() => {}
        Ok(failures) => checks.extend(limited(failures.iter().map(failure_check).collect())),
    }
    checks
}

fn stack_checks(report: &PlanReport) -> Vec<Check> {
    let troubled: Vec<Check> = report.stacks.iter().filter_map(stack_check).collect();
    let problems =
        report.problems.iter().map(|problem| Check::fail(problem.object.to_string(), problem.to_string()));
    let mut checks = limited(problems.chain(troubled).collect());
    let pending: Vec<String> =
        report.stacks.iter().filter(|stack| stack.steps() > 0).map(StackReport::title).take(NAMED).collect();
    if !pending.is_empty() {
        let detail = format!("{}: {}", report.summary(), pending.join(", "));
        checks.push(
            Check::warn(SUBJECT, detail).remedy("if this stays, see `plan` and the events of the objects"),
        );
    } else if checks.is_empty() {
        checks.push(Check::ok(SUBJECT, format!("{} as wanted", report.stacks.len())));
    }
    checks
}

fn stack_check(stack: &StackReport) -> Option<Check> {
    Some(Check::fail(stack.title(), stack.failure()?))
}

fn failure_check(failure: &ReportedFailure) -> Check {
    let ReportedFailure { object, reason, message } = failure;
    Check::fail(object.as_str(), format!("{reason}: {message}"))
}

/// At most [`NAMED`] checks, and how many are left out.
fn limited(mut checks: Vec<Check>) -> Vec<Check> {
    let more = checks.len().saturating_sub(NAMED);
    checks.truncate(NAMED);
    if more > 0 {
        checks.push(Check::fail(SUBJECT, format!("{more} more fail")));
    }
    checks
}

#[cfg(test)]
mod tests;
