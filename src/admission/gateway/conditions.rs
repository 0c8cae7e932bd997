//! How much the conditions of a rule may hold.

use super::field_findings::FieldFindings;
use crate::annotations::value::{MAX_VALUE, MAX_VALUES, regex};
use crate::gateway::backends::LoadedRule;
use crate::gateway::route::{Route, RouteProblem};
use crate::gateway::rules::condition::{Condition, Pattern, of_configuration};

/// A match of a rule.
pub(super) struct MatchPlace<'r> {
    /// Its path in the route.
    pub field: String,
    /// Its number in the rule.
    pub at: usize,
    /// The number of the rule.
    pub number: usize,
    /// The rule.
    pub loaded: &'r LoadedRule,
}

/// What is wrong with the conditions of a match, or why there are none.
pub(super) fn check(
    findings: &mut FieldFindings<'_>,
    route: &Route<'_>,
    place: &MatchPlace<'_>,
    conditions: Result<Vec<Condition>, RouteProblem>,
) {
    let conditions = match conditions {
        Ok(conditions) => conditions,
        Err(problem) => return findings.error(&place.field, problem.message),
    };
    for condition in &conditions {
        check_values(findings, &place.field, condition);
    }
    let added = of_configuration(place.loaded.configuration.as_deref(), Some(place.at));
    let of_hosts = usize::from(route.hostnames.iter().any(|host| !host.is_empty()));
    let count = of_hosts + conditions.iter().chain(&added).map(count).sum::<usize>();
    if count > MAX_VALUES {
        let problem = format!("has {count} values in all, expected at most {MAX_VALUES}");
        findings.error(&place.field, problem);
    }
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::Host(pattern) | Condition::Path(pattern) | Condition::Header { value: pattern, .. } => {
            match pattern {
                Pattern::Values(texts) | Pattern::Regex(texts) => texts.len(),
            }
        }
        Condition::Query { .. } | Condition::Method(_) => 1,
        Condition::SourceIp(ranges) => ranges.len(),
    }
}

fn check_values(findings: &mut FieldFindings<'_>, field: &str, condition: &Condition) {
    match condition {
        Condition::Host(pattern) | Condition::Path(pattern) => check_pattern(findings, field, pattern),
        Condition::Header { value, .. } => check_pattern(findings, field, value),
        Condition::Query { value, .. } => check_length(findings, field, value),
        Condition::Method(_) | Condition::SourceIp(_) => {}
    }
}

fn check_pattern(findings: &mut FieldFindings<'_>, field: &str, pattern: &Pattern) {
    match pattern {
        Pattern::Values(texts) => texts.iter().for_each(|text| check_length(findings, field, text)),
        Pattern::Regex(texts) => {
            for text in texts {
                check_length(findings, field, text);
                // why: what is much too long is not worth reading
                if text.len() <= 4 * MAX_VALUE {
                    findings.add_all(field, regex::check(text));
                }
            }
        }
    }
}

fn check_length(findings: &mut FieldFindings<'_>, field: &str, text: &str) {
    let length = text.chars().count();
    if !(1..=MAX_VALUE).contains(&length) {
        findings.error(field, format!("{text:?} has {length} characters, expected 1 to {MAX_VALUE}"));
    }
}
