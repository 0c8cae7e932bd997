//! Routes of all kinds, seen alike.

use jiff::Timestamp;

use crate::api::ObjectKey;
use crate::api::gateway::{
    BackendRef, FilterType, FilteredBackendRef, GrpcRoute, GrpcRouteRule, HttpRoute, HttpRouteRule,
    L4RouteRule, LocalObjectReference, ParentReference, RouteStatus, TcpRoute, TlsRoute, UdpRoute,
};
use crate::api::gateway_config::{GROUP, LISTENER_RULE_CONFIGURATION_KIND};

use super::Controller;

/// A kind of routes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum RouteKind {
    /// `HTTPRoute`, for ALBs.
    #[strum(serialize = "HTTPRoute")]
    Http,
    /// `GRPCRoute`, for ALBs.
    #[strum(serialize = "GRPCRoute")]
    Grpc,
    /// `TCPRoute`, for NLBs.
    #[strum(serialize = "TCPRoute")]
    Tcp,
    /// `UDPRoute`, for NLBs.
    #[strum(serialize = "UDPRoute")]
    Udp,
    /// `TLSRoute`, for NLBs.
    #[strum(serialize = "TLSRoute")]
    Tls,
}

impl RouteKind {
    /// The kind as manifests name it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whose Gateways serve such routes.
    pub fn controller(self) -> Controller {
        match self {
            Self::Http | Self::Grpc => Controller::Alb,
            Self::Tcp | Self::Udp | Self::Tls => Controller::Nlb,
        }
    }

    /// Whether such routes are about some hosts only.
    pub fn has_hostnames(self) -> bool {
        matches!(self, Self::Http | Self::Grpc | Self::Tls)
    }
}

/// Which route. Ordered by namespace and name, then kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// Kind of the route.
    pub kind: RouteKind,
}

/// A route of any kind.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    /// Which route it is.
    pub id: RouteId,
    /// Which state of the route it is: `metadata.generation`.
    pub generation: i64,
    /// When it was created; `None` if it was not yet.
    pub created: Option<Timestamp>,
    /// What it wants to attach to.
    pub parents: &'a [ParentReference],
    /// Hosts that it asks for; empty: all of its listeners.
    pub hostnames: &'a [String],
    /// Its rules, of its kind.
    pub rules: RouteRules<'a>,
    /// What was reported of it.
    pub status: Option<&'a RouteStatus>,
}

/// The rules of a route.
#[derive(Clone, Copy, Debug)]
pub enum RouteRules<'a> {
    /// Of an HTTPRoute.
    Http(&'a [HttpRouteRule]),
    /// Of a GRPCRoute.
    Grpc(&'a [GrpcRouteRule]),
    /// Of a TCPRoute, UDPRoute or TLSRoute.
    L4(&'a [L4RouteRule]),
}

impl RouteRules<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Http(rules) => rules.len(),
            Self::Grpc(rules) => rules.len(),
            Self::L4(rules) => rules.len(),
        }
    }

    /// How many conditions they have in all, each a rule of a listener; one without any counts as one.
    pub fn matches(&self) -> usize {
        match self {
            Self::Http(rules) => rules.iter().map(|rule| rule.matches.len().max(1)).sum(),
            Self::Grpc(rules) => rules.iter().map(|rule| rule.matches.len().max(1)).sum(),
            Self::L4(rules) => rules.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a rule of a route of any kind refers to.
#[derive(Clone, Debug, Default)]
pub struct References<'a> {
    /// Backends of the rule, in order.
    pub backends: Vec<&'a BackendRef>,
    /// Names of its ListenerRuleConfigurations.
    pub configurations: Vec<&'a str>,
    /// Whether filters stand at a backend.
    pub has_backend_filters: bool,
}

impl<'a> RouteRules<'a> {
    /// What each rule refers to.
    pub fn references(&self) -> Vec<References<'a>> {
        match self {
            Self::Http(rules) => rules.iter().map(http_references).collect(),
            Self::Grpc(rules) => rules.iter().map(grpc_references).collect(),
            Self::L4(rules) => rules.iter().map(l4_references).collect(),
        }
    }
}

