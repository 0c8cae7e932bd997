//! Subnets of a LoadBalancerConfiguration, and the addresses in them.

use super::field_findings::FieldFindings;
use crate::annotations::value::ItemKind;
use crate::api::gateway_config::{LoadBalancerConfigurationSpec, SubnetConfiguration};
use crate::api::ingress_class_params::{LoadBalancerIpAddressType, LoadBalancerScheme};
use crate::finding::Severity;
use crate::gateway::Controller;
use crate::settings::gateway::incomplete_columns;

const FIELD: &str = "spec.loadBalancerSubnets";
const SELECTOR: &str = "spec.loadBalancerSubnetsSelector";

/// A column of `loadBalancerSubnets`.
struct SubnetField {
    name: &'static str,
    kind: ItemKind,
    /// Whether a value may be there twice.
    may_repeat: fn(&str) -> bool,
    read: fn(&SubnetConfiguration) -> Option<&String>,
}

const FIELDS: [SubnetField; 5] = [
    SubnetField {
        name: "identifier",
        kind: ItemKind::Subnet,
        // why: a name may be that of several subnets
        may_repeat: |text| !text.starts_with("subnet-"),
        read: |one| one.identifier.as_ref(),
    },
    SubnetField {
        name: "eipAllocation",
        kind: ItemKind::Allocation,
        may_repeat: |_| false,
        read: |one| one.eip_allocation.as_ref(),
    },
    SubnetField {
        name: "privateIPv4Allocation",
        kind: ItemKind::Ipv4,
        may_repeat: |_| false,
        read: |one| one.private_ipv4_allocation.as_ref(),
    },
    SubnetField {
        name: "ipv6Allocation",
        kind: ItemKind::Ipv6,
        may_repeat: |_| false,
        read: |one| one.ipv6_allocation.as_ref(),
    },
    SubnetField {
        name: "sourceNatIPv6Prefix",
        kind: ItemKind::SourceNatPrefix,
        may_repeat: |text| text == "auto_assigned",
        read: |one| one.source_nat_ipv6_prefix.as_ref(),
    },
];

pub(super) fn check(
    findings: &mut FieldFindings<'_>,
    spec: &LoadBalancerConfigurationSpec,
    controller: Option<Controller>,
) {
    let entries = spec.load_balancer_subnets.as_deref().unwrap_or_default();
    for field in &FIELDS {
        check_column(findings, entries, field);
    }
    for (name, problem) in incomplete_columns(entries) {
        findings.error(&format!("{FIELD}[].{name}"), problem);
    }
    for field in FIELDS.iter().skip(1) {
        let Some(index) = entries.iter().position(|entry| (field.read)(entry).is_some()) else { continue };
        let path = format!("{FIELD}[{index}].{}", field.name);
        if controller == Some(Controller::Alb) {
            findings.error(&path, format!("{} works only on NLBs", field.name));
        } else if let Some(problem) = contradiction(field.name, spec) {
            findings.error(&path, format!("{} {problem}", field.name));
        }
    }
    selector(findings, spec);
}

fn check_column(findings: &mut FieldFindings<'_>, entries: &[SubnetConfiguration], field: &SubnetField) {
    let given = || entries.iter().enumerate().filter_map(|(at, entry)| Some((at, (field.read)(entry)?)));
    for (index, text) in given() {
        findings.item(&format!("{FIELD}[{index}].{}", field.name), text, field.kind);
    }
    let single = given().map(|(at, text)| (at, text.as_str())).filter(|(_, text)| !(field.may_repeat)(text));
    findings.repeated(FIELD, Severity::Error, single);
}

/// What a static address contradicts, in the words of the build.
fn contradiction(field: &str, spec: &LoadBalancerConfigurationSpec) -> Option<String> {
    let needs = |scheme: LoadBalancerScheme| {
        let is_other = spec.scheme.is_some_and(|given| given != scheme);
        is_other.then(|| format!("works only on {} load balancers", <&str>::from(scheme)))
    };
    match field {
        "eipAllocation" => needs(LoadBalancerScheme::InternetFacing),
        "privateIPv4Allocation" => needs(LoadBalancerScheme::Internal),
        "ipv6Allocation" => {
            let is_other =
                spec.ip_address_type.is_some_and(|kind| kind != LoadBalancerIpAddressType::Dualstack);
            is_other.then(|| "works only on dualstack load balancers".to_owned())
        }
        _ => None,
    }
}

fn selector(findings: &mut FieldFindings<'_>, spec: &LoadBalancerConfigurationSpec) {
    let Some(selector) = &spec.load_balancer_subnets_selector else { return };
    for (key, values) in selector {
        let field = format!("{SELECTOR}[{key}]");
        if values.is_empty() {
            findings.error(&field, "is empty, expected the values that the tag may have");
        }
        let values = values.iter().map(String::as_str);
        findings.repeated(&field, Severity::Warning, values.enumerate());
    }
    let listed = spec.load_balancer_subnets.iter().flatten().any(|entry| entry.identifier.is_some());
    if listed && !selector.is_empty() {
        findings.warn(SELECTOR, "has no effect beside identifiers in spec.loadBalancerSubnets");
    }
}
