#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod backends;
mod frontend;
mod listeners;
mod robustness;

use super::*;
use crate::annotations::service as keys;
use crate::aws_api::Ref;
use crate::aws_api::ec2::{Subnet, Vpc};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::facts::{ExistingLoadBalancer, Lookup, SubnetLookup};
use crate::finding::Severity;
use serde_json::{Value, json};

const PREFIX: &str = "service.beta.kubernetes.io/";

/// Annotations, or other keys with values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A Service `web-team/edge-gateway` of our class; annotations without their prefix.
fn service(annotations: Pairs<'_>, spec: &Value) -> Service {
    let annotations: serde_json::Map<String, Value> =
        annotations.iter().map(|(key, value)| (format!("{PREFIX}{key}"), json!(value))).collect();
    let mut full = json!({
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"}],
    });
    full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "metadata": {
            "namespace": "web-team",
            "name": "edge-gateway",
            "uid": "11111111-2222-3333-4444-555555555555",
            "annotations": annotations,
        },
        "spec": full,
    }))
    .unwrap()
}

fn plain(annotations: Pairs<'_>) -> Service {
    service(annotations, &json!({}))
}

fn config() -> Config {
    Config { cluster_name: "prod-1".into(), vpc_id: "vpc-0aaa1111bbb2222cc".into(), ..Config::default() }
}

fn subnet(id: &str, zone: &str, number: u8) -> Subnet {
    Subnet {
        id: id.into(),
        availability_zone: format!("us-west-2{zone}"),
        availability_zone_id: format!("usw2-az{zone}"),
        cidr_block: format!("10.0.{number}.0/24"),
        ipv6_cidr_blocks: vec![(format!("2001:db8:0:{number}::/64"), true)],
        available_ip_address_count: 200,
        ..Subnet::default()
    }
}

/// A world with two subnets of either kind, a backend security group, and no load balancer yet.
fn facts() -> Facts {
    let mut facts = Facts::default();
    let subnets = vec![subnet("subnet-0a", "a", 1), subnet("subnet-0b", "b", 2)];
    for role in ["kubernetes.io/role/elb", "kubernetes.io/role/internal-elb"] {
        let values = vec![String::new(), "1".into()];
        facts.subnets.insert(SubnetLookup::Tags(vec![(role.into(), values)]), Ok(subnets.clone()));
    }
    facts.subnets.insert(SubnetLookup::Ids(vec!["subnet-0b".into()]), Ok(subnets[1..].to_vec()));
    facts.zone_types =
        ["a", "b"].iter().map(|zone| (format!("usw2-az{zone}"), Ok("availability-zone".into()))).collect();
    facts.existing_load_balancers.insert(stack_id(&plain(&[])), Ok(vec![]));
    facts.backend_security_group.insert((), Ok("sg-0backend00000001".into()));
    let vpc = Vpc {
        id: "vpc-0aaa1111bbb2222cc".into(),
        ipv4_cidr_blocks: vec!["10.0.0.0/16".into(), "100.64.0.0/16".into()],
        ipv6_cidr_blocks: vec!["2001:db8::/56".into()],
        ..Vpc::default()
    };
    facts.vpc.insert((), Ok(vpc));
    facts
}

/// Facts with a load balancer of the stack in subnet-0b.
fn facts_with(scheme: Scheme, security_groups: &[&str]) -> Facts {
    let mut facts = facts();
    let existing = ExistingLoadBalancer {
        arn: "arn:lb".into(),
        kind: LoadBalancerType::Network,
        scheme,
        ip_address_type: IpAddressType::Ipv4,
        subnet_ids: vec!["subnet-0b".into()],
        security_groups: security_groups.iter().map(ToString::to_string).collect(),
        resource_id: Some("LoadBalancer".into()),
    };
    facts.existing_load_balancers.insert(stack_id(&plain(&[])), Ok(vec![existing]));
    facts
}

fn built(service: &Service) -> Built {
    build(service, &facts(), &config()).unwrap()
}

fn stack(annotations: Pairs<'_>) -> Stack {
    built(&plain(annotations)).stack
}

