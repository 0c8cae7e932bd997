//! ListenerRuleConfigurations: what no rule could be built with is an error, what has no effect a warning.
//!
//! Which actions go together is said by the definition of the kind, too; nobody has asked it about a file.

use super::field_findings::FieldFindings;
use super::listener_rule_authentication;
use crate::annotations::value::MAX_VALUES;
use crate::api::gateway_config::{
    ActionType, FixedResponseConfig, LISTENER_RULE_CONFIGURATION_KIND, ListenerRuleAction,
    ListenerRuleCondition, ListenerRuleConfiguration,
};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

const MAX_ACTIONS: usize = 2;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html>
const MAX_BODY: usize = 1024;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html>
const MAX_QUERY: usize = 128;
const STICKY_SECONDS: RangeInclusive<i32> = 1..=604_800;

/// A ListenerRuleConfiguration, as findings name it.
pub fn configuration_ref(configuration: &ListenerRuleConfiguration) -> ObjectRef {
    super::object_ref(LISTENER_RULE_CONFIGURATION_KIND, &configuration.metadata)
}

/// What is wrong with a ListenerRuleConfiguration.
pub fn check(config: &Config, configuration: &ListenerRuleConfiguration) -> Vec<Finding> {
    let mut findings = FieldFindings::new(config, configuration_ref(configuration));
    let spec = &configuration.spec;
    if spec.actions.is_none() && spec.conditions.is_none() && spec.tags.is_none() {
        findings.warn("spec", "has neither actions nor conditions nor tags, so it does nothing");
    }
    if let Some(given) = &spec.actions {
        actions(&mut findings, given);
    }
    if let Some(given) = &spec.conditions {
        conditions(&mut findings, given);
    }
    findings.tags("spec.tags", spec.tags.as_ref());
    findings.finish()
}

fn actions(findings: &mut FieldFindings<'_>, given: &[ListenerRuleAction]) {
    if given.is_empty() {
        findings.error("spec.actions", "is empty, expected 1 or 2 actions, or no field");
    }
    if given.len() > MAX_ACTIONS {
        findings
            .error("spec.actions", format!("has {} actions, expected at most {MAX_ACTIONS}", given.len()));
        return;
    }
    let admitting =
        [ActionType::AuthenticateOidc, ActionType::AuthenticateCognito, ActionType::JwtValidation];
    let admits = |action: &ListenerRuleAction| admitting.contains(&action.type_);
    if let [one, other] = given
        && admits(one) == admits(other)
    {
        let what = if admits(one) { "admit" } else { "answer" };
        let problem = format!(
            "{} and {} both {what} requests, expected at most one action that admits and one that answers",
            one.type_, other.type_
        );
        findings.error("spec.actions", problem);
    }
    for (index, given) in given.iter().enumerate() {
        action(findings, &format!("spec.actions[{index}]"), given);
    }
}

fn action(findings: &mut FieldFindings<'_>, field: &str, action: &ListenerRuleAction) {
    let parts = [
        (ActionType::Forward, "forwardConfig", action.forward_config.is_some()),
        (ActionType::Redirect, "redirectConfig", action.redirect_config.is_some()),
        (ActionType::FixedResponse, "fixedResponseConfig", action.fixed_response_config.is_some()),
        (
            ActionType::AuthenticateCognito,
            "authenticateCognitoConfig",
            action.authenticate_cognito_config.is_some(),
        ),
        (ActionType::AuthenticateOidc, "authenticateOIDCConfig", action.authenticate_oidc_config.is_some()),
        (ActionType::JwtValidation, "jwtValidationConfig", action.jwt_validation_config.is_some()),
    ];
    for (type_, part, is_given) in parts {
        let field = format!("{field}.{part}");
        if is_given && type_ != action.type_ {
            findings.error(&field, format!("is for type {type_}, and the type is {}", action.type_));
        } else if !is_given && type_ == action.type_ {
            findings.error(&field, format!("is missing, and type {type_} needs it"));
        }
    }
    let stickiness =
        action.forward_config.as_ref().and_then(|forward| forward.target_group_stickiness_config.as_ref());
    if let Some(seconds) = stickiness.and_then(|config| config.duration_seconds)
        && !STICKY_SECONDS.contains(&seconds)
    {
        let field = format!("{field}.forwardConfig.targetGroupStickinessConfig.durationSeconds");
        findings.error(&field, format!("{seconds} is out of range, expected 1 to 604800"));
    }
    if let Some(query) = action.redirect_config.as_ref().and_then(|redirect| redirect.query.as_ref()) {
        let length = query.chars().count();
        if length > MAX_QUERY {
            let problem = format!("has {length} characters, expected at most {MAX_QUERY}");
            findings.error(&format!("{field}.redirectConfig.query"), problem);
        } else if query.starts_with('?') {
            let problem = format!("{query:?} starts with a question mark, which ALBs add themselves");
            findings.warn(&format!("{field}.redirectConfig.query"), problem);
        }
    }
    if let Some(answer) = &action.fixed_response_config {
        fixed_response(findings, &format!("{field}.fixedResponseConfig"), answer);
    }
    listener_rule_authentication::check(findings, field, action);
}

