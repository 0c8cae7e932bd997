//! Manifests: documents of a YAML stream, with the lines that their fields stand on.

mod node;

use node::Node;
use serde_json::Value;

/// An object and the lines it stands on.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub object: Value,
    node: Node,
    /// Lines of the stream above its document.
    above: usize,
}

/// A document that does not parse.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub line: usize,
    pub problem: String,
}

/// The objects of a stream, items of Lists on their own, and the documents that are none.
pub(super) fn parse_manifests(text: &str) -> Vec<Result<Manifest, Broken>> {
    documents(text).flat_map(|(above, document)| parse_document(above, &document)).collect()
}

fn parse_document(above: usize, text: &str) -> Vec<Result<Manifest, Broken>> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_blank) {
        return Vec::new();
    }
    let manifest = |node: Node| Ok(Manifest { object: node.to_value(), node, above });
    match serde_saphyr::from_str::<Node>(text) {
        Ok(node) => node.into_objects().into_iter().map(manifest).collect(),
        Err(error) => {
            let line = error.location().map_or(1, |location| to_line(location.line()));
            let problem = error.to_string().lines().next().unwrap_or_default().to_owned();
            vec![Err(Broken { line: above + line, problem })]
        }
    }
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
