//! Conditions and transforms of rules: what AWS accepts.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-update-rules.html>

use crate::{
    World,
    refusal::{CallResult, bad_configuration, bad_value, ensure},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    LoadBalancer, LoadBalancerType, RuleCondition, RuleTransform, ValuesOrRegexes,
};
use ipnet::IpNet;
use std::collections::BTreeSet;

/// Fields that a rule may test only once.
const ONCE: &[&str] = &["host-header", "path-pattern", "http-request-method", "source-ip"];

impl World {
    pub(crate) fn check_conditions(&self, lb: &LoadBalancer, conditions: &[RuleCondition]) -> CallResult<()> {
        ensure(lb.kind == LoadBalancerType::Application, || {
            bad_configuration("Rules of network load balancers are not simulated")
        })?;
        ensure(!conditions.is_empty(), || bad_value("At least one condition must be specified"))?;
        let mut seen = BTreeSet::new();
        for condition in conditions {
            check_condition(condition)?;
            let field = condition.field();
            ensure(seen.insert(field) || !ONCE.contains(&field), || {
                bad_value(format!("A rule can only have one '{field}' condition"))
            })?;
        }
        let quotas = &self.settings.quotas;
        let total: usize = conditions.iter().map(|condition| texts(condition).len()).sum();
        ensure(total <= quotas.condition_values, || {
            bad_value(format!("A rule can only have '{}' condition values", quotas.condition_values))
        })?;
        let wild: usize = conditions.iter().map(wildcards).sum();
        ensure(wild <= quotas.condition_wildcards, || {
            bad_value(format!("A rule can only have '{}' condition wildcards", quotas.condition_wildcards))
        })
    }
}

/// Transforms may appear once of each kind, with one rewrite each.
pub(crate) fn check_transforms(transforms: &[RuleTransform]) -> CallResult<()> {
    let mut seen = BTreeSet::new();
    for transform in transforms {
        let kind = transform.kind.as_str();
        ensure(matches!(kind, "url-rewrite" | "host-header-rewrite"), || {
            bad_value(format!("Transform type '{kind}' must be one of 'host-header-rewrite, url-rewrite'"))
        })?;
        ensure(seen.insert(kind), || bad_value("A rule can only have one transform of each type"))?;
        ensure(transform.rewrites.len() == 1, || {
            bad_value(format!("Exactly one rewrite must be specified for transforms of type '{kind}'"))
        })?;
    }
    Ok(())
}

fn check_condition(condition: &RuleCondition) -> CallResult<()> {
    let field = condition.field();
    let texts = texts(condition);
    ensure(!texts.is_empty(), || {
        bad_value(format!("A condition value must be specified for the field '{field}'"))
    })?;
    ensure(texts.iter().all(|text| text.chars().count() <= 128), || {
        bad_value(format!("Condition values of the field '{field}' cannot be longer than '128' characters"))
    })?;
    if let RuleCondition::HostHeader(one)
    | RuleCondition::PathPattern(one)
    | RuleCondition::HttpHeader { values: one, .. } = condition
    {
        ensure(one.values.is_empty() || one.regexes.is_empty(), || {
            bad_value(format!("Values and RegexValues cannot both be specified for the field '{field}'"))
        })?;
    }
    check_characters(condition)
}

fn check_characters(condition: &RuleCondition) -> CallResult<()> {
    let all = |values: &[String], fits: fn(char) -> bool| values.iter().all(|value| value.chars().all(fits));
    match condition {
        RuleCondition::HostHeader(ValuesOrRegexes { values, .. }) => ensure(all(values, fits_host), || {
            bad_value("The host header contains characters that are not valid")
        }),
        RuleCondition::PathPattern(ValuesOrRegexes { values, .. }) => ensure(all(values, fits_path), || {
            bad_value("The path pattern contains characters that are not valid")
        }),
        RuleCondition::HttpHeader { name, .. } => {
            let fits = (1..=40).contains(&name.len()) && name.chars().all(fits_header_name);
            ensure(fits, || {
                bad_value("A valid HTTP header name must be specified for the field 'http-header'")
            })
        }
        RuleCondition::HttpRequestMethod(methods) => {
            let fits = all(methods, |c| c.is_ascii_uppercase() || c == '-' || c == '_');
            ensure(fits && methods.iter().all(|method| method.len() <= 40), || {
                bad_value(
                    "HTTP request methods can only contain the characters A-Z, hyphens (-) and underscores (_)",
                )
            })
        }
        RuleCondition::SourceIp(cidrs) => cidrs.iter().try_for_each(|cidr| {
            ensure(cidr.parse::<IpNet>().is_ok(), || {
                bad_value(format!("The source IP '{cidr}' is not a valid CIDR block"))
            })
        }),
        RuleCondition::QueryString(_) => Ok(()),
    }
}

/// Everything that counts against the quota of values.
fn texts(condition: &RuleCondition) -> Vec<&str> {
    match condition {
        RuleCondition::HostHeader(one)
        | RuleCondition::PathPattern(one)
        | RuleCondition::HttpHeader { values: one, .. } => {
            one.values.iter().chain(&one.regexes).map(String::as_str).collect()
        }
        RuleCondition::HttpRequestMethod(values) | RuleCondition::SourceIp(values) => {
            values.iter().map(String::as_str).collect()
        }
        RuleCondition::QueryString(pairs) => pairs.iter().map(|(_, value)| value.as_str()).collect(),
    }
}

fn wildcards(condition: &RuleCondition) -> usize {
    match condition {
        RuleCondition::HostHeader(one) | RuleCondition::PathPattern(one) => {
            one.values.iter().map(|value| value.matches(['*', '?']).count()).sum()
        }
        _ => 0,
    }
}

fn fits_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.*?-".contains(c)
}

fn fits_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?!%(),;=[]{}|^#".contains(c)
}

fn fits_header_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(c)
}
