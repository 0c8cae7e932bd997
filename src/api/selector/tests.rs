#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

fn expression(operator: &str, values: &[&str]) -> LabelSelector {
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: "tier".into(),
            operator: operator.into(),
            values: Some(values.iter().map(ToString::to_string).collect()),
        }]),
        match_labels: None,
    }
}

#[test]
fn expressions_follow_the_rules_of_the_api_server() {
    let front = labels(&[("tier", "front")]);
    let none = labels(&[]);
    let cases = [
        ("In", &["front", "back"][..], &front, true),
        ("In", &["back"], &front, false),
        ("In", &["back"], &none, false),
        ("NotIn", &["back"], &front, true),
        ("NotIn", &["front"], &front, false),
        ("NotIn", &["front"], &none, true),
        ("Exists", &[], &front, true),
        ("Exists", &[], &none, false),
        ("DoesNotExist", &[], &front, false),
        ("DoesNotExist", &[], &none, true),
    ];
    for (operator, values, on, expected) in cases {
        assert_eq!(
            matches(&expression(operator, values), on),
            Ok(expected),
            "{operator} {values:?} on {on:?}"
        );
    }
}

#[test]
fn the_empty_selector_matches_everything() {
    assert_eq!(matches(&LabelSelector::default(), &labels(&[("a", "b")])), Ok(true));
    assert_eq!(matches(&LabelSelector::default(), &labels(&[])), Ok(true));
}

#[test]
fn labels_and_expressions_must_both_match() {
    let selector =
        LabelSelector { match_labels: Some(labels(&[("app", "echo")])), ..expression("Exists", &[]) };
    assert_eq!(matches(&selector, &labels(&[("app", "echo"), ("tier", "x")])), Ok(true));
    assert_eq!(matches(&selector, &labels(&[("app", "echo")])), Ok(false));
    assert_eq!(matches(&selector, &labels(&[("tier", "x")])), Ok(false));
}

#[test]
fn a_malformed_requirement_is_an_error_whatever_the_labels_are() {
    for (operator, values) in [("in", &["a"][..]), ("", &[]), ("In", &[]), ("NotIn", &[]), ("Exists", &["a"])]
    {
        assert!(check(&expression(operator, values)).is_err(), "{operator} {values:?}");
    }
    let message = check(&expression("is", &["a"])).unwrap_err().to_string();
    assert!(message.contains("`is`") && message.contains("`tier`"), "{message}");
}
