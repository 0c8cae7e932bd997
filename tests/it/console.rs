//! The console, over its listener and in a browser.

mod browser;
mod estate;
mod leader;
mod pages;
mod stalled;

use aws_load_balancer_controller::cluster::plan_annotations::{AnnotatedObject, GATEWAY_PLAN, INGRESS_PLAN};
use aws_load_balancer_controller::metrics::ConnectionMeter;
use aws_load_balancer_controller::serve::console::{
    Console, ConsoleSource, Guard, Token, VisitItem, listen, server,
};
use estate::TopologyShown;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const TOKEN: &str = "the-token-of-the-test";

/// What a test wants the console to show.
#[derive(Default)]
struct Shown {
    topology: Mutex<TopologyShown>,
    changed: Notify,
}

impl Shown {
    fn show(&self, topology: TopologyShown) {
        *self.topology.lock().unwrap() = topology;
        self.changed.notify_one();
    }
}

fn annotated(namespace: &str, name: &str, annotations: &[(&str, String)]) -> AnnotatedObject {
    let annotations: BTreeMap<String, String> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    AnnotatedObject { namespace: namespace.to_owned(), name: name.to_owned(), annotations }
}

/// A plan with a load balancer of this name, and of a Gateway with its tag.
fn plan(name: &str, scheme: &str, tag: Option<&str>) -> String {
    let mut tags = json!({"team": "shop"});
    if let Some(tag) = tag {
        tags["gateway.k8s.aws/migrated-from"] = tag.into();
    }
    let load_balancer = json!({"LoadBalancer": {"spec": {"name": name, "scheme": scheme, "tags": tags}}});
    json!({"id": "shop/web", "resources": {"AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancer}})
        .to_string()
}

fn gateways() -> Vec<AnnotatedObject> {
    let of = |tag: &str| plan("k8s-shop-web-abcdef0123", "internal", Some(tag));
    vec![
        annotated("shop", "broken", &[(GATEWAY_PLAN, "[]".to_owned())]),
        annotated("shop", "plain", &[]),
        annotated("shop", "web", &[(GATEWAY_PLAN, of("ingress/shop/web"))]),
        annotated("team", "lost", &[(GATEWAY_PLAN, of("ingress/team/gone"))]),
    ]
}

fn ingresses() -> Vec<AnnotatedObject> {
    vec![annotated(
        "shop",
        "web",
        &[(INGRESS_PLAN, plan("k8s-shop-web-0123456789", "internet-facing", None))],
    )]
}

fn named(objects: Vec<AnnotatedObject>, namespace: &str, name: &str) -> Result<AnnotatedObject, String> {
    let is_it = |object: &AnnotatedObject| object.namespace == namespace && object.name == name;
    objects.into_iter().find(is_it).ok_or_else(|| format!("{name} not found"))
}

impl ConsoleSource for Shown {
    fn about(&self) -> BoxFuture<'_, Value> {
        async { json!({"version": "1.2.3", "cluster": "production", "region": "eu-west-1"}) }.boxed()
    }

    fn topology<'a>(&'a self, visit: &'a mut VisitItem<'_>) -> BoxFuture<'a, Result<Value, String>> {
        let TopologyShown { head, items } = self.topology.lock().unwrap().clone();
        items.iter().for_each(|(id, item)| visit(id, item.to_string().as_bytes()));
        async { Ok(head) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.changed.notified().boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }

    fn plan(&self, manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        async move { Ok(estate::plan(manifests.is_some())) }.boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        async { Ok(estate::usage()) }.boxed()
    }

    fn gateways(&self, namespace: Option<String>) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        let mut found = gateways();
        found.retain(|gateway| namespace.as_ref().is_none_or(|namespace| gateway.namespace == *namespace));
        async { Ok(found) }.boxed()
    }

    fn gateway(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        async move { named(gateways(), &namespace, &name) }.boxed()
    }

    fn ingresses(&self) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        async { Ok(ingresses()) }.boxed()
    }

    fn ingress(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        async move { named(ingresses(), &namespace, &name) }.boxed()
    }
}

/// A console that listens.
struct Served {
    address: SocketAddr,
    shown: Arc<Shown>,
    _tasks: JoinSet<()>,
}

impl Served {
    fn begin() -> Self {
        let shown = Arc::new(Shown::default());
        let console = Console::new(shown.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(console.live().clone().run());
        let listener = listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let guard = Guard { token: Some(Token::of(TOKEN)), is_migration_open: false };
        let server = server(ConnectionMeter::default());
        tasks.spawn(server.serve(listener, None, console.router(guard), std::future::pending()));
        Self { address, shown, _tasks: tasks }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}#token={TOKEN}", self.address)
    }

    /// The head and the body of an answer.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }

