//! Gateways, routes and their configurations that stand in one input know of each other.

use super::lint;

const SHOP: &str = r"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: alb}
spec: {controllerName: gateway.k8s.aws/alb}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: mesh}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: CLASS
  infrastructure: {parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: edge}}
  listeners: [{name: tcp, port: 80, protocol: TCP}]
---
apiVersion: gateway.k8s.aws/v1
kind: LoadBalancerConfiguration
metadata: {name: edge, namespace: shop}
spec:
  mergingMode: prefer-gateway
  disableSecurityGroup: true
  listenerConfigurations: [{protocolPort: TLS:443, alpnPolicy: HTTP2Only}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: web, port: 80, weight: 1000}]}]
";

/// What is said of the shop with a Gateway of this class, without files and lines.
fn said(class: &str) -> Vec<String> {
    let told = lint(&["-f", "-"], &SHOP.replace("CLASS", class)).text;
    let lines = told.lines().filter(|line| line.starts_with("stdin:"));
    lines.map(|line| line.splitn(3, ':').nth(2).unwrap().trim().to_owned()).collect()
}

#[test]
fn mistakes_of_our_gateways_are_errors_and_settings_of_the_other_type_are_warned_of() {
    assert_eq!(
        said("alb"),
        [
            "error: gateway/shop/edge: spec.listeners[0].protocol: Unsupported protocol TCP for listener tcp, expected HTTP or HTTPS",
            "warning: loadbalancerconfiguration/shop/edge: spec.mergingMode: has no effect: it is read from the configuration of a GatewayClass",
            "warning: loadbalancerconfiguration/shop/edge: spec.disableSecurityGroup: has no effect on an ALB",
            "warning: loadbalancerconfiguration/shop/edge: spec.listenerConfigurations[0].protocolPort: \"TLS:443\" has no effect: an ALB has no TLS listeners",
            "error: httproute/shop/web: spec.rules[0].backendRefs[0].weight: Weight [1000] must be less than or equal to 999",
        ]
    );
}

#[test]
fn nothing_is_said_of_gateways_and_routes_of_other_controllers() {
    let told = said("mesh");
    assert!(told.iter().all(|line| line.contains("loadbalancerconfiguration/")), "{told:#?}");
}

#[test]
fn mistakes_of_objects_that_may_be_anybodys_are_warnings() {
    let told = said("elsewhere");
    assert!(told.iter().all(|line| line.starts_with("warning: ")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("Weight [1000]")), "{told:#?}");
}

#[test]
fn versions_and_fields_are_compared_with_those_that_there_are() {
    let manifest = |version: &str, kind: &str, spec: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n---\n")
    };
    let input = [
        manifest("gateway.networking.k8s.io/v1alpha2", "TCPRoute", "{parentRefs: [{name: a}]}"),
        manifest("gateway.k8s.aws/v1beta1", "TargetGroupConfiguration", "{}"),
        manifest("v1", "Gateway", "{}"),
        manifest("networking.istio.io/v1", "Gateway", "{}"),
        manifest("gateway.networking.k8s.io/v1", "Gateway", "{listners: [], addresses: []}"),
        manifest("gateway.k8s.aws/v1", "LoadBalancerConfiguration", "{scheme: null, loadBalancerNmae: a}"),
    ];
    let said = lint(&["-f", "-"], &input.concat());
    for expected in [
        "warning: tcproute/a: apiVersion: gateway.networking.k8s.io/v1alpha2 is not what the controller reads",
        "warning: targetgroupconfiguration/a: apiVersion: gateway.k8s.aws/v1beta1 is deprecated; write gateway.k8s.aws/v1",
        "error: gateway/a: apiVersion: v1 has no Gateway; write gateway.networking.k8s.io/v1",
        "error: gateway/a: spec.listners: unknown field \"listners\", which the API server refuses or drops; did you mean `listeners`?",
        "error: loadbalancerconfiguration/a: spec.loadBalancerNmae: unknown field \"loadBalancerNmae\", which the API server refuses or drops; did you mean `loadBalancerName`?",
        "warning: loadbalancerconfiguration/a: spec.scheme: is null and has no effect; remove it, or give it a value",
        "5 objects checked, 1 passed over (1 Gateway)",
    ] {
        assert!(said.text.contains(expected), "{}\nlacks {expected}", said.text);
    }
}

#[test]
fn listener_sets_are_judged_beside_their_gateway_and_each_other() {
    let set = |name: &str, namespace: &str, port: u16, host: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{parentRef: {{name: edge, namespace: shop}}, listeners: [{{name: a, port: {port}, protocol: HTTP, hostname: {host}}}]}}\n"
        )
    };
    let gateway = SHOP
        .replace("CLASS", "alb")
        .replace("[{name: tcp, port: 80, protocol: TCP}]", "[{name: http, port: 80, protocol: HTTP, hostname: a.com}]")
        .replace("  gatewayClassName", "  allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {team: web}}}}\n  gatewayClassName");
    let namespaces = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web, labels: {team: web}}\n\
                      ---\napiVersion: v1\nkind: Namespace\nmetadata: {name: api}\n";
    let sets = [
        set("first", "web", 81, "b.com"),
        set("gateway-first", "web", 80, "a.com"),
        set("second", "web", 81, "b.com"),
        set("refused", "api", 82, "c.com"),
        set("unknown", "elsewhere", 82, "c.com"),
    ];
    let told = lint(&["-f", "-"], &format!("{gateway}{namespaces}{}", sets.concat())).text;
    let said: Vec<&str> = told.lines().filter(|line| line.contains("listenerset/")).collect();
    let expected = [
        "error: listenerset/web/gateway-first: spec.listeners[0].hostname: Hostname conflict for port 80 with hostname a.com",
        "error: listenerset/web/second: spec.listeners[0].hostname: Hostname conflict for port 81 with hostname b.com",
        "error: listenerset/api/refused: spec.parentRef: Parent Gateway rejected ListenerSet; let spec.allowedListeners of Gateway shop/edge admit namespace api",
    ];
    assert_eq!(said.len(), expected.len(), "{told}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.ends_with(expected), "{said}\n{expected}");
    }
}
