#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

async fn ask(probes: &Router, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = probes.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    (status, String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn serving_webhooks_and_having_seen_the_cluster_are_two_questions() {
    let no = |reason: &'static str| -> ReadinessCheck { Arc::new(move || Err(reason.to_owned())) };
    let yes = || -> ReadinessCheck { Arc::new(|| Ok(())) };
    let passes = (200, "ok".to_owned());
    let fails = |name: &str, reason: &str| (500, format!("[-]{name} failed: {reason}\n"));

    let early = probes(yes(), no("still listing"));
    assert_eq!(ask(&early, "/healthz").await, passes);
    assert_eq!(ask(&early, "/readyz").await, passes);
    assert_eq!(ask(&early, "/readyz/caches-synced").await, fails("caches-synced", "still listing"));

    let without_certificate = probes(no("no certificate"), yes());
    assert_eq!(ask(&without_certificate, "/healthz/health-ping").await, passes);
    assert_eq!(ask(&without_certificate, "/readyz").await, fails("ready-webhook", "no certificate"));
    assert_eq!(ask(&without_certificate, "/readyz/ready-webhook").await.0, 500);
    assert_eq!(ask(&without_certificate, "/readyz/caches-synced").await, passes);
}
