//! LoadBalancerConfigurations: what no load balancer could be built with is an error, what has no effect a warning.

mod listeners;

use super::field_findings::FieldFindings;
use super::load_balancer_subnets;
use crate::annotations::attributes::ResourceKind;
use crate::annotations::value::{ItemKind, TextKind, ValueFinding, ValueKind, is_arn};
use crate::api::gateway_config::{
    LOAD_BALANCER_CONFIGURATION_KIND, LoadBalancerConfiguration, LoadBalancerConfigurationSpec,
    TargetGroupConfiguration,
};
use crate::api::ingress_class_params::{LoadBalancerIpAddressType, LoadBalancerScheme};
use crate::api::target_group_binding::TargetType;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity};
use crate::gateway::Controller;
use crate::gateway::config::NOT_A_DEFAULT;
use crate::settings::gateway::QUIC_NEEDS_IP;

/// A LoadBalancerConfiguration, as findings name it.
pub fn configuration_ref(configuration: &LoadBalancerConfiguration) -> ObjectRef {
    super::object_ref(LOAD_BALANCER_CONFIGURATION_KIND, &configuration.metadata)
}

/// What is wrong with a LoadBalancerConfiguration. `controller`: whose Gateways have it, if that is known.
pub fn check(
    config: &Config,
    configuration: &LoadBalancerConfiguration,
    controller: Option<Controller>,
) -> Vec<Finding> {
    let mut findings = FieldFindings::new(config, configuration_ref(configuration));
    let spec = &configuration.spec;
    let mut checks = LoadBalancerChecks { findings: &mut findings, spec, controller };
    checks.values();
    checks.scheme();
    checks.security_groups();
    checks.sources();
    checks.attributes_and_tags();
    checks.protection();
    checks.unused();
    load_balancer_subnets::check(&mut findings, spec, controller);
    listeners::check(&mut findings, spec, controller);
    findings.finish()
}

/// What is wrong with a LoadBalancerConfiguration beside the TargetGroupConfiguration that it names as the default.
pub fn check_default(
    config: &Config,
    configuration: &LoadBalancerConfiguration,
    default: &TargetGroupConfiguration,
) -> Vec<Finding> {
    let mut findings = FieldFindings::new(config, configuration_ref(configuration));
    let field = "spec.defaultTargetGroupConfiguration.name";
    let name = default.metadata.name.as_deref().unwrap_or_default();
    if default.spec.target_reference.is_some() {
        findings.error(field, format!("{name:?}: {NOT_A_DEFAULT}"));
    }
    let props = default.spec.default_configuration.as_ref();
    let listeners = configuration.spec.listener_configurations.iter().flatten();
    let has_quic = listeners.into_iter().any(|listener| listener.quic_enabled == Some(true));
    if has_quic && props.and_then(|props| props.target_type) == Some(TargetType::Instance) {
        findings.error(field, format!("{name:?} has target type instance: {QUIC_NEEDS_IP}"));
    }
    findings.finish()
}

/// The kind of load balancers of a controller, with its article.
pub(super) fn name_of(controller: Controller) -> &'static str {
    match controller {
        Controller::Alb => "an ALB",
        Controller::Nlb => "an NLB",
    }
}

struct LoadBalancerChecks<'f, 'c> {
    findings: &'f mut FieldFindings<'c>,
    spec: &'f LoadBalancerConfigurationSpec,
    controller: Option<Controller>,
}

