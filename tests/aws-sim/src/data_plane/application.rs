//! Application load balancers: requests by rules, to targets by HTTP.

use super::{
    Place, Shared,
    bodies::{AnswerBody, from_target, own, page},
    conditions::{Asked, choose},
    connections::Held,
    headers::{self, Session},
    listeners::Seat,
    rewrite::{Destination, Origin, location, split_host, transform},
    stickiness::{self, APPLICATION, GROUP, TARGET},
    upstream::{self, Stream, Unreachable},
    view::{GroupView, ListenerView, View, attribute, is_on},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    FixedResponseAction, ForwardAction, ListenerAction, Protocol,
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, HOST, LOCATION, SET_COOKIE, TE, UPGRADE},
};
use hyper::{body::Incoming, service::service_fn, upgrade::OnUpgrade};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{io::copy_bidirectional, task::JoinSet};

/// The connection of a client.
pub(super) struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) seat: Seat,
    pub(super) address: SocketAddr,
    /// Version and cipher suite.
    pub(super) tls: Option<(String, String)>,
    /// Whether HTTP/2 was agreed on.
    pub(super) http2: bool,
}

/// A target group and what goes there.
struct Passed<'a> {
    view: &'a View,
    listener: &'a ListenerView,
    group: &'a GroupView,
    /// Cookies for the answer, by name.
    cookies: Vec<(&'static str, String)>,
}

