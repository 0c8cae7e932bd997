#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use std::sync::Arc;

const MAX: Duration = Duration::from_secs(30);

fn pod(annotations: &Value, spec: &Value) -> Value {
    json!({"metadata": {"annotations": annotations, "labels": {"app": "web"}}, "spec": spec})
}

fn plain() -> Value {
    pod(
        &json!({}),
        &json!({"containers": [{"name": "web"}, {"name": "log", "lifecycle": {"postStart": {}}}]}),
    )
}

fn selecting(name: &str, target_type: &str, protocol: Option<&str>, policy: &str) -> SelectingBinding {
    let binding = json!({
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "targetType": target_type, "targetGroupProtocol": protocol, "targetGroupARN": format!("arn:{name}"),
            "serviceRef": {"name": "web", "port": 80},
        },
    });
    let service = json!({"metadata": {"name": "web"}, "spec": {"externalTrafficPolicy": policy}});
    SelectingBinding {
        binding: Arc::new(serde_json::from_value(binding).unwrap()),
        service: Arc::new(serde_json::from_value(service).unwrap()),
    }
}

fn delay(arn: &str) -> Option<Duration> {
    match arn {
        "arn:short" => Some(Duration::from_secs(10)),
        "arn:none" => Some(Duration::ZERO),
        "arn:unknown" => None,
        _ => Some(Duration::from_mins(5)),
    }
}

fn seconds(pod: &Value, bindings: &[SelectingBinding]) -> Option<u64> {
    inject(pod, bindings, delay, MAX).object?["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64()
}

#[test]
fn a_pod_sleeps_until_the_slowest_of_its_load_balancers_knows_that_it_leaves() {
    let alb = |name| selecting(name, "ip", Some("HTTP"), "Cluster");
    let nlb = |name| selecting(name, "ip", Some("TCP"), "Cluster");
    let cases: &[(&str, &[SelectingBinding], Option<u64>)] = &[
        ("no binding", &[], None),
        ("an ALB, of a long delay at most 30 s", &[alb("web")], Some(45)),
        ("an ALB with a short delay", &[alb("short")], Some(25)),
        ("an ALB without a delay", &[alb("none")], Some(15)),
        ("a delay that AWS does not tell counts as the default", &[alb("unknown")], Some(45)),
        ("an NLB", &[nlb("short")], Some(130)),
        (
            "a protocol that is not known yet counts as that of an NLB",
            &[selecting("short", "ip", None, "Cluster")],
            Some(130),
        ),
        ("the longest of all", &[alb("web"), nlb("none"), alb("short")], Some(120)),
        ("nodes as targets", &[selecting("web", "instance", Some("TCP"), "Cluster")], Some(5)),
        (
            "nodes that serve their own pods only",
            &[selecting("web", "instance", Some("TCP"), "Local")],
            Some(30),
        ),
    ];
    for (what, bindings, expected) in cases {
        assert_eq!(seconds(&plain(), bindings), *expected, "{what}");
    }
}

#[test]
fn containers_without_a_hook_sleep_and_the_pod_is_told_why() {
    let containers = json!([
        {"name": "web"},
        {"name": "own", "lifecycle": {"preStop": {"exec": {"command": ["stop"]}}}},
        {"name": "started", "lifecycle": {"postStart": {"exec": {"command": ["start"]}}, "preStop": null}},
    ]);
    let given =
        pod(&json!({"a": "b"}), &json!({"containers": containers, "terminationGracePeriodSeconds": 60}));
    let drained =
        inject(&given, &[selecting("web", "ip", Some("HTTP"), "Cluster")], delay, MAX).object.unwrap();
    let hooks = [0, 1, 2].map(|number| drained["spec"]["containers"][number]["lifecycle"]["preStop"].clone());
    let sleep = json!({"sleep": {"seconds": 45}});
    assert_eq!(hooks, [sleep.clone(), json!({"exec": {"command": ["stop"]}}), sleep]);
    assert!(drained["spec"]["containers"][2]["lifecycle"]["postStart"].is_object());
    assert_eq!(drained["spec"]["terminationGracePeriodSeconds"], 105);
    assert_eq!(drained["metadata"]["annotations"]["a"], "b");
    let told = drained["metadata"]["annotations"]["elbv2.k8s.aws/pod-drain"].as_str().unwrap();
    for part in ["sleeps 45 s", "TargetGroupBinding web", "15 s until the ALB", "300 s", "at most 30 s"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_pod_that_may_take_for_ever_to_end_can_still_be_created() {
    let given =
        pod(&json!({}), &json!({"containers": [{"name": "web"}], "terminationGracePeriodSeconds": i64::MAX}));
    let drained =
        inject(&given, &[selecting("web", "ip", Some("HTTP"), "Cluster")], delay, MAX).object.unwrap();
    assert_eq!(drained["spec"]["terminationGracePeriodSeconds"].as_i64(), Some(i64::MAX));
}

#[test]
fn a_pod_may_say_how_long_it_sleeps() {
    let bindings = [selecting("web", "ip", Some("HTTP"), "Cluster")];
    let cases =
        [("90", Some(90), false), ("0", None, false), ("90s", Some(45), true), ("3601", Some(45), true)];
    for (text, expected, is_warned) in cases {
        let mut given = plain();
        given["metadata"]["annotations"] = json!({"elbv2.k8s.aws/pod-drain-seconds": text});
        assert_eq!(seconds(&given, &bindings), expected, "{text}");
        let warnings = inject(&given, &bindings, delay, MAX).warnings;
        assert_eq!(warnings.iter().any(|warning| warning.contains(text)), is_warned, "{text}: {warnings:?}");
    }
}

#[test]
fn pods_that_others_wait_for_and_pods_that_do_not_ask_are_left_alone() {
    let owned = |kind: &str, on_host: bool| {
        let mut pod = plain();
        pod["metadata"]["ownerReferences"] = json!([{"kind": kind, "name": "owner"}]);
        pod["spec"]["hostNetwork"] = on_host.into();
        pod
    };
    let annotated = |value: &str| pod(&json!({"elbv2.k8s.aws/pod-drain-inject": value}), &plain()["spec"]);
    let hooked =
        json!({"containers": [{"name": "web", "lifecycle": {"preStop": {"exec": {"command": ["stop"]}}}}]});
    let cases = [
        ("plain, with a label", plain(), "enabled", true),
        ("plain, without", plain(), "", false),
        ("plain, with another label", plain(), "true", false),
        ("an annotation", annotated("enabled"), "", true),
        ("an annotation against the label", annotated("disabled"), "enabled", false),
        ("of a ReplicaSet", owned("ReplicaSet", false), "enabled", true),
        ("of a Job", owned("Job", false), "enabled", false),
        ("of a DaemonSet", owned("DaemonSet", false), "enabled", true),
        ("of a DaemonSet on the host's network", owned("DaemonSet", true), "enabled", false),
        ("nothing but own hooks", pod(&json!({}), &hooked), "enabled", false),
        ("no containers", json!({}), "enabled", false),
    ];
    for (what, pod, label, expected) in cases {
        let label = |key: &str| {
            (key == "elbv2.k8s.aws/pod-drain-inject" && !label.is_empty()).then(|| label.to_owned())
        };
        assert_eq!(is_wanted(AdmissionOperation::Create, &pod, label), expected, "{what}");
        assert!(!is_wanted(AdmissionOperation::Update, &pod, label), "{what}");
    }
}
