#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::{tests::Cluster, told};
use serde_json::json;

fn object(name: &str, namespace: &str, created: Option<&str>, spec: &Value) -> Value {
    let mut object = json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec});
    if let Some(created) = created {
        object["metadata"]["creationTimestamp"] = created.into();
    }
    object
}

/// What is said of a new ListenerSet `more`.
fn said(cluster: &Cluster, namespace: &str, spec: &Value) -> Vec<String> {
    let object = object("more", namespace, None, spec);
    let typed = serde_json::from_value(object.clone()).unwrap();
    told(&check_listener_set(&Config::default(), &typed, &object, cluster).findings)
}

/// A listener of the Gateway `alb`.
fn spec(listener: &Value) -> Value {
    json!({"parentRef": {"name": "alb", "namespace": "shop"}, "listeners": [listener]})
}

#[test]
fn a_listener_set_is_of_a_gateway_and_its_listeners_are_judged() {
    let cases = [
        (
            json!({"parentRef": {"name": "alb", "kind": "Service"}}),
            "W spec.parentRef.kind: \"Service\" is not Gateway, the only parent that a ListenerSet can have; write Gateway",
        ),
        (
            json!({"parentRef": {"name": "alb", "group": "apps"}}),
            "W spec.parentRef.group: \"apps\" is not gateway.networking.k8s.io, the only parent that a ListenerSet can have; write gateway.networking.k8s.io",
        ),
        (
            json!({"parentRef": {"name": "alb"}, "listeners": [{"name": "a", "port": 80, "protocol": "TCP"}]}),
            "E spec.listeners[0].protocol: Unsupported protocol TCP for listener a, expected HTTP or HTTPS",
        ),
        (
            json!({"parentRef": {"name": "alb"}, "listeners": [{"name": "a", "port": 80, "protocol": "HTTP", "tls": {"certificateRefs": [{"name": "b"}]}}]}),
            "W spec.listeners[0].tls.certificateRefs: has no effect: certificates are those of ACM for the hosts, or those that a LoadBalancerConfiguration names",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(said(&Cluster::default(), "shop", &spec), [expected]);
    }
}

#[test]
fn a_set_that_its_gateway_does_not_admit_is_told_in_the_words_of_its_status() {
    const HINT: &str = "let spec.allowedListeners of Gateway shop/alb admit namespace";
    let refused = |namespace: &str| {
        vec![format!("E spec.parentRef: Parent Gateway rejected ListenerSet; {HINT} {namespace}")]
    };
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "web"}}});
    let broken =
        json!({"from": "Selector", "selector": {"matchExpressions": [{"key": "team", "operator": "Like"}]}});
    let cases = [
        (json!({"from": "All"}), "web", vec![]),
        (json!({"from": "Same"}), "shop", vec![]),
        (json!({"from": "Same"}), "web", refused("web")),
        (json!({"from": "None"}), "shop", refused("shop")),
        (json!({}), "shop", refused("shop")),
        (selector.clone(), "web", vec![]),
        (selector.clone(), "api", refused("api")),
        // nobody knows the labels, or what the selector means
        (selector, "unknown", vec![]),
        (broken, "web", vec![]),
    ];
    for (allowed, namespace, expected) in cases {
        let cluster =
            Cluster { alb: Some(json!({"allowedListeners": {"namespaces": allowed}})), ..Cluster::default() };
        let spec = spec(&json!({"name": "a", "port": 8080, "protocol": "HTTP"}));
        assert_eq!(said(&cluster, namespace, &spec), expected, "{allowed} {namespace}");
    }
}

#[test]
fn listeners_in_conflict_with_those_that_come_first_are_told() {
    let set = |name: &str, created: Option<&str>, listener: Value| {
        serde_json::from_value(object(name, "shop", created, &spec(&listener))).unwrap()
    };
    let http = |port: i32, hostname: &str| json!({"name": "x", "port": port, "protocol": "HTTP", "hostname": hostname});
    let cluster = Cluster {
        alb: Some(json!({
            "listeners": [http(80, "a.example.com")],
            "allowedListeners": {"namespaces": {"from": "All"}},
        })),
        sets: vec![
            set("older", Some("2026-01-01T00:00:00Z"), http(81, "b.example.com")),
            set("z-new", None, http(82, "c.example.com")),
            // what is stored of the set that is checked does not count
            set("more", Some("2026-01-01T00:00:00Z"), http(83, "d.example.com")),
        ],
        ..Cluster::default()
    };
    let conflict = |port: i32, host: &str| {
        vec![format!("E spec.listeners[0].hostname: Hostname conflict for port {port} with hostname {host}")]
    };
    let https = json!({"name": "x", "port": 80, "protocol": "HTTPS", "hostname": "z.example.com"});
    let cases = [
        (http(80, "a.example.com"), conflict(80, "a.example.com")),
        (http(80, "b.example.com"), vec![]),
        (http(81, "b.example.com"), conflict(81, "b.example.com")),
        (http(82, "c.example.com"), vec![]),
        (http(83, "d.example.com"), vec![]),
        (https, vec!["E spec.listeners[0].protocol: Protocol conflict for port 80".to_owned()]),
    ];
    for (listener, expected) in cases {
        assert_eq!(said(&cluster, "shop", &spec(&listener)), expected, "{listener}");
    }
}

#[test]
fn nothing_is_said_of_sets_of_others() {
    let spec =
        json!({"parentRef": {"name": "other"}, "listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}]});
    let object = object("more", "shop", None, &spec);
    let typed = serde_json::from_value(object.clone()).unwrap();
    let checked = check_listener_set(&Config::default(), &typed, &object, &Cluster::default());
    assert_eq!(checked.ownership, GatewayOwner::Others);
}
