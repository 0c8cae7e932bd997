//! The leader's work: what reconciles, how many at a time, and the clockwork beside it.

use super::Process;
use crate::api::ObjectKey;
use crate::args::Workers;
use crate::aws::Cloud;
use crate::aws::assume_role::{AssumedRoles, Role};
use crate::cloud::CloudError;
use crate::cluster::Objects;
use crate::cluster::binding_api::KubeBindingApi;
use crate::cluster::binding_store::KubeBindings;
use crate::controller::binding::{BindingController, Ports};
use crate::controller::context::Context;
use crate::controller::dispatch::{Dispatcher, Queues};
use crate::controller::facts::{FactSource, Memory};
use crate::controller::worker::{Meter, Reconcile, work};
use crate::controller::{ingress, service};
use crate::deploy::Deployer;
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::inventory::Inventory;
use crate::deploy::targets::ports::{AssumedRole, BindingMetrics, CloudFor, PortFuture};
use crate::metrics::{ControllerLabels, Metrics};
use crate::model::StackId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

/// Everything the leader works with.
pub(super) struct Work {
    queues: Arc<Queues>,
    metrics: Arc<Metrics>,
    context: Context,
    pub(super) bindings: Arc<BindingController>,
}

impl Process {
    pub(super) fn work(&self, queues: Arc<Queues>) -> Work {
        Work {
            queues,
            metrics: self.metrics.clone(),
            context: self.context(),
            bindings: Arc::new(self.binding_controller()),
        }
    }

    fn context(&self) -> Context {
        let inventory = Arc::new(Inventory::new(&self.config));
        let bindings = Arc::new(KubeBindings::new(self.client.clone(), self.stores.bindings.clone()));
        let deployer = Arc::new(Deployer::new(self.cloud.clone(), bindings, inventory, self.config.clone()));
        let backend = BackendSecurityGroup::new(self.cloud.clone(), self.config.clone());
        let facts = FactSource {
            cloud: self.cloud.clone(),
            config: self.config.clone(),
            deployer: deployer.clone(),
            backend_security_group: Arc::new(backend),
            services: self.stores.services.clone(),
            objects: Objects::new(self.client.clone()),
            memory: Memory::default(),
        };
        Context {
            config: self.config.clone(),
            objects: Objects::new(self.client.clone()),
            stores: self.stores.clone(),
            facts,
            deployer,
            recorder: self.recorder.clone(),
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
        for _ in 0..workers.target_group_binding {
            let (this, meter) = (self.clone(), self.meter("targetGroupBinding"));
            tasks.spawn(work(self.queues.bindings.clone(), meter, move |key| {
                this.clone().reconcile_binding(key)
            }));
        }
        for _ in 0..workers.service {
            let (this, meter) = (self.clone(), self.meter("service"));
            tasks.spawn(work(self.queues.services.clone(), meter, move |key| {
                this.clone().reconcile_service(key)
            }));
        }
        for _ in 0..workers.ingress {
            let (this, meter) = (self.clone(), self.meter("ingress"));
            tasks.spawn(work(self.queues.groups.clone(), meter, move |id| this.clone().reconcile_group(id)));
        }
    }

    /// Also announces how many workers there are.
    fn meter(&self, controller: &'static str) -> Meter {
        let labels = ControllerLabels::new(controller);
        self.metrics.max_concurrent_reconciles.get_or_create(&labels).inc();
        Meter { metrics: self.metrics.clone(), controller }
    }

    fn reconcile_binding(self: Arc<Self>, key: ObjectKey) -> Reconcile {
        Box::pin(async move { self.bindings.reconcile(&key).await })
    }

    fn reconcile_service(self: Arc<Self>, key: ObjectKey) -> Reconcile {
        Box::pin(async move { service::reconcile(&self.context, &key).await })
    }

    fn reconcile_group(self: Arc<Self>, id: StackId) -> Reconcile {
        Box::pin(async move { ingress::reconcile(&self.context, &id).await })
    }
}

/// Enqueues everything again and again.
pub(super) async fn resync(dispatcher: Arc<Dispatcher>, period: Duration) {
    let mut ticks = interval_at(Instant::now() + period, period.max(Duration::from_secs(1)));
    loop {
        ticks.tick().await;
        dispatcher.enqueue_all();
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
        self.0.count_error("targetGroupBinding", category);
    }
}
