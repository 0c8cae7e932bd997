//! `ListenerRuleConfiguration`: what a rule of an HTTPRoute or GRPCRoute does beyond Gateway API, named by an
//! `ExtensionRef` filter.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spelled;
use crate::api::absent_spec_is_default;

/// Actions, conditions and tags of a rule.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "gateway.k8s.aws",
    version = "v1",
    kind = "ListenerRuleConfiguration",
    plural = "listenerruleconfigurations",
    namespaced,
    status = "ListenerRuleConfigurationStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Settings for rules of HTTPRoutes and GRPCRoutes.",
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.actions) || size(self.actions) > 0",
        "message": "At least one action must be specified if actions field is present",
    },
    {
        "rule": "!has(self.actions) || self.actions.all(a, a.type == 'authenticate-oidc' || a.type == 'authenticate-cognito' || a.type == 'jwt-validation' || a.type == 'fixed-response' || a.type == 'forward' || a.type == 'redirect')",
        "message": "Only forward, redirect, authenticate-oidc, authenticate-cognito, jwt-validation, and fixed-response action types are supported",
    },
    {
        "rule": "!has(self.actions) || size(self.actions.filter(a, a.type == 'authenticate-oidc' || a.type == 'authenticate-cognito' || a.type == 'jwt-validation')) <= 1",
        "message": "At most one pre-routing action (authenticate-oidc, authenticate-cognito, or jwt-validation) can be specified",
    },
    {
        "rule": "!has(self.actions) || size(self.actions.filter(a, a.type == 'fixed-response' || a.type == 'forward' || a.type == 'redirect')) <= 1",
        "message": "At most one routing action (fixed-response or forward or redirect) can be specified",
    },
]))]
pub struct ListenerRuleConfigurationSpec {
    /// Actions: at most one that admits requests, and at most one that answers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    pub actions: Option<Vec<ListenerRuleAction>>,

    /// Further conditions of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub conditions: Option<Vec<ListenerRuleCondition>>,

    /// Tags of the rules in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

absent_spec_is_default!(ListenerRuleConfigurationSpec);

/// An action; exactly the configuration that belongs to its type is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.type) && self.type == 'forward' ? has(self.forwardConfig) : !has(self.forwardConfig)",
        "message": "forwardConfig must be specified only when type is 'forward'",
    },
    {
        "rule": "has(self.type) && self.type == 'redirect' ? has(self.redirectConfig) : !has(self.redirectConfig)",
        "message": "redirectConfig must be specified only when type is 'redirect'",
    },
    {
        "rule": "has(self.type) && self.type == 'fixed-response' ? has(self.fixedResponseConfig) : !has(self.fixedResponseConfig)",
        "message": "fixedResponseConfig must be specified only when type is 'fixed-response'",
    },
    {
        "rule": "has(self.type) && self.type == 'authenticate-cognito' ? has(self.authenticateCognitoConfig) : !has(self.authenticateCognitoConfig)",
        "message": "authenticateCognitoConfig must be specified only when type is 'authenticate-cognito'",
    },
    {
        "rule": "has(self.type) && self.type == 'authenticate-oidc' ? has(self.authenticateOIDCConfig) : !has(self.authenticateOIDCConfig)",
        "message": "authenticateOIDCConfig must be specified only when type is 'authenticate-oidc'",
    },
    {
        "rule": "has(self.type) && self.type == 'jwt-validation' ? has(self.jwtValidationConfig) : !has(self.jwtValidationConfig)",
        "message": "jwtValidationConfig must be specified only when type is 'jwt-validation'",
    },
]))]
pub struct ListenerRuleAction {
    /// What is done.
    #[serde(rename = "type")]
    pub type_: ActionType,
    /// How requests are forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_config: Option<ForwardActionConfig>,
    /// What is added to a redirect of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_config: Option<RedirectConfig>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_response_config: Option<FixedResponseConfig>,
    /// Logging in with Cognito.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticate_cognito_config: Option<AuthenticateCognitoConfig>,
    /// Logging in with OpenID Connect.
    #[serde(rename = "authenticateOIDCConfig", skip_serializing_if = "Option::is_none")]
    pub authenticate_oidc_config: Option<AuthenticateOidcConfig>,
    /// Checking of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_validation_config: Option<JwtValidationConfig>,
}

spelled! {
    /// What an action does.
    ActionType {
        /// Sends requests to the backends of the rule.
        Forward = "forward",
        /// Answers without a backend.
        FixedResponse = "fixed-response",
        /// Adds to the redirect of the route.
        Redirect = "redirect",
        /// Admits who is logged in with Cognito.
        AuthenticateCognito = "authenticate-cognito",
        /// Admits who is logged in with OpenID Connect.
        AuthenticateOidc = "authenticate-oidc",
        /// Admits requests with a valid token.
        JwtValidation = "jwt-validation",
    }
}

/// How requests are forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForwardActionConfig {
    /// Whether clients stay with a target group. Absent: all its defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub target_group_stickiness_config: Option<TargetGroupStickinessConfig>,
}

/// Whether clients stay with the target group that they were sent to first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupStickinessConfig {
    /// For how many seconds. Absent: 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800), extend("default" = 3600))]
    pub duration_seconds: Option<i32>,
    /// Whether at all. Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
}

