//! Target groups and the TargetGroupBindings that fill them.

use super::networking::{self, LoadBalancerSide};
use crate::api::IntOrString;
use crate::aws_api::elbv2::{IpAddressType, Protocol, TargetType};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::finding::Finding;
use crate::model::{AlbTarget, Binding, Stack, TargetGroup};
use crate::settings::health_check::{TRAFFIC_PORT, port_on_target};
use crate::settings::load_balancer::is_dualstack;
use crate::settings::names;
use crate::settings::ports::show_port;
use crate::settings::target_group::identity;
use crate::settings::{Backend, ServiceBackend, TargetGroupNaming, TargetGroupSettings};

/// Adds a target group to a stack, with the TargetGroupBinding or the ALB that fills it.
pub(super) fn add(
    settings: &TargetGroupSettings<'_>,
    side: &LoadBalancerSide<'_>,
    facts: &Facts,
    config: &Config,
    stack: &mut Stack,
) -> Result<(), BuildError> {
    let target_group = build(settings, side.ip_address_type, config)?;
    match &settings.backend {
        Backend::Service(backend) => {
            let binding = build_binding(settings, backend, &target_group, side, facts, config)?;
            stack.bindings.insert(settings.id.clone(), binding);
        }
        Backend::LoadBalancer(alb) => {
            let target = AlbTarget { load_balancer: alb.id.clone(), port: alb.listener_port };
            stack.alb_targets.insert(settings.id.clone(), target);
        }
    }
    stack.target_groups.insert(settings.id.clone(), target_group);
    Ok(())
}

/// The target group of a load balancer with these address families.
fn build(
    settings: &TargetGroupSettings<'_>,
    load_balancer: &IpAddressType,
    config: &Config,
) -> Result<TargetGroup, BuildError> {
    let (ip_address_type, port) = match &settings.backend {
        Backend::Service(backend) => {
            (address_family(backend, load_balancer)?, port_of(backend, &settings.target_type)?)
        }
        Backend::LoadBalancer(alb) => (IpAddressType::Ipv4, alb.port),
    };
    Ok(TargetGroup {
        name: name(settings, port, &config.cluster_name),
        target_type: settings.target_type.clone(),
        port: Some(port),
        protocol: settings.protocol.clone(),
        protocol_version: settings.protocol_version.map(str::to_owned),
        ip_address_type,
        health_check: Some(settings.health_check.clone()),
        target_control_port: settings.target_control_port,
        attributes: settings.attributes.clone(),
        tags: settings.tags.clone(),
    })
}

/// IPv6 for a Service that has it, which needs a load balancer that has it, too.
fn address_family(
    backend: &ServiceBackend<'_>,
    load_balancer: &IpAddressType,
) -> Result<IpAddressType, BuildError> {
    let families = backend.service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref());
    if !families.unwrap_or_default().iter().any(|family| family == "IPv6") {
        return Ok(IpAddressType::Ipv4);
    }
    if is_dualstack(load_balancer) {
        return Ok(IpAddressType::Ipv6);
    }
    let name = identity(backend.service).name;
    let message = format!("Service {name:?} uses IPv6, but the load balancer is {load_balancer}");
    let key = &backend.ip_address_type_key;
    let hint = format!("set {key} to dualstack, or take IPv6 out of spec.ipFamilies of the Service");
    Err(backend.origin.error(message).hint(hint).into())
}

/// The port that AWS shows for the target group. Targets are registered with ports of their own, so it carries no traffic;
/// for a named target port, which every pod may resolve differently, it is 1.
fn port_of(backend: &ServiceBackend<'_>, target_type: &TargetType) -> Result<i32, BuildError> {
    match port_on_target(target_type, backend.port) {
        IntOrString::Int(0) => Err(without_port(backend, target_type).into()),
        IntOrString::Int(number) => Ok(number),
        IntOrString::String(_) => Ok(1),
    }
}

fn without_port(backend: &ServiceBackend<'_>, target_type: &TargetType) -> Finding {
    let (name, port) = (identity(backend.service).name, backend.port.port);
    if *target_type == TargetType::Instance {
        return backend
            .origin
            .error(format!(
                "target type instance needs node ports, but Service {name:?} has no node port for port {port}"
            ))
            .hint("make the Service a NodePort or LoadBalancer, or use target type ip");
    }
    backend.origin.error(format!("Service {name:?} has target port 0 for port {port}"))
}

fn name(settings: &TargetGroupSettings<'_>, port: i32, cluster: &str) -> String {
    let check = &settings.health_check;
    match &settings.backend {
        Backend::Service(backend) => service_name(settings, backend, port, cluster),
        Backend::LoadBalancer(backend) => {
            let naming = names::FrontendNlbTargetGroup {
                group: backend.group,
                port,
                health_check_port: check.port.as_deref().unwrap_or(TRAFFIC_PORT),
                health_check_protocol: check.protocol.as_ref().unwrap_or(&Protocol::Http),
            };
            names::frontend_nlb_target_group(cluster, &naming)
        }
    }
}

fn service_name(
    settings: &TargetGroupSettings<'_>,
    backend: &ServiceBackend<'_>,
    port: i32,
    cluster: &str,
) -> String {
    let service = identity(backend.service);
    let (target_type, protocol) = (&settings.target_type, &settings.protocol);
    match &backend.naming {
        TargetGroupNaming::Service { owner_uid } => {
            let check = &settings.health_check;
            let naming = names::ServiceTargetGroup {
                service,
                base_uid: *owner_uid,
                port,
                service_port: backend.port.port,
                target_type,
                protocol,
                health_check_protocol: check.protocol.as_ref().unwrap_or(&Protocol::Tcp),
                health_check_interval: check.interval_seconds.unwrap_or_default(),
            };
            names::service_target_group(cluster, &naming)
        }
        TargetGroupNaming::Ingress { group, ingress } => {
            let naming = names::IngressTargetGroup {
                group,
                ingress_namespace: ingress.namespace(),
                ingress_name: ingress.name(),
                service,
                service_port: &show_port(&backend.service_port),
                port,
                target_type,
                protocol,
                protocol_version: settings.protocol_version.unwrap_or_default(),
                target_control_port: settings.target_control_port,
            };
            names::ingress_target_group(cluster, &naming)
        }
    }
}

fn build_binding(
    settings: &TargetGroupSettings<'_>,
    backend: &ServiceBackend<'_>,
    target_group: &TargetGroup,
    side: &LoadBalancerSide<'_>,
    facts: &Facts,
    config: &Config,
) -> Result<Binding, BuildError> {
    let service = identity(backend.service);
    let is_instance = target_group.target_type == TargetType::Instance;
    Ok(Binding {
        namespace: service.namespace.to_owned(),
        name: target_group.name.clone(),
        target_group_arn: settings.reference(),
        target_type: target_group.target_type.clone(),
        target_group_protocol: target_group.protocol.clone(),
        service_name: service.name.to_owned(),
        service_port: backend.service_port.clone(),
        networking: networking::build(backend, target_group, side, facts, config)?,
        node_selector: backend.node_selector.clone().filter(|_| is_instance),
        ip_address_type: target_group.ip_address_type.clone(),
        vpc_id: config.vpc_id.clone(),
        multi_cluster: backend.multi_cluster,
    })
}
