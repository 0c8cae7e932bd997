#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::cli::CommandReport;
use crate::cli::doctor::{CheckResult, DoctorReport};
use crate::model::{Owner, StackId};
use crate::plan::Plan;

fn stack(name: &str) -> StackReport {
    StackReport::of(StackId { owner: Owner::Service, namespace: "shop".to_owned(), name: name.to_owned() })
}

fn plan(stacks: Vec<StackReport>) -> PlanReport {
    PlanReport { stacks, ..PlanReport::default() }
}

#[test]
fn stacks_that_are_as_wanted_are_counted() {
    let checks = to_checks(&plan(vec![stack("a").planned(Plan::default())]), Ok(Vec::new()));
    assert_eq!(checks, [Check::ok("Stacks", "1 as wanted")]);
}

#[test]
fn a_stack_that_cannot_be_built_is_named_and_fails_the_examination() {
    let checks = to_checks(
        &plan(vec![stack("a").failed(&"no subnets"), stack("b").planned(Plan::default())]),
        Ok(Vec::new()),
    );
    assert_eq!(checks, [Check::fail("Service shop/a", "no subnets")]);
    let mut report = DoctorReport::default();
    report.extend(checks);
    assert_eq!(report.exit_status(), 1);
}

#[test]
fn many_are_named_and_the_rest_is_counted() {
    let stacks = (0..25).map(|number| stack(&number.to_string()).failed(&"x")).collect();
    let checks = to_checks(&plan(stacks), Ok(Vec::new()));
    assert_eq!(checks.len(), NAMED + 1);
    assert_eq!(checks[NAMED], Check::fail("Stacks", "5 more fail"));
}

#[test]
fn reported_failures_count_while_something_is_to_be_done() {
    let failure = ReportedFailure {
        object: "Ingress shop/web".to_owned(),
        reason: "FailedDeployModel".to_owned(),
        message: "refused".to_owned(),
    };
    let calm = to_checks(&plan(vec![stack("a").planned(Plan::default())]), Ok(vec![failure.clone()]));
    assert!(calm.iter().all(|check| check.result == CheckResult::Ok), "{calm:?}");
    let troubled = to_checks(&plan(vec![stack("a").failed(&"x")]), Ok(vec![failure]));
    assert!(
        troubled.contains(&Check::fail("Ingress shop/web", "FailedDeployModel: refused")),
        "{troubled:?}"
    );
}
