//! From changes in the cluster to keys in the queues.
//!
//! Matches the event handlers of upstream's `controllers/*/eventhandlers`. Changes are heard only once every cache is
//! complete; then everything is enqueued once. So no key is worked on with half of the cluster in view, and no Ingress is
//! blamed for a class that was merely not listed yet.

use super::gateway::concerned::groups_taken_over;
use super::gateway::event_handlers::GatewayEventHandlers;
use super::global_accelerator::event_handlers::AcceleratorEventHandlers;
use super::queues::Queues;
use super::target_group_binding::BindingController;
use crate::api::meta::{INGRESS_CLASS_ANNOTATION, is_being_deleted, without_endpoints};
use crate::api::{
    GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, Service,
    TargetGroupBinding,
};
use crate::cluster::events::{Recorder, Regarding};
use crate::cluster::gateway_stores::GatewayChange;
use crate::cluster::stores::{EventHandler, Stores, places};
use crate::cluster::{Cache, CacheEvent};
use crate::config::Config;
use crate::facts::group::{
    ClassView, Concerned, concerned_groups, is_relevant_update, place_of_class, places_of_group,
};
use crate::metrics::Metrics;
use crate::model::{Owner, StackId};
use crate::settings::service::{is_pending_finalization, is_selected};
use crate::status::event::{Event, Reason};
use crate::targets::mapping;
use crate::targets::view::{NodeView, PodView};
use arc_swap::ArcSwapOption;
use std::collections::BTreeSet;
use std::sync::Arc;
use strum::VariantArray as _;

/// Hears of changes and fills the queues.
pub struct EventHandlers {
    config: Arc<Config>,
    stores: Arc<Stores>,
    recorder: Recorder,
    metrics: Arc<Metrics>,
    term: ArcSwapOption<LeaderQueues>,
}

/// Who is told of changes, while this replica leads.
#[derive(Clone)]
pub struct LeaderQueues {
    /// The queues.
    pub queues: Arc<Queues>,
    /// The controller of TargetGroupBindings.
    pub bindings: Arc<BindingController>,
}

impl EventHandlers {
    /// Hears nothing until [`EventHandlers::start`].
    pub fn new(config: Arc<Config>, stores: Arc<Stores>, recorder: &Recorder, metrics: Arc<Metrics>) -> Self {
        let recorder = recorder.component("ingress");
        Self { config, stores, recorder, metrics, term: ArcSwapOption::empty() }
    }

    /// Enqueues everything, and from now on what changes. Every cache must be complete.
    pub fn start(&self, term: LeaderQueues) {
        self.term.store(Some(Arc::new(term)));
        self.stores.bindings.list().iter().for_each(|binding| self.count_binding(None, Some(binding)));
        self.enqueue_all();
    }

    /// Hears nothing any more, until it is started again.
    pub fn stop(&self) {
        if self.term.swap(None).is_some() {
            self.stores.bindings.list().iter().for_each(|binding| self.count_binding(Some(binding), None));
        }
    }

    /// Enqueues every object that may need work: at start and at every resync.
    pub fn enqueue_all(&self) {
        let Some(term) = &*self.term.load() else { return };
        for binding in self.stores.bindings.keys() {
            term.queues.bindings.add(binding);
        }
        for service in self.stores.services.list() {
            self.enqueue_service(&service);
        }
        self.enqueue_ingresses(&self.stores.ingresses.list());
        self.with_gateways(|gateways| {
            gateways.enqueue_all();
        });
        self.with_accelerators(|accelerators| {
            accelerators.enqueue_all();
        });
    }

