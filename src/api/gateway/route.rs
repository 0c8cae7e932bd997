//! What routes of all kinds have.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};

use super::open_enum;

/// What a route wants to attach to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParentReference {
    /// Its API group. Absent: that of Gateway API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its kind. Absent: `Gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its namespace. Absent: that of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the parent.
    pub name: String,
    /// The listener. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    /// The port of the listeners. Absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

/// Where requests are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackendRef {
    /// API group. Absent: that of Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind. Absent: `Service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the backend.
    pub name: String,
    /// Namespace. Absent: that of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Port of the Service; other kinds need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Its share of the requests. Absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
}

/// Where requests are sent, and what is done with them on the way there. `F`: the filters of the kind of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilteredBackendRef<F: Default> {
    /// The backend that is meant.
    #[serde(flatten)]
    pub backend: BackendRef,
    /// What is done with them on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<F>,
}

/// A header, or a parameter of the query, and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ValueMatch {
    /// How the value is compared. Absent: as it is.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<MatchType>,
    /// Name of the header or parameter.
    pub name: String,
    /// What the value is compared with.
    pub value: String,
}

/// An object in the namespace of the one that names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalObjectReference {
    /// Its API group.
    pub group: String,
    /// Kind of the object.
    pub kind: String,
    /// Name of the object, in the same namespace.
    pub name: String,
}

open_enum! {
    /// How a text is compared.
    MatchType {
        /// As it is.
        Exact = "Exact",
        /// As a regular expression.
        RegularExpression = "RegularExpression",
    }
}

open_enum! {
    /// What a filter does.
    FilterType {
        /// Changes headers of requests.
        RequestHeaderModifier = "RequestHeaderModifier",
        /// Changes headers of answers.
        ResponseHeaderModifier = "ResponseHeaderModifier",
        /// Answers with a redirect.
        RequestRedirect = "RequestRedirect",
        /// Changes host or path of requests.
        UrlRewrite = "URLRewrite",
        /// Sends requests to a second backend.
        RequestMirror = "RequestMirror",
        /// Answers requests of other origins.
        Cors = "CORS",
        /// Asks another service whether requests are admitted.
        ExternalAuth = "ExternalAuth",
        /// What an object says.
        ExtensionRef = "ExtensionRef",
    }
}

/// What controllers report of a route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    /// One entry for each parent and controller.
    pub parents: Vec<RouteParentStatus>,
}

/// What one controller reports of a route and one parent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteParentStatus {
    /// The parent, as the route names it.
    pub parent_ref: ParentReference,
    /// Name of the controller that says so.
    pub controller_name: String,
    /// What it reports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