fn fixed_response(findings: &mut FieldFindings<'_>, field: &str, answer: &FixedResponseConfig) {
    let code = answer.status_code;
    if !(200..=299).contains(&code) && !(400..=599).contains(&code) {
        let problem = format!("{code} is out of range, expected 200 to 299 or 400 to 599");
        findings.error(&format!("{field}.statusCode"), problem);
    }
    let length = answer.message_body.as_deref().map_or(0, str::len);
    if length > MAX_BODY {
        let problem = format!("has {length} bytes, expected at most {MAX_BODY}");
        findings.error(&format!("{field}.messageBody"), problem);
    }
}

fn conditions(findings: &mut FieldFindings<'_>, given: &[ListenerRuleCondition]) {
    if given.is_empty() {
        findings.error("spec.conditions", "is empty, expected 1 condition or more, or no field");
    }
    for (index, given) in given.iter().enumerate() {
        condition(findings, &format!("spec.conditions[{index}]"), given);
    }
    if let Some((at, count)) = most_values(given) {
        let place = at.map_or("every match".to_owned(), |at| format!("match {at}"));
        let problem = format!("have {count} values for {place}, expected at most {MAX_VALUES}");
        findings.error("spec.conditions", problem);
    }
}

fn condition(findings: &mut FieldFindings<'_>, field: &str, given: &ListenerRuleCondition) {
    let ranges = given.source_ip_config.as_ref().map(|config| config.values.as_slice());
    let values = format!("{field}.sourceIPConfig");
    match ranges {
        None => findings.error(&values, format!("is missing, and field {} needs it", given.field)),
        Some([]) => findings.error(&format!("{values}.values"), "is empty, expected 1 CIDR or more"),
        Some(ranges) => {
            let values = format!("{values}.values");
            for (index, range) in ranges.iter().enumerate() {
                findings.cidr(&format!("{values}[{index}]"), range);
            }
            let texts = ranges.iter().map(String::as_str);
            findings.repeated(&values, Severity::Warning, texts.enumerate());
        }
    }
    let mut seen = BTreeSet::new();
    for (at, index) in given.match_indexes.iter().flatten().enumerate() {
        let field = format!("{field}.matchIndexes[{at}]");
        if *index < 0 {
            findings.error(&field, format!("{index} is out of range, expected a whole number from 0"));
        } else if !seen.insert(index) {
            findings.error(&field, format!("{index} is given twice, expected it once"));
        }
    }
    if given.match_indexes.as_ref().is_some_and(Vec::is_empty) {
        let problem = "is empty, so the condition is added to no match; without the field it is to all";
        findings.warn(&format!("{field}.matchIndexes"), problem);
    }
}

/// The match to whose rule the most values are added, if they are too many; `None`: to those of all.
fn most_values(given: &[ListenerRuleCondition]) -> Option<(Option<i64>, usize)> {
    let (mut of_all, mut by_match) = (0, BTreeMap::<i64, usize>::new());
    for condition in given {
        let count = condition.source_ip_config.as_ref().map_or(0, |config| config.values.len());
        match &condition.match_indexes {
            None => of_all += count,
            Some(indexes) => indexes.iter().for_each(|index| *by_match.entry(*index).or_default() += count),
        }
    }
    if of_all > MAX_VALUES {
        return Some((None, of_all));
    }
    let most = by_match.into_iter().max_by_key(|(_, count)| *count)?;
    Some((Some(most.0), most.1 + of_all)).filter(|(_, count)| *count > MAX_VALUES)
}

#[cfg(test)]
mod tests;