fn refusal_of(result: Result<Built, BuildError>) -> String {
    match result {
        Err(BuildError::Invalid(finding)) => {
            assert_eq!(finding.severity, Severity::Error);
            assert_eq!(finding.object.to_string(), "service/web-team/edge-gateway");
            finding.to_string().replace("service/web-team/edge-gateway ", "").replace(PREFIX, "")
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(annotations: Pairs<'_>) -> String {
    refusal_of(build(&plain(annotations), &facts(), &config()))
}

fn warnings(built: &Built) -> Vec<String> {
    built.findings.iter().map(|finding| finding.message.clone()).collect()
}

#[test]
fn class_and_annotations_select_services() {
    let ip = ("aws-load-balancer-nlb-target-type", "ip");
    let kind = |value| ("aws-load-balancer-type", value);
    let ours = json!({});
    let theirs = json!({"loadBalancerClass": "other"});
    let none = json!({"loadBalancerClass": null});
    let node_port = json!({"loadBalancerClass": null, "type": "NodePort"});
    let cases: &[(Pairs<'_>, &Value, bool)] = &[
        (&[], &ours, true),
        (&[kind("nlb")], &ours, true),
        (&[kind("external"), ip], &theirs, false),
        (&[], &none, false),
        (&[kind("nlb-ip")], &none, true),
        (&[kind("external"), ip], &none, true),
        (&[kind("external"), ("aws-load-balancer-nlb-target-type", "instance")], &node_port, true),
        (&[kind("external")], &none, false),
        (&[kind("external"), ("aws-load-balancer-nlb-target-type", "IP")], &none, false),
        (&[kind("nlb"), ip], &none, false),
        (&[kind("")], &none, false),
    ];
    for (annotations, spec, selected) in cases {
        assert_eq!(is_selected(&service(annotations, spec), &config()), *selected, "{annotations:?} {spec}");
    }
    let mut strict = config();
    strict.features.service_type_load_balancer_only = true;
    assert!(!is_selected(&service(&[kind("nlb-ip")], &node_port), &strict));
    assert!(is_selected(&plain(&[]), &strict));
    let mut deleted = plain(&[]);
    deleted.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    assert!(!is_selected(&deleted, &config()));
}

#[test]
fn a_service_that_is_not_ours_wants_nothing_unless_it_is_protected() {
    let none = json!({"loadBalancerClass": null});
    let attributes = |value| service(&[("aws-load-balancer-attributes", value)], &none);
    let finalized = |mut service: Service| {
        service.metadata.finalizers = Some(vec!["service.k8s.aws/resources".into()]);
        service
    };
    let outcome = |service: Service| build(&service, &Facts::default(), &config());
    assert_eq!(
        outcome(attributes("deletion_protection.enabled=true")).unwrap().stack,
        Stack::empty(stack_id(&plain(&[])))
    );
    assert!(outcome(finalized(attributes("deletion_protection.enabled=false"))).is_ok());
    assert!(outcome(finalized(attributes("a=b"))).is_ok());
    for (value, expected) in [
        (
            "deletion_protection.enabled=true",
            "aws-load-balancer-attributes: deletion protection is on, so the load balancer is not deleted; set \
             deletion_protection.enabled=false to delete it",
        ),
        (
            "deletion_protection.enabled=yes",
            "aws-load-balancer-attributes: deletion_protection.enabled is \"yes\", expected true or false",
        ),
        (
            "typo",
            "aws-load-balancer-attributes: \"typo\" is not a list of key=value pairs; write key=value,key=value; a \
             comma in a value is written \\,",
        ),
    ] {
        assert_eq!(refusal_of(outcome(finalized(attributes(value)))), expected);
    }
}

#[test]
fn a_build_asks_for_what_it_lacks_one_question_after_another() {
    let service = plain(&[]);
    let mut known = Facts::default();
    let full = facts();
    let mut asked = Vec::new();
    loop {
        match build(&service, &known, &config()) {
            Ok(_) => break,
            Err(BuildError::MissingFacts(lookups)) => {
                for lookup in lookups {
                    asked.push(lookup.clone());
                    match lookup {
                        Lookup::ExistingLoadBalancers(_) => {
                            known.existing_load_balancers = full.existing_load_balancers.clone();
                        }
                        Lookup::Subnets(_) => known.subnets = full.subnets.clone(),
                        Lookup::ZoneTypes(_) => known.zone_types = full.zone_types.clone(),
                        Lookup::BackendSecurityGroup => {
                            known.backend_security_group = full.backend_security_group.clone();
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[test]
fn the_edge_gateway_becomes_what_upstream_makes_of_it() {
    let ports = json!({"ports": [
        {"name": "https", "port": 443, "targetPort": 8443, "nodePort": 31443, "protocol": "TCP"},
        {"name": "dns", "port": 53, "targetPort": 5353, "nodePort": 31053, "protocol": "UDP"},
    ]});
    let annotations = [
        ("aws-load-balancer-nlb-target-type", "ip"),
        ("aws-load-balancer-scheme", "internet-facing"),
        ("aws-load-balancer-ssl-cert", "arnA,arnB"),
        ("aws-load-balancer-additional-resource-tags", "team=web"),
        ("aws-load-balancer-target-group-attributes", "preserve_client_ip.enabled=true"),
    ];
    let built = built(&service(&annotations, &ports));
    assert!(built.findings.is_empty());
    assert!(built.uses_backend_security_group);
    let golden = include_str!("tests/edge-gateway.json");
    let json: Value = serde_json::from_str(&crate::model::marshal::marshal(&built.stack)).unwrap();
    let text = serde_json::to_string_pretty(&json).unwrap();
    assert_eq!(text, golden.trim_end(), "{text}");
    let tls = &built.stack.listeners[&"443".into()];
    assert_eq!(tls.certificates, [Ref::from("arnA"), Ref::from("arnB")]);
}
