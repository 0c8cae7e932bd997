//! Who may ask the console, and what its answers permit browsers.
//!
//! Whoever can open a connection to a loopback address is not yet the user: other users of the machine can, and so can every web page
//! that the user has open. Against the latter:
//!
//! * The host of a request is a loopback name. A page whose own name was made to resolve to 127.0.0.1 (DNS rebinding) sends its own.
//! * The origin of a request, if a browser tells it, is the console itself. Pages of other ports of this machine are others.
//! * The API takes the token in the `Authorization` header, which no form, image or script of another page can send, and which no
//!   other port gets to see, as it would a cookie. It reaches the page in the fragment of the URL, which browsers send to nobody.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

use super::answers::JsonAnswer;

/// What the API of a migration consists of.
const MIGRATION: [&str; 3] = ["/api/namespaces", "/api/gateways", "/api/diff"];

/// A header that the page sends with every question.
const PAGE: HeaderName = HeaderName::from_static("x-console");

/// What every answer says to the browser.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A secret that the user's page knows. It is in no log: it has no `Debug` that shows it.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// A new one, that nobody guesses.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// One that was given.
    pub fn of(text: &str) -> Self {
        Self(text.into())
    }

    /// As it stands in the URL of the page.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

/// What is checked of every request.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The token that the API wants; `None`: whoever can reach the address may ask.
    pub token: Option<Token>,
    /// Whether the API of a migration answers without it, as `lbc-migrate --console` does.
    pub is_migration_open: bool,
}

impl Guard {
    /// Why a request is refused.
    fn refuse(&self, path: &str, headers: &HeaderMap) -> Result<(), JsonAnswer> {
        let host = text(headers, header::HOST).unwrap_or("");
        if !is_loopback(host) {
            let told = "this host is not served; open the console by localhost or 127.0.0.1";
            return Err(JsonAnswer::failure(StatusCode::MISDIRECTED_REQUEST, told));
        }
        if let Some(origin) = text(headers, header::ORIGIN)
            && origin.strip_prefix("http://") != Some(host)
        {
            return Err(JsonAnswer::failure(
                StatusCode::FORBIDDEN,
                "pages of other origins may not ask the console",
            ));
        }
        let is_api = path.starts_with("/api/");
        let site = text(headers, HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
        let mode = text(headers, HeaderName::from_static("sec-fetch-mode")).unwrap_or("");
        let is_link = !is_api && mode == "navigate";
        if !matches!(site, "none" | "same-origin") && !is_link {
            return Err(JsonAnswer::failure(StatusCode::FORBIDDEN, "other pages may not ask the console"));
        }
        if is_api && !self.is_authorized(path, headers) {
            let told = "the token is missing or wrong; open the console by the URL that it was started with";
            return Err(JsonAnswer::failure(StatusCode::UNAUTHORIZED, told));
        }
        Ok(())
    }

    fn is_authorized(&self, path: &str, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            // why: only the page itself sends it; a form, an image or a script of another page cannot
            return headers.contains_key(PAGE);
        };
        if self.is_migration_open && MIGRATION.contains(&path) {
            return true;
        }
        let given = text(headers, header::AUTHORIZATION).and_then(|given| given.strip_prefix("Bearer "));
        given.is_some_and(|given| token.is(given.as_bytes()))
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // why: a value that is no text is none that would be accepted
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether a host, perhaps with a port, is this machine for everybody.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port(port) => address,
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Refuses what is not the user's own page, and tells browsers to be strict with every answer.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request<Body>, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = match guard.refuse(request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, path: &str, given: &[(&str, &str)]) -> u16 {
        let headers =
            given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        guard
            .refuse(path, &headers)
            .map_or_else(|failure| failure.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn loopback_names_are_told_from_others() {
        for host in ["localhost", "LocalHost:1", "127.0.0.1:8080", "127.1.2.3", "[::1]:80", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "[::2]:80",
            "localhost:8080@evil",
            "[::1]x",
            "[::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    /// A path, the headers of a request and the status of its answer.
    type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16);

    #[test]
    fn only_the_users_own_page_gets_an_answer() {
        let guard = Guard { token: Some(Token::of("secret")), is_migration_open: false };
        let (host, token) = (("host", "localhost:8080"), ("authorization", "Bearer secret"));
        let cases: &[Case<'_>] = &[
            ("/", &[host], 200),
            ("/static/app.js", &[host], 200),
            ("/api/plan", &[host], 401),
            ("/api/plan", &[host, ("authorization", "Bearer secre")], 401),
            ("/api/plan", &[host, ("authorization", "secret")], 401),
            ("/api/plan", &[host, token], 200),
            ("/api/diff", &[host], 401),
            // DNS rebinding
            ("/", &[("host", "evil.example:8080")], 421),
            ("/api/plan", &[("host", "evil.example:8080"), token], 421),
            ("/", &[], 421),
            // other origins, also of this machine
            ("/api/plan", &[host, token, ("origin", "http://evil.example")], 403),
            ("/api/plan", &[host, token, ("origin", "http://localhost:3000")], 403),
            ("/api/plan", &[host, token, ("origin", "null")], 403),
            ("/api/plan", &[host, token, ("origin", "http://localhost:8080")], 200),
            ("/api/plan", &[host, token, ("sec-fetch-site", "same-site")], 403),
            (
                "/api/plan",
                &[host, token, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
                403,
            ),
            ("/static/app.js", &[host, ("sec-fetch-site", "cross-site")], 403),
            ("/", &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], 200),
        ];
        for (path, headers, expected) in cases {
            assert_eq!(status(&guard, path, headers), *expected, "{path} {headers:?}");
        }
    }

    #[test]
    fn the_api_of_a_migration_may_be_open_and_the_rest_is_not() {
        let guard = Guard { token: Some(Token::random()), is_migration_open: true };
        let host = [("host", "localhost:8080")];
        assert_eq!(
            ["/api/diff", "/api/gateways", "/api/namespaces"].map(|path| status(&guard, path, &host)),
            [200; 3]
        );
        assert_eq!(
            ["/api/plan", "/api/topology", "/api/usage"].map(|path| status(&guard, path, &host)),
            [401; 3]
        );
    }

    #[test]
    fn without_a_token_only_a_page_of_the_console_asks() {
        let guard = Guard { token: None, is_migration_open: false };
        let host = ("host", "localhost:8090");
        assert_eq!(status(&guard, "/api/plan", &[host]), 401);
        assert_eq!(status(&guard, "/api/plan", &[host, ("x-console", "1")]), 200);
        assert_eq!(
            status(&guard, "/api/plan", &[host, ("x-console", "1"), ("origin", "http://evil.example")]),
            403
        );
    }

    #[test]
    fn no_token_is_like_another_and_none_is_shown() {
        let (one, other) = (Token::random(), Token::random());
        assert!(one.reveal().len() >= 43 && one.reveal() != other.reveal());
        assert_eq!(format!("{one:?}"), "Token(…)");
    }
}