    /// The status and the body of what the user's own page gets.
    async fn get(&self, path: &str) -> (u16, Value) {
        let authorization = format!("Bearer {TOKEN}");
        let (head, body) =
            self.ask("GET", path, &[("host", "localhost"), ("authorization", &authorization)], "").await;
        (status(&head), serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Who asks, with which headers, and the status of the answer.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16);

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing() {
    let served = Served::begin();
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", bearer.as_str());
    let cases: &[Case<'_>] = &[
        ("DNS rebinding", &[("host", "evil.example"), token], 421),
        ("a form of another page", &[("host", "localhost"), ("origin", "http://evil.example")], 403),
        ("another port", &[("host", "localhost"), ("origin", "http://localhost:3000"), token], 403),
        ("no token", &[("host", "localhost")], 401),
        ("a wrong token", &[("host", "localhost"), ("authorization", "Bearer the-token-of-the-tesT")], 401),
        (
            "the token as a parameter",
            &[("host", "localhost"), ("cookie", "token=the-token-of-the-test")],
            401,
        ),
        ("the user's page", &[("host", "localhost"), token], 200),
    ];
    for (who, headers, expected) in cases {
        for (method, path) in
            [("GET", "/api/plan"), ("POST", "/api/plan"), ("GET", "/api/diff?namespace=shop&gateway=web")]
        {
            let (head, body) = served.ask(method, path, headers, "").await;
            assert_eq!(status(&head), *expected, "{who}: {method} {path}");
            assert!(!head.contains("access-control-allow"), "{who}: {head}");
            assert!(*expected == 200 || !body.contains("LoadBalancer"), "{who}: {body}");
        }
    }
}

#[tokio::test]
async fn every_answer_forbids_inline_scripts_and_frames() {
    let served = Served::begin();
    for path in ["/", "/static/app.js", "/static/none.js", "/api/plan"] {
        let (head, _) = served.ask("GET", path, &[("host", "localhost")], "").await;
        let policy = head.lines().find(|line| line.starts_with("content-security-policy:")).unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe-"), "{path}: {policy}");
        assert!(
            head.contains("x-content-type-options: nosniff") && head.contains("referrer-policy: no-referrer"),
            "{path}"
        );
    }
    let (_, page) = served.ask("GET", "/", &[("host", "localhost")], "").await;
    assert!(!page.contains("<style") && !page.contains("<script>") && !page.contains("style="), "{page}");
}

#[tokio::test]
async fn files_are_sent_once_and_as_the_browser_takes_them() {
    let served = Served::begin();
    let host = ("host", "127.0.0.1");
    let (head, text) = served.ask("GET", "/static/app.js", &[host], "").await;
    assert!(head.contains("content-type: text/javascript") && text.contains("import"), "{head}");
    let (packed, _) = served.ask("GET", "/static/app.js", &[host, ("accept-encoding", "gzip, br")], "").await;
    assert!(packed.contains("content-encoding: gzip"), "{packed}");
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (again, _) = served.ask("GET", "/static/app.js", &[host, ("if-none-match", etag)], "").await;
    assert_eq!(status(&again), 304);
    assert_eq!(status(&served.ask("GET", "/static/none.js", &[host], "").await.0), 404);
    assert_eq!(status(&served.ask("GET", "/static/../../Cargo.toml", &[host], "").await.0), 404);
    let (any, page) = served.ask("GET", "/any/path", &[host], "").await;
    assert!(status(&any) == 200 && page.starts_with("<!doctype html>"), "{any}");
}

#[tokio::test]
async fn what_is_sent_is_bounded() {
    let served = Served::begin();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("host", "localhost"), ("authorization", bearer.as_str())];
    let (head, body) = served.ask("POST", "/api/plan", &headers, &"x".repeat(1024 * 1024 + 1)).await;
    assert_eq!(status(&head), 413, "{body}");
    let mut pages = Vec::new();
    for _ in 0..16 {
        let mut page = TcpStream::connect(served.address).await.unwrap();
        page.write_all(
            format!("GET /api/topology HTTP/1.1\r\nhost: localhost\r\nauthorization: {bearer}\r\n\r\n")
                .as_bytes(),
        )
        .await
        .unwrap();
        let mut begin = [0; 15];
        page.read_exact(&mut begin).await.unwrap();
        assert_eq!(begin, *b"HTTP/1.1 200 OK");
        pages.push(page);
    }
    let (status, told) = served.get("/api/topology").await;
    assert_eq!((status, told["error"].is_string()), (503, true));
}

#[tokio::test]
async fn a_migration_is_compared_as_the_tool_that_came_first_does() {
    let served = Served::begin();
    let expected =
        json!([{"namespace": "shop", "gatewayCount": 2}, {"namespace": "team", "gatewayCount": 1}]);
    assert_eq!(served.get("/api/namespaces").await, (200, expected));
    let (_, listed) = served.get("/api/gateways?namespace=shop").await;
    assert_eq!(listed[0]["name"], "broken");
    assert!(listed[0]["error"].is_string() && listed[0].get("migratedFrom").is_none());
    assert_eq!(listed[1]["migratedFrom"], "ingress/shop/web");
    assert_eq!(listed[1]["summary"], json!({"same": 1, "changed": 2, "added": 1, "removed": 0}));
    let (_, diff) = served.get("/api/diff?namespace=shop&gateway=web").await;
    let unknown = |entry: &&Value| entry["status"] != "same" && entry["known"] != true;
    let unknown: Vec<&Value> = diff["entries"].as_array().unwrap().iter().filter(unknown).collect();
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert_eq!((&unknown[0]["field"], &unknown[0]["gateway"]), (&json!("spec.scheme"), &json!("internal")));
    let statuses = [
        ("/api/gateways", 400),
        ("/api/gateways?namespace=nowhere", 200),
        ("/api/diff?namespace=shop", 400),
        ("/api/diff?gateway=web", 400),
        ("/api/diff?namespace=shop&gateway=none", 404),
        ("/api/diff?namespace=shop&gateway=plain", 404),
        ("/api/diff?namespace=shop&gateway=broken", 404),
        ("/api/diff?namespace=team&gateway=lost", 404),
    ];
    for (path, expected) in statuses {
        assert_eq!(served.get(path).await.0, expected, "{path}");
    }
}
