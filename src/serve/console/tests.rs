use super::*;
use axum::body::Body;
use futures::FutureExt;
use http_body_util::BodyExt;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::ServiceExt;

/// Counts how often the topology is looked at; every second look shows something else.
#[derive(Default)]
struct CountingSource(AtomicUsize);

impl CountingSource {
    fn looks(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn nothing<T>() -> BoxFuture<'static, Result<T, String>>
where
    T: Send + 'static,
{
    async { Err("nothing".to_owned()) }.boxed()
}

impl ConsoleSource for CountingSource {
    fn about(&self) -> BoxFuture<'_, Value> {
        async { json!({}) }.boxed()
    }

    fn topology(&self) -> BoxFuture<'_, Result<TopologySnapshot, String>> {
        let look = self.0.fetch_add(1, Ordering::SeqCst);
        let items = BTreeMap::from([("a".to_owned(), json!({"id": "a", "look": look / 2}))]);
        async move { Ok(TopologySnapshot::new(&json!({"roots": ["a"]}), &items).unwrap()) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }

    fn plan(&self, _: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        // Takes its time, so that another can be asked for meanwhile.
        async {
            sleep(Duration::from_mins(1)).await;
            Ok(json!({}))
        }
        .boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        nothing()
    }

    fn gateways(&self, _: Option<String>) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        nothing()
    }

    fn gateway(&self, _: String, _: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        nothing()
    }

    fn ingresses(&self) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        nothing()
    }

    fn ingress(&self, _: String, _: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        nothing()
    }
}

struct Served {
    router: Router,
    source: Arc<CountingSource>,
    live: LiveTopology,
    _tasks: JoinSet<()>,
}

fn serve() -> Served {
    let source = Arc::new(CountingSource::default());
    let console = Console::new(source.clone());
    let live = console.live().clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(live.clone().run());
    let router = console.router(Guard { token: None, is_migration_open: false });
    Served { router, source, live, _tasks: tasks }
}

impl Served {
    async fn get(&self, path: &str) -> Response {
        let request = Request::get(path).header("host", "localhost").header("x-console", "1");
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }
}

/// The next event that tells something.
async fn next_event(page: &mut Body) -> Option<String> {
    loop {
        let frame = page.frame().await?.unwrap();
        let event = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        if !event.starts_with(':') {
            return Some(event);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_topology_is_looked_at_while_a_page_is_open_and_not_else() {
    let served = serve();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(served.source.looks(), 0);
    let mut page = served.get("/api/topology").await.into_body();
    for begin in ["event: reset", "event: items", "event: head"] {
        assert!(next_event(&mut page).await.unwrap().starts_with(begin));
    }
    // The second look shows the same, the third something else.
    assert!(next_event(&mut page).await.unwrap().contains("\"look\":1"));
    assert_eq!(served.source.looks(), 3);
    drop(page);
    sleep(Duration::from_mins(1)).await;
    let looks = served.source.looks();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(served.source.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn all_pages_share_what_is_seen() {
    let served = serve();
    let mut pages = Vec::new();
    for _ in 0..10 {
        pages.push(served.get("/api/topology").await.into_body());
    }
    for page in &mut pages {
        for _ in 0..3 {
            next_event(page).await.unwrap();
        }
    }
    assert!(served.source.looks() <= 2, "{} looks", served.source.looks());
}

#[tokio::test(start_paused = true)]
async fn pages_hear_when_the_process_ends() {
    let served = serve();
    let mut page = served.get("/api/topology").await.into_body();
    next_event(&mut page).await.unwrap();
    served.live.end();
    while next_event(&mut page).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn one_plan_is_made_at_a_time() {
    let served = serve();
    let (one, other) = tokio::join!(served.get("/api/plan"), served.get("/api/plan"));
    assert_eq!([one.status().as_u16(), other.status().as_u16()], [200, 429]);
    assert_eq!(served.get("/api/plan").await.status(), 200);
}

#[tokio::test]
async fn what_a_source_cannot_tell_is_an_error_with_its_reason() {
    let served = serve();
    for path in ["/api/usage", "/api/namespaces", "/api/gateways?namespace=shop"] {
        let answer = served.get(path).await;
        assert!(answer.status().is_server_error(), "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("nothing"), "{path}");
    }
}
