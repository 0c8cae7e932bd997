//! Which writes concern which read, and the answer with them applied.

use super::{RecentWrite, RecentWrites, elbv2, protection, security_groups};
use crate::aws_api::elbv2::{CapacityReservation, Page};
use crate::aws_api::{Attributes, CloudError, Ref, Request, Response, ec2};
use std::collections::BTreeMap;
use std::sync::Arc;

/// ARNs and ids of what a write concerns, what it lies in included.
pub(super) fn subjects(request: &Request, response: Option<&Response>) -> Vec<String> {
    use Request as R;
    let known = |reference: &Ref| reference.known().map(str::to_owned);
    let created = response.and_then(|response| match response {
        Response::CreateLoadBalancer(made) => Some(made.arn.clone()),
        Response::CreateTargetGroup(made) => Some(made.arn.clone()),
        Response::CreateListener(made) => Some(made.arn.clone()),
        Response::CreateRule(made) => Some(made.arn.clone()),
        Response::CreateSecurityGroup(made) => Some(made.id.clone()),
        _ => None,
    });
    let named: Vec<String> = match request {
        R::DeleteLoadBalancer(write) => known(&write.arn).into_iter().collect(),
        R::SetSecurityGroups(write) => known(&write.arn).into_iter().collect(),
        R::SetSubnets(write) => known(&write.arn).into_iter().collect(),
        R::SetIpAddressType(write) => known(&write.arn).into_iter().collect(),
        R::ModifyIpPools(write) => known(&write.arn).into_iter().collect(),
        R::ModifyLoadBalancerAttributes(write) => known(&write.arn).into_iter().collect(),
        R::ModifyCapacityReservation(write) => known(&write.arn).into_iter().collect(),
        R::ModifyTargetGroup(write) => known(&write.arn).into_iter().collect(),
        R::ModifyTargetGroupAttributes(write) => known(&write.arn).into_iter().collect(),
        R::DeleteTargetGroup(write) => known(&write.arn).into_iter().collect(),
        R::RegisterTargets(write) => known(&write.arn).into_iter().collect(),
        R::DeregisterTargets(write) => known(&write.arn).into_iter().collect(),
        R::CreateListener(write) => known(&write.load_balancer_arn).into_iter().collect(),
        R::ModifyListener(write) => of_listener(known(&write.arn)),
        R::DeleteListener(write) => of_listener(known(&write.arn)),
        R::ModifyListenerAttributes(write) => known(&write.arn).into_iter().collect(),
        R::AddListenerCertificate(write) => known(&write.listener_arn).into_iter().collect(),
        R::RemoveListenerCertificate(write) => known(&write.listener_arn).into_iter().collect(),
        R::CreateRule(write) => known(&write.listener_arn).into_iter().collect(),
        R::ModifyRule(write) => of_rule(known(&write.arn)),
        R::DeleteRule(write) => of_rule(known(&write.arn)),
        R::SetRulePriorities(write) => {
            write.priorities.iter().flat_map(|(rule, _)| of_rule(known(rule))).collect()
        }
        R::AddTags(write) => known(&write.arn).into_iter().collect(),
        R::RemoveTags(write) => known(&write.arn).into_iter().collect(),
        R::DeleteSecurityGroup(write) => known(&write.group_id).into_iter().collect(),
        R::AuthorizeIngress(write) => known(&write.group_id).into_iter().collect(),
        R::RevokeIngress(write) => known(&write.group_id).into_iter().collect(),
        R::CreateTags(write) => known(&write.resource_id).into_iter().collect(),
        R::DeleteTags(write) => known(&write.resource_id).into_iter().collect(),
        R::AssociateWafv2WebAcl(write) => known(&write.resource_arn).into_iter().collect(),
        R::DisassociateWafv2WebAcl(write) => known(&write.resource_arn).into_iter().collect(),
        R::AssociateWafRegionalWebAcl(write) => known(&write.resource_arn).into_iter().collect(),
        R::DisassociateWafRegionalWebAcl(write) => known(&write.resource_arn).into_iter().collect(),
        R::DeleteShieldProtection(write) => vec![write.protection_id.clone()],
        _ => Vec::new(),
    };
    let mut all: Vec<String> = created.into_iter().chain(named).collect();
    all.sort();
    all.dedup();
    all
}

/// A listener and its load balancer.
fn of_listener(listener: Option<String>) -> Vec<String> {
    let owner = listener.as_deref().and_then(|arn| parent(arn, ":listener/", ":loadbalancer/"));
    listener.into_iter().chain(owner).collect()
}

/// A rule and its listener.
fn of_rule(rule: Option<String>) -> Vec<String> {
    let owner = rule.as_deref().and_then(|arn| parent(arn, ":listener-rule/", ":listener/"));
    rule.into_iter().chain(owner).collect()
}

