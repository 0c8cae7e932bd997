//! Everything the controller watches, and the watches themselves.

pub mod places;

use super::accelerator_store::{AcceleratorStore, needs_gateway_api};
use super::cache::{Cache, CacheEvent};
use super::gateway_stores::{GatewayChange, GatewayKind, GatewayStores};
use super::watch::{WatchScope, follow, follow_cluster, follow_trimmed, follow_trimmed_cluster};
use crate::api::gateway::{Gateway, ReferenceGrant};
use crate::api::{
    EndpointSlice, Endpoints, GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Namespace, Node,
    ObjectKey, Pod, Service, TargetGroupBinding,
};
use crate::config::Config;
use crate::facts::group::Namespaces;
use crate::gateway::Cluster as _;
use crate::global_accelerator::{EndpointObjects, KindState};
use crate::targets::view::{ClusterView, NodeView, PodView, SliceView};
use kube::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many of the last changes of bindings are told apart.
const CHANGE_LOG: usize = 1024;

/// The caches, one a kind.
#[derive(Debug)]
pub struct Stores {
    /// Services, by the Services that their listener actions forward to.
    pub services: Arc<Cache<Service>>,
    /// Ingresses, by where their groups look for them and by the Services they refer to.
    pub ingresses: Arc<Cache<Ingress>>,
    /// IngressClasses by name.
    pub ingress_classes: Arc<Cache<IngressClass>>,
    /// IngressClassParams by name.
    pub ingress_class_params: Arc<Cache<IngressClassParams>>,
    /// Namespaces, reduced to name and labels.
    pub namespaces: Arc<Cache<Namespace>>,
    /// TargetGroupBindings, by target group and by the role they name (the ARN as the name), by their Service, by the stack they
    /// belong to, and those of nodes together.
    pub bindings: Arc<Cache<TargetGroupBinding>>,
    /// EndpointSlices, by Service.
    pub slices: Arc<Cache<SliceView>>,
    /// Endpoints, one view a subset; watched instead of EndpointSlices when the flag says so.
    pub endpoints: Arc<Cache<Vec<Arc<SliceView>>>>,
    /// Pods by namespace and name.
    pub pods: Arc<Cache<PodView>>,
    /// Nodes by name.
    pub nodes: Arc<Cache<NodeView>>,
    /// Gateways and what they are made of.
    pub gateways: Arc<GatewayStores>,
    /// GlobalAccelerators, if their gate is on.
    pub accelerators: Arc<AcceleratorStore>,
    use_slices: bool,
}

/// What is told about every change, before anything acts on it.
pub trait EventHandler: Send + Sync + 'static {
    /// A Service changed.
    fn service(&self, key: &ObjectKey, change: CacheEvent<Service>);
    /// An Ingress changed.
    fn ingress(&self, key: &ObjectKey, change: CacheEvent<Ingress>);
    /// An IngressClass changed.
    fn ingress_class(&self, key: &ObjectKey, change: CacheEvent<IngressClass>);
    /// IngressClassParams have come, changed or gone.
    fn ingress_class_params(&self, key: &ObjectKey, change: CacheEvent<IngressClassParams>);
    /// A Namespace changed.
    fn namespace(&self, key: &ObjectKey, change: CacheEvent<Namespace>);
    /// A TargetGroupBinding changed.
    fn binding(&self, key: &ObjectKey, change: CacheEvent<TargetGroupBinding>);
    /// The endpoints of a Service changed.
    fn endpoints(&self, service: &ObjectKey);
    /// A pod changed.
    fn pod(&self, key: &ObjectKey, change: CacheEvent<PodView>);
    /// A node changed.
    fn node(&self, key: &ObjectKey, change: CacheEvent<NodeView>);
    /// Something of Gateway API changed.
    fn gateway(&self, change: GatewayChange);
    /// A GlobalAccelerator changed.
    fn global_accelerator(&self, key: &ObjectKey, change: CacheEvent<GlobalAccelerator>);
}

