//! What to do about reasons of events, and about the reason codes that AWS gives for the state of a target.

use crate::status::event::Reason;
use strum::VariantArray as _;

/// What to do about an event of this reason.
pub(super) fn of_event(reason: &str) -> Vec<String> {
    let known = Reason::VARIANTS.iter().find(|known| known.as_str() == reason);
    let remedies = known.map(|known| known.explanation().remedies).unwrap_or_default();
    remedies.iter().map(ToString::to_string).collect()
}

/// What to do about a target, by the reason code of its health.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
pub(super) fn of_target(reason: &str) -> Vec<String> {
    let remedies: &[&str] = match reason {
        "Target.FailedHealthChecks" => &[
            "Ask the target as the health check does: port, path and expected codes stand in its target group.",
            "See that security groups and network policies let the load balancer's subnets reach the target on that port.",
        ],
        "Target.ResponseCodeMismatch" => &[
            "The health check gets an answer with another code than expected: change its path, or the codes that count as healthy \
             (annotations healthcheck-path and success-codes, or the TargetGroupConfiguration).",
        ],
        "Target.Timeout" => &[
            "Nothing answers in time: see that security groups and network policies let the load balancer reach the target, and that \
             the pod listens on the port of the health check.",
        ],
        "Target.NotInUse" => &[
            "No listener forwards to its target group, or its zone is not one of the load balancer's: enable the zone by a subnet in it, \
             or let cross-zone load balancing reach it.",
        ],
        "Target.InvalidState" => &["The instance is stopped or terminated: see what became of the node."],
        "Target.IpUnusable" => &["The address is in use by a load balancer: the pod needs another."],
        "Elb.InternalError" => &["AWS failed: if it lasts, look at the AWS Health Dashboard."],
        _ => &[],
    };
    remedies.iter().map(ToString::to_string).collect()
}
