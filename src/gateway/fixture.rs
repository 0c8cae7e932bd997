//! A cluster, written as manifests.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::attachment::{Offer, ParentOutcome, attach};
use super::listener_sets::{ListenerSets, sort};
use super::listeners::judge;
use super::route::Route;
use super::{Cluster, Controller, GatewayOptions, NamespaceSource, config};
use crate::api::gateway::{
    Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute, UdpRoute,
};
use crate::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use crate::api::{Namespace, ObjectKey, Service};

/// As upstream, with ListenerSets.
pub(super) const LENIENT: GatewayOptions =
    GatewayOptions { strict: false, listener_sets: true, secret_certificates: false };
/// As Gateway API.
pub(super) const STRICT: GatewayOptions =
    GatewayOptions { strict: true, listener_sets: true, secret_certificates: false };

/// What a cluster holds.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) namespaces: Vec<Arc<Namespace>>,
    pub(super) services: Vec<Arc<Service>>,
    pub(super) classes: Vec<Arc<GatewayClass>>,
    pub(super) gateways: Vec<Arc<Gateway>>,
    pub(super) sets: Vec<Arc<ListenerSet>>,
    pub(super) grants: Vec<Arc<ReferenceGrant>>,
    pub(super) load_balancers: Vec<Arc<LoadBalancerConfiguration>>,
    pub(super) target_groups: Vec<Arc<TargetGroupConfiguration>>,
    pub(super) rules: Vec<Arc<ListenerRuleConfiguration>>,
    pub(super) http: Vec<Arc<HttpRoute>>,
    pub(super) grpc: Vec<Arc<GrpcRoute>>,
    pub(super) tcp: Vec<Arc<TcpRoute>>,
    pub(super) udp: Vec<Arc<UdpRoute>>,
    pub(super) tls: Vec<Arc<TlsRoute>>,
}

impl World {
    /// The objects of a YAML stream. Metadata may stand as `name: namespace/name`.
    pub(super) fn read(text: &str) -> Self {
        let mut world = Self::default();
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
        documents.into_iter().filter(|document| !document.is_null()).for_each(|document| world.add(document));
        world
    }

    fn add(&mut self, mut object: Value) {
        place(&mut object);
        let kind = object["kind"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "Namespace" => self.namespaces.push(read(object)),
            "Service" => self.services.push(read(object)),
            "GatewayClass" => self.classes.push(read(object)),
            "Gateway" => self.gateways.push(read(object)),
            "ListenerSet" => self.sets.push(read(object)),
            "ReferenceGrant" => self.grants.push(read(object)),
            "LoadBalancerConfiguration" => self.load_balancers.push(read(object)),
            "TargetGroupConfiguration" => self.target_groups.push(read(object)),
            "ListenerRuleConfiguration" => self.rules.push(read(object)),
            "HTTPRoute" => self.http.push(read(object)),
            "GRPCRoute" => self.grpc.push(read(object)),
            "TCPRoute" => self.tcp.push(read(object)),
            "UDPRoute" => self.udp.push(read(object)),
            "TLSRoute" => self.tls.push(read(object)),
            other => panic!("{other}"),
        }
    }

    /// The routes of all kinds.
    pub(super) fn routes(&self) -> Vec<Route<'_>> {
        let http = self.http.iter().map(|route| Route::from(&**route));
        let grpc = self.grpc.iter().map(|route| Route::from(&**route));
        let tcp = self.tcp.iter().map(|route| Route::from(&**route));
        let udp = self.udp.iter().map(|route| Route::from(&**route));
        let tls = self.tls.iter().map(|route| Route::from(&**route));
        http.chain(grpc).chain(tcp).chain(udp).chain(tls).collect()
    }

    /// The ListenerSets, by what the first Gateway makes of them.
    pub(super) fn sorted_sets(&self, options: GatewayOptions) -> ListenerSets<'_> {
        sort(&self.gateways[0], self.sets.iter().map(|set| &**set), self, options)
    }

    /// What the first Gateway offers.
    pub(super) fn offer(&self, controller: Controller, options: GatewayOptions) -> Offer<'_> {
        let sets = self.sorted_sets(options);
        Offer::new(controller, judge(&self.gateways[0], &sets.accepted, controller, options), &sets)
    }

    /// What the first Gateway makes of every route.
    pub(super) fn outcomes(&self, offer: &Offer<'_>, options: GatewayOptions) -> Vec<Vec<ParentOutcome>> {
        let key = ObjectKey::of(&*self.gateways[0]);
        self.routes().iter().map(|route| attach(route, &key, offer, self, options)).collect()
    }
}

/// `name: a/b` at the top becomes metadata.
fn place(object: &mut Value) {
    let Some(name) = object.as_object_mut().unwrap().remove("name") else { return };
    let key: ObjectKey = name.as_str().unwrap().parse().unwrap();
    object["metadata"]["name"] = key.name().into();
    if !key.namespace().is_empty() {
        object["metadata"]["namespace"] = key.namespace().into();
    }
}

fn read<T: DeserializeOwned>(mut object: Value) -> Arc<T> {
    if object.get("apiVersion").is_none() {
        object["apiVersion"] = "v1".into();
    }
    Arc::new(serde_json::from_value(object).unwrap())
}

fn find<K: kube::Resource>(objects: &[Arc<K>], key: &ObjectKey) -> Option<Arc<K>> {
    objects.iter().find(|object| ObjectKey::of(&***object) == *key).cloned()
}

fn of_namespace<K: kube::Resource>(objects: &[Arc<K>], namespace: &str) -> Vec<Arc<K>> {
    let own = objects.iter().filter(|object| ObjectKey::of(&***object).namespace() == namespace);
    let mut own: Vec<_> = own.cloned().collect();
    own.sort_by_key(|object| ObjectKey::of(&**object));
    own
}

impl NamespaceSource for World {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        find(&self.namespaces, &ObjectKey::cluster(name))
    }
}

impl Cluster for World {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        find(&self.services, key)
    }

    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        find(&self.gateways, key)
    }

    fn reference_grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>> {
        of_namespace(&self.grants, namespace)
    }

    fn load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        find(&self.load_balancers, key)
    }

    fn target_group_configuration(&self, key: &ObjectKey) -> Option<Arc<TargetGroupConfiguration>> {
        find(&self.target_groups, key)
    }

    fn target_group_configuration_of(
        &self,
        kind: &str,
        target: &ObjectKey,
    ) -> Option<Arc<TargetGroupConfiguration>> {
        let own = of_namespace(&self.target_groups, target.namespace());
        own.into_iter().find(|found| config::target(&found.spec) == Some((kind, target.name())))
    }

    fn listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        find(&self.rules, key)
    }
}
