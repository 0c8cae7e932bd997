//! The machinery of one replica: caches, queues, workers and the clockwork beside them, put together.
//!
//! Everything it needs from outside comes in as [`Parts`]: the process connects them to a cluster and to AWS, tests and
//! benchmarks to simulators of both.

mod counted;
mod readings;
mod upkeep;
mod work;

pub use work::Work;

use super::dispatch::{Dispatcher, Queues};
use super::queue::{MAX_DELAY, Queue};
use crate::args::Workers;
use crate::aws::Cloud;
use crate::aws::assume_role::CloudFor;
use crate::cluster::Connection;
use crate::cluster::events::Recorder;
use crate::cluster::lease::Leadership;
use crate::cluster::stores::{Listener, Stores};
use crate::config::Config;
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Reconciles in flight have this long to end; then they are given up …
const DRAIN: Duration = Duration::from_secs(1);
/// … and what is deployed has this long to be written down: a successor waits.
const SAVE: Duration = Duration::from_millis(300);

/// How often the record of what was deployed before is tried to be read, and the pause between.
const OPENING_ATTEMPTS: usize = 3;
const OPENING_PAUSE: Duration = Duration::from_millis(500);

/// What the machinery is connected to.
#[derive(Clone)]
pub struct Parts {
    /// Settings.
    pub config: Arc<Config>,
    /// How many work, and how patiently.
    pub workers: Workers,
    /// The API server.
    pub client: Connection,
    /// AWS in the controller's own name.
    pub cloud: Arc<dyn Cloud>,
    /// AWS in the name of roles.
    pub clouds: Arc<dyn CloudFor>,
    /// The caches.
    pub stores: Arc<Stores>,
    /// Events.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether this replica may write.
    pub leadership: Leadership,
    /// The namespace of what the controller keeps for itself.
    pub namespace: String,
}

/// What runs only while this replica leads.
#[derive(Debug, Default)]
pub struct Leading {
    workers: JoinSet<()>,
    upkeep: JoinSet<()>,
}

/// Caches, queues and workers.
pub struct Engine {
    parts: Parts,
    dispatcher: Arc<Dispatcher>,
    work: Arc<Work>,
}

impl Engine {
    /// Puts everything together; nothing runs yet.
    pub fn new(parts: Parts) -> Self {
        let work = Arc::new(Work::new(&parts, Arc::new(queues(&parts))));
        readings::read_when_asked(&parts.metrics, &work);
        let dispatcher = Arc::new(Dispatcher::new(
            parts.config.clone(),
            parts.stores.clone(),
            work.queues.clone(),
            &parts.recorder,
            work.bindings.clone(),
            parts.metrics.clone(),
        ));
        Self { parts, dispatcher, work }
    }

    /// What reconciles.
    pub fn work(&self) -> &Arc<Work> {
        &self.work
    }

    /// Starts what every replica does: it watches, and counts what it sees.
    pub fn watch(&self, tasks: &mut JoinSet<()>) {
        let Parts { stores, client, config, metrics, .. } = &self.parts;
        let listener: Arc<dyn Listener> = self.dispatcher.clone();
        stores.watch(client, config, &listener, tasks);
        upkeep::spawn_counts(stores.clone(), self.work.talkers.clone(), metrics.clone(), tasks);
    }

    /// Reads what was deployed before a restart. Without it everything is compared with AWS.
    pub async fn open(&self) {
        for _ in 0..OPENING_ATTEMPTS {
            match self.work.ledger.open().await {
                Ok(stacks) => return tracing::info!(stacks, "read what was deployed before"),
                Err(error) => tracing::warn!(%error, "what was deployed before is not known"),
            }
            sleep(OPENING_PAUSE).await;
        }
    }

    /// Starts the leader's work. The caches must be complete.
    pub fn lead(&self, leading: &mut Leading) {
        self.dispatcher.start();
        self.work.spawn(&self.parts.workers, &mut leading.workers);
        upkeep::spawn(&self.dispatcher, &self.work, self.parts.config.sync_period, &mut leading.upkeep);
    }

    /// Asks for everything to be looked at again, as every `--sync-period` does.
    pub fn resync(&self) {
        self.dispatcher.enqueue_all();
    }

    /// Lets reconciles in flight end, and writes down what they came to.
    pub async fn stop(&self, leading: Leading) {
        let Leading { mut workers, mut upkeep } = leading;
        upkeep.abort_all();
        self.work.queues.close();
        let drained = async { while workers.join_next().await.is_some() {} };
        if timeout(DRAIN, drained).await.is_err() {
            workers.shutdown().await;
        }
        let _ = timeout(SAVE, upkeep::save(&self.work.ledger)).await;
    }
}

fn queues(parts: &Parts) -> Queues {
    let metrics = &parts.metrics;
    let binding_delay = parts.workers.target_group_binding_max_backoff;
    Queues {
        services: Arc::new(Queue::metered(MAX_DELAY, metrics.queue(work::SERVICES))),
        groups: Arc::new(Queue::metered(MAX_DELAY, metrics.queue(work::INGRESSES))),
        bindings: Arc::new(Queue::metered(binding_delay, metrics.queue(work::BINDINGS))),
    }
}
