//! `lint`: the admission checks without a cluster, for CI and GitOps.
//!
//! Reads YAML or JSON as kubectl, kustomize and Helm write it; several documents and Lists are fine, kinds that are none of
//! our business are passed over. Classes, their parameters and Services are taken from the same input; a class that is not
//! among it has no parameters, a Service that is not is taken to be as it should.

mod checks;
mod input;
mod manifest;
mod report;

pub use report::Format;

use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity};
use input::Input;
use manifest::parse_manifests;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// What to lint, and how to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Files; `-` is the standard input.
    pub files: Vec<PathBuf>,
    /// How to tell.
    pub format: Format,
}

/// A text to lint.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A finding and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The finding.
    pub finding: Finding,
}

/// Reads, checks and tells; whether there are errors.
pub fn run(options: &Options, stdin: &mut dyn Read, stdout: &mut dyn Write) -> io::Result<bool> {
    let sources = options.files.iter().map(|file| read(file, stdin)).collect::<io::Result<Vec<_>>>()?;
    let found = lint(&sources, &Config::default());
    report::write(&found, options.format, stdout)?;
    Ok(found.iter().any(|located| located.finding.severity == Severity::Error))
}

fn read(file: &PathBuf, stdin: &mut dyn Read) -> io::Result<Source> {
    let name = file.display().to_string();
    if name == "-" {
        let mut text = String::new();
        stdin.read_to_string(&mut text)?;
        return Ok(Source { name: "stdin".to_owned(), text });
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    Ok(Source { name, text })
}

/// Checks all objects of all sources, in their order.
pub fn lint(sources: &[Source], config: &Config) -> Vec<Located> {
    let mut located = Vec::new();
    let mut manifests = Vec::new();
    for source in sources {
        for manifest in parse_manifests(&source.text) {
            match manifest {
                Ok(manifest) => manifests.push((source, manifest)),
                Err(broken) => located.push(Located {
                    file: source.name.clone(),
                    line: broken.line,
                    finding: Finding::error(&ObjectRef::default(), format!("not YAML: {}", broken.problem)),
                }),
            }
        }
    }
    let input = Input::of(manifests.iter().map(|(_, manifest)| &manifest.object));
    for (source, manifest) in &manifests {
        let findings = checks::check(&manifest.object, &input, config).into_iter().map(|finding| {
            let line = manifest.line_of(finding.field.as_deref());
            Located { file: source.name.clone(), line, finding }
        });
        let begin = located.len();
        located.extend(findings);
        located.get_mut(begin..).unwrap_or_default().sort_by_key(|located| located.line);
    }
    located
}

#[cfg(test)]
mod tests;
