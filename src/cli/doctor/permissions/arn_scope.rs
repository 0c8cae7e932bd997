//! Where the caller is: what ARNs are made of.

use crate::aws_api::iam::Partition;
use crate::aws_api::sts::CallerIdentity;
use crate::config::Config;
use std::str::FromStr as _;

/// Partition, region and account.
pub(super) struct ArnScope {
    pub(super) partition: Partition,
    pub(super) region: String,
    account: String,
}

impl ArnScope {
    /// The caller's account and partition, and the controller's region.
    pub(super) fn of(identity: &CallerIdentity, config: &Config) -> Self {
        let partition = identity.arn.split(':').nth(1).map(Partition::from_str);
        Self {
            partition: partition.and_then(Result::ok).unwrap_or(Partition::Aws),
            region: config.region.clone(),
            account: identity.account.clone(),
        }
    }

    /// The ARN of something in the region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        self.arn_in(service, &self.region, resource)
    }

    /// The ARN of something that belongs to no region.
    pub(super) fn global_arn(&self, service: &str, resource: &str) -> String {
        self.arn_in(service, "", resource)
    }

    fn arn_in(&self, service: &str, region: &str, resource: &str) -> String {
        let (partition, account) = (self.partition.as_str(), &self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}
