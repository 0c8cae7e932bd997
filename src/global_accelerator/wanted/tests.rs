#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value)] // why: manifests are written in place

use super::*;
use crate::global_accelerator::LoadBalancer;
use crate::global_accelerator::fixture::{
    EndpointFixture, accelerator, arn, config, facts, host, key, object, open_listener, service,
};
use serde_json::{Value, json};
use std::sync::Arc;

fn built(spec: Value, objects: &EndpointFixture, facts: &AcceleratorFacts) -> BuiltAccelerator {
    build(&accelerator(spec), objects, facts, &config()).unwrap()
}

fn refusal(spec: Value, objects: &EndpointFixture, facts: &AcceleratorFacts) -> String {
    match build(&accelerator(spec), objects, facts, &config()) {
        Err(AcceleratorBuildError::Invalid(message) | AcceleratorBuildError::Endpoint(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn web() -> EndpointFixture {
    EndpointFixture::default().with_service(service("shop", "web", &[(80, "TCP")]))
}

fn listening(built: &BuiltAccelerator) -> Vec<String> {
    let listeners = built.accelerator.listeners.as_ref().unwrap().iter();
    let ranges = |listener: &Listener| {
        let ranges = listener.port_ranges.iter().map(|range| format!("{}-{}", range.from, range.to));
        ranges.collect::<Vec<_>>().join(",")
    };
    listeners.map(|listener| format!("{} {}", listener.protocol, ranges(listener))).collect()
}

#[test]
fn an_accelerator_has_a_name_tags_and_no_listeners_unless_they_are_given() {
    let built =
        built(json!({"tags": {"team": "a"}}), &EndpointFixture::default(), &AcceleratorFacts::default());
    let Accelerator { name, ip_address_type, tags, listeners, .. } = built.accelerator;
    assert!(name.starts_with("k8s_shop_edge_"), "{name}");
    assert_eq!(ip_address_type.as_str(), "IPV4");
    assert_eq!(listeners, Some(vec![]));
    let expected = json!({
        "aga.k8s.aws/resource": "GlobalAccelerator", "aga.k8s.aws/stack": "shop/edge",
        "elbv2.k8s.aws/cluster": "demo", "elbv2.k8s.aws/cluster-region": "us-west-2", "team": "a",
    });
    assert_eq!(json!(tags), expected);
}

#[test]
fn default_tags_win_unless_the_gate_says_otherwise() {
    let object = accelerator(json!({"tags": {"team": "a", "aga.k8s.aws/stack": "mine"}}));
    for (is_low, team) in [(false, "b"), (true, "a")] {
        let mut config = config();
        config.default_tags = Tags::from([("team".to_owned(), "b".to_owned())]);
        config.features.enable_default_tags_low_priority = is_low;
        let built =
            build(&object, &EndpointFixture::default(), &AcceleratorFacts::default(), &config).unwrap();
        assert_eq!(built.accelerator.tags["team"], team);
        assert_eq!(built.accelerator.tags["aga.k8s.aws/stack"], "shop/edge");
    }
    let mut config = config();
    config.external_managed_tags = BTreeSet::from(["team".to_owned()]);
    let refused =
        build(&object, &EndpointFixture::default(), &AcceleratorFacts::default(), &config).unwrap_err();
    assert!(refused.to_string().contains("external managed tag key team"), "{refused}");
}

#[test]
fn protocols_and_ports_are_discovered() {
    let ports = [(80, "TCP"), (81, "TCP"), (443, "TCP"), (53, "UDP")];
    let objects = EndpointFixture::default().with_service(service("shop", "web", &ports));
    let endpoint = json!({"type": "Service", "name": "web"});
    let found = built(open_listener(endpoint.clone()), &objects, &facts(&["web"]));
    assert_eq!(listening(&found), ["TCP 80-81,443-443", "UDP 53-53"]);
    for listener in found.accelerator.listeners.unwrap() {
        assert_eq!(listener.groups[0].endpoints[0].id, arn("web"));
    }
    let mut only_udp = open_listener(endpoint.clone());
    only_udp["listeners"][0]["protocol"] = "UDP".into();
    assert_eq!(listening(&built(only_udp, &objects, &facts(&["web"]))), ["UDP 53-53"]);
    let mut only_ports = open_listener(endpoint);
    only_ports["listeners"][0]["portRanges"] = json!([{"fromPort": 1, "toPort": 9}]);
    assert_eq!(listening(&built(only_ports, &objects, &facts(&["web"]))), ["TCP 1-9", "UDP 1-9"]);
}

#[test]
fn a_load_balancer_that_is_named_by_its_arn_is_asked_for_its_listeners() {
    let spec = open_listener(json!({"type": "EndpointID", "endpointID": "arn"}));
    let asked = build(&accelerator(spec.clone()), &EndpointFixture::default(), &facts(&[]), &config());
    let lookup = AcceleratorLookup::Listeners("arn".to_owned());
    assert_eq!(asked, Err(AcceleratorBuildError::Missing(vec![lookup])));
    let mut facts = facts(&[]);
    let served = [("HTTPS".to_owned(), 443), ("HTTP".to_owned(), 80)];
    facts.listeners.insert("arn".to_owned(), served.to_vec());
    assert_eq!(listening(&built(spec.clone(), &EndpointFixture::default(), &facts)), ["TCP 80-80,443-443"]);
    facts.listeners.insert("arn".to_owned(), vec![("TCP_UDP".to_owned(), 53)]);
    assert!(refusal(spec, &EndpointFixture::default(), &facts).contains("TCP_UDP is not supported"));
}

#[test]
fn what_cannot_be_discovered_is_refused() {
    let both = EndpointFixture::default().with_service(service("shop", "web", &[(53, "TCP"), (53, "UDP")]));
    let endpoint = json!({"type": "Service", "name": "web"});
    let refused = refusal(open_listener(endpoint.clone()), &both, &facts(&["web"]));
    assert!(refused.contains("same port 53 for endpoint shop/web"), "{refused}");
    let mut udp = open_listener(endpoint.clone());
    udp["listeners"][0]["protocol"] = "UDP".into();
    assert!(refusal(udp, &web(), &facts(&["web"])).contains("serves no UDP port"));
    let mut two = open_listener(endpoint.clone());
    two["listeners"][0]["endpointGroups"][0]["endpoints"] = json!([endpoint.clone(), endpoint]);
    let refused = refusal(two, &web(), &facts(&["web"]));
    assert!(refused.starts_with("listener protocol must be specified in spec.listeners[0]"), "{refused}");
    let refused = refusal(json!({"listeners": [{"protocol": "TCP"}]}), &web(), &facts(&["web"]));
    assert!(refused.starts_with("listener port ranges must be specified"), "{refused}");
    let many: Vec<(i32, &str)> = (0..11).map(|port| (80 + 2 * port, "TCP")).collect();
    let many = EndpointFixture::default().with_service(service("shop", "web", &many));
    let refused = refusal(open_listener(json!({"type": "Service", "name": "web"})), &many, &facts(&["web"]));
    assert!(refused.contains("11 separate ranges"), "{refused}");
}

#[test]
fn a_load_balancer_that_is_not_there_yet_is_waited_for_and_no_mistake() {
    let spec = || open_listener(json!({"type": "Service", "name": "web"}));
    let missing = built(spec(), &EndpointFixture::default(), &facts(&[]));
    assert_eq!(missing.accelerator.listeners, None);
    assert_eq!(missing.waiting[0].to_string(), "Service shop/web: it does not exist");
    let mut provisioning = facts(&[]);
    provisioning.load_balancers.insert(host("web"), LoadBalancer::Provisioning);
    let waits = built(spec(), &web(), &provisioning);
    assert_eq!(waits.accelerator.listeners, None);
    assert!(waits.waiting[0].reason.recheck().is_some());
    let without_ports = EndpointFixture::default().with_service(service("shop", "web", &[]));
    assert_eq!(built(spec(), &without_ports, &facts(&["web"])).accelerator.listeners, None);
}

#[test]
fn endpoints_that_cannot_be_used_are_left_out_and_named() {
    let plain: crate::api::Service = object(json!({
        "metadata": {"name": "plain", "namespace": "shop"}, "spec": {"type": "NodePort"},
    }));
    let mut objects = web().with_service(Arc::new(plain));
    objects.has_no_gateway_api = true;
    let endpoints: Vec<Value> = [
        ("Service", "web", "shop"),
        ("Service", "gone", ""),
        ("Service", "plain", "shop"),
        ("Gateway", "edge", "shop"),
        ("Service", "web", "other"),
    ]
    .iter()
    .map(|(kind, name, namespace)| json!({"type": kind, "name": name, "namespace": namespace}))
    .collect();
    let spec = json!({"listeners": [{
        "protocol": "TCP", "portRanges": [{"fromPort": 80, "toPort": 80}],
        "endpointGroups": [{"endpoints": endpoints}],
    }]});
    let built = built(spec, &objects, &facts(&["web"]));
    let words: Vec<String> = built.waiting.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "Service shop/gone: it does not exist",
            "Service shop/plain: it is not of type LoadBalancer",
            "Gateway shop/edge: Gateway API is not installed",
            "Service other/web: no ReferenceGrant in namespace other allows GlobalAccelerators of namespace shop",
        ]
    );
    let listeners = built.accelerator.listeners.unwrap();
    assert_eq!(listeners[0].groups[0].endpoints.len(), 1);
}

#[test]
fn a_grant_allows_what_it_names() {
    let grant = |to: Value, from: &str| -> Arc<crate::api::gateway::ReferenceGrant> {
        Arc::new(object(json!({
            "metadata": {"name": "aga", "namespace": "other"},
            "spec": {
                "from": [{"group": "aga.k8s.aws", "kind": "GlobalAccelerator", "namespace": from}],
                "to": [to],
            },
        })))
    };
    let service_of_other = || service("other", "web", &[(80, "TCP")]);
    let spec = || open_listener(json!({"type": "Service", "name": "web", "namespace": "other"}));
    for (to, from, is_allowed) in [
        (json!({"group": "", "kind": "Service"}), "shop", true),
        (json!({"group": "", "kind": "Service", "name": "web"}), "shop", true),
        (json!({"group": "", "kind": "Service", "name": "api"}), "shop", false),
        (json!({"group": "", "kind": "Service"}), "third", false),
        (json!({"group": "networking.k8s.io", "kind": "Ingress"}), "shop", false),
    ] {
        let mut objects = EndpointFixture::default().with_service(service_of_other());
        objects.grants = vec![grant(to.clone(), from)];
        let built = built(spec(), &objects, &facts(&["web"]));
        assert_eq!(built.waiting.is_empty(), is_allowed, "{to} {from}");
    }
}

#[test]
fn each_mention_of_an_endpoint_has_its_own_weight() {
    let listener = |port: i32, weight: i32| {
        json!({
            "protocol": "TCP", "portRanges": [{"fromPort": port, "toPort": port}],
            "endpointGroups": [{"endpoints": [{"type": "Service", "name": "web", "weight": weight}]}],
        })
    };
    let spec = json!({"listeners": [listener(80, 1), listener(81, 99)]});
    let listeners = built(spec, &web(), &facts(&["web"])).accelerator.listeners.unwrap();
    let weights: Vec<Option<i32>> =
        listeners.iter().map(|listener| listener.groups[0].endpoints[0].weight).collect();
    assert_eq!(weights, [Some(1), Some(99)]);
}

#[test]
fn port_overrides_that_aws_would_refuse_are_refused() {
    let listener = |port: i32, overrides: Value| {
        json!({
            "protocol": "TCP", "portRanges": [{"fromPort": port, "toPort": port}],
            "endpointGroups": [{"portOverrides": overrides}],
        })
    };
    let one = |from: i32, to: i32| json!({"listenerPort": from, "endpointPort": to});
    let none = json!([]);
    for (listeners, words) in [
        (vec![listener(80, json!([one(81, 8080)]))], "port override listener port 81 is not within"),
        (vec![listener(80, json!([one(80, 8080), one(80, 8081)]))], "duplicate listener port 80"),
        (
            vec![listener(80, json!([one(80, 443)])), listener(443, none)],
            "endpoint port 443 of a port override of spec.listeners[0] conflicts",
        ),
        (
            vec![listener(80, json!([one(80, 8080)])), listener(81, json!([one(81, 8080)]))],
            "duplicate endpoint port 8080: the same endpoint port",
        ),
    ] {
        let refused = refusal(json!({"listeners": listeners}), &EndpointFixture::default(), &facts(&[]));
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn two_groups_of_a_listener_in_one_region_are_refused() {
    let spec = json!({"listeners": [{
        "protocol": "TCP", "portRanges": [{"fromPort": 80, "toPort": 80}],
        "endpointGroups": [{}, {"region": "us-west-2"}],
    }]});
    let refused = refusal(spec, &EndpointFixture::default(), &facts(&[]));
    assert!(refused.contains("spec.listeners[0].endpointGroups[1]"), "{refused}");
}

#[test]
fn an_empty_endpoint_id_is_refused() {
    let spec = open_listener(json!({"type": "EndpointID", "endpointID": ""}));
    assert!(refusal(spec, &EndpointFixture::default(), &facts(&[])).contains("empty endpointID"));
}

#[test]
fn the_alb_of_an_ingress_is_told_from_the_nlb_in_front_of_it() {
    let mut objects = EndpointFixture::default();
    let ingress = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "status": {"loadBalancer": {"ingress": [
            {"hostname": "web-1.us-west-2.elb.amazonaws.com", "ports": [{"port": 80, "protocol": "TCP"}]},
            {"hostname": "front-2.elb.us-west-2.amazonaws.com", "ports": [{"port": 9, "protocol": "TCP"}]},
        ]}},
    });
    objects.ingresses.insert(key("web"), Arc::new(object(ingress)));
    let mut facts = facts(&[]);
    let host = "web-1.us-west-2.elb.amazonaws.com".to_owned();
    facts.load_balancers.insert(host, LoadBalancer::Ready("alb".to_owned()));
    let built = built(open_listener(json!({"type": "Ingress", "name": "web"})), &objects, &facts);
    assert_eq!(listening(&built), ["TCP 80-80"]);
    assert_eq!(built.accelerator.listeners.unwrap()[0].groups[0].endpoints[0].id, "alb");
}
