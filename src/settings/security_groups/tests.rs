#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::facts::Lookup;
use crate::finding::ObjectRef;

fn group(id: &str, name: &str) -> FoundSecurityGroup {
    FoundSecurityGroup {
        id: id.into(),
        tags: [("Name".to_owned(), name.to_owned())].into(),
        ..FoundSecurityGroup::default()
    }
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn resolve_with(listed: &[&str], facts: &Facts) -> Result<Vec<String>, BuildError> {
    let origin = Origin::field(&ObjectRef::default(), "security-groups");
    resolve(&strings(listed), &origin, facts)
}

fn message(error: BuildError) -> String {
    match error {
        BuildError::Invalid(finding) => finding.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ids_come_before_names_and_a_name_means_all_its_groups() {
    let mut facts = Facts::default();
    facts
        .security_groups_by_id
        .insert(strings(&["sg-1", "sg-2"]), Ok(vec![group("sg-2", ""), group("sg-1", "")]));
    facts
        .security_groups_by_name
        .insert(strings(&["web"]), Ok(vec![group("sg-9", "web"), group("sg-8", "web")]));
    let found = resolve_with(&["web", "sg-1", "web", "sg-2"], &facts).unwrap();
    assert_eq!(found, ["sg-2", "sg-1", "sg-9", "sg-8"]);
}

#[test]
fn what_is_unknown_is_asked_for_first() {
    let error = resolve_with(&["sg-1"], &Facts::default()).unwrap_err();
    assert_eq!(error, BuildError::from(Lookup::SecurityGroupsById(strings(&["sg-1"]))));
}

#[test]
fn missing_and_repeated_groups_are_named() {
    let mut facts = Facts::default();
    let refusal =
        LookupFailure { code: Some("InvalidGroup.NotFound".into()), message: "no".into(), part: None };
    facts.security_groups_by_id.insert(strings(&["sg-1"]), Err(refusal));
    facts.security_groups_by_id.insert(strings(&["sg-2"]), Ok(vec![group("sg-2", "")]));
    facts.security_groups_by_name.insert(strings(&["web"]), Ok(vec![]));
    for (listed, expected) in [
        (vec!["sg-1", "web"], "no security group is called sg-1, web"),
        (vec!["sg-2", "sg-2"], "security group sg-2 is listed twice"),
    ] {
        assert_eq!(message(resolve_with(&listed, &facts).unwrap_err()), expected);
    }
}

#[test]
fn no_security_group_is_asked_for_more_rules_than_aws_could_take() {
    let origin = Origin::object(&crate::finding::ObjectRef::default());
    let count =
        |ports, ipv4, ipv6, prefix_lists| check_count(ports, Sources { ipv4, ipv6, prefix_lists }, &origin);
    for (ports, ipv4, ipv6, lists) in [(1, 1000, 1000, 0), (10, 100, 0, 0), (5000, 1, 1, 0), (2, 0, 0, 1000)]
    {
        assert_eq!(count(ports, ipv4, ipv6, lists), Ok(()), "{ports} {ipv4} {ipv6} {lists}");
    }
    for (ports, ipv4, ipv6, lists) in
        [(1, 1001, 0, 0), (10, 0, 101, 0), (1, 0, 0, 2001), (usize::MAX, 2, 0, 0)]
    {
        assert!(count(ports, ipv4, ipv6, lists).is_err(), "{ports} {ipv4} {ipv6} {lists}");
    }
}
