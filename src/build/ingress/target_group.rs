//! Target groups of an Ingress's backends, and the bindings that fill them (upstream's
//! `pkg/ingress/model_build_target_group.go`).

use super::compile::Compiler;
use super::doubt::DoubtKind;
use super::health_check;
use super::load_balancer::is_dualstack;
use super::scope::Overlay;
use super::tags;
use crate::api::meta::{is_external_name, without_endpoints};
use crate::api::{IntOrString, ObjectKey, Service, ServicePort};
use crate::build::names::{IngressTargetGroup, ServiceIdentity, ingress_target_group};
use crate::build::ports::PortIndex;
use crate::build::{Origin, ports};
use crate::cloud::elbv2::{HealthCheck, IpAddressType, Protocol, TargetType};
use crate::cloud::{Ref, SymbolKind};
use crate::finding::{Finding, enumerate};
use crate::inputs::Halt;
use crate::model::{Binding, BindingIngress, BindingPeer, BindingPort, ResourceId, TargetGroup};
use std::collections::BTreeMap;

/// No target group has as many.
const MAX_ATTRIBUTES: usize = 100;

/// A port of a Service behind an Ingress.
pub(super) struct BackendPort<'b> {
    pub service: &'b Service,
    pub name: &'b str,
    /// As the Ingress writes it.
    pub written: &'b IntOrString,
    pub port: &'b ServicePort,
    pub overlay: Overlay<'b>,
}

