//! IAM by its Query protocol: the two questions that `doctor` asks.

use super::query::{Api, Client, Form, Query, Variant, perform, read, resolve_iam};
use super::sdk::lacks;
use super::shared_config::SharedConfig;
use crate::aws_api::iam::{
    Decision, Evaluation, GetRole, Role, Ruling, SimulatePrincipalPolicy, SimulationPage,
};
use crate::aws_api::{CloudError, Operation, Request, Response, Service};
use serde::Deserialize;

/// A client: by flag, by `AWS_ENDPOINT_URL_IAM`, `AWS_ENDPOINT_URL` or profile, or else at the partition's endpoint.
pub(super) fn client(shared: &SharedConfig) -> Client {
    let overridden = shared.endpoint_override(&Service::Iam, "IAM", "AWS_ENDPOINT_URL_IAM");
    let (url, signing_region) = resolve_iam(shared.region(), Variant::of(shared));
    let api = Api {
        service: Service::Iam,
        version: "2010-05-08",
        signing_name: "iam",
        signing_region: signing_region.to_owned(),
        url: overridden.unwrap_or(url),
    };
    Client::new(shared, &api)
}

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::GetRole(request) => perform(client, request).await.map(Response::GetRole),
        Request::SimulatePrincipalPolicy(request) => {
            perform(client, request).await.map(Response::SimulatePrincipalPolicy)
        }
        other => Err(super::misrouted(other.action())),
    }
}

impl Query for GetRole {
    fn form(&self) -> Result<Form, CloudError> {
        Ok(Form::default().with("RoleName", &self.name))
    }

    fn read(xml: &str) -> Result<Role, CloudError> {
        let arn = read::<Self, RoleAnswer>(xml)?.result.role.arn;
        if arn.is_empty() { Err(lacks(Self::ACTION, "ARN of the role")) } else { Ok(Role { arn }) }
    }
}

impl Query for SimulatePrincipalPolicy {
    fn form(&self) -> Result<Form, CloudError> {
        let form = Form::default()
            .with("PolicySourceArn", &self.principal_arn)
            .list("ActionNames.member", &self.permissions)
            .list("ResourceArns.member", &self.resources);
        let form = (1..).zip(&self.context).fold(form, |form, (n, (key, value))| {
            let entry = format!("ContextEntries.member.{n}");
            form.with(format!("{entry}.ContextKeyName"), key)
                .with(format!("{entry}.ContextKeyType"), "string")
                .with(format!("{entry}.ContextKeyValues.member.1"), value)
        });
        Ok(form.maybe("Marker", self.marker.as_deref()))
    }

    fn read(xml: &str) -> Result<SimulationPage, CloudError> {
        let SimulationResult { evaluation_results, is_truncated, marker } =
            read::<Self, SimulationAnswer>(xml)?.result;
        let marker = marker.filter(|marker| is_truncated && !marker.is_empty());
        if is_truncated && marker.is_none() {
            return Err(lacks(Self::ACTION, "marker of the next page"));
        }
        let evaluations: Vec<_> = evaluation_results.members.into_iter().map(evaluation).collect();
        if evaluations.iter().any(|evaluation| evaluation.permission.is_empty()) {
            return Err(lacks(Self::ACTION, "name of a permission that it evaluates"));
        }
        Ok(SimulationPage { evaluations, marker })
    }
}

/// A list as IAM writes it: `<list><member>…</member></list>`.
#[derive(Debug, Deserialize)]
struct Members<T> {
    #[serde(rename = "member", default = "Vec::new")]
    members: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { members: Vec::new() }
    }
}

#[derive(Debug, Deserialize)]
struct RoleAnswer {
    #[serde(rename = "GetRoleResult")]
    result: RoleResult,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: RoleElement,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RoleElement {
    arn: String,
}

#[derive(Debug, Deserialize)]
struct SimulationAnswer {
    #[serde(rename = "SimulatePrincipalPolicyResult")]
    result: SimulationResult,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SimulationResult {
    evaluation_results: Members<EvaluationElement>,
    #[serde(default)]
    is_truncated: bool,
    marker: Option<String>,
}

/// What is said of one permission, and, with another name for the decision, of one resource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EvaluationElement {
    eval_action_name: String,
    eval_resource_name: String,
    #[serde(alias = "EvalResourceDecision")]
    eval_decision: String,
    missing_context_values: Members<String>,
    organizations_decision_detail: Option<OrganizationDetail>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    resource_specific_results: Members<EvaluationElement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationDetail {
    allowed_by_organizations: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

fn evaluation(mut element: EvaluationElement) -> Evaluation {
    let permission = std::mem::take(&mut element.eval_action_name);
    let organization = element.organizations_decision_detail.take();
    let resources = std::mem::take(&mut element.resource_specific_results).members;
    let of_resource =
        |mut element: EvaluationElement| (std::mem::take(&mut element.eval_resource_name), ruling(element));
    Evaluation {
        permission,
        overall: ruling(element),
        by_resource: resources.into_iter().map(of_resource).collect(),
        allowed_by_organization: organization.map(|detail| detail.allowed_by_organizations),
    }
}

fn ruling(element: EvaluationElement) -> Ruling {
    let boundary = element.permissions_boundary_decision_detail;
    Ruling {
        decision: Decision::from(element.eval_decision.as_str()),
        missing_keys: element.missing_context_values.members,
        allowed_by_boundary: boundary.map(|detail| detail.allowed_by_permissions_boundary),
    }
}

#[cfg(test)]
mod tests;
