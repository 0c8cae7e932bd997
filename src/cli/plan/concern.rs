//! Which stacks are planned: all, or those that changed manifests concern, as the controller's dispatcher would have it.

use crate::api::{
    Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, Service, TargetGroupBinding,
};
use crate::cluster::Change;
use crate::cluster::manifests::Manifest;
use crate::cluster::stores::{Listener, Stores};
use crate::config::Config;
use crate::controller::dispatch::{Classes, forwards_to};
use crate::finding::Finding;
use crate::inputs::group::{Concerned, concerned_groups, service_references};
use crate::model::StackId;
use crate::settings::service::{is_pending_finalization, is_selected, stack_id};
use crate::targets::view::{NodeView, PodView};
use std::collections::BTreeSet;

/// What is to be planned.
#[derive(Default)]
pub(super) struct Concern {
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

impl Concern {
    /// Everything in the cluster.
    pub fn everything(stores: &Stores, config: &Config) -> Self {
        let mut concern = Self::default();
        concern.add_services(stores, config, |_| true);
        concern.add_ingresses(stores, config, |_| true);
        concern
    }

    /// The stacks of an object as it was before the manifest.
    pub fn add_former(&mut self, stores: &Stores, config: &Config, manifest: &Manifest) {
        if let Manifest::Ingress(ingress) = manifest
            && let Some(former) = stores.ingresses.get(&ObjectKey::of(&**ingress))
        {
            self.stacks.extend(concerned_groups(&former, &Classes::of(stores).view(), config).groups);
        }
    }

    /// The stacks of what was changed, with all manifests in place.
    pub fn settle(&mut self, stores: &Stores, config: &Config) {
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
pub(super) struct Nobody;

impl Listener for Nobody {
    fn service(&self, _: &ObjectKey, _: Change<Service>) {}
    fn ingress(&self, _: &ObjectKey, _: Change<Ingress>) {}
    fn ingress_class(&self, _: &ObjectKey, _: Change<IngressClass>) {}
    fn ingress_class_params(&self, _: &ObjectKey, _: Change<IngressClassParams>) {}
    fn namespace(&self, _: &ObjectKey, _: Change<Namespace>) {}
    fn binding(&self, _: &ObjectKey, _: Change<TargetGroupBinding>) {}
    fn endpoints(&self, _: &ObjectKey) {}
    fn pod(&self, _: &ObjectKey, _: Change<PodView>) {}
    fn node(&self, _: &ObjectKey, _: Change<NodeView>) {}
}
