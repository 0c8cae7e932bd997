#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn the_reference_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/annotations.md");
    let page = reference();
    #[expect(clippy::disallowed_methods, reason = "the switch that regenerates golden files")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_else(|_| String::new());
    assert!(kept == page, "docs/annotations.md is stale: run the tests with UPDATE_GOLDEN=1");
}

#[test]
fn an_annotation_is_explained_by_its_key_or_a_part_of_it() {
    let text = explain(Some("aws-load-balancer-scheme")).unwrap();
    assert!(text.starts_with("service.beta.kubernetes.io/aws-load-balancer-scheme\n"), "{text}");
    assert!(text.contains("value    internal, internet-facing"), "{text}");
    assert!(explain(Some("healthcheck")).unwrap().matches("\n  value").count() > 10);
    let error = explain(Some("aws-load-balancer-scheem")).unwrap_err();
    assert!(error.contains("did you mean `aws-load-balancer-scheme`?"), "{error}");
    assert!(explain(None).unwrap().lines().count() > 100);
}
