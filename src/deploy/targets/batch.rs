//! Calls about several items at once, of which AWS takes all or none.
//!
//! A call that is refused because of one item is sent again in halves, until what is refused is that item alone: `k` bad
//! items among `n` cost at most about `2 k log2 n` further calls, and all others get through at once.

use crate::aws_api::CloudError;
use futures::future::BoxFuture;
use std::collections::BTreeMap;

/// What a refusal of a call about several items is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// The call as such: a right that is missing, a limit of requests, no answer.
    Call,
    /// At least one of the items.
    Item,
    /// Not all of the items fit.
    Quota,
    /// At least one of the items is as wanted already.
    Done,
}

/// An operation on several items of one resource.
pub trait Batch: Send + Sync {
    /// One item.
    type Item: Clone + Send + Sync;

    /// Sends one call about these items, and writes down what it did.
    fn send<'a>(&'a self, items: &'a [Self::Item]) -> BoxFuture<'a, Result<(), CloudError>>;

    /// What a refusal is about.
    fn blame(&self, error: &CloudError) -> RefusalReason;

    /// Items of one number compete for the same room.
    fn room_of(&self, _item: &Self::Item) -> usize {
        0
    }
}

/// What became of the items.
#[derive(Clone, Debug)]
pub struct BatchResult<I> {
    /// Items that were refused, each with the answer about it, in order.
    pub refused: Vec<(I, CloudError)>,
    /// Why the items after those were not tried.
    pub failure: Option<CloudError>,
}

/// Sends parts, in order, each in one call, and what is refused in ever smaller parts.
pub async fn send_parts<B: Batch>(batch: &B, parts: Vec<Vec<B::Item>>) -> BatchResult<B::Item> {
    let mut sent = BatchResult { refused: Vec::new(), failure: None };
    let mut full: BTreeMap<usize, CloudError> = BTreeMap::new();
    let mut waiting: Vec<Vec<B::Item>> = parts.into_iter().rev().collect();
    while let Some(part) = waiting.pop() {
        let (without_room, part): (Vec<_>, Vec<_>) =
            part.into_iter().partition(|item| full.contains_key(&batch.room_of(item)));
        let refused = without_room.into_iter().filter_map(|item| {
            let error = full.get(&batch.room_of(&item))?.clone();
            Some((item, error))
        });
        sent.refused.extend(refused);
        if part.is_empty() {
            continue;
        }
        let Err(error) = batch.send(&part).await else { continue };
        match (batch.blame(&error), part.as_slice()) {
            (RefusalReason::Call, _) => {
                sent.failure = Some(error);
                return sent;
            }
            (RefusalReason::Done, [_]) => {}
            (RefusalReason::Item, [item]) => sent.refused.push((item.clone(), error)),
            (RefusalReason::Quota, [item]) => {
                full.insert(batch.room_of(item), error.clone());
                sent.refused.push((item.clone(), error));
            }
            (_, items) => {
                let (first, second) = items.split_at(items.len() / 2);
                waiting.extend([second.to_vec(), first.to_vec()]);
            }
        }
    }
    sent
}

/// Beginnings of the codes with which AWS refuses what an item says.
const OF_ITEMS: &[&str] =
    &["Invalid", "ValidationError", "Incompatible", "Unsupported", "TooMany", "MissingParameter"];
/// Codes that begin alike and are about who calls.
const OF_CALLERS: &[&str] = &["InvalidClientTokenId", "InvalidAction", "TooManyRequestsException"];

/// Whether AWS refuses what an item says, rather than who calls, or how often.
pub fn is_about_items(error: &CloudError) -> bool {
    let begins = |code: &str| OF_ITEMS.iter().any(|family| code.starts_with(family));
    error.code().is_some_and(begins) && !error.is(OF_CALLERS) && !error.is_throttled()
}

#[cfg(test)]
mod tests;
