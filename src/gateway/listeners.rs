//! Which listeners of a Gateway, and of the ListenerSets that add to it, are valid.

use std::collections::{BTreeMap, BTreeSet};

use super::route::RouteKind;
use super::{Controller, GatewayOptions};
use crate::api::ObjectKey;
use crate::api::gateway::{
    GATEWAY_KIND, GROUP, Gateway, LISTENER_SET_KIND, Listener, ListenerSet, Protocol, RouteGroupKind, TlsMode,
};

/// Where listeners stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParentId {
    /// In the Gateway.
    Gateway(ObjectKey),
    /// In a ListenerSet.
    ListenerSet(ObjectKey),
}

impl ParentId {
    /// Namespace and name.
    pub fn key(&self) -> &ObjectKey {
        match self {
            Self::Gateway(key) | Self::ListenerSet(key) => key,
        }
    }

    /// The kind of the object.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gateway(_) => GATEWAY_KIND,
            Self::ListenerSet(_) => LISTENER_SET_KIND,
        }
    }
}

/// The listeners of one object.
#[derive(Clone, Debug)]
pub struct Parent<'a> {
    /// Which object it is.
    pub id: ParentId,
    /// Which state of the object it is: `metadata.generation`.
    pub generation: i64,
    /// Its listeners, in its order.
    pub listeners: Vec<Judged<'a>>,
}

impl Parent<'_> {
    /// Whether any of its listeners is programmed.
    pub fn any_valid(&self) -> bool {
        self.listeners.iter().any(Judged::is_valid)
    }
}

/// A listener, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The listener as it is written.
    pub listener: &'a Listener,
    /// The kinds of routes that may attach to it, sorted.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// What is wrong with it. It is not programmed then.
    pub problem: Option<ListenerProblem>,
}

impl Judged<'_> {
    /// Whether it is programmed.
    pub fn is_valid(&self) -> bool {
        self.problem.is_none()
    }
}

/// What is wrong with a listener, as its status says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerProblem {
    /// The reason of the conditions.
    pub reason: ListenerReason,
    /// The message of the conditions.
    pub message: String,
}

/// Why a listener is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::IntoStaticStr)]
pub enum ListenerReason {
    /// It admits kinds of routes that it cannot serve.
    InvalidRouteKinds,
    /// Its port is none.
    PortUnavailable,
    /// The load balancer does not speak its protocol.
    UnsupportedProtocol,
    /// Another listener has its port with another protocol.
    ProtocolConflict,
    /// Another listener has its port and its host.
    HostnameConflict,
    /// Its certificate is not usable.
    InvalidCertificateRef,
    /// Its certificate is in another namespace, without a grant.
    RefNotPermitted,
    /// It cannot be built as its configuration asks.
    Invalid,
}

/// Judges the listeners of a Gateway, then those of ListenerSets in their order. Of two that conflict, the later is not valid.
pub fn judge<'a>(
    gateway: &'a Gateway,
    sets: &[&'a ListenerSet],
    controller: Controller,
    options: GatewayOptions,
) -> Vec<Parent<'a>> {
    let mut parents = vec![Parent {
        id: ParentId::Gateway(ObjectKey::of(gateway)),
        generation: gateway.metadata.generation.unwrap_or_default(),
        listeners: unjudged(&gateway.spec.listeners, controller, options),
    }];
    parents.extend(sets.iter().map(|set| Parent {
        id: ParentId::ListenerSet(ObjectKey::of(*set)),
        generation: set.metadata.generation.unwrap_or_default(),
        listeners: unjudged(&set.spec.listeners, controller, options),
    }));
    let mixed = ports_of_both_modes(&parents, options);
    let mut taken = Taken::default();
    for judged in parents.iter_mut().flat_map(|parent| &mut parent.listeners) {
        judged.problem = judge_kinds(judged.listener, controller, options)
            .or_else(|| judge_port(judged.listener))
            .or_else(|| mixed.contains(&judged.listener.port).then(|| protocol_conflict(judged.listener)))
            .or_else(|| taken.judge(judged.listener))
            .or_else(|| judge_protocol(judged.listener, controller));
        if mixed.contains(&judged.listener.port) {
            judged.supported_kinds.clear();
        }
        if judged.problem.is_none() {
            taken.take(judged.listener);
        }
    }
    parents
}

fn unjudged(listeners: &[Listener], controller: Controller, options: GatewayOptions) -> Vec<Judged<'_>> {
    let judged = |listener| Judged {
        listener,
        supported_kinds: supported_kinds(listener, controller, options),
        problem: None,
    };
    listeners.iter().map(judged).collect()
}

/// Whether TLS ends at the targets of a listener.
pub fn is_passthrough(listener: &Listener) -> bool {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_ref());
    listener.protocol == Protocol::Tls && mode == Some(&TlsMode::Passthrough)
}

/// The kinds of routes that may attach to a listener, by what it says or by its protocol.
pub fn admitted_kinds(listener: &Listener, options: GatewayOptions) -> Vec<&str> {
    let explicit = listener.allowed_routes.iter().flat_map(|allowed| &allowed.kinds);
    let explicit: Vec<&str> = explicit.map(|kind| kind.kind.as_str()).collect();
    if explicit.is_empty() { kinds_of_protocol(listener, options) } else { explicit }
}

