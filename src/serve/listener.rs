//! The accept loop of every listener: each connection on its own, none able to harm the others.
//!
//! Handshakes, heads and the reading of answers have deadlines, connections are limited ([`Connections`]), what a connection may hold
//! in memory is bounded, and shutting down fails no request.

use super::connections::{Connection, ConnectionLimits, ConnectionSlot, Connections};
use super::metered_stream::MeteredStream;
use crate::metrics::ConnectionMeter;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures::FutureExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A client has this long for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A client has this long until the head of its first or next request is here.
///
/// why: API servers speak HTTP/1.1 to webhooks and keep idle connections for 90 s. If we were first to close one, a call that is on
/// its way at that moment would fail, because a POST is not sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(100);
/// A connection that has to make room has this long to finish what is under way.
const CLOSE_TIME: Duration = Duration::from_millis(200);
/// At shutdown, requests are answered for this much longer, and each connection ends with its next answer.
///
/// why: API servers send calls over the connections they have, and over new ones until they have heard that the replica leaves its
/// Service. Whoever just hangs up fails the call that is on its way.
const LEAVE_TIME: Duration = Duration::from_secs(3);
/// After that, requests in flight have this long to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often stalled heads are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);
/// Bytes of a head, and of what is read at once.
const READ_BUFFER: usize = 32 * 1024;
/// Requests at a time of one HTTP/2 connection.
const STREAMS: u32 = 64;
/// Bytes that an HTTP/2 client may send before they are read: of a request, of all requests.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;

/// Serves `router` over TLS until `shutdown` completes, then takes its leave.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    Server::new(ConnectionLimits::default(), ConnectionMeter::default())
        .serve(listener, Some(acceptor), router, shutdown)
        .await;
}

/// Serves `router` over plain HTTP until `shutdown` completes, then takes its leave.
pub async fn serve_plain(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    Server::new(ConnectionLimits::default(), ConnectionMeter::default())
        .serve(listener, None, router, shutdown)
        .await;
}

/// A listener's rules.
pub struct Server {
    connections: Connections,
    /// Tells all connections to end with their next answer.
    leaving: CancellationToken,
    is_leaving: Arc<AtomicBool>,
    is_http1_only: bool,
}

impl Server {
    /// A server that keeps so many connections.
    pub fn new(limits: ConnectionLimits, meter: ConnectionMeter) -> Self {
        Self {
            connections: Connections::new(limits, meter),
            leaving: CancellationToken::new(),
            is_leaving: Arc::default(),
            is_http1_only: false,
        }
    }

    /// Speaks HTTP/1 alone.
    ///
    /// why: an HTTP/2 client holds back each answer by itself while its connection goes on, so that nothing tells it from one that reads
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.is_http1_only = true;
        self
    }

    /// Serves until `shutdown` completes, then takes its leave. Plain HTTP without an acceptor.
    pub async fn serve(
        self,
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) {
        let mut tasks = JoinSet::new();
        let router = send_away_when(&self.is_leaving, router);
        let mut sweeps = tokio::time::interval(SWEEP_PERIOD);
        let has_left = async {
            shutdown.await;
            self.is_leaving.store(true, Ordering::Relaxed);
            tokio::time::sleep(LEAVE_TIME).await;
        };
        let mut has_left = pin!(has_left);
        loop {
            let (stream, source) = tokio::select! {
                () = &mut has_left => break,
                Some(_) = tasks.join_next() => continue,
                _ = sweeps.tick() => {
                    self.connections.sweep();
                    continue;
                }
                accepted = listener.accept(), if tasks.len() < self.connections.most() => match accepted {
                    Ok((stream, address)) => (stream, address.ip()),
                    Err(error) => {
                        on_accept_failure(&error).await;
                        continue;
                    }
                },
            };
            self.admit(stream, source, acceptor.clone(), router.clone(), &mut tasks);
        }
        drop(listener);
        self.leaving.cancel();
        let drained = async { while tasks.join_next().await.is_some() {} };
        if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
            tracing::warn!("requests were still running at shutdown");
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        source: IpAddr,
        acceptor: Option<TlsAcceptor>,
        router: Router,
        tasks: &mut JoinSet<()>,
    ) {
        let Some(place) = self.connections.enter(source.to_canonical()) else {
            tracing::debug!(%source, "connection refused: all others have complete requests");
            return;
        };
        let service = ConnectionService {
            router,
            protocol: protocol(self.is_http1_only),
            unread: self.connections.unread(),
            leaving: self.leaving.clone(),
        };
        tasks.spawn(serve_connection(stream, place, acceptor, service));
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

/// What every connection of a listener is served with.
struct ConnectionService {
    router: Router,
    protocol: Builder<TokioExecutor>,
    /// How long a client may take nothing of an answer.
    unread: Duration,
    leaving: CancellationToken,
}

async fn serve_connection(
    stream: TcpStream,
    place: ConnectionSlot,
    acceptor: Option<TlsAcceptor>,
    service: ConnectionService,
) {
    // why: headers and body of an answer are two small writes; the second must not wait for the first's acknowledgement
    let _ = stream.set_nodelay(true);
    let connection = &place.connection;
    let Some(acceptor) = acceptor else {
        connection.opened(false);
        return serve_requests(stream, connection, service).await;
    };
    let handshake = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = connection.closing() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            connection.opened(stream.get_ref().1.alpn_protocol() == Some(b"h2"));
            serve_requests(stream, connection, service).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn serve_requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: &Arc<Connection>,
    service: ConnectionService,
) {
    let ConnectionService { router, protocol, unread, leaving } = service;
    let service = hyper::service::service_fn(|request| answer(request, connection.clone(), router.clone()));
    let stream = TokioIo::new(MeteredStream::new(stream, connection.clone(), unread));
    let mut served = pin!(protocol.serve_connection(stream, service));
    let ended = tokio::select! {
        // why: a request that has come in the meantime is still answered
        biased;
        ended = served.as_mut() => Some(ended),
        () = connection.closing() => {
            served.as_mut().graceful_shutdown();
            timeout(CLOSE_TIME, served.as_mut()).await.ok()
        }
        () = leaving.cancelled() => {
            served.as_mut().graceful_shutdown();
            Some(served.await)
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

fn protocol(is_http1_only: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(READ_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(16 * 1024)
        .max_local_error_reset_streams(Some(STREAMS as usize))
        .max_pending_accept_reset_streams(Some(16));
    if is_http1_only { builder.http1_only() } else { builder }
}

/// Answers one request. The router finds the connection among the request's extensions, to say when the request is complete.
async fn answer(
    request: hyper::Request<Incoming>,
    connection: Arc<Connection>,
    router: Router,
) -> Result<Response, Infallible> {
    let exchange = connection.begin();
    if request.body().is_end_stream() {
        connection.complete();
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(connection);
    router
        .oneshot(request)
        .map(|answered| {
            drop(exchange);
            answered
        })
        .await
}
