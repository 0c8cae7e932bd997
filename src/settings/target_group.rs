//! Settings of target groups and of the TargetGroupBindings that fill them.

use super::Origin;
use super::names::ServiceIdentity;
use crate::api::{IntOrString, ObjectKey, Service, ServicePort};
use crate::aws_api::elbv2::{HealthCheck, Protocol, TargetType};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use crate::facts::BuildError;
use crate::model::{ResourceId, StackId};
use std::collections::BTreeMap;

/// No target group has as many attributes.
const MAX_ATTRIBUTES: usize = 100;

/// A target group.
#[derive(Clone, Debug)]
pub struct TargetGroupSettings<'a> {
    /// Resource id, also that of its TargetGroupBinding.
    pub id: ResourceId,
    /// What its targets are.
    pub backend: Backend<'a>,
    /// Kind of its targets.
    pub target_type: TargetType,
    /// Protocol.
    pub protocol: Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` for NLBs.
    pub protocol_version: Option<&'static str>,
    /// Health check.
    pub health_check: HealthCheck,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// Attributes to set.
    pub attributes: Attributes,
    /// User tags, default tags included.
    pub tags: Tags,
}

/// What the targets of a target group are.
#[derive(Clone, Debug)]
pub enum Backend<'a> {
    /// Pods or nodes behind a port of a Service.
    Service(ServiceBackend<'a>),
    /// A listener of an ALB of the same stack.
    LoadBalancer(LoadBalancerBackend<'a>),
}

/// A port of a Service with what is said about its targets.
#[derive(Clone, Debug)]
pub struct ServiceBackend<'a> {
    /// The Service.
    pub service: &'a Service,
    /// Its port.
    pub port: &'a ServicePort,
    /// The port as the TargetGroupBinding names it.
    pub service_port: IntOrString,
    /// How the target group's name is made.
    pub naming: TargetGroupNaming<'a>,
    /// Labels that nodes must carry (instance targets).
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Whether the target group is shared with other clusters.
    pub multi_cluster: bool,
    /// Client ranges; empty: everyone. Used where the load balancer has no security groups.
    pub source_ranges: Vec<String>,
    /// Where mistakes of the backend are reported.
    pub origin: Origin,
    /// The setting that makes the load balancer dualstack, for hints.
    pub ip_address_type_key: String,
}

/// Whose target group it is, which decides how its name is made.
#[derive(Clone, Debug)]
pub enum TargetGroupNaming<'a> {
    /// A Service's.
    Service {
        /// UID of the Service that owns the load balancer, for target groups that its actions add.
        owner_uid: Option<&'a str>,
    },
    /// An Ingress's.
    Ingress {
        /// Its group.
        group: &'a StackId,
        /// The Ingress.
        ingress: &'a ObjectKey,
    },
}

/// A listener of an ALB of the same stack, behind the NLB in front of it.
#[derive(Clone, Debug)]
pub struct LoadBalancerBackend<'a> {
    /// Resource id of the ALB.
    pub id: ResourceId,
    /// The Ingress group of both, for the target group's name.
    pub group: &'a StackId,
    /// Port of the NLB's listener, which is the target group's.
    pub port: i32,
    /// Port of the ALB's listener.
    pub listener_port: i32,
}

impl TargetGroupSettings<'_> {
    /// A reference to its ARN.
    pub fn reference(&self) -> Ref {
        self.id.pending(SymbolKind::TargetGroupArn)
    }
}

/// Refuses more attributes than a target group can have.
pub fn check_attributes(attributes: &Attributes, origin: &Origin) -> Result<(), BuildError> {
    let count = attributes.len();
    if count <= MAX_ATTRIBUTES {
        return Ok(());
    }
    Err(origin.error(format!("has {count} attributes, expected at most {MAX_ATTRIBUTES}")).into())
}

/// A Service, as far as names depend on it.
pub fn identity(service: &Service) -> ServiceIdentity<'_> {
    ServiceIdentity {
        namespace: service.metadata.namespace.as_deref().unwrap_or_default(),
        name: service.metadata.name.as_deref().unwrap_or_default(),
        uid: service.metadata.uid.as_deref().unwrap_or_default(),
    }
}
