//! From changes of GlobalAccelerators and of what they refer to to keys in the queue.
//!
//! What nobody reads (a status that the controller writes, labels of a Service) wakes nobody. Upstream has a watch for each object
//! that is referred to; here the caches tell.

use crate::api::gateway::Gateway;
use crate::api::global_accelerator::{EndpointType, FINALIZER, GlobalAccelerator};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::api::{Ingress, ObjectKey, Service};
use crate::cluster::CacheEvent;
use crate::cluster::accelerator_store::{AcceleratorStore, concerns_accelerators};
use crate::cluster::gateway_stores::GatewayChange;
use crate::controller::queue::Queue;

/// Fills the queue.
pub struct AcceleratorEventHandlers<'a> {
    /// The GlobalAccelerators.
    pub stores: &'a AcceleratorStore,
    /// The queue of the current term.
    pub queue: &'a Queue<ObjectKey>,
}

impl AcceleratorEventHandlers<'_> {
    /// Enqueues everything.
    pub fn enqueue_all(&self) {
        self.enqueue(self.stores.objects.keys());
    }

    /// A GlobalAccelerator has changed.
    pub fn changed(&self, key: &ObjectKey, change: &CacheEvent<GlobalAccelerator>) {
        let is_same = match change {
            CacheEvent::Applied { old: Some(old), new } => is_same_request(old, new),
            CacheEvent::Applied { old: None, .. } | CacheEvent::Deleted(_) => false,
        };
        if !is_same {
            self.queue.add(key.clone());
        }
    }

    /// A Service has changed.
    pub fn service(&self, key: &ObjectKey, old: Option<&Service>, new: Option<&Service>) {
        if concerns_accelerators(old, new) {
            self.enqueue(self.stores.referring_to(EndpointType::Service, key));
        }
    }

    /// An Ingress has changed.
    pub fn ingress(&self, key: &ObjectKey, change: &CacheEvent<Ingress>) {
        let read =
            |ingress: &Ingress| ingress.status.as_ref().and_then(|status| status.load_balancer.clone());
        let (old, new) = change.sides();
        if old.map(read) != new.map(read) {
            self.enqueue(self.stores.referring_to(EndpointType::Ingress, key));
        }
    }

    /// Something of Gateway API has changed.
    pub fn gateway(&self, change: &GatewayChange) {
        match change {
            GatewayChange::KindsListed => self.enqueue_all(),
            GatewayChange::Gateway(key, event) => {
                let read = |gateway: &Gateway| {
                    let addresses = gateway.status.as_ref().map(|status| status.addresses.clone());
                    (addresses.unwrap_or_default(), gateway.spec.listeners.clone())
                };
                let (old, new) = event.sides();
                if old.map(read) != new.map(read) {
                    self.enqueue(self.stores.referring_to(EndpointType::Gateway, key));
                }
            }
            GatewayChange::ReferenceGrant(event) => {
                let namespace = event.latest().metadata.namespace.clone().unwrap_or_default();
                self.enqueue(self.stores.referring_into(&namespace));
            }
            _ => {}
        }
    }

    fn enqueue(&self, keys: Vec<ObjectKey>) {
        for key in keys {
            self.queue.add(key);
        }
    }
}

/// Whether nothing has changed but what the controller writes itself.
fn is_same_request(old: &GlobalAccelerator, new: &GlobalAccelerator) -> bool {
    let (old_meta, new_meta) = (&old.metadata, &new.metadata);
    let has_lost_finalizer = has_finalizer(old, FINALIZER) && !has_finalizer(new, FINALIZER);
    old_meta.uid == new_meta.uid
        && old_meta.generation == new_meta.generation
        && old_meta.annotations == new_meta.annotations
        && old_meta.labels == new_meta.labels
        && is_being_deleted(old) == is_being_deleted(new)
        && !has_lost_finalizer
}
