//! What AWS's answers mean for a plan.

use crate::aws_api::{CloudError, Request, Response, SymbolKind};
use crate::plan::Quota;

/// The id that an answer gives to a symbol.
pub(super) fn id_of(kind: &SymbolKind, response: &Response) -> Option<String> {
    match (kind, response) {
        (SymbolKind::LoadBalancerArn, Response::CreateLoadBalancer(created)) => Some(created.arn.clone()),
        (SymbolKind::LoadBalancerDnsName, Response::CreateLoadBalancer(created)) => {
            Some(created.dns_name.clone())
        }
        (SymbolKind::TargetGroupArn, Response::CreateTargetGroup(created)) => Some(created.arn.clone()),
        (SymbolKind::ListenerArn, Response::CreateListener(created)) => Some(created.arn.clone()),
        (SymbolKind::RuleArn, Response::CreateRule(created)) => Some(created.arn.clone()),
        (SymbolKind::CertificateArn, Response::RequestCertificate(arn)) => Some(arn.clone()),
        (SymbolKind::SecurityGroupId, Response::CreateSecurityGroup(created)) => Some(created.id.clone()),
        _ => None,
    }
    .filter(|id: &String| !id.is_empty())
}

/// Whether a call failed only because what it shall do is done: there is nothing to delete, or it is there.
pub(super) fn is_done_already(request: &Request, error: &CloudError) -> bool {
    match request {
        Request::DeleteLoadBalancer(_) => error.is(&["LoadBalancerNotFound"]),
        Request::DeleteTargetGroup(_) | Request::DeregisterTargets(_) => error.is(&["TargetGroupNotFound"]),
        Request::DeleteListener(_) => error.is(&["ListenerNotFound"]),
        Request::DeleteRule(_) => error.is(&["RuleNotFound"]),
        Request::DeleteSecurityGroup(_) => error.is(&["InvalidGroup.NotFound"]),
        Request::DeleteCertificate(_) => error.is(&["ResourceNotFoundException"]),
        // why: another certificate of the same name has the same record
        Request::CreateRecord(_) => says(error, &["already exists"]),
        // why: what differs is not what we made
        Request::DeleteRecord(_) => {
            error.is(&["NoSuchHostedZone"]) || says(error, &["not found", "do not match the current values"])
        }
        _ => false,
    }
}

/// Whether Route 53 refuses a change in some of these words; it has one code for all that can be wrong with one.
fn says(error: &CloudError, words: &[&str]) -> bool {
    let CloudError::Service { message, .. } = error else { return false };
    error.is(&["InvalidChangeBatch"]) && words.iter().any(|word| message.contains(word))
}

/// The answer that the call would have given.
pub(super) fn of_done(request: &Request) -> Response {
    match request {
        Request::DeleteTargetGroup(_) => Response::DeleteTargetGroup(()),
        Request::DeleteListener(_) => Response::DeleteListener(()),
        Request::DeleteRule(_) => Response::DeleteRule(()),
        Request::DeleteSecurityGroup(_) => Response::DeleteSecurityGroup(()),
        Request::DeregisterTargets(_) => Response::DeregisterTargets(()),
        Request::DeleteCertificate(_) => Response::DeleteCertificate(()),
        Request::CreateRecord(_) => Response::CreateRecord(()),
        Request::DeleteRecord(_) => Response::DeleteRecord(()),
        _ => Response::DeleteLoadBalancer(()),
    }
}

/// Whether deletion protection is in the way.
///
/// why: AWS uses the same code for load balancers that another service manages, so its words have to be read
pub(super) fn is_protected(request: &Request, error: &CloudError) -> bool {
    let CloudError::Service { code, message, .. } = error else { return false };
    matches!(request, Request::DeleteLoadBalancer(_))
        && code == "OperationNotPermitted"
        && message.to_lowercase().contains("deletion protection")
}

/// Whether a delete fails only because something is still letting go of the resource, which may take minutes.
pub(super) fn is_still_in_use(request: &Request, error: &CloudError) -> bool {
    match request {
        Request::DeleteTargetGroup(_) | Request::DeleteLoadBalancer(_) => error.is(&["ResourceInUse"]),
        Request::DeleteSecurityGroup(_) => error.is(&["DependencyViolation"]),
        Request::DeleteCertificate(_) => error.is(&["ResourceInUseException"]),
        _ => false,
    }
}

/// Whether a call about something that was made just now fails only because not all of AWS knows of it yet.
pub(super) fn is_not_known_yet(request: &Request, error: &CloudError) -> bool {
    match request {
        Request::CreateRule(_)
        | Request::AddListenerCertificate(_)
        | Request::ModifyListenerAttributes(_) => error.is(&["ListenerNotFound"]),
        Request::CreateLoadBalancer(_) | Request::SetSecurityGroups(_) => error.is(&["InvalidSecurityGroup"]),
        // why: the target group's former load balancer was deleted just now
        Request::CreateListener(_) => error.is(&["TargetGroupAssociationLimit"]),
        _ => false,
    }
}

/// The quota that a call ran into, if freeing first can help.
pub(super) fn quota_of(request: &Request, error: &CloudError) -> Option<Quota> {
    let arn = |reference: &crate::aws_api::Ref| reference.known().unwrap_or_default().to_owned();
    match (error.code()?, request) {
        ("TooManyRules", Request::CreateRule(create)) => {
            Some(Quota::RulesOf(load_balancer_of(&arn(&create.listener_arn))))
        }
        ("TooManyCertificates", Request::AddListenerCertificate(add)) => {
            Some(Quota::CertificatesOf(load_balancer_of(&arn(&add.listener_arn))))
        }
        ("TooManyTargetGroups" | "TooManyUniqueTargetGroupsPerLoadBalancer", _) => Some(Quota::TargetGroups),
        ("TooManyListeners", _) => Some(Quota::Listeners),
        ("TooManyLoadBalancers", _) => Some(Quota::LoadBalancers),
        ("RulesPerSecurityGroupLimitExceeded", Request::AuthorizeIngress(authorize)) => {
            Some(Quota::IngressRulesOf(arn(&authorize.group_id)))
        }
        _ => None,
    }
}

/// The ARN of a listener's load balancer: `…:listener/app/<name>/<id>/<listener>` without its end.
fn load_balancer_of(listener: &str) -> String {
    let load_balancer = listener.rsplit_once('/').map_or(listener, |(load_balancer, _)| load_balancer);
    load_balancer.replacen(":listener/", ":loadbalancer/", 1)
}

/// Whether an error says that AWS may hold something else than was thought: it has to be looked at again.
pub(super) fn is_doubtful(error: &CloudError) -> bool {
    matches!(error, CloudError::Unreachable { .. } | CloudError::Malformed { .. })
        || error.is(&[
            "DuplicateLoadBalancerName",
            "DuplicateTargetGroupName",
            "DuplicateListener",
            "InvalidGroup.Duplicate",
            "InvalidPermission.Duplicate",
            "InvalidPermission.NotFound",
            "InvalidGroup.NotFound",
            "PriorityInUse",
            "LoadBalancerNotFound",
            "ListenerNotFound",
            "RuleNotFound",
            "TargetGroupNotFound",
        ])
}
