//! Which member asks for what belongs to the whole group.

use super::context::{GroupContext, MemberView};
use crate::annotations::ALB_PREFIX;
use crate::settings::shared_setting::{KeyedSetting, SharedPart, SharedSetting};
use std::collections::BTreeMap;

/// Annotations of the ALB, without prefix.
const OF_BALANCER: &[&str] = &[
    "load-balancer-attributes",
    "load-balancer-name",
    "subnets",
    "security-groups",
    "security-group-prefix-lists",
    "inbound-cidrs",
    "customer-owned-ipv4-pool",
    "ipam-ipv4-pool-id",
    "minimum-load-balancer-capacity",
    "tags",
];

/// The settings of all members.
pub(super) fn read(group: &GroupContext<'_>) -> Vec<SharedSetting> {
    group.members_with_settings().flat_map(|member| of_annotations(member).chain(of_class(member))).collect()
}

fn of_annotations<'m>(member: &'m MemberView<'_>) -> impl Iterator<Item = SharedSetting> + 'm {
    let own = member.raw_annotations.into_iter().flatten().filter_map(|(key, value)| {
        let suffix = key.strip_prefix(ALB_PREFIX)?.strip_prefix('/')?;
        Some((key, suffix, part_of(suffix)?, value))
    });
    own.map(|(key, suffix, part, value)| {
        let source = format!("Ingress {}, {key}", member.key);
        let kind = kind_of(suffix);
        let values = kind.and_then(|_| member.annotations.map(suffix).ok().flatten()).unwrap_or_default();
        SharedSetting {
            part,
            names: names_in(value),
            source,
            contributor: Some(member.key.clone()),
            values,
            kind,
        }
    })
}

fn kind_of(suffix: &str) -> Option<KeyedSetting> {
    match suffix {
        "load-balancer-attributes" | "frontend-nlb-attributes" => Some(KeyedSetting::Attributes),
        "tags" | "frontend-nlb-tags" => Some(KeyedSetting::Tags),
        _ => None,
    }
}

fn part_of(suffix: &str) -> Option<SharedPart> {
    match suffix {
        "wafv2-acl-arn" | "wafv2-acl-name" => Some(SharedPart::WebAcl),
        "waf-acl-id" | "web-acl-id" => Some(SharedPart::ClassicWebAcl),
        "shield-advanced-protection" => Some(SharedPart::Shield),
        suffix if suffix.starts_with("frontend-nlb-") => Some(SharedPart::FrontendNlb),
        suffix if OF_BALANCER.contains(&suffix) => Some(SharedPart::LoadBalancer),
        _ => None,
    }
}

/// What stands in a list: items, and the keys of pairs.
fn names_in(value: &str) -> Vec<String> {
    let items = value.split(',').map(|item| item.split_once('=').map_or(item, |(key, _)| key).trim());
    items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn of_class<'m>(member: &'m MemberView<'_>) -> impl Iterator<Item = SharedSetting> + 'm {
    let balancer = SharedPart::LoadBalancer;
    member.params.into_iter().flat_map(move |params| {
        let attributes = params.load_balancer_attributes.iter().flatten();
        let attributes = attributes.map(|one| (one.key.clone(), one.value.clone())).collect();
        let tags = params.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let subnets = params.subnets.iter().flat_map(|subnets| subnets.ids.iter().flatten()).cloned();
        let lists = params.prefix_lists_ids.iter().chain(&params.prefix_lists_ids_legacy).flatten().cloned();
        let acls = params.wafv2_acl_arn.iter().chain(&params.wafv2_acl_name).cloned();
        let source = |field: &str| format!("IngressClassParams of Ingress {}, spec.{field}", member.key);
        let given: [(&str, SharedPart, Vec<String>); 3] = [
            ("subnets", balancer, subnets.collect()),
            ("prefixListsIDs", balancer, lists.collect()),
            ("wafv2AclArn", SharedPart::WebAcl, acls.collect()),
        ];
        let plain = given.into_iter().map(move |(field, part, names)| SharedSetting {
            part,
            names,
            source: source(field),
            contributor: None,
            values: BTreeMap::new(),
            kind: None,
        });
        let by_key: [(&str, KeyedSetting, BTreeMap<String, String>); 2] = [
            ("loadBalancerAttributes", KeyedSetting::Attributes, attributes),
            ("tags", KeyedSetting::Tags, tags),
        ];
        let by_key = by_key.into_iter().map(move |(field, kind, values)| SharedSetting {
            part: balancer,
            names: values.keys().cloned().collect(),
            source: source(field),
            contributor: None,
            values,
            kind: Some(kind),
        });
        plain.chain(by_key).filter(|setting| !setting.names.is_empty())
    })
}
