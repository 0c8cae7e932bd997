//! Simulation of the caller's policies by IAM, in one call for each situation.

use super::DENIALS;
use super::arn_scope::ArnScope;
use super::needs::{Need, NeedInContext, RequestContext};
use super::results::{CheckMethod, DenialReason, PermissionOutcome, PermissionResult, UnknownReason};
use crate::aws::{Cloud, pages, send};
use crate::aws_api::CloudError;
use crate::aws_api::iam::{
    Context, Decision, Evaluation, GetRole, Principal, Ruling, SimulatePrincipalPolicy, Statement,
};
use crate::aws_api::sts::CallerIdentity;
use crate::config::Config;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray as _;

/// How IAM says that permissions have to be simulated in separate calls, with the groups in brackets: in one call are only
/// permissions that depend on the same kinds of resources.
const SEPARATE: &str = "different authorization information";

/// What was found of permissions, by their names in lower case.
type Evaluations = BTreeMap<String, Evaluation>;

/// Simulates what is needed. After the first failure nothing more is asked.
pub(super) async fn run(
    cloud: &dyn Cloud,
    identity: &CallerIdentity,
    scope: &ArnScope,
    config: &Config,
    needs: Vec<NeedInContext>,
) -> Vec<PermissionResult> {
    let Some(principal) = Principal::of(&identity.arn) else {
        return needs
            .into_iter()
            .map(|situated| all_unknown(situated.need, UnknownReason::NoPrincipal))
            .collect();
    };
    let mut simulator = Simulator { cloud, arn: principal.arn().to_owned(), principal };
    let mut results = Vec::new();
    let mut failure = None;
    for request_context in RequestContext::VARIANTS {
        let of_situation: Vec<&NeedInContext> =
            needs.iter().filter(|situated| situated.request_context == *request_context).collect();
        if of_situation.is_empty() {
            continue;
        }
        let answer = match failure.take() {
            Some(error) => Err(error),
            None => simulator.evaluate(&of_situation, &request_context.context(scope, config)).await,
        };
        results.extend(of_situation.into_iter().map(|situated| match &answer {
            Ok(found) => to_result(situated, found),
            Err(error) => all_unknown(situated.need.clone(), UnknownReason::Error(error.clone())),
        }));
        failure = answer.err();
    }
    results
}

fn all_unknown(need: Need, silence: UnknownReason) -> PermissionResult {
    PermissionResult { need, means: CheckMethod::Simulation, outcome: PermissionOutcome::Unknown(silence) }
}

struct Simulator<'a> {
    cloud: &'a dyn Cloud,
    principal: Principal,
    /// ARN of the principal.
    arn: String,
}

impl Simulator<'_> {
    /// Every permission on every resource of the situation, in as few calls as IAM allows.
    async fn evaluate(
        &mut self,
        needs: &[&NeedInContext],
        context: &Context,
    ) -> Result<Evaluations, CloudError> {
        let permissions: BTreeSet<&String> = needs.iter().map(|situated| &situated.need.permission).collect();
        let resources: BTreeSet<&String> = needs.iter().flat_map(|situated| &situated.resources).collect();
        let resources: Vec<String> = resources.into_iter().cloned().collect();
        let mut batches: Vec<Vec<String>> = vec![permissions.into_iter().cloned().collect()];
        let mut found = Evaluations::new();
        while let Some(batch) = batches.pop() {
            match self.ask(batch.clone(), &resources, context).await {
                Ok(evaluations) => {
                    let by_name = |found: Evaluation| (found.permission.to_ascii_lowercase(), found);
                    found.extend(evaluations.into_iter().map(by_name));
                }
                Err(error) => batches.extend(split(&batch, &error).ok_or(error)?),
            }
        }
        Ok(found)
    }

    /// The caller's ARN leaves out the path of its role: if IAM does not take the role without one, it is asked for the path.
    async fn ask(
        &mut self,
        permissions: Vec<String>,
        resources: &[String],
        context: &Context,
    ) -> Result<Vec<Evaluation>, CloudError> {
        let answer = self.simulate(permissions.clone(), resources, context).await;
        let Err(error) = &answer else { return answer };
        if !(error.is(&["NoSuchEntity"]) || error.is(&DENIALS)) || !self.find_path().await {
            return answer;
        }
        self.simulate(permissions, resources, context).await
    }

    async fn simulate(
        &self,
        permissions: Vec<String>,
        resources: &[String],
        context: &Context,
    ) -> Result<Vec<Evaluation>, CloudError> {
        let mut context = context.clone();
        context.insert("aws:PrincipalArn".to_owned(), self.arn.clone());
        let resources = resources.to_vec();
        let principal_arn = self.arn.clone();
        let request =
            SimulatePrincipalPolicy { principal_arn, permissions, resources, context, marker: None };
        pages::all(self.cloud, request).await
    }

    /// Whether the role has another ARN than it was thought to have.
    async fn find_path(&mut self) -> bool {
        let Principal::Role { name, .. } = &self.principal else { return false };
        let Ok(role) = send(self.cloud, GetRole { name: name.clone() }).await else { return false };
        let is_new = role.arn != self.arn;
        self.arn = role.arn;
        is_new
    }
}

