#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_example_is_right_and_every_row_has_one() {
    for row in rows() {
        assert!(!row.examples.is_empty() && !row.about.is_empty(), "{}", row.key());
        for example in row.examples {
            let key = format!("{}/{}", row.prefix, row.suffix.example());
            assert_eq!(row.value.check(&key, example), [], "{key}: {example}");
            assert_eq!(find(&key).map(Row::key), Some(row.key()), "{key}");
        }
    }
}

#[test]
fn no_key_has_two_rows() {
    let keys: Vec<String> = rows().map(Row::key).collect();
    let distinct: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn families_need_something_after_the_dot() {
    let target = "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes";
    assert_eq!(find(target).unwrap().suffix, Suffix::Exact("aws-load-balancer-target-group-attributes"));
    assert!(matches!(find(&format!("{target}.443")).unwrap().suffix, Suffix::Family { .. }));
    assert!(find("alb.ingress.kubernetes.io/actions.").is_none());
    assert!(find("alb.ingress.kubernetes.io/actions").is_none());
    assert!(find("scheme").is_none());
}
