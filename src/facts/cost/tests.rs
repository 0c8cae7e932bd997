#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

fn service(ports: usize, ranges: usize) -> Service {
    let ranges: Vec<String> = (0..ranges).map(|n| format!("10.{}.{}.0/24", n / 256 % 256, n % 256)).collect();
    let ports: Vec<Value> = (0..ports).map(|n| json!({"port": n + 1})).collect();
    let object = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"ports": ports, "loadBalancerSourceRanges": ranges}});
    serde_json::from_value(object).unwrap()
}

fn ingress(paths: usize, annotations: &Value) -> Ingress {
    let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    let object = json!({"metadata": {"name": "web", "annotations": annotations}, "spec": {"rules": [{"http": {"paths": vec![path; paths]}}]}});
    serde_json::from_value(object).unwrap()
}

#[test]
fn ports_multiply_with_source_ranges() {
    for (ports, ranges, is_too_costly) in
        [(1, 0, false), (50, 200, false), (1, 50_000, true), (50, 201, true), (1500, 0, false)]
    {
        assert_eq!(too_costly_service(&service(ports, ranges)).is_some(), is_too_costly, "{ports} {ranges}");
    }
    let told = too_costly_service(&service(2, 50_000)).unwrap().to_string();
    for part in ["service/shop/web", "100000 security group rules", "at most 10000", "prefix list"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn ranges_of_annotations_count_as_well() {
    let key = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let mut many = service(20, 0);
    many.metadata.annotations = Some([(key.to_owned(), "10.0.0.0/8,".repeat(600))].into());
    assert!(too_costly_service(&many).is_some());
    let ports = format!("[{}]", vec!["{\"HTTP\": 80}"; 40].join(","));
    let wide = json!({"alb.ingress.kubernetes.io/inbound-cidrs": "10.0.0.0/8,".repeat(600), "alb.ingress.kubernetes.io/listen-ports": ports});
    assert!(too_costly_ingress(&ingress(1, &wide)).is_some());
}

#[test]
fn an_ingress_of_thousands_of_paths_is_still_tried() {
    assert!(too_costly_ingress(&ingress(6000, &json!({}))).is_none());
    assert!(too_costly_ingress(&ingress(MOST + 1, &json!({}))).is_some());
}
