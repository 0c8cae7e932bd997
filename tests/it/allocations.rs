//! What a review allocates does not grow with the cluster: the same with ten objects of each kind in the caches and with ten
//! thousand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod estate;

use allocation_counter::{AllocationInfo, measure};
use aws_load_balancer_controller::api::ObjectKey;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::serve::webhook::{paths, router};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const SMALL: usize = 10;
const LARGE: usize = 10_000;
/// Objects of each kind in a namespace: a larger cluster has more namespaces.
const PER_NAMESPACE: usize = 10;

fn arn(number: usize) -> String {
    format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/{number:016x}")
}

fn service() -> Value {
    let annotations = json!({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"});
    json!({
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    })
}

fn ingress() -> Value {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let annotations = json!({"alb.ingress.kubernetes.io/target-type": "ip"});
    json!({
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    })
}

fn binding(number: usize) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {"targetGroupARN": arn(number), "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    })
}

fn pod() -> Value {
    let annotations = json!({"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "web"});
    json!({
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "web"}]}
    })
}

fn cluster(objects: usize) -> Router {
    let hooks = rig::webhooks(Config::default());
    let stores = &hooks.stores;
    let class = json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}});
    stores.ingress_classes.apply(ObjectKey::cluster("alb"), serde_json::from_value(class).unwrap());
    for number in 0..objects {
        let namespace = format!("shop-{:05}", number / PER_NAMESPACE);
        let name = format!("web-{:05}", number % PER_NAMESPACE);
        let key = || ObjectKey::namespaced(namespace.as_str(), name.as_str());
        let named = |mut object: Value| {
            object["metadata"]["namespace"] = json!(namespace);
            object["metadata"]["name"] = json!(name);
            object
        };
        stores.services.apply(key(), serde_json::from_value(named(service())).unwrap());
        stores.ingresses.apply(key(), serde_json::from_value(named(ingress())).unwrap());
        stores.bindings.apply(key(), serde_json::from_value(named(binding(number))).unwrap());
    }
    router(Arc::new(hooks))
}

/// A review of each kind of changes, for the webhook at a path.
fn reviews(path: &str) -> Vec<Value> {
    let (object, mut old) = match path {
        path if path.contains("pod") => (pod(), pod()),
        path if path.contains("binding") => (binding(1), binding(1)),
        path if path.contains("ingressclassparams") => {
            (json!({"metadata": {"name": "a"}, "spec": {}}), json!({}))
        }
        path if path.contains("ingress") => (ingress(), ingress()),
        _ => (service(), service()),
    };
    let mut by_name = object.clone();
    by_name["spec"]["targetGroupARN"] = Value::Null;
    by_name["spec"]["targetGroupName"] = json!("web");
    old["spec"]["ports"] = json!([]);
    let review = |operation: &str, object: &Value, old: &Value| {
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "1", "operation": operation, "namespace": "shop-00000", "name": "web",
                "object": object, "oldObject": old
            }
        })
    };
    vec![
        review("CREATE", &object, &Value::Null),
        review("UPDATE", &object, &old),
        review("UPDATE", &by_name, &old),
        review("DELETE", &Value::Null, &old),
    ]
}

/// What one review allocates.
fn cost(runtime: &Runtime, router: &Router, path: &str, review: &Value) -> AllocationInfo {
    let once = || {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.body(Body::from(review.to_string())).unwrap();
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    };
    // why: counters of metrics are made when they are first counted
    once();
    measure(once)
}

#[test]
fn a_review_allocates_the_same_in_a_small_and_in_a_large_cluster() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (small, large) = (cluster(SMALL), cluster(LARGE));
    for path in paths() {
        for (number, review) in reviews(path).iter().enumerate() {
            let (few, many) = (cost(&runtime, &small, path, review), cost(&runtime, &large, path, review));
            println!("{path} {number}: {} bytes in {} pieces", many.bytes_total, many.count_total);
            assert!(few.bytes_total > 0, "nothing is counted");
            assert_eq!(
                (few.count_total, few.bytes_total),
                (many.count_total, many.bytes_total),
                "{path} {number} with {SMALL} and with {LARGE} objects"
            );
        }
    }
}
