//! Keys that are ready, in the order in which they are to be taken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// Keys that are ready. Those who share the queue take turns, one key each; of each, what has waited the longest comes first.
///
/// So whoever has one key waits for one key of everybody else, however many keys somebody else has.
#[derive(Debug)]
pub(super) struct ReadyKeys<K> {
    whose: fn(&K) -> Arc<str>,
    of_each: BTreeMap<Arc<str>, VecDeque<(K, Instant)>>,
    /// Who has keys, the next one first.
    turns: VecDeque<Arc<str>>,
    count: usize,
}

impl<K: Clone> ReadyKeys<K> {
    /// None yet; `whose` says whose a key is.
    pub(super) fn new(whose: fn(&K) -> Arc<str>) -> Self {
        Self { whose, of_each: BTreeMap::new(), turns: VecDeque::new(), count: 0 }
    }

    pub(super) fn push(&mut self, key: K, since: Instant) {
        let whose = (self.whose)(&key);
        let keys = self.of_each.entry(whose.clone()).or_default();
        if keys.is_empty() {
            self.turns.push_back(whose);
        }
        keys.push_back((key, since));
        self.count += 1;
    }

    pub(super) fn pop(&mut self) -> Option<(K, Instant)> {
        let whose = self.turns.pop_front()?;
        let keys = self.of_each.get_mut(&whose)?;
        let taken = keys.pop_front();
        self.count -= usize::from(taken.is_some());
        if keys.is_empty() {
            self.of_each.remove(&whose);
        } else {
            self.turns.push_back(whose);
        }
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn clear(&mut self) {
        self.of_each.clear();
        self.turns.clear();
        self.count = 0;
    }

    /// Since when the key that waits the longest has been ready.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.of_each.values().filter_map(VecDeque::front).map(|(_, since)| *since).min()
    }

    /// The keys that have been ready since before `limit`, the longest first, not more than `most`.
    pub(super) fn since_before(&self, limit: Option<Instant>, most: usize) -> Vec<K> {
        let Some(limit) = limit else { return Vec::new() };
        let overdue = |keys: &VecDeque<(K, Instant)>| {
            keys.iter().take_while(|(_, since)| *since <= limit).take(most).cloned().collect::<Vec<_>>()
        };
        let mut all: Vec<(K, Instant)> = self.of_each.values().flat_map(overdue).collect();
        all.sort_by_key(|(_, since)| *since);
        all.into_iter().take(most).map(|(key, _)| key).collect()
    }
}
