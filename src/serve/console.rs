//! The console: a web page that shows what is there, what would change, and how a migration compares. It changes nothing.
//!
//! It listens on a loopback address only. Pages of other origins get nothing: [`guard`] checks which host a request is for, where it comes
//! from, and the token. What the page asks for is a [`ConsoleSource`]; the command reads a cluster and an account for it, the controller
//! its own caches. Everything about the topology is in one [`snapshot::TopologySnapshot`] that all pages share, and it is only kept up
//! while a page is open.

mod answers;
mod assets;
pub mod guard;
mod live;
mod migration;
pub mod snapshot;

pub use guard::{Guard, Token};
pub use live::LiveTopology;
pub use snapshot::TopologySnapshot;

use super::connections::ConnectionLimits;
use crate::cluster::plan_annotations::AnnotatedObject;
use answers::{ConsoleFailure, json_answer};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get};
use futures::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections of the users' browsers, and of what else may try.
pub const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 64, opening: 32, share: 64, unread: Duration::from_secs(15) };

/// Bytes of manifests that are looked at.
const MANIFEST_LIMIT: usize = 1024 * 1024;

/// What the page shows. The error of every question is a sentence for people.
pub trait ConsoleSource: Send + Sync + 'static {
    /// Version, cluster, region and whether this replica leads: `{"version", "cluster", …}`.
    fn about(&self) -> BoxFuture<'_, Value>;
    /// Everything that is there, at this moment.
    fn topology(&self) -> BoxFuture<'_, Result<TopologySnapshot, String>>;
    /// Completes when the topology may have changed; it is looked at now and then all the same.
    fn changed(&self) -> BoxFuture<'_, ()>;
    /// Told when nobody follows the topology any more, so that nothing of it need be kept.
    fn rest(&self) -> BoxFuture<'_, ()>;
    /// What would change in AWS, as `plan -o json` prints it, with `text` as `plan` prints it. With manifests, as if they were applied,
    /// and with the findings of `lint`.
    fn plan(&self, manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>>;
    /// Load balancers by namespace, quotas, and what could share a load balancer.
    fn usage(&self) -> BoxFuture<'_, Result<Value, String>>;
    /// Gateways with their annotations, of all namespaces (`None`) or of one.
    fn gateways(&self, namespace: Option<String>) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>>;
    /// A Gateway with its annotations.
    fn gateway(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>>;
    /// All Ingresses with their annotations.
    fn ingresses(&self) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>>;
    /// An Ingress with its annotations.
    fn ingress(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>>;
}

/// What answers requests.
#[derive(Clone)]
pub struct Console {
    source: Arc<dyn ConsoleSource>,
    live: LiveTopology,
    /// why: plans, and usage, which builds as they do, are costly, for the process, the API server and AWS
    plans: Arc<Semaphore>,
}

impl Console {
    /// A console of a source. [`LiveTopology::run`] of [`Console::live`] has to run beside it.
    pub fn new(source: Arc<dyn ConsoleSource>) -> Self {
        Self { live: LiveTopology::new(source.clone()), source, plans: Arc::new(Semaphore::new(1)) }
    }

    /// What keeps the topology up to date.
    pub fn live(&self) -> &LiveTopology {
        &self.live
    }

    /// Everything that is served, behind the guard.
    pub fn router(self, guard: Guard) -> Router {
        Router::new()
            .route("/api/namespaces", any(migration::namespaces))
            .route("/api/gateways", any(migration::gateways))
            .route("/api/diff", any(migration::diff))
            .route("/api/about", get(about))
            .route("/api/topology", get(topology))
            .route("/api/plan", get(plan).post(plan_of_manifests))
            .route("/api/usage", get(usage))
            .route("/static/{*path}", any(assets::serve))
            .fallback(assets::page)
            .with_state(self)
            .layer(from_fn_with_state(Arc::new(guard), guard::check))
    }
}

async fn about(State(console): State<Console>) -> Response {
    json_answer(&console.source.about().await)
}

async fn topology(State(console): State<Console>) -> Response {
    live::stream(&console.live).unwrap_or_else(|| {
        let most = live::MOST_PAGES;
        let told = format!("{most} pages follow the topology already; close one of them");
        ConsoleFailure::new(StatusCode::SERVICE_UNAVAILABLE, told).into()
    })
}

async fn plan(State(console): State<Console>) -> Response {
    console.plan(None).await
}

async fn plan_of_manifests(State(console): State<Console>, request: Request<Body>) -> Response {
    let told = || {
        let told = format!("the manifests cannot be read, or are larger than {MANIFEST_LIMIT} bytes");
        ConsoleFailure::new(StatusCode::PAYLOAD_TOO_LARGE, told)
    };
    let Ok(body) = to_bytes(request.into_body(), MANIFEST_LIMIT).await else { return told().into() };
    match String::from_utf8(body.into()) {
        Ok(text) => console.plan(Some(text)).await,
        Err(_) => ConsoleFailure::new(StatusCode::BAD_REQUEST, "the manifests are not UTF-8").into(),
    }
}

async fn usage(State(console): State<Console>) -> Response {
    let Ok(_turn) = console.plans.try_acquire() else { return busy() };
    answer(console.source.usage().await)
}

fn busy() -> Response {
    let told = "another plan is being made; try again when it is there";
    ConsoleFailure::new(StatusCode::TOO_MANY_REQUESTS, told).into()
}

impl Console {
    async fn plan(&self, manifests: Option<String>) -> Response {
        let Ok(_turn) = self.plans.try_acquire() else { return busy() };
        answer(self.source.plan(manifests).await)
    }
}

/// What a source said.
fn answer(said: Result<Value, String>) -> Response {
    match said {
        Ok(value) => json_answer(&value),
        Err(reason) => ConsoleFailure::new(StatusCode::BAD_GATEWAY, reason).into(),
    }
}

#[cfg(test)]
mod tests;
