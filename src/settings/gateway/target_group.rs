//! Target groups of the backends of routes.

use super::GatewayContext;
use crate::api::gateway_config::{HealthCheckConfig, ProtocolVersion, TargetGroupProps, TargetProtocol};
use crate::api::{ObjectKey, Service, ServicePort};
use crate::aws_api::elbv2::{HealthCheck, IpAddressType, Protocol, TargetGroupTuple, TargetType};
use crate::aws_api::{Ref, SymbolKind};
use crate::facts::BuildError;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::gateway::backends::{RouteBackend, Weighted};
use crate::gateway::route::{Route, RouteId, RouteKind, RouteProblem, RouteReason};
use crate::model::ResourceId;
use crate::settings::health_check::{TRAFFIC_PORT, resolve_port};
use crate::settings::ports::{self, show_port};
use crate::settings::target_group::check_attributes;
use crate::settings::{
    Backend, HealthCheckDefaults, HealthCheckSettings, LoadBalancerBackend, LoadBalancerNaming,
    MissingBackend, Origin, ServiceBackend, Sourced, SuccessCodes, TargetGroupNaming, TargetGroupSettings,
    tags,
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the target group of a backend once, however many rules forward to it.
pub(super) struct RouteTargetGroupReader<'c, 'a> {
    context: &'c GatewayContext<'a>,
    ip_address_type: &'c IpAddressType,
    known: BTreeMap<ResourceId, Result<Ref, RouteProblem>>,
    settings: Vec<TargetGroupSettings<'a>>,
    retained: BTreeSet<ResourceId>,
    routes: BTreeMap<ResourceId, RouteId>,
}

/// What is read of target groups.
pub(super) struct TargetGroups<'a> {
    /// In the order of their first mention.
    pub settings: Vec<TargetGroupSettings<'a>>,
    /// Those that stay as AWS has them, because they cannot be built.
    pub retained: BTreeSet<ResourceId>,
    /// Which routes they come from.
    pub routes: BTreeMap<ResourceId, RouteId>,
}

impl<'c, 'a> RouteTargetGroupReader<'c, 'a> {
    pub fn new(context: &'c GatewayContext<'a>, ip_address_type: &'c IpAddressType) -> Self {
        let (known, settings) = (BTreeMap::new(), Vec::new());
        let (retained, routes) = (BTreeSet::new(), BTreeMap::new());
        Self { context, ip_address_type, known, settings, retained, routes }
    }

