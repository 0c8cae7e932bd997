//! Health checks of target groups.

use super::context::ServiceContext;
use crate::annotations::service as keys;
use crate::api::Service;
use crate::aws_api::elbv2::{HealthCheck, Protocol, TargetType};
use crate::facts::BuildError;
use crate::settings::health_check::{TRAFFIC_PORT, resolve_port};
use crate::settings::{HealthCheckDefaults, HealthCheckSettings, Sourced, SuccessCodes};

/// The health check of a target group of `service`.
pub(super) fn read<'a>(
    context: &ServiceContext<'a>,
    service: &'a Service,
    target_type: &TargetType,
) -> Result<HealthCheck, BuildError> {
    let mut defaults = decide_defaults(context, service, target_type);
    let advanced = context.config.features.nlb_health_check_advanced_config;
    if !advanced {
        defaults.success_codes = SuccessCodes::Unset;
    }
    let text = |suffix| context.string(suffix).map(str::to_owned);
    let settings = HealthCheckSettings {
        protocol: read_protocol(context)?,
        path: text(keys::HEALTH_CHECK_PATH),
        success_codes: text(keys::HEALTH_CHECK_SUCCESS_CODES),
        port: Some(read_port(context, service, target_type, &defaults.port)?),
        interval_seconds: context.int32(keys::HEALTH_CHECK_INTERVAL)?,
        timeout_seconds: if advanced { context.int32(keys::HEALTH_CHECK_TIMEOUT)? } else { None },
        healthy_threshold: context.int32(keys::HEALTHY_THRESHOLD)?,
        unhealthy_threshold: context.int32(keys::UNHEALTHY_THRESHOLD)?,
    };
    Ok(settings.or(defaults))
}

/// With `externalTrafficPolicy: Local` kube-proxy answers on a port of its own whether a node has pods.
fn decide_defaults(
    context: &ServiceContext<'_>,
    service: &Service,
    target_type: &TargetType,
) -> HealthCheckDefaults {
    let spec = service.spec.as_ref();
    let is_local = spec.and_then(|spec| spec.external_traffic_policy.as_deref()) == Some("Local");
    let is_balanced = spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
    let defaults = HealthCheckDefaults {
        port: TRAFFIC_PORT.to_owned(),
        protocol: Protocol::Tcp,
        path: "/",
        success_codes: SuccessCodes::Http("200-399"),
        interval_seconds: 10,
        timeout_seconds: 10,
        healthy_threshold: 3,
        unhealthy_threshold: 3,
    };
    if *target_type != TargetType::Instance || !is_local || !is_balanced {
        return defaults;
    }
    let port = context.service.spec.as_ref().and_then(|spec| spec.health_check_node_port);
    HealthCheckDefaults {
        port: port.unwrap_or_default().to_string(),
        protocol: Protocol::Http,
        path: "/healthz",
        timeout_seconds: 6,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        ..defaults
    }
}

fn read_protocol(context: &ServiceContext<'_>) -> Result<Option<Protocol>, BuildError> {
    let Some(value) = context.string(keys::HEALTH_CHECK_PROTOCOL) else { return Ok(None) };
    let protocol = Protocol::from(value.to_uppercase().as_str());
    if matches!(protocol, Protocol::Tcp | Protocol::Http | Protocol::Https) {
        return Ok(Some(protocol));
    }
    let origin = context.origin(keys::HEALTH_CHECK_PROTOCOL);
    Err(origin.not_one_of(value, &["tcp", "http", "https"]).into())
}

fn read_port<'a>(
    context: &ServiceContext<'a>,
    service: &'a Service,
    target_type: &TargetType,
    default: &str,
) -> Result<String, BuildError> {
    let given = context.string(keys::HEALTH_CHECK_PORT).unwrap_or(default);
    let given = Sourced::new(given, context.origin(keys::HEALTH_CHECK_PORT));
    resolve_port(&given, service, target_type, |name| context.find_port(service, name))
}
