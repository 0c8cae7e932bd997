//! A cluster in memory: what the binding controller reads from caches, writes, and reads past the caches.

use aws_load_balancer_controller::api::meta::TARGET_GROUP_BINDING_FINALIZER;
use aws_load_balancer_controller::api::{
    ConfigMap, ObjectKey, PodCondition, Service, TargetGroupBinding, Time,
};
use aws_load_balancer_controller::deploy::targets::traits::{
    ApiFailure, ApiFuture, BindingApi, BindingEvent, ServiceEndpoints,
};
use aws_load_balancer_controller::targets::view::{
    AddressFamily, ClusterView, EndpointView, GateCondition, NodeView, PodView, SliceView,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Objects of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub services: BTreeMap<ObjectKey, Arc<Service>>,
    pub endpoints: BTreeMap<ObjectKey, Vec<EndpointView>>,
    pub pods: BTreeMap<ObjectKey, Arc<PodView>>,
    pub nodes: BTreeMap<String, Arc<NodeView>>,
    pub bindings: BTreeMap<ObjectKey, Arc<TargetGroupBinding>>,
    pub config_maps: BTreeMap<ObjectKey, ConfigMap>,
}

#[derive(Debug, Default)]
struct State {
    stored: Objects,
    cached: Objects,
    version: u64,
    writes: usize,
    refuses_annotations: bool,
    events: BTreeSet<(String, &'static str, String)>,
}

/// The cluster. What is edited is stored; caches see it at once, unless they are told to lag behind.
#[derive(Debug, Default)]
pub(crate) struct TestCluster(Mutex<State>);

impl TestCluster {
    /// Changes what is stored, and what caches see.
    pub(crate) fn edit(&self, edit: impl Fn(&mut Objects)) {
        let mut state = self.0.lock().unwrap();
        edit(&mut state.stored);
        edit(&mut state.cached);
    }

    /// Changes what caches see only.
    pub(crate) fn mislead(&self, edit: impl Fn(&mut Objects)) {
        edit(&mut self.0.lock().unwrap().cached);
    }

    /// Lets caches see what is stored.
    pub(crate) fn catch_up(&self) {
        let mut state = self.0.lock().unwrap();
        state.cached = state.stored.clone();
    }

    /// Looks at what is stored.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Objects) -> T) -> T {
        look(&self.0.lock().unwrap().stored)
    }

    /// Makes the webhook of bindings refuse every patch of their annotations, or not any more.
    pub(crate) fn refuse_annotations(&self, refuse: bool) {
        self.0.lock().unwrap().refuses_annotations = refuse;
    }

    /// Reasons of the events on a binding so far, and their messages.
    pub(crate) fn events(&self, binding: &str) -> Vec<(&'static str, String)> {
        let state = self.0.lock().unwrap();
        let own = state.events.iter().filter(|(name, ..)| name == binding);
        own.map(|(_, reason, message)| (*reason, message.clone())).collect()
    }

    /// How many writes there were so far.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    fn write<T>(&self, write: impl Fn(&mut Objects, u64) -> Result<T, ApiFailure>) -> Result<T, ApiFailure> {
        let mut state = self.0.lock().unwrap();
        state.writes += 1;
        state.version += 1;
        let version = state.version;
        let written = write(&mut state.stored, version)?;
        // why: the object itself may be missing in a cache that lags; that is the cache's problem
        let _ = write(&mut state.cached, version);
        Ok(written)
    }
}

fn missing(key: &ObjectKey) -> ApiFailure {
    ApiFailure::NotFound(format!("\"{key}\" not found"))
}

impl Objects {
    fn change_binding(
        &mut self,
        key: &ObjectKey,
        version: u64,
        change: impl FnOnce(&mut TargetGroupBinding),
    ) -> Result<(), ApiFailure> {
        let binding = self.bindings.get_mut(key).ok_or_else(|| missing(key))?;
        let binding = Arc::make_mut(binding);
        change(binding);
        binding.metadata.resource_version = Some(version.to_string());
        let no_finalizers = binding.metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        if no_finalizers && binding.metadata.deletion_timestamp.is_some() {
            self.bindings.remove(key);
        }
        Ok(())
    }

    fn slices(&self, service: &ObjectKey) -> Vec<SliceView> {
        let endpoints = self.endpoints.get(service).cloned().unwrap_or_default();
        vec![SliceView {
            service: service.clone(),
            family: AddressFamily::Ipv4,
            ports: [("".into(), 8080)].into(),
            endpoints: endpoints.into(),
        }]
    }
}

