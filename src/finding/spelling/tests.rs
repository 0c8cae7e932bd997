#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn words_count_before_letters() {
    let keys = ["healthcheck-interval-seconds", "healthcheck-protocol", "healthcheck-path", "success-codes"];
    for (given, right) in [
        ("healthcheck-interval", Some("healthcheck-interval-seconds")),
        ("HealthCheckIntervalSeconds", Some("healthcheck-interval-seconds")),
        ("healthcheck-interval-sec", Some("healthcheck-interval-seconds")),
        ("protocol-healthcheck", Some("healthcheck-protocol")),
        ("health-check-protocol", Some("healthcheck-protocol")),
        ("healthchek_protocols", Some("healthcheck-protocol")),
        ("healthcheck-success-codes", Some("success-codes")),
        ("healthcheck-port", None),
        ("interval", None),
        ("seconds-of-the-year", None),
    ] {
        assert_eq!(nearest(given, keys), right, "{given}");
    }
}

#[test]
fn several_likely_spellings_are_all_of_them() {
    assert_eq!(likely("httpx", ["http", "https", "tcp"], &[]), ["http", "https"]);
    assert_eq!(nearest("httpx", ["http", "https", "tcp"]), None);
    assert_eq!(did_you_mean(&["a", "b"]).as_deref(), Some("did you mean `a` or `b`?"));
    assert_eq!(did_you_mean(&["a", "b", "c"]), None);
}

#[test]
fn words_that_say_little_may_be_missing() {
    let keys = ["aws-load-balancer-scheme", "aws-load-balancer-name"];
    assert_eq!(likely("scheme", keys, &["aws", "load", "balancer"]), ["aws-load-balancer-scheme"]);
    assert!(likely("load-balancer", keys, &["aws", "load", "balancer"]).is_empty());
}

#[test]
fn a_long_text_is_not_compared() {
    let long = "scheme-".repeat(100);
    assert_eq!(nearest(&long, ["scheme"]), None);
    assert_eq!(nearest("scheme", [long.as_str()]), None);
}