impl LoadBalancerChecks<'_, '_> {
    /// Each value on its own.
    fn values(&mut self) {
        let spec = self.spec;
        let texts = [
            ("loadBalancerName", &spec.load_balancer_name, ValueKind::Text(TextKind::LoadBalancerName)),
            (
                "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                &spec.enforce_security_group_inbound_rules_on_private_link_traffic,
                ValueKind::Choice(&["on", "off"]),
            ),
            (
                "customerOwnedIpv4Pool",
                &spec.customer_owned_ipv4_pool,
                ValueKind::Text(TextKind::CustomerOwnedPool),
            ),
            ("ipv4IPAMPoolId", &spec.ipv4_ipam_pool_id, ValueKind::Text(TextKind::IpamPool)),
        ];
        for (field, text, kind) in texts {
            self.findings.text(&format!("spec.{field}"), text.as_ref(), kind);
        }
        let units = spec.minimum_load_balancer_capacity.as_ref().map(|capacity| capacity.capacity_units);
        let field = "spec.minimumLoadBalancerCapacity.capacityUnits";
        match units {
            Some(units) if units < 0 => {
                let problem = format!("{units} is out of range, expected a whole number from 1");
                self.findings.error(field, problem);
            }
            Some(0) => self.findings.warn(field, "0 reserves nothing, expected a whole number from 1"),
            Some(_) if !self.findings.config.features.lb_capacity_reservation => {
                self.findings.warn(field, "has no effect while feature gate LBCapacityReservation is off");
            }
            _ => {}
        }
        if let Some(reference) = &spec.default_target_group_configuration
            && reference.name.is_empty()
        {
            self.findings.error("spec.defaultTargetGroupConfiguration.name", "is empty");
        }
    }

    fn scheme(&mut self) {
        let is_internal = self.spec.scheme == Some(LoadBalancerScheme::Internal);
        let without_ipv4 = Some(LoadBalancerIpAddressType::DualstackWithoutPublicIpv4);
        if is_internal && self.spec.ip_address_type == without_ipv4 {
            let problem = "dualstack-without-public-ipv4 is for load balancers that face the internet";
            self.findings.error("spec.ipAddressType", problem);
        } else if self.controller == Some(Controller::Nlb) && self.spec.ip_address_type == without_ipv4 {
            self.findings.error("spec.ipAddressType", "dualstack-without-public-ipv4 works only on ALBs");
        }
        if is_internal && is_given(self.spec.ipv4_ipam_pool_id.as_ref()) {
            let problem = "is for load balancers that face the internet, and spec.scheme is internal";
            self.findings.warn("spec.ipv4IPAMPoolId", problem);
        }
    }

    fn security_groups(&mut self) {
        let spec = self.spec;
        let groups = spec.security_groups.as_ref();
        self.findings.items("spec.securityGroups", groups, ItemKind::SecurityGroup);
        let named = groups.into_iter().flatten().enumerate().map(|(index, name)| (index, name.as_str()));
        let ids = named.filter(|(_, name)| name.starts_with("sg-"));
        self.findings.repeated("spec.securityGroups", Severity::Error, ids);
        let are_given = groups.is_some_and(|groups| !groups.is_empty());
        let manages = spec.manage_backend_security_group_rules == Some(true);
        if manages && !are_given {
            let problem = "has no effect without spec.securityGroups";
            self.findings.warn("spec.manageBackendSecurityGroupRules", problem);
        }
        if manages && are_given && !self.findings.config.enable_backend_security_group {
            let problem = "needs the backend security group, and --enable-backend-security-group is false";
            self.findings.error("spec.manageBackendSecurityGroupRules", problem);
        }
        let is_off = spec.disable_security_group == Some(true) && self.controller != Some(Controller::Alb);
        if is_off && are_given {
            let problem = "has no effect on an NLB beside spec.disableSecurityGroup true";
            self.findings.warn("spec.securityGroups", problem);
        }
        let beside = if are_given {
            "spec.securityGroups"
        } else if is_off && self.controller.is_some() {
            "spec.disableSecurityGroup true"
        } else {
            return;
        };
        let unused = [
            (
                "securityGroupPrefixes",
                spec.security_group_prefixes.as_ref().is_some_and(|all| !all.is_empty()),
            ),
            // why: they admit clients to targets of an NLB without security groups
            (
                "sourceRanges",
                are_given && !is_off && spec.source_ranges.as_ref().is_some_and(|all| !all.is_empty()),
            ),
            ("enableICMP", spec.enable_icmp == Some(true)),
        ];
        for (field, _) in unused.into_iter().filter(|(_, is_given)| *is_given) {
            self.findings.warn(&format!("spec.{field}"), format!("has no effect beside {beside}"));
        }
    }

