//! Health checks of a TargetGroupConfiguration.

use super::PropsChecks;
use crate::annotations::value::{TextKind, ValueKind};
use crate::api::gateway_config::{
    HealthCheckConfig, HealthCheckMatcher, HealthCheckProtocol, ProtocolVersion,
};
use std::ops::RangeInclusive;

/// What counts where nothing is said, in seconds.
const DEFAULT_INTERVAL: i32 = 15;
const DEFAULT_TIMEOUT: i32 = 5;
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const INTERVALS: RangeInclusive<i32> = 5..=300;
const TIMEOUTS: RangeInclusive<i32> = 2..=120;
const THRESHOLDS: RangeInclusive<i32> = 2..=10;

pub(super) fn check(checks: &mut PropsChecks<'_, '_>) {
    let Some(given) = &checks.props.health_check_config else { return };
    numbers(checks, given);
    let path = |field: &str| format!("{}.healthCheckConfig.{field}", checks.field);
    let (port_field, path_field) = (path("healthCheckPort"), path("healthCheckPath"));
    let port = given.health_check_port.as_ref();
    checks.findings.text(&port_field, port, ValueKind::Text(TextKind::HealthCheckPort));
    let asked = given.health_check_path.as_ref();
    checks.findings.text(&path_field, asked, ValueKind::Text(TextKind::Path));
    if let Some(matcher) = &given.matcher {
        codes(checks, matcher);
    }
    if given.health_check_protocol == Some(HealthCheckProtocol::Tcp) {
        let unused = [("healthCheckPath", asked.is_some()), ("matcher", given.matcher.is_some())];
        for (field, _) in unused.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = "has no effect beside healthCheckProtocol TCP, only beside HTTP and HTTPS";
            checks.warn(&format!("healthCheckConfig.{field}"), problem);
        }
    }
}

fn numbers(checks: &mut PropsChecks<'_, '_>, given: &HealthCheckConfig) {
    let numbers = [
        ("healthCheckInterval", given.health_check_interval, INTERVALS),
        ("healthCheckTimeout", given.health_check_timeout, TIMEOUTS),
        ("healthyThresholdCount", given.healthy_threshold_count, THRESHOLDS),
        ("unhealthyThresholdCount", given.unhealthy_threshold_count, THRESHOLDS),
    ];
    for (field, number, range) in numbers {
        let Some(number) = number.filter(|number| !range.contains(number)) else { continue };
        let (low, high) = (range.start(), range.end());
        let problem = format!("{number} is out of range, expected {low} to {high}");
        checks.error(&format!("healthCheckConfig.{field}"), problem);
    }
    let (timeout, interval) = (given.health_check_timeout, given.health_check_interval);
    let wait = timeout.unwrap_or(DEFAULT_TIMEOUT);
    let between = interval.unwrap_or(DEFAULT_INTERVAL);
    // why only more: NLBs may wait as long as the interval is
    let is_too_long = wait > between || (wait == between && checks.is_alb() == Some(true));
    match (timeout, interval) {
        _ if !is_too_long => {}
        (Some(_), _) => {
            let problem =
                format!("{wait} is too long, expected less than healthCheckInterval, which is {between}");
            checks.error("healthCheckConfig.healthCheckTimeout", problem);
        }
        (None, Some(_)) => {
            let problem =
                format!("{between} is too short, expected more than healthCheckTimeout, which is {wait}");
            checks.error("healthCheckConfig.healthCheckInterval", problem);
        }
        (None, None) => {}
    }
}

fn codes(checks: &mut PropsChecks<'_, '_>, matcher: &HealthCheckMatcher) {
    // why: those of ALBs end at 499
    let http = match checks.is_alb() {
        Some(true) => TextKind::ApplicationSuccessCodes,
        _ => TextKind::NetworkSuccessCodes,
    };
    let field = |name: &str| format!("{}.healthCheckConfig.matcher.{name}", checks.field);
    let (http_field, grpc_field) = (field("httpCode"), field("grpcCode"));
    checks.findings.text(&http_field, matcher.http_code.as_ref(), ValueKind::Text(http));
    let kind = ValueKind::Text(TextKind::GrpcSuccessCodes);
    checks.findings.text(&grpc_field, matcher.grpc_code.as_ref(), kind);
    let is_given = |code: &Option<String>| code.as_ref().is_some_and(|code| !code.is_empty());
    let (http, grpc) = (is_given(&matcher.http_code), is_given(&matcher.grpc_code));
    match checks.props.protocol_version {
        Some(ProtocolVersion::Grpc) if http => {
            let problem = "has no effect beside protocolVersion GRPC, write grpcCode";
            checks.warn("healthCheckConfig.matcher.httpCode", problem);
        }
        Some(version @ (ProtocolVersion::Http1 | ProtocolVersion::Http2)) if grpc => {
            let problem = format!("has no effect beside protocolVersion {version}, write httpCode");
            checks.warn("healthCheckConfig.matcher.grpcCode", problem);
        }
        None if http && grpc => {
            let problem = "has both httpCode and grpcCode, and a target group has one of them: grpcCode if it speaks GRPC";
            checks.warn("healthCheckConfig.matcher", problem);
        }
        _ => {}
    }
}
