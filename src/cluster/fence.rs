//! The fence: a replica that does not lead (any more) reads, but changes nothing in the cluster.
//!
//! What every replica may write stands outside of it: the lease itself, the webhooks' certificates, and events, which only
//! tell what has happened.
//!
//! It stands twice. [`fence`] refuses at once, and marks what it lets through; [`FencedSender`](super::fenced_sender::FencedSender) is the innermost part of every
//! connection and asks again when the bytes of a marked request leave.

use super::connect::KubeConnection;
use super::fenced_sender::OnlyLeader;
use super::lease::Leadership;
use crate::fence::BoxError;
use http::{Method, Request};
use kube::client::Body;

/// A write by a replica that does not lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} is not sent: this replica does not lead")]
pub struct NotLeader {
    method: Method,
    path: String,
}

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

#[cfg(test)]
mod tests;
