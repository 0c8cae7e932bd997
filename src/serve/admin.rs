//! Plain-HTTP listeners for kubelet and Prometheus: `/healthz`, `/readyz`, `/metrics`.
//!
//! Paths and check names are those of upstream (controller-runtime): `health-ping` and `ready-webhook`. A replica is ready as
//! soon as it can serve webhooks; whether it has seen the whole cluster, too, is a question of its own: `caches-synced`.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Tells whether something is ready; the error says why not.
pub type ReadinessCheck = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Renders all metrics in the Prometheus text format.
pub type Exposition = Arc<dyn Fn() -> String + Send + Sync>;

/// Health probes: whether the webhooks can be served, and whether the caches are complete.
pub fn probes(webhooks: ReadinessCheck, caches: ReadinessCheck) -> Router {
    let readyz = move || {
        let webhooks = webhooks.clone();
        async move { check("ready-webhook", webhooks()) }
    };
    let synced = move || {
        let caches = caches.clone();
        async move { check("caches-synced", caches()) }
    };
    Router::new()
        .route("/healthz", get(|| async { check("health-ping", Ok(())) }))
        .route("/healthz/health-ping", get(|| async { check("health-ping", Ok(())) }))
        .route("/readyz", get(readyz.clone()))
        .route("/readyz/ready-webhook", get(readyz))
        .route("/readyz/caches-synced", get(synced))
}

fn check(name: &str, result: Result<(), String>) -> Response {
    match result {
        Ok(()) => "ok".into_response(),
        Err(reason) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("[-]{name} failed: {reason}\n")).into_response()
        }
    }
}

/// Metrics.
pub fn metrics(exposition: Exposition) -> Router {
    let content_type = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    let handler = move || {
        let exposition = exposition.clone();
        async move { (content_type, exposition()) }
    };
    Router::new().route("/metrics", get(handler))
}

/// Opens a listener for a Go-style address: `:8080`, `127.0.0.1:8080`, `[::1]:8080`.
pub async fn bind(address: &str) -> std::io::Result<TcpListener> {
    match address.strip_prefix(':') {
        None => TcpListener::bind(address).await,
        // why: Go listens on both families for `:8080`; a dual-stack socket does the same where IPv6 exists.
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
        },
    }
}

#[cfg(test)]
mod tests;
