//! Gather: what the cluster holds about one Gateway, and what is decided about it.

use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, ListenerSet};
use crate::cluster::gateway_stores::{GatewayStores, RouteObject, RouteParent};
use crate::gateway::attachment::{
    ListenerIndex, Offer, ParentOutcome, PortRoutes, attach, by_port, count, undecided_ports,
};
use crate::gateway::backends::{LoadedRule, load};
use crate::gateway::certificate_refs::{self, CertificateRefs};
use crate::gateway::config::GatewayConfig;
use crate::gateway::cost::put_aside;
use crate::gateway::listener_sets::{ListenerSets, sort};
use crate::gateway::listeners::judge;
use crate::gateway::route::{Route, RouteId};
use crate::gateway::status::Observed;
use crate::gateway::{Controller, GatewayOptions};
use crate::settings::gateway::GatewayView;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A Gateway that is served.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What the cluster holds.
    pub stores: &'a GatewayStores,
    /// The Gateway.
    pub gateway: &'a Gateway,
    /// Its namespace and name.
    pub key: &'a ObjectKey,
    /// Which load balancers it has.
    pub controller: Controller,
    /// How Gateways are read.
    pub options: GatewayOptions,
}

/// The objects that name a Gateway, as they are now.
pub struct NamingObjects {
    listener_sets: Vec<Arc<ListenerSet>>,
    /// The routes, each once.
    pub routes: Vec<RouteObject>,
}

/// What is decided about a Gateway.
pub struct Resolved<'a> {
    subject: Subject<'a>,
    config: &'a GatewayConfig,
    objects: &'a [RouteObject],
    pub(super) sets: ListenerSets<'a>,
    pub(super) offer: Offer<'a>,
    routes: Vec<Route<'a>>,
    pub(super) outcomes: Vec<Vec<ParentOutcome>>,
    loaded: Vec<Vec<LoadedRule>>,
    ports: BTreeMap<i32, PortRoutes>,
    undecided_ports: BTreeSet<i32>,
    pub(super) attached_routes: BTreeMap<ListenerIndex, i32>,
    certificate_refs: CertificateRefs,
}

impl NamingObjects {
    /// The ListenerSets and routes that name a Gateway, or named it when their status was written.
    pub fn of(stores: &GatewayStores, key: &ObjectKey, options: GatewayOptions) -> Self {
        let listener_sets =
            if options.listener_sets { stores.listener_sets.list_group(key) } else { Vec::new() };
        let parents = listener_sets.iter().map(|set| RouteParent::ListenerSet(ObjectKey::of(&**set)));
        let mut routes = BTreeMap::new();
        for parent in std::iter::once(RouteParent::Gateway(key.clone())).chain(parents) {
            for object in stores.routes_of_parent(&parent) {
                routes.insert(object.route().id, object);
            }
        }
        Self { listener_sets, routes: routes.into_values().collect() }
    }
}

impl<'a> Resolved<'a> {
    /// Decides about a Gateway with this configuration.
    pub fn new(subject: Subject<'a>, config: &'a GatewayConfig, named: &'a NamingObjects) -> Self {
        let Subject { stores, gateway, key, controller, options } = subject;
        let sets = sort(gateway, named.listener_sets.iter().map(|set| &**set), stores, options);
        let mut judged = judge(gateway, &sets.accepted, controller, options);
        let certificate_refs = certificate_refs::resolve(&mut judged, stores, options);
        let offer = Offer::new(controller, judged, &sets);
        let routes: Vec<Route<'a>> = named.routes.iter().map(RouteObject::route).collect();
        let mut outcomes: Vec<Vec<ParentOutcome>> =
            routes.iter().map(|route| attach(route, key, &offer, stores, options)).collect();
        put_aside(&routes, &mut outcomes);
        let default = config.default_target_group.as_ref();
        let loaded = routes.iter().zip(&outcomes).map(|(route, outcomes)| {
            if outcomes.is_empty() { Vec::new() } else { load(route, default, stores, options) }
        });
        let loaded = loaded.collect();
        let (ports, undecided_ports) = (by_port(&offer, &outcomes), undecided_ports(&offer, &outcomes));
        let attached_routes = count(outcomes.iter().flatten());
        Self {
            subject,
            config,
            objects: &named.routes,
            sets,
            offer,
            routes,
            outcomes,
            loaded,
            ports,
            undecided_ports,
            attached_routes,
            certificate_refs,
        }
    }

    /// For the builder.
    pub fn view(&self) -> GatewayView<'_> {
        let Subject { stores: _, gateway, key, controller, options } = self.subject;
        GatewayView {
            gateway,
            key,
            controller,
            config: self.config,
            offer: &self.offer,
            routes: &self.routes,
            loaded: &self.loaded,
            ports: &self.ports,
            undecided_ports: &self.undecided_ports,
            certificate_refs: &self.certificate_refs,
            is_dry_run: super::is_dry_run(gateway, controller),
            options,
        }
    }

    /// For the status. `offer`: the listeners with what is wrong with them.
    pub(super) fn observed<'b>(&'b self, offer: &'b Offer<'a>) -> Observed<'b> {
        Observed {
            offer,
            attached_routes: &self.attached_routes,
            with_listener_sets: self.subject.options.listener_sets,
        }
    }

    /// What became of the wishes of a route to attach.
    pub fn outcomes_of(&self, number: usize) -> &[ParentOutcome] {
        self.outcomes.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rules of a route, with what they refer to.
    pub fn loaded(&self, number: usize) -> &[LoadedRule] {
        self.loaded.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The route that has a number.
    pub(super) fn route(&self, number: usize) -> Option<&Route<'a>> {
        self.routes.get(number)
    }

    /// Which of the routes this is.
    pub(super) fn number_of(&self, id: &RouteId) -> Option<usize> {
        self.routes.iter().position(|route| route.id == *id)
    }

    /// The routes, as they are cached.
    pub(super) fn route_objects(&self) -> &[RouteObject] {
        self.objects
    }

    /// A route, as it is cached.
    pub(super) fn route_object(&self, number: usize) -> Option<&RouteObject> {
        self.objects.get(number)
    }

    /// About how much there is to build, in bytes.
    pub fn size(&self) -> usize {
        const RULE: usize = 512;
        self.routes.iter().map(|route| route.rules.matches() * RULE).sum()
    }
}
