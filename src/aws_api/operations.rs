//! The table of AWS operations: one row each, from which everything that treats operations alike is derived.

use super::{acm, ec2, elbv2, global_accelerator, iam, protection, route53, sts};
use std::collections::BTreeMap;

string_enum! {
    /// An AWS service, by the service id that flags use (`--aws-api-endpoints`, `--aws-api-throttle`).
    Service {
        /// Elastic Load Balancing v2.
        Elbv2 = "Elastic Load Balancing v2",
        /// EC2, by its query protocol.
        Ec2 = "EC2",
        /// AWS Certificate Manager.
        Acm = "ACM",
        /// Route 53, which has no region.
        Route53 = "Route 53",
        /// WAFv2, for regional resources.
        Wafv2 = "WAFV2",
        /// WAF Classic, regional.
        WafRegional = "WAF Regional",
        /// Shield Advanced, which has no region.
        Shield = "Shield",
        /// Global Accelerator, in its one region.
        GlobalAccelerator = "Global Accelerator",
        /// STS, for roles and identities.
        Sts = "STS",
        /// IAM. Only `doctor` asks it.
        Iam = "IAM",
    }
}

/// A request that belongs to one operation and knows its answer's type.
pub trait Operation: Into<Request> {
    /// What AWS answers.
    type Output;
    /// Which operation it is.
    const ACTION: Action;
    /// The answer, if it is this operation's.
    fn output(response: Response) -> Option<Self::Output>;
}

/// What an operation does to what AWS holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It makes something, or adds to something.
    Create,
    /// It changes something.
    Update,
    /// It deletes something, or takes something away.
    Delete,
}

macro_rules! effect {
    (read) => {
        Effect::Read
    };
    (create) => {
        Effect::Create
    };
    (update) => {
        Effect::Update
    };
    (delete) => {
        Effect::Delete
    };
}

