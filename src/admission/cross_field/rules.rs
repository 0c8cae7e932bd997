//! Rules of an Ingress that AWS does not take, and settings of rules that there are not.

use super::IngressChecks;
use crate::annotations::ALB_PREFIX;
use crate::annotations::ingress::condition::parse_conditions;
use crate::annotations::value::{MAX_VALUE, MAX_VALUES, ValueFinding, regex};
use crate::api::Ingress;
use crate::aws_api::elbv2::RuleCondition;
use crate::finding::{Finding, Severity, compared};
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressBackend, IngressRule};
use std::collections::{BTreeMap, BTreeSet};

/// Sees what an Ingress on its own asks for in vain.
pub(super) fn of_ingress(checks: &IngressChecks<'_, '_>, ingress: &Ingress) -> Vec<Finding> {
    let mut findings = Vec::new();
    let conditions = count_conditions(checks, ingress);
    for (at, rule) in rules(ingress) {
        let has_host = rule.host.as_ref().is_some_and(|host| !host.is_empty());
        for (index, path) in paths(rule) {
            let field = format!("spec.rules[{at}].http.paths[{index}]");
            findings.extend(too_many_condition_values(checks, path, has_host, &field, &conditions));
            findings.extend(pattern(checks, path, &field));
            findings.extend(plain_path(checks, path, &field));
        }
    }
    findings.extend(rules(ingress).filter_map(|(at, rule)| {
        let value_finding = host_problem(rule.host.as_deref()?)?;
        Some(to_finding(checks, value_finding).at(format!("spec.rules[{at}].host")))
    }));
    findings.extend(settings_of_default(checks, ingress));
    findings.extend(unknown_control_ports(checks, ingress));
    findings
}

fn rules(ingress: &Ingress) -> impl Iterator<Item = (usize, &IngressRule)> {
    ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten()).enumerate()
}

fn paths(rule: &IngressRule) -> impl Iterator<Item = (usize, &HTTPIngressPath)> {
    rule.http.iter().flat_map(|http| &http.paths).enumerate()
}

fn service_of(backend: &IngressBackend) -> Option<&str> {
    backend.service.as_ref().map(|service| service.name.as_str())
}

/// How many values the conditions of each backend make, as far as they can be read. Each is read once, however many paths
/// lead to it.
fn count_conditions<'i>(checks: &IngressChecks<'_, '_>, ingress: &'i Ingress) -> BTreeMap<&'i str, usize> {
    let names = super::backend_names(ingress).into_keys();
    let count = |name| {
        let conditions = parse_conditions(checks.annotations, name).ok()?;
        Some((name, conditions.iter().map(RuleCondition::count).sum()))
    };
    names.filter_map(count).collect()
}

/// More values in one rule than AWS takes.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
fn too_many_condition_values(
    checks: &IngressChecks<'_, '_>,
    path: &HTTPIngressPath,
    has_host: bool,
    field: &str,
    conditions: &BTreeMap<&str, usize>,
) -> Option<Finding> {
    let name = service_of(&path.backend)?;
    let of_path = match path.path.as_deref().unwrap_or_default() {
        "" => 0,
        "/" => 1,
        _ if path.path_type == "Prefix" => 2,
        _ => 1,
    };
    let of_conditions = *conditions.get(name)?;
    let count = of_path + usize::from(has_host) + of_conditions;
    let key = checks.annotations.key(&format!("conditions.{name}"));
    let problem =
        format!("makes {count} values in one rule with those of {key}, expected at most {MAX_VALUES}");
    // why: too many in the annotation alone are told of the annotation
    let is_told = of_conditions > MAX_VALUES;
    (count > MAX_VALUES && !is_told).then(|| Finding::error(checks.object, problem).at(field))
}

/// A path that is a regular expression. Its first character does not count, as upstream has it.
fn pattern(checks: &IngressChecks<'_, '_>, path: &HTTPIngressPath, field: &str) -> Option<Finding> {
    let is_pattern = path.path_type == "ImplementationSpecific" && checks.is_true("use-regex-path-match");
    let text = path.path.as_deref().filter(|text| is_pattern && !text.is_empty())?;
    let mut rest = text.chars();
    rest.next();
    let value_finding = match rest.as_str() {
        "" => ValueFinding::warning(format!(
            "{text:?} leaves nothing of a regular expression behind its first character"
        )),
        // why: what is too long is not looked at
        rest if rest.len() > 4 * MAX_VALUE => long_value(text, rest.chars().count())?,
        rest => regex::check(rest)?,
    };
    Some(to_finding(checks, value_finding).at(format!("{field}.path")))
}

