//! The leader's work: what reconciles, and how many at a time.

use super::Dependencies;
use super::binding_metrics::BindingCounters;
use super::components::{
    BINDINGS, CLASSES, INGRESSES, LISTENER_RULE_CONFIGURATIONS, LOAD_BALANCER_CONFIGURATIONS, SERVICES,
    TARGET_GROUP_CONFIGURATIONS,
};
use crate::api::gateway::{ALB_CONTROLLER, NLB_CONTROLLER};
use crate::args::Workers;
use crate::aws::recent_writes::{ReadYourWrites, ReadYourWritesRoles, RecentWrites};
use crate::cluster::binding_api::KubeBindingApi;
use crate::cluster::binding_store::KubeBindings;
use crate::cluster::fence::fence;
use crate::cluster::state_config_map::ConfigMapStateStore;
use crate::cluster::{Objects, accelerator_store};
use crate::controller::context::ReconcileContext;
use crate::controller::fact_source::{Certificates, FactCache, FactSource};
use crate::controller::gateway::error_attribution::LastRefused;
use crate::controller::gateway::queues::GatewayQueues;
use crate::controller::global_accelerator::memory::AcceleratorMemory;
use crate::controller::ingress::refused_members::RefusedMembers;
use crate::controller::object_states::ObjectStates;
use crate::controller::queue::Queue;
use crate::controller::queues::Queues;
use crate::controller::secrets::SecretWatches;
use crate::controller::stack_claims::StackClaims;
use crate::controller::target_group_binding::{BindingController, BindingDependencies};
use crate::controller::top_talkers::{ObjectName, TopTalkers};
use crate::controller::worker::{Reconcile, ReconcileResult, work};
use crate::controller::{gateway, global_accelerator, ingress, service};
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::resource_cache::ResourceCache;
use crate::deploy::secret_certificates::SecretCertificates;
use crate::deploy::{DeployedState, Deployer, LeavingTargetGroups};
use crate::gateway::Controller;
use crate::model::Owner;
use crate::pool::Pool;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Everything the leader works with.
pub struct Controllers {
    /// What is to be looked at.
    pub queues: Arc<Queues>,
    /// What every reconcile may use.
    pub context: ReconcileContext,
    /// Reconciles TargetGroupBindings.
    pub bindings: Arc<BindingController>,
    pub(super) deployed_state: Arc<DeployedState>,
    pub(super) top_talkers: Arc<TopTalkers>,
    pub(super) object_states: Arc<ObjectStates>,
    /// Told when a security group cannot be deleted because something still refers to it.
    pub(super) group_in_use: Arc<Notify>,
    pub(super) recent_writes: Arc<RecentWrites>,
}

impl Controllers {
    pub(super) fn new(parts: &Dependencies, queues: Arc<Queues>) -> Self {
        let recent_writes = Arc::new(RecentWrites::default());
        let parts = &Dependencies {
            client: fence(&parts.client, &parts.leadership),
            recorder: parts.recorder.of_leader(&parts.leadership),
            cloud: Arc::new(ReadYourWrites::new(parts.cloud.clone(), recent_writes.clone())),
            clouds: Arc::new(ReadYourWritesRoles::new(parts.clouds.clone(), recent_writes.clone())),
            ..parts.clone()
        };
        let resource_cache = Arc::new(ResourceCache::new(&parts.config));
        let (client, leadership) = (parts.client.clone(), parts.leadership.clone());
        let pages = ConfigMapStateStore::new(client, &parts.namespace, &parts.lease, leadership);
        let deployed_state = Arc::new(DeployedState::new(Arc::new(pages), resource_cache.clone()));
        let group_in_use = Arc::new(Notify::new());
        let leaving = Arc::new(LeavingTargetGroups::default());
        let deployer = deployer(parts, resource_cache, &deployed_state, &group_in_use);
        let deployer = Arc::new(deployer.with_leaving(leaving.clone()));
        Self {
            context: context(parts, deployer, queues.clone()),
            bindings: Arc::new(binding_controller(parts, leaving)),
            top_talkers: Arc::default(),
            object_states: Arc::default(),
            queues,
            deployed_state,
            group_in_use,
            recent_writes,
        }
    }
}

