//! `conditions.<name>`: AWS's limits on conditions.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>

use super::super::{ValueFinding, regex};
use super::{Checked, field};
use crate::annotations::Annotations;
use crate::annotations::ingress::condition::parse_conditions;
use crate::annotations::parse;
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use serde_json::Value;

const FIELDS: &[&str] =
    &["host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip"];
/// Characters of a value.
pub const MAX_VALUE: usize = 128;
/// Values of all conditions of a rule.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub const MAX_VALUES: usize = 5;
/// `*` and `?` in the hosts and paths of a rule.
/// Source: as above.
const MAX_WILDCARDS: usize = 6;

pub(super) fn check(annotations: &Annotations<'_>, name: &str, value: &str) -> Checked {
    let conditions = parse_conditions(annotations, name)?;
    let mut value_findings: Vec<ValueFinding> = conditions.iter().flat_map(check_condition).collect();
    value_findings.extend(find_unknown_fields(value));
    value_findings.extend(condition_excess(&conditions).into_iter().map(ValueFinding::error));
    Ok(value_findings)
}

/// More in the conditions of one rule than AWS takes, whatever the account's quotas.
pub fn condition_excess(conditions: &[RuleCondition]) -> Vec<String> {
    let counts: [(usize, usize, &str); 2] = [
        (conditions.iter().map(RuleCondition::count).sum(), MAX_VALUES, "values"),
        (conditions.iter().map(wildcards).sum(), MAX_WILDCARDS, "wildcards"),
    ];
    let excess = counts.into_iter().filter(|(count, most, _)| count > most);
    excess.map(|(count, most, what)| format!("has {count} {what} in all, expected at most {most}")).collect()
}

fn wildcards(condition: &RuleCondition) -> usize {
    match condition {
        RuleCondition::HostHeader(of) | RuleCondition::PathPattern(of) => {
            of.values.iter().map(|value| value.matches(['*', '?']).count()).sum()
        }
        RuleCondition::HttpHeader { .. }
        | RuleCondition::HttpRequestMethod(_)
        | RuleCondition::QueryString(_)
        | RuleCondition::SourceIp(_) => 0,
    }
}

/// Values of conditions whose length AWS does not take.
pub fn wrong_lengths(condition: &RuleCondition) -> Vec<ValueFinding> {
    let texts: Vec<&String> = match condition {
        RuleCondition::HostHeader(of)
        | RuleCondition::PathPattern(of)
        | RuleCondition::HttpHeader { values: of, .. } => of.values.iter().chain(&of.regexes).collect(),
        RuleCondition::QueryString(pairs) => pairs.iter().map(|(_, value)| value).collect(),
        RuleCondition::HttpRequestMethod(_) | RuleCondition::SourceIp(_) => Vec::new(),
    };
    texts.into_iter().filter_map(|text| check_length(text)).collect()
}

/// why: a condition on an unknown field is left out, so that the rule matches more than was meant.
fn find_unknown_fields(value: &str) -> Vec<ValueFinding> {
    let Ok(Value::Array(conditions)) = serde_json::from_str(value) else { return Vec::new() };
    let fields = conditions
        .iter()
        .map(|condition| field(condition, "field").and_then(Value::as_str).unwrap_or_default());
    let unknown = fields.filter(|field| !FIELDS.contains(field));
    unknown
        .map(|field| {
            let problem =
                format!("a condition on field {field:?} has no effect; there are {}", FIELDS.join(", "));
            ValueFinding::warning(problem).suggest(field, FIELDS)
        })
        .collect()
}

fn check_condition(condition: &RuleCondition) -> Vec<ValueFinding> {
    match condition {
        RuleCondition::HostHeader(values) | RuleCondition::PathPattern(values) => check_lengths(values),
        RuleCondition::HttpHeader { name, values } => {
            let mut value_findings = check_lengths(values);
            if !(1..=40).contains(&name.len()) || !name.bytes().all(is_header_byte) {
                value_findings.push(ValueFinding::error(format!(
                    "httpHeaderName is {name:?}, expected 1 to 40 letters, digits and hyphens"
                )));
            }
            value_findings
        }
        RuleCondition::HttpRequestMethod(methods) => {
            methods.iter().filter_map(|method| check_method(method)).collect()
        }
        RuleCondition::SourceIp(cidrs) => cidrs.iter().filter_map(|cidr| check_cidr(cidr)).collect(),
        RuleCondition::QueryString(pairs) => {
            pairs.iter().filter_map(|(_, value)| check_length(value)).collect()
        }
    }
}

fn check_lengths(values: &ValuesOrRegexes) -> Vec<ValueFinding> {
    let lengths = values.values.iter().chain(&values.regexes).filter_map(|value| check_length(value));
    lengths
        .chain(
            values
                .regexes
                .iter()
                .filter(|pattern| pattern.len() <= 4 * MAX_VALUE)
                .filter_map(|pattern| regex::check(pattern)),
        )
        .collect()
}

fn check_length(value: &str) -> Option<ValueFinding> {
    let length = value.chars().count();
    let is_right = (1..=MAX_VALUE).contains(&length);
    (!is_right)
        .then(|| ValueFinding::error(format!("{value:?} has {length} characters, expected 1 to {MAX_VALUE}")))
}

fn is_header_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

fn check_method(method: &str) -> Option<ValueFinding> {
    let is_right = (1..=40).contains(&method.len())
        && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    (!is_right).then(|| {
        let value_finding =
            ValueFinding::error(format!("{method:?} is not a method, expected capital letters"));
        value_finding.hint(format!("did you mean `{}`?", method.to_uppercase()))
    })
}

fn check_cidr(cidr: &str) -> Option<ValueFinding> {
    parse::cidr(cidr).is_none().then(|| ValueFinding::error(format!("{cidr:?} is not a CIDR")))
}
