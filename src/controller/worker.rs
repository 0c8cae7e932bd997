//! Workers: take a key, reconcile it, and do what the verdict says.

use super::queue::Queue;
use crate::metrics::Metrics;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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

impl Verdict {
    /// As controller-runtime's metrics have it.
    fn result(self) -> &'static str {
        match self {
            Self::Done => "success",
            Self::After(_) => "requeue_after",
            Self::Retry => "error",
        }
    }
}

/// One reconcile.
pub type Reconcile = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// Counts the work of one controller, named as controller-runtime names it.
#[derive(Clone)]
pub struct Meter {
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// For example `service`.
    pub controller: &'static str,
}

/// Works on keys until the queue is closed.
pub async fn work<K: Ord + Clone>(queue: Arc<Queue<K>>, meter: Meter, reconcile: impl Fn(K) -> Reconcile) {
    while let Some(taken) = queue.next().await {
        let key = taken.key;
        let started = Instant::now();
        meter.metrics.reconcile_begins(meter.controller);
        let verdict = reconcile(key.clone()).await;
        meter.metrics.reconcile_ends(meter.controller, verdict.result(), started.elapsed());
        match verdict {
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
