//! Stacks in trouble: those that cannot be built, and those whose last deployment failed.

use super::Check;
use crate::cli::plan::{Report as PlanReport, StackReport, plan_cluster};
use crate::cli::visit::{Account, Visit};
use crate::cluster::api_error::said;
use crate::cluster::survey::{ReportedFailure, Survey};
use kube::Error;
use std::time::Duration;

/// How long the cluster may take to be listed and planned. Without the right to list a kind it would take for ever.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many stacks are named.
const NAMED: usize = 20;
const SUBJECT: &str = "Stacks";

pub(super) async fn check(visit: &Visit, survey: &Survey, account: &Account) -> Vec<Check> {
    let failures = survey.failures().await;
    let Ok(report) = tokio::time::timeout(PATIENCE, plan_cluster(&visit.client, account)).await else {
        let check = Check::doubtful(SUBJECT, format!("not planned within {} s", PATIENCE.as_secs()));
        return vec![check.remedy("grant yourself `list` on all that the controller watches")];
    };
    judge(&report, failures)
}

fn judge(report: &PlanReport, failures: Result<Vec<ReportedFailure>, Error>) -> Vec<Check> {
    let mut checks = judge_stacks(report);
    match failures {
        Err(error) => checks.push(Check::doubtful("Events", said(&error))),
        // why: the failure of an object that is as wanted by now is history
        Ok(_) if report.has_nothing_to_do() => {}
        Ok(failures) => checks.extend(limited(failures.iter().map(judge_failure).collect())),
    }
    checks
}

fn judge_stacks(report: &PlanReport) -> Vec<Check> {
    let troubled: Vec<Check> = report.stacks.iter().filter_map(judge_stack).collect();
    let problems =
        report.problems.iter().map(|problem| Check::bad(problem.object.to_string(), problem.to_string()));
    let mut checks = limited(problems.chain(troubled).collect());
    let pending: Vec<String> =
        report.stacks.iter().filter(|stack| stack.steps() > 0).map(StackReport::title).take(NAMED).collect();
    if !pending.is_empty() {
        let detail = format!("{}: {}", report.summary(), pending.join(", "));
        checks.push(
            Check::doubtful(SUBJECT, detail)
                .remedy("if this stays, see `plan` and the events of the objects"),
        );
    } else if checks.is_empty() {
        checks.push(Check::good(SUBJECT, format!("{} as wanted", report.stacks.len())));
    }
    checks
}

fn judge_stack(stack: &StackReport) -> Option<Check> {
    Some(Check::bad(stack.title(), stack.trouble()?))
}

fn judge_failure(failure: &ReportedFailure) -> Check {
    let ReportedFailure { object, reason, message } = failure;
    Check::bad(object.as_str(), format!("{reason}: {message}"))
}

/// At most [`NAMED`] checks, and how many are left out.
fn limited(mut checks: Vec<Check>) -> Vec<Check> {
    let more = checks.len().saturating_sub(NAMED);
    checks.truncate(NAMED);
    if more > 0 {
        checks.push(Check::bad(SUBJECT, format!("{more} more are in trouble")));
    }
    checks
}

#[cfg(test)]
mod tests;