    pub fn finish(self) -> TargetGroups<'a> {
        TargetGroups { settings: self.settings, retained: self.retained, routes: self.routes }
    }

    /// A reference to the target group of a backend of a listener with this protocol; the first listener decides. The inner error says why there is none, or why it stays as it is.
    pub fn read(
        &mut self,
        route: &'a Route<'a>,
        weighted: &'a Weighted,
        listener: &Protocol,
    ) -> Result<(Option<Ref>, Option<RouteProblem>), BuildError> {
        if let RouteBackend::TargetGroup { name } = &weighted.backend {
            return self.named(name);
        }
        let id = self.id(route, &weighted.backend);
        if let Some(known) = self.known.get(&id) {
            let problem = known.as_ref().err().cloned();
            let reference = known.as_ref().ok().cloned().or_else(|| self.live(&id));
            return Ok((reference, problem));
        }
        self.routes.insert(id.clone(), route.id.clone());
        match self.read_settings(&id, route, &weighted.backend, listener) {
            Ok(settings) => {
                let reference = id.pending(SymbolKind::TargetGroupArn);
                self.known.insert(id, Ok(reference.clone()));
                self.settings.push(settings);
                Ok((Some(reference), None))
            }
            Err(BuildError::Invalid(finding)) => {
                self.context.facts.live_stack(&self.context.stack)??;
                let problem = RouteProblem::unsupported(text(&finding));
                let live = self.live(&id);
                self.retained.extend(live.is_some().then(|| id.clone()));
                self.known.insert(id, Err(problem.clone()));
                Ok((live, Some(problem)))
            }
            Err(other) => Err(other),
        }
    }

    /// The target group of this id that AWS has.
    pub fn live(&self, id: &ResourceId) -> Option<Ref> {
        let live = self.context.facts.live_stack(&self.context.stack).ok()?.ok()?;
        let key = self.context.stack.resource_tag_key();
        let mut groups = live.target_groups.iter();
        let found = groups.find(|group| group.tags.get(&key).map(String::as_str) == Some(id.as_str()));
        found.map(|found| Ref::from(found.target_group.arn.as_str()))
    }

    /// A reference to a target group without targets, for a port whose route has no backend that can be used.
    pub fn missing(&mut self, route: &'a Route<'a>, port: i32, listener: &Protocol) -> Ref {
        let gateway = self.context.view.key;
        let (of_route, kind) = (&route.id.key, route.id.kind);
        let id = format!("{gateway}:{}-{}:{kind}:no-backend:{port}", of_route.namespace(), of_route.name());
        let id = ResourceId::from(id);
        let protocol = match listener {
            Protocol::Tls => Protocol::Tcp,
            other => other.clone(),
        };
        let reference = id.pending(SymbolKind::TargetGroupArn);
        self.routes.insert(id.clone(), route.id.clone());
        self.settings.push(TargetGroupSettings {
            id,
            health_check: HealthCheckSettings::default().or(nlb_defaults()),
            attributes: crate::aws_api::Attributes::new(),
            tags: tags::merge(&crate::aws_api::Tags::new(), self.context.config),
            target_control_port: None,
            named_control_port: None,
            backend: Backend::Missing(MissingBackend { gateway, route: &route.id, port }),
            target_type: TargetType::Ip,
            protocol,
            protocol_version: None,
        });
        reference
    }

    fn named(&self, name: &str) -> Result<(Option<Ref>, Option<RouteProblem>), BuildError> {
        if let Some(arn) = self.context.facts.target_group_by_name(name)?? {
            return Ok((Some(Ref::from(arn.as_str())), None));
        }
        let message = format!("there is no target group named {name:?}");
        Ok((None, Some(RouteProblem::new(RouteReason::BackendNotFound, message))))
    }

    fn id(&self, route: &Route<'_>, backend: &RouteBackend) -> ResourceId {
        let (key, port) = match backend {
            RouteBackend::Service { service, port, .. } => {
                (ObjectKey::of(&**service), show_port(&ports::target_port(port)))
            }
            RouteBackend::Gateway { gateway, port, .. } => (gateway.clone(), port.to_string()),
            RouteBackend::TargetGroup { name } => (ObjectKey::cluster(name.as_str()), String::new()),
        };
        let (of_route, kind) = (&route.id.key, route.id.kind);
        ResourceId::from(format!(
            "{}:{}-{}:{kind}-{}-{}:{port}",
            self.context.view.key,
            of_route.namespace(),
            of_route.name(),
            key.namespace(),
            key.name(),
        ))
    }

    fn read_settings(
        &self,
        id: &ResourceId,
        route: &'a Route<'a>,
        backend: &'a RouteBackend,
        listener: &Protocol,
    ) -> Result<TargetGroupSettings<'a>, BuildError> {
        match backend {
            RouteBackend::Service { service, port, props } => {
                let key = ObjectKey::of(&**service);
                let reader =
                    PropsReader::new(self.context, route, props.as_deref(), "Service", &key, listener);
                self.of_service(id, &reader, route, (service, port))
            }
            RouteBackend::Gateway { gateway, arn, port, props } => {
                let reader =
                    PropsReader::new(self.context, route, props.as_deref(), "Gateway", gateway, listener);
                self.of_gateway(id, &reader, route, (gateway, arn, *port))
            }
            RouteBackend::TargetGroup { .. } => {
                Err(Origin::object(&self.context.object).error("no settings").into())
            }
        }
    }

    fn of_service(
        &self,
        id: &ResourceId,
        reader: &PropsReader<'_, 'a>,
        route: &'a Route<'a>,
        (service, port): (&'a Service, &'a ServicePort),
    ) -> Result<TargetGroupSettings<'a>, BuildError> {
        let target_type = reader.target_type()?;
        let protocol = reader.protocol()?;
        let protocol_version = reader.protocol_version(Some(port));
        let is_instance = target_type == TargetType::Instance;
        let infrastructure = self.context.view.gateway.spec.infrastructure.as_ref();
        let backend = ServiceBackend {
            service,
            port,
            service_port: crate::api::IntOrString::Int(port.port),
            naming: TargetGroupNaming::Gateway {
                gateway: self.context.view.key,
                route: &route.id,
                given: reader.props.target_group_name.clone().filter(|name| !name.is_empty()),
            },
            node_selector: reader.props.node_selector.clone().filter(|_| is_instance),
            multi_cluster: reader.props.enable_multi_cluster.unwrap_or_default(),
            source_ranges: self.context.view.load_balancer().source_ranges.clone().unwrap_or_default(),
            origin: reader.origin.clone(),
            ip_address_type_key: "spec.ipAddressType of a LoadBalancerConfiguration".to_owned(),
            labels: infrastructure.map(|found| found.labels.clone()).unwrap_or_default(),
            annotations: infrastructure.map(|found| found.annotations.clone()).unwrap_or_default(),
        };
        backend.target_group_port(&target_type)?;
        backend.address_family(self.ip_address_type)?;
        reader.check_control_port(&protocol, &target_type)?;
        Ok(TargetGroupSettings {
            id: id.clone(),
            health_check: reader.health_check(
                Some((service, port)),
                &target_type,
                &protocol,
                protocol_version,
            )?,
            attributes: reader.attributes()?,
            tags: reader.tags()?,
            target_control_port: None,
            named_control_port: reader.props.target_control_port,
            backend: Backend::Service(Box::new(backend)),
            target_type,
            protocol,
            protocol_version,
        })
    }

    fn of_gateway(
        &self,
        id: &ResourceId,
        reader: &PropsReader<'_, 'a>,
        route: &'a Route<'a>,
        (gateway, arn, port): (&'a ObjectKey, &'a str, i32),
    ) -> Result<TargetGroupSettings<'a>, BuildError> {
        let (target_type, protocol) = (TargetType::Alb, reader.protocol()?);
        reader.check_control_port(&protocol, &target_type)?;
        let backend = LoadBalancerBackend {
            load_balancer: Ref::from(arn),
            naming: LoadBalancerNaming::Gateway {
                gateway: self.context.view.key,
                route: &route.id,
                backend: gateway,
                given: reader.props.target_group_name.clone().filter(|name| !name.is_empty()),
            },
            port,
            listener_port: port,
        };
        Ok(TargetGroupSettings {
            id: id.clone(),
            health_check: reader.health_check_of_alb(port),
            attributes: reader.attributes()?,
            tags: reader.tags()?,
            target_control_port: None,
            named_control_port: reader.props.target_control_port,
            backend: Backend::LoadBalancer(backend),
            target_type,
            protocol,
            protocol_version: None,
        })
    }
}