/// The ARN of what a listener or rule lies in: the same without its last part.
fn parent(arn: &str, kind: &str, of: &str) -> Option<String> {
    let (owner, _) = arn.rsplit_once('/')?;
    Some(owner.replacen(kind, of, 1))
}

/// Whether a write makes (`true`) or takes away (`false`) this very thing; `None`: neither.
pub(super) fn brings_into_being(subject: &str, write: &RecentWrite) -> Option<bool> {
    let is_made = match write.response.as_ref() {
        Some(Response::CreateLoadBalancer(made)) => made.arn == subject,
        Some(Response::CreateTargetGroup(made)) => made.arn == subject,
        Some(Response::CreateListener(made)) => made.arn == subject,
        Some(Response::CreateRule(made)) => made.arn == subject,
        Some(Response::CreateSecurityGroup(made)) => made.id == subject,
        _ => false,
    };
    let is_named = |reference: &Ref| reference.known() == Some(subject);
    let is_taken = match &write.request {
        Request::DeleteLoadBalancer(delete) => is_named(&delete.arn),
        Request::DeleteTargetGroup(delete) => is_named(&delete.arn),
        Request::DeleteListener(delete) => is_named(&delete.arn),
        Request::DeleteRule(delete) => is_named(&delete.arn),
        Request::DeleteSecurityGroup(delete) => is_named(&delete.group_id),
        _ => false,
    };
    match (is_made, is_taken) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Whether a deletion failed because there is nothing to delete.
pub(super) fn is_gone_already(request: &Request, error: &CloudError) -> bool {
    match request {
        Request::DeleteLoadBalancer(_) => error.is(&["LoadBalancerNotFound"]),
        Request::DeleteTargetGroup(_) => error.is(&["TargetGroupNotFound"]),
        Request::DeleteListener(_) => error.is(&["ListenerNotFound"]),
        Request::DeleteRule(_) => error.is(&["RuleNotFound"]),
        Request::DeleteSecurityGroup(_) => error.is(&["InvalidGroup.NotFound"]),
        _ => false,
    }
}

/// Answers that a resource does not exist, or not yet.
const NOT_FOUND: [&str; 5] = [
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "RuleNotFound",
    "InvalidGroup.NotFound",
];

/// What a write names of the kind of which AWS says that there is none: ARNs and ids.
pub(super) fn named_by(request: &Request, error: &CloudError) -> Vec<String> {
    let is_of_kind: fn(&str) -> bool = match error.code() {
        Some("LoadBalancerNotFound" | "WAFUnavailableEntityException" | "WAFNonexistentItemException") => {
            |id| id.contains(":loadbalancer/")
        }
        Some("TargetGroupNotFound") => |id| id.contains(":targetgroup/"),
        Some("ListenerNotFound") => |id| id.contains(":listener/"),
        Some("RuleNotFound") => |id| id.contains(":listener-rule/"),
        Some("InvalidGroup.NotFound" | "InvalidSecurityGroup") => |id| id.starts_with("sg-"),
        _ => return Vec::new(),
    };
    request.named().into_iter().filter(|id| is_of_kind(id)).collect()
}

/// The answer of AWS with our own recent writes applied.
pub(super) fn complete(
    request: &Request,
    reply: Result<Response, CloudError>,
    recent_writes: &RecentWrites,
) -> Result<Response, CloudError> {
    let asked = asked_for(request);
    let reply = match reply {
        Err(error) if error.is(&NOT_FOUND) => match (asked.as_deref(), nothing_yet(request)) {
            // why: of several, AWS does not say which one it does not know; whoever asked asks for each alone then
            (Some([subject]), Some(nothing)) if recent_writes.has_made(subject) => nothing,
            _ => return Err(error),
        },
        reply => reply?,
    };
    let Some(about) = scope(request, asked, &reply) else { return Ok(reply) };
    let writes = recent_writes.writes(about.as_deref());
    if writes.is_empty() { Ok(reply) } else { Ok(apply(request, reply, &writes)) }
}

/// What a read names; `None`: it names nothing.
fn asked_for(request: &Request) -> Option<Vec<String>> {
    use Request as R;
    let one = |reference: &Ref| reference.known().map(|arn| vec![arn.to_owned()]);
    let some = |arns: &Vec<String>| (!arns.is_empty()).then(|| arns.clone());
    match request {
        R::DescribeLoadBalancers(read) => some(&read.arns),
        R::DescribeTargetGroups(read) => some(&read.arns),
        R::DescribeTags(read) => some(&read.arns),
        R::DescribeListeners(read) => one(&read.load_balancer_arn),
        R::DescribeRules(read) => one(&read.listener_arn),
        R::DescribeListenerCertificates(read) => one(&read.listener_arn),
        R::DescribeListenerAttributes(read) => one(&read.arn),
        R::DescribeLoadBalancerAttributes(read) => one(&read.arn),
        R::DescribeTargetGroupAttributes(read) => one(&read.arn),
        R::DescribeCapacityReservation(read) => one(&read.arn),
        R::DescribeTargetHealth(read) => one(&read.arn),
        R::DescribeSecurityGroups(read) => security_groups::named(read),
        R::GetWafv2WebAcl(read) => one(&read.resource_arn),
        R::GetWafRegionalWebAcl(read) => one(&read.resource_arn),
        R::DescribeShieldProtection(read) => one(&read.resource_arn),
        _ => None,
    }
}

/// What a read says of something that was made but has nothing yet.
fn nothing_yet(request: &Request) -> Option<Response> {
    use Request as R;
    Some(match request {
        R::DescribeLoadBalancers(_) => Response::DescribeLoadBalancers(Page::default()),
        R::DescribeTargetGroups(_) => Response::DescribeTargetGroups(Page::default()),
        R::DescribeTags(_) => Response::DescribeTags(BTreeMap::new()),
        R::DescribeListeners(_) => Response::DescribeListeners(Page::default()),
        R::DescribeRules(_) => Response::DescribeRules(Page::default()),
        R::DescribeListenerCertificates(_) => Response::DescribeListenerCertificates(Page::default()),
        R::DescribeListenerAttributes(_) => Response::DescribeListenerAttributes(Attributes::new()),
        R::DescribeLoadBalancerAttributes(_) => Response::DescribeLoadBalancerAttributes(Attributes::new()),
        R::DescribeTargetGroupAttributes(_) => Response::DescribeTargetGroupAttributes(Attributes::new()),
        R::DescribeCapacityReservation(_) => {
            Response::DescribeCapacityReservation(CapacityReservation::default())
        }
        R::DescribeTargetHealth(_) => Response::DescribeTargetHealth(Vec::new()),
        R::DescribeSecurityGroups(_) => Response::DescribeSecurityGroups(ec2::DescribePage::default()),
        _ => return None,
    })
}

/// Which writes may concern a read: those about these; all of them (`Some(None)`); or none (`None`).
#[expect(clippy::option_option, reason = "three cases, two of them without a list")]
fn scope(request: &Request, asked: Option<Vec<String>>, reply: &Response) -> Option<Option<Vec<String>>> {
    use Request as R;
    match request {
        R::DescribeLoadBalancers(_) | R::DescribeTargetGroups(_) | R::DescribeSecurityGroups(_) => {
            Some(asked)
        }
        R::DescribeShieldProtection(_) => {
            let found = protection::id_of(reply);
            Some(Some(asked.into_iter().flatten().chain(found).collect()))
        }
        _ => asked.map(Some),
    }
}

fn apply(request: &Request, reply: Response, writes: &[Arc<RecentWrite>]) -> Response {
    use {Request as R, Response as A};
    match (request, reply) {
        (R::DescribeLoadBalancers(read), A::DescribeLoadBalancers(page)) => {
            A::DescribeLoadBalancers(elbv2::load_balancers(read, page, writes))
        }
        (R::DescribeTargetGroups(read), A::DescribeTargetGroups(page)) => {
            A::DescribeTargetGroups(elbv2::target_groups(read, page, writes))
        }
        (R::DescribeTags(read), A::DescribeTags(tags)) => A::DescribeTags(elbv2::tags(read, tags, writes)),
        (R::DescribeListeners(read), A::DescribeListeners(page)) => {
            A::DescribeListeners(elbv2::listeners(read, page, writes))
        }
        (R::DescribeRules(read), A::DescribeRules(page)) => {
            A::DescribeRules(elbv2::rules(read, page, writes))
        }
        (R::DescribeListenerCertificates(_), A::DescribeListenerCertificates(page)) => {
            A::DescribeListenerCertificates(elbv2::certificates(page, writes))
        }
        (R::DescribeListenerAttributes(_), A::DescribeListenerAttributes(attributes)) => {
            A::DescribeListenerAttributes(elbv2::attributes(attributes, writes))
        }
        (R::DescribeLoadBalancerAttributes(_), A::DescribeLoadBalancerAttributes(attributes)) => {
            A::DescribeLoadBalancerAttributes(elbv2::attributes(attributes, writes))
        }
        (R::DescribeTargetGroupAttributes(_), A::DescribeTargetGroupAttributes(attributes)) => {
            A::DescribeTargetGroupAttributes(elbv2::attributes(attributes, writes))
        }
        (R::DescribeCapacityReservation(_), A::DescribeCapacityReservation(reservation)) => {
            A::DescribeCapacityReservation(elbv2::capacity(reservation, writes))
        }
        (R::DescribeTargetHealth(read), A::DescribeTargetHealth(health)) => {
            A::DescribeTargetHealth(elbv2::alb_targets(read, health, writes))
        }
        (R::DescribeSecurityGroups(read), A::DescribeSecurityGroups(page)) => {
            A::DescribeSecurityGroups(security_groups::groups(read, page, writes))
        }
        (_, reply) => protection::apply(request, reply, writes),
    }
}
