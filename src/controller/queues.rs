//! The queues of all controllers.

use super::gateway::queues::GatewayQueues;
use super::queue::Queue;
use crate::api::ObjectKey;
use crate::model::{Owner, StackId};
use std::sync::Arc;

/// The queues, one a controller.
#[derive(Debug)]
pub struct Queues {
    /// Services by namespace and name.
    pub services: Arc<Queue<ObjectKey>>,
    /// Ingress groups.
    pub groups: Arc<Queue<StackId>>,
    /// TargetGroupBindings by namespace and name.
    pub bindings: Arc<Queue<ObjectKey>>,
    /// Gateways and their configurations.
    pub gateways: GatewayQueues,
    /// GlobalAccelerators by namespace and name.
    pub accelerators: Arc<Queue<ObjectKey>>,
}

impl Queues {
    /// Asks for a stack's object to be reconciled.
    pub fn wake(&self, stack: StackId) {
        match stack.owner {
            Owner::Service => self.services.add(stack.object()),
            Owner::Ingress => self.groups.add(stack),
            Owner::AlbGateway => self.gateways.alb_gateways.add(stack.object()),
            Owner::NlbGateway => self.gateways.nlb_gateways.add(stack.object()),
        }
    }

    /// Ends all work.
    pub fn close(&self) {
        let Self { services, groups, bindings, gateways, accelerators } = self;
        accelerators.close();
        gateways.close();
        services.close();
        groups.close();
        bindings.close();
    }
}