/// What is said of instances behind a QUIC listener.
pub const QUIC_NEEDS_IP: &str = "QUIC works only with target type ip";

/// Why a target group of a controller's load balancers has not this protocol. The text is upstream's.
pub fn wrong_protocol(controller: Controller, given: TargetProtocol) -> String {
    let allowed = match controller {
        Controller::Alb => "HTTP, HTTPS",
        Controller::Nlb => "TCP, TLS, UDP, TCP_UDP",
    };
    format!("backend protocol must be within [{allowed}]: {given}")
}

/// Why a target group has no target control port. The texts are upstream's.
pub fn control_port_problem(protocol: &Protocol, target_type: &TargetType) -> Option<String> {
    if !matches!(protocol, Protocol::Http | Protocol::Https) {
        let problem =
            format!("target control port is only supported for HTTP and HTTPS protocols, got: {protocol}");
        return Some(problem);
    }
    match target_type {
        TargetType::Instance => {
            Some("target control port is not supported for instance target target group".to_owned())
        }
        TargetType::Alb => {
            Some("target control port is not supported for ALB target target group".to_owned())
        }
        _ => None,
    }
}

/// What is wrong, as the condition of a route says it.
fn text(finding: &Finding) -> String {
    match &finding.hint {
        Some(hint) => format!("{}; {hint}", finding.message),
        None => finding.message.clone(),
    }
}

/// Settings of one target group, as TargetGroupConfigurations say them.
struct PropsReader<'c, 'a> {
    context: &'c GatewayContext<'a>,
    route: &'a Route<'a>,
    props: TargetGroupProps,
    listener: Protocol,
    origin: Origin,
}

impl<'c, 'a> PropsReader<'c, 'a> {
    fn new(
        context: &'c GatewayContext<'a>,
        route: &'a Route<'a>,
        props: Option<&TargetGroupProps>,
        kind: &'static str,
        backend: &ObjectKey,
        listener: &Protocol,
    ) -> Self {
        let object =
            ObjectRef { kind, namespace: backend.namespace().to_owned(), name: backend.name().to_owned() };
        let (props, listener) = (props.cloned().unwrap_or_default(), listener.clone());
        Self { context, route, props, listener, origin: Origin::object(&object) }
    }

