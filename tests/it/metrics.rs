//! The names and labels of metrics, which other people's dashboards and alerts are written for.

use std::collections::BTreeMap;

use aws_load_balancer_controller::finding::Part;
use aws_load_balancer_controller::metrics::ROWS;
use strum::VariantArray as _;

const CALL: &[&str] = &["service", "operation", "status_code", "error_code"];
const OPERATION: &[&str] = &["service", "operation"];
const QUEUE: &[&str] = &["name", "controller"];

/// Metrics of the Go controller, of its framework and of its client, with their labels.
const UPSTREAM: &[(&str, &str, &[&str])] = &[
    ("aws_api_calls_total", "counter", CALL),
    ("aws_api_call_duration_seconds", "histogram", OPERATION),
    ("aws_api_call_retries", "histogram", OPERATION),
    ("aws_api_requests_total", "counter", CALL),
    ("aws_api_request_duration_seconds", "histogram", OPERATION),
    ("aws_api_call_permission_errors_total", "counter", CALL),
    ("aws_api_call_service_limit_exceeded_errors_total", "counter", CALL),
    ("aws_api_call_throttled_errors_total", "counter", CALL),
    ("aws_api_call_validation_errors_total", "counter", CALL),
    ("aws_target_group_info", "gauge", &["namespace", "service", "target_group"]),
    ("awslbc_readiness_gate_ready_seconds", "histogram", &["namespace", "name"]),
    ("awslbc_controller_reconcile_errors_total", "counter", &["controller", "error_category"]),
    ("awslbc_controller_reconcile_stage_duration", "histogram", &["controller", "reconcile_stage"]),
    ("awslbc_webhook_validation_failure_total", "counter", &["webhook_name", "error_category"]),
    ("awslbc_webhook_mutation_failure_total", "counter", &["webhook_name", "error_category"]),
    ("awslbc_controller_cache_object_total", "gauge", &["resource"]),
    ("awslbc_controller_top_talkers", "gauge", &["controller", "namespace", "name"]),
    ("controller_runtime_reconcile_total", "counter", &["controller", "result"]),
    ("controller_runtime_reconcile_errors_total", "counter", &["controller"]),
    ("controller_runtime_reconcile_time_seconds", "histogram", &["controller"]),
    ("controller_runtime_max_concurrent_reconciles", "gauge", &["controller"]),
    ("controller_runtime_active_workers", "gauge", &["controller"]),
    ("controller_runtime_webhook_requests_total", "counter", &["webhook", "code"]),
    ("controller_runtime_webhook_latency_seconds", "histogram", &["webhook"]),
    ("controller_runtime_webhook_requests_in_flight", "gauge", &["webhook"]),
    ("workqueue_depth", "gauge", QUEUE),
    ("workqueue_adds_total", "counter", QUEUE),
    ("workqueue_retries_total", "counter", QUEUE),
    ("workqueue_queue_duration_seconds", "histogram", QUEUE),
    ("workqueue_work_duration_seconds", "histogram", QUEUE),
    ("workqueue_unfinished_work_seconds", "level", QUEUE),
    ("workqueue_longest_running_processor_seconds", "level", QUEUE),
    ("leader_election_master_status", "gauge", &["name"]),
    ("rest_client_requests_total", "counter", &["code", "host", "method"]),
];

/// Metrics that only this controller has.
const OURS: &[(&str, &str, &[&str])] = &[
    ("awslbc_quic_target_missing_server_id_total", "counter", &["namespace", "name"]),
    ("awslbc_object_state", "gauge", &["controller", "namespace", "name", "state"]),
    ("awslbc_object_last_success_age_seconds", "level", &["controller", "namespace", "name"]),
    ("awslbc_queue_age_seconds", "level", &["lane"]),
    ("awslbc_aws_tokens", "level", &["service", "operations"]),
    ("awslbc_targets", "gauge", &["namespace", "name", "target_group", "state"]),
    ("awslbc_orphans", "gauge", &["resource"]),
];

#[test]
fn metrics_are_called_as_dashboards_call_them() {
    let exposed: BTreeMap<String, _> = ROWS
        .iter()
        .map(|row| {
            let suffix = if row.kind == "counter" { "_total" } else { "" };
            (format!("{}{suffix}", row.name), (row.kind, row.labels))
        })
        .collect();
    let expected: BTreeMap<String, _> = UPSTREAM
        .iter()
        .chain(OURS)
        .map(|(name, kind, labels)| ((*name).to_owned(), (*kind, *labels)))
        .collect();
    assert_eq!(exposed, expected);
}

#[test]
fn failures_of_builds_are_called_as_dashboards_call_them() {
    let labels: Vec<_> = Part::VARIANTS.iter().map(|part| part.label()).collect();
    let of_services = [
        "build_load_balancer_scheme_error",
        "build_load_balancer_ip_address_type_error",
        "build_load_balancer_subnets_error",
        "build_load_balancer_error",
        "build_listeners_error",
    ];
    let of_ingresses = [
        "build_certificate_error",
        "build_ssl_redirct_config_error",
        "build_listener_error",
        "build_listener_rule_error",
        "build_load_balancer_addons",
        "build_frontend_nlb",
    ];
    assert_eq!(labels, [&of_services[..], &of_ingresses[..]].concat());
}
