#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::admission::gateway::tests::Cluster;
use crate::admission::gateway::{check_manifest, told};
use crate::config::{Config, FeatureGates};
use serde_json::{Value, json};

/// A cluster where an object of a kind in namespace `shop` may refer to `target` objects of namespace `vault`.
fn granted(from: &str, target: &Value) -> Cluster {
    let grant = json!({
        "metadata": {"name": "shop", "namespace": "vault"},
        "spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": from, "namespace": "shop"}], "to": [target]},
    });
    Cluster { grants: vec![serde_json::from_value(grant).unwrap()], ..Cluster::default() }
}

/// What is said of an object where Secrets are read.
fn said(cluster: &Cluster, kind: &str, spec: &Value) -> Vec<String> {
    let features = FeatureGates { secret_certificates: true, ..FeatureGates::default() };
    let config = Config { features, ..Config::default() };
    let api_version = "gateway.networking.k8s.io/v1";
    let metadata = json!({"name": "web", "namespace": "shop"});
    let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
    told(&check_manifest(&config, &object, cluster).unwrap().unwrap().findings)
}

/// `spec` of a Gateway and of a ListenerSet with a listener of one certificate.
fn specs(certificate: &Value) -> [(&'static str, Value); 2] {
    let tls = json!({"certificateRefs": [certificate]});
    let listener =
        json!({"name": "a", "port": 443, "protocol": "HTTPS", "hostname": "a.example.com", "tls": tls});
    [
        ("Gateway", json!({"gatewayClassName": "alb", "listeners": [listener]})),
        ("ListenerSet", json!({"parentRef": {"name": "alb"}, "listeners": [listener]})),
    ]
}

#[test]
fn secrets_of_other_namespaces_want_a_grant() {
    let secret = json!({"group": "", "kind": "Secret"});
    for (kind, spec) in specs(&json!({"name": "tls", "namespace": "vault"})) {
        let refused = format!(
            "W spec.listeners[0].tls.certificateRefs[0]: certificateRef to Secret vault/tls of listener a is not permitted by any ReferenceGrant in namespace vault; create a ReferenceGrant in namespace vault, from {kind} of namespace shop to Secret"
        );
        assert_eq!(said(&Cluster::default(), kind, &spec), [refused.as_str()]);
        let other = granted(kind, &json!({"group": "", "kind": "Secret", "name": "other"}));
        assert_eq!(said(&other, kind, &spec), [refused.as_str()], "another Secret");
        assert_eq!(said(&granted("TCPRoute", &secret), kind, &spec), [refused.as_str()], "another kind");
        assert_eq!(said(&granted(kind, &secret), kind, &spec), [""; 0]);
    }
    for (kind, spec) in specs(&json!({"name": "tls", "namespace": "nobody"})) {
        assert_eq!(said(&Cluster::default(), kind, &spec), [""; 0], "whether there is a grant is not known");
    }
    for (kind, spec) in specs(&json!({"name": "tls"})) {
        assert_eq!(said(&Cluster::default(), kind, &spec), [""; 0], "of the same namespace");
    }
}

#[test]
fn certificates_are_of_secrets() {
    for (kind, spec) in specs(&json!({"name": "tls", "kind": "ConfigMap"})) {
        assert_eq!(
            said(&Cluster::default(), kind, &spec),
            [
                "W spec.listeners[0].tls.certificateRefs[0]: certificateRef ConfigMap \"tls\" of listener a is not a Secret"
            ]
        );
    }
}

#[test]
fn backends_of_other_namespaces_want_a_grant() {
    let spec =
        |backend: Value| json!({"parentRefs": [{"name": "alb"}], "rules": [{"backendRefs": [backend]}]});
    let of = |namespace: &str| spec(json!({"name": "web", "namespace": namespace, "port": 80}));
    assert_eq!(
        said(&Cluster::default(), "HTTPRoute", &of("vault")),
        [
            "W spec.rules[0].backendRefs[0].namespace: Service vault/web: No explicit ReferenceGrant exists to allow the reference.; create a ReferenceGrant in namespace vault, from HTTPRoute of namespace shop to Service"
        ]
    );
    let services = json!({"group": "", "kind": "Service"});
    assert_eq!(said(&granted("HTTPRoute", &services), "HTTPRoute", &of("vault")), [""; 0]);
    assert_eq!(said(&granted("GRPCRoute", &services), "HTTPRoute", &of("vault")).len(), 1, "another kind");
    for namespace in ["shop", "nobody"] {
        assert_eq!(said(&Cluster::default(), "HTTPRoute", &of(namespace)), [""; 0], "{namespace}");
    }
}
