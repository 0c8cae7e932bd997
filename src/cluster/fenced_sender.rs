//! The innermost part of every connection: it asks once more whether a replica leads when the bytes of a marked request leave.

use crate::fence::{BoxError, Guarded, MayWrite, NotSent};
use http::Request;
use kube::client::Body;
use std::task::{Context, Poll};
use tower::Service;

/// The mark of a request that only a leader may send.
#[derive(Clone)]
pub(super) struct OnlyLeader(pub(super) MayWrite);

/// The innermost part of a connection: what it calls sends.
#[derive(Clone, Debug)]
pub struct FencedSender<S> {
    sender: S,
}

impl<S> FencedSender<S> {
    /// Has what is marked asked for once more before `sender` sends it.
    pub fn new(sender: S) -> Self {
        Self { sender }
    }
}

impl<S> Service<Request<Body>> for FencedSender<S>
where
    S: Service<Request<Guarded<Body>>, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = futures::future::BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.sender.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let may_write = request.extensions().get().map(|OnlyLeader(may_write)| may_write.clone());
        if may_write.as_ref().is_some_and(|may_write| !may_write()) {
            return Box::pin(async { Err(NotSent.into()) });
        }
        let sent = self.sender.call(request.map(|body| Guarded::new(body, may_write)));
        Box::pin(async move { sent.await.map_err(Into::into) })
    }
}