    fn sources(&mut self) {
        let prefixes = self.spec.security_group_prefixes.as_ref();
        self.findings.items("spec.securityGroupPrefixes", prefixes, ItemKind::PrefixList);
        self.repeated_texts("spec.securityGroupPrefixes", prefixes);
        let is_ipv4 = self.spec.ip_address_type == Some(LoadBalancerIpAddressType::Ipv4);
        for (index, range) in self.spec.source_ranges.iter().flatten().enumerate() {
            let field = format!("spec.sourceRanges[{index}]");
            self.findings.cidr(&field, range);
            if is_ipv4 && range.contains(':') {
                let problem = format!("IPv6 range {range:?} has no effect on a load balancer without IPv6");
                self.findings.warn(&field, problem);
            }
        }
        self.repeated_texts("spec.sourceRanges", self.spec.source_ranges.as_ref());
    }

    fn repeated_texts(&mut self, field: &str, texts: Option<&Vec<String>>) {
        let texts = texts.into_iter().flatten().map(String::as_str);
        self.findings.repeated(field, Severity::Warning, texts.enumerate());
    }

    fn attributes_and_tags(&mut self) {
        let kinds: &[ResourceKind] = match self.controller {
            Some(Controller::Alb) => &[ResourceKind::Application],
            Some(Controller::Nlb) => &[ResourceKind::Network],
            None => &[ResourceKind::Application, ResourceKind::Network],
        };
        let given = self.spec.load_balancer_attributes.as_ref();
        self.findings.attributes("spec.loadBalancerAttributes", kinds, given);
        self.findings.tags("spec.tags", self.spec.tags.as_ref());
    }

    fn protection(&mut self) {
        let acl = self.spec.waf_v2.as_ref().map(|waf| &waf.web_acl).filter(|acl| !acl.is_empty());
        if let Some(acl) = acl.filter(|acl| !is_arn(acl, "wafv2", "regional/webacl/")) {
            let problem = format!("{acl:?} is not the ARN of a regional WAFv2 web ACL");
            let hint = "write for example arn:aws:wafv2:us-west-2:123456789012:regional/webacl/NAME/ID";
            self.findings.add("spec.wafV2.webACL", ValueFinding::error(problem).hint(hint));
        }
        let foreign =
            acl.map(|acl| super::super::region::check(acl, self.findings.config)).unwrap_or_default();
        self.findings.add_all("spec.wafV2.webACL", foreign);
    }

    /// Fields that load balancers of the kind do not have.
    fn unused(&mut self) {
        let spec = self.spec;
        let fields = match self.controller {
            None => return,
            Some(Controller::Alb) => vec![
                (
                    "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                    is_given(spec.enforce_security_group_inbound_rules_on_private_link_traffic.as_ref()),
                ),
                ("disableSecurityGroup", spec.disable_security_group == Some(true)),
            ],
            Some(Controller::Nlb) => vec![
                ("customerOwnedIpv4Pool", is_given(spec.customer_owned_ipv4_pool.as_ref())),
                ("ipv4IPAMPoolId", is_given(spec.ipv4_ipam_pool_id.as_ref())),
                ("wafV2", spec.waf_v2.as_ref().is_some_and(|waf| !waf.web_acl.is_empty())),
                (
                    "shieldConfiguration",
                    spec.shield_configuration.as_ref().and_then(|shield| shield.enabled) == Some(true),
                ),
            ],
        };
        let kind = self.controller.map(name_of).unwrap_or_default();
        for (field, _) in fields.into_iter().filter(|(_, is_given)| *is_given) {
            self.findings.warn(&format!("spec.{field}"), format!("has no effect on {kind}"));
        }
    }
}

fn is_given(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
