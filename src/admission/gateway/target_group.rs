//! TargetGroupConfigurations: what no target group could be built with is an error, what has no effect a warning.

mod health;

use super::field_findings::FieldFindings;
use crate::annotations::attributes::ResourceKind;
use crate::api::gateway::{GATEWAY_KIND, GROUP};
use crate::api::gateway_config::{
    RouteIdentifier, TARGET_GROUP_CONFIGURATION_KIND, TargetGroupConfiguration, TargetGroupProps,
    TargetProtocol,
};
use crate::api::selector;
use crate::api::target_group_binding::TargetType;
use crate::aws_api::elbv2;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::gateway::route::RouteKind;
use crate::settings::Origin;
use crate::settings::gateway::{control_port_problem, wrong_protocol};
use crate::settings::target_group::check_attributes;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray as _;

const SERVICE: &str = "Service";

/// A TargetGroupConfiguration, as findings name it.
pub fn configuration_ref(configuration: &TargetGroupConfiguration) -> ObjectRef {
    super::object_ref(TARGET_GROUP_CONFIGURATION_KIND, &configuration.metadata)
}

/// What is wrong with a TargetGroupConfiguration.
pub fn check(config: &Config, configuration: &TargetGroupConfiguration) -> Vec<Finding> {
    let mut findings = FieldFindings::new(config, configuration_ref(configuration));
    let spec = &configuration.spec;
    let owner = target_reference(&mut findings, configuration);
    if let Some(props) = &spec.default_configuration {
        let field = "spec.defaultConfiguration".to_owned();
        PropsChecks { findings: &mut findings, field, props, owner, controller: None }.all();
    }
    let mut seen = BTreeMap::new();
    for (index, route) in spec.route_configurations.iter().flatten().enumerate() {
        let field = format!("spec.routeConfigurations[{index}]");
        let identifier = &route.route_identifier;
        let kind = route_identifier(&mut findings, &format!("{field}.routeIdentifier"), index, identifier);
        let key = (&identifier.kind, &identifier.namespace, &identifier.name);
        if let Some(first) = seen.get(&key) {
            let problem =
                format!("is for the same routes as routeConfigurations[{first}], expected each once");
            findings.error(&format!("{field}.routeIdentifier"), problem);
        }
        seen.entry(key).or_insert(index);
        let props = &route.target_group_props;
        let controller = kind.map(RouteKind::controller);
        let field = format!("{field}.targetGroupProps");
        PropsChecks { findings: &mut findings, field, props, owner, controller }.all();
    }
    findings.finish()
}

/// Whose target groups a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TargetOwner {
    Service,
    Gateway,
    /// Those of all Services that have none of their own.
    Everyone,
}

fn target_reference(
    findings: &mut FieldFindings<'_>,
    configuration: &TargetGroupConfiguration,
) -> TargetOwner {
    let Some(reference) = &configuration.spec.target_reference else { return TargetOwner::Everyone };
    if reference.name.is_empty() {
        findings.error("spec.targetReference.name", "is empty");
    }
    let kind = reference.kind.as_deref().unwrap_or(SERVICE);
    let (owner, group) = match kind {
        SERVICE => (TargetOwner::Service, ""),
        GATEWAY_KIND => (TargetOwner::Gateway, GROUP),
        other => {
            findings.not_one_of("spec.targetReference.kind", 0, other, &[SERVICE, GATEWAY_KIND]);
            return TargetOwner::Service;
        }
    };
    // why: the definition of the kind writes an empty group where none is given
    let given = reference.group.as_deref().unwrap_or_default();
    if !given.is_empty() && given != group {
        let problem =
            format!("{given:?} is not the group of a {kind}, expected {group:?}; it is not looked at");
        findings.warn("spec.targetReference.group", problem);
    }
    owner
}

/// The kind of routes that an identifier names.
fn route_identifier(
    findings: &mut FieldFindings<'_>,
    field: &str,
    index: usize,
    identifier: &RouteIdentifier,
) -> Option<RouteKind> {
    let kinds: Vec<&str> = RouteKind::VARIANTS.iter().map(|kind| kind.as_str()).collect();
    let kind = identifier.kind.parse().ok();
    if kind.is_none() {
        let field = format!("{field}.kind");
        if identifier.kind.is_empty() {
            let expected = crate::finding::alternatives(&kinds);
            findings.error(&field, format!("is missing, so it is for no route, expected {expected}"));
        } else {
            findings.not_one_of(&field, index, &identifier.kind, &kinds);
        }
    }
    if !identifier.name.is_empty() && identifier.namespace.is_empty() {
        let problem = format!("{:?} is the name of no route without a namespace", identifier.name);
        findings.error(&format!("{field}.name"), problem);
    }
    kind
}

pub(super) struct PropsChecks<'f, 'c> {
    pub findings: &'f mut FieldFindings<'c>,
    pub field: String,
    pub props: &'f TargetGroupProps,
    owner: TargetOwner,
    /// Whose Gateways the routes attach to, if that is known.
    pub controller: Option<Controller>,
}

impl PropsChecks<'_, '_> {
    fn all(&mut self) {
        self.name();
        self.protocol();
        self.target_type();
        self.control_port();
        self.attributes();
        let field = format!("{}.tags", self.field);
        self.findings.tags(&field, self.props.tags.as_ref());
        if self.props.ip_address_type.is_some() {
            self.warn("ipAddressType", "has no effect: the address family follows from the Service");
        }
        health::check(self);
    }

