//! Network load balancers: connections, passed on byte by byte.

use super::{
    Place, Shared, checks,
    listeners::Seat,
    upstream::{self, Stream},
    view::{GroupView, ListenerView, View, is_on},
};
use aws_load_balancer_controller::aws_api::elbv2::{ForwardAction, ListenerAction, Protocol};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
};

/// The forward action of a listener that has no rules.
pub(super) fn forward_of(listener: &ListenerView) -> Option<&ForwardAction> {
    listener.rules.last()?.actions.iter().find_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    })
}

/// The target of a new flow of a client.
pub(super) fn choose<'a>(
    shared: &Shared,
    view: &'a View,
    seat: &Seat,
    client: SocketAddr,
) -> Option<(&'a GroupView, Place)> {
    let listener = view.listeners.get(&seat.listener)?;
    let group = view.groups.get(shared.pick_group(forward_of(listener)?)?)?;
    let key = shared.pick_flow(group, &listener.balancer, &seat.zone, client.ip())?;
    Some((group, (group.described.arn.clone(), key.clone())))
}

/// Passes a connection on; resets it where there is no target, as the missing target would.
///
/// `accept` makes the handshake of a TLS listener.
pub(super) async fn serve(
    shared: Arc<Shared>,
    seat: Seat,
    stream: TcpStream,
    client: SocketAddr,
    accept: Option<tokio_rustls::TlsAcceptor>,
) {
    let view = shared.view();
    let connected = connect(&shared, &view, &seat, &stream, client).await;
    let Some((mut target, held)) = connected else {
        reset(&stream);
        return;
    };
    let end = held.end();
    let mut stream = stream;
    let Some(accept) = accept else {
        let copied = tokio::select! {
            copied = copy_bidirectional(&mut stream, &mut target) => copied.is_ok(),
            () = end.cancelled() => false,
        };
        if !copied {
            reset(&stream);
        }
        return;
    };
    let copy = async {
        let mut secured = accept.accept(stream).await?;
        copy_bidirectional(&mut secured, &mut target).await
    };
    // How a connection ends concerns its two ends alone.
    tokio::select! {
        ended = copy => drop(ended),
        () = end.cancelled() => {}
    }
}

async fn connect(
    shared: &Shared,
    view: &View,
    seat: &Seat,
    stream: &TcpStream,
    client: SocketAddr,
) -> Option<(Stream, super::connections::Held)> {
    let (group, place) = choose(shared, view, seat, client)?;
    let held = shared.connections.hold(group, &place);
    let source = checks::preserves_client(group).then_some(client.ip());
    let mut target = upstream::dial(shared, view, group, &place.1, source).await.ok()?;
    if is_on(&group.attributes, "proxy_protocol_v2.enabled") {
        let header = upstream::proxy_header(client, stream.local_addr().ok()?);
        target.write_all(&header).await.ok()?;
    }
    let target = match group.described.protocol {
        Some(Protocol::Tls) => upstream::secure(target).await.ok()?,
        _ => upstream::plain(target),
    };
    Some((target, held))
}

/// The end of the connection will be a reset.
fn reset(stream: &TcpStream) {
    // One that has ended already needs none.
    let _ = stream.set_zero_linger();
}
