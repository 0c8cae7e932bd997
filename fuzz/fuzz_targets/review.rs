//! Any body as an AdmissionReview at any path: the first byte chooses the path, the rest is the body.
#![no_main]

use aws_load_balancer_controller::api::AlbTargetControlConfigSpec;
use aws_load_balancer_controller::aws::assume_role::{AssumedRole, CloudFor};
use aws_load_balancer_controller::aws::{Answer, Cloud};
use aws_load_balancer_controller::cloud::{CloudError, Request as AwsRequest};
use aws_load_balancer_controller::cluster::stores::Stores;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::metrics::Metrics;
use aws_load_balancer_controller::serve::webhook::{QuicIds, TargetControlConfigs, Webhooks, paths, router};
use axum::body::Body;
use axum::http::Request;
use futures::future::BoxFuture;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// A world that has nothing and answers nothing.
struct Nothing;

impl CloudFor for Nothing {
    fn cloud_for(&self, _: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        Arc::new(Nothing)
    }
}

impl Cloud for Nothing {
    fn call(&self, _: AwsRequest) -> Answer<'_> {
        Box::pin(async { Err(CloudError::Fenced { operation: "none" }) })
    }
}

impl QuicIds for Nothing {
    fn take(&self, _: usize) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async { Err("there is none".to_owned()) })
    }
}

impl TargetControlConfigs for Nothing {
    fn settings<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<AlbTargetControlConfigSpec>> {
        Box::pin(async { None })
    }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

static ROUTER: LazyLock<axum::Router> = LazyLock::new(|| {
    let config = Arc::new(Config::default());
    router(Arc::new(Webhooks {
        stores: Arc::new(Stores::new(&config)),
        config,
        clouds: Arc::new(Nothing),
        quic_ids: Arc::new(Nothing),
        target_control: Arc::new(Nothing),
        metrics: Arc::new(Metrics::new()),
    }))
});

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let path = paths().cycle().nth(usize::from(*first)).unwrap();
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_vec()))
        .unwrap();
    let response = RUNTIME.block_on(ROUTER.clone().oneshot(request)).unwrap();
    assert!(!response.status().is_server_error(), "{response:?}");
});
