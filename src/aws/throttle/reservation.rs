//! Calls that are reserved before they are made, so that nobody who has other work waits for a rate limit.

use super::bucket::TokenBucket;
use std::cell::Cell;
use std::sync::Arc;

tokio::task_local! {
    /// What the work of this task may spend.
    static RESERVED: Cell<Option<Reservation>>;
}

/// A call that the rate limits admit, whenever it is made. What is not spent is given back.
#[derive(Debug, Default)]
pub struct Reservation {
    taken: Vec<Arc<TokenBucket>>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.taken.iter().for_each(|bucket| bucket.give_back());
    }
}

impl Reservation {
    /// Does work whose first call that waits for the same rules does not wait.
    pub async fn spend<F: Future>(self, work: F) -> F::Output {
        RESERVED.scope(Cell::new(Some(self)), work).await
    }

    /// Adds a token that was taken.
    pub(super) fn add(&mut self, bucket: &Arc<TokenBucket>) {
        self.taken.push(bucket.clone());
    }

    /// Whether the work of this task has a call reserved that needs a token of each of these; if so, it is spent.
    pub(super) fn is_spent_on(buckets: &[Arc<TokenBucket>]) -> bool {
        let spend = |reserved: &Cell<Option<Self>>| {
            let Some(mut reservation) = reserved.take() else { return false };
            let is_for_it = reservation.is_of(buckets);
            if is_for_it {
                reservation.taken.clear();
            } else {
                reserved.set(Some(reservation));
            }
            is_for_it
        };
        // why: most work has nothing reserved, and is no error
        RESERVED.try_with(spend).unwrap_or(false)
    }

    fn is_of(&self, buckets: &[Arc<TokenBucket>]) -> bool {
        let is_same = |(one, other): (&Arc<TokenBucket>, &Arc<TokenBucket>)| Arc::ptr_eq(one, other);
        self.taken.len() == buckets.len() && self.taken.iter().zip(buckets).all(is_same)
    }
}
