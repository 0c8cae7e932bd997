#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use std::collections::BTreeSet;

fn outcome(status: u16, error_code: &str) -> CallOutcome {
    CallOutcome {
        service: "EC2".to_owned(),
        operation: "CreateTags".to_owned(),
        status,
        error_code: error_code.to_owned(),
        took: Duration::from_millis(30),
        retries: 2,
    }
}

/// The samples whose line starts like this, without bucket lines.
fn samples(metrics: &Metrics, start: &str) -> Vec<String> {
    metrics
        .render()
        .lines()
        .filter(|line| line.starts_with(start) && !line.contains("_bucket"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn calls_and_attempts_are_counted_with_upstreams_names_and_labels() {
    let metrics = Metrics::new();
    metrics.attempt(&outcome(200, ""));
    metrics.call(&outcome(200, ""));
    metrics.duration(Action::CreateTags, Duration::from_secs(2));
    let labels = r#"service="EC2",operation="CreateTags""#;
    let expected = [
        format!("aws_api_calls_total{{{labels},status_code=\"200\",error_code=\"\"}} 1"),
        format!("aws_api_call_duration_seconds_sum{{{labels}}} 2.0"),
        format!("aws_api_call_duration_seconds_count{{{labels}}} 1"),
        format!("aws_api_call_retries_sum{{{labels}}} 2.0"),
        format!("aws_api_call_retries_count{{{labels}}} 1"),
        format!("aws_api_requests_total{{{labels},status_code=\"200\",error_code=\"\"}} 1"),
        format!("aws_api_request_duration_seconds_sum{{{labels}}} 0.03"),
        format!("aws_api_request_duration_seconds_count{{{labels}}} 1"),
    ];
    assert_eq!(samples(&metrics, "aws_api_"), expected);
}

#[test]
fn an_error_is_of_one_class_at_most() {
    let cases = [
        (outcome(403, "UnauthorizedOperation"), Some("aws_api_call_permission_errors_total")),
        (outcome(400, "AccessDeniedException"), Some("aws_api_call_permission_errors_total")),
        (outcome(400, "TargetGroupLimitExceeded"), Some("aws_api_call_service_limit_exceeded_errors_total")),
        (outcome(503, "RequestLimitExceeded"), Some("aws_api_call_throttled_errors_total")),
        (outcome(400, "Throttling"), Some("aws_api_call_throttled_errors_total")),
        (outcome(400, "ValidationError"), Some("aws_api_call_validation_errors_total")),
        (outcome(400, "DuplicateListener"), None),
        (outcome(200, ""), None),
    ];
    for (outcome, expected) in cases {
        let metrics = Metrics::new();
        metrics.call(&outcome);
        let classes: Vec<_> = samples(&metrics, "aws_api_call_")
            .into_iter()
            .filter(|line| line.contains("errors_total"))
            .map(|line| line.split('{').next().unwrap().to_owned())
            .collect();
        assert_eq!(classes, expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{outcome:?}");
    }
}

#[test]
fn a_target_group_is_known_by_what_follows_the_last_colon() {
    let metrics = Metrics::new();
    let arn =
        "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/k8s-a-b-0123456789/0123456789abcdef";
    metrics.set_target_group("default", "web", arn);
    let expected = "aws_target_group_info{namespace=\"default\",service=\"web\",\
                    target_group=\"targetgroup/k8s-a-b-0123456789/0123456789abcdef\"} 1";
    assert_eq!(samples(&metrics, "aws_target_group_info"), [expected]);
    metrics.remove_target_group("default", "web", arn);
    assert!(samples(&metrics, "aws_target_group_info").is_empty());
}

#[test]
fn controllers_have_stages_and_errors() {
    let metrics = Metrics::new();
    metrics.observe_stage("ingress", "build_model", Duration::from_millis(20));
    metrics.count_error("ingress", "build_model_error");
    assert_eq!(
        samples(&metrics, "awslbc_"),
        [
            "awslbc_controller_reconcile_errors_total{controller=\"ingress\",error_category=\"build_model_error\"} 1",
            "awslbc_controller_reconcile_stage_duration_sum{controller=\"ingress\",reconcile_stage=\"build_model\"} 0.02",
            "awslbc_controller_reconcile_stage_duration_count{controller=\"ingress\",reconcile_stage=\"build_model\"} 1",
        ]
    );
}

#[test]
fn names_are_unique_and_counters_leave_their_suffix_to_the_format() {
    let unique: BTreeSet<_> = NAMES.iter().collect();
    assert_eq!(unique.len(), NAMES.len());
    let gauges_that_end_like_counters = ["awslbc_controller_cache_object_total"];
    for name in NAMES {
        assert!(!name.ends_with("_total") || gauges_that_end_like_counters.contains(name), "{name}");
    }
}

#[test]
fn the_process_tells_what_it_uses() {
    let metrics = Metrics::new();
    let value = |name: &str| -> f64 {
        let samples = samples(&metrics, name);
        assert_eq!(samples.len(), 1, "{samples:?}");
        samples[0].rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_virtual_memory_max_bytes") >= value("process_virtual_memory_bytes"));
    assert!(value("process_network_receive_bytes_total") >= 0.0);
    assert!(value("process_network_transmit_bytes_total") >= 0.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    #[allow(clippy::cast_precision_loss)]
    let age = crate::clock::now().as_second() as f64 - value("process_start_time_seconds");
    assert!((-2.0..86400.0).contains(&age), "{age}");
}
