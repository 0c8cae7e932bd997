//! Target groups and the TargetGroupBindings that fill them.

use super::context::{Context, identity};
use super::load_balancer::Frontend;
use super::{health_checks, networking};
use crate::annotations::{parse, service as keys};
use crate::api::{IntOrString, Service, ServicePort};
use crate::build::{names, ports};
use crate::cloud::elbv2::{IpAddressType, Protocol, TargetType};
use crate::cloud::{Attributes, Ref, SymbolKind};
use crate::finding::Finding;
use crate::inputs::Halt;
use crate::model::{Binding, ResourceId, Stack, TargetGroup};
use std::collections::{BTreeMap, BTreeSet};

const PROXY_PROTOCOL_V2: &str = "proxy_protocol_v2.enabled";
/// No target group has as many.
const MAX_ATTRIBUTES: usize = 100;
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";

/// What target groups need to know about their load balancer.
pub(super) struct Backend<'f> {
    pub frontend: &'f Frontend<'f>,
    /// Whether the load balancer has security groups.
    pub has_security_groups: bool,
    /// Whom the targets' rules let in.
    pub rule_peer: Option<&'f Ref>,
}

/// The target group of a port of a Service, built when the stack has none yet. `base` is the Service that owns the load
/// balancer, for target groups that an action adds.
pub(super) fn ensure(
    context: &Context<'_>,
    backend: &Backend<'_>,
    service: &Service,
    port: &ServicePort,
    protocol: &Protocol,
    base: Option<&Service>,
    stack: &mut Stack,
) -> Result<ResourceId, Halt> {
    let own = identity(service);
    let id = ResourceId::from(format!("{}/{}:{}", own.namespace, own.name, port.port));
    if stack.target_groups.contains_key(&id) {
        return Ok(id);
    }
    let source = networking::Source { context, backend, service, port };
    let target_group = build_target_group(&source, protocol, base)?;
    let binding = build_binding(&source, &id, &target_group)?;
    stack.bindings.entry(id.clone()).or_insert(binding);
    stack.target_groups.insert(id.clone(), target_group);
    Ok(id)
}

fn build_target_group(
    source: &networking::Source<'_, '_>,
    protocol: &Protocol,
    base: Option<&Service>,
) -> Result<TargetGroup, Halt> {
    let networking::Source { context, backend, service, port } = *source;
    let target_type = decide_type(context, service, port)?;
    check_quic(context, protocol, &target_type)?;
    let health_check = health_checks::build(context, service, &target_type)?;
    let attributes = build_attributes(context, port)?;
    let ip_address_type = decide_ip_address_type(context, backend, service)?;
    let number = decide_port(context, service, port, &target_type)?;
    let naming = names::ServiceTargetGroup {
        service: identity(service),
        base_uid: base.map(|base| identity(base).uid),
        port: number,
        service_port: port.port,
        target_type: &target_type,
        protocol,
        health_check_protocol: health_check.protocol.as_ref().unwrap_or(&Protocol::Tcp),
        health_check_interval: health_check.interval_seconds.unwrap_or_default(),
    };
    Ok(TargetGroup {
        name: names::service_target_group(&context.config.cluster_name, &naming),
        target_type,
        port: Some(number),
        protocol: protocol.clone(),
        protocol_version: None,
        ip_address_type,
        health_check: Some(health_check),
        target_control_port: None,
        attributes,
        tags: backend.frontend.tags.clone(),
    })
}

