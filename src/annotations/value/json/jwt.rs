//! `jwt-validation`: AWS's limits on token checks.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_JwtValidationActionConfig.html>

use super::super::{ValueFinding, not_one_of};
use super::{Checked, check_url};
use crate::annotations::Annotations;
use crate::annotations::ingress::jwt::parse_jwt;
use crate::aws_api::elbv2::JwtClaim;

const FORMATS: &[&str] = &["single-string", "string-array", "space-separated-values"];
/// Claims that AWS checks of every token.
const RESERVED: &[&str] = &["exp", "iss", "nbf", "iat"];
/// Additional claims, and values of one.
const MAX_ITEMS: usize = 10;
const MAX_LENGTH: usize = 256;

pub(super) fn check(annotations: &Annotations<'_>) -> Checked {
    let Some(jwt) = parse_jwt(annotations)? else { return Ok(Vec::new()) };
    let mut value_findings: Vec<ValueFinding> = jwt.additional_claims.iter().flat_map(check_claim).collect();
    value_findings.extend(check_count("additionalClaims", jwt.additional_claims.len()));
    value_findings.extend(check_url("jwksEndpoint", &jwt.jwks_endpoint));
    value_findings.extend(check_length("jwksEndpoint", &jwt.jwks_endpoint));
    value_findings.extend(check_length("issuer", &jwt.issuer));
    Ok(value_findings)
}

/// What is wrong with an additional claim.
pub fn check_claim(claim: &JwtClaim) -> Vec<ValueFinding> {
    let JwtClaim { format, name, values } = claim;
    let mut value_findings: Vec<ValueFinding> = values
        .iter()
        .filter_map(|value| check_length(&format!("a value of claim {name:?}"), value))
        .collect();
    if !FORMATS.contains(&format.as_str()) {
        value_findings.push(not_one_of(format, FORMATS));
    }
    if RESERVED.contains(&name.as_str()) {
        value_findings
            .push(ValueFinding::error(format!("claim {name:?} is checked in any case, expected another")));
    }
    let spaced = values.iter().find(|value| value.contains(' '));
    if let Some(value) = spaced.filter(|_| format == "space-separated-values") {
        value_findings.push(ValueFinding::error(format!("{value:?} has a blank, which separates values")));
    }
    value_findings.extend(check_count(&format!("claim {name:?}"), values.len()));
    value_findings
}

fn check_count(what: &str, count: usize) -> Option<ValueFinding> {
    let problem = format!("{what} has {count} items, expected at most {MAX_ITEMS}");
    (count > MAX_ITEMS).then(|| ValueFinding::error(problem))
}

fn check_length(what: &str, text: &str) -> Option<ValueFinding> {
    let length = text.chars().count();
    let problem = format!("{what} has {length} characters, expected at most {MAX_LENGTH}");
    (length > MAX_LENGTH).then(|| ValueFinding::error(problem))
}
