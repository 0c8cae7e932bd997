//! The cluster network between the API server and webhooks: an HTTP CONNECT proxy on a socket.
//!
//! The API server is told by its egress selector to reach Services through this proxy. So webhook configurations keep the
//! Service reference that the chart wrote, with its name in the TLS handshake, and no root is needed to route cluster IPs.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpStream, UnixListener, UnixStream},
    task::{AbortHandle, JoinSet},
};

type Routes = Arc<Mutex<BTreeMap<String, Vec<SocketAddr>>>>;

/// The proxy; it ends when dropped.
#[derive(Debug)]
pub struct Tunnel {
    socket: PathBuf,
    routes: Routes,
    task: AbortHandle,
}

impl Tunnel {
    /// Listens on a Unix socket.
    pub fn listen(socket: PathBuf) -> Result<Self> {
        let listener =
            UnixListener::bind(&socket).with_context(|| format!("listening on {}", socket.display()))?;
        let routes = Routes::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&routes))).abort_handle();
        Ok(Self { socket, routes, task })
    }

    /// The egress selector configuration that sends the API server's calls to Services here.
    pub fn egress_selector(&self) -> String {
        let transport = json!({"uds": {"udsName": self.socket}});
        let connection = json!({"proxyProtocol": "HTTPConnect", "transport": transport});
        let config = json!({
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        });
        config.to_string()
    }

    /// Adds an endpoint of the Service port `<cluster IP>:<port>`. As with kube-proxy, any endpoint that answers will do.
    pub fn add(&self, service: &str, endpoint: SocketAddr) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(service.to_owned()).or_default().push(endpoint);
    }

    /// Removes an endpoint from every Service.
    pub fn remove(&self, endpoint: SocketAddr) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values_mut().for_each(|endpoints| endpoints.retain(|known| *known != endpoint));
    }

    /// The path of the socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: UnixListener, routes: Routes) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(forward(stream, Arc::clone(&routes)));
    }
}

/// Serves one `CONNECT` until either side closes.
async fn forward(stream: UnixStream, routes: Routes) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let target = read_target(&mut stream).await?;
    let endpoints = {
        let routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(&target).cloned().unwrap_or_default()
    };
    let mut upstream = None;
    for endpoint in endpoints {
        if let Ok(connected) = TcpStream::connect(endpoint).await {
            upstream = Some(connected);
            break;
        }
    }
    let Some(mut upstream) = upstream else {
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await?;
        return Ok(());
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut upstream).await?;
    Ok(())
}

/// Reads the head of a `CONNECT host:port` request.
async fn read_target(stream: &mut BufReader<UnixStream>) -> Result<String> {
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    Ok(first.split(' ').nth(1).context("not a request line")?.to_owned())
}