fn build_binding(
    source: &networking::Source<'_, '_>,
    id: &ResourceId,
    target_group: &TargetGroup,
) -> Result<Binding, Halt> {
    let (context, own) = (source.context, identity(source.service));
    let health_check = target_group.health_check.clone().unwrap_or_default();
    Ok(Binding {
        namespace: own.namespace.to_owned(),
        name: target_group.name.clone(),
        target_group_arn: id.pending(SymbolKind::TargetGroupArn),
        target_type: target_group.target_type.clone(),
        target_group_protocol: target_group.protocol.clone(),
        service_name: own.name.to_owned(),
        service_port: IntOrString::Int(source.port.port),
        node_selector: decide_node_selector(context, &target_group.target_type)?,
        networking: networking::build(source, target_group, &health_check)?,
        ip_address_type: target_group.ip_address_type.clone(),
        vpc_id: context.config.vpc_id.clone(),
        multi_cluster: context.boolean(keys::MULTI_CLUSTER)?.unwrap_or_default(),
    })
}

/// `ip` if said so by annotation or by default, else `instance`.
pub(super) fn decide_type(
    context: &Context<'_>,
    service: &Service,
    port: &ServicePort,
) -> Result<TargetType, Halt> {
    let wanted = context.string(keys::TARGET_TYPE).unwrap_or(context.config.default_target_type.as_str());
    if wanted == "ip" && !context.config.features.enable_ip_target_type {
        let message = "target type ip is not available while feature gate EnableIPTargetType is off";
        return Err(context.error(keys::TARGET_TYPE, message).into());
    }
    if wanted == "ip" || context.string(keys::TYPE) == Some("nlb-ip") {
        return Ok(TargetType::Ip);
    }
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP") == "ClusterIP" {
        return Err(instance_impossible(context, service, "is of type ClusterIP").into());
    }
    let unallocated = spec.and_then(|spec| spec.allocate_load_balancer_node_ports) == Some(false);
    if unallocated && ports::node_port(port) == 0 {
        let message = format!("has no node port for port {}", port.port);
        return Err(instance_impossible(context, service, &message).into());
    }
    Ok(TargetType::Instance)
}

fn instance_impossible(context: &Context<'_>, service: &Service, reason: &str) -> Finding {
    let name = identity(service).name;
    context
        .error(
            keys::TARGET_TYPE,
            format!("target type instance needs node ports, but Service {name:?} {reason}"),
        )
        .hint("use target type ip")
}

/// why: AWS accepts QUIC target groups of instances, but they need server ids that only pods have.
fn check_quic(context: &Context<'_>, protocol: &Protocol, target_type: &TargetType) -> Result<(), Halt> {
    let is_quic = matches!(protocol, Protocol::Quic | Protocol::TcpQuic);
    if is_quic && *target_type == TargetType::Instance {
        let message = "QUIC works only with target type ip";
        let key = context.annotations.key(keys::TARGET_TYPE);
        return Err(context.error(keys::QUIC_PORTS, message).hint(format!("set {key}: ip")).into());
    }
    Ok(())
}

/// Attributes of the target group of a Service port, proxy protocol always among them.
fn build_attributes(context: &Context<'_>, port: &ServicePort) -> Result<Attributes, Halt> {
    let mut attributes = Attributes::from([(PROXY_PROTOCOL_V2.to_owned(), "false".to_owned())]);
    let of_all =
        context.read.attributes.get_or_init(|| read_attributes(context, keys::TARGET_GROUP_ATTRIBUTES));
    attributes.extend(of_all.clone()?);
    let of_port = read_attributes(context, &format!("{}.{}", keys::TARGET_GROUP_ATTRIBUTES, port.port))?;
    attributes.extend(of_port.into_iter().filter(|(_, value)| !value.is_empty()));
    if let Some(enabled) = decide_proxy_protocol(context, port)? {
        attributes.insert(PROXY_PROTOCOL_V2.to_owned(), enabled.to_string());
    }
    attributes.retain(|key, value| key != PROXY_PROTOCOL_V2 || !value.is_empty());
    Ok(attributes)
}

