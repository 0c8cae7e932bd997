//! Actions of a ListenerRuleConfiguration that admit requests.

use super::field_findings::FieldFindings;
use crate::annotations::value::{TextKind, ValueKind, check_claim, check_url, is_arn};
use crate::api::gateway_config::{
    AuthenticateCognitoConfig, AuthenticateOidcConfig, JwtValidationConfig, ListenerRuleAction, SessionConfig,
};
use crate::aws_api::elbv2::JwtClaim;
use std::ops::RangeInclusive;

const MAX_EXTRA_PARAMS: usize = 10;
const SESSION_SECONDS: RangeInclusive<i64> = 1..=604_800;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_JwtValidationActionConfig.html>
const MAX_CLAIMS: usize = 10;
const MAX_URL: usize = 256;

pub(super) fn check(findings: &mut FieldFindings<'_>, field: &str, action: &ListenerRuleAction) {
    if let Some(config) = &action.authenticate_oidc_config {
        oidc(findings, &format!("{field}.authenticateOIDCConfig"), config);
    }
    if let Some(config) = &action.authenticate_cognito_config {
        cognito(findings, &format!("{field}.authenticateCognitoConfig"), config);
    }
    if let Some(config) = &action.jwt_validation_config {
        jwt(findings, &format!("{field}.jwtValidationConfig"), config);
    }
}

fn oidc(findings: &mut FieldFindings<'_>, field: &str, config: &AuthenticateOidcConfig) {
    let urls = [
        ("issuer", &config.issuer),
        ("authorizationEndpoint", &config.authorization_endpoint),
        ("tokenEndpoint", &config.token_endpoint),
        ("userInfoEndpoint", &config.user_info_endpoint),
    ];
    for (name, url) in urls {
        url_of(findings, field, name, url);
    }
    if config.secret.name.is_empty() {
        findings.error(&format!("{field}.secret.name"), "is empty, expected the name of a Secret");
    }
    if config.use_existing_client_secret.is_some() {
        findings.warn(&format!("{field}.useExistingClientSecret"), "has no effect");
    }
    session(findings, field, &config.session);
}

fn url_of(findings: &mut FieldFindings<'_>, field: &str, name: &str, url: &str) {
    let field = format!("{field}.{name}");
    if url.is_empty() {
        findings.error(&field, "is empty, expected a URL with https://");
    }
    findings.add_all(&field, check_url(name, url));
}

fn cognito(findings: &mut FieldFindings<'_>, field: &str, config: &AuthenticateCognitoConfig) {
    let arn = &config.user_pool_arn;
    if !is_arn(arn, "cognito-idp", "userpool/") {
        let problem = format!("{arn:?} is not the ARN of a Cognito user pool");
        findings.error(&format!("{field}.userPoolArn"), problem);
    }
    let texts =
        [("userPoolClientId", &config.user_pool_client_id), ("userPoolDomain", &config.user_pool_domain)];
    for (name, _) in texts.into_iter().filter(|(_, text)| text.is_empty()) {
        findings.error(&format!("{field}.{name}"), "is empty");
    }
    session(findings, field, &config.session);
}

fn session(findings: &mut FieldFindings<'_>, field: &str, config: &SessionConfig) {
    let scope = ValueKind::Text(TextKind::Scope);
    findings.text(&format!("{field}.scope"), config.scope.as_ref(), scope);
    let cookie = ValueKind::Text(TextKind::CookieName);
    findings.text(&format!("{field}.sessionCookieName"), config.session_cookie_name.as_ref(), cookie);
    if let Some(seconds) = config.session_timeout.filter(|seconds| !SESSION_SECONDS.contains(seconds)) {
        let problem = format!("{seconds} is out of range, expected 1 to 604800");
        findings.error(&format!("{field}.sessionTimeout"), problem);
    }
    let count =
        config.authentication_request_extra_params.as_ref().map_or(0, std::collections::BTreeMap::len);
    if count > MAX_EXTRA_PARAMS {
        let problem = format!("has {count} parameters, expected at most {MAX_EXTRA_PARAMS}");
        findings.error(&format!("{field}.authenticationRequestExtraParams"), problem);
    }
}

fn jwt(findings: &mut FieldFindings<'_>, field: &str, config: &JwtValidationConfig) {
    url_of(findings, field, "jwksEndpoint", &config.jwks_endpoint);
    if config.issuer.is_empty() {
        findings.error(&format!("{field}.issuer"), "is empty");
    }
    for (name, text) in [("jwksEndpoint", &config.jwks_endpoint), ("issuer", &config.issuer)] {
        let length = text.chars().count();
        if length > MAX_URL {
            let problem = format!("has {length} characters, expected at most {MAX_URL}");
            findings.error(&format!("{field}.{name}"), problem);
        }
    }
    let claims = config.additional_claims.as_deref().unwrap_or_default();
    if claims.len() > MAX_CLAIMS {
        let problem = format!("has {} items, expected at most {MAX_CLAIMS}", claims.len());
        findings.error(&format!("{field}.additionalClaims"), problem);
        return;
    }
    for (index, claim) in claims.iter().enumerate() {
        let field = format!("{field}.additionalClaims[{index}]");
        let format = <&str>::from(claim.format).to_owned();
        let of_token = JwtClaim { format, name: claim.name.clone(), values: claim.values.clone() };
        findings.add_all(&field, check_claim(&of_token));
        if claim.name.is_empty() {
            findings.error(&format!("{field}.name"), "is empty");
        }
        if claim.values.is_empty() {
            findings.error(&format!("{field}.values"), "is empty, expected 1 to 10 values");
        }
    }
}
