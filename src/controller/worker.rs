//! Workers: take a key, reconcile it, and do what the verdict says.

use super::queue::Queue;
use crate::metrics::WorkMeter;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wanted.
    Done,
    /// All is as wanted; look again after a while nevertheless.
    DoneFor(Duration),
    /// There is nothing (any more) to be done for it.
    Gone,
    /// Nothing failed; look again after a while.
    After(Duration),
    /// It failed; try again, ever more slowly.
    Retry,
    /// It fails until somebody changes something; a change is heard of, so trying again is only a precaution.
    Mistaken,
    /// It is too costly to be tried: nothing is done until it changes.
    PutAside,
    /// Nothing failed, but what the object refers to is not there. Look again after a while, if at all.
    Lacking(Option<Duration>),
}

impl Verdict {
    /// As controller-runtime labels it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done | Self::Gone | Self::Lacking(None) => "success",
            Self::After(_) | Self::DoneFor(_) | Self::Lacking(Some(_)) => "requeue_after",
            Self::Retry | Self::Mistaken | Self::PutAside => "error",
        }
    }
}

/// One reconcile.
pub type Reconcile = BoxFuture<'static, Verdict>;

/// Works on keys until the queue is closed.
pub async fn work<K: Ord + Clone>(
    queue: Arc<Queue<K>>,
    meter: WorkMeter,
    reconcile: impl Fn(K) -> Reconcile,
) {
    while let Some(taken) = queue.next().await {
        let key = taken.key;
        let began = Instant::now();
        let verdict = {
            let _active = meter.active();
            reconcile(key.clone()).await
        };
        let is_terminal = matches!(verdict, Verdict::Mistaken | Verdict::PutAside);
        meter.observe(verdict.label(), is_terminal, began.elapsed());
        match verdict {
            Verdict::Done | Verdict::Gone | Verdict::PutAside | Verdict::Lacking(None) => queue.forget(&key),
            Verdict::After(delay) | Verdict::DoneFor(delay) | Verdict::Lacking(Some(delay)) => {
                queue.forget(&key);
                queue.add_after(key.clone(), delay);
            }
            Verdict::Retry => queue.retry(key.clone()),
            Verdict::Mistaken => queue.retry_slowly(key.clone()),
        }
        queue.done(&key);
    }
}
