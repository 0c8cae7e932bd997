use serde_json::json;

use super::super::fixture::{LENIENT, STRICT, World};
use super::super::route::RouteKind;
use super::*;

fn spec(yaml: &str) -> LoadBalancerConfigurationSpec {
    serde_saphyr::from_str(yaml).unwrap()
}

/// The merged settings, written as YAML is read.
fn merged(of_class: Option<&str>, of_gateway: Option<&str>, options: GatewayOptions) -> serde_json::Value {
    let merged = merge_load_balancers(of_class.map(spec), of_gateway.map(spec), options);
    serde_json::to_value(merged).unwrap()
}

#[test]
fn settings_of_class_and_gateway_are_merged() {
    let cases = [
        (None, None, json!({})),
        (
            Some("{mergingMode: prefer-gateway, scheme: internal}"),
            None,
            json!({"mergingMode": "prefer-gateway", "scheme": "internal"}),
        ),
        (None, Some("{scheme: internal}"), json!({"scheme": "internal"})),
        (Some("{scheme: internal}"), Some("{scheme: internet-facing}"), json!({"scheme": "internal"})),
        (
            Some("{scheme: internal, mergingMode: prefer-gateway}"),
            Some("{scheme: internet-facing}"),
            json!({"scheme": "internet-facing"}),
        ),
        // The Gateway's own mode counts for nothing.
        (
            Some("{scheme: internal}"),
            Some("{scheme: internet-facing, mergingMode: prefer-gateway}"),
            json!({"scheme": "internal"}),
        ),
        (Some("{}"), Some("{ipAddressType: dualstack}"), json!({"ipAddressType": "dualstack"})),
        // Lists are taken whole, also an empty one.
        (
            Some("{securityGroups: [], sourceRanges: [10.0.0.0/8]}"),
            Some("{securityGroups: [sg-1], sourceRanges: [0.0.0.0/0], securityGroupPrefixes: [pl-1]}"),
            json!({"securityGroups": [], "sourceRanges": ["10.0.0.0/8"], "securityGroupPrefixes": ["pl-1"]}),
        ),
        (
            Some("{loadBalancerSubnets: [{identifier: a}]}"),
            Some(
                "{loadBalancerSubnets: [{identifier: b}, {identifier: c}], loadBalancerSubnetsSelector: {k: [v]}}",
            ),
            json!({"loadBalancerSubnets": [{"identifier": "a"}], "loadBalancerSubnetsSelector": {"k": ["v"]}}),
        ),
        // Tags, attributes and listeners by key.
        (
            Some("{tags: {a: class, b: class}}"),
            Some("{tags: {a: own, c: own}}"),
            json!({"tags": {"a": "class", "b": "class", "c": "own"}}),
        ),
        (
            Some("{loadBalancerAttributes: [{key: z, value: class}, {key: b, value: class}]}"),
            Some("{loadBalancerAttributes: [{key: z, value: own}, {key: a, value: own}]}"),
            json!({"loadBalancerAttributes": [
                {"key": "a", "value": "own"}, {"key": "b", "value": "class"}, {"key": "z", "value": "class"},
            ]}),
        ),
        (
            Some("{listenerConfigurations: [{protocolPort: 'HTTPS:443', sslPolicy: class}]}"),
            Some(
                "{listenerConfigurations: [{protocolPort: 'HTTPS:443', defaultCertificate: own}, {protocolPort: 'HTTP:80'}]}",
            ),
            json!({"listenerConfigurations": [
                {"protocolPort": "HTTP:80"}, {"protocolPort": "HTTPS:443", "sslPolicy": "class"},
            ]}),
        ),
        (
            Some("{wafV2: {webACL: class}, shieldConfiguration: {enabled: true}, enableICMP: true}"),
            Some("{wafV2: {webACL: own}, disableSecurityGroup: true, manageBackendSecurityGroupRules: true}"),
            json!({
                "wafV2": {"webACL": "class"}, "shieldConfiguration": {"enabled": true}, "enableICMP": true,
                "disableSecurityGroup": true, "manageBackendSecurityGroupRules": true,
            }),
        ),
    ];
    for (of_class, of_gateway, expected) in cases {
        assert_eq!(merged(of_class, of_gateway, LENIENT), expected, "{of_class:?} {of_gateway:?}");
    }
}

#[test]
fn a_capacity_is_lost_where_two_are_merged_unless_strict() {
    let capacity = Some("{minimumLoadBalancerCapacity: {capacityUnits: 5}}");
    let kept = json!({"minimumLoadBalancerCapacity": {"capacityUnits": 5}});
    assert_eq!(merged(capacity, None, LENIENT), kept);
    assert_eq!(merged(capacity, Some("{}"), LENIENT), json!({}));
    assert_eq!(merged(capacity, Some("{}"), STRICT), kept);
    assert_eq!(merged(Some("{}"), capacity, STRICT), kept);
}

