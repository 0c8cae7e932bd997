//! The dashboard for Grafana that the chart ships, made of the table of metrics.

use std::collections::BTreeSet;

use aws_load_balancer_controller::metrics::{MetricRow, ROWS};
use harness::assets::chart;
use serde_json::{Value, json};

/// A panel: title, the metric whose description it has, unit, and queries with their legends.
type Panel = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Sections of panels. `$select` stands for what the variables of the dashboard select.
const SECTIONS: &[(&str, &[Panel])] = &[
    (
        "Objects",
        &[
            (
                "Objects by state",
                "awslbc_object_state",
                "short",
                &[("count by (state) (awslbc_object_state{$select} == 1)", "{{state}}")],
            ),
            (
                "Not synced",
                "awslbc_object_state",
                "short",
                &[(
                    "awslbc_object_state{$select,state!=\"synced\"} == 1",
                    "{{controller}} {{namespace}}/{{name}} {{state}}",
                )],
            ),
            (
                "Longest since the last success",
                "awslbc_object_last_success_age_seconds",
                "s",
                &[(
                    "topk(10, awslbc_object_last_success_age_seconds{$select})",
                    "{{controller}} {{namespace}}/{{name}}",
                )],
            ),
            ("Orphans in AWS", "awslbc_orphans", "short", &[("awslbc_orphans{$select}", "{{resource}}")]),
        ],
    ),
    (
        "Targets",
        &[
            (
                "Targets by state",
                "awslbc_targets",
                "short",
                &[("sum by (state) (awslbc_targets{$select})", "{{state}}")],
            ),
            (
                "Wanted and not healthy",
                "awslbc_targets",
                "short",
                &[(
                    "sum by (namespace, name) (awslbc_targets{$select,state=\"desired\"}) - sum by (namespace, name) (awslbc_targets{$select,state=\"healthy\"}) > 0",
                    "{{namespace}}/{{name}}",
                )],
            ),
            (
                "Time until a pod's target is healthy, 95 %",
                "awslbc_readiness_gate_ready_seconds",
                "s",
                &[(
                    "histogram_quantile(0.95, sum by (le, namespace) (rate(awslbc_readiness_gate_ready_seconds_bucket{$select}[$__rate_interval])))",
                    "{{namespace}}",
                )],
            ),
        ],
    ),
    (
        "Reconciles",
        &[
            (
                "Reconciles by result",
                "controller_runtime_reconcile_total",
                "ops",
                &[(
                    "sum by (controller, result) (rate(controller_runtime_reconcile_total{$select}[$__rate_interval]))",
                    "{{controller}} {{result}}",
                )],
            ),
            (
                "Failures by category",
                "awslbc_controller_reconcile_errors_total",
                "ops",
                &[(
                    "sum by (controller, error_category) (rate(awslbc_controller_reconcile_errors_total{$select}[$__rate_interval]))",
                    "{{controller}} {{error_category}}",
                )],
            ),
            (
                "Time of a reconcile, 95 %",
                "controller_runtime_reconcile_time_seconds",
                "s",
                &[(
                    "histogram_quantile(0.95, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket{$select}[$__rate_interval])))",
                    "{{controller}}",
                )],
            ),
            (
                "Keys that wait",
                "workqueue_depth",
                "short",
                &[("sum by (controller) (workqueue_depth{$select})", "{{controller}}")],
            ),
            (
                "Age of the oldest key",
                "awslbc_queue_age_seconds",
                "s",
                &[("max by (controller) (awslbc_queue_age_seconds{$select})", "{{controller}}")],
            ),
            (
                "Leader",
                "leader_election_master_status",
                "short",
                &[("max by (pod) (leader_election_master_status{$select})", "{{pod}}")],
            ),
        ],
    ),
    (
        "AWS",
        &[
            (
                "Calls by operation",
                "aws_api_calls_total",
                "ops",
                &[(
                    "sum by (service, operation) (rate(aws_api_calls_total{$select}[$__rate_interval]))",
                    "{{service}} {{operation}}",
                )],
            ),
            (
                "Time of a call, 95 %",
                "aws_api_call_duration_seconds",
                "s",
                &[(
                    "histogram_quantile(0.95, sum by (le, service) (rate(aws_api_call_duration_seconds_bucket{$select}[$__rate_interval])))",
                    "{{service}}",
                )],
            ),
            (
                "Throttled calls",
                "aws_api_call_throttled_errors_total",
                "ops",
                &[(
                    "sum by (service, operation) (rate(aws_api_call_throttled_errors_total{$select}[$__rate_interval]))",
                    "{{service}} {{operation}}",
                )],
            ),
            (
                "Calls without permission",
                "aws_api_call_permission_errors_total",
                "ops",
                &[(
                    "sum by (service, operation) (rate(aws_api_call_permission_errors_total{$select}[$__rate_interval]))",
                    "{{service}} {{operation}}",
                )],
            ),
            (
                "Calls at a quota",
                "aws_api_call_service_limit_exceeded_errors_total",
                "ops",
                &[(
                    "sum by (service, operation) (rate(aws_api_call_service_limit_exceeded_errors_total{$select}[$__rate_interval]))",
                    "{{service}} {{operation}}",
                )],
            ),
            (
                "Calls that the rate limit lets through",
                "awslbc_aws_tokens",
                "short",
                &[(
                    "min by (service, operations) (awslbc_aws_tokens{$select})",
                    "{{service}} {{operations}}",
                )],
            ),
        ],
    ),
    (
        "Admission",
        &[
            (
                "Requests by status",
                "controller_runtime_webhook_requests_total",
                "reqps",
                &[(
                    "sum by (webhook, code) (rate(controller_runtime_webhook_requests_total{$select}[$__rate_interval]))",
                    "{{webhook}} {{code}}",
                )],
            ),
            (
                "Time of a request, 95 %",
                "controller_runtime_webhook_latency_seconds",
                "s",
                &[(
                    "histogram_quantile(0.95, sum by (le, webhook) (rate(controller_runtime_webhook_latency_seconds_bucket{$select}[$__rate_interval])))",
                    "{{webhook}}",
                )],
            ),
            (
                "Refusals",
                "awslbc_webhook_validation_failure_total",
                "ops",
                &[(
                    "sum by (webhook_name, error_category) (rate(awslbc_webhook_validation_failure_total{$select}[$__rate_interval]))",
                    "{{webhook_name}} {{error_category}}",
                )],
            ),
            (
                "The certificate is valid for",
                "awslbc_webhook_certificate_expiry_timestamp_seconds",
                "s",
                &[("min(awslbc_webhook_certificate_expiry_timestamp_seconds{$select}) - time()", "valid")],
            ),
        ],
    ),
];

