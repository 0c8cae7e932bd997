//! Who is admitted.

use super::Notes;
use super::objects::put;
use super::values::{Map, Values};
use crate::annotations::ALB_PREFIX;
use crate::annotations::Annotations;
use crate::annotations::ingress::auth::{AuthType, parse_auth};
use crate::annotations::ingress::jwt::parse_jwt;
use crate::aws_api::elbv2::JwtClaim;
use serde_json::{Map as Fields, Value, json};

/// Logging in, as annotations ask for it; `None`: they do not.
pub fn login(values: &Values, notes: &mut Notes) -> Result<Option<Value>, String> {
    let Some(kind) = values.text("auth-type") else { return Ok(None) };
    // why only these: the provider that is not used, and settings that have defaults, do not prevent anything
    let suffix = match kind {
        "none" => return Ok(None),
        "cognito" => "auth-idp-cognito",
        "oidc" => "auth-idp-oidc",
        other => return Err(format!("unsupported auth-type {other:?}, expected none, cognito or oidc")),
    };
    let keys = ["auth-type", suffix].map(|suffix| format!("{ALB_PREFIX}/{suffix}"));
    let read: Map = values
        .map()
        .iter()
        .filter(|(key, _)| keys.contains(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let auth = parse_auth(&Annotations::new(ALB_PREFIX, Some(&read)));
    let auth = auth.map_err(|fault| format!("failed to parse {suffix} annotation: {fault}"))?;
    let missing = || format!("auth-type is {kind:?} but {suffix} annotation is missing");
    let mut config = Fields::new();
    let extra_params = match auth.kind {
        AuthType::None => return Ok(None),
        AuthType::Cognito => {
            let pool = auth.cognito.ok_or_else(missing)?;
            put(&mut config, "userPoolArn", pool.user_pool_arn);
            put(&mut config, "userPoolClientId", pool.user_pool_client_id);
            put(&mut config, "userPoolDomain", pool.user_pool_domain);
            pool.extra_params
        }
        AuthType::Oidc => {
            let provider = auth.oidc.ok_or_else(missing)?;
            put(&mut config, "issuer", provider.issuer);
            put(&mut config, "authorizationEndpoint", provider.authorization_endpoint);
            put(&mut config, "tokenEndpoint", provider.token_endpoint);
            put(&mut config, "userInfoEndpoint", provider.user_info_endpoint);
            put(&mut config, "secret", json!({"name": provider.secret_name}));
            provider.extra_params
        }
    };
    put(&mut config, "authenticationRequestExtraParams", json!(extra_params));
    put(&mut config, "scope", values.text("auth-scope"));
    put(&mut config, "onUnauthenticatedRequest", values.choice("auth-on-unauthenticated-request", notes));
    put(&mut config, "sessionCookieName", values.text("auth-session-cookie"));
    put(&mut config, "sessionTimeout", values.int64("auth-session-timeout", notes));
    Ok(Some(match auth.kind {
        AuthType::Oidc => json!({"type": "authenticate-oidc", "authenticateOIDCConfig": config}),
        AuthType::Cognito | AuthType::None => {
            json!({"type": "authenticate-cognito", "authenticateCognitoConfig": config})
        }
    }))
}

/// Checking of tokens, as annotations ask for it; `None`: they do not.
pub fn token(values: &Values) -> Result<Option<Value>, String> {
    let read = parse_jwt(&values.annotations())
        .map_err(|fault| format!("failed to parse jwt-validation annotation: {fault}"))?;
    let Some(jwt) = read else { return Ok(None) };
    let mut config = Fields::new();
    put(&mut config, "issuer", jwt.issuer);
    put(&mut config, "jwksEndpoint", jwt.jwks_endpoint);
    let claim = |claim: JwtClaim| json!({"format": claim.format, "name": claim.name, "values": claim.values});
    put(&mut config, "additionalClaims", jwt.additional_claims.into_iter().map(claim).collect::<Vec<_>>());
    Ok(Some(json!({"type": "jwt-validation", "jwtValidationConfig": config})))
}
