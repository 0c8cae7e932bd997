//! The fence: a replica that does not lead (any more) reads, but changes nothing in the cluster.
//!
//! What every replica may write stands outside of it: the lease itself, the webhooks' certificates, and events, which only
//! tell what has happened.
//!
//! It stands twice. [`fence`] refuses at once, and marks what it lets through; [`FencedSender`] is the innermost part of every
//! connection and asks again when the bytes of a marked request leave.

use super::connect::KubeConnection;
use super::lease::Leadership;
use crate::fence::{BoxError, Guarded, MayWrite, NotSent};
use http::{Method, Request};
use kube::client::Body;
use std::task::{Context, Poll};
use tower::Service;

/// A write by a replica that does not lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} is not sent: this replica does not lead")]
pub struct NotLeader {
    method: Method,
    path: String,
}

/// The mark of a request that only a leader may send.
#[derive(Clone)]
struct OnlyLeader(MayWrite);

/// A connection that refuses writes whenever this replica does not lead.
pub fn fence(connection: &KubeConnection, leadership: &Leadership) -> KubeConnection {
    let namespace = connection.default_namespace().to_owned();
    let (connection, may_write) = (connection.clone(), leadership.may_write());
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (connection, is_allowed) = (connection.clone(), may_write());
        let is_write = is_write(request.method());
        if is_write {
            request.extensions_mut().insert(OnlyLeader(may_write.clone()));
        }
        async move {
            if is_write && !is_allowed {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                return Err(BoxError::from(NotLeader { method, path }));
            }
            Ok(connection.send(request).await?)
        }
    });
    KubeConnection::new(service, namespace)
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

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

#[cfg(test)]
mod tests;
