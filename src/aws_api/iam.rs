//! The IAM policy: what the controller's role must be allowed, derived from the table of operations.
//!
//! [`statements_of`] places every operation, so a new row of the table does not compile before somebody has decided under
//! which conditions it is allowed. The statements and their tag conditions are those of upstream's
//! `docs/install/iam_policy*.json`; a role that has upstream's policy needs no other one. On purpose different:
//! `wafv2:ListWebACLs`, which finds web ACLs by name, is allowed; and every statement has an id.
//!
//! The cluster tag must be part of the request that creates something, and of no later request that tags it.
//!
//! What `doctor` asks IAM itself, whether the role has these permissions, is in [`simulation`]. The policy does not allow it.

mod simulation;

pub use simulation::{
    Context, Decision, Evaluation, GetRole, Principal, Role, Ruling, SimulatePrincipalPolicy, SimulationPage,
};

use super::{Action, Service};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray;

/// Tag that marks what the controller owns.
pub const CLUSTER_TAG: &str = "elbv2.k8s.aws/cluster";

/// Tag that says of an accelerator what it is.
const ACCELERATOR_TAG: &str = "aga.k8s.aws/resource";

/// A group of AWS regions with ARNs of its own.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-cn`: the regions of China.
    AwsCn,
    /// `aws-us-gov`: the regions of the US government.
    AwsUsGov,
    /// European Sovereign Cloud.
    AwsEusc,
    /// `aws-iso`: isolated regions of the US.
    AwsIso,
    /// US, isolated, secret.
    AwsIsoB,
    /// `aws-iso-e`: isolated regions of Europe.
    AwsIsoE,
    /// US, isolated, further regions.
    AwsIsoF,
}

impl Partition {
    /// As ARNs spell it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether its IAM knows the permission of an operation. The isolated regions lag behind.
    fn knows(self, action: Action) -> bool {
        let is_new = matches!(
            action,
            Action::DescribeTrustStores
                | Action::DescribeListenerAttributes
                | Action::DescribeCapacityReservation
                | Action::ModifyListenerAttributes
                | Action::ModifyCapacityReservation
        );
        let is_isolated = matches!(self, Self::AwsIso | Self::AwsIsoB | Self::AwsIsoE | Self::AwsIsoF);
        !(is_new && is_isolated)
    }
}

/// A statement of the policy, in its order; the name is its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, VariantArray)]
pub enum Statement {
    /// The role that Elastic Load Balancing acts as; made with the first load balancer of an account.
    ServiceLinkedRole,
    /// Everything that only reads.
    Read,
    /// Web ACLs and Shield: their resources carry no tags of ours.
    Protect,
    /// Rules of the nodes' and pods' security groups, which are the user's.
    ChangeTargetRules,
    /// A new security group.
    CreateSecurityGroup,
    /// Tags given to a security group as it is created.
    TagNewSecurityGroup,
    /// Tags of our security groups, but never the cluster tag.
    TagSecurityGroup,
    /// Our security groups.
    ChangeSecurityGroup,
    /// Load balancers and target groups, which get the cluster tag as they are created.
    CreateTagged,
    /// Listeners and rules come and go with their load balancer, and are tagged after it.
    CreateListeners,
    /// Tags of our load balancers and target groups, but never the cluster tag.
    Tag,
    /// Tags of listeners and rules.
    TagListeners,
    /// Our load balancers and target groups.
    Change,
    /// Tags given to a load balancer or target group as it is created.
    TagNew,
    /// Targets, also of target groups that the user made.
    Targets,
    /// Listeners and rules.
    ChangeListeners,
    /// What it takes to read of certificates, and of the zones that validate their names.
    ReadCertificates,
    /// A new certificate, which gets the cluster tag with the request.
    RequestCertificates,
    /// A certificate that is imported, which gets the cluster tag with it.
    ImportCertificates,
    /// One of our imported certificates that is imported again.
    ReimportCertificates,
    /// What an imported certificate shows to clients.
    ReadImportedCertificates,
    /// Deletion of certificates with our tags.
    DeleteCertificates,
    /// Records that validate names of certificates.
    ValidateNames,
    /// Private certificate authorities, which ACM asks on behalf of the one who calls.
    PrivateAuthorities,
    /// The role that Global Accelerator acts as; made with the first accelerator of an account.
    AcceleratorServiceLinkedRole,
    /// Lists of accelerators and of what they have.
    ListAccelerators,
    /// Reading of accelerators with our tags.
    DescribeAccelerators,
    /// An accelerator, which gets its tags as it is created.
    CreateAccelerators,
    /// Our accelerators with their listeners and endpoint groups.
    ChangeAccelerators,
    /// Tags of our accelerators, but never the cluster tag.
    TagAccelerators,
    /// Tags given to an accelerator as it is created.
    TagNewAccelerators,
}

