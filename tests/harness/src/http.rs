//! The few plain HTTP requests that probes need.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use anyhow::{Context, Result, bail};
use aws_sim::any_certificate;
use rustls::{ClientConnection, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Sends one request over a connection of its own and returns the status and the body.
pub async fn request(method: &str, addr: SocketAddr, path: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(addr).await?;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nhost: {addr}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// `GET`.
pub async fn get(addr: SocketAddr, path: &str) -> Result<(u16, String)> {
    request("GET", addr, path, "").await
}

/// `POST` over TLS to a server whose certificate is not looked at; returns the status and the body.
pub async fn post_tls(addr: SocketAddr, path: &str, body: &str) -> Result<(u16, String)> {
    let request = format!(
        "POST {path} HTTP/1.0\r\nhost: {addr}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = tokio::task::spawn_blocking(move || exchange_tls(addr, &request)).await??;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok((status, body.to_owned()))
}

fn exchange_tls(addr: SocketAddr, request: &str) -> Result<String> {
    let config = any_certificate::client_config()?;
    let mut connection =
        ClientConnection::new(Arc::new(config), ServerName::try_from("webhook.example.com")?)?;
    let mut stream = std::net::TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    tls.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match tls.read_to_end(&mut answer) {
        // why: a server may close the connection without the end of TLS
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// The ports that are tried, below those that Linux gives to outgoing connections: one of these could take a port between its
/// being found free and its being used.
const PORTS: Range<u16> = 12_000..32_000;
/// Ports handed out so far, so that none is handed out twice.
static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A loopback address that nothing listens on.
///
/// Errors: every port is taken.
pub async fn free_address() -> Result<SocketAddr> {
    // why: test processes that run at the same time start at ports far from each other
    let first = std::process::id().wrapping_mul(97) % u32::from(PORTS.end - PORTS.start);
    for _ in PORTS {
        let place = first + u32::from(HANDED_OUT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(place % u32::from(PORTS.end - PORTS.start))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).await.is_ok() {
            return Ok(address);
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end)
}
