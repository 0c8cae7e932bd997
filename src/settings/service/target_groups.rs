//! Target groups: those of the Service's ports, and those that actions add.

use super::context::ServiceContext;
use super::{health_checks, security_groups};
use crate::annotations::{parse, service as keys};
use crate::api::{IntOrString, Service, ServicePort, selector};
use crate::aws_api::elbv2::{Protocol, TargetType};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use crate::facts::BuildError;
use crate::finding::Finding;
use crate::model::ResourceId;
use crate::settings::names::ObjectIdentity;
use crate::settings::target_group::check_attributes;
use crate::settings::{Backend, Origin, ServiceBackend, TargetGroupNaming, TargetGroupSettings, ports};
use std::collections::{BTreeMap, BTreeSet};

const PROXY_PROTOCOL_V2: &str = "proxy_protocol_v2.enabled";
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";

/// Reads the target group of a Service port once, however many listeners forward to it.
pub(super) struct TargetGroupReader<'p, 'a> {
    context: &'p ServiceContext<'a>,
    tags: &'p Tags,
    known: BTreeSet<ResourceId>,
    settings: Vec<TargetGroupSettings<'a>>,
}

impl<'p, 'a> TargetGroupReader<'p, 'a> {
    /// `tags`: those of every target group.
    pub fn new(context: &'p ServiceContext<'a>, tags: &'p Tags) -> Self {
        Self { context, tags, known: BTreeSet::new(), settings: Vec::new() }
    }

    /// Target groups in the order of their first mention.
    pub fn into_settings(self) -> Vec<TargetGroupSettings<'a>> {
        self.settings
    }

    /// Numbers of the Service ports behind the target groups, by id of the target group.
    pub fn service_ports(&self) -> impl Iterator<Item = i32> {
        let ports = self.settings.iter().filter_map(|settings| match &settings.backend {
            Backend::Service(backend) => Some((&settings.id, backend.port.port)),
            Backend::LoadBalancer(_) | Backend::Missing(_) => None,
        });
        ports.collect::<BTreeMap<_, _>>().into_values()
    }

    /// A reference to the target group of a port of the Service that owns the load balancer.
    pub fn read(
        &mut self,
        service: &'a Service,
        port: &'a ServicePort,
        protocol: &Protocol,
    ) -> Result<Ref, BuildError> {
        self.read_once(service, port, protocol, None)
    }

    /// A reference to a target group that an action adds.
    pub fn read_of_action(
        &mut self,
        service: &'a Service,
        port: &'a ServicePort,
        protocol: &Protocol,
    ) -> Result<Ref, BuildError> {
        self.read_once(service, port, protocol, Some(ObjectIdentity::of(self.context.service).uid))
    }

    fn read_once(
        &mut self,
        service: &'a Service,
        port: &'a ServicePort,
        protocol: &Protocol,
        owner_uid: Option<&'a str>,
    ) -> Result<Ref, BuildError> {
        let own = ObjectIdentity::of(service);
        let id = ResourceId::from(format!("{}/{}:{}", own.namespace, own.name, port.port));
        let reference = id.pending(SymbolKind::TargetGroupArn);
        if self.known.contains(&id) {
            return Ok(reference);
        }
        let settings = self.read_settings(id.clone(), service, port, protocol, owner_uid)?;
        self.known.insert(id);
        self.settings.push(settings);
        Ok(reference)
    }

    fn read_settings(
        &self,
        id: ResourceId,
        service: &'a Service,
        port: &'a ServicePort,
        protocol: &Protocol,
        owner_uid: Option<&'a str>,
    ) -> Result<TargetGroupSettings<'a>, BuildError> {
        let context = self.context;
        let target_type = decide_type(context, service, port)?;
        check_quic(context, protocol, &target_type)?;
        let backend = ServiceBackend {
            service,
            port,
            service_port: IntOrString::Int(port.port),
            naming: TargetGroupNaming::Service { owner_uid },
            node_selector: decide_node_selector(context, &target_type)?.map(selector::of_labels),
            multi_cluster: context.boolean(keys::MULTI_CLUSTER)?.unwrap_or_default(),
            source_ranges: security_groups::source_ranges(context, service)?,
            origin: Origin::object(&context.object),
            ip_address_type_key: context.annotations.key(keys::IP_ADDRESS_TYPE),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        };
        Ok(TargetGroupSettings {
            id,
            health_check: health_checks::read(context, service, &target_type)?,
            attributes: read_port_attributes(context, port)?,
            backend: Backend::Service(Box::new(backend)),
            target_type,
            protocol: protocol.clone(),
            protocol_version: None,
            target_control_port: None,
            named_control_port: None,
            tags: self.tags.clone(),
        })
    }
}

