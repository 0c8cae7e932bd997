//! The generated objects as the API server would hold them, and what a build makes of them.

use crate::admission::dry_build::{build_with_answers, completed};
use crate::admission::permissive_facts::{KnownServices, PermissiveAws};
use crate::api::gateway::{
    Gateway, GatewayClass, GatewayClassStatus, HttpPathMatch, HttpRoute, HttpRouteMatch, PathMatchType,
    ReferenceGrant, TcpRoute, UdpRoute,
};
use crate::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use crate::api::{Condition, Namespace, ObjectKey, ObjectMeta, Service, Time};
use crate::builder;
use crate::builder::gateway::BuiltGateway;
use crate::config::Config;
use crate::facts::{Facts, Lookup};
use crate::gateway::attachment::{Offer, attach, by_port, undecided_ports};
use crate::gateway::backends::load;
use crate::gateway::certificate_refs;
use crate::gateway::config::{self, resolve};
use crate::gateway::cost::put_aside;
use crate::gateway::listener_sets::sort;
use crate::gateway::listeners::judge;
use crate::gateway::route::Route;
use crate::gateway::status::rule_configuration_status;
use crate::gateway::{Cluster, Controller, GatewayOptions, NamespaceSource};
use crate::migrate::{Migration, MigrationInput};
use crate::settings::gateway::{AddOns, GatewayView};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

type ObjectsByKey<K> = BTreeMap<ObjectKey, Arc<K>>;

/// The generated objects.
pub(in crate::migrate) struct GeneratedObjects {
    gateways: ObjectsByKey<Gateway>,
    grants: Vec<Arc<ReferenceGrant>>,
    load_balancers: ObjectsByKey<LoadBalancerConfiguration>,
    target_groups: ObjectsByKey<TargetGroupConfiguration>,
    rules: ObjectsByKey<ListenerRuleConfiguration>,
    http: BTreeMap<ObjectKey, Vec<Arc<HttpRoute>>>,
    tcp: BTreeMap<ObjectKey, Vec<Arc<TcpRoute>>>,
    udp: BTreeMap<ObjectKey, Vec<Arc<UdpRoute>>>,
    /// Services of the input, as the API server stores them.
    pub services: Arc<KnownServices>,
}

fn read<'v, K>(values: impl Iterator<Item = &'v Value>, kind: &str) -> Vec<Arc<K>>
where
    K: DeserializeOwned,
{
    let own = values.filter(|value| value.get("kind").and_then(Value::as_str) == Some(kind));
    own.filter_map(|value| serde_json::from_value(value.clone()).ok().map(Arc::new)).collect()
}

fn by_key<K: kube::Resource>(objects: Vec<Arc<K>>) -> ObjectsByKey<K> {
    objects.into_iter().map(|object| (ObjectKey::of(&*object), object)).collect()
}

/// Routes by the Gateways that they name.
fn by_gateway<K: kube::Resource>(
    routes: Vec<Arc<K>>,
    parents: impl Fn(&K) -> &[crate::api::gateway::ParentReference],
) -> BTreeMap<ObjectKey, Vec<Arc<K>>> {
    let mut all: BTreeMap<ObjectKey, Vec<Arc<K>>> = BTreeMap::new();
    for route in routes {
        let own = ObjectKey::of(&*route);
        for parent in parents(&route) {
            let namespace = parent.namespace.as_deref().unwrap_or(own.namespace());
            let of_gateway = all.entry(ObjectKey::namespaced(namespace, parent.name.as_str())).or_default();
            if !of_gateway.iter().any(|known| ObjectKey::of(&**known) == own) {
                of_gateway.push(route.clone());
            }
        }
    }
    all
}

/// A route with the defaults that the API server fills in.
fn defaulted(mut route: HttpRoute) -> HttpRoute {
    let any = || HttpPathMatch { type_: Some(PathMatchType::PathPrefix), value: Some("/".to_owned()) };
    for rule in &mut route.spec.rules {
        if rule.matches.is_empty() {
            rule.matches.push(HttpRouteMatch::default());
        }
        rule.matches.iter_mut().for_each(|found| {
            found.path.get_or_insert_with(any);
        });
    }
    route
}

/// A Service as the API server stores it.
///
/// why with node ports in any case: whether targets can be instances is the same question on both sides, and no difference
fn stored(service: &Service) -> Service {
    let mut service = service.clone();
    if let Some(spec) = service.spec.as_mut()
        && matches!(spec.type_.as_deref(), None | Some("ClusterIP"))
    {
        spec.type_ = Some("NodePort".to_owned());
    }
    completed(&service)
}

/// A configuration as the controller takes it, or not.
fn judged(mut rule: ListenerRuleConfiguration) -> ListenerRuleConfiguration {
    rule.status = rule_configuration_status(&rule, None);
    rule
}

