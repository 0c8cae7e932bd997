//! `GRPCRoute`: calls, told apart by host, service, method and headers.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{
    FilterType, FilteredBackendRef, LocalObjectReference, MatchType, ParentReference, RouteStatus, ValueMatch,
};
use crate::api::absent_spec_is_default;

/// Rules, and the listeners that they are for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "GRPCRoute",
    root = "GrpcRoute",
    plural = "grpcroutes",
    singular = "grpcroute",
    namespaced,
    status = "RouteStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct GrpcRouteSpec {
    /// What it wants to attach to.
    pub parent_refs: Vec<ParentReference>,
    /// Hosts. Empty: those of the listeners.
    pub hostnames: Vec<String>,
    /// Rules; of equal ones the first counts.
    pub rules: Vec<GrpcRouteRule>,
}

absent_spec_is_default!(GrpcRouteSpec);

/// What becomes of some calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRouteRule {
    /// Which calls: those that one of the matches is true of. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GrpcRouteMatch>,
    /// What is done with them on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<GrpcRouteFilter>,
    /// Where they are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<FilteredBackendRef<GrpcRouteFilter>>,
}

/// Some calls: everything that is set is true of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrpcRouteMatch {
    /// Their service and method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<GrpcMethodMatch>,
    /// Headers, all of which have to fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueMatch>,
}

/// A service, or a method, or a method of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrpcMethodMatch {
    /// How both are compared. Absent: as they are.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<MatchType>,
    /// Service of gRPC; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Method of gRPC; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// What is done with calls on the way. Of filters that cannot be had only the type is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcRouteFilter {
    /// Which of the fields below counts.
    #[serde(rename = "type")]
    pub type_: FilterType,
    /// A ListenerRuleConfiguration, in the route's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<LocalObjectReference>,
}
