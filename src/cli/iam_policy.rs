//! `iam-policy`: what the controller's role must be allowed.

use crate::aws_api::iam::{Partition, Policy, PolicyParts};

/// The policy of a partition as IAM takes it.
pub fn render(partition: Partition, parts: PolicyParts) -> Result<String, serde_json::Error> {
    Policy::of(partition, parts).render()
}
