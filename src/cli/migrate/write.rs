//! Writes what was generated.

use crate::migrate::Migration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "gateway-resources";
const CLASS_FILE: &str = "gatewayclass";

/// Where and how to write.
pub(super) struct WriteTarget<'a> {
    pub folder: &'a Path,
    /// `yaml` or `json`, which is also the ending of files.
    pub format: &'a str,
    /// Whether each namespace gets a file of its own.
    pub is_split: bool,
}

/// Writes the objects, and tells how many stand where.
pub(super) fn write(
    migration: &Migration,
    target: &WriteTarget<'_>,
    told: &mut dyn Write,
) -> Result<(), String> {
    let (mut classes, mut by_namespace) = (Vec::new(), BTreeMap::<&str, Vec<&Value>>::new());
    for object in migration.objects() {
        match object.pointer("/metadata/namespace").and_then(Value::as_str) {
            Some(namespace) => by_namespace.entry(namespace).or_default().push(object),
            None => classes.push(object),
        }
    }
    if !target.is_split {
        classes.extend(by_namespace.into_values().flatten());
        return target.write_file(target.folder, FILE, &classes, told);
    }
    // why before anything is written: the name of a namespace becomes that of a folder
    if let Some(odd) = by_namespace.keys().find(|namespace| !is_dns_label(namespace)) {
        return Err(format!(
            "failed to write output: {odd:?} cannot be the name of a namespace, expected at most 63 lower-case letters, digits \
             and hyphens, with a letter or digit at both ends"
        ));
    }
    target.write_file(target.folder, CLASS_FILE, &classes, told)?;
    for (namespace, objects) in by_namespace {
        target.write_file(&target.folder.join(namespace), FILE, &objects, told)?;
    }
    Ok(())
}

/// Whether a text is a DNS label (RFC 1123), as names of namespaces are.
fn is_dns_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl WriteTarget<'_> {
    fn write_file(
        &self,
        folder: &Path,
        name: &str,
        objects: &[&Value],
        told: &mut dyn Write,
    ) -> Result<(), String> {
        let path = folder.join(format!("{name}.{}", self.format));
        let failed = |error: io::Error| format!("failed to write output: {}: {error}", path.display());
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = if self.format == "json" { json(objects) } else { yaml(objects) };
        let text =
            text.map_err(|problem| format!("failed to write output: {}: {problem}", path.display()))?;
        std::fs::write(&path, text).map_err(failed)?;
        writeln!(told, "Generated {} resource(s) in {}", objects.len(), path.display()).map_err(failed)
    }
}

fn yaml(objects: &[&Value]) -> Result<String, String> {
    let texts =
        objects.iter().map(|object| serde_saphyr::to_string(object).map_err(|error| error.to_string()));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("---\n"))
}

fn json(objects: &[&Value]) -> Result<String, String> {
    let texts =
        objects.iter().map(|object| serde_json::to_string_pretty(object).map_err(|error| error.to_string()));
    let texts = texts.map(|text| text.map(|text| text + "\n"));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_namespace_that_is_no_dns_label_is_refused_before_it_becomes_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("out");
        for (namespace, is_taken) in
            [("shop", true), ("..", false), ("../up", false), ("/tmp", false), ("Shop", false), ("a-", false)]
        {
            let gateway = json!({"kind": "Gateway", "metadata": {"name": "web", "namespace": namespace}});
            let mut migration = Migration::default();
            migration.gateways.push(gateway);
            let target = WriteTarget { folder: &inner, format: "yaml", is_split: true };
            let result = write(&migration, &target, &mut Vec::new());
            assert_eq!(result.is_ok(), is_taken, "{namespace}: {result:?}");
            assert_eq!(inner.exists(), is_taken, "{namespace}");
            let _ = std::fs::remove_dir_all(&inner);
        }
    }
}
