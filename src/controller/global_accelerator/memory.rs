//! What one term remembers of each GlobalAccelerator. A restart costs no more than looking again.

use super::load_balancers::LoadBalancers;
use crate::api::ObjectKey;
use crate::global_accelerator::Accelerator;
use crate::global_accelerator::plan::AskedFlags;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long AWS is asked for its progress alone; then everything is compared again.
const PROGRESS_ONLY: Duration = Duration::from_mins(5);
/// Between the first two questions whether AWS is done …
const FIRST_POLL: Duration = Duration::from_secs(3);
/// … and between two questions at most.
const LONGEST_POLL: Duration = Duration::from_mins(1);

/// For how long it is believed that AWS has no accelerator of an object. why not for ever: lists of AWS may lag behind
const ABSENT: Duration = Duration::from_mins(2);

/// What is known of accelerators, and of the load balancers behind them.
#[derive(Debug, Default)]
pub struct AcceleratorMemory {
    entries: Mutex<BTreeMap<ObjectKey, MemoryEntry>>,
    pub(super) load_balancers: LoadBalancers,
}

/// What is known of one GlobalAccelerator.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryEntry {
    /// Which object of this name it is about.
    uid: String,
    /// The accelerator that was made or found.
    pub arn: Option<String>,
    /// When no accelerator with the object's tags was found, if none has been asked for since.
    pub not_found: Option<Instant>,
    /// Whether one look for an accelerator that is to go has found none.
    pub is_going_unseen: bool,
    /// When everything was compared last.
    pub compared: Option<Instant>,
    /// What AWS was brought to while it was not done yet, and when.
    pub in_progress: Option<(Accelerator, Instant)>,
    /// Questions so far whether AWS is done.
    pub polls: u32,
    /// What AWS was asked for.
    pub asked: AskedFlags,
    /// Whether it has been told that all is as wanted.
    pub is_told: bool,
    /// The endpoints that it was told are waited for, or the deletion that waits.
    pub told_waiting: Vec<String>,
}

impl MemoryEntry {
    /// When to ask AWS again.
    pub fn next_poll(&mut self) -> Duration {
        let delay = FIRST_POLL.saturating_mul(1 << self.polls.min(16)).min(LONGEST_POLL);
        self.polls = self.polls.saturating_add(1);
        delay
    }

    /// Whether AWS has no accelerator of the object, as far as is known.
    pub fn is_absent(&self) -> bool {
        self.not_found.is_some_and(|since| since.elapsed() < ABSENT)
    }

    /// Whether AWS is only to be asked for its progress: it was brought to this a moment ago.
    pub fn is_under_way(&self, wanted: &Accelerator) -> bool {
        let in_progress = self.in_progress.as_ref();
        in_progress.is_some_and(|(asked, since)| asked == wanted && since.elapsed() < PROGRESS_ONLY)
    }

    /// Whether these words are news.
    pub fn is_news(&mut self, words: &[String]) -> bool {
        let is_news = self.told_waiting != words;
        self.told_waiting = words.to_vec();
        is_news
    }
}

impl AcceleratorMemory {
    /// What is known of an object.
    pub(super) fn recall(&self, key: &ObjectKey, uid: &str) -> MemoryEntry {
        let known = self.entries.lock().get(key).filter(|entry| entry.uid == uid).cloned();
        known.unwrap_or_else(|| MemoryEntry { uid: uid.to_owned(), ..MemoryEntry::default() })
    }

    /// Notes what is known now.
    pub(super) fn note(&self, key: &ObjectKey, entry: MemoryEntry) {
        self.entries.lock().insert(key.clone(), entry);
    }

    /// Objects whose accelerators have not been compared for as long; each is named once a period.
    pub fn due_for_audit(&self, period: Duration) -> Vec<ObjectKey> {
        let mut due = Vec::new();
        for (key, entry) in self.entries.lock().iter_mut() {
            if entry.compared.is_some_and(|compared| compared.elapsed() >= period) {
                entry.compared = Some(Instant::now());
                due.push(key.clone());
            }
        }
        due
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.entries.lock().remove(key);
    }
}
