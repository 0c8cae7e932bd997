//! What has to be asked about the permissions that change something: each, on what, and in which situation.
//!
//! It follows from the statements of our policy. A simulated request carries the tags and other condition keys that the
//! controller's request would carry, so that the conditions of the policy hold where they would.

use super::arn_scope::ArnScope;
use super::is_used;
use crate::api::global_accelerator::{RESOURCE, RESOURCE_TAG};
use crate::aws_api::iam::{CLUSTER_TAG, Context, Statement};
use crate::aws_api::{Action, Service};
use crate::cluster::accelerator_store;
use crate::config::Config;
use strum::VariantArray as _;

/// A permission that a statement of the policy grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The statement.
    pub(super) statement: Statement,
    /// For example `ec2:CreateTags`.
    pub(super) permission: String,
    /// No operation of ours has it: AWS asks for it on behalf of the one who calls.
    pub(super) is_on_behalf: bool,
}

/// A need in a situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NeedInContext {
    pub(super) need: Need,
    pub(super) request_context: RequestContext,
    /// ARNs on which the permission is needed; empty: it is needed on no resource.
    pub(super) resources: Vec<String>,
}

/// What requests carry, as far as conditions of policies can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub(super) enum RequestContext {
    /// Something that the controller made.
    Own,
    /// Something that somebody else made.
    Foreign,
    /// A load balancer in the making.
    NewLoadBalancer,
    /// A target group in the making.
    NewTargetGroup,
    /// A security group in the making.
    NewSecurityGroup,
    /// The first load balancer of an account.
    FirstLoadBalancer,
    /// A certificate in the making.
    NewCertificate,
    /// What concerns no single resource.
    General,
    /// An accelerator that the controller made.
    OwnAccelerator,
    /// An accelerator in the making.
    NewAccelerator,
    /// The first accelerator of an account.
    FirstAccelerator,
}

/// Kinds of resources; their ARNs name things that do not exist, as the controller would name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArnKind {
    ApplicationLoadBalancer,
    NetworkLoadBalancer,
    TargetGroup,
    ApplicationListener,
    NetworkListener,
    ApplicationRule,
    NetworkRule,
    SecurityGroup,
    Vpc,
    Protection,
    ServiceLinkedRole,
    Certificate,
    Accelerator,
    AcceleratorServiceLinkedRole,
}

/// A name of the form that the controller gives.
const NAME: &str = "k8s-doctor-doctor-0000000000";
/// The role that Elastic Load Balancing acts as.
const SERVICE_LINKED_ROLE: &str =
    "role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing";

/// The role that Global Accelerator acts as.
const ACCELERATOR_ROLE: &str =
    "role/aws-service-role/globalaccelerator.amazonaws.com/AWSServiceRoleForGlobalAccelerator";

const LOAD_BALANCERS: &[ArnKind] = &[ArnKind::ApplicationLoadBalancer, ArnKind::NetworkLoadBalancer];
const LISTENERS: &[ArnKind] = &[ArnKind::ApplicationListener, ArnKind::NetworkListener];
const RULES: &[ArnKind] = &[ArnKind::ApplicationRule, ArnKind::NetworkRule];
const TARGET_GROUP: &[ArnKind] = &[ArnKind::TargetGroup];
const CERTIFICATE: &[ArnKind] = &[ArnKind::Certificate];
const SECURITY_GROUP: &[ArnKind] = &[ArnKind::SecurityGroup];
const APPLICATION_LOAD_BALANCER: &[ArnKind] = &[ArnKind::ApplicationLoadBalancer];

/// Every need that is not met by reading.
pub(super) fn needs(scope: &ArnScope, config: &Config) -> Vec<NeedInContext> {
    let mut needs = Vec::new();
    let is_on = accelerator_store::is_on(config);
    for statement in Statement::VARIANTS {
        if statement.is_for_accelerators() && !is_on {
            continue;
        }
        for (permission, action) in statement.permissions(scope.partition) {
            if !is_wanted(*statement, &permission, action, config) {
                continue;
            }
            let need = Need { statement: *statement, permission, is_on_behalf: action.is_none() };
            needs.extend(with_contexts(&need, action, scope, config));
        }
    }
    needs
}

