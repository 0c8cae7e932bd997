//! The webhooks' TLS listener: no single client uses up its connections, its memory, its threads or its calls to AWS.

use aws_load_balancer_controller::cluster::quic_ids::QuicIdSource;
use aws_load_balancer_controller::config::{AnnotationValidation, Config};
use aws_load_balancer_controller::metrics::{BodyMeter, ConnectionMeter, Metrics};
use aws_load_balancer_controller::serve::bodies::{Bodies, BodyLimits};
use aws_load_balancer_controller::serve::certificate::{ServingCertificate, server_config};
use aws_load_balancer_controller::serve::connections::ConnectionLimits;
use aws_load_balancer_controller::serve::listener::Server;
use aws_load_balancer_controller::serve::webhook::router;
use aws_load_balancer_controller::serve::webhooks::{QuicIds, Webhooks};
use futures::future::BoxFuture;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webhook_certs::{Bundle, Decision, IssueReason, RotationPolicy, advance};

const SERVICE: &str = "/validate-v1-service";
const MIB: usize = 1024 * 1024;
/// Long enough for any loaded machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A server and those who may call it.
struct Port {
    address: std::net::SocketAddr,
    authority: String,
    bodies: Bodies,
    metrics: Arc<Metrics>,
    /// Closed connections: before their handshake, in the middle of a request, idle.
    meter: ConnectionMeter,
    _tasks: JoinSet<()>,
}

struct Setup {
    limits: ConnectionLimits,
    room: BodyLimits,
    mode: AnnotationValidation,
    client_authority: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        let limits =
            ConnectionLimits { connections: 24, opening: 8, share: 4, ..ConnectionLimits::default() };
        let room = BodyLimits::default();
        Self { limits, room, mode: AnnotationValidation::Enforce, client_authority: None }
    }
}

fn issue() -> Bundle {
    let policy = RotationPolicy::new(vec!["localhost".to_owned()]);
    advance(
        Decision::IssueAll(IssueReason::Missing),
        aws_load_balancer_controller::clock::now(),
        None,
        &policy,
    )
    .unwrap()
    .unwrap()
}

impl Port {
    async fn open(setup: Setup) -> Self {
        let bundle = issue();
        let certificate = Arc::new(ServingCertificate::default());
        certificate.publish(bundle.cert_pem.as_bytes(), bundle.key_pem.as_bytes()).unwrap();
        let client_authority = setup.client_authority.as_deref().map(str::as_bytes);
        let tls = Arc::new(server_config(certificate, client_authority).unwrap());
        let bodies = Bodies::new(setup.room, BodyMeter::default());
        let config = Config { annotation_validation: setup.mode, ..Config::default() };
        let hooks = Webhooks { bodies: bodies.clone(), ..rig::webhooks(config) };
        let (metrics, meter) = (hooks.metrics.clone(), ConnectionMeter::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(setup.limits, meter.clone());
        let mut tasks = JoinSet::new();
        let served =
            server.serve(listener, Some(tls.into()), router(Arc::new(hooks)), std::future::pending());
        tasks.spawn(served);
        Self { address, authority: bundle.ca_pem.clone(), bodies, metrics, meter, _tasks: tasks }
    }

    async fn dial(&self, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        self.dial_as(protocol, None).await
    }

    async fn dial_as(
        &self,
        protocol: &[u8],
        identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
        let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// A call over a connection of its own: status and answer.
    async fn call(&self, body: &str) -> (u16, Value) {
        let asked = async {
            let mut stream = self.dial(b"http/1.1").await?;
            ask(&mut stream, body).await
        };
        timeout(PATIENCE, asked).await.unwrap().unwrap()
    }

    /// Asserts that calls of good will are answered, over new connections and over one that is kept.
    async fn serves_others(&self) {
        let body = review(&service("internal"), &Value::Null);
        let mut kept = self.dial(b"http/1.1").await.unwrap();
        for _ in 0..5 {
            let (status, answer) = self.call(&body).await;
            assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(true)), "{answer}");
            let (status, _) = timeout(PATIENCE, ask(&mut kept, &body)).await.unwrap().unwrap();
            assert_eq!(status, 200);
        }
    }
}

fn head(length: usize) -> String {
    format!(
        "POST {SERVICE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Asks over a connection that is kept.
async fn ask(stream: &mut TlsStream<TcpStream>, body: &str) -> std::io::Result<(u16, Value)> {
    stream.write_all((head(body.len()) + body).as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await?;
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if rest.len() >= length.unwrap_or(0) {
            return Ok((status, serde_json::from_str(rest).ok().unwrap_or_default()));
        }
    }
}

fn review(object: &Value, old: &Value) -> String {
    let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5", "operation": operation, "namespace": "shop", "name": "web", "object": object,
            "oldObject": old, "dryRun": true
        }
    })
    .to_string()
}

fn service(scheme: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": scheme}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [{"port": 80}]}
    })
}

