//! `lint`: the admission checks without a cluster, for CI and GitOps.
//!
//! Reads YAML or JSON as kubectl, kustomize and Helm write it; several documents, Lists and arrays are fine, and objects of
//! kinds that are not checked are counted and passed over. Classes, their parameters and Services are taken from the same
//! input; a class that is not among it has no parameters, a Service that is not is taken to be as it should.

mod checks;
mod gateway;
mod input;
mod manifest;
mod names;
mod object;
mod read;
mod report;
mod rule;
mod schema;
mod settings;
mod structure;
mod unknown_fields;

pub use read::{ManifestFile, Unreadable};
pub use settings::{SettingsError, config_of};

use crate::args::{LintOptions, LintRequest};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity};
use input::{Input, Together};
use manifest::{Broken, Manifest, parse_manifests};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// A finding and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Id of the rule.
    pub rule: String,
    /// The finding.
    pub finding: Finding,
}

/// What became of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintResult {
    /// The findings, in the order of the input.
    pub found: Vec<Located>,
    /// How many objects were checked.
    pub checked: usize,
    /// How many objects were passed over, by kind.
    pub passed_over: BTreeMap<String, usize>,
    /// How many findings comments ignored.
    pub ignored: usize,
    /// Paths that could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// Why `lint` could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// The settings of the controller.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The report.
    #[error("the report cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// How a run ended, as its exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LintStatus {
    /// Nothing is wrong; there may be warnings.
    Valid,
    /// Something is wrong with the manifests.
    Invalid,
    /// Something could not be read.
    Unreadable,
}

impl LintResult {
    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.found.iter().filter(|located| located.finding.severity == Severity::Error).count()
    }

    fn conclusion(&self, strict: bool) -> LintStatus {
        let is_lax = !strict || (self.checked > 0 && self.passed_over.is_empty());
        if !self.unreadable.is_empty() {
            LintStatus::Unreadable
        } else if self.errors() > 0 || !is_lax {
            LintStatus::Invalid
        } else {
            LintStatus::Valid
        }
    }
}

/// Reads, checks and reports to `stdout`; to `stderr` what could not be read.
pub fn run(
    request: &LintRequest,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<LintStatus, LintError> {
    let config = settings::config_of(request.settings_from.as_deref(), &request.flags)?;
    let options = &request.options;
    let (sources, unreadable) = read::read_sources(&options.paths, options.recursive, stdin);
    let outcome = LintResult { unreadable, ..lint(&sources, &config) };
    let conclusion = outcome.conclusion(options.strict);
    report::write_failures(&outcome, options, stderr)?;
    match report::write(&outcome, options.format, stdout).and_then(|()| stdout.flush()) {
        // why: a reader that has seen enough, such as `head`, is no failure
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(conclusion),
    }
}

/// Checks a text, for programs.
pub fn lint_text(name: &str, text: String, config: &Config) -> Vec<Value> {
    let source = ManifestFile { name: name.to_owned(), text };
    lint(&[source], config).found.iter().map(report::json_of).collect()
}

/// Checks all objects of all sources, in their order.
pub fn lint(sources: &[ManifestFile], config: &Config) -> LintResult {
    let mut manifests = Vec::new();
    let mut outcome = LintResult::default();
    for source in sources {
        for manifest in parse_manifests(&source.text) {
            match manifest {
                Ok(manifest) => manifests.push((source, manifest)),
                Err(broken) => outcome.found.push(describe_broken(source, broken)),
            }
        }
    }
    let objects: Vec<Cow<Value>> =
        manifests.iter().map(|(_, manifest)| structure::without_null_annotations(&manifest.object)).collect();
    let input = Input::of(objects.iter().map(AsRef::as_ref));
    let together = input.together(config);
    for ((source, manifest), object) in manifests.iter().zip(&objects) {
        match check(&manifest.object, object, &input, &together, config) {
            Some(findings) => outcome.add(source, manifest, findings),
            None => *outcome.passed_over.entry(kind_of(&manifest.object)).or_default() += 1,
        }
    }
    outcome
}

/// Findings with the rules that lint itself has for them.
type RuledFindings = Vec<(Option<&'static str>, Finding)>;

/// Everything that is wrong with an object; `None`: its kind is not checked. `stored`: the object as the API server takes it.
fn check(
    object: &Value,
    stored: &Value,
    input: &Input,
    together: &Together,
    config: &Config,
) -> Option<RuledFindings> {
    let own = |(rule, finding)| (Some(rule), finding);
    if let Some(misshapen) = structure::check_kind(object) {
        return Some(vec![own(misshapen)]);
    }
    let values = checks::check(stored, input, together, config)?;
    if let Some(template) = structure::check_template(object) {
        return Some(vec![own(template)]);
    }
    let shape = structure::check_unknown_fields(object).into_iter().chain(structure::check_nulls(object));
    Some(shape.map(own).chain(values.into_iter().map(|finding| (None, finding))).collect())
}

impl LintResult {
    fn add(&mut self, source: &ManifestFile, manifest: &Manifest, findings: RuledFindings) {
        self.checked += 1;
        let begin = self.found.len();
        for (rule, finding) in first_of(findings) {
            let line = manifest.line_of(finding.field.as_deref());
            let rule = rule.map_or_else(|| rule::of(&finding), str::to_owned);
            if manifest.ignores(line, &rule) {
                self.ignored += 1;
            } else {
                self.found.push(Located { file: source.name.clone(), line, rule, finding });
            }
        }
        self.found.get_mut(begin..).unwrap_or_default().sort_by_key(|located| located.line);
    }
}

/// The most findings that are told of one object.
const MOST_FINDINGS: usize = 200;

/// The first findings, and one that counts the others. Where not all are told, errors come first.
fn first_of(mut findings: RuledFindings) -> RuledFindings {
    if findings.len() <= MOST_FINDINGS {
        return findings;
    }
    findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    let others = findings.split_off(MOST_FINDINGS);
    if let Some((rule, first)) = others.first() {
        let message = format!("and {} more findings", others.len());
        findings.push((*rule, Finding { message, field: None, hint: None, ..first.clone() }));
    }
    findings
}

fn describe_broken(source: &ManifestFile, broken: Broken) -> Located {
    let Broken { line, problem, is_template } = broken;
    let nameless = ObjectRef::default();
    let (rule, finding) = if is_template {
        (rule::TEMPLATE, Finding::error(&nameless, structure::TEMPLATE).hint(structure::RENDER))
    } else {
        (rule::SYNTAX, Finding::error(&nameless, format!("not YAML: {problem}")))
    };
    Located { file: source.name.clone(), line, rule: rule.to_owned(), finding }
}

/// The kind of an object that is passed over, for people.
fn kind_of(object: &Value) -> String {
    match object::text(object, "kind") {
        "" if object.is_object() => "without kind".to_owned(),
        "" => "not an object".to_owned(),
        kind => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests;
