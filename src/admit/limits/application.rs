//! Rules for Application Load Balancers, and for the NLB in front of one.

use super::{forward, shared, target_group};
use crate::annotations::ALB_PREFIX;
use crate::cloud::Ref;
use crate::cloud::elbv2::{HealthCheck, Protocol};
use crate::finding::{Finding, ObjectRef};
use crate::model::{AlbTarget, Listener, ResourceId, Stack};
use std::collections::{BTreeMap, BTreeSet};

/// Rules of a load balancer, unless AWS raises the quota.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const USUAL_RULES: usize = 100;
/// Length of a tag's value, which the name of a target group within the group becomes.
const MAX_TAG_VALUE: usize = 256;

/// What AWS would say to what is built of an Ingress. `is_alone`: nothing is missing that another member could bring.
pub fn of_ingress(object: &ObjectRef, stack: Option<&Stack>, is_alone: bool) -> Vec<Finding> {
    let Some(stack) = stack else { return Vec::new() };
    let key = |suffix: &str| format!("{ALB_PREFIX}/{suffix}");
    let mut findings = shared(object, stack, key("tags"), key("security-groups"));
    findings.extend(many_rules(object, stack));
    findings.extend(long_names(object, stack));
    if is_alone {
        findings.extend(frontend_checks(object, stack));
    }
    findings
}

fn many_rules(object: &ObjectRef, stack: &Stack) -> Option<Finding> {
    let mut by_listener: BTreeMap<&str, usize> = BTreeMap::new();
    for (listener, _) in stack.rules.keys() {
        *by_listener.entry(listener.as_str()).or_default() += 1;
    }
    let most = by_listener.into_values().max().filter(|count| *count > USUAL_RULES)?;
    let problem = format!("makes {most} rules on one listener, and AWS's usual limit is {USUAL_RULES}");
    Some(Finding::warning(object, problem).at("spec.rules"))
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
