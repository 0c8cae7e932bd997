//! WAFv2 through its SDK client.

use super::sdk::{answered, done, id};
use crate::aws_api::protection::{
    AssociateWafv2WebAcl, DisassociateWafv2WebAcl, GetWafv2WebAcl, ListWafv2WebAcls, WebAclPage,
};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_wafv2::{Client, types::Scope};

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::GetWafv2WebAcl(request) => get(client, request).await.map(Response::GetWafv2WebAcl),
        Request::ListWafv2WebAcls(request) => list(client, request).await.map(Response::ListWafv2WebAcls),
        Request::AssociateWafv2WebAcl(request) => {
            associate(client, request).await.map(Response::AssociateWafv2WebAcl)
        }
        Request::DisassociateWafv2WebAcl(request) => {
            disassociate(client, request).await.map(Response::DisassociateWafv2WebAcl)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn get(client: &Client, request: GetWafv2WebAcl) -> Result<Option<String>, CloudError> {
    const ACTION: Action = Action::GetWafv2WebAcl;
    let call = client.get_web_acl_for_resource().resource_arn(id(ACTION, &request.resource_arn)?);
    Ok(answered(ACTION, call.send().await)?.web_acl.map(|acl| acl.arn))
}

async fn list(client: &Client, request: ListWafv2WebAcls) -> Result<WebAclPage, CloudError> {
    let call = client.list_web_acls().scope(Scope::Regional).set_next_marker(request.next_marker);
    let answer = answered(Action::ListWafv2WebAcls, call.send().await)?;
    let summaries = answer.web_acls.unwrap_or_default().into_iter();
    Ok(WebAclPage {
        web_acls: summaries.filter_map(|acl| Some((acl.name?, acl.arn?))).collect(),
        next_marker: answer.next_marker.filter(|marker| !marker.is_empty()),
    })
}

async fn associate(client: &Client, request: AssociateWafv2WebAcl) -> Result<(), CloudError> {
    const ACTION: Action = Action::AssociateWafv2WebAcl;
    let resource = id(ACTION, &request.resource_arn)?;
    let call = client.associate_web_acl().web_acl_arn(request.web_acl_arn).resource_arn(resource);
    done(ACTION, call.send().await)
}

async fn disassociate(client: &Client, request: DisassociateWafv2WebAcl) -> Result<(), CloudError> {
    const ACTION: Action = Action::DisassociateWafv2WebAcl;
    let call = client.disassociate_web_acl().resource_arn(id(ACTION, &request.resource_arn)?);
    done(ACTION, call.send().await)
}
