//! The book under `docs/`: what is written from the source is as the source says, and no page is lost.
//!
//! `UPDATE_GOLDEN=1` writes the generated parts anew.
#![allow(clippy::disallowed_methods)]

mod alerts;
mod dashboard;
mod man;
mod manifests;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use aws_load_balancer_controller::api::crds::{crds, gateway_crds, global_accelerator_crds};
use aws_load_balancer_controller::args::flags::FLAGS;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::iam::{Partition, Policy, PolicyParts, permission, statements_of};
use aws_load_balancer_controller::metrics::ROWS;
use aws_load_balancer_controller::status::event::Reason;
use harness::assets::repository;
use serde_json::Value;
use strum::VariantArray as _;

fn docs() -> PathBuf {
    repository().join("docs")
}

fn compare(path: &Path, fresh: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, fresh).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == fresh, "{} is out of date; UPDATE_GOLDEN=1 writes it anew", path.display());
}

/// Compares the part of a page between `<!-- <mark>: … -->` and `<!-- end of <mark> -->`.
fn compare_part(page: &str, mark: &str, fresh: &str) {
    let path = docs().join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let start = text.find(&format!("<!-- {mark}: ")).unwrap();
    let start = start + text[start..].find('\n').unwrap() + 1;
    let end = text.find(&format!("<!-- end of {mark} -->")).unwrap();
    compare(&path, &format!("{}\n{fresh}\n{}", &text[..start], &text[end..]));
}

