//! `HTTPRoute`: requests, told apart by host, path, headers, query and method.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{
    FilterType, FilteredBackendRef, LocalObjectReference, ParentReference, RouteStatus, ValueMatch, open_enum,
};
use crate::api::absent_spec_is_default;

/// Rules, and the listeners that they are for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    root = "HttpRoute",
    plural = "httproutes",
    singular = "httproute",
    namespaced,
    status = "RouteStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct HttpRouteSpec {
    /// What it wants to attach to.
    pub parent_refs: Vec<ParentReference>,
    /// Hosts. Empty: those of the listeners.
    pub hostnames: Vec<String>,
    /// Rules; of equal ones the first counts.
    pub rules: Vec<HttpRouteRule>,
}

absent_spec_is_default!(HttpRouteSpec);

/// What becomes of some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteRule {
    /// Which requests: those that one of the matches is true of. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpRouteMatch>,
    /// What is done with them on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
    /// Where they are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<FilteredBackendRef<HttpRouteFilter>>,
}

/// Some requests: everything that is set is true of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteMatch {
    /// Path that is accepted; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathMatch>,
    /// Headers, all of which have to fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueMatch>,
    /// Parameters of their query.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<ValueMatch>,
    /// Method that is accepted; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// Which paths are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpPathMatch {
    /// How it is compared. Absent: by prefix.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<PathMatchType>,
    /// What it is compared with. Absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

open_enum! {
    /// How a path is compared.
    PathMatchType {
        /// As it is.
        Exact = "Exact",
        /// Its first elements.
        PathPrefix = "PathPrefix",
        /// As a regular expression.
        RegularExpression = "RegularExpression",
    }
}

/// What is done with requests on the way. Of filters that cannot be had only the type is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteFilter {
    /// Which of the fields below counts.
    #[serde(rename = "type")]
    pub type_: FilterType,
    /// Parameters of a redirect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_redirect: Option<HttpRedirect>,
    /// The new host or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_rewrite: Option<HttpUrlRewrite>,
    /// A ListenerRuleConfiguration, in the route's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<LocalObjectReference>,
}

/// A redirect; what is absent stays as in the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRedirect {
    /// Scheme to go to; none: as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Host to go to; none: as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Path to go to; none: as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathModifier>,
    /// Port. Absent: that of the scheme, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Status code. Absent: 302.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<i64>,
}

/// A new host or path of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpUrlRewrite {
    /// Host that targets see; none: as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Path that targets see; none: as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathModifier>,
}

/// A new path, or new first elements of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPathModifier {
    /// What the whole path is replaced by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_full_path: Option<String>,
    /// What stands for the prefix that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_prefix_match: Option<String>,
}
