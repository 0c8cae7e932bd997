#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::Arc;

fn queue() -> Arc<Queue<&'static str>> {
    Arc::new(Queue::new(MAX_DELAY))
}

#[tokio::test(start_paused = true)]
async fn a_key_added_twice_is_taken_once() {
    let queue = queue();
    queue.add("a");
    queue.add("a");
    queue.add("b");
    assert_eq!(queue.next().await.unwrap().key, "a");
    assert_eq!(queue.next().await.unwrap().key, "b");
    assert_eq!(queue.depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_added_while_it_runs_comes_back_when_it_is_done() {
    let queue = queue();
    queue.add("a");
    queue.next().await.unwrap();
    queue.add("a");
    assert_eq!(queue.depth(), 0, "never two at a time");
    queue.done(&"a");
    assert_eq!(queue.next().await.unwrap().key, "a");
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_ever_more_slowly_until_success() {
    let queue = queue();
    let mut delays = Vec::new();
    for _ in 0..4 {
        let before = Instant::now();
        queue.retry("a");
        queue.next().await.unwrap();
        queue.done(&"a");
        delays.push(before.elapsed().as_millis());
    }
    assert_eq!(delays, [5, 10, 20, 40]);
    queue.forget(&"a");
    let before = Instant::now();
    queue.retry("a");
    queue.next().await.unwrap();
    assert_eq!(before.elapsed().as_millis(), 5);
}

#[test]
fn whatever_is_added_for_later_counts_as_a_retry() {
    let meter = QueueMeter::default();
    let queue = Queue::metered(MAX_DELAY, meter.clone());
    queue.add("a");
    assert_eq!(meter.retries.get(), 0);
    queue.retry("a");
    queue.retry_slowly("a");
    queue.add_after("a", Duration::from_secs(1));
    assert_eq!(meter.retries.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_worker_hears_of_an_earlier_deadline() {
    let queue = queue();
    queue.add_after("late", Duration::from_secs(100));
    let waiting = {
        let queue = queue.clone();
        async move { queue.next().await.unwrap().key }
    };
    let adding = async {
        tokio::task::yield_now().await;
        queue.add_after("soon", Duration::from_secs(1));
    };
    let (first, ()) = tokio::join!(waiting, adding);
    assert_eq!(first, "soon");
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_wait() {
    let queue = queue();
    let waiting = {
        let queue = queue.clone();
        async move { queue.next().await.is_none() }
    };
    let closing = async {
        tokio::task::yield_now().await;
        queue.close();
    };
    let (ended, ()) = tokio::join!(waiting, closing);
    assert!(ended);
}

#[tokio::test(start_paused = true)]
async fn a_key_backs_off_from_its_failure_until_it_is_tried_again() {
    let queue = queue();
    queue.add_after("a", Duration::from_secs(1));
    assert!(!queue.is_backing_off(&"a"), "it did not fail");
    queue.retry_slowly("b");
    assert!(queue.is_backing_off(&"b"));
    for key in ["a", "b"] {
        assert_eq!(queue.next().await.unwrap().key, key);
        queue.forget(&key);
        queue.done(&key);
    }
    assert!(!queue.is_backing_off(&"b"));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_one_key_waits_for_one_key_of_everybody_else() {
    let whose = |key: &(&'static str, usize)| Arc::from(key.0);
    let queue = Queue::new(Duration::from_secs(1)).shared_by(whose);
    for number in 0..100 {
        queue.add(("noisy", number));
    }
    queue.add(("second", 0));
    tokio::time::advance(Duration::from_secs(40)).await;
    queue.add(("quiet", 0));
    let mut taken = Vec::new();
    for _ in 0..6 {
        let key = queue.next().await.unwrap().key;
        queue.done(&key);
        taken.push(key);
    }
    let expected = [("noisy", 0), ("second", 0), ("quiet", 0), ("noisy", 1), ("noisy", 2), ("noisy", 3)];
    assert_eq!(taken, expected);
    assert_eq!(queue.depth(), 96);
    assert_eq!(queue.age(), Duration::from_secs(40));
    assert_eq!(queue.overdue(Duration::from_secs(30), 2), (vec![("noisy", 4), ("noisy", 5)], 96));
    assert_eq!(queue.overdue(Duration::from_secs(50), 2), (vec![], 96));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_added_first_comes_before_others_of_its_namespace_alone() {
    let queue = Queue::new(MAX_DELAY).shared_by(|key: &&str| key.chars().take(1).collect::<String>().into());
    for key in ["a1", "a2", "b1"] {
        queue.add(key);
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    queue.add_first("a3");
    queue.add_first("a4");
    queue.add_first("a2");
    assert_eq!((queue.depth(), queue.age()), (5, Duration::from_secs(1)));
    assert_eq!(queue.overdue(Duration::from_secs(1), 9).0, ["a1", "a2", "b1"]);
    let mut taken = Vec::new();
    while queue.depth() > 0 {
        taken.push(queue.next().await.unwrap().key);
    }
    assert_eq!(taken, ["a3", "b1", "a4", "a1", "a2"]);
}
