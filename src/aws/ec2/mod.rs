//! EC2 by its Query protocol.

mod answers;
mod describe;
mod dry_run;
mod security_groups;

use super::query::{Api, Client, Form, Query, Variant, perform, read, resolve_ec2};
use super::shared_config::SharedConfig;
use crate::aws_api::{CloudError, Request, Response, Service};

/// A client: by flag, by `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL` or profile, or else at the region's endpoint.
pub(super) fn client(shared: &SharedConfig) -> Client {
    let overridden = shared.endpoint_override(&Service::Ec2, "EC2", "AWS_ENDPOINT_URL_EC2");
    let api = Api {
        service: Service::Ec2,
        version: "2016-11-15",
        signing_name: "ec2",
        signing_region: shared.region().to_owned(),
        url: overridden.unwrap_or_else(|| resolve_ec2(shared.region(), Variant::of(shared))),
    };
    Client::new(shared, &api)
}

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    macro_rules! dispatch {
        ($($action:ident,)*) => {
            match request {
                $(Request::$action(request) => perform(client, request).await.map(Response::$action),)*
                Request::DryRun(change) => dry_run::perform(client, change).await.map(Response::DryRun),
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

#[cfg(test)]
mod tests;
