//! Rules of one member: which paths, in which order, under which conditions (upstream's
//! `pkg/ingress/model_build_listener_rules.go`).

use super::backend::ResolvedBackend;
use super::member_reader::MemberReader;
use super::paths::{any_path, path_patterns};
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
