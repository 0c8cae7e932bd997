#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::args::ReportFormat;
use crate::aws_api::iam::Statement;
use crate::cli::CommandReport as _;
use crate::cli::doctor::DoctorReport;

const ROLE: &str = "arn:aws:iam::1:role/controller";

fn result(
    statement: Statement,
    permission: &str,
    means: CheckMethod,
    outcome: PermissionOutcome,
) -> PermissionResult {
    let need = Need { statement, permission: permission.to_owned(), is_on_behalf: false };
    PermissionResult { need, means, outcome }
}

fn simulated(permission: &str, outcome: PermissionOutcome) -> PermissionResult {
    result(Statement::Change, permission, CheckMethod::Simulation, outcome)
}

/// Marks, details and remedies.
fn lines(results: &[PermissionResult]) -> Vec<String> {
    let mut report = DoctorReport::default();
    report.extend(to_checks(results, ROLE));
    report.render(ReportFormat::Text).lines().map(str::to_owned).collect()
}

#[test]
fn what_is_granted_is_counted_by_how_it_was_tried() {
    let results = [
        result(Statement::CreateSecurityGroup, "ec2:A", CheckMethod::DryRun, PermissionOutcome::Granted),
        result(Statement::TagNewSecurityGroup, "ec2:B", CheckMethod::DryRun, PermissionOutcome::Granted),
        result(Statement::TagSecurityGroup, "ec2:B", CheckMethod::Simulation, PermissionOutcome::Granted),
        simulated("e:C", PermissionOutcome::Granted),
    ];
    let expected = [
        "ok    Permissions to change: all 3 are granted: 1 by dry runs, 2 by simulation",
        "1 ok, 0 warn, 0 FAIL",
    ];
    assert_eq!(lines(&results), expected);
}

#[test]
fn each_outcome_has_its_mark_its_words_and_its_remedy() {
    let denied = CloudError::Service {
        operation: "SimulatePrincipalPolicy",
        code: "AccessDenied".to_owned(),
        message: "no".to_owned(),
        request_id: None,
    };
    let throttled = CloudError::Service {
        operation: "SimulatePrincipalPolicy",
        code: "Throttling".to_owned(),
        message: "Rate exceeded".to_owned(),
        request_id: None,
    };
    let policy = "compare the role's policy with `aws-load-balancer-controller iam-policy`";
    let add = format!(
        "add what stands in parentheses, a statement of `aws-load-balancer-controller iam-policy`, to a policy of {ROLE}"
    );
    let grant = format!("grant yourself iam:SimulatePrincipalPolicy on {ROLE}, or {policy}");
    let refused = PermissionOutcome::Refused;
    let keys = BTreeSet::from(["aws:SourceIp".to_owned()]);
    let cases = [
        (refused(DenialReason::NotAllowed), "FAIL", "no policy allows e:X (Change)", add.as_str()),
        (
            refused(DenialReason::Denied),
            "FAIL",
            "a policy denies e:X (Change)",
            &format!("take the Deny out of the policies of {ROLE}, or narrow it"),
        ),
        (
            refused(DenialReason::Organization),
            "FAIL",
            "the organization's policies do not allow e:X (Change)",
            "ask those who run the organization: a service control policy has to allow it",
        ),
        (
            refused(DenialReason::Boundary),
            "FAIL",
            "the permissions boundary does not allow e:X (Change)",
            &format!("the permissions boundary of {ROLE} has to allow it, too"),
        ),
        (
            refused(DenialReason::Other("You may not.".to_owned())),
            "FAIL",
            "not granted: e:X (Change): You may not.",
            &add,
        ),
        (
            PermissionOutcome::Uncertain(DenialReason::NotAllowed, keys),
            "warn",
            "in a simulation that does not know the condition keys aws:SourceIp: no policy allows e:X (Change)",
            policy,
        ),
        (
            PermissionOutcome::Unknown(UnknownReason::Error(denied)),
            "warn",
            "could not be tried: e:X: SimulatePrincipalPolicy: AccessDenied: no",
            &grant,
        ),
        (
            PermissionOutcome::Unknown(UnknownReason::Error(throttled)),
            "warn",
            "could not be tried: e:X: SimulatePrincipalPolicy: Throttling: Rate exceeded",
            policy,
        ),
        (
            PermissionOutcome::Unknown(UnknownReason::NoPrincipal),
            "warn",
            "could not be tried: e:X: IAM simulates the policies of a user or a role only",
            policy,
        ),
    ];
    for (outcome, mark, detail, remedy) in cases {
        let said = lines(&[simulated("e:X", outcome)]);
        let expected = [format!("{mark}  Permissions to change: {detail}"), format!("      -> {remedy}")];
        assert_eq!(said[..2], expected);
    }
}

#[test]
fn what_has_the_same_reason_is_one_check_and_the_granted_ones_are_still_counted() {
    let results = [
        simulated("e:A", PermissionOutcome::Granted),
        simulated("e:B", PermissionOutcome::Refused(DenialReason::NotAllowed)),
        result(
            Statement::Tag,
            "e:C",
            CheckMethod::Simulation,
            PermissionOutcome::Refused(DenialReason::NotAllowed),
        ),
        result(Statement::TagListeners, "e:C", CheckMethod::Simulation, PermissionOutcome::Granted),
    ];
    let said = lines(&results);
    assert_eq!(said[0], "ok    Permissions to change: 1 are granted: 0 by dry runs, 1 by simulation");
    assert_eq!(said[1], "FAIL  Permissions to change: no policy allows e:B (Change), e:C (Tag)");
    assert_eq!(said.len(), 4, "{said:?}");
}

#[test]
fn what_aws_asks_for_on_behalf_is_a_warning_of_its_own() {
    let mut missing =
        simulated("iam:CreateServiceLinkedRole", PermissionOutcome::Refused(DenialReason::NotAllowed));
    missing.need.is_on_behalf = true;
    let said = lines(&[missing]);
    assert!(
        said[0].starts_with("warn  Further permissions: no policy allows iam:CreateServiceLinkedRole"),
        "{said:?}"
    );
}

#[test]
fn of_many_untried_permissions_some_are_named() {
    let results: Vec<PermissionResult> = ["e:A", "e:B", "e:C", "e:D", "e:E"]
        .map(|name| simulated(name, PermissionOutcome::Unknown(UnknownReason::NoPrincipal)))
        .into();
    assert!(lines(&results)[0].contains("could not be tried: e:A, e:B, e:C and 2 more: "));
}

#[test]
fn what_a_simulation_cannot_tell_is_said_in_the_words_of_the_dry_run() {
    let slow = CloudError::Unreachable { operation: "CreateTags", message: "reset".to_owned() };
    let dry_run = result(
        Statement::Change,
        "ec2:X",
        CheckMethod::DryRun,
        PermissionOutcome::Unknown(UnknownReason::Error(slow)),
    );
    let silent = simulated("ec2:X", PermissionOutcome::Unknown(UnknownReason::NoPrincipal));
    assert_eq!(silent.clone().or_from(std::slice::from_ref(&dry_run)), dry_run);
    assert_eq!(silent.clone().or_from(&[]), silent);
    let granted = simulated("ec2:X", PermissionOutcome::Granted);
    assert_eq!(granted.clone().or_from(&[dry_run]), granted);
}
