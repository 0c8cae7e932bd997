//! JSON documents: the parsers that builds use, and AWS's limits on what they yield.

mod action;
mod condition;
mod jwt;
mod repeated;

pub use action::target_group_excess;
pub use condition::{MAX_VALUE, MAX_VALUES, condition_excess, wrong_lengths};
pub use jwt::check_claim;

use super::{ValueFinding, regex};
use crate::annotations::ingress::auth::parse_auth;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::annotations::ingress::mutual_tls::parse_mutual_tls;
use crate::annotations::ingress::transform::parse_transforms;
use crate::annotations::ingress::{InvalidAnnotation, of};
use crate::aws_api::elbv2::RuleTransform;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `[{"HTTP": 80}, {"HTTPS": 443}]`.
    ListenPorts,
    /// Mutual TLS by listener.
    MutualAuthentication,
    /// What a rule does.
    Action,
    /// Further conditions of a rule.
    Conditions,
    /// Rewrites of a rule.
    Transforms,
    /// A Cognito user pool.
    Cognito,
    /// An OIDC provider.
    Oidc,
    /// Tokens that requests carry.
    Jwt,
    /// Where a listener of an NLB forwards to.
    NetworkForward,
}

type Checked = Result<Vec<ValueFinding>, InvalidAnnotation>;

/// Characters of each half of a rewrite.
const MAX_REWRITE: usize = 1024;

impl JsonKind {
    /// What is wrong with the document under a full key.
    pub(super) fn check(self, key: &str, value: &str) -> Vec<ValueFinding> {
        let repeated = repeated::keys(value).into_iter();
        let repeated = repeated
            .map(|name| ValueFinding::error(format!("field {name:?} is given twice, expected it once")));
        self.check_document(key, value).into_iter().chain(repeated).collect()
    }

    fn check_document(self, key: &str, value: &str) -> Vec<ValueFinding> {
        if self == Self::NetworkForward {
            return action::check_network_forward(value);
        }
        let only = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let annotations = of(Some(&only));
        let suffix = key.split_once('/').map_or(key, |(_, suffix)| suffix);
        let name = suffix.split_once('.').map_or("", |(_, name)| name);
        let checked = match self {
            Self::ListenPorts => parse_listen_ports(&annotations).map(|_| check_ports(value)),
            Self::MutualAuthentication => parse_mutual_tls(&annotations).map(|_| Vec::new()),
            Self::Action => action::check(&annotations, name, value),
            Self::Conditions => condition::check(&annotations, name, value),
            Self::Transforms => parse_transforms(&annotations, name).map(|found| check_transforms(&found)),
            Self::Cognito | Self::Oidc => parse_auth(&annotations).map(|auth| match auth.cognito {
                Some(pool) => check_cognito(&pool),
                None => auth.oidc.iter().flat_map(check_oidc).collect(),
            }),
            Self::Jwt => jwt::check(&annotations),
            Self::NetworkForward => Ok(Vec::new()),
        };
        checked.unwrap_or_else(|invalid| vec![refuse(invalid, value)])
    }

    /// The document, for the reference documentation.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::ListenPorts => "list of objects with protocol and port",
            Self::MutualAuthentication => "list of objects with port, mode and trust store",
            Self::Action => "an action",
            Self::Conditions => "list of conditions",
            Self::Transforms => "list of transforms",
            Self::Cognito => "a Cognito user pool",
            Self::Oidc => "an OIDC provider",
            Self::Jwt => "a JWT validation",
            Self::NetworkForward => "a forward action",
        }
    }
}

fn refuse(invalid: InvalidAnnotation, value: &str) -> ValueFinding {
    let shown: String = value.chars().take(60).collect();
    let dots = if shown.len() < value.len() { "…" } else { "" };
    let value_finding = ValueFinding::error(format!("{} (in {shown:?}{dots})", invalid.problem));
    match invalid.hint {
        Some(hint) => value_finding.hint(hint),
        None => value_finding,
    }
}

/// AWS takes one transform of each type.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RewriteConfig.html>
fn check_transforms(transforms: &[RuleTransform]) -> Vec<ValueFinding> {
    let mut seen = BTreeSet::new();
    let repeated = transforms.iter().filter(|transform| !seen.insert(transform.kind.as_str()));
    let twice = repeated
        .map(|transform| ValueFinding::error(format!("has {} twice, expected it once", transform.kind)));
    let rewrites = transforms.iter().flat_map(|transform| &transform.rewrites);
    let wrong = rewrites.flat_map(|(pattern, replacement)| {
        let long = [("regex", pattern), ("replace", replacement)].into_iter().filter_map(|(name, text)| {
            let length = text.chars().count();
            let problem = format!("{name} has {length} characters, expected at most {MAX_REWRITE}");
            (length > MAX_REWRITE).then(|| ValueFinding::error(problem))
        });
        // why: what is too long is not looked at
        let wrong = (pattern.len() <= 4 * MAX_REWRITE).then(|| regex::check(pattern)).flatten();
        long.chain(wrong).collect::<Vec<_>>()
    });
    twice.chain(wrong).collect()
}

fn check_ports(value: &str) -> Vec<ValueFinding> {
    let Ok(entries) = serde_json::from_str::<Vec<BTreeMap<String, i32>>>(value) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let ports = entries.iter().flatten();
    let repeated = ports.filter(|(_, port)| !seen.insert(**port));
    repeated
        .map(|(_, port)| ValueFinding::error(format!("port {port} is listed twice, expected it once")))
        .collect()
}

fn check_cognito(pool: &crate::annotations::ingress::auth::CognitoProvider) -> Vec<ValueFinding> {
    let needed = [
        ("userPoolARN", &pool.user_pool_arn),
        ("userPoolClientID", &pool.user_pool_client_id),
        ("userPoolDomain", &pool.user_pool_domain),
    ];
    let mut value_findings = check_present(&needed);
    let arn = &pool.user_pool_arn;
    let is_pool = arn.starts_with("arn:aws") && arn.contains(":cognito-idp:") && arn.contains(":userpool/");
    if !arn.is_empty() && !is_pool {
        value_findings
            .push(ValueFinding::error(format!("userPoolARN is {arn:?}, expected the ARN of a user pool")));
    }
    value_findings
}

fn check_oidc(provider: &crate::annotations::ingress::auth::OidcProvider) -> Vec<ValueFinding> {
    let urls = [
        ("issuer", &provider.issuer),
        ("authorizationEndpoint", &provider.authorization_endpoint),
        ("tokenEndpoint", &provider.token_endpoint),
        ("userInfoEndpoint", &provider.user_info_endpoint),
    ];
    let mut value_findings = check_present(&urls);
    value_findings.extend(check_present(&[("secretName", &provider.secret_name)]));
    value_findings.extend(urls.iter().filter_map(|(name, url)| check_url(name, url)));
    value_findings
}

fn check_present(needed: &[(&str, &String)]) -> Vec<ValueFinding> {
    let missing = needed.iter().filter(|(_, value)| value.is_empty());
    missing.map(|(name, _)| ValueFinding::error(format!("needs {name}"))).collect()
}

/// What is wrong with a URL that AWS asks; an empty one counts as absent.
pub fn check_url(name: &str, url: &str) -> Option<ValueFinding> {
    let is_url = url.is_empty() || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    (!is_url).then(|| ValueFinding::error(format!("{name} is {url:?}, expected a URL with https://")))
}

/// A field of an object, whatever the case of its key, as builds read it.
fn field<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
