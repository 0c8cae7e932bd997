//! Fields of IngressClassParams that upstream's webhook does not look at: what AWS would refuse for every Ingress of the class
//! is an error, what has no effect is a warning.

use super::cidr::{self, CidrError};
use super::region;
use crate::annotations::attributes::{self, ResourceKind};
use crate::annotations::value::{ItemKind, MapKind, TextKind, ValueFinding, ValueKind, is_id, not_one_of};
use crate::api::ingress_class_params::{
    Attribute, IngressClassParamsSpec, Listener, LoadBalancerIpAddressType, LoadBalancerScheme,
};
use crate::api::{IngressClassParams, selector};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Severity, shorten};
use std::collections::BTreeSet;

/// The parameters, as findings name them.
pub fn params_ref(params: &IngressClassParams) -> ObjectRef {
    let name = params.metadata.name.clone().unwrap_or_default();
    ObjectRef { kind: "IngressClassParams", namespace: String::new(), name }
}

/// What is wrong with the parameters of a class.
pub fn check(config: &Config, params: &IngressClassParams) -> Vec<Finding> {
    let object = params_ref(params);
    let checks = ClassParamsChecks { config, object: &object, spec: &params.spec };
    let mut findings = checks.values();
    findings.extend(checks.subnets());
    findings.extend(checks.namespaces());
    findings.extend(checks.ranges());
    findings.extend(checks.tags());
    findings.extend(checks.attributes(
        "loadBalancerAttributes",
        ResourceKind::Application,
        checks.balancer(),
    ));
    findings.extend(checks.listeners());
    findings.extend(checks.contradictions());
    findings
}

struct ClassParamsChecks<'c> {
    config: &'c Config,
    object: &'c ObjectRef,
    spec: &'c IngressClassParamsSpec,
}

