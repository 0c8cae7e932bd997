//! Requests by path and method.

use super::{ApiServer, Failure, Key, State, merge, selector::Selector, watch};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// A watch ends after this long unless it says otherwise.
const WATCH: Duration = Duration::from_secs(290);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What a path names.
#[derive(Debug)]
struct Target {
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    is_status: bool,
}

/// Answers a request.
pub(super) async fn answer<B>(server: ApiServer, request: Request<B>) -> Result<Response<Body>, B::Error>
where
    B: http_body_util::BodyExt,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(match respond(&server, &head, &body) {
        Ok(response) => response,
        Err(failure) => as_json(failure.code, &failure.status()),
    })
}

fn respond(server: &ApiServer, head: &Parts, body: &Bytes) -> Result<Response<Body>, Failure> {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    if let Some(found) = head.uri.path().strip_prefix("/apis/").and_then(|version| server.discovery(version))
    {
        return Ok(as_json(200, &found));
    }
    let target = Target::parse(head.uri.path()).ok_or_else(|| bad(404, "NotFound", head.uri.path()))?;
    let mut state = server.0.state.lock();
    if state.is_away {
        return Err(bad(503, "ServiceUnavailable", "the API server is away"));
    }
    let verb = verb_of(head, &target, &query);
    state.traffic.count(verb, &target.plural);
    state.traffic.count_bytes(verb, &target.plural, body.len());
    if let Some(failure) = state.refuses(head.method.as_str(), &head.uri.to_string()) {
        return Err(failure);
    }
    if head.method == Method::GET {
        return read(server, &mut state, &target, &query);
    }
    let before = state.revision;
    let written = write(&mut state, &target, head, body)?;
    if state.revision != before {
        server.announce(&state);
    }
    let code = if head.method == Method::POST { 201 } else { 200 };
    Ok(as_json(code, &written))
}

fn is_watch(query: &[(String, String)]) -> bool {
    matches!(given(query, "watch"), Some("true" | "1"))
}

fn given<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn verb_of(head: &Parts, target: &Target, query: &[(String, String)]) -> &'static str {
    match head.method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ if target.name.is_some() => "get",
        _ if is_watch(query) => "watch",
        _ => "list",
    }
}

fn read(
    server: &ApiServer,
    state: &mut State,
    target: &Target,
    query: &[(String, String)],
) -> Result<Response<Body>, Failure> {
    if let Some(name) = &target.name {
        let key = (target.namespace.clone().unwrap_or_default(), name.clone());
        let found = state.get(&target.plural, &key);
        return found
            .map(|object| as_json(200, &object))
            .ok_or_else(|| Failure::not_found(&target.plural, &key));
    }
    let selector = Selector::of(target.namespace.as_deref(), query);
    if is_watch(query) {
        let after = given(query, "resourceVersion").and_then(|text| text.parse().ok()).unwrap_or_default();
        let lasts = given(query, "timeoutSeconds")
            .and_then(|text| text.parse().ok())
            .map_or(WATCH, Duration::from_secs);
        let body = watch::body(server.clone(), &target.plural, selector, after, lasts);
        return Ok(response(200, body));
    }
    list(state, target, &selector, query)
}

/// A page of objects. What changes between two pages shows in the later one, and in the watch that begins where the first was.
fn list(
    state: &mut State,
    target: &Target,
    selector: &Selector,
    query: &[(String, String)],
) -> Result<Response<Body>, Failure> {
    let limit = given(query, "limit").and_then(|text| text.parse().ok()).filter(|limit| *limit > 0);
    let place = given(query, "continue").filter(|text| !text.is_empty()).map(parse_place).transpose()?;
    let (revision, after) = place.map_or((state.revision, None), |(revision, key)| (revision, Some(key)));
    let (items, last) = state.list_page(&target.plural, selector, after.as_ref(), limit);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some((namespace, name)) = last {
        metadata["continue"] = format!("{revision}/{namespace}/{name}").into();
    }
    let text = format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{metadata},"items":[{items}]}}"#);
    state.traffic.count_bytes("list", &target.plural, text.len());
    Ok(response(200, Full::new(Bytes::from(text)).boxed_unsync()))
}

