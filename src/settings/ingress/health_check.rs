//! Health checks of an Ingress's target groups (upstream's `pkg/ingress/model_build_target_group.go`).

use super::backend_port::{BackendPort, protocol};
use super::context::Overlay;
use crate::aws_api::elbv2::{HealthCheck, Protocol, TargetType};
use crate::facts::BuildError;
use crate::settings::health_check::{TRAFFIC_PORT, resolve_port};
use crate::settings::{HealthCheckDefaults, HealthCheckSettings, Sourced, SuccessCodes, ports};

const PORT: &str = "healthcheck-port";

/// The health check of a target group.
pub(super) fn read(
    backend: &BackendPort<'_, '_>,
    target_type: &TargetType,
    target_group_protocol: &Protocol,
    protocol_version: &str,
) -> Result<HealthCheck, BuildError> {
    let overlay = &backend.overlay;
    let text = |suffix: &str| overlay.annotations.string(suffix).map(str::to_owned);
    let settings = HealthCheckSettings {
        success_codes: text("success-codes"),
        port: Some(read_port(backend, target_type)?),
        protocol: protocol(overlay, "healthcheck-protocol")?,
        path: text("healthcheck-path"),
        interval_seconds: number(overlay, "healthcheck-interval-seconds")?,
        timeout_seconds: number(overlay, "healthcheck-timeout-seconds")?,
        healthy_threshold: number(overlay, "healthy-threshold-count")?,
        unhealthy_threshold: number(overlay, "unhealthy-threshold-count")?,
    };
    Ok(settings.or(defaults(target_group_protocol, protocol_version)))
}

fn defaults(target_group_protocol: &Protocol, protocol_version: &str) -> HealthCheckDefaults {
    let is_grpc = protocol_version == "GRPC";
    HealthCheckDefaults {
        port: TRAFFIC_PORT.to_owned(),
        protocol: target_group_protocol.clone(),
        path: if is_grpc { "/AWS.ALB/healthcheck" } else { "/" },
        success_codes: if is_grpc { SuccessCodes::Grpc("12") } else { SuccessCodes::Http("200") },
        interval_seconds: 15,
        timeout_seconds: 5,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
    }
}

fn number(overlay: &Overlay<'_>, suffix: &str) -> Result<Option<i32>, BuildError> {
    Ok(overlay.annotations.int32(suffix).map_err(|error| overlay.blame(error))?)
}

/// `traffic-port`, a number, or the number behind the name of a Service port.
fn read_port(backend: &BackendPort<'_, '_>, target_type: &TargetType) -> Result<String, BuildError> {
    let overlay = &backend.overlay;
    let given = overlay.annotations.string(PORT).unwrap_or(TRAFFIC_PORT);
    let given = Sourced::new(given, overlay.origin(PORT));
    resolve_port(&given, backend.service, target_type, |name| ports::find(backend.service, name))
}
