//! The admission webhooks: HTTP in front, [`crate::admission`] behind.
//!
//! Paths are upstream's. Requests are bounded in size, memory, cost and time; what is not an AdmissionReview gets the right HTTP
//! answer and harms nobody. Each review runs step by step ([`super::steps`]) on the pool, where it keeps nobody waiting.

use super::bodies::{Bodies, BodyReservation, LARGE, LARGEST, SMALL};
use super::connections::Connection;
use super::pod_drain;
use super::request_facts::{MissingFact, RequestFacts, StepError};
use super::review::{self, AdmissionRequest, AdmissionReview, Head};
use super::steps::{WEBHOOKS, Webhook};
use super::webhooks::Webhooks;
use crate::admission::Denial;
use crate::metrics::WebhookLabels;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The API server gives up after five seconds, so an answer after them is of no use.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a review may ask for something more.
const MAX_LOOKUPS: usize = 4;

/// The paths of all webhooks.
pub fn paths() -> impl Iterator<Item = &'static str> + Clone {
    WEBHOOKS.iter().map(|webhook| webhook.path)
}

/// The webhook server's routes.
pub fn router(hooks: Arc<Webhooks>) -> Router {
    let mut router = Router::new();
    for webhook in WEBHOOKS {
        hooks.metrics.expect_admissions(webhook.path);
        router = router.route(webhook.path, route(*webhook));
    }
    router.with_state(hooks)
}

fn route(webhook: Webhook) -> MethodRouter<Arc<Webhooks>> {
    post(move |State(hooks): State<Arc<Webhooks>>, request: HttpRequest| async move {
        let began = Instant::now();
        let _in_flight = hooks.metrics.admission(webhook.path);
        let deadline = began + REQUEST_TIMEOUT;
        let response = match read(&hooks.bodies, request, deadline).await {
            Ok(body) => review(webhook, &hooks, body, deadline).await,
            Err(refusal) => refusal.into_response(),
        };
        hooks.metrics.observe_admission(webhook.path, response.status().as_u16(), began.elapsed());
        response
    })
}

/// Why a request gets no AdmissionReview in return.
type HttpRefusal = (StatusCode, String);

fn refuse<T>(status: StatusCode, message: impl Into<String>) -> Result<T, HttpRefusal> {
    Err((status, message.into()))
}

/// A complete body, with the memory it takes.
struct Received {
    bytes: Bytes,
    _share: BodyReservation,
}

/// Reads the whole request. why: a client that stops halfway must not keep a connection for ever.
async fn read(
    bodies: &Bodies,
    request: HttpRequest,
    deadline: Instant,
) -> Result<Arc<Received>, HttpRefusal> {
    check_content_type(request.headers())?;
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    let share = bodies.enter();
    let collected = async {
        tokio::select! {
            collected = collect(request, &share) => collected,
            () = share.dropped() => refuse(StatusCode::SERVICE_UNAVAILABLE, super::bodies::BodyDropped.to_string()),
        }
    };
    let Ok(bytes) = timeout_at(deadline, collected).await else {
        return refuse(StatusCode::REQUEST_TIMEOUT, "the rest of the request did not come");
    };
    let bytes = bytes?;
    share.complete();
    if let Some(connection) = connection {
        connection.complete();
    }
    Ok(Arc::new(Received { bytes, _share: share }))
}

async fn collect(request: HttpRequest, share: &BodyReservation) -> Result<Bytes, HttpRefusal> {
    let length = content_length(request.headers()).unwrap_or(0);
    let too_large =
        || refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("a review holds at most {LARGEST} bytes"));
    if length > LARGEST {
        return too_large();
    }
    let (mut body, mut bytes, mut taken): (Body, Vec<u8>, usize) = (request.into_body(), Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return refuse(StatusCode::BAD_REQUEST, "the rest of the request cannot be read");
        };
        let Ok(part) = frame.into_data() else { continue };
        if bytes.len() + part.len() > LARGEST {
            return too_large();
        }
        let wanted = memory_for(bytes.len() + part.len(), length);
        if wanted <= taken {
            share.touch();
        } else if let Err(dropped) = share.take(wanted - taken).await {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, dropped.to_string());
        }
        taken = taken.max(wanted);
        if bytes.is_empty() {
            bytes.reserve_exact(length);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.into())
}

