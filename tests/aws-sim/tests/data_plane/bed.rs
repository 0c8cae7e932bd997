//! Load balancers with pods behind them, and a client.

use crate::plane::Plane;
use aws_load_balancer_controller::aws_api::{Attributes, Ref, elbv2::*};
use aws_sim::{
    Clock, PlaneSettings, Sim, World,
    contract::{TestAccount, forward_to, in_subnet, listener_on},
    data_plane::{Address, claim},
    echo::Echo,
};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::{
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
    task::JoinSet,
    time::Instant,
};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The port of all pods.
pub const PORT: u16 = 8080;

pub struct Bed {
    pub account: TestAccount,
    pub plane: Plane,
    pods: std::cell::Cell<u8>,
}

/// A server and where it is; in the VPC at `ip`, port [`PORT`].
pub struct Pod {
    pub echo: Echo,
    pub ip: IpAddr,
    _address: Address,
}

pub enum Speaks {
    Http,
    Tcp,
    Udp,
}

impl Bed {
    pub async fn new() -> Self {
        Self::with(PlaneSettings::default()).await
    }

    pub async fn with(settings: PlaneSettings) -> Self {
        let elsewhere = Plane::elsewhere(&settings).await;
        let (plane, account) = elsewhere.unwrap_or_else(|| Plane::here(simulator(), settings));
        Self { account, plane, pods: std::cell::Cell::new(0) }
    }

    /// The same by HTTP.
    pub async fn served() -> Self {
        let (plane, account) = Plane::served(simulator()).await;
        Self { account, plane, pods: std::cell::Cell::new(0) }
    }

    pub async fn alb(&self) -> LoadBalancer {
        self.account.alb().await.unwrap()
    }

    /// An NLB without security groups, in two zones.
    pub async fn nlb(&self) -> LoadBalancer {
        self.account.send(self.account.internal(LoadBalancerType::Network)).await.unwrap()
    }

    /// An NLB in one zone.
    pub async fn nlb_in_a(&self) -> LoadBalancer {
        let mut wanted = self.account.internal(LoadBalancerType::Network);
        wanted.subnet_mappings = vec![in_subnet(&self.account.id("PRIV_A"))];
        self.account.send(wanted).await.unwrap()
    }

    /// A target group of addresses, checked as often as may be.
    pub async fn group(&self, protocol: Protocol) -> TargetGroup {
        self.group_with(protocol, |_| {}).await
    }

    pub async fn group_with(
        &self,
        protocol: Protocol,
        change: impl FnOnce(&mut CreateTargetGroup),
    ) -> TargetGroup {
        let mut wanted = self.account.ip_group(protocol);
        wanted.health_check = Some(HealthCheck {
            interval_seconds: Some(5),
            timeout_seconds: Some(2),
            healthy_threshold: Some(2),
            ..HealthCheck::default()
        });
        change(&mut wanted);
        self.account.send(wanted).await.unwrap()
    }

    /// A pod in zone a or b.
    pub async fn pod(&self, name: &str, zone: char, speaks: Speaks) -> Pod {
        let number = self.pods.get() + 1;
        self.pods.set(number);
        let octet = if zone == 'a' { 68 } else { 132 };
        let ip = IpAddr::from([10, 0, octet, number]);
        let address = claim().await;
        let echo = Echo::new(name);
        let listener = TcpListener::bind((address.ip(), PORT)).await.unwrap();
        let at = listener.local_addr().unwrap();
        match speaks {
            Speaks::Http => echo.serve(listener, true),
            Speaks::Tcp => echo.serve(listener, false),
            Speaks::Udp => {
                // Health checks of UDP are made by TCP.
                echo.serve(listener, false);
                echo.serve_udp(UdpSocket::bind(at).await.unwrap());
            }
        }
        self.plane.map_port((ip, PORT).into(), at);
        Pod { echo, ip, _address: address }
    }

    pub async fn register(&self, group: &TargetGroup, ips: &[IpAddr]) {
        let targets = ips.iter().map(|ip| target(*ip)).collect();
        let request = RegisterTargets { arn: group.arn.as_str().into(), targets };
        self.account.send(request).await.unwrap();
    }

