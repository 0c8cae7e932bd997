//! Keys that are ready, in the order in which they are to be taken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// Keys that are ready. Those who share the queue take turns, one key each; of each, what has waited the longest comes first,
/// but for keys that were put before the others.
///
/// So whoever has one key waits for one key of everybody else, however many keys somebody else has.
#[derive(Debug)]
pub(in crate::controller) struct ReadyKeys<K> {
    whose: fn(&K) -> Arc<str>,
    of_each: BTreeMap<Arc<str>, KeysOfOne<K>>,
    /// Who has keys, the next one first.
    turns: VecDeque<Arc<str>>,
    count: usize,
}

/// The keys of one of those who share a queue, each part in the order of time.
#[derive(Debug)]
struct KeysOfOne<K> {
    first: VecDeque<(K, Instant)>,
    others: VecDeque<(K, Instant)>,
}

impl<K> KeysOfOne<K> {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.others.is_empty()
    }

    fn parts(&self) -> [&VecDeque<(K, Instant)>; 2] {
        [&self.first, &self.others]
    }
}

impl<K: Clone> ReadyKeys<K> {
    /// None yet; `whose` says whose a key is.
    pub(in crate::controller) fn new(whose: fn(&K) -> Arc<str>) -> Self {
        Self { whose, of_each: BTreeMap::new(), turns: VecDeque::new(), count: 0 }
    }

    pub(in crate::controller) fn push(&mut self, key: K, since: Instant) {
        self.keys_of(&key).others.push_back((key, since));
        self.count += 1;
    }

    /// Puts a key before the others of whose it is, behind those that were put there before.
    pub(in crate::controller) fn push_first(&mut self, key: K, since: Instant) {
        self.keys_of(&key).first.push_back((key, since));
        self.count += 1;
    }

    fn keys_of(&mut self, key: &K) -> &mut KeysOfOne<K> {
        let whose = (self.whose)(key);
        let none = || KeysOfOne { first: VecDeque::new(), others: VecDeque::new() };
        let keys = self.of_each.entry(whose.clone()).or_insert_with(none);
        if keys.is_empty() {
            self.turns.push_back(whose);
        }
        keys
    }

    pub(in crate::controller) fn pop(&mut self) -> Option<(K, Instant)> {
        let whose = self.turns.pop_front()?;
        let keys = self.of_each.get_mut(&whose)?;
        let taken = keys.first.pop_front().or_else(|| keys.others.pop_front());
        self.count -= usize::from(taken.is_some());
        if keys.is_empty() {
            self.of_each.remove(&whose);
        } else {
            self.turns.push_back(whose);
        }
        taken
    }

    pub(in crate::controller) fn len(&self) -> usize {
        self.count
    }

    pub(in crate::controller) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(in crate::controller) fn clear(&mut self) {
        self.of_each.clear();
        self.turns.clear();
        self.count = 0;
    }

    /// Since when the key that waits the longest has been ready.
    pub(in crate::controller) fn oldest(&self) -> Option<Instant> {
        let parts = self.of_each.values().flat_map(KeysOfOne::parts);
        parts.filter_map(VecDeque::front).map(|(_, since)| *since).min()
    }

    /// The keys that have been ready since before `limit`, the longest first, not more than `most`.
    pub(in crate::controller) fn since_before(&self, limit: Option<Instant>, most: usize) -> Vec<K> {
        let Some(limit) = limit else { return Vec::new() };
        let overdue = |keys: &VecDeque<(K, Instant)>| {
            keys.iter().take_while(|(_, since)| *since <= limit).take(most).cloned().collect::<Vec<_>>()
        };
        let parts = self.of_each.values().flat_map(KeysOfOne::parts);
        let mut all: Vec<(K, Instant)> = parts.flat_map(overdue).collect();
        all.sort_by_key(|(_, since)| *since);
        all.into_iter().take(most).map(|(key, _)| key).collect()
    }
}
