//! The way from a load balancer to a target.

use super::{
    Shared,
    view::{GroupView, View},
};
use crate::{any_certificate, elb::TargetKey};
use aws_load_balancer_controller::aws_api::elbv2::TargetType;
use http::{Request, Response, Version};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

/// How long connecting may take, as in AWS.
const CONNECT: Duration = Duration::from_secs(10);

/// What a connection is made of, with or without TLS.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection, with or without TLS.
pub(super) type Stream = Box<dyn Wire>;

/// Why there is no connection to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// It was refused or reset.
    Refused,
    /// Nobody answered.
    Lost,
}

/// A connection without TLS.
pub(super) fn plain(stream: TcpStream) -> Stream {
    Box::new(stream)
}

/// Connects to a target, from a client's own address where that is asked for and can be had.
pub(super) async fn dial(
    shared: &Shared,
    view: &View,
    group: &GroupView,
    key: &TargetKey,
    client: Option<IpAddr>,
) -> Result<TcpStream, Unreachable> {
    let address = locate(shared, view, group, key).ok_or(Unreachable::Lost)?;
    let connected = tokio::time::timeout(CONNECT, connect(address, client)).await;
    let stream = connected.map_err(|_| Unreachable::Lost)?.map_err(|_| Unreachable::Refused)?;
    // A connection that waits to fill its packets is only slower.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn connect(address: SocketAddr, client: Option<IpAddr>) -> io::Result<TcpStream> {
    if let (SocketAddr::V4(_), Some(IpAddr::V4(client))) = (address, client)
        && client.is_loopback()
    {
        let socket = TcpSocket::new_v4()?;
        if socket.bind((client, 0).into()).is_ok() {
            return socket.connect(address).await;
        }
    }
    TcpStream::connect(address).await
}

/// Where a target is on loopback.
pub(super) fn locate(shared: &Shared, view: &View, group: &GroupView, key: &TargetKey) -> Option<SocketAddr> {
    let port = u16::try_from(key.port).ok()?;
    let ip: IpAddr = match group.described.target_type {
        TargetType::Alb => return alb_address(shared, view, key),
        TargetType::Instance => shared.sim.world(|world| {
            let instance = world.ec2.instances.get(&key.id)?;
            instance.network_interfaces.first()?.private_ipv4_addresses.first()?.parse().ok()
        })?,
        _ => key.id.parse().ok()?,
    };
    shared.network.locate((ip, port).into())
}

fn alb_address(shared: &Shared, view: &View, key: &TargetKey) -> Option<SocketAddr> {
    let listener = view.listeners.values().find(|listener| {
        listener.described.load_balancer_arn == key.id && listener.described.port == key.port
    })?;
    let addresses = shared.listeners.lock().addresses(&listener.described.arn);
    let (_, address) = addresses.into_iter().next()?;
    Some(address)
}

/// The head of proxy protocol 2 for a connection.
/// Source: <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, section 2.2
pub(super) fn proxy_header(client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let mut header = proxy_start(0x21);
    match (client, server) {
        (SocketAddr::V4(client), SocketAddr::V4(server)) => {
            header.extend([0x11, 0, 12]);
            header.extend(client.ip().octets());
            header.extend(server.ip().octets());
        }
        (client, server) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            header.extend([0x21, 0, 36]);
            header.extend(octets(client.ip()));
            header.extend(octets(server.ip()));
        }
    }
    header.extend(client.port().to_be_bytes());
    header.extend(server.port().to_be_bytes());
    header
}

fn proxy_start(command: u8) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.push(command);
    header
}

/// Says that the load balancer itself speaks, as health checks do.
pub(super) async fn send_local_header(stream: &mut TcpStream) -> io::Result<()> {
    let mut header = proxy_start(0x20);
    header.extend([0, 0, 0]);
    stream.write_all(&header).await
}

/// Lets a connection to a target speak TLS; its certificate is not looked at, as in AWS.
pub(super) async fn secure(stream: TcpStream) -> io::Result<Stream> {
    static CONNECTOR: LazyLock<Option<TlsConnector>> = LazyLock::new(connector);
    let connector = CONNECTOR.as_ref().ok_or_else(|| io::Error::other("no TLS"))?;
    let name = ServerName::IpAddress(IpAddr::from(Ipv4Addr::LOCALHOST).into());
    Ok(Box::new(connector.connect(name, stream).await?))
}

fn connector() -> Option<TlsConnector> {
    let config = any_certificate::client_config().ok()?;
    Some(Arc::new(config).into())
}

/// Sends one request over a connection, by HTTP/2 if the request says so. The connection lives as long as what comes with the answer.
pub(super) async fn send<B>(
    stream: Stream,
    request: Request<B>,
) -> hyper::Result<(Response<Incoming>, JoinSet<()>)>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    let mut connection = JoinSet::new();
    if request.version() == Version::HTTP_2 {
        let (mut sender, driver) =
            hyper::client::conn::http2::Builder::new(TokioExecutor::new()).handshake(io).await?;
        // The end of a connection shows in the answer.
        connection.spawn(async { drop(driver.await) });
        return Ok((sender.send_request(request).await?, connection));
    }
    let (mut sender, driver) = hyper::client::conn::http1::handshake(io).await?;
    connection.spawn(async { drop(driver.with_upgrades().await) });
    Ok((sender.send_request(request).await?, connection))
}
