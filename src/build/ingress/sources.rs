//! Who asks for what belongs to the whole group: the load balancers and what protects them.

use super::scope::{MemberView, Scope};
use crate::annotations::ALB_PREFIX;
use crate::api::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

/// A part of a group's stack that members ask for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedPart {
    /// The ALB and its security group.
    LoadBalancer,
    /// The NLB in front of it.
    FrontendNlb,
    /// The WAFv2 web ACL.
    WebAcl,
    /// The web ACL of WAF Classic.
    ClassicWebAcl,
    /// Shield.
    Shield,
}

/// A setting of a shared part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    part: SharedPart,
    /// How AWS's words would name it: ids, keys, ARNs.
    names: Vec<String>,
    /// The object and its annotation or field.
    source: String,
    /// The member; `None`: its class says so.
    member: Option<ObjectKey>,
    /// Attributes or tags, with their values.
    values: BTreeMap<String, String>,
    kind: Option<ValueKind>,
}

/// What members give key by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueKind {
    /// Attributes.
    Attributes,
    /// Tags.
    Tags,
}

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
pub(super) fn settings(scope: &Scope<'_>) -> Vec<Setting> {
    scope.settlers().flat_map(|member| of_annotations(member).chain(of_class(member))).collect()
}

/// Who asks for what AWS refuses of a part in these words: whoever gives what they name; else all that ask for it.
pub(super) fn sources_of(settings: &[Setting], part: SharedPart, words: &str) -> Vec<String> {
    let of_part = || settings.iter().filter(|setting| setting.part == part);
    // why: one letter stands in any words
    let is_named_by = |name: &String| name.len() > 1 && words.contains(name.as_str());
    let is_named = |setting: &&Setting| setting.names.iter().any(is_named_by);
    let named: BTreeSet<String> = of_part().filter(is_named).map(|setting| setting.source.clone()).collect();
    if named.is_empty() && part != SharedPart::LoadBalancer {
        return of_part()
            .map(|setting| setting.source.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
    }
    named.into_iter().collect()
}

/// The members whose value of a key counts: the first that gives one, and those that say the same. None if a class gives one,
/// because that is nobody's in particular.
pub(super) fn givers<'s>(
    settings: &'s [Setting],
    part: SharedPart,
    kind: ValueKind,
    key: &str,
) -> BTreeSet<&'s ObjectKey> {
    let of_kind = settings.iter().filter(|setting| setting.part == part && setting.kind == Some(kind));
    let given: Vec<_> =
        of_kind.filter_map(|setting| Some((setting.member.as_ref(), setting.values.get(key)?))).collect();
    let first = given.first().map(|(_, value)| *value);
    let same = given.iter().filter(|(_, value)| Some(*value) == first).map(|(member, _)| *member);
    let is_of_class = given.iter().any(|(member, _)| member.is_none());
    same.flatten().filter(|_| !is_of_class).collect()
}

fn of_annotations<'m>(member: &'m MemberView<'_>) -> impl Iterator<Item = Setting> + 'm {
    let own = member.raw_annotations.into_iter().flatten().filter_map(|(key, value)| {
        let suffix = key.strip_prefix(ALB_PREFIX)?.strip_prefix('/')?;
        Some((key, suffix, part_of(suffix)?, value))
    });
    own.map(|(key, suffix, part, value)| {
        let source = format!("Ingress {}, {key}", member.key);
        let kind = kind_of(suffix);
        let values = kind.and_then(|_| member.annotations.map(suffix).ok().flatten()).unwrap_or_default();
        Setting { part, names: names_in(value), source, member: Some(member.key.clone()), values, kind }
    })
}

fn kind_of(suffix: &str) -> Option<ValueKind> {
    match suffix {
        "load-balancer-attributes" | "frontend-nlb-attributes" => Some(ValueKind::Attributes),
        "tags" | "frontend-nlb-tags" => Some(ValueKind::Tags),
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

fn of_class<'m>(member: &'m MemberView<'_>) -> impl Iterator<Item = Setting> + 'm {
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
        let plain = given.into_iter().map(move |(field, part, names)| Setting {
            part,
            names,
            source: source(field),
            member: None,
            values: BTreeMap::new(),
            kind: None,
        });
        let by_key: [(&str, ValueKind, BTreeMap<String, String>); 2] =
            [("loadBalancerAttributes", ValueKind::Attributes, attributes), ("tags", ValueKind::Tags, tags)];
        let by_key = by_key.into_iter().map(move |(field, kind, values)| Setting {
            part: balancer,
            names: values.keys().cloned().collect(),
            source: source(field),
            member: None,
            values,
            kind: Some(kind),
        });
        plain.chain(by_key).filter(|setting| !setting.names.is_empty())
    })
}
