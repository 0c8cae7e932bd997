//! `auth-*`: log-in through Cognito or an OIDC provider (upstream's `pkg/ingress/auth_config_builder.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Everything the `auth-*` annotations say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// Who authenticates the client.
    pub kind: AuthType,
    /// Cognito user pool, if given.
    pub cognito: Option<CognitoProvider>,
    /// OIDC provider, if given.
    pub oidc: Option<OidcProvider>,
    /// What happens without a log-in.
    pub on_unauthenticated_request: String,
    /// Scope asked for.
    pub scope: String,
    /// Name of the session's cookie.
    pub session_cookie: String,
    /// Seconds a session lasts.
    pub session_timeout: i64,
}

/// Who authenticates the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// Nobody: requests are served as they come.
    None,
    /// A user pool of Amazon Cognito.
    Cognito,
    /// An OIDC provider.
    Oidc,
}

/// A Cognito user pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CognitoProvider {
    /// ARN of the user pool.
    #[serde(rename = "userpoolarn")]
    pub user_pool_arn: String,
    /// Id of the pool's client.
    #[serde(rename = "userpoolclientid")]
    pub user_pool_client_id: String,
    /// Domain of the user pool, by prefix or in full.
    #[serde(rename = "userpooldomain")]
    pub user_pool_domain: String,
    /// Extra query parameters of the log-in redirect.
    #[serde(rename = "authenticationrequestextraparams")]
    pub extra_params: BTreeMap<String, String>,
}

/// An OIDC provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OidcProvider {
    /// Issuer of the identity provider.
    pub issuer: String,
    /// Where clients are sent to sign in.
    #[serde(rename = "authorizationendpoint")]
    pub authorization_endpoint: String,
    /// Where codes are exchanged for tokens.
    #[serde(rename = "tokenendpoint")]
    pub token_endpoint: String,
    /// User info endpoint.
    #[serde(rename = "userinfoendpoint")]
    pub user_info_endpoint: String,
    /// Secret with client id and client secret, in the namespace of the Ingress.
    #[serde(rename = "secretname")]
    pub secret_name: String,
    /// Extra query parameters of the log-in redirect.
    #[serde(rename = "authenticationrequestextraparams")]
    pub extra_params: BTreeMap<String, String>,
}

/// Keys of query parameters are the provider's and keep their case.
const OPAQUE: &[&str] = &["authenticationrequestextraparams"];

/// Reads all `auth-*` annotations; any that does not parse is a fault, also when it would not be used.
pub fn parse_auth(annotations: &Annotations<'_>) -> Result<AuthConfig, InvalidAnnotation> {
    let text = |suffix: &str, default: &str| annotations.string(suffix).unwrap_or(default).to_owned();
    Ok(AuthConfig {
        kind: parse_type(annotations)?,
        cognito: provider(annotations, "auth-idp-cognito", "the settings of a Cognito user pool")?,
        oidc: provider(annotations, "auth-idp-oidc", "the settings of an OIDC provider")?,
        on_unauthenticated_request: text("auth-on-unauthenticated-request", "authenticate"),
        scope: text("auth-scope", "openid"),
        session_cookie: text("auth-session-cookie", "AWSELBAuthSessionCookie"),
        session_timeout: annotations.int64("auth-session-timeout")?.unwrap_or(604_800),
    })
}

fn provider<T: DeserializeOwned + Default>(
    annotations: &Annotations<'_>,
    suffix: &str,
    expected: &str,
) -> Result<Option<T>, InvalidAnnotation> {
    Ok(json::<GoObject<T>>(annotations, suffix, expected, OPAQUE)?.map(|GoObject(provider)| provider))
}

fn parse_type(annotations: &Annotations<'_>) -> Result<AuthType, InvalidAnnotation> {
    match annotations.string("auth-type").unwrap_or("none") {
        "none" => Ok(AuthType::None),
        "cognito" => Ok(AuthType::Cognito),
        "oidc" => Ok(AuthType::Oidc),
        _ => Err(annotations.error("auth-type", "one of none, cognito, oidc").into()),
    }
}
