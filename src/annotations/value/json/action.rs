//! `actions.<name>`: AWS's limits on actions.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html>

use super::super::{ValueFinding, is_arn, not_one_of};
use super::{Checked, field};
use crate::annotations::ingress::action::{Forward, ForwardTarget, IngressAction, parse_action};
use crate::annotations::{Annotations, parse};
use crate::aws_api::elbv2::{FixedResponseAction, RedirectAction};
use crate::finding::alternatives;
use serde_json::Value;

const CONTENT_TYPES: &[&str] =
    &["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
const REDIRECT_CODES: &[&str] = &["HTTP_301", "HTTP_302"];
const REDIRECT_PROTOCOLS: &[&str] = &["HTTP", "HTTPS", "#{protocol}"];
const MAX_TARGET_GROUPS: usize = 5;
const MAX_BODY: usize = 1024;
const MAX_STICKY_SECONDS: i32 = 604_800;

pub(super) fn check(annotations: &Annotations<'_>, name: &str, value: &str) -> Checked {
    Ok(match parse_action(annotations, name)? {
        None => Vec::new(),
        Some(IngressAction::FixedResponse(response)) => check_fixed_response(&response),
        Some(IngressAction::Redirect(redirect)) => check_redirect(&redirect),
        Some(IngressAction::Forward(forward)) => {
            check_forward(&forward).into_iter().chain(find_idle_names(value)).collect()
        }
    })
}

/// Names of target groups beside their ARNs, which count alone.
fn find_idle_names(value: &str) -> Vec<ValueFinding> {
    let Ok(document) = serde_json::from_str::<Value>(value) else { return Vec::new() };
    let config = field(&document, "forwardConfig");
    let entries = config.and_then(|config| field(config, "targetGroups")?.as_array()).into_iter().flatten();
    let has = |entry: &Value, name| field(entry, name).is_some_and(|value| !value.is_null());
    let both = entries
        .chain([&document])
        .filter(|entry| has(entry, "targetGroupARN") && has(entry, "targetGroupName"));
    both.map(|_| ValueFinding::warning("targetGroupName has no effect beside targetGroupARN")).collect()
}

fn check_fixed_response(response: &FixedResponseAction) -> Vec<ValueFinding> {
    let mut value_findings = Vec::new();
    let code = &response.status_code;
    let is_code = code.len() == 3 && code.starts_with(['2', '4', '5']) && parse::int32(code).is_some();
    if !is_code {
        value_findings.push(ValueFinding::error(format!("statusCode is {code:?}, expected 2XX, 4XX or 5XX")));
    }
    if let Some(kind) = response.content_type.as_deref().filter(|kind| !CONTENT_TYPES.contains(kind)) {
        let expected = alternatives(CONTENT_TYPES);
        let value_finding = ValueFinding::error(format!("contentType is {kind:?}, expected {expected}"));
        value_findings.push(value_finding.suggest(kind, CONTENT_TYPES));
    }
    let length = response.message_body.as_deref().unwrap_or_default().len();
    if length > MAX_BODY {
        value_findings.push(ValueFinding::error(format!(
            "messageBody has {length} bytes, expected at most {MAX_BODY}"
        )));
    }
    value_findings
}

fn check_redirect(redirect: &RedirectAction) -> Vec<ValueFinding> {
    let mut value_findings = Vec::new();
    if !REDIRECT_CODES.contains(&redirect.status_code.as_str()) {
        let code = format!("HTTP_{}", redirect.status_code);
        let value_finding = not_one_of(&redirect.status_code, REDIRECT_CODES).suggest(&code, REDIRECT_CODES);
        value_findings
            .push(ValueFinding { problem: format!("statusCode {}", value_finding.problem), ..value_finding });
    }
    if let Some(protocol) =
        redirect.protocol.as_deref().filter(|protocol| !REDIRECT_PROTOCOLS.contains(protocol))
    {
        let value_finding = not_one_of(protocol, REDIRECT_PROTOCOLS);
        value_findings
            .push(ValueFinding { problem: format!("protocol {}", value_finding.problem), ..value_finding });
    }
    let is_port = |port: &&str| {
        *port == "#{port}" || parse::int32(port).is_some_and(|port| (1..=65535).contains(&port))
    };
    if let Some(port) = redirect.port.as_deref().filter(|port| !is_port(port)) {
        value_findings
            .push(ValueFinding::error(format!("port is {port:?}, expected 1 to 65535 or #{{port}}")));
    }
    if let Some(path) = redirect.path.as_deref().filter(|path| !path.starts_with('/')) {
        value_findings.push(ValueFinding::error(format!("path is {path:?}, expected a slash at its start")));
    }
    if is_loop(redirect) {
        value_findings.push(ValueFinding::error(
            "redirects to where the request came from, expected something that changes",
        ));
    }
    value_findings
}

/// Whether nothing changes, which AWS refuses.
fn is_loop(redirect: &RedirectAction) -> bool {
    let parts = [
        (&redirect.protocol, "#{protocol}"),
        (&redirect.host, "#{host}"),
        (&redirect.port, "#{port}"),
        (&redirect.path, "/#{path}"),
        (&redirect.query, "#{query}"),
    ];
    let is_kept = |part: &Option<String>, usual: &str| part.as_deref().is_none_or(|part| part == usual);
    parts.into_iter().all(|(part, usual)| is_kept(part, usual))
}

/// More target groups in one action than AWS takes, whatever the account's quotas.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub fn target_group_excess(count: usize) -> Option<String> {
    (count > MAX_TARGET_GROUPS).then(|| target_group_count(count))
}

