//! The alert rules that the chart ships.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use aws_load_balancer_controller::metrics::NAMES;
use harness::assets::{chart, repository};
use serde_json::Value;

fn file() -> PathBuf {
    chart().join("files/alerts.yaml")
}

fn rules() -> Vec<Value> {
    let text = std::fs::read_to_string(file()).unwrap();
    let groups: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = groups["groups"].as_array().unwrap().clone();
    groups.into_iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The names in an expression that are of metrics of ours.
fn metrics_in(expression: &str) -> Vec<&str> {
    let words = expression.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    let prefixes = ["aws_", "awslbc_", "controller_runtime_", "leader_election_", "workqueue_"];
    words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))).collect()
}

#[test]
fn alerts_speak_of_metrics_that_exist_and_say_what_to_do() {
    let known = |name: &str| {
        let family = ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        [Some(name), family].into_iter().flatten().any(|name| NAMES.contains(&name))
    };
    for rule in rules() {
        let expression = rule["expr"].as_str().unwrap();
        let names = metrics_in(expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            assert!(known(name), "{name} of {}", rule["alert"]);
        }
        assert!(rule["annotations"]["summary"].is_string() && rule["annotations"]["remedy"].is_string());
    }
}

#[test]
fn the_book_lists_every_alert() {
    let mut text = String::from("| Alert | Severity | Means | What to do |\n|---|---|---|---|\n");
    for rule in rules() {
        let field = |pointer| rule.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let summary = field("/annotations/summary").replace("{{ $labels.", "<").replace(" }}", ">");
        let (name, severity) = (field("/alert"), field("/labels/severity"));
        writeln!(
            text,
            "| {name} | {severity} | {} | {} |",
            summary.replace(['<', '>'], "`"),
            field("/annotations/remedy")
        )
        .unwrap();
    }
    super::compare_part("monitoring.md", "alerts", text.trim_end_matches('\n'));
}

#[test]
fn promtool_finds_that_alerts_fire_when_they_should_and_only_then() {
    let build =
        Command::new(repository().join("tests/promtool/build.sh")).stderr(Stdio::inherit()).output().unwrap();
    assert!(build.status.success(), "promtool was not built");
    let promtool = String::from_utf8(build.stdout).unwrap();
    let tests = repository().join("tests/cases/alerts/alerts.test.yaml");
    let output = Command::new(promtool.trim()).args(["test", "rules"]).arg(tests).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success(), "{said}");
}