/// Whether the settings have the controller, or AWS on its behalf, use a permission.
fn is_wanted(statement: Statement, permission: &str, action: Option<Action>, config: &Config) -> bool {
    match (action, permission) {
        (Some(action), _) => is_used(action, config),
        (None, "wafv2:GetWebACL") => config.enable_wafv2,
        (None, "waf-regional:GetWebACL") => config.enable_waf,
        (None, "acm:AddTagsToCertificate") if statement == Statement::ImportCertificates => {
            config.features.secret_certificates
        }
        (None, "acm:AddTagsToCertificate") => config.features.enable_certificate_management,
        (None, "acm-pca:GetCertificate" | "acm-pca:IssueCertificate" | "acm-pca:ListPermissions") => {
            config.features.enable_certificate_management && !config.default_pca_arn.is_empty()
        }
        (None, "elasticloadbalancing:SetWebAcl") => config.enable_wafv2 || config.enable_waf,
        (None, _) => true,
    }
}

fn with_contexts(
    need: &Need,
    action: Option<Action>,
    scope: &ArnScope,
    config: &Config,
) -> Vec<NeedInContext> {
    let request_contexts = contexts_of(need.statement, action);
    let situated = request_contexts.into_iter().map(|(request_context, kinds)| NeedInContext {
        need: need.clone(),
        request_context,
        resources: kinds.iter().flat_map(|kinds| kinds.iter()).map(|kind| kind.arn(scope, config)).collect(),
    });
    situated.collect()
}

/// When a permission of a statement is needed, and on which kinds of resources; never: it is tried by reading.
fn contexts_of(
    statement: Statement,
    action: Option<Action>,
) -> Vec<(RequestContext, Vec<&'static [ArnKind]>)> {
    use RequestContext as N;
    use Statement as S;
    match statement {
        S::Read | S::ReadCertificates => {
            action.is_none().then(|| (N::General, Vec::new())).into_iter().collect()
        }
        S::ServiceLinkedRole => vec![(N::FirstLoadBalancer, vec![&[ArnKind::ServiceLinkedRole]])],
        S::Protect if action.is_some_and(|action| action.service() == Service::Shield) => {
            vec![(N::Foreign, vec![&[ArnKind::Protection]])]
        }
        S::Protect => vec![(N::Own, vec![APPLICATION_LOAD_BALANCER])],
        S::ChangeTargetRules => vec![(N::Foreign, vec![SECURITY_GROUP])],
        S::CreateSecurityGroup => vec![(N::NewSecurityGroup, vec![SECURITY_GROUP, &[ArnKind::Vpc]])],
        S::TagNewSecurityGroup => vec![(N::NewSecurityGroup, vec![SECURITY_GROUP])],
        S::TagSecurityGroup | S::ChangeSecurityGroup => vec![(N::Own, vec![SECURITY_GROUP])],
        S::CreateTagged if action == Some(Action::CreateTargetGroup) => {
            vec![(N::NewTargetGroup, vec![TARGET_GROUP])]
        }
        S::CreateTagged => vec![(N::NewLoadBalancer, vec![LOAD_BALANCERS])],
        S::TagNew => {
            vec![(N::NewLoadBalancer, vec![LOAD_BALANCERS]), (N::NewTargetGroup, vec![TARGET_GROUP])]
        }
        S::Tag => vec![(N::Own, vec![LOAD_BALANCERS, TARGET_GROUP])],
        S::TagListeners => vec![(N::Own, vec![LISTENERS, RULES])],
        S::Targets => vec![(N::Foreign, vec![TARGET_GROUP])],
        S::RequestCertificates | S::ImportCertificates => vec![(N::NewCertificate, vec![CERTIFICATE])],
        S::DeleteCertificates | S::ReimportCertificates | S::ReadImportedCertificates => {
            vec![(N::Own, vec![CERTIFICATE])]
        }
        S::ValidateNames if action.is_some_and(|action| !action.is_write()) => Vec::new(),
        S::ValidateNames | S::PrivateAuthorities => vec![(N::General, Vec::new())],
        S::AcceleratorServiceLinkedRole => {
            vec![(N::FirstAccelerator, vec![&[ArnKind::AcceleratorServiceLinkedRole]])]
        }
        S::ListAccelerators => Vec::new(),
        S::CreateAccelerators | S::TagNewAccelerators => {
            vec![(N::NewAccelerator, vec![&[ArnKind::Accelerator]])]
        }
        S::DescribeAccelerators | S::ChangeAccelerators | S::TagAccelerators => {
            vec![(N::OwnAccelerator, vec![&[ArnKind::Accelerator]])]
        }
        S::Change | S::CreateListeners | S::ChangeListeners => vec![(N::Own, vec![changed(action)])],
    }
}

