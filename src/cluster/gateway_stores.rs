//! The objects of Gateway API and of its configuration, watched from when the API server serves their kinds.
//!
//! A cluster without them costs a look at the discovery document now and then. Kinds that come later are watched without a
//! restart.

mod discovery;
mod overlay;
mod routes;

pub use discovery::served;
pub use routes::{RouteObject, RouteParent, parents};

use super::cache::{Cache, CacheEvent};
use super::watch::{WatchScope, follow, follow_cluster};
use crate::api::gateway::{
    Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute, UdpRoute,
};
use crate::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use crate::api::{Namespace, ObjectKey, Service};
use crate::config::Config;
use crate::gateway::config::target;
use crate::gateway::route::{Route, RouteId, RouteKind};
use crate::gateway::{Cluster, Controller, NamespaceSource};
use crate::global_accelerator::KindState;
use crate::take_over;
use discovery::wanted_kinds;
use kube::core::ApiResource;
use kube::{Client, Resource};
use routes::{place, route_places};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use strum::VariantArray as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Between two looks at which kinds there are.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(15);
/// Between two attempts to find out at first.
const DISCOVERY_RETRY: Duration = Duration::from_secs(1);

/// A kind of objects that Gateways are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum GatewayKind {
    /// `GatewayClass`, which has no namespace.
    Class,
    /// `Gateway`, which has a load balancer.
    Gateway,
    /// `ListenerSet`, with more listeners of a Gateway.
    ListenerSet,
    /// `HTTPRoute`, for ALBs.
    HttpRoute,
    /// `GRPCRoute`, for ALBs.
    GrpcRoute,
    /// `TCPRoute`, for NLBs.
    TcpRoute,
    /// `UDPRoute`, for NLBs.
    UdpRoute,
    /// `TLSRoute`, for NLBs.
    TlsRoute,
    /// `ReferenceGrant`, for references across namespaces.
    ReferenceGrant,
    /// `LoadBalancerConfiguration`, of classes and Gateways.
    LoadBalancerConfiguration,
    /// `TargetGroupConfiguration`, of Services and Gateways.
    TargetGroupConfiguration,
    /// `ListenerRuleConfiguration`, of rules of routes.
    ListenerRuleConfiguration,
}

use GatewayKind as Kind;

impl GatewayKind {
    /// How it is called in requests, in the version that is read.
    pub fn resource(self) -> ApiResource {
        fn of<K: Resource<DynamicType = ()>>() -> ApiResource {
            ApiResource::erase::<K>(&())
        }
        match self {
            Self::Class => of::<GatewayClass>(),
            Self::Gateway => of::<Gateway>(),
            Self::ListenerSet => of::<ListenerSet>(),
            Self::HttpRoute => of::<HttpRoute>(),
            Self::GrpcRoute => of::<GrpcRoute>(),
            Self::TcpRoute => of::<TcpRoute>(),
            Self::UdpRoute => of::<UdpRoute>(),
            Self::TlsRoute => of::<TlsRoute>(),
            Self::ReferenceGrant => of::<ReferenceGrant>(),
            Self::LoadBalancerConfiguration => of::<LoadBalancerConfiguration>(),
            Self::TargetGroupConfiguration => of::<TargetGroupConfiguration>(),
            Self::ListenerRuleConfiguration => of::<ListenerRuleConfiguration>(),
        }
    }

    /// Whether the Gateways of a controller cannot be served without it.
    pub fn is_required_by(self, controller: Controller) -> bool {
        match self {
            Self::Class
            | Self::Gateway
            | Self::LoadBalancerConfiguration
            | Self::TargetGroupConfiguration
            | Self::ListenerRuleConfiguration => true,
            Self::HttpRoute | Self::GrpcRoute => controller == Controller::Alb,
            Self::TcpRoute | Self::UdpRoute | Self::TlsRoute => controller == Controller::Nlb,
            Self::ListenerSet | Self::ReferenceGrant => false,
        }
    }
}

