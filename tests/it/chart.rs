//! The Helm chart, without a cluster: what it renders, for many values, and that its documentation is complete.
//!
//! `tests/cases/chart/default.rendered.yaml` is the whole chart with its defaults. Each other case is a values file, and a
//! file that says what is different then, field by field. `UPDATE_GOLDEN=1` writes them anew.
#![allow(clippy::disallowed_methods)]

mod absent;
mod image;
mod readme;
mod rights;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use harness::assets::{Assets, chart, repository};
use serde_json::{Value, json};

fn cases() -> PathBuf {
    repository().join("tests/cases/chart")
}

fn helm() -> &'static Path {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    HELM.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Assets::locate()).unwrap().path("helm").unwrap()
    })
}

fn run_helm(args: &[&str]) -> Result<String, String> {
    let output = Command::new(helm()).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// `helm template` of a release as most people install it.
fn render(more: &[&str]) -> Result<String, String> {
    let chart = chart().display().to_string();
    let release = ["template", "aws-load-balancer-controller", &chart, "--namespace", "kube-system"];
    let version = if more.contains(&"--kube-version") { &[][..] } else { &["--kube-version", "1.33.0"] };
    run_helm(&[&release, &["--set", "clusterName=test"][..], version, more].concat())
}

fn compare(path: &Path, rendered: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, rendered).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == rendered,
        "{} differs; UPDATE_GOLDEN=1 writes it anew. Rendered:\n{rendered}",
        path.display()
    );
}

#[test]
fn the_defaults_render_as_recorded() {
    compare(&cases().join("default.rendered.yaml"), &render(&[]).unwrap());
}

#[test]
fn values_change_what_is_recorded_and_nothing_else() {
    let usual = fields(&render(&[]).unwrap());
    let mut count = 0;
    for entry in std::fs::read_dir(cases()).unwrap() {
        let values = entry.unwrap().path();
        let name = values.file_name().unwrap().to_str().unwrap();
        let is_yaml = values.extension().is_some_and(|extension| extension == "yaml");
        if !is_yaml || name.ends_with(".rendered.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&values).unwrap();
        let options = text.lines().find_map(|line| line.strip_prefix("# helm: ")).unwrap_or_default();
        let more: Vec<&str> =
            options.split_whitespace().chain(["--values", values.to_str().unwrap()]).collect();
        let rendered = render(&more).unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(&values.with_extension("changes"), &changes(&usual, &fields(&rendered)));
        count += 1;
    }
    assert!(count >= 25, "{count} cases");
}

#[test]
fn rendering_is_repeatable_and_shows_no_secret() {
    let rendered = render(&[]).unwrap();
    assert_eq!(rendered, render(&[]).unwrap());
    for document in documents(&rendered).iter().filter(|document| document["kind"] == "Secret") {
        assert_eq!(document.get("data"), None);
        assert_eq!(document.get("stringData"), None);
    }
    assert!(!rendered.contains("caBundle"));
}

#[test]
fn misspelt_and_impossible_values_are_refused() {
    let cases = [
        ("replicas=2", "replicas"),
        ("webhookConfig.ingressValidationFailurePolicy=Ignore", "ingressValidationFailurePolicy"),
        ("annotationValidation=strict", "annotationValidation"),
        ("validation=strict", "validation"),
        ("defaultTargetType=pod", "defaultTargetType"),
        ("syncPeriod=soon", "syncPeriod"),
        ("enableWaf=perhaps", "enableWaf"),
        ("clusterName=", "clusterName"),
    ];
    for (value, named) in cases {
        let error = render(&["--set", value]).unwrap_err();
        assert!(error.contains(named), "{value}: {error}");
    }
}

#[test]
fn helm_has_nothing_to_complain_about() {
    let chart = chart().display().to_string();
    run_helm(&["lint", &chart, "--strict", "--set", "clusterName=test"]).unwrap();
}

#[test]
fn values_for_continuous_integration_render_and_lint() {
    let chart = chart().display().to_string();
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(&chart).join("ci")).unwrap() {
        let values = entry.unwrap().path().display().to_string();
        run_helm(&["lint", &chart, "--strict", "--values", &values]).unwrap();
        render(&["--values", &values, "--api-versions", "apiregistration.k8s.io/v1"]).unwrap();
        assert!(values.ends_with("-values.yaml"), "chart-testing passes over {values}");
        count += 1;
    }
    assert!(count >= 3, "{count}");
}

