//! Pods that sleep before they end: what the webhook makes of a new pod, and what it asks AWS.

use aws_load_balancer_controller::api::ObjectKey;
use aws_load_balancer_controller::aws::assume_role::{AssumedRole, CloudFor};
use aws_load_balancer_controller::aws::{Cloud, CloudFuture};
use aws_load_balancer_controller::aws_api::elbv2::{ModifyTargetGroupAttributes, Protocol};
use aws_load_balancer_controller::aws_api::{Action, Request};
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::metrics::LookupMeter;
use aws_load_balancer_controller::serve::lookups::Lookups;
use aws_load_balancer_controller::serve::webhook::router;
use aws_load_balancer_controller::serve::webhooks::{ServerFeatures, Webhooks};
use aws_sim::contract::TestAccount;
use aws_sim::{Calls, Effect, Fault, Sim, World};
use axum::Router;
use axum::body::Body;
use axum::http::Request as HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use rig::rig::OneName;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

/// An API server of Kubernetes 1.29.
struct WithoutSleep;

impl ServerFeatures for WithoutSleep {
    fn has_sleep(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(async { Ok(false) })
    }
}

/// An AWS with a target group whose deregistration delay is 20 s, and its ARN.
async fn aws() -> (Arc<Sim>, String) {
    let aws = Arc::new(Sim::new(World::demo()));
    let account = TestAccount::new(aws.clone(), aws.world(|world| world.ids().clone()));
    let arn = account.send(account.ip_group(Protocol::Http)).await.unwrap().arn;
    let attributes = [("deregistration_delay.timeout_seconds".to_owned(), "20".to_owned())].into();
    account.send(ModifyTargetGroupAttributes { arn: arn.as_str().into(), attributes }).await.unwrap();
    (aws, arn)
}

/// The webhooks of a cluster whose namespace `shop` asks for drains and has a Service and a binding to a target group.
fn webhooks(aws: &Arc<Sim>, arn: &str) -> Webhooks {
    let lookups = Lookups::new(Arc::new(OneName(aws.clone())), LookupMeter::default());
    let hooks = Webhooks { lookups, ..rig::webhooks(Config::default()) };
    let namespace =
        json!({"metadata": {"name": "shop", "labels": {"elbv2.k8s.aws/pod-drain-inject": "enabled"}}});
    hooks.stores.namespaces.apply(ObjectKey::cluster("shop"), serde_json::from_value(namespace).unwrap());
    let service =
        json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"app": "web"}}});
    let key = ObjectKey::namespaced("shop", "web");
    hooks.stores.services.apply(key.clone(), serde_json::from_value(service).unwrap());
    let binding = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "targetGroupARN": arn, "targetType": "ip", "targetGroupProtocol": "HTTP",
            "serviceRef": {"name": "web", "port": 80},
        },
    });
    hooks.stores.bindings.apply(key, serde_json::from_value(binding).unwrap());
    hooks
}

fn pod(app: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "web"}]}})
}

/// The answer to the creation of a pod.
async fn create(router: &Router, pod: &Value) -> Value {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": "shop", "name": "",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "object": pod,
        },
    });
    let request = HttpRequest::post("/mutate-v1-pod-drain").header("content-type", "application/json");
    let response =
        router.clone().oneshot(request.body(Body::from(review.to_string())).unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&body).unwrap()["response"].clone()
}

/// The seconds that a pod of the app sleeps, once created.
async fn seconds(router: &Router, app: &str) -> Option<u64> {
    let answer = create(router, &pod(app)).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    let patch = STANDARD.decode(answer["patch"].as_str()?).unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut created = pod(app);
    json_patch::patch(&mut created, &patch).unwrap();
    created["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64()
}

#[tokio::test]
async fn pods_of_a_rollout_sleep_as_their_target_group_says_and_aws_is_asked_once() {
    let (aws, arn) = aws().await;
    let router = router(Arc::new(webhooks(&aws, &arn)));
    for _ in 0..5 {
        assert_eq!(seconds(&router, "web").await, Some(35));
    }
    assert_eq!(seconds(&router, "other").await, None, "no Service selects it");
    let asked = aws.world(|world| {
        world.calls().iter().filter(|call| call.action() == Action::DescribeTargetGroupAttributes).count()
    });
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn where_aws_does_not_tell_the_default_delay_counts() {
    let (aws, arn) = aws().await;
    aws.arm(Fault::on(Calls::Of(Action::DescribeTargetGroupAttributes), Effect::fail("AccessDenied")));
    let router = router(Arc::new(webhooks(&aws, &arn)));
    assert_eq!(seconds(&router, "web").await, Some(45));
}

/// An AWS that never answers.
struct Silent;

impl CloudFor for Silent {
    fn cloud_for(&self, _: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        Arc::new(Self)
    }
}

impl Cloud for Silent {
    fn call(&self, _: Request) -> CloudFuture<'_> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn where_aws_is_silent_the_default_delay_counts() {
    let (aws, arn) = aws().await;
    let lookups = Lookups::new(Arc::new(Silent), LookupMeter::default());
    let hooks = Webhooks { lookups, ..webhooks(&aws, &arn) };
    assert_eq!(seconds(&router(Arc::new(hooks)), "web").await, Some(45));
}

#[tokio::test]
async fn a_pod_is_created_as_it_is_where_nothing_can_sleep() {
    let (aws, arn) = aws().await;
    let hooks = Webhooks { server: Arc::new(WithoutSleep), ..webhooks(&aws, &arn) };
    let answer = create(&router(Arc::new(hooks)), &pod("web")).await;
    assert_eq!((&answer["allowed"], &answer["patch"]), (&json!(true), &Value::Null));
    assert!(answer["warnings"][0].as_str().unwrap().contains("Kubernetes 1.30"), "{answer}");
}
