//! The machinery of one replica: caches, queues, workers and the clockwork beside them, put together.
//!
//! Everything it needs from outside comes in as [`Dependencies`]: the process connects them to a cluster and to AWS, tests and
//! benchmarks to simulators of both.

mod binding_metrics;
mod components;
mod gauges;
mod leadership;
mod periodic;
mod workers;

pub use workers::Controllers;

use super::event_handlers::{EventHandlers, LeaderQueues};
use super::global_accelerator;
use super::queue::{MAX_DELAY, Queue};
use crate::api::ObjectKey;
use crate::api::gateway::{ALB_CONTROLLER, NLB_CONTROLLER};
use crate::args::Workers;
use crate::aws::Cloud;
use crate::aws::assume_role::CloudFor;
use crate::cluster::events::Recorder;
use crate::cluster::lease::Leadership;
use crate::cluster::stores::{EventHandler, Stores};
use crate::cluster::{KubeConnection, accelerator_store};
use crate::config::Config;
use crate::controller::gateway::queues::GatewayQueues;
use crate::controller::queues::Queues;
use crate::deploy::audit::AuditPeriods;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
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
pub struct Dependencies {
    /// Settings of the controller.
    pub config: Arc<Config>,
    /// How many work, and how patiently.
    pub workers: Workers,
    /// The API server.
    pub client: KubeConnection,
    /// AWS in the controller's own name.
    pub cloud: Arc<dyn Cloud>,
    /// AWS in the name of roles.
    pub clouds: Arc<dyn CloudFor>,
    /// The caches of the cluster.
    pub stores: Arc<Stores>,
    /// Where events are recorded.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether this replica may write.
    pub leadership: Leadership,
    /// The namespace of what the controller keeps for itself.
    pub namespace: String,
    /// The name of the lease for which replicas of this installation compete; empty: there is no election.
    pub lease: String,
    /// The Secret of the webhooks' authority, if the controller issues their certificates.
    pub authority: Option<ObjectKey>,
    /// Is called when this replica begins or ends to lead.
    pub on_lead: OnLead,
    /// How often it is looked whether others changed AWS.
    pub audit: AuditPeriods,
    /// How many registrations of targets a second the rate limits admit; `None`: as many as there are.
    pub registrations_a_second: Option<f64>,
}

/// Hears whether this replica leads.
pub type OnLead = Arc<dyn Fn(bool) + Send + Sync>;

/// What runs only while this replica leads.
#[derive(Debug, Default)]
pub struct LeaderTasks {
    workers: JoinSet<()>,
    upkeep: JoinSet<()>,
}

/// Caches, queues and workers.
pub struct Manager {
    parts: Dependencies,
    event_handlers: Arc<EventHandlers>,
    work: Arc<CurrentControllers>,
}

/// What the current term works with, or the next one if there is none.
pub(super) type CurrentControllers = ArcSwap<Controllers>;

impl Manager {
    /// Puts everything together; nothing runs yet.
    pub fn new(parts: Dependencies) -> Self {
        let work = Arc::new(CurrentControllers::from(new_work(&parts)));
        gauges::read_when_asked(&parts.metrics, &work);
        let event_handlers = Arc::new(EventHandlers::new(
            parts.config.clone(),
            parts.stores.clone(),
            &parts.recorder,
            parts.metrics.clone(),
        ));
        Self { parts, event_handlers, work }
    }

    /// The controllers, with what they know.
    pub fn work(&self) -> Arc<Controllers> {
        self.work.load_full()
    }

    /// Starts what every replica does: it watches, and counts what it sees.
    pub fn watch(&self, tasks: &mut JoinSet<()>) {
        let Dependencies { stores, client, config, metrics, .. } = &self.parts;
        let listener = self.listener();
        stores.watch(client, config, &listener, tasks);
        periodic::spawn_counts(stores.clone(), self.work.clone(), metrics.clone(), tasks);
    }

