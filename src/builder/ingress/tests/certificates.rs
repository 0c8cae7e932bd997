//! Certificates that are made for Ingresses.

use super::fixture::*;
use crate::aws_api::acm::{Certificate, CertificateKind};
use crate::aws_api::elbv2::Protocol;
use crate::facts::Lookup;
use crate::model::Stack;
use serde_json::json;
use std::collections::BTreeSet;

const CREATE: (&str, &str) = ("create-acm-cert", "true");
const ON_OWN: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/own";

fn world() -> World {
    let mut world = World::new();
    world.config.features.enable_certificate_management = true;
    world
}

fn hosts(hosts: &[&str]) -> serde_json::Value {
    let rules: Vec<_> = hosts.iter().map(|host| rule(host, &[("Prefix", "/", "web")])).collect();
    json!(rules)
}

fn ids(stack: &Stack) -> Vec<&str> {
    stack.certificates.keys().map(crate::model::ResourceId::as_str).collect()
}

#[test]
fn a_certificate_is_asked_for_where_it_is_wanted_and_used() {
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let http = ("listen-ports", r#"[{"HTTP": 80}]"#);
    let both = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 8443}]"#);
    let explicit = ("certificate-arn", "arn:aws:acm:us-west-2:123456789012:certificate/x");
    let cases: &[(&str, &[(&str, &str)], bool, &[&str])] = &[
        ("the port becomes HTTPS", &[CREATE], true, &["443"]),
        ("ports as given", &[CREATE, both], true, &["80", "8443"]),
        ("nobody would use it", &[CREATE, http], false, &["80"]),
        ("one is named", &[CREATE, explicit], false, &["443"]),
        ("an empty list names none", &[CREATE, ("certificate-arn", " , "), https], true, &["443"]),
        ("not wanted", &[("create-acm-cert", "false"), http], false, &["80"]),
        ("no boolean", &[("create-acm-cert", "yes"), http], false, &["80"]),
    ];
    for (case, annotations, is_made, ports) in cases {
        let group = alone(ingress("web", annotations, hosts(&["a.example.com"])));
        let stack = world().stack(&group);
        let listeners: Vec<&str> = stack.listeners.keys().map(crate::model::ResourceId::as_str).collect();
        assert_eq!((stack.certificates.len() == 1, listeners.as_slice()), (*is_made, *ports), "{case}");
        let tls = stack.listeners.values().filter(|listener| listener.protocol == Protocol::Https);
        for listener in tls {
            let refers = listener.certificates.iter().any(|one| one.known().is_none());
            assert_eq!((refers, listener.certificates.len()), (*is_made, 1), "{case}");
        }
    }
}

#[test]
fn without_the_gate_nothing_is_asked_for() {
    let group = alone(ingress("web", &[CREATE], hosts(&["a.example.com"])));
    let stack = World::new().stack(&group);
    assert_eq!(stack.certificates.len(), 0);
    assert!(stack.listeners.contains_key(&id("80")));
}

#[test]
fn names_are_sorted_and_the_id_is_upstreams() {
    let shop = "shop.example.com";
    let cases = [
        (vec![shop, "*.shop.example.com"], "", "amazon_issued/wildcard.shop.example.com-"),
        (vec![shop, "a.example.com", shop], "", "amazon_issued/a.example.com-"),
        (vec![shop], ON_OWN, "private/shop.example.com-"),
    ];
    for (names, authority, prefix) in cases {
        let annotations = [CREATE, ("acm-pca-arn", authority), ("tags", "team=shop")];
        let mut world = world();
        let stack = world.stack(&alone(ingress("web", &annotations, hosts(&names))));
        let (id, certificate) = stack.certificates.first_key_value().unwrap();
        assert_eq!(id.as_str(), format!("{prefix}{}", "97375646"));
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(certificate.names, sorted.into_iter().collect::<Vec<_>>());
        assert_eq!(certificate.authority.as_deref(), Some(authority).filter(|arn| !arn.is_empty()));
        let kind =
            if authority.is_empty() { CertificateKind::AmazonIssued } else { CertificateKind::Private };
        assert_eq!((certificate.kind(), certificate.tags["team"].as_str()), (kind, "shop"));
    }
}

#[test]
fn the_authority_of_the_controller_counts_unless_the_ingress_names_one() {
    for (annotation, expected) in [("", "default"), (ON_OWN, ON_OWN)] {
        let mut world = world();
        world.config.default_pca_arn = "default".to_owned();
        let annotations = [CREATE, ("acm-pca-arn", annotation)];
        let stack = world.stack(&alone(ingress("web", &annotations, hosts(&["a.corp"]))));
        let certificate = stack.certificates.values().next().unwrap();
        assert_eq!(certificate.authority.as_deref(), Some(expected));
    }
}

#[test]
fn without_a_host_there_is_nothing_to_make_a_certificate_for() {
    let refusal = world().refusal(ingress("web", &[CREATE], to_web("/")));
    assert!(refusal.contains("create-acm-cert") && refusal.contains("no host"), "{refusal}");
}

#[test]
fn each_member_brings_its_own_and_one_that_cannot_be_built_keeps_what_it_has() {
    let good = ingress("a", &[CREATE], hosts(&["a.example.com"]));
    let other = ingress("b", &[CREATE], hosts(&["b.example.com"]));
    let stack = world().stack(&together(vec![member(good.clone()), member(other)]));
    assert_eq!(ids(&stack).len(), 2);
    assert_eq!(stack.listeners[&id("443")].certificates.len(), 2);
    let broken = ingress("b", &[CREATE], to_web("/"));
    let built = world().build(&together(vec![member(good), member(broken)]));
    let stack = built.stack.unwrap();
    assert_eq!(ids(&stack).len(), 1);
    assert_eq!(stack.retained_certificates.len(), 1);
}

#[test]
fn certificates_made_for_ingresses_are_not_found_by_host() {
    let certificate = |arn: &str| Certificate {
        arn: arn.to_owned(),
        domains: vec!["a.example.com".to_owned()],
        ..Certificate::default()
    };
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let group = alone(ingress("web", &[https], hosts(&["a.example.com"])));
    for (is_on, expected) in [(true, &["arn:1"][..]), (false, &["arn:1", "arn:2"][..])] {
        let mut world = World::new();
        world.config.features.enable_certificate_management = is_on;
        world.certificates = vec![certificate("arn:1"), certificate("arn:2")];
        world.managed_certificates = BTreeSet::from(["arn:2".to_owned()]);
        let stack = world.stack(&group);
        let found: Vec<&str> =
            stack.listeners[&id("443")].certificates.iter().filter_map(|one| one.known()).collect();
        assert_eq!((found.as_slice(), is_on), (expected, world.asked.contains(&Lookup::ManagedCertificates)));
    }
}
