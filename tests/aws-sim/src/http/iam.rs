//! IAM on the wire.

use super::{
    Failure,
    form::Node,
    xml::{REQUEST_ID, Xml},
};
use crate::{Sim, refusal::CallResult};
use aws_load_balancer_controller::aws_api::{
    Request, Response,
    iam::{Evaluation, GetRole, Ruling, SimulatePrincipalPolicy},
};

/// Answers one call.
pub(super) async fn answer(sim: &Sim, form: &Node) -> Result<String, Failure> {
    let action = form.text_or_empty("Action");
    let request = match action.as_str() {
        "GetRole" => GetRole { name: form.required("RoleName")? }.into(),
        "SimulatePrincipalPolicy" => simulation(form)?,
        _ => return Err(Failure::refused("InvalidAction", format!("The action {action} is not simulated"))),
    };
    let response = sim.perform_paged(request, Some(form.number("MaxItems")?.unwrap_or(MOST))).await?;
    let mut xml = Xml::default();
    xml.node(&format!("{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\""), |xml| {
        xml.node(&format!("{action}Result"), |xml| write(xml, response));
        xml.node("ResponseMetadata", |xml| xml.leaf("RequestId", REQUEST_ID));
    });
    Ok(xml.finish())
}

/// Evaluations on a page unless the call says otherwise.
const MOST: usize = 100;

fn simulation(form: &Node) -> CallResult<Request> {
    let entries = form.list("ContextEntries").into_iter();
    let entry = |entry: &Node| {
        let value = entry.texts("ContextKeyValues").into_iter().next().unwrap_or_default();
        (entry.text_or_empty("ContextKeyName"), value)
    };
    let request = SimulatePrincipalPolicy {
        principal_arn: form.required("PolicySourceArn")?,
        permissions: form.texts("ActionNames"),
        resources: form.texts("ResourceArns"),
        context: entries.map(entry).collect(),
        marker: form.text("Marker"),
    };
    Ok(request.into())
}

fn write(xml: &mut Xml, response: Response) {
    match response {
        Response::GetRole(role) => xml.node("Role", |xml| {
            xml.leaf("RoleName", role.arn.rsplit('/').next().unwrap_or_default());
            xml.leaf("Arn", role.arn);
        }),
        Response::SimulatePrincipalPolicy(page) => {
            xml.leaf("IsTruncated", page.marker.is_some());
            xml.maybe("Marker", page.marker);
            xml.members("EvaluationResults", page.evaluations, |xml, found| evaluation(xml, &found));
        }
        _ => {}
    }
}

fn evaluation(xml: &mut Xml, found: &Evaluation) {
    if let Some(allowed) = found.allowed_by_organization {
        xml.node("OrganizationsDecisionDetail", |xml| xml.leaf("AllowedByOrganizations", allowed));
    }
    xml.leaf("EvalActionName", &found.permission);
    xml.leaf("EvalDecision", &found.overall.decision);
    ruling(xml, &found.overall);
    xml.leaf("EvalResourceName", found.by_resource.keys().next().map_or("*", String::as_str));
    if found.by_resource.is_empty() {
        return;
    }
    xml.members("ResourceSpecificResults", &found.by_resource, |xml, (resource, of_resource)| {
        xml.leaf("EvalResourceName", resource);
        xml.leaf("EvalResourceDecision", &of_resource.decision);
        ruling(xml, of_resource);
    });
}

fn ruling(xml: &mut Xml, found: &Ruling) {
    xml.node("MatchedStatements", |_| {});
    xml.texts("MissingContextValues", &found.missing_keys);
    if let Some(allowed) = found.allowed_by_boundary {
        xml.node("PermissionsBoundaryDecisionDetail", |xml| {
            xml.leaf("AllowedByPermissionsBoundary", allowed);
        });
    }
}
