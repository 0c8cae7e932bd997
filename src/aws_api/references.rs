//! Finding and filling the symbolic references inside a request.

use super::{CloudError, Ref, Request, Symbol};
use crate::aws_api::ec2::{DryRun, IngressRule, RuleSource};
use crate::aws_api::elbv2::{ListenerAction, ListenerSettings, Target};
use std::collections::BTreeMap;

/// The ids that are known: what each symbol stands for.
pub type ResolvedIds = BTreeMap<Symbol, String>;

impl Request {
    /// Replaces every symbol that `bindings` knows.
    pub fn bind(&mut self, bindings: &ResolvedIds) {
        for reference in self.refs_mut() {
            reference.bind(bindings);
        }
    }

    /// The symbols that still lack an id.
    pub fn pending(&self) -> Vec<Symbol> {
        let mut request = self.clone();
        let pending = request.refs_mut().into_iter().filter_map(|reference| match reference {
            Ref::Pending(symbol) => Some(symbol.clone()),
            Ref::Known(_) => None,
        });
        pending.collect()
    }

    /// The ids and ARNs that it names and that are known.
    pub fn named(&self) -> Vec<String> {
        let mut request = self.clone();
        let named =
            request.refs_mut().into_iter().filter_map(|reference| reference.known().map(str::to_owned));
        named.collect()
    }

    /// The request itself if nothing is pending, so that it can be sent.
    pub fn bound(mut self, bindings: &ResolvedIds) -> Result<Self, CloudError> {
        self.bind(bindings);
        match self.pending().into_iter().next() {
            None => Ok(self),
            Some(symbol) => Err(CloudError::Unresolved {
                operation: self.action().name(),
                source: super::Unresolved(symbol),
            }),
        }
    }

    /// Every reference in the request.
    fn refs_mut(&mut self) -> Vec<&mut Ref> {
        use Request as R;
        match self {
            R::DescribeLoadBalancers(_)
            | R::DescribeTargetGroups(_)
            | R::DescribeTags(_)
            | R::DescribeTrustStores(_)
            | R::CreateTargetGroup(_)
            | R::DescribeSubnets(_)
            | R::DescribeVpcs(_)
            | R::DescribeSecurityGroups(_)
            | R::DescribeRouteTables(_)
            | R::DescribeAvailabilityZones(_)
            | R::DescribeInstances(_)
            | R::DescribeNetworkInterfaces(_)
            | R::CreateSecurityGroup(_)
            | R::ListCertificates(_)
            | R::DescribeCertificate(_)
            | R::ListCertificateTags(_)
            | R::RequestCertificate(_)
            | R::GetCertificate(_)
            | R::ImportCertificate(_)
            | R::DeleteCertificate(_)
            | R::ListHostedZones(_)
            | R::CreateRecord(_)
            | R::DeleteRecord(_)
            | R::ListWafv2WebAcls(_)
            | R::GetShieldSubscription(_)
            | R::DeleteShieldProtection(_)
            | R::GetCallerIdentity(_)
            | R::GetRole(_)
            | R::SimulatePrincipalPolicy(_)
            | R::ListAccelerators(_)
            | R::DescribeAccelerator(_)
            | R::ListAcceleratorTags(_)
            | R::ListAcceleratorListeners(_)
            | R::ListEndpointGroups(_)
            | R::CreateAccelerator(_)
            | R::UpdateAccelerator(_)
            | R::DeleteAccelerator(_)
            | R::TagAccelerator(_)
            | R::UntagAccelerator(_)
            | R::CreateAcceleratorListener(_)
            | R::UpdateAcceleratorListener(_)
            | R::DeleteAcceleratorListener(_)
            | R::UpdateEndpointGroup(_)
            | R::DeleteEndpointGroup(_)
            | R::RemoveEndpoints(_) => Vec::new(),
            R::CreateEndpointGroup(request) => vec![&mut request.listener_arn],
            R::AddEndpoints(request) => vec![&mut request.group_arn],
            R::DescribeListeners(request) => vec![&mut request.load_balancer_arn],
            R::DescribeRules(request) => vec![&mut request.listener_arn],
            R::DescribeListenerCertificates(request) => vec![&mut request.listener_arn],
            R::DescribeListenerAttributes(request) => vec![&mut request.arn],
            R::DescribeLoadBalancerAttributes(request) => vec![&mut request.arn],
            R::DescribeTargetGroupAttributes(request) => vec![&mut request.arn],
            R::DescribeCapacityReservation(request) => vec![&mut request.arn],
            R::DescribeTargetHealth(request) => with_targets(&mut request.arn, &mut request.targets),
            R::CreateLoadBalancer(request) => request.security_groups.iter_mut().collect(),
            R::DeleteLoadBalancer(request) => vec![&mut request.arn],
            R::SetSecurityGroups(request) => {
                request.security_groups.iter_mut().chain([&mut request.arn]).collect()
            }
            R::SetSubnets(request) => vec![&mut request.arn],
            R::SetIpAddressType(request) => vec![&mut request.arn],
            R::ModifyIpPools(request) => vec![&mut request.arn],
            R::ModifyLoadBalancerAttributes(request) => vec![&mut request.arn],
            R::ModifyCapacityReservation(request) => vec![&mut request.arn],
            R::ModifyTargetGroup(request) => vec![&mut request.arn],
            R::ModifyTargetGroupAttributes(request) => vec![&mut request.arn],
            R::DeleteTargetGroup(request) => vec![&mut request.arn],
            R::CreateListener(request) => {
                with_settings(&mut request.load_balancer_arn, &mut request.settings)
            }
            R::ModifyListener(request) => with_settings(&mut request.arn, &mut request.settings),
            R::DeleteListener(request) => vec![&mut request.arn],
            R::ModifyListenerAttributes(request) => vec![&mut request.arn],
            R::AddListenerCertificate(request) => {
                vec![&mut request.listener_arn, &mut request.certificate_arn]
            }
            R::RemoveListenerCertificate(request) => {
                vec![&mut request.listener_arn, &mut request.certificate_arn]
            }
            R::CreateRule(request) => {
                in_actions(&mut request.actions).chain([&mut request.listener_arn]).collect()
            }
            R::ModifyRule(request) => in_actions(&mut request.actions).chain([&mut request.arn]).collect(),
            R::DeleteRule(request) => vec![&mut request.arn],
            R::SetRulePriorities(request) => request.priorities.iter_mut().map(|(rule, _)| rule).collect(),
            R::AddTags(request) => vec![&mut request.arn],
            R::RemoveTags(request) => vec![&mut request.arn],
            R::RegisterTargets(request) => with_targets(&mut request.arn, &mut request.targets),
            R::DeregisterTargets(request) => with_targets(&mut request.arn, &mut request.targets),
            R::DeleteSecurityGroup(request) => vec![&mut request.group_id],
            R::AuthorizeIngress(request) => in_rules(&mut request.rules, &mut request.group_id),
            R::RevokeIngress(request) => in_rules(&mut request.rules, &mut request.group_id),
            R::CreateTags(request) => vec![&mut request.resource_id],
            R::DeleteTags(request) => vec![&mut request.resource_id],
            R::DryRun(change) => in_dry_run(change),
            R::GetWafv2WebAcl(request) => vec![&mut request.resource_arn],
            R::AssociateWafv2WebAcl(request) => vec![&mut request.resource_arn],
            R::DisassociateWafv2WebAcl(request) => vec![&mut request.resource_arn],
            R::GetWafRegionalWebAcl(request) => vec![&mut request.resource_arn],
            R::AssociateWafRegionalWebAcl(request) => vec![&mut request.resource_arn],
            R::DisassociateWafRegionalWebAcl(request) => vec![&mut request.resource_arn],
            R::DescribeShieldProtection(request) => vec![&mut request.resource_arn],
            R::CreateShieldProtection(request) => vec![&mut request.resource_arn],
        }
    }
}

