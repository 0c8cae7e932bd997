//! The software bill of materials: every crate that is linked into the binary, as CycloneDX 1.5.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

const PACKAGE: &str = "aws-load-balancer-controller";

/// From the output of `cargo metadata --format-version 1 --filter-platform <target>`.
pub fn from_metadata(metadata: &str, target: &str) -> Result<String> {
    let metadata: Value = serde_json::from_str(metadata).context("output of cargo metadata")?;
    let packages: BTreeMap<&str, &Value> =
        entries(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        entries(&metadata["resolve"]["nodes"]).map(|node| (text(&node["id"]), node)).collect();
    let root = packages.values().find(|package| package["name"] == PACKAGE).context("no such package")?;
    let linked = linked(text(&root["id"]), &nodes);
    let reference = |id: &&str| packages.get(id).map(|package| purl(package));
    let components: Vec<Value> = linked
        .iter()
        .filter(|id| **id != text(&root["id"]))
        .filter_map(|id| packages.get(id))
        .map(|package| component(package, "library"))
        .collect();
    let dependencies: Vec<Value> = linked
        .iter()
        .filter_map(|id| {
            let on: BTreeSet<String> = normal(nodes.get(id)?).iter().filter_map(reference).collect();
            Some(json!({"ref": reference(id)?, "dependsOn": on}))
        })
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(root, "application"),
            "properties": [{"name": "cdx:rustc:target", "value": target}],
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(document.to_string())
}

/// Everything that is linked: what the root needs, and what that needs, but for what only the build runs.
fn linked<'a>(root: &'a str, nodes: &BTreeMap<&'a str, &'a Value>) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(nodes.get(id).map(|node| normal(node)).unwrap_or_default());
        }
    }
    found
}

/// Dependencies that are neither for tests nor for build scripts.
fn normal(node: &Value) -> Vec<&str> {
    let is_normal =
        |dependency: &&Value| entries(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    entries(&node["deps"]).filter(is_normal).map(|dependency| text(&dependency["pkg"])).collect()
}

fn component(package: &Value, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "purl": purl(package),
        "name": package["name"],
        "version": package["version"],
    });
    if let Some(license) = package["license"].as_str() {
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    component
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_what_only_the_build_or_a_test_needs_is_not() {
        let package =
            |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let needs = |name: &str, kind: Option<&str>| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package(PACKAGE), package("tls"), package("cc"), package("proptest"), package("bytes")],
            "resolve": {"nodes": [
                {"id": PACKAGE, "deps": [needs("tls", None), needs("proptest", Some("dev"))]},
                {"id": "tls", "deps": [needs("bytes", None), needs("cc", Some("build"))]},
                {"id": "cc", "deps": []}, {"id": "bytes", "deps": []}, {"id": "proptest", "deps": []},
            ]},
        });
        let written = from_metadata(&metadata.to_string(), "x86_64-unknown-linux-gnu").unwrap_or_default();
        let document: Value = serde_json::from_str(&written).unwrap_or_default();
        let names: Vec<&str> = entries(&document["components"]).map(|part| text(&part["name"])).collect();
        assert_eq!(names, ["bytes", "tls"]);
        assert_eq!(document["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(document["metadata"]["component"]["name"], PACKAGE);
        assert_eq!(document["dependencies"][2]["dependsOn"], json!(["pkg:cargo/bytes@1.0.0"]));
    }
}
