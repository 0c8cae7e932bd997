//! Manifests: documents of a YAML stream, with the lines that their fields stand on.

use serde_json::Value;

/// An object and the lines it stands on.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub object: Value,
    /// Number of its first line, from 1.
    first: usize,
    lines: Vec<String>,
}

/// A document that does not parse.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub line: usize,
    pub problem: String,
}

/// The objects of a stream, items of Lists on their own.
pub(super) fn parse_manifests(text: &str) -> Result<Vec<Manifest>, Broken> {
    let mut manifests = Vec::new();
    for (first, lines) in documents(text) {
        let is_blank = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if lines.iter().all(is_blank) {
            continue;
        }
        let object: Value = serde_saphyr::from_str(&lines.join("\n")).map_err(|error| Broken {
            line: first
                + error
                    .location()
                    .map_or(0, |location| usize::try_from(location.line()).unwrap_or(1).saturating_sub(1)),
            problem: error.to_string().lines().next().unwrap_or_default().to_owned(),
        })?;
        let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        match object.get("items").and_then(Value::as_array) {
            Some(items) if is_list(&object) => {
                let item = |item: &Value| Manifest { object: item.clone(), first, lines: lines.clone() };
                manifests.extend(items.iter().map(item));
            }
            _ => manifests.push(Manifest { object, first, lines }),
        }
    }
    Ok(manifests)
}

fn is_list(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
}

/// Documents between lines with `---`, each with the number of its first line.
fn documents(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut documents = vec![(1, Vec::new())];
    for (number, line) in (1..).zip(text.lines()) {
        if line == "---" || line.starts_with("--- ") {
            documents.push((number + 1, Vec::new()));
        } else if let Some((_, lines)) = documents.last_mut() {
            lines.push(line);
        }
    }
    documents
}

impl Manifest {
    /// The line of an annotation or field; the line of the object's name for what has none.
    pub fn line_of(&self, field: Option<&str>) -> usize {
        let start = self.line_of_name();
        let annotation = field.and_then(|key| {
            let value = self.annotation(key)?;
            let begin: String = value.lines().next().unwrap_or_default().chars().take(12).collect();
            let holds_key =
                |line: &String| line.contains(&format!("{key}:")) || line.contains(&format!("{key}\""));
            let lines = || self.lines.iter().enumerate().filter(|(_, line)| holds_key(line));
            lines().find(|(_, line)| line.contains(&begin)).or_else(|| lines().next()).map(|(at, _)| at)
        });
        let last =
            field.and_then(|field| field.rsplit(['.', '[']).next()).map(|part| part.trim_end_matches(']'));
        let by_name = || last.and_then(|name| self.lines.iter().position(|line| is_field(line, name)));
        self.first + annotation.or_else(by_name).unwrap_or(start)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.object.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    fn line_of_name(&self) -> usize {
        let name = self.object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let names_it = |line: &String| line.contains("name:") && line.contains(name);
        self.lines.iter().position(names_it).unwrap_or_default()
    }
}

fn is_field(line: &str, name: &str) -> bool {
    !name.is_empty() && line.trim_start().trim_start_matches("- ").starts_with(&format!("{name}:"))
}
