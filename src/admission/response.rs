//! From findings to what the user reads: a refusal, or warnings, as `--annotation-validation` says.

use super::{Admitted, Denial};
use crate::config::AnnotationValidation;
use crate::finding::{Finding, ObjectRef, Severity};

/// Longest refusal, in bytes; the API server shows it in one piece.
const MAX_MESSAGE: usize = 2048;
/// Longest first line: kind, namespace and name.
const MAX_NAMES: usize = 400;
/// Room for the line that counts the findings left out.
const MORE_LINE: usize = "- and 1000000 more".len();
/// Longest warning, in bytes. Source: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>
const MAX_WARNING: usize = 1024;
const SERVICE_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/";
const INGRESS_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/";

const BINDING_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/spec/";
const CLASS_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/ingress_class/";
const LOAD_BALANCER_CONFIGURATION_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/loadbalancerconfig/";
const TARGET_GROUP_CONFIGURATION_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/targetgroupconfig/";
const LISTENER_RULE_CONFIGURATION_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/listenerruleconfig/";
const GATEWAY_PAGE: &str =
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/gateway/";

/// The response for an object: errors refuse it (`enforce`) or warn (`warn`), warnings warn.
pub fn to_response(
    mode: AnnotationValidation,
    check: &'static str,
    object: &ObjectRef,
    findings: &[Finding],
) -> Result<Admitted, Denial> {
    let errors: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    match mode {
        AnnotationValidation::Off => Ok(Admitted::unchanged()),
        AnnotationValidation::Enforce if !errors.is_empty() => Err(Denial {
            warnings: render_warnings(
                findings.iter().filter(|finding| finding.severity == Severity::Warning),
            ),
            ..Denial::new(check, render_refusal(object, &errors))
        }),
        AnnotationValidation::Enforce | AnnotationValidation::Warn => {
            Ok(Admitted { object: None, warnings: render_warnings(findings.iter()) })
        }
    }
}

/// One line that names the object, one line a finding, one line that tells where to read on.
fn render_refusal(object: &ObjectRef, errors: &[&Finding]) -> String {
    let (first, last) = (format!("{object} cannot be built:"), format!("see {}", page(object)));
    let mut room = MAX_MESSAGE - first.len().min(MAX_NAMES) - last.len() - MORE_LINE - 2;
    let mut lines = vec![clip(&first, MAX_NAMES)];
    for (index, finding) in errors.iter().enumerate() {
        let mut line = format!("- {}", render(finding));
        if index == 0 {
            line = clip(&line, room - 1);
        }
        let Some(rest) = room.checked_sub(line.len() + 1) else {
            lines.push(format!("- and {} more", errors.len() - index));
            break;
        };
        room = rest;
        lines.push(line);
    }
    lines.push(last);
    lines.join("\n")
}

/// One line a finding, and one that counts those for which there is no room.
fn render_warnings<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let lines: Vec<String> = findings.map(|finding| clip(&render(finding), MAX_WARNING)).collect();
    let mut room = MAX_MESSAGE - MORE_LINE;
    let mut warnings = Vec::new();
    for line in &lines {
        let Some(rest) = room.checked_sub(line.len()) else {
            warnings.push(format!("and {} more", lines.len() - warnings.len()));
            break;
        };
        room = rest;
        warnings.push(line.clone());
    }
    warnings
}

/// A finding without its object: the API server names that already.
pub fn render(finding: &Finding) -> String {
    let mut line = match &finding.field {
        Some(field) => format!("{field}: {}", finding.message),
        None => finding.message.clone(),
    };
    if let Some(hint) = &finding.hint {
        line.push_str("; ");
        line.push_str(hint);
    }
    line.replace(['\n', '\r'], " ")
}

/// Where the annotations or fields of a kind are explained.
pub fn page(object: &ObjectRef) -> &'static str {
    match object.kind {
        "Service" => SERVICE_PAGE,
        "TargetGroupBinding" => BINDING_PAGE,
        "IngressClassParams" => CLASS_PAGE,
        "LoadBalancerConfiguration" => LOAD_BALANCER_CONFIGURATION_PAGE,
        "TargetGroupConfiguration" => TARGET_GROUP_CONFIGURATION_PAGE,
        "ListenerRuleConfiguration" => LISTENER_RULE_CONFIGURATION_PAGE,
        "GatewayClass" => GATEWAY_PAGE,
        _ => INGRESS_PAGE,
    }
}

/// At most `limit` bytes, cut between characters.
fn clip(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub('…'.len_utf8()));
    let mut clipped: String = text.get(..end).unwrap_or_default().to_owned();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests;