    fn target_type(&self) -> Result<TargetType, BuildError> {
        let given = self.props.target_type.map(<&str>::from).map(TargetType::from);
        let target_type = given.unwrap_or_else(|| self.context.config.default_target_type.clone());
        if target_type == TargetType::Ip && !self.context.config.features.enable_ip_target_type {
            let message = "target type ip is not available while feature gate EnableIPTargetType is off";
            return Err(self.origin.error(message).into());
        }
        let is_quic = matches!(self.listener, Protocol::Quic | Protocol::TcpQuic);
        if is_quic && target_type == TargetType::Instance {
            return Err(self.origin.error(QUIC_NEEDS_IP).into());
        }
        Ok(target_type)
    }

    fn protocol(&self) -> Result<Protocol, BuildError> {
        let given = self.props.protocol;
        match (self.context.view.controller, &self.listener) {
            (Controller::Alb, _) => match given {
                None | Some(TargetProtocol::Http) => Ok(Protocol::Http),
                Some(TargetProtocol::Https) => Ok(Protocol::Https),
                Some(other) => Err(self.wrong_protocol(other)),
            },
            (Controller::Nlb, Protocol::TcpUdp | Protocol::Quic | Protocol::TcpQuic) => {
                Ok(self.listener.clone())
            }
            (Controller::Nlb, _) => match given {
                Some(wrong @ (TargetProtocol::Http | TargetProtocol::Https)) => {
                    Err(self.wrong_protocol(wrong))
                }
                Some(given) => Ok(Protocol::from(<&str>::from(given))),
                None => Ok(self.protocol_of_route()),
            },
        }
    }

    /// why TCP for TLS that ends at the targets: AWS refuses a TLS target group behind a TCP listener, so that upstream never
    /// has one
    fn protocol_of_route(&self) -> Protocol {
        match (self.route.id.kind, &self.listener) {
            (RouteKind::Udp, _) => Protocol::Udp,
            // why unless strict: upstream encrypts what it has just decrypted, for targets that Gateway API has speak in the clear
            (RouteKind::Tls, Protocol::Tls) if !self.context.view.options.strict => Protocol::Tls,
            _ => Protocol::Tcp,
        }
    }

    fn wrong_protocol(&self, given: TargetProtocol) -> BuildError {
        self.origin.error(wrong_protocol(self.context.view.controller, given)).into()
    }

