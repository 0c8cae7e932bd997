//! A cluster of many objects, as the caches hold it, and what a change of one of them costs.
//!
//! Everything lies in one namespace, so that what looks at a whole namespace shows as well as what looks at everything. Nothing is
//! watched and nobody works: what is measured is what hears of a change, and the look-ups that every reconcile makes.

use crate::{ApiServer, Options, fixtures, rig::OneName};
use aws_load_balancer_controller::{
    api::{
        EndpointSlice, Ingress, IngressClass, Namespace, Node, ObjectKey, Pod, Service, TargetGroupBinding,
    },
    cluster::{
        CacheEvent,
        binding_store::KubeBindings,
        events::recorder,
        gateway_stores::GatewayKind,
        lease::Leadership,
        stores::{EventHandler, Stores},
    },
    controller::{
        event_handlers::Classes,
        manager::{Dependencies, Manager},
    },
    deploy::{BindingStore as _, targets::rules::TargetRules},
    facts::group::load_group,
    metrics::Metrics,
    model::{Owner, StackId},
    targets::{
        networking::Permissions,
        view::{NodeView, PodView, SliceView},
    },
};
use aws_sim::Sim;
use futures::FutureExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

const NODES: usize = 10;
const NAMESPACE: &str = fixtures::NAMESPACE;
/// The gate of no binding here: what it concerns is told by its name alone.
const GATE: &str = "target-health.elbv2.k8s.aws/tgb";

/// A kind of object of which a cluster has many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Services of type LoadBalancer.
    Service,
    /// Ingresses of one path, each a group of its own.
    Ingress,
    /// TargetGroupBindings of pods, with rules of security groups.
    Binding,
    /// EndpointSlices of two pods.
    Slice,
    /// Pods with a readiness gate.
    Pod,
    /// Namespaces.
    Namespace,
    /// Gateways of one listener, for ALBs.
    Gateway,
    /// HTTPRoutes of one path, each of a Gateway of its own.
    Route,
}

/// All kinds.
pub const KINDS: [Kind; 8] = [
    Kind::Service,
    Kind::Ingress,
    Kind::Binding,
    Kind::Slice,
    Kind::Pod,
    Kind::Namespace,
    Kind::Gateway,
    Kind::Route,
];