fn http_references(rule: &HttpRouteRule) -> References<'_> {
    let extensions = rule.filters.iter().map(|filter| (&filter.type_, filter.extension_ref.as_ref()));
    references(&rule.backend_refs, extensions)
}

fn grpc_references(rule: &GrpcRouteRule) -> References<'_> {
    let extensions = rule.filters.iter().map(|filter| (&filter.type_, filter.extension_ref.as_ref()));
    references(&rule.backend_refs, extensions)
}

fn l4_references(rule: &L4RouteRule) -> References<'_> {
    References { backends: rule.backend_refs.iter().collect(), ..References::default() }
}

/// `extensions` has, of each filter of the rule, its type and the object that it names.
fn references<'a, F: Default>(
    backends: &'a [FilteredBackendRef<F>],
    extensions: impl Iterator<Item = (&'a FilterType, Option<&'a LocalObjectReference>)>,
) -> References<'a> {
    References {
        backends: backends.iter().map(|backend| &backend.backend).collect(),
        configurations: extensions.filter_map(configuration).collect(),
        has_backend_filters: backends.iter().any(|backend| !backend.filters.is_empty()),
    }
}

/// The name of the ListenerRuleConfiguration that a filter stands for. Other extensions are nobody's.
fn configuration<'a>((type_, extension): (&FilterType, Option<&'a LocalObjectReference>)) -> Option<&'a str> {
    let extension = extension.filter(|_| *type_ == FilterType::ExtensionRef)?;
    let is_ours = extension.group == GROUP && extension.kind == LISTENER_RULE_CONFIGURATION_KIND;
    is_ours.then_some(extension.name.as_str())
}

macro_rules! route_from {
    ($($object:ident, $kind:ident, $rules:ident, $hostnames:expr;)+) => {
        $(impl<'a> From<&'a $object> for Route<'a> {
            fn from(route: &'a $object) -> Self {
                let hostnames: fn(&'a $object) -> &'a [String] = $hostnames;
                Self {
                    id: RouteId { key: ObjectKey::of(route), kind: RouteKind::$kind },
                    generation: route.metadata.generation.unwrap_or_default(),
                    created: route.metadata.creation_timestamp.as_ref().map(|time| time.0),
                    parents: &route.spec.parent_refs,
                    hostnames: hostnames(route),
                    rules: RouteRules::$rules(&route.spec.rules),
                    status: route.status.as_ref(),
                }
            }
        })+
    };
}

route_from! {
    HttpRoute, Http, Http, |route| &route.spec.hostnames;
    GrpcRoute, Grpc, Grpc, |route| &route.spec.hostnames;
    TcpRoute, Tcp, L4, |_| &[];
    UdpRoute, Udp, L4, |_| &[];
    TlsRoute, Tls, L4, |route| &route.spec.hostnames;
}

/// Why a route, or a part of it, is not served as it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::IntoStaticStr)]
pub enum RouteReason {
    /// No listener admits it.
    NotAllowedByListeners,
    /// No listener is for its hosts.
    NoMatchingListenerHostname,
    /// There is no such listener.
    NoMatchingParent,
    /// It asks for something that the load balancer cannot do.
    UnsupportedValue,
    /// Its filters cannot be had together, or one is not usable.
    IncompatibleFilters,
    /// It waits for something.
    Pending,
    /// An object of another namespace has no grant.
    RefNotPermitted,
    /// A backend is of no known kind.
    InvalidKind,
    /// A backend is not there.
    BackendNotFound,
}

impl RouteReason {
    /// Whether it is a reason of the condition `ResolvedRefs`; otherwise it is one of `Accepted`.
    pub fn is_about_references(self) -> bool {
        matches!(self, Self::RefNotPermitted | Self::InvalidKind | Self::BackendNotFound)
    }
}

/// What is wrong with a route, as its status says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteProblem {
    /// The reason of the condition.
    pub reason: RouteReason,
    /// The message of the condition.
    pub message: String,
}

impl RouteProblem {
    /// A problem with its reason, as conditions tell it.
    pub fn new(reason: RouteReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Something that the load balancer cannot do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(RouteReason::UnsupportedValue, message)
    }
}
