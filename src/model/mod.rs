//! Layer 1: the AWS world we want, as plain comparable data.
//!
//! Matches upstream's `pkg/model`: a stack holds resources, unique by kind and resource id; adding one that is there
//! already keeps the first. Everything is kept in ordered maps, so that building the same input twice gives equal stacks.

pub mod marshal;

use crate::api::ObjectKey;
use crate::api::meta::CLUSTER_TAG;
use crate::aws_api::acm::CertificateKind;
use crate::aws_api::ec2::IngressRule;
use crate::aws_api::elbv2::{
    HealthCheck, IpAddressType, ListenerAction, LoadBalancerType, MutualAuthentication, Protocol,
    RuleCondition, RuleTransform, Scheme, SubnetMapping, TargetType,
};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Resource id of the load balancer of a Service or a Gateway, and of the ALB of an Ingress group.
pub const LOAD_BALANCER_ID: &str = "LoadBalancer";

/// Which controller a stack belongs to; decides tag keys, label keys and finalizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray)]
pub enum Owner {
    /// A Service with an NLB.
    Service,
    /// An Ingress group.
    Ingress,
    /// A Gateway with an ALB.
    AlbGateway,
    /// A Gateway with an NLB.
    NlbGateway,
}

impl Owner {
    /// Prefix of tag and label keys.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Service => "service.k8s.aws",
            Self::Ingress => "ingress.k8s.aws",
            Self::AlbGateway => "gateway.k8s.aws.alb",
            Self::NlbGateway => "gateway.k8s.aws.nlb",
        }
    }

    /// Key of the tag that names the stack.
    pub fn stack_tag_key(self) -> String {
        format!("{}/stack", self.prefix())
    }

    /// Key of the tag that names the resource within the stack.
    pub fn resource_tag_key(self) -> String {
        format!("{}/resource", self.prefix())
    }

    /// Whether the stack is that of a Gateway.
    pub fn is_gateway(self) -> bool {
        matches!(self, Self::AlbGateway | Self::NlbGateway)
    }
}

/// Identity of a stack: `namespace/name`, or just `name` for an explicit Ingress group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId {
    /// The kind of object whose stack it is.
    pub owner: Owner,
    /// Namespace; empty for an explicit Ingress group.
    pub namespace: String,
    /// Name of the object, or of the Ingress group.
    pub name: String,
}

impl StackId {
    /// The object whose stack it is, or the name of an explicit Ingress group without a namespace.
    pub fn object(&self) -> ObjectKey {
        ObjectKey::namespaced(self.namespace.as_str(), self.name.as_str())
    }

    /// Key of the tag that names the resource within the stack.
    pub fn resource_tag_key(&self) -> String {
        self.owner.resource_tag_key()
    }

    /// Tags that every AWS resource of the stack carries.
    fn stack_tags(&self, cluster_name: &str) -> Tags {
        Tags::from([
            (CLUSTER_TAG.to_owned(), cluster_name.to_owned()),
            (self.owner.stack_tag_key(), self.to_string()),
        ])
    }

    /// The full tags of a resource: tracking tags win over the user's.
    pub fn resource_tags(&self, cluster_name: &str, resource: &ResourceId, user: &Tags) -> Tags {
        let mut tags = user.clone();
        tags.extend(self.stack_tags(cluster_name));
        tags.insert(self.resource_tag_key(), resource.to_string());
        tags
    }

    /// Labels that every TargetGroupBinding of the stack carries.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let prefix = self.owner.prefix();
        if self.namespace.is_empty() {
            BTreeMap::from([(format!("{prefix}/stack"), self.name.clone())])
        } else {
            BTreeMap::from([
                (format!("{prefix}/stack-namespace"), self.namespace.clone()),
                (format!("{prefix}/stack-name"), self.name.clone()),
            ])
        }
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Id of a resource within its stack and kind; the value of the resource tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(String);

impl ResourceId {
    /// The id as text, as its tag in AWS holds it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reference to an id of this resource.
    pub fn pending(&self, kind: SymbolKind) -> Ref {
        Ref::pending(kind, &self.0)
    }
}

impl<T: Into<String>> From<T> for ResourceId {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a step of a plan is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceAddress {
    /// A resource by its id in the stack; one that the stack does not have, by its ARN or id in AWS.
    Id(String),
    /// A rule of a listener.
    Rule {
        /// Id of the listener.
        listener: ResourceId,
        /// Priority of the rule.
        priority: i32,
    },
    /// All rules of a listener.
    RulesOf(ResourceId),
}

impl ResourceAddress {
    /// The id, if it has one of its own.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Rule { .. } | Self::RulesOf(_) => None,
        }
    }
}

