use super::*;
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

/// Counts how often the topology is looked at; every second look shows something else.
#[derive(Default)]
struct CountingSource {
    looks: AtomicUsize,
    rests: AtomicUsize,
    plans: AtomicUsize,
}

impl CountingSource {
    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
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

    fn topology<'a>(&'a self, visit: &'a mut VisitItem<'_>) -> BoxFuture<'a, Result<Value, String>> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        visit("a", json!({"id": "a", "look": look / 2}).to_string().as_bytes());
        async { Ok(json!({"roots": ["a"]})) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        self.rests.fetch_add(1, Ordering::SeqCst);
        std::future::ready(()).boxed()
    }

    fn plan(&self, _: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        self.plans.fetch_add(1, Ordering::SeqCst);
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

    async fn post(&self, path: &str, body: Body) -> Response {
        let request = Request::post(path).header("host", "localhost").header("x-console", "1");
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
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
    assert_eq!(served.source.rests.load(Ordering::SeqCst), 1, "what was read is forgotten");
    sleep(Duration::from_mins(10)).await;
    assert_eq!(served.source.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_kept_for_who_comes_back_soon() {
    let served = serve();
    for _ in 0..3 {
        let mut page = served.get("/api/topology").await.into_body();
        assert!(next_event(&mut page).await.unwrap().starts_with("event: reset"));
        drop(page);
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(served.source.rests.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_asks_anew_after_a_while() {
    let served = serve();
    let mut page = served.get("/api/topology").await.into_body();
    let begun = Instant::now();
    while next_event(&mut page).await.is_some() {}
    assert!(begun.elapsed() >= Duration::from_mins(10));
    let mut again = served.get("/api/topology").await.into_body();
    assert!(next_event(&mut again).await.unwrap().starts_with("event: reset"));
}

#[tokio::test(start_paused = true)]
async fn all_pages_share_what_is_seen() {
    let served = serve();
    let follow = async || {
        let mut page = served.get("/api/topology").await.into_body();
        for begin in ["event: reset", "event: items", "event: head"] {
            assert!(next_event(&mut page).await.unwrap().starts_with(begin));
        }
    };
    join_all((0..10).map(|_| follow())).await;
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
async fn all_who_want_a_plan_get_the_one_that_is_being_made() {
    let served = serve();
    let plans = join_all((0..10).map(|_| served.get("/api/plan"))).await;
    assert!(plans.iter().all(|plan| plan.status() == 200));
    assert_eq!(served.source.plans.load(Ordering::SeqCst), 1);
    assert_eq!(served.get("/api/plan").await.status(), 200);
    assert_eq!(served.source.plans.load(Ordering::SeqCst), 2, "an answer that was given is not kept");
}

#[tokio::test(start_paused = true)]
async fn one_plan_is_made_at_a_time() {
    let served = serve();
    let (one, other) =
        tokio::join!(served.get("/api/plan"), served.post("/api/plan", Body::from("kind: Ingress")));
    assert_eq!([one.status().as_u16(), other.status().as_u16()], [200, 429]);
    assert_eq!(served.post("/api/plan", Body::from("kind: Ingress")).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn manifests_that_never_come_keep_nobody_from_a_plan() {
    let served = serve();
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let (stalled, other) = tokio::join!(served.post("/api/plan", never), served.get("/api/plan"));
    assert_eq!([stalled.status().as_u16(), other.status().as_u16()], [408, 200]);
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
