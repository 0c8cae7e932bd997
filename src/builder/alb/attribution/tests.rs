#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn attribution(settings: &[(&str, ListenerPart, &str)]) -> Attribution {
    let mut attribution = Attribution::default();
    for (from, part, name) in settings {
        let from = ObjectKey::namespaced("shop", *from);
        attribution.note_listener_setting(ListenerSetting {
            port: 443,
            from,
            part: *part,
            name: (*name).to_owned(),
        });
    }
    attribution
}

#[test]
fn whose_part_of_a_listener_is_refused_is_told_by_awss_words_or_by_there_being_only_one() {
    use ListenerPart::{Attribute, Certificate, Port, SslPolicy};
    let shared = [
        ("a", Port, ""),
        ("b", Port, ""),
        ("a", Certificate, "arn:one"),
        ("b", Certificate, "arn:two"),
        ("b", Certificate, "arn:three"),
        ("a", SslPolicy, "strict"),
        ("a", Attribute, "x.enabled"),
        ("b", Attribute, "x.enabled"),
    ];
    let cases: [(ListenerPart, &str, &[&str]); 6] = [
        (Certificate, "Certificate 'arn:two' not found", &["b"]),
        (Certificate, "Certificate not found", &[]),
        (SslPolicy, "no such policy", &["a"]),
        (Attribute, "'x.enabled' is not known", &["a", "b"]),
        (Port, "too many", &[]),
        (ListenerPart::TrustStore, "arn:one", &[]),
    ];
    for (part, words, expected) in cases {
        let attribution = attribution(&shared);
        let found: Vec<&str> =
            attribution.of_listener("443", part, words).into_iter().map(ObjectKey::name).collect();
        assert_eq!(found, expected, "{part:?}: {words}");
    }
    assert!(attribution(&shared).of_listener("80", Port, "").is_empty());
}
