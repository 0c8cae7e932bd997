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
    let prefixes = [
        "apiserver_",
        "aws_",
        "awslbc_",
        "certwatcher_",
        "controller_runtime_",
        "kube_",
        "leader_election_",
        "workqueue_",
    ];
    words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))).collect()
}

/// Metrics that alerts speak of besides ours, and who has them.
const OF_OTHERS: &[&str] =
    &["apiserver_admission_webhook_rejection_count", "kube_pod_container_status_restarts_total"];

#[test]
fn alerts_speak_of_metrics_that_exist_and_say_what_to_do() {
    let known = |name: &str| {
        let family = ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        [Some(name), family]
            .into_iter()
            .flatten()
            .any(|name| NAMES.contains(&name) || OF_OTHERS.contains(&name))
    };
    for rule in rules() {
        let expression = rule["expr"].as_str().unwrap();
        let names = metrics_in(expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            assert!(known(name), "{name} of {}", rule["alert"]);
        }
        for annotation in ["summary", "description", "remedy", "runbook_url"] {
            assert!(rule["annotations"][annotation].is_string(), "{} has no {annotation}", rule["alert"]);
        }
    }
}

#[test]
fn alerts_keep_the_cluster_and_lead_to_their_headings() {
    let page = std::fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    let anchors = super::anchors(&page);
    for rule in rules() {
        let expression = rule["expr"].as_str().unwrap();
        for aggregation in expression.split(" by (").skip(1) {
            assert!(aggregation.starts_with("cluster"), "{expression}");
        }
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        let anchor = url.strip_prefix("monitoring.md#").unwrap();
        assert!(anchors.contains(anchor), "{url}");
    }
}

#[test]
fn the_book_lists_every_alert() {
    let mut text = String::new();
    for rule in rules() {
        let field = |pointer| rule.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let summary = field("/annotations/summary").replace("{{ $labels.", "<").replace(" }}", ">");
        let (name, severity) = (field("/alert"), field("/labels/severity"));
        let summary = summary.replace(['<', '>'], "`");
        write!(text, "### {name}\n\n*{severity}*: {summary}\n\n").unwrap();
        write!(text, "{}\n\n{}\n\n", field("/annotations/description"), field("/annotations/remedy"))
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
