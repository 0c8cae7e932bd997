//! The controller's configuration: validated once at start-up, immutable afterwards, the only thing the rest sees.
//!
//! Names and defaults are those of upstream's flags (`pkg/config`); `args` fills it.

use crate::api::meta::DEFAULT_LOAD_BALANCER_CLASS;
use crate::aws_api::Tags;
use crate::aws_api::elbv2::{Scheme, TargetType};
use std::collections::BTreeSet;
use std::time::Duration;

/// What admission does with invalid annotations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnnotationValidation {
    /// Refuse the object.
    #[default]
    Enforce,
    /// Accept it with a warning.
    Warn,
    /// Do not look.
    Off,
}

/// Feature gates (`--feature-gates`), with upstream's names and defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGates {
    /// `ListenerRulesTagging`: tags of listeners and rules are kept as wanted.
    pub listener_rules_tagging: bool,
    /// `WeightedTargetGroups`: one action may forward to several target groups.
    pub weighted_target_groups: bool,
    /// `ServiceTypeLoadBalancerOnly`: Services of other types are left alone.
    pub service_type_load_balancer_only: bool,
    /// `EndpointsFailOpen`: where no endpoint is ready, those of unknown readiness are taken.
    pub endpoints_fail_open: bool,
    /// `EnableServiceController`: Services get load balancers.
    pub enable_service_controller: bool,
    /// `EnableIPTargetType`: pods may be targets by their addresses.
    pub enable_ip_target_type: bool,
    /// `EnableRGTAPI`: upstream lists resources by their tags; here it has no effect.
    pub enable_rgt_api: bool,
    /// `SubnetsClusterTagCheck`: subnets with the tag of another cluster are not taken.
    pub subnets_cluster_tag_check: bool,
    /// `NLBHealthCheckAdvancedConfig`: health checks of NLBs may have all settings.
    pub nlb_health_check_advanced_config: bool,
    /// `NLBSecurityGroup`: NLBs get security groups.
    pub nlb_security_group: bool,
    /// `ALBSingleSubnet`: an ALB may have just one subnet.
    pub alb_single_subnet: bool,
    /// `SubnetDiscoveryByReachability`: public subnets are told by their routes.
    pub subnet_discovery_by_reachability: bool,
    /// `NLBGatewayAPI`: Gateways get NLBs.
    pub nlb_gateway_api: bool,
    /// `ALBGatewayAPI`: Gateways get ALBs.
    pub alb_gateway_api: bool,
    /// `GatewayListenerSet`: ListenerSets add listeners to Gateways.
    pub gateway_listener_set: bool,
    /// `GatewayAPIStrict`, which upstream does not have
    pub gateway_api_strict: bool,
    /// `TargetGroupBindingConditions`, which upstream does not have
    pub target_group_binding_conditions: bool,
    /// `GlobalAcceleratorController`: GlobalAccelerators get accelerators.
    pub global_accelerator_controller: bool,
    /// `EnableTCPUDPListener`: one listener may serve TCP and UDP.
    pub enable_tcp_udp_listener: bool,
    /// `EnhancedDefaultBehavior`: settings of listeners that nobody asks for any more are reset.
    pub enhanced_default_behavior: bool,
    /// `EnableDefaultTagsLowPriority`: tags of objects win against `--default-tags`.
    pub enable_default_tags_low_priority: bool,
    /// `LBCapacityReservation`: capacity may be reserved.
    pub lb_capacity_reservation: bool,
    /// `ALBTargetControlAgent`: ALBs may ask an agent how many requests a target takes.
    pub alb_target_control_agent: bool,
    /// `EnableCertificateManagement`: certificates are requested from ACM.
    pub enable_certificate_management: bool,
    /// `SecretCertificates`: certificates are imported from Secrets.
    pub secret_certificates: bool,
    /// `IngressPlanAnnotation`: the plan of a group is written to its Ingresses.
    pub ingress_plan_annotation: bool,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self {
            listener_rules_tagging: true,
            weighted_target_groups: true,
            service_type_load_balancer_only: false,
            endpoints_fail_open: true,
            enable_service_controller: true,
            enable_ip_target_type: true,
            enable_rgt_api: false,
            subnets_cluster_tag_check: true,
            nlb_health_check_advanced_config: true,
            nlb_security_group: true,
            alb_single_subnet: false,
            subnet_discovery_by_reachability: true,
            nlb_gateway_api: true,
            alb_gateway_api: true,
            gateway_listener_set: true,
            gateway_api_strict: false,
            target_group_binding_conditions: false,
            global_accelerator_controller: false,
            enable_tcp_udp_listener: false,
            enhanced_default_behavior: false,
            enable_default_tags_low_priority: false,
            lb_capacity_reservation: true,
            alb_target_control_agent: false,
            enable_certificate_management: false,
            secret_certificates: false,
            ingress_plan_annotation: false,
        }
    }
}