/// Panels side by side, and their width and height in the grid of 24 columns.
const COLUMNS: usize = 3;
const WIDTH: usize = 8;
const HEIGHT: usize = 8;

/// Labels that Prometheus gives to series.
const OF_PROMETHEUS: &[&str] = &["le", "pod", "job", "cluster"];

fn row_of(metric: &str) -> Option<&'static MetricRow> {
    let bare = metric.strip_suffix("_total").unwrap_or(metric);
    let bare = bare.strip_suffix("_bucket").unwrap_or(bare);
    ROWS.iter().find(|row| row.name == bare || row.name == metric)
}

fn panels() -> Vec<Value> {
    let mut panels = Vec::new();
    let (mut id, mut y) = (0, 0);
    for (section, of_section) in SECTIONS {
        id += 1;
        panels.push(json!({
            "id": id, "type": "row", "title": section, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        y += 1;
        for (number, (title, metric, unit, queries)) in of_section.iter().enumerate() {
            id += 1;
            panels.push(panel(
                id,
                (number % COLUMNS * WIDTH, y + number / COLUMNS * HEIGHT),
                title,
                metric,
                unit,
                queries,
            ));
        }
        y += of_section.len().div_ceil(COLUMNS) * HEIGHT;
    }
    panels
}

fn panel(
    id: usize,
    (x, y): (usize, usize),
    title: &str,
    metric: &str,
    unit: &str,
    queries: &[(&str, &str)],
) -> Value {
    let help = row_of(metric).unwrap_or_else(|| panic!("{metric} is no metric")).help;
    let targets = queries.iter().zip('A'..).map(|((query, legend), letter)| {
        json!({
            "refId": letter.to_string(), "legendFormat": legend,
            "expr": query.replace("$select", "job=~\"$job\",cluster=~\"$cluster\""),
        })
    });
    json!({
        "id": id, "type": "timeseries", "title": title, "description": format!("{help}."),
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets.collect::<Vec<_>>(),
    })
}

fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name, "type": "query", "label": name, "query": query, "refresh": 2, "sort": 1,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "multi": true, "includeAll": true, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    })
}

fn dashboard() -> Value {
    json!({
        "uid": "aws-load-balancer-controller",
        "title": "AWS Load Balancer Controller",
        "tags": ["aws", "kubernetes"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "label": "datasource", "query": "prometheus"},
            variable("cluster", "label_values(awslbc_object_state, cluster)"),
            variable("job", "label_values(awslbc_object_state{cluster=~\"$cluster\"}, job)"),
        ]},
        "panels": panels(),
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).filter(|word| !word.is_empty())
}

#[test]
fn the_dashboard_is_the_one_that_the_table_of_metrics_makes() {
    super::compare(&chart().join("files/dashboard.json"), &format!("{:#}\n", dashboard()));
}

#[test]
fn every_query_is_about_metrics_and_labels_that_exist() {
    for (_, panels) in SECTIONS {
        for (title, metric, _, queries) in *panels {
            for (query, legend) in *queries {
                let named: BTreeSet<&str> = words(query).filter(|word| row_of(word).is_some()).collect();
                assert!(named.iter().any(|name| row_of(name) == row_of(metric)), "{title}: {query}");
                let is_histogram = row_of(metric).unwrap().kind == "histogram";
                assert_eq!(
                    query.contains("_bucket{"),
                    is_histogram,
                    "{title}: a histogram is asked by its buckets"
                );
                let labels: BTreeSet<&str> =
                    named.iter().flat_map(|name| row_of(name).unwrap().labels.iter().copied()).collect();
                let grouped =
                    query.split("by (").skip(1).flat_map(|rest| words(rest.split(')').next().unwrap()));
                let shown = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
                for label in grouped.chain(shown) {
                    assert!(labels.contains(label) || OF_PROMETHEUS.contains(&label), "{title}: {label}");
                }
            }
        }
    }
}

#[test]
fn a_query_has_as_many_brackets_that_open_as_close() {
    for (title, .., queries) in SECTIONS.iter().flat_map(|(_, panels)| *panels) {
        for (query, _) in *queries {
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                assert_eq!(query.matches(open).count(), query.matches(close).count(), "{title}");
            }
        }
    }
}