#[tokio::test]
async fn idle_connections_shut_nobody_out() {
    let port = Port::open(Setup::default()).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(port.dial(b"http/1.1").await.unwrap());
    }
    port.serves_others().await;
    assert!(port.meter.closed_idle.get() >= 36, "{}", port.meter.closed_idle.get());
    assert_eq!(port.meter.refused.get(), 0);
    let closed = timeout(PATIENCE, idle[0].read(&mut [0; 1])).await.unwrap();
    assert_eq!(closed.unwrap_or(0), 0, "the longest idle is closed");
}

#[tokio::test]
async fn connections_without_handshake_or_with_endless_heads_shut_nobody_out() {
    let port = Port::open(Setup::default()).await;
    let (mut silent, mut endless) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        silent.push(TcpStream::connect(port.address).await.unwrap());
    }
    port.serves_others().await;
    for _ in 0..60 {
        let mut stream = port.dial(b"http/1.1").await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nx-a").await.unwrap();
        endless.push(stream);
    }
    port.serves_others().await;
    assert!(port.meter.closed_opening.get() > 0 && port.meter.closed_sending.get() > 0);
}

#[tokio::test]
async fn bodies_that_are_held_back_neither_fill_memory_nor_keep_others_waiting() {
    let room = BodyLimits { small: MIB, large: 4 * MIB, ..BodyLimits::default() };
    let port = Port::open(Setup {
        room,
        limits: ConnectionLimits { connections: 64, ..ConnectionLimits::default() },
        ..Setup::default()
    })
    .await;
    let mut held = Vec::new();
    let part = "x".repeat(2 * MIB);
    for _ in 0..20 {
        let mut stream = port.dial(b"http/1.1").await.unwrap();
        let text = head(2 * MIB + 7) + "{\"a\":\"" + &part;
        // why: the server may give the request up while it is still being sent
        let _ = timeout(PATIENCE, stream.write_all(text.as_bytes())).await.unwrap();
        assert!(port.bodies.used() <= 5 * MIB, "{}", port.bodies.used());
        held.push(stream);
    }
    port.serves_others().await;
    let mut large = service("internal");
    large["metadata"]["annotations"]["example.com/notes"] = json!("x".repeat(MIB));
    let (status, answer) = port.call(&review(&large, &Value::Null)).await;
    assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(true)), "{answer}");
}

#[tokio::test]
async fn an_update_of_objects_as_large_as_the_api_server_takes_them_is_answered() {
    let port = Port::open(Setup::default()).await;
    let mut object = service("internal");
    object["metadata"]["annotations"]["example.com/notes"] = json!("@");
    // why: so the API server writes this character
    let escaped = "\\u003c".repeat(14 * MIB / 10);
    let body = review(&object, &object).replace('@', &escaped);
    assert!(body.len() > 16 * MIB, "{}", body.len());
    let (status, answer) = port.call(&body).await;
    assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(true)), "{answer}");
    port.serves_others().await;
}

/// A review of more small values than fit into the memory of an object.
fn wide() -> String {
    let mut wide = service("internal");
    wide["a"] = json!("@");
    review(&wide, &Value::Null).replacen("\"@\"", &format!("[0{}]", ",{\"a\":0}".repeat(60_000)), 1)
}

