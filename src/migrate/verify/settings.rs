//! Whether settings of load balancers, listeners and target groups are the same.

use super::answer::TargetGroupNames;
use super::{Difference, Weight};
use crate::api::IntOrString;
use crate::aws_api::elbv2::HealthCheck;
use crate::aws_api::{Attributes, Ref};
use crate::migrate::objects::MIGRATED_FROM;
use crate::model::{
    Binding, BindingIngress, BindingPeer, BindingPort, LoadBalancer, Protection, SecurityGroup, Stack,
    TargetGroup,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Fields by name, each as a text; an empty one is not set.
type ComparedFields = BTreeMap<&'static str, String>;

fn text<T: Debug>(value: Option<&T>) -> String {
    value.map(|value| format!("{value:?}")).unwrap_or_default()
}

fn list<T: Debug>(values: impl IntoIterator<Item = T>) -> String {
    let sorted: BTreeSet<String> = values.into_iter().map(|value| format!("{value:?}")).collect();
    sorted.into_iter().collect::<Vec<_>>().join(", ")
}

fn pairs(attributes: &Attributes) -> String {
    attributes.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// Adds what differs. `rows`: field, annotation it is from, and how much a difference weighs.
fn compare(
    place: &str,
    (before, after): (&ComparedFields, &ComparedFields),
    rows: &[(&'static str, &'static str, Weight)],
    into: &mut Vec<Difference>,
) {
    for (field, annotation, weight) in rows {
        let value = |fields: &ComparedFields| fields.get(field).cloned().unwrap_or_default();
        let (before, after) = (value(before), value(after));
        if before != after {
            into.push(Difference {
                what: format!("{place}: {field}"),
                annotation: (*annotation).to_owned(),
                before,
                after,
                reason: String::new(),
                weight: *weight,
            });
        }
    }
}

use Weight::{Setting, Traffic};

const LOAD_BALANCER: [(&str, &str, Weight); 11] = [
    ("scheme", "scheme", Traffic),
    ("address type", "ip-address-type", Traffic),
    ("subnets", "subnets", Traffic),
    ("security groups", "security-groups", Traffic),
    ("CoIP pool", "customer-owned-ipv4-pool", Traffic),
    ("IPAM pool", "ipam-ipv4-pool-id", Traffic),
    ("attributes", "load-balancer-attributes", Traffic),
    ("reserved capacity", "minimum-load-balancer-capacity", Setting),
    ("tags", "tags", Setting),
    ("PrivateLink", "inbound rules on PrivateLink", Traffic),
    ("IPv6 source NAT", "enable-prefix-for-ipv6-source-nat", Traffic),
];

fn load_balancer(found: &LoadBalancer) -> ComparedFields {
    let tags = found
        .tags
        .iter()
        .filter(|(key, _)| *key != MIGRATED_FROM)
        .map(|(key, value)| format!("{key}={value}"));
    let private_link = text(found.enforce_inbound_rules_on_private_link.as_ref());
    BTreeMap::from([
        ("scheme", format!("{:?}", found.scheme)),
        ("address type", format!("{:?}", found.ip_address_type)),
        ("subnets", list(&found.subnet_mappings)),
        ("security groups", list(found.security_groups.iter().map(security_group))),
        ("CoIP pool", text(found.customer_owned_ipv4_pool.as_ref())),
        ("IPAM pool", text(found.ipv4_ipam_pool_id.as_ref())),
        ("attributes", pairs(&found.attributes)),
        ("reserved capacity", text(found.minimum_capacity_units.filter(|units| *units != 0).as_ref())),
        ("tags", tags.collect::<Vec<_>>().join(", ")),
        ("PrivateLink", private_link),
        ("IPv6 source NAT", text(found.enable_prefix_for_ipv6_source_nat.as_ref())),
    ])
}

/// A security group by its id. why not more: one that is made has another resource on each side
fn security_group(group: &Ref) -> String {
    match group {
        Ref::Known(id) => id.clone(),
        Ref::Pending(_) => "a managed one".to_owned(),
    }
}

const PROTECTION: [(&str, &str, Weight); 3] = [
    ("WAF", "wafv2-acl-arn", Traffic),
    ("WAF Classic", "waf-acl-id", Traffic),
    ("Shield", "shield-advanced-protection", Traffic),
];

fn protection(found: &Protection) -> ComparedFields {
    let acl = |acl: &Option<String>| acl.clone().unwrap_or_default();
    BTreeMap::from([
        ("WAF", acl(&found.wafv2_web_acl_arn)),
        ("WAF Classic", acl(&found.waf_regional_web_acl_id)),
        ("Shield", if found.shield == Some(true) { "on".to_owned() } else { String::new() }),
    ])
}

/// Compares what the load balancers are, without listeners. `resource`: id of the load balancer on today's side.
pub(super) fn load_balancers(today: &Stack, generated: &Stack, resource: &str, into: &mut Vec<Difference>) {
    let of = |stack: &Stack| {
        let found =
            stack.load_balancers.get(&resource.into()).or_else(|| stack.load_balancers.values().next());
        found.map(load_balancer).unwrap_or_default()
    };
    compare("load balancer", (&of(today), &of(generated)), &LOAD_BALANCER, into);
    compare(
        "load balancer",
        (&protection(&today.protection), &protection(&generated.protection)),
        &PROTECTION,
        into,
    );
    let sources = |stack: &Stack| {
        let rules = |group: &SecurityGroup| {
            group
                .ingress
                .iter()
                .map(|rule| {
                    format!("{} {:?}-{:?} {:?}", rule.protocol, rule.from_port, rule.to_port, rule.source)
                })
                .collect::<Vec<_>>()
        };
        ComparedFields::from([("who may connect", list(stack.security_groups.values().flat_map(rules)))])
    };
    let row = [("who may connect", "inbound-cidrs", Traffic)];
    compare("security group", (&sources(today), &sources(generated)), &row, into);
}

const LISTENER: [(&str, &str, Weight); 7] = [
    ("protocol", "listen-ports", Traffic),
    ("default certificate", "certificate-arn", Traffic),
    ("certificates", "certificate-arn", Traffic),
    ("security policy", "ssl-policy", Traffic),
    ("mutual TLS", "mutual-authentication", Traffic),
    ("attributes", "listener-attributes", Traffic),
    ("ALPN", "alpn-policy", Traffic),
];

/// Listeners by port, without rules.
pub(super) fn listeners(
    today: &Stack,
    generated: &Stack,
    resource: &str,
    into: &mut Vec<Difference>,
) -> BTreeSet<i32> {
    let by_port = |stack: &Stack, only: Option<&str>| {
        let own =
            stack.listeners.values().filter(|found| only.is_none_or(|id| found.load_balancer.as_str() == id));
        own.map(|found| (found.port, found.clone())).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (by_port(today, Some(resource)), by_port(generated, None));
    let mut both = BTreeSet::new();
    for port in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let place = format!("listener {port}");
        let fields = |found: &crate::model::Listener| {
            let mutual = found.mutual_authentication.as_ref().filter(|mutual| mutual.mode != "off");
            let mutual = mutual.map(|mutual| format!("{mutual:?}")).unwrap_or_default();
            ComparedFields::from([
                ("protocol", format!("{:?}", found.protocol)),
                (
                    "default certificate",
                    found.certificates.first().map(ToString::to_string).unwrap_or_default(),
                ),
                ("certificates", list(found.certificates.iter().map(ToString::to_string))),
                ("security policy", found.ssl_policy.clone().unwrap_or_default()),
                ("mutual TLS", mutual),
                ("attributes", pairs(&found.attributes)),
                (
                    "ALPN",
                    found
                        .alpn_policy
                        .iter()
                        .filter(|policy| *policy != "None")
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
            ])
        };
        match (before.get(port), after.get(port)) {
            (Some(before), Some(after)) => {
                compare(&place, (&fields(before), &fields(after)), &LISTENER, into);
                both.insert(*port);
            }
            (before, _) => {
                let word = |is_there: bool| if is_there { "there" } else { "" }.to_owned();
                into.push(Difference {
                    what: place,
                    annotation: "listen-ports".to_owned(),
                    before: word(before.is_some()),
                    after: word(before.is_none()),
                    reason: "a listener without rules is none for a Gateway".to_owned(),
                    weight: Traffic,
                });
            }
        }
    }
    both
}

const TARGET_GROUP: [(&str, &str, Weight); 17] = [
    ("target type", "target-type", Traffic),
    ("port", "target-type", Traffic),
    ("protocol", "backend-protocol", Traffic),
    ("protocol version", "backend-protocol-version", Traffic),
    ("address type", "ip-address-type", Traffic),
    ("attributes", "target-group-attributes", Traffic),
    ("nodes", "target-node-labels", Traffic),
    ("shared between clusters", "multi-cluster-target-group", Traffic),
    ("target control port", "target-control-port", Traffic),
    ("who may reach targets", "manage-backend-security-group-rules", Traffic),
    // why: a check of another port, protocol or path may fail for every target
    ("health check port", "healthcheck-port", Traffic),
    ("health check protocol", "healthcheck-protocol", Traffic),
    ("health check path", "healthcheck-path", Traffic),
    ("health check codes", "success-codes", Setting),
    ("health check times", "healthcheck-interval-seconds", Setting),
    ("healthy threshold", "healthy-threshold-count", Setting),
    ("unhealthy threshold", "unhealthy-threshold-count", Setting),
];

fn target_group(found: &TargetGroup, binding: Option<&Binding>) -> ComparedFields {
    let none = HealthCheck::default();
    let check = found.health_check.as_ref().unwrap_or(&none);
    BTreeMap::from([
        ("target type", format!("{:?}", found.target_type)),
        ("port", text(found.port.as_ref())),
        ("protocol", format!("{:?}", found.protocol)),
        ("protocol version", found.protocol_version.clone().unwrap_or_default()),
        ("address type", format!("{:?}", found.ip_address_type)),
        ("attributes", pairs(&found.attributes)),
        ("nodes", text(binding.and_then(|binding| binding.node_selector.as_ref()))),
        (
            "shared between clusters",
            binding.filter(|binding| binding.multi_cluster).map(|_| "yes".to_owned()).unwrap_or_default(),
        ),
        ("target control port", text(found.target_control_port.as_ref())),
        ("who may reach targets", binding.map(networking).unwrap_or_default()),
        ("health check port", check.port.clone().unwrap_or_default()),
        ("health check protocol", text(check.protocol.as_ref())),
        ("health check path", check.path.clone().unwrap_or_default()),
        ("health check codes", codes(check)),
        (
            "health check times",
            format!(
                "{} every {}",
                text(check.timeout_seconds.as_ref()),
                text(check.interval_seconds.as_ref())
            ),
        ),
        ("healthy threshold", text(check.healthy_threshold.as_ref())),
        ("unhealthy threshold", text(check.unhealthy_threshold.as_ref())),
    ])
}

/// Who may reach the targets of a binding at which port, as far as the controller sees to it; empty: it does not.
// why not by rule: it does not matter whether two ports are opened by one rule or by two
fn networking(binding: &Binding) -> String {
    let peer = |peer: &BindingPeer| match peer {
        BindingPeer::IpBlock(block) => block.clone(),
        BindingPeer::SecurityGroup(group) => security_group(group),
    };
    let port = |port: &BindingPort| {
        let protocol = port.protocol.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
        let number = match &port.port {
            None => "all".to_owned(),
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(name)) => name.clone(),
        };
        format!("{protocol} {number}")
    };
    let of_rule = |rule: &BindingIngress| {
        let ports: Vec<String> = rule.ports.iter().map(port).collect();
        let open = |from: &BindingPeer| {
            let from = peer(from);
            ports.iter().map(|port| format!("{from} at {port}")).collect::<Vec<_>>()
        };
        rule.from.iter().flat_map(open).collect::<Vec<_>>()
    };
    let Some(rules) = &binding.networking else { return String::new() };
    let open: BTreeSet<String> = rules.iter().flat_map(of_rule).collect();
    if open.is_empty() { "nobody".to_owned() } else { open.into_iter().collect::<Vec<_>>().join(", ") }
}

fn codes(check: &HealthCheck) -> String {
    let codes = check.matcher.iter().flat_map(|matcher| matcher.http_code.iter().chain(&matcher.grpc_code));
    codes.cloned().collect::<Vec<_>>().join(", ")
}

/// Target groups by the port of their Service, each variant once.
fn variants(stack: &Stack, names: &TargetGroupNames) -> BTreeMap<String, Vec<ComparedFields>> {
    let mut all: BTreeMap<String, Vec<ComparedFields>> = BTreeMap::new();
    for (id, found) in &stack.target_groups {
        let fields = target_group(found, stack.bindings.get(id));
        let known = all.entry(names.get(id.as_str())).or_default();
        if !known.contains(&fields) {
            known.push(fields);
        }
    }
    all
}

/// The variant that is most like another one.
fn nearest<'a>(fields: &ComparedFields, variants: &'a [ComparedFields]) -> Option<&'a ComparedFields> {
    let distance = |other: &&ComparedFields| {
        other.iter().filter(|(key, value)| fields.get(*key) != Some(*value)).count()
    };
    variants.iter().min_by_key(distance)
}

