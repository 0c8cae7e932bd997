//! Permissions to read: every operation that reads is tried; what it says of things that do not exist shows that it is allowed.

use super::arn_scope::ArnScope;
use super::{Check, DENIALS, REMEDY, is_used};
use crate::aws::Cloud;
use crate::aws_api::iam::permission;
use crate::aws_api::route53::ListHostedZones;
use crate::aws_api::sts::GetCallerIdentity;
use crate::aws_api::{Action, CloudError, Ref, Request, acm, ec2, elbv2, global_accelerator, protection};
use crate::config::Config;
use futures::future::join_all;
use strum::VariantArray as _;

/// Tries everything that reads.
pub(super) async fn check(cloud: &dyn Cloud, scope: &ArnScope, config: &Config) -> Check {
    let absent = Absent::of(scope);
    let results = Action::VARIANTS.iter().filter_map(|action| Some((*action, absent.question(*action)?)));
    let results = results.filter(|(action, _)| is_used(*action, config));
    let answers =
        join_all(results.map(|(action, request)| async move { (action, cloud.call(request).await.err()) }));
    let answers = answers.await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|(_, error)| error.as_ref().is_some_and(is_denied))
        .map(|(action, _)| permission(*action))
        .collect();
    let silent = answers.iter().filter_map(|(_, error)| error.as_ref()).find(|error| error.code().is_none());
    to_check(answers.len(), &refused, silent)
}

fn to_check(tried: usize, refused: &[String], silent: Option<&CloudError>) -> Check {
    let subject = "Permissions to read";
    match (refused, silent) {
        ([], None) => Check::ok(subject, format!("all {tried} are granted")),
        ([], Some(error)) => Check::warn(subject, format!("not all could be tried: {error}")),
        (refused, _) => Check::fail(subject, format!("not granted: {}", refused.join(", "))).remedy(REMEDY),
    }
}

fn is_denied(error: &CloudError) -> bool {
    error.is(&DENIALS)
}

/// Names of things that do not exist.
struct Absent {
    load_balancer: Ref,
    listener: Ref,
    target_group: Ref,
    certificate: String,
    accelerator: String,
}

impl Absent {
    fn of(scope: &ArnScope) -> Self {
        let elb = |rest: &str| Ref::Known(scope.arn("elasticloadbalancing", rest));
        Self {
            load_balancer: elb("loadbalancer/app/doctor/0000000000000000"),
            listener: elb("listener/app/doctor/0000000000000000/0000000000000000"),
            target_group: elb("targetgroup/doctor/0000000000000000"),
            certificate: scope.arn("acm", "certificate/00000000-0000-0000-0000-000000000000"),
            accelerator: scope
                .global_arn("globalaccelerator", "accelerator/00000000-0000-0000-0000-000000000000"),
        }
    }

