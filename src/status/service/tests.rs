#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn service(status: &Value) -> Service {
    serde_json::from_value(json!({
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
        "status": {"loadBalancer": status},
    }))
    .unwrap()
}

fn entry(hostname: &str, ports: &[(i32, &str)]) -> Value {
    let ports: Vec<Value> =
        ports.iter().map(|(port, protocol)| json!({"port": port, "protocol": protocol})).collect();
    json!({"hostname": hostname, "ports": ports})
}

#[test]
fn the_status_names_the_host_in_lower_case_and_the_ports_of_the_spec() {
    let status = reachable(&service(&json!({})), "K8S-Web.elb.amazonaws.com").unwrap();
    let expected = json!({"ingress": [entry("k8s-web.elb.amazonaws.com", &[(443, "TCP"), (53, "UDP")])]});
    assert_eq!(serde_json::to_value(status).unwrap(), expected);
}

#[test]
fn a_status_that_says_so_already_is_left_alone() {
    let right = [(53, "UDP"), (443, "TCP")];
    let cases = [
        (json!({}), true),
        (json!({"ingress": [entry("host", &right)]}), false),
        (json!({"ingress": [entry("host", &[(53, "TCP"), (443, "TCP")])]}), false),
        (json!({"ingress": [entry("other", &right)]}), true),
        (json!({"ingress": [entry("host", &right[..1])]}), true),
        (json!({"ingress": [entry("host", &[(53, "UDP"), (80, "TCP")])]}), true),
        (json!({"ingress": [entry("host", &right), entry("host", &right)]}), true),
        (json!({"ingress": [{"ip": "1.2.3.4", "hostname": "host"}]}), true),
    ];
    for (status, patched) in cases {
        assert_eq!(reachable(&service(&status), "HOST").is_some(), patched, "{status}");
    }
}

#[test]
fn a_load_balancer_that_is_gone_leaves_an_empty_status() {
    assert_eq!(unreachable(&service(&json!({}))), None);
    let patch = unreachable(&service(&json!({"ingress": [entry("host", &[])]})));
    assert_eq!(patch, Some(LoadBalancerStatus::default()));
}
