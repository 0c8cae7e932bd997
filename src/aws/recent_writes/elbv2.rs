//! Load balancers, listeners, rules and target groups with our own recent writes.

use super::RecentWrite;
use crate::aws_api::elbv2::{
    CapacityReservation, DescribeListeners, DescribeLoadBalancers, DescribeRules, DescribeTags,
    DescribeTargetGroups, DescribeTargetHealth, HealthCheck, Listener, ListenerAction, ListenerCertificate,
    ListenerSettings, LoadBalancer, LoadBalancerAddress, Matcher, OidcAction, Page, Rule, SetSubnets,
    SubnetMapping, Target, TargetGroup, TargetHealth, TargetHealthState, ZoneMapping,
};
use crate::aws_api::{Attributes, Ref, Request, Response, Tags};
use std::collections::BTreeMap;
use std::sync::Arc;

type Writes<'a> = &'a [Arc<RecentWrite>];

fn ids<'a>(references: impl IntoIterator<Item = &'a Ref>) -> Vec<String> {
    references.into_iter().filter_map(|reference| reference.known().map(str::to_owned)).collect()
}

fn is(reference: &Ref, arn: &str) -> bool {
    reference.known() == Some(arn)
}

// ---- load balancers -------------------------------------------------------------------------------------------------

pub(super) fn load_balancers(
    read: &DescribeLoadBalancers,
    mut page: Page<LoadBalancer>,
    writes: Writes<'_>,
) -> Page<LoadBalancer> {
    let DescribeLoadBalancers { arns, names, marker: _ } = read;
    let is_last = page.next_marker.is_none();
    let is_asked = |made: &LoadBalancer| {
        (arns.is_empty() || arns.contains(&made.arn)) && (names.is_empty() || names.contains(&made.name))
    };
    for write in writes {
        if let Some(Response::CreateLoadBalancer(made)) = &write.response
            && is_last
            && is_asked(made)
            && !page.items.iter().any(|seen| seen.arn == made.arn)
        {
            page.items.push(made.clone());
        }
        if let Request::DeleteLoadBalancer(delete) = &write.request {
            page.items.retain(|seen| !is(&delete.arn, &seen.arn));
        }
        page.items.iter_mut().for_each(|seen| change_load_balancer(seen, &write.request));
    }
    page
}

fn change_load_balancer(seen: &mut LoadBalancer, write: &Request) {
    match write {
        Request::SetSecurityGroups(set) if is(&set.arn, &seen.arn) => {
            let mut groups = ids(&set.security_groups);
            groups.sort();
            let mut before = seen.security_groups.clone();
            before.sort();
            if groups != before {
                seen.security_groups = ids(&set.security_groups);
            }
            if let Some(enforce) = &set.enforce_inbound_rules_on_private_link {
                seen.enforce_inbound_rules_on_private_link = Some(enforce.clone());
            }
        }
        Request::SetSubnets(set) if is(&set.arn, &seen.arn) => change_subnets(seen, set),
        Request::SetIpAddressType(set) if is(&set.arn, &seen.arn) => {
            seen.ip_address_type = set.ip_address_type.clone();
        }
        Request::ModifyIpPools(set) if is(&set.arn, &seen.arn) => {
            seen.ipv4_ipam_pool_id.clone_from(&set.ipv4_ipam_pool_id);
        }
        _ => {}
    }
}

/// Zones that the answer shows already stay as it shows them: AWS tells more of them than was asked for.
fn change_subnets(seen: &mut LoadBalancer, set: &SetSubnets) {
    let before = std::mem::take(&mut seen.zones);
    let zone = |mapping: &SubnetMapping| {
        let shown = before.iter().find(|zone| zone.subnet_id == mapping.subnet_id);
        shown.cloned().unwrap_or_else(|| zone_of(mapping))
    };
    seen.zones = set.subnet_mappings.iter().map(zone).collect();
    if let Some(prefix) = &set.enable_prefix_for_ipv6_source_nat {
        seen.enable_prefix_for_ipv6_source_nat = Some(prefix.clone());
    }
}

