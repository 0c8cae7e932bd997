#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::Severity;

fn verdict(bearer: Bearer, key: &str, value: &str) -> &'static str {
    match check(bearer, key, value) {
        None => "right",
        Some(Complaint { severity: Severity::Warning, .. }) => "doubted",
        Some(Complaint { severity: Severity::Error, .. }) => "refused",
    }
}

#[test]
fn known_attributes_are_held_to_their_values() {
    let cases = [
        (Bearer::Application, "idle_timeout.timeout_seconds", "1", "right"),
        (Bearer::Application, "idle_timeout.timeout_seconds", "4001", "refused"),
        (Bearer::Application, "idle_timeout.timeout_seconds", "60,", "refused"),
        (Bearer::Application, "load_balancing.cross_zone.enabled", "false", "refused"),
        (Bearer::Network, "load_balancing.cross_zone.enabled", "false", "right"),
        (Bearer::Network, "load_balancing.cross_zone.enabled", "True", "refused"),
        (Bearer::ApplicationTargets, "slow_start.duration_seconds", "0", "right"),
        (Bearer::ApplicationTargets, "slow_start.duration_seconds", "29", "refused"),
        (Bearer::NetworkTargets, FAILOVER_COUNT.key, "off", "right"),
        (Bearer::NetworkTargets, FAILOVER_COUNT.key, "0", "refused"),
        (Bearer::NetworkListener, "tcp.idle_timeout.seconds", "350", "right"),
    ];
    for (bearer, key, value, expected) in cases {
        assert_eq!(verdict(bearer, key, value), expected, "{bearer:?} {key}={value}");
    }
}

#[test]
fn unknown_attributes_are_refused_when_they_resemble_known_ones_or_belong_elsewhere() {
    let cases = [
        (Bearer::Network, "idle_timeout.timeout_seconds", "refused"),
        (Bearer::Application, "idle_timeout.timeout_second", "refused"),
        (Bearer::Application, "brand_new.thing", "doubted"),
        (Bearer::Application, "Brand New", "refused"),
        (Bearer::Application, "", "refused"),
    ];
    for (bearer, key, expected) in cases {
        assert_eq!(verdict(bearer, key, "60"), expected, "{bearer:?} {key}");
    }
    let complaint = check(Bearer::Application, "idle_timeout.timeout_second", "60").unwrap();
    assert_eq!(complaint.hint.as_deref(), Some("did you mean `idle_timeout.timeout_seconds`?"));
}
