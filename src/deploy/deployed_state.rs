//! What each stack was brought to, written down so that a restart need not compare everything with AWS again.
//!
//! Why it can be trusted: before anything of a stack is changed, its record is removed. So what a
//! restart reads is true, unless somebody else changed AWS; and that shows in the sweep, or in a full comparison within
//! the audit's period. A record that is missing or garbled costs reads, nothing else.
//!
//! It is divided into shards, by a hash of the stack's name, so that a change writes one of them and none becomes larger than the
//! API server takes. The first tells how many there are, and each of the others tells it, too: one that tells something else
//! is not believed. There is one as long as few stacks are known, and it is as versions wrote it that knew of one alone. They believe what
//! they find there, which is true, compare the rest, and write all into it without a number; so nothing that the other shards
//! still hold is believed after them.

use super::ResourceCache;
use super::resource_cache::StackRecord;
use crate::aws::Cloud;
use crate::aws_api::CloudError;
use crate::model::StackId;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use shards::{Shard, Shards, count_told, parse, render};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mod shards;

/// Shards that are read at the same time.
const READ_AT_ONCE: usize = 8;

/// The future of one access.
pub type StateStoreFuture<'a, T> = BoxFuture<'a, Result<T, StateStoreError>>;

/// What stands in one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredShard {
    /// The records.
    pub text: String,
    /// How many shards there are.
    pub count: usize,
}

/// What a write found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardWrite {
    /// The shard as it was left, or none where none was expected.
    AsLeft,
    /// Nothing, where a shard was left: somebody deleted it, and perhaps others.
    Deleted,
}

/// Where the deployed state is written down: shards, by number, of each of which the last writer knows that nobody else wrote since.
pub trait StateStore: Send + Sync {
    /// The shard; `None`: there is none.
    fn read(&self, number: usize) -> StateStoreFuture<'_, Option<StoredShard>>;
    /// Replaces the shard. Fails if somebody else wrote since it was last read or written here.
    fn write(&self, number: usize, shard: StoredShard) -> StateStoreFuture<'_, ShardWrite>;
}

/// Why the deployed state could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateStoreError {
    /// Not allowed: the deployed state is done without.
    #[error("the record of deployed stacks is not accessible: {0}")]
    Forbidden(String),
    /// Something else.
    #[error("the record of deployed stacks is not reachable: {0}")]
    Unreachable(String),
}

type Records = BTreeMap<String, StackRecord>;

/// Writes down what the resource cache remembers.
pub struct DeployedState {
    store: Arc<dyn StateStore>,
    resource_cache: Arc<ResourceCache>,
    /// None before it was read.
    shards: Mutex<Shards>,
    /// Held while writing, so that writes do not overtake each other.
    turn: tokio::sync::Mutex<()>,
    /// Whether further shards may not be made: there are as many as there were.
    is_division_refused: AtomicBool,
}

impl DeployedState {
    /// Nothing is read before [`DeployedState::open`].
    pub fn new(store: Arc<dyn StateStore>, resource_cache: Arc<ResourceCache>) -> Self {
        Self {
            store,
            resource_cache,
            shards: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            is_division_refused: AtomicBool::default(),
        }
    }

    /// Reads what was written before a restart into the resource cache. To be called before the first sweep.
    pub async fn open(&self) -> Result<usize, StateStoreError> {
        let read = self.read_all().await?;
        let count = read.iter().map(Records::len).sum();
        *self.shards.lock() = Shards::new(read.clone());
        self.resource_cache.restore(read.into_iter().flatten());
        Ok(count)
    }

    /// Removes a stack, which must not be synced any more, from the deployed state, if it is on it. Returns once that is durable.
    pub async fn invalidate(&self, stack: &StackId) -> Result<(), StateStoreError> {
        let name = ResourceCache::name_of(stack);
        if !self.may_be_believed(&name) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        self.read_if_unread().await?;
        // why: whoever had the turn before may have written it down for this stack, too
        if self.may_be_believed(&name) {
            self.make_layout_certain().await?;
        }
        if self.may_be_believed(&name) {
            let number = self.shards.lock().place_of(&name);
            self.write(number, Vec::new()).await?;
        }
        Ok(())
    }

    /// Writes down what the resource cache remembers, where something else stands.
    pub async fn save(&self) -> Result<(), StateStoreError> {
        let remembered = self.resource_cache.records();
        {
            let _turn = self.turn.lock().await;
            self.read_if_unread().await?;
            self.divide_if_full(&remembered).await?;
        }
        let outdated = self.shards.lock().outdated(&remembered);
        for (number, names) in outdated {
            // why a turn for each: a stack that is to be changed does not wait for all of them
            let _turn = self.turn.lock().await;
            self.make_layout_certain().await?;
            self.write(number, names).await?;
        }
        Ok(())
    }

    /// Whether the resource cache remembers just what stands there.
    pub fn is_current(&self) -> bool {
        let remembered = self.resource_cache.records();
        self.shards.lock().outdated(&remembered).is_empty()
    }

    /// Makes sure that what the given stacks look like in AWS is known, so that they can be written down. Answers stacks
    /// that turned out not to be as they were left, and want to be reconciled.
    pub async fn verify(
        &self,
        stacks: &BTreeSet<StackId>,
        cloud: &dyn Cloud,
    ) -> Result<Vec<StackId>, CloudError> {
        self.resource_cache.verify(stacks, cloud).await
    }

