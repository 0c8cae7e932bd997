//! The ways in which a route, or what it refers to, is broken.

use super::Outcome::{self, Absent, Closed, Served};
use super::{GATEWAY_API, gateway, target_type};
use crate::gateways::CONFIGURATION;
use rig::{Rig, fixtures, fixtures::NAMESPACE};
use serde_json::{Value, json};

/// A way to break the route that is given.
pub(in crate::gateways) struct Breakage {
    pub name: &'static str,
    /// What becomes of a route that was served before.
    pub on_update: Outcome,
    /// What becomes of a route that is broken from the start.
    pub on_create: Outcome,
    pub act: fn(&Rig, Value),
}

/// The same outcome however it came about.
const fn always(name: &'static str, outcome: Outcome, act: fn(&Rig, Value)) -> Breakage {
    Breakage { name, on_update: outcome, on_create: outcome, act }
}

/// What is live stays; what never was, is not served.
const fn keeps(name: &'static str, act: fn(&Rig, Value)) -> Breakage {
    Breakage { name, on_update: Served, on_create: Closed, act }
}

/// Changes the only rule of the route.
fn rule(rig: &Rig, mut route: Value, change: impl FnOnce(&mut Value)) {
    change(&mut route["spec"]["rules"][0]);
    rig.api.put(route);
}

fn filter(rig: &Rig, route: Value, filter: &Value) {
    rule(rig, route, |rule| rule["filters"] = json!([filter]));
}

fn redirect(rig: &Rig, route: Value, redirect: &Value) {
    filter(rig, route, &json!({"type": "RequestRedirect", "requestRedirect": redirect}));
}

fn backend(rig: &Rig, route: Value, backend: &Value) {
    rule(rig, route, |rule| rule["backendRefs"] = json!([backend]));
}

fn path_type(rig: &Rig, route: Value, kind: &str, suffix: &str) {
    rule(rig, route, |rule| {
        let path = &mut rule["matches"][0]["path"];
        let value = format!("{}{suffix}", path["value"].as_str().unwrap_or_default());
        *path = json!({"type": kind, "value": value});
    });
}

fn parent(rig: &Rig, mut route: Value, parent: &Value) {
    route["spec"]["parentRefs"] = json!([parent]);
    rig.api.put(route);
}

/// A ListenerRuleConfiguration, which the route then names.
fn rule_configuration(rig: &Rig, route: Value, spec: &Value, status: &Value) {
    rig.api.put(json!({
        "apiVersion": CONFIGURATION, "kind": "ListenerRuleConfiguration",
        "metadata": {"name": "rules", "namespace": NAMESPACE}, "spec": spec, "status": status,
    }));
    named_rule_configuration(rig, route);
}

fn named_rule_configuration(rig: &Rig, route: Value) {
    filter(rig, route, &extension("rules"));
}

fn extension(name: &str) -> Value {
    json!({"type": "ExtensionRef", "extensionRef": {
        "group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": name,
    }})
}

fn accepted() -> Value {
    json!({"accepted": true, "message": "Accepted", "observedGeneration": 1})
}

/// Settings of the target group of the route's Service.
fn target_group(rig: &Rig, route: Value, configuration: &Value) {
    let mut settings = target_type("own");
    settings["spec"]["defaultConfiguration"] = configuration.clone();
    rig.api.put(settings);
    rig.api.put(route);
}