fn zone_of(mapping: &SubnetMapping) -> ZoneMapping {
    let SubnetMapping {
        allocation_id,
        private_ipv4_address,
        ipv6_address,
        source_nat_ipv6_prefix,
        subnet_id,
    } = mapping;
    let address = LoadBalancerAddress {
        allocation_id: allocation_id.clone(),
        private_ipv4_address: private_ipv4_address.clone(),
        ipv6_address: ipv6_address.clone(),
    };
    ZoneMapping {
        zone_name: String::new(),
        subnet_id: subnet_id.clone(),
        source_nat_ipv6_prefixes: source_nat_ipv6_prefix.iter().cloned().collect(),
        addresses: if address == LoadBalancerAddress::default() { Vec::new() } else { vec![address] },
    }
}

pub(super) fn capacity(mut seen: CapacityReservation, writes: Writes<'_>) -> CapacityReservation {
    for write in writes {
        if let Request::ModifyCapacityReservation(set) = &write.request {
            seen.capacity_units = set.capacity_units;
        }
    }
    seen
}

// ---- target groups --------------------------------------------------------------------------------------------------

pub(super) fn target_groups(
    read: &DescribeTargetGroups,
    mut page: Page<TargetGroup>,
    writes: Writes<'_>,
) -> Page<TargetGroup> {
    let DescribeTargetGroups { arns, names, load_balancer_arn, marker: _ } = read;
    let is_last = page.next_marker.is_none() && load_balancer_arn.is_none();
    let is_asked = |made: &TargetGroup| {
        (arns.is_empty() || arns.contains(&made.arn)) && (names.is_empty() || names.contains(&made.name))
    };
    for write in writes {
        if let Some(Response::CreateTargetGroup(made)) = &write.response
            && is_last
            && is_asked(made)
            && !page.items.iter().any(|seen| seen.arn == made.arn)
        {
            page.items.push(made.clone());
        }
        if let Request::DeleteTargetGroup(delete) = &write.request {
            page.items.retain(|seen| !is(&delete.arn, &seen.arn));
        }
        if let Request::ModifyTargetGroup(set) = &write.request {
            let changed = page.items.iter_mut().filter(|seen| is(&set.arn, &seen.arn));
            changed.for_each(|seen| change_health_check(&mut seen.health_check, &set.health_check));
        }
    }
    page
}

/// Unset means: left as it was.
fn change_health_check(seen: &mut HealthCheck, set: &HealthCheck) {
    fn put<T: Clone>(seen: &mut Option<T>, set: Option<&T>) {
        if let Some(value) = set {
            *seen = Some(value.clone());
        }
    }
    let HealthCheck {
        port,
        protocol,
        path,
        matcher,
        interval_seconds,
        timeout_seconds,
        healthy_threshold,
        unhealthy_threshold,
    } = set;
    put(&mut seen.port, port.as_ref());
    put(&mut seen.protocol, protocol.as_ref());
    put(&mut seen.path, path.as_ref());
    if let Some(Matcher { http_code, grpc_code }) = matcher {
        let seen = seen.matcher.get_or_insert_default();
        put(&mut seen.http_code, http_code.as_ref());
        put(&mut seen.grpc_code, grpc_code.as_ref());
    }
    put(&mut seen.interval_seconds, interval_seconds.as_ref());
    put(&mut seen.timeout_seconds, timeout_seconds.as_ref());
    put(&mut seen.healthy_threshold, healthy_threshold.as_ref());
    put(&mut seen.unhealthy_threshold, unhealthy_threshold.as_ref());
}

/// ALBs as targets. What becomes of other targets is kept by [`crate::targets::target_group_state`], which also knows their health.
pub(super) fn alb_targets(
    read: &DescribeTargetHealth,
    mut seen: Vec<TargetHealth>,
    writes: Writes<'_>,
) -> Vec<TargetHealth> {
    let is_same = |one: &Target, other: &Target| (&one.id, one.port) == (&other.id, other.port);
    let is_alb = |target: &&Target| target.id.known().is_some_and(|id| id.contains(":loadbalancer/"));
    for write in writes {
        match &write.request {
            Request::RegisterTargets(register) => {
                for target in register.targets.iter().filter(is_alb) {
                    let is_asked =
                        read.targets.is_empty() || read.targets.iter().any(|one| is_same(one, target));
                    if is_asked && !seen.iter().any(|health| is_same(&health.target, target)) {
                        seen.push(registering(target));
                    }
                }
            }
            Request::DeregisterTargets(gone) => {
                let gone: Vec<&Target> = gone.targets.iter().filter(is_alb).collect();
                seen.retain(|health| !gone.iter().any(|target| is_same(&health.target, target)));
            }
            _ => {}
        }
    }
    seen
}

