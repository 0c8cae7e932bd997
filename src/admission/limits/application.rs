//! Rules for Application Load Balancers, and for the NLB in front of one.

use super::{forward, many_target_groups, most_rules, shared, target_group};
use crate::annotations::ALB_PREFIX;
use crate::api::Ingress;
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{HealthCheck, IpAddressType, ListenerAction, LoadBalancerType, Protocol, Scheme};
use crate::finding::{Finding, ObjectRef};
use crate::model::{AlbTarget, Listener, ResourceId, Stack};
use std::collections::{BTreeMap, BTreeSet};

/// Annotations of target groups. why: the target type is left out, since it is often set for all Ingresses alike
const TARGET_SETTINGS: &[&str] = &[
    "backend-protocol",
    "backend-protocol-version",
    "healthcheck-interval-seconds",
    "healthcheck-path",
    "healthcheck-port",
    "healthcheck-protocol",
    "healthcheck-timeout-seconds",
    "healthy-threshold-count",
    "multi-cluster-target-group",
    "success-codes",
    "target-group-attributes",
    "target-node-labels",
    "unhealthy-threshold-count",
];
const STICKINESS: &str = "stickiness.enabled";
/// Length of a tag's value, which the name of a target group within the group becomes.
const MAX_TAG_VALUE: usize = 256;

/// What AWS would say to what is built of an Ingress. `is_alone`: nothing is missing that another member could bring.
pub fn of_ingress(
    object: &ObjectRef,
    ingress: &Ingress,
    stack: Option<&Stack>,
    is_alone: bool,
) -> Vec<Finding> {
    let Some(stack) = stack else { return Vec::new() };
    let key = |suffix: &str| format!("{ALB_PREFIX}/{suffix}");
    let mut findings = shared(object, stack, key("tags"), key("security-groups"));
    findings.extend(many_rules(object, stack));
    findings.extend(long_names(object, stack));
    findings.extend(many_targets(object, stack));
    findings.extend(half_stickiness(object, stack));
    findings.extend(idle_target_settings(object, ingress, stack));
    if is_alone {
        findings.extend(frontend_checks(object, stack));
        findings.extend(public_addresses(object, stack));
    }
    findings
}

fn many_rules(object: &ObjectRef, stack: &Stack) -> Option<Finding> {
    super::many_rules(most_rules(stack)).map(|problem| Finding::warning(object, problem).at("spec.rules"))
}

/// Target groups of the ALB, those of the NLB in front left aside.
fn many_targets(object: &ObjectRef, stack: &Stack) -> Option<Finding> {
    let of_nlb = |id: &ResourceId| stack.alb_targets.contains_key(id);
    let count = stack.target_groups.keys().filter(|id| !of_nlb(id)).count();
    many_target_groups(count).map(|problem| Finding::warning(object, problem).at("spec.rules"))
}

/// Settings of target groups where every rule answers by itself.
fn idle_target_settings(object: &ObjectRef, ingress: &Ingress, stack: &Stack) -> Vec<Finding> {
    if !stack.target_groups.is_empty() {
        return Vec::new();
    }
    let given = ingress.metadata.annotations.iter().flatten().map(|(key, _)| key);
    let idle = given.filter(|key| {
        let suffix = key.strip_prefix(ALB_PREFIX).and_then(|rest| rest.strip_prefix('/'));
        suffix.is_some_and(|suffix| TARGET_SETTINGS.contains(&suffix))
    });
    let problem = "has no effect: no rule leads to a target group that is made for this Ingress";
    idle.map(|key| Finding::warning(object, problem).at(key)).collect()
}

/// Stickiness of targets where a rule splits traffic without stickiness of the group, which AWS refuses.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
fn half_stickiness(object: &ObjectRef, stack: &Stack) -> Vec<Finding> {
    let of_rules = stack.rules.values().flat_map(|rule| &rule.actions);
    let of_listeners = stack.listeners.values().flat_map(|listener| &listener.default_actions);
    let mut told = BTreeSet::new();
    for action in of_rules.chain(of_listeners) {
        let ListenerAction::Forward(forward) = action else { continue };
        let is_sticky = forward.stickiness.as_ref().is_some_and(|sticky| sticky.enabled == Some(true));
        if forward.target_groups.len() < 2 || is_sticky {
            continue;
        }
        let groups = forward.target_groups.iter().filter_map(|tuple| match &tuple.target_group {
            Ref::Pending(symbol) => Some(symbol.id.as_str()),
            Ref::Known(_) => None,
        });
        let sticky = groups.filter(|id| {
            let group = stack.target_groups.get(&ResourceId::from(*id));
            group.is_some_and(|group| group.attributes.get(STICKINESS).is_some_and(|on| on == "true"))
        });
        told.extend(sticky.map(str::to_owned));
    }
    let found = told.into_iter().map(|id| {
        let problem = format!(
            "{STICKINESS}=true of target group {id} needs stickiness between the target groups of the rules that split \
             traffic to it"
        );
        let hint = "set targetGroupStickinessConfig {\"enabled\": true, \"durationSeconds\": 3600} in the forwardConfig";
        Finding::error(object, problem).at(format!("{ALB_PREFIX}/target-group-attributes")).hint(hint)
    });
    found.collect()
}

