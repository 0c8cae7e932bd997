//! Annotations of members that are not used, because the parameters of the class win.

use super::context::{GroupContext, MemberView};
use crate::api::ingress_class_params::{Attribute, IngressClassParamsSpec, Listener};
use crate::finding::Finding;
use crate::settings::{ContributorWarning, Diagnostics, WarningKind};
use std::collections::{BTreeMap, BTreeSet};

/// An annotation, the field of the parameters that wins over it, and the values of that field; `None`: it is unset.
struct OverridingField {
    suffix: &'static str,
    field: &'static str,
    /// Whether it is the class of the group's first member that counts.
    is_of_first: bool,
    says: fn(&IngressClassParamsSpec) -> Option<Vec<String>>,
}

const fn row(
    suffix: &'static str,
    field: &'static str,
    says: fn(&IngressClassParamsSpec) -> Option<Vec<String>>,
) -> OverridingField {
    OverridingField { suffix, field, is_of_first: false, says }
}

const ROWS: &[OverridingField] = &[
    row("group.name", "group.name", |params| one(params.group.as_ref().map(|group| group.name.as_str()))),
    row("scheme", "scheme", |params| one(params.scheme.map(<&str>::from))),
    row("ip-address-type", "ipAddressType", |params| one(params.ip_address_type.map(<&str>::from))),
    row("load-balancer-name", "loadBalancerName", |params| one(params.load_balancer_name.as_deref())),
    row("target-type", "targetType", |params| one(params.target_type.map(<&str>::from))),
    row("certificate-source", "certificateSource", |params| one(params.certificate_source.map(<&str>::from))),
    row("certificate-arn", "certificateArn", |params| list(params.certificate_arn.as_ref())),
    row("ssl-policy", "sslPolicy", |params| one(params.ssl_policy.as_deref())),
    row("ssl-redirect", "sslRedirectPort", |params| one(params.ssl_redirect_port.as_deref())),
    row("inbound-cidrs", "inboundCIDRs", |params| list(params.inbound_cidrs.as_ref())),
    row("security-group-prefix-lists", "prefixListsIDs", |params| {
        list(params.prefix_lists_ids.as_ref()).or_else(|| list(params.prefix_lists_ids_legacy.as_ref()))
    }),
    row("subnets", "subnets", |params| {
        let ids = params.subnets.as_ref().map(|subnets| subnets.ids.clone().unwrap_or_default());
        ids.map(|ids| if ids.is_empty() { vec!["tags".to_owned()] } else { ids })
    }),
    row("wafv2-acl-name", "wafv2AclName", |params| one(params.wafv2_acl_name.as_deref())),
    row("wafv2-acl-arn", "wafv2AclArn", |params| one(params.wafv2_acl_arn.as_deref())),
    OverridingField {
        is_of_first: true,
        ..row("ipam-ipv4-pool-id", "ipamConfiguration.ipv4IPAMPoolId", |params| {
            one(params.ipam_configuration.as_ref()?.ipv4_ipam_pool_id.as_deref())
        })
    },
    OverridingField {
        is_of_first: true,
        ..row("minimum-load-balancer-capacity", "minimumLoadBalancerCapacity", |params| {
            let units = params.minimum_load_balancer_capacity?.capacity_units;
            Some(vec![format!("CapacityUnits={units}")])
        })
    },
];

fn one(text: Option<&str>) -> Option<Vec<String>> {
    text.filter(|text| !text.is_empty()).map(|text| vec![text.to_owned()])
}

fn list(items: Option<&Vec<String>>) -> Option<Vec<String>> {
    items.filter(|items| !items.is_empty()).cloned()
}

/// Warns every member of its annotations that are not used.
pub(super) fn warn(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) {
    let first = group.members.first();
    for member in group.members_with_settings() {
        let of_rows = ROWS.iter().filter_map(|row| {
            let by = if row.is_of_first { first? } else { member };
            overridden(member, by, row)
        });
        let of_keys = first.into_iter().flat_map(|first| overridden_keys(member, first));
        for finding in of_rows.chain(of_keys) {
            diagnostics.warn(member.index, ContributorWarning { kind: WarningKind::Overridden, finding });
        }
    }
}

fn overridden(member: &MemberView<'_>, by: &MemberView<'_>, row: &OverridingField) -> Option<Finding> {
    let said = (row.says)(by.params?)?;
    let own = member.annotations.list(row.suffix).filter(|own| !own.is_empty())?;
    let is_same = BTreeSet::from_iter(&own) == BTreeSet::from_iter(&said);
    (!is_same).then(|| finding(member, by, row.suffix, &own.join(","), (row.field, &said.join(","))))
}

/// The same of what is given key by key.
fn overridden_keys(member: &MemberView<'_>, first: &MemberView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(params) = member.params {
        let tags = params.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        findings.extend(differing(member, member, "tags", ("tags", &tags)));
    }
    if let Some(params) = first.params {
        let said = pairs(params.load_balancer_attributes.as_deref());
        let field = "loadBalancerAttributes";
        findings.extend(differing(member, first, "load-balancer-attributes", (field, &said)));
        for Listener { protocol, port, listener_attributes } in params.listeners.iter().flatten() {
            let Some((protocol, port)) = protocol.as_ref().zip(*port) else { continue };
            let suffix = format!("listener-attributes.{protocol}-{port}");
            let said = pairs(listener_attributes.as_deref());
            let field = "listeners.listenerAttributes";
            findings.extend(differing(member, first, &suffix, (field, &said)));
        }
    }
    findings
}

fn differing(
    member: &MemberView<'_>,
    by: &MemberView<'_>,
    suffix: &str,
    (field, said): (&str, &BTreeMap<&str, &str>),
) -> Vec<Finding> {
    // why: what cannot be read is told as a mistake
    let own = member.annotations.map(suffix).ok().flatten().unwrap_or_default();
    let findings = own.into_iter().filter_map(|(key, value)| {
        let instead = said.get(key.as_str()).filter(|instead| **instead != value)?;
        let (own, instead) = (format!("{key}={value}"), format!("{key}={instead}"));
        Some(finding(member, by, suffix, &own, (field, &instead)))
    });
    findings.collect()
}

fn pairs(attributes: Option<&[Attribute]>) -> BTreeMap<&str, &str> {
    let pairs = attributes.unwrap_or_default().iter();
    pairs.map(|Attribute { key, value }| (key.as_str(), value.as_str())).collect()
}

fn finding(
    member: &MemberView<'_>,
    by: &MemberView<'_>,
    suffix: &str,
    own: &str,
    (field, said): (&str, &str),
) -> Finding {
    let class = by.class.unwrap_or_default();
    let problem =
        format!("{own:?} is not used: spec.{field} of IngressClassParams {class:?} wins, and it is {said:?}");
    let hint = "remove the annotation, or use a class that leaves it open";
    Finding::warning(&member.object, problem).at(member.annotations.key(suffix)).hint(hint)
}