impl<T: Into<String>> From<T> for ResourceAddress {
    fn from(id: T) -> Self {
        Self::Id(id.into())
    }
}

impl fmt::Display for ResourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Rule { listener, priority } => write!(f, "{listener}:{priority}"),
            Self::RulesOf(listener) => write!(f, "{listener}"),
        }
    }
}

/// Resources of one kind by id.
pub type Resources<T> = BTreeMap<ResourceId, T>;

/// Everything one Service or Ingress group wants to exist. No load balancer: everything shall go.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Whose stack it is.
    pub id: StackId,
    /// Managed frontend security groups.
    pub security_groups: Resources<SecurityGroup>,
    /// Its load balancers by id.
    pub load_balancers: Resources<LoadBalancer>,
    /// Its target groups by id.
    pub target_groups: Resources<TargetGroup>,
    /// Its listeners by id.
    pub listeners: Resources<Listener>,
    /// Listener rules by listener and priority.
    pub rules: BTreeMap<(ResourceId, i32), Rule>,
    /// Its TargetGroupBindings by id.
    pub bindings: Resources<Binding>,
    /// What protects the ALB.
    pub protection: Protection,
    /// ALBs behind a frontend NLB, by the NLB's target group.
    pub alb_targets: Resources<AlbTarget>,
    /// Certificates that ACM is asked for.
    pub certificates: Resources<RequestedCertificate>,
    /// What the ids of certificates end in that stay as they are, because it is not known whether they are wanted.
    pub retained_certificates: BTreeSet<String>,
}

impl Stack {
    /// Whether it wants nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::empty(self.id.clone())
    }

    /// A stack that wants nothing.
    pub fn empty(id: StackId) -> Self {
        Self {
            id,
            security_groups: Resources::new(),
            load_balancers: Resources::new(),
            target_groups: Resources::new(),
            listeners: Resources::new(),
            rules: BTreeMap::new(),
            bindings: Resources::new(),
            protection: Protection::default(),
            alb_targets: Resources::new(),
            certificates: Resources::new(),
            retained_certificates: BTreeSet::new(),
        }
    }
}

/// A certificate that ACM is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedCertificate {
    /// ARN of the private authority that shall issue it; `None`: Amazon does, and its names are validated by DNS.
    pub authority: Option<String>,
    /// Names in byte order, the first one being the subject. Not empty.
    pub names: Vec<String>,
    /// User tags, given with the request only.
    pub tags: Tags,
}

impl RequestedCertificate {
    /// How it comes into being.
    pub fn kind(&self) -> CertificateKind {
        if self.authority.is_some() { CertificateKind::Private } else { CertificateKind::AmazonIssued }
    }

    /// Its first name.
    pub fn subject(&self) -> &str {
        self.names.first().map(String::as_str).unwrap_or_default()
    }
}

/// A managed frontend security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Name of the group in its VPC.
    pub name: String,
    /// Description, which AWS never changes.
    pub description: String,
    /// Tags beside those by which it is found.
    pub tags: Tags,
    /// All ingress rules it shall have, in the order of the model.
    pub ingress: Vec<IngressRule>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Name, used at creation only.
    pub name: String,
    /// Whether it is an ALB or an NLB.
    pub kind: LoadBalancerType,
    /// Scheme; a change replaces the load balancer.
    pub scheme: Scheme,
    /// The address families that it has.
    pub ip_address_type: IpAddressType,
    /// `on`/`off`, network load balancers only.
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// Subnets, in resolved order.
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Security groups, by id or yet to be made.
    pub security_groups: Vec<Ref>,
    /// `on`/`off`: whether inbound rules apply to PrivateLink traffic; unset: leave.
    pub enforce_inbound_rules_on_private_link: Option<String>,
    /// CoIP pool of an ALB on Outposts.
    pub customer_owned_ipv4_pool: Option<String>,
    /// IPAM pool of its public IPv4 addresses.
    pub ipv4_ipam_pool_id: Option<String>,
    /// Attributes to set; others stay as they are.
    pub attributes: Attributes,
    /// Capacity units; 0 resets, unset leaves.
    pub minimum_capacity_units: Option<i32>,
    /// Tags beside those by which it is found.
    pub tags: Tags,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Name, used at creation only; also the name of its TargetGroupBinding.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Port of targets that are registered without one.
    pub port: Option<i32>,
    /// Protocol towards the targets.
    pub protocol: Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Address family of its targets.
    pub ip_address_type: IpAddressType,
    /// Health check; `None`: AWS's default.
    pub health_check: Option<HealthCheck>,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// Attributes to set; others stay as they are.
    pub attributes: Attributes,
    /// Tags beside those by which it is found.
    pub tags: Tags,
}

