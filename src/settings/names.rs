//! Names of AWS resources, as upstream derives them (`pkg/service/model_build_*.go`, `pkg/ingress/model_build_*.go`).
//!
//! Every recipe is part of the contract: both controllers must arrive at the same name for the same input. A name is used
//! when a resource is created; what exists is found by its tags.

use crate::api::{ObjectKey, Service};
use crate::aws_api::elbv2::{Protocol, Scheme, TargetType};
use crate::gateway::route::RouteId;
use crate::model::StackId;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A Service or Gateway, as far as names depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectIdentity<'a> {
    /// Namespace of the object.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// UID of the object, which no other object ever has.
    pub uid: &'a str,
}

impl<'a> ObjectIdentity<'a> {
    /// A Service, as far as names depend on it.
    pub fn of(service: &'a Service) -> Self {
        let text = |field: &'a Option<String>| field.as_deref().unwrap_or_default();
        let metadata = &service.metadata;
        Self { namespace: text(&metadata.namespace), name: text(&metadata.name), uid: text(&metadata.uid) }
    }
}

/// What the name of a Service's target group depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTargetGroup<'a> {
    /// The Service behind the target group.
    pub service: ObjectIdentity<'a>,
    /// UID of the Service that owns the load balancer, for the target groups that its actions add.
    pub base_uid: Option<&'a str>,
    /// Port of the target group.
    pub port: i32,
    /// Port of the Service.
    pub service_port: i32,
    /// What its targets are.
    pub target_type: &'a TargetType,
    /// Protocol towards the targets.
    pub protocol: &'a Protocol,
    /// Protocol of its health check.
    pub health_check_protocol: &'a Protocol,
    /// Seconds between health checks.
    pub health_check_interval: i32,
}

/// What the name of an Ingress's target group depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressTargetGroup<'a> {
    /// The group of the Ingress.
    pub group: &'a StackId,
    /// Namespace of the Ingress.
    pub ingress_namespace: &'a str,
    /// Name of the Ingress.
    pub ingress_name: &'a str,
    /// The Service behind the target group.
    pub service: ObjectIdentity<'a>,
    /// Service port as the Ingress writes it: a number or a name.
    pub service_port: &'a str,
    /// Port of the target group.
    pub port: i32,
    /// What its targets are.
    pub target_type: &'a TargetType,
    /// Protocol towards the targets.
    pub protocol: &'a Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: &'a str,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
}

/// What the name of the target group of a route depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayTargetGroup<'a> {
    /// The Gateway that it is for.
    pub gateway: &'a ObjectKey,
    /// The route that names the backend.
    pub route: &'a RouteId,
    /// The Service, or the Gateway whose ALB it is.
    pub backend: &'a ObjectKey,
    /// Port of the target group.
    pub port: i32,
    /// What its targets are.
    pub target_type: &'a TargetType,
    /// Protocol towards the targets.
    pub protocol: &'a Protocol,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` for NLBs.
    pub protocol_version: Option<&'a str>,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
}

/// What the name of a frontend NLB's target group depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontendNlbTargetGroup<'a> {
    /// The group behind the NLB.
    pub group: &'a StackId,
    /// Listener port of the NLB.
    pub port: i32,
    /// Port of its health check.
    pub health_check_port: &'a str,
    /// Protocol of its health check.
    pub health_check_protocol: &'a Protocol,
}

/// The load balancer of a Service or Gateway.
pub fn load_balancer(cluster: &str, owner: ObjectIdentity<'_>, scheme: &Scheme) -> String {
    dashed(owner.namespace, owner.name, &digest(&[cluster, owner.uid, scheme.as_str()]))
}

/// The managed frontend security group of a Service or Gateway.
pub fn security_group(cluster: &str, owner: ObjectIdentity<'_>) -> String {
    let ObjectIdentity { namespace, name, uid } = owner;
    dashed(namespace, name, &digest(&[cluster, name, namespace, uid]))
}

/// A target group of a Service, and its TargetGroupBinding.
pub fn service_target_group(cluster: &str, target_group: &ServiceTargetGroup<'_>) -> String {
    let ServiceTargetGroup {
        service,
        base_uid,
        port,
        service_port,
        target_type,
        protocol,
        health_check_protocol,
        health_check_interval,
    } = target_group;
    let hash = digest(&[
        cluster,
        base_uid.unwrap_or_default(),
        service.uid,
        &port.to_string(),
        &service_port.to_string(),
        target_type.as_str(),
        protocol.as_str(),
        health_check_protocol.as_str(),
        &health_check_interval.to_string(),
    ]);
    dashed(service.namespace, service.name, &hash)
}