/// What a policy allows beside what every controller needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyParts {
    /// Certificates that are requested for Ingresses (feature gate `EnableCertificateManagement`).
    pub requested_certificates: bool,
    /// Certificates that are imported from Secrets (feature gate `SecretCertificates`).
    pub secret_certificates: bool,
}

impl PolicyParts {
    /// All parts, whatever is switched on.
    pub const ALL: Self = Self { requested_certificates: true, secret_certificates: true };

    /// Whether a statement is part of it.
    pub fn includes(self, statement: Statement) -> bool {
        match statement {
            Statement::ReadCertificates | Statement::DeleteCertificates => {
                self.requested_certificates || self.secret_certificates
            }
            Statement::RequestCertificates | Statement::ValidateNames | Statement::PrivateAuthorities => {
                self.requested_certificates
            }
            Statement::ImportCertificates
            | Statement::ReimportCertificates
            | Statement::ReadImportedCertificates => self.secret_certificates,
            _ => true,
        }
    }
}

/// Permissions that no operation of ours has: AWS asks for them on behalf of the one who calls.
const ON_BEHALF: &[(Statement, &[&str])] = &[
    (Statement::ServiceLinkedRole, &["iam:CreateServiceLinkedRole"]),
    (Statement::AcceleratorServiceLinkedRole, &["iam:CreateServiceLinkedRole"]),
    // Placing a load balancer: its addresses, gateways and pools.
    (
        Statement::Read,
        &[
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAddresses",
            "ec2:DescribeCoipPools",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeIpamPools",
            "ec2:DescribeTags",
            "ec2:DescribeVpcPeeringConnections",
            "ec2:GetCoipPoolUsage",
            "ec2:GetSecurityGroupsForVpc",
        ],
    ),
    // Listeners: their certificates, ciphers and log-in.
    (
        Statement::Read,
        &[
            "cognito-idp:DescribeUserPoolClient",
            "elasticloadbalancing:DescribeSSLPolicies",
            "iam:GetServerCertificate",
            "iam:ListServerCertificates",
        ],
    ),
    // Associating a web ACL.
    (Statement::Read, &["waf-regional:GetWebACL", "wafv2:GetWebACL"]),
    (Statement::ChangeListeners, &["elasticloadbalancing:SetWebAcl"]),
    // Certificates that are given tags as they come into being, and those of private authorities.
    (Statement::RequestCertificates, &["acm:AddTagsToCertificate"]),
    (Statement::ImportCertificates, &["acm:AddTagsToCertificate"]),
    (
        Statement::PrivateAuthorities,
        &["acm-pca:GetCertificate", "acm-pca:IssueCertificate", "acm-pca:ListPermissions"],
    ),
];

