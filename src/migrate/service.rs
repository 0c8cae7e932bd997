//! Services of type LoadBalancer: Gateways with NLBs.
//!
//! What a Service asks for is taken from the load balancer that the controller builds of it, so older forms of annotations come out as the
//! fields that they mean. What names things in AWS is taken from the annotations.

use super::names::Names;
use super::objects::{
    self, GatewayFields, Listener, ListenerParent, MIGRATED_FROM, attributes, configured, gateway, put, route,
};
use super::{Migration, MigrationInput, MigrationOptions, Source};
use crate::admission::dry_build::{build_with_answers, completed};
use crate::admission::permissive_facts::{KnownServices, PermissiveAws};
use crate::annotations::{Annotations, NLB_PREFIX, service as keys};
use crate::api::{IntOrString, ObjectKey, Service};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, HealthCheck, ListenerAction, Protocol};
use crate::builder;
use crate::config::Config;
use crate::facts::Facts;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::model::{LOAD_BALANCER_ID, Stack};
use serde_json::{Map as Fields, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Adds what Services become.
pub fn add(
    input: &MigrationInput,
    options: MigrationOptions,
    config: &Config,
    names: &mut Names,
    migration: &mut Migration,
    errors: &mut Vec<String>,
) {
    let known = known_services(input);
    let before = migration.gateways.len();
    for service in &input.services {
        let key = ObjectKey::of(&**service);
        let is_balanced =
            service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
        if !is_balanced {
            continue;
        }
        let object = object(&key);
        if !is_ours(service, config) {
            let problem = "is of type LoadBalancer, but not this controller's: it is left alone";
            let hint = format!("set spec.loadBalancerClass: {}", config.load_balancer_class);
            migration.notes.add(Finding::warning(&object, problem).at("spec.loadBalancerClass").hint(hint));
            continue;
        }
        match stack_of(service, &known, config) {
            Ok(stack) => {
                ServicePrinter {
                    service,
                    key,
                    stack,
                    config,
                    names: &mut *names,
                    migration: &mut *migration,
                }
                .print(options);
            }
            Err(problem) => errors.push(format!("service {key}: {problem}")),
        }
    }
    if migration.gateways.len() > before {
        migration.classes.push(objects::class(Controller::Nlb));
    }
}

fn known_services(input: &MigrationInput) -> Arc<KnownServices> {
    let one = |service: &Arc<Service>| {
        let key = ObjectKey::of(&**service);
        ((key.namespace().to_owned(), key.name().to_owned()), Arc::new(completed(service)))
    };
    Arc::new(input.services.iter().map(one).collect())
}

fn object(key: &ObjectKey) -> ObjectRef {
    ObjectRef { kind: "Service", namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

fn is_ours(service: &Service, config: &Config) -> bool {
    let class = service.spec.as_ref().and_then(|spec| spec.load_balancer_class.as_deref());
    let kind = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref()).string(keys::TYPE);
    match class {
        Some(class) => class == config.load_balancer_class,
        None => matches!(kind, Some("external" | "nlb-ip")),
    }
}

/// What today's controller makes of a Service. Errors: why nothing.
pub(super) fn stack_of(
    service: &Service,
    known: &Arc<KnownServices>,
    config: &Config,
) -> Result<Stack, String> {
    let service = completed(service);
    let aws = PermissiveAws::for_service(&service).with_known_services(known);
    let built =
        build_with_answers(&aws, config, |facts: &Facts| builder::service::build(&service, facts, config));
    let built = built.map_err(|finding| format!("today's controller does not build it: {finding}"))?;
    built.map(|built| built.stack).ok_or_else(|| "cannot be built without its cluster".to_owned())
}

struct ServicePrinter<'a> {
    service: &'a Arc<Service>,
    key: ObjectKey,
    stack: Stack,
    config: &'a Config,
    names: &'a mut Names,
    migration: &'a mut Migration,
}

/// A route of a listener.
struct Printed {
    kind: &'static str,
    key: ObjectKey,
    /// Target groups behind it, by id.
    target_groups: Vec<String>,
}

/// A route and the settings of a target group behind it.
type RouteProps<'r> = (&'r Printed, Fields<String, Value>);