impl Stores {
    /// Caches that hold nothing yet.
    pub fn new(config: &Config) -> Self {
        let (services, namespaces) = (Arc::new(Cache::grouped(places::of_service)), Arc::default());
        Self {
            gateways: Arc::new(GatewayStores::new(config, Arc::clone(&namespaces), Arc::clone(&services))),
            services,
            ingresses: Arc::new(Cache::grouped(places::of_ingress)),
            ingress_classes: Arc::default(),
            ingress_class_params: Arc::default(),
            namespaces,
            bindings: Arc::new(Cache::grouped(places::of_binding).with_change_log(CHANGE_LOG)),
            slices: Arc::new(Cache::grouped(|slice| vec![slice.service.clone()])),
            endpoints: Arc::default(),
            pods: Arc::default(),
            nodes: Arc::default(),
            accelerators: Arc::new(AcceleratorStore::new(config)),
            use_slices: config.enable_endpoint_slices,
        }
    }

    /// Starts every watch.
    pub fn watch(
        &self,
        client: &Client,
        config: &Arc<Config>,
        listener: &Arc<dyn EventHandler>,
        tasks: &mut JoinSet<()>,
    ) {
        let namespace = (!config.watch_namespace.is_empty()).then(|| config.watch_namespace.clone());
        let scope = WatchScope { namespace };
        macro_rules! watch {
            ($follow:ident, $cache:ident, $project:expr, $changed:ident $(, $scope:expr)?) => {{
                let listener = listener.clone();
                let changed = move |key: &ObjectKey, change| listener.$changed(key, change);
                tasks.spawn($follow(client.clone(), $($scope.clone(),)? self.$cache.clone(), $project, changed));
            }};
        }
        watch!(follow, services, |service: Service| service, service, scope);
        watch!(follow, ingresses, |ingress: Ingress| ingress, ingress, scope);
        watch!(follow_cluster, ingress_classes, |class: IngressClass| class, ingress_class);
        watch!(
            follow_cluster,
            ingress_class_params,
            |params: IngressClassParams| params,
            ingress_class_params
        );
        watch!(follow_cluster, namespaces, labels_only, namespace);
        watch!(follow, bindings, |binding: TargetGroupBinding| binding, binding, scope);
        watch!(follow_trimmed_cluster, nodes, |node: Node| NodeView::from_node(&node), node);
        let variable = config.quic_environment_variable_name.clone();
        watch!(follow_trimmed, pods, move |pod: Pod| PodView::from_pod(&pod, &variable), pod, scope);
        self.watch_endpoints(client, &scope, listener, tasks);
        let heard = listener.clone();
        let changed = Arc::new(move |change| heard.gateway(change));
        tasks.spawn(self.gateways.clone().watch(client.clone(), config.clone(), changed));
        let (listener, gateways) = (listener.clone(), self.gateways.clone());
        let changed = move |key: &ObjectKey, change: CacheEvent<GlobalAccelerator>| {
            if needs_gateway_api(change.latest()) {
                gateways.want_for_accelerators();
            }
            listener.global_accelerator(key, change);
        };
        tasks.spawn(self.accelerators.clone().watch(client.clone(), scope, changed));
    }

    fn watch_endpoints(
        &self,
        client: &Client,
        scope: &WatchScope,
        listener: &Arc<dyn EventHandler>,
        tasks: &mut JoinSet<()>,
    ) {
        let listener = listener.clone();
        let (client, scope) = (client.clone(), scope.clone());
        if self.use_slices {
            let changed = move |_: &ObjectKey, change: CacheEvent<SliceView>| {
                if let CacheEvent::Applied { old: Some(old), new } = &change
                    && old.service != new.service
                {
                    listener.endpoints(&old.service);
                }
                listener.endpoints(&change.latest().service);
            };
            let project = |slice: EndpointSlice| SliceView::from_slice(&slice).unwrap_or_default();
            tasks.spawn(follow_trimmed(client, scope, self.slices.clone(), project, changed));
        } else {
            let changed = move |key: &ObjectKey, _: CacheEvent<Vec<Arc<SliceView>>>| listener.endpoints(key);
            let project = |endpoints: Endpoints| -> Vec<Arc<SliceView>> {
                SliceView::from_endpoints(&endpoints).into_iter().map(Arc::new).collect()
            };
            tasks.spawn(follow(client, scope, self.endpoints.clone(), project, changed));
        }
    }

    /// Asks for everything to be listed again, because changes can have been missed.
    pub fn refresh(&self) {
        let Self {
            services,
            ingresses,
            ingress_classes,
            ingress_class_params,
            namespaces,
            bindings,
            slices,
            endpoints,
            pods,
            nodes,
            gateways,
            accelerators,
            use_slices: _,
        } = self;
        services.refresh();
        ingresses.refresh();
        ingress_classes.refresh();
        ingress_class_params.refresh();
        namespaces.refresh();
        bindings.refresh();
        slices.refresh();
        endpoints.refresh();
        pods.refresh();
        nodes.refresh();
        gateways.refresh();
        accelerators.refresh();
    }

