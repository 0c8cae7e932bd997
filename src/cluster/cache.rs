//! What the cluster looks like right now, as far as we read it.

use crate::api::ObjectKey;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// What happened to one cached object.
#[derive(Clone, Debug)]
pub enum CacheEvent<V> {
    /// It is there, new or different.
    Applied {
        /// What it was before, if it was there.
        old: Option<Arc<V>>,
        /// What it is now.
        new: Arc<V>,
    },
    /// It is gone; this is what it was.
    Deleted(Arc<V>),
}

impl<V> CacheEvent<V> {
    /// The newest state known: what it is, or what it was before it went.
    pub fn latest(&self) -> &Arc<V> {
        match self {
            Self::Applied { new, .. } => new,
            Self::Deleted(old) => old,
        }
    }

    /// What it was, and what it is.
    pub fn sides(&self) -> (Option<&V>, Option<&V>) {
        match self {
            Self::Applied { old, new } => (old.as_deref(), Some(new)),
            Self::Deleted(old) => (Some(old), None),
        }
    }
}

/// All objects of one kind, reduced to the fields we read, ordered by namespace and name.
///
/// Written by one watch, read by everyone; the lock is held for map operations only.
#[derive(Debug)]
pub struct Cache<V> {
    entries: RwLock<CacheEntries<V>>,
    groups: fn(&V) -> Vec<ObjectKey>,
    /// How many of the last changes are told apart.
    change_log: usize,
    /// How many complete lists are asked for, and how many there are.
    wanted: watch::Sender<u64>,
    listed: watch::Sender<u64>,
}

#[derive(Debug)]
struct CacheEntries<V> {
    by_key: BTreeMap<ObjectKey, Arc<V>>,
    /// Groups, each with the keys of its objects.
    ///
    /// why one set: a set a group has room for eleven keys, and most groups have one
    by_group: BTreeSet<(ObjectKey, ObjectKey)>,
    /// How many changes there were.
    changes: u64,
    /// The keys of the last of them.
    last: VecDeque<ObjectKey>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self::grouped(|_| Vec::new())
    }
}

impl<V> Cache<V> {
    /// A cache that also finds objects by what they belong to, as endpoint slices belong to a Service.
    pub fn grouped(groups: fn(&V) -> Vec<ObjectKey>) -> Self {
        let (by_key, by_group) = (BTreeMap::new(), BTreeSet::new());
        let entries = CacheEntries { by_key, by_group, changes: 0, last: VecDeque::new() };
        let (wanted, listed) = (watch::Sender::new(1), watch::Sender::new(0));
        Self { entries: RwLock::new(entries), groups, change_log: 0, wanted, listed }
    }

    /// The same cache, which also tells what has changed since, as long as that is not more than so many objects.
    #[must_use]
    pub fn with_change_log(self, change_log: usize) -> Self {
        Self { change_log, ..self }
    }
}

impl<V: PartialEq> Cache<V> {
    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<V>> {
        self.entries.read().by_key.get(key).cloned()
    }

    /// All objects, by namespace and name.
    pub fn list(&self) -> Vec<Arc<V>> {
        self.entries.read().by_key.values().cloned().collect()
    }

