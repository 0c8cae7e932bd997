#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::facts::object_refs::ingress_ref;
use serde_json::{Value, json};

type Pairs<'p> = &'p [(&'p str, &'p str)];

fn ingress(annotations: &[(&str, &str)], hosts: &Value) -> Ingress {
    let annotations: BTreeMap<String, &str> =
        annotations.iter().map(|(suffix, value)| (format!("{ALB_PREFIX}/{suffix}"), *value)).collect();
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"rules": [{"http": {"paths": [path]}}], "tls": [{"hosts": hosts}]}
    }))
    .unwrap()
}

fn told(ingress: &Ingress, is_alone: bool) -> Vec<String> {
    let findings = of_ingress(&ingress_ref(ingress), ingress, None, is_alone, &Config::default());
    findings.iter().map(|finding| format!("{:?} {}", finding.severity, finding.message)).collect()
}

#[test]
fn https_needs_a_certificate_or_a_host() {
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let arn = ("certificate-arn", "arn:aws:acm:us-west-2:123456789012:certificate/x");
    assert!(told(&ingress(&[https], &json!([])), true)[0].starts_with("Error asks for HTTPS"));
    assert!(told(&ingress(&[https], &json!([])), false)[0].starts_with("Warning asks for HTTPS"));
    assert_eq!(told(&ingress(&[https], &json!(["a.example.com"])), true), [""; 0]);
    assert_eq!(told(&ingress(&[https, arn], &json!([])), true), [""; 0]);
}

#[test]
fn the_weaker_of_two_settings_is_told_to_have_no_effect() {
    let cases: [&[(&str, &str)]; 2] = [
        &[("security-groups", "web"), ("inbound-cidrs", "10.0.0.0/8")],
        &[("wafv2-acl-arn", "none"), ("wafv2-acl-name", "shop")],
    ];
    for annotations in cases {
        let told = told(&ingress(annotations, &json!([])), true);
        assert!(told.len() == 1 && told[0].contains("has no effect beside"), "{annotations:?}: {told:?}");
    }
}

#[test]
fn names_that_no_backend_has_are_found() {
    let object =
        ingress(&[("conditions.web", "[]"), ("transforms.wbe", "[]"), ("actions.web", "{}")], &json!([]));
    let unused = unused_keys(&object, true);
    let keys: Vec<&str> = unused.keys().map(|key| key.split_once('/').unwrap().1).collect();
    assert_eq!(keys, ["actions.web", "transforms.wbe"], "an action needs the port name use-annotation");
    assert!(unused.values().any(|problem| problem.contains("did you mean `web`?")));
}

/// What is said of an Ingress on its own with these annotations and this spec.
fn of_spec(annotations: &[(&str, &str)], spec: &Value) -> Vec<String> {
    let mut object = serde_json::to_value(ingress(annotations, &json!([]))).unwrap();
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    told(&serde_json::from_value(object).unwrap(), true)
}

#[test]
fn settings_of_listeners_that_there_are_not_are_doubted() {
    let https = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);
    let arn = ("certificate-arn", "arn:aws:acm:us-west-2:123456789012:certificate/x");
    let off = r#"[{"port": 443, "mode": "off"}]"#;
    let twice = r#"[{"port": 443, "mode": "off"}, {"port": 443, "mode": "passthrough"}]"#;
    let wrong: [(Pairs<'_>, &str); 9] = [
        (&[("listen-ports", "[{}]")], "names no port"),
        (&[("auth-type", "cognito")], "without an HTTPS listener"),
        (&[("jwt-validation", "{}")], "without an HTTPS listener"),
        (&[("backend-protocol-version", "GRPC")], "gRPC needs an HTTPS listener"),
        (&[("mutual-authentication", off)], "no HTTPS listener is on it"),
        (&[("mutual-authentication", twice), https, arn], "listed twice"),
        (&[("listener-attributes.http-80", "a.b=c")], "no listener \"http-80\", but HTTP-80"),
        (&[("listener-attributes.HTTP-81", "a.b=c")], "no listener \"HTTP-81\", but HTTP-80"),
        (&[("frontend-nlb-listener-port-mapping", "80=8080")], "leads to port 8080"),
    ];
    for (annotations, expected) in wrong {
        let told = of_spec(annotations, &json!({}));
        assert!(told.len() == 1 && told[0].contains(expected), "{annotations:?}: {told:?}");
    }
    let right: [Pairs<'_>; 5] = [
        &[("auth-type", "none")],
        &[("auth-type", "cognito"), https, arn],
        &[("mutual-authentication", off), arn],
        &[("listener-attributes.HTTPS-443", "a.b=c"), arn],
        &[("frontend-nlb-listener-port-mapping", "8080=80")],
    ];
    for annotations in right {
        assert_eq!(of_spec(annotations, &json!({})), [""; 0], "{annotations:?}");
    }
    let in_group = ingress(&[("auth-type", "cognito")], &json!([]));
    assert_eq!(told(&in_group, false), [""; 0], "another member may bring the listener");
}

