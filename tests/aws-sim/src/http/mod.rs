//! The HTTP face: AWS's wire protocols on one port, for the AWS SDKs and the AWS CLI.
//!
//! A call's service is told by its `X-Amz-Target` header (JSON protocols), by its path (REST) or by the `Version` of its form (Query
//! protocols); signatures are not checked. What is not AWS's lies under `/_sim/` (module `control`).

mod control;
mod data_plane;
mod ec2;
mod elb;
mod failure;
mod form;
mod global_accelerator;
mod iam;
mod json;
mod route53;
mod sts;
mod xml;

use crate::call_log::CALLER;
use crate::{DataPlane, Sim};
use aws_load_balancer_controller::aws_api::Request;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use failure::Failure;
use form::Node;
use std::{io, sync::Arc};
use tokio::net::TcpListener;

/// Answers calls on a listener until the future is dropped.
pub async fn serve(sim: Sim, listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, router(sim)).await
}

/// The same, with the data plane behind `/_sim/data-plane`.
pub async fn serve_with(sim: Sim, plane: Option<Arc<DataPlane>>, listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, router_with(sim, plane)).await
}

/// The simulator as a service of its own.
pub fn router(sim: Sim) -> Router {
    router_with(sim, None)
}

fn router_with(sim: Sim, plane: Option<Arc<DataPlane>>) -> Router {
    let behind = control::router().merge(data_plane::router(plane));
    Router::new().nest("/_sim", behind).fallback(answer).with_state(sim)
}

/// A protocol of AWS, and what of it differs from service to service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// Query, as Elastic Load Balancing speaks it.
    Elb,
    /// Query, as EC2 speaks it.
    Ec2,
    /// Query, as STS speaks it.
    Sts,
    /// Query, as IAM speaks it.
    Iam,
    /// REST with XML, as Route 53 speaks it.
    Route53,
    /// JSON 1.1.
    Json,
}

async fn answer(
    State(sim): State<Sim>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let caller = read_caller(&headers).unwrap_or_default().to_owned();
    let mut response = CALLER.scope(caller, answer_caller(sim, (method, uri), headers, body)).await;
    response.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static(xml::REQUEST_ID));
    response
}

/// The access key id of a signature: `AWS4-HMAC-SHA256 Credential=<id>/…`.
fn read_caller(headers: &HeaderMap) -> Option<&str> {
    let signature = headers.get(AUTHORIZATION)?.to_str().ok()?;
    signature.split_once("Credential=")?.1.split('/').next()
}

async fn answer_caller(sim: Sim, (method, uri): (Method, Uri), headers: HeaderMap, body: Bytes) -> Response {
    if uri.path().starts_with(route53::ROOT) {
        return reply(Protocol::Route53, route53::answer(&sim, &method, &uri, &body).await);
    }
    if let Some(target) = headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return reply(Protocol::Json, json::answer(&sim, target, &body).await);
    }
    let form = Node::parse(&body);
    match form.text("Version").as_deref() {
        Some("2015-12-01") => reply(Protocol::Elb, elb::answer(&sim, &form).await),
        Some("2016-11-15") => reply(Protocol::Ec2, ec2::answer(&sim, &form).await),
        Some("2011-06-15") => reply(Protocol::Sts, sts::answer(&sim).await),
        Some("2010-05-08") => reply(Protocol::Iam, iam::answer(&sim, &form).await),
        version => {
            let message = format!("no simulated service has the API version {version:?}");
            reply(Protocol::Elb, Err(Failure::refused("InvalidAction", message)))
        }
    }
}

fn reply(protocol: Protocol, answer: Result<String, Failure>) -> Response {
    let content_type = if protocol == Protocol::Json { "application/x-amz-json-1.1" } else { "text/xml" };
    match answer {
        Ok(body) => (StatusCode::OK, [(CONTENT_TYPE, content_type)], body).into_response(),
        Err(failure) => failure.reply(protocol),
    }
}

/// Performs requests one after the other, up to the first that fails, with at most so many items on a page.
async fn perform_all(
    sim: &Sim,
    requests: Vec<Request>,
    page_size: Option<usize>,
) -> Result<Vec<aws_load_balancer_controller::aws_api::Response>, Failure> {
    let mut responses = Vec::new();
    for request in requests {
        responses.push(sim.perform_paged(request, page_size).await?);
    }
    Ok(responses)
}
