#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::Severity;

fn outcome(resource_kind: ResourceKind, key: &str, value: &str) -> &'static str {
    match check(resource_kind, key, value) {
        None => "right",
        Some(ValueFinding { severity: Severity::Warning, .. }) => "doubted",
        Some(ValueFinding { severity: Severity::Error, .. }) => "refused",
    }
}

#[test]
fn known_attributes_are_held_to_their_values() {
    let cases = [
        (ResourceKind::Application, "idle_timeout.timeout_seconds", "1", "right"),
        (ResourceKind::Application, "idle_timeout.timeout_seconds", "4001", "refused"),
        (ResourceKind::Application, "idle_timeout.timeout_seconds", "60,", "refused"),
        (ResourceKind::Application, "load_balancing.cross_zone.enabled", "false", "refused"),
        (ResourceKind::Network, "load_balancing.cross_zone.enabled", "false", "right"),
        (ResourceKind::Network, "load_balancing.cross_zone.enabled", "True", "refused"),
        (ResourceKind::ApplicationTargets, "slow_start.duration_seconds", "0", "right"),
        (ResourceKind::ApplicationTargets, "slow_start.duration_seconds", "29", "refused"),
        (ResourceKind::NetworkTargets, FAILOVER_COUNT.key, "off", "right"),
        (ResourceKind::NetworkTargets, FAILOVER_COUNT.key, "0", "refused"),
        (ResourceKind::NetworkListener, "tcp.idle_timeout.seconds", "350", "right"),
    ];
    for (resource_kind, key, value, expected) in cases {
        assert_eq!(outcome(resource_kind, key, value), expected, "{resource_kind:?} {key}={value}");
    }
}

#[test]
fn unknown_attributes_are_refused_when_they_resemble_known_ones_or_belong_elsewhere() {
    let cases = [
        (ResourceKind::Network, "idle_timeout.timeout_seconds", "refused"),
        (ResourceKind::Application, "idle_timeout.timeout_second", "refused"),
        (ResourceKind::Application, "brand_new.thing", "doubted"),
        (ResourceKind::Application, "Brand New", "refused"),
        (ResourceKind::Application, "", "refused"),
    ];
    for (resource_kind, key, expected) in cases {
        assert_eq!(outcome(resource_kind, key, "60"), expected, "{resource_kind:?} {key}");
    }
    let value_finding = check(ResourceKind::Application, "idle_timeout.timeout_second", "60").unwrap();
    assert_eq!(value_finding.hint.as_deref(), Some("did you mean `idle_timeout.timeout_seconds`?"));
}