impl ClassParamsChecks<'_> {
    fn found(&self, field: &str, value_finding: ValueFinding) -> Finding {
        let ValueFinding { severity, problem, hint } = value_finding;
        let finding = match severity {
            Severity::Error => Finding::error(self.object, problem),
            Severity::Warning => Finding::warning(self.object, problem),
        };
        Finding { hint: hint.map(shorten), ..finding.at(format!("spec.{field}")) }
    }

    fn warning(&self, field: &str, problem: impl Into<String>) -> Finding {
        self.found(field, ValueFinding::warning(problem))
    }

    /// Each value on its own.
    fn values(&self) -> Vec<Finding> {
        let spec = self.spec;
        let pool = spec.ipam_configuration.as_ref().and_then(|ipam| ipam.ipv4_ipam_pool_id.as_ref());
        let single = [
            (
                "loadBalancerName",
                spec.load_balancer_name.as_ref(),
                ValueKind::Text(TextKind::LoadBalancerName),
            ),
            (
                "group.name",
                spec.group.as_ref().map(|group| &group.name),
                ValueKind::Text(TextKind::GroupName),
            ),
            ("sslPolicy", spec.ssl_policy.as_ref(), ValueKind::Text(TextKind::SslPolicy)),
            ("sslRedirectPort", spec.ssl_redirect_port.as_ref(), ValueKind::Integer(1, 65_535)),
            ("ipamConfiguration.ipv4IPAMPoolId", pool, ValueKind::Text(TextKind::IpamPool)),
            ("wafv2AclArn", spec.wafv2_acl_arn.as_ref(), ValueKind::Text(TextKind::WebAclArn)),
            ("wafv2AclName", spec.wafv2_acl_name.as_ref(), ValueKind::Text(TextKind::WebAclName)),
        ];
        let listed = [
            ("certificateArn", &spec.certificate_arn, ItemKind::Certificate),
            ("prefixListsIDs", &spec.prefix_lists_ids, ItemKind::PrefixList),
            ("PrefixListsIDs", &spec.prefix_lists_ids_legacy, ItemKind::PrefixList),
        ];
        // why: an empty text counts as absent
        let given = single.into_iter().filter_map(|(field, text, kind)| {
            Some((field.to_owned(), text.filter(|text| !text.is_empty())?, kind))
        });
        let items = listed.into_iter().flat_map(|(field, items, kind)| {
            let items = items.iter().flatten().enumerate();
            items.map(move |(index, item)| (format!("{field}[{index}]"), item, ValueKind::List(kind)))
        });
        let mut findings = Vec::new();
        for (field, text, kind) in given.chain(items) {
            let value_findings = kind.check("", text).into_iter().chain(region::check(text, self.config));
            findings.extend(value_findings.map(|value_finding| self.found(&field, value_finding)));
        }
        findings
    }

    /// why: the schema takes any text that has the form of an id somewhere in it.
    fn subnets(&self) -> Vec<Finding> {
        let Some(subnets) = &self.spec.subnets else { return Vec::new() };
        let ids = subnets.ids.iter().flatten().enumerate().filter(|(_, id)| !is_id(id, "subnet-"));
        let wrong = ids.map(|(index, id)| {
            let problem =
                format!("{id:?} is not the id of a subnet, expected subnet- and 8 or 17 hexadecimal digits");
            self.found(&format!("subnets.ids[{index}]"), ValueFinding::error(problem))
        });
        let empty = subnets.tags.iter().flatten().filter(|(_, values)| values.is_empty()).map(|(key, _)| {
            let problem = "is empty, expected the values that the tag may have";
            self.found(&format!("subnets.tags[{key}]"), ValueFinding::error(problem))
        });
        wrong.chain(empty).collect()
    }

    fn namespaces(&self) -> Option<Finding> {
        let error = selector::check(self.spec.namespace_selector.as_ref()?).err()?;
        Some(self.found("namespaceSelector", ValueFinding::error(error.to_string())))
    }

    fn ranges(&self) -> Vec<Finding> {
        let cidrs = self.spec.inbound_cidrs.as_deref().unwrap_or_default();
        let spelling = cidrs.iter().enumerate().filter_map(|(index, text)| match cidr::check(text) {
            Some(CidrError::Spelling(right)) => {
                let problem = format!("{text:?} is not as AWS spells it");
                let hint = format!("did you mean `{right}`?");
                Some(self.found(&format!("inboundCIDRs[{index}]"), ValueFinding::warning(problem).hint(hint)))
            }
            _ => None,
        });
        spelling.chain(self.repeated("inboundCIDRs", cidrs.iter().map(String::as_str))).collect()
    }

    fn tags(&self) -> Vec<Finding> {
        let tags = self.spec.tags.as_deref().unwrap_or_default();
        let mut findings = self.repeated_keys("tags", tags.iter().map(|tag| tag.key.as_str()));
        for (index, tag) in tags.iter().enumerate() {
            let value_finding = MapKind::Tags.check_pair(&tag.key, &tag.value);
            let is_foreign = self.config.external_managed_tags.contains(&tag.key);
            let problem = format!("tag key {:?} is managed outside of this controller", tag.key);
            let foreign = is_foreign.then(|| ValueFinding::error(problem));
            let value_findings = value_finding.into_iter().chain(foreign);
            findings.extend(
                value_findings.map(|value_finding| self.found(&format!("tags[{index}]"), value_finding)),
            );
        }
        findings
    }

    fn balancer(&self) -> &[Attribute] {
        self.spec.load_balancer_attributes.as_deref().unwrap_or_default()
    }

    fn attributes(&self, field: &str, resource_kind: ResourceKind, given: &[Attribute]) -> Vec<Finding> {
        let mut findings = self.repeated_keys(field, given.iter().map(|attribute| attribute.key.as_str()));
        let mut mistakes = 0;
        for (index, attribute) in given.iter().enumerate() {
            let (key, value) = (&attribute.key, &attribute.value);
            let value_finding = attributes::check_after(mistakes, resource_kind, key, value);
            mistakes += usize::from(value_finding.is_some());
            findings.extend(
                value_finding.map(|value_finding| self.found(&format!("{field}[{index}]"), value_finding)),
            );
        }
        findings
    }

    fn listeners(&self) -> Vec<Finding> {
        let listeners = self.spec.listeners.as_deref().unwrap_or_default();
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for (index, listener) in listeners.iter().enumerate() {
            let field = format!("listeners[{index}]");
            findings.extend(self.listener(&field, listener));
            if !seen.insert((&listener.protocol, listener.port)) {
                let problem = "is for the same protocol and port as one before, expected each once";
                findings.push(self.found(&field, ValueFinding::error(problem)));
            }
            let given = listener.listener_attributes.as_deref().unwrap_or_default();
            let field = format!("{field}.listenerAttributes");
            findings.extend(self.attributes(&field, ResourceKind::ApplicationListener, given));
        }
        findings
    }

    fn listener(&self, field: &str, listener: &Listener) -> Vec<Finding> {
        let protocol = listener.protocol.as_deref().unwrap_or_default();
        let port = listener.port.unwrap_or_default();
        let mut findings = Vec::new();
        if !matches!(protocol, "HTTP" | "HTTPS") {
            let value_finding = not_one_of(protocol, &["HTTP", "HTTPS"]);
            findings.push(self.found(&format!("{field}.protocol"), value_finding));
        }
        if !(1..=65_535).contains(&port) {
            let problem = format!("{port} is out of range, expected 1 to 65535");
            findings.push(self.found(&format!("{field}.port"), ValueFinding::error(problem)));
        }
        findings
    }

    fn contradictions(&self) -> Vec<Finding> {
        let spec = self.spec;
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let mut findings = Vec::new();
        if is_given(&spec.wafv2_acl_arn) && is_given(&spec.wafv2_acl_name) {
            findings.push(self.warning("wafv2AclArn", "has no effect beside spec.wafv2AclName"));
        }
        let is_internal = spec.scheme == Some(LoadBalancerScheme::Internal);
        if is_internal && spec.ip_address_type == Some(LoadBalancerIpAddressType::DualstackWithoutPublicIpv4)
        {
            let problem = "dualstack-without-public-ipv4 is for load balancers that face the internet";
            findings.push(self.found("ipAddressType", ValueFinding::error(problem)));
        }
        let pool = spec.ipam_configuration.as_ref().and_then(|ipam| ipam.ipv4_ipam_pool_id.as_deref());
        if is_internal && pool.is_some_and(|pool| !pool.is_empty()) {
            let problem = "is for load balancers that face the internet, and spec.scheme is internal";
            findings.push(self.warning("ipamConfiguration.ipv4IPAMPoolId", problem));
        }
        let is_ipv4 = spec.ip_address_type == Some(LoadBalancerIpAddressType::Ipv4);
        let cidrs = spec.inbound_cidrs.iter().flatten().enumerate();
        for (index, cidr) in cidrs.filter(|(_, cidr)| is_ipv4 && cidr.contains(':')) {
            let problem = format!("IPv6 range {cidr} has no effect on a load balancer without IPv6");
            findings.push(self.warning(&format!("inboundCIDRs[{index}]"), problem));
        }
        let capacity = spec.minimum_load_balancer_capacity.as_ref().map(|capacity| capacity.capacity_units);
        if let Some(units) = capacity.filter(|units| *units < 0) {
            let problem = format!("{units} is out of range, expected a whole number from 0");
            let field = "minimumLoadBalancerCapacity.capacityUnits";
            findings.push(self.found(field, ValueFinding::error(problem)));
        }
        findings
    }

    /// why: one of two values of a key is dropped without a word
    fn repeated_keys<'k>(&self, field: &str, keys: impl Iterator<Item = &'k str>) -> Vec<Finding> {
        let mut findings = self.repeated(field, keys);
        for finding in &mut findings {
            finding.severity = Severity::Error;
        }
        findings
    }

    fn repeated<'k>(&self, field: &str, keys: impl Iterator<Item = &'k str>) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let again = keys.enumerate().filter(|(_, key)| !seen.insert(*key));
        again
            .map(|(index, key)| self.warning(&format!("{field}[{index}]"), format!("{key:?} is given twice")))
            .collect()
    }
}

#[cfg(test)]
mod tests;