/// The ALB of an Ingress group.
pub fn ingress_load_balancer(cluster: &str, group: &StackId, scheme: &Scheme) -> String {
    of_group(group, &digest(&[cluster, &group.to_string(), scheme.as_str()]))
}

/// The managed frontend security group of an Ingress group.
pub fn ingress_security_group(cluster: &str, group: &StackId) -> String {
    of_group(group, &digest(&[cluster, &group.to_string()]))
}

/// A target group of an Ingress, and its TargetGroupBinding.
pub fn ingress_target_group(cluster: &str, target_group: &IngressTargetGroup<'_>) -> String {
    let IngressTargetGroup {
        group,
        ingress_namespace,
        ingress_name,
        service,
        service_port,
        port,
        target_type,
        protocol,
        protocol_version,
        target_control_port,
    } = target_group;
    let hash = digest(&[
        cluster,
        &group.to_string(),
        ingress_namespace,
        ingress_name,
        service.uid,
        service_port,
        &port.to_string(),
        target_type.as_str(),
        protocol.as_str(),
        protocol_version,
        &target_control_port.map(|port| port.to_string()).unwrap_or_default(),
    ]);
    dashed(service.namespace, service.name, &hash)
}

/// A target group of a route of a Gateway, and its TargetGroupBinding.
pub fn gateway_target_group(cluster: &str, target_group: &GatewayTargetGroup<'_>) -> String {
    let GatewayTargetGroup {
        gateway,
        route,
        backend,
        port,
        target_type,
        protocol,
        protocol_version,
        target_control_port,
    } = target_group;
    let hash = digest(&[
        cluster,
        gateway.namespace(),
        gateway.name(),
        route.key.namespace(),
        route.key.name(),
        route.kind.as_str(),
        backend.namespace(),
        backend.name(),
        &port.to_string(),
        target_type.as_str(),
        protocol.as_str(),
        protocol_version.unwrap_or_default(),
        &target_control_port.map(|port| port.to_string()).unwrap_or_default(),
    ]);
    dashed(route.key.namespace(), route.key.name(), &hash)
}

/// The NLB in front of an Ingress group's ALB.
pub fn frontend_nlb(cluster: &str, group: &StackId, scheme: &Scheme, alb_name: &str) -> String {
    if !alb_name.is_empty() {
        return format!("{}-nlb", prefix(alb_name, 28));
    }
    let hash = digest(&[cluster, &group.to_string(), scheme.as_str()]);
    if group.namespace.is_empty() {
        return format!("k8s-{}-{}-nlb", sanitized(&group.name, 16), prefix(&hash, 8));
    }
    let (namespace, name) = (sanitized(&group.namespace, 8), sanitized(&group.name, 8));
    format!("k8s-{namespace}-{name}-{}-nlb", prefix(&hash, 6))
}

/// A target group of the NLB in front of an Ingress group's ALB.
pub fn frontend_nlb_target_group(cluster: &str, target_group: &FrontendNlbTargetGroup<'_>) -> String {
    let FrontendNlbTargetGroup { group, port, health_check_port, health_check_protocol } = target_group;
    let hash = digest(&[
        cluster,
        &group.to_string(),
        &port.to_string(),
        "alb",
        "TCP",
        health_check_port,
        health_check_protocol.as_str(),
    ]);
    of_group(group, &hash)
}

/// The security group that all load balancers of the cluster share towards their targets.
pub fn backend_security_group(cluster: &str) -> String {
    format!("k8s-traffic-{}-{}", sanitized(cluster, 232), prefix(&digest(&[cluster]), 10))
}

fn of_group(group: &StackId, hash: &str) -> String {
    if group.namespace.is_empty() {
        format!("k8s-{}-{}", sanitized(&group.name, 17), prefix(hash, 10))
    } else {
        dashed(&group.namespace, &group.name, hash)
    }
}

fn dashed(namespace: &str, name: &str, hash: &str) -> String {
    format!("k8s-{}-{}-{}", sanitized(namespace, 8), sanitized(name, 8), prefix(hash, 10))
}

/// Lower-case hex SHA-256 of the parts, with nothing between them.
fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // why: writing to a String cannot fail
        hex
    })
}

fn sanitized(text: &str, length: usize) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(length).collect()
}

fn prefix(text: &str, length: usize) -> &str {
    text.char_indices().nth(length).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