/// The revision and the last key of the page before.
fn parse_place(text: &str) -> Result<(u64, Key), Failure> {
    let mut parts = text.splitn(3, '/');
    let mut place =
        || Some((parts.next()?.parse().ok()?, (parts.next()?.to_owned(), parts.next()?.to_owned())));
    place().ok_or_else(|| bad(400, "BadRequest", format!("{text:?} is no place to continue from")))
}

fn write(state: &mut State, target: &Target, head: &Parts, body: &Bytes) -> Result<Arc<Value>, Failure> {
    let namespace = target.namespace.clone().unwrap_or_default();
    let plural = target.plural.as_str();
    let json = || serde_json::from_slice::<Value>(body).map_err(|error| bad(400, "BadRequest", error));
    let Some(name) = target.name.clone() else {
        return if head.method == Method::POST {
            state.create(plural, &namespace, json()?)
        } else {
            Err(bad(405, "MethodNotAllowed", &head.method))
        };
    };
    let key = (namespace, name);
    if head.method == Method::DELETE {
        return state.delete(plural, &key);
    }
    let old = state.get(plural, &key).ok_or_else(|| Failure::not_found(plural, &key))?;
    let change = json()?;
    check_preconditions(&key, &old, &change)?;
    let new = match head.method {
        Method::PUT => replaced(&old, change, target.is_status),
        Method::PATCH => patched(&old, &change, target.is_status, &head.headers)?,
        _ => return Err(bad(405, "MethodNotAllowed", &head.method)),
    };
    Ok(state.store(plural, &key, &old, new))
}

fn check_preconditions(key: &Key, old: &Value, change: &Value) -> Result<(), Failure> {
    for field in ["resourceVersion", "uid"] {
        let expected = change["metadata"][field].as_str().filter(|text| !text.is_empty());
        if expected.is_some() && expected != old["metadata"][field].as_str() {
            return Err(Failure::conflict(format!(
                "{}: {field} is not {}",
                key.1, change["metadata"][field]
            )));
        }
    }
    Ok(())
}

fn replaced(old: &Value, new: Value, is_status: bool) -> Value {
    let (mut result, other) = if is_status { (old.clone(), new) } else { (new, old.clone()) };
    match other.get("status") {
        Some(status) => result["status"] = status.clone(),
        None => drop(result.as_object_mut().and_then(|fields| fields.remove("status"))),
    }
    result
}

fn patched(old: &Value, patch: &Value, is_status: bool, headers: &HeaderMap) -> Result<Value, Failure> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut new = old.clone();
    match (kind, is_status) {
        ("application/merge-patch+json", false) => {
            let mut patch = patch.clone();
            drop(patch.as_object_mut().and_then(|fields| fields.remove("status")));
            merge::merge(&mut new, &patch);
        }
        ("application/merge-patch+json", true) => merge::merge(&mut new["status"], &patch["status"]),
        ("application/strategic-merge-patch+json", true) => {
            merge::merge_status(&mut new["status"], &patch["status"]);
        }
        _ => return Err(bad(415, "UnsupportedMediaType", kind)),
    }
    Ok(new)
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match parts.next()? {
            "api" => drop(parts.next()?),
            "apis" => drop((parts.next()?, parts.next()?)),
            _ => return None,
        }
        let rest: Vec<&str> = parts.collect();
        let target = |namespace: Option<&str>, plural: &str, rest: &[&str]| Self {
            plural: plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: rest.first().map(|name| (*name).to_owned()),
            is_status: rest.get(1) == Some(&"status"),
        };
        match rest.as_slice() {
            ["namespaces", namespace, plural, rest @ ..] => Some(target(Some(namespace), plural, rest)),
            [plural, rest @ ..] => Some(target(None, plural, rest)),
            [] => None,
        }
    }
}

fn bad(code: u16, reason: &'static str, what: impl std::fmt::Display) -> Failure {
    Failure { code, reason, message: what.to_string() }
}

fn as_json(code: u16, value: &Value) -> Response<Body> {
    response(code, Full::new(Bytes::from(value.to_string())).boxed_unsync())
}

fn response(code: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
