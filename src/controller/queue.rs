//! The work queue: each key at most once, never two at a time for the same key, failures retried ever more slowly.
//!
//! The semantics are those of client-go's rate-limiting work queue, so that dashboards and habits carry over. In addition there
//! is a slower back-off for keys that fail until somebody changes something: trying those hundreds of times helps nobody.
//! And keys of one namespace never make those of others wait for more than their share ([`Queue::shared_by`]).

mod ready;

use crate::metrics::QueueMeter;
use parking_lot::Mutex;
pub(in crate::controller) use ready::ReadyKeys;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// First delay after a failure.
const BASE_DELAY: Duration = Duration::from_millis(5);
/// First delay after a failure that only somebody's change can mend.
const SLOW_BASE_DELAY: Duration = Duration::from_secs(5);
/// Longest delay after failures.
pub const MAX_DELAY: Duration = Duration::from_secs(1000);

/// A keyed work queue.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<QueueState<K>>,
    wake: Notify,
    base_delay: Duration,
    max_delay: Duration,
    meter: QueueMeter,
}

#[derive(Debug)]
struct QueueState<K> {
    ready: ReadyKeys<K>,
    waiting: BTreeSet<K>,
    /// Keys that are worked on, since when.
    running: BTreeMap<K, Instant>,
    again: BTreeSet<K>,
    delayed: BTreeMap<(Instant, u64), K>,
    due: BTreeMap<K, (Instant, u64)>,
    sequence: u64,
    failures: BTreeMap<K, u32>,
    closed: bool,
}

/// A key taken from the queue, with how long it waited.
#[derive(Debug)]
pub struct DequeuedKey<K> {
    /// The key.
    pub key: K,
    /// How long it was ready before it was taken.
    pub waited: Duration,
}

impl<K: Ord + Clone> Queue<K> {
    /// An empty queue whose back-off ends at `max_delay`, and which is counted nowhere.
    pub fn new(max_delay: Duration) -> Self {
        Self::metered(max_delay, QueueMeter::default())
    }

    /// An empty queue whose back-off ends at `max_delay`.
    pub fn metered(max_delay: Duration, meter: QueueMeter) -> Self {
        let state = QueueState {
            ready: ReadyKeys::new(|_| Arc::default()),
            waiting: BTreeSet::new(),
            running: BTreeMap::new(),
            again: BTreeSet::new(),
            delayed: BTreeMap::new(),
            due: BTreeMap::new(),
            sequence: 0,
            failures: BTreeMap::new(),
            closed: false,
        };
        let (state, wake) = (Mutex::new(state), Notify::new());
        Self { state, wake, base_delay: BASE_DELAY, max_delay, meter }
    }

    /// The same queue, which tries again after this delay at first.
    #[must_use]
    pub fn starting_at(self, base_delay: Duration) -> Self {
        Self { base_delay, ..self }
    }

    /// The same queue, in which those who share it take turns: `whose` says whose a key is.
    #[must_use]
    pub fn shared_by(mut self, whose: fn(&K) -> Arc<str>) -> Self {
        self.state.get_mut().ready = ReadyKeys::new(whose);
        self
    }

    /// Asks for a key to be worked on, once, as soon as possible.
    pub fn add(&self, key: K) {
        self.make_ready(key, ReadyKeys::push);
    }

    /// As [`Queue::add`], before all other keys of who shares it. A key that is ready already keeps its place.
    pub fn add_first(&self, key: K) {
        self.make_ready(key, ReadyKeys::push_first);
    }

    fn make_ready(&self, key: K, push: PushReady<K>) {
        let mut state = self.state.lock();
        let is_new = state.make_ready(key, push);
        self.count(&state, is_new.into());
        drop(state);
        self.wake.notify_one();
    }

