#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf};

/// A connection whose other end we hold.
struct Pipe(DuplexStream);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, to)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Sends a request of a leader that still is one, or is none any more, when the connection is made. Answers the error and the bytes
/// that arrived.
async fn send(leads_once_connected: bool) -> (BoxError, Vec<u8>) {
    let leads = Arc::new(AtomicBool::new(true));
    let other_end = Arc::new(Mutex::new(None));
    let (asked, held) = (leads.clone(), other_end.clone());
    let connector = tower::service_fn(move |_: Uri| {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        *held.lock() = Some(theirs);
        asked.store(leads_once_connected, Ordering::SeqCst);
        std::future::ready(Ok::<_, Infallible>(TokioIo::new(Pipe(ours))))
    });
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let asked = leads.clone();
    let body =
        Guarded::new(Full::from("Action=CreateRule"), Some(Arc::new(move || asked.load(Ordering::SeqCst))));
    let request = Request::post("http://aws.example.com/").body(body).unwrap();
    let reading = async {
        loop {
            let Some(mut end) = other_end.lock().take() else {
                tokio::task::yield_now().await;
                continue;
            };
            let mut bytes = vec![0; 1 << 12];
            let read = end.read(&mut bytes).await.unwrap();
            bytes.truncate(read);
            return bytes;
        }
    };
    let (answer, bytes) = tokio::join!(client.request(request), reading);
    (answer.unwrap_err().into(), bytes)
}

#[tokio::test]
async fn a_write_whose_leadership_ends_while_it_connects_sends_no_byte() {
    let (error, bytes) = send(false).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), "");
    assert!(NotSent::caused(&*error), "{error:?}");
}

#[tokio::test]
async fn a_write_of_the_leader_is_sent_whole() {
    let (error, bytes) = send(true).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("POST / HTTP/1.1") && text.ends_with("Action=CreateRule"), "{text}");
    assert!(text.to_lowercase().contains("content-length: 17"), "{text}");
    assert!(!NotSent::caused(&*error), "only the answer is missing: {error:?}");
}
