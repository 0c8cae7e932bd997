//! The cluster as it is, with one Service read afresh.

use crate::api::{ObjectKey, Service, TargetGroupBinding};
use crate::deploy::targets::traits::ServiceEndpoints;
use crate::targets::view::{ClusterView, NodeView, PodView, SliceView};
use std::sync::Arc;

/// The caches' view, but for one Service and its endpoints.
pub(super) struct ConfirmedView<'a> {
    cached: &'a dyn ClusterView,
    key: ObjectKey,
    service: Option<Arc<Service>>,
    slices: Option<Vec<Arc<SliceView>>>,
}

impl<'a> ConfirmedView<'a> {
    pub(super) fn new(cached: &'a dyn ClusterView, key: ObjectKey, backend: ServiceEndpoints) -> Self {
        let ServiceEndpoints { service, slices } = backend;
        let slices = slices.map(|slices| slices.into_iter().map(Arc::new).collect());
        Self { cached, key, service: service.map(Arc::new), slices }
    }
}

impl ClusterView for ConfirmedView<'_> {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        if *key == self.key { self.service.clone() } else { self.cached.service(key) }
    }

    fn slices(&self, service: &ObjectKey) -> Option<Vec<Arc<SliceView>>> {
        if *service == self.key { self.slices.clone() } else { self.cached.slices(service) }
    }

    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.cached.pod(key)
    }

    fn pods(&self, namespace: &str) -> Vec<Arc<PodView>> {
        self.cached.pods(namespace)
    }

    fn node(&self, name: &str) -> Option<Arc<NodeView>> {
        self.cached.node(name)
    }

    fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.cached.nodes()
    }

    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>> {
        self.cached.binding(key)
    }

    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>> {
        self.cached.bindings()
    }
}
