//! The leader's work: what reconciles, and how many at a time.

use super::Parts;
use super::counted::Counted;
use crate::args::Workers;
use crate::aws::journal::{Journal, Journaled, JournaledRoles};
use crate::cluster::Objects;
use crate::cluster::binding_api::KubeBindingApi;
use crate::cluster::binding_store::KubeBindings;
use crate::cluster::fence::fence;
use crate::cluster::ledger_pages::ConfigMapPages;
use crate::controller::binding::{BindingController, Ports};
use crate::controller::board::Board;
use crate::controller::context::Context;
use crate::controller::dispatch::Queues;
use crate::controller::facts::{Certificates, FactSource, Memory};
use crate::controller::ingress::RefusalMemory;
use crate::controller::queue::Queue;
use crate::controller::secrets::SecretWatches;
use crate::controller::talkers::{Talker, Talkers};
use crate::controller::worker::{Reconcile, Verdict, work};
use crate::controller::{ingress, service};
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::inventory::Inventory;
use crate::deploy::{Deployer, Ledger};
use crate::model::{Owner, StackId};
use crate::pool::Pool;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Upstream's name of the controller of Services.
pub(super) const SERVICES: &str = "service";
/// Upstream's name of the controller of Ingress groups.
pub(super) const INGRESSES: &str = "ingress";
/// Upstream's name of the controller of TargetGroupBindings.
pub(super) const BINDINGS: &str = "targetGroupBinding";

/// Everything the leader works with.
pub struct Work {
    /// What is to be looked at.
    pub queues: Arc<Queues>,
    /// What every reconcile may use.
    pub context: Context,
    /// Reconciles TargetGroupBindings.
    pub bindings: Arc<BindingController>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) talkers: Arc<Talkers>,
    pub(super) board: Arc<Board>,
    /// Told when a security group cannot be deleted because something still refers to it.
    pub(super) group_in_use: Arc<Notify>,
}

impl Work {
    pub(super) fn new(parts: &Parts, queues: Arc<Queues>) -> Self {
        let journal = Arc::new(Journal::default());
        let parts = &Parts {
            client: fence(&parts.client, &parts.leadership),
            recorder: parts.recorder.of_leader(&parts.leadership),
            cloud: Arc::new(Journaled::new(parts.cloud.clone(), journal.clone())),
            clouds: Arc::new(JournaledRoles::new(parts.clouds.clone(), journal)),
            ..parts.clone()
        };
        let inventory = Arc::new(Inventory::new(&parts.config));
        let pages = ConfigMapPages::new(parts.client.clone(), &parts.namespace, parts.leadership.clone());
        let ledger = Arc::new(Ledger::new(Arc::new(pages), inventory.clone()));
        let group_in_use = Arc::new(Notify::new());
        let deployer = Arc::new(deployer(parts, inventory, &ledger, &group_in_use));
        Self {
            context: context(parts, deployer, queues.groups.clone()),
            bindings: Arc::new(binding_controller(parts)),
            talkers: Arc::default(),
            board: Arc::default(),
            queues,
            ledger,
            group_in_use,
        }
    }
}

fn deployer(
    parts: &Parts,
    inventory: Arc<Inventory>,
    ledger: &Arc<Ledger>,
    group_in_use: &Arc<Notify>,
) -> Deployer {
    let bindings = Arc::new(KubeBindings::new(parts.client.clone(), parts.stores.bindings.clone()));
    let (group_in_use, metrics) = (group_in_use.clone(), parts.metrics.clone());
    Deployer::new(parts.cloud.clone(), bindings, inventory, parts.config.clone())
        .with_ledger(ledger.clone())
        .on_group_in_use(move || group_in_use.notify_one())
        .on_stage(move |owner, stage, took| metrics.observe_stage(controller_of(owner), stage.label(), took))
}

