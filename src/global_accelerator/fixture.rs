//! GlobalAccelerators and what they refer to, for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value)] // why: manifests are written in place

use super::{AcceleratorFacts, EndpointObjects, KindState, LoadBalancer};
use crate::api::gateway::{Gateway, ReferenceGrant};
use crate::api::global_accelerator::GlobalAccelerator;
use crate::api::{Ingress, ObjectKey, Service};
use crate::config::Config;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The objects of a cluster.
#[derive(Default)]
pub(crate) struct EndpointFixture {
    pub services: BTreeMap<ObjectKey, Arc<Service>>,
    pub ingresses: BTreeMap<ObjectKey, Arc<Ingress>>,
    pub gateways: BTreeMap<ObjectKey, Arc<Gateway>>,
    pub grants: Vec<Arc<ReferenceGrant>>,
    pub has_no_gateway_api: bool,
}

pub(crate) fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("shop", name)
}

/// A GlobalAccelerator `shop/edge`.
pub(crate) fn accelerator(spec: Value) -> GlobalAccelerator {
    object(json!({
        "apiVersion": "aga.k8s.aws/v1beta1", "kind": "GlobalAccelerator",
        "metadata": {"name": "edge", "namespace": "shop", "uid": "uid-1", "generation": 2}, "spec": spec,
    }))
}

/// A spec with one listener without protocol and ports, for one endpoint.
pub(crate) fn open_listener(endpoint: Value) -> Value {
    json!({"listeners": [{"endpointGroups": [{"endpoints": [endpoint]}]}]})
}

/// A Service with a load balancer that listens on these ports.
pub(crate) fn service(namespace: &str, name: &str, ports: &[(i32, &str)]) -> Arc<Service> {
    let ports: Vec<Value> =
        ports.iter().map(|(port, protocol)| json!({"port": port, "protocol": protocol})).collect();
    Arc::new(object(json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": [{"hostname": host(name), "ports": ports}]}},
    })))
}

pub(crate) fn host(name: &str) -> String {
    format!("{name}-0123456789abcdef.elb.us-west-2.amazonaws.com")
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/{name}/0123456789abcdef")
}

/// What AWS says of load balancers with these names.
pub(crate) fn facts(names: &[&str]) -> AcceleratorFacts {
    let known = names.iter().map(|name| (host(name), LoadBalancer::Ready(arn(name))));
    AcceleratorFacts { load_balancers: known.collect(), ..AcceleratorFacts::default() }
}

pub(crate) fn config() -> Config {
    Config { cluster_name: "demo".to_owned(), region: "us-west-2".to_owned(), ..Config::default() }
}

impl EndpointFixture {
    pub(crate) fn with_service(mut self, service: Arc<Service>) -> Self {
        self.services.insert(ObjectKey::of(&*service), service);
        self
    }
}

impl EndpointObjects for EndpointFixture {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key).cloned()
    }

    fn ingress(&self, key: &ObjectKey) -> Option<Arc<Ingress>> {
        self.ingresses.get(key).cloned()
    }

    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        self.gateways.get(key).cloned()
    }

    fn gateways(&self) -> KindState {
        if self.has_no_gateway_api { KindState::NotServed } else { KindState::Listed }
    }

    fn grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>> {
        let is_there = |grant: &&Arc<ReferenceGrant>| grant.metadata.namespace.as_deref() == Some(namespace);
        self.grants.iter().filter(is_there).cloned().collect()
    }

    fn all_grants(&self) -> KindState {
        self.gateways()
    }
}