#[test]
fn settings_of_backends_that_there_are_not_are_doubted() {
    let default =
        json!({"rules": [], "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}});
    assert!(of_spec(&[("conditions.web", "[]")], &default)[0].contains("on the default backend"));
    assert_eq!(of_spec(&[("conditions.web", "[]")], &json!({})), [""; 0]);
    let port = |name: &str| format!("target-control-port.{name}.80");
    assert!(of_spec(&[(&port("wbe"), "3000")], &json!({}))[0].contains("no backend refers to \"wbe\""));
    assert_eq!(of_spec(&[(&port("web"), "3000")], &json!({})), [""; 0]);
    let nodes = ("target-node-labels", "a=b");
    assert!(of_spec(&[nodes, ("target-type", "ip")], &json!({}))[0].contains("with target type ip"));
    assert_eq!(of_spec(&[nodes], &json!({})), [""; 0]);
}

#[test]
fn certificates_that_nobody_makes_and_ranges_that_nobody_comes_from_are_doubted() {
    assert!(of_spec(&[("create-acm-cert", "true")], &json!({}))[0].contains("management is off"));
    assert!(of_spec(&[("acm-pca-arn", "x")], &json!({}))[0].contains("without"));
    let range = ("inbound-cidrs", "10.0.0.0/8,2001:db8::/32");
    assert!(of_spec(&[range], &json!({}))[0].contains("2001:db8::/32"));
    assert_eq!(of_spec(&[range, ("ip-address-type", "dualstack")], &json!({})), [""; 0]);
}

#[test]
fn a_timeout_is_compared_with_the_usual_interval_too() {
    assert!(of_spec(&[("healthcheck-timeout-seconds", "15")], &json!({}))[0].contains("the interval of 15"));
    assert_eq!(of_spec(&[("healthcheck-timeout-seconds", "14")], &json!({})), [""; 0]);
}

#[test]
fn a_name_that_no_label_can_hold_is_refused_unless_a_group_names_the_stack() {
    let mut long = ingress(&[], &json!([]));
    long.metadata.name = Some("x".repeat(64));
    assert!(told(&long, true)[0].starts_with("Error the name has 64 characters"));
    assert_eq!(told(&long, false), [""; 0]);
}

fn of_a_service(annotations: &[(&str, &str)], spec: &Value) -> Vec<String> {
    let prefix = "service.beta.kubernetes.io/aws-load-balancer-";
    let annotations: BTreeMap<String, &str> =
        annotations.iter().map(|(suffix, value)| (format!("{prefix}{suffix}"), *value)).collect();
    let mut object = json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "http", "port": 80}]}
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    let service = serde_json::from_value(object).unwrap();
    let findings =
        of_service(&crate::facts::object_refs::service_ref(&service), &service, &Config::default());
    findings.iter().map(|finding| format!("{:?} {}", finding.severity, finding.message)).collect()
}

#[test]
fn what_a_service_asks_for_in_vain_is_doubted() {
    let ranges = json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]});
    let local = json!({"externalTrafficPolicy": "Local"});
    let wrong: [(Pairs<'_>, &Value, &str); 7] = [
        (&[("quic-enabled-ports", "h3")], &json!({}), "no such port"),
        (&[("proxy-protocol-per-target-group", "81")], &json!({}), "no such port"),
        (&[("security-groups", "web")], &ranges, "has no effect beside"),
        (&[("healthcheck-path", "/healthz")], &json!({}), "health checks speak TCP"),
        (&[("nlb-target-type", "ip"), ("target-node-labels", "a=b")], &json!({}), "target type ip"),
        (&[("healthcheck-protocol", "TCP")], &local, "may count as healthy"),
        (&[("healthcheck-timeout", "11")], &json!({}), "the interval of 10"),
    ];
    for (annotations, spec, expected) in wrong {
        let told = of_a_service(annotations, spec);
        assert!(told.len() == 1 && told[0].contains(expected), "{annotations:?}: {told:?}");
    }
    let right: [(Pairs<'_>, &Value); 6] = [
        // why: the ranges hold at the targets
        (&[("disable-nlb-sg", "true")], &ranges),
        (&[("healthcheck-path", "/healthz")], &local),
        (&[("quic-enabled-ports", "http")], &json!({})),
        (&[("proxy-protocol-per-target-group", "80")], &json!({})),
        (&[("nlb-target-type", "ip"), ("healthcheck-protocol", "tcp")], &local),
        (&[], &ranges),
    ];
    for (annotations, spec) in right {
        assert_eq!(of_a_service(annotations, spec), [""; 0], "{annotations:?}");
    }
}
