//! The fence: a replica that does not lead (any more) reads, but changes nothing in the cluster.
//!
//! What every replica may write stands outside of it: the lease itself, the webhooks' certificates, and events, which only
//! tell what has happened.

use super::connect::Connection;
use super::lease::Leadership;
use http::{Method, Request};
use kube::client::Body;
use tower::BoxError;

/// A write by a replica that does not lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} is not sent: this replica does not lead")]
pub struct NotLeader {
    method: Method,
    path: String,
}

/// A connection that refuses writes whenever this replica does not lead.
pub fn fence(connection: &Connection, leadership: &Leadership) -> Connection {
    let namespace = connection.default_namespace().to_owned();
    let (connection, leadership) = (connection.clone(), leadership.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (connection, may_write) = (connection.clone(), leadership.is_leader());
        async move {
            if is_write(request.method()) && !may_write {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                return Err(BoxError::from(NotLeader { method, path }));
            }
            Ok(connection.send(request).await?)
        }
    });
    Connection::new(service, namespace)
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests;
