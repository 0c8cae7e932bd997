//! Any body as an AdmissionReview at any path: the first byte chooses the path, the rest is the body.
#![no_main]

mod limit;

use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::serve::webhook::{paths, router};
use axum::body::Body;
use axum::http::Request;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;
use tower::ServiceExt;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

static ROUTER: LazyLock<axum::Router> = LazyLock::new(|| router(Arc::new(rig::webhooks(Config::default()))));

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let path = paths().cycle().nth(usize::from(*first)).unwrap();
    limit::within_limit(|| {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_vec()))
            .unwrap();
        let response = RUNTIME.block_on(ROUTER.clone().oneshot(request)).unwrap();
        assert!(!response.status().is_server_error(), "{response:?}");
    });
});
