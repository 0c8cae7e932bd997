//! The last question before the bytes of a write leave: may this replica still write?
//!
//! A request waits in many places: for a rate limit, between two attempts, for credentials, for a connection and its TLS
//! handshake. Its body is polled after all of them, right before the first bytes are handed to the socket, head included. So the
//! body asks, and a request whose body fails is not sent: hyper closes the connection without writing to it.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Tells, at the moment of a write, whether this replica may write.
pub type MayWrite = Arc<dyn Fn() -> bool + Send + Sync>;

/// Any error, as bodies have it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A write that this replica may not make (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sent: this replica does not lead")]
pub struct NotSent;

impl NotSent {
    /// Whether this is why something failed.
    pub fn caused(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// The body of a request, which fails when its first bytes are asked for and this replica may not write.
pub struct Guarded<B> {
    body: B,
    may_write: Option<MayWrite>,
}

impl<B> Guarded<B> {
    /// Asks `may_write` once, right before the bytes leave; `None`: anybody may send it.
    pub fn new(body: B, may_write: Option<MayWrite>) -> Self {
        Self { body, may_write }
    }
}

impl<B> Body for Guarded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.may_write.take().is_some_and(|may_write| !may_write()) {
            return Poll::Ready(Some(Err(NotSent.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        // why: a body that has ended is not polled
        self.may_write.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
