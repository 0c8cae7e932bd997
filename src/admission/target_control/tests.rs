#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn settings() -> AlbTargetControlConfigSpec {
    AlbTargetControlConfigSpec {
        image: "agent:1".into(),
        data_address: "0.0.0.0:80".into(),
        control_address: "0.0.0.0:3000".into(),
        destination_address: "127.0.0.1:8080".into(),
        max_concurrency: Some(7),
        ..AlbTargetControlConfigSpec::default()
    }
}

fn pod(annotations: &Value, labels: &Value) -> Value {
    json!({"metadata": {"annotations": annotations, "labels": labels}, "spec": {"containers": [{"name": "app"}]}})
}

fn refusal(suffix: &str, value: &str) -> String {
    let pod = pod(&json!({format!("{ANNOTATION_PREFIX}{suffix}"): value}), &json!({}));
    inject_agent(&pod, &settings()).unwrap_err().message
}

#[test]
fn labels_of_pod_and_namespace_decide() {
    let label = "elbv2.k8s.aws/alb-target-control-agent-inject";
    let cases = [
        (json!({}), Some("enabled"), true),
        (json!({}), Some("other"), false),
        (json!({}), None, false),
        (json!({label: "true"}), None, true),
        (json!({label: "false"}), Some("enabled"), false),
        (json!({label: "maybe"}), Some("enabled"), true),
        (json!({label: "maybe"}), None, false),
    ];
    for (labels, of_namespace, expected) in cases {
        let pod = pod(&json!({}), &labels);
        let wanted = |operation| is_wanted(operation, &pod, |_| of_namespace.map(str::to_owned));
        assert_eq!(wanted(AdmissionOperation::Create), expected, "{pod} {of_namespace:?}");
        assert!(!wanted(AdmissionOperation::Update));
    }
    let with_agent =
        json!({"metadata": {"labels": {label: "true"}}, "spec": {"containers": [{"name": CONTAINER}]}});
    assert!(!is_wanted(AdmissionOperation::Create, &with_agent, |_| None));
}

#[test]
fn the_agent_comes_last_with_its_settings_in_order() {
    let annotations = json!({
        format!("{ANNOTATION_PREFIX}max-concurrency"): "0",
        format!("{ANNOTATION_PREFIX}data-address"): "[::]:8443",
        format!("{ANNOTATION_PREFIX}rust-log"): "debug",
        format!("{ANNOTATION_PREFIX}cpu-request"): "100m",
        format!("{ANNOTATION_PREFIX}memory-limit"): "lots",
    });
    let injected = inject_agent(&pod(&annotations, &json!({})), &settings()).unwrap().object.unwrap();
    let containers = injected["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    let expected = json!({
        "name": "alb-target-control-agent",
        "image": "agent:1",
        "env": [
            {"name": "TARGET_CONTROL_DATA_ADDRESS", "value": "[::]:8443"},
            {"name": "TARGET_CONTROL_CONTROL_ADDRESS", "value": "0.0.0.0:3000"},
            {"name": "TARGET_CONTROL_DESTINATION_ADDRESS", "value": "127.0.0.1:8080"},
            {"name": "TARGET_CONTROL_MAX_CONCURRENCY", "value": "0"},
            {"name": "RUST_LOG", "value": "debug"}
        ],
        "ports": [
            {"name": "data", "containerPort": 8443, "protocol": "TCP"},
            {"name": "control", "containerPort": 3000, "protocol": "TCP"}
        ],
        "resources": {"requests": {"cpu": "100m"}}
    });
    assert_eq!(containers[1], expected);
    assert_eq!(
        injected["metadata"]["annotations"]["elbv2.k8s.aws/alb-target-control-agent-injected"],
        "true"
    );
}

#[test]
fn bad_overrides_refuse_the_pod() {
    let cases = [
        ("max-concurrency", "1001", "invalid concurrency value: 1001 (must be 0-1000)"),
        (
            "data-address",
            "localhost:80",
            "invalid data address format: localhost:80 (expected host:port format, e.g., 0.0.0.0:80)",
        ),
        (
            "control-address",
            "::1:80",
            "invalid control address format: ::1:80 (expected host:port format, e.g., 0.0.0.0:3000)",
        ),
        (
            "destination-address",
            "127.0.0.1",
            "invalid destination address format: 127.0.0.1 (expected host:port format, e.g., 127.0.0.1:8080)",
        ),
        ("protocol-version", "http1", "invalid protocol version: http1 (must be HTTP1, HTTP2, or GRPC)"),
        ("rust-log", "trace", "invalid rust log level: trace (must be debug, info, or error)"),
    ];
    for (suffix, value, expected) in cases {
        assert_eq!(refusal(suffix, value), expected);
    }
}

#[test]
fn quantities_are_told_from_other_texts() {
    for good in ["1", "100m", "1.5", ".5", "5.", "1Gi", "1e3", "1E-3", "-1k", "+2"] {
        assert!(is_quantity(good), "{good}");
    }
    for bad in ["", ".", "1.2.3", "Gi", "1gi", "1 Gi", "e3", "1e", "many"] {
        assert!(!is_quantity(bad), "{bad}");
    }
}