    fn may_be_believed(&self, name: &str) -> bool {
        self.shards.lock().may_be_believed(name)
    }

    async fn read_all(&self) -> Result<Vec<Records>, StateStoreError> {
        let first = self.store.read(0).await?;
        let count = count_told(first.as_ref());
        let others = stream::iter(1..count).map(|number| self.store.read(number)).buffered(READ_AT_ONCE);
        let others: Vec<Option<StoredShard>> = others.try_collect().await?;
        let all = std::iter::once(first).chain(others).enumerate();
        Ok(all.map(|(number, stored)| parse(stored, number, count)).collect())
    }

    /// Learns what stands there, where that could not be read at the start: it may have to be taken off.
    async fn read_if_unread(&self) -> Result<(), StateStoreError> {
        if self.shards.lock().count() > 0 {
            return Ok(());
        }
        let read = match self.read_all().await {
            Err(StateStoreError::Forbidden(reason)) => {
                warn_of_refusal(&reason);
                vec![Records::new()]
            }
            read => read?,
        };
        *self.shards.lock() = Shards::new(read);
        Ok(())
    }

    /// Makes sure that the first shard tells the number of shards that is known here. To be called with the turn, and before another
    /// shard is written.
    async fn make_layout_certain(&self) -> Result<(), StateStoreError> {
        let is_certain = self.shards.lock().get(0).is_some_and(|first| first.is_certain);
        if is_certain { Ok(()) } else { self.write(0, Vec::new()).await }
    }

    /// Writes one shard: what is remembered of the stacks that stand there, and of these others that belong there.
    async fn write(&self, number: usize, others: Vec<String>) -> Result<(), StateStoreError> {
        let (records, count) = {
            // why under this lock: a stack that is marked out of sync after this was looked up is found among the believed ones
            let mut shards = self.shards.lock();
            let count = shards.count();
            let Some(shard) = shards.get_mut(number) else { return Ok(()) };
            let names: BTreeSet<&String> = shard.believed.keys().chain(&others).collect();
            let records = self.resource_cache.records_of(names.into_iter());
            if shard.is_certain && shard.believed == records {
                return Ok(());
            }
            shard.expect(&records);
            (records, count)
        };
        let written = match self.store.write(number, StoredShard { text: render(&records), count }).await {
            Ok(written) => (written, records),
            Err(StateStoreError::Forbidden(reason)) => {
                warn_of_refusal(&reason);
                (ShardWrite::AsLeft, Records::new())
            }
            Err(error) => return Err(error),
        };
        self.note_written(number, written);
        Ok(())
    }

    fn note_written(&self, number: usize, (write, records): (ShardWrite, Records)) {
        let mut shards = self.shards.lock();
        if write == ShardWrite::Deleted {
            shards.mark_all_uncertain();
        }
        if let Some(shard) = shards.get_mut(number) {
            *shard = Shard::certain(records);
        }
    }

    /// Divides the records among more shards, where those there are have become too large. To be called with the turn.
    ///
    /// The new shards are written first, and nobody looks at them before the first one tells how many there are. Until it is known to
    /// do so it is not certain, so that whatever is to be changed waits. The other old shards are ignored from then on, and
    /// written like all that is outdated.
    async fn divide_if_full(&self, remembered: &Records) -> Result<(), StateStoreError> {
        let (before, count) = {
            let shards = self.shards.lock();
            (shards.count(), shards.wanted(remembered))
        };
        if count == before || self.is_division_refused.load(Ordering::Relaxed) {
            return Ok(());
        }
        // why: it owns the others, so it must be there
        self.mark_first_uncertain();
        self.make_layout_certain().await?;
        match self.divide(before, count, remembered).await {
            Err(StateStoreError::Forbidden(reason)) => {
                tracing::warn!(
                    reason,
                    "the record of deployed stacks cannot be divided; what is beyond its size is compared after a restart"
                );
                self.is_division_refused.store(true, Ordering::Relaxed);
                Ok(())
            }
            divided => divided,
        }
    }

    async fn divide(&self, before: usize, count: usize, remembered: &Records) -> Result<(), StateStoreError> {
        for number in before..count {
            // why: only over what was read may be written, and an earlier division may have left something
            self.store.read(number).await?;
        }
        self.mark_first_uncertain();
        let mut divided = Shards::divided(&self.resource_cache.records_of(remembered.keys()), count);
        for number in (before..count).chain([0]) {
            let Some(shard) = divided.get_mut(number) else { continue };
            self.store.write(number, StoredShard { text: render(&shard.believed), count }).await?;
            shard.is_certain = true;
        }
        divided.forget_uncertain();
        *self.shards.lock() = divided;
        Ok(())
    }

    fn mark_first_uncertain(&self) {
        if let Some(first) = self.shards.lock().get_mut(0) {
            first.is_certain = false;
        }
    }
}

fn warn_of_refusal(reason: &str) {
    tracing::warn!(reason, "what is deployed cannot be written down; a restart compares everything");
}

#[cfg(test)]
mod tests;
