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

thread_local! {
    /// How far the wall clock of this test has been set forward, in seconds.
    static AHEAD: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

fn wall() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000 + AHEAD.get())
}

/// An election that was just won, with a wall clock that stands still.
async fn won() -> Election {
    let client = server(&Counter::default(), 0);
    let mut election = Election::new(client, "default", "lease", "me".to_owned()).with_wall_clock(wall);
    election.acquire().await;
    election
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_is_lost_by_whichever_clock_shows_it() {
    let election = won().await;
    let leads = || election.leadership().is_leader();
    tokio::time::advance(Duration::from_secs(9)).await;
    assert!(leads());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!leads(), "the monotonic clock");

    let mut election = won().await;
    AHEAD.set(9);
    assert!(election.leadership().is_leader());
    AHEAD.set(-3600);
    assert!(election.leadership().is_leader(), "a clock that is set back proves nothing");
    // why: a suspended machine's monotonic clock stands still
    AHEAD.set(10);
    assert!(!election.leadership().is_leader(), "the wall clock");
    let lost = election.keep().await;
    assert!(lost.to_string().contains("not renewed in time"), "{lost}");
    assert!(!election.leadership().is_leader(), "a lease that ran out is not renewed: the term is over");
    election.acquire().await;
    assert!(election.leadership().is_leader(), "it is acquired anew, in a term of its own");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_took_too_long_ends_the_term() {
    let election = won().await;
    let leadership = election.leadership();
    let asked = Moment::now(wall);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(!leadership.go_on(asked), "it was asked for in time and came after the lease had run out");
    assert!(!leadership.is_leader());
}

/// An API server that can be away, and whose lease somebody else holds.
fn held_by_another(is_away: &Arc<std::sync::atomic::AtomicBool>) -> Client {
    let is_away = is_away.clone();
    let service = tower::service_fn(move |_: Request<Body>| {
        let fails = is_away.load(Ordering::Relaxed);
        let answer = json!({"metadata": {"name": "lease"}, "spec": {"holderIdentity": "other"}});
        async move {
            if fails {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            Ok(Response::new(Body::from(serde_json::to_vec(&answer).unwrap())))
        }
    });
    Client::new(service, "default")
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_was_cut_off_says_so_and_leaves_the_leader_time_to_renew() {
    let is_away = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut election = Election::new(held_by_another(&is_away), "default", "lease", "me".to_owned());
    let returns = Counter::default();
    let counted = returns.clone();
    election.on_return(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let began = Instant::now();
    let steered = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        is_away.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_away.store(false, Ordering::Relaxed);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = election.acquire() => {}
        () = steered => {}
    }
    assert_eq!(returns.load(Ordering::Relaxed), 1);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(25) && waited <= Duration::from_secs(27), "{waited:?}");
}