const WORLD: &str = r"
kind: GatewayClass
name: plain
spec: {controllerName: gateway.k8s.aws/alb}
status: {conditions: [{type: Accepted, status: 'True', reason: Accepted, message: '', lastTransitionTime: '2026-01-01T00:00:00Z'}]}
---
kind: LoadBalancerConfiguration
name: infra/of-class
metadata: {resourceVersion: '12'}
spec: {scheme: internal, defaultTargetGroupConfiguration: {name: defaults}}
---
kind: LoadBalancerConfiguration
name: team/own
spec: {ipAddressType: dualstack, defaultTargetGroupConfiguration: {name: own-defaults}}
---
kind: LoadBalancerConfiguration
name: team/broken
spec: {defaultTargetGroupConfiguration: {name: of-service}}
---
kind: LoadBalancerConfiguration
name: team/dangling
spec: {defaultTargetGroupConfiguration: {name: absent}}
---
kind: TargetGroupConfiguration
name: infra/defaults
metadata: {resourceVersion: '34'}
spec:
  defaultConfiguration: {targetType: ip, tags: {a: class}}
  routeConfigurations: [{routeIdentifier: {kind: HTTPRoute}, targetGroupProps: {targetType: instance}}]
---
kind: TargetGroupConfiguration
name: team/own-defaults
spec: {defaultConfiguration: {protocol: HTTPS, tags: {a: own, b: own}}}
---
kind: TargetGroupConfiguration
name: team/of-service
spec: {targetReference: {name: web}}
---
kind: Gateway
name: team/gateway
";

fn world(class_ref: Option<&str>, gateway_ref: Option<&str>) -> (World, GatewayClass, Gateway) {
    let world = World::read(WORLD);
    let mut class = (*world.classes[0]).clone();
    class.spec.parameters_ref = class_ref.map(|name| {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        serde_json::from_value(match namespace {
            "" => json!({"name": name}),
            _ => json!({"name": name, "namespace": namespace}),
        })
        .unwrap()
    });
    let mut gateway = (*world.gateways[0]).clone();
    gateway.spec.infrastructure =
        gateway_ref.map(|name| serde_json::from_value(json!({"parametersRef": {"name": name}})).unwrap());
    (world, class, gateway)
}

