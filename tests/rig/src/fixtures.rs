//! What the cluster of most tests holds: a namespace `shop`, the nodes of the account, an IngressClass, Services with pods.

use crate::Rig;
use aws_sim::World;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// The namespace.
pub const NAMESPACE: &str = "shop";

/// The port on which every pod listens.
pub const POD_PORT: i32 = 8080;

impl Rig {
    /// Adds the namespace, the nodes and the IngressClass `alb`.
    pub fn seed(&self) {
        self.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}));
        self.api.put(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"},
        }));
        for node in self.aws.world(|world| world.nodes().to_vec()) {
            self.api.put(json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name},
                "spec": {"providerID": node.provider_id()},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": node.ip}],
                },
            }));
        }
    }

    /// Makes pods of these numbers, and no others, the ready endpoints of a Service. Numbers are unique in the cluster.
    pub fn serve(&self, service: &str, pods: &[usize]) {
        self.serve_gated(service, pods, &[]);
    }

    /// As [`Rig::serve`], with readiness gates.
    pub fn serve_gated(&self, service: &str, pods: &[usize], gates: &[String]) {
        self.serve_in(NAMESPACE, service, pods, gates);
    }

    /// As [`Rig::serve_gated`], in another namespace.
    pub fn serve_in(&self, namespace: &str, service: &str, pods: &[usize], gates: &[String]) {
        let places: Vec<Place> =
            self.aws.world(|world| pods.iter().map(|pod| Place::of(world, namespace, *pod)).collect());
        for place in &places {
            if self.api.get("pods", namespace, &place.pod_name(service)).is_none() {
                self.api.put(place.pod(service, gates));
            }
        }
        let endpoints: Vec<Value> = places.iter().map(|place| place.endpoint(service)).collect();
        let ports = self.api.get("services", namespace, service).map(|found| found["spec"]["ports"].clone());
        let ports: Vec<Value> = ports.iter().filter_map(Value::as_array).flatten().map(slice_port).collect();
        self.api.put(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": format!("{service}-1"), "namespace": namespace,
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": endpoints,
        }));
    }

    /// Removes a pod of a Service that it is no endpoint of any more.
    pub fn remove_pod(&self, service: &str, pod: usize) {
        self.api.delete("pods", NAMESPACE, &format!("{service}-{pod}"));
    }
}

/// A port of a Service as its endpoints have it.
fn slice_port(port: &Value) -> Value {
    json!({"name": port["name"], "port": POD_PORT, "protocol": port["protocol"]})
}

/// Where a pod runs.
struct Place {
    namespace: String,
    number: usize,
    node: String,
    ip: String,
}

impl Place {
    fn of(world: &World, namespace: &str, number: usize) -> Self {
        let nodes = world.nodes();
        let node = nodes.get(number % nodes.len().max(1)).cloned();
        let first = node.as_ref().and_then(|node| node.pod_cidr.split('/').next()?.parse::<Ipv4Addr>().ok());
        let rank = u32::try_from(number / nodes.len().max(1)).unwrap_or(u32::MAX);
        let ip = first.map(|first| Ipv4Addr::from_bits(first.to_bits().saturating_add(rank + 1)).to_string());
        Self {
            namespace: namespace.to_owned(),
            number,
            node: node.map(|node| node.name).unwrap_or_default(),
            ip: ip.unwrap_or_default(),
        }
    }

    fn pod_name(&self, service: &str) -> String {
        format!("{service}-{}", self.number)
    }

    fn pod(&self, service: &str, gates: &[String]) -> Value {
        let gates: Vec<Value> = gates.iter().map(|gate| json!({"conditionType": gate})).collect();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": self.pod_name(service), "namespace": self.namespace, "labels": {"app": service}},
            "spec": {
                "nodeName": self.node, "readinessGates": gates,
                "containers": [{"name": "main", "image": "main", "ports": [{"name": "http", "containerPort": POD_PORT}]}],
            },
            "status": {
                "phase": "Running", "podIP": self.ip, "podIPs": [{"ip": self.ip}],
                "conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "True"}],
            },
        })
    }

    fn endpoint(&self, service: &str) -> Value {
        json!({
            "addresses": [self.ip], "nodeName": self.node,
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "namespace": self.namespace, "name": self.pod_name(service)},
        })
    }
}

/// The address of a pod.
pub fn address(world: &World, pod: usize) -> String {
    Place::of(world, NAMESPACE, pod).ip
}

/// A Service of type LoadBalancer that this controller serves; `annotations` without their prefix.
pub fn load_balancer(name: &str, ports: &[i32], annotations: &[(&str, &str)]) -> Value {
    let annotations: BTreeMap<String, &str> = annotations
        .iter()
        .map(|(suffix, value)| (format!("service.beta.kubernetes.io/{suffix}"), *value))
        .collect();
    let mut service = cluster_service(name, ports);
    for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
        port["nodePort"] = (30000 + port["port"].as_i64().unwrap_or_default() % 2000).into();
    }
    service["metadata"]["annotations"] = json!(annotations);
    service["spec"]["type"] = "LoadBalancer".into();
    service["spec"]["loadBalancerClass"] = "service.k8s.aws/nlb".into();
    service
}

/// A Service that is reached from within the cluster, and through Ingresses.
pub fn cluster_service(name: &str, ports: &[i32]) -> Value {
    let port = |port: &i32| json!({"name": format!("p{port}"), "port": port, "targetPort": "http", "protocol": "TCP"});
    let ports: Vec<Value> = ports.iter().map(port).collect();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": ports},
    })
}

/// An Ingress; `annotations` without their prefix; paths of hosts with the Service (port 80) they lead to.
pub fn ingress(name: &str, annotations: &[(&str, &str)], paths: &[(&str, &str, &str)]) -> Value {
    let annotations: BTreeMap<String, &str> = annotations
        .iter()
        .map(|(suffix, value)| (format!("alb.ingress.kubernetes.io/{suffix}"), *value))
        .collect();
    let rule = |(host, path, service): &(&str, &str, &str)| {
        json!({"host": host, "http": {"paths": [{
            "path": path, "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": 80}}},
        }]}})
    };
    let rules: Vec<Value> = paths.iter().map(rule).collect();
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": rules},
    })
}

/// API version of Gateways and routes.
pub const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
/// API version of what configures them.
pub const GATEWAY_CONFIGURATION: &str = "gateway.k8s.aws/v1";

/// A class of Gateways, as the API server creates it.
pub fn gateway_class(name: &str, controller: &str) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": {"name": name},
        "spec": {"controllerName": controller},
        "status": {"conditions": [{
            "type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }]},
    })
}

/// A Gateway of class `alb` with one HTTP listener.
pub fn gateway(name: &str, port: usize) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"gatewayClassName": "alb", "listeners": [
            {"name": "http", "port": port, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}},
        ]},
    })
}

/// An HTTPRoute for a path of a Gateway.
pub fn http_route(name: &str, gateway: &str, path: &str, service: &str) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": gateway}], "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": service, "port": 80}],
        }]},
    })
}

/// Has the targets of a Service registered by their addresses.
pub fn target_type(service: &str) -> Value {
    json!({
        "apiVersion": GATEWAY_CONFIGURATION, "kind": "TargetGroupConfiguration",
        "metadata": {"name": service, "namespace": NAMESPACE},
        "spec": {"targetReference": {"name": service}, "defaultConfiguration": {"targetType": "ip"}},
    })
}
