use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn round_trip<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

fn object(version: &str, kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/{version}"), "kind": kind, "metadata": {"name": "a"}, "spec": spec})
}

/// Version, kind, spec, and how it is read and written.
type Case<'a> = (&'a str, &'a str, Value, fn(&Value) -> Value);

#[test]
fn what_is_read_is_written_alike() {
    let gateway = json!({
        "gatewayClassName": "alb",
        "listeners": [{
            "name": "https", "port": 443, "protocol": "HTTPS", "hostname": "a.example.com",
            "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "group": "", "name": "c", "namespace": "n"}]},
            "allowedRoutes": {
                "namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}},
                "kinds": [{"group": GROUP, "kind": "HTTPRoute"}],
            },
        }],
        "infrastructure": {
            "labels": {"a": "b"}, "annotations": {"c": "d"},
            "parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "own"},
        },
        "allowedListeners": {"namespaces": {"from": "All"}},
    });
    let class = json!({
        "controllerName": ALB_CONTROLLER,
        "parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "c", "namespace": "n"},
    });
    let set = json!({
        "parentRef": {"group": GROUP, "kind": "Gateway", "name": "g", "namespace": "n"},
        "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
    });
    let parents = json!([{"group": GROUP, "kind": "Gateway", "namespace": "n", "name": "g", "sectionName": "s", "port": 80}]);
    let backend =
        json!({"group": "", "kind": "Service", "name": "s", "namespace": "n", "port": 80, "weight": 2});
    let mut filtered = backend.clone();
    filtered["filters"] = json!([{"type": "RequestMirror"}]);
    let http = json!({
        "parentRefs": parents, "hostnames": ["a.example.com"],
        "rules": [{
            "matches": [{
                "path": {"type": "PathPrefix", "value": "/a"}, "method": "GET",
                "headers": [{"type": "RegularExpression", "name": "h", "value": "v"}],
                "queryParams": [{"type": "Exact", "name": "q", "value": "v"}],
            }],
            "filters": [
                {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "hostname": "b.example.com", "port": 8443, "statusCode": 301, "path": {"replaceFullPath": "/b"}}},
                {"type": "URLRewrite", "urlRewrite": {"hostname": "c.example.com", "path": {"replacePrefixMatch": "/c"}}},
                {"type": "ExtensionRef", "extensionRef": {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "l"}},
            ],
            "backendRefs": [filtered],
        }],
    });
    let grpc = json!({
        "parentRefs": parents, "hostnames": [],
        "rules": [{
            "matches": [{"method": {"type": "Exact", "service": "s", "method": "m"}, "headers": [{"type": "Exact", "name": "h", "value": "v"}]}],
            "filters": [{"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "k", "name": "l"}}],
            "backendRefs": [backend],
        }],
    });
    let l4 = json!({"parentRefs": parents, "rules": [{"backendRefs": [backend]}]});
    let tls =
        json!({"parentRefs": parents, "hostnames": ["a.example.com"], "rules": [{"backendRefs": [backend]}]});
    let grant = json!({
        "from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "n"}],
        "to": [{"group": "", "kind": "Service", "name": "s"}, {"group": "", "kind": "Secret"}],
    });
    let cases: [Case<'_>; 9] = [
        ("v1", "GatewayClass", class, round_trip::<GatewayClass>),
        ("v1", "Gateway", gateway, round_trip::<Gateway>),
        ("v1", "ListenerSet", set, round_trip::<ListenerSet>),
        ("v1", "HTTPRoute", http, round_trip::<HttpRoute>),
        ("v1", "GRPCRoute", grpc, round_trip::<GrpcRoute>),
        ("v1", "TCPRoute", l4.clone(), round_trip::<TcpRoute>),
        ("v1", "UDPRoute", l4, round_trip::<UdpRoute>),
        ("v1", "TLSRoute", tls, round_trip::<TlsRoute>),
        ("v1beta1", "ReferenceGrant", grant, round_trip::<ReferenceGrant>),
    ];
    for (version, kind, spec, round_trip) in cases {
        let object = object(version, kind, &spec);
        assert_eq!(round_trip(&object), object, "{kind}");
    }
}

#[test]
fn the_kinds_are_asked_for_by_their_names() {
    use kube::Resource;
    fn names<K: Resource<DynamicType = ()>>() -> [String; 4] {
        [K::group(&()), K::version(&()), K::kind(&()), K::plural(&())].map(std::borrow::Cow::into_owned)
    }
    let found = [
        names::<GatewayClass>(),
        names::<Gateway>(),
        names::<ListenerSet>(),
        names::<HttpRoute>(),
        names::<GrpcRoute>(),
        names::<TcpRoute>(),
        names::<UdpRoute>(),
        names::<TlsRoute>(),
        names::<ReferenceGrant>(),
    ];
    let expected = [
        ["v1", "GatewayClass", "gatewayclasses"],
        ["v1", "Gateway", "gateways"],
        ["v1", "ListenerSet", "listenersets"],
        ["v1", "HTTPRoute", "httproutes"],
        ["v1", "GRPCRoute", "grpcroutes"],
        ["v1", "TCPRoute", "tcproutes"],
        ["v1", "UDPRoute", "udproutes"],
        ["v1", "TLSRoute", "tlsroutes"],
        ["v1beta1", "ReferenceGrant", "referencegrants"],
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found[1..], expected);
        assert_eq!(found[0], GROUP);
    }
}

