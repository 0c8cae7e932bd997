//! Settings of a log-in that is not asked for.

use super::IngressChecks;
use crate::finding::Finding;

const SETTINGS: [&str; 4] =
    ["auth-on-unauthenticated-request", "auth-scope", "auth-session-cookie", "auth-session-timeout"];

pub(super) fn of_ingress(checks: &IngressChecks<'_, '_>) -> Vec<Finding> {
    let key = checks.annotations.key("auth-type");
    let providers = ["auth-idp-cognito", "auth-idp-oidc"];
    match checks.annotations.string("auth-type") {
        // why: a Service behind the Ingress may ask for the log-in
        None => checks.idle(
            providers.into_iter().chain(SETTINGS),
            &format!("has no effect without {key}, here or on a Service behind the Ingress"),
        ),
        Some("none") => {
            checks.idle(providers.into_iter().chain(SETTINGS), &format!("has no effect with {key}: none"))
        }
        Some("cognito") => checks.idle(["auth-idp-oidc"], &format!("has no effect with {key}: cognito")),
        Some("oidc") => checks.idle(["auth-idp-cognito"], &format!("has no effect with {key}: oidc")),
        Some(_) => Vec::new(),
    }
}
