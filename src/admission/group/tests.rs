#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::validate::{KnownClass, check_ingress};
use serde_json::{Value, json};

const CERTIFICATE: &str =
    "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";

fn ingress(name: &str, annotations: &[(&str, &str)]) -> Arc<Ingress> {
    let annotations: serde_json::Map<String, Value> = annotations
        .iter()
        .map(|(suffix, value)| (format!("alb.ingress.kubernetes.io/{suffix}"), json!(value)))
        .collect();
    let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}});
    let host = format!("{name}.example.com");
    let object = json!({
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"ingressClassName": "shared", "rules": [{"host": host, "http": {"paths": [path]}}]},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn class() -> Arc<IngressClassParams> {
    let spec = json!({"sslRedirectPort": "443", "group": {"name": "shared"}});
    Arc::new(serde_json::from_value(json!({"metadata": {"name": "shared"}, "spec": spec})).unwrap())
}

fn base() -> Arc<Ingress> {
    let ports = r#"[{"HTTP": 80}, {"HTTPS": 443}]"#;
    ingress("base", &[("listen-ports", ports), ("certificate-arn", CERTIFICATE)])
}

fn alone(ingress: &Ingress) -> Vec<Finding> {
    check_ingress(&Config::default(), ingress, &KnownClass::Params(class()), None)
}

fn errors(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(ToString::to_string).collect()
}

fn built(members: &[Arc<Ingress>]) -> BTreeMap<ObjectKey, Vec<Finding>> {
    let members: Vec<Classified> = members.iter().map(|member| (member.clone(), Some(class()))).collect();
    together(&members, &Config::default(), &Arc::default())
}

#[test]
fn what_another_member_may_bring_refuses_no_member_of_a_group_of_a_class() {
    let found = alone(&ingress("app", &[]));
    assert_eq!(errors(&found), Vec::<String>::new());
    let told: Vec<_> = found.iter().filter(|finding| finding.message.ends_with(LEFT_TO_GROUP)).collect();
    assert_eq!(told.len(), 1, "{found:?}");
    assert!(told[0].message.contains("there is no listener on port 443"), "{found:?}");
}

#[test]
fn the_redirect_of_a_class_hides_no_other_mistake() {
    let found = alone(&ingress("app", &[("scheme", "public"), ("tags", "aws:a=b")]));
    assert_eq!(errors(&found).len(), 2, "{found:?}");
}

#[test]
fn members_that_are_known_are_built_together() {
    let app = ingress("app", &[]);
    let found = built(&[base(), app.clone()]);
    assert_eq!(resolve(alone(&app), &found[&ObjectKey::of(app.as_ref())]), []);
}

#[test]
fn members_that_contradict_each_other_are_told() {
    let app = ingress("app", &[("scheme", "internet-facing")]);
    let internal = ingress("first", &[("scheme", "internal"), ("group.order", "-1")]);
    let found = built(&[base(), app.clone(), internal]);
    let resolved = resolve(alone(&app), &found[&ObjectKey::of(app.as_ref())]);
    assert!(errors(&resolved)[0].contains("conflicts with internal of Ingress shop/first"), "{resolved:?}");
}

#[test]
fn what_no_known_member_brings_may_be_brought_by_one_that_is_not_known() {
    let (app, other) = (ingress("app", &[]), ingress("other", &[]));
    let found = built(&[app.clone(), other]);
    let resolved = resolve(alone(&app), &found[&ObjectKey::of(app.as_ref())]);
    assert_eq!(errors(&resolved), Vec::<String>::new());
    assert!(resolved.iter().any(|finding| finding.message.ends_with(LEFT_TO_GROUP)), "{resolved:?}");
}