impl ServicePrinter<'_> {
    fn print(mut self, options: MigrationOptions) {
        let origin = format!("service/{}", self.key);
        let namespace = self.key.namespace().to_owned();
        let mut take = |kind, suffix: &str| {
            self.names.take(kind, &namespace, (self.key.name(), suffix), &format!("{origin} {suffix}"))
        };
        let gateway_key = self.key.sibling(take("Gateway", "gateway"));
        let configuration = self.key.sibling(take("LoadBalancerConfiguration", "lb-config"));
        let spec = self.load_balancer(&origin);
        let mut listeners = Vec::new();
        let mut routes = Vec::new();
        let all: Vec<_> = self.stack.listeners.values().cloned().collect();
        for listener in &all {
            for (protocol, kind) in listeners_of(&listener.protocol) {
                let found = Listener { port: listener.port, protocol: (*protocol).to_owned() };
                let parent = ListenerParent { gateway: gateway_key.clone(), section: found.section() };
                listeners.push((found, self.secrets(listener)));
                routes.extend(self.route(kind, protocol, listener, &parent));
            }
        }
        let fields = GatewayFields {
            controller: Controller::Nlb,
            listeners,
            configuration: Some(configuration.name()),
            from_all: false,
            is_dry_run: options.is_dry_run,
        };
        let object = gateway(&gateway_key, &fields);
        self.migration.load_balancers.push(configured("LoadBalancerConfiguration", &configuration, &spec));
        self.migration.gateways.push(object);
        self.target_groups(&routes, &origin);
        self.migration.sources.push((gateway_key, Source::Service(self.service.clone())));
    }

    fn annotations(&self) -> Annotations<'_> {
        Annotations::new(NLB_PREFIX, self.service.metadata.annotations.as_ref())
    }

    fn load_balancer(&self, origin: &str) -> Fields<String, Value> {
        let annotations = self.annotations();
        let text = |suffix| annotations.string(suffix).filter(|text| !text.is_empty()).map(str::to_owned);
        let list = |suffix| annotations.list(suffix).unwrap_or_default();
        let boolean = |suffix| annotations.boolean(suffix).ok().flatten();
        let mut spec = Fields::new();
        put(&mut spec, "loadBalancerName", text(keys::NAME));
        if let Some(found) = self.stack.load_balancers.get(&LOAD_BALANCER_ID.into()) {
            let says_scheme = text(keys::SCHEME).is_some() || text(keys::INTERNAL).is_some();
            put(&mut spec, "scheme", says_scheme.then(|| found.scheme.as_str().to_owned()));
            put(
                &mut spec,
                "ipAddressType",
                text(keys::IP_ADDRESS_TYPE).map(|_| found.ip_address_type.as_str().to_owned()),
            );
            put(&mut spec, "loadBalancerAttributes", attributes(&found.attributes));
            put(
                &mut spec,
                "minimumLoadBalancerCapacity",
                found.minimum_capacity_units.map_or(Value::Null, |units| json!({"capacityUnits": units})),
            );
        }
        put(&mut spec, "loadBalancerSubnets", self.subnets());
        put(&mut spec, "securityGroups", list(keys::SECURITY_GROUPS));
        put(&mut spec, "securityGroupPrefixes", list(keys::PREFIX_LISTS));
        let of_spec = self.service.spec.as_ref().and_then(|spec| spec.load_balancer_source_ranges.clone());
        put(
            &mut spec,
            "sourceRanges",
            of_spec.filter(|ranges| !ranges.is_empty()).unwrap_or_else(|| list(keys::SOURCE_RANGES)),
        );
        put(&mut spec, "manageBackendSecurityGroupRules", boolean(keys::MANAGE_BACKEND_RULES));
        put(&mut spec, "disableSecurityGroup", boolean(keys::DISABLE_SECURITY_GROUPS).filter(|is_on| *is_on));
        put(&mut spec, "enableICMP", text(keys::ICMP_PATH_MTU).filter(|text| text == "on").map(|_| true));
        put(
            &mut spec,
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
            text(keys::PRIVATE_LINK_INBOUND),
        );
        put(&mut spec, "listenerConfigurations", self.listener_configurations());
        put(&mut spec, "tags", self.tags(origin));
        spec
    }

    fn tags(&self, origin: &str) -> Value {
        let mut tags = self.annotations().map(keys::TAGS).ok().flatten().unwrap_or_default();
        tags.insert(MIGRATED_FROM.to_owned(), origin.to_owned());
        json!(tags)
    }

    /// Subnets with the addresses in them, as the annotations list them.
    fn subnets(&self) -> Vec<Value> {
        let list = |suffix| self.annotations().list(suffix).unwrap_or_default();
        let columns = [
            ("identifier", list(keys::SUBNETS)),
            ("eipAllocation", list(keys::EIP_ALLOCATIONS)),
            ("privateIPv4Allocation", list(keys::PRIVATE_IPV4_ADDRESSES)),
            ("ipv6Allocation", list(keys::IPV6_ADDRESSES)),
            ("sourceNatIPv6Prefix", list(keys::SOURCE_NAT_PREFIXES)),
        ];
        let count = columns.iter().map(|(_, column)| column.len()).max().unwrap_or_default();
        let is_nat = self.annotations().string(keys::SOURCE_NAT) == Some("on");
        let row = |at: usize| {
            let mut subnet = Fields::new();
            for (field, column) in &columns {
                put(&mut subnet, field, column.get(at).cloned());
            }
            if is_nat {
                subnet.entry("sourceNatIPv6Prefix").or_insert_with(|| json!("auto_assigned"));
            }
            Value::Object(subnet)
        };
        (0..count).map(row).collect()
    }

    /// The Secrets with certificates of a listener.
    fn secrets(&self, listener: &crate::model::Listener) -> Vec<ObjectKey> {
        let is_read = self.config.features.secret_certificates && listener.protocol == Protocol::Tls;
        let named = self.annotations().list(keys::SSL_SECRET).filter(|_| is_read).unwrap_or_default();
        named.into_iter().map(|name| self.key.sibling(name)).collect()
    }

    fn listener_configurations(&self) -> Vec<Value> {
        let by_arn = self.annotations().list(keys::SSL_CERT).unwrap_or_default();
        let says_policy = self.annotations().string(keys::SSL_POLICY).is_some();
        let configured = self.stack.listeners.values().filter_map(|listener| {
            let mut fields = Fields::new();
            let arns = listener.certificates.iter().map(ToString::to_string);
            // why: the others are of Secrets, which the listener names itself
            let arns: Vec<String> = arns.filter(|arn| by_arn.contains(arn)).collect();
            put(&mut fields, "defaultCertificate", arns.first().cloned());
            put(&mut fields, "certificates", arns.into_iter().skip(1).collect::<Vec<_>>());
            put(&mut fields, "sslPolicy", listener.ssl_policy.clone().filter(|_| says_policy));
            put(
                &mut fields,
                "alpnPolicy",
                listener.alpn_policy.first().filter(|policy| *policy != "None").cloned(),
            );
            put(&mut fields, "listenerAttributes", attributes(&listener.attributes));
            let sticky =
                forward_of(&listener.default_actions).and_then(|forward| forward.stickiness.as_ref());
            put(&mut fields, "targetGroupStickiness", sticky.and_then(|sticky| sticky.enabled));
            let is_quic = matches!(listener.protocol, Protocol::Quic | Protocol::TcpQuic);
            put(&mut fields, "quicEnabled", is_quic.then_some(true));
            if fields.is_empty() {
                return None;
            }
            let protocol = match &listener.protocol {
                Protocol::Quic => "UDP",
                Protocol::TcpQuic => "TCP_UDP",
                other => other.as_str(),
            };
            put(&mut fields, "protocolPort", format!("{protocol}:{}", listener.port));
            Some(Value::Object(fields))
        });
        configured.collect()
    }

    /// The route of a listener, with what is behind it.
    fn route(
        &mut self,
        kind: &'static str,
        protocol: &str,
        listener: &crate::model::Listener,
        parent: &ListenerParent,
    ) -> Option<Printed> {
        let forward = forward_of(&listener.default_actions)?;
        let is_alone = forward.target_groups.len() == 1;
        let mut target_groups = Vec::new();
        let mut backends = Vec::new();
        for target in &forward.target_groups {
            let mut backend = Fields::new();
            match &target.target_group {
                Ref::Pending(symbol) => {
                    let binding = self.stack.bindings.get(&symbol.id.as_str().into())?;
                    put(&mut backend, "name", binding.service_name.as_str());
                    put(
                        &mut backend,
                        "port",
                        match &binding.service_port {
                            IntOrString::Int(port) => json!(port),
                            IntOrString::String(_) => Value::Null,
                        },
                    );
                    target_groups.push(symbol.id.clone());
                }
                Ref::Known(arn) => {
                    let name = arn
                        .split_once("targetgroup/")
                        .map_or(arn.as_str(), |(_, rest)| rest.split('/').next().unwrap_or(rest));
                    put(&mut backend, "kind", "TargetGroupName");
                    put(&mut backend, "name", name);
                }
            }
            put(&mut backend, "weight", target.weight.filter(|_| !is_alone));
            backends.push(Value::Object(backend));
        }
        let suffix = format!("{}-route-{}", protocol.to_lowercase(), listener.port);
        let purpose = format!("service {} {suffix}", self.key);
        let key = self.key.sibling(self.names.take(
            kind,
            self.key.namespace(),
            (self.key.name(), &suffix),
            &purpose,
        ));
        self.migration.routes.push(route(
            kind,
            &key,
            std::slice::from_ref(parent),
            &[],
            vec![json!({"backendRefs": backends})],
        ));
        Some(Printed { kind, key, target_groups })
    }

    /// Settings of the target groups, by Service and route.
    fn target_groups(&mut self, routes: &[Printed], origin: &str) {
        let mut by_service: BTreeMap<ObjectKey, Vec<RouteProps<'_>>> = BTreeMap::new();
        for route in routes {
            for id in &route.target_groups {
                let Some(binding) = self.stack.bindings.get(&id.as_str().into()) else { continue };
                let service =
                    ObjectKey::namespaced(binding.namespace.as_str(), binding.service_name.as_str());
                by_service.entry(service).or_default().push((route, self.props(id, origin)));
            }
        }
        for (service, entries) in by_service {
            let name = self.names.take(
                "TargetGroupConfiguration",
                service.namespace(),
                (service.name(), "tg-config"),
                &service.to_string(),
            );
            let key = service.sibling(name);
            let of_route = |(route, props): &RouteProps<'_>| {
                let identifier =
                    json!({"kind": route.kind, "namespace": route.key.namespace(), "name": route.key.name()});
                json!({"routeIdentifier": identifier, "targetGroupProps": props})
            };
            let listed: Vec<Value> = entries.iter().map(of_route).collect();
            if let Some(known) = self.migration.target_group_of(&key) {
                known.extend(listed);
                continue;
            }
            let mut spec = Fields::new();
            put(&mut spec, "targetReference", json!({"name": service.name()}));
            match entries.split_first() {
                Some(((_, first), others)) if others.iter().all(|(_, props)| props == first) => {
                    put(&mut spec, "defaultConfiguration", first.clone());
                }
                _ => put(&mut spec, "routeConfigurations", listed),
            }
            self.migration.target_groups.push(configured("TargetGroupConfiguration", &key, &spec));
        }
    }

    fn props(&self, id: &str, origin: &str) -> Fields<String, Value> {
        let mut props = Fields::new();
        let Some(found) = self.stack.target_groups.get(&id.into()) else { return props };
        let binding = self.stack.bindings.get(&id.into());
        let is_default = found.target_type == self.config.default_target_type;
        put(&mut props, "targetType", (!is_default).then(|| found.target_type.as_str().to_owned()));
        let is_plain = matches!(found.protocol, Protocol::Tcp | Protocol::Tls);
        put(&mut props, "protocol", is_plain.then(|| found.protocol.as_str().to_owned()));
        put(&mut props, "targetGroupAttributes", attributes(&found.attributes));
        put(
            &mut props,
            "nodeSelector",
            binding
                .and_then(|binding| binding.node_selector.as_ref())
                .map(|labels| json!(labels))
                .unwrap_or_default(),
        );
        put(&mut props, "enableMultiCluster", binding.filter(|binding| binding.multi_cluster).map(|_| true));
        put(
            &mut props,
            "healthCheckConfig",
            found.health_check.as_ref().map(health_check).unwrap_or_default(),
        );
        put(&mut props, "tags", self.tags(origin));
        props
    }
}