    /// Does something for GlobalAccelerators, while this replica leads.
    fn with_accelerators(&self, act: impl FnOnce(&AcceleratorEventHandlers<'_>)) {
        if let Some(term) = &*self.term.load() {
            let (stores, queue) = (&*self.stores.accelerators, &*term.queues.accelerators);
            act(&AcceleratorEventHandlers { stores, queue });
        }
    }

    /// Does something for Gateways, while this replica leads.
    fn with_gateways(&self, act: impl FnOnce(&GatewayEventHandlers<'_>)) {
        if let Some(term) = &*self.term.load() {
            let (stores, queues) = (&*self.stores.gateways, &term.queues.gateways);
            act(&GatewayEventHandlers { stores, queues, config: &self.config });
        }
    }

    /// Keeps the metric that names the target groups of the controller's own bindings; only the leader's, so that
    /// dashboards see each once.
    fn count_binding(&self, old: Option<&TargetGroupBinding>, new: Option<&TargetGroupBinding>) {
        if let Some((namespace, service, arn)) = old.and_then(target_group_of) {
            self.metrics.remove_target_group(namespace, service, arn);
        }
        if let Some((namespace, service, arn)) = new.and_then(target_group_of) {
            self.metrics.set_target_group(namespace, service, arn);
        }
    }

    fn is_started(&self) -> bool {
        self.term.load().is_some()
    }

    fn add_service(&self, key: ObjectKey) {
        if let Some(term) = &*self.term.load() {
            term.queues.services.add(key);
        }
    }

    fn add_group(&self, group: StackId) {
        if let Some(term) = &*self.term.load() {
            term.queues.groups.add(group);
        }
    }

    fn add_binding(&self, key: ObjectKey) {
        if let Some(term) = &*self.term.load() {
            term.queues.bindings.add(key);
        }
    }

    /// The bindings that wait for something of a pod.
    fn awaiting(&self, pod: &ObjectKey) -> Vec<ObjectKey> {
        self.term
            .load()
            .as_ref()
            .map(|term| term.bindings.awaiting(pod).into_iter().collect())
            .unwrap_or_default()
    }

    fn enqueue_service(&self, service: &Service) {
        let enabled = self.config.features.enable_service_controller;
        if enabled && (is_selected(service, &self.config) || is_pending_finalization(service)) {
            self.add_service(ObjectKey::of(service));
        }
    }

    fn enqueue_ingresses(&self, concerned: &[Arc<Ingress>]) {
        let classes = Classes::of(&self.stores);
        for ingress in concerned {
            self.enqueue_groups(ingress, &classes);
        }
    }

    /// Ingresses of classes, or of whatever is the default class.
    fn enqueue_ingresses_of<'c>(&self, classes: impl Iterator<Item = &'c str>) {
        let ingresses = &self.stores.ingresses;
        let named = classes.flat_map(|class| ingresses.list_group(&place_of_class(class)));
        let mut concerned: Vec<_> = named.chain(ingresses.list_group(&place_of_class(""))).collect();
        concerned.retain(|ingress| !has_class_annotation(ingress));
        self.enqueue_ingresses(&concerned);
    }

    fn enqueue_groups(&self, ingress: &Ingress, classes: &Classes) {
        let Concerned { groups, problem } = concerned_groups(ingress, &classes.view(), &self.config);
        for group in groups {
            self.add_group(group);
        }
        if let Some(problem) = problem {
            let regarding = Regarding::of("networking.k8s.io/v1", "Ingress", ingress);
            let event = Event::warning(Reason::FailedLoadGroupID, &problem);
            self.recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message);
        }
    }

    /// Asks for the groups of all Ingresses that refer to a Service.
    fn enqueue_referring_ingresses(&self, service: &ObjectKey) {
        self.enqueue_ingresses(&self.stores.ingresses.list_group(&places::ingresses_of_service(service)));
    }

    /// Services whose listener actions forward to this Service.
    fn enqueue_referring_services(&self, key: &ObjectKey) {
        for service in self.stores.services.list_group(&places::services_forwarding_to(key)) {
            self.enqueue_service(&service);
        }
    }
}

/// Whether a listener action of a Service may forward to another Service.
pub fn forwards_to(service: &Service, other: &str) -> bool {
    let quoted = format!("\"{other}\"");
    let annotations = service.metadata.annotations.iter().flatten();
    annotations.into_iter().any(|(name, value)| name.contains("/actions.") && value.contains(&quoted))
}

/// Snapshots of what classification looks at.
pub struct Classes {
    of_ingresses: Vec<Arc<IngressClass>>,
    params: Vec<Arc<IngressClassParams>>,
    namespaces: Arc<Cache<Namespace>>,
}

impl Classes {
    /// The classes as they are now.
    pub fn of(stores: &Stores) -> Self {
        Self {
            of_ingresses: stores.ingress_classes.list(),
            params: stores.ingress_class_params.list(),
            namespaces: stores.namespaces.clone(),
        }
    }

    /// The Ingresses that may belong to a group, and few others.
    pub fn candidates(&self, stores: &Stores, group: &StackId) -> Vec<Arc<Ingress>> {
        if !group.namespace.is_empty() {
            let key = ObjectKey::namespaced(group.namespace.as_str(), group.name.as_str());
            return stores.ingresses.get(&key).into_iter().collect();
        }
        let places = places_of_group(&group.name, &self.view());
        places.iter().flat_map(|place| stores.ingresses.list_group(place)).collect()
    }

    /// Borrowed for the core.
    pub fn view(&self) -> ClassView<'_> {
        ClassView { classes: &self.of_ingresses, params: &self.params, namespaces: Some(&*self.namespaces) }
    }
}

/// Namespace, Service and target group of a binding that the controller made.
fn target_group_of(binding: &TargetGroupBinding) -> Option<(&str, &str, &str)> {
    let labels = binding.metadata.labels.as_ref()?;
    let is_ours = Owner::VARIANTS.iter().any(|owner| {
        let prefix = owner.prefix();
        labels.keys().any(|key| key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("/stack")))
    });
    let arn = binding.spec.target_group_arn.as_deref()?;
    let namespace = binding.metadata.namespace.as_deref()?;
    is_ours.then_some((namespace, binding.spec.service_ref.name.as_str(), arn))
}

fn is_relevant_service_update(old: &Service, new: &Service) -> bool {
    old.metadata.annotations != new.metadata.annotations
        || old.spec != new.spec
        || is_being_deleted(old) != is_being_deleted(new)
}

