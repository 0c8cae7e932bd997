//! Names of controllers, as upstream labels them in metrics.

/// Upstream's name of the controller of Services.
pub(super) const SERVICES: &str = "service";
/// Upstream's name of the controller of Ingress groups.
pub(super) const INGRESSES: &str = "ingress";
/// Upstream's name of the controller of TargetGroupBindings.
pub(super) const BINDINGS: &str = "targetGroupBinding";
/// Upstream's name of the controller of GatewayClasses.
pub(super) const CLASSES: &str = "aws-lbc-gateway-class-controller";
/// Upstream's name of the controller of LoadBalancerConfigurations.
pub(super) const LOAD_BALANCER_CONFIGURATIONS: &str = "aws-lbc-loadbalancerconfiguration-controller";
/// Upstream's name of the controller of TargetGroupConfigurations.
pub(super) const TARGET_GROUP_CONFIGURATIONS: &str = "aws-lbc-targetgroupconfiguration-controller";
/// Upstream's name of the controller of ListenerRuleConfigurations.
pub(super) const LISTENER_RULE_CONFIGURATIONS: &str = "aws-lbc-listenerruleconfiguration-controller";
