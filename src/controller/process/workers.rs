//! The leader's work: what reconciles, and how many at a time.

use super::Process;
use crate::api::ObjectKey;
use crate::args::Workers;
use crate::aws::Cloud;
use crate::aws::assume_role::{AssumedRoles, Role};
use crate::cloud::CloudError;
use crate::cluster::Objects;
use crate::cluster::binding_api::KubeBindingApi;
use crate::cluster::binding_store::KubeBindings;
use crate::cluster::ledger_pages::ConfigMapPages;
use crate::controller::binding::{BindingController, Ports};
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
use crate::deploy::targets::ports::{AssumedRole, BindingMetrics, CloudFor, PortFuture};
use crate::deploy::{Deployer, Ledger};
use crate::metrics::{Metrics, ObjectLabels};
use crate::model::StackId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Upstream's name of the controller of Services.
pub(super) const SERVICES: &str = "service";
/// Upstream's name of the controller of Ingress groups.
pub(super) const INGRESSES: &str = "ingress";
/// Upstream's name of the controller of TargetGroupBindings.
pub(super) const BINDINGS: &str = "targetGroupBinding";

/// Everything the leader works with.
pub(super) struct Work {
    pub(super) queues: Arc<Queues>,
    pub(super) context: Context,
    pub(super) bindings: Arc<BindingController>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) talkers: Arc<Talkers>,
    /// Told when a security group cannot be deleted because something still refers to it.
    pub(super) group_in_use: Arc<Notify>,
}

impl Process {
    pub(super) fn work(&self, queues: Arc<Queues>) -> Work {
        let inventory = Arc::new(Inventory::new(&self.config));
        let ledger = Arc::new(self.ledger(&inventory));
        let group_in_use = Arc::new(Notify::new());
        let deployer = Arc::new(self.deployer(inventory, &ledger, &group_in_use));
        Work {
            context: self.context(deployer, queues.groups.clone()),
            bindings: Arc::new(self.binding_controller()),
            talkers: Arc::default(),
            queues,
            ledger,
            group_in_use,
        }
    }

    fn ledger(&self, inventory: &Arc<Inventory>) -> Ledger {
        let pages = ConfigMapPages::new(self.client.clone(), self.own_namespace(), self.leadership.clone());
        Ledger::new(Arc::new(pages), inventory.clone())
    }

    fn deployer(
        &self,
        inventory: Arc<Inventory>,
        ledger: &Arc<Ledger>,
        group_in_use: &Arc<Notify>,
    ) -> Deployer {
        let bindings = Arc::new(KubeBindings::new(self.client.clone(), self.stores.bindings.clone()));
        let group_in_use = group_in_use.clone();
        Deployer::new(self.cloud.clone(), bindings, inventory, self.config.clone())
            .with_ledger(ledger.clone())
            .on_group_in_use(move || group_in_use.notify_one())
    }

    fn context(&self, deployer: Arc<Deployer>, groups: Arc<Queue<StackId>>) -> Context {
        let backend = BackendSecurityGroup::new(self.cloud.clone(), self.config.clone());
        let facts = FactSource {
            cloud: self.cloud.clone(),
            config: self.config.clone(),
            deployer: deployer.clone(),
            backend_security_group: Arc::new(backend),
            services: self.stores.services.clone(),
            objects: Objects::new(self.client.clone()),
            memory: Memory::default(),
            certificates: Certificates::default(),
        };
        let label = self.config.required_secrets_label.as_ref();
        Context {
            config: self.config.clone(),
            objects: Objects::new(self.client.clone()),
            stores: self.stores.clone(),
            facts,
            deployer,
            recorder: self.recorder.clone(),
            metrics: self.metrics.clone(),
            secrets: SecretWatches::new(self.client.clone(), label, groups),
            seen: Mutex::default(),
        }
    }

    fn binding_controller(&self) -> BindingController {
        let api =
            KubeBindingApi::new(self.client.clone(), &self.recorder, self.config.enable_endpoint_slices);
        let ports = Ports {
            view: self.stores.clone(),
            api: Arc::new(api),
            cloud: self.cloud.clone(),
            clouds: self.clouds(),
            metrics: Arc::new(Counted(self.metrics.clone())),
        };
        BindingController::new(self.config.clone(), ports)
    }

    /// AWS in the controller's own name and in that of roles.
    pub(super) fn clouds(&self) -> Arc<dyn CloudFor> {
        let roles = AssumedRoles::new(&self.aws, &self.config.cluster_name, self.guards.clone());
        Arc::new(Clouds { own: self.cloud.clone(), roles })
    }
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
        Box::pin(async move { self.bindings.reconcile(&key).await })
    }

    fn reconcile_service(self: Arc<Self>, key: ObjectKey) -> Reconcile {
        self.talkers.count(SERVICES, &key);
        Box::pin(async move { service::reconcile(&self.context, &key).await })
    }

    fn reconcile_group(self: Arc<Self>, id: StackId) -> Reconcile {
        self.talkers.count(INGRESSES, &id);
        Box::pin(async move { ingress::reconcile(&self.context, &id).await })
    }
}

struct Clouds {
    own: Arc<dyn Cloud>,
    roles: AssumedRoles,
}

impl CloudFor for Clouds {
    fn cloud_for<'a>(
        &'a self,
        role: Option<&'a AssumedRole>,
    ) -> PortFuture<'a, Result<Arc<dyn Cloud>, CloudError>> {
        let cloud = match role {
            None => self.own.clone(),
            Some(role) => {
                self.roles.cloud(&Role { arn: role.arn.clone(), external_id: role.external_id.clone() })
            }
        };
        Box::pin(async move { Ok(cloud) })
    }
}

/// Counts what bindings do.
struct Counted(Arc<Metrics>);

impl BindingMetrics for Counted {
    fn gate_opened(&self, binding: &ObjectKey, waited: Duration) {
        self.0.observe_gate(binding.namespace(), binding.name(), waited);
    }

    fn step_failed(&self, category: &'static str) {
        self.0.count_error(BINDINGS, category);
    }

    fn server_ids_missing(&self, binding: &ObjectKey, endpoints: usize) {
        let labels = ObjectLabels::new(binding.namespace(), binding.name());
        let endpoints = u64::try_from(endpoints).unwrap_or(u64::MAX);
        self.0.quic_target_missing_server_id.get_or_create(&labels).inc_by(endpoints);
    }

    fn stage_took(&self, stage: &'static str, took: Duration) {
        self.0.observe_stage(BINDINGS, stage, took);
    }
}