fn health_check(check: &HealthCheck) -> Fields<String, Value> {
    let mut fields = Fields::new();
    put(&mut fields, "healthCheckPort", check.port.clone());
    put(
        &mut fields,
        "healthCheckProtocol",
        check.protocol.as_ref().map(|protocol| protocol.as_str().to_owned()),
    );
    put(&mut fields, "healthCheckPath", check.path.clone());
    put(&mut fields, "healthCheckInterval", check.interval_seconds);
    put(&mut fields, "healthCheckTimeout", check.timeout_seconds);
    put(&mut fields, "healthyThresholdCount", check.healthy_threshold);
    put(&mut fields, "unhealthyThresholdCount", check.unhealthy_threshold);
    let code = check.matcher.as_ref().and_then(|matcher| matcher.http_code.clone());
    put(&mut fields, "matcher", code.map_or(Value::Null, |code| json!({"httpCode": code})));
    fields
}

fn forward_of(actions: &[ListenerAction]) -> Option<&ForwardAction> {
    actions.iter().find_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    })
}

/// Listeners of a Gateway that together are one of an NLB, and the routes that attach to them.
fn listeners_of(protocol: &Protocol) -> &'static [(&'static str, &'static str)] {
    match protocol {
        Protocol::Tls => &[("TLS", "TCPRoute")],
        Protocol::Udp | Protocol::Quic => &[("UDP", "UDPRoute")],
        Protocol::TcpUdp | Protocol::TcpQuic => &[("TCP", "TCPRoute"), ("UDP", "UDPRoute")],
        _ => &[("TCP", "TCPRoute")],
    }
}