/// The statements in which an operation stands; none if AWS allows it to everyone, or if only `doctor` performs it.
pub fn statements_of(action: Action) -> &'static [Statement] {
    use Action as A;
    use Statement as S;
    match action {
        A::DescribeLoadBalancers
        | A::DescribeTargetGroups
        | A::DescribeTags
        | A::DescribeListeners
        | A::DescribeListenerCertificates
        | A::DescribeListenerAttributes
        | A::DescribeLoadBalancerAttributes
        | A::DescribeTargetGroupAttributes
        | A::DescribeRules
        | A::DescribeCapacityReservation
        | A::DescribeTargetHealth
        | A::DescribeTrustStores
        | A::DescribeSubnets
        | A::DescribeVpcs
        | A::DescribeSecurityGroups
        | A::DescribeRouteTables
        | A::DescribeAvailabilityZones
        | A::DescribeInstances
        | A::DescribeNetworkInterfaces
        | A::ListCertificates
        | A::DescribeCertificate
        | A::GetWafv2WebAcl
        | A::ListWafv2WebAcls
        | A::GetWafRegionalWebAcl
        | A::GetShieldSubscription
        | A::DescribeShieldProtection => &[S::Read],
        A::AssociateWafv2WebAcl
        | A::DisassociateWafv2WebAcl
        | A::AssociateWafRegionalWebAcl
        | A::DisassociateWafRegionalWebAcl
        | A::CreateShieldProtection
        | A::DeleteShieldProtection => &[S::Protect],
        A::AuthorizeIngress | A::RevokeIngress => &[S::ChangeTargetRules, S::ChangeSecurityGroup],
        A::CreateSecurityGroup => &[S::CreateSecurityGroup],
        A::CreateTags => &[S::TagNewSecurityGroup, S::TagSecurityGroup],
        A::DeleteTags => &[S::TagSecurityGroup],
        A::DeleteSecurityGroup => &[S::ChangeSecurityGroup],
        A::CreateLoadBalancer | A::CreateTargetGroup => &[S::CreateTagged],
        A::CreateListener | A::DeleteListener | A::CreateRule | A::DeleteRule => &[S::CreateListeners],
        A::AddTags => &[S::Tag, S::TagListeners, S::TagNew],
        A::RemoveTags => &[S::Tag, S::TagListeners],
        A::DeleteLoadBalancer
        | A::SetSecurityGroups
        | A::SetSubnets
        | A::SetIpAddressType
        | A::ModifyIpPools
        | A::ModifyLoadBalancerAttributes
        | A::ModifyCapacityReservation
        | A::ModifyTargetGroup
        | A::ModifyTargetGroupAttributes
        | A::DeleteTargetGroup
        | A::ModifyListenerAttributes => &[S::Change],
        A::RegisterTargets | A::DeregisterTargets => &[S::Targets],
        A::ModifyListener
        | A::AddListenerCertificate
        | A::RemoveListenerCertificate
        | A::ModifyRule
        | A::SetRulePriorities => &[S::ChangeListeners],
        A::ListCertificateTags => &[S::ReadCertificates],
        A::RequestCertificate => &[S::RequestCertificates],
        A::ImportCertificate => &[S::ImportCertificates, S::ReimportCertificates],
        A::GetCertificate => &[S::ReadImportedCertificates],
        A::DeleteCertificate => &[S::DeleteCertificates],
        A::ListHostedZones | A::CreateRecord | A::DeleteRecord => &[S::ValidateNames],
        A::ListAccelerators
        | A::ListAcceleratorListeners
        | A::ListEndpointGroups
        | A::ListAcceleratorTags => &[S::ListAccelerators],
        A::DescribeAccelerator => &[S::DescribeAccelerators],
        A::CreateAccelerator => &[S::CreateAccelerators],
        A::UpdateAccelerator
        | A::DeleteAccelerator
        | A::CreateAcceleratorListener
        | A::UpdateAcceleratorListener
        | A::DeleteAcceleratorListener
        | A::CreateEndpointGroup
        | A::UpdateEndpointGroup
        | A::DeleteEndpointGroup
        | A::AddEndpoints
        | A::RemoveEndpoints => &[S::ChangeAccelerators],
        A::TagAccelerator => &[S::TagAccelerators, S::TagNewAccelerators],
        A::UntagAccelerator => &[S::TagAccelerators],
        A::GetCallerIdentity | A::DryRun | A::GetRole | A::SimulatePrincipalPolicy => &[],
    }
}