    /// Asks for a key to be worked on after a while. If that has been asked for before, the earlier time counts.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.meter.retries.inc();
        let mut state = self.state.lock();
        state.push_after(key, Instant::now() + delay);
        drop(state);
        self.wake.notify_one();
    }

    /// Asks for a key to be worked on again after a failure: 5 ms, 10 ms, 20 ms … up to the longest delay.
    pub fn retry(&self, key: K) {
        self.retry_from(self.base_delay, key);
    }

    /// Asks for a key to be worked on again although it will fail until somebody changes something: 5 s, 10 s, 20 s … up to
    /// the longest delay.
    pub fn retry_slowly(&self, key: K) {
        self.retry_from(SLOW_BASE_DELAY, key);
    }

    fn retry_from(&self, base: Duration, key: K) {
        let delay = {
            let mut state = self.state.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            let delay = base.saturating_mul(1 << (*failures).min(24)).min(self.max_delay);
            *failures += 1;
            delay
        };
        self.add_after(key, delay);
    }

    fn count(&self, state: &QueueState<K>, added: u64) {
        self.meter.adds.inc_by(added);
        self.meter.depth.set(i64::try_from(state.ready.len()).unwrap_or(i64::MAX));
    }

    /// Forgets the failures of a key: it succeeded.
    pub fn forget(&self, key: &K) {
        self.state.lock().failures.remove(key);
    }

    /// Whether a key failed and waits to be tried again.
    pub fn is_backing_off(&self, key: &K) -> bool {
        let state = self.state.lock();
        state.failures.contains_key(key) && state.due.contains_key(key)
    }

    /// The next key to work on; `None` once the queue is closed. [`Queue::done`] must follow.
    pub async fn next(&self) -> Option<DequeuedKey<K>> {
        loop {
            let woken = self.wake.notified();
            let due = {
                let mut state = self.state.lock();
                if state.closed {
                    return None;
                }
                let (promoted, due) = state.promote_due(Instant::now());
                let taken = state.take();
                self.count(&state, promoted);
                if let Some(taken) = taken {
                    self.meter.waited.observe(taken.waited.as_secs_f64());
                    let more = !state.ready.is_empty();
                    drop(state);
                    if more {
                        self.wake.notify_one();
                    }
                    return Some(taken);
                }
                due
            };
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, woken).await;
                }
                None => woken.await,
            }
        }
    }

    /// Says that a key has been worked on. If it was added meanwhile, it becomes ready again.
    pub fn done(&self, key: &K) {
        let mut state = self.state.lock();
        state.running.remove(key);
        let is_again = state.again.remove(key) && state.push(key.clone());
        self.count(&state, is_again.into());
        drop(state);
        self.wake.notify_one();
    }

    /// How many keys are ready.
    pub fn depth(&self) -> usize {
        self.state.lock().ready.len()
    }

    /// How long the key that waits the longest has been ready.
    pub fn age(&self) -> Duration {
        self.state.lock().ready.oldest().map(|since| since.elapsed()).unwrap_or_default()
    }

    /// The keys that have been ready for so long, those that wait the longest first, not more than `most`; and how many keys
    /// are ready in all.
    pub fn overdue(&self, patience: Duration, most: usize) -> (Vec<K>, usize) {
        let state = self.state.lock();
        (state.ready.since_before(Instant::now().checked_sub(patience), most), state.ready.len())
    }

    /// For how long each key that is worked on has been.
    pub fn running(&self) -> Vec<Duration> {
        self.state.lock().running.values().map(Instant::elapsed).collect()
    }

    /// Ends every present and future [`Queue::next`], and forgets what is ready.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.ready.clear();
        self.count(&state, 0);
        drop(state);
        self.wake.notify_waiters();
    }
}

/// Puts a key among those that are ready, with the moment since when it is.
type PushReady<K> = fn(&mut ReadyKeys<K>, K, Instant);

impl<K: Ord + Clone> QueueState<K> {
    /// Makes a key ready, now or once it is not worked on any more. Whether it has become ready now.
    fn push(&mut self, key: K) -> bool {
        self.make_ready(key, ReadyKeys::push)
    }

    /// The same with a place among those that are ready.
    fn make_ready(&mut self, key: K, push: PushReady<K>) -> bool {
        if self.running.contains_key(&key) {
            self.again.insert(key);
            return false;
        }
        let is_new = self.waiting.insert(key.clone());
        if is_new {
            push(&mut self.ready, key, Instant::now());
        }
        is_new
    }

    fn push_after(&mut self, key: K, at: Instant) {
        if let Some(due) = self.due.get(&key) {
            if due.0 <= at {
                return;
            }
            self.delayed.remove(due);
        }
        self.sequence += 1;
        self.due.insert(key.clone(), (at, self.sequence));
        self.delayed.insert((at, self.sequence), key);
    }

    /// Makes ready what is due; tells how many keys that were, and when the next is due.
    fn promote_due(&mut self, now: Instant) -> (u64, Option<Instant>) {
        let mut promoted = 0;
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                return (promoted, Some(entry.key().0));
            }
            let key = entry.remove();
            self.due.remove(&key);
            promoted += u64::from(self.push(key));
        }
        (promoted, None)
    }

    fn take(&mut self) -> Option<DequeuedKey<K>> {
        let (key, since) = self.ready.pop()?;
        self.waiting.remove(&key);
        self.running.insert(key.clone(), Instant::now());
        Some(DequeuedKey { key, waited: since.elapsed() })
    }
}

#[cfg(test)]
mod tests;
