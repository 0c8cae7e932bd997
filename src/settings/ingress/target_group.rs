//! Target groups of an Ingress's backends (upstream's `pkg/ingress/model_build_target_group.go`).

use super::backend_port::{BackendPort, protocol};
use super::context::Overlay;
use super::member_reader::MemberReader;
use super::{health_check, tags};
use crate::api::meta::{is_external_name, without_endpoints};
use crate::api::{IntOrString, ObjectKey, Service, selector};
use crate::aws_api::elbv2::{Protocol, TargetType};
use crate::aws_api::{Ref, SymbolKind};
use crate::facts::BuildError;
use crate::finding::{Finding, enumerate};
use crate::model::ResourceId;
use crate::settings::ports::{self, PortIndex, show_port};
use crate::settings::target_group::check_attributes;
use crate::settings::{Backend, Origin, ServiceBackend, TargetGroupNaming, TargetGroupSettings, WarningKind};
use std::collections::BTreeMap;

const ATTRIBUTES: &str = "target-group-attributes";

impl<'a> MemberReader<'_, 'a> {
    /// A reference to the target group of a Service port, read on first use.
    pub fn target_group(
        &mut self,
        name: &str,
        written: &IntOrString,
        field: &str,
    ) -> Result<Ref, BuildError> {
        let written_text = show_port(written);
        let id = ResourceId::from(format!("{}-{name}:{written_text}", self.member.key));
        let reference = id.pending(SymbolKind::TargetGroupArn);
        if self.parsed.target_groups.contains(&id) {
            return Ok(reference);
        }
        let origin = Origin::field(&self.member.object, field);
        let service = self.service(name)?;
        let service = service.ok_or_else(|| origin.error(format!("service {name} does not exist")))?;
        let known = self.parsed.ports.entry(name.to_owned()).or_insert_with(|| PortIndex::of(service));
        let port = known.find(written).ok_or_else(|| {
            let problem = format!("service {}/{name} has no port {written_text}", self.member.namespace());
            origin.error(problem).hint(known_ports(service))
        })?;
        self.warn_of_missing_targets(service);
        let overlay = self.member.with_service(service);
        overlay.check_lengths()?;
        let backend = BackendPort { service, name, written, port, overlay };
        let settings = self.read_target_group(id.clone(), &backend, origin)?;
        self.parsed.target_groups.insert(id);
        self.contribution.target_groups.push(settings);
        Ok(reference)
    }

    /// Notes a Service that has no targets of its own.
    fn warn_of_missing_targets(&mut self, service: &Service) {
        let Some(why) = without_endpoints(service) else { return };
        let key = ObjectKey::of(service);
        let hint = "name a Service with a selector, or make EndpointSlices for it";
        let problem = format!("service {key} {why}, so that there are no targets for it");
        let finding = Finding::warning(&self.member.object, problem).hint(hint);
        let is_name = is_external_name(service);
        let kind = if is_name { WarningKind::ExternalName(key) } else { WarningKind::Selectorless(key) };
        self.warn_of_missing_backend(kind, finding);
    }

    fn read_target_group(
        &self,
        id: ResourceId,
        backend: &BackendPort<'_, 'a>,
        origin: Origin,
    ) -> Result<TargetGroupSettings<'a>, BuildError> {
        let BackendPort { service, name, written, port, overlay } = backend;
        let group = self.group;
        let target_type = self.target_type(overlay)?;
        let protocol = protocol(overlay, "backend-protocol")?.unwrap_or(Protocol::Http);
        let protocol_version = protocol_version(overlay)?;
        let health_check = health_check::read(backend, &target_type, &protocol, protocol_version)?;
        let attributes = overlay.annotations.map(ATTRIBUTES).map_err(|error| overlay.blame(error))?;
        let attributes = attributes.unwrap_or_default();
        check_attributes(&attributes, &overlay.origin(ATTRIBUTES))?;
        let tags = tags::of_backend(self.member, service, overlay, group.config)?;
        let target_control_port = control_port(overlay, name, &show_port(written), &target_type)?;
        let is_instance = target_type == TargetType::Instance;
        let backend = ServiceBackend {
            service,
            port,
            service_port: (*written).clone(),
            naming: TargetGroupNaming::Ingress { group: group.stack, ingress: self.member.key },
            node_selector: if is_instance { node_selector(overlay)?.map(selector::of_labels) } else { None },
            multi_cluster: self.is_multi_cluster(backend)?,
            source_ranges: Vec::new(),
            origin,
            ip_address_type_key: overlay.annotations.key("ip-address-type"),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        };
        Ok(TargetGroupSettings {
            id,
            backend: Backend::Service(Box::new(backend)),
            target_type,
            protocol,
            protocol_version: Some(protocol_version),
            health_check,
            target_control_port,
            named_control_port: target_control_port,
            attributes,
            tags,
        })
    }

    fn target_type(&self, overlay: &Overlay<'_>) -> Result<TargetType, BuildError> {
        let by_params = self.member.params.and_then(|params| params.target_type).map(<&str>::from);
        let wanted = by_params.or_else(|| overlay.annotations.string("target-type"));
        let target_type = match wanted {
            None => self.group.config.default_target_type.clone(),
            Some("instance") => TargetType::Instance,
            Some("ip") => TargetType::Ip,
            Some(_) => return Err(overlay.not_one_of("target-type", &["instance", "ip"]).into()),
        };
        if target_type == TargetType::Ip && !self.group.config.features.enable_ip_target_type {
            let key = overlay.annotations.key("target-type");
            let problem = "target type ip is switched off by the feature gate EnableIPTargetType";
            return Err(Origin::field(&self.member.object, key).error(problem).into());
        }
        Ok(target_type)
    }

    fn is_multi_cluster(&self, backend: &BackendPort<'_, '_>) -> Result<bool, BuildError> {
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
}

fn known_ports(service: &Service) -> String {
    let shown = ports::ports(service).iter().map(|port| match ports::name(port) {
        "" => port.port.to_string(),
        name => format!("{name} ({})", port.port),
    });
    format!("its ports are {}", enumerate(shown))
}

fn protocol_version(overlay: &Overlay<'_>) -> Result<&'static str, BuildError> {
    const SUFFIX: &str = "backend-protocol-version";
    const ALLOWED: &[&str] = &["HTTP1", "HTTP2", "GRPC"];
    let Some(wanted) = overlay.annotations.string(SUFFIX) else { return Ok("HTTP1") };
    let known = ALLOWED.iter().find(|version| **version == wanted);
    known.copied().ok_or_else(|| overlay.not_one_of(SUFFIX, ALLOWED).into())
}

fn control_port(
    overlay: &Overlay<'_>,
    service: &str,
    port: &str,
    target_type: &TargetType,
) -> Result<Option<i32>, BuildError> {
    let suffix = format!("target-control-port.{service}.{port}");
    let control_port = overlay.annotations.int32(&suffix).map_err(|error| overlay.blame(error))?;
    if control_port.is_some() && *target_type == TargetType::Instance {
        let error = overlay.annotations.error(&suffix, "allowed with target type instance, only with ip");
        return Err(overlay.blame(error).into());
    }
    Ok(control_port)
}

fn node_selector(overlay: &Overlay<'_>) -> Result<Option<BTreeMap<String, String>>, BuildError> {
    let labels = overlay.annotations.map("target-node-labels").map_err(|error| overlay.blame(error))?;
    Ok(labels.filter(|labels| !labels.is_empty()))
}
