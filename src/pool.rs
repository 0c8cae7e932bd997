//! Layer 3: work of the processor that may take long, on threads of its own and in bounded number.
//!
//! What is small runs at once, where it is asked for: it takes no longer than to hand it over. All else waits for its turn, the
//! smallest first, and of the largest only one runs at a time; so neither the runtime's own threads nor small work ever wait for
//! large work. A job that has not begun ends with whoever waits for it.

use crate::metrics::PoolMeter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

/// Work up to this size, in bytes of what is worked on, runs at once.
pub const SMALL: usize = 16 * 1024;
/// Work from this size on is large: only one job of it runs at a time.
pub const LARGE: usize = 128 * 1024;
/// Jobs that run at a time.
const AT_ONCE: usize = 2;

/// Threads for costly work.
#[derive(Clone, Default)]
pub struct Pool(Arc<PoolState>);

#[derive(Default)]
struct PoolState {
    queues: Mutex<JobQueues>,
    meter: PoolMeter,
}

/// Size, then the order of arrival.
type JobKey = (usize, u64);

#[derive(Default)]
struct JobQueues {
    running: usize,
    running_large: usize,
    waiting: BTreeMap<JobKey, oneshot::Sender<()>>,
    next: u64,
}

/// The process ends, so the job has not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the controller is shutting down")]
pub struct Stopped;

/// The right to run, until it is dropped.
struct RunPermit {
    shared: Arc<PoolState>,
    key: JobKey,
}

impl Pool {
    /// A pool that is counted.
    pub fn new(meter: PoolMeter) -> Self {
        Self(Arc::new(PoolState { meter, ..PoolState::default() }))
    }

    /// Runs a job of this size and answers what it says.
    pub async fn run<T: Send + 'static>(
        &self,
        size: usize,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        if size <= SMALL {
            return Ok(job());
        }
        let turn = self.turn(size).await;
        let job = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            job()
        });
        job.await.map_err(|_| Stopped)
    }

    /// Runs a job of this size that borrows what it works on. The other tasks of the runtime go on meanwhile.
    pub async fn run_here<T>(&self, size: usize, job: impl FnOnce() -> T) -> T {
        // why: a runtime of one thread, which only tests have, has nobody to take over its tasks
        if size <= SMALL || Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return job();
        }
        let _turn = self.turn(size).await;
        tokio::task::block_in_place(job)
    }

    /// Jobs that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.0.queues.lock().waiting.len()
    }

    async fn turn(&self, size: usize) -> RunPermit {
        let (turn, begin) = self.enter(size);
        // why: the sender is only dropped after it has sent
        let _ = begin.await;
        self.0.meter.jobs.inc();
        turn
    }

    fn enter(&self, size: usize) -> (RunPermit, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut queues = self.0.queues.lock();
        let key = (size, queues.next);
        queues.next += 1;
        queues.waiting.insert(key, sender);
        queues.start();
        self.0.count(&queues);
        (RunPermit { shared: self.0.clone(), key }, receiver)
    }
}

impl PoolState {
    fn count(&self, queues: &JobQueues) {
        self.meter.waiting.set(i64::try_from(queues.waiting.len()).unwrap_or(i64::MAX));
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        let mut queues = self.shared.queues.lock();
        if queues.waiting.remove(&self.key).is_none() {
            queues.running -= 1;
            queues.running_large -= usize::from(is_large(self.key));
        }
        queues.start();
        self.shared.count(&queues);
    }
}

fn is_large((size, _): JobKey) -> bool {
    size >= LARGE
}

impl JobQueues {
    /// Gives the next ones their turns.
    fn start(&mut self) {
        while self.running < AT_ONCE
            && let Some(first) = self.waiting.first_entry()
            && (self.running_large == 0 || !is_large(*first.key()))
        {
            let (key, begin) = first.remove_entry();
            self.running += 1;
            self.running_large += usize::from(is_large(key));
            // why: who does not wait any more gives the turn back when it is dropped
            let _ = begin.send(());
        }
    }
}

#[cfg(test)]
mod tests;