    /// All keys, by namespace and name.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.entries.read().by_key.keys().cloned().collect()
    }

    /// All objects of one namespace, by name.
    pub fn list_namespace(&self, namespace: &str) -> Vec<Arc<V>> {
        let first = ObjectKey::namespaced(namespace, "");
        let entries = self.entries.read();
        let of_namespace = entries.by_key.range(first..).take_while(|(key, _)| key.namespace() == namespace);
        of_namespace.map(|(_, value)| value.clone()).collect()
    }

    /// All objects of one group, by name.
    pub fn list_group(&self, group: &ObjectKey) -> Vec<Arc<V>> {
        let entries = self.entries.read();
        let first = (group.clone(), ObjectKey::default());
        let of_group = entries.by_group.range(first..).take_while(|(of, _)| of == group);
        of_group.filter_map(|(_, key)| entries.by_key.get(key).cloned()).collect()
    }

    /// How many changes there were until now, and the keys of the objects that have changed since there were `seen`; `None`: more
    /// than are told apart.
    pub fn changed_since(&self, seen: u64) -> (u64, Option<BTreeSet<ObjectKey>>) {
        let entries = self.entries.read();
        let count = usize::try_from(entries.changes.saturating_sub(seen)).unwrap_or(usize::MAX);
        let first = entries.last.len().checked_sub(count);
        (entries.changes, first.map(|first| entries.last.iter().skip(first).cloned().collect()))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.entries.read().by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.read().by_key.is_empty()
    }

    /// Whether the first list is complete.
    pub fn is_synced(&self) -> bool {
        *self.listed.borrow() > 0
    }

    /// Waits until the list that was asked for last is complete.
    pub async fn synced(&self) {
        let mut listed = self.listed.subscribe();
        // why: the sender lives as long as `self`, so waiting cannot fail.
        let _ = listed.wait_for(|listed| *listed >= *self.wanted.borrow()).await;
    }

    /// Asks for everything to be listed again: what was heard of may not be all that has happened. Until then the cache keeps
    /// what it knows.
    pub fn refresh(&self) {
        self.wanted.send_modify(|wanted| *wanted += 1);
    }

    /// How many lists are asked for, now and later.
    pub(super) fn wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// Says that the list is complete that was begun when so many were asked for.
    pub(super) fn note_listed(&self, round: u64) {
        self.listed.send_replace(round);
    }

    /// Stores a newer state; `None` when nothing we read has changed.
    pub fn apply(&self, key: ObjectKey, value: V) -> Option<CacheEvent<V>> {
        let old = self.get(&key);
        if old.as_ref().is_some_and(|old| **old == value) {
            return None;
        }
        let new = Arc::new(value);
        // why: before the lock is held, because it takes as long as the object is large; nobody else writes
        let left = old.as_ref().map(|old| (self.groups)(old)).unwrap_or_default();
        let joined = (self.groups)(&new);
        let mut entries = self.entries.write();
        entries.remove_from_groups(&key, left);
        entries.by_group.extend(joined.into_iter().map(|group| (group, key.clone())));
        entries.note_change(&key, self.change_log);
        entries.by_key.insert(key, new.clone());
        Some(CacheEvent::Applied { old, new })
    }

    /// Forgets an object.
    pub fn delete(&self, key: &ObjectKey) -> Option<CacheEvent<V>> {
        let mut entries = self.entries.write();
        let old = entries.by_key.remove(key)?;
        entries.remove_from_groups(key, (self.groups)(&old));
        entries.note_change(key, self.change_log);
        Some(CacheEvent::Deleted(old))
    }

    /// Forgets whatever is not in a complete list, whose objects were applied one by one, and tells what.
    pub fn retain(&self, listed: &BTreeSet<ObjectKey>) -> Vec<(ObjectKey, CacheEvent<V>)> {
        let gone: Vec<_> = self.keys().into_iter().filter(|key| !listed.contains(key)).collect();
        let changes =
            gone.into_iter().filter_map(|key| self.delete(&key).map(|change| (key, change))).collect();
        self.listed.send_if_modified(|listed| *listed == 0 && std::mem::replace(listed, 1) == 0);
        changes
    }
}

impl<V> CacheEntries<V> {
    fn remove_from_groups(&mut self, key: &ObjectKey, groups: Vec<ObjectKey>) {
        for group in groups {
            self.by_group.remove(&(group, key.clone()));
        }
    }

    fn note_change(&mut self, key: &ObjectKey, change_log: usize) {
        self.changes += 1;
        if change_log > 0 {
            self.last.push_back(key.clone());
        }
        if self.last.len() > change_log {
            self.last.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
