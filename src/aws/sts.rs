//! STS through its SDK client.

use super::sdk::answered;
use crate::aws_api::sts::{CallerIdentity, GetCallerIdentity};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_sts::Client;

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::GetCallerIdentity(request) => {
            caller_identity(client, &request).await.map(Response::GetCallerIdentity)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn caller_identity(client: &Client, _: &GetCallerIdentity) -> Result<CallerIdentity, CloudError> {
    let answer = answered(Action::GetCallerIdentity, client.get_caller_identity().send().await)?;
    Ok(CallerIdentity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
}