    pub async fn deregister(&self, group: &TargetGroup, ip: IpAddr) {
        let request = DeregisterTargets { arn: group.arn.as_str().into(), targets: vec![target(ip)] };
        self.account.send(request).await.unwrap();
    }

    /// A group of new HTTP pods with these names, all in zone a.
    pub async fn pods(&self, group: &TargetGroup, names: &[&str]) -> Vec<Pod> {
        let mut pods = Vec::new();
        for name in names {
            pods.push(self.pod(name, 'a', Speaks::Http).await);
        }
        let ips: Vec<_> = pods.iter().map(|pod| pod.ip).collect();
        self.register(group, &ips).await;
        pods
    }

    pub async fn listen(&self, lb: &LoadBalancer, port: i32, actions: Vec<ListenerAction>) -> Listener {
        self.account.send(listener_on(lb, port, actions)).await.unwrap()
    }

    pub async fn listen_with(
        &self,
        lb: &LoadBalancer,
        port: i32,
        actions: Vec<ListenerAction>,
        change: impl FnOnce(&mut ListenerSettings),
    ) -> Listener {
        let mut wanted = listener_on(lb, port, actions);
        change(&mut wanted.settings);
        self.account.send(wanted).await.unwrap()
    }

    pub async fn rule(
        &self,
        listener: &Listener,
        priority: i32,
        conditions: Vec<RuleCondition>,
        action: ListenerAction,
        transforms: Vec<RuleTransform>,
    ) {
        let listener_arn: Ref = listener.arn.as_str().into();
        let actions = vec![action];
        let rule =
            CreateRule { listener_arn, priority, conditions, actions, transforms, ..CreateRule::default() };
        self.account.send(rule).await.unwrap();
    }

    pub async fn set_group(&self, group: &TargetGroup, attributes: &[(&str, &str)]) {
        let arn = group.arn.as_str().into();
        self.account.send(ModifyTargetGroupAttributes { arn, attributes: map(attributes) }).await.unwrap();
    }

    pub async fn set_balancer(&self, lb: &LoadBalancer, attributes: &[(&str, &str)]) {
        let arn = lb.arn.as_str().into();
        self.account.send(ModifyLoadBalancerAttributes { arn, attributes: map(attributes) }).await.unwrap();
    }

    pub async fn set_listener(&self, listener: &Listener, attributes: &[(&str, &str)]) {
        let arn = listener.arn.as_str().into();
        self.account.send(ModifyListenerAttributes { arn, attributes: map(attributes) }).await.unwrap();
    }

    /// The states of the targets of a group.
    pub async fn states(&self, group: &TargetGroup) -> Vec<TargetHealthState> {
        let asked = DescribeTargetHealth { arn: group.arn.as_str().into(), targets: Vec::new() };
        self.account.send(asked).await.unwrap().into_iter().map(|health| health.state).collect()
    }

    /// Waits until so many targets are in a state.
    pub async fn wait_for(&self, group: &TargetGroup, state: &TargetHealthState, count: usize) {
        until("target health", || async {
            self.states(group).await.iter().filter(|known| *known == state).count() == count
        })
        .await;
    }

    pub async fn healthy(&self, group: &TargetGroup, count: usize) {
        self.wait_for(group, &TargetHealthState::Healthy, count).await;
    }

    /// Where a listener is, in all zones of its DNS name, once it listens.
    pub async fn addresses(&self, listener: &Listener) -> Vec<SocketAddr> {
        let find = || self.plane.reachable().into_iter().find(|at| at.listener == listener.arn);
        until("a listener", || async { find().is_some() }).await;
        find().unwrap().addresses()
    }

    pub async fn address(&self, listener: &Listener) -> SocketAddr {
        self.addresses(listener).await[0]
    }
}

fn simulator() -> Sim {
    let mut world = World::demo().with_clock(Clock::running());
    // A drain may take as long as the target group says.
    world.settings.delays.draining = Duration::from_hours(1);
    Sim::new(world)
}

fn target(ip: IpAddr) -> Target {
    Target { id: Ref::from(ip.to_string()), port: Some(i32::from(PORT)), ..Target::default() }
}

