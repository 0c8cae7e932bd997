//! WAF Classic (regional) through its SDK client.

use super::sdk::{answered, done, id};
use crate::aws_api::protection::{
    AssociateWafRegionalWebAcl, DisassociateWafRegionalWebAcl, GetWafRegionalWebAcl,
};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_wafregional::Client;

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::GetWafRegionalWebAcl(request) => {
            get(client, request).await.map(Response::GetWafRegionalWebAcl)
        }
        Request::AssociateWafRegionalWebAcl(request) => {
            associate(client, request).await.map(Response::AssociateWafRegionalWebAcl)
        }
        Request::DisassociateWafRegionalWebAcl(request) => {
            disassociate(client, request).await.map(Response::DisassociateWafRegionalWebAcl)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn get(client: &Client, request: GetWafRegionalWebAcl) -> Result<Option<String>, CloudError> {
    const ACTION: Action = Action::GetWafRegionalWebAcl;
    let call = client.get_web_acl_for_resource().resource_arn(id(ACTION, &request.resource_arn)?);
    Ok(answered(ACTION, call.send().await)?.web_acl_summary.map(|acl| acl.web_acl_id))
}

async fn associate(client: &Client, request: AssociateWafRegionalWebAcl) -> Result<(), CloudError> {
    const ACTION: Action = Action::AssociateWafRegionalWebAcl;
    let resource = id(ACTION, &request.resource_arn)?;
    let call = client.associate_web_acl().web_acl_id(request.web_acl_id).resource_arn(resource);
    done(ACTION, call.send().await)
}

async fn disassociate(client: &Client, request: DisassociateWafRegionalWebAcl) -> Result<(), CloudError> {
    const ACTION: Action = Action::DisassociateWafRegionalWebAcl;
    let call = client.disassociate_web_acl().resource_arn(id(ACTION, &request.resource_arn)?);
    done(ACTION, call.send().await)
}
