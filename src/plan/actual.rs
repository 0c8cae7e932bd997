//! The observed twins of a stack's resources: what AWS and the cluster hold under the stack's tags and labels.
//!
//! Details (attributes, certificates, rules, tags of listeners) are only filled in for resources that the stack wants;
//! the diff does not look at them otherwise.

use crate::api::TargetGroupBinding;
use crate::aws_api::CloudError;
use crate::aws_api::acm::{CertificateStatus, ValidationRecord};
use crate::aws_api::ec2;
use crate::aws_api::elbv2;
use crate::aws_api::protection::ShieldProtection;
use crate::aws_api::route53::HostedZone;
use crate::aws_api::{Attributes, Tags};
use crate::model::ResourceId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everything that exists of one stack. Nothing found: all lists are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actual {
    /// Managed security groups.
    pub security_groups: Vec<ec2::SecurityGroup>,
    /// Load balancers with what belongs to them.
    pub load_balancers: Vec<LoadBalancer>,
    /// Target groups with what belongs to them.
    pub target_groups: Vec<TargetGroup>,
    /// TargetGroupBindings with the stack's labels.
    pub bindings: Vec<TargetGroupBinding>,
    /// What protects the stack's ALB.
    pub protection: Protection,
    /// Certificates that ACM was asked for.
    pub certificates: ObservedCertificates,
}

/// Certificates with the stack's tags, and what a request of one needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedCertificates {
    /// Those that ACM has.
    pub found: Vec<ObservedCertificate>,
    /// Hosted zones of the account; only asked for when records come or go.
    pub zones: Vec<HostedZone>,
    /// ARN of the certificate that was last deleted of each resource id, as far as is remembered.
    pub deleted: BTreeMap<ResourceId, String>,
    /// Why nothing of this is known; `None`: all of it is.
    pub failure: Option<CloudError>,
}

/// A certificate that ACM was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedCertificate {
    /// Its ARN in ACM.
    pub arn: String,
    /// Its id in the stack.
    pub id: ResourceId,
    /// Host names that it is for.
    pub names: BTreeSet<String>,
    /// The private authority that issues it.
    pub authority: Option<String>,
    /// How far it is.
    pub status: CertificateStatus,
    /// Why it will not be issued, in AWS's words.
    pub failure_reason: Option<String>,
    /// How long it has been known.
    pub age: Duration,
    /// Whether something uses it, as far as was asked.
    pub is_in_use: bool,
    /// Records that validate its names, as far as was asked, and whether each is known to stand in its zone.
    pub records: BTreeMap<ValidationRecord, bool>,
}

/// A load balancer and what hangs on it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancer {
    /// As AWS describes it.
    pub entity: elbv2::LoadBalancer,
    /// All tags of the load balancer.
    pub tags: Tags,
    /// Attributes, as far as any are wanted.
    pub attributes: Attributes,
    /// Its capacity reservation; `None`: not asked for.
    pub capacity: Option<elbv2::CapacityReservation>,
    /// Listeners, with their rules.
    pub listeners: Vec<Listener>,
}

/// A listener and what hangs on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// As AWS describes it.
    pub entity: elbv2::Listener,
    /// All tags of the listener, if those are looked after.
    pub tags: Tags,
    /// Attributes, as far as any are wanted.
    pub attributes: Attributes,
    /// ARNs of its certificates, those marked as default left out.
    pub extra_certificates: Vec<String>,
    /// Its rules, the default rule left out.
    pub rules: Vec<Rule>,
}

/// A listener rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// As AWS describes it.
    pub entity: elbv2::Rule,
    /// All tags of the rule, if those are looked after.
    pub tags: Tags,
}

/// A target group.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// As AWS describes it.
    pub entity: elbv2::TargetGroup,
    /// All tags of the target group.
    pub tags: Tags,
    /// Attributes, as far as any are wanted.
    pub attributes: Attributes,
    /// Its targets; only asked for when they are ALBs.
    pub targets: Vec<elbv2::Target>,
}

/// What protects the stack's ALB, as far as the stack has a wish about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protection {
    /// ARN of the WAFv2 web ACL.
    pub wafv2_web_acl_arn: Option<String>,
    /// Id of the WAF Classic web ACL.
    pub waf_regional_web_acl_id: Option<String>,
    /// Shield; `None`: not asked for.
    pub shield: Option<Shield>,
}

/// Shield's view of the ALB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shield {
    /// The account has no subscription; nothing can be protected.
    NotSubscribed,
    /// Shield could not be asked.
    Unknown,
    /// Shield does not protect it.
    Unprotected,
    /// Shield protects it.
    Protected(ShieldProtection),
}
