#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::json;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

type Counter = Arc<AtomicUsize>;

/// An API server whose lease nobody holds, and that fails so many renewals after the first write.
fn server(writes: &Counter, failures: usize) -> Client {
    let writes = writes.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let is_write = request.method() == Method::PUT;
        let written = if is_write { writes.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let fails = is_write && (1..=failures).contains(&written);
        let answer = if fails {
            json!({"kind": "Status", "status": "Failure", "reason": "InternalError", "message": "", "code": 500})
        } else {
            json!({"metadata": {"name": "lease"}, "spec": {}})
        };
        let body = Body::from(serde_json::to_vec(&answer).unwrap());
        let status = if fails { 500 } else { 200 };
        async move { Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap()) }
    });
    Client::new(service, "default")
}

/// Leads for so long; answers how many renewals were told to be slow, and whether the lease was lost.
async fn lead(failures: usize, time: Duration) -> (usize, bool) {
    let (writes, slow) = (Counter::default(), Counter::default());
    let client = server(&writes, failures);
    let told = slow.clone();
    let mut election =
        Election::new(client, "default", "lease", "me".to_owned()).on_slow_renewal(move || {
            told.fetch_add(1, Ordering::Relaxed);
        });
    let is_lost = tokio::time::timeout(time, election.run()).await.is_ok();
    (slow.load(Ordering::Relaxed), is_lost)
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_has_to_be_tried_again_is_told_of() {
    let minute = Duration::from_mins(1);
    assert_eq!(lead(0, minute).await, (0, false));
    assert_eq!(lead(2, minute).await, (2, false));
    let (slow, is_lost) = lead(100, minute).await;
    assert!(is_lost && (3..=5).contains(&slow), "{slow}");
}
