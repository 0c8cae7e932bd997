//! Own writes that the cache has not seen yet.
//!
//! Without them a reconcile right after a deployment would find its bindings missing and compare everything again.

use crate::api::{ObjectKey, TargetGroupBinding};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a write is held against the cache: it may have been overtaken by others unseen.
const KEPT: Duration = Duration::from_secs(10);

/// Own writes of the last moments.
#[derive(Debug, Default)]
pub(super) struct RecentBindingWrites {
    writes: Mutex<BTreeMap<ObjectKey, (OwnWrite, Instant)>>,
}

#[derive(Clone, Debug)]
enum OwnWrite {
    /// The object as the API server answered it.
    Put(Box<TargetGroupBinding>),
    /// The object with this uid is gone.
    Gone(String),
}

impl RecentBindingWrites {
    /// Notes what the API server answered to a write.
    pub(super) fn put(&self, binding: &TargetGroupBinding) {
        let write = OwnWrite::Put(Box::new(binding.clone()));
        self.writes.lock().insert(ObjectKey::of(binding), (write, Instant::now()));
    }

    /// Notes that an object that was cached as this one is gone.
    pub(super) fn gone(&self, cached: &TargetGroupBinding) {
        let write = OwnWrite::Gone(uid(cached).to_owned());
        self.writes.lock().insert(ObjectKey::of(cached), (write, Instant::now()));
    }

    /// Corrects a list of bindings from the cache. Forgets writes that the cache has caught up with.
    pub(super) fn correct(
        &self,
        listed: &mut BTreeMap<ObjectKey, TargetGroupBinding>,
        cached: impl Fn(&ObjectKey) -> Option<Arc<TargetGroupBinding>>,
    ) {
        self.writes.lock().retain(|key, (write, noted)| {
            if noted.elapsed() >= KEPT || has_caught_up(write, cached(key).as_deref()) {
                return false;
            }
            match write {
                OwnWrite::Put(binding) => drop(listed.insert(key.clone(), (**binding).clone())),
                OwnWrite::Gone(_) => drop(listed.remove(key)),
            }
            true
        });
    }
}

fn has_caught_up(write: &OwnWrite, cached: Option<&TargetGroupBinding>) -> bool {
    match (write, cached) {
        (OwnWrite::Put(written), Some(cached)) => {
            let (written, cached) = (&written.metadata, &cached.metadata);
            // why labels, too: they say whose it is, and a change of them makes no new generation
            let is_same = cached.generation == written.generation && cached.labels == written.labels;
            written.uid != cached.uid || cached.generation > written.generation || is_same
        }
        (OwnWrite::Put(_), None) => false,
        (OwnWrite::Gone(gone), cached) => cached.is_none_or(|cached| uid(cached) != gone),
    }
}

fn uid(binding: &TargetGroupBinding) -> &str {
    binding.metadata.uid.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests;
