//! Items that AWS refused. Each is tried again alone, ever more slowly, and keeps no other item from getting through.

use crate::aws_api::CloudError;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Pause before a refused item is tried again the first time …
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// … and at most. Each pause is twice the one before.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Refused items by the resource that was to take them.
pub(super) struct RefusedItems<K> {
    /// Codes that mean: there is no room.
    full: &'static [&'static str],
    by_resource: BTreeMap<String, BTreeMap<K, RefusedItem>>,
}

struct RefusedItem {
    error: CloudError,
    until: Instant,
    pause: Duration,
}

/// Whether an item may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryState {
    /// It was not refused.
    Fresh,
    /// It was refused and is to be tried again, alone.
    Due,
    /// It was refused and is not to be tried yet.
    Later,
}

impl<K: Ord + Clone> RefusedItems<K> {
    /// `full`: codes that mean that there is no room.
    pub(super) fn new(full: &'static [&'static str]) -> Self {
        Self { full, by_resource: BTreeMap::new() }
    }

    /// Notes that an item was refused.
    pub(super) fn note(&mut self, resource: &str, item: K, error: CloudError) {
        let items = self.by_resource.entry(resource.to_owned()).or_default();
        let former = items.get(&item).map(|refusal| refusal.pause);
        let pause = former.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        items.insert(item, RefusedItem { error, until: Instant::now() + pause, pause });
    }

    /// Forgets refusals that do not matter any more.
    pub(super) fn retain(&mut self, resource: &str, matters: impl Fn(&K) -> bool) {
        if let Some(items) = self.by_resource.get_mut(resource) {
            items.retain(|item, _| matters(item));
            if items.is_empty() {
                self.by_resource.remove(resource);
            }
        }
    }

    /// There is room again: items that found none are due.
    pub(super) fn note_room(&mut self, resource: &str) {
        let items = self.by_resource.get_mut(resource).into_iter().flat_map(BTreeMap::values_mut);
        items
            .filter(|refusal| refusal.error.is(self.full))
            .for_each(|refusal| refusal.until = Instant::now());
    }

    /// Whether an item found no room.
    pub(super) fn is_full(&self, resource: &str) -> bool {
        self.of(resource).any(|(_, error)| error.is(self.full))
    }

    /// Whether an item may be sent now.
    pub(super) fn turn(&self, resource: &str, item: &K) -> RetryState {
        match self.by_resource.get(resource).and_then(|items| items.get(item)) {
            None => RetryState::Fresh,
            Some(refusal) if refusal.until <= Instant::now() => RetryState::Due,
            Some(_) => RetryState::Later,
        }
    }

    /// The refused items of a resource, with AWS's answers.
    pub(super) fn of(&self, resource: &str) -> impl Iterator<Item = (&K, &CloudError)> {
        let items = self.by_resource.get(resource).into_iter().flatten();
        items.map(|(item, refusal)| (item, &refusal.error))
    }

    /// Forgets a resource.
    pub(super) fn forget(&mut self, resource: &str) {
        self.by_resource.remove(resource);
    }
}