fn deployer(
    parts: &Dependencies,
    resource_cache: Arc<ResourceCache>,
    deployed_state: &Arc<DeployedState>,
    group_in_use: &Arc<Notify>,
) -> Deployer {
    let bindings = Arc::new(KubeBindings::new(parts.client.clone(), parts.stores.bindings.clone()));
    let (group_in_use, metrics) = (group_in_use.clone(), parts.metrics.clone());
    Deployer::new(parts.cloud.clone(), bindings, resource_cache, parts.config.clone())
        .with_deployed_state(deployed_state.clone())
        .on_group_in_use(move || group_in_use.notify_one())
        .on_stage(move |owner, stage, took| metrics.observe_stage(controller_of(owner), stage.label(), took))
}

fn context(parts: &Dependencies, deployer: Arc<Deployer>, queues: Arc<Queues>) -> ReconcileContext {
    let label = parts.config.required_secrets_label.as_ref();
    // why without the label: a Secret that lacks it is read by others than Ingresses, and an Ingress hears of it when it is labelled
    let label = label.filter(|_| !parts.config.features.secret_certificates);
    let watches = Arc::new(SecretWatches::new(parts.client.clone(), label, queues));
    let backend = BackendSecurityGroup::new(parts.cloud.clone(), parts.config.clone());
    let facts = FactSource {
        cloud: parts.cloud.clone(),
        config: parts.config.clone(),
        deployer: deployer.clone(),
        backend_security_group: Arc::new(backend),
        secret_certificates: Arc::new(SecretCertificates::new(parts.cloud.clone(), parts.config.clone())),
        services: parts.stores.services.clone(),
        objects: Objects::new(parts.client.clone()),
        cache: FactCache::default(),
        certificates: Certificates::default(),
        watches: Some(watches.clone()),
        pool: Pool::new(parts.metrics.pool("builds")),
    };
    ReconcileContext {
        config: parts.config.clone(),
        objects: Objects::new(parts.client.clone()),
        stores: parts.stores.clone(),
        facts,
        deployer,
        recorder: parts.recorder.clone(),
        metrics: parts.metrics.clone(),
        secrets: watches,
        refused_members: RefusedMembers::default(),
        last_refused: LastRefused::default(),
        accelerators: AcceleratorMemory::default(),
        claims: StackClaims::default(),
        seen: Mutex::default(),
    }
}

fn binding_controller(parts: &Dependencies, leaving: Arc<LeavingTargetGroups>) -> BindingController {
    let api = KubeBindingApi::new(parts.client.clone(), &parts.recorder, parts.config.enable_endpoint_slices);
    let ports = BindingDependencies {
        view: parts.stores.clone(),
        api: Arc::new(api),
        cloud: parts.cloud.clone(),
        clouds: parts.clouds.clone(),
        metrics: Arc::new(BindingCounters::new(parts.metrics.clone())),
        leaving,
    };
    BindingController::new(parts.config.clone(), ports)
}

impl Controllers {
    /// Starts the workers. Targets have workers of their own: they never wait for load balancers.
    pub(super) fn spawn(self: &Arc<Self>, workers: &Workers, tasks: &mut JoinSet<()>) {
        let Queues { services, groups, bindings, gateways, accelerators } = &*self.queues;
        self.spawn_workers(BINDINGS, workers.target_group_binding, bindings, tasks, |work, key| {
            Box::pin(work.bindings.reconcile(key))
        });
        self.spawn_workers(SERVICES, workers.service, services, tasks, |work, key| {
            Box::pin(service::reconcile(&work.context, key))
        });
        self.spawn_workers(INGRESSES, workers.ingress, groups, tasks, |work, id| {
            Box::pin(ingress::reconcile(&work.context, id))
        });
        self.spawn_of_gateways(workers, gateways, tasks);
        if accelerator_store::is_on(&self.context.config) {
            let (name, count) = (global_accelerator::COMPONENT, workers.global_accelerator);
            self.spawn_workers(name, count, accelerators, tasks, |work, key| {
                Box::pin(global_accelerator::reconcile(&work.context, key))
            });
        }
    }