fn kinds_of_protocol(listener: &Listener, options: GatewayOptions) -> Vec<&'static str> {
    let kinds: &[RouteKind] = match listener.protocol {
        Protocol::Http => &[RouteKind::Http],
        Protocol::Https => &[RouteKind::Http, RouteKind::Grpc],
        Protocol::Tcp => &[RouteKind::Tcp],
        Protocol::Udp => &[RouteKind::Udp],
        Protocol::Tls if options.strict && is_passthrough(listener) => &[RouteKind::Tls],
        Protocol::Tls => &[RouteKind::Tls, RouteKind::Tcp],
        Protocol::Other(_) => &[],
    };
    kinds.iter().map(|kind| kind.as_str()).collect()
}

fn supported_kinds(
    listener: &Listener,
    controller: Controller,
    options: GatewayOptions,
) -> Vec<RouteGroupKind> {
    let is_explicit = listener.allowed_routes.as_ref().is_some_and(|allowed| !allowed.kinds.is_empty());
    let kinds = admitted_kinds(listener, options);
    let supported: BTreeSet<&str> = kinds
        .into_iter()
        .filter(|kind| !is_explicit || can_serve(kind, listener, controller, options))
        .collect();
    let group_kind = |kind: &str| RouteGroupKind { group: Some(GROUP.to_owned()), kind: kind.to_owned() };
    supported.into_iter().map(group_kind).collect()
}

/// Whether routes of a kind can attach to a listener, if it admits them. The group is not looked at, as upstream does.
fn can_serve(kind: &str, listener: &Listener, controller: Controller, options: GatewayOptions) -> bool {
    let Ok(kind) = kind.parse::<RouteKind>() else { return false };
    let is_hidden = options.strict && is_passthrough(listener) && kind == RouteKind::Tcp;
    kind.controller() == controller && !is_hidden
}

fn judge_kinds(
    listener: &Listener,
    controller: Controller,
    options: GatewayOptions,
) -> Option<ListenerProblem> {
    let kinds = listener.allowed_routes.iter().flat_map(|allowed| &allowed.kinds);
    let is_wrong = kinds.into_iter().any(|kind| !can_serve(&kind.kind, listener, controller, options));
    let message = || format!("Invalid route kind for listener {}", listener.name);
    is_wrong.then(|| ListenerProblem { reason: ListenerReason::InvalidRouteKinds, message: message() })
}

fn judge_port(listener: &Listener) -> Option<ListenerProblem> {
    let is_port = (1..=65535).contains(&listener.port);
    let message = || format!("Port {} is not available (listener name {})", listener.port, listener.name);
    (!is_port).then(|| ListenerProblem { reason: ListenerReason::PortUnavailable, message: message() })
}

fn judge_protocol(listener: &Listener, controller: Controller) -> Option<ListenerProblem> {
    let is_supported = match controller {
        Controller::Alb => matches!(listener.protocol, Protocol::Http | Protocol::Https),
        Controller::Nlb => matches!(listener.protocol, Protocol::Tcp | Protocol::Udp | Protocol::Tls),
    };
    let message = || format!("Unsupported protocol {} for listener {}", listener.protocol, listener.name);
    (!is_supported)
        .then(|| ListenerProblem { reason: ListenerReason::UnsupportedProtocol, message: message() })
}

fn protocol_conflict(listener: &Listener) -> ListenerProblem {
    let message = format!("Protocol conflict for port {}", listener.port);
    ListenerProblem { reason: ListenerReason::ProtocolConflict, message }
}

/// Ports on which TLS ends at the load balancer for one listener and at the targets for another. Strictly, neither is valid.
fn ports_of_both_modes(parents: &[Parent<'_>], options: GatewayOptions) -> BTreeSet<i32> {
    let mut modes: BTreeMap<i32, BTreeSet<bool>> = BTreeMap::new();
    let judged = parents.iter().flat_map(|parent| &parent.listeners);
    let tls = judged.map(|judged| judged.listener).filter(|listener| listener.protocol == Protocol::Tls);
    for listener in tls.filter(|_| options.strict) {
        modes.entry(listener.port).or_default().insert(is_passthrough(listener));
    }
    modes.into_iter().filter(|(_, modes)| modes.len() > 1).map(|(port, _)| port).collect()
}

/// What valid listeners have taken.
///
/// why only valid ones: a listener that is not programmed takes nothing from anybody.
#[derive(Debug, Default)]
struct Taken<'a> {
    protocols: BTreeMap<i32, (&'a Protocol, bool)>,
    hosts: BTreeSet<(i32, &'a str)>,
}

impl<'a> Taken<'a> {
    fn judge(&self, listener: &Listener) -> Option<ListenerProblem> {
        let other = self.protocols.get(&listener.port);
        if other.is_some_and(|other| !go_together(*other, (&listener.protocol, is_passthrough(listener)))) {
            return Some(protocol_conflict(listener));
        }
        let hostname = listener.hostname.as_deref()?;
        let message = || format!("Hostname conflict for port {} with hostname {hostname}", listener.port);
        let is_taken = self.hosts.contains(&(listener.port, hostname));
        is_taken.then(|| ListenerProblem { reason: ListenerReason::HostnameConflict, message: message() })
    }

    fn take(&mut self, listener: &'a Listener) {
        self.protocols.entry(listener.port).or_insert((&listener.protocol, is_passthrough(listener)));
        self.hosts.extend(listener.hostname.as_deref().map(|hostname| (listener.port, hostname)));
    }
}

/// Whether one listener of AWS can stand for two of a port: of one protocol, or TCP and UDP together.
///
/// why the mode counts: TLS that ends at the targets is a TCP listener in AWS, which cannot be a TLS listener as well.
fn go_together(one: (&Protocol, bool), other: (&Protocol, bool)) -> bool {
    one == other
        || matches!((one.0, other.0), (Protocol::Tcp, Protocol::Udp) | (Protocol::Udp, Protocol::Tcp))
}

#[cfg(test)]
mod tests;