/// The permission of an operation, as policies spell it, for example `ec2:DescribeSubnets`.
pub fn permission(action: Action) -> String {
    let prefix = match action.service() {
        Service::Elbv2 => "elasticloadbalancing",
        Service::Ec2 => "ec2",
        Service::Acm => "acm",
        Service::Route53 => "route53",
        Service::Wafv2 => "wafv2",
        Service::WafRegional => "waf-regional",
        Service::Shield => "shield",
        Service::GlobalAccelerator => "globalaccelerator",
        Service::Iam => "iam",
        Service::Sts | Service::Other(_) => "sts",
    };
    format!("{prefix}:{}", action.name())
}

/// A policy document.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<PolicyStatement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyStatement {
    sid: &'static str,
    effect: &'static str,
    action: BTreeSet<String>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

/// Operator, condition key, accepted values.
type Conditions = BTreeMap<&'static str, BTreeMap<String, Vec<&'static str>>>;

impl Policy {
    /// The policy of one partition, without what GlobalAccelerators need.
    pub fn of(partition: Partition, parts: PolicyParts) -> Self {
        Self::with(partition, |statement| !statement.is_for_accelerators() && parts.includes(statement))
    }

    /// What GlobalAccelerators need besides. IAM takes only so much in one policy, and few clusters have any.
    pub fn of_global_accelerator() -> Self {
        Self::with(Partition::Aws, Statement::is_for_accelerators)
    }

    fn with(partition: Partition, is_in: impl Fn(Statement) -> bool) -> Self {
        let statements = Statement::VARIANTS.iter().filter(|statement| is_in(**statement));
        let statement = statements.map(|statement| statement.allow(partition)).collect();
        Self { version: "2012-10-17", statement }
    }

    /// The policy as IAM takes it.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

impl Statement {
    /// Whether only GlobalAccelerators need it.
    pub fn is_for_accelerators(self) -> bool {
        matches!(
            self,
            Self::AcceleratorServiceLinkedRole
                | Self::ListAccelerators
                | Self::DescribeAccelerators
                | Self::CreateAccelerators
                | Self::ChangeAccelerators
                | Self::TagAccelerators
                | Self::TagNewAccelerators
        )
    }

    /// Its permissions: of operations, and those that no operation of ours has.
    pub fn permissions(self, partition: Partition) -> Vec<(String, Option<Action>)> {
        let own = Action::VARIANTS.iter().copied().filter(|action| statements_of(*action).contains(&self));
        let own = own.filter(|action| partition.knows(*action));
        let own = own.map(|action| (permission(action), Some(action)));
        let on_behalf = ON_BEHALF.iter().filter(|(statement, _)| *statement == self);
        let on_behalf = on_behalf.flat_map(|(_, permissions)| permissions.iter());
        own.chain(on_behalf.map(|permission| ((*permission).to_owned(), None))).collect()
    }

    /// Condition keys that a request must not have, and those that it may have.
    pub fn condition_keys(self) -> (BTreeSet<String>, BTreeSet<String>) {
        let conditions = self.conditions();
        let keys = conditions.iter().flat_map(|(operator, keys)| {
            keys.iter().map(|(key, values)| (*operator == "Null" && values == &["true"], key.clone()))
        });
        let (absent, present): (Vec<_>, Vec<_>) = keys.partition(|(is_absent, _)| *is_absent);
        let names = |keys: Vec<(bool, String)>| keys.into_iter().map(|(_, key)| key).collect();
        (names(absent), names(present))
    }

    fn allow(self, partition: Partition) -> PolicyStatement {
        PolicyStatement {
            sid: self.into(),
            effect: "Allow",
            action: self.permissions(partition).into_iter().map(|(permission, _)| permission).collect(),
            resource: self.resources(partition),
            condition: self.conditions(),
        }
    }

