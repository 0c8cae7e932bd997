//! What each stack was brought to, written down so that a restart need not compare everything with AWS again.
//!
//! The rule that makes it safe to believe: before anything of a stack is changed, it is taken off the ledger. So what a
//! restart reads is true, unless somebody else changed AWS; and that shows in the sweep, or in a full comparison within
//! the audit's period. A ledger that is missing or garbled costs reads, nothing else.

use super::Inventory;
use super::inventory::Record;
use crate::aws::Cloud;
use crate::cloud::CloudError;
use crate::model::StackId;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most that is written down, in bytes: a little less than the API server takes. What is beyond costs reads.
const CAPACITY: usize = 900 * 1024;

/// The future of one access.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, LedgerError>>;

/// Where the ledger is written down: one text, of which the last writer knows that nobody else wrote since.
pub trait Pages: Send + Sync {
    /// The text; `None`: there is none.
    fn read(&self) -> Pending<'_, Option<String>>;
    /// Replaces the text. Fails if somebody else wrote since it was last read or written here.
    fn write(&self, text: String) -> Pending<'_, ()>;
}

/// Why the ledger could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Not allowed: the ledger is done without.
    #[error("the record of deployed stacks is not accessible: {0}")]
    Forbidden(String),
    /// Something else.
    #[error("the record of deployed stacks is not reachable: {0}")]
    Unreachable(String),
}

type Records = BTreeMap<String, Record>;

/// Writes down what the inventory remembers.
pub struct Ledger {
    pages: Arc<dyn Pages>,
    inventory: Arc<Inventory>,
    /// What a restart now would believe, at most.
    believed: Mutex<Records>,
    /// Held while writing, so that writes do not overtake each other.
    turn: tokio::sync::Mutex<()>,
}

impl Ledger {
    /// Nothing is read before [`Ledger::open`].
    pub fn new(pages: Arc<dyn Pages>, inventory: Arc<Inventory>) -> Self {
        Self { pages, inventory, believed: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Reads what was written before a restart into the inventory. To be called before the first sweep.
    pub async fn open(&self) -> Result<usize, LedgerError> {
        let text = self.pages.read().await?.unwrap_or_default();
        let records = parse(&text);
        let count = records.len();
        self.believed.lock().clone_from(&records);
        self.inventory.recall(records);
        Ok(count)
    }

    /// Takes a stack, which must not be settled any more, off the ledger, if it is on it. Returns once that is durable.
    pub async fn withdraw(&self, stack: &StackId) -> Result<(), LedgerError> {
        if !self.is_believed(stack) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        // why: whoever had the turn before may have written it down for this stack, too
        if self.is_believed(stack) { self.write().await } else { Ok(()) }
    }

    /// Writes down what the inventory remembers, if it is not what stands there.
    pub async fn save(&self) -> Result<(), LedgerError> {
        let _turn = self.turn.lock().await;
        if self.is_current() { Ok(()) } else { self.write().await }
    }

    /// Whether the inventory remembers just what stands there.
    pub fn is_current(&self) -> bool {
        let remembered = self.inventory.remember();
        *self.believed.lock() == remembered
    }

    /// Makes sure that what the given stacks look like in AWS is known, so that they can be written down. Answers stacks
    /// that turned out not to be as they were left, and want to be reconciled.
    pub async fn attest(
        &self,
        stacks: &BTreeSet<StackId>,
        cloud: &dyn Cloud,
    ) -> Result<Vec<StackId>, CloudError> {
        self.inventory.attest(stacks, cloud).await
    }

    fn is_believed(&self, stack: &StackId) -> bool {
        self.believed.lock().get(&Inventory::name_of(stack)).is_some_and(Record::is_settled)
    }

    async fn write(&self) -> Result<(), LedgerError> {
        let records = {
            // why: a stack that is unsettled after this was looked up is found among the believed ones
            let mut believed = self.believed.lock();
            let records = self.inventory.remember();
            believed.extend(records.clone());
            records
        };
        match self.pages.write(render(&records)).await {
            Ok(()) => *self.believed.lock() = records,
            Err(LedgerError::Forbidden(reason)) => {
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
        // why: what is not on the ledger is compared in full
        Some((name.to_owned(), serde_json::from_str(record).ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
