//! Actions, conditions and transforms of listeners and rules.

use super::json::{JsonObject, JsonValue};
use crate::aws_api::elbv2::{
    AuthenticationSession, CognitoAction, FixedResponseAction, ForwardAction, JwtAction, JwtClaim,
    ListenerAction, OidcAction, RedirectAction, RuleCondition, RuleTransform, TargetGroupStickiness,
    TargetGroupTuple, ValuesOrRegexes,
};

const REDACTED: &str = "[REDACTED]";

pub(super) fn action(action: &ListenerAction) -> JsonObject {
    let (kind, key, config) = match action {
        ListenerAction::Forward(config) => ("forward", "forwardConfig", forward(config)),
        ListenerAction::Redirect(config) => ("redirect", "redirectConfig", redirect(config)),
        ListenerAction::FixedResponse(config) => {
            ("fixed-response", "fixedResponseConfig", fixed_response(config))
        }
        ListenerAction::AuthenticateCognito(config) => {
            ("authenticate-cognito", "authenticateCognitoConfig", cognito(config))
        }
        ListenerAction::AuthenticateOidc(config) => {
            ("authenticate-oidc", "authenticateOIDCConfig", oidc(config))
        }
        ListenerAction::JwtValidation(config) => ("jwt-validation", "jwtValidationConfig", jwt(config)),
    };
    JsonObject::new().with("type", kind).with(key, config)
}

fn forward(config: &ForwardAction) -> JsonObject {
    let ForwardAction { target_groups, stickiness, plain: _ } = config;
    let tuple = |tuple: &TargetGroupTuple| {
        let TargetGroupTuple { target_group, weight } = tuple;
        JsonObject::new().with("targetGroupARN", target_group).with_some("weight", *weight)
    };
    let stickiness = stickiness.as_ref().map(|stickiness| {
        let TargetGroupStickiness { enabled, duration_seconds } = stickiness;
        JsonObject::new().with_some("enabled", *enabled).with_some("durationSeconds", *duration_seconds)
    });
    JsonObject::new()
        .with("targetGroups", JsonValue::list(target_groups.iter().map(tuple)))
        .with_some("targetGroupStickinessConfig", stickiness)
}

fn redirect(config: &RedirectAction) -> JsonObject {
    let RedirectAction { host, path, port, protocol, query, status_code } = config;
    JsonObject::new()
        .with_some("host", host.as_ref())
        .with_some("path", path.as_ref())
        .with_some("port", port.as_ref())
        .with_some("protocol", protocol.as_ref())
        .with_some("query", query.as_ref())
        .with("statusCode", status_code)
}

fn fixed_response(config: &FixedResponseAction) -> JsonObject {
    let FixedResponseAction { content_type, message_body, status_code } = config;
    JsonObject::new()
        .with_some("contentType", content_type.as_ref())
        .with_some("messageBody", message_body.as_ref())
        .with("statusCode", status_code)
}

fn session(session: &AuthenticationSession) -> JsonObject {
    let AuthenticationSession {
        extra_params,
        on_unauthenticated_request,
        scope,
        session_cookie_name,
        session_timeout,
    } = session;
    JsonObject::new()
        .with_any("authenticationRequestExtraParams", extra_params)
        .with_some("onUnauthenticatedRequest", on_unauthenticated_request.as_ref())
        .with_some("scope", scope.as_ref())
        .with_some("sessionCookieName", session_cookie_name.as_ref())
        .with_some("sessionTimeout", *session_timeout)
}

fn cognito(config: &CognitoAction) -> JsonObject {
    let CognitoAction { user_pool_arn, user_pool_client_id, user_pool_domain, session: common } = config;
    session(common)
        .with("userPoolARN", user_pool_arn)
        .with("userPoolClientID", user_pool_client_id)
        .with("userPoolDomain", user_pool_domain)
}

fn oidc(config: &OidcAction) -> JsonObject {
    let OidcAction {
        issuer,
        authorization_endpoint,
        token_endpoint,
        user_info_endpoint,
        client_id: _,
        client_secret: _,
        use_existing_client_secret: _,
        session: common,
    } = config;
    session(common)
        .with("issuer", issuer)
        .with("authorizationEndpoint", authorization_endpoint)
        .with("tokenEndpoint", token_endpoint)
        .with("userInfoEndpoint", user_info_endpoint)
        .with("clientID", REDACTED)
        .with("clientSecret", REDACTED)
}

fn jwt(config: &JwtAction) -> JsonObject {
    let JwtAction { jwks_endpoint, issuer, additional_claims } = config;
    let claim = |claim: &JwtClaim| {
        let JwtClaim { format, name, values } = claim;
        JsonObject::new()
            .with("format", format)
            .with("name", name)
            .with("values", JsonValue::list_or_null(values))
    };
    JsonObject::new()
        .with("jwksEndpoint", jwks_endpoint)
        .with("issuer", issuer)
        .with_any("additionalClaims", additional_claims.iter().map(claim))
}

pub(super) fn condition(condition: &RuleCondition) -> JsonObject {
    let (key, config) = match condition {
        RuleCondition::HostHeader(values) => ("hostHeaderConfig", either(JsonObject::new(), values)),
        RuleCondition::PathPattern(values) => ("pathPatternConfig", either(JsonObject::new(), values)),
        RuleCondition::HttpHeader { name, values } => {
            ("httpHeaderConfig", either(JsonObject::new().with("httpHeaderName", name), values))
        }
        RuleCondition::HttpRequestMethod(values) => {
            ("httpRequestMethodConfig", JsonObject::new().with("values", JsonValue::list_or_null(values)))
        }
        RuleCondition::QueryString(pairs) => ("queryStringConfig", query_string(pairs)),
        RuleCondition::SourceIp(values) => {
            ("sourceIPConfig", JsonObject::new().with("values", JsonValue::list_or_null(values)))
        }
    };
    JsonObject::new().with("field", condition.field()).with(key, config)
}

fn either(object: JsonObject, values: &ValuesOrRegexes) -> JsonObject {
    let ValuesOrRegexes { values, regexes } = values;
    object.with_any("regexValues", regexes).with_any("values", values)
}

fn query_string(pairs: &[(Option<String>, String)]) -> JsonObject {
    let pair = |(key, value): &(Option<String>, String)| {
        JsonObject::new().with_some("key", key.as_ref()).with("value", value)
    };
    JsonObject::new().with("values", JsonValue::list_or_null(pairs.iter().map(pair)))
}

pub(super) fn transform(transform: &RuleTransform) -> JsonObject {
    let RuleTransform { kind, rewrites } = transform;
    let key = if kind == "url-rewrite" { "urlRewriteConfig" } else { "hostHeaderRewriteConfig" };
    let rewrite =
        |(regex, replace): &(String, String)| JsonObject::new().with("regex", regex).with("replace", replace);
    let config = JsonObject::new().with("rewrites", JsonValue::list_or_null(rewrites.iter().map(rewrite)));
    JsonObject::new().with("type", kind).with(key, config)
}