fn registering(target: &Target) -> TargetHealth {
    TargetHealth {
        target: target.clone(),
        state: TargetHealthState::Initial,
        reason: Some("Elb.RegistrationInProgress".to_owned()),
        description: None,
    }
}

// ---- tags and attributes --------------------------------------------------------------------------------------------

pub(super) fn tags(
    read: &DescribeTags,
    mut seen: BTreeMap<String, Tags>,
    writes: Writes<'_>,
) -> BTreeMap<String, Tags> {
    for write in writes {
        if let Some((arn, tags)) = tags_at_creation(write)
            && read.arns.iter().any(|asked| asked == arn)
        {
            seen.entry(arn.to_owned()).or_insert_with(|| tags.clone());
        }
        match &write.request {
            Request::AddTags(add) => {
                if let Some(tags) = add.arn.known().and_then(|arn| seen.get_mut(arn)) {
                    tags.extend(add.tags.clone());
                }
            }
            Request::RemoveTags(remove) => {
                if let Some(tags) = remove.arn.known().and_then(|arn| seen.get_mut(arn)) {
                    tags.retain(|key, _| !remove.keys.contains(key));
                }
            }
            _ => {}
        }
    }
    seen
}

fn tags_at_creation(write: &RecentWrite) -> Option<(&str, &Tags)> {
    match (&write.request, write.response.as_ref()?) {
        (Request::CreateLoadBalancer(create), Response::CreateLoadBalancer(made)) => {
            Some((&made.arn, &create.tags))
        }
        (Request::CreateTargetGroup(create), Response::CreateTargetGroup(made)) => {
            Some((&made.arn, &create.tags))
        }
        (Request::CreateListener(create), Response::CreateListener(made)) => Some((&made.arn, &create.tags)),
        (Request::CreateRule(create), Response::CreateRule(made)) => Some((&made.arn, &create.tags)),
        _ => None,
    }
}

pub(super) fn attributes(mut seen: Attributes, writes: Writes<'_>) -> Attributes {
    for write in writes {
        match &write.request {
            Request::ModifyLoadBalancerAttributes(set) => seen.extend(set.attributes.clone()),
            Request::ModifyTargetGroupAttributes(set) => seen.extend(set.attributes.clone()),
            Request::ModifyListenerAttributes(set) => seen.extend(set.attributes.clone()),
            _ => {}
        }
    }
    seen
}

// ---- listeners ------------------------------------------------------------------------------------------------------

pub(super) fn listeners(
    read: &DescribeListeners,
    mut page: Page<Listener>,
    writes: Writes<'_>,
) -> Page<Listener> {
    let is_last = page.next_marker.is_none();
    for write in writes {
        if let Some(Response::CreateListener(made)) = &write.response
            && is_last
            && is(&read.load_balancer_arn, &made.load_balancer_arn)
            && !page.items.iter().any(|seen| seen.arn == made.arn)
        {
            page.items.push(made.clone());
        }
        match &write.request {
            Request::DeleteListener(delete) => page.items.retain(|seen| !is(&delete.arn, &seen.arn)),
            Request::DeleteLoadBalancer(delete) => {
                page.items.retain(|seen| !is(&delete.arn, &seen.load_balancer_arn));
            }
            Request::ModifyListener(set) => {
                let changed = page.items.iter_mut().filter(|seen| is(&set.arn, &seen.arn));
                changed.for_each(|seen| change_listener(seen, &set.settings));
            }
            _ => {}
        }
    }
    page
}