fn context(parts: &Parts, deployer: Arc<Deployer>, groups: Arc<Queue<StackId>>) -> Context {
    let backend = BackendSecurityGroup::new(parts.cloud.clone(), parts.config.clone());
    let facts = FactSource {
        cloud: parts.cloud.clone(),
        config: parts.config.clone(),
        deployer: deployer.clone(),
        backend_security_group: Arc::new(backend),
        services: parts.stores.services.clone(),
        objects: Objects::new(parts.client.clone()),
        memory: Memory::default(),
        certificates: Certificates::default(),
        pool: Pool::new(parts.metrics.pool("builds")),
    };
    let label = parts.config.required_secrets_label.as_ref();
    Context {
        config: parts.config.clone(),
        objects: Objects::new(parts.client.clone()),
        stores: parts.stores.clone(),
        facts,
        deployer,
        recorder: parts.recorder.clone(),
        metrics: parts.metrics.clone(),
        secrets: SecretWatches::new(parts.client.clone(), label, groups),
        refusals: RefusalMemory::default(),
        seen: Mutex::default(),
    }
}

fn binding_controller(parts: &Parts) -> BindingController {
    let api = KubeBindingApi::new(parts.client.clone(), &parts.recorder, parts.config.enable_endpoint_slices);
    let ports = Ports {
        view: parts.stores.clone(),
        api: Arc::new(api),
        cloud: parts.cloud.clone(),
        clouds: parts.clouds.clone(),
        metrics: Arc::new(Counted::new(parts.metrics.clone())),
    };
    BindingController::new(parts.config.clone(), ports)
}

impl Work {
    /// Starts the workers. Targets have workers of their own: they never wait for load balancers.
    pub(super) fn spawn(self: &Arc<Self>, workers: &Workers, tasks: &mut JoinSet<()>) {
        let Queues { services, groups, bindings } = &*self.queues;
        self.hire(BINDINGS, workers.target_group_binding, bindings, tasks, |work, key| {
            Box::pin(work.bindings.reconcile(key))
        });
        self.hire(SERVICES, workers.service, services, tasks, |work, key| {
            Box::pin(service::reconcile(&work.context, key))
        });
        self.hire(INGRESSES, workers.ingress, groups, tasks, |work, id| {
            Box::pin(ingress::reconcile(&work.context, id))
        });
    }

    /// Starts the workers of one controller.
    fn hire<K: Key>(
        self: &Arc<Self>,
        controller: &'static str,
        count: usize,
        queue: &Arc<Queue<K>>,
        tasks: &mut JoinSet<()>,
        pass: Pass<K>,
    ) {
        let meter = self.context.metrics.work(controller, count);
        for _ in 0..count {
            let this = self.clone();
            let watched = move |key| this.clone().watched(controller, key, pass);
            tasks.spawn(work(queue.clone(), meter.clone(), watched));
        }
    }

    /// One reconcile, counted, and with its end noted.
    fn watched<K: Key>(self: Arc<Self>, controller: &'static str, key: K, pass: Pass<K>) -> Reconcile {
        self.talkers.count(talker_name(controller), &key);
        Box::pin(async move {
            let verdict = pass(&self, &key).await;
            self.board.note(controller, &key, verdict);
            verdict
        })
    }
}

/// What is worked on.
trait Key: Talker + Ord + Clone + Send + Sync + 'static {}

impl<K: Talker + Ord + Clone + Send + Sync + 'static> Key for K {}

/// How one key is reconciled.
type Pass<K> = for<'a> fn(&'a Work, &'a K) -> BoxFuture<'a, Verdict>;

/// why: upstream spells this one differently in different metrics
fn talker_name(controller: &'static str) -> &'static str {
    if controller == BINDINGS { "targetgroupbinding" } else { controller }
}

fn controller_of(owner: Owner) -> &'static str {
    match owner {
        Owner::Service => SERVICES,
        Owner::Ingress => INGRESSES,
    }
}