impl ClusterView for TestCluster {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.0.lock().unwrap().cached.services.get(key).cloned()
    }
    fn slices(&self, service: &ObjectKey) -> Option<Vec<Arc<SliceView>>> {
        let slices = self.0.lock().unwrap().cached.slices(service);
        Some(slices.into_iter().map(Arc::new).collect())
    }
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.0.lock().unwrap().cached.pods.get(key).cloned()
    }
    fn pods(&self, namespace: &str) -> Vec<Arc<PodView>> {
        let state = self.0.lock().unwrap();
        state.cached.pods.values().filter(|pod| pod.key.namespace() == namespace).cloned().collect()
    }
    fn node(&self, name: &str) -> Option<Arc<NodeView>> {
        self.0.lock().unwrap().cached.nodes.get(name).cloned()
    }
    fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.0.lock().unwrap().cached.nodes.values().cloned().collect()
    }
    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>> {
        self.0.lock().unwrap().cached.bindings.get(key).cloned()
    }
    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>> {
        self.0.lock().unwrap().cached.bindings.values().cloned().collect()
    }
}

impl BindingApi for TestCluster {
    fn add_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()> {
        let added = self.write(|objects, version| {
            objects.change_binding(binding, version, |binding| {
                let finalizers = vec![TARGET_GROUP_BINDING_FINALIZER.to_owned()];
                binding.metadata.finalizers = Some(finalizers);
            })
        });
        Box::pin(async { added })
    }

    fn remove_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()> {
        let removed = self.write(|objects, version| {
            objects.change_binding(binding, version, |binding| binding.metadata.finalizers = None)
        });
        Box::pin(async { removed })
    }

    fn patch_annotations<'a>(
        &'a self,
        binding: &'a ObjectKey,
        annotations: BTreeMap<&'static str, String>,
    ) -> ApiFuture<'a, String> {
        if self.0.lock().unwrap().refuses_annotations {
            return Box::pin(async { Err(ApiFailure::Refused("the webhook is down".to_owned())) });
        }
        let patched = self.write(|objects, version| {
            objects.change_binding(binding, version, |binding| {
                let all = binding.metadata.annotations.get_or_insert_default();
                all.extend(annotations.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            })?;
            Ok(version.to_string())
        });
        Box::pin(async { patched })
    }

    fn patch_status<'a>(&'a self, binding: &'a ObjectKey, status: serde_json::Value) -> ApiFuture<'a, ()> {
        let patched = self.write(|objects, version| {
            objects.change_binding(binding, version, |binding| {
                let own = binding.status.get_or_insert_default();
                if let Some(generation) = status["observedGeneration"].as_i64() {
                    own.observed_generation = Some(generation);
                }
                if let Some(conditions) = status.get("conditions") {
                    own.conditions = serde_json::from_value(conditions.clone()).unwrap();
                }
            })
        });
        Box::pin(async { patched })
    }

    fn patch_pod_condition<'a>(
        &'a self,
        pod: &'a ObjectKey,
        uid: &'a str,
        condition: PodCondition,
    ) -> ApiFuture<'a, ()> {
        let patched = self.write(|objects, _| {
            let stored = objects.pods.get_mut(pod).ok_or_else(|| missing(pod))?;
            if &*stored.uid != uid {
                return Err(ApiFailure::Refused("the UID in the precondition does not match".to_owned()));
            }
            let gates = &mut Arc::make_mut(stored).gates;
            let gate = gates.iter_mut().find(|gate| *gate.condition_type == *condition.type_).unwrap();
            let condition = condition.clone();
            gate.condition = Some(GateCondition {
                status: condition.status.into(),
                reason: condition.reason.unwrap_or_default().into(),
                message: condition.message.unwrap_or_default().into(),
                last_transition: condition.last_transition_time.map(|Time(at)| at),
            });
            Ok(())
        });
        Box::pin(async { patched })
    }

    fn read_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, Option<ConfigMap>> {
        let found = self.look(|objects| objects.config_maps.get(key).cloned());
        Box::pin(async { Ok(found) })
    }

    fn write_config_map(&self, config_map: ConfigMap) -> ApiFuture<'_, ()> {
        let written = self.write(|objects, _| {
            objects.config_maps.insert(ObjectKey::of(&config_map), config_map.clone());
            Ok(())
        });
        Box::pin(async { written })
    }

    fn delete_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, ()> {
        let deleted = self.write(|objects, _| {
            objects.config_maps.remove(key);
            Ok(())
        });
        Box::pin(async { deleted })
    }

    fn read_backend<'a>(&'a self, service: &'a ObjectKey) -> ApiFuture<'a, ServiceEndpoints> {
        let backend = self.look(|objects| ServiceEndpoints {
            service: objects.services.get(service).map(|service| (**service).clone()),
            slices: Some(objects.slices(service)),
        });
        Box::pin(async { Ok(backend) })
    }

    fn read_bindings_outside<'a>(&'a self, _: &'a str) -> ApiFuture<'a, Vec<TargetGroupBinding>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn record(&self, binding: &TargetGroupBinding, event: BindingEvent) {
        let name = binding.metadata.name.clone().unwrap_or_default();
        self.0.lock().unwrap().events.insert((name, event.reason, event.message));
    }

    fn record_on_service(&self, service: &Service, event: BindingEvent) {
        let name = format!("Service/{}", service.metadata.name.clone().unwrap_or_default());
        self.0.lock().unwrap().events.insert((name, event.reason, event.message));
    }
}
