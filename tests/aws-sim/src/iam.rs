//! IAM: roles, and what the policies of a principal would allow.

use crate::{
    World,
    identity::{Answer, Identity},
    page::page,
    refusal::{CallResult, Refusal, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::iam::{
    Context, Decision, Evaluation, GetRole, Role, Ruling, SimulatePrincipalPolicy, SimulationPage,
};
use std::collections::BTreeMap;

const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

impl World {
    pub(crate) fn get_role(&self, request: &GetRole) -> CallResult<Role> {
        let arn = self.settings.identity.principal_arn(&self.account);
        self.authorize_iam("iam:GetRole", &arn)?;
        ensure(request.name == Identity::role() && arn.contains(":role/"), || {
            no_such(&format!("The role with name {} cannot be found.", request.name))
        })?;
        Ok(Role { arn })
    }

    pub(crate) fn simulate_principal_policy(
        &self,
        request: &SimulatePrincipalPolicy,
    ) -> CallResult<SimulationPage> {
        self.authorize_iam(SIMULATE, &request.principal_arn)?;
        let principal = self.settings.identity.principal_arn(&self.account);
        ensure(request.principal_arn == principal, || {
            no_such(&format!("The principal {} cannot be found.", request.principal_arn))
        })?;
        self.check_permissions(&request.permissions)?;
        let evaluations = request.permissions.iter().enumerate();
        let evaluations =
            evaluations.map(|(n, permission)| (format!("{n:06}"), self.evaluate(permission, request)));
        let bad_marker = || refuse("InvalidInput", "The marker is not valid");
        let (evaluations, marker) =
            page(evaluations, request.marker.as_deref(), self.settings.page_size, bad_marker)?;
        Ok(SimulationPage { evaluations, marker })
    }

    /// Refuses what the caller may not ask. IAM looks at the ARN that was given.
    fn authorize_iam(&self, permission: &str, arn: &str) -> CallResult<()> {
        let identity = &self.settings.identity;
        ensure(identity.judge(permission, arn, &Context::new()) == Answer::Allowed, || {
            let caller = identity.caller_arn(&self.account);
            refuse(
                "AccessDenied",
                format!(
                    "User: {caller} is not authorized to perform: {permission} on resource: {arn} because no identity-based policy allows the {permission} action"
                ),
            )
        })
    }

    fn check_permissions(&self, permissions: &[String]) -> CallResult<()> {
        let is_name =
            |permission: &String| permission.split_once(':').is_some_and(|(_, name)| !name.contains('*'));
        ensure(!permissions.is_empty() && permissions.iter().all(is_name), || {
            refuse("InvalidInput", format!("Invalid Input Actions: [{}]", permissions.join(",")))
        })?;
        let apart = &self.settings.identity.simulated_apart;
        let (apart, others): (Vec<&str>, Vec<&str>) =
            permissions.iter().map(String::as_str).partition(|permission| apart.contains(*permission));
        ensure(apart.is_empty() || others.is_empty(), || {
            refuse(
                "InvalidInput",
                format!(
                    "Invalid Input Actions: [{}] and [{}] require different authorization information.",
                    others.join(","),
                    apart.join(",")
                ),
            )
        })
    }

    fn evaluate(&self, permission: &str, request: &SimulatePrincipalPolicy) -> Evaluation {
        let identity = &self.settings.identity;
        let judge = |resource: &str| identity.judge(permission, resource, &request.context);
        let ruling = |answer: Answer, missing_keys: Vec<String>| Ruling {
            decision: decision(answer),
            missing_keys,
            allowed_by_boundary: (!identity.boundary_lacks.is_empty()).then_some(answer != Answer::Boundary),
        };
        let missing = identity.missing_keys(&request.context);
        let answers: BTreeMap<&String, Answer> =
            request.resources.iter().map(|resource| (resource, judge(resource))).collect();
        let of_all = answers.values().copied().max();
        let overall = of_all.unwrap_or_else(|| judge("*"));
        let by_resource = answers.into_iter();
        let by_resource =
            by_resource.map(|(resource, answer)| (resource.clone(), ruling(answer, missing.clone())));
        Evaluation {
            permission: permission.to_owned(),
            by_resource: by_resource.collect(),
            // why: with resources, what is missing is told of each
            overall: ruling(overall, if of_all.is_some() { Vec::new() } else { missing.clone() }),
            allowed_by_organization: (!identity.organization_lacks.is_empty())
                .then_some(overall != Answer::Organization),
        }
    }
}

fn decision(answer: Answer) -> Decision {
    match answer {
        Answer::Allowed => Decision::Allowed,
        Answer::Denied => Decision::ExplicitDeny,
        Answer::Organization | Answer::Boundary | Answer::Nobody => Decision::ImplicitDeny,
    }
}

fn no_such(what: &str) -> Refusal {
    refuse("NoSuchEntity", what)
}
