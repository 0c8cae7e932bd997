#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::ObjectRef;

fn certificate(arn: &str, domains: &[&str], authority: Option<&str>) -> Certificate {
    Certificate {
        arn: arn.into(),
        kind: "AMAZON_ISSUED".into(),
        domains: domains.iter().map(ToString::to_string).collect(),
        certificate_authority_arn: authority.map(Into::into),
        ..Certificate::default()
    }
}

#[test]
fn domains_match_hosts_label_by_label() {
    for (domain, host, expected) in [
        ("app.example.com", "app.example.com", true),
        ("*.example.com", "app.example.com", true),
        ("*.example.com", "*.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("App.example.com", "app.example.com", false),
        ("*", "com", false),
    ] {
        let certificates = [certificate("arn", &[domain], None)];
        let origin = Origin::object(&ObjectRef::default());
        let found = discover([host], &certificates, &origin, &Config::default());
        assert_eq!(found.is_ok(), expected, "{domain} {host}");
    }
}

#[test]
fn all_covering_certificates_are_found_in_order_of_their_arns() {
    let known = [
        certificate("arn:z", &["*.example.com"], None),
        certificate("arn:a", &["app.example.com", "other.org"], None),
        certificate("arn:b", &["nothing.net"], None),
    ];
    let origin = Origin::object(&ObjectRef::default());
    let found = discover(["app.example.com"], &known, &origin, &Config::default());
    assert_eq!(found.unwrap(), ["arn:a", "arn:z"]);
    let error = discover(["app.example.com", "lost.io"], &known, &origin, &Config::default()).unwrap_err();
    let BuildError::Invalid(missing) = error else { panic!("{error:?}") };
    assert_eq!(missing.message, "no issued certificate covers host \"lost.io\"");
}

#[test]
fn only_allowed_authorities_count_when_any_is_named() {
    let known = [certificate("arn:a", &["h"], None), certificate("arn:b", &["h"], Some("arn:ca"))];
    let config =
        Config { allowed_certificate_authority_arns: vec!["arn:ca".to_owned()], ..Config::default() };
    let origin = Origin::object(&ObjectRef::default());
    assert_eq!(discover(["h"], &known, &origin, &config).unwrap(), ["arn:b"]);
}