fn map(attributes: &[(&str, &str)]) -> Attributes {
    attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Waits until something is so.
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    assert!(within(PATIENCE, is_so).await, "{what}: not within {PATIENCE:?}");
}

/// Whether something becomes so in time.
pub async fn within<F: Future<Output = bool>>(limit: Duration, is_so: impl Fn() -> F) -> bool {
    let started = Instant::now();
    while !is_so().await {
        if started.elapsed() >= limit {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Forwards to groups by weight.
pub fn weighted(groups: &[(&TargetGroup, i32)], sticky: Option<i32>) -> ListenerAction {
    let mut action = forward_to(groups.iter().map(|(group, _)| group.arn.as_str()));
    if let ListenerAction::Forward(forward) = &mut action {
        for (tuple, (_, weight)) in forward.target_groups.iter_mut().zip(groups) {
            tuple.weight = Some(*weight);
        }
        forward.stickiness = sticky
            .map(|seconds| TargetGroupStickiness { enabled: Some(true), duration_seconds: Some(seconds) });
    }
    action
}

/// Rows of a table, and those that came out otherwise than they should: all of them are told, not the first one alone.
#[derive(Default)]
pub struct Rows {
    count: usize,
    differing: Vec<String>,
}

impl Rows {
    pub fn check<T: PartialEq + Debug>(&mut self, row: &str, found: T, expected: T) {
        self.count += 1;
        if found != expected {
            self.differing.push(format!("{row}: {found:?}, expected {expected:?}"));
        }
    }

    /// Ends the table.
    pub fn hold(self) {
        let (differing, all) = (self.differing.len(), self.count);
        assert!(differing == 0, "{differing} of {all} rows differ:\n{}", self.differing.join("\n"));
    }
}

/// What came back.
#[derive(Debug, Default)]
pub struct Answer {
    /// 0 if the connection ended without an answer.
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    /// The name of the pod that answered; empty if none did.
    pub fn pod(&self) -> &str {
        self.header("x-pod")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What the pod was asked; null if no pod answered.
    pub fn asked(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The cookies it sets, as a request sends them.
    pub fn cookies(&self) -> String {
        let set = self.headers.get_all("set-cookie").into_iter();
        let pairs = set.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned());
        pairs.collect::<Vec<_>>().join("; ")
    }
}

/// A request to send.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// Sends a request by HTTP/1.1 on a connection of its own, from a client's own address if one is given.
pub async fn ask_from(
    client: Option<&str>,
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(client) = client {
        socket.bind(SocketAddr::new(client.parse().unwrap(), 0)).unwrap();
    }
    let stream = socket.connect(address).await.unwrap();
    send(stream, request(method, target, headers)).await.unwrap_or_default()
}

pub async fn ask(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
    ask_from(None, address, "GET", target, headers).await
}

/// `GET /` with a host.
pub async fn get(address: SocketAddr) -> Answer {
    ask(address, "/", &[("host", "h")]).await
}

/// Sends a request on a connection, by HTTP/2 if it says so.
pub async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> hyper::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    let mut connection = JoinSet::new();
    let answer = if request.version() == Version::HTTP_2 {
        let (mut sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        connection.spawn(async { drop(driver.await) });
        sender.send_request(request).await?
    } else {
        let (mut sender, driver) = hyper::client::conn::http1::handshake(io).await?;
        connection.spawn(async { drop(driver.await) });
        sender.send_request(request).await?
    };
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    Ok(Answer { status: status(parts.status), headers: parts.headers, body: body.to_bytes(), trailers })
}

fn status(status: StatusCode) -> u16 {
    status.as_u16()
}

/// Many requests on one connection, which is faster; the names of the pods that answered.
pub async fn ask_many(address: SocketAddr, count: usize) -> Vec<String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut connection = JoinSet::new();
    connection.spawn(async { drop(driver.await) });
    let mut pods = Vec::new();
    for _ in 0..count {
        sender.ready().await.unwrap();
        let answer = sender.send_request(request("GET", "/", &[("host", "h")])).await.unwrap();
        pods.push(answer.headers()["x-pod"].to_str().unwrap().to_owned());
        answer.into_body().collect().await.unwrap();
    }
    pods
}
