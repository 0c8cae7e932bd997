//! Rules of one member: which paths, in which order, under which conditions (upstream's
//! `pkg/ingress/model_build_listener_rules.go`).

use super::backend::ResolvedBackend;
use super::context::MemberView;
use super::member::MemberReader;
use super::tags;
use crate::aws_api::Tags;
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use crate::facts::{BuildError, MissingLookups};
use crate::model::Rule;
use crate::settings::Origin;
use crate::settings::alb::{AlbListenerSettings, RulePosition, RuleSettings};
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressRule};

/// Rules of the reader's member for one listener, in order.
pub(super) fn read(
    reader: &mut MemberReader<'_, '_>,
    listener: &AlbListenerSettings,
) -> Result<Vec<RuleSettings>, BuildError> {
    let Some(spec) = reader.member.spec else { return Ok(Vec::new()) };
    let (mut rules, mut questions) = (Vec::new(), MissingLookups::default());
    for (index, entry) in spec.rules.iter().flatten().enumerate() {
        for (at, path) in questions.collect(ordered_paths(reader, index, entry))?.into_iter().flatten() {
            let position = RulePosition { rule: index, path: at };
            let rule = questions.collect(read_rule(reader, listener, entry, path, &position.to_string()))?;
            rules.extend(rule.map(|rule| RuleSettings { position: Some(position), rule }));
        }
    }
    questions.ask()?;
    Ok(rules)
}

fn read_rule(
    reader: &mut MemberReader<'_, '_>,
    listener: &AlbListenerSettings,
    entry: &IngressRule,
    path: &HTTPIngressPath,
    field: &str,
) -> Result<Rule, BuildError> {
    let backend = reader.resolve(&path.backend, field)?;
    let conditions = read_conditions(reader, entry.host.as_deref(), path, &backend, field)?;
    let transforms = backend.transforms.clone();
    let actions = reader.actions(backend, listener, field)?;
    let tags = reader.tags()?;
    Ok(Rule { conditions, actions, transforms, tags })
}

impl MemberReader<'_, '_> {
    /// Tags of what belongs to the member alone.
    fn tags(&mut self) -> Result<Tags, BuildError> {
        if let Some(known) = &self.parsed.tags {
            return Ok(known.clone());
        }
        let tags = tags::of_member(self.member, self.group.config)?;
        self.parsed.tags = Some(tags.clone());
        Ok(tags)
    }
}

/// Exact paths first, then prefixes, longest first, then the others; otherwise as written. With their places in the manifest.
fn ordered_paths<'p>(
    reader: &MemberReader<'_, '_>,
    index: usize,
    entry: &'p IngressRule,
) -> Result<Vec<(usize, &'p HTTPIngressPath)>, BuildError> {
    let paths = entry.http.as_ref().map(|http| http.paths.as_slice()).unwrap_or_default();
    let mut ranked = Vec::with_capacity(paths.len());
    for (at, path) in paths.iter().enumerate() {
        let Some(rank) = rank(path) else {
            let field = format!("spec.rules[{index}].http.paths[{at}].pathType");
            let problem = format!(
                "{:?} is not allowed, expected Exact, Prefix or ImplementationSpecific",
                path.path_type
            );
            return Err(Origin::field(&reader.member.object, field).error(problem).into());
        };
        ranked.push((rank, at, path));
    }
    ranked.sort_by_key(|(rank, _, _)| *rank);
    Ok(ranked.into_iter().map(|(_, at, path)| (at, path)).collect())
}

/// Class of the path type, then what sorts longer prefixes first.
fn rank(path: &HTTPIngressPath) -> Option<(u8, std::cmp::Reverse<usize>)> {
    let length = path.path.as_ref().map_or(0, String::len);
    match path.path_type.as_str() {
        "Exact" => Some((0, std::cmp::Reverse(0))),
        "Prefix" => Some((1, std::cmp::Reverse(length))),
        "ImplementationSpecific" | "" => Some((2, std::cmp::Reverse(0))),
        _ => None,
    }
}

fn read_conditions(
    reader: &MemberReader<'_, '_>,
    host: Option<&str>,
    path: &HTTPIngressPath,
    backend: &ResolvedBackend,
    field: &str,
) -> Result<Vec<RuleCondition>, BuildError> {
    let origin = Origin::field(&reader.member.object, format!("{field}.path"));
    let regex = || -> Result<bool, BuildError> {
        let flag = reader.member.annotations.boolean("use-regex-path-match");
        flag.map(Option::unwrap_or_default).map_err(|error| reader.member.blame(error).into())
    };
    let mut hosts = ValuesOrRegexes {
        values: host.filter(|host| !host.is_empty()).map(str::to_owned).into_iter().collect(),
        regexes: Vec::new(),
    };
    let mut paths = path_patterns(path, &origin, regex)?;
    let mut conditions = Vec::new();
    for condition in backend.conditions.iter().cloned() {
        match condition {
            RuleCondition::HostHeader(more) => extend(&mut hosts, more),
            RuleCondition::PathPattern(more) => extend(&mut paths, more),
            other => conditions.push(other),
        }
    }
    let origin = Origin::field(&reader.member.object, field);
    conditions.extend(unmixed(hosts, "host", &origin)?.map(RuleCondition::HostHeader));
    conditions.extend(unmixed(paths, "path", &origin)?.map(RuleCondition::PathPattern));
    if conditions.is_empty() {
        conditions.push(RuleCondition::PathPattern(any_path()));
    }
    Ok(conditions)
}

/// What a rule matches, if anything; a mixture of values and regular expressions is a mistake.
fn unmixed(all: ValuesOrRegexes, part: &str, origin: &Origin) -> Result<Option<ValuesOrRegexes>, BuildError> {
    match (all.values.is_empty(), all.regexes.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => {
            let problem =
                format!("the {part} is matched by values and by regular expressions, expected one of them");
            Err(origin.error(problem).into())
        }
        _ => Ok(Some(all)),
    }
}

fn extend(all: &mut ValuesOrRegexes, more: ValuesOrRegexes) {
    all.values.extend(more.values);
    all.regexes.extend(more.regexes);
}

fn any_path() -> ValuesOrRegexes {
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
pub(super) fn asks_for(member: &MemberView<'_>, conditions: &[RuleCondition]) -> bool {
    let rules = member.spec.and_then(|spec| spec.rules.as_ref()).into_iter().flatten();
    rules
        .flat_map(|rule| {
            rule.http.iter().flat_map(move |http| http.paths.iter().map(move |path| (rule, path)))
        })
        .any(|(rule, path)| matches(member, rule.host.as_deref(), path, conditions))
}

fn matches(
    member: &MemberView<'_>,
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
    let refined = member.annotations.string(&format!("conditions.{service}")).is_some();
    let same_host = match host.filter(|host| !host.is_empty()) {
        Some(host) => hosts.values.iter().any(|known| known == host),
        None => refined || hosts.values.is_empty(),
    };
    let regex = || Ok(member.annotations.boolean("use-regex-path-match").ok().flatten() == Some(true));
    let origin = Origin::object(&member.object);
    let Ok(wanted) = path_patterns(path, &origin, regex) else { return false };
    let everything = wanted == none && (paths == &none || paths.values == ["/*"]);
    let contained = wanted.values.iter().all(|value| paths.values.contains(value))
        && wanted.regexes.iter().all(|regex| paths.regexes.contains(regex));
    same_host && (everything || (wanted != none && contained))
}