impl Client {
    /// Answers the requests of a connection until it ends, or its listener closes.
    pub(super) async fn serve(self, stream: Stream) {
        let closed = self.seat.closed.clone();
        let view = self.shared.view();
        let listener = view.listeners.get(&self.seat.listener);
        let idle = listener.map_or(Duration::from_mins(1), |listener| idle_timeout(listener));
        let (http2, client) = (self.http2, Arc::new(self));
        let service = service_fn(move |request| {
            let client = Arc::clone(&client);
            async move { Ok::<_, Infallible>(client.answer(request).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(idle);
        let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        // How a connection ends concerns its client alone.
        tokio::select! {
            ended = connection.as_mut() => drop(ended),
            () = closed.cancelled() => {
                connection.as_mut().graceful_shutdown();
                drop(connection.await);
            }
        }
    }

    fn session(&self) -> Session<'_> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Session { client: self.address, scheme, tls: self.tls.as_ref() }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        let view = self.shared.view();
        let Some(listener) = view.listeners.get(&self.seat.listener) else { return page(503) };
        let version = request.version();
        let mut answer = self.decide(&view, listener, request).await;
        *answer.version_mut() = version;
        headers::tell_client(answer.headers_mut(), listener);
        answer
    }

    async fn decide(
        &self,
        view: &View,
        listener: &ListenerView,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        if request.method() == Method::TRACE {
            return page(405);
        }
        if headers::forwarded(request.headers()) > headers::MOST_FORWARDED {
            return page(463);
        }
        let host = headers::host_of(&request);
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let asked = Asked {
            method: request.method().as_str(),
            host: self.without_own_port(listener, &host),
            path,
            query,
            headers: request.headers(),
            client: self.address.ip(),
        };
        let Some(rule) = choose(&listener.rules, &asked) else { return page(503) };
        let Some(action) = rule.actions.last() else { return page(503) };
        if rule.actions.len() > 1 {
            return own(StatusCode::NOT_IMPLEMENTED, "text/plain", "log-ins are not simulated\n");
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let from = Destination { host: host.clone(), target };
        let Some(to) = transform(&rule.transforms, from) else { return page(500) };
        match action {
            ListenerAction::Forward(forward) => {
                let rewritten = to.host != host;
                self.forward(view, listener, forward, &to, rewritten, request).await
            }
            ListenerAction::Redirect(redirect) => {
                let (path, query) = to.target.split_once('?').unwrap_or((&to.target, ""));
                let (host, _) = split_host(&to.host);
                let scheme = self.session().scheme;
                let from = Origin { protocol: scheme, host, port: listener.described.port, path, query };
                redirect_to(&redirect.status_code, &location(redirect, &from))
            }
            ListenerAction::FixedResponse(fixed) => fixed_response(fixed),
            _ => own(StatusCode::NOT_IMPLEMENTED, "text/plain", "log-ins are not simulated\n"),
        }
    }

    /// The host as conditions see it: without the port, if that is the listener's.
    fn without_own_port<'a>(&self, listener: &ListenerView, host: &'a str) -> &'a str {
        let (name, port) = split_host(host);
        let own = [u16::try_from(listener.described.port).ok(), Some(self.seat.port)];
        if port.is_some() && own.contains(&port) { name } else { host }
    }

    async fn forward(
        &self,
        view: &View,
        listener: &ListenerView,
        forward: &ForwardAction,
        to: &Destination,
        rewritten: bool,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let mut cookies = Vec::new();
        let Some(arn) = self.choose_group(forward, request.headers(), &mut cookies) else { return page(503) };
        let Some(group) = view.groups.get(&arn) else { return page(503) };
        if is_incompatible(group, &request) {
            return page(464);
        }
        let mut passed = Passed { view, listener, group, cookies };
        let Some(place) = self.choose_target(&mut passed, request.headers()) else { return page(503) };
        let held = self.shared.connections.hold(group, &place);
        let request = self.prepare(&passed, to, rewritten, request);
        let cookies = std::mem::take(&mut passed.cookies);
        let app_cookie = app_cookie(group, &place);
        let mut answer = match self.pass(&passed, &place, held, request).await {
            Ok(answer) => answer,
            Err(code) => page(code),
        };
        let of_app = app_cookie.filter(|(name, _)| sets_cookie(answer.headers(), name));
        let all = cookies.into_iter().chain(of_app.map(|(_, value)| (APPLICATION, value)));
        let secure = self.tls.is_some();
        let lines = all.flat_map(|(name, value)| stickiness::set(name, &value, secure));
        for line in lines.filter_map(|line| HeaderValue::from_str(&line).ok()) {
            answer.headers_mut().append(SET_COOKIE, line);
        }
        answer
    }

    /// The target group that a cookie names, or one by weight.
    fn choose_group(
        &self,
        forward: &ForwardAction,
        headers: &HeaderMap,
        cookies: &mut Vec<(&'static str, String)>,
    ) -> Option<String> {
        let sticky = forward.stickiness.as_ref().filter(|sticky| sticky.enabled == Some(true));
        let Some(sticky) = sticky else { return self.shared.pick_group(forward).map(str::to_owned) };
        let known = stickiness::read(headers, GROUP)
            .and_then(stickiness::open)
            .filter(|arn| forward.target_groups.iter().any(|group| group.target_group.known() == Some(arn)));
        let arn = known.or_else(|| self.shared.pick_group(forward).map(str::to_owned))?;
        let seconds = u64::try_from(sticky.duration_seconds.unwrap_or(3600)).unwrap_or(0);
        cookies.push((GROUP, stickiness::seal(&arn, Duration::from_secs(seconds))));
        Some(arn)
    }

    /// The target that a cookie names, as long as it is usable, or the next one.
    fn choose_target(&self, passed: &mut Passed<'_>, headers: &HeaderMap) -> Option<Place> {
        let (group, arn) = (passed.group, &passed.group.described.arn);
        let sticky = is_on(&group.attributes, "stickiness.enabled");
        let kind = attribute(&group.attributes, "stickiness.type");
        let name = if kind == "app_cookie" { APPLICATION } else { TARGET };
        let balancer = &passed.listener.balancer;
        let usable = self.shared.usable(group, balancer, &self.seat.zone);
        let named = stickiness::read(headers, name).and_then(stickiness::open);
        let named = named.as_deref().and_then(stickiness::read_place).filter(|_| sticky);
        let known = named.filter(|place| place.0 == *arn && usable.contains(&&place.1));
        let place = known.or_else(|| {
            let key = self.shared.pick_target(group, balancer, &self.seat.zone)?;
            Some((arn.clone(), key.clone()))
        })?;
        if sticky && kind != "app_cookie" {
            let valid = seconds(group, "stickiness.lb_cookie.duration_seconds");
            passed.cookies.push((TARGET, stickiness::seal(&stickiness::write_place(&place), valid)));
        }
        Some(place)
    }

    /// The request as the target gets it.
    fn prepare(
        &self,
        passed: &Passed<'_>,
        to: &Destination,
        rewritten: bool,
        mut request: Request<Incoming>,
    ) -> Request<Incoming> {
        let http2 = matches!(passed.group.described.protocol_version.as_deref(), Some("HTTP2" | "GRPC"));
        let host = headers::host_for_target(passed.listener, &to.host, rewritten);
        let uri = if http2 { format!("http://{host}{}", to.target) } else { to.target.clone() };
        if let Ok(uri) = uri.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        let upgrade = request.headers().get(UPGRADE).cloned().filter(|_| !http2);
        let trailers = request.headers().get(TE).cloned().filter(|_| http2);
        let all = request.headers_mut();
        headers::end_hop(all);
        headers::drop_invalid(all, passed.listener);
        all.remove(HOST);
        if !http2 {
            headers::set(all, &HOST, &host);
        }
        if let Some(upgrade) = upgrade {
            all.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            all.insert(UPGRADE, upgrade);
        }
        if let Some(trailers) = trailers {
            all.insert(TE, trailers);
        }
        let trace = format!("1-{:08x}-{:024x}", self.seat.port, self.shared.turns.random(usize::MAX));
        headers::tell_target(all, passed.listener, &self.session(), &trace);
        request
    }

    /// Sends a request to a target; the answer, or the code of AWS's own.
    async fn pass(
        &self,
        passed: &Passed<'_>,
        place: &Place,
        held: Held,
        mut request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, u16> {
        let upgrade = hyper::upgrade::on(&mut request);
        let dialled = upstream::dial(&self.shared, passed.view, passed.group, &place.1, None).await;
        let stream = dialled.map_err(|error| match error {
            Unreachable::Refused => 502_u16,
            Unreachable::Lost => 504,
        })?;
        let stream = match &passed.group.described.protocol {
            Some(Protocol::Https) => upstream::secure(stream).await.map_err(|_| 502_u16)?,
            _ => upstream::plain(stream),
        };
        let sending = upstream::send(stream, request);
        let end = held.end();
        let answer = tokio::select! {
            answer = tokio::time::timeout(idle_timeout(passed.listener), sending) => answer,
            () = end.cancelled() => return Err(502),
        };
        let (mut answer, connection) = answer.map_err(|_| 504_u16)?.map_err(|_| 502_u16)?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.switch(upgrade, answer, held, connection));
        }
        headers::end_hop(answer.headers_mut());
        Ok(from_target(answer, held, connection))
    }

    /// Lets client and target speak as they like from now on.
    fn switch(
        &self,
        client: OnUpgrade,
        mut answer: Response<Incoming>,
        held: Held,
        connection: JoinSet<()>,
    ) -> Response<AnswerBody> {
        let target = hyper::upgrade::on(&mut answer);
        let end = held.end();
        self.shared.spawn(async move {
            let (Ok(client), Ok(target)) = tokio::join!(client, target) else { return };
            let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
            tokio::select! {
                ended = copy_bidirectional(&mut client, &mut target) => drop(ended),
                () = end.cancelled() => {}
            }
            drop((held, connection));
        });
        let mut switched = own(StatusCode::SWITCHING_PROTOCOLS, "", "");
        *switched.headers_mut() = answer.headers().clone();
        switched
    }
}

/// Whether a target group does not understand the protocol of a request.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-464-issues>
fn is_incompatible<B>(group: &GroupView, request: &Request<B>) -> bool {
    let (http2, post) = (request.version() == Version::HTTP_2, request.method() == Method::POST);
    let grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    match group.described.protocol_version.as_deref() {
        Some("GRPC") => !http2 || !post,
        Some("HTTP2") => !http2 || grpc && !post,
        _ => false,
    }
}

/// The name of the application's cookie, and ours that goes with it.
fn app_cookie(group: &GroupView, place: &Place) -> Option<(String, String)> {
    let sticky = is_on(&group.attributes, "stickiness.enabled")
        && attribute(&group.attributes, "stickiness.type") == "app_cookie";
    let valid = seconds(group, "stickiness.app_cookie.duration_seconds");
    let name = attribute(&group.attributes, "stickiness.app_cookie.cookie_name");
    sticky.then(|| (name.to_owned(), stickiness::seal(&stickiness::write_place(place), valid)))
}

fn sets_cookie(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(SET_COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split_once('=')).any(|(known, _)| known.trim() == name)
}

fn redirect_to(code: &str, location: &str) -> Response<AnswerBody> {
    let code = code.rsplit('_').next().and_then(|code| code.parse().ok()).unwrap_or(302);
    let mut answer = page(code);
    headers::set(answer.headers_mut(), &LOCATION, location);
    answer
}

fn fixed_response(fixed: &FixedResponseAction) -> Response<AnswerBody> {
    let status = fixed.status_code.parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = format!("{}; charset=utf-8", fixed.content_type.as_deref().unwrap_or("text/plain"));
    own(status, &kind, fixed.message_body.as_deref().unwrap_or_default())
}

fn seconds(group: &GroupView, key: &str) -> Duration {
    Duration::from_secs(attribute(&group.attributes, key).parse().unwrap_or(86_400))
}

fn idle_timeout(listener: &ListenerView) -> Duration {
    let seconds = attribute(&listener.balancer.attributes, "idle_timeout.timeout_seconds");
    Duration::from_secs(seconds.parse().unwrap_or(60))
}
