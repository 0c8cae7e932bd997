//! Manifests: documents of a YAML stream, with the lines that their fields stand on.

mod ignore;
mod node;

use ignore::Ignored;

use node::YamlNode;
use serde_json::Value;
use std::rc::Rc;

/// An object and the lines it stands on.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub object: Value,
    node: YamlNode,
    /// Lines of the stream above its document.
    above: usize,
    ignored: Rc<Ignored>,
}

/// A document that does not parse.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub line: usize,
    pub problem: String,
    /// Whether it is the source of a template, for example of Helm.
    pub is_template: bool,
}

/// The objects of a stream, items of Lists and arrays on their own, and the documents that are none.
pub(super) fn parse_manifests(text: &str) -> Vec<Result<Manifest, Broken>> {
    documents(text).flat_map(|(above, document)| parse_document(above, &document)).collect()
}

/// How long a List may be is the user's business; what aliases expand to is limited, because a short text may stand for gigabytes.
fn budget(text: &str) -> Option<serde_saphyr::Budget> {
    const MOST_NESTED: usize = 255;
    const MOST_REPEATED: usize = 64 << 20;
    serde_saphyr::budget! {
        max_events: usize::MAX,
        max_nodes: usize::MAX,
        max_aliases: usize::MAX,
        max_anchors: usize::MAX,
        max_merge_keys: usize::MAX,
        max_depth: MOST_NESTED,
        max_total_scalar_bytes: text.len().saturating_add(MOST_REPEATED),
        enforce_alias_anchor_ratio: false,
    }
}

fn parse_document(above: usize, text: &str) -> Vec<Result<Manifest, Broken>> {
    if text.lines().all(is_blank) {
        return Vec::new();
    }
    let options = serde_saphyr::options! { budget: budget(text) };
    match serde_saphyr::from_str_with_options::<YamlNode>(text, options) {
        Ok(node) => {
            let ignored = Rc::new(Ignored::of(text));
            let manifest =
                |node: YamlNode| Manifest { object: node.to_value(), node, above, ignored: ignored.clone() };
            node.into_objects().into_iter().map(|node| Ok(manifest(node))).collect()
        }
        Err(error) => {
            let line = error.location().map_or(1, |location| to_line(location.line()));
            let told = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let problem = told.lines().next().unwrap_or_default().to_owned();
            vec![Err(Broken { line: above + line, problem, is_template: is_template(text) })]
        }
    }
}

/// Whether a line holds no YAML.
fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// Whether a text holds an action of a Go template.
pub(super) fn is_template(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}

fn to_line(number: u64) -> usize {
    usize::try_from(number).unwrap_or(1).max(1)
}

/// Documents between lines with `---`, each with the number of lines above it.
fn documents(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut documents = vec![(0, String::new())];
    for (number, line) in (1..).zip(text.lines()) {
        if line == "---" || line.starts_with("--- ") {
            documents.push((number, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.into_iter()
}

impl Manifest {
    /// The line of an annotation or field, or of the nearest part of its path; the line of the object's name for what has none.
    pub fn line_of(&self, field: Option<&str>) -> usize {
        let annotations = ["metadata", "annotations"];
        let line = field.and_then(|field| {
            let annotation = self.node.line_of(annotations.into_iter().chain([field]));
            annotation.or_else(|| self.node.nearest_line(segments(field)))
        });
        let name = || self.node.nearest_line(["metadata", "name"].into_iter());
        self.above + line.or_else(name).unwrap_or_else(|| self.node.first_line())
    }

    /// Whether a comment says to ignore a rule at a line of the stream.
    pub fn ignores(&self, line: usize, rule: &str) -> bool {
        self.ignored.contains(line.saturating_sub(self.above), rule)
    }
}

/// The keys and indices of a path such as `spec.rules[0].host` or `metadata.annotations[example.com/key]`.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let (begin, bracketed) = path.split_once('[').unwrap_or((path, ""));
    let rest = bracketed.split('[').flat_map(|part| {
        let (inner, after) = part.split_once(']').unwrap_or((part, ""));
        std::iter::once(inner).chain(after.split('.'))
    });
    begin.split('.').chain(rest).filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests;
