//! Reads what is migrated: from files.

use crate::api::{Ingress, IngressClass, IngressClassParams, ObjectMeta, Service};
use crate::migrate::MigrationInput;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was read of files.
#[derive(Default)]
pub(super) struct ReadFiles {
    pub input: MigrationInput,
    /// What is told of objects that are passed over.
    pub lines: Vec<String>,
    /// Objects of kinds that are translated, and that cannot be read.
    pub errors: Vec<String>,
}

/// Reads the manifests directly inside a folder, then single files.
pub(super) fn read_files(folder: Option<&Path>, files: &[PathBuf]) -> Result<ReadFiles, String> {
    let mut paths = Vec::new();
    if let Some(folder) = folder {
        paths.extend(
            manifests_in(folder)
                .map_err(|error| format!("error reading directory {}: {error}", folder.display()))?,
        );
    }
    paths.extend(files.iter().cloned());
    if paths.is_empty() {
        return Err("no files found in input".to_owned());
    }
    let mut read = ReadFiles::default();
    for path in paths {
        let failed = |problem: String| format!("error reading file {}: {problem}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        for document in documents(&text) {
            read.add_document(&document)
                .map_err(|problem| failed(format!("error parsing document: {problem}")))?;
        }
    }
    Ok(read)
}

fn manifests_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    let is_manifest = |path: &PathBuf| {
        let ending =
            path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        matches!(ending.as_str(), "yaml" | "yml" | "json") && path.is_file()
    };
    paths.retain(is_manifest);
    paths.sort();
    Ok(paths)
}

/// The documents of a stream.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        let is_separator = line == "---" || line.starts_with("--- ") || line.starts_with("---\t");
        match documents.last_mut() {
            Some(document) if !is_separator => {
                document.push_str(line);
                document.push('\n');
            }
            _ => documents.push(String::new()),
        }
    }
    documents
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

impl ReadFiles {
    fn add_document(&mut self, text: &str) -> Result<(), String> {
        if text.lines().all(is_blank) {
            return Ok(());
        }
        let options = serde_saphyr::options! { budget: None };
        let parsed = serde_saphyr::from_str_with_options::<Value>(text, options);
        let parsed = parsed.map_err(|error| {
            let told = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            told.lines().next().unwrap_or_default().to_owned()
        })?;
        match parsed {
            Value::Null => Ok(()),
            Value::Object(fields) => {
                self.add_object(fields);
                Ok(())
            }
            _ => Err("expected a YAML mapping".to_owned()),
        }
    }

    fn add_object(&mut self, mut fields: Map<String, Value>) {
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        if fields.is_empty() {
            return;
        }
        match (version.as_str(), kind.as_str()) {
            (_, list) if list.ends_with("List") && fields.get("items").is_some_and(Value::is_array) => {
                let items =
                    fields.remove("items").and_then(|items| items.as_array().cloned()).unwrap_or_default();
                items
                    .into_iter()
                    .filter_map(|item| item.as_object().cloned())
                    .for_each(|item| self.add_object(item));
            }
            ("networking.k8s.io/v1", "Ingress") => {
                let read = self.read(fields);
                self.input.ingresses.extend(read.map(|mut found: Ingress| {
                    fill_in_namespace(&mut found.metadata);
                    Arc::new(found)
                }));
            }
            ("v1", "Service") => {
                let read = self.read(fields);
                self.input.services.extend(read.map(|mut found: Service| {
                    fill_in_namespace(&mut found.metadata);
                    Arc::new(found)
                }));
            }
            ("networking.k8s.io/v1", "IngressClass") => {
                let read = self.read(fields);
                self.input.classes.extend(read.map(|found: IngressClass| Arc::new(found)));
            }
            ("elbv2.k8s.aws/v1beta1", "IngressClassParams") => {
                let read = self.read(fields);
                self.input.params.extend(read.map(|found: IngressClassParams| Arc::new(found)));
            }
            ("networking.k8s.io/v1beta1" | "extensions/v1beta1", "Ingress") => {
                let name = fields
                    .get("metadata")
                    .and_then(|metadata| metadata.get("name"))
                    .cloned()
                    .unwrap_or_default();
                self.lines.push(format!(
                    "WARNING: Ingress {name} is of {version}, which is not read: convert it to networking.k8s.io/v1."
                ));
            }
            (version, kind) if !is_known(version) => {
                self.lines.push(format!("Skipping unrecognized resource in input: no kind {kind:?} is known for version {version:?}"));
            }
            _ => {}
        }
    }

    fn read<T: DeserializeOwned>(&mut self, fields: Map<String, Value>) -> Option<T> {
        let text = |pointer: &str| {
            Value::Object(fields.clone())
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let name = format!("{} {:?}", text("/kind"), text("/metadata/name"));
        match T::deserialize(Value::Object(fields)) {
            Ok(found) => Some(found),
            Err(error) => {
                self.lines.push(format!("Skipping unrecognized resource in input: {name}: {error}"));
                self.errors.push(format!("{name} cannot be read: {error}"));
                None
            }
        }
    }
}

/// Gives an object without a namespace the one that kubectl would apply it to.
fn fill_in_namespace(metadata: &mut ObjectMeta) {
    if metadata.namespace.as_ref().is_none_or(String::is_empty) {
        metadata.namespace = Some("default".to_owned());
    }
}

/// Whether a version is one of Kubernetes or of ours.
fn is_known(version: &str) -> bool {
    match version.split_once('/') {
        None => version == "v1",
        Some((group, _)) => !group.contains('.') || group.ends_with(".k8s.io") || group.ends_with(".k8s.aws"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn objects_without_a_namespace_are_of_the_default_one() {
        let mut read = ReadFiles::default();
        for namespace in ["", "namespace: \"\"", "namespace: shop"] {
            for (version, kind) in [("networking.k8s.io/v1", "Ingress"), ("v1", "Service")] {
                let text = format!(
                    "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: web\n  {namespace}\nspec: {{}}\n"
                );
                read.add_document(&text).unwrap();
            }
        }
        let of_ingresses = read.input.ingresses.iter().map(|found| found.metadata.namespace.as_deref());
        assert_eq!(of_ingresses.collect::<Vec<_>>(), [Some("default"), Some("default"), Some("shop")]);
        let of_services = read.input.services.iter().map(|found| found.metadata.namespace.as_deref());
        assert_eq!(of_services.collect::<Vec<_>>(), [Some("default"), Some("default"), Some("shop")]);
    }
}