#[test]
fn the_chart_and_the_binary_have_the_same_version_which_is_no_downgrade() {
    let chart: Value = read_yaml("Chart.yaml");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], format!("v{version}"));
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(parts >= vec![3, 5, 100], "3.5.0 of the Go controller may not be above {version}");
    for field in ["home", "sources", "icon", "kubeVersion", "keywords"] {
        assert!(!chart[field].is_null(), "{field}");
    }
}

#[test]
fn the_schema_knows_exactly_the_values_that_exist() {
    let (mut values, mut schema) = (BTreeSet::new(), BTreeSet::new());
    paths_of_values("", &read_yaml("values.yaml"), &read_schema(), &mut values);
    paths_of_schema("", &read_schema(), &mut schema);
    schema.remove(".global");
    schema.remove(".enabled");
    let difference: Vec<_> = values.symmetric_difference(&schema).collect();
    assert!(difference.is_empty(), "{difference:?}");
}

fn read_yaml(name: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(chart().join(name)).unwrap()).unwrap()
}

fn read_schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

/// Paths of values, down to where the schema describes no more.
fn paths_of_values(path: &str, value: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if schema.get("properties").is_none() {
        return;
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        paths_of_values(&path, value, &schema["properties"][key], found);
        found.insert(path);
    }
}

fn paths_of_schema(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        paths_of_schema(&path, schema, found);
        found.insert(path);
    }
}

/// The documents of a stream, members of lists among them.
fn documents(rendered: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(rendered).unwrap();
    let items = |document: Value| match document["kind"].as_str() {
        Some("List") => document["items"].as_array().unwrap().clone(),
        _ => vec![document],
    };
    documents.into_iter().filter(|document| !document.is_null()).flat_map(items).collect()
}

/// Every field of every object: `Kind/name path` and its value.
fn fields(rendered: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for document in documents(rendered) {
        let name = format!(
            "{}/{}",
            document["kind"].as_str().unwrap(),
            document["metadata"]["name"].as_str().unwrap()
        );
        flatten(&format!("{name} "), &document, &mut found);
    }
    found
}

fn flatten(path: &str, value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, found));
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                let element = format!("{path}[{}]", label_of(index, value));
                flatten(&element, value, found);
            }
        }
        leaf => {
            found.entry(path.to_string()).or_default().insert(json!(leaf).to_string());
        }
    }
}

/// What an element of a list is called: by what identifies it, so that others may come and go around it.
fn label_of(index: usize, element: &Value) -> String {
    match (element.get("name").or_else(|| element.get("key")), element.get("resources")) {
        (Some(name), _) => name.as_str().unwrap_or_default().to_string(),
        (None, Some(resources)) => resources.to_string().replace(['[', ']', '"'], ""),
        (None, None) if element.is_object() => index.to_string(),
        (None, None) => String::new(),
    }
}

/// What is gone and what is new. Of an object that is gone or new as a whole, only that.
fn changes(usual: &BTreeMap<String, BTreeSet<String>>, now: &BTreeMap<String, BTreeSet<String>>) -> String {
    let objects = |fields: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
        fields.keys().filter_map(|path| Some(path.split_once(' ')?.0.to_string())).collect()
    };
    let (old, new) = (objects(usual), objects(now));
    let mut lines = BTreeSet::new();
    lines.extend(old.difference(&new).map(|object| format!("{object}\n- {object}")));
    let none = BTreeSet::new();
    for path in usual.keys().chain(now.keys()) {
        let (before, after) = (usual.get(path).unwrap_or(&none), now.get(path).unwrap_or(&none));
        let object = path.split(' ').next().unwrap_or_default();
        if !new.contains(object) {
            continue;
        }
        lines.extend(before.difference(after).map(|value| format!("{path}\n- {path} = {value}")));
        lines.extend(after.difference(before).map(|value| format!("{path}\n+ {path} = {value}")));
    }
    let rendered = lines.iter().filter_map(|line| line.split_once('\n'));
    rendered.map(|(_, line)| line.replace(" .", " ") + "\n").collect()
}
