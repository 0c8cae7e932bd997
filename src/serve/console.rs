//! The console: a web page that shows what is there, what would change, and how a migration compares. It changes nothing.
//!
//! It listens on a loopback address only. Pages of other origins get nothing: [`guard`] checks which host a request is for, where it comes
//! from, and the token. What the page asks for is a [`ConsoleSource`]; the command reads a cluster and an account for it, the controller
//! its own caches. The topology is looked at once for all pages, and only while one is open ([`LiveTopology`]).

mod answers;
mod assets;
pub mod guard;
mod live;
mod migration;
mod page_queue;
mod topology_events;

pub use guard::{Guard, Token};
pub use live::LiveTopology;

use super::connections::ConnectionLimits;
use super::listener::Server;
use crate::cluster::plan_annotations::AnnotatedObject;
use crate::metrics::ConnectionMeter;
use answers::{JsonAnswer, SharedAnswers};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections of the users' browsers, and of what else may try.
const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 64, opening: 32, share: 64, unread: Duration::from_secs(15) };

/// Bytes of an answer that the kernel holds for a client that has not read them.
///
/// why: it would hold some megabytes of each, and only when it takes no more is it known that a client does not read
const SEND_BUFFER: u32 = 64 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Listens on a port of the loopback address; 0: any that is free.
pub fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // why: connections have it of the socket that accepts them
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

/// A server for the pages' requests.
pub fn server(meter: ConnectionMeter) -> Server {
    Server::new(LIMITS, meter).http1_only()
}

/// Bytes of manifests that are looked at.
const MANIFEST_LIMIT: usize = 1024 * 1024;
/// How long they may take to arrive.
const MANIFEST_TIME: Duration = Duration::from_secs(20);

/// Is shown the id of an item and the item in JSON.
pub type VisitItem<'a> = dyn FnMut(&str, &[u8]) + Send + 'a;

/// What the page shows. The error of every question is a sentence for people.
pub trait ConsoleSource: Send + Sync + 'static {
    /// Version, cluster, region and whether this replica leads: `{"version", "cluster", …}`.
    fn about(&self) -> BoxFuture<'_, Value>;
    /// Shows everything that is there at this moment, item by item, each once; answers what is said of the whole: `{"roots": […ids],
    /// "withoutAws"?}`. Every item is at the top or named by another.
    fn topology<'a>(&'a self, visit: &'a mut VisitItem<'_>) -> BoxFuture<'a, Result<Value, String>>;
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
    answers: Arc<SharedAnswers>,
    turns: Arc<Turns>,
}

/// How many questions are answered at a time. The rest waits.
struct Turns {
    /// why one: plans, and usage, which builds as they do, are costly, for the process, the API server and AWS
    plans: Semaphore,
    /// why few: each may list all Gateways and Ingresses with their annotations
    lists: Semaphore,
}

impl Console {
    /// A console of a source. [`LiveTopology::run`] of [`Console::live`] has to run beside it.
    pub fn new(source: Arc<dyn ConsoleSource>) -> Self {
        let turns = Arc::new(Turns { plans: Semaphore::new(1), lists: Semaphore::new(2) });
        Self { live: LiveTopology::new(source.clone()), source, answers: Arc::default(), turns }
    }

    /// What keeps the topology up to date.
    pub fn live(&self) -> &LiveTopology {
        &self.live
    }

    /// Everything that is served, behind the guard.
    pub fn router(self, guard: Guard) -> Router {
        Router::new()
            .route("/api/namespaces", any(read))
            .route("/api/gateways", any(read))
            .route("/api/diff", any(read))
            .route("/api/about", get(about))
            .route("/api/topology", get(topology))
            .route("/api/plan", get(read).post(plan_of_manifests))
            .route("/api/usage", get(read))
            .route("/static/{*path}", any(assets::serve))
            .fallback(assets::page)
            .with_state(self)
            .layer(from_fn_with_state(Arc::new(guard), guard::check))
    }
}

async fn about(State(console): State<Console>) -> JsonAnswer {
    JsonAnswer::of(&console.source.about().await)
}

async fn topology(State(console): State<Console>) -> Response {
    live::stream(&console.live).unwrap_or_else(|| {
        let most = live::MOST_PAGES;
        let told = format!("{most} pages follow the topology already; close one of them");
        JsonAnswer::failure(StatusCode::SERVICE_UNAVAILABLE, told).into_response()
    })
}

/// Reads what a path and a query ask for. All who ask for it meanwhile get the same.
async fn read(State(console): State<Console>, uri: Uri) -> JsonAnswer {
    let Console { source, turns, answers, .. } = console;
    let question = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    answers.get(question, || async move { answer(&*source, &turns, &uri).await }.boxed()).await
}

async fn answer(source: &dyn ConsoleSource, turns: &Turns, uri: &Uri) -> JsonAnswer {
    let is_plan = matches!(uri.path(), "/api/plan" | "/api/usage");
    // why: nobody closes the semaphores, so there is a turn
    let _turn = if is_plan { turns.plans.acquire().await } else { turns.lists.acquire().await };
    match uri.path() {
        "/api/plan" => said(source.plan(None).await),
        "/api/usage" => said(source.usage().await),
        "/api/namespaces" => migration::namespaces(source).await,
        "/api/gateways" => migration::gateways(source, uri.query()).await,
        _ => migration::diff(source, uri.query()).await,
    }
}

async fn plan_of_manifests(State(console): State<Console>, request: Request<Body>) -> JsonAnswer {
    // why before the manifests are read: those of many who ask at once would fill the memory
    let Ok(_turn) = console.turns.plans.try_acquire() else {
        let told = "another plan is being made; try again when it is there";
        return JsonAnswer::failure(StatusCode::TOO_MANY_REQUESTS, told);
    };
    let Ok(body) = timeout(MANIFEST_TIME, to_bytes(request.into_body(), MANIFEST_LIMIT)).await else {
        let told = format!("the manifests were not here within {MANIFEST_TIME:?}");
        return JsonAnswer::failure(StatusCode::REQUEST_TIMEOUT, told);
    };
    let Ok(body) = body else {
        let told = format!("the manifests cannot be read, or are larger than {MANIFEST_LIMIT} bytes");
        return JsonAnswer::failure(StatusCode::PAYLOAD_TOO_LARGE, told);
    };
    match String::from_utf8(body.into()) {
        Ok(text) => said(console.source.plan(Some(text)).await),
        Err(_) => JsonAnswer::failure(StatusCode::BAD_REQUEST, "the manifests are not UTF-8"),
    }
}

/// What a source said.
fn said(answer: Result<Value, String>) -> JsonAnswer {
    match answer {
        Ok(value) => JsonAnswer::of(&value),
        Err(reason) => JsonAnswer::failure(StatusCode::BAD_GATEWAY, reason),
    }
}

#[cfg(test)]
mod tests;
