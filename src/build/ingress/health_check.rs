//! Health checks of an Ingress's target groups (upstream's `pkg/ingress/model_build_target_group.go`).

use super::scope::Overlay;
use super::target_group::{BackendPort, port_on_target, protocol};
use crate::annotations::parse;
use crate::api::IntOrString;
use crate::build::ports;
use crate::cloud::elbv2::{HealthCheck, Matcher, Protocol, TargetType};
use crate::inputs::Halt;

const TRAFFIC_PORT: &str = "traffic-port";
const PORT_SUFFIX: &str = "healthcheck-port";

/// The health check of a target group.
pub(super) fn build(
    backend: &BackendPort<'_>,
    target_type: &TargetType,
    target_group_protocol: &Protocol,
    protocol_version: &str,
) -> Result<HealthCheck, Halt> {
    let overlay = &backend.overlay;
    let grpc = protocol_version == "GRPC";
    let text =
        |suffix: &str, default: &str| Some(overlay.annotations.string(suffix).unwrap_or(default).to_owned());
    let codes = text("success-codes", if grpc { "12" } else { "200" });
    let matcher = if grpc {
        Matcher { http_code: None, grpc_code: codes }
    } else {
        Matcher { http_code: codes, grpc_code: None }
    };
    Ok(HealthCheck {
        port: Some(port(backend, target_type)?),
        protocol: Some(protocol(overlay, "healthcheck-protocol", target_group_protocol.clone())?),
        path: text("healthcheck-path", if grpc { "/AWS.ALB/healthcheck" } else { "/" }),
        matcher: Some(matcher),
        interval_seconds: number(overlay, "healthcheck-interval-seconds", 15)?,
        timeout_seconds: number(overlay, "healthcheck-timeout-seconds", 5)?,
        healthy_threshold: number(overlay, "healthy-threshold-count", 2)?,
        unhealthy_threshold: number(overlay, "unhealthy-threshold-count", 2)?,
    })
}

fn number(overlay: &Overlay<'_>, suffix: &str, default: i32) -> Result<Option<i32>, Halt> {
    let number = overlay.annotations.int32(suffix).map_err(|error| overlay.blame(error))?;
    Ok(Some(number.unwrap_or(default)))
}

/// `traffic-port`, a number, or the number behind the name of a Service port.
fn port(backend: &BackendPort<'_>, target_type: &TargetType) -> Result<String, Halt> {
    let overlay = &backend.overlay;
    let wanted = overlay.annotations.string(PORT_SUFFIX).unwrap_or(TRAFFIC_PORT);
    if wanted == TRAFFIC_PORT {
        return Ok(TRAFFIC_PORT.to_owned());
    }
    if let Some(number) = parse::int32(wanted) {
        return Ok(number.to_string());
    }
    let refuse = |expected: &str| overlay.blame(overlay.annotations.error(PORT_SUFFIX, expected));
    let named = ports::find(backend.service, &IntOrString::String(wanted.to_owned()))
        .ok_or_else(|| refuse("traffic-port, a number, or the name of a port of the Service"))?;
    match port_on_target(target_type, named) {
        IntOrString::Int(number) => Ok(number.to_string()),
        IntOrString::String(_) => {
            Err(refuse("a port whose target port is a number, which a health check needs").into())
        }
    }
}
