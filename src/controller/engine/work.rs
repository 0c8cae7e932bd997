//! The leader's work: what reconciles, and how many at a time.

use super::Parts;
use super::counted::Counted;
use crate::api::ObjectKey;
use crate::args::Workers;
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
use crate::controller::queue::Queue;
use crate::controller::secrets::SecretWatches;
use crate::controller::talkers::Talkers;
use crate::controller::worker::{Reconcile, work};
use crate::controller::{ingress, service};
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::inventory::Inventory;
use crate::deploy::{Deployer, Ledger};
use crate::model::{Owner, StackId};
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
        let parts = &Parts { client: fence(&parts.client, &parts.leadership), ..parts.clone() };
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
        let meter = |controller, count| self.context.metrics.work(controller, count);
        let of_bindings = meter(BINDINGS, workers.target_group_binding);
        for _ in 0..workers.target_group_binding {
            let (this, queue, meter) = (self.clone(), self.queues.bindings.clone(), of_bindings.clone());
            tasks.spawn(work(queue, meter, move |key| this.clone().reconcile_binding(key)));
        }
        let of_services = meter(SERVICES, workers.service);
        for _ in 0..workers.service {
            let (this, queue, meter) = (self.clone(), self.queues.services.clone(), of_services.clone());
            tasks.spawn(work(queue, meter, move |key| this.clone().reconcile_service(key)));
        }
        let of_groups = meter(INGRESSES, workers.ingress);
        for _ in 0..workers.ingress {
            let (this, queue, meter) = (self.clone(), self.queues.groups.clone(), of_groups.clone());
            tasks.spawn(work(queue, meter, move |id| this.clone().reconcile_group(id)));
        }
    }

    fn reconcile_binding(self: Arc<Self>, key: ObjectKey) -> Reconcile {
        // why: upstream spells this one differently in different metrics
        self.talkers.count("targetgroupbinding", &key);
        Box::pin(async move {
            let verdict = self.bindings.reconcile(&key).await;
            self.board.note(BINDINGS, &key, verdict);
            verdict
        })
    }

    fn reconcile_service(self: Arc<Self>, key: ObjectKey) -> Reconcile {
        self.talkers.count(SERVICES, &key);
        Box::pin(async move {
            let verdict = service::reconcile(&self.context, &key).await;
            self.board.note(SERVICES, &key, verdict);
            verdict
        })
    }

    fn reconcile_group(self: Arc<Self>, id: StackId) -> Reconcile {
        self.talkers.count(INGRESSES, &id);
        Box::pin(async move {
            let verdict = ingress::reconcile(&self.context, &id).await;
            self.board.note(INGRESSES, &id, verdict);
            verdict
        })
    }
}

fn controller_of(owner: Owner) -> &'static str {
    match owner {
        Owner::Service => SERVICES,
        Owner::Ingress => INGRESSES,
    }
}