fn has_class_annotation(ingress: &Ingress) -> bool {
    ingress.metadata.annotations.as_ref().is_some_and(|map| map.contains_key(INGRESS_CLASS_ANNOTATION))
}

impl EventHandler for EventHandlers {
    fn service(&self, key: &ObjectKey, change: CacheEvent<Service>) {
        if !self.is_started() {
            return;
        }
        let (old, new) = change.sides();
        self.with_accelerators(|accelerators| accelerators.service(key, old, new));
        if mapping::is_service_change(old, new) {
            let bindings = self.stores.bindings.list_group(&places::bindings_of_service(key));
            for binding in mapping::bindings_of_service(&bindings, key) {
                self.add_binding(binding);
            }
        }
        if old.is_none() || new.is_none() {
            // why: a binding of pods hears of a Service that comes or goes at once, not when its endpoints follow
            self.endpoints(key);
        }
        if let (Some(old), Some(new)) = (old, new)
            && !is_relevant_service_update(old, new)
        {
            return;
        }
        if let Some(new) = new {
            self.enqueue_service(new);
        }
        self.enqueue_referring_services(key);
        self.enqueue_referring_ingresses(key);
        self.with_gateways(|gateways| gateways.service(key));
    }

    fn ingress(&self, key: &ObjectKey, change: CacheEvent<Ingress>) {
        self.with_accelerators(|accelerators| accelerators.ingress(key, &change));
        let CacheEvent::Applied { old, new } = change else { return };
        if !self.is_started() || old.as_ref().is_some_and(|old| !is_relevant_update(old, &new)) {
            return;
        }
        let classes = Classes::of(&self.stores);
        if let Some(old) = old {
            let former = concerned_groups(&old, &classes.view(), &self.config);
            former.groups.into_iter().for_each(|group| self.add_group(group));
        }
        self.enqueue_groups(&new, &classes);
    }

    fn ingress_class(&self, key: &ObjectKey, _: CacheEvent<IngressClass>) {
        if self.is_started() {
            self.enqueue_ingresses_of([key.name()].into_iter());
        }
    }

    fn ingress_class_params(&self, key: &ObjectKey, _: CacheEvent<IngressClassParams>) {
        if !self.is_started() {
            return;
        }
        let refers = |class: &IngressClass| {
            let parameters = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref());
            parameters.is_some_and(|parameters| parameters.name == key.name())
        };
        let classes: BTreeSet<_> = self
            .stores
            .ingress_classes
            .list()
            .iter()
            .filter(|class| refers(class))
            .filter_map(|class| class.metadata.name.clone())
            .collect();
        self.enqueue_ingresses_of(classes.iter().map(String::as_str));
    }

    fn namespace(&self, key: &ObjectKey, change: CacheEvent<Namespace>) {
        let is_relabelled = matches!(&change, CacheEvent::Applied { old: Some(_), .. });
        if self.is_started() && is_relabelled {
            self.enqueue_ingresses(&self.stores.ingresses.list_namespace(key.name()));
            self.with_gateways(|gateways| gateways.namespace(key.name()));
        }
    }

    fn gateway(&self, change: GatewayChange) {
        self.with_accelerators(|accelerators| accelerators.gateway(&change));
        // why: without their gates, Gateways are watched for GlobalAccelerators alone
        if self.stores.gateways.is_on() {
            self.with_gateways(|gateways| gateways.changed(&change));
            for group in groups_taken_over(&self.stores.gateways, &change) {
                self.add_group(group);
            }
        }
    }

    fn global_accelerator(&self, key: &ObjectKey, change: CacheEvent<GlobalAccelerator>) {
        self.with_accelerators(|accelerators| accelerators.changed(key, &change));
    }

    fn binding(&self, key: &ObjectKey, change: CacheEvent<TargetGroupBinding>) {
        if self.is_started() {
            let (old, new) = change.sides();
            self.count_binding(old, new);
            self.add_binding(key.clone());
        }
    }

    fn endpoints(&self, service: &ObjectKey) {
        if self.is_started() {
            let bindings = self.stores.bindings.list_group(&places::bindings_of_service(service));
            for binding in mapping::bindings_of_endpoints(&bindings, service) {
                self.add_binding(binding);
            }
            // why: whether such a Service has EndpointSlices decides whether an Ingress lacks a backend
            if self.stores.services.get(service).is_some_and(|found| without_endpoints(&found).is_some()) {
                self.enqueue_referring_ingresses(service);
            }
        }
    }

    fn pod(&self, key: &ObjectKey, change: CacheEvent<PodView>) {
        if self.is_started() {
            let named = mapping::bindings_of_pod(change.latest());
            for binding in named.into_iter().chain(self.awaiting(key)) {
                self.add_binding(binding);
            }
        }
    }

    fn node(&self, _: &ObjectKey, change: CacheEvent<NodeView>) {
        if self.is_started() {
            let (old, new) = change.sides();
            let bindings = self.stores.bindings.list_group(&places::bindings_of_nodes());
            for binding in mapping::bindings_of_node(&bindings, old, new) {
                self.add_binding(binding);
            }
        }
    }
}

#[cfg(test)]
mod tests;
