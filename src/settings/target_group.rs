//! Settings of target groups and of the TargetGroupBindings that fill them.

use super::Origin;
use super::health_check::port_on_target;
use super::load_balancer::is_dualstack;
use super::names::ObjectIdentity;
use crate::api::{IntOrString, LabelSelector, ObjectKey, Service, ServicePort};
use crate::aws_api::elbv2::{HealthCheck, IpAddressType, Protocol, TargetType};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use crate::facts::BuildError;
use crate::finding::Finding;
use crate::gateway::route::RouteId;
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
    /// Protocol towards the targets.
    pub protocol: Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` for NLBs.
    pub protocol_version: Option<&'static str>,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// Port of the target control agent as far as the name depends on it.
    ///
    /// why: of a Gateway's target group, upstream puts the port into the name and never sends it.
    pub named_control_port: Option<i32>,
    /// Attributes to set.
    pub attributes: Attributes,
    /// User tags, default tags included.
    pub tags: Tags,
}

/// What the targets of a target group are.
#[derive(Clone, Debug)]
pub enum Backend<'a> {
    /// Pods or nodes behind a port of a Service.
    Service(Box<ServiceBackend<'a>>),
    /// A listener of an ALB of the same stack.
    LoadBalancer(LoadBalancerBackend<'a>),
    /// There are none: a route has no backend that can be used, and its connections are to be closed.
    Missing(MissingBackend<'a>),
}

/// A port of a Gateway whose route has no backend that can be used.
#[derive(Clone, Debug)]
pub struct MissingBackend<'a> {
    /// The Gateway that it is for.
    pub gateway: &'a ObjectKey,
    /// The route that names it.
    pub route: &'a RouteId,
    /// Port of the listener and of the target group.
    pub port: i32,
}

/// A port of a Service with what is said about its targets.
#[derive(Clone, Debug)]
pub struct ServiceBackend<'a> {
    /// The Service as the API server has it.
    pub service: &'a Service,
    /// The port of the Service that is meant.
    pub port: &'a ServicePort,
    /// The port as the TargetGroupBinding names it.
    pub service_port: IntOrString,
    /// How the target group's name is made.
    pub naming: TargetGroupNaming<'a>,
    /// Nodes that are targets (instance targets).
    pub node_selector: Option<LabelSelector>,
    /// Whether the target group is shared with other clusters.
    pub multi_cluster: bool,
    /// Client ranges; empty: everyone. Used where the load balancer has no security groups.
    pub source_ranges: Vec<String>,
    /// Where mistakes of the backend are reported.
    pub origin: Origin,
    /// The setting that makes the load balancer dualstack, for hints.
    pub ip_address_type_key: String,
    /// Labels that users ask for on the TargetGroupBinding.
    pub labels: BTreeMap<String, String>,
    /// Annotations that users ask for on the TargetGroupBinding.
    pub annotations: BTreeMap<String, String>,
}

impl ServiceBackend<'_> {
    /// IPv6 for a Service that has it, which needs a load balancer that has it, too.
    ///
    /// A Service of a Gateway that has both is reached by IPv4 where the load balancer has no IPv6.
    pub fn address_family(&self, load_balancer: &IpAddressType) -> Result<IpAddressType, BuildError> {
        let families = self.service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref());
        let has = |family: &str| families.unwrap_or_default().iter().any(|own| own == family);
        if !has("IPv6") {
            return Ok(IpAddressType::Ipv4);
        }
        if is_dualstack(load_balancer) {
            return Ok(IpAddressType::Ipv6);
        }
        if matches!(self.naming, TargetGroupNaming::Gateway { .. }) && has("IPv4") {
            return Ok(IpAddressType::Ipv4);
        }
        let name = ObjectIdentity::of(self.service).name;
        let message = format!("Service {name:?} uses IPv6, but the load balancer is {load_balancer}");
        let key = &self.ip_address_type_key;
        let hint = format!("set {key} to dualstack, or take IPv6 out of spec.ipFamilies of the Service");
        Err(self.origin.error(message).hint(hint).into())
    }

    /// The port that AWS shows for the target group. Targets are registered with ports of their own, so it carries no traffic;
    /// for a named target port, which every pod may resolve differently, it is 1.
    pub fn target_group_port(&self, target_type: &TargetType) -> Result<i32, BuildError> {
        match port_on_target(target_type, self.port) {
            IntOrString::Int(0) => Err(self.without_port(target_type).into()),
            IntOrString::Int(number) => Ok(number),
            IntOrString::String(_) => Ok(1),
        }
    }

    fn without_port(&self, target_type: &TargetType) -> Finding {
        let (name, port) = (ObjectIdentity::of(self.service).name, self.port.port);
        if *target_type == TargetType::Instance {
            let message = format!(
                "target type instance needs node ports, but Service {name:?} has no node port for port {port}"
            );
            let hint = "make the Service a NodePort or LoadBalancer, or use target type ip";
            return self.origin.error(message).hint(hint);
        }
        self.origin.error(format!("Service {name:?} has target port 0 for port {port}"))
    }
}

/// Whose target group it is, which decides how its name is made.
#[derive(Clone, Debug)]
pub enum TargetGroupNaming<'a> {
    /// For a port of a Service.
    Service {
        /// UID of the Service that owns the load balancer, for target groups that its actions add.
        owner_uid: Option<&'a str>,
    },
    /// For a backend of an Ingress.
    Ingress {
        /// The group of the Ingress.
        group: &'a StackId,
        /// The Ingress that names the backend.
        ingress: &'a ObjectKey,
    },
    /// That of a route of a Gateway.
    Gateway {
        /// The Gateway that it is for.
        gateway: &'a ObjectKey,
        /// The route that names the backend.
        route: &'a RouteId,
        /// The name that the user chose.
        given: Option<String>,
    },
}

/// A listener of an ALB behind an NLB.
#[derive(Clone, Debug)]
pub struct LoadBalancerBackend<'a> {
    /// ARN of the ALB, or what it will be.
    pub load_balancer: Ref,
    /// How the target group's name is made.
    pub naming: LoadBalancerNaming<'a>,
    /// Port of the target group.
    pub port: i32,
    /// Port of the ALB's listener.
    pub listener_port: i32,
}

/// Whose ALB it is, which decides how the name of the target group in front of it is made.
#[derive(Clone, Debug)]
pub enum LoadBalancerNaming<'a> {
    /// That of an Ingress group, as the NLB is.
    Ingress(&'a StackId),
    /// That of a Gateway behind a route of another.
    Gateway {
        /// The Gateway whose NLB it is.
        gateway: &'a ObjectKey,
        /// The route that names the ALB.
        route: &'a RouteId,
        /// The Gateway whose ALB it is.
        backend: &'a ObjectKey,
        /// The name that the user chose.
        given: Option<String>,
    },
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
