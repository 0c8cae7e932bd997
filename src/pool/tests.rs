#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::mpsc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Waits until so many jobs wait.
async fn until_waiting(pool: &Pool, count: usize) {
    let waits = async {
        while pool.waiting() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap();
}

#[tokio::test]
async fn small_work_never_waits() {
    let pool = Pool::default();
    let _turns = [pool.turn(LARGE).await, pool.turn(SMALL + 1).await];
    assert_eq!(pool.run(SMALL, || 1).await, Ok(1));
}

#[tokio::test]
async fn only_one_large_job_runs_and_the_smallest_is_next() {
    let pool = Pool::default();
    let mut jobs = JoinSet::new();
    let (release, held) = mpsc::channel::<()>();
    let (done, order) = mpsc::channel();
    let large = pool.clone();
    jobs.spawn(async move { large.run(LARGE, move || held.recv().is_ok()).await.map(drop) });
    while pool.0.queues.lock().running_large == 0 {
        tokio::task::yield_now().await;
    }
    for size in [LARGE * 3, LARGE * 2] {
        let (pool, done) = (pool.clone(), done.clone());
        jobs.spawn(async move { pool.run(size, move || done.send(size).unwrap()).await });
    }
    until_waiting(&pool, 2).await;
    let sender = done.clone();
    pool.run(SMALL + 1, move || sender.send(SMALL + 1).unwrap()).await.unwrap();
    release.send(()).unwrap();
    while jobs.join_next().await.is_some() {}
    drop(done);
    assert_eq!(order.iter().collect::<Vec<_>>(), [SMALL + 1, LARGE * 2, LARGE * 3]);
}

#[tokio::test]
async fn who_gives_up_waiting_leaves_no_trace() {
    let pool = Pool::default();
    let first = pool.turn(LARGE).await;
    let mut waits = Box::pin(pool.turn(LARGE));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    drop(waits);
    assert_eq!(pool.waiting(), 0);
    let mut promoted = Box::pin(pool.turn(LARGE));
    assert!(futures::poll!(promoted.as_mut()).is_pending());
    drop(first);
    drop(promoted);
    let queues = pool.0.queues.lock();
    assert_eq!((queues.running, queues.running_large), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn borrowed_work_leaves_the_runtime_to_others() {
    let pool = Pool::default();
    let (tell, told) = mpsc::channel();
    let mut others = JoinSet::new();
    let mut owner = JoinSet::new();
    owner.spawn(async move {
        let heard = pool.run_here(LARGE, move || told.recv_timeout(Duration::from_secs(30)).is_ok()).await;
        assert!(heard, "the only thread of the runtime was held up");
    });
    tokio::task::yield_now().await;
    others.spawn(async move { tell.send(()).unwrap() });
    owner.join_next().await.unwrap().unwrap();
}
