//! The work queue: each key at most once, never two at a time for the same key, failures retried ever more slowly.
//!
//! The semantics are those of client-go's rate-limiting work queue, so that dashboards and habits carry over.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// First delay after a failure.
const BASE_DELAY: Duration = Duration::from_millis(5);
/// Longest delay after failures.
pub const MAX_DELAY: Duration = Duration::from_secs(1000);

/// A keyed work queue.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    wake: Notify,
    max_delay: Duration,
}

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<(K, Instant)>,
    waiting: BTreeSet<K>,
    running: BTreeSet<K>,
    again: BTreeSet<K>,
    delayed: BTreeMap<(Instant, u64), K>,
    due: BTreeMap<K, (Instant, u64)>,
    sequence: u64,
    failures: BTreeMap<K, u32>,
    closed: bool,
}

/// A key taken from the queue, with how long it waited.
#[derive(Debug)]
pub struct Taken<K> {
    /// The key.
    pub key: K,
    /// How long it was ready before it was taken.
    pub waited: Duration,
}

impl<K: Ord + Clone> Queue<K> {
    /// An empty queue whose back-off ends at `max_delay`.
    pub fn new(max_delay: Duration) -> Self {
        let state = State {
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            running: BTreeSet::new(),
            again: BTreeSet::new(),
            delayed: BTreeMap::new(),
            due: BTreeMap::new(),
            sequence: 0,
            failures: BTreeMap::new(),
            closed: false,
        };
        Self { state: Mutex::new(state), wake: Notify::new(), max_delay }
    }

    /// Asks for a key to be worked on, once, as soon as possible.
    pub fn add(&self, key: K) {
        self.state.lock().push(key);
        self.wake.notify_one();
    }

    /// Asks for a key to be worked on after a while. If that has been asked for before, the earlier time counts.
    pub fn add_after(&self, key: K, delay: Duration) {
        let mut state = self.state.lock();
        state.push_after(key, Instant::now() + delay);
        drop(state);
        self.wake.notify_one();
    }

    /// Asks for a key to be worked on again after a failure: 5 ms, 10 ms, 20 ms … up to the longest delay.
    pub fn retry(&self, key: K) {
        let delay = {
            let mut state = self.state.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            let delay = BASE_DELAY.saturating_mul(1 << (*failures).min(24)).min(self.max_delay);
            *failures += 1;
            delay
        };
        self.add_after(key, delay);
    }

    /// Forgets the failures of a key: it succeeded.
    pub fn forget(&self, key: &K) {
        self.state.lock().failures.remove(key);
    }

    /// The next key to work on; `None` once the queue is closed. [`Queue::done`] must follow.
    pub async fn next(&self) -> Option<Taken<K>> {
        loop {
            let woken = self.wake.notified();
            let due = {
                let mut state = self.state.lock();
                if state.closed {
                    return None;
                }
                let due = state.promote_due(Instant::now());
                if let Some(taken) = state.take() {
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
        if state.again.remove(key) {
            state.push(key.clone());
        }
        drop(state);
        self.wake.notify_one();
    }

    /// How many keys are ready.
    pub fn depth(&self) -> usize {
        self.state.lock().ready.len()
    }

    /// Ends every present and future [`Queue::next`].
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_waiters();
    }
}

impl<K: Ord + Clone> State<K> {
    fn push(&mut self, key: K) {
        if self.running.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back((key, Instant::now()));
        }
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

    /// Makes ready what is due, and tells when the next is.
    fn promote_due(&mut self, now: Instant) -> Option<Instant> {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                return Some(entry.key().0);
            }
            let key = entry.remove();
            self.due.remove(&key);
            self.push(key);
        }
        None
    }

    fn take(&mut self) -> Option<Taken<K>> {
        let (key, since) = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(Taken { key, waited: since.elapsed() })
    }
}

#[cfg(test)]
mod tests;