#[test]
fn values_and_fields_that_are_not_known_are_no_obstacle() {
    let read: HttpRoute = serde_json::from_value(object(
        "v1",
        "HTTPRoute",
        &json!({
            "useDefaultGateways": "All",
            "rules": [{
                "name": "a", "timeouts": {"request": "10s"}, "retry": {"attempts": 3}, "sessionPersistence": {},
                "matches": [{"path": {"type": "Glob", "value": "/"}}],
                "filters": [{"type": "CORS", "cors": {"maxAge": 5}}, {"type": "Tomorrow", "tomorrow": [1]}],
            }],
        }),
    ))
    .unwrap();
    let rule = &read.spec.rules[0];
    let types: Vec<&str> = rule.filters.iter().map(|filter| filter.type_.as_str()).collect();
    assert_eq!(types, ["CORS", "Tomorrow"]);
    assert_eq!(rule.filters[0].type_, FilterType::Cors);
    assert_eq!(rule.matches[0].path.as_ref().unwrap().type_, Some(PathMatchType::Other("Glob".to_owned())));

    let gateway: Gateway =
        serde_json::from_value(object("v1", "Gateway", &json!({"listeners": [{}], "tls": {"frontend": {}}})))
            .unwrap();
    assert_eq!(gateway.spec.listeners[0].protocol, Protocol::Other(String::new()));
}

#[test]
fn an_object_without_a_spec_can_be_read() {
    let bare = json!({"apiVersion": "v1", "kind": "Any", "metadata": {"name": "a"}});
    assert_eq!(serde_json::from_value::<Gateway>(bare.clone()).unwrap().spec, GatewaySpec::default());
    assert_eq!(serde_json::from_value::<GrpcRoute>(bare.clone()).unwrap().spec, GrpcRouteSpec::default());
    assert_eq!(serde_json::from_value::<ReferenceGrant>(bare).unwrap().spec, ReferenceGrantSpec::default());
}

#[test]
fn entries_of_other_controllers_are_kept_whole() {
    let status = json!({"parents": [{
        "parentRef": {"name": "g", "kind": "Gateway", "group": GROUP, "namespace": "n", "sectionName": "s", "port": 1},
        "controllerName": "example.com/other",
        "conditions": [{
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "m", "observedGeneration": 3,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }]});
    let read: RouteStatus = serde_json::from_value(status.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), status);
}