/// Another listener, beside that of the routes.
fn listener(rig: &Rig, route: Value, listener: &Value) {
    let mut listener = listener.clone();
    listener["allowedRoutes"]["namespaces"] = json!({"from": "Same"});
    let http = json!({"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}});
    rig.api.put(gateway("edge", "alb", &json!([http, listener])));
    rig.api.put(route);
}

fn tags(count: usize) -> Value {
    (0..count).map(|number| (format!("tag-{number}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
}

pub(in crate::gateways) const KINDS: &[Breakage] = &[
    // filters
    always("RequestHeaderModifier", Closed, |rig, route| {
        filter(
            rig,
            route,
            &json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}}),
        );
    }),
    always("ResponseHeaderModifier", Closed, |rig, route| {
        filter(rig, route, &json!({"type": "ResponseHeaderModifier"}));
    }),
    always("RequestMirror", Closed, |rig, route| filter(rig, route, &json!({"type": "RequestMirror"}))),
    always("CORS", Closed, |rig, route| filter(rig, route, &json!({"type": "CORS"}))),
    always("ExternalAuth", Closed, |rig, route| filter(rig, route, &json!({"type": "ExternalAuth"}))),
    always("a filter of another version", Closed, |rig, route| {
        filter(rig, route, &json!({"type": "Tomorrow"}));
    }),
    // matches
    always("a prefix with an asterisk", Absent, |rig, route| path_type(rig, route, "PathPrefix", "/*")),
    always("a prefix with a question mark", Absent, |rig, route| path_type(rig, route, "PathPrefix", "/?")),
    always("a path type of another version", Absent, |rig, route| path_type(rig, route, "Glob", "")),
    always("a header match of another version", Absent, |rig, route| {
        rule(rig, route, |rule| {
            rule["matches"][0]["headers"] = json!([{"type": "Glob", "name": "a", "value": "b"}]);
        });
    }),
    always("more values than a rule has", Absent, |rig, route| {
        rule(rig, route, |rule| {
            rule["matches"][0]["headers"] = json!([{"name": "a", "value": "1,2,3,4"}]);
        });
    }),
    always("more wildcards than a rule has", Absent, |rig, route| path_type(rig, route, "Exact", "/*?*?*?*")),
    always("a value that is too long", Absent, |rig, route| {
        rule(rig, route, |rule| {
            rule["matches"][0]["queryParams"] = json!([{"name": "a", "value": "b".repeat(129)}]);
        });
    }),
    // redirects
    always("redirect with 308", Closed, |rig, route| {
        redirect(rig, route, &json!({"scheme": "https", "statusCode": 308}));
    }),
    always("redirect with 303", Closed, |rig, route| {
        redirect(rig, route, &json!({"scheme": "https", "statusCode": 303}));
    }),
    always("redirect to ftp", Closed, |rig, route| {
        redirect(rig, route, &json!({"scheme": "ftp", "statusCode": 302}));
    }),
    always("redirect to a path with a wildcard", Closed, |rig, route| {
        redirect(
            rig,
            route,
            &json!({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/*"}, "statusCode": 302}),
        );
    }),
    always("a new prefix for an exact path", Closed, |rig, mut route| {
        route["spec"]["rules"][0]["matches"][0]["path"]["type"] = "Exact".into();
        let path = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"});
        filter(rig, route, &json!({"type": "URLRewrite", "urlRewrite": {"path": path}}));
    }),
    // backends
    always("a missing Service", Closed, |rig, route| {
        backend(rig, route, &json!({"name": "nobody", "port": 80}));
    }),
    always("a backend without a port", Closed, |rig, route| backend(rig, route, &json!({"name": "own"}))),
    always("an unknown port", Closed, |rig, route| backend(rig, route, &json!({"name": "own", "port": 81}))),
    always("an unknown kind", Closed, |rig, route| {
        backend(rig, route, &json!({"group": "example.com", "kind": "Bucket", "name": "own", "port": 80}));
    }),
    always("a Service of another namespace without a grant", Closed, |rig, route| {
        backend(rig, route, &json!({"name": "own", "namespace": "other", "port": 80}));
    }),
    keeps("too much weight", |rig, route| {
        backend(rig, route, &json!({"name": "own", "port": 80, "weight": 1000}));
    }),
    keeps("too many backends", |rig, route| {
        let names = ["own", "web", "api", "web-0", "web-1", "web-2"];
        let backends: Vec<Value> = names.iter().map(|name| json!({"name": name, "port": 80})).collect();
        rule(rig, route, |rule| rule["backendRefs"] = backends.into());
    }),
    always("too much weight without the backend that is live", Closed, |rig, route| {
        backend(rig, route, &json!({"name": "api", "port": 80, "weight": 1000}));
    }),
    always("no weight", Closed, |rig, route| {
        backend(rig, route, &json!({"name": "own", "port": 80, "weight": 0}));
    }),
    always("no backend", Closed, |rig, route| rule(rig, route, |rule| rule["backendRefs"] = json!([]))),
    always("a target group that nobody made", Closed, |rig, route| {
        backend(rig, route, &json!({"kind": "TargetGroupName", "name": "nobody"}));
    }),
    always("a missing Gateway", Closed, |rig, route| {
        backend(
            rig,
            route,
            &json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "nobody", "port": 80}),
        );
    }),
    always("a Service that is deleted", Closed, |rig, route| {
        rig.api.delete("services", NAMESPACE, "own");
        rig.api.put(route);
    }),
    // ListenerRuleConfigurations
    always("a missing ListenerRuleConfiguration", Closed, |rig, route| {
        filter(rig, route, &extension("nobody"));
    }),
    always("two ListenerRuleConfigurations", Closed, |rig, route| {
        rule(rig, route, |rule| rule["filters"] = json!([extension("a"), extension("b")]));
    }),
    always("a ListenerRuleConfiguration whose Secret is missing", Closed, |rig, route| {
        let oidc = json!({
            "issuer": "https://a", "authorizationEndpoint": "https://b", "tokenEndpoint": "https://c",
            "userInfoEndpoint": "https://d", "secret": {"name": "nobody"},
        });
        let actions = json!([{"type": "authenticate-oidc", "authenticateOIDCConfig": oidc}]);
        rule_configuration(rig, route, &json!({"actions": actions}), &json!({}));
    }),
    always("authentication on an HTTP listener", Closed, |rig, route| {
        let jwt = json!({"issuer": "https://a", "jwksEndpoint": "https://b"});
        let actions = json!([{"type": "jwt-validation", "jwtValidationConfig": jwt}]);
        rule_configuration(rig, route, &json!({"actions": actions}), &accepted());
    }),
    always("a redirect configuration without a redirect", Closed, |rig, route| {
        let actions = json!([{"type": "redirect", "redirectConfig": {"query": "a"}}]);
        rule_configuration(rig, route, &json!({"actions": actions}), &accepted());
    }),
    // target groups
    keeps("TCP behind an ALB", |rig, route| {
        target_group(rig, route, &json!({"targetType": "ip", "protocol": "TCP"}));
    }),
    keeps("instances without node ports", |rig, route| {
        target_group(rig, route, &json!({"targetType": "instance"}));
    }),
    keeps("a target control port for instances", |rig, route| {
        target_group(rig, route, &json!({"targetType": "instance", "targetControlPort": 3000}));
    }),
    keeps("a health check on an unknown port", |rig, route| {
        let check = json!({"healthCheckPort": "metrics"});
        target_group(rig, route, &json!({"targetType": "ip", "healthCheckConfig": check}));
    }),
    keeps("too many tags", |rig, route| {
        target_group(rig, route, &json!({"targetType": "ip", "tags": tags(60)}));
    }),
    keeps("a Service of IPv6 alone", |rig, route| {
        let mut service = fixtures::cluster_service("own", &[80]);
        service["spec"]["ipFamilies"] = json!(["IPv6"]);
        rig.api.put(service);
        rig.api.put(route);
    }),
    // parents
    always("an unknown section", Absent, |rig, route| {
        parent(rig, route, &json!({"name": "edge", "sectionName": "nobody"}));
    }),
    always("another port", Absent, |rig, route| parent(rig, route, &json!({"name": "edge", "port": 81}))),
    always("a parent of another kind", Absent, |rig, route| {
        parent(rig, route, &json!({"kind": "Service", "name": "edge"}));
    }),
    always("a Gateway that is not there", Absent, |rig, route| {
        parent(rig, route, &json!({"name": "nobody"}));
    }),
    // listeners beside
    always("a listener of another protocol", Served, |rig, route| {
        listener(rig, route, &json!({"name": "b", "port": 81, "protocol": "TCP"}));
    }),
    always("a listener with another protocol on the same port", Served, |rig, route| {
        listener(rig, route, &json!({"name": "b", "port": 80, "protocol": "HTTPS"}));
    }),
    always("a listener without a certificate", Served, |rig, route| {
        listener(rig, route, &json!({"name": "b", "port": 443, "protocol": "HTTPS"}));
    }),
    always("a listener whose host nobody has a certificate for", Served, |rig, route| {
        listener(
            rig,
            route,
            &json!({"name": "b", "port": 443, "protocol": "HTTPS", "hostname": "nobody.test"}),
        );
    }),
    always("a listener for routes that an ALB does not have", Served, |rig, route| {
        let kinds = json!([{"group": GATEWAY_API, "kind": "TCPRoute"}]);
        listener(
            rig,
            route,
            &json!({"name": "b", "port": 81, "protocol": "HTTP", "allowedRoutes": {"kinds": kinds}}),
        );
    }),
    always("a listener without a port", Served, |rig, route| {
        listener(rig, route, &json!({"name": "b", "port": 0, "protocol": "HTTP"}));
    }),
];