    fn spawn_of_gateways(
        self: &Arc<Self>,
        workers: &Workers,
        queues: &GatewayQueues,
        tasks: &mut JoinSet<()>,
    ) {
        let configurations = workers.gateway_class;
        self.spawn_workers(ALB_CONTROLLER, workers.alb_gateway, &queues.alb_gateways, tasks, |work, key| {
            Box::pin(gateway::reconcile(&work.context, Controller::Alb, key))
        });
        self.spawn_workers(NLB_CONTROLLER, workers.nlb_gateway, &queues.nlb_gateways, tasks, |work, key| {
            Box::pin(gateway::reconcile(&work.context, Controller::Nlb, key))
        });
        self.spawn_workers(CLASSES, workers.gateway_class, &queues.classes, tasks, |work, key| {
            Box::pin(gateway::class::reconcile(&work.context, key))
        });
        let queue = &queues.load_balancer_configurations;
        self.spawn_workers(LOAD_BALANCER_CONFIGURATIONS, configurations, queue, tasks, |work, key| {
            Box::pin(gateway::configurations::reconcile_load_balancer(&work.context, key))
        });
        let queue = &queues.target_group_configurations;
        self.spawn_workers(TARGET_GROUP_CONFIGURATIONS, configurations, queue, tasks, |work, key| {
            Box::pin(gateway::configurations::reconcile_target_group(&work.context, key))
        });
        let queue = &queues.listener_rule_configurations;
        self.spawn_workers(LISTENER_RULE_CONFIGURATIONS, configurations, queue, tasks, |work, key| {
            Box::pin(gateway::configurations::reconcile_listener_rule(&work.context, key))
        });
    }

    /// Starts the workers of one controller.
    fn spawn_workers<K: QueueKey>(
        self: &Arc<Self>,
        controller: &'static str,
        count: usize,
        queue: &Arc<Queue<K>>,
        tasks: &mut JoinSet<()>,
        pass: ReconcileFn<K>,
    ) {
        let meter = self.context.metrics.work(controller, count);
        for _ in 0..count {
            let this = self.clone();
            let watched = move |key| this.clone().instrumented(controller, key, pass);
            tasks.spawn(work(queue.clone(), meter.clone(), watched));
        }
    }

    /// One reconcile, counted, and with its end noted.
    fn instrumented<K: QueueKey>(
        self: Arc<Self>,
        controller: &'static str,
        key: K,
        pass: ReconcileFn<K>,
    ) -> Reconcile {
        self.top_talkers.count(top_talkers_name(controller), &key);
        Box::pin(async move {
            let result = pass(&self, &key).await;
            self.object_states.note(controller, &key, result);
            result
        })
    }
}

/// What is worked on.
trait QueueKey: ObjectName + Ord + Clone + Send + Sync + 'static {}

impl<K: ObjectName + Ord + Clone + Send + Sync + 'static> QueueKey for K {}

/// How one key is reconciled.
type ReconcileFn<K> = for<'a> fn(&'a Controllers, &'a K) -> BoxFuture<'a, ReconcileResult>;

/// why: upstream spells this one differently in different metrics
fn top_talkers_name(controller: &'static str) -> &'static str {
    match controller {
        BINDINGS => "targetgroupbinding",
        ALB_CONTROLLER => "albgateway",
        NLB_CONTROLLER => "nlbgateway",
        global_accelerator::COMPONENT => "globalaccelerator",
        other => other,
    }
}

fn controller_of(owner: Owner) -> &'static str {
    match owner {
        Owner::Service => SERVICES,
        Owner::Ingress => INGRESSES,
        Owner::AlbGateway => ALB_CONTROLLER,
        Owner::NlbGateway => NLB_CONTROLLER,
    }
}