/// What is added to a redirect of the route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedirectConfig {
    /// The query. Absent: `#{query}`, that of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "#{query}"))]
    pub query: Option<String>,
}

/// An answer without a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FixedResponseConfig {
    /// Status code: 2XX, 4XX or 5XX.
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "(self >= 200 && self <= 299) || (self >= 400 && self <= 599)",
        "message": "StatusCode must be a valid HTTP status code in the 2XX, 4XX, or 5XX range",
    }]))]
    pub status_code: i32,
    /// Type of the body. Absent: `text/plain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "text/plain"))]
    pub content_type: Option<FixedResponseContentType>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_body: Option<String>,
}

spelled! {
    /// Type of the body of an answer.
    #[allow(missing_docs)] // why: the variants are the types' names; a doc line would only repeat them
    FixedResponseContentType {
        TextPlain = "text/plain",
        TextCss = "text/css",
        TextHtml = "text/html",
        ApplicationJavascript = "application/javascript",
        ApplicationJson = "application/json",
    }
}

/// Logging in with Cognito.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticateCognitoConfig {
    /// ARN of the user pool.
    pub user_pool_arn: String,
    /// Id of the client in the user pool.
    pub user_pool_client_id: String,
    /// Domain, or prefix of the domain, of the user pool.
    pub user_pool_domain: String,
    /// How users log in, and for how long.
    #[serde(flatten)]
    pub session: SessionConfig,
}

/// Logging in with OpenID Connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticateOidcConfig {
    /// The issuer.
    pub issuer: String,
    /// Where users log in.
    pub authorization_endpoint: String,
    /// Where tokens are handed out.
    pub token_endpoint: String,
    /// Where facts about users are handed out.
    pub user_info_endpoint: String,
    /// The Secret with client id and client secret.
    pub secret: SecretReference,
    /// How users log in, and for how long.
    #[serde(flatten)]
    pub session: SessionConfig,
    /// Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_existing_client_secret: Option<bool>,
}

/// How users log in, and for how long; part of both kinds of logging in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionConfig {
    /// What the user is asked to grant. Absent: `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "openid"))]
    pub scope: Option<String>,
    /// Parameters of the request to log in; ten at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 10))]
    pub authentication_request_extra_params: Option<BTreeMap<String, String>>,
    /// What becomes of requests of users who are not logged in. Absent: they log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "authenticate"))]
    pub on_unauthenticated_request: Option<OnUnauthenticatedRequest>,
    /// Name of the cookie. Absent: `AWSELBAuthSessionCookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "AWSELBAuthSessionCookie"))]
    pub session_cookie_name: Option<String>,
    /// Seconds that users stay logged in. Absent: 604800.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800), extend("default" = 604_800))]
    pub session_timeout: Option<i64>,
}

/// A Secret of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Its name.
    pub name: String,
}

spelled! {
    /// What becomes of requests of users who are not logged in.
    OnUnauthenticatedRequest {
        /// They are refused.
        Deny = "deny",
        /// They are let through.
        Allow = "allow",
        /// The user is sent to log in.
        Authenticate = "authenticate",
    }
}

/// Checking of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JwtValidationConfig {
    /// Where the keys of the issuer are handed out.
    #[schemars(length(max = 256))]
    pub jwks_endpoint: String,
    /// The issuer.
    #[schemars(length(max = 256))]
    pub issuer: String,
    /// What tokens must say beyond that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_claims: Option<Vec<JwtAdditionalClaim>>,
}

/// Something that tokens must say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JwtAdditionalClaim {
    /// How the values are written in tokens.
    pub format: ClaimFormat,
    /// Name of the claim.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Values of which a token has one.
    #[schemars(length(min = 1, max = 10), inner(length(max = 256)))]
    pub values: Vec<String>,
}

spelled! {
    /// How the values of a claim are written in tokens.
    ClaimFormat {
        /// One string.
        SingleString = "single-string",
        /// A list of strings.
        StringArray = "string-array",
        /// One string of words.
        SpaceSeparatedValues = "space-separated-values",
    }
}

/// A further condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.field) && self.field == 'source-ip' ? has(self.sourceIPConfig) : !has(self.sourceIPConfig)",
    "message": "sourceIPConfig must be specified only when field is 'source-ip'",
}]))]
pub struct ListenerRuleCondition {
    /// What is looked at.
    pub field: ListenerRuleConditionField,
    /// Addresses of clients.
    #[serde(rename = "sourceIPConfig", skip_serializing_if = "Option::is_none")]
    pub source_ip_config: Option<SourceIpConfig>,
    /// The matches of the rule that the condition is added to, counted from 0. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "integers")]
    pub match_indexes: Option<Vec<i64>>,
}

fn integers(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "integer"}})
}

spelled! {
    /// What a further condition looks at.
    ListenerRuleConditionField {
        /// The address of the client.
        SourceIp = "source-ip",
    }
}

/// Addresses of clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceIpConfig {
    /// Address ranges in CIDR notation.
    #[schemars(length(min = 1))]
    pub values: Vec<String>,
}

/// Whether the controller takes the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerRuleConfigurationStatus {
    /// Generation that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether routes may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
