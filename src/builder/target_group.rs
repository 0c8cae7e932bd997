//! Target groups and the TargetGroupBindings that fill them.

use super::networking::{self, LoadBalancerSide};
use crate::api::ObjectKey;
use crate::aws_api::elbv2::{IpAddressType, Protocol, TargetType};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::gateway::route::RouteId;
use crate::model::{AlbTarget, Binding, Stack, TargetGroup};
use crate::settings::health_check::TRAFFIC_PORT;
use crate::settings::names::ObjectIdentity;
use crate::settings::ports::show_port;
use crate::settings::{
    Backend, LoadBalancerNaming, ServiceBackend, TargetGroupNaming, TargetGroupSettings, names,
};

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
            let target = AlbTarget { load_balancer: alb.load_balancer.clone(), port: alb.listener_port };
            stack.alb_targets.insert(settings.id.clone(), target);
        }
        Backend::Missing(_) => {}
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
            (backend.address_family(load_balancer)?, backend.target_group_port(&settings.target_type)?)
        }
        Backend::LoadBalancer(alb) => (IpAddressType::Ipv4, alb.port),
        Backend::Missing(missing) => (IpAddressType::Ipv4, missing.port),
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

fn name(settings: &TargetGroupSettings<'_>, port: i32, cluster: &str) -> String {
    let check = &settings.health_check;
    match &settings.backend {
        Backend::Service(backend) => service_name(settings, backend, port, cluster),
        Backend::LoadBalancer(backend) => match &backend.naming {
            LoadBalancerNaming::Ingress(group) => {
                let naming = names::FrontendNlbTargetGroup {
                    group,
                    port,
                    health_check_port: check.port.as_deref().unwrap_or(TRAFFIC_PORT),
                    health_check_protocol: check.protocol.as_ref().unwrap_or(&Protocol::Http),
                };
                names::frontend_nlb_target_group(cluster, &naming)
            }
            LoadBalancerNaming::Gateway { gateway, route, backend, given } => given
                .clone()
                .unwrap_or_else(|| gateway_name(settings, (gateway, route, backend), port, cluster)),
        },
        Backend::Missing(missing) => {
            gateway_name(settings, (missing.gateway, missing.route, missing.gateway), port, cluster)
        }
    }
}

/// The name of a target group of a Gateway, of one of its routes, for a Service or another Gateway.
fn gateway_name(
    settings: &TargetGroupSettings<'_>,
    (gateway, route, backend): (&ObjectKey, &RouteId, &ObjectKey),
    port: i32,
    cluster: &str,
) -> String {
    let naming = names::GatewayTargetGroup {
        gateway,
        route,
        backend,
        port,
        target_type: &settings.target_type,
        protocol: &settings.protocol,
        protocol_version: settings.protocol_version,
        target_control_port: settings.named_control_port,
    };
    names::gateway_target_group(cluster, &naming)
}

fn service_name(
    settings: &TargetGroupSettings<'_>,
    backend: &ServiceBackend<'_>,
    port: i32,
    cluster: &str,
) -> String {
    let service = ObjectIdentity::of(backend.service);
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
                target_control_port: settings.named_control_port,
            };
            names::ingress_target_group(cluster, &naming)
        }
        TargetGroupNaming::Gateway { gateway, route, given } => given.clone().unwrap_or_else(|| {
            let backend = ObjectKey::namespaced(service.namespace, service.name);
            gateway_name(settings, (gateway, route, &backend), port, cluster)
        }),
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
    let service = ObjectIdentity::of(backend.service);
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
        labels: backend.labels.clone(),
        annotations: backend.annotations.clone(),
    })
}