/// What has changed.
#[derive(Clone, Debug)]
pub enum GatewayChange {
    /// A GatewayClass has come, changed or gone.
    Class(ObjectKey),
    /// A Gateway has come, changed or gone.
    Gateway(ObjectKey, CacheEvent<Gateway>),
    /// A ListenerSet has come, changed or gone.
    ListenerSet(CacheEvent<ListenerSet>),
    /// A route, with the Gateways and ListenerSets that it names or named.
    Route(RouteId, BTreeSet<RouteParent>),
    /// A ReferenceGrant has come, changed or gone.
    ReferenceGrant(CacheEvent<ReferenceGrant>),
    /// A LoadBalancerConfiguration has come, changed or gone.
    LoadBalancerConfiguration(ObjectKey),
    /// A TargetGroupConfiguration has come, changed or gone.
    TargetGroupConfiguration(ObjectKey, CacheEvent<TargetGroupConfiguration>),
    /// A ListenerRuleConfiguration has come, changed or gone.
    ListenerRuleConfiguration(ObjectKey),
    /// Kinds that were not served before are listed now.
    KindsListed,
}

/// The caches, one a kind.
#[derive(Debug)]
pub struct GatewayStores {
    /// GatewayClasses by name.
    pub classes: Arc<Cache<GatewayClass>>,
    /// Gateways, by class, and by the groups whose load balancers they ask for.
    pub gateways: Arc<Cache<Gateway>>,
    /// ListenerSets, by the Gateway that they name.
    pub listener_sets: Arc<Cache<ListenerSet>>,
    http_routes: Arc<Cache<HttpRoute>>,
    grpc_routes: Arc<Cache<GrpcRoute>>,
    tcp_routes: Arc<Cache<TcpRoute>>,
    udp_routes: Arc<Cache<UdpRoute>>,
    tls_routes: Arc<Cache<TlsRoute>>,
    reference_grants: Arc<Cache<ReferenceGrant>>,
    /// LoadBalancerConfigurations by namespace and name.
    pub load_balancer_configurations: Arc<Cache<LoadBalancerConfiguration>>,
    /// TargetGroupConfigurations, by what they are for.
    pub target_group_configurations: Arc<Cache<TargetGroupConfiguration>>,
    /// ListenerRuleConfigurations by namespace and name.
    pub listener_rule_configurations: Arc<Cache<ListenerRuleConfiguration>>,
    namespaces: Arc<Cache<Namespace>>,
    services: Arc<Cache<Service>>,
    /// The kinds that are watched; `None`: nobody has found out yet.
    watched: watch::Sender<Option<BTreeSet<GatewayKind>>>,
    /// Whether Gateways are served at all, by their feature gates.
    is_on: bool,
    /// Whether GlobalAccelerators need Gateways or ReferenceGrants.
    wanted_for_accelerators: watch::Sender<bool>,
}

/// What GlobalAccelerators read.
const FOR_ACCELERATORS: [GatewayKind; 2] = [Kind::Gateway, Kind::ReferenceGrant];

/// Does something with the cache of a kind, whatever it holds.
macro_rules! with_cache {
    ($stores:expr, $kind:expr, $cache:ident => $act:expr) => {
        match $kind {
            GatewayKind::Class => {
                let $cache = &$stores.classes;
                $act
            }
            GatewayKind::Gateway => {
                let $cache = &$stores.gateways;
                $act
            }
            GatewayKind::ListenerSet => {
                let $cache = &$stores.listener_sets;
                $act
            }
            GatewayKind::HttpRoute => {
                let $cache = &$stores.http_routes;
                $act
            }
            GatewayKind::GrpcRoute => {
                let $cache = &$stores.grpc_routes;
                $act
            }
            GatewayKind::TcpRoute => {
                let $cache = &$stores.tcp_routes;
                $act
            }
            GatewayKind::UdpRoute => {
                let $cache = &$stores.udp_routes;
                $act
            }
            GatewayKind::TlsRoute => {
                let $cache = &$stores.tls_routes;
                $act
            }
            GatewayKind::ReferenceGrant => {
                let $cache = &$stores.reference_grants;
                $act
            }
            GatewayKind::LoadBalancerConfiguration => {
                let $cache = &$stores.load_balancer_configurations;
                $act
            }
            GatewayKind::TargetGroupConfiguration => {
                let $cache = &$stores.target_group_configurations;
                $act
            }
            GatewayKind::ListenerRuleConfiguration => {
                let $cache = &$stores.listener_rule_configurations;
                $act
            }
        }
    };
}
/// Who hears of changes.
pub type OnGatewayChange = Arc<dyn Fn(GatewayChange) + Send + Sync>;

