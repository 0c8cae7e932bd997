//! The kinds of Gateway API that the controller reads, and the statuses that it writes.
//!
//! Own types, because the crate `gateway-api` needs an older kube. They hold what is read and nothing else, which keeps
//! caches small: an object is never written back as a whole, only its metadata and status are patched. They are
//! lenient: a value that is not known is kept as text ([`Protocol::Other`]), a field that is absent is empty, and a
//! field that is not known is skipped, so that an object of a later version can still be read.
//!
//! Versions of Gateway API 1.6, standard channel. All kinds are read as `v1`, except ReferenceGrant:
//!
//! | kind | `v1` since | other versions |
//! |---|---|---|
//! | GatewayClass, Gateway, HTTPRoute | 1.0 | `v1beta1`, served |
//! | GRPCRoute | 1.1 | |
//! | ListenerSet | 1.5 | |
//! | TLSRoute | 1.5 | `v1alpha2`, `v1alpha3`, not served in 1.6; never read |
//! | TCPRoute, UDPRoute | 1.6 | `v1alpha2`, not served in 1.6; never read |
//! | ReferenceGrant | 1.5 | `v1beta1`, served and stored; read, because every release serves it |

mod gateway_class;
mod gateway_object;
mod grpc_route;
mod http_route;
mod l4_route;
mod listener_set;
mod reference_grant;
mod route;

pub use gateway_class::{
    GatewayClass, GatewayClassSpec, GatewayClassStatus, ParametersReference, SupportedFeature,
};
pub use gateway_object::{
    AllowedListeners, AllowedRoutes, FromNamespaces, Gateway, GatewayInfrastructure, GatewaySpec,
    GatewayStatus, GatewayStatusAddress, Listener, ListenerStatus, ListenerTls, NamespaceFilter, Protocol,
    RouteGroupKind, SecretObjectReference, TlsMode,
};
pub use grpc_route::{
    GrpcMethodMatch, GrpcRoute, GrpcRouteFilter, GrpcRouteMatch, GrpcRouteRule, GrpcRouteSpec,
};
pub use http_route::{
    HttpPathMatch, HttpPathModifier, HttpRedirect, HttpRoute, HttpRouteFilter, HttpRouteMatch, HttpRouteRule,
    HttpRouteSpec, HttpUrlRewrite, PathMatchType,
};
pub use l4_route::{L4RouteRule, TcpRoute, TcpRouteSpec, TlsRoute, TlsRouteSpec, UdpRoute, UdpRouteSpec};
pub use listener_set::{ListenerSet, ListenerSetSpec, ListenerSetStatus, ParentGatewayReference};
pub use reference_grant::{ReferenceGrant, ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo};
pub use route::{
    BackendRef, FilterType, FilteredBackendRef, LocalObjectReference, MatchType, ParentReference,
    RouteParentStatus, RouteStatus, ValueMatch,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// API group of Gateway API.
pub const GROUP: &str = "gateway.networking.k8s.io";
/// Kind of [`Gateway`].
pub const GATEWAY_KIND: &str = "Gateway";
/// Kind of [`ListenerSet`].
pub const LISTENER_SET_KIND: &str = "ListenerSet";

/// `spec.controllerName` of GatewayClasses whose Gateways are ALBs; also the finalizer of such Gateways.
pub const ALB_CONTROLLER: &str = "gateway.k8s.aws/alb";
/// `spec.controllerName` of GatewayClasses whose Gateways are NLBs; also the finalizer of such Gateways.
pub const NLB_CONTROLLER: &str = "gateway.k8s.aws/nlb";
/// Annotation of GatewayClasses: version of the configuration that Gateways of the class may use.
pub const LAST_PROCESSED_CONFIG_ANNOTATION: &str = "elbv2.k8s.aws/last-processed-config";
/// Annotation of GatewayClasses: when [`LAST_PROCESSED_CONFIG_ANNOTATION`] was written, in Unix seconds.
pub const LAST_PROCESSED_CONFIG_TIMESTAMP_ANNOTATION: &str = "elbv2.k8s.aws/last-processed-config-timestamp";

/// The condition of a type, if it is true.
pub fn true_condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// An enumeration of Gateway API that keeps values it does not know.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A value that is not known, as written; empty where nothing is written.
            Other(String),
        }

        impl $name {
            /// The value as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}
use open_enum;

#[cfg(test)]
mod tests;
