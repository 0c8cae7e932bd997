#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn a_key_prints_and_parses_alike() {
    for text in ["shop/cart", "alb"] {
        assert_eq!(text.parse::<ObjectKey>().unwrap().to_string(), text);
    }
}

#[test]
fn a_malformed_key_is_refused() {
    for text in ["", "/", "a/", "/b", "a/b/c"] {
        let error = text.parse::<ObjectKey>().unwrap_err();
        assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
    }
}

#[test]
fn keys_are_ordered_by_namespace_then_name() {
    let mut keys = ["b/a", "a/c", "a/b", "z"].map(|text| text.parse::<ObjectKey>().unwrap());
    keys.sort();
    assert_eq!(keys.map(|key| key.to_string()), ["z", "a/b", "a/c", "b/a"]);
}