/// A port as text: the number, or the name.
pub(super) fn show_port(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

/// Where requests to a target go: the node port, or the target port.
pub(super) fn port_on_target(target_type: &TargetType, port: &ServicePort) -> IntOrString {
    match target_type {
        TargetType::Instance => IntOrString::Int(ports::node_port(port)),
        _ => ports::target_port(port),
    }
}

impl<'a> Compiler<'_, 'a> {
    /// The target group of a Service port, made on first use.
    pub fn target_group(&mut self, name: &str, written: &IntOrString, field: &str) -> Result<Ref, Halt> {
        let written_text = show_port(written);
        let id = ResourceId::from(format!("{}-{name}:{written_text}", self.member.key));
        let reference = id.pending(SymbolKind::TargetGroupArn);
        if self.out.target_groups.contains_key(&id) {
            return Ok(reference);
        }
        let origin = Origin::field(&self.member.object, field);
        let service = self.service(name)?;
        let service = service.ok_or_else(|| origin.error(format!("service {name} does not exist")))?;
        let known = self.read.ports.entry(name.to_owned()).or_insert_with(|| PortIndex::of(service));
        let port = known.find(written).ok_or_else(|| {
            let problem = format!("service {}/{name} has no port {written_text}", self.member.namespace());
            origin.error(problem).hint(known_ports(service))
        })?;
        self.doubt_targets(service);
        let overlay = self.member.with_service(service);
        overlay.check_lengths()?;
        let backend = BackendPort { service, name, written, port, overlay };
        let target_group = self.build_target_group(&backend, &origin)?;
        let binding = self.build_binding(&backend, &id, &target_group)?;
        self.out.bindings.insert(id.clone(), binding);
        self.out.target_groups.insert(id, target_group);
        Ok(reference)
    }

    /// Notes a Service that has no targets of its own.
    fn doubt_targets(&mut self, service: &Service) {
        let Some(why) = without_endpoints(service) else { return };
        let key = ObjectKey::of(service);
        let hint = "name a Service with a selector, or make EndpointSlices for it";
        let problem = format!("service {key} {why}, so that there are no targets for it");
        let finding = Finding::warning(&self.member.object, problem).hint(hint);
        let is_name = is_external_name(service);
        let kind = if is_name { DoubtKind::ExternalName(key) } else { DoubtKind::Selectorless(key) };
        self.doubt_backend(kind, finding);
    }

    fn build_target_group(&self, backend: &BackendPort<'a>, origin: &Origin) -> Result<TargetGroup, Halt> {
        let BackendPort { service, name, written, port, overlay } = backend;
        let config = self.scope.config;
        let target_type = self.target_type(overlay)?;
        let protocol = protocol(overlay, "backend-protocol", Protocol::Http)?;
        let protocol_version = protocol_version(overlay)?;
        let health_check = health_check::build(backend, &target_type, &protocol, protocol_version)?;
        let attributes = overlay.annotations.map("target-group-attributes");
        let attributes = attributes.map_err(|error| overlay.blame(error))?.unwrap_or_default();
        if attributes.len() > MAX_ATTRIBUTES {
            let expected = format!("at most {MAX_ATTRIBUTES} attributes");
            return Err(overlay.blame(overlay.annotations.error("target-group-attributes", expected)).into());
        }
        let tags = tags::of_backend(self.member, service, overlay, config)?;
        let ip_address_type = self.ip_address_type(service, origin)?;
        let control_port = control_port(overlay, name, &show_port(written), &target_type)?;
        let number = target_group_port(&target_type, port, origin)?;
        let identity = identity(service);
        let name = ingress_target_group(
            &config.cluster_name,
            &IngressTargetGroup {
                group: self.scope.stack,
                ingress_namespace: self.member.namespace(),
                ingress_name: self.member.key.name(),
                service: identity,
                service_port: &show_port(written),
                port: number,
                target_type: &target_type,
                protocol: &protocol,
                protocol_version,
                target_control_port: control_port,
            },
        );
        Ok(TargetGroup {
            name,
            target_type,
            port: Some(number),
            protocol,
            protocol_version: Some(protocol_version.to_owned()),
            ip_address_type,
            health_check: Some(health_check),
            target_control_port: control_port,
            attributes,
            tags,
        })
    }

    fn target_type(&self, overlay: &Overlay<'_>) -> Result<TargetType, Halt> {
        let by_params = self.member.params.and_then(|params| params.target_type).map(<&str>::from);
        let wanted = by_params.or_else(|| overlay.annotations.string("target-type"));
        let target_type = match wanted {
            None => self.scope.config.default_target_type.clone(),
            Some("instance") => TargetType::Instance,
            Some("ip") => TargetType::Ip,
            Some(_) => return Err(overlay.refuse("target-type", &["instance", "ip"]).into()),
        };
        if target_type == TargetType::Ip && !self.scope.config.features.enable_ip_target_type {
            let key = overlay.annotations.key("target-type");
            let problem = "target type ip is switched off by the feature gate EnableIPTargetType";
            return Err(Origin::field(&self.member.object, key).error(problem).into());
        }
        Ok(target_type)
    }

    fn ip_address_type(&self, service: &Service, origin: &Origin) -> Result<IpAddressType, Halt> {
        let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_ref());
        if !families.into_iter().flatten().any(|family| family == "IPv6") {
            return Ok(IpAddressType::Ipv4);
        }
        let load_balancer = &self.front.load_balancer.ip_address_type;
        if is_dualstack(load_balancer) {
            return Ok(IpAddressType::Ipv6);
        }
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let problem = format!("service {name} has IPv6 addresses, but the load balancer is {load_balancer}");
        let hint = "set ip-address-type to dualstack, or take IPv6 out of the Service's ipFamilies";
        Err(origin.error(problem).hint(hint).into())
    }

    fn build_binding(
        &self,
        backend: &BackendPort<'_>,
        id: &ResourceId,
        target_group: &TargetGroup,
    ) -> Result<Binding, Halt> {
        let instance = target_group.target_type == TargetType::Instance;
        Ok(Binding {
            namespace: self.member.namespace().to_owned(),
            name: target_group.name.clone(),
            target_group_arn: id.pending(SymbolKind::TargetGroupArn),
            target_type: target_group.target_type.clone(),
            target_group_protocol: target_group.protocol.clone(),
            service_name: backend.name.to_owned(),
            service_port: backend.written.clone(),
            networking: self.networking(backend.port, target_group),
            node_selector: if instance { node_selector(&backend.overlay)? } else { None },
            ip_address_type: target_group.ip_address_type.clone(),
            vpc_id: self.scope.config.vpc_id.clone(),
            multi_cluster: self.is_multi_cluster(backend)?,
        })
    }

    fn is_multi_cluster(&self, backend: &BackendPort<'_>) -> Result<bool, Halt> {
        const SUFFIX: &str = "multi-cluster-target-group";
        let member = self.member;
        let by_ingress = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        if by_ingress == Some(true) {
            return Ok(true);
        }
        let of_service = crate::annotations::ingress::of(backend.service.metadata.annotations.as_ref());
        let by_service = of_service.boolean(SUFFIX).map_err(|error| backend.overlay.blame(error))?;
        Ok(by_service.unwrap_or_default())
    }

    fn networking(&self, port: &ServicePort, target_group: &TargetGroup) -> Option<Vec<BindingIngress>> {
        let source = self.front.backend_security_group.clone()?;
        let allow = |port: Option<IntOrString>| BindingIngress {
            from: vec![BindingPeer::SecurityGroup(source.clone())],
            ports: vec![BindingPort { protocol: Some(Protocol::Tcp), port }],
        };
        if self.scope.config.disable_restricted_sg_rules {
            return Some(vec![allow(None)]);
        }
        let mut rules = vec![allow(Some(port_on_target(&target_group.target_type, port)))];
        let checked =
            target_group.health_check.as_ref().and_then(|check: &HealthCheck| check.port.as_deref());
        if let Some(number) = checked.and_then(|port| port.parse().ok()) {
            rules.push(allow(Some(IntOrString::Int(number))));
        }
        rules.extend(target_group.target_control_port.map(|port| allow(Some(IntOrString::Int(port)))));
        Some(rules)
    }
}

