//! Rules and actions in a few words.

use crate::aws_api::elbv2::{ListenerAction, RedirectAction, Rule, RuleCondition, ValuesOrRegexes};

/// What a rule is about and what it does: `host shop.example.com, path /api/* → forward`.
pub(super) fn rule(rule: &Rule) -> String {
    let conditions: Vec<String> = rule.conditions.iter().map(condition).collect();
    format!("{} → {}", conditions.join(", "), actions(&rule.actions))
}

/// What is done with a request.
pub(super) fn actions(actions: &[ListenerAction]) -> String {
    actions.iter().map(action).collect::<Vec<_>>().join(", ")
}

fn action(action: &ListenerAction) -> String {
    match action {
        ListenerAction::Forward(_) => "forward".to_owned(),
        ListenerAction::Redirect(redirect) => {
            format!("redirect {} to {}", redirect.status_code, location(redirect))
        }
        ListenerAction::FixedResponse(answer) => format!("answer {}", answer.status_code),
        ListenerAction::AuthenticateCognito(_) => "log in by Cognito".to_owned(),
        ListenerAction::AuthenticateOidc(oidc) => format!("log in by {}", oidc.issuer),
        ListenerAction::JwtValidation(jwt) => format!("check token of {}", jwt.issuer),
    }
}

fn location(redirect: &RedirectAction) -> String {
    let part = |part: &Option<String>, default: &str| part.clone().unwrap_or_else(|| default.to_owned());
    let path = part(&redirect.path, "/#{path}");
    let query = part(&redirect.query, "#{query}");
    let host = part(&redirect.host, "#{host}");
    let port = part(&redirect.port, "#{port}");
    let protocol = part(&redirect.protocol, "#{protocol}");
    format!("{protocol}://{host}:{port}{path}?{query}")
}

fn condition(condition: &RuleCondition) -> String {
    match condition {
        RuleCondition::HostHeader(hosts) => format!("host {}", values(hosts)),
        RuleCondition::PathPattern(paths) => format!("path {}", values(paths)),
        RuleCondition::HttpHeader { name, values: of_header } => {
            format!("header {name} {}", values(of_header))
        }
        RuleCondition::HttpRequestMethod(methods) => format!("method {}", methods.join(" | ")),
        RuleCondition::QueryString(pairs) => {
            let pair = |(key, value): &(Option<String>, String)| match key {
                Some(key) => format!("{key}={value}"),
                None => value.clone(),
            };
            format!("query {}", pairs.iter().map(pair).collect::<Vec<_>>().join(" | "))
        }
        RuleCondition::SourceIp(ranges) => format!("source {}", ranges.join(" | ")),
    }
}

fn values(values: &ValuesOrRegexes) -> String {
    let regexes = values.regexes.iter().map(|regex| format!("~{regex}"));
    values.values.iter().cloned().chain(regexes).collect::<Vec<_>>().join(" | ")
}

/// The hosts that a rule is for.
pub(super) fn hosts(rule: &Rule) -> Vec<String> {
    let hosts = rule.conditions.iter().filter_map(|condition| match condition {
        RuleCondition::HostHeader(hosts) => Some(hosts.values.iter().cloned()),
        _ => None,
    });
    hosts.flatten().collect()
}
