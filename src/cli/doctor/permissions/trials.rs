//! What trials of permissions come to.

use super::needs::Need;
use super::{Check, DENIALS, REMEDY, Verdict};
use crate::cloud::CloudError;
use crate::cloud::error::ENCODED;
use std::collections::BTreeSet;
use std::fmt;

/// How many permissions are named where a name is of no use to anybody who mends it.
const NAMED: usize = 3;

/// One need, and whether it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) need: Need,
    pub(super) means: Means,
    pub(super) outcome: Outcome,
}

/// How a need was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// EC2 was asked.
    DryRun,
    /// IAM was asked.
    Simulation,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Granted,
    Refused(Refusal),
    /// Refused in the simulation, which does not know these condition keys of the policies.
    Uncertain(Refusal, BTreeSet<String>),
    Untried(Silence),
}

/// Why a permission is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
    /// The organization's service control policies do not allow it.
    Organization,
    /// The permissions boundary does not allow it.
    Boundary,
    /// In AWS's words.
    Said(String),
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// AWS did not answer the question.
    Error(CloudError),
    /// The caller is neither a user nor a role.
    NoPrincipal,
    /// The answer says nothing of the permission.
    NotMentioned,
}

impl Trial {
    /// Whether it told something.
    pub(super) fn tells(&self) -> bool {
        !matches!(self.outcome, Outcome::Untried(_))
    }

    /// The trial, or, if it told nothing, what another one of the same need said.
    pub(super) fn or_as_told_by(self, others: &[Self]) -> Self {
        if self.tells() {
            return self;
        }
        others.iter().find(|other| other.need == self.need).cloned().unwrap_or(self)
    }
}

impl Refusal {
    /// EC2's refusal, without what only AWS can read.
    pub(super) fn said(error: &CloudError) -> Self {
        let words = match error {
            CloudError::Service { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Self::Said(words.split(ENCODED).next().unwrap_or(&words).trim_end().to_owned())
    }
}

/// One check of what is granted, and one for each reason why something is not, or is not known to be.
pub(super) fn judge(trials: &[Trial], principal: &str) -> Vec<Check> {
    let (on_behalf, own): (Vec<&Trial>, Vec<&Trial>) =
        trials.iter().partition(|trial| trial.need.is_on_behalf);
    let mut checks = judge_part("Permissions to change", &own, principal);
    let further = judge_part("Further permissions", &on_behalf, principal);
    checks.extend(
        further.into_iter().map(|check| Check { verdict: check.verdict.min(Verdict::Doubtful), ..check }),
    );
    checks
}

fn judge_part(subject: &str, trials: &[&Trial], principal: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = judge_granted(subject, trials).into_iter().collect();
    let mut seen: Vec<&Outcome> = Vec::new();
    for trial in trials {
        if trial.outcome == Outcome::Granted || seen.contains(&&trial.outcome) {
            continue;
        }
        seen.push(&trial.outcome);
        let same = trials.iter().filter(|other| other.outcome == trial.outcome);
        let needs = same.map(|trial| &trial.need).collect::<Vec<_>>();
        checks.extend(judge_problem(subject, &trial.outcome, &needs, principal));
    }
    checks
}

/// How many permissions are granted wherever they are needed.
fn judge_granted(subject: &str, trials: &[&Trial]) -> Option<Check> {
    let named = |wanted: &dyn Fn(&Trial) -> bool| -> BTreeSet<&str> {
        let wanted = trials.iter().filter(|trial| wanted(trial));
        wanted.map(|trial| trial.need.permission.as_str()).collect()
    };
    let all = named(&|_| true);
    let lacking = named(&|trial| trial.outcome != Outcome::Granted);
    let simulated = named(&|trial| trial.means == Means::Simulation);
    let granted = all.difference(&lacking).count();
    let by_dry_runs = all.difference(&lacking).filter(|permission| !simulated.contains(*permission)).count();
    let count = if lacking.is_empty() { format!("all {granted}") } else { granted.to_string() };
    let means = format!("{by_dry_runs} by dry runs, {} by simulation", granted - by_dry_runs);
    (granted > 0).then(|| Check::good(subject, format!("{count} are granted: {means}")))
}

fn judge_problem(subject: &str, outcome: &Outcome, needs: &[&Need], principal: &str) -> Option<Check> {
    match outcome {
        Outcome::Granted => None,
        Outcome::Refused(refusal) => {
            let check = Check::bad(subject, refusal.tell(&with_statements(needs)));
            Some(check.remedy(refusal.remedy(principal)))
        }
        Outcome::Uncertain(refusal, keys) => {
            let keys = keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let told = refusal.tell(&with_statements(needs));
            let detail = format!("in a simulation that does not know the condition keys {keys}: {told}");
            Some(Check::doubtful(subject, detail).remedy(REMEDY))
        }
        Outcome::Untried(silence) => {
            let check =
                Check::doubtful(subject, format!("could not be tried: {}: {silence}", some_of(needs)));
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

impl Refusal {
    /// The refusal of these permissions, which stand with the statements of our policy that grant them.
    fn tell(&self, permissions: &str) -> String {
        match self {
            Self::NotAllowed => format!("no policy allows {permissions}"),
            Self::Denied => format!("a policy denies {permissions}"),
            Self::Organization => format!("the organization's policies do not allow {permissions}"),
            Self::Boundary => format!("the permissions boundary does not allow {permissions}"),
            Self::Said(words) => format!("not granted: {permissions}: {words}"),
        }
    }

    fn remedy(&self, principal: &str) -> String {
        match self {
            Self::NotAllowed | Self::Said(_) => format!(
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

impl Silence {
    fn remedy(&self, principal: &str) -> String {
        match self {
            Self::Error(error) if error.operation() == "SimulatePrincipalPolicy" && error.is(&DENIALS) => {
                format!("grant yourself iam:SimulatePrincipalPolicy on {principal}, or {REMEDY}")
            }
            _ => REMEDY.to_owned(),
        }
    }
}

impl fmt::Display for Silence {
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