/// The permissions in the groups that IAM asks for; `None`: that is not what it said.
fn split(permissions: &[String], error: &CloudError) -> Option<Vec<Vec<String>>> {
    let CloudError::Service { message, .. } = error else { return None };
    if !message.contains(SEPARATE) || permissions.len() < 2 {
        return None;
    }
    let groups: Vec<Vec<String>> = message
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'))
        .map(|(names, _)| {
            let names: Vec<&str> = names.split(',').map(str::trim).collect();
            let is_named =
                |permission: &&String| names.iter().any(|name| name.eq_ignore_ascii_case(permission));
            permissions.iter().filter(is_named).cloned().collect()
        })
        .collect();
    let named: BTreeSet<&String> = groups.iter().flatten().collect();
    let is_partition = groups.len() > 1
        && groups.iter().all(|group| !group.is_empty())
        && named.len() == permissions.len()
        && groups.iter().map(Vec::len).sum::<usize>() == permissions.len();
    // why: whatever the words, one by one they need no group
    Some(if is_partition { groups } else { permissions.iter().map(|one| vec![one.clone()]).collect() })
}

fn to_result(situated: &NeedInContext, found: &Evaluations) -> PermissionResult {
    let NeedInContext { need, resources, .. } = situated;
    let Some(evaluation) = found.get(&need.permission.to_ascii_lowercase()) else {
        return all_unknown(need.clone(), UnknownReason::NotMentioned);
    };
    let mut rulings: Vec<&Ruling> = resources
        .iter()
        .map(|resource| evaluation.by_resource.get(resource).unwrap_or(&evaluation.overall))
        .collect();
    if rulings.is_empty() {
        rulings.push(&evaluation.overall);
    }
    let outcomes = rulings.into_iter().map(|ruling| outcome(need.statement, evaluation, ruling));
    let outcome =
        outcomes.max_by_key(severity).unwrap_or(PermissionOutcome::Unknown(UnknownReason::NotMentioned));
    PermissionResult { need: need.clone(), means: CheckMethod::Simulation, outcome }
}

/// Which of several outcomes tells most of a need.
fn severity(outcome: &PermissionOutcome) -> u8 {
    match outcome {
        PermissionOutcome::Granted => 0,
        PermissionOutcome::Unknown(_) => 1,
        PermissionOutcome::Uncertain(..) => 2,
        PermissionOutcome::Refused(_) => 3,
    }
}

fn outcome(statement: Statement, evaluation: &Evaluation, ruling: &Ruling) -> PermissionOutcome {
    let is_organization = evaluation.allowed_by_organization == Some(false);
    let refusal = match &ruling.decision {
        _ if is_organization => DenialReason::Organization,
        Decision::Allowed => return PermissionOutcome::Granted,
        Decision::ExplicitDeny => DenialReason::Denied,
        Decision::ImplicitDeny if ruling.allowed_by_boundary == Some(false) => DenialReason::Boundary,
        Decision::ImplicitDeny => DenialReason::NotAllowed,
        Decision::Other(_) => return PermissionOutcome::Unknown(UnknownReason::NotMentioned),
    };
    let unknown = unknown_keys(statement, &ruling.missing_keys);
    if unknown.is_empty() {
        PermissionOutcome::Refused(refusal)
    } else {
        PermissionOutcome::Uncertain(refusal, unknown)
    }
}

/// The missing keys because of which a request may have been refused.
///
/// IAM lists the keys of all statements. Those of our own policy were left out because the request does not carry them. Where
/// our policy asks for that, a refusal may come from the simulation having no way to say that a key is absent.
fn unknown_keys(statement: Statement, missing: &[String]) -> BTreeSet<String> {
    let (absent, _) = statement.condition_keys();
    let of_policy: BTreeSet<String> = Statement::VARIANTS
        .iter()
        .map(|statement| statement.condition_keys())
        .flat_map(|(absent, present)| absent.into_iter().chain(present))
        .filter(|key| !absent.contains(key))
        .collect();
    let is_of_policy = |key: &String| of_policy.iter().any(|own| own.eq_ignore_ascii_case(key));
    missing.iter().filter(|key| !is_of_policy(key)).cloned().collect()
}

#[cfg(test)]
mod tests;
