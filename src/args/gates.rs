//! Feature gates (`--feature-gates`): upstream's names.

use super::values::parse_bool;
use crate::config::FeatureGates;

/// A switch of [`FeatureGates`].
type Field = fn(&mut FeatureGates) -> &mut bool;

/// Every gate that does something, with its switch.
const GATES: &[(&str, Field)] = &[
    ("ListenerRulesTagging", |gates| &mut gates.listener_rules_tagging),
    ("WeightedTargetGroups", |gates| &mut gates.weighted_target_groups),
    ("ServiceTypeLoadBalancerOnly", |gates| &mut gates.service_type_load_balancer_only),
    ("EndpointsFailOpen", |gates| &mut gates.endpoints_fail_open),
    ("EnableServiceController", |gates| &mut gates.enable_service_controller),
    ("EnableIPTargetType", |gates| &mut gates.enable_ip_target_type),
    ("EnableRGTAPI", |gates| &mut gates.enable_rgt_api),
    ("SubnetsClusterTagCheck", |gates| &mut gates.subnets_cluster_tag_check),
    ("NLBHealthCheckAdvancedConfig", |gates| &mut gates.nlb_health_check_advanced_config),
    ("NLBSecurityGroup", |gates| &mut gates.nlb_security_group),
    ("ALBSingleSubnet", |gates| &mut gates.alb_single_subnet),
    ("SubnetDiscoveryByReachability", |gates| &mut gates.subnet_discovery_by_reachability),
    ("NLBGatewayAPI", |gates| &mut gates.nlb_gateway_api),
    ("ALBGatewayAPI", |gates| &mut gates.alb_gateway_api),
    ("GatewayListenerSet", |gates| &mut gates.gateway_listener_set),
    ("GatewayAPIStrict", |gates| &mut gates.gateway_api_strict),
    ("TargetGroupBindingConditions", |gates| &mut gates.target_group_binding_conditions),
    ("GlobalAcceleratorController", |gates| &mut gates.global_accelerator_controller),
    ("EnableTCPUDPListener", |gates| &mut gates.enable_tcp_udp_listener),
    ("EnhancedDefaultBehavior", |gates| &mut gates.enhanced_default_behavior),
    ("EnableDefaultTagsLowPriority", |gates| &mut gates.enable_default_tags_low_priority),
    ("LBCapacityReservation", |gates| &mut gates.lb_capacity_reservation),
    ("ALBTargetControlAgent", |gates| &mut gates.alb_target_control_agent),
    ("EnableCertificateManagement", |gates| &mut gates.enable_certificate_management),
    ("SecretCertificates", |gates| &mut gates.secret_certificates),
    ("IngressPlanAnnotation", |gates| &mut gates.ingress_plan_annotation),
];

/// Likeness from which a gate is suggested for a misspelled one.
const SIMILAR: f64 = 0.8;

/// Why a text sets no gates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Not `Name=bool`.
    #[error("{0:?} must be formatted as Name=true or Name=false")]
    Form(String),
    /// No such gate.
    #[error("unknown feature {name:?}{}", .suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    Unknown {
        /// What was given.
        name: String,
        /// The nearest gate.
        suggestion: Option<&'static str>,
    },
}

/// Gates that one flag sets, last one last.
pub type GateSettings = Vec<(&'static str, bool)>;

/// Every gate's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    GATES.iter().map(|(name, _)| *name)
}

/// Parses `Name=bool,…`; empty items count for nothing.
pub fn parse_gates(text: &str) -> Result<GateSettings, GateError> {
    text.split(',').filter(|item| !item.is_empty()).map(parse_gate).collect()
}

/// Sets gates; the last setting of a gate wins.
pub fn set_gates(gates: &mut FeatureGates, settings: &[(&'static str, bool)]) {
    for &(name, value) in settings {
        if let Some((_, field)) = GATES.iter().find(|(gate, _)| *gate == name) {
            *field(gates) = value;
        }
    }
}

fn parse_gate(item: &str) -> Result<(&'static str, bool), GateError> {
    let form = || GateError::Form(item.to_owned());
    let (name, value) = item.split_once('=').ok_or_else(form)?;
    let value = parse_bool(value.trim()).map_err(|_| form())?;
    let name = name.trim();
    let known = names().find(|gate| *gate == name);
    known
        .map(|gate| (gate, value))
        .ok_or_else(|| GateError::Unknown { name: name.to_owned(), suggestion: nearest(name) })
}

fn nearest(name: &str) -> Option<&'static str> {
    let scored = names().map(|gate| (strsim::jaro_winkler(gate, name), gate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= SIMILAR).then_some(best.1)
}
