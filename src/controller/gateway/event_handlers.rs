//! From changes of Gateways and of what they are made of to keys in the queues.
//!
//! Matches upstream's `controllers/gateway/eventhandlers`, and more: labels of Namespaces, configurations that are for another
//! object now, ALBs that become ready for the NLB in front of them. What nobody reads (a status that the controller writes) wakes
//! nobody.

use super::concerned;
use super::configurations::{classes_with, load_balancers_with};
use super::queues::GatewayQueues;
use crate::api::ObjectKey;
use crate::api::gateway::Gateway;
use crate::api::gateway_config::TargetGroupConfiguration;
use crate::api::meta::is_being_deleted;
use crate::cluster::CacheEvent;
use crate::cluster::gateway_stores::{GatewayChange, GatewayStores};
use crate::config::Config;
use crate::gateway::Controller;
use crate::gateway::config::target;

/// Fills the queues.
pub struct GatewayEventHandlers<'a> {
    /// The caches that are looked through.
    pub stores: &'a GatewayStores,
    /// The queues of the current term.
    pub queues: &'a GatewayQueues,
    /// Settings of the controller.
    pub config: &'a Config,
}

impl GatewayEventHandlers<'_> {
    /// Enqueues all objects of all kinds.
    pub fn enqueue_all(&self) {
        self.stores.classes.keys().into_iter().for_each(|key| self.queues.classes.add(key));
        for (cache, queue) in [
            (self.stores.load_balancer_configurations.keys(), &self.queues.load_balancer_configurations),
            (self.stores.target_group_configurations.keys(), &self.queues.target_group_configurations),
            (self.stores.listener_rule_configurations.keys(), &self.queues.listener_rule_configurations),
        ] {
            for key in cache {
                queue.add(key);
            }
        }
        self.stores.gateways.keys().iter().for_each(|key| self.enqueue_gateway(key));
    }

    /// Something of Gateway API has changed.
    pub fn changed(&self, change: &GatewayChange) {
        match change {
            GatewayChange::KindsListed => return self.enqueue_all(),
            GatewayChange::Class(key) => self.queues.classes.add(key.clone()),
            GatewayChange::Gateway(key, event) => {
                if !concerned::is_same_request(event) {
                    self.gateway_request(key, event);
                }
            }
            GatewayChange::Route(id, _) => self.enqueue_configurations_in(id.key.namespace()),
            GatewayChange::LoadBalancerConfiguration(key) => self.load_balancer_configuration(key),
            GatewayChange::TargetGroupConfiguration(key, event) => {
                self.target_group_configuration(key, event);
            }
            GatewayChange::ListenerRuleConfiguration(key) => {
                self.queues.listener_rule_configurations.add(key.clone());
            }
            GatewayChange::ListenerSet(_) | GatewayChange::ReferenceGrant(_) => {}
        }
        self.enqueue_gateways(concerned::gateways(self.stores, change));
    }

    /// A Service has changed.
    pub fn service(&self, key: &ObjectKey) {
        self.enqueue_gateways(concerned::gateways_of_service(self.stores, key));
    }

    /// The labels of a Namespace have changed.
    pub fn namespace(&self, name: &str) {
        self.enqueue_gateways(concerned::gateways_of_namespace(self.stores, name));
    }

    /// What a Gateway asks for has changed: what waits for its Gateways to go may go on.
    fn gateway_request(&self, key: &ObjectKey, event: &CacheEvent<Gateway>) {
        let (old, new) = event.sides();
        for side in old.into_iter().chain(new) {
            self.queues.classes.add(ObjectKey::cluster(side.spec.gateway_class_name.as_str()));
        }
        self.enqueue_configurations_in(key.namespace());
    }

    fn load_balancer_configuration(&self, key: &ObjectKey) {
        self.queues.load_balancer_configurations.add(key.clone());
        for class in classes_with(self.stores, key) {
            self.queues.classes.add(ObjectKey::cluster(class));
        }
        let configurations = self.stores.target_group_configurations.list_namespace(key.namespace());
        for configuration in configurations {
            self.queues.target_group_configurations.add(ObjectKey::of(&*configuration));
        }
    }

    fn target_group_configuration(&self, key: &ObjectKey, event: &CacheEvent<TargetGroupConfiguration>) {
        self.queues.target_group_configurations.add(key.clone());
        let (old, new) = event.sides();
        if old.into_iter().chain(new).any(|side| target(&side.spec).is_none()) {
            for named in load_balancers_with(self.stores, key) {
                self.load_balancer_configuration(&named);
            }
        }
    }

    /// Configurations that are being deleted may have waited for what has changed in their namespace.
    fn enqueue_configurations_in(&self, namespace: &str) {
        macro_rules! enqueue_deleted {
            ($($kind:ident),+) => {
                $(for found in self.stores.$kind.list_namespace(namespace) {
                    if found.metadata.deletion_timestamp.is_some() {
                        self.queues.$kind.add(ObjectKey::of(&*found));
                    }
                })+
            };
        }
        enqueue_deleted!(
            load_balancer_configurations,
            target_group_configurations,
            listener_rule_configurations
        );
    }

    fn enqueue_gateways(&self, keys: impl IntoIterator<Item = ObjectKey>) {
        keys.into_iter().for_each(|key| self.enqueue_gateway(&key));
    }

    /// Asks for a Gateway of ours. One that is gone, or that shall go after its class, is looked at by both controllers.
    fn enqueue_gateway(&self, key: &ObjectKey) {
        let gateway = self.stores.gateways.get(key);
        let controller = gateway
            .as_ref()
            .and_then(|gateway| concerned::controller_of(self.stores, &self.config.features, gateway));
        if let Some(controller) = controller {
            self.queues.of(controller).add(key.clone());
        } else if gateway.is_none_or(|gateway| is_being_deleted(&*gateway)) {
            for controller in [Controller::Alb, Controller::Nlb] {
                self.queues.of(controller).add(key.clone());
            }
        }
    }
}
