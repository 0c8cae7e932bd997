//! Workers: take a key, reconcile it, and do what the result says.

use super::queue::Queue;
use crate::metrics::WorkMeter;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileResult {
    /// All is as wanted.
    Done,
    /// All is as wanted; look again after a while nevertheless.
    DoneUntil(Duration),
    /// There is nothing (any more) to be done for it.
    Gone,
    /// Nothing failed; look again after a while.
    RequeueAfter(Duration),
    /// It failed; try again, ever more slowly.
    Retry,
    /// It fails until somebody changes something; a change is heard of, so trying again is only a precaution.
    AwaitChange,
    /// It is too costly to be tried: nothing is done until it changes.
    TooCostly,
    /// Nothing failed, but what the object refers to is not there. Look again after a while, if at all.
    MissingReference(Option<Duration>),
}

impl ReconcileResult {
    /// As controller-runtime labels it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done | Self::Gone | Self::MissingReference(None) => "success",
            Self::RequeueAfter(_) | Self::DoneUntil(_) | Self::MissingReference(Some(_)) => "requeue_after",
            Self::Retry | Self::AwaitChange | Self::TooCostly => "error",
        }
    }
}

/// One reconcile.
pub type Reconcile = BoxFuture<'static, ReconcileResult>;

/// Works on keys until the queue is closed.
pub async fn work<K: Ord + Clone>(
    queue: Arc<Queue<K>>,
    meter: WorkMeter,
    reconcile: impl Fn(K) -> Reconcile,
) {
    while let Some(taken) = queue.next().await {
        let key = taken.key;
        let began = Instant::now();
        let result = {
            let _active = meter.active();
            reconcile(key.clone()).await
        };
        let is_terminal = matches!(result, ReconcileResult::AwaitChange | ReconcileResult::TooCostly);
        meter.observe(result.label(), is_terminal, began.elapsed());
        match result {
            ReconcileResult::Done
            | ReconcileResult::Gone
            | ReconcileResult::TooCostly
            | ReconcileResult::MissingReference(None) => queue.forget(&key),
            ReconcileResult::RequeueAfter(delay)
            | ReconcileResult::DoneUntil(delay)
            | ReconcileResult::MissingReference(Some(delay)) => {
                queue.forget(&key);
                queue.add_after(key.clone(), delay);
            }
            ReconcileResult::Retry => queue.retry(key.clone()),
            ReconcileResult::AwaitChange => queue.retry_slowly(key.clone()),
        }
        queue.done(&key);
    }
}
