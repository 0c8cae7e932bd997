//! Routes as they are cached, and where they are found: by their parents, backends and ListenerRuleConfigurations.

use crate::api::ObjectKey;
use crate::api::gateway::{
    GATEWAY_KIND, GrpcRoute, HttpRoute, LISTENER_SET_KIND, ParentReference, TcpRoute, TlsRoute, UdpRoute,
};
use crate::gateway::route::Route;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a route names as its parent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteParent {
    /// A Gateway, by namespace and name.
    Gateway(ObjectKey),
    /// A ListenerSet, by namespace and name.
    ListenerSet(ObjectKey),
}

impl RouteParent {
    fn of(reference: &ParentReference, namespace: &str) -> Option<Self> {
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        let key = ObjectKey::namespaced(namespace, reference.name.as_str());
        match reference.kind.as_deref() {
            None | Some(GATEWAY_KIND) => Some(Self::Gateway(key)),
            Some(LISTENER_SET_KIND) => Some(Self::ListenerSet(key)),
            Some(_) => None,
        }
    }

    /// Where routes with this parent are found.
    pub(super) fn place(&self) -> ObjectKey {
        match self {
            Self::Gateway(key) => place("parent Gateway", key),
            Self::ListenerSet(key) => place("parent ListenerSet", key),
        }
    }
}

/// Where objects are found by what they refer to.
pub(super) fn place(relation: &str, key: &ObjectKey) -> ObjectKey {
    key.sibling(format!("{relation} {}", key.name()))
}

/// The parents that a route names, and those that its status tells of.
pub fn parents(route: &Route<'_>) -> BTreeSet<RouteParent> {
    let of_status = route.status.iter().flat_map(|status| &status.parents).map(|entry| &entry.parent_ref);
    let namespace = route.id.key.namespace();
    route.parents.iter().chain(of_status).filter_map(|one| RouteParent::of(one, namespace)).collect()
}

/// Where a route is found: by its parents, backends and ListenerRuleConfigurations.
pub(super) fn route_places<R>(route: &R) -> Vec<ObjectKey>
where
    for<'a> Route<'a>: From<&'a R>,
{
    let route = Route::from(route);
    let namespace = route.id.key.namespace();
    let mut places: BTreeSet<ObjectKey> = parents(&route).iter().map(RouteParent::place).collect();
    for rule in route.rules.references() {
        for backend in rule.backends {
            let key = ObjectKey::namespaced(
                backend.namespace.as_deref().unwrap_or(namespace),
                backend.name.as_str(),
            );
            places.insert(place(backend.kind.as_deref().unwrap_or("Service"), &key));
        }
        let configurations = rule.configurations.iter();
        places.extend(configurations.map(|name| place("rule", &route.id.key.sibling(*name))));
    }
    places.into_iter().collect()
}

/// A route of any kind, as it is cached.
#[derive(Clone, Debug)]
pub enum RouteObject {
    /// An HTTPRoute as the API server has it.
    Http(Arc<HttpRoute>),
    /// A GRPCRoute as the API server has it.
    Grpc(Arc<GrpcRoute>),
    /// A TCPRoute as the API server has it.
    Tcp(Arc<TcpRoute>),
    /// A UDPRoute as the API server has it.
    Udp(Arc<UdpRoute>),
    /// A TLSRoute as the API server has it.
    Tls(Arc<TlsRoute>),
}

impl RouteObject {
    /// The route, seen like any other.
    pub fn route(&self) -> Route<'_> {
        match self {
            Self::Http(route) => Route::from(&**route),
            Self::Grpc(route) => Route::from(&**route),
            Self::Tcp(route) => Route::from(&**route),
            Self::Udp(route) => Route::from(&**route),
            Self::Tls(route) => Route::from(&**route),
        }
    }
}