#[test]
fn a_gateway_has_the_configuration_of_its_class_and_its_own() {
    let (world, class, gateway) = world(Some("infra/of-class"), Some("own"));
    let config = resolve(&class, &gateway, &world, LENIENT).unwrap();
    assert_eq!(
        serde_json::to_value(&config.load_balancer).unwrap(),
        json!({"scheme": "internal", "ipAddressType": "dualstack", "defaultTargetGroupConfiguration": {"name": "defaults"}}),
    );
    let defaults = serde_json::to_value(config.default_target_group).unwrap();
    assert_eq!(
        defaults["defaultConfiguration"],
        json!({"targetType": "ip", "protocol": "HTTPS", "tags": {"a": "class", "b": "own"}}),
    );
    assert_eq!(defaults["routeConfigurations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_configuration_that_is_not_there_is_told() {
    let cases = [
        (
            Some("of-class"),
            None,
            "Namespace must be specified in ParametersRef for LoadBalancerConfiguration",
        ),
        (Some("infra/absent"), None, "LoadBalancerConfiguration.gateway.k8s.aws \"absent\" not found"),
        (None, Some("absent"), "LoadBalancerConfiguration.gateway.k8s.aws \"absent\" not found"),
        (
            None,
            Some("dangling"),
            "failed to resolve default TargetGroupConfiguration \"absent\" referenced by Gateway LoadBalancerConfiguration \"dangling\" in namespace \"team\": TargetGroupConfiguration.gateway.k8s.aws \"absent\" not found",
        ),
        (
            Some("team/broken"),
            None,
            "failed to resolve default TargetGroupConfiguration \"of-service\" referenced by GatewayClass LoadBalancerConfiguration \"broken\" in namespace \"team\": TargetGroupConfiguration \"of-service\" in namespace \"team\" has targetReference set and cannot be used as a defaultTargetGroupConfiguration — a default TGC must not have targetReference",
        ),
    ];
    for (class_ref, gateway_ref, expected) in cases {
        let (world, class, gateway) = world(class_ref, gateway_ref);
        let error = resolve(&class, &gateway, &world, LENIENT).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let (world, mut class, gateway) = world(None, None);
    assert_eq!(resolve(&class, &gateway, &world, LENIENT), Ok(GatewayConfig::default()));
    class.status = None;
    let error = resolve(&class, &gateway, &world, LENIENT).unwrap_err();
    assert_eq!(error.to_string(), "Unable to materialize gateway when gateway class [plain] is not accepted");
}

#[test]
fn the_version_of_a_configuration_is_that_of_its_parts() {
    let world = World::read(WORLD);
    let configuration = &*world.load_balancers[0];
    let defaults = default_target_group("GatewayClass", Some(configuration), &world).unwrap();
    assert_eq!(processed_version(None, None), "");
    assert_eq!(processed_version(Some(configuration), None), "12");
    assert_eq!(processed_version(Some(configuration), defaults.as_deref()), "12-34");
}

#[test]
fn the_closest_settings_for_a_route_count() {
    let entry = |kind: &str, namespace: &str, name: &str, value: &str| {
        format!(
            "{{routeIdentifier: {{kind: {kind:?}, namespace: {namespace:?}, name: {name:?}}}, targetGroupProps: {{targetGroupName: {value}}}}}"
        )
    };
    let kind = entry("HTTPRoute", "", "", "kind");
    let place = entry("HTTPRoute", "team", "", "namespace");
    let exact = entry("HTTPRoute", "team", "web", "exact");
    let cases = [
        (vec![], "base"),
        (vec![&kind], "kind"),
        (vec![&kind, &place], "namespace"),
        (vec![&place, &kind], "namespace"),
        (vec![&kind, &place, &exact], "exact"),
    ];
    let others = [
        entry("", "team", "web", "no-kind"),
        entry("GRPCRoute", "team", "web", "other-kind"),
        entry("HTTPRoute", "", "web", "name-without-namespace"),
        entry("HTTPRoute", "team", "api", "other-name"),
        entry("HTTPRoute", "elsewhere", "", "other-namespace"),
    ];
    for (entries, expected) in cases {
        let all: Vec<&str> = others.iter().chain(entries.iter().copied()).map(String::as_str).collect();
        let configuration = format!(
            "kind: TargetGroupConfiguration\nname: team/c\nspec: {{targetReference: {{name: svc}}, defaultConfiguration: {{targetGroupName: base, targetType: ip}}, routeConfigurations: [{}]}}",
            all.join(", ")
        );
        let world = World::read(&configuration);
        let route = RouteId { key: ObjectKey::namespaced("team", "web"), kind: RouteKind::Http };
        let props =
            target_group_props("Service", &ObjectKey::namespaced("team", "svc"), &route, None, &world)
                .unwrap();
        assert_eq!(props.target_group_name.as_deref(), Some(expected));
        assert_eq!(
            props.target_type.map(|type_| type_.to_string()).as_deref(),
            Some("ip"),
            "what is not overridden stays"
        );
    }
}

#[test]
fn settings_of_a_service_win_over_the_default() {
    let world = World::read(
        r"
kind: TargetGroupConfiguration
name: team/b
spec:
  targetReference: {name: svc, kind: Service}
  defaultConfiguration:
    protocol: HTTPS
    healthCheckConfig: {healthCheckPath: /own}
    targetGroupAttributes: [{key: z, value: own}]
---
kind: TargetGroupConfiguration
name: team/a
spec: {targetReference: {name: svc, kind: Gateway}, defaultConfiguration: {targetGroupName: of-gateway}}
---
kind: TargetGroupConfiguration
name: team/z
spec: {targetReference: {name: svc}, defaultConfiguration: {targetGroupName: second}}
",
    );
    let default: TargetGroupConfigurationSpec = serde_saphyr::from_str(
        "defaultConfiguration: {protocol: HTTP, enableMultiCluster: true, healthCheckConfig: {healthCheckInterval: 7}, targetGroupAttributes: [{key: z, value: class}, {key: a, value: class}]}",
    )
    .unwrap();
    let route = RouteId { key: ObjectKey::namespaced("team", "web"), kind: RouteKind::Http };
    let props = |kind: &str, name: &str, default: Option<&TargetGroupConfigurationSpec>| {
        let props = target_group_props(kind, &ObjectKey::namespaced("team", name), &route, default, &world);
        serde_json::to_value(props).unwrap()
    };
    assert_eq!(
        props("Service", "svc", Some(&default)),
        json!({
            "protocol": "HTTPS", "enableMultiCluster": true, "healthCheckConfig": {"healthCheckPath": "/own"},
            "targetGroupAttributes": [{"key": "a", "value": "class"}, {"key": "z", "value": "own"}],
        }),
    );
    assert_eq!(props("Gateway", "svc", None), json!({"targetGroupName": "of-gateway"}));
    assert_eq!(props("Service", "other", None), json!(null));
    assert_eq!(props("Service", "other", Some(&default))["protocol"], "HTTP");
}