#[test]
fn the_iam_policies_allow_what_the_table_of_operations_holds() {
    let besides = Policy::of_global_accelerator().render().unwrap();
    compare(&docs().join("iam/global-accelerator.json"), &besides);
    for partition in Partition::VARIANTS {
        let path = docs().join("iam").join(format!("{}.json", partition.as_str()));
        let policy = Policy::of(*partition, PolicyParts::default()).render().unwrap();
        compare(&path, &policy);
        let policy = policy + &besides;
        let missing: Vec<String> = Action::VARIANTS
            .iter()
            .filter(|action| *partition == Partition::Aws && !statements_of(**action).is_empty())
            .filter(|action| {
                !statements_of(**action).iter().all(|one| !PolicyParts::default().includes(*one))
            })
            .map(|action| permission(*action))
            .filter(|permission| !policy.contains(&format!("\"{permission}\"")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn the_page_of_argo_cd_has_the_health_checks_of_the_chart() {
    let mut settings = String::from("```yaml\nconfigs:\n  cm:\n");
    for (name, script) in crate::argocd::scripts() {
        writeln!(settings, "    resource.customizations.health.{name}: |").unwrap();
        script.lines().for_each(|line| writeln!(settings, "      {line}").unwrap());
    }
    compare_part("argocd.md", "health", &format!("{settings}```\n"));
}

#[test]
fn the_page_of_commands_shows_what_status_printed() {
    for mark in ["status", "status-watch"] {
        let printed = repository().join(format!("tests/cases/topology/{mark}.txt"));
        let printed = std::fs::read_to_string(printed).unwrap();
        compare_part("commands.md", mark, &format!("```text\n{printed}```\n"));
    }
}

#[test]
fn the_page_of_checks_holds_the_tables_that_the_tests_run() {
    compare_part("checks.md", "checks", &format!("\n{}\n", crate::checks::render()));
}

#[test]
fn the_examples_are_cases_with_their_plans() {
    for case in ["services/minimal", "ingresses/https-by-host", "ingresses/group-in-order"] {
        let read = |file: &str| {
            let path = repository().join("tests/cases").join(case).join(file);
            std::fs::read_to_string(&path).unwrap()
        };
        let (manifest, plan) = (read("input.yaml"), read("plan.txt"));
        compare_part("examples.md", case, &format!("\n```yaml\n{manifest}```\n\n```text\n{plan}```\n"));
    }
}

#[test]
fn troubleshooting_explains_every_event() {
    let mut text = String::new();
    for reason in Reason::VARIANTS {
        let explanation = reason.explanation();
        write!(
            text,
            "### {}\n\n*{}*\n\n{}\n\n",
            reason.as_str(),
            explanation.kinds.join(", "),
            explanation.meaning
        )
        .unwrap();
        for remedy in explanation.remedies {
            writeln!(text, "- {remedy}").unwrap();
        }
        if !explanation.remedies.is_empty() {
            text.push('\n');
        }
    }
    compare_part("troubleshooting.md", "events", text.trim_end_matches('\n'));
}

#[test]
fn the_reference_lists_every_metric() {
    let mut text = String::from("| Metric | Type | Labels | Tells |\n|---|---|---|---|\n");
    for row in ROWS {
        let (suffix, kind) = match row.kind {
            "counter" | "total" => ("_total", "counter"),
            "level" => ("", "gauge"),
            kind => ("", kind),
        };
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{}{suffix}` | {kind} | {} | {} |", row.name, labels.join(" "), row.help).unwrap();
    }
    compare_part("monitoring.md", "metrics", text.trim_end_matches('\n'));
}

#[test]
fn the_reference_lists_every_flag() {
    let mut text = String::new();
    let mut topics = Vec::new();
    for flag in FLAGS.iter().filter(|flag| !topics.contains(&flag.topic)).collect::<Vec<_>>() {
        if !topics.contains(&flag.topic) {
            topics.push(flag.topic);
        }
    }
    for topic in topics {
        write!(text, "## {topic}\n\n| Flag | Default | Meaning |\n|---|---|---|\n").unwrap();
        for flag in FLAGS.iter().filter(|flag| flag.topic == topic) {
            let default = if flag.default.is_empty() { String::new() } else { format!("`{}`", flag.default) };
            writeln!(text, "| `--{}` | {default} | {} |", flag.name, flag.help.replace('|', "\\|")).unwrap();
        }
        text.push('\n');
    }
    compare_part("flags.md", "flags", text.trim_end_matches('\n'));
}

#[test]
fn the_reference_lists_every_field_of_every_resource() {
    let mut text = String::new();
    for definition in crds().into_iter().chain(global_accelerator_crds()).chain(gateway_crds()) {
        let definition = serde_json::to_value(&definition).unwrap();
        let versions = definition["spec"]["versions"].as_array().unwrap();
        let stored = versions.iter().find(|version| version["storage"] == true).unwrap();
        let schema = &stored["schema"]["openAPIV3Schema"];
        let (kind, version) = (&definition["spec"]["names"]["kind"], &stored["name"]);
        let group = definition["spec"]["group"].as_str().unwrap();
        write!(text, "## {}\n\n", kind.as_str().unwrap()).unwrap();
        let about = schema["description"].as_str().unwrap_or_default();
        write!(text, "`{group}/{}`. {about}\n\n", version.as_str().unwrap()).unwrap();
        text.push_str("| Field | Type | Meaning |\n|---|---|---|\n");
        for part in ["spec", "status"] {
            add_fields(&mut text, part, &schema["properties"][part]);
        }
        text.push('\n');
    }
    compare_part("custom-resources.md", "resources", text.trim_end_matches('\n'));
}

fn add_fields(text: &mut String, path: &str, schema: &Value) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let is_list = field["type"] == "array";
        let path = format!("{path}.{name}{}", if is_list { "[]" } else { "" });
        let meaning =
            field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        writeln!(text, "| `{path}` | {} | {meaning} |", type_of(field)).unwrap();
        add_fields(text, &path, if is_list { &field["items"] } else { field });
    }
}

fn type_of(field: &Value) -> String {
    let of_items = if field["type"] == "array" { &field["items"] } else { field };
    if let Some(values) = of_items["enum"].as_array() {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let name = of_items["type"].as_str().unwrap_or("integer or string");
    if field["type"] == "array" { format!("list of {name}") } else { name.to_string() }
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(docs()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "md") && name != "SUMMARY.md" {
            pages.insert(name.to_owned());
        }
    }
    let summary = std::fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    assert_eq!(listed, pages);
    for page in pages {
        let text = std::fs::read_to_string(docs().join(&page)).unwrap();
        for link in links(&text) {
            let (file, part) = link.split_once('#').unwrap_or((&link, ""));
            let target = docs().join(if file.is_empty() { &page } else { file });
            assert!(target.exists(), "{page} links to {link}");
            let has_part = || anchors(&std::fs::read_to_string(&target).unwrap()).contains(part);
            assert!(part.is_empty() || has_part(), "{page} links to {link}, and there is no such heading");
        }
    }
}

/// The targets of links within the book.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_string()).filter(|target| !target.contains("://")).collect()
}

/// What mdBook calls the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    for heading in headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')) {
        let kept = heading.trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
        });
        let anchor: String = kept.collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}
