#![allow(clippy::unwrap_used)]

use super::*;
use tokio::task::JoinSet;

const KIB: usize = 1024;

fn bodies(small: usize, large: usize) -> Bodies {
    Bodies::new(Room { small: small * KIB, large: large * KIB }, BodyMeter::default())
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_body_back_makes_room_for_who_sends_one() {
    let bodies = bodies(64, 1000);
    let held: Vec<Share> = (0..3).map(|_| bodies.enter()).collect();
    for share in &held {
        share.take(300 * KIB).await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut holders = JoinSet::new();
    for share in held {
        holders.spawn(async move { share.dropped().await });
    }
    let honest = bodies.enter();
    for _ in 0..9 {
        honest.take(100 * KIB).await.unwrap();
    }
    assert!(bodies.used() <= 1000 * KIB);
    assert_eq!(holders.len(), 3);
    let gone = [holders.join_next().await, holders.join_next().await, holders.join_next().await];
    assert_eq!(gone.iter().flatten().filter(|gone| gone.is_ok()).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_complete_body_is_waited_for() {
    let bodies = bodies(64, 1000);
    let whole = bodies.enter();
    whole.take(900 * KIB).await.unwrap();
    whole.complete();
    let next = bodies.enter();
    let mut waits = Box::pin(next.take(500 * KIB));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    drop(whole);
    assert_eq!(waits.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn small_bodies_never_wait_for_large_ones() {
    let bodies = bodies(128, 1000);
    let large = bodies.enter();
    large.take(1000 * KIB).await.unwrap();
    large.complete();
    let small = [bodies.enter(), bodies.enter()];
    for share in &small {
        assert_eq!(futures::poll!(Box::pin(share.take(SMALL)).as_mut()), std::task::Poll::Ready(Ok(())));
    }
}

#[tokio::test(start_paused = true)]
async fn the_stalled_goes_before_the_slow_and_the_slow_before_the_quick() {
    let bodies = bodies(64, 1000);
    let (stalled, slow) = (bodies.enter(), bodies.enter());
    stalled.take(300 * KIB).await.unwrap();
    slow.take(300 * KIB).await.unwrap();
    tokio::time::advance(Duration::from_millis(500)).await;
    slow.take(KIB).await.unwrap();
    let quick = bodies.enter();
    quick.take(300 * KIB).await.unwrap();
    let next = bodies.enter();
    let mut waits = Box::pin(next.take(150 * KIB));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    assert!(stalled.take(1).await.is_err(), "the first to go");
    drop(stalled);
    assert_eq!(waits.await, Ok(()));
    let mut waits = Box::pin(next.take(300 * KIB));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    assert!(slow.take(1).await.is_err(), "the next to go");
    drop(slow);
    assert_eq!(waits.await, Ok(()));
    assert!(quick.take(KIB).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_memory_is_given_back() {
    let bodies = bodies(64, 1000);
    let (one, other) = (bodies.enter(), bodies.enter());
    one.take(10).await.unwrap();
    other.take(500 * KIB).await.unwrap();
    assert_eq!(bodies.used(), 10 + 500 * KIB);
    drop((one, other));
    assert_eq!(bodies.used(), 0);
}
