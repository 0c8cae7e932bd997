//! Results of the checks of permissions.

use super::needs::Need;
use super::{Check, CheckResult, DENIALS, REMEDY};
use crate::aws_api::CloudError;
use crate::aws_api::error::ENCODED;
use std::collections::BTreeSet;
use std::fmt;

/// How many permissions are named where a name is of no use to anybody who mends it.
const NAMED: usize = 3;

/// One need, and whether it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PermissionResult {
    pub(super) need: Need,
    pub(super) means: CheckMethod,
    pub(super) outcome: PermissionOutcome,
}

/// How a need was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckMethod {
    /// EC2 was asked.
    DryRun,
    /// IAM was asked.
    Simulation,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PermissionOutcome {
    Granted,
    Refused(DenialReason),
    /// Refused in the simulation, which does not know these condition keys of the policies.
    Uncertain(DenialReason, BTreeSet<String>),
    Unknown(UnknownReason),
}

/// Why a permission is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DenialReason {
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
    /// The organization's service control policies do not allow it.
    Organization,
    /// The permissions boundary does not allow it.
    Boundary,
    /// In AWS's words.
    Other(String),
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnknownReason {
    /// AWS did not answer the question.
    Error(CloudError),
    /// The caller is neither a user nor a role.
    NoPrincipal,
    /// The answer says nothing of the permission.
    NotMentioned,
}

impl PermissionResult {
    /// Whether it told something.
    pub(super) fn is_conclusive(&self) -> bool {
        !matches!(self.outcome, PermissionOutcome::Unknown(_))
    }

    /// This result, or, if it is inconclusive, what another one of the same need said.
    pub(super) fn or_from(self, others: &[Self]) -> Self {
        if self.is_conclusive() {
            return self;
        }
        others.iter().find(|other| other.need == self.need).cloned().unwrap_or(self)
    }
}

impl DenialReason {
    /// EC2's refusal, without what only AWS can read.
    pub(super) fn said(error: &CloudError) -> Self {
        let words = match error {
            CloudError::Service { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Self::Other(words.split(ENCODED).next().unwrap_or(&words).trim_end().to_owned())
    }
}

/// One check of what is granted, and one for each reason why something is not, or is not known to be.
pub(super) fn to_checks(results: &[PermissionResult], principal: &str) -> Vec<Check> {
    let (on_behalf, own): (Vec<&PermissionResult>, Vec<&PermissionResult>) =
        results.iter().partition(|result| result.need.is_on_behalf);
    let mut checks = part_check("Permissions to change", &own, principal);
    let further = part_check("Further permissions", &on_behalf, principal);
    checks.extend(
        further.into_iter().map(|check| Check { result: check.result.min(CheckResult::Warn), ..check }),
    );
    checks
}

fn part_check(subject: &str, results: &[&PermissionResult], principal: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = granted_check(subject, results).into_iter().collect();
    let mut seen: Vec<&PermissionOutcome> = Vec::new();
    for result in results {
        if result.outcome == PermissionOutcome::Granted || seen.contains(&&result.outcome) {
            continue;
        }
        seen.push(&result.outcome);
        let same = results.iter().filter(|other| other.outcome == result.outcome);
        let needs = same.map(|result| &result.need).collect::<Vec<_>>();
        checks.extend(problem_check(subject, &result.outcome, &needs, principal));
    }
    checks
}

/// How many permissions are granted wherever they are needed.
fn granted_check(subject: &str, results: &[&PermissionResult]) -> Option<Check> {
    let named = |wanted: &dyn Fn(&PermissionResult) -> bool| -> BTreeSet<&str> {
        let wanted = results.iter().filter(|result| wanted(result));
        wanted.map(|result| result.need.permission.as_str()).collect()
    };
    let all = named(&|_| true);
    let lacking = named(&|result| result.outcome != PermissionOutcome::Granted);
    let simulated = named(&|result| result.means == CheckMethod::Simulation);
    let granted = all.difference(&lacking).count();
    let by_dry_runs = all.difference(&lacking).filter(|permission| !simulated.contains(*permission)).count();
    let count = if lacking.is_empty() { format!("all {granted}") } else { granted.to_string() };
    let means = format!("{by_dry_runs} by dry runs, {} by simulation", granted - by_dry_runs);
    (granted > 0).then(|| Check::ok(subject, format!("{count} are granted: {means}")))
}

fn problem_check(
    subject: &str,
    outcome: &PermissionOutcome,
    needs: &[&Need],
    principal: &str,
) -> Option<Check> {
    match outcome {
        PermissionOutcome::Granted => None,
        PermissionOutcome::Refused(refusal) => {
            let check = Check::fail(subject, refusal.describe(&with_statements(needs)));
            Some(check.remedy(refusal.remedy(principal)))
        }
        PermissionOutcome::Uncertain(refusal, keys) => {
            let keys = keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let told = refusal.describe(&with_statements(needs));
            let detail = format!("in a simulation that does not know the condition keys {keys}: {told}");
            Some(Check::warn(subject, detail).remedy(REMEDY))
        }
        PermissionOutcome::Unknown(silence) => {
            let check = Check::warn(subject, format!("could not be tried: {}: {silence}", some_of(needs)));
            Some(check.remedy(silence.remedy(principal)))
        }
    }
}

/// Each permission with the statements of our policy that grant it.
fn with_statements(needs: &[&Need]) -> String {
    let mut named: Vec<String> = Vec::new();
    for need in needs {
        let statement: &str = need.statement.into();
        let name = format!("{} ({statement})", need.permission);
        if !named.contains(&name) {
            named.push(name);
        }
    }
    named.join(", ")
}

/// The first permissions, and how many there are besides.
fn some_of(needs: &[&Need]) -> String {
    let names: BTreeSet<&str> = needs.iter().map(|need| need.permission.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let named = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

impl DenialReason {
    /// The refusal of these permissions, which stand with the statements of our policy that grant them.
    fn describe(&self, permissions: &str) -> String {
        match self {
            Self::NotAllowed => format!("no policy allows {permissions}"),
            Self::Denied => format!("a policy denies {permissions}"),
            Self::Organization => format!("the organization's policies do not allow {permissions}"),
            Self::Boundary => format!("the permissions boundary does not allow {permissions}"),
            Self::Other(words) => format!("not granted: {permissions}: {words}"),
        }
    }

    fn remedy(&self, principal: &str) -> String {
        match self {
            Self::NotAllowed | Self::Other(_) => format!(
                "add what stands in parentheses, a statement of `aws-load-balancer-controller iam-policy`, to a policy of {principal}"
            ),
            Self::Denied => format!("take the Deny out of the policies of {principal}, or narrow it"),
            Self::Organization => {
                "ask those who run the organization: a service control policy has to allow it".to_owned()
            }
            Self::Boundary => format!("the permissions boundary of {principal} has to allow it, too"),
        }
    }
}

impl UnknownReason {
    fn remedy(&self, principal: &str) -> String {
        match self {
            Self::Error(error) if error.operation() == "SimulatePrincipalPolicy" && error.is(&DENIALS) => {
                format!("grant yourself iam:SimulatePrincipalPolicy on {principal}, or {REMEDY}")
            }
            _ => REMEDY.to_owned(),
        }
    }
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::NoPrincipal => f.write_str("IAM simulates the policies of a user or a role only"),
            Self::NotMentioned => f.write_str("the simulation does not mention it"),
        }
    }
}

#[cfg(test)]
mod tests;
