//! What AWS said before.
//!
//! A question is asked once at a time: whoever has it meanwhile waits for the same answer. Failures are never kept. Matches
//! the lifetimes of upstream's caches (`pkg/networking`, `pkg/certs`).

use super::aws_lookups::AwsFact;
use crate::aws_api::CloudError;
use crate::facts::Lookup;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// An answer that is younger is believed even after something turned out not to be as was thought.
const MIN_TRUSTED_AGE: Duration = Duration::from_secs(3);

/// What AWS said before, with when to ask again.
#[derive(Default)]
pub struct FactCache(Mutex<BTreeMap<Lookup, Arc<OnceCell<Cached>>>>);

/// An answer and when it was given.
struct Cached {
    at: Instant,
    answer: AwsFact,
}

impl FactCache {
    /// The answer to a question: what was said before, what somebody else is asking for just now, or what `ask` says.
    pub async fn get_or_fetch<F>(
        &self,
        lookup: &Lookup,
        ask: impl FnOnce() -> F,
    ) -> Result<AwsFact, CloudError>
    where
        F: Future<Output = Result<AwsFact, CloudError>>,
    {
        let cell = self.cell(lookup);
        let said =
            cell.get_or_try_init(|| async { Ok(Cached { answer: ask().await?, at: Instant::now() }) }).await;
        said.map(|said| said.answer.clone())
    }

    /// Something was not as AWS had said: believe only what was said just now.
    pub fn invalidate(&self) {
        self.keep_only(|_, age| age < MIN_TRUSTED_AGE);
    }

    fn cell(&self, lookup: &Lookup) -> Arc<OnceCell<Cached>> {
        self.keep_only(|lookup, age| age < time_to_live(lookup));
        self.0.lock().entry(lookup.clone()).or_default().clone()
    }

    fn keep_only(&self, keeps: impl Fn(&Lookup, Duration) -> bool) {
        let is_kept = |lookup: &Lookup, cell: &mut Arc<OnceCell<Cached>>| match cell.get() {
            Some(said) => keeps(lookup, said.at.elapsed()),
            // why: somebody else is waiting for the answer, or nobody has got one
            None => Arc::strong_count(cell) > 1,
        };
        self.0.lock().retain(is_kept);
    }
}

/// How long an answer is believed.
fn time_to_live(lookup: &Lookup) -> Duration {
    let minutes = match lookup {
        Lookup::Certificates => 1,
        Lookup::TargetGroupByName(_) => 20,
        Lookup::WebAclByName(_) => 60,
        Lookup::ZoneTypes(_) => 24 * 60,
        _ => 10,
    };
    Duration::from_mins(minutes)
}

#[cfg(test)]
mod tests;
