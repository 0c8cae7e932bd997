//! How much the conditions of a rule may hold.

use super::field_findings::FieldFindings;
use super::options;
use crate::annotations::value::{MAX_VALUE, regex};
use crate::gateway::backends::LoadedRule;
use crate::gateway::route::{Route, RouteProblem};
use crate::gateway::rules::condition::{self, Condition, Pattern, of_configuration};
use crate::settings::gateway::{condition_problems, conditions as of_aws};

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
    let mut conditions = match conditions {
        Ok(conditions) => conditions,
        Err(problem) => return findings.error(&place.field, problem.message),
    };
    for condition in &conditions {
        check_regexes(findings, &place.field, condition);
    }
    conditions.extend(of_configuration(place.loaded.configuration.as_deref(), Some(place.at)));
    // why that host: each is a rule of its own, and no other one has more in it
    let wildest =
        route.hostnames.iter().filter(|host| !host.is_empty()).max_by_key(|host| host.contains('*'));
    conditions.extend(wildest.map(|host| condition::host(host, options(findings.config))));
    for problem in condition_problems(&of_aws(&conditions)) {
        findings.error(&place.field, problem);
    }
}

fn check_regexes(findings: &mut FieldFindings<'_>, field: &str, condition: &Condition) {
    let (Condition::Host(pattern) | Condition::Path(pattern) | Condition::Header { value: pattern, .. }) =
        condition
    else {
        return;
    };
    if let Pattern::Regex(texts) = pattern {
        // why: what is much too long is not worth reading
        for text in texts.iter().filter(|text| text.len() <= 4 * MAX_VALUE) {
            findings.add_all(field, regex::check(text));
        }
    }
}