/// Which variants of today stand beside which generated ones: each generated one beside the one that is most like it, and each of
/// today that is beside none, because it is lost, beside the generated one that is most like it.
fn beside<'a>(
    today: &'a [ComparedFields],
    generated: &'a [ComparedFields],
) -> Vec<(&'a ComparedFields, &'a ComparedFields)> {
    let of_generated = generated.iter().filter_map(|after| Some((nearest(after, today)?, after)));
    let mut beside: Vec<_> = of_generated.collect();
    for before in today {
        if !beside.iter().any(|(known, _)| *known == before) {
            beside.extend(nearest(before, generated).map(|after| (before, after)));
        }
    }
    beside
}

/// Compares target groups of the same port of a Service. Those of ports that only one side has are told by its rules.
pub(super) fn target_groups(
    (today, names): (&Stack, &TargetGroupNames),
    (generated, new_names): (&Stack, &TargetGroupNames),
    into: &mut Vec<Difference>,
) {
    let after = variants(generated, new_names);
    for (name, before) in variants(today, names) {
        let generated = after.get(&name).map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::new();
        for pair in beside(&before, generated) {
            compare(&format!("targets of {name}"), pair, &TARGET_GROUP, &mut found);
        }
        // why: two variants may differ from theirs in the same way
        for difference in found {
            if !into.contains(&difference) {
                into.push(difference);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_of_today_that_is_lost_stands_beside_the_one_most_like_it() {
        let of = |path: &str| ComparedFields::from([("health check path", path.to_owned())]);
        let (kept, lost) = (of("/kept"), of("/lost"));
        let (both, one) = ([kept.clone(), lost.clone()], [kept.clone()]);
        assert_eq!(beside(&both, &one), [(&kept, &kept), (&lost, &kept)]);
        assert_eq!(beside(&one, &both), [(&kept, &kept), (&kept, &lost)]);
        assert_eq!(beside(&both, &both), [(&kept, &kept), (&lost, &lost)]);
        assert!(beside(&both, &[]).is_empty());
    }

    #[test]
    fn ports_and_paths_of_checks_and_control_ports_weigh_as_traffic() {
        for field in
            ["target control port", "who may reach targets", "health check port", "health check path"]
        {
            let (before, after) = (
                ComparedFields::from([(field, "1".to_owned())]),
                ComparedFields::from([(field, "2".to_owned())]),
            );
            let mut found = Vec::new();
            compare("targets", (&before, &after), &TARGET_GROUP, &mut found);
            assert_eq!(found.iter().map(|found| found.weight).collect::<Vec<_>>(), [Traffic], "{field}");
        }
    }
}
