//! Who calls, and what its policies allow.
//!
//! Calls are not authorized. What a caller may do is only told to who asks: to dry runs of EC2 (module `ec2`), and to
//! simulations of IAM (module `iam`).

use crate::Account;
use aws_load_balancer_controller::aws_api::iam::{Context, Partition, Policy, PolicyParts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The role of the caller, and how its policies differ from the controller's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// ARN of the caller as STS tells it; empty: an assumed role `load-balancer-controller`.
    pub caller: String,
    /// Path of the role between slashes, for example `/eks/`; empty: `/`.
    pub role_path: String,
    /// Permissions that its policies leave out.
    pub lacks: BTreeSet<String>,
    /// Permissions that a statement denies.
    pub denied: BTreeSet<String>,
    /// Permissions that the organization's service control policies leave out.
    pub organization_lacks: BTreeSet<String>,
    /// Permissions that the permissions boundary leaves out.
    pub boundary_lacks: BTreeSet<String>,
    /// Condition keys that must be in a request for a permission, beside those of the controller's policy.
    pub conditions: BTreeMap<String, String>,
    /// Permissions that IAM does not simulate in one call with others.
    pub simulated_apart: BTreeSet<String>,
}

/// What the policies say of a request; the later, the more restrictive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Allowed,
    /// No statement allows it.
    Nobody,
    /// The permissions boundary does not allow it.
    Boundary,
    /// The service control policies do not allow it.
    Organization,
    /// A statement denies it.
    Denied,
}

const ROLE: &str = "load-balancer-controller";
/// What `doctor` needs beside the controller's policy.
const OF_DOCTOR: [&str; 2] = ["iam:GetRole", "iam:SimulatePrincipalPolicy"];

/// The statements of the controller's policy, and one for `doctor`.
static STATEMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let policy = serde_json::to_value(Policy::of(Partition::Aws, PolicyParts::ALL)).ok();
    let own = policy.as_ref().and_then(|policy| policy.get("Statement")?.as_array()).cloned();
    let of_doctor = json!({"Action": OF_DOCTOR, "Resource": ["arn:*:iam::*:*"]});
    own.into_iter().flatten().chain([of_doctor]).collect()
});

impl Identity {
    /// ARN of the caller.
    pub(crate) fn caller_arn(&self, account: &Account) -> String {
        if self.caller.is_empty() {
            return format!("arn:aws:sts::{}:assumed-role/{ROLE}/simulated", account.id);
        }
        self.caller.clone()
    }

    /// ARN of the user or role whose policies these are.
    pub(crate) fn principal_arn(&self, account: &Account) -> String {
        if self.caller.contains(":user/") {
            return self.caller.clone();
        }
        let path = if self.role_path.is_empty() { "/" } else { &self.role_path };
        format!("arn:aws:iam::{}:role{path}{ROLE}", account.id)
    }

    /// Name of the role.
    pub(crate) fn role() -> &'static str {
        ROLE
    }

    /// Whether a request is allowed on a resource (`*`: on any).
    pub(crate) fn judge(&self, permission: &str, resource: &str, context: &Context) -> Answer {
        if self.denied.contains(permission) {
            return Answer::Denied;
        }
        if self.organization_lacks.contains(permission) {
            return Answer::Organization;
        }
        if self.boundary_lacks.contains(permission) {
            return Answer::Boundary;
        }
        let is_met = self.conditions.get(permission).is_none_or(|key| context.contains_key(key));
        let allows = |statement: &Value| allows(statement, permission, resource, context);
        if !self.lacks.contains(permission) && is_met && STATEMENTS.iter().any(allows) {
            return Answer::Allowed;
        }
        Answer::Nobody
    }

    /// Condition keys that any statement names and the request does not have.
    pub(crate) fn missing_keys(&self, context: &Context) -> Vec<String> {
        let blocks = STATEMENTS.iter().filter_map(|statement| statement.get("Condition")?.as_object());
        let operators = blocks.flat_map(serde_json::Map::values);
        let keys = operators.filter_map(Value::as_object).flat_map(serde_json::Map::keys);
        let all: BTreeSet<&String> = keys.chain(self.conditions.values()).collect();
        all.into_iter().filter(|key| !context.contains_key(*key)).cloned().collect()
    }
}

fn allows(statement: &Value, permission: &str, resource: &str, context: &Context) -> bool {
    let texts = |name: &str| statement.get(name).and_then(Value::as_array).into_iter().flatten();
    texts("Action").any(|action| action == permission)
        && texts("Resource").filter_map(Value::as_str).any(|pattern| is_like(pattern, resource))
        && statement.get("Condition").is_none_or(|conditions| holds(conditions, context))
}

/// Whether all conditions hold. Operators that the controller's policy does not use hold never.
fn holds(conditions: &Value, context: &Context) -> bool {
    let of_operator = |(operator, keys): (&String, &Value)| {
        keys.as_object().into_iter().flatten().all(|(key, values)| {
            let values: Vec<&str> =
                values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            match operator.as_str() {
                "StringEquals" => context.get(key).is_some_and(|value| values.contains(&value.as_str())),
                "Null" => values.contains(&if context.contains_key(key) { "false" } else { "true" }),
                _ => false,
            }
        })
    };
    conditions.as_object().into_iter().flatten().all(of_operator)
}

/// Whether a text is like a pattern of `*`.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.any(|at| rest.get(at..).is_some_and(|rest| is_like(tail, rest)))
        }),
    }
}

#[cfg(test)]
mod tests;
