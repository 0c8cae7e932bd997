//! Listeners open and close as the view says.

use super::{
    Address, Shared, application, claim, network_balancer, tls, udp, upstream,
    view::{ListenerView, View, is_on},
};
use aws_load_balancer_controller::aws_api::elbv2::Protocol;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What is added to ports that only the administrator may have.
const UNPRIVILEGED: u16 = 10_000;

/// The open listeners, by ARN.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: BTreeMap<String, Open>,
    /// Addresses of load balancers, by ARN and zone.
    homes: BTreeMap<(String, String), Arc<Address>>,
}

#[derive(Debug)]
struct Open {
    protocol: Protocol,
    port: i32,
    zones: BTreeMap<String, SocketAddr>,
    closed: CancellationToken,
}

/// Where a client has arrived.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// ARN.
    pub(super) listener: String,
    pub(super) zone: String,
    /// The port on loopback.
    pub(super) port: u16,
    /// Cancelled when the listener closes.
    pub(super) closed: CancellationToken,
}

impl Listeners {
    /// The address of a listener in each zone.
    pub(super) fn addresses(&self, arn: &str) -> BTreeMap<String, SocketAddr> {
        self.open.get(arn).map(|open| open.zones.clone()).unwrap_or_default()
    }

    /// Closes what is not in the view any more; answers what is not open yet.
    fn close(&mut self, view: &View) -> Vec<Arc<ListenerView>> {
        self.open.retain(|arn, open| {
            let wanted = view.listeners.get(arn);
            let same = wanted.is_some_and(|listener| {
                listener.described.protocol == open.protocol && listener.described.port == open.port
            });
            if !same {
                open.closed.cancel();
            }
            same
        });
        let balancers: BTreeSet<_> =
            view.listeners.values().map(|listener| &listener.described.load_balancer_arn).collect();
        self.homes.retain(|(arn, _), _| balancers.contains(arn));
        view.listeners.values().filter(|new| !self.open.contains_key(&new.described.arn)).cloned().collect()
    }

    fn home(&self, key: &(String, String)) -> Option<Arc<Address>> {
        self.homes.get(key).cloned()
    }
}

/// Opens and closes listeners. What cannot be opened is tried again the next time.
pub(super) async fn follow(shared: &Arc<Shared>, view: &View) {
    let missing = shared.listeners.lock().close(view);
    for listener in missing {
        let closed = CancellationToken::new();
        let mut zones = BTreeMap::new();
        for zone in listener.balancer.described.zones.iter().map(|zone| &zone.zone_name) {
            let home = home(shared, &listener, zone).await;
            if let Ok(address) = open(shared, &listener, zone, &home, &closed).await {
                zones.insert(zone.clone(), address);
            }
        }
        if zones.len() < listener.balancer.described.zones.len() {
            closed.cancel();
            continue;
        }
        let described = &listener.described;
        let open = Open { protocol: described.protocol.clone(), port: described.port, zones, closed };
        shared.listeners.lock().open.insert(described.arn.clone(), open);
    }
}

/// The address of a load balancer in a zone.
async fn home(shared: &Shared, listener: &ListenerView, zone: &str) -> Arc<Address> {
    let key = (listener.described.load_balancer_arn.clone(), zone.to_owned());
    let known = shared.listeners.lock().home(&key);
    if let Some(home) = known {
        return home;
    }
    let home = Arc::new(claim().await);
    shared.listeners.lock().homes.insert(key, Arc::clone(&home));
    home
}

async fn open(
    shared: &Arc<Shared>,
    listener: &ListenerView,
    zone: &str,
    home: &Address,
    closed: &CancellationToken,
) -> io::Result<SocketAddr> {
    use Protocol::{Quic, TcpQuic, TcpUdp, Udp};
    let wanted = u16::try_from(listener.described.port).map_err(io::Error::other)?;
    let protocol = &listener.described.protocol;
    let mut address = None;
    let seat = |address: SocketAddr| Seat {
        listener: listener.described.arn.clone(),
        zone: zone.to_owned(),
        port: address.port(),
        closed: closed.clone(),
    };
    if !matches!(protocol, Udp | Quic) {
        let socket = bind(home, wanted, async |at| TcpListener::bind(at).await).await?;
        let at = socket.local_addr()?;
        shared.spawn(accept(Arc::clone(shared), seat(at), socket));
        address = Some(at);
    }
    if matches!(protocol, Udp | TcpUdp | Quic | TcpQuic) {
        let port = address.map_or(wanted, |at| at.port());
        let socket = bind(home, port, async |at| UdpSocket::bind(at).await).await?;
        let at = socket.local_addr()?;
        shared.spawn(udp::serve(Arc::clone(shared), seat(at), Arc::new(socket)));
        address = Some(at);
    }
    address.ok_or_else(|| io::Error::other("the protocol is neither TCP nor UDP"))
}

/// Binds the port of an address, or another one where that cannot be had.
async fn bind<T>(
    home: &Address,
    port: u16,
    bind: impl AsyncFn((IpAddr, u16)) -> io::Result<T>,
) -> io::Result<T> {
    if !home.is_exclusive() {
        return bind((home.ip(), 0)).await;
    }
    match bind((home.ip(), port)).await {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            bind((home.ip(), port.wrapping_add(UNPRIVILEGED))).await
        }
        bound => bound,
    }
}

async fn accept(shared: Arc<Shared>, seat: Seat, socket: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = seat.closed.cancelled() => return,
        };
        // A connection that ended before it was accepted is none.
        let Ok((stream, client)) = accepted else { continue };
        shared.spawn(serve(Arc::clone(&shared), seat.clone(), stream, client));
    }
}

async fn serve(shared: Arc<Shared>, seat: Seat, stream: TcpStream, client: SocketAddr) {
    let view = shared.view();
    let Some(listener) = view.listeners.get(&seat.listener) else { return };
    // A connection that waits to fill its packets is only slower.
    let _ = stream.set_nodelay(true);
    let protocol = &listener.described.protocol;
    if !listener.balancer.is_application() {
        let accept = (*protocol == Protocol::Tls).then(|| acceptor(&shared, listener));
        match accept {
            Some(None) => {}
            accept => network_balancer::serve(shared, seat, stream, client, accept.flatten()).await,
        }
        return;
    }
    if *protocol != Protocol::Https {
        let client = application::Client { shared, seat, address: client, tls: None, http2: false };
        client.serve(upstream::plain(stream)).await;
        return;
    }
    let Some(acceptor) = acceptor(&shared, listener) else { return };
    // A handshake that fails concerns its client alone.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let (_, session) = stream.get_ref();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let version = session.protocol_version().map_or("", |version| version.as_str().unwrap_or_default());
    let version = match version {
        "TLSv1_2" => "TLSv1.2",
        "TLSv1_3" => "TLSv1.3",
        other => other,
    };
    let suite = session.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str()).unwrap_or_default();
    let tls = Some((version.to_owned(), suite.to_owned()));
    application::Client { shared, seat, address: client, tls, http2 }.serve(Box::new(stream)).await;
}

/// How a listener shakes hands; `None` if one of its certificates cannot be had.
fn acceptor(shared: &Shared, listener: &ListenerView) -> Option<TlsAcceptor> {
    let alpn: &[&str] = if !listener.balancer.is_application() {
        tls::alpn(&listener.described.alpn_policy)
    } else if is_on(&listener.balancer.attributes, "routing.http2.enabled") {
        &["h2", "http/1.1"]
    } else {
        &["http/1.1"]
    };
    let config = shared.certificates.config(listener, alpn).ok()?;
    Some(Arc::new(config).into())
}