/// `ip` if said so by annotation or by default, else `instance`.
pub(super) fn decide_type(
    context: &ServiceContext<'_>,
    service: &Service,
    port: &ServicePort,
) -> Result<TargetType, BuildError> {
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

fn instance_impossible(context: &ServiceContext<'_>, service: &Service, reason: &str) -> Finding {
    let name = ObjectIdentity::of(service).name;
    context
        .error(
            keys::TARGET_TYPE,
            format!("target type instance needs node ports, but Service {name:?} {reason}"),
        )
        .hint("use target type ip")
}

/// why: AWS accepts QUIC target groups of instances, but they need server ids that only pods have.
fn check_quic(
    context: &ServiceContext<'_>,
    protocol: &Protocol,
    target_type: &TargetType,
) -> Result<(), BuildError> {
    let is_quic = matches!(protocol, Protocol::Quic | Protocol::TcpQuic);
    if is_quic && *target_type == TargetType::Instance {
        let message = "QUIC works only with target type ip";
        let key = context.annotations.key(keys::TARGET_TYPE);
        return Err(context.error(keys::QUIC_PORTS, message).hint(format!("set {key}: ip")).into());
    }
    Ok(())
}

/// Attributes of the target group of a Service port, proxy protocol always among them.
fn read_port_attributes(context: &ServiceContext<'_>, port: &ServicePort) -> Result<Attributes, BuildError> {
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

fn read_attributes(
    context: &ServiceContext<'_>,
    suffix: &str,
) -> Result<BTreeMap<String, String>, BuildError> {
    let attributes = context.map(suffix)?.unwrap_or_default();
    check_attributes(&attributes, &context.origin(suffix))?;
    match attributes.get(PRESERVE_CLIENT_IP) {
        Some(value) if parse::boolean(value).is_none() => {
            let message = format!("{PRESERVE_CLIENT_IP} is {value:?}, expected true or false");
            Err(context.error(suffix, message).into())
        }
        _ => Ok(attributes),
    }
}

/// The annotation for all target groups wins over the one that lists ports.
fn decide_proxy_protocol(
    context: &ServiceContext<'_>,
    port: &ServicePort,
) -> Result<Option<bool>, BuildError> {
    let listed = context.read.proxied.get_or_init(|| read_proxied(context)).as_ref().map_err(Clone::clone)?;
    let mut enabled = listed.as_ref().map(|listed| listed.contains(&port.port.to_string()));
    if context.choice(keys::PROXY_PROTOCOL, &["*"])?.is_some() {
        enabled = Some(true);
    }
    Ok(enabled)
}

/// The numbers of the ports with proxy protocol; `None`: nothing is said.
fn read_proxied(context: &ServiceContext<'_>) -> Result<Option<BTreeSet<String>>, BuildError> {
    let Some(listed) = context.list(keys::PROXY_PROTOCOL_PORTS) else { return Ok(None) };
    // why: Go's int has 64 bits
    if listed.iter().any(|item| parse::int64(item).is_none()) {
        return Err(context.invalid(keys::PROXY_PROTOCOL_PORTS, "a list of port numbers").into());
    }
    Ok(Some(listed.into_iter().collect()))
}

fn decide_node_selector(
    context: &ServiceContext<'_>,
    target_type: &TargetType,
) -> Result<Option<BTreeMap<String, String>>, BuildError> {
    if *target_type != TargetType::Instance {
        return Ok(None);
    }
    let read = || Ok(context.map(keys::TARGET_NODE_LABELS)?.filter(|labels| !labels.is_empty()));
    context.read.node_labels.get_or_init(read).clone()
}