/// Something that happens all the time: its name, and how it is done to an object of this number, for the so-manieth time.
pub type Event = (&'static str, fn(&Estate, usize, usize));

/// What happens all the time.
pub const EVENTS: [Event; 12] = [
    ("a Service's annotation changes", |estate, number, time| {
        estate.apply_service(number, &json!({"example.com/touched": time.to_string()}));
    }),
    ("an Ingress's annotation changes", |estate, number, time| {
        estate.apply_ingress(number, &time.to_string());
    }),
    ("endpoints change", |estate, number, time| estate.apply_slice(number, time)),
    ("a pod becomes ready", |estate, number, time| estate.apply_pod(number, time)),
    ("a binding changes", |estate, number, time| estate.apply_binding(number, &time.to_string())),
    ("a node becomes ready or not", |estate, number, time| estate.apply_node(number % NODES, time % 2 == 0)),
    ("labels of a Namespace change", |estate, number, time| {
        estate.apply_namespace(number, &time.to_string());
    }),
    ("a Gateway's listener changes", |estate, number, time| estate.apply_gateway(number, time)),
    ("an HTTPRoute's path changes", |estate, number, time| estate.apply_route(number, time)),
    ("a look for the members of a group", |estate, number, _| estate.look_for_group(number)),
    ("a look for the bindings of a stack", |estate, number, _| {
        assert_eq!(estate.bindings.of_stack(&stack(number)).len(), 1);
    }),
    ("a binding's rules settle", |estate, number, _| estate.settle_rules(number)),
];

/// A cluster in the caches.
pub struct Estate {
    stores: Arc<Stores>,
    manager: Manager,
    listener: Arc<dyn EventHandler>,
    bindings: KubeBindings,
    rules: TargetRules,
    /// Clients want one, although nothing is sent.
    _runtime: Runtime,
}

fn key(kind: Kind, number: usize) -> ObjectKey {
    match kind {
        Kind::Namespace => ObjectKey::cluster(format!("namespace-{number:05}")),
        Kind::Service => ObjectKey::namespaced(NAMESPACE, service(number)),
        _ => ObjectKey::namespaced(NAMESPACE, format!("object-{number:05}")),
    }
}

fn service(number: usize) -> String {
    format!("service-{number:05}")
}

fn stack(number: usize) -> StackId {
    StackId { owner: Owner::Service, namespace: NAMESPACE.to_owned(), name: service(number) }
}

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

fn metadata(kind: Kind, number: usize) -> Value {
    json!({"namespace": NAMESPACE, "name": key(kind, number).name(), "uid": number.to_string()})
}

impl Estate {
    /// A cluster with nodes, a class and nothing else.
    ///
    /// # Panics
    /// If there is no runtime to be had.
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let entered = runtime.enter();
        let Options { config, workers, audit, world, .. } = Options::default();
        let (config, metrics) = (Arc::new(config), Arc::new(Metrics::new()));
        let client = ApiServer::default().client_while(|| true);
        let cloud = Arc::new(Sim::new(world));
        let stores = Arc::new(Stores::new(&config));
        let manager = Manager::new(Dependencies {
            config: config.clone(),
            workers,
            client: client.clone(),
            cloud: cloud.clone(),
            clouds: Arc::new(OneName(cloud.clone())),
            stores: stores.clone(),
            recorder: recorder(client.clone()).0,
            metrics,
            leadership: Leadership::permanent(),
            namespace: "kube-system".to_owned(),
            lease: String::new(),
            authority: None,
            on_lead: Arc::new(|_| {}),
            audit,
            registrations_a_second: None,
        });
        let listener = manager.listener();
        let bindings = KubeBindings::new(client.clone(), stores.bindings.clone());
        let rules = TargetRules::new(cloud, config);
        drop(entered);
        let estate = Self { stores, manager, listener, bindings, rules, _runtime: runtime };
        let class: IngressClass =
            object(json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}}));
        estate.stores.ingress_classes.apply(ObjectKey::cluster("alb"), class);
        estate.apply_of_gateways(GatewayKind::Class, fixtures::gateway_class("alb", "gateway.k8s.aws/alb"));
        (0..NODES).for_each(|node| estate.apply_node(node, true));
        estate
    }

    /// A cluster of so many objects of each kind, with everything that is due in the queues.
    pub fn of(size: usize) -> Self {
        let estate = Self::new();
        for kind in KINDS {
            estate.add(kind, 0, size);
        }
        estate.manager.fill_queues();
        estate.settle_rules(0);
        estate
    }

    /// Adds objects of a kind.
    pub fn add(&self, kind: Kind, first: usize, count: usize) {
        for number in first..first + count {
            match kind {
                Kind::Service => self.apply_service(number, &json!({})),
                Kind::Ingress => self.apply_ingress(number, ""),
                Kind::Binding => self.apply_binding(number, ""),
                Kind::Slice => self.apply_slice(number, 0),
                Kind::Pod => self.apply_pod(number, 0),
                Kind::Namespace => self.apply_namespace(number, ""),
                Kind::Gateway => self.apply_gateway(number, 0),
                Kind::Route => self.apply_route(number, 0),
            }
        }
    }

    fn tell<V>(&self, change: Option<CacheEvent<V>>, tell: impl FnOnce(&dyn EventHandler, CacheEvent<V>)) {
        if let Some(change) = change {
            tell(&*self.listener, change);
        }
    }

    fn apply_service(&self, number: usize, annotations: &Value) {
        let mut value = fixtures::load_balancer(&service(number), &[80], &[]);
        for (name, text) in annotations.as_object().into_iter().flatten() {
            value["metadata"]["annotations"][name] = text.clone();
        }
        let key = key(Kind::Service, number);
        let change = self.stores.services.apply(key.clone(), object::<Service>(value));
        self.tell(change, |listener, change| listener.service(&key, change));
    }

    fn apply_ingress(&self, number: usize, touched: &str) {
        let name = key(Kind::Ingress, number);
        let value =
            fixtures::ingress(name.name(), &[("tags", touched)], &[("example.com", "/", &service(number))]);
        let change = self.stores.ingresses.apply(name.clone(), object::<Ingress>(value));
        self.tell(change, |listener, change| listener.ingress(&name, change));
    }

    fn apply_binding(&self, number: usize, touched: &str) {
        let mut metadata = metadata(Kind::Binding, number);
        metadata["labels"] = json!(stack(number).labels());
        metadata["annotations"] = json!({"touched": touched});
        let networking = json!({"ingress": [{
            "from": [{"securityGroup": {"groupID": "sg-1"}}], "ports": [{"protocol": "TCP", "port": 8080}],
        }]});
        let spec = json!({
            "targetGroupARN": format!("arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/tg-{number}/1"),
            "targetType": "ip", "serviceRef": {"name": service(number), "port": 80}, "networking": networking,
        });
        let binding: TargetGroupBinding = object(json!({"metadata": metadata, "spec": spec}));
        let key = key(Kind::Binding, number);
        let change = self.stores.bindings.apply(key.clone(), binding);
        self.tell(change, |listener, change| listener.binding(&key, change));
    }

    fn apply_slice(&self, number: usize, time: usize) {
        let mut metadata = metadata(Kind::Slice, number);
        metadata["labels"] = json!({"kubernetes.io/service-name": service(number)});
        let endpoint = |pod: usize| {
            json!({
                "addresses": [format!("10.0.{}.{}", number / 250, number % 250)],
                "conditions": {"ready": time % 2 == pod % 2},
                "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": key(Kind::Pod, number).name()},
            })
        };
        let ports = json!([{"name": "p80", "port": 8080, "protocol": "TCP"}]);
        let slice: EndpointSlice = object(json!({
            "metadata": metadata, "addressType": "IPv4", "ports": ports, "endpoints": [endpoint(0), endpoint(1)],
        }));
        let key = key(Kind::Slice, number);
        let change = self.stores.slices.apply(key, SliceView::from_slice(&slice).expect("a slice"));
        self.tell(change, |listener, change| listener.endpoints(&change.latest().service));
    }

    fn apply_pod(&self, number: usize, time: usize) {
        let ready = if time.is_multiple_of(2) { "True" } else { "False" };
        let pod: Pod = object(json!({
            "metadata": metadata(Kind::Pod, number),
            "spec": {
                "nodeName": format!("node-{}", number % NODES), "readinessGates": [{"conditionType": GATE}],
                "containers": [{"name": "main", "image": "main", "ports": [{"name": "http", "containerPort": 8080}]}],
            },
            "status": {
                "podIP": format!("10.0.{}.{}", number / 250, number % 250),
                "conditions": [{"type": "ContainersReady", "status": ready}],
            },
        }));
        let key = key(Kind::Pod, number);
        let change = self.stores.pods.apply(key.clone(), PodView::from_pod(&pod, ""));
        self.tell(change, |listener, change| listener.pod(&key, change));
    }

    fn apply_node(&self, node: usize, is_ready: bool) {
        let status = if is_ready { "True" } else { "False" };
        let name = format!("node-{node}");
        let node: Node = object(json!({
            "metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": status}]},
        }));
        let key = ObjectKey::cluster(name);
        let change = self.stores.nodes.apply(key.clone(), NodeView::from_node(&node));
        self.tell(change, |listener, change| listener.node(&key, change));
    }

    fn apply_namespace(&self, number: usize, label: &str) {
        let key = key(Kind::Namespace, number);
        let namespace: Namespace =
            object(json!({"metadata": {"name": key.name(), "labels": {"touched": label}}}));
        let change = self.stores.namespaces.apply(key.clone(), namespace);
        self.tell(change, |listener, change| listener.namespace(&key, change));
    }

    fn apply_gateway(&self, number: usize, time: usize) {
        self.apply_of_gateways(
            GatewayKind::Gateway,
            fixtures::gateway(key(Kind::Gateway, number).name(), 80 + time % 2),
        );
    }

    fn apply_route(&self, number: usize, time: usize) {
        let (name, path) = (key(Kind::Route, number), format!("/{}", time % 2));
        let route =
            fixtures::http_route(name.name(), key(Kind::Gateway, number).name(), &path, &service(number));
        self.apply_of_gateways(GatewayKind::HttpRoute, route);
    }

    fn apply_of_gateways(&self, kind: GatewayKind, object: Value) {
        for change in self.stores.gateways.apply(kind, object).expect("an object") {
            self.listener.gateway(change);
        }
    }

    /// What begins the reconcile of an Ingress group.
    fn look_for_group(&self, number: usize) {
        let key = key(Kind::Ingress, number);
        let id =
            StackId { owner: Owner::Ingress, namespace: NAMESPACE.to_owned(), name: key.name().to_owned() };
        let classes = Classes::of(&self.stores);
        let found = classes.candidates(&self.stores, &id);
        let config = &self.manager.work().context.config;
        assert_eq!(load_group(&id, &found, &classes.view(), config).members.len(), 1);
    }

    /// What ends the reconcile of a binding.
    fn settle_rules(&self, number: usize) {
        let key = key(Kind::Binding, number);
        // why now: without needs nothing is asked of AWS, so nothing is waited for
        let granted = self.rules.grant(&key, Permissions::new()).now_or_never();
        granted.expect("no call").expect("nothing to grant");
        let revoked = self.rules.revoke_unneeded(&key, &*self.stores).now_or_never();
        revoked.expect("no call").expect("nothing to revoke");
    }
}

impl Default for Estate {
    fn default() -> Self {
        Self::new()
    }
}
