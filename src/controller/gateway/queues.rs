//! The queues of Gateways and of what they are configured with.

use crate::api::ObjectKey;
use crate::controller::queue::Queue;
use crate::gateway::Controller;
use std::sync::Arc;

/// The queues of Gateways and of what they are configured with, by namespace and name.
#[derive(Debug)]
pub struct GatewayQueues {
    /// Gateways with ALBs.
    pub alb_gateways: Arc<Queue<ObjectKey>>,
    /// Gateways with NLBs.
    pub nlb_gateways: Arc<Queue<ObjectKey>>,
    /// GatewayClasses by name.
    pub classes: Arc<Queue<ObjectKey>>,
    /// LoadBalancerConfigurations by namespace and name.
    pub load_balancer_configurations: Arc<Queue<ObjectKey>>,
    /// TargetGroupConfigurations by namespace and name.
    pub target_group_configurations: Arc<Queue<ObjectKey>>,
    /// ListenerRuleConfigurations by namespace and name.
    pub listener_rule_configurations: Arc<Queue<ObjectKey>>,
}

impl GatewayQueues {
    /// The queue of Gateways of a controller.
    pub fn of(&self, controller: Controller) -> &Arc<Queue<ObjectKey>> {
        match controller {
            Controller::Alb => &self.alb_gateways,
            Controller::Nlb => &self.nlb_gateways,
        }
    }

    /// Ends all work.
    pub fn close(&self) {
        let Self {
            alb_gateways,
            nlb_gateways,
            classes,
            load_balancer_configurations,
            target_group_configurations,
            listener_rule_configurations,
        } = self;
        for queue in [
            alb_gateways,
            nlb_gateways,
            classes,
            load_balancer_configurations,
            target_group_configurations,
            listener_rule_configurations,
        ] {
            queue.close();
        }
    }
}