/// What an operation changes.
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html>
fn changed(action: Option<Action>) -> &'static [ArnKind] {
    use Action as A;
    match action {
        Some(A::ModifyTargetGroup | A::ModifyTargetGroupAttributes | A::DeleteTargetGroup) => TARGET_GROUP,
        Some(
            A::CreateRule
            | A::ModifyListener
            | A::DeleteListener
            | A::ModifyListenerAttributes
            | A::AddListenerCertificate
            | A::RemoveListenerCertificate,
        ) => LISTENERS,
        Some(A::ModifyRule | A::DeleteRule | A::SetRulePriorities) => RULES,
        Some(A::ModifyIpPools) | None => APPLICATION_LOAD_BALANCER,
        Some(_) => LOAD_BALANCERS,
    }
}

impl RequestContext {
    /// The condition keys of a request.
    pub(super) fn context(self, scope: &ArnScope, config: &Config) -> Context {
        let tag = |of: &str| (format!("aws:{of}/{CLUSTER_TAG}"), config.cluster_name.clone());
        let new = |service: &str, action: &str| {
            vec![tag("RequestTag"), (format!("{service}:CreateAction"), action.to_owned())]
        };
        let own = match self {
            Self::Own => vec![tag("ResourceTag")],
            Self::NewCertificate => vec![tag("RequestTag")],
            Self::Foreign | Self::General => Vec::new(),
            Self::NewLoadBalancer => new("elasticloadbalancing", "CreateLoadBalancer"),
            Self::NewTargetGroup => new("elasticloadbalancing", "CreateTargetGroup"),
            Self::NewSecurityGroup => new("ec2", "CreateSecurityGroup"),
            Self::OwnAccelerator => vec![tag("ResourceTag"), accelerator_tag("ResourceTag")],
            Self::NewAccelerator => vec![tag("RequestTag"), accelerator_tag("RequestTag")],
            Self::FirstAccelerator => {
                vec![("iam:AWSServiceName".to_owned(), "globalaccelerator.amazonaws.com".to_owned())]
            }
            Self::FirstLoadBalancer => {
                vec![("iam:AWSServiceName".to_owned(), "elasticloadbalancing.amazonaws.com".to_owned())]
            }
        };
        let everywhere = [
            ("aws:RequestedRegion".to_owned(), scope.region.clone()),
            ("ec2:Vpc".to_owned(), ArnKind::Vpc.arn(scope, config)),
        ];
        everywhere.into_iter().chain(own).collect()
    }
}

fn accelerator_tag(of: &str) -> (String, String) {
    (format!("aws:{of}/{RESOURCE_TAG}"), RESOURCE.to_owned())
}

impl ArnKind {
    fn arn(self, scope: &ArnScope, config: &Config) -> String {
        let elb = |kind: &str, ids: usize| {
            scope.arn("elasticloadbalancing", &format!("{kind}/{NAME}{}", "/0000000000000000".repeat(ids)))
        };
        match self {
            Self::ApplicationLoadBalancer => elb("loadbalancer/app", 1),
            Self::NetworkLoadBalancer => elb("loadbalancer/net", 1),
            Self::TargetGroup => elb("targetgroup", 1),
            Self::ApplicationListener => elb("listener/app", 2),
            Self::NetworkListener => elb("listener/net", 2),
            Self::ApplicationRule => elb("listener-rule/app", 3),
            Self::NetworkRule => elb("listener-rule/net", 3),
            Self::SecurityGroup => scope.arn("ec2", "security-group/sg-00000000000000000"),
            Self::Certificate => scope.arn("acm", "certificate/00000000-0000-0000-0000-000000000000"),
            Self::Vpc => scope.arn("ec2", &format!("vpc/{}", config.vpc_id)),
            Self::Protection => scope.global_arn("shield", "protection/00000000-0000-0000-0000-000000000000"),
            Self::ServiceLinkedRole => scope.global_arn("iam", SERVICE_LINKED_ROLE),
            Self::Accelerator => {
                scope.global_arn("globalaccelerator", "accelerator/00000000-0000-0000-0000-000000000000")
            }
            Self::AcceleratorServiceLinkedRole => scope.global_arn("iam", ACCELERATOR_ROLE),
        }
    }
}

#[cfg(test)]
mod tests;