/// A wanted listener of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its load balancer.
    pub load_balancer: ResourceId,
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol towards the clients.
    pub protocol: Protocol,
    /// Default actions, in order.
    pub default_actions: Vec<ListenerAction>,
    /// Certificates; the first is the default, all are attached.
    pub certificates: Vec<Ref>,
    /// Name of the TLS security policy.
    pub ssl_policy: Option<String>,
    /// ALPN policy, which is at most one.
    pub alpn_policy: Vec<String>,
    /// Mutual TLS; unset: leave.
    pub mutual_authentication: Option<MutualAuthentication>,
    /// Attributes to set; others stay as they are.
    pub attributes: Attributes,
    /// Tags beside those by which it is found.
    pub tags: Tags,
}

/// A listener rule; its listener and priority are its key in the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// All of them have to hold.
    pub conditions: Vec<RuleCondition>,
    /// Actions, in order.
    pub actions: Vec<ListenerAction>,
    /// Transforms, in order.
    pub transforms: Vec<RuleTransform>,
    /// Tags beside those by which it is found.
    pub tags: Tags,
}

/// A TargetGroupBinding: ties a target group to a Service's pods or nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Namespace of the Service.
    pub namespace: String,
    /// Name: the target group's.
    pub name: String,
    /// ARN of the target group, or what it will be.
    pub target_group_arn: Ref,
    /// What its targets are.
    pub target_type: TargetType,
    /// Protocol of the target group.
    pub target_group_protocol: Protocol,
    /// Name of the Service in the binding's namespace.
    pub service_name: String,
    /// Service port as referenced.
    pub service_port: IntOrString,
    /// Who may reach the targets; `None`: rules are not managed.
    pub networking: Option<Vec<BindingIngress>>,
    /// Nodes that are targets (instance targets).
    pub node_selector: Option<LabelSelector>,
    /// Address family of the targets.
    pub ip_address_type: IpAddressType,
    /// VPC of the target group.
    pub vpc_id: String,
    /// Whether the target group is shared with other clusters.
    pub multi_cluster: bool,
    /// Labels that users ask for; those of the stack win over them.
    pub labels: BTreeMap<String, String>,
    /// Annotations that users ask for.
    pub annotations: BTreeMap<String, String>,
}

/// One networking rule of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingIngress {
    /// Who may connect.
    pub from: Vec<BindingPeer>,
    /// Ports that they may connect to.
    pub ports: Vec<BindingPort>,
}

/// A source of a networking rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingPeer {
    /// A CIDR of IPv4 or IPv6.
    IpBlock(String),
    /// A security group.
    SecurityGroup(Ref),
}

/// A port of a networking rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingPort {
    /// `TCP` or `UDP`.
    pub protocol: Option<Protocol>,
    /// Number or container port name; `None`: all.
    pub port: Option<IntOrString>,
}

/// What protects the stack's ALB. `None`: leave as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// WAFv2 web ACL ARN; empty: none.
    pub wafv2_web_acl_arn: Option<String>,
    /// WAF Classic web ACL id; empty: none.
    pub waf_regional_web_acl_id: Option<String>,
    /// Shield protection on or off.
    pub shield: Option<bool>,
}

/// An ALB behind a target group of an NLB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlbTarget {
    /// The ALB: one of the same stack, or another one.
    pub load_balancer: Ref,
    /// The ALB's listener port.
    pub port: i32,
}
