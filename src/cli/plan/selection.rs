//! Which stacks are planned: all, or those that changed manifests concern, as the controller's event handlers would have it.

use crate::api::{
    Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, Service, TargetGroupBinding,
};
use crate::cluster::CacheEvent;
use crate::cluster::manifests::ManifestObject;
use crate::cluster::stores::{EventHandler, Stores};
use crate::config::Config;
use crate::controller::event_handlers::{Classes, forwards_to};
use crate::facts::group::{Concerned, concerned_groups, service_references};
use crate::finding::Finding;
use crate::model::StackId;
use crate::settings::service::{is_pending_finalization, is_selected, stack_id};
use crate::targets::view::{NodeView, PodView};
use std::collections::BTreeSet;

/// What is to be planned.
#[derive(Default)]
pub(super) struct Selection {
    /// The stacks, Services before Ingress groups.
    pub stacks: BTreeSet<StackId>,
    /// Ingresses that belong to no group, and why.
    pub problems: Vec<Finding>,
    /// What was changed.
    pub changed: Vec<Changed>,
}

/// An object that a manifest changed.
pub(super) enum Changed {
    Service(ObjectKey),
    Ingress(ObjectKey),
    /// An IngressClass, its parameters, or a Namespace, whose labels they may select.
    Class,
}

impl Selection {
    /// Everything in the cluster.
    pub fn everything(stores: &Stores, config: &Config) -> Self {
        let mut selection = Self::default();
        selection.add_services(stores, config, |_| true);
        selection.add_ingresses(stores, config, |_| true);
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
                }
                Changed::Ingress(key) => {
                    self.add_ingresses(stores, config, |ingress| ObjectKey::of(ingress) == key);
                }
                Changed::Class => self.add_ingresses(stores, config, |_| true),
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

    fn add_ingresses(&mut self, stores: &Stores, config: &Config, concerns: impl Fn(&Ingress) -> bool) {
        let classes = Classes::of(stores);
        for ingress in stores.ingresses.list().iter().filter(|ingress| concerns(ingress)) {
            let Concerned { groups, problem } = concerned_groups(ingress, &classes.view(), config);
            self.stacks.extend(groups);
            self.problems.extend(problem);
        }
    }
}

/// Nobody listens: the cluster is only listed.
pub(super) struct NoEventHandler;

impl EventHandler for NoEventHandler {
    fn service(&self, _: &ObjectKey, _: CacheEvent<Service>) {}
    fn ingress(&self, _: &ObjectKey, _: CacheEvent<Ingress>) {}
    fn ingress_class(&self, _: &ObjectKey, _: CacheEvent<IngressClass>) {}
    fn ingress_class_params(&self, _: &ObjectKey, _: CacheEvent<IngressClassParams>) {}
    fn namespace(&self, _: &ObjectKey, _: CacheEvent<Namespace>) {}
    fn binding(&self, _: &ObjectKey, _: CacheEvent<TargetGroupBinding>) {}
    fn endpoints(&self, _: &ObjectKey) {}
    fn pod(&self, _: &ObjectKey, _: CacheEvent<PodView>) {}
    fn node(&self, _: &ObjectKey, _: CacheEvent<NodeView>) {}
}
