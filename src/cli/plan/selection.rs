//! Which stacks are planned: all, or those that changed manifests concern, as the controller's event handlers would have it.

use crate::api::global_accelerator::EndpointType;
use crate::api::{
    GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, Service,
    TargetGroupBinding,
};
use crate::cluster::CacheEvent;
use crate::cluster::gateway_stores::GatewayChange;
use crate::cluster::manifests::ManifestObject;
use crate::cluster::stores::{EventHandler, Stores};
use crate::config::Config;
use crate::controller::event_handlers::{Classes, forwards_to};
use crate::controller::gateway::concerned;
use crate::facts::group::{Concerned, concerned_groups, service_references};
use crate::finding::Finding;
use crate::model::StackId;
use crate::settings::gateway::stack_id as gateway_stack_id;
use crate::settings::service::{is_pending_finalization, is_selected, stack_id};
use crate::targets::view::{NodeView, PodView};
use std::collections::BTreeSet;

/// What is to be planned.
#[derive(Default)]
pub(super) struct Selection {
    /// The stacks: of Services, of Ingress groups, of Gateways.
    pub stacks: BTreeSet<StackId>,
    /// GlobalAccelerators, if they are reconciled.
    pub accelerators: BTreeSet<ObjectKey>,
    /// Ingresses that belong to no group, and why.
    pub problems: Vec<Finding>,
    /// What was changed.
    pub changed: Vec<Changed>,
}

/// An object that a manifest changed.
pub(super) enum Changed {
    Service(ObjectKey),
    Ingress(ObjectKey),
    /// An IngressClass, or its parameters.
    Class,
    /// A Namespace, whose labels parameters of a class, Gateways and listeners may select.
    Namespace(ObjectKey),
    GlobalAccelerator(ObjectKey),
    /// An object of Gateway API, as it was and as it is.
    Gateway(Vec<GatewayChange>),
}

impl Selection {
    /// Everything in the cluster.
    pub fn everything(stores: &Stores, config: &Config) -> Self {
        let mut selection = Self::default();
        selection.add_services(stores, config, |_| true);
        selection.add_ingresses(stores, config, |_| true);
        selection.add_gateways(stores, config, stores.gateways.gateways.keys());
        selection.add_accelerators(stores, stores.accelerators.objects.keys());
        selection
    }

    /// The stacks of an object as it was before the manifest.
    pub fn add_former(&mut self, stores: &Stores, config: &Config, manifest: &ManifestObject) {
        if let ManifestObject::Ingress(ingress) = manifest
            && let Some(former) = stores.ingresses.get(&ObjectKey::of(&**ingress))
        {
            self.stacks.extend(concerned_groups(&former, &Classes::of(stores).view(), config).groups);
        }
    }

    /// The stacks of what was changed, with all manifests in place.
    pub fn select(&mut self, stores: &Stores, config: &Config) {
        for changed in std::mem::take(&mut self.changed) {
            match changed {
                Changed::Service(key) => {
                    self.add_services(stores, config, |service| {
                        let own = ObjectKey::of(service);
                        own == key || (own.namespace() == key.namespace() && forwards_to(service, key.name()))
                    });
                    self.add_ingresses(stores, config, |ingress| {
                        let is_near = ObjectKey::of(ingress).namespace() == key.namespace();
                        is_near && service_references(ingress).contains(key.name())
                    });
                    let of_routes = concerned::gateways_of_service(&stores.gateways, &key);
                    self.add_gateways(stores, config, of_routes);
                    let referring = stores.accelerators.referring_to(EndpointType::Service, &key);
                    self.add_accelerators(stores, referring);
                }
                Changed::Ingress(key) => {
                    self.add_accelerators(
                        stores,
                        stores.accelerators.referring_to(EndpointType::Ingress, &key),
                    );
                    self.add_ingresses(stores, config, |ingress| ObjectKey::of(ingress) == key);
                }
                Changed::Class => self.add_ingresses(stores, config, |_| true),
                Changed::Namespace(key) => {
                    self.add_ingresses(stores, config, |_| true);
                    let of_namespace = concerned::gateways_of_namespace(&stores.gateways, key.name());
                    self.add_gateways(stores, config, of_namespace);
                }
                Changed::GlobalAccelerator(key) => self.add_accelerators(stores, [key]),
                Changed::Gateway(changes) => {
                    let keys = changes.iter().flat_map(|change| concerned_gateways(stores, change));
                    self.add_gateways(stores, config, keys);
                }
            }
        }
    }

    fn add_services(&mut self, stores: &Stores, config: &Config, concerns: impl Fn(&Service) -> bool) {
        let is_ours = |service: &Service| is_selected(service, config) || is_pending_finalization(service);
        if config.features.enable_service_controller {
            let services = stores.services.list();
            let concerned = services.iter().filter(|service| is_ours(service) && concerns(service));
            self.stacks.extend(concerned.map(|service| stack_id(service)));
        }
    }

    fn add_accelerators(&mut self, stores: &Stores, keys: impl IntoIterator<Item = ObjectKey>) {
        if stores.accelerators.is_on() {
            self.accelerators.extend(keys);
        }
    }

    fn add_gateways(&mut self, stores: &Stores, config: &Config, keys: impl IntoIterator<Item = ObjectKey>) {
        let stack = |key: ObjectKey| {
            let gateway = stores.gateways.gateways.get(&key)?;
            let controller = concerned::controller_of(&stores.gateways, &config.features, &gateway)?;
            Some(gateway_stack_id(&key, controller))
        };
        self.stacks.extend(keys.into_iter().filter_map(stack));
    }

    fn add_ingresses(&mut self, stores: &Stores, config: &Config, concerns: impl Fn(&Ingress) -> bool) {
        let classes = Classes::of(stores);
        for ingress in stores.ingresses.list().iter().filter(|ingress| concerns(ingress)) {
            let Concerned { groups, problem } = concerned_groups(ingress, &classes.view(), config);
            self.stacks.extend(groups);
            self.problems.extend(problem);
        }
    }
}

/// The Gateways that a change concerns. Of a Gateway only itself: what is in front of it waits for its status, which no plan changes.
fn concerned_gateways(stores: &Stores, change: &GatewayChange) -> BTreeSet<ObjectKey> {
    match change {
        GatewayChange::Gateway(key, _) => BTreeSet::from([key.clone()]),
        _ => concerned::gateways(&stores.gateways, change),
    }
}

/// Nobody listens: the cluster is only listed.
pub(in crate::cli) struct NoEventHandler;

impl EventHandler for NoEventHandler {
    fn service(&self, _: &ObjectKey, _: CacheEvent<Service>) {}
    fn ingress(&self, _: &ObjectKey, _: CacheEvent<Ingress>) {}
    fn global_accelerator(&self, _: &ObjectKey, _: CacheEvent<GlobalAccelerator>) {}
    fn ingress_class(&self, _: &ObjectKey, _: CacheEvent<IngressClass>) {}
    fn ingress_class_params(&self, _: &ObjectKey, _: CacheEvent<IngressClassParams>) {}
    fn namespace(&self, _: &ObjectKey, _: CacheEvent<Namespace>) {}
    fn binding(&self, _: &ObjectKey, _: CacheEvent<TargetGroupBinding>) {}
    fn endpoints(&self, _: &ObjectKey) {}
    fn pod(&self, _: &ObjectKey, _: CacheEvent<PodView>) {}
    fn node(&self, _: &ObjectKey, _: CacheEvent<NodeView>) {}
    fn gateway(&self, _: GatewayChange) {}
}

#[cfg(test)]
mod tests;