    fn protocol_version(&self, port: Option<&ServicePort>) -> Option<&'static str> {
        if self.context.view.controller == Controller::Nlb {
            return None;
        }
        if self.listener != Protocol::Https {
            return Some("HTTP1");
        }
        let given: Option<ProtocolVersion> = self.props.protocol_version;
        let by_port = port.and_then(|port| port.app_protocol.as_deref()) == Some("kubernetes.io/h2c");
        Some(match given {
            Some(given) => given.into(),
            None if self.route.id.kind == RouteKind::Grpc => "GRPC",
            None if by_port => "HTTP2",
            None => "HTTP1",
        })
    }

    fn check_control_port(&self, protocol: &Protocol, target_type: &TargetType) -> Result<(), BuildError> {
        let is_given = self.props.target_control_port.is_some();
        match control_port_problem(protocol, target_type).filter(|_| is_given) {
            Some(problem) => Err(self.origin.error(problem).into()),
            None => Ok(()),
        }
    }

    fn attributes(&self) -> Result<crate::aws_api::Attributes, BuildError> {
        let attributes = super::attributes(self.props.target_group_attributes.as_deref());
        check_attributes(&attributes, &self.origin)?;
        Ok(attributes)
    }

    fn tags(&self) -> Result<crate::aws_api::Tags, BuildError> {
        let given = self.props.tags.clone().unwrap_or_default();
        tags::check(&given, &self.origin, self.context.config)?;
        Ok(tags::merge(&given, self.context.config))
    }

    fn health_check(
        &self,
        backend: Option<(&'a Service, &'a ServicePort)>,
        target_type: &TargetType,
        protocol: &Protocol,
        version: Option<&'static str>,
    ) -> Result<HealthCheck, BuildError> {
        let given = self.props.health_check_config.clone().unwrap_or_default();
        let port = match (given.health_check_port.as_deref(), backend) {
            (Some(port), Some((service, _))) => {
                let given = Sourced::new(port, self.origin.clone());
                Some(resolve_port(&given, service, target_type, |port| ports::find(service, port))?)
            }
            (port, _) => port.map(str::to_owned),
        };
        let is_grpc = version == Some("GRPC");
        let defaults = match self.local_check(backend, target_type) {
            Some(port) => local_defaults(port),
            None => self.defaults(protocol, is_grpc),
        };
        Ok(settings(&given, port, is_grpc).or(defaults))
    }

    /// The port on which nodes tell whether they have endpoints of a Service that is served by its own nodes alone.
    fn local_check(
        &self,
        backend: Option<(&Service, &ServicePort)>,
        target_type: &TargetType,
    ) -> Option<i32> {
        let spec = backend?.0.spec.as_ref()?;
        let is_local = spec.external_traffic_policy.as_deref() == Some("Local");
        let is_nlb = self.context.view.controller == Controller::Nlb;
        // why not 0: a Service of type NodePort has no such port, and AWS would refuse it
        let port = spec.health_check_node_port.filter(|port| *port > 0);
        port.filter(|_| is_local && is_nlb && *target_type == TargetType::Instance)
    }

    fn defaults(&self, protocol: &Protocol, is_grpc: bool) -> HealthCheckDefaults {
        let is_alb = self.context.view.controller == Controller::Alb;
        HealthCheckDefaults {
            protocol: if is_alb { protocol.clone() } else { Protocol::Tcp },
            path: if is_grpc { "/AWS.ALB/healthcheck" } else { "/" },
            success_codes: if is_grpc { SuccessCodes::Grpc("12") } else { SuccessCodes::Http("200-399") },
            ..nlb_defaults()
        }
    }

    /// The health check of an ALB behind the NLB.
    fn health_check_of_alb(&self, port: i32) -> HealthCheck {
        let given = self.props.health_check_config.clone().unwrap_or_default();
        let checked = given.health_check_port.as_deref().filter(|given| *given != TRAFFIC_PORT);
        let checked = checked.map(|_| port.to_string());
        let defaults =
            HealthCheckDefaults { protocol: Protocol::Http, ..self.defaults(&Protocol::Tcp, false) };
        settings(&given, checked, false).or(defaults)
    }
}

fn settings(given: &HealthCheckConfig, port: Option<String>, is_grpc: bool) -> HealthCheckSettings {
    let matcher = given.matcher.as_ref();
    let codes = matcher
        .and_then(|matcher| if is_grpc { matcher.grpc_code.clone() } else { matcher.http_code.clone() });
    HealthCheckSettings {
        port,
        protocol: given.health_check_protocol.map(|protocol| Protocol::from(<&str>::from(protocol))),
        path: given.health_check_path.clone(),
        success_codes: codes,
        interval_seconds: given.health_check_interval,
        timeout_seconds: given.health_check_timeout,
        healthy_threshold: given.healthy_threshold_count,
        unhealthy_threshold: given.unhealthy_threshold_count,
    }
}

/// Adds the share of a target group. One that is there already gets both: AWS takes each target group of an action once.
pub(super) fn add_share(tuples: &mut Vec<TargetGroupTuple>, target_group: Ref, weight: Option<i32>) {
    match tuples.iter_mut().find(|tuple| tuple.target_group == target_group) {
        Some(tuple) => {
            tuple.weight = tuple.weight.zip(weight).map(|(one, other)| one.saturating_add(other));
        }
        None => tuples.push(TargetGroupTuple { target_group, weight }),
    }
}

fn nlb_defaults() -> HealthCheckDefaults {
    HealthCheckDefaults {
        port: TRAFFIC_PORT.to_owned(),
        protocol: Protocol::Tcp,
        path: "/",
        success_codes: SuccessCodes::Http("200-399"),
        interval_seconds: 15,
        timeout_seconds: 5,
        healthy_threshold: 3,
        unhealthy_threshold: 3,
    }
}

fn local_defaults(port: i32) -> HealthCheckDefaults {
    HealthCheckDefaults {
        port: port.to_string(),
        protocol: Protocol::Http,
        path: "/healthz",
        success_codes: SuccessCodes::Http("200-399"),
        interval_seconds: 10,
        timeout_seconds: 6,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
    }
}
