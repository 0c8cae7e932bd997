//! Shield through its SDK client.

use super::sdk::{answered, done, id, lacks};
use crate::aws_api::protection::{
    CreateShieldProtection, DeleteShieldProtection, DescribeShieldProtection, GetShieldSubscription,
    ShieldProtection,
};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_shield::{Client, types::SubscriptionState};

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::GetShieldSubscription(request) => {
            subscription(client, &request).await.map(Response::GetShieldSubscription)
        }
        Request::DescribeShieldProtection(request) => {
            describe(client, request).await.map(Response::DescribeShieldProtection)
        }
        Request::CreateShieldProtection(request) => {
            create(client, request).await.map(Response::CreateShieldProtection)
        }
        Request::DeleteShieldProtection(request) => {
            delete(client, request).await.map(Response::DeleteShieldProtection)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn subscription(client: &Client, _: &GetShieldSubscription) -> Result<bool, CloudError> {
    let answer = answered(Action::GetShieldSubscription, client.get_subscription_state().send().await)?;
    Ok(answer.subscription_state == SubscriptionState::Active)
}

async fn describe(
    client: &Client,
    request: DescribeShieldProtection,
) -> Result<Option<ShieldProtection>, CloudError> {
    const ACTION: Action = Action::DescribeShieldProtection;
    let call = client.describe_protection().resource_arn(id(ACTION, &request.resource_arn)?);
    let answer = match answered(ACTION, call.send().await) {
        Err(error) if error.is(&["ResourceNotFoundException"]) => return Ok(None),
        answer => answer?,
    };
    let Some(protection) = answer.protection else { return Ok(None) };
    let id = protection.id.ok_or_else(|| lacks(ACTION, "id of the protection"))?;
    Ok(Some(ShieldProtection { id, name: protection.name.unwrap_or_default() }))
}

async fn create(client: &Client, request: CreateShieldProtection) -> Result<(), CloudError> {
    const ACTION: Action = Action::CreateShieldProtection;
    let resource = id(ACTION, &request.resource_arn)?;
    done(ACTION, client.create_protection().resource_arn(resource).name(request.name).send().await)
}

async fn delete(client: &Client, request: DeleteShieldProtection) -> Result<(), CloudError> {
    let call = client.delete_protection().protection_id(request.protection_id);
    done(Action::DeleteShieldProtection, call.send().await)
}
