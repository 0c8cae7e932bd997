#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::AdmissionOperation;
use serde::Deserialize;
use serde_json::{Value, json};

/// A cluster with the classes `alb` (ours), `nginx`, and any further ones.
#[derive(Default)]
struct Cluster(Vec<Value>);

impl ClassSource for Cluster {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        let class = |name: &str, controller: &str| json!({"metadata": {"name": name}, "spec": {"controller": controller}});
        let known = [class("alb", "ingress.k8s.aws/alb"), class("nginx", "k8s.io/ingress-nginx")];
        known.iter().chain(&self.0).map(|class| Arc::new(IngressClass::deserialize(class).unwrap())).collect()
    }

    fn ingress_class_params(&self, _: &str) -> Option<Arc<IngressClassParams>> {
        None
    }
}

fn ingress(class: Option<&str>, annotations: &[(&str, &str)]) -> Value {
    let annotations: serde_json::Map<String, Value> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let mut object = json!({
        "metadata": {"name": "shop", "annotations": annotations},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    });
    if let Some(class) = class {
        object["spec"]["ingressClassName"] = json!(class);
    }
    object
}

fn check_with(config: &Config, object: &Value, old: Option<&Value>) -> Result<Admitted, Denial> {
    let operation = if old.is_some() { AdmissionOperation::Update } else { AdmissionOperation::Create };
    check(config, &Change { operation, namespace: "shop", object, old }, &Cluster::default())
}

fn refusal(config: &Config, object: &Value, old: Option<&Value>) -> &'static str {
    check_with(config, object, old).map_or_else(|denial| denial.check, |_| "admitted")
}

const CONDITIONS: &str = "alb.ingress.kubernetes.io/conditions.web";
const GROUP: &str = "alb.ingress.kubernetes.io/group.name";
const CLASS: &str = "kubernetes.io/ingress.class";

#[test]
fn a_class_must_exist_and_only_ours_is_looked_at_further() {
    let broken = [(CONDITIONS, "nope")];
    let cases = [
        (ingress(Some("alb"), &[]), "admitted"),
        (ingress(Some("alb"), &broken), "checkIngressAnnotationConditions"),
        (ingress(Some("nginx"), &broken), "admitted"),
        (ingress(Some("missing"), &[]), "checkIngressClass"),
        (ingress(None, &broken), "admitted"),
        (ingress(None, &[(CLASS, "alb"), broken[0]]), "checkIngressAnnotationConditions"),
        (ingress(None, &[(CLASS, "nginx"), broken[0]]), "admitted"),
        (ingress(Some("missing"), &[(CLASS, "alb")]), "checkIngressClassUsage"),
    ];
    for (object, expected) in cases {
        assert_eq!(refusal(&Config::default(), &object, None), expected, "{object}");
    }
}

#[test]
fn several_default_classes_refuse_an_ingress_without_a_class() {
    let default = |name: &str| {
        let annotations = json!({"ingressclass.kubernetes.io/is-default-class": "true"});
        json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"controller": "ingress.k8s.aws/alb"}})
    };
    let object = ingress(None, &[(CONDITIONS, "nope")]);
    let check = |classes: Vec<Value>| {
        let result = check(&Config::default(), &Change::create("shop", &object), &Cluster(classes));
        result.map_or_else(|denial| denial.check, |_| "admitted")
    };
    assert_eq!(check(vec![default("one")]), "checkIngressAnnotationConditions");
    assert_eq!(check(vec![default("one"), default("two")]), "checkIngressClass");
}

#[test]
fn disabled_annotations_may_stay_but_not_come() {
    let config = Config { disable_ingress_class_annotation: true, ..Config::default() };
    let by_annotation = ingress(None, &[(CLASS, "alb")]);
    let mut changed = by_annotation.clone();
    changed["spec"]["rules"] = json!([]);
    assert_eq!(refusal(&config, &by_annotation, None), "checkIngressClassAnnotationUsage");
    assert_eq!(refusal(&config, &changed, Some(&by_annotation)), "admitted");
    assert_eq!(
        refusal(&config, &by_annotation, Some(&ingress(Some("nginx"), &[]))),
        "checkIngressClassAnnotationUsage"
    );

    let config = Config { disable_ingress_group_name_annotation: true, ..Config::default() };
    let grouped = ingress(Some("alb"), &[(GROUP, "one")]);
    let mut changed = grouped.clone();
    changed["spec"]["rules"] = json!([]);
    assert_eq!(refusal(&config, &grouped, None), "checkGroupNameAnnotationUsage");
    assert_eq!(refusal(&config, &changed, Some(&grouped)), "admitted");
    assert_eq!(
        refusal(&config, &ingress(Some("alb"), &[(GROUP, "two")]), Some(&grouped)),
        "checkGroupNameAnnotationUsage"
    );
}

#[test]
fn conditions_that_cannot_be_used_are_refused_on_creation_and_update() {
    let cases = [
        ("nope", false),
        ("{}", false),
        ("[]", true),
        (r#"[{"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}}]"#, true),
        (r#"[{"field": "source-ip", "sourceIpConfig": {"values": []}}]"#, false),
        (r#"[{"field": "http-header", "hostHeaderConfig": {"values": ["a"]}}]"#, false),
        (
            r#"[{"field": "path-pattern", "pathPatternConfig": {"values": ["/a"], "regexValues": ["^/b"]}}]"#,
            false,
        ),
        (r#"[{"field": "cookie", "cookieConfig": {"values": ["a"]}}]"#, true),
    ];
    let good = ingress(Some("alb"), &[]);
    for (conditions, is_admitted) in cases {
        let object = ingress(Some("alb"), &[(CONDITIONS, conditions)]);
        assert_eq!(check_with(&Config::default(), &object, None).is_ok(), is_admitted, "{conditions}");
        assert_eq!(check_with(&Config::default(), &object, Some(&good)).is_ok(), is_admitted, "{conditions}");
        assert!(
            check_with(&Config::default(), &object, Some(&object)).is_ok(),
            "nothing changes: {conditions}"
        );
    }
}

#[test]
fn a_resource_backend_is_refused_with_a_reason() {
    let mut object = ingress(Some("alb"), &[]);
    object["spec"]["rules"][0]["http"]["paths"][0]["backend"] =
        json!({"resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "static"}});
    let denial = check_with(&Config::default(), &object, None).unwrap_err();
    assert_eq!(
        denial.message,
        "ingress/shop/shop spec.rules[0].http.paths[0].backend: has no service; resource backends are not supported"
    );
}