    pub fn error(&mut self, field: &str, problem: impl Into<String>) {
        self.findings.error(&format!("{}.{field}", self.field), problem);
    }

    pub fn warn(&mut self, field: &str, problem: impl Into<String>) {
        self.findings.warn(&format!("{}.{field}", self.field), problem);
    }

    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
    fn name(&mut self) {
        let Some(name) = self.props.target_group_name.as_deref().filter(|name| !name.is_empty()) else {
            return;
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let length = name.chars().count();
        if length > 32 {
            self.error("targetGroupName", format!("{name:?} has {length} characters, expected 1 to 32"));
        } else if !name.chars().all(|c| is_plain(c) || c == '-') {
            let problem = format!("{name:?} is not a name, expected letters, digits and hyphens");
            self.error("targetGroupName", problem);
        } else if !name.starts_with(is_plain) || !name.ends_with(is_plain) {
            let problem = format!("{name:?} is not a name, expected a letter or digit at either end");
            self.error("targetGroupName", problem);
        } else if self.owner == TargetOwner::Everyone {
            let problem = format!("{name:?} is the name of one target group, and this is for many Services");
            self.warn("targetGroupName", problem);
        }
    }

    /// The kind of load balancers that the target groups are of, as far as the protocol tells.
    pub fn is_alb(&self) -> Option<bool> {
        let by_protocol = self
            .props
            .protocol
            .map(|protocol| matches!(protocol, TargetProtocol::Http | TargetProtocol::Https));
        if self.owner == TargetOwner::Gateway {
            return Some(false);
        }
        self.controller.map(|found| found == Controller::Alb).or(by_protocol)
    }

    fn protocol(&mut self) {
        let Some(protocol) = self.props.protocol else { return };
        let is_http = matches!(protocol, TargetProtocol::Http | TargetProtocol::Https);
        let is_wrong = self.is_alb().is_some_and(|is_alb| is_alb != is_http);
        if is_wrong {
            let controller = if is_http { Controller::Nlb } else { Controller::Alb };
            self.error("protocol", wrong_protocol(controller, protocol));
        }
        if !is_http && self.props.protocol_version.is_some() {
            let problem = format!("has no effect beside protocol {protocol}, only beside HTTP and HTTPS");
            self.warn("protocolVersion", problem);
        }
    }

    fn target_type(&mut self) {
        if let Some(selector) = &self.props.node_selector {
            if let Err(error) = selector::check(selector) {
                self.error("nodeSelector", error.to_string());
            }
            if self.props.target_type == Some(TargetType::Ip) {
                self.warn("nodeSelector", "has no effect beside targetType ip, only beside instance");
            }
        }
        if self.props.target_type == Some(TargetType::Ip)
            && !self.findings.config.features.enable_ip_target_type
        {
            let problem = "target type ip is not available while feature gate EnableIPTargetType is off";
            self.error("targetType", problem);
        }
        if self.owner != TargetOwner::Gateway {
            return;
        }
        let unused = [
            ("targetType", self.props.target_type.is_some()),
            ("nodeSelector", self.props.node_selector.is_some()),
            ("enableMultiCluster", self.props.enable_multi_cluster == Some(true)),
        ];
        for (field, _) in unused.into_iter().filter(|(_, is_given)| *is_given) {
            self.warn(field, "has no effect: the target is the load balancer of a Gateway");
        }
    }

    fn control_port(&mut self) {
        let Some(port) = self.props.target_control_port else { return };
        if !(1..=65_535).contains(&port) {
            self.error("targetControlPort", format!("{port} is out of range, expected 1 to 65535"));
            return;
        }
        let protocol = self
            .props
            .protocol
            .map_or(elbv2::Protocol::Http, |protocol| elbv2::Protocol::from(<&str>::from(protocol)));
        let target_type = match (self.owner, self.props.target_type) {
            (TargetOwner::Gateway, _) => elbv2::TargetType::Alb,
            (_, Some(TargetType::Instance)) => elbv2::TargetType::Instance,
            _ => elbv2::TargetType::Ip,
        };
        match control_port_problem(&protocol, &target_type) {
            Some(problem) => self.error("targetControlPort", problem),
            None => self.warn(
                "targetControlPort",
                "becomes a part of the target group's generated name, and has no other effect",
            ),
        }
    }

    fn attributes(&mut self) {
        let kinds: &[ResourceKind] = match self.is_alb() {
            Some(true) => &[ResourceKind::ApplicationTargets],
            Some(false) => &[ResourceKind::NetworkTargets],
            None => &[ResourceKind::ApplicationTargets, ResourceKind::NetworkTargets],
        };
        let field = format!("{}.targetGroupAttributes", self.field);
        let given = self.props.target_group_attributes.as_ref();
        self.findings.attributes(&field, kinds, given);
        let given = given.into_iter().flatten();
        let distinct: BTreeSet<&str> = given.map(|attribute| attribute.key.as_str()).collect();
        let distinct = distinct.into_iter().map(|key| (key.to_owned(), String::new())).collect();
        let origin = Origin::field(&self.findings.object, field);
        self.findings.add_built(check_attributes(&distinct, &origin));
    }
}

#[cfg(test)]
mod tests;
