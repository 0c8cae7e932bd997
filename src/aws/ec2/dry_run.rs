//! Changes that EC2 is asked about and does not make.

use super::{Client, Query};
use crate::aws_api::ec2::DryRun;
use crate::aws_api::{Action, CloudError};

/// EC2's word for a request that it would have carried out.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const ALLOWED: &str = "DryRunOperation";

/// Asks; what is not allowed is EC2's error.
pub(super) async fn perform(client: &Client, change: DryRun) -> Result<(), CloudError> {
    let action = change.action();
    let form = match &change {
        DryRun::CreateSecurityGroup(change) => change.form(),
        DryRun::DeleteSecurityGroup(change) => change.form(),
        DryRun::AuthorizeIngress(change) => change.form(),
        DryRun::RevokeIngress(change) => change.form(),
        DryRun::CreateTags(change) => change.form(),
        DryRun::DeleteTags(change) => change.form(),
    };
    to_result(action, client.send_dry_run(action, form?).await)
}

/// A dry run ends with an error, also when it would have succeeded.
fn to_result(action: Action, answer: Result<String, CloudError>) -> Result<(), CloudError> {
    match answer {
        Err(error) if error.is(&[ALLOWED]) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(CloudError::Malformed {
            operation: action.name(),
            message: format!("{ALLOWED} is expected of a dry run"),
        }),
    }
}