    fn resources(self, partition: Partition) -> Vec<String> {
        let (service, kinds): (_, &[&str]) = match self {
            Self::TagNewSecurityGroup | Self::TagSecurityGroup => ("ec2", &["security-group/*"]),
            Self::Tag | Self::TagNew => {
                ("elasticloadbalancing", &["targetgroup/*/*", "loadbalancer/net/*/*", "loadbalancer/app/*/*"])
            }
            Self::TagListeners => (
                "elasticloadbalancing",
                &[
                    "listener/net/*/*/*",
                    "listener/app/*/*/*",
                    "listener-rule/net/*/*/*",
                    "listener-rule/app/*/*/*",
                ],
            ),
            Self::Targets => ("elasticloadbalancing", &["targetgroup/*/*"]),
            Self::DescribeAccelerators | Self::ChangeAccelerators => {
                return accelerator_arns(&["", "/listener/*", "/listener/*/endpoint-group/*"]);
            }
            Self::TagAccelerators | Self::TagNewAccelerators => return accelerator_arns(&[""]),
            _ => return vec!["*".to_owned()],
        };
        let arn = |kind: &&str| format!("arn:{}:{service}:*:*:{kind}", partition.as_str());
        kinds.iter().map(arn).collect()
    }

    fn conditions(self) -> Conditions {
        let equals = |key: &str, values: &[&'static str]| ("StringEquals", key.to_owned(), values.to_vec());
        let all = match self {
            Self::ServiceLinkedRole => {
                vec![equals("iam:AWSServiceName", &["elasticloadbalancing.amazonaws.com"])]
            }
            Self::TagNewSecurityGroup => {
                vec![equals("ec2:CreateAction", &["CreateSecurityGroup"]), cluster_tag("RequestTag", true)]
            }
            Self::TagNew => vec![
                equals("elasticloadbalancing:CreateAction", &["CreateTargetGroup", "CreateLoadBalancer"]),
                cluster_tag("RequestTag", true),
            ],
            Self::TagSecurityGroup | Self::Tag => {
                vec![cluster_tag("RequestTag", false), cluster_tag("ResourceTag", true)]
            }
            Self::CreateTagged | Self::RequestCertificates | Self::ImportCertificates => {
                vec![cluster_tag("RequestTag", true)]
            }
            Self::ChangeSecurityGroup
            | Self::Change
            | Self::DeleteCertificates
            | Self::ReimportCertificates
            | Self::ReadImportedCertificates => vec![cluster_tag("ResourceTag", true)],
            Self::AcceleratorServiceLinkedRole => {
                vec![equals("iam:AWSServiceName", &["globalaccelerator.amazonaws.com"])]
            }
            Self::DescribeAccelerators | Self::ChangeAccelerators => {
                vec![cluster_tag("ResourceTag", true), accelerator_tag("ResourceTag")]
            }
            Self::CreateAccelerators | Self::TagNewAccelerators => {
                vec![cluster_tag("RequestTag", true), accelerator_tag("RequestTag")]
            }
            Self::TagAccelerators => vec![
                cluster_tag("RequestTag", false),
                cluster_tag("ResourceTag", true),
                accelerator_tag("ResourceTag"),
            ],
            Self::ListAccelerators
            | Self::Read
            | Self::Protect
            | Self::ChangeTargetRules
            | Self::CreateSecurityGroup
            | Self::CreateListeners
            | Self::TagListeners
            | Self::Targets
            | Self::ChangeListeners
            | Self::ReadCertificates
            | Self::ValidateNames
            | Self::PrivateAuthorities => Vec::new(),
        };
        let mut conditions = Conditions::new();
        for (operator, key, values) in all {
            conditions.entry(operator).or_default().insert(key, values);
        }
        conditions
    }
}

/// ARNs of accelerators, or of what they have.
fn accelerator_arns(parts: &[&str]) -> Vec<String> {
    let arn = |part: &&str| format!("arn:aws:globalaccelerator::*:accelerator/*{part}");
    parts.iter().map(arn).collect()
}

/// The tag that says what a resource is must be there.
fn accelerator_tag(of: &str) -> (&'static str, String, Vec<&'static str>) {
    ("StringEquals", format!("aws:{of}/{ACCELERATOR_TAG}"), vec!["GlobalAccelerator"])
}

/// Whether the cluster tag must be there, or must not.
fn cluster_tag(of: &str, is_there: bool) -> (&'static str, String, Vec<&'static str>) {
    ("Null", format!("aws:{of}/{CLUSTER_TAG}"), vec![if is_there { "false" } else { "true" }])
}

#[cfg(test)]
mod tests;