fn target_group_count(count: usize) -> String {
    format!("forwards to {count} target groups, expected 1 to {MAX_TARGET_GROUPS}")
}

fn check_forward(forward: &Forward) -> Vec<ValueFinding> {
    let count = forward.targets.len();
    let mut value_findings = Vec::new();
    if !(1..=MAX_TARGET_GROUPS).contains(&count) {
        value_findings.push(ValueFinding::error(target_group_count(count)));
    }
    let weights = || forward.targets.iter().filter_map(|target| target.weight);
    value_findings.extend(weights().filter_map(|weight| check_weight(i64::from(weight))));
    if count > 1 && weights().all(|weight| weight == 0) {
        value_findings
            .push(ValueFinding::warning("all weights are 0, so that every request is answered with 503"));
    }
    let arns = forward.targets.iter().filter_map(|target| match &target.target {
        ForwardTarget::Arn(arn) => Some(arn),
        _ => None,
    });
    let wrong = arns.filter(|arn| !is_arn(arn, "elasticloadbalancing", "targetgroup/"));
    value_findings.extend(wrong.map(|arn| {
        ValueFinding::error(format!("targetGroupARN is {arn:?}, expected the ARN of a target group"))
    }));
    let seconds = forward.stickiness.as_ref().and_then(|stickiness| stickiness.duration_seconds);
    if let Some(seconds) = seconds.filter(|seconds| !(1..=MAX_STICKY_SECONDS).contains(seconds)) {
        value_findings.push(ValueFinding::error(format!(
            "durationSeconds is {seconds}, expected 1 to {MAX_STICKY_SECONDS}"
        )));
    }
    value_findings
}

fn check_weight(weight: i64) -> Option<ValueFinding> {
    let is_right = (0..=999).contains(&weight);
    (!is_right).then(|| ValueFinding::error(format!("weight is {weight}, expected 0 to 999")))
}

/// `actions.<protocol>-<port>` of a Service: the parts that every listener's build would refuse.
pub(super) fn check_network_forward(value: &str) -> Vec<ValueFinding> {
    let document: Value = match serde_json::from_str(value) {
        Ok(document @ Value::Object(_)) => document,
        Ok(_) => return vec![ValueFinding::error("is not a JSON object")],
        Err(error) => return vec![ValueFinding::error(format!("is not JSON: {error}"))],
    };
    let kind = field(&document, "type").and_then(Value::as_str).unwrap_or_default();
    if kind != "forward" {
        let value_finding = ValueFinding::error(format!("type is {kind:?}, expected forward"));
        return vec![value_finding.suggest(kind, &["forward"])];
    }
    let Some(config) = field(&document, "forwardConfig") else {
        return vec![ValueFinding::error("needs forwardConfig")];
    };
    let entries =
        field(config, "targetGroups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = field(config, "baseServiceWeight").and_then(Value::as_i64);
    let others = entries.iter().filter_map(|entry| field(entry, "weight").and_then(Value::as_i64));
    let mut value_findings: Vec<ValueFinding> =
        own.into_iter().chain(others).filter_map(check_weight).collect();
    if entries.len() >= MAX_TARGET_GROUPS {
        let problem = format!(
            "forwards to {} target groups besides the Service's own, expected at most {}",
            entries.len(),
            MAX_TARGET_GROUPS - 1
        );
        value_findings.push(ValueFinding::error(problem));
    }
    value_findings
}
