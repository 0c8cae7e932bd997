//! `Gateway`: a load balancer and its listeners.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{LocalObjectReference, open_enum};
use crate::api::absent_spec_is_default;

/// A load balancer that is wanted.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "Gateway",
    plural = "gateways",
    namespaced,
    status = "GatewayStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct GatewaySpec {
    /// Name of its class.
    pub gateway_class_name: String,
    /// Its own listeners, without those of ListenerSets.
    pub listeners: Vec<Listener>,
    /// Its configuration, and what is put on objects that are made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<GatewayInfrastructure>,
    /// Which ListenerSets may add listeners. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_listeners: Option<AllowedListeners>,
}

absent_spec_is_default!(GatewaySpec);

/// A listener, of a Gateway or of a ListenerSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Listener {
    /// Its name, unique in its object.
    pub name: String,
    /// The host that it is for. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol towards the clients.
    pub protocol: Protocol,
    /// What becomes of TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Which routes may attach. Absent: those of the same namespace, of the kinds of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_routes: Option<AllowedRoutes>,
}

open_enum! {
    /// Protocol of a listener.
    #[allow(missing_docs)] // why: the variants are the protocols' names; a doc line would only repeat them
    Protocol {
        Http = "HTTP",
        Https = "HTTPS",
        Tls = "TLS",
        Tcp = "TCP",
        Udp = "UDP",
    }
}

/// What becomes of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTls {
    /// Whether it ends at the load balancer. Absent: it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<TlsMode>,
    /// Secrets with certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificate_refs: Vec<SecretObjectReference>,
}

open_enum! {
    /// Where TLS ends.
    TlsMode {
        /// At the load balancer.
        Terminate = "Terminate",
        /// At the target.
        Passthrough = "Passthrough",
    }
}

/// An object, usually a Secret, with a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretObjectReference {
    /// Its API group. Absent: that of Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its kind. Absent: `Secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the Secret.
    pub name: String,
    /// Its namespace. Absent: that of the object that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Which routes may attach to a listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    /// From which namespaces. Absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceFilter>,
    /// Of which kinds. Empty: those of the protocol.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RouteGroupKind>,
}

/// Which ListenerSets may add listeners.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedListeners {
    /// From which namespaces. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceFilter>,
}

/// Namespaces from which something may come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceFilter {
    /// Which namespaces; none: the default of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<FromNamespaces>,
    /// The labels of those that are meant by [`FromNamespaces::Selector`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

open_enum! {
    /// Which namespaces something may come from.
    FromNamespaces {
        /// Every namespace of the cluster.
        All = "All",
        /// Those with certain labels.
        Selector = "Selector",
        /// The namespace of the object itself.
        Same = "Same",
        /// No namespace at all.
        None = "None",
    }
}

/// A kind of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteGroupKind {
    /// Its API group. Absent: that of Gateway API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of route, for example `HTTPRoute`.
    pub kind: String,
}

/// The configuration of a Gateway, and what is put on objects that are made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayInfrastructure {
    /// Labels for what is made; nothing here has any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations for what is made; nothing here has any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Its LoadBalancerConfiguration, in its own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<LocalObjectReference>,
}

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayStatus {
    /// Names of the load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewayStatusAddress>,
    /// Conditions of the Gateway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// State of its listeners, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
    /// How many ListenerSets add a listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<i32>,
}

/// A name of the load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayStatusAddress {
    /// Kind of the value: `Hostname`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// DNS name of the load balancer.
    pub value: String,
}

/// What is reported of a listener, of a Gateway or of a ListenerSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerStatus {
    /// Name of the listener.
    pub name: String,
    /// The kinds of routes that may attach.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// How many routes are attached.
    pub attached_routes: i32,
    /// Conditions of the listener.
    pub conditions: Vec<Condition>,
}
