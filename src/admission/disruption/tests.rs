#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NLB: &str = "service.beta.kubernetes.io/aws-load-balancer-";
const ALB: &str = "alb.ingress.kubernetes.io/";

type Pairs<'p> = &'p [(&'p str, &'p str)];

fn annotations(prefix: &str, pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(suffix, value)| (format!("{prefix}{suffix}"), (*value).to_owned())).collect()
}

fn service(pairs: Pairs<'_>) -> Service {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations(NLB, pairs)},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
        }
    }))
    .unwrap()
}

fn ingress(pairs: Pairs<'_>) -> Ingress {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations(ALB, pairs)},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    }))
    .unwrap()
}

fn object() -> ObjectRef {
    ObjectRef { kind: "Service", namespace: "shop".into(), name: "web".into() }
}

fn text(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn updates_of_a_service_tell_what_they_destroy() {
    let cases: [(Pairs<'_>, Pairs<'_>, &str); 7] = [
        (
            &[],
            &[("scheme", "internet-facing")],
            "changes the scheme from internal to internet-facing: the load balancer is replaced and its hostname changes",
        ),
        (
            &[],
            &[("nlb-target-type", "ip")],
            "recreates target group shop/web:80: target type changes from instance to ip",
        ),
        (&[], &[("name", "edge")], "the name counts when the load balancer is created"),
        (&[("disable-nlb-sg", "true")], &[], "cannot get or lose security groups"),
        (&[("scheme", "internal")], &[], ""),
        (&[], &[("healthcheck-interval", "20")], ""),
        (
            &[("scheme", "internal"), ("name", "a")],
            &[("scheme", "internet-facing"), ("name", "b")],
            "changes the scheme",
        ),
    ];
    for (old, new, expected) in cases {
        let findings = of_service_update(&object(), &service(old), &service(new), &Config::default());
        let text = text(&findings);
        assert!(
            text.contains(expected) && (text.is_empty() == expected.is_empty()),
            "{old:?} → {new:?}: {text}"
        );
    }
}

#[test]
fn a_service_without_ports_has_no_listeners() {
    let old = service(&[]);
    let mut new = service(&[]);
    new.spec.as_mut().unwrap().ports = None;
    let findings = of_service_update(&object(), &old, &new, &Config::default());
    assert!(text(&findings).contains("removes all listeners"), "{findings:?}");
}

#[test]
fn updates_of_an_ingress_tell_what_they_destroy() {
    let cases: [(Pairs<'_>, Pairs<'_>, &str); 5] = [
        (&[], &[("scheme", "internet-facing")], "the load balancer is replaced and its hostname changes"),
        (
            &[("target-type", "ip")],
            &[("target-type", "ip"), ("backend-protocol-version", "GRPC")],
            "protocol version changes from HTTP1 to GRPC",
        ),
        (&[], &[("group.name", "all")], "moves the Ingress from group shop/web to all"),
        (&[("load-balancer-name", "a")], &[("load-balancer-name", "b")], "it keeps the one it has"),
        (&[], &[("healthcheck-path", "/up")], ""),
    ];
    for (old, new, expected) in cases {
        let findings = of_ingress_update(&object(), &ingress(old), &ingress(new), None, &Config::default());
        let text = text(&findings);
        assert!(
            text.contains(expected) && (text.is_empty() == expected.is_empty()),
            "{old:?} → {new:?}: {text}"
        );
    }
}

#[test]
fn a_service_that_leaves_loses_its_load_balancer() {
    let old = service(&[]);
    let mut new: Value = serde_json::to_value(&old).unwrap();
    new["metadata"]["finalizers"] = json!(["service.k8s.aws/resources"]);
    new["spec"]["type"] = json!("ClusterIP");
    new["spec"].as_object_mut().unwrap().remove("loadBalancerClass");
    let new: Service = serde_json::from_value(new).unwrap();
    assert!(
        stops_being_managed(&object(), &old, &new, &Config::default())
            .unwrap()
            .message
            .contains("is deleted")
    );
    assert_eq!(stops_being_managed(&object(), &old, &old, &Config::default()), None);
}