/// Public addresses of a load balancer that faces nobody outside.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
fn public_addresses(object: &ObjectRef, stack: &Stack) -> Vec<Finding> {
    let balancers = stack.load_balancers.values();
    let internal = balancers.filter(|balancer| {
        balancer.kind == LoadBalancerType::Application && balancer.scheme == Scheme::Internal
    });
    let mut findings = Vec::new();
    for balancer in internal {
        let wrong = [
            ("ip-address-type", balancer.ip_address_type == IpAddressType::DualstackWithoutPublicIpv4),
            ("ipam-ipv4-pool-id", balancer.ipv4_ipam_pool_id.is_some()),
        ];
        findings.extend(wrong.into_iter().filter(|(_, is_wrong)| *is_wrong).map(|(suffix, _)| {
            let problem = "is for load balancers that face the internet, but the scheme is internal";
            let is_refused = suffix == "ip-address-type";
            let finding = if is_refused { Finding::error } else { Finding::warning };
            finding(object, problem)
                .at(format!("{ALB_PREFIX}/{suffix}"))
                .hint(format!("set {ALB_PREFIX}/scheme: internet-facing"))
        }));
    }
    findings
}

fn long_names(object: &ObjectRef, stack: &Stack) -> Option<Finding> {
    let longest = stack.target_groups.keys().max_by_key(|id| id.as_str().len())?.as_str();
    let problem = format!(
        "{longest:?} names a target group in a tag and has {} characters, expected at most {MAX_TAG_VALUE}",
        longest.len()
    );
    let is_long = longest.len() > MAX_TAG_VALUE;
    is_long.then(|| Finding::error(object, problem).at("metadata.name").hint("use shorter names"))
}

/// Health checks of the NLB that no listener of the ALB answers as it should.
fn frontend_checks(object: &ObjectRef, stack: &Stack) -> Vec<Finding> {
    let listeners = stack.listeners.values();
    let of_alb: BTreeMap<i32, &Protocol> = listeners
        .filter(|listener| matches!(listener.protocol, Protocol::Http | Protocol::Https))
        .map(|listener| (listener.port, &listener.protocol))
        .collect();
    let mut told = BTreeSet::new();
    let fronts = stack.listeners.values().filter_map(|listener| Some((listener, front(stack, listener)?)));
    let blind = fronts.filter_map(|(listener, (check, target))| {
        let (suffix, problem) = blindness(check, target.port, &of_alb)?;
        let problem = format!("{problem}, so port {} of the NLB is never healthy", listener.port);
        told.insert((suffix, problem.clone())).then_some((suffix, problem))
    });
    blind
        .map(|(suffix, problem)| Finding::warning(object, problem).at(format!("{ALB_PREFIX}/{suffix}")))
        .collect()
}

/// The health check of a listener of the NLB, and the listener of the ALB that it leads to.
fn front<'s>(stack: &'s Stack, listener: &Listener) -> Option<(&'s HealthCheck, &'s AlbTarget)> {
    let tuple = forward(listener)?.target_groups.first()?;
    let check = target_group(stack, tuple)?.health_check.as_ref()?;
    let Ref::Pending(symbol) = &tuple.target_group else { return None };
    Some((check, stack.alb_targets.get(&ResourceId::from(symbol.id.as_str()))?))
}

/// Why a health check fails whatever the targets do, and the annotation that is to blame.
fn blindness(
    check: &HealthCheck,
    traffic: i32,
    listeners: &BTreeMap<i32, &Protocol>,
) -> Option<(&'static str, String)> {
    let port = check.port.as_deref().and_then(|port| port.parse().ok()).unwrap_or(traffic);
    let Some(spoken) = listeners.get(&port) else {
        let problem = format!("health checks go to port {port}, where no listener is");
        return Some(("frontend-nlb-healthcheck-port", problem));
    };
    let asked = check.protocol.as_ref()?;
    // why: plain HTTP on an HTTPS listener is answered with 400
    let codes = check.matcher.as_ref().and_then(|matcher| matcher.http_code.as_deref()).unwrap_or_default();
    let is_answered = asked == *spoken || (*asked == Protocol::Http && takes_400(codes));
    let problem = format!("health checks speak {asked} to port {port}, where the listener speaks {spoken}");
    (!is_answered).then_some(("frontend-nlb-healthcheck-protocol", problem))
}

fn takes_400(codes: &str) -> bool {
    codes.split(',').any(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().ok();
        number(low).zip(number(high)).is_some_and(|(low, high)| (low..=high).contains(&400))
    })
}
