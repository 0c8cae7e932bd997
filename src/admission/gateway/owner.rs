//! Whose an object of Gateway API is: that of the controller that its GatewayClass names.

use crate::api::ObjectKey;
use crate::api::gateway::{
    GATEWAY_KIND, Gateway, GatewayClass, LISTENER_SET_KIND, ListenerSet, ParentReference, ReferenceGrant,
};
use crate::api::gateway_config::{ListenerRuleConfiguration, LoadBalancerConfiguration};
use crate::gateway::route::Route;
use crate::gateway::{Controller, NamespaceSource};
use std::sync::Arc;

/// What is known of other objects while one is checked.
pub trait GatewaySource: NamespaceSource {
    /// A GatewayClass, if it is known.
    fn known_class(&self, name: &str) -> Option<Arc<GatewayClass>>;
    /// A Gateway, if it is known.
    fn known_gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>>;
    /// A ListenerSet, if it is known.
    fn known_listener_set(&self, key: &ObjectKey) -> Option<Arc<ListenerSet>>;
    /// The ListenerSets that name a Gateway; others may be among them.
    fn known_listener_sets(&self, gateway: &ObjectKey) -> Vec<Arc<ListenerSet>>;
    /// The ReferenceGrants of a namespace; `None`: they are not known.
    fn known_reference_grants(&self, namespace: &str) -> Option<Vec<Arc<ReferenceGrant>>>;
    /// A LoadBalancerConfiguration, if it is known.
    fn known_load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>>;
    /// A ListenerRuleConfiguration, if it is known.
    fn known_listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>>;
}

/// Whose an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayOwner {
    /// That of one of our controllers.
    Ours(Controller),
    /// It cannot be told whose it is.
    Unknown,
    /// That of another controller.
    Others,
}

impl GatewayOwner {
    /// That of the Gateways of a class.
    pub fn of_class(name: &str, source: &dyn GatewaySource) -> Self {
        match source.known_class(name) {
            None => Self::Unknown,
            Some(class) => Self::of_controller(&class.spec.controller_name),
        }
    }

    /// That of a class with a controller of this name.
    pub fn of_controller(name: &str) -> Self {
        Controller::of_name(name).map_or(Self::Others, Self::Ours)
    }

    /// That of a ListenerSet.
    pub fn of_listener_set(set: &ListenerSet, source: &dyn GatewaySource) -> Self {
        let gateway = source.known_gateway(&gateway_of(set));
        gateway.map_or(Self::Unknown, |gateway| Self::of_class(&gateway.spec.gateway_class_name, source))
    }

    /// That of what a route names as a parent.
    pub fn of_parent(parent: &ParentReference, namespace: &str, source: &dyn GatewaySource) -> Self {
        let namespace = parent.namespace.as_deref().unwrap_or(namespace);
        let key = ObjectKey::namespaced(namespace, parent.name.as_str());
        match parent.kind.as_deref() {
            None | Some(GATEWAY_KIND) => source
                .known_gateway(&key)
                .map_or(Self::Unknown, |gateway| Self::of_class(&gateway.spec.gateway_class_name, source)),
            Some(LISTENER_SET_KIND) => source
                .known_listener_set(&key)
                .map_or(Self::Unknown, |set| Self::of_listener_set(&set, source)),
            // why: a Service, in a mesh
            Some(_) => Self::Others,
        }
    }

    /// That of a route: ours, if one of its parents is ours; of others, if all are.
    pub fn of_route(route: &Route<'_>, source: &dyn GatewaySource) -> Self {
        let namespace = route.id.key.namespace();
        let mut of_parents = Self::Others;
        for parent in route.parents {
            match Self::of_parent(parent, namespace, source) {
                Self::Ours(controller) => return Self::Ours(controller),
                Self::Unknown => of_parents = Self::Unknown,
                Self::Others => {}
            }
        }
        of_parents
    }

    /// The controllers that may be meant.
    pub fn candidates(self) -> &'static [Controller] {
        match self {
            Self::Ours(Controller::Alb) => &[Controller::Alb],
            Self::Ours(Controller::Nlb) => &[Controller::Nlb],
            Self::Unknown | Self::Others => &[Controller::Alb, Controller::Nlb],
        }
    }
}

/// The Gateway that a ListenerSet names.
pub fn gateway_of(set: &ListenerSet) -> ObjectKey {
    let parent = &set.spec.parent_ref;
    let own = set.metadata.namespace.as_deref().unwrap_or_default();
    ObjectKey::namespaced(parent.namespace.as_deref().unwrap_or(own), parent.name.as_str())
}
