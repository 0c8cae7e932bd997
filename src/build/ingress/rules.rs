//! Rules of one member: which paths, in which order, under which conditions (upstream's
//! `pkg/ingress/model_build_listener_rules.go`).

use super::backend::Backend;
use super::compile::Compiler;
use super::listener::Port;
use super::tags;
use crate::build::Origin;
use crate::cloud::Tags;
use crate::cloud::elbv2::{RuleCondition, ValuesOrRegexes};
use crate::inputs::{Halt, Questions};
use crate::model::Rule;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressRule};
use std::fmt;

/// Where a path stands in its Ingress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of `spec.rules`.
    pub rule: usize,
    /// Which of its paths.
    pub path: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path } = self;
        write!(f, "spec.rules[{rule}].http.paths[{path}]")
    }
}

/// Rules of the compiler's member for one listener, in order.
pub(super) fn build(compiler: &mut Compiler<'_, '_>, port: &Port) -> Result<Vec<(Place, Rule)>, Halt> {
    let Some(spec) = compiler.member.spec else { return Ok(Vec::new()) };
    let (mut rules, mut questions) = (Vec::new(), Questions::default());
    for (index, entry) in spec.rules.iter().flatten().enumerate() {
        for (at, path) in questions.collect(ordered_paths(compiler, index, entry))?.into_iter().flatten() {
            let place = Place { rule: index, path: at };
            let rule = questions.collect(build_rule(compiler, port, entry, path, &place.to_string()))?;
            rules.extend(rule.map(|rule| (place, rule)));
        }
    }
    questions.ask()?;
    Ok(rules)
}

fn build_rule(
    compiler: &mut Compiler<'_, '_>,
    port: &Port,
    entry: &IngressRule,
    path: &HTTPIngressPath,
    field: &str,
) -> Result<Rule, Halt> {
    let backend = compiler.resolve(&path.backend, field)?;
    let conditions = build_conditions(compiler, entry.host.as_deref(), path, &backend, field)?;
    let transforms = backend.transforms.clone();
    let actions = compiler.actions(backend, port, field)?;
    let tags = compiler.tags()?;
    Ok(Rule { conditions, actions, transforms, tags })
}

impl Compiler<'_, '_> {
    /// Tags of what belongs to the member alone.
    fn tags(&mut self) -> Result<Tags, Halt> {
        if let Some(known) = &self.read.tags {
            return Ok(known.clone());
        }
        let tags = tags::of_member(self.member, self.scope.config)?;
        self.read.tags = Some(tags.clone());
        Ok(tags)
    }
}

/// Exact paths first, then prefixes, longest first, then the others; otherwise as written. With their places in the manifest.
fn ordered_paths<'p>(
    compiler: &Compiler<'_, '_>,
    index: usize,
    entry: &'p IngressRule,
) -> Result<Vec<(usize, &'p HTTPIngressPath)>, Halt> {
    let paths = entry.http.as_ref().map(|http| http.paths.as_slice()).unwrap_or_default();
    let mut ranked = Vec::with_capacity(paths.len());
    for (at, path) in paths.iter().enumerate() {
        let Some(rank) = rank(path) else {
            let field = format!("spec.rules[{index}].http.paths[{at}].pathType");
            let problem = format!(
                "{:?} is not allowed, expected Exact, Prefix or ImplementationSpecific",
                path.path_type
            );
            return Err(Origin::field(&compiler.member.object, field).error(problem).into());
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

fn build_conditions(
    compiler: &Compiler<'_, '_>,
    host: Option<&str>,
    path: &HTTPIngressPath,
    backend: &Backend,
    field: &str,
) -> Result<Vec<RuleCondition>, Halt> {
    let origin = Origin::field(&compiler.member.object, format!("{field}.path"));
    let regex = || -> Result<bool, Halt> {
        let flag = compiler.member.annotations.boolean("use-regex-path-match");
        flag.map(Option::unwrap_or_default).map_err(|error| compiler.member.blame(error).into())
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
    let origin = Origin::field(&compiler.member.object, field);
    conditions.extend(unmixed(hosts, "host", &origin)?.map(RuleCondition::HostHeader));
    conditions.extend(unmixed(paths, "path", &origin)?.map(RuleCondition::PathPattern));
    if conditions.is_empty() {
        conditions.push(RuleCondition::PathPattern(any_path()));
    }
    Ok(conditions)
}

/// What a rule matches, if anything; a mixture of values and regular expressions is a mistake.
fn unmixed(all: ValuesOrRegexes, part: &str, origin: &Origin) -> Result<Option<ValuesOrRegexes>, Halt> {
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
    regex: impl FnOnce() -> Result<bool, Halt>,
) -> Result<ValuesOrRegexes, Halt> {
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

fn plain(text: &str, path_type: &str, origin: &Origin) -> Result<(), Halt> {
    if !text.contains(['*', '?']) {
        return Ok(());
    }
    let problem = format!("{text:?} has a wildcard, which path type {path_type} does not allow");
    Err(origin.error(problem).hint("use path type ImplementationSpecific").into())
}