fn with_targets<'a>(arn: &'a mut Ref, targets: &'a mut [Target]) -> Vec<&'a mut Ref> {
    targets.iter_mut().map(|target| &mut target.id).chain([arn]).collect()
}

fn with_settings<'a>(arn: &'a mut Ref, settings: &'a mut ListenerSettings) -> Vec<&'a mut Ref> {
    in_actions(&mut settings.default_actions).chain(settings.certificate.as_mut()).chain([arn]).collect()
}

/// References to target groups in actions.
pub(crate) fn in_actions(actions: &mut [ListenerAction]) -> impl Iterator<Item = &mut Ref> {
    actions
        .iter_mut()
        .filter_map(|action| match action {
            ListenerAction::Forward(forward) => Some(&mut forward.target_groups),
            _ => None,
        })
        .flatten()
        .map(|tuple| &mut tuple.target_group)
}

fn in_dry_run(change: &mut DryRun) -> Vec<&mut Ref> {
    match change {
        DryRun::CreateSecurityGroup(_) => Vec::new(),
        DryRun::DeleteSecurityGroup(change) => vec![&mut change.group_id],
        DryRun::AuthorizeIngress(change) => in_rules(&mut change.rules, &mut change.group_id),
        DryRun::RevokeIngress(change) => in_rules(&mut change.rules, &mut change.group_id),
        DryRun::CreateTags(change) => vec![&mut change.resource_id],
        DryRun::DeleteTags(change) => vec![&mut change.resource_id],
    }
}

fn in_rules<'a>(rules: &'a mut [IngressRule], group: &'a mut Ref) -> Vec<&'a mut Ref> {
    let sources = rules.iter_mut().filter_map(|rule| match &mut rule.source {
        RuleSource::SecurityGroup(group) => Some(group),
        _ => None,
    });
    sources.chain([group]).collect()
}
