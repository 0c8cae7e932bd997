//! `conditions.<name>`: AWS's limits on conditions.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>

use super::super::{Complaint, regex};
use super::{Checked, field};
use crate::annotations::Annotations;
use crate::annotations::ingress::condition::parse_conditions;
use crate::annotations::parse;
use crate::cloud::elbv2::{RuleCondition, ValuesOrRegexes};
use serde_json::Value;

const FIELDS: &[&str] =
    &["host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip"];
/// Characters of a value.
pub const MAX_VALUE: usize = 128;
/// Values of all conditions of a rule.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub const MAX_VALUES: usize = 5;

pub(super) fn check(annotations: &Annotations<'_>, name: &str, value: &str) -> Checked {
    let conditions = parse_conditions(annotations, name)?;
    let mut complaints: Vec<Complaint> = conditions.iter().flat_map(check_condition).collect();
    complaints.extend(find_unknown_fields(value));
    let count: usize = conditions.iter().map(RuleCondition::count).sum();
    if count > MAX_VALUES {
        let problem = format!("has {count} values in all, expected at most {MAX_VALUES}");
        complaints.push(Complaint::error(problem));
    }
    Ok(complaints)
}

/// why: a condition on an unknown field is left out, so that the rule matches more than was meant.
fn find_unknown_fields(value: &str) -> Vec<Complaint> {
    let Ok(Value::Array(conditions)) = serde_json::from_str(value) else { return Vec::new() };
    let fields = conditions
        .iter()
        .map(|condition| field(condition, "field").and_then(Value::as_str).unwrap_or_default());
    let unknown = fields.filter(|field| !FIELDS.contains(field));
    unknown
        .map(|field| {
            let problem =
                format!("a condition on field {field:?} has no effect; there are {}", FIELDS.join(", "));
            Complaint::warning(problem).suggest(field, FIELDS)
        })
        .collect()
}

fn check_condition(condition: &RuleCondition) -> Vec<Complaint> {
    match condition {
        RuleCondition::HostHeader(values) | RuleCondition::PathPattern(values) => check_lengths(values),
        RuleCondition::HttpHeader { name, values } => {
            let mut complaints = check_lengths(values);
            if !(1..=40).contains(&name.len()) || !name.bytes().all(is_header_byte) {
                complaints.push(Complaint::error(format!(
                    "httpHeaderName is {name:?}, expected 1 to 40 letters, digits and hyphens"
                )));
            }
            complaints
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

fn check_lengths(values: &ValuesOrRegexes) -> Vec<Complaint> {
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

fn check_length(value: &str) -> Option<Complaint> {
    let length = value.chars().count();
    let is_right = (1..=MAX_VALUE).contains(&length);
    (!is_right)
        .then(|| Complaint::error(format!("{value:?} has {length} characters, expected 1 to {MAX_VALUE}")))
}

fn is_header_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

fn check_method(method: &str) -> Option<Complaint> {
    let is_right = (1..=40).contains(&method.len())
        && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    (!is_right).then(|| {
        let complaint = Complaint::error(format!("{method:?} is not a method, expected capital letters"));
        complaint.hint(format!("did you mean `{}`?", method.to_uppercase()))
    })
}

fn check_cidr(cidr: &str) -> Option<Complaint> {
    parse::cidr(cidr).is_none().then(|| Complaint::error(format!("{cidr:?} is not a CIDR")))
}
