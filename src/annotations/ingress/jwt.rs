//! `jwt-validation`: tokens that requests must carry, written as JSON (upstream's `pkg/ingress/config_types.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use crate::aws_api::elbv2::{JwtAction, JwtClaim};
use serde::Deserialize;

const SUFFIX: &str = "jwt-validation";

/// The token check, if the annotation is there.
pub fn parse_jwt(annotations: &Annotations<'_>) -> Result<Option<JwtAction>, InvalidAnnotation> {
    let Some(raw) = json::<GoObject<RawJwt>>(annotations, SUFFIX, "the settings of a JWT validation", &[])?
    else {
        return Ok(None);
    };
    raw.0.check().map(Some).map_err(|problem| InvalidAnnotation::new(annotations.key(SUFFIX), problem))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawJwt {
    jwksendpoint: String,
    issuer: String,
    additionalclaims: Vec<GoObject<RawClaim>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawClaim {
    format: String,
    name: String,
    values: Vec<String>,
}

impl RawJwt {
    fn check(self) -> Result<JwtAction, String> {
        if self.jwksendpoint.is_empty() {
            return Err("needs jwksEndpoint".to_owned());
        }
        if self.issuer.is_empty() {
            return Err("needs issuer".to_owned());
        }
        let claims = self.additionalclaims.into_iter().enumerate().map(|(index, GoObject(claim))| {
            claim.check().map_err(|problem| format!("additionalClaims[{index}] {problem}"))
        });
        Ok(JwtAction {
            jwks_endpoint: self.jwksendpoint,
            issuer: self.issuer,
            additional_claims: claims.collect::<Result<_, _>>()?,
        })
    }
}

impl RawClaim {
    fn check(self) -> Result<JwtClaim, &'static str> {
        if self.format.is_empty() {
            return Err("needs format: single-string, string-array or space-separated-values");
        }
        if self.name.is_empty() {
            return Err("needs name");
        }
        if self.values.is_empty() {
            return Err("needs at least one of values");
        }
        Ok(JwtClaim { format: self.format, name: self.name, values: self.values })
    }
}