    /// A question that costs little and changes nothing; `None` for what changes something, and for what only `doctor` asks.
    fn question(&self, action: Action) -> Option<Request> {
        use Action as A;
        let Self { load_balancer, listener, target_group, certificate, accelerator } = self;
        let (load_balancer, listener, target_group) =
            (load_balancer.clone(), listener.clone(), target_group.clone());
        let arns = || vec![self.load_balancer.to_string()];
        let names = || vec!["doctor".to_owned()];
        Some(match action {
            A::DescribeLoadBalancers => {
                elbv2::DescribeLoadBalancers { names: names(), ..Default::default() }.into()
            }
            A::DescribeTargetGroups => {
                elbv2::DescribeTargetGroups { names: names(), ..Default::default() }.into()
            }
            A::DescribeTags => elbv2::DescribeTags { arns: arns() }.into(),
            A::DescribeListeners => {
                elbv2::DescribeListeners { load_balancer_arn: load_balancer, ..Default::default() }.into()
            }
            A::DescribeListenerCertificates => {
                elbv2::DescribeListenerCertificates { listener_arn: listener, ..Default::default() }.into()
            }
            A::DescribeListenerAttributes => elbv2::DescribeListenerAttributes { arn: listener }.into(),
            A::DescribeLoadBalancerAttributes => {
                elbv2::DescribeLoadBalancerAttributes { arn: load_balancer }.into()
            }
            A::DescribeTargetGroupAttributes => {
                elbv2::DescribeTargetGroupAttributes { arn: target_group }.into()
            }
            A::DescribeRules => elbv2::DescribeRules { listener_arn: listener, ..Default::default() }.into(),
            A::DescribeCapacityReservation => {
                elbv2::DescribeCapacityReservation { arn: load_balancer }.into()
            }
            A::DescribeTargetHealth => {
                elbv2::DescribeTargetHealth { arn: target_group, targets: Vec::new() }.into()
            }
            A::DescribeTrustStores => {
                elbv2::DescribeTrustStores { names: names(), ..Default::default() }.into()
            }
            A::DescribeSubnets => ec2::DescribeSubnets::default().into(),
            A::DescribeVpcs => ec2::DescribeVpcs::default().into(),
            A::DescribeSecurityGroups => ec2::DescribeSecurityGroups::default().into(),
            A::DescribeRouteTables => ec2::DescribeRouteTables::default().into(),
            A::DescribeAvailabilityZones => ec2::DescribeAvailabilityZones::default().into(),
            A::DescribeInstances => ec2::DescribeInstances::default().into(),
            A::DescribeNetworkInterfaces => ec2::DescribeNetworkInterfaces::default().into(),
            A::ListCertificates => acm::ListCertificates::default().into(),
            A::DescribeCertificate => acm::DescribeCertificate { arn: certificate.clone() }.into(),
            A::ListCertificateTags => acm::ListCertificateTags { arn: certificate.clone() }.into(),
            A::ListHostedZones => ListHostedZones::default().into(),
            A::GetWafv2WebAcl => protection::GetWafv2WebAcl { resource_arn: load_balancer }.into(),
            A::ListWafv2WebAcls => protection::ListWafv2WebAcls::default().into(),
            A::GetWafRegionalWebAcl => {
                protection::GetWafRegionalWebAcl { resource_arn: load_balancer }.into()
            }
            A::GetShieldSubscription => protection::GetShieldSubscription {}.into(),
            A::DescribeShieldProtection => {
                protection::DescribeShieldProtection { resource_arn: load_balancer }.into()
            }
            A::GetCallerIdentity => GetCallerIdentity {}.into(),
            A::ListAccelerators => global_accelerator::ListAccelerators::default().into(),
            A::ListAcceleratorTags => {
                global_accelerator::ListAcceleratorTags { arn: accelerator.clone() }.into()
            }
            A::ListAcceleratorListeners => global_accelerator::ListAcceleratorListeners {
                accelerator_arn: accelerator.clone(),
                next_token: None,
            }
            .into(),
            A::ListEndpointGroups => global_accelerator::ListEndpointGroups {
                listener_arn: format!("{accelerator}/listener/00000000"),
                next_token: None,
            }
            .into(),
            // why DescribeAccelerator too: it is allowed by tags, which what does not exist has not
            A::DescribeAccelerator
            | A::CreateAccelerator
            | A::UpdateAccelerator
            | A::DeleteAccelerator
            | A::TagAccelerator
            | A::UntagAccelerator
            | A::CreateAcceleratorListener
            | A::UpdateAcceleratorListener
            | A::DeleteAcceleratorListener
            | A::CreateEndpointGroup
            | A::UpdateEndpointGroup
            | A::DeleteEndpointGroup
            | A::AddEndpoints
            | A::RemoveEndpoints
            | A::DryRun
            | A::GetRole
            | A::SimulatePrincipalPolicy
            | A::RequestCertificate
            // why GetCertificate too: it is allowed by a tag, which what does not exist has not
            | A::GetCertificate
            | A::ImportCertificate
            | A::DeleteCertificate
            | A::CreateRecord
            | A::DeleteRecord
            | A::CreateLoadBalancer
            | A::DeleteLoadBalancer
            | A::SetSecurityGroups
            | A::SetSubnets
            | A::SetIpAddressType
            | A::ModifyIpPools
            | A::ModifyLoadBalancerAttributes
            | A::ModifyCapacityReservation
            | A::CreateTargetGroup
            | A::ModifyTargetGroup
            | A::ModifyTargetGroupAttributes
            | A::DeleteTargetGroup
            | A::CreateListener
            | A::ModifyListener
            | A::DeleteListener
            | A::ModifyListenerAttributes
            | A::AddListenerCertificate
            | A::RemoveListenerCertificate
            | A::CreateRule
            | A::ModifyRule
            | A::DeleteRule
            | A::SetRulePriorities
            | A::AddTags
            | A::RemoveTags
            | A::RegisterTargets
            | A::DeregisterTargets
            | A::CreateSecurityGroup
            | A::DeleteSecurityGroup
            | A::AuthorizeIngress
            | A::RevokeIngress
            | A::CreateTags
            | A::DeleteTags
            | A::AssociateWafv2WebAcl
            | A::DisassociateWafv2WebAcl
            | A::AssociateWafRegionalWebAcl
            | A::DisassociateWafRegionalWebAcl
            | A::CreateShieldProtection
            | A::DeleteShieldProtection => return None,
        })
    }
}

#[cfg(test)]
mod tests;