impl GeneratedObjects {
    pub fn of(migration: &Migration, input: &MigrationInput) -> Self {
        let routes: Vec<Arc<HttpRoute>> = read(migration.routes.iter(), "HTTPRoute");
        let routes =
            routes.into_iter().map(|route| Arc::new(defaulted(Arc::unwrap_or_clone(route)))).collect();
        let services = input.services.iter().map(|service| {
            let key = ObjectKey::of(&**service);
            ((key.namespace().to_owned(), key.name().to_owned()), Arc::new(stored(service)))
        });
        let rules: Vec<Arc<ListenerRuleConfiguration>> =
            read(migration.rules.values(), "ListenerRuleConfiguration");
        let rules = rules.into_iter().map(|rule| Arc::new(judged(Arc::unwrap_or_clone(rule)))).collect();
        Self {
            gateways: by_key(read(migration.gateways.iter(), "Gateway")),
            grants: read(migration.grants.iter(), "ReferenceGrant"),
            load_balancers: by_key(read(migration.load_balancers.iter(), "LoadBalancerConfiguration")),
            target_groups: by_key(read(migration.target_groups.iter(), "TargetGroupConfiguration")),
            rules: by_key(rules),
            http: by_gateway(routes, |route| &route.spec.parent_refs),
            tcp: by_gateway(read(migration.routes.iter(), "TCPRoute"), |route: &TcpRoute| {
                &route.spec.parent_refs
            }),
            udp: by_gateway(read(migration.routes.iter(), "UDPRoute"), |route: &UdpRoute| {
                &route.spec.parent_refs
            }),
            services: Arc::new(services.collect()),
        }
    }

    /// What a Gateway comes to. Errors: why it comes to nothing.
    pub fn build(
        &self,
        key: &ObjectKey,
        controller: Controller,
        aws: &PermissiveAws,
        config: &Config,
    ) -> Result<BuiltGateway, String> {
        let gateway = self.gateways.get(key).ok_or_else(|| format!("Gateway {key} cannot be read"))?;
        let features = &config.features;
        let options = GatewayOptions {
            strict: features.gateway_api_strict,
            listener_sets: features.gateway_listener_set,
            secret_certificates: features.secret_certificates,
        };
        let cluster = WithServices { world: self, aws, config };
        let merged =
            resolve(&accepted(controller), gateway, &cluster, options).map_err(|error| error.to_string())?;
        let sets = sort(gateway, std::iter::empty(), &cluster, options);
        let mut judged = judge(gateway, &sets.accepted, controller, options);
        let certificate_refs = certificate_refs::resolve(&mut judged, &cluster, options);
        let offer = Offer::new(controller, judged, &sets);
        let none = Vec::new();
        let http = self.http.get(key).unwrap_or(&none).iter().map(|route| Route::from(&**route));
        let tcp = self.tcp.get(key).into_iter().flatten().map(|route| Route::from(&**route));
        let udp = self.udp.get(key).into_iter().flatten().map(|route| Route::from(&**route));
        let routes: Vec<Route<'_>> = http.chain(tcp).chain(udp).collect();
        let mut outcomes: Vec<_> =
            routes.iter().map(|route| attach(route, key, &offer, &cluster, options)).collect();
        put_aside(&routes, &mut outcomes);
        let default = merged.default_target_group.as_ref();
        let loaded: Vec<_> = routes.iter().map(|route| load(route, default, &cluster, options)).collect();
        let (ports, undecided) = (by_port(&offer, &outcomes), undecided_ports(&offer, &outcomes));
        let view = GatewayView {
            gateway,
            key,
            controller,
            config: &merged,
            offer: &offer,
            routes: &routes,
            loaded: &loaded,
            ports: &ports,
            undecided_ports: &undecided,
            certificate_refs: &certificate_refs,
            is_dry_run: false,
            options,
        };
        let build = |facts: &Facts| builder::gateway::build(view, AddOns::default(), facts, config);
        let built = build_with_answers(aws, config, build).map_err(|finding| finding.to_string())?;
        built.ok_or_else(|| format!("Gateway {key} cannot be built without its cluster"))
    }
}

/// A class of ours that is served.
fn accepted(controller: Controller) -> GatewayClass {
    let mut class = GatewayClass::default();
    controller.name().clone_into(&mut class.spec.controller_name);
    class.status = Some(GatewayClassStatus {
        conditions: vec![Condition {
            type_: "Accepted".to_owned(),
            status: "True".to_owned(),
            reason: "Accepted".to_owned(),
            message: String::new(),
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            observed_generation: None,
        }],
        ..GatewayClassStatus::default()
    });
    class
}

/// The generated objects in a cluster that has every Service they name.
struct WithServices<'w> {
    world: &'w GeneratedObjects,
    aws: &'w PermissiveAws,
    config: &'w Config,
}

impl NamespaceSource for WithServices<'_> {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Some(Arc::new(Namespace { metadata, ..Namespace::default() }))
    }
}

impl Cluster for WithServices<'_> {
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        let (namespace, name) = (key.namespace().to_owned(), key.name().to_owned());
        let mut facts = Facts::default();
        self.aws.answer(
            Lookup::Service { namespace: namespace.clone(), name: name.clone() },
            &mut facts,
            self.config,
        );
        facts.services.get(&(namespace, name))?.clone().ok()?
    }

    fn gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        self.world.gateways.get(key).cloned()
    }

    fn reference_grants(&self, namespace: &str) -> Vec<Arc<ReferenceGrant>> {
        let own = |grant: &&Arc<ReferenceGrant>| grant.metadata.namespace.as_deref() == Some(namespace);
        self.world.grants.iter().filter(own).cloned().collect()
    }

    fn load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        self.world.load_balancers.get(key).cloned()
    }

    fn target_group_configuration(&self, key: &ObjectKey) -> Option<Arc<TargetGroupConfiguration>> {
        self.world.target_groups.get(key).cloned()
    }

    fn target_group_configuration_of(
        &self,
        kind: &str,
        target: &ObjectKey,
    ) -> Option<Arc<TargetGroupConfiguration>> {
        let mut own = self
            .world
            .target_groups
            .values()
            .filter(|found| ObjectKey::of(&***found).namespace() == target.namespace());
        own.find(|found| config::target(&found.spec) == Some((kind, target.name()))).cloned()
    }

    fn listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        self.world.rules.get(key).cloned()
    }
}
