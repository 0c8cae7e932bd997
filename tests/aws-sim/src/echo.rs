//! Servers that say who they are, to stand behind simulated load balancers: HTTP/1.1 and HTTP/2 (with gRPC), TCP and UDP.
//!
//! HTTP answers with what it was asked as JSON. A query may order how: `delay=<milliseconds>`, `status=<code>`,
//! `cookie=<name>` (sets it), `break` (the connection ends without an answer). `Upgrade: echo` echoes what follows. Requests of
//! gRPC are echoed with status 0, but status 12 (unimplemented) for services other than `echo.Echo`.
//! TCP begins with a line `<name> <client>` and echoes; UDP echoes after `<name> `.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_TYPE, SET_COOKIE, UPGRADE},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A server, on as many ports as wanted. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Echo {
    name: Arc<str>,
    /// Whether `/healthz` answers 200 (else 503).
    healthy: Arc<AtomicBool>,
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Echo {
    /// A server of this name that listens nowhere yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            healthy: Arc::new(AtomicBool::new(true)),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        }
    }

    /// Sets what `/healthz` answers.
    pub fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Stops listening, lets requests under way end, and waits for that.
    pub async fn stop(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Serves HTTP, or raw TCP, on a listener.
    pub fn serve(&self, listener: TcpListener, http: bool) {
        let this = self.clone();
        self.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = this.end.cancelled() => return,
                };
                // A connection that ended before it was accepted is none.
                let Ok((stream, client)) = accepted else { continue };
                // A connection that waits to fill its packets is only slower.
                let _ = stream.set_nodelay(true);
                let this = this.clone();
                this.tasks.clone().spawn(async move {
                    // How a connection ends concerns its client alone.
                    if http {
                        this.serve_http(stream, client).await;
                    } else {
                        drop(this.serve_tcp(stream, client).await);
                    }
                });
            }
        });
    }

    /// Serves UDP on a socket.
    pub fn serve_udp(&self, socket: UdpSocket) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let mut buffer = vec![0; 65_535];
            loop {
                let received = tokio::select! {
                    received = socket.recv_from(&mut buffer) => received,
                    () = this.end.cancelled() => return,
                };
                let Ok((length, client)) = received else { continue };
                let mut answer = format!("{} ", this.name).into_bytes();
                answer.extend(buffer.iter().take(length));
                // A client that has gone does not want it.
                drop(socket.send_to(&answer, client).await);
            }
        });
    }

    /// Serves HTTP on one connection, until it or the server ends.
    pub async fn serve_http<S>(&self, stream: S, client: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let this = self.clone();
        let service = service_fn(move |request| {
            let this = this.clone();
            async move { this.answer(request, client).await }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        tokio::select! {
            ended = connection.as_mut() => drop(ended),
            () = self.end.cancelled() => {
                connection.as_mut().graceful_shutdown();
                drop(connection.await);
            }
        }
    }

    async fn serve_tcp(&self, mut stream: TcpStream, client: SocketAddr) -> io::Result<()> {
        stream.write_all(format!("{} {client}\n", self.name).as_bytes()).await?;
        let (mut from, mut to) = stream.split();
        tokio::select! {
            copied = tokio::io::copy(&mut from, &mut to) => copied.map(drop),
            () = self.end.cancelled() => Ok(()),
        }
    }

    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> io::Result<Response<Answer>> {
        let orders = orders(request.uri().query().unwrap_or_default());
        if let Some(delay) = orders.get("delay").and_then(|text| text.parse().ok()) {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if orders.contains_key("break") {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
        {
            return Ok(answer_grpc(&self.name, request).await);
        }
        if request.headers().get(UPGRADE).is_some_and(|kind| kind == "echo") {
            return Ok(self.upgrade(request));
        }
        let path = request.uri().path();
        let healthy = path != "/healthz" || self.healthy.load(Ordering::Relaxed);
        let ordered = orders.get("status").and_then(|code| code.parse().ok());
        let status =
            ordered.unwrap_or(if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE });
        let cookie = orders.get("cookie").map(|name| format!("{name}=1"));
        let text = self.describe(request, client).await;
        let mut answer = Response::new(Answer { body: Full::new(Bytes::from(text)), trailers: None });
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        set(headers, HeaderName::from_static("x-pod"), &self.name);
        if let Some(cookie) = cookie {
            set(headers, SET_COOKIE, &cookie);
        }
        Ok(answer)
    }

    /// What was asked.
    async fn describe(&self, request: Request<Incoming>, client: SocketAddr) -> String {
        let (parts, body) = request.into_parts();
        let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &parts.headers {
            headers.entry(name.as_str()).or_default().push(value.to_str().unwrap_or("?"));
        }
        let host = parts.uri.authority().map(http::uri::Authority::as_str);
        let host = host.or_else(|| headers.get("host")?.first().copied());
        let mut described = json!({
            "pod": &*self.name,
            "method": parts.method.as_str(),
            "host": host,
            "path": parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            "version": version(parts.version),
            "client": client.ip(),
            "headers": headers,
        });
        let body = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        if let Value::Object(fields) = &mut described {
            fields.insert("body".to_owned(), Value::String(String::from_utf8_lossy(&body).into_owned()));
        }
        format!("{described}\n")
    }

    fn upgrade(&self, mut request: Request<Incoming>) -> Response<Answer> {
        let upgraded = hyper::upgrade::on(&mut request);
        let name = Arc::clone(&self.name);
        self.tasks.spawn(async move {
            let Ok(upgraded) = upgraded.await else { return };
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            if to.write_all(format!("{name}\n").as_bytes()).await.is_ok() {
                // How it ends concerns its client alone.
                drop(tokio::io::copy(&mut from, &mut to).await);
            }
        });
        let mut answer = Response::new(Answer { body: Full::default(), trailers: None });
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        answer
    }
}

async fn answer_grpc(name: &str, request: Request<Incoming>) -> Response<Answer> {
    let known = request.uri().path().starts_with("/echo.Echo/");
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let mut trailers = HeaderMap::new();
    set(&mut trailers, HeaderName::from_static("grpc-status"), if known { "0" } else { "12" });
    let body = body.ok().filter(|_| known).unwrap_or_default();
    let mut answer = Response::new(Answer { body: Full::new(body), trailers: Some(trailers) });
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    set(answer.headers_mut(), HeaderName::from_static("x-pod"), name);
    answer
}

fn orders(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn version(version: Version) -> &'static str {
    if version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A body with trailers, as gRPC needs them.
struct Answer {
    body: Full<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(None) => {
                Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
            frame => frame.map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.trailers.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
