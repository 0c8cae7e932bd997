#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::ConfigMap;
use crate::cluster::fenced_sender::FencedSender;
use crate::cluster::lease::Election;
use crate::fence::Guarded;
use http::Response;
use http_body_util::BodyExt as _;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt as _;

type Calls = Arc<Mutex<Vec<Method>>>;

/// An API server that knows no lease, likes everything, and counts what reaches it.
fn server(calls: &Calls) -> KubeConnection {
    let calls = calls.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let is_of_lease = request.uri().path().contains("leases");
        if !is_of_lease {
            calls.lock().push(request.method().clone());
        }
        let is_missing = is_of_lease && request.method() == Method::GET;
        let (status, answer) = if is_missing { (404, missing()) } else { (200, json!({"metadata": {}})) };
        let body = Body::from(serde_json::to_vec(&answer).unwrap());
        async move { Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap()) }
    });
    let service = FencedSender::new(tower::service_fn(move |request: Request<Guarded<Body>>| {
        let service = service.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, BoxError>(service.oneshot(Request::from_parts(head, Body::from(body))).await?)
        }
    }));
    KubeConnection::new(service, "default")
}

fn missing() -> Value {
    json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "", "code": 404})
}

/// Tries every kind of access; answers how many failed.
async fn access(connection: &KubeConnection) -> usize {
    let maps: Api<ConfigMap> = Api::default_namespaced(connection.clone());
    let (new, patch) = (ConfigMap::default(), Patch::Merge(json!({})));
    let writes = [
        maps.create(&PostParams::default(), &new).await.is_err(),
        maps.replace("map", &PostParams::default(), &new).await.is_err(),
        maps.patch("map", &PatchParams::default(), &patch).await.is_err(),
        maps.delete("map", &DeleteParams::default()).await.is_err(),
    ];
    assert!(maps.get("map").await.is_ok(), "reading is always allowed");
    writes.into_iter().filter(|failed| *failed).count()
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_writes_and_not_a_moment_longer() {
    let calls = Calls::default();
    let connection = server(&calls);
    let mut election = Election::new(connection.clone(), "default", "lease", "me".to_owned());
    let fenced = fence(&connection, &election.leadership());

    assert_eq!(access(&fenced).await, 4, "a follower");
    assert_eq!(*calls.lock(), [Method::GET], "nothing but the read was sent");

    let leadership = election.leadership();
    tokio::select! {
        lost = election.run() => panic!("{lost}"),
        () = leadership.acquired() => {}
    }
    assert_eq!(access(&fenced).await, 0, "the leader");
    assert_eq!(calls.lock().len(), 6);

    // why: nobody has renewed the lease meanwhile, as after a pause of the whole process
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    assert_eq!(access(&fenced).await, 4, "a leader whose time is up, although nobody has told it yet");
    assert_eq!(calls.lock().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_while_the_lease_ran_out_is_not_sent() {
    let calls = Calls::default();
    let inner = server(&calls);
    let namespace = inner.default_namespace().to_owned();
    // why: as a token that is fetched, a connection that is made, or a refused attempt before the next
    let slow = tower::service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let is_of_lease = request.uri().path().contains("leases");
            if !is_of_lease {
                tokio::time::sleep(std::time::Duration::from_secs(11)).await;
            }
            inner.send(request).await
        }
    });
    let connection = KubeConnection::new(slow, namespace);
    let mut election = Election::new(connection.clone(), "default", "lease", "me".to_owned());
    election.acquire().await;
    let fenced = fence(&connection, &election.leadership());
    let maps: Api<ConfigMap> = Api::default_namespaced(fenced);
    let written = maps.create(&PostParams::default(), &ConfigMap::default()).await;
    assert!(written.is_err(), "the lease ran out while it waited");
    assert_eq!(*calls.lock(), Vec::<Method>::new(), "nothing was sent");
}

#[test]
fn a_refusal_says_what_was_not_sent() {
    let refusal =
        NotLeader { method: Method::PATCH, path: "/api/v1/namespaces/a/services/b/status".to_owned() };
    assert_eq!(
        refusal.to_string(),
        "PATCH /api/v1/namespaces/a/services/b/status is not sent: this replica does not lead"
    );
}
