//! What a step of a plan means for requests and connections, for people who have to decide about it.
//!
//! It is told by the kind of the call and by what stands behind it, and errs on the side of a warning.

use super::step::{Op, Step};
use crate::aws_api::Action;
use serde::Serialize;

/// How much requests may suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TrafficLevel {
    /// Some are answered in another way than before.
    Some,
    /// Some may fail.
    Loss,
}

/// What a step means for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TrafficImpact {
    /// How much.
    pub level: TrafficLevel,
    /// Which, and how.
    pub text: &'static str,
}

impl Step {
    /// What it means for requests; `None`: nothing that they would notice.
    pub fn traffic_impact(&self) -> Option<TrafficImpact> {
        match &self.op {
            Op::Aws(request) => of_action(request.action()),
            Op::DeleteBinding(_) => Some(loss(
                "its targets are deregistered; what still forwards to the target group gets no answer",
            )),
            Op::PatchBinding { .. } => Some(some("other targets may get the requests")),
            Op::CreateBinding(_)
            | Op::AwaitBindingObserved(_)
            | Op::AwaitBindingGone(_)
            | Op::AwaitCertificateFree(_) => None,
        }
    }
}

fn of_action(action: Action) -> Option<TrafficImpact> {
    Some(match action {
        Action::DeleteLoadBalancer => {
            loss("the load balancer and its DNS name go; clients that still use the name get no connection")
        }
        Action::DeleteListener => loss("connections to its port are refused, and open ones end"),
        Action::DeleteTargetGroup => loss("requests that still are under way to its targets may fail"),
        Action::DeregisterTargets => some(
            "the targets get no new requests; those under way have until the end of the deregistration delay",
        ),
        Action::RevokeIngress => loss("what only this rule permitted is dropped"),
        Action::SetSecurityGroups => some("other security groups decide who reaches the load balancer"),
        Action::SetSubnets => some("addresses of the load balancer change in the zones that come or go"),
        Action::SetIpAddressType => some("the DNS name gets or loses addresses of a family"),
        Action::DeleteRule => some("what only this rule matched is answered by a later rule"),
        Action::ModifyRule => some("what this rule matches, or how it is answered, changes"),
        Action::SetRulePriorities => some("rules are tried in another order"),
        Action::CreateRule => some("what this rule matches is no longer answered by a later rule"),
        Action::ModifyListener => {
            some("protocol, certificate, security policy or default action of the port change")
        }
        Action::RemoveListenerCertificate => {
            some("clients of the hosts of this certificate get another one, and may refuse it")
        }
        Action::ModifyTargetGroup => some("targets are checked in another way and may count as unhealthy"),
        Action::ModifyTargetGroupAttributes
        | Action::ModifyLoadBalancerAttributes
        | Action::ModifyListenerAttributes => some("requests are treated as the changed attributes say"),
        Action::DisassociateWafv2WebAcl
        | Action::DisassociateWafRegionalWebAcl
        | Action::DeleteShieldProtection => some("requests are protected by it no more"),
        Action::AssociateWafv2WebAcl | Action::AssociateWafRegionalWebAcl => {
            some("the web ACL may refuse requests that were answered before")
        }
        _ => return None,
    })
}

fn some(text: &'static str) -> TrafficImpact {
    TrafficImpact { level: TrafficLevel::Some, text }
}

fn loss(text: &'static str) -> TrafficImpact {
    TrafficImpact { level: TrafficLevel::Loss, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::{Effect, Service};
    use strum::VariantArray;

    #[test]
    fn what_takes_a_part_of_a_load_balancer_away_is_never_passed_over() {
        let parts = ["LoadBalancer", "Listener", "Rule", "TargetGroup", "Targets"];
        let is_of_load_balancers =
            |action: &&Action| action.service() == Service::Elbv2 && action.effect() == Effect::Delete;
        for action in Action::VARIANTS.iter().filter(is_of_load_balancers) {
            if parts.iter().any(|part| action.name().ends_with(part)) {
                assert!(of_action(*action).is_some(), "{}", action.name());
            }
        }
        let reads = Action::VARIANTS.iter().filter(|action| action.effect() == Effect::Read);
        assert!(reads.clone().count() > 0 && reads.clone().all(|action| of_action(*action).is_none()));
    }
}
