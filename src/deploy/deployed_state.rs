//! What each stack was brought to, written down so that a restart need not compare everything with AWS again.
//!
//! Why it can be trusted: before anything of a stack is changed, its record is removed. So what a
//! restart reads is true, unless somebody else changed AWS; and that shows in the sweep, or in a full comparison within
//! the audit's period. A record that is missing or garbled costs reads, nothing else.

use super::ResourceCache;
use super::resource_cache::StackRecord;
use crate::aws::Cloud;
use crate::aws_api::CloudError;
use crate::model::StackId;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most that is written down, in bytes: a little less than the API server takes. What is beyond costs reads.
const CAPACITY: usize = 900 * 1024;

/// The future of one access.
pub type StateStoreFuture<'a, T> = BoxFuture<'a, Result<T, StateStoreError>>;

/// Where the deployed state is written down: one text, of which the last writer knows that nobody else wrote since.
pub trait StateStore: Send + Sync {
    /// The text; `None`: there is none.
    fn read(&self) -> StateStoreFuture<'_, Option<String>>;
    /// Replaces the text. Fails if somebody else wrote since it was last read or written here.
    fn write(&self, text: String) -> StateStoreFuture<'_, ()>;
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
    /// What a restart now would believe, at most.
    believed: Mutex<Records>,
    /// Held while writing, so that writes do not overtake each other.
    turn: tokio::sync::Mutex<()>,
}

impl DeployedState {
    /// Nothing is read before [`DeployedState::open`].
    pub fn new(store: Arc<dyn StateStore>, resource_cache: Arc<ResourceCache>) -> Self {
        Self { store, resource_cache, believed: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Reads what was written before a restart into the resource cache. To be called before the first sweep.
    pub async fn open(&self) -> Result<usize, StateStoreError> {
        let text = self.store.read().await?.unwrap_or_default();
        let records = parse(&text);
        let count = records.len();
        self.believed.lock().clone_from(&records);
        self.resource_cache.restore(records);
        Ok(count)
    }

    /// Removes a stack, which must not be synced any more, from the deployed state, if it is on it. Returns once that is durable.
    pub async fn invalidate(&self, stack: &StackId) -> Result<(), StateStoreError> {
        if !self.is_valid(stack) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        // why: whoever had the turn before may have written it down for this stack, too
        if self.is_valid(stack) { self.write().await } else { Ok(()) }
    }

    /// Writes down what the resource cache remembers, if it is not what stands there.
    pub async fn save(&self) -> Result<(), StateStoreError> {
        let _turn = self.turn.lock().await;
        if self.is_current() { Ok(()) } else { self.write().await }
    }

    /// Whether the resource cache remembers just what stands there.
    pub fn is_current(&self) -> bool {
        let remembered = self.resource_cache.records();
        *self.believed.lock() == remembered
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

    fn is_valid(&self, stack: &StackId) -> bool {
        self.believed.lock().get(&ResourceCache::name_of(stack)).is_some_and(StackRecord::is_synced)
    }

    async fn write(&self) -> Result<(), StateStoreError> {
        let records = {
            // why: a stack that is marked out of sync after this was looked up is found among the believed ones
            let mut believed = self.believed.lock();
            let records = self.resource_cache.records();
            believed.extend(records.clone());
            records
        };
        match self.store.write(render(&records)).await {
            Ok(()) => *self.believed.lock() = records,
            Err(StateStoreError::Forbidden(reason)) => {
                tracing::warn!(
                    reason,
                    "what is deployed cannot be written down; a restart compares everything"
                );
                self.believed.lock().clear();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// One line a stack: its record, a tab, its name.
fn render(records: &Records) -> String {
    let mut text = String::new();
    for (name, record) in records {
        // why: a record is plain data, which always has a form in JSON
        let Ok(record) = serde_json::to_string(record) else { continue };
        if text.len() + record.len() + name.len() + 2 <= CAPACITY {
            text.push_str(&record);
            text.push('\t');
            text.push_str(name);
            text.push('\n');
        }
    }
    text
}

/// The lines that can be read.
fn parse(text: &str) -> Records {
    let line = |line: &str| {
        let (record, name) = line.split_once('\t')?;
        // why: what is not in the deployed state is compared in full
        Some((name.to_owned(), serde_json::from_str(record).ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
