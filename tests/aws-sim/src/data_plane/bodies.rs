//! Bodies of answers: of a target, cut off when its connection has to end, or of the load balancer itself.

use super::connections::Held;
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, SERVER},
};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::task::JoinSet;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// What goes wrong with a body.
pub(super) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Fault>;

/// The body of a target's answer, with the connection that it comes by.
struct FromTarget {
    body: Incoming,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    _held: Held,
    _connection: JoinSet<()>,
}

impl Body for FromTarget {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the target has drained".into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The answer of a target, with what keeps it coming.
pub(super) fn from_target(
    answer: Response<Incoming>,
    held: Held,
    connection: JoinSet<()>,
) -> Response<AnswerBody> {
    let end = Box::pin(held.end().cancelled_owned());
    answer.map(|body| FromTarget { body, end, _held: held, _connection: connection }.boxed_unsync())
}

/// An answer of the load balancer itself.
pub(super) fn own(status: StatusCode, content_type: &str, text: &str) -> Response<AnswerBody> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    answer
}

/// The page of an error that the load balancer makes itself.
pub(super) fn page(code: u16) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = format!("{code} {}", reason(code).or(status.canonical_reason()).unwrap_or_default());
    let text = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    own(status, "text/html", &text)
}

/// Codes that only AWS has, or has other words for.
fn reason(code: u16) -> Option<&'static str> {
    match code {
        463 => Some("X-Forwarded-For Header Too Large"),
        464 => Some("Incompatible Protocol"),
        503 => Some("Service Temporarily Unavailable"),
        504 => Some("Gateway Time-out"),
        _ => None,
    }
}
