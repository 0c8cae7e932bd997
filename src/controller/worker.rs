//! Workers: take a key, reconcile it, and do what the verdict says.

use super::queue::Queue;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wanted.
    Done,
    /// Nothing failed; look again after a while.
    After(Duration),
    /// It failed; try again, ever more slowly.
    Retry,
}

/// One reconcile.
pub type Reconcile = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// Works on keys until the queue is closed.
pub async fn work<K: Ord + Clone>(queue: Arc<Queue<K>>, reconcile: impl Fn(K) -> Reconcile) {
    while let Some(taken) = queue.next().await {
        let key = taken.key;
        match reconcile(key.clone()).await {
            Verdict::Done => queue.forget(&key),
            Verdict::After(delay) => {
                queue.forget(&key);
                queue.add_after(key.clone(), delay);
            }
            Verdict::Retry => queue.retry(key.clone()),
        }
        queue.done(&key);
    }
}
