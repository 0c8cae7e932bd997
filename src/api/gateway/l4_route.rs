//! `TCPRoute`, `UDPRoute`, `TLSRoute`: connections, told apart by nothing, or by the host that TLS names.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{BackendRef, ParentReference, RouteStatus};
use crate::api::absent_spec_is_default;

/// Backends of TCP connections, and the listeners that they are for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "TCPRoute",
    root = "TcpRoute",
    plural = "tcproutes",
    singular = "tcproute",
    namespaced,
    status = "RouteStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct TcpRouteSpec {
    /// What it wants to attach to.
    pub parent_refs: Vec<ParentReference>,
    /// Rules of the route, in order.
    pub rules: Vec<L4RouteRule>,
}

absent_spec_is_default!(TcpRouteSpec);

/// Backends of UDP packets, and the listeners that they are for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "UDPRoute",
    root = "UdpRoute",
    plural = "udproutes",
    singular = "udproute",
    namespaced,
    status = "RouteStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct UdpRouteSpec {
    /// What it wants to attach to.
    pub parent_refs: Vec<ParentReference>,
    /// Rules of the route, in order.
    pub rules: Vec<L4RouteRule>,
}

absent_spec_is_default!(UdpRouteSpec);

/// Backends of TLS connections, and the listeners that they are for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "TLSRoute",
    root = "TlsRoute",
    plural = "tlsroutes",
    singular = "tlsroute",
    namespaced,
    status = "RouteStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct TlsRouteSpec {
    /// What it wants to attach to.
    pub parent_refs: Vec<ParentReference>,
    /// Hosts. Empty: those of the listeners.
    pub hostnames: Vec<String>,
    /// Rules of the route, in order.
    pub rules: Vec<L4RouteRule>,
}

absent_spec_is_default!(TlsRouteSpec);

/// Where connections are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct L4RouteRule {
    /// Backends of the rule, with their weights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendRef>,
}
