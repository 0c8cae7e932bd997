//! EC2 through our own small Query client on the SDK's runtime.
//!
//! `aws-sdk-ec2` has 810 operations of which the controller uses 13, and costs more build time than everything else
//! together. This client keeps what matters of it: the SDK's orchestrator (credentials, SigV4, retries, time-outs,
//! clock skew), its endpoint rules and its error metadata. An operation is a [`Query`]: how it is written as a form, and
//! how its answer is read.

mod answers;
mod describe;
mod endpoint;
mod form;
mod security_groups;
mod transport;

pub(super) use transport::Client;

use crate::cloud::{Action, CloudError, Operation, Request, Response};
use form::Form;
use std::fmt::Display;

/// An operation as the EC2 Query protocol (version 2016-11-15) spells it.
trait Query: Operation {
    /// Its parameters.
    fn form(&self) -> Result<Form, CloudError>;
    /// Its answer, from the body of a successful response.
    fn read(xml: &str) -> Result<Self::Output, CloudError>;
}

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    macro_rules! dispatch {
        ($($action:ident,)*) => {
            match request {
                $(Request::$action(request) => perform(client, request).await.map(Response::$action),)*
                other => Err(super::misrouted(other.action())),
            }
        };
    }
    dispatch! {
        DescribeSubnets,
        DescribeVpcs,
        DescribeSecurityGroups,
        DescribeRouteTables,
        DescribeAvailabilityZones,
        DescribeInstances,
        DescribeNetworkInterfaces,
        CreateSecurityGroup,
        DeleteSecurityGroup,
        AuthorizeIngress,
        RevokeIngress,
        CreateTags,
        DeleteTags,
    }
}

async fn perform<Q: Query>(client: &Client, request: Q) -> Result<Q::Output, CloudError> {
    let body = client.send(Q::ACTION, request.form()?).await?;
    Q::read(&body)
}

/// The error of an answer that is not what the operation promises.
fn unreadable(action: Action, error: &impl Display) -> CloudError {
    CloudError::Malformed { operation: action.name(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
