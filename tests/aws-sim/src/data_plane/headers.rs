//! Headers that a load balancer adds, changes and takes away.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html>

use super::view::{ListenerView, attribute, is_on};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, HOST, SERVER},
};
use std::net::SocketAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
/// Addresses in `X-Forwarded-For` beyond which AWS answers 463.
pub(super) const MOST_FORWARDED: usize = 30;

/// Headers that concern one connection.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "transfer-encoding",
    "upgrade",
    "te",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
];

/// Attributes of listeners that set a header of every answer begin and end so.
const RESPONSE: (&str, &str) = ("routing.http.response.", ".header_value");

/// How a client and its listener speak with each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session<'a> {
    pub(super) client: SocketAddr,
    /// `http` or `https`.
    pub(super) scheme: &'a str,
    /// Version and cipher suite.
    pub(super) tls: Option<&'a (String, String)>,
}

/// Takes away what concerns one connection, also what `Connection` names.
pub(super) fn end_hop(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> = lines
        .flat_map(|line| line.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in named.iter().map(HeaderName::as_str).chain(OF_THE_CONNECTION.iter().copied()) {
        headers.remove(name);
    }
}

/// How many addresses `X-Forwarded-For` has.
pub(super) fn forwarded(headers: &HeaderMap) -> usize {
    let lines = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).count()
}

/// Tells the target who asked, and how.
pub(super) fn tell_target(
    headers: &mut HeaderMap,
    listener: &ListenerView,
    session: &Session<'_>,
    trace: &str,
) {
    let attributes = &listener.balancer.attributes;
    let client = if is_on(attributes, "routing.http.xff_client_port.enabled") {
        session.client.to_string()
    } else {
        session.client.ip().to_string()
    };
    match attribute(attributes, "routing.http.xff_header_processing.mode") {
        "preserve" => {}
        "remove" => drop(headers.remove(FORWARDED_FOR)),
        _ => {
            let known = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
            let all: Vec<_> = known.map(str::to_owned).chain([client]).collect();
            set(headers, &FORWARDED_FOR, &all.join(", "));
        }
    }
    set(headers, &HeaderName::from_static("x-forwarded-proto"), session.scheme);
    set(headers, &HeaderName::from_static("x-forwarded-port"), &listener.described.port.to_string());
    // A client's own trace id is kept, with the load balancer's part before it.
    let known = headers.get(TRACE).and_then(|value| value.to_str().ok());
    let traced = known.map_or_else(
        || format!("Root={trace}"),
        |known| {
            if known.contains("Root=") {
                format!("Self={trace};{known}")
            } else {
                format!("Root={trace};{known}")
            }
        },
    );
    set(headers, &TRACE, &traced);
    if is_on(attributes, "routing.http.x_amzn_tls_version_and_cipher_suite.enabled")
        && let Some((version, suite)) = session.tls
    {
        let name = |key: &str, usual| {
            let renamed = attribute(&listener.attributes, key);
            HeaderName::from_bytes(renamed.as_bytes()).unwrap_or(HeaderName::from_static(usual))
        };
        let of_version = "routing.http.request.x_amzn_tls_version.header_name";
        let of_suite = "routing.http.request.x_amzn_tls_cipher_suite.header_name";
        set(headers, &name(of_version, "x-amzn-tls-version"), version);
        set(headers, &name(of_suite, "x-amzn-tls-cipher-suite"), suite);
    }
}

/// Takes away headers whose names AWS finds invalid, if the load balancer shall drop them.
pub(super) fn drop_invalid(headers: &mut HeaderMap, listener: &ListenerView) {
    if !is_on(&listener.balancer.attributes, "routing.http.drop_invalid_header_fields.enabled") {
        return;
    }
    let valid = |name: &HeaderName| name.as_str().chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let invalid: Vec<_> = headers.keys().filter(|name| !valid(name)).cloned().collect();
    for name in invalid {
        headers.remove(name);
    }
}

/// The host that a target is told: as the client sent it, or in lower case with the listener's port unless that is the usual one.
pub(super) fn host_for_target(listener: &ListenerView, host: &str, rewritten: bool) -> String {
    if rewritten || is_on(&listener.balancer.attributes, "routing.http.preserve_host_header.enabled") {
        return host.to_owned();
    }
    let (name, _) = super::rewrite::split_host(host);
    let (name, port) = (name.to_lowercase(), listener.described.port);
    let usual = if listener.described.protocol.as_str() == "HTTPS" { 443 } else { 80 };
    if port == usual { name } else { format!("{name}:{port}") }
}

/// Sets what the listener adds to every answer of a target.
pub(super) fn tell_client(headers: &mut HeaderMap, listener: &ListenerView) {
    for (key, value) in listener.attributes.iter().filter(|(_, value)| !value.is_empty()) {
        let name = key.strip_prefix(RESPONSE.0).and_then(|rest| rest.strip_suffix(RESPONSE.1));
        let name = name.map(|name| name.replace('_', "-"));
        if let Some(name) = name.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()) {
            set(headers, &name, value);
        }
    }
    if attribute(&listener.attributes, "routing.http.response.server.enabled") == "false" {
        headers.remove(SERVER);
    }
}

/// Sets a header, if its value may stand in one.
pub(super) fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The host of a request: of its target (HTTP/2), or of its header.
pub(super) fn host_of<B>(request: &http::Request<B>) -> String {
    let authority = request.uri().authority().map(ToString::to_string);
    let header = || request.headers().get(HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    authority.or_else(header).unwrap_or_default()
}
