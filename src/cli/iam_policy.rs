//! `iam-policy`: what the controller's role must be allowed.

use crate::aws_api::iam::Policy;

/// A policy as IAM takes it.
pub fn render(policy: &Policy) -> Result<String, serde_json::Error> {
    policy.render()
}