fn known_ports(service: &Service) -> String {
    let shown = ports::ports(service).iter().map(|port| match ports::name(port) {
        "" => port.port.to_string(),
        name => format!("{name} ({})", port.port),
    });
    format!("its ports are {}", enumerate(shown))
}

fn identity(service: &Service) -> ServiceIdentity<'_> {
    ServiceIdentity {
        namespace: service.metadata.namespace.as_deref().unwrap_or_default(),
        name: service.metadata.name.as_deref().unwrap_or_default(),
        uid: service.metadata.uid.as_deref().unwrap_or_default(),
    }
}

/// `HTTP` or `HTTPS`.
pub(super) fn protocol(overlay: &Overlay<'_>, suffix: &str, default: Protocol) -> Result<Protocol, Halt> {
    match overlay.annotations.string(suffix) {
        None => Ok(default),
        Some("HTTP") => Ok(Protocol::Http),
        Some("HTTPS") => Ok(Protocol::Https),
        Some(_) => Err(overlay.refuse(suffix, &["HTTP", "HTTPS"]).into()),
    }
}

fn protocol_version(overlay: &Overlay<'_>) -> Result<&'static str, Halt> {
    const SUFFIX: &str = "backend-protocol-version";
    const ALLOWED: &[&str] = &["HTTP1", "HTTP2", "GRPC"];
    let Some(wanted) = overlay.annotations.string(SUFFIX) else { return Ok("HTTP1") };
    let known = ALLOWED.iter().find(|version| **version == wanted);
    known.copied().ok_or_else(|| overlay.refuse(SUFFIX, ALLOWED).into())
}

fn control_port(
    overlay: &Overlay<'_>,
    service: &str,
    port: &str,
    target_type: &TargetType,
) -> Result<Option<i32>, Halt> {
    let suffix = format!("target-control-port.{service}.{port}");
    let control_port = overlay.annotations.int32(&suffix).map_err(|error| overlay.blame(error))?;
    if control_port.is_some() && *target_type == TargetType::Instance {
        let error = overlay.annotations.error(&suffix, "allowed with target type instance, only with ip");
        return Err(overlay.blame(error).into());
    }
    Ok(control_port)
}

/// 1 stands for a named target port, which every pod may resolve differently.
fn target_group_port(target_type: &TargetType, port: &ServicePort, origin: &Origin) -> Result<i32, Halt> {
    match (target_type, port_on_target(target_type, port)) {
        (TargetType::Instance, IntOrString::Int(0)) => Err(origin
            .error(format!(
                "port {} of the Service has no node port, which target type instance needs",
                port.port
            ))
            .hint("make the Service a NodePort or LoadBalancer, or set target-type to ip")
            .into()),
        (_, IntOrString::Int(0)) => {
            Err(origin.error(format!("port {} of the Service has target port 0", port.port)).into())
        }
        (_, IntOrString::Int(number)) => Ok(number),
        (_, IntOrString::String(_)) => Ok(1),
    }
}

fn node_selector(overlay: &Overlay<'_>) -> Result<Option<BTreeMap<String, String>>, Halt> {
    let labels = overlay.annotations.map("target-node-labels").map_err(|error| overlay.blame(error))?;
    Ok(labels.filter(|labels| !labels.is_empty()))
}