    /// Reads what was deployed before a restart. Without it everything is compared with AWS.
    pub async fn open(&self) {
        for _ in 0..OPENING_ATTEMPTS {
            match self.work().deployed_state.open().await {
                Ok(stacks) => return tracing::info!(stacks, "state of the last deployment loaded"),
                Err(error) => tracing::warn!(%error, "state of the last deployment not readable"),
            }
            sleep(OPENING_PAUSE).await;
        }
    }

    /// Who is told of changes.
    pub fn listener(&self) -> Arc<dyn EventHandler> {
        self.event_handlers.clone()
    }

    /// Fills the queues, with everything and from now on with what changes. The caches must be complete.
    pub fn fill_queues(&self) {
        let work = self.work();
        self.event_handlers
            .start(LeaderQueues { queues: work.queues.clone(), bindings: work.bindings.clone() });
    }

    /// Starts the leader's work. The caches must be complete.
    pub fn lead(&self, leading: &mut LeaderTasks) {
        let work = self.work();
        self.fill_queues();
        work.spawn(&self.parts.workers, &mut leading.workers);
        let Dependencies { config, audit, registrations_a_second, .. } = &self.parts;
        let periods = (config.sync_period, *audit);
        periodic::spawn(&self.event_handlers, &work, periods, *registrations_a_second, &mut leading.upkeep);
    }

    /// Asks for everything to be looked at again, as every `--sync-period` does.
    pub fn resync(&self) {
        self.event_handlers.enqueue_all();
    }

    /// Lets reconciles in flight end, and writes down what they came to.
    pub async fn stop(&self, leading: LeaderTasks) {
        let (LeaderTasks { mut workers, mut upkeep }, work) = (leading, self.work());
        upkeep.abort_all();
        work.queues.close();
        let drained = async { while workers.join_next().await.is_some() {} };
        // why: the time-out is what is asked about
        if timeout(DRAIN, drained).await.is_err() {
            workers.shutdown().await;
        }
        let _ = timeout(SAVE, periodic::save(&work.deployed_state)).await;
    }
}

fn new_work(parts: &Dependencies) -> Arc<Controllers> {
    Arc::new(Controllers::new(parts, Arc::new(queues(parts))))
}

fn namespace_of(key: &ObjectKey) -> Arc<str> {
    key.namespace().into()
}

/// The queue of GlobalAccelerators. Where they are not reconciled, it is empty and counted nowhere.
fn accelerator_queue(parts: &Dependencies) -> Queue<ObjectKey> {
    if !accelerator_store::is_on(&parts.config) {
        return Queue::new(MAX_DELAY);
    }
    let meter = parts.metrics.queue(global_accelerator::COMPONENT);
    Queue::metered(parts.workers.global_accelerator_max_backoff, meter)
        .starting_at(global_accelerator::FIRST_RETRY)
}

fn queues(parts: &Dependencies) -> Queues {
    let metrics = &parts.metrics;
    let plain =
        |controller| Arc::new(Queue::metered(MAX_DELAY, metrics.queue(controller)).shared_by(namespace_of));
    let binding_delay = parts.workers.target_group_binding_max_backoff;
    Queues {
        services: plain(components::SERVICES),
        groups: Arc::new(
            Queue::metered(MAX_DELAY, metrics.queue(components::INGRESSES))
                .shared_by(|group| group.namespace.as_str().into()),
        ),
        bindings: Arc::new(
            Queue::metered(binding_delay, metrics.queue(components::BINDINGS)).shared_by(namespace_of),
        ),
        gateways: GatewayQueues {
            alb_gateways: plain(ALB_CONTROLLER),
            nlb_gateways: plain(NLB_CONTROLLER),
            classes: plain(components::CLASSES),
            load_balancer_configurations: plain(components::LOAD_BALANCER_CONFIGURATIONS),
            target_group_configurations: plain(components::TARGET_GROUP_CONFIGURATIONS),
            listener_rule_configurations: plain(components::LISTENER_RULE_CONFIGURATIONS),
        },
        accelerators: Arc::new(accelerator_queue(parts)),
    }
}