macro_rules! operations {
    ($($service:ident $effect:ident $action:ident = $wire:literal ($request:ty) -> $output:ty;)*) => {
        /// An AWS operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray)]
        pub enum Action { $(#[doc = concat!("`", $wire, "`")] $action,)* }

        /// A request to AWS.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Request { $(#[doc = concat!("`", $wire, "`")] $action($request),)* }

        /// An answer of AWS.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Response { $(#[doc = concat!("`", $wire, "`")] $action($output),)* }

        impl Action {
            /// The service it belongs to.
            pub fn service(self) -> Service {
                match self { $(Self::$action => Service::$service,)* }
            }

            /// The name on the wire and in IAM policies; a dry run goes by that of the change it is about.
            pub fn name(self) -> &'static str {
                match self { $(Self::$action => $wire,)* }
            }

            /// What it does to what AWS holds.
            pub fn effect(self) -> Effect {
                match self { $(Self::$action => effect!($effect),)* }
            }

            /// Whether it changes anything in AWS.
            pub fn is_write(self) -> bool {
                self.effect() != Effect::Read
            }
        }

        impl Request {
            /// Which operation it is.
            pub fn action(&self) -> Action {
                match self { $(Self::$action(_) => Action::$action,)* }
            }
        }

        $(
            impl From<$request> for Request {
                fn from(request: $request) -> Self { Self::$action(request) }
            }

            impl Operation for $request {
                type Output = $output;
                const ACTION: Action = Action::$action;
                fn output(response: Response) -> Option<$output> {
                    match response {
                        Response::$action(output) => Some(output),
                        _ => None,
                    }
                }
            }
        )*
    };
}

operations! {
    Elbv2 read DescribeLoadBalancers = "DescribeLoadBalancers" (elbv2::DescribeLoadBalancers) -> elbv2::Page<elbv2::LoadBalancer>;
    Elbv2 read DescribeTargetGroups = "DescribeTargetGroups" (elbv2::DescribeTargetGroups) -> elbv2::Page<elbv2::TargetGroup>;
    Elbv2 read DescribeTags = "DescribeTags" (elbv2::DescribeTags) -> BTreeMap<String, super::Tags>;
    Elbv2 read DescribeListeners = "DescribeListeners" (elbv2::DescribeListeners) -> elbv2::Page<elbv2::Listener>;
    Elbv2 read DescribeListenerCertificates = "DescribeListenerCertificates" (elbv2::DescribeListenerCertificates) -> elbv2::Page<elbv2::ListenerCertificate>;
    Elbv2 read DescribeListenerAttributes = "DescribeListenerAttributes" (elbv2::DescribeListenerAttributes) -> super::Attributes;
    Elbv2 read DescribeLoadBalancerAttributes = "DescribeLoadBalancerAttributes" (elbv2::DescribeLoadBalancerAttributes) -> super::Attributes;
    Elbv2 read DescribeTargetGroupAttributes = "DescribeTargetGroupAttributes" (elbv2::DescribeTargetGroupAttributes) -> super::Attributes;
    Elbv2 read DescribeRules = "DescribeRules" (elbv2::DescribeRules) -> elbv2::Page<elbv2::Rule>;
    Elbv2 read DescribeCapacityReservation = "DescribeCapacityReservation" (elbv2::DescribeCapacityReservation) -> elbv2::CapacityReservation;
    Elbv2 read DescribeTargetHealth = "DescribeTargetHealth" (elbv2::DescribeTargetHealth) -> Vec<elbv2::TargetHealth>;
    Elbv2 read DescribeTrustStores = "DescribeTrustStores" (elbv2::DescribeTrustStores) -> elbv2::Page<elbv2::TrustStore>;
    Elbv2 create CreateLoadBalancer = "CreateLoadBalancer" (elbv2::CreateLoadBalancer) -> elbv2::LoadBalancer;
    Elbv2 delete DeleteLoadBalancer = "DeleteLoadBalancer" (elbv2::DeleteLoadBalancer) -> ();
    Elbv2 update SetSecurityGroups = "SetSecurityGroups" (elbv2::SetSecurityGroups) -> ();
    Elbv2 update SetSubnets = "SetSubnets" (elbv2::SetSubnets) -> ();
    Elbv2 update SetIpAddressType = "SetIpAddressType" (elbv2::SetIpAddressType) -> ();
    Elbv2 update ModifyIpPools = "ModifyIpPools" (elbv2::ModifyIpPools) -> ();
    Elbv2 update ModifyLoadBalancerAttributes = "ModifyLoadBalancerAttributes" (elbv2::ModifyLoadBalancerAttributes) -> ();
    Elbv2 update ModifyCapacityReservation = "ModifyCapacityReservation" (elbv2::ModifyCapacityReservation) -> ();
    Elbv2 create CreateTargetGroup = "CreateTargetGroup" (elbv2::CreateTargetGroup) -> elbv2::TargetGroup;
    Elbv2 update ModifyTargetGroup = "ModifyTargetGroup" (elbv2::ModifyTargetGroup) -> ();
    Elbv2 update ModifyTargetGroupAttributes = "ModifyTargetGroupAttributes" (elbv2::ModifyTargetGroupAttributes) -> ();
    Elbv2 delete DeleteTargetGroup = "DeleteTargetGroup" (elbv2::DeleteTargetGroup) -> ();
    Elbv2 create CreateListener = "CreateListener" (elbv2::CreateListener) -> elbv2::Listener;
    Elbv2 update ModifyListener = "ModifyListener" (elbv2::ModifyListener) -> ();
    Elbv2 delete DeleteListener = "DeleteListener" (elbv2::DeleteListener) -> ();
    Elbv2 update ModifyListenerAttributes = "ModifyListenerAttributes" (elbv2::ModifyListenerAttributes) -> ();
    Elbv2 create AddListenerCertificate = "AddListenerCertificates" (elbv2::AddListenerCertificate) -> ();
    Elbv2 delete RemoveListenerCertificate = "RemoveListenerCertificates" (elbv2::RemoveListenerCertificate) -> ();
    Elbv2 create CreateRule = "CreateRule" (elbv2::CreateRule) -> elbv2::Rule;
    Elbv2 update ModifyRule = "ModifyRule" (elbv2::ModifyRule) -> ();
    Elbv2 delete DeleteRule = "DeleteRule" (elbv2::DeleteRule) -> ();
    Elbv2 update SetRulePriorities = "SetRulePriorities" (elbv2::SetRulePriorities) -> ();
    Elbv2 create AddTags = "AddTags" (elbv2::AddTags) -> ();
    Elbv2 delete RemoveTags = "RemoveTags" (elbv2::RemoveTags) -> ();
    Elbv2 create RegisterTargets = "RegisterTargets" (elbv2::RegisterTargets) -> ();
    Elbv2 delete DeregisterTargets = "DeregisterTargets" (elbv2::DeregisterTargets) -> ();
    Ec2 read DescribeSubnets = "DescribeSubnets" (ec2::DescribeSubnets) -> ec2::DescribePage<ec2::Subnet>;
    Ec2 read DescribeVpcs = "DescribeVpcs" (ec2::DescribeVpcs) -> ec2::DescribePage<ec2::Vpc>;
    Ec2 read DescribeSecurityGroups = "DescribeSecurityGroups" (ec2::DescribeSecurityGroups) -> ec2::DescribePage<ec2::SecurityGroup>;
    Ec2 read DescribeRouteTables = "DescribeRouteTables" (ec2::DescribeRouteTables) -> ec2::DescribePage<ec2::RouteTable>;
    Ec2 read DescribeAvailabilityZones = "DescribeAvailabilityZones" (ec2::DescribeAvailabilityZones) -> Vec<ec2::AvailabilityZone>;
    Ec2 read DescribeInstances = "DescribeInstances" (ec2::DescribeInstances) -> ec2::DescribePage<ec2::Instance>;
    Ec2 read DescribeNetworkInterfaces = "DescribeNetworkInterfaces" (ec2::DescribeNetworkInterfaces) -> ec2::DescribePage<ec2::NetworkInterface>;
    Ec2 create CreateSecurityGroup = "CreateSecurityGroup" (ec2::CreateSecurityGroup) -> ec2::CreatedSecurityGroup;
    Ec2 delete DeleteSecurityGroup = "DeleteSecurityGroup" (ec2::DeleteSecurityGroup) -> ();
    Ec2 create AuthorizeIngress = "AuthorizeSecurityGroupIngress" (ec2::AuthorizeIngress) -> ();
    Ec2 delete RevokeIngress = "RevokeSecurityGroupIngress" (ec2::RevokeIngress) -> ();
    Ec2 create CreateTags = "CreateTags" (ec2::CreateTags) -> ();
    Ec2 delete DeleteTags = "DeleteTags" (ec2::DeleteTags) -> ();
    Ec2 read DryRun = "DryRun" (ec2::DryRun) -> ();
    Acm read ListCertificates = "ListCertificates" (acm::ListCertificates) -> acm::CertificatePage;
    Acm read DescribeCertificate = "DescribeCertificate" (acm::DescribeCertificate) -> acm::Certificate;
    Acm read ListCertificateTags = "ListTagsForCertificate" (acm::ListCertificateTags) -> super::Tags;
    Acm create RequestCertificate = "RequestCertificate" (acm::RequestCertificate) -> String;
    Acm read GetCertificate = "GetCertificate" (acm::GetCertificate) -> acm::CertificateBody;
    Acm create ImportCertificate = "ImportCertificate" (acm::ImportCertificate) -> String;
    Acm delete DeleteCertificate = "DeleteCertificate" (acm::DeleteCertificate) -> ();
    Route53 read ListHostedZones = "ListHostedZones" (route53::ListHostedZones) -> route53::HostedZonePage;
    Route53 create CreateRecord = "ChangeResourceRecordSets" (route53::CreateRecord) -> ();
    Route53 delete DeleteRecord = "ChangeResourceRecordSets" (route53::DeleteRecord) -> ();
    Wafv2 read GetWafv2WebAcl = "GetWebACLForResource" (protection::GetWafv2WebAcl) -> Option<String>;
    Wafv2 read ListWafv2WebAcls = "ListWebACLs" (protection::ListWafv2WebAcls) -> protection::WebAclPage;
    Wafv2 create AssociateWafv2WebAcl = "AssociateWebACL" (protection::AssociateWafv2WebAcl) -> ();
    Wafv2 delete DisassociateWafv2WebAcl = "DisassociateWebACL" (protection::DisassociateWafv2WebAcl) -> ();
    WafRegional read GetWafRegionalWebAcl = "GetWebACLForResource" (protection::GetWafRegionalWebAcl) -> Option<String>;
    WafRegional create AssociateWafRegionalWebAcl = "AssociateWebACL" (protection::AssociateWafRegionalWebAcl) -> ();
    WafRegional delete DisassociateWafRegionalWebAcl = "DisassociateWebACL" (protection::DisassociateWafRegionalWebAcl) -> ();
    Shield read GetShieldSubscription = "GetSubscriptionState" (protection::GetShieldSubscription) -> bool;
    Shield read DescribeShieldProtection = "DescribeProtection" (protection::DescribeShieldProtection) -> Option<protection::ShieldProtection>;
    Shield create CreateShieldProtection = "CreateProtection" (protection::CreateShieldProtection) -> ();
    Shield delete DeleteShieldProtection = "DeleteProtection" (protection::DeleteShieldProtection) -> ();
    GlobalAccelerator read ListAccelerators = "ListAccelerators" (global_accelerator::ListAccelerators) -> global_accelerator::AcceleratorPage<global_accelerator::Accelerator>;
    GlobalAccelerator read DescribeAccelerator = "DescribeAccelerator" (global_accelerator::DescribeAccelerator) -> global_accelerator::Accelerator;
    GlobalAccelerator read ListAcceleratorTags = "ListTagsForResource" (global_accelerator::ListAcceleratorTags) -> super::Tags;
    GlobalAccelerator read ListAcceleratorListeners = "ListListeners" (global_accelerator::ListAcceleratorListeners) -> global_accelerator::AcceleratorPage<global_accelerator::Listener>;
    GlobalAccelerator read ListEndpointGroups = "ListEndpointGroups" (global_accelerator::ListEndpointGroups) -> global_accelerator::AcceleratorPage<global_accelerator::EndpointGroup>;
    GlobalAccelerator create CreateAccelerator = "CreateAccelerator" (global_accelerator::CreateAccelerator) -> global_accelerator::Accelerator;
    GlobalAccelerator update UpdateAccelerator = "UpdateAccelerator" (global_accelerator::UpdateAccelerator) -> global_accelerator::Accelerator;
    GlobalAccelerator delete DeleteAccelerator = "DeleteAccelerator" (global_accelerator::DeleteAccelerator) -> ();
    GlobalAccelerator create TagAccelerator = "TagResource" (global_accelerator::TagAccelerator) -> ();
    GlobalAccelerator delete UntagAccelerator = "UntagResource" (global_accelerator::UntagAccelerator) -> ();
    GlobalAccelerator create CreateAcceleratorListener = "CreateListener" (global_accelerator::CreateAcceleratorListener) -> String;
    GlobalAccelerator update UpdateAcceleratorListener = "UpdateListener" (global_accelerator::UpdateAcceleratorListener) -> ();
    GlobalAccelerator delete DeleteAcceleratorListener = "DeleteListener" (global_accelerator::DeleteAcceleratorListener) -> ();
    GlobalAccelerator create CreateEndpointGroup = "CreateEndpointGroup" (global_accelerator::CreateEndpointGroup) -> String;
    GlobalAccelerator update UpdateEndpointGroup = "UpdateEndpointGroup" (global_accelerator::UpdateEndpointGroup) -> ();
    GlobalAccelerator delete DeleteEndpointGroup = "DeleteEndpointGroup" (global_accelerator::DeleteEndpointGroup) -> ();
    GlobalAccelerator create AddEndpoints = "AddEndpoints" (global_accelerator::AddEndpoints) -> ();
    GlobalAccelerator delete RemoveEndpoints = "RemoveEndpoints" (global_accelerator::RemoveEndpoints) -> ();
    Sts read GetCallerIdentity = "GetCallerIdentity" (sts::GetCallerIdentity) -> sts::CallerIdentity;
    Iam read GetRole = "GetRole" (iam::GetRole) -> iam::Role;
    Iam read SimulatePrincipalPolicy = "SimulatePrincipalPolicy" (iam::SimulatePrincipalPolicy) -> iam::SimulationPage;
}