fn change_listener(seen: &mut Listener, set: &ListenerSettings) {
    let ListenerSettings {
        port,
        protocol,
        default_actions,
        certificate,
        ssl_policy,
        alpn_policy,
        mutual_authentication,
    } = set;
    seen.port = *port;
    seen.protocol = protocol.clone();
    if !default_actions.is_empty() {
        seen.default_actions = shown(default_actions);
    }
    if let Some(certificate) = certificate.as_ref().and_then(Ref::known) {
        seen.certificates = vec![certificate.to_owned()];
    }
    if ssl_policy.is_some() {
        seen.ssl_policy.clone_from(ssl_policy);
    }
    if !alpn_policy.is_empty() {
        seen.alpn_policy.clone_from(alpn_policy);
    }
    if mutual_authentication.is_some() {
        seen.mutual_authentication.clone_from(mutual_authentication);
    }
}

/// Actions as AWS shows them: without client secrets.
fn shown(actions: &[ListenerAction]) -> Vec<ListenerAction> {
    let show = |action: &ListenerAction| match action {
        ListenerAction::AuthenticateOidc(oidc) => ListenerAction::AuthenticateOidc(OidcAction {
            client_secret: None,
            use_existing_client_secret: None,
            ..oidc.clone()
        }),
        other => other.clone(),
    };
    actions.iter().map(show).collect()
}

pub(super) fn certificates(
    mut page: Page<ListenerCertificate>,
    writes: Writes<'_>,
) -> Page<ListenerCertificate> {
    let is_last = page.next_marker.is_none();
    for write in writes {
        match &write.request {
            Request::CreateListener(create) => {
                set_default(&mut page.items, create.settings.certificate.as_ref(), is_last);
            }
            Request::ModifyListener(set) => {
                set_default(&mut page.items, set.settings.certificate.as_ref(), is_last);
            }
            Request::AddListenerCertificate(add) => {
                let arn = add.certificate_arn.known().unwrap_or_default();
                if is_last && !page.items.iter().any(|seen| seen.arn == arn) {
                    page.items.push(ListenerCertificate { arn: arn.to_owned(), is_default: false });
                }
            }
            Request::RemoveListenerCertificate(remove) => {
                page.items.retain(|seen| seen.is_default || !is(&remove.certificate_arn, &seen.arn));
            }
            _ => {}
        }
    }
    page
}

fn set_default(seen: &mut Vec<ListenerCertificate>, certificate: Option<&Ref>, is_last: bool) {
    let Some(arn) = certificate.and_then(Ref::known) else { return };
    let is_shown = seen.iter().any(|one| one.is_default && one.arn == arn);
    if !is_shown && is_last {
        seen.retain(|one| !one.is_default);
        seen.push(ListenerCertificate { arn: arn.to_owned(), is_default: true });
    }
}

// ---- rules ----------------------------------------------------------------------------------------------------------

pub(super) fn rules(read: &DescribeRules, mut page: Page<Rule>, writes: Writes<'_>) -> Page<Rule> {
    let is_last = page.next_marker.is_none();
    for write in writes {
        if let (Request::CreateRule(create), Some(Response::CreateRule(made))) =
            (&write.request, &write.response)
            && is_last
            && create.listener_arn == read.listener_arn
            && !page.items.iter().any(|seen| seen.arn == made.arn)
        {
            page.items.push(made.clone());
        }
        match &write.request {
            Request::DeleteRule(delete) => page.items.retain(|seen| !is(&delete.arn, &seen.arn)),
            Request::DeleteListener(delete) if delete.arn == read.listener_arn => page.items.clear(),
            Request::ModifyRule(set) => {
                for seen in page.items.iter_mut().filter(|seen| is(&set.arn, &seen.arn)) {
                    seen.conditions.clone_from(&set.conditions);
                    seen.actions = shown(&set.actions);
                    seen.transforms.clone_from(&set.transforms);
                }
            }
            Request::SetRulePriorities(set) => {
                for (rule, priority) in &set.priorities {
                    let moved = page.items.iter_mut().filter(|seen| is(rule, &seen.arn));
                    moved.for_each(|seen| seen.priority = Some(*priority));
                }
            }
            _ => {}
        }
    }
    page
}
