#![allow(clippy::needless_pass_by_value)] // why: manifests read best as literals
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::{tests::Cluster, told};
use serde_json::json;

fn gateway(class: &str, spec: &Value) -> Value {
    let mut gateway = json!({"metadata": {"name": "edge", "namespace": "shop"}, "spec": spec});
    gateway["spec"]["gatewayClassName"] = json!(class);
    gateway
}

fn said_in(cluster: &Cluster, class: &str, spec: &Value) -> Vec<String> {
    let object = gateway(class, spec);
    let typed = serde_json::from_value(object.clone()).unwrap();
    told(&check_gateway(&Config::default(), &typed, &object, cluster).findings)
}

fn said(class: &str, spec: &Value) -> Vec<String> {
    said_in(&Cluster::default(), class, spec)
}

fn of_listener(listener: Value) -> Value {
    json!({"listeners": [listener]})
}

fn said_of_class(spec: Value) -> Vec<String> {
    let class = serde_json::from_value(json!({"metadata": {"name": "edge"}, "spec": spec})).unwrap();
    told(&check_class(&Config::default(), &class).findings)
}

#[test]
fn what_works_is_passed_in_silence() {
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"a": "b"}}});
    let full = json!({
        "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": selector, "kinds": [{"kind": "HTTPRoute"}]}},
            {"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "*.example.com"},
        ],
        "allowedListeners": {"namespaces": {"from": "Same"}},
    });
    assert_eq!(said("alb", &full), [""; 0]);
    let network = json!({"listeners": [
        {"name": "dns", "port": 53, "protocol": "TCP"},
        {"name": "dns-udp", "port": 53, "protocol": "UDP"},
        {"name": "tls", "port": 443, "protocol": "TLS", "tls": {"mode": "Passthrough"}},
    ]});
    assert_eq!(said("nlb", &network), [""; 0]);
    assert_eq!(said("unknown", &network), [""; 0]);
}

