//! The client: reviews at fixed times, and what the server's memory came to.

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Reviews a second.
pub const RATE: u32 = 500;
/// How long reviews are sent, and how long before that nothing is counted.
const LASTS: Duration = Duration::from_secs(20);
const WARM_UP: Duration = Duration::from_secs(2);

/// What was measured.
pub struct Found {
    pub count: usize,
    pub quantiles: Vec<(&'static str, Duration)>,
    pub resident_kib: u64,
    pub peak_kib: u64,
}

impl Found {
    pub fn p99(&self) -> Duration {
        self.quantiles.iter().find(|(share, _)| *share == "99%").map_or(Duration::MAX, |(_, took)| *took)
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// Starts a server, loads it, ends it.
pub fn run() -> Result<Found> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let found =
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(&mut server));
    drop(server.stdin.take());
    server.wait()?;
    found
}

async fn measure(server: &mut Child) -> Result<Found> {
    let mut line = String::new();
    BufReader::new(server.stdout.take().context("no output")?).read_line(&mut line)?;
    let hello: Value = serde_json::from_str(&line)?;
    let port = u16::try_from(hello.pointer("/port").and_then(Value::as_u64).context("no port")?)?;
    let authority = hello.pointer("/authority").and_then(Value::as_str).context("no authority")?;
    let sender = connect(port, authority).await?;
    let mut took = send_all(&sender).await?;
    took.sort();
    let last = took.len().saturating_sub(1);
    let at =
        |per_mille: usize| took.get((took.len() * per_mille / 1000).min(last)).copied().unwrap_or_default();
    Ok(Found {
        count: took.len(),
        quantiles: vec![
            ("50%", at(500)),
            ("90%", at(900)),
            ("99%", at(990)),
            ("99.9%", at(999)),
            ("100%", at(1000)),
        ],
        resident_kib: memory(server.id(), "VmRSS")?,
        peak_kib: memory(server.id(), "VmHWM")?,
    })
}

async fn connect(port: u16, authority: &str) -> Result<Sender> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Tells when each review is due, as exactly as a thread wakes: the runtime's timers are a millisecond or two late.
fn beat(began: Instant, pause: Duration) -> UnboundedReceiver<Instant> {
    let (tell, heard) = unbounded_channel();
    tokio::task::spawn_blocking(move || {
        let mut due = began;
        while due < began + WARM_UP + LASTS {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if tell.send(due).is_err() {
                break;
            }
            due += pause;
        }
    });
    heard
}

/// Every review's time from when it was due until its answer was read.
async fn send_all(sender: &Sender) -> Result<Vec<Duration>> {
    let reviews: Vec<(&str, Bytes, bool)> = reviews();
    let began = Instant::now();
    let mut beat = beat(began, Duration::from_secs(1) / RATE);
    let mut answers = JoinSet::new();
    for (path, body, allowed) in reviews.iter().cycle() {
        let Some(due) = beat.recv().await else { break };
        let answer = send(sender.clone(), (*path).to_owned(), body.clone(), *allowed);
        let is_counted = due >= began + WARM_UP;
        answers.spawn(async move { answer.await.map(|()| is_counted.then(|| due.elapsed())) });
    }
    let mut took = Vec::new();
    while let Some(answer) = answers.join_next().await {
        took.extend(answer??);
    }
    ensure!(!took.is_empty(), "nothing was measured");
    Ok(took)
}

async fn send(mut sender: Sender, path: String, body: Bytes, allowed: bool) -> Result<()> {
    let request = hyper::Request::post(format!("https://localhost{path}"))
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let answer = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    let answer: Value = serde_json::from_slice(&answer)?;
    let verdict = answer.pointer("/response/allowed");
    ensure!(verdict == Some(&Value::Bool(allowed)), "{path}: {answer}");
    Ok(())
}

/// What people apply: most of it is right, some is not, some are updates.
fn reviews() -> Vec<(&'static str, Bytes, bool)> {
    const SERVICE: &str = "/validate-v1-service";
    const INGRESS: &str = "/validate-networking-v1-ingress";
    let review = |object: Value, old: Value| {
        let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
        let request = json!({"uid": "u", "operation": operation, "namespace": "shop", "name": "web", "object": object, "oldObject": old});
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        Bytes::from(review.to_string())
    };
    vec![
        (SERVICE, review(service("internal"), Value::Null), true),
        (INGRESS, review(ingress("ip"), Value::Null), true),
        (SERVICE, review(service("internet-facing"), service("internal")), true),
        (INGRESS, review(ingress("ip"), ingress("instance")), true),
        (SERVICE, review(service("internet-facng"), Value::Null), false),
        (INGRESS, review(ingress("pod"), Value::Null), false),
    ]
}

pub fn service(scheme: &str) -> Value {
    json!({
        "metadata": {"name": "web", "annotations": {
            "service.beta.kubernetes.io/aws-load-balancer-scheme": scheme,
            "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
            "service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012",
            "service.beta.kubernetes.io/aws-load-balancer-ssl-ports": "https",
            "service.beta.kubernetes.io/aws-load-balancer-attributes": "load_balancing.cross_zone.enabled=true",
            "service.beta.kubernetes.io/aws-load-balancer-healthcheck-path": "/healthz",
            "service.beta.kubernetes.io/aws-load-balancer-healthcheck-protocol": "http"
        }},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [
            {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
            {"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"}
        ]}
    })
}

pub fn ingress(target_type: &str) -> Value {
    let path = |path: &str| json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}});
    json!({
        "metadata": {"name": "web", "annotations": {
            "alb.ingress.kubernetes.io/scheme": "internet-facing",
            "alb.ingress.kubernetes.io/target-type": target_type,
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 80}, {\"HTTPS\": 443}]",
            "alb.ingress.kubernetes.io/ssl-redirect": "443",
            "alb.ingress.kubernetes.io/healthcheck-path": "/healthz",
            "alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=60"
        }},
        "spec": {"ingressClassName": "alb", "rules": [
            {"host": "shop.example.com", "http": {"paths": [path("/"), path("/api"), path("/static")]}}
        ]}
    })
}

fn memory(process: u32, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}
