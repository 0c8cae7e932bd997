#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::ObjectRef;

#[test]
fn a_rule_is_the_key_or_the_path_without_indices() {
    let cases = [
        (None, "object"),
        (Some("alb.ingress.kubernetes.io/scheme"), "alb.ingress.kubernetes.io/scheme"),
        (Some("spec.rules[0].http.paths[12].path"), "spec.rules.http.paths.path"),
        (Some("spec.template.metadata.annotations[a.b/c]"), "a.b/c"),
        (Some("spec.scheme"), "spec.scheme"),
    ];
    for (field, rule) in cases {
        let finding = Finding::error(&ObjectRef::default(), "x");
        let finding = field.into_iter().fold(finding, Finding::at);
        assert_eq!(of(&finding), rule);
    }
    assert!(!describe("alb.ingress.kubernetes.io/scheme").starts_with("The field"));
}
