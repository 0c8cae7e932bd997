//! A stream that tells its [`Connection`] what comes in.

use super::connections::Connection;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that ends when its client sends much and asks nothing, or takes nothing of an answer.
pub struct MeteredStream<S> {
    stream: S,
    connection: Arc<Connection>,
    /// How long bytes may wait for the client.
    unread: Duration,
    /// Bytes are waiting for the client until this ends.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> MeteredStream<S> {
    /// The stream of a connection, after its handshake. `unread`: how long the client may take nothing of what there is for it.
    pub fn new(stream: S, connection: Arc<Connection>, unread: Duration) -> Self {
        Self { stream, connection, unread, stalled: None }
    }

    /// What a write came to; an error when the client has taken nothing for too long.
    fn in_time<T>(&mut self, written: Poll<Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let unread = self.unread;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(unread)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, format!("the client read nothing for {unread:?}"))))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let bytes = into.filled().len() - before;
        if bytes > 0 && !self.connection.received(bytes) {
            return Poll::Ready(Err(Error::new(
                ErrorKind::ConnectionAborted,
                "more bytes than requests are made of",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let written = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(written, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let written = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.in_time(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::connections::{ConnectionLimits, Connections};
    use super::*;
    use crate::metrics::ConnectionMeter;
    use std::net::{IpAddr, Ipv4Addr};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    const UNREAD: Duration = Duration::from_secs(30);

    /// Ours and the client's end of a connection that holds 16 bytes on their way.
    fn connected() -> (MeteredStream<DuplexStream>, DuplexStream) {
        let connections = Connections::new(ConnectionLimits::default(), ConnectionMeter::default());
        let slot = connections.enter(IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
        let (ours, theirs) = duplex(16);
        (MeteredStream::new(ours, slot.connection.clone(), UNREAD), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (mut ours, _theirs) = connected();
        let begun = Instant::now();
        let error = ours.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= UNREAD);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_gets_everything() {
        let (mut ours, mut theirs) = connected();
        let reads = async {
            let mut part = [0; 16];
            for _ in 0..8 {
                sleep(UNREAD.saturating_sub(Duration::from_secs(1))).await;
                theirs.read_exact(&mut part).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(ours.write_all(&[0; 128]), reads);
        written.unwrap();
    }
}
