//! `iam-policy`: what the controller's role must be allowed.

use crate::aws_api::iam::{Partition, Policy};

/// The policy of a partition as IAM takes it.
pub fn render(partition: Partition) -> Result<String, serde_json::Error> {
    Policy::of(partition).render()
}