#[tokio::test]
async fn what_is_too_costly_is_refused_or_warned_of_and_never_passed_over() {
    let ranges: Vec<String> = (0..12_000).map(|n| format!("10.{}.{}.0/24", n / 256 % 256, n % 256)).collect();
    let mut many = service("internal");
    many["spec"]["loadBalancerSourceRanges"] = json!(ranges);
    for (body, text) in
        [(wide(), "too large to be checked"), (review(&many, &Value::Null), "too costly to be built")]
    {
        for (mode, allowed) in [(AnnotationValidation::Enforce, false), (AnnotationValidation::Warn, true)] {
            let port = Port::open(Setup { mode, ..Setup::default() }).await;
            let (status, answer) = port.call(&body).await;
            let answer = &answer["response"];
            assert_eq!((status, &answer["allowed"]), (200, &json!(allowed)), "{answer}");
            assert_eq!(answer["uid"], "705ab4f5");
            let told = if allowed { &answer["warnings"][0] } else { &answer["status"]["message"] };
            assert!(told.as_str().unwrap().contains(text), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn costly_reviews_keep_small_ones_waiting_for_nothing() {
    let port = Arc::new(Port::open(Setup::default()).await);
    let (wide, done) = (Arc::new(wide()), Arc::new(AtomicUsize::new(0)));
    let mut costly = JoinSet::new();
    for _ in 0..4 {
        let (port, wide, done) = (port.clone(), wide.clone(), done.clone());
        costly.spawn(async move {
            let (status, answer) = port.call(&wide).await;
            done.fetch_add(1, Ordering::Relaxed);
            assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(false)), "{answer}");
        });
    }
    while done.load(Ordering::Relaxed) < 4 {
        let (status, _) = port.call(&review(&service("internal"), &Value::Null)).await;
        assert_eq!(status, 200);
    }
    while let Some(ended) = costly.join_next().await {
        ended.unwrap();
    }
    let text = port.metrics.render();
    assert!(text.contains("awslbc_webhook_too_costly_total{webhook=\"/validate-v1-service\"}"));
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head, payload.to_vec()].concat()
}

#[tokio::test]
async fn floods_of_http2_end_with_their_connection() {
    let port = Port::open(Setup::default()).await;
    let ping = frame(6, 0, 0, b"12345678");
    let settings = frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]);
    let path = SERVICE.as_bytes();
    let literal = |name: &[u8], value: &[u8]| {
        [&[0, u8::try_from(name.len()).unwrap()], name, &[u8::try_from(value.len()).unwrap()], value].concat()
    };
    let fields = [
        literal(b":method", b"POST"),
        literal(b":path", path),
        literal(b":scheme", b"https"),
        literal(b":authority", b"x"),
    ]
    .concat();
    let mut continuation = frame(1, 0, 1, &fields);
    let more = literal(b"x-a", &[b'y'; 120]).repeat(120);
    for _ in 0..100 {
        continuation.extend(frame(9, 0, 1, &more));
    }
    let mut resets = Vec::new();
    for number in 0..5000 {
        resets.extend(frame(1, 4, 1 + 2 * number, &fields));
        resets.extend(frame(3, 0, 1 + 2 * number, &[0, 0, 0, 8]));
    }
    let floods = [
        ("pings", ping.repeat(50_000)),
        ("settings", settings.repeat(50_000)),
        ("continuation", continuation),
        ("resets", resets),
    ];
    for (name, flood) in floods {
        let stream = port.dial(b"h2").await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat();
        let sent = async {
            writer.write_all(&preface).await?;
            writer.write_all(&flood).await?;
            std::future::pending::<std::io::Result<()>>().await
        };
        let ended = async {
            let mut part = [0; 4096];
            while reader.read(&mut part).await.is_ok_and(|length| length > 0) {}
        };
        let ended = async {
            tokio::select! { () = ended => {}, failed = sent => assert!(failed.is_err()) }
        };
        assert!(timeout(PATIENCE, ended).await.is_ok(), "{name}: the connection goes on");
        port.serves_others().await;
    }
}

#[tokio::test]
async fn callers_without_a_certificate_of_the_named_authority_are_turned_away() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let identity = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["kube-apiserver".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    };
    let port = Port::open(Setup { client_authority: Some(authority.pem()), ..Setup::default() }).await;
    let body = review(&service("internal"), &Value::Null);
    let answer = async |identity| match port.dial_as(b"http/1.1", identity).await {
        Ok(mut stream) => timeout(PATIENCE, ask(&mut stream, &body)).await.unwrap().map(|(status, _)| status),
        Err(error) => Err(error),
    };
    assert!(answer(None).await.is_err());
    assert_eq!(answer(Some(identity())).await.unwrap(), 200);
}

/// Ids whose counts the test reads.
#[derive(Clone, Default)]
struct SharedIds(Arc<Ids>);

/// Counts how it is asked.
#[derive(Default)]
struct Ids {
    durable: AtomicUsize,
    dry: AtomicUsize,
}

impl QuicIds for SharedIds {
    fn take(&self, count: usize, is_dry_run: bool) -> BoxFuture<'_, Result<Vec<String>, String>> {
        let counter = if is_dry_run { &self.0.dry } else { &self.0.durable };
        counter.fetch_add(count, Ordering::Relaxed);
        Box::pin(async move { Ok(vec!["LBhzwAAAApE=".to_owned(); count]) })
    }
}

#[tokio::test]
async fn a_dry_run_of_a_pod_asks_for_no_ids_that_are_written_down() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let ids = SharedIds::default();
    let hooks = Webhooks { quic_ids: Arc::new(ids.clone()), ..rig::webhooks(Config::default()) };
    let router = router(Arc::new(hooks));
    let pod = json!({
        "metadata": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "app"}},
        "spec": {"containers": [{"name": "app"}]}
    });
    for (is_dry_run, expected) in [(true, (0, 1)), (false, (1, 1))] {
        let mut review: Value = serde_json::from_str(&review(&pod, &Value::Null)).unwrap();
        review["request"]["dryRun"] = json!(is_dry_run);
        let request =
            axum::http::Request::post("/mutate-v1-pod-server-id").header("content-type", "application/json");
        let request = request.body(axum::body::Body::from(review.to_string())).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
        assert!(answer["response"]["patch"].is_string(), "{answer}");
        assert_eq!((ids.0.durable.load(Ordering::Relaxed), ids.0.dry.load(Ordering::Relaxed)), expected);
    }
}

#[tokio::test]
async fn a_dry_run_claims_no_worker_number() {
    let rig = rig::Rig::new(rig::Options::default());
    let source = QuicIdSource::new(rig.api.client());
    let shown = QuicIds::take(&source, 2, true).await.unwrap();
    assert_eq!(shown.len(), 2);
    assert!(rig.api.list("configmaps").is_empty(), "a dry run writes nothing");
    QuicIds::take(&source, 1, false).await.unwrap();
    assert_eq!(rig.api.list("configmaps").len(), 1);
}
