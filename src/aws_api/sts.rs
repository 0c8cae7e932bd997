//! STS: the identity the controller acts as.

/// `GetCallerIdentity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetCallerIdentity {}

/// Who the controller is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Twelve-digit account id.
    pub account: String,
    /// ARN of the user or assumed role.
    pub arn: String,
}
