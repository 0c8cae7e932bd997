//! Settings of an ALB, to which several contributors (members of an Ingress group) bring listeners and rules.

use super::{ContributorWarning, LoadBalancerSettings, NlbSettings, TargetGroupSettings};
use crate::api::ObjectKey;
use crate::aws_api::ec2::IngressRule;
use crate::aws_api::elbv2::{ListenerAction, MutualAuthentication, Protocol, RuleCondition};
use crate::aws_api::{Attributes, Ref, Tags};
use crate::facts::group::AwsRefusal;
use crate::finding::ObjectRef;
use crate::model::{Protection, RequestedCertificate, Resources, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An ALB with everything behind it, and the NLB in front of it.
#[derive(Clone, Debug)]
pub struct AlbSettings<'a> {
    /// The load balancer.
    pub load_balancer: LoadBalancerSettings,
    /// Whether the tags of all contributors are known; if not, live tags stay.
    pub tags_complete: bool,
    /// Listeners by port.
    pub listeners: BTreeMap<i32, AlbListenerSettings>,
    /// The HTTPS port that all HTTP listeners redirect to.
    pub ssl_redirect: Option<i32>,
    /// Whether rules that would loop or can never match are left out.
    pub drops_needless_rules: bool,
    /// What contributors bring, by their places; nothing of those that cannot be built.
    pub contributions: BTreeMap<usize, Contribution<'a>>,
    /// Web ACLs and Shield.
    pub protection: Protection,
    /// The NLB in front of it.
    pub frontend_nlb: Option<NlbSettings<'a>>,
    /// Whose the settings of each listener are.
    pub listener_settings: Vec<ListenerSetting>,
    /// Certificates that ACM is asked for.
    pub certificates: Resources<RequestedCertificate>,
    /// What the ids of certificates end in that stay as they are.
    pub retained_certificates: BTreeSet<String>,
}

/// A listener of an ALB.
#[derive(Clone, Debug)]
pub struct AlbListenerSettings {
    /// HTTP or HTTPS.
    pub protocol: Protocol,
    /// Who may reach it.
    pub sources: ClientSources,
    /// Whether a contributor says who may reach it.
    pub restricted: bool,
    /// Live inbound rules that stay, of a listener whose contributor cannot be built.
    pub retained_ingress: Vec<IngressRule>,
    /// Certificates; the first is the default.
    pub certificates: Vec<Ref>,
    /// Name of the TLS security policy.
    pub ssl_policy: Option<String>,
    /// Whether a contributor chose the policy.
    pub policy_chosen: bool,
    /// Mutual TLS; `None`: leave as it is.
    pub mutual_tls: Option<MutualAuthentication>,
    /// Places of the contributors that have the listener, ascending.
    pub contributors: Vec<usize>,
    /// Attributes to set.
    pub attributes: Attributes,
    /// User tags, default tags included.
    pub tags: Tags,
    /// Whether the tags of all contributors are known; if not, live tags stay.
    pub tags_complete: bool,
}

impl AlbListenerSettings {
    /// Whether it terminates TLS.
    pub fn is_https(&self) -> bool {
        self.protocol == Protocol::Https
    }

    /// Whether a contributor has the listener.
    pub fn has(&self, contributor: usize) -> bool {
        self.contributors.binary_search(&contributor).is_ok()
    }
}

/// Who may reach a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSources {
    /// Ranges of IPv4 addresses.
    pub ipv4: BTreeSet<String>,
    /// Ranges of IPv6 addresses.
    pub ipv6: BTreeSet<String>,
    /// Ids of prefix lists.
    pub prefix_lists: BTreeSet<String>,
}

/// What a contributor brings to an ALB.
#[derive(Clone, Debug, Default)]
pub struct Contribution<'a> {
    /// Rules by listener, in order.
    pub rules: BTreeMap<i32, Vec<RuleSettings>>,
    /// Default actions by listener.
    pub default_actions: BTreeMap<i32, Vec<ListenerAction>>,
    /// Target groups, to which rules and default actions refer by id.
    pub target_groups: Vec<TargetGroupSettings<'a>>,
    /// Secrets that were read.
    pub secrets: BTreeSet<ObjectKey>,
    /// What of it does not do what it seems to.
    pub warnings: BTreeSet<ContributorWarning>,
}

/// A rule of a listener.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// Where it is written; `None`: nothing is to be said about it.
    pub position: Option<RulePosition>,
    /// The rule as the stack will have it.
    pub rule: Rule,
}

/// Where a rule is written in its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePosition {
    /// Which of `spec.rules`.
    pub rule: usize,
    /// Which of its paths.
    pub path: usize,
}

impl fmt::Display for RulePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path } = self;
        write!(f, "spec.rules[{rule}].http.paths[{path}]")
    }
}

/// A setting that a contributor gives to a listener, to tell whose setting AWS refuses.
#[derive(Clone, Debug)]
pub struct ListenerSetting {
    /// Port of the listener.
    pub port: i32,
    /// Who asked for it.
    pub from: ObjectKey,
    /// Which part of the listener.
    pub part: ListenerPart,
    /// How an error of AWS would name it; empty: it has no name.
    pub name: String,
}

/// A part of a listener that contributors give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerPart {
    /// That it exists.
    Port,
    /// A certificate of the listener.
    Certificate,
    /// The security policy.
    SslPolicy,
    /// The trust store of mutual TLS.
    TrustStore,
    /// An attribute of the listener.
    Attribute,
    /// The default actions.
    DefaultActions,
}

/// Whoever brings listeners and rules to an ALB, as far as the builder looks at it.
pub trait Contributor {
    /// Namespace and name.
    fn key(&self) -> &ObjectKey;

    /// The object, as findings name it.
    fn object(&self) -> &ObjectRef;

    /// What AWS refused of it a moment ago.
    fn refusal(&self) -> Option<&AwsRefusal>;

    /// The Service behind a target group of this resource id, if the id may be one of the contributor's.
    fn service_of_target_group<'i>(&self, id: &'i str) -> Option<&'i str>;

    /// Whether one of its backends is this Service.
    fn refers_to(&self, service: &str) -> bool;

    /// Whether it asks for default actions.
    fn has_default_actions(&self) -> bool;

    /// Whether a rule of such conditions may be made of it.
    fn asks_for(&self, conditions: &[RuleCondition]) -> bool;
}
