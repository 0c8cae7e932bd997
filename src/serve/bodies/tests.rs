#![allow(clippy::unwrap_used)]

use super::*;

const KIB: usize = 1024;

fn bodies(small: usize, large: usize) -> Bodies {
    Bodies::new(BodyLimits { small: small * KIB, large: large * KIB, huge: LARGEST }, BodyMeter::default())
}

/// Whether memory is waited for.
macro_rules! waits {
    ($take:expr) => {
        futures::poll!($take.as_mut()).is_pending()
    };
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_body_back_makes_room_for_who_sends_one() {
    let bodies = bodies(64, 1000);
    let held: Vec<BodyReservation> = (0..3).map(|_| bodies.enter()).collect();
    for share in &held {
        share.take(300 * KIB).await.unwrap();
    }
    tokio::time::advance(STALL).await;
    let honest = bodies.enter();
    let mut take = Box::pin(honest.take(300 * KIB));
    assert!(waits!(take));
    let mut given_up = 0;
    for share in held {
        // why: only one is asked to go, because its memory is enough
        given_up += usize::from(share.take(0).await.is_err());
        if given_up == 1 {
            break;
        }
    }
    assert_eq!((given_up, take.await), (1, Ok(())));
    assert!(bodies.used() <= 1000 * KIB);
}

#[tokio::test(start_paused = true)]
async fn who_sends_is_waited_for_and_who_stops_is_not() {
    let bodies = bodies(64, 1000);
    let sender = bodies.enter();
    sender.take(900 * KIB).await.unwrap();
    let next = bodies.enter();
    let mut take = Box::pin(next.take(500 * KIB));
    for _ in 0..9 {
        assert!(waits!(take));
        tokio::time::advance(STALL / 2).await;
        sender.touch();
    }
    assert_eq!(sender.take(0).await, Ok(()), "it goes on sending");
    tokio::time::advance(STALL).await;
    assert!(waits!(take));
    assert_eq!(sender.take(0).await, Err(BodyDropped));
    drop(sender);
    assert_eq!(take.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_trickles_is_given_up_after_a_second() {
    let bodies = bodies(64, 1000);
    let slow = bodies.enter();
    slow.take(900 * KIB).await.unwrap();
    for _ in 0..21 {
        tokio::time::advance(STALL / 2).await;
        slow.touch();
    }
    let next = bodies.enter();
    let mut take = Box::pin(next.take(500 * KIB));
    assert!(waits!(take));
    assert_eq!(slow.take(0).await, Err(BodyDropped));
}

#[tokio::test(start_paused = true)]
async fn a_complete_body_is_waited_for() {
    let bodies = bodies(64, 1000);
    let whole = bodies.enter();
    whole.take(900 * KIB).await.unwrap();
    whole.complete();
    tokio::time::advance(LONG).await;
    let next = bodies.enter();
    let mut take = Box::pin(next.take(500 * KIB));
    assert!(waits!(take));
    drop(whole);
    assert_eq!(take.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn small_bodies_never_wait_for_large_ones() {
    let bodies = bodies(128, 1000);
    let large = bodies.enter();
    large.take(1000 * KIB).await.unwrap();
    large.complete();
    let small = [bodies.enter(), bodies.enter()];
    for share in &small {
        assert!(!waits!(Box::pin(share.take(SMALL))));
    }
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

#[tokio::test(start_paused = true)]
async fn huge_bodies_come_one_at_a_time_and_nobody_else_waits_for_them() {
    let bodies = Bodies::default();
    let huge = bodies.enter();
    huge.take(LARGEST).await.unwrap();
    huge.complete();
    let (next, large, small) = (bodies.enter(), bodies.enter(), bodies.enter());
    assert!(waits!(Box::pin(next.take(LARGE + 1))));
    assert!(!waits!(Box::pin(large.take(LARGE))));
    assert!(!waits!(Box::pin(small.take(SMALL))));
    let BodyLimits { small, large, huge } = BodyLimits::default();
    assert!(small + large + huge <= 64 * 1024 * KIB);
}