    /// Whether every cache is complete.
    pub fn is_synced(&self) -> bool {
        let of_endpoints = if self.use_slices { self.slices.is_synced() } else { self.endpoints.is_synced() };
        of_endpoints
            && self.services.is_synced()
            && self.ingresses.is_synced()
            && self.ingress_classes.is_synced()
            && self.ingress_class_params.is_synced()
            && self.namespaces.is_synced()
            && self.bindings.is_synced()
            && self.nodes.is_synced()
            && self.pods.is_synced()
            && self.gateways.is_synced()
            && self.accelerators.is_synced()
    }

    /// The kinds that have not been listed yet, as kubectl calls them.
    pub fn unlisted(&self) -> Vec<&'static str> {
        let of_endpoints = if self.use_slices {
            ("endpointslices", self.slices.is_synced())
        } else {
            ("endpoints", self.endpoints.is_synced())
        };
        let kinds = [
            of_endpoints,
            ("services", self.services.is_synced()),
            ("ingresses", self.ingresses.is_synced()),
            ("ingressclasses", self.ingress_classes.is_synced()),
            ("ingressclassparams", self.ingress_class_params.is_synced()),
            ("namespaces", self.namespaces.is_synced()),
            ("targetgroupbindings", self.bindings.is_synced()),
            ("nodes", self.nodes.is_synced()),
            ("pods", self.pods.is_synced()),
            ("gateways and what they are made of", self.gateways.is_synced()),
            ("globalaccelerators", self.accelerators.is_synced()),
        ];
        kinds.into_iter().filter(|(_, is_listed)| !is_listed).map(|(name, _)| name).collect()
    }

    /// Waits until every cache is complete, and as fresh as was asked for last.
    pub async fn synced(&self) {
        self.services.synced().await;
        self.ingresses.synced().await;
        self.ingress_classes.synced().await;
        self.ingress_class_params.synced().await;
        self.namespaces.synced().await;
        self.bindings.synced().await;
        self.nodes.synced().await;
        self.pods.synced().await;
        self.accelerators.synced().await;
        self.gateways.synced().await;
        if self.use_slices { self.slices.synced().await } else { self.endpoints.synced().await }
    }
}

fn labels_only(namespace: Namespace) -> Namespace {
    let mut reduced = Namespace::default();
    reduced.metadata.name = namespace.metadata.name;
    reduced.metadata.labels = namespace.metadata.labels;
    reduced
}

impl ClusterView for Stores {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key)
    }

    fn slices(&self, service: &ObjectKey) -> Option<Vec<Arc<SliceView>>> {
        if self.use_slices {
            Some(self.slices.list_group(service))
        } else {
            self.endpoints.get(service).map(|subsets| subsets.to_vec())
        }
    }

    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.pods.get(key)
    }

    fn pods(&self, namespace: &str) -> Vec<Arc<PodView>> {
        self.pods.list_namespace(namespace)
    }

    fn node(&self, name: &str) -> Option<Arc<NodeView>> {
        self.nodes.get(&ObjectKey::cluster(name))
    }

    fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.nodes.list()
    }

    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>> {
        self.bindings.get(key)
    }

    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>> {
        self.bindings.list()
    }

    fn changed_bindings(&self, since: u64) -> (u64, Option<BTreeSet<ObjectKey>>) {
        self.bindings.changed_since(since)
    }
}

impl Namespaces for Cache<Namespace> {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.get(&ObjectKey::cluster(name))
    }
}

impl EndpointObjects for Stores {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key)
    }

    fn ingress(&self, key: &ObjectKey) -> Option<Arc<Ingress>> {
        self.ingresses.get(key)
    }

    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        self.gateways.gateways.get(key)
    }

    fn gateways(&self) -> KindState {
        self.gateways.kind_state(GatewayKind::Gateway)
    }

    fn grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>> {
        self.gateways.reference_grants(namespace)
    }

    fn all_grants(&self) -> KindState {
        self.gateways.kind_state(GatewayKind::ReferenceGrant)
    }
}