/// Memory that a body takes of which so much has come: small ones as much as came, large ones at once all that may come.
fn memory_for(come: usize, length: usize) -> usize {
    match (come.max(length) <= SMALL, length) {
        (true, _) => come,
        (false, 0) if come <= LARGE => LARGE,
        (false, 0) => LARGEST,
        (false, length) => length.max(come),
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn check_content_type(headers: &HeaderMap) -> Result<(), HttpRefusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.trim_start().to_ascii_lowercase().starts_with("application/json") {
        return Ok(());
    }
    let message = format!("content type is {content_type:?}, expected application/json");
    refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
}

/// Answers a review in time, whatever it costs.
async fn review(webhook: Webhook, hooks: &Arc<Webhooks>, body: Arc<Received>, deadline: Instant) -> Response {
    match timeout_at(deadline, work(webhook, hooks, &body)).await {
        Ok(response) => response,
        Err(_) => unchecked_in_time(webhook, hooks, &body.bytes),
    }
}

/// Does one step after the other until there is an answer.
async fn work(webhook: Webhook, hooks: &Arc<Webhooks>, body: &Arc<Received>) -> Response {
    let mut known = RequestFacts::default();
    for _ in 0..=MAX_LOOKUPS {
        let job = {
            let (hooks, body) = (hooks.clone(), body.clone());
            move || {
                let outcome = step(webhook, &hooks, &body.bytes, &known);
                (outcome, known)
            }
        };
        let Ok((outcome, returned)) = hooks.pool.run(body.bytes.len(), job).await else {
            return (StatusCode::SERVICE_UNAVAILABLE, "the controller is shutting down").into_response();
        };
        known = returned;
        match outcome {
            Ok(response) => return response,
            Err(lack) => look_up(hooks, lack, &mut known).await,
        }
    }
    (StatusCode::INTERNAL_SERVER_ERROR, "the review needs more target groups than a binding can name")
        .into_response()
}

/// One step on the body of a review: its answer, or what must be known first.
fn step(
    webhook: Webhook,
    hooks: &Webhooks,
    body: &[u8],
    known: &RequestFacts,
) -> Result<Response, MissingFact> {
    let request = match parse(body) {
        Ok(request) => request,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    if !request.is_whole() {
        hooks.metrics.reviews_too_costly.get_or_create(&WebhookLabels::new(webhook.path)).inc();
        let reason = "the object is too large to be checked: it has more fields than any load balancer could be made of";
        return Ok(unchecked(webhook, hooks, &request.uid, reason));
    }
    match (webhook.step)(hooks, &request, known) {
        Ok(admitted) => Ok(json(&review::admitted(&request, admitted))),
        Err(StepError::Denied(denial)) => Ok(deny(webhook, hooks, &request, &denial)),
        Err(StepError::Missing(lack)) => Err(lack),
    }
}

fn parse(body: &[u8]) -> Result<AdmissionRequest, HttpRefusal> {
    let review: AdmissionReview = match serde_json::from_slice(body) {
        Ok(review) => review,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, format!("not an AdmissionReview: {error}")),
    };
    let AdmissionReview { api_version, kind, request } = review;
    if api_version != "admission.k8s.io/v1" || kind != "AdmissionReview" {
        let message = format!("got {api_version} {kind}, expected admission.k8s.io/v1 AdmissionReview");
        return refuse(StatusCode::BAD_REQUEST, message);
    }
    request.ok_or_else(|| (StatusCode::BAD_REQUEST, "the AdmissionReview holds no request".to_owned()))
}

fn json(answer: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

fn deny(webhook: Webhook, hooks: &Webhooks, request: &AdmissionRequest, denial: &Denial) -> Response {
    hooks.metrics.count_denial(webhook.path, denial.check);
    tracing::info!(
        path = webhook.path,
        namespace = request.namespace,
        name = request.name,
        reason = denial.message,
        "refused"
    );
    json(&review::denied(&request.uid, denial))
}

/// The answer where there was no time for the checks.
fn unchecked_in_time(webhook: Webhook, hooks: &Webhooks, body: &[u8]) -> Response {
    match serde_json::from_slice::<Head>(body) {
        Ok(head) => {
            let reason = "the checks took too long, or many others came before: apply it again";
            unchecked(webhook, hooks, &head.request.uid, reason)
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("not an AdmissionReview: {error}")).into_response(),
    }
}

/// The answer for an object that was not checked. It says so in any case.
fn unchecked(webhook: Webhook, hooks: &Webhooks, uid: &str, reason: &str) -> Response {
    tracing::warn!(path = webhook.path, reason, "not checked");
    if webhook.refuses_unchecked(hooks.config.annotation_validation) {
        hooks.metrics.count_denial(webhook.path, "cost");
        return json(&review::denied(uid, &Denial::new("cost", reason)));
    }
    json(&review::admitted_unchecked(uid, &format!("not checked: {reason}")))
}

async fn look_up(hooks: &Webhooks, lack: MissingFact, known: &mut RequestFacts) {
    match lack {
        MissingFact::TargetGroup(role, query) => {
            let found = hooks.lookups.find((role, query.clone()), |role| hooks.is_named(role)).await;
            known.target_groups.insert(query, found);
        }
        MissingFact::QuicIds { count, is_dry_run } => {
            known.quic_ids = Some(hooks.quic_ids.take(count, is_dry_run).await);
        }
        MissingFact::TargetControl(namespace) => {
            known.target_control = Some(hooks.target_control.settings(&namespace).await);
        }
        MissingFact::Sleep => known.has_sleep = Some(hooks.server.has_sleep().await),
        MissingFact::DeregistrationDelays(questions) => {
            known.delays = Some(pod_drain::delays(hooks, questions).await);
        }
    }
}
