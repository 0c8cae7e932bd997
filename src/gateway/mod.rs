//! Decisions about Gateways, ListenerSets and routes, as pure functions over what the cluster holds.
//!
//! In the order in which they are made:
//!
//! 1. [`config`]: the configuration of a Gateway, from that of its class and its own; settings of a target group.
//! 2. [`listener_sets`]: which ListenerSets add listeners; [`listeners`]: which listeners are valid.
//! 3. [`attachment`]: which routes attach to which listeners, with which hosts ([`hostname`], [`namespaces`]).
//! 4. [`backends`]: what the rules of a route refer to, with [`grants`] for other namespaces.
//! 5. [`rules`]: rules of ALB listeners; [`l4`]: the route that an NLB listener serves.
//! 6. [`status`]: what is written about all of it.
//!
//! What is wrong with an object is part of the result, as reason and message of a condition. It costs the rule, route or
//! listener that it is about; everything else is decided as if it were not there. Where it cannot be told what is wanted
//! (a selector that cannot be evaluated), the result says so, and nothing may be taken away because of it.
//!
//! Results are plain values; nothing here knows requests of AWS.

pub mod attachment;
pub mod backends;
pub mod certificate_refs;
pub mod config;
pub mod cost;
pub mod features;
pub mod grants;
pub mod hostname;
pub mod l4;
pub mod listener_sets;
pub mod listeners;
pub mod namespaces;
pub mod route;
pub mod rules;
pub mod status;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod property_tests;

use std::sync::Arc;

use crate::api::gateway::{ALB_CONTROLLER, Gateway, NLB_CONTROLLER, ReferenceGrant};
use crate::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use crate::api::{Namespace, ObjectKey, Service};

/// Which load balancers a Gateway has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Application Load Balancers, for HTTPRoutes and GRPCRoutes.
    Alb,
    /// Network Load Balancers, for TCPRoutes, UDPRoutes and TLSRoutes.
    Nlb,
}

impl Controller {
    /// The one of that `spec.controllerName` of a GatewayClass.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            ALB_CONTROLLER => Some(Self::Alb),
            NLB_CONTROLLER => Some(Self::Nlb),
            _ => None,
        }
    }

    /// Its `spec.controllerName`; also its finalizer on Gateways.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alb => ALB_CONTROLLER,
            Self::Nlb => NLB_CONTROLLER,
        }
    }
}

/// How Gateways are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayOptions {
    /// As Gateway API says also where upstream makes other rules or listeners of the same objects.
    pub strict: bool,
    /// Whether ListenerSets add listeners.
    pub listener_sets: bool,
    /// Whether listeners have the certificates of the Secrets that they name.
    pub secret_certificates: bool,
}

/// The namespaces of a cluster.
pub trait NamespaceSource {
    /// A namespace, if there is one.
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>>;
}

/// What the cluster holds, as far as a decision asks for it.
pub trait Cluster: NamespaceSource {
    /// A Service, if there is one.
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>>;
    /// A Gateway, if there is one.
    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>>;
    /// The ReferenceGrants of a namespace, by name.
    fn reference_grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>>;
    /// A LoadBalancerConfiguration, if there is one.
    fn load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>>;
    /// A TargetGroupConfiguration, if there is one.
    fn target_group_configuration(&self, key: &ObjectKey) -> Option<Arc<TargetGroupConfiguration>>;
    /// The TargetGroupConfiguration of a Service or Gateway ([`config::target`]), the first by name.
    fn target_group_configuration_of(
        &self,
        kind: &str,
        target: &ObjectKey,
    ) -> Option<Arc<TargetGroupConfiguration>>;
    /// A ListenerRuleConfiguration, if there is one.
    fn listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>>;
}
