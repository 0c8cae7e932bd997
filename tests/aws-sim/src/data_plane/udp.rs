//! Datagrams: flows by client, each to one target.

use super::{Shared, listeners::Seat, network_balancer, upstream};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// How long a flow may be silent, as in AWS.
const IDLE: Duration = Duration::from_mins(2);
/// The longest datagram.
const LONGEST: usize = 65_535;

/// The way of a client to its target.
struct Flow {
    socket: Arc<UdpSocket>,
    /// Cancelled when it is over.
    over: CancellationToken,
}

/// Passes on what arrives until the listener closes. What has no target is lost.
pub(super) async fn serve(shared: Arc<Shared>, seat: Seat, socket: Arc<UdpSocket>) {
    let mut flows: HashMap<SocketAddr, Flow> = HashMap::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = seat.closed.cancelled() => return,
        };
        // An error tells of an earlier datagram that did not arrive, which is the sender's loss.
        let Ok((length, client)) = received else { continue };
        flows.retain(|_, flow| !flow.over.is_cancelled());
        if !flows.contains_key(&client)
            && let Some(flow) = open(&shared, &seat, &socket, client).await
        {
            flows.insert(client, flow);
        }
        if let (Some(flow), Some(datagram)) = (flows.get(&client), buffer.get(..length)) {
            // As above.
            drop(flow.socket.send(datagram).await);
        }
    }
}

async fn open(shared: &Arc<Shared>, seat: &Seat, front: &Arc<UdpSocket>, client: SocketAddr) -> Option<Flow> {
    let view = shared.view();
    let (group, place) = network_balancer::choose(shared, &view, seat, client)?;
    let address = upstream::locate(shared, &view, group, &place.1)?;
    let socket = bind(client.ip()).await?;
    socket.connect(address).await.ok()?;
    let (socket, over, held) =
        (Arc::new(socket), CancellationToken::new(), shared.connections.hold(group, &place));
    let flow = Flow { socket: Arc::clone(&socket), over: over.clone() };
    let (front, end) = (Arc::clone(front), held.end());
    shared.spawn(async move {
        let mut buffer = vec![0; LONGEST];
        loop {
            let received = tokio::select! {
                received = tokio::time::timeout(IDLE, socket.recv(&mut buffer)) => received,
                () = end.cancelled() => break,
            };
            let Ok(Ok(length)) = received else { break };
            if let Some(datagram) = buffer.get(..length) {
                // A client that has gone is the target's loss.
                drop(front.send_to(datagram, client).await);
            }
        }
        over.cancel();
        drop(held);
    });
    Some(flow)
}

/// A socket with the client's address, which targets of UDP always see, where it can be had.
async fn bind(client: IpAddr) -> Option<UdpSocket> {
    match UdpSocket::bind((client, 0)).await {
        Ok(socket) => Some(socket),
        Err(_) => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok(),
    }
}
