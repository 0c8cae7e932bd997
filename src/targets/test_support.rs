//! Objects for tests, each with as little as the test's subject needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::endpoints::{Backing, Endpoint};
use super::target_group_state::{Health, TargetRecord};
use super::view::{
    ClusterView, EndpointView, GateCondition, GateView, NodeView, PodView, Readiness, SliceView,
};
use crate::api::{ObjectKey, Service, TargetGroupBinding};
use crate::aws_api::elbv2::{Target, TargetHealthState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Namespace of everything here.
pub(crate) const NAMESPACE: &str = "shop";
/// Readiness gate of the binding `bind`.
pub(crate) const GATE: &str = "target-health.elbv2.k8s.aws/bind";

/// A cluster made of maps.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestCluster {
    pub services: BTreeMap<ObjectKey, Arc<Service>>,
    pub slices: BTreeMap<ObjectKey, Vec<Arc<SliceView>>>,
    pub pods: BTreeMap<ObjectKey, Arc<PodView>>,
    pub nodes: BTreeMap<String, Arc<NodeView>>,
    pub bindings: BTreeMap<ObjectKey, Arc<TargetGroupBinding>>,
}

impl ClusterView for TestCluster {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key).cloned()
    }
    fn slices(&self, service: &ObjectKey) -> Option<Vec<Arc<SliceView>>> {
        self.slices.get(service).cloned()
    }
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.pods.get(key).cloned()
    }
    fn pods(&self, namespace: &str) -> Vec<Arc<PodView>> {
        self.pods.values().filter(|pod| pod.key.namespace() == namespace).cloned().collect()
    }
    fn node(&self, name: &str) -> Option<Arc<NodeView>> {
        self.nodes.get(name).cloned()
    }
    fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.nodes.values().cloned().collect()
    }
    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>> {
        self.bindings.get(key).cloned()
    }
    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>> {
        self.bindings.values().cloned().collect()
    }
}

/// Anything that can be written as YAML.
pub(crate) fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}

/// Key in [`NAMESPACE`].
pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced(NAMESPACE, name)
}

/// A pod that is ready, number `n`, address `10.0.1.<n>`, on node `node-a`.
pub(crate) fn pod(n: u8) -> PodView {
    PodView {
        key: key(&format!("web-{n}")),
        uid: format!("uid-{n}").into(),
        created_at: 1_700_000_000 + i64::from(n),
        ip: Some(format!("10.0.1.{n}").into()),
        node: Some("node-a".into()),
        containers_ready: true,
        named_ports: [("http".into(), 8080)].into(),
        ..PodView::default()
    }
}

/// The pod with the gate of the binding `bind`, and its condition if there is one.
pub(crate) fn gated(mut pod: PodView, status: Option<&str>) -> PodView {
    let condition = status.map(|status| GateCondition { status: status.into(), ..GateCondition::default() });
    pod.gates = [GateView { condition_type: GATE.into(), condition }].into();
    pod
}

/// The endpoint of a pod on port 8080.
pub(crate) fn endpoint(pod: PodView) -> Endpoint {
    Endpoint {
        id: pod.ip.clone().unwrap(),
        port: 8080,
        quic_server_id: None,
        backing: Backing::Pod(Arc::new(pod)),
    }
}

/// A node that is ready, with an EC2 instance.
pub(crate) fn node(name: &str) -> NodeView {
    NodeView {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        created_at: 1_700_000_000,
        ready: Readiness::True,
        provider_id: format!("aws:///us-west-2a/i-{name}").into(),
        ..NodeView::default()
    }
}

/// The slice entry of a pod.
pub(crate) fn slice_entry(pod: &PodView, is_ready: bool, is_terminating: bool) -> EndpointView {
    EndpointView { address: pod.ip.clone().unwrap(), pod: pod.key.clone(), is_ready, is_terminating }
}

/// Target `10.0.1.<n>:8080`.
pub(crate) fn target(n: u8) -> Target {
    Target { id: format!("10.0.1.{n}").into(), port: Some(8080), ..Target::default() }
}

/// Health as AWS gives it.
pub(crate) fn health(state: TargetHealthState) -> Health {
    Health { state, reason: String::new(), description: String::new() }
}

/// Target `10.0.1.<n>:8080` in this state; `None`: not asked yet.
pub(crate) fn record(n: u8, state: Option<TargetHealthState>) -> TargetRecord {
    TargetRecord::new(target(n), state.map(health))
}
