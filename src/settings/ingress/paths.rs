//! Paths of Ingresses as conditions of rules.

use crate::annotations::Annotations;
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use crate::facts::BuildError;
use crate::finding::ObjectRef;
use crate::settings::Origin;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressSpec};

pub(super) fn any_path() -> ValuesOrRegexes {
    ValuesOrRegexes { values: vec!["/*".to_owned()], regexes: Vec::new() }
}

/// What a path of an Ingress is for AWS; `regex` tells whether free-form paths are regular expressions.
pub(super) fn path_patterns(
    path: &HTTPIngressPath,
    origin: &Origin,
    regex: impl FnOnce() -> Result<bool, BuildError>,
) -> Result<ValuesOrRegexes, BuildError> {
    let text = path.path.as_deref().unwrap_or_default();
    if text.is_empty() {
        return Ok(ValuesOrRegexes::default());
    }
    let values = |values: Vec<String>| ValuesOrRegexes { values, regexes: Vec::new() };
    match path.path_type.as_str() {
        "Exact" => plain(text, "Exact", origin).map(|()| values(vec![text.to_owned()])),
        "Prefix" if text == "/" => Ok(any_path()),
        "Prefix" => {
            plain(text, "Prefix", origin)?;
            let stem = text.strip_suffix('/').unwrap_or(text);
            Ok(values(vec![stem.to_owned(), format!("{stem}/*")]))
        }
        _ if regex()? => {
            let mut rest = text.chars();
            rest.next();
            Ok(ValuesOrRegexes { values: Vec::new(), regexes: vec![rest.as_str().to_owned()] })
        }
        _ => Ok(values(vec![text.to_owned()])),
    }
}

fn plain(text: &str, path_type: &str, origin: &Origin) -> Result<(), BuildError> {
    if !text.contains(['*', '?']) {
        return Ok(());
    }
    let problem = format!("{text:?} has a wildcard, which path type {path_type} does not allow");
    Err(origin.error(problem).hint("use path type ImplementationSpecific").into())
}

/// Whether an Ingress has a path that such conditions may stem from.
pub(super) fn asks_for(
    spec: Option<&IngressSpec>,
    annotations: &Annotations<'_>,
    conditions: &[RuleCondition],
) -> bool {
    let rules = spec.and_then(|spec| spec.rules.as_ref()).into_iter().flatten();
    rules
        .flat_map(|rule| {
            rule.http.iter().flat_map(move |http| http.paths.iter().map(move |path| (rule, path)))
        })
        .any(|(rule, path)| matches(annotations, rule.host.as_deref(), path, conditions))
}

fn matches(
    annotations: &Annotations<'_>,
    host: Option<&str>,
    path: &HTTPIngressPath,
    conditions: &[RuleCondition],
) -> bool {
    let none = ValuesOrRegexes::default();
    let find = |wanted: fn(&RuleCondition) -> Option<&ValuesOrRegexes>| {
        conditions.iter().find_map(wanted).unwrap_or(&none)
    };
    let hosts = find(|condition| match condition {
        RuleCondition::HostHeader(values) => Some(values),
        _ => None,
    });
    let paths = find(|condition| match condition {
        RuleCondition::PathPattern(values) => Some(values),
        _ => None,
    });
    let service = path.backend.service.as_ref().map(|service| service.name.as_str()).unwrap_or_default();
    let refined = annotations.string(&format!("conditions.{service}")).is_some();
    let same_host = match host.filter(|host| !host.is_empty()) {
        Some(host) => hosts.values.iter().any(|known| known == host),
        None => refined || hosts.values.is_empty(),
    };
    let regex = || Ok(annotations.boolean("use-regex-path-match").ok().flatten() == Some(true));
    // why any object: what is wrong with the path is told elsewhere
    let origin = Origin::object(&ObjectRef::default());
    let Ok(wanted) = path_patterns(path, &origin, regex) else { return false };
    let everything = wanted == none && (paths == &none || paths.values == ["/*"]);
    let contained = wanted.values.iter().all(|value| paths.values.contains(value))
        && wanted.regexes.iter().all(|regex| paths.regexes.contains(regex));
    same_host && (everything || (wanted != none && contained))
}
