//! QUIC server ids: a worker number from the cluster, a clock and a sequence.
//!
//! Matches upstream's `pkg/k8s/quic`: the worker number comes from the ConfigMap
//! `kube-system/quic-server-id-worker-tracker`, once per process, on first use.

use super::write::{is_conflict, is_not_found};
use crate::admission::quic::{SEQUENCES, WORKERS, encode_id};
use crate::api::{ConfigMap, ObjectMeta};
use crate::clock::now;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::OnceCell;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "quic-server-id-worker-tracker";
const KEY: &str = "nextWorkerId";
/// How often a number is claimed while others do so, too.
const CLAIMS: usize = 10;

/// Why there is no id.
#[derive(Debug, thiserror::Error)]
pub enum QuicIdError {
    /// The ConfigMap cannot be read or written.
    #[error("configmap {NAMESPACE}/{NAME}: {0}")]
    Tracker(#[from] Error),
    /// The ConfigMap holds something else than a number.
    #[error("configmap {NAMESPACE}/{NAME} key {KEY} is {0:?}, expected a number below {WORKERS}")]
    NotANumber(String),
    /// The clock was set back.
    #[error("clock moved backwards, refusing to generate ID")]
    ClockMovedBackwards,
}

/// Generates ids.
pub struct QuicIdSource {
    client: Client,
    worker: OnceCell<u32>,
    last: Mutex<LastQuicId>,
}

#[derive(Clone, Copy, Default)]
struct LastQuicId {
    millis: u64,
    sequence: u32,
}

impl QuicIdSource {
    /// Nothing is read before the first id is needed.
    pub fn new(client: Client) -> Self {
        Self { client, worker: OnceCell::new(), last: Mutex::default() }
    }

    /// A new id, as the environment variable holds it.
    pub async fn take(&self) -> Result<String, QuicIdError> {
        let worker = *self.worker.get_or_try_init(|| self.claim_worker()).await?;
        loop {
            // why: in a statement of its own, so that the lock is not held while waiting
            let next = self.last.lock().advance(millis())?;
            match next {
                Some((millis, sequence)) => return Ok(encode_id(millis, worker, sequence)),
                // All ids of this millisecond are taken.
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    /// An id for a pod that is not made: nothing is written for it, and a real pod may get the same.
    pub fn sample(&self) -> String {
        let worker = self.worker.get().copied().unwrap_or_else(random_worker);
        encode_id(millis(), worker, rand::random_range(0..SEQUENCES))
    }

    /// Claims a number; whoever else does so at the same moment, also for another installation, gets another one.
    async fn claim_worker(&self) -> Result<u32, QuicIdError> {
        for _ in 1..CLAIMS {
            match self.try_to_claim_worker().await {
                Err(QuicIdError::Tracker(error)) if is_conflict(&error) => {}
                claimed => return claimed,
            }
        }
        self.try_to_claim_worker().await
    }

    async fn try_to_claim_worker(&self) -> Result<u32, QuicIdError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        match api.get(NAME).await {
            Ok(tracker) => {
                let worker = stored_worker(&tracker)?.unwrap_or_else(random_worker);
                api.replace(NAME, &PostParams::default(), &with_next(tracker, worker)).await?;
                Ok(worker)
            }
            Err(error) if is_not_found(&error) => {
                let worker = random_worker();
                let metadata = ObjectMeta {
                    name: Some(NAME.to_owned()),
                    namespace: Some(NAMESPACE.to_owned()),
                    ..ObjectMeta::default()
                };
                let tracker = with_next(ConfigMap { metadata, ..ConfigMap::default() }, worker);
                api.create(&PostParams::default(), &tracker).await?;
                Ok(worker)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl LastQuicId {
    /// The next id's time and sequence; `None` when this millisecond is used up.
    fn advance(&mut self, millis: u64) -> Result<Option<(u64, u32)>, QuicIdError> {
        if millis < self.millis {
            return Err(QuicIdError::ClockMovedBackwards);
        }
        if millis > self.millis {
            *self = Self { millis, sequence: rand::random_range(0..SEQUENCES - 1) };
        } else if self.sequence + 1 >= SEQUENCES {
            return Ok(None);
        } else {
            self.sequence += 1;
        }
        Ok(Some((self.millis, self.sequence)))
    }
}

fn millis() -> u64 {
    u64::try_from(now().as_millisecond()).unwrap_or(0)
}

fn random_worker() -> u32 {
    rand::random_range(0..WORKERS)
}

fn stored_worker(tracker: &ConfigMap) -> Result<Option<u32>, QuicIdError> {
    let Some(text) = tracker.data.as_ref().and_then(|entries| entries.get(KEY)) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| QuicIdError::NotANumber(text.clone()))
}

fn with_next(mut tracker: ConfigMap, worker: u32) -> ConfigMap {
    let next = (worker + 1) % (WORKERS - 1);
    tracker.data.get_or_insert_with(BTreeMap::new).insert(KEY.to_owned(), next.to_string());
    tracker
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ids_of_one_millisecond_follow_each_other_until_it_is_used_up() {
        let mut last = LastQuicId { millis: 7, sequence: SEQUENCES - 2 };
        assert_eq!(last.advance(7).unwrap(), Some((7, SEQUENCES - 1)));
        assert_eq!(last.advance(7).unwrap(), None);
        assert!(matches!(last.advance(8).unwrap(), Some((8, _))));
    }

    #[test]
    fn a_clock_set_back_is_refused() {
        let mut last = LastQuicId { millis: 7, sequence: 0 };
        assert!(matches!(last.advance(6), Err(QuicIdError::ClockMovedBackwards)));
    }
}