impl GatewayStores {
    /// Empty caches, beside those of namespaces and Services.
    pub fn new(config: &Config, namespaces: Arc<Cache<Namespace>>, services: Arc<Cache<Service>>) -> Self {
        let is_on = config.features.alb_gateway_api || config.features.nlb_gateway_api;
        Self {
            classes: Arc::default(),
            gateways: Arc::new(Cache::grouped(|gateway: &Gateway| {
                let class = ObjectKey::cluster(gateway.spec.gateway_class_name.as_str());
                std::iter::once(class).chain(take_over::request::places(gateway)).collect()
            })),
            listener_sets: Arc::new(Cache::grouped(|set: &ListenerSet| vec![gateway_of(set)])),
            http_routes: Arc::new(Cache::grouped(route_places)),
            grpc_routes: Arc::new(Cache::grouped(route_places)),
            tcp_routes: Arc::new(Cache::grouped(route_places)),
            udp_routes: Arc::new(Cache::grouped(route_places)),
            tls_routes: Arc::new(Cache::grouped(route_places)),
            reference_grants: Arc::default(),
            load_balancer_configurations: Arc::default(),
            target_group_configurations: Arc::new(Cache::grouped(|found: &TargetGroupConfiguration| {
                let key = ObjectKey::of(found);
                target(&found.spec).map(|(kind, name)| place(kind, &key.sibling(name))).into_iter().collect()
            })),
            listener_rule_configurations: Arc::default(),
            namespaces,
            services,
            watched: watch::Sender::new((!is_on).then(BTreeSet::new)),
            is_on,
            wanted_for_accelerators: watch::Sender::new(false),
        }
    }

    /// Has Gateways and ReferenceGrants watched although no Gateway is served.
    pub fn want_for_accelerators(&self) {
        let is_new = self.wanted_for_accelerators.send_if_modified(|wanted| !std::mem::replace(wanted, true));
        if is_new && !self.is_on {
            self.watched.send_replace(None);
        }
    }

    /// Whether Gateways are served at all, by their feature gates.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// How much is known of the objects of a kind.
    pub fn kind_state(&self, kind: GatewayKind) -> KindState {
        let is_looked_for = self.is_on || *self.wanted_for_accelerators.borrow();
        match self.watched.borrow().as_ref().map(|watched| watched.contains(&kind)) {
            Some(true) if self.is_listed(kind) => KindState::Listed,
            Some(false) if is_looked_for => KindState::NotServed,
            _ => KindState::Pending,
        }
    }

    /// Watches kinds from when they are served, until it is dropped.
    pub async fn watch(self: Arc<Self>, client: Client, config: Arc<Config>, changed: OnGatewayChange) {
        let mut wanted = wanted_kinds(&config);
        if !self.is_on {
            let mut for_accelerators = self.wanted_for_accelerators.subscribe();
            // why: the sender lives as long as `self`
            let _ = for_accelerators.wait_for(|is_wanted| *is_wanted).await;
            wanted = BTreeSet::from(FOR_ACCELERATORS);
        }
        let namespace = (!config.watch_namespace.is_empty()).then(|| config.watch_namespace.clone());
        let scope = WatchScope { namespace };
        let mut tasks = JoinSet::new();
        loop {
            match served(&client, &wanted).await {
                Ok(served) => self.watch_kinds(&served, &client, &scope, &changed, &mut tasks).await,
                Err(error) => {
                    tracing::warn!(%error, "kinds of Gateway API cannot be discovered");
                    sleep(DISCOVERY_RETRY).await;
                    continue;
                }
            }
            let is_complete = self.watched.borrow().as_ref() == Some(&wanted);
            if is_complete {
                return std::future::pending().await;
            }
            sleep(DISCOVERY_INTERVAL).await;
        }
    }