fn read_attributes(context: &Context<'_>, suffix: &str) -> Result<BTreeMap<String, String>, Halt> {
    let attributes = context.map(suffix)?.unwrap_or_default();
    if attributes.len() > MAX_ATTRIBUTES {
        let count = attributes.len();
        let message = format!("has {count} attributes, expected at most {MAX_ATTRIBUTES}");
        return Err(context.error(suffix, message).into());
    }
    match attributes.get(PRESERVE_CLIENT_IP) {
        Some(value) if parse::boolean(value).is_none() => {
            let message = format!("{PRESERVE_CLIENT_IP} is {value:?}, expected true or false");
            Err(context.error(suffix, message).into())
        }
        _ => Ok(attributes),
    }
}

/// The annotation for all target groups wins over the one that lists ports.
fn decide_proxy_protocol(context: &Context<'_>, port: &ServicePort) -> Result<Option<bool>, Halt> {
    let listed = context.read.proxied.get_or_init(|| read_proxied(context)).as_ref().map_err(Clone::clone)?;
    let mut enabled = listed.as_ref().map(|listed| listed.contains(&port.port.to_string()));
    if context.choice(keys::PROXY_PROTOCOL, &["*"])?.is_some() {
        enabled = Some(true);
    }
    Ok(enabled)
}

/// The numbers of the ports with proxy protocol; `None`: nothing is said.
fn read_proxied(context: &Context<'_>) -> Result<Option<BTreeSet<String>>, Halt> {
    let Some(listed) = context.list(keys::PROXY_PROTOCOL_PORTS) else { return Ok(None) };
    // why: Go's int has 64 bits
    if let Some(wrong) = listed.iter().find(|item| parse::int64(item).is_none()) {
        let message = format!("{wrong:?} is not a port number");
        return Err(context.error(keys::PROXY_PROTOCOL_PORTS, message).into());
    }
    Ok(Some(listed.into_iter().collect()))
}

/// Whether targets of TCP and TLS see the clients' addresses.
pub(super) fn preserves_client_ip(target_group: &TargetGroup) -> bool {
    let given = target_group.attributes.get(PRESERVE_CLIENT_IP).and_then(|value| parse::boolean(value));
    given.unwrap_or(target_group.target_type == TargetType::Instance)
}

fn decide_ip_address_type(
    context: &Context<'_>,
    backend: &Backend<'_>,
    service: &Service,
) -> Result<IpAddressType, Halt> {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default();
    if !families.iter().any(|family| family == "IPv6") {
        return Ok(IpAddressType::Ipv4);
    }
    if !backend.frontend.is_dualstack() {
        let message =
            format!("Service {:?} uses IPv6, which needs a dualstack load balancer", identity(service).name);
        return Err(context.error(keys::IP_ADDRESS_TYPE, message).hint("set it to dualstack").into());
    }
    Ok(IpAddressType::Ipv6)
}

/// The port that AWS shows for the target group. Targets are registered with ports of their own, so it carries no
/// traffic; for a named target port it is 1.
fn decide_port(
    context: &Context<'_>,
    service: &Service,
    port: &ServicePort,
    target_type: &TargetType,
) -> Result<i32, Halt> {
    let number = match (target_type, ports::target_port(port)) {
        (TargetType::Instance, _) => ports::node_port(port),
        (_, IntOrString::Int(number)) => number,
        (_, IntOrString::String(_)) => 1,
    };
    if number != 0 {
        return Ok(number);
    }
    if *target_type == TargetType::Instance {
        let message = format!("has no node port for port {}", port.port);
        return Err(instance_impossible(context, service, &message).into());
    }
    let message = format!("Service {:?} has target port 0 for port {}", identity(service).name, port.port);
    Err(Finding::error(&context.object, message).at("spec.ports").into())
}

fn decide_node_selector(
    context: &Context<'_>,
    target_type: &TargetType,
) -> Result<Option<BTreeMap<String, String>>, Halt> {
    if *target_type != TargetType::Instance {
        return Ok(None);
    }
    let read = || Ok(context.map(keys::TARGET_NODE_LABELS)?.filter(|labels| !labels.is_empty()));
    context.read.node_labels.get_or_init(read).clone()
}
