#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::inputs::group::ingress_ref;
use serde_json::{Value, json};

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