    async fn watch_kinds(
        &self,
        served: &BTreeSet<GatewayKind>,
        client: &Client,
        scope: &WatchScope,
        changed: &OnGatewayChange,
        tasks: &mut JoinSet<()>,
    ) {
        let before = self.watched.borrow().clone();
        let known = before.clone().unwrap_or_default();
        let new: Vec<GatewayKind> = served.difference(&known).copied().collect();
        for kind in &new {
            self.watch_kind(*kind, client, scope, changed, tasks);
        }
        self.watched.send_replace(Some(known.union(served).copied().collect()));
        if new.is_empty() {
            return;
        }
        tracing::info!(kinds = ?new, "watching kinds of Gateway API");
        for kind in &new {
            self.listed(*kind).await;
        }
        changed(GatewayChange::KindsListed);
    }

    fn watch_kind(
        &self,
        kind: GatewayKind,
        client: &Client,
        scope: &WatchScope,
        changed: &OnGatewayChange,
        tasks: &mut JoinSet<()>,
    ) {
        let (client, scope, changed) = (client.clone(), scope.clone(), changed.clone());
        macro_rules! watch {
            ($cache:ident, $change:expr) => {{
                let tell = move |key: &ObjectKey, event| changed($change(key.clone(), event));
                tasks.spawn(follow(client, scope, self.$cache.clone(), std::convert::identity, tell));
            }};
        }
        match kind {
            Kind::Class => {
                let tell = move |key: &ObjectKey, _| changed(GatewayChange::Class(key.clone()));
                let cache = self.classes.clone();
                tasks.spawn(follow_cluster(client, cache, std::convert::identity, tell));
            }
            Kind::Gateway => watch!(gateways, GatewayChange::Gateway),
            Kind::ListenerSet => watch!(listener_sets, |_, event| GatewayChange::ListenerSet(event)),
            Kind::HttpRoute => watch!(http_routes, |_, event| route_change(&event)),
            Kind::GrpcRoute => watch!(grpc_routes, |_, event| route_change(&event)),
            Kind::TcpRoute => watch!(tcp_routes, |_, event| route_change(&event)),
            Kind::UdpRoute => watch!(udp_routes, |_, event| route_change(&event)),
            Kind::TlsRoute => watch!(tls_routes, |_, event| route_change(&event)),
            Kind::ReferenceGrant => watch!(reference_grants, |_, event| GatewayChange::ReferenceGrant(event)),
            Kind::LoadBalancerConfiguration => {
                watch!(load_balancer_configurations, |key, _| GatewayChange::LoadBalancerConfiguration(key));
            }
            Kind::TargetGroupConfiguration => {
                watch!(target_group_configurations, GatewayChange::TargetGroupConfiguration);
            }
            Kind::ListenerRuleConfiguration => {
                watch!(listener_rule_configurations, |key, _| GatewayChange::ListenerRuleConfiguration(key));
            }
        }
    }

    /// Asks for everything that is watched to be listed again.
    pub fn refresh(&self) {
        for kind in self.watched_kinds() {
            with_cache!(self, kind, cache => cache.refresh());
        }
    }

    /// Waits until everything that is watched is listed, as fresh as was asked for last.
    pub async fn synced(&self) {
        let mut watched = self.watched.subscribe();
        // why: the sender lives as long as `self`
        let _ = watched.wait_for(Option::is_some).await;
        for kind in self.watched_kinds() {
            self.listed(kind).await;
        }
    }

    async fn listed(&self, kind: GatewayKind) {
        with_cache!(self, kind, cache => cache.synced().await);
    }

    /// Whether everything is listed that Gateways are made of. What is watched for GlobalAccelerators alone does not count:
    /// these wait for it themselves, and nobody else has to.
    pub fn is_synced(&self) -> bool {
        !self.is_on || self.is_listed_all()
    }

    fn is_listed_all(&self) -> bool {
        let is_known = self.watched.borrow().is_some();
        is_known && self.watched_kinds().into_iter().all(|kind| self.is_listed(kind))
    }

    fn is_listed(&self, kind: GatewayKind) -> bool {
        with_cache!(self, kind, cache => cache.is_synced())
    }

    /// Whether everything is listed that the Gateways of a controller need.
    pub fn can_serve(&self, controller: Controller) -> bool {
        let watched = self.watched_kinds();
        let mut required = Kind::VARIANTS.iter().filter(|kind| kind.is_required_by(controller));
        required.all(|kind| watched.contains(kind)) && self.is_synced()
    }

