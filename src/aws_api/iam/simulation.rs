//! Questions to IAM: which role acts, and what a principal's policies would allow.
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use std::collections::BTreeMap;

/// Condition keys of a request, each with its value.
pub type Context = BTreeMap<String, String>;

/// Whose policies apply to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user, by ARN.
    User(String),
    /// A role that somebody has assumed. The caller's ARN leaves out the role's path.
    Role {
        /// Name of the role or user.
        name: String,
        /// ARN of the role if its path is `/`.
        arn: String,
    },
}

impl Principal {
    /// The principal behind the ARN of a caller; `None`: the root user or a federated user, which IAM does not simulate.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
    pub fn of(caller: &str) -> Option<Self> {
        let parts: Vec<&str> = caller.splitn(6, ':').collect();
        let [_, partition, service, _, account, resource] = parts.as_slice() else { return None };
        match (*service, resource.split_once('/')?) {
            ("iam", ("user", _)) => Some(Self::User(caller.to_owned())),
            ("sts", ("assumed-role", role)) => {
                let name = role.split('/').next()?;
                let arn = format!("arn:{partition}:iam::{account}:role/{name}");
                Some(Self::Role { name: name.to_owned(), arn })
            }
            _ => None,
        }
    }

    /// Its ARN, as far as it is known.
    pub fn arn(&self) -> &str {
        match self {
            Self::User(arn) | Self::Role { arn, .. } => arn,
        }
    }
}

/// Reads a role: `GetRole`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetRole {
    /// Name, without the path.
    pub name: String,
}

/// A role, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// ARN, with the path.
    pub arn: String,
}

/// `SimulatePrincipalPolicy`, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulatePrincipalPolicy {
    /// ARN of the role or user.
    pub principal_arn: String,
    /// Permissions, for example `ec2:CreateTags`.
    pub permissions: Vec<String>,
    /// ARNs; every permission is simulated on each of them (empty: on `*`).
    pub resources: Vec<String>,
    /// What the simulated requests carry.
    pub context: Context,
    /// Where the previous page ended.
    pub marker: Option<String>,
}

/// One page of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulationPage {
    /// One a permission.
    pub evaluations: Vec<Evaluation>,
    /// Set when there is more.
    pub marker: Option<String>,
}

/// What was found of one permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Permission that was simulated.
    pub permission: String,
    /// On all resources together.
    pub overall: Ruling,
    /// On each resource, by ARN, as far as IAM tells them apart.
    pub by_resource: BTreeMap<String, Ruling>,
    /// Whether the service control policies allow it; `None`: the account is in no organization.
    pub allowed_by_organization: Option<bool>,
}

/// What the policies say of a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Allowed or denied.
    pub decision: Decision,
    /// Condition keys that policies ask for and the request does not have, in any statement.
    pub missing_keys: Vec<String>,
    /// Whether the permissions boundary allows it; `None`: there is none.
    pub allowed_by_boundary: Option<bool>,
}

string_enum! {
    /// How a simulation ends.
    Decision {
        /// A statement allows it.
        Allowed = "allowed",
        /// A statement denies it.
        ExplicitDeny = "explicitDeny",
        /// No statement allows it.
        ImplicitDeny = "implicitDeny",
    }
}