/// A path that is compared as it is.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/add-rule.html>
fn plain_path(checks: &IngressChecks<'_, '_>, path: &HTTPIngressPath, field: &str) -> Option<Finding> {
    let is_pattern = path.path_type == "ImplementationSpecific" && checks.is_true("use-regex-path-match");
    let text = path.path.as_deref().filter(|text| !is_pattern && !text.is_empty())?;
    // why: a prefix also stands for what is below it, with a slash and an asterisk more
    let below = if path.path_type == "Prefix" && !text.ends_with('/') { 2 } else { 0 };
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+;&*?".contains(c);
    let value_finding = long_value(text, text.chars().count() + below).or_else(|| {
        let odd = text.chars().find(|c| !is_usual(*c))?;
        Some(ValueFinding::warning(format!("{text:?} contains {odd:?}, which AWS does not list for paths")))
    })?;
    Some(to_finding(checks, value_finding).at(format!("{field}.path")))
}

/// Source: as above.
fn host_problem(host: &str) -> Option<ValueFinding> {
    let value_finding =
        || ValueFinding::warning(format!("{host:?} has no dot, which AWS wants hosts of rules to have"));
    long_value(host, host.chars().count())
        .or_else(|| (!host.is_empty() && !host.contains('.')).then(value_finding))
}

fn long_value(text: &str, length: usize) -> Option<ValueFinding> {
    let problem = format!("{text:?} makes a value of {length} characters, expected at most {MAX_VALUE}");
    (length > MAX_VALUE).then(|| ValueFinding::error(problem))
}

fn to_finding(checks: &IngressChecks<'_, '_>, value_finding: ValueFinding) -> Finding {
    match value_finding.severity {
        Severity::Error => Finding::error(checks.object, value_finding.problem),
        Severity::Warning => Finding::warning(checks.object, value_finding.problem),
    }
}

/// Conditions and transforms of a name that only the default backend has.
fn settings_of_default(checks: &IngressChecks<'_, '_>, ingress: &Ingress) -> Vec<Finding> {
    let default = ingress.spec.as_ref().and_then(|spec| spec.default_backend.as_ref()).and_then(service_of);
    let Some(name) = default else { return Vec::new() };
    let is_elsewhere = rules(ingress)
        .flat_map(|(_, rule)| paths(rule))
        .any(|(_, path)| service_of(&path.backend) == Some(name));
    let suffixes = ["conditions", "transforms"].map(|family| format!("{family}.{name}"));
    let idle = suffixes.iter().map(String::as_str).filter(|_| !is_elsewhere);
    checks.idle(idle, "has no effect on the default backend")
}

/// `target-control-port.<service>.<port>` of a Service that no backend is.
fn unknown_control_ports(checks: &IngressChecks<'_, '_>, ingress: &Ingress) -> Vec<Finding> {
    let prefix = format!("{ALB_PREFIX}/target-control-port.");
    let names: BTreeSet<&str> = super::backend_names(ingress).keys().copied().collect();
    let forwards = quoted_in_actions(ingress);
    let keys = ingress.metadata.annotations.iter().flatten().map(|(key, _)| key.as_str());
    let named = keys.filter_map(|key| Some((key, key.strip_prefix(&prefix)?.rsplit_once('.')?.0)));
    named
        .filter(|(_, name)| !names.contains(name) && !forwards.contains(name))
        .enumerate()
        .map(|(at, (key, name))| {
            let problem = format!("has no effect: no backend refers to {name:?}");
            let finding = Finding::warning(checks.object, problem).at(key);
            finding.suggest(name, compared(at, names.iter().copied()))
        })
        .collect()
}

/// Everything that stands between two quotes in an action, names of Services among it.
fn quoted_in_actions(ingress: &Ingress) -> BTreeSet<&str> {
    let prefix = format!("{ALB_PREFIX}/actions.");
    let actions = ingress.metadata.annotations.iter().flatten().filter(|(key, _)| key.starts_with(&prefix));
    actions.flat_map(|(_, text)| text.split('"').skip(1)).collect()
}