    fn watched_kinds(&self) -> BTreeSet<GatewayKind> {
        self.watched.borrow().clone().unwrap_or_default()
    }

    /// The routes with a parent, by kind and name.
    pub fn routes_of_parent(&self, parent: &RouteParent) -> Vec<RouteObject> {
        self.routes_at(&parent.place())
    }

    /// The routes with a backend of a kind.
    pub fn routes_of_backend(&self, kind: &str, key: &ObjectKey) -> Vec<RouteObject> {
        self.routes_at(&place(kind, key))
    }

    /// The routes with a ListenerRuleConfiguration.
    pub fn routes_of_rule(&self, key: &ObjectKey) -> Vec<RouteObject> {
        self.routes_at(&place("rule", key))
    }

    fn routes_at(&self, place: &ObjectKey) -> Vec<RouteObject> {
        let http = self.http_routes.list_group(place).into_iter().map(RouteObject::Http);
        let grpc = self.grpc_routes.list_group(place).into_iter().map(RouteObject::Grpc);
        let tcp = self.tcp_routes.list_group(place).into_iter().map(RouteObject::Tcp);
        let udp = self.udp_routes.list_group(place).into_iter().map(RouteObject::Udp);
        let tls = self.tls_routes.list_group(place).into_iter().map(RouteObject::Tls);
        http.chain(grpc).chain(tcp).chain(udp).chain(tls).collect()
    }

    /// The routes of a kind in a namespace.
    pub fn routes_in(&self, kind: RouteKind, namespace: &str) -> Vec<RouteObject> {
        match kind {
            RouteKind::Http => {
                self.http_routes.list_namespace(namespace).into_iter().map(RouteObject::Http).collect()
            }
            RouteKind::Grpc => {
                self.grpc_routes.list_namespace(namespace).into_iter().map(RouteObject::Grpc).collect()
            }
            RouteKind::Tcp => {
                self.tcp_routes.list_namespace(namespace).into_iter().map(RouteObject::Tcp).collect()
            }
            RouteKind::Udp => {
                self.udp_routes.list_namespace(namespace).into_iter().map(RouteObject::Udp).collect()
            }
            RouteKind::Tls => {
                self.tls_routes.list_namespace(namespace).into_iter().map(RouteObject::Tls).collect()
            }
        }
    }
}

/// The Gateway that a ListenerSet names.
pub fn gateway_of(set: &ListenerSet) -> ObjectKey {
    let parent = &set.spec.parent_ref;
    let own = set.metadata.namespace.as_deref().unwrap_or_default();
    ObjectKey::namespaced(parent.namespace.as_deref().unwrap_or(own), parent.name.as_str())
}

fn route_change<R>(event: &CacheEvent<R>) -> GatewayChange
where
    for<'a> Route<'a>: From<&'a R>,
{
    let (old, new) = event.sides();
    let (old, new) = (old.map(Route::from), new.map(Route::from));
    let id = Route::from(&**event.latest()).id;
    // why: of a route whose spec is as it was, only the status has changed, which nobody else reads
    let is_same = matches!((&old, &new), (Some(old), Some(new)) if old.generation == new.generation && old.created == new.created);
    let sides = old.iter().chain(&new).filter(|_| !is_same);
    GatewayChange::Route(id, sides.flat_map(parents).collect())
}

impl NamespaceSource for GatewayStores {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces.get(&ObjectKey::cluster(name))
    }
}

impl Cluster for GatewayStores {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key)
    }

    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        self.gateways.get(key)
    }

    fn reference_grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>> {
        self.reference_grants.list_namespace(namespace)
    }

    fn load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        self.load_balancer_configurations.get(key)
    }

    fn target_group_configuration(&self, key: &ObjectKey) -> Option<Arc<TargetGroupConfiguration>> {
        self.target_group_configurations.get(key)
    }

    fn target_group_configuration_of(
        &self,
        kind: &str,
        target: &ObjectKey,
    ) -> Option<Arc<TargetGroupConfiguration>> {
        self.target_group_configurations.list_group(&place(kind, target)).into_iter().next()
    }

    fn listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        self.listener_rule_configurations.get(key)
    }
}
