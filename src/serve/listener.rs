//! The accept loop of every listener: each connection on its own, none able to harm the others.
//!
//! Handshakes and headers have deadlines, connections are capped, and shutting down fails no request.

use axum::Router;
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::{Next, from_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Connections at a time; the API server needs a handful.
const MAX_CONNECTIONS: usize = 512;
/// A client has this long for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A client has this long to send the headers of its first or next request.
///
/// why: API servers speak HTTP/1.1 to webhooks and keep idle connections for 90 s. If we were first to close one, a call that is on
/// its way at that moment would fail, because a POST is not sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(100);
/// At shutdown, requests are answered for this much longer, and each connection ends with its next answer.
///
/// why: API servers send calls over the connections they have, and over new ones until they have heard that the replica leaves its
/// Service. Whoever just hangs up fails the call that is on its way.
const LEAVE_TIME: Duration = Duration::from_secs(3);
/// After that, requests in flight have this long to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `router` over TLS until `shutdown` completes, then takes its leave.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    serve(listener, Some(TlsAcceptor::from(tls)), router, shutdown).await;
}

/// Serves `router` over plain HTTP until `shutdown` completes, then takes its leave.
pub async fn serve_plain(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    serve(listener, None, router, shutdown).await;
}

async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let leaves = Arc::new(AtomicBool::new(false));
    let router = send_away_when(&leaves, router);
    let has_left = async {
        shutdown.await;
        leaves.store(true, Ordering::Relaxed);
        tokio::time::sleep(LEAVE_TIME).await;
    };
    tokio::pin!(has_left);
    loop {
        let stream = tokio::select! {
            () = &mut has_left => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    on_accept_failure(&error).await;
                    continue;
                }
            },
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            tracing::warn!(limit = MAX_CONNECTIONS, "connection refused: too many");
            continue;
        };
        let connection = serve_connection(stream, acceptor.clone(), router.clone(), graceful.watcher());
        connections.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running at shutdown");
    }
}

async fn on_accept_failure(error: &std::io::Error) {
    tracing::warn!(%error, "connection not accepted");
    // why: out of file descriptors or the like; others must be able to finish first
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Has clients use another connection, and with it another replica, once this one leaves. HTTP/2 has its own way to say so.
fn send_away_when(leaves: &Arc<AtomicBool>, router: Router) -> Router {
    let leaves = leaves.clone();
    router.layer(from_fn(move |request: Request, next: Next| {
        let leaves = leaves.clone();
        async move {
            let is_old = request.version() <= Version::HTTP_11;
            let mut response = next.run(request).await;
            if is_old && leaves.load(Ordering::Relaxed) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }))
}

async fn serve_connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    watcher: Watcher,
) {
    // why: headers and body of an answer are two small writes; the second must not wait for the first's acknowledgement
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else { return serve_requests(stream, router, watcher).await };
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_requests(stream, router, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn serve_requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(%error, "connection ended");
    }
}