#[test]
fn listeners_are_judged_as_the_status_judges_them() {
    let http = |key: &str, value: Value| {
        let mut listener = json!({"name": "http", "port": 80, "protocol": "HTTP"});
        listener[key] = value;
        of_listener(listener)
    };
    let namespaces = |filter: Value| http("allowedRoutes", json!({"namespaces": filter}));
    let cases = [
        (
            "alb",
            of_listener(json!({"name": "a", "port": 80, "protocol": "TCP"})),
            "E spec.listeners[0].protocol: Unsupported protocol TCP for listener a, expected HTTP or HTTPS",
        ),
        (
            "nlb",
            http("name", json!("http")),
            "E spec.listeners[0].protocol: Unsupported protocol HTTP for listener http, expected TCP, UDP or TLS",
        ),
        (
            "alb",
            http("protocol", json!("HTTTP")),
            "E spec.listeners[0].protocol: Unsupported protocol HTTTP for listener http, expected HTTP or HTTPS; did you mean `HTTP`?",
        ),
        (
            "unknown",
            http("protocol", json!("HTTTP")),
            "E spec.listeners[0].protocol: Unsupported protocol HTTTP for listener http, expected HTTP, HTTPS, TCP, UDP or TLS; did you mean `HTTP`?",
        ),
        (
            "alb",
            http("port", json!(70_000)),
            "E spec.listeners[0].port: Port 70000 is not available (listener name http), expected 1 to 65535",
        ),
        (
            "alb",
            http("allowedRoutes", json!({"kinds": [{"kind": "HttpRoute"}]})),
            "E spec.listeners[0].allowedRoutes.kinds: Invalid route kind for listener http, expected HTTPRoute or GRPCRoute; did you mean `HTTPRoute`?",
        ),
        (
            "alb",
            http("allowedRoutes", json!({"kinds": [{"kind": "TCPRoute"}]})),
            "E spec.listeners[0].allowedRoutes.kinds: Invalid route kind for listener http, expected HTTPRoute or GRPCRoute",
        ),
        (
            "alb",
            http("hostname", json!("10.0.0.1")),
            "E spec.listeners[0].hostname: \"10.0.0.1\": hostname can not be IP address",
        ),
        (
            "alb",
            http("hostname", json!(format!("{}.example.com", "a".repeat(64)))),
            "invalid hostname label length, length must between 1 and 63",
        ),
        (
            "alb",
            namespaces(
                json!({"from": "Selector", "selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            ),
            "E spec.listeners[0].allowedRoutes.namespaces.selector: label selector has operator In without values for key `a`, expected at least one value",
        ),
        (
            "alb",
            namespaces(json!({"from": "Selector"})),
            "E spec.listeners[0].allowedRoutes.namespaces.selector: is missing, so no namespace is admitted",
        ),
        (
            "alb",
            namespaces(json!({"from": "Every"})),
            "E spec.listeners[0].allowedRoutes.namespaces.from: \"Every\" is not one of All, Selector, Same or None",
        ),
        (
            "alb",
            json!({"listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 80, "protocol": "HTTPS", "hostname": "a.example.com"}]}),
            "E spec.listeners[1].protocol: Protocol conflict for port 80",
        ),
        (
            "alb",
            json!({"listeners": [{"name": "a", "port": 80, "protocol": "HTTP", "hostname": "a.example.com"}, {"name": "b", "port": 80, "protocol": "HTTP", "hostname": "a.example.com"}]}),
            "E spec.listeners[1].hostname: Hostname conflict for port 80 with hostname a.example.com",
        ),
        (
            "alb",
            of_listener(json!({"name": "a", "port": 443, "protocol": "HTTPS"})),
            "W spec.listeners[0]: no hosts are known to find a certificate for HTTPS:443, unless all its routes have some; give the listener or its routes hostnames, or name a certificate in a LoadBalancerConfiguration",
        ),
    ];
    for (class, spec, expected) in cases {
        let told = said(class, &spec);
        assert!(
            told.len() == 1 && told[0].ends_with(expected),
            "{class} {spec}: {told:#?}\nlacks {expected}"
        );
    }
}

#[test]
fn ignored_fields_and_odd_references_are_warned_of() {
    let cases = [
        (json!({"addresses": [{"value": "10.0.0.1"}]}), "W spec.addresses: has no effect: "),
        (
            of_listener(
                json!({"name": "a", "port": 443, "protocol": "HTTPS", "hostname": "a.example.com", "tls": {"certificateRefs": [{"name": "a"}]}}),
            ),
            "W spec.listeners[0].tls.certificateRefs: has no effect: ",
        ),
        (
            of_listener(
                json!({"name": "a", "port": 443, "protocol": "HTTPS", "hostname": "a.example.com", "tls": {"options": {"a": "b"}}}),
            ),
            "W spec.listeners[0].tls.options: has no effect: ",
        ),
        (
            of_listener(
                json!({"name": "a", "port": 443, "protocol": "HTTPS", "hostname": "a.example.com", "tls": {"mode": "Passthrough"}}),
            ),
            "W spec.listeners[0].tls.mode: Passthrough has no effect on a listener that speaks HTTPS, only on TLS",
        ),
        (
            json!({"infrastructure": {"parametersRef": {"group": "", "kind": "LoadBalancerConfiguration", "name": "a"}}}),
            "W spec.infrastructure.parametersRef.group: \"\" is not gateway.k8s.aws, whose changes alone are seen; write gateway.k8s.aws",
        ),
        (
            json!({"infrastructure": {"parametersRef": {"group": "gateway.k8s.aws", "kind": "ConfigMap", "name": "a"}}}),
            "W spec.infrastructure.parametersRef.kind: \"ConfigMap\" is not LoadBalancerConfiguration, whose changes alone are seen; write LoadBalancerConfiguration",
        ),
        (
            json!({"allowedListeners": {"namespaces": {"from": "All", "selector": {}}}}),
            "W spec.allowedListeners.namespaces.selector: has no effect unless from is Selector",
        ),
    ];
    for (spec, expected) in cases {
        let told = said("alb", &spec);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{spec}: {told:#?}\nlacks {expected}");
    }
}

#[test]
fn a_certificate_in_the_configuration_is_enough() {
    let listener = json!({"protocolPort": "HTTPS:443", "defaultCertificate": "arn:aws:acm:us-west-2:123456789012:certificate/1"});
    let configuration = json!({"metadata": {"name": "edge"}, "spec": {"listenerConfigurations": [listener]}});
    let cluster = Cluster {
        load_balancers: vec![serde_json::from_value(configuration).unwrap()],
        ..Cluster::default()
    };
    let spec = |name: &str| {
        json!({
            "listeners": [{"name": "a", "port": 443, "protocol": "HTTPS"}],
            "infrastructure": {"parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": name}},
        })
    };
    assert_eq!(said_in(&cluster, "alb", &spec("edge")), [""; 0]);
    assert_eq!(said_in(&cluster, "alb", &spec("unknown")), [""; 0], "nobody knows");
}

#[test]
fn more_listeners_than_usual_are_told() {
    let listener = |at: usize| json!({"name": format!("a-{at}"), "port": 1000 + at, "protocol": "HTTP"});
    let spec = |count: usize| json!({"listeners": (0..count).map(listener).collect::<Vec<_>>()});
    assert_eq!(said("alb", &spec(50)), [""; 0]);
    assert_eq!(
        said("alb", &spec(51)),
        ["W spec.listeners: makes 51 listeners on one load balancer, and AWS's usual limit is 50"]
    );
}

#[test]
fn names_that_become_labels_are_short() {
    let mut object = gateway("alb", &json!({}));
    object["metadata"]["name"] = json!("a".repeat(64));
    let typed = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(
        told(&check_gateway(&Config::default(), &typed, &object, &Cluster::default()).findings),
        [
            "E metadata.name: has 64 characters, expected at most 63: it becomes a label of TargetGroupBindings"
        ]
    );
}

#[test]
fn a_class_names_a_controller_and_parameters_that_there_are() {
    let of_reference = |key: &str, value: &str| {
        let mut reference = json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "edge", "namespace": "shop"});
        reference[key] = json!(value);
        json!({"controllerName": "gateway.k8s.aws/alb", "parametersRef": reference})
    };
    assert_eq!(said_of_class(of_reference("name", "edge")), [""; 0]);
    assert_eq!(
        said_of_class(json!({"controllerName": "application-networking.k8s.aws/gateway-api-controller"})),
        [""; 0]
    );
    let cases = [
        (
            of_reference("namespace", ""),
            "E spec.parametersRef.namespace: Namespace must be specified in ParametersRef for LoadBalancerConfiguration",
        ),
        (
            of_reference("group", "elbv2.k8s.aws"),
            "W spec.parametersRef.group: \"elbv2.k8s.aws\" is not gateway.k8s.aws, whose changes alone are seen; write gateway.k8s.aws",
        ),
        (
            of_reference("kind", "IngressClassParams"),
            "W spec.parametersRef.kind: \"IngressClassParams\" is not LoadBalancerConfiguration, whose changes alone are seen; write LoadBalancerConfiguration",
        ),
        (of_reference("name", ""), "E spec.parametersRef.name: is empty"),
        (
            json!({"controllerName": "gateway.k8s.aws/albs"}),
            "W spec.controllerName: \"gateway.k8s.aws/albs\" is not one of gateway.k8s.aws/alb or gateway.k8s.aws/nlb, so no Gateway of the class is served; did you mean `gateway.k8s.aws/alb`?",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(said_of_class(spec), [expected]);
    }
}

#[test]
fn what_load_balancers_are_taken_over_is_checked() {
    let said = |class: &str, annotations: Value| {
        let mut object =
            gateway(class, &of_listener(json!({"name": "http", "port": 80, "protocol": "HTTP"})));
        object["metadata"]["annotations"] = annotations;
        let typed = serde_json::from_value(object.clone()).unwrap();
        told(&check_gateway(&Config::default(), &typed, &object, &Cluster::default()).findings)
    };
    let (ask, record) =
        ("gateway.k8s.aws/take-over-ingress-group", "gateway.k8s.aws/taken-over-ingress-group");
    assert_eq!(said("alb", json!({ask: "public"})), [""; 0]);
    assert_eq!(said("alb", json!({ask: "shop/web"})), [""; 0]);
    assert_eq!(said("alb", json!({ask: "public", record: "public"})), [""; 0]);
    for (class, annotations, problem) in [
        ("alb", json!({ask: "Public"}), "\"Public\" must consist of"),
        ("alb", json!({ask: "other/web"}), "is not in the namespace shop of the Gateway"),
        ("nlb", json!({ask: "public"}), "use a class of gateway.k8s.aws/alb"),
        (
            "alb",
            json!({ask: "other", record: "public"}),
            "the Gateway has the load balancer of Ingress group public",
        ),
    ] {
        let said = said(class, annotations);
        assert!(said.iter().any(|text| text.contains(problem)), "{said:?}");
    }
}