/// Everything the core and the controllers need to know about how they were started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `--cluster-name`: in tags, and in names that have no namespace.
    pub cluster_name: String,
    /// Region, resolved at start-up.
    pub region: String,
    /// VPC, resolved at start-up.
    pub vpc_id: String,
    /// `--default-tags`: on everything that is made.
    pub default_tags: Tags,
    /// `--external-managed-tags`: keys of tags that others look after.
    pub external_managed_tags: BTreeSet<String>,
    /// `--default-target-type`: where no annotation says which.
    pub default_target_type: TargetType,
    /// `--default-load-balancer-scheme`: where no annotation says which.
    pub default_load_balancer_scheme: Scheme,
    /// `--default-ssl-policy`: of listeners with TLS.
    pub default_ssl_policy: String,
    /// `--default-pca-arn`: the private authority that issues requested certificates.
    pub default_pca_arn: String,
    /// `--allowed-certificate-authority-arns`: authorities whose certificates are found by host.
    pub allowed_certificate_authority_arns: Vec<String>,
    /// `--enable-backend-security-group`: load balancers share a group that targets let in.
    pub enable_backend_security_group: bool,
    /// `--backend-security-group`, empty when not given.
    pub backend_security_group: String,
    /// `--enable-manage-backend-security-group-rules`: rules to targets also for groups of users.
    pub enable_manage_backend_security_group_rules: bool,
    /// `--disable-restricted-sg-rules`: targets let in all ports.
    pub disable_restricted_sg_rules: bool,
    /// `--service-target-eni-security-group-tags`: more tags that pick the group of targets that gets rules.
    pub service_target_eni_security_group_tags: Tags,
    /// `--enable-endpoint-slices`: targets are found in EndpointSlices instead of Endpoints.
    pub enable_endpoint_slices: bool,
    /// `--keep-last-healthy-targets`: a mass failure does not empty target groups.
    pub keep_last_healthy_targets: bool,
    /// `--max-targets-per-target-group`; 0: no cap.
    pub max_targets_per_target_group: usize,
    /// `--targetgroupbinding-requeue-duration`: between looks while targets become healthy.
    pub target_group_binding_requeue: Duration,
    /// `--lb-stabilization-monitor-interval`: between looks while a reserved capacity is provisioned.
    pub lb_stabilization_monitor_interval: Duration,
    /// `--sync-period`: until every object is reconciled again.
    pub sync_period: Duration,
    /// `--required-secrets-label` as key and value.
    pub required_secrets_label: Option<(String, String)>,
    /// `--ingress-class`: value of the class annotation that is ours.
    pub ingress_class: String,
    /// `--disable-ingress-class-annotation`: new uses of the annotation are refused.
    pub disable_ingress_class_annotation: bool,
    /// `--disable-ingress-group-name-annotation`: new uses of the annotation are refused.
    pub disable_ingress_group_name_annotation: bool,
    /// `--tolerate-non-existent-backend-service`: such a backend answers 503.
    pub tolerate_non_existent_backend_service: bool,
    /// `--tolerate-non-existent-backend-action`: such a backend answers 503.
    pub tolerate_non_existent_backend_action: bool,
    /// `--enable-waf`: web ACLs of WAF Classic are looked after.
    pub enable_waf: bool,
    /// `--enable-wafv2`: web ACLs of WAFv2 are looked after.
    pub enable_wafv2: bool,
    /// `--enable-shield`: Shield Advanced is looked after.
    pub enable_shield: bool,
    /// `--load-balancer-class`: Services of this class are ours.
    pub load_balancer_class: String,
    /// `--enable-pod-readiness-gate-inject`: pods get gates where their namespace asks for it.
    pub enable_pod_readiness_gate_inject: bool,
    /// `--pod-drain-max-deregistration-delay`: longest pause before a pod stops.
    pub pod_drain_max_deregistration_delay: Duration,
    /// `--quic-environment-variable-name`: how containers learn their QUIC server id.
    pub quic_environment_variable_name: String,
    /// `--watch-namespace`, empty for all.
    pub watch_namespace: String,
    /// `--annotation-validation`: what admission does with a mistake.
    pub annotation_validation: AnnotationValidation,
    /// `--feature-gates`: what is switched on and off.
    pub features: FeatureGates,
}

impl Default for Config {
    /// Upstream's defaults, with no cluster name, region or VPC.
    fn default() -> Self {
        Self {
            cluster_name: String::new(),
            region: String::new(),
            vpc_id: String::new(),
            default_tags: Tags::new(),
            external_managed_tags: BTreeSet::new(),
            default_target_type: TargetType::Instance,
            default_load_balancer_scheme: Scheme::Internal,
            default_ssl_policy: "ELBSecurityPolicy-2016-08".to_owned(),
            default_pca_arn: String::new(),
            allowed_certificate_authority_arns: Vec::new(),
            enable_backend_security_group: true,
            backend_security_group: String::new(),
            enable_manage_backend_security_group_rules: false,
            disable_restricted_sg_rules: false,
            service_target_eni_security_group_tags: Tags::new(),
            enable_endpoint_slices: true,
            keep_last_healthy_targets: true,
            max_targets_per_target_group: 0,
            target_group_binding_requeue: Duration::from_secs(15),
            lb_stabilization_monitor_interval: Duration::from_mins(2),
            sync_period: Duration::from_hours(10),
            required_secrets_label: None,
            ingress_class: "alb".to_owned(),
            disable_ingress_class_annotation: false,
            disable_ingress_group_name_annotation: false,
            tolerate_non_existent_backend_service: true,
            tolerate_non_existent_backend_action: true,
            enable_waf: true,
            enable_wafv2: true,
            enable_shield: true,
            load_balancer_class: DEFAULT_LOAD_BALANCER_CLASS.to_owned(),
            enable_pod_readiness_gate_inject: true,
            pod_drain_max_deregistration_delay: Duration::from_secs(30),
            quic_environment_variable_name: "AWS_LBC_QUIC_SERVER_ID".to_owned(),
            watch_namespace: String::new(),
            annotation_validation: AnnotationValidation::Enforce,
            features: FeatureGates::default(),
        }
    }
}
